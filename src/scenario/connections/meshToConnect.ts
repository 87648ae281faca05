import type { ConnectCluster } from '../../models/connect/connect.ts';
import type { Mesh } from '../../models/mesh/mesh.ts';

/**
 * A worker whose sidecar has no valid certificate reaches no broker: the group loses it, and its tasks end. With the next certificate it starts again.
 * Source: Envoy refuses handshakes under an expired certificate. Simplified, to the worse side: connections that stand are taken as remade at once, where Envoy closes none of them
 * and a worker fails with its next one; and a worker that comes back takes as long as one that is started.
 * @param namespace index of the namespace of its sidecars, the first of which are the workers' in their order
 */
export function connectMeshToConnect(
  mesh: Mesh,
  connect: ConnectCluster,
  workers: number,
  namespace: number,
): void {
  const { fleet } = mesh;
  const first = fleet.namespaceOf.indexOf(namespace);
  const before = fleet.onLack;
  const cut = new Set<number>();
  fleet.onLack = (sidecar, lacks) => {
    before(sidecar, lacks);
    const worker = sidecar - first;
    if (worker < 0 || worker >= workers) return;
    // A worker that is away for another reason comes back for that one.
    if (!lacks) {
      if (cut.delete(worker)) connect.startWorker(worker);
    } else if (connect.runsWorker(worker)) {
      cut.add(worker);
      connect.stopWorker(worker, true, undefined, 'the certificate of its sidecar has ended');
    }
  };
}
