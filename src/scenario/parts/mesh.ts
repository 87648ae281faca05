import type { ConnectCluster } from '../../models/connect/connect.ts';
import { meshCatalogue, meshLabels } from '../../models/mesh/catalogue.ts';
import { certManagerDefaults } from '../../models/mesh/certManager.ts';
import { Mesh } from '../../models/mesh/mesh.ts';
import { connectMeshToConnect } from '../connections/meshToConnect.ts';
import { meshActions } from '../meshActions.ts';
import { checkMesh } from '../meshChecks.ts';
import {
  authoritiesOf,
  type MeshSettings,
  managedOf,
  meshOptions,
  meshSettings,
  mountsOf,
} from '../meshSettings.ts';
import type { Part } from '../part.ts';
import type { ConnectPartSettings } from './connect.ts';

export const meshPart: Part<MeshSettings, Mesh> = {
  name: 'mesh',
  says: 'an Istio mesh: its certificate authorities, the certificates of its sidecars, and mutual TLS',
  stands: 'alone',
  settings: meshSettings,
  check: checkMesh,
  create: (s, context) => {
    // Times of the model count from the start of what is played, the warm-up included.
    const from = context.from - context.warmUp;
    const authorities = authoritiesOf(s, from);
    return new Mesh(
      context.sim,
      meshOptions(s, authorities, from),
      authorities,
      mountsOf(s, authorities),
      managedOf(s, from),
      {
        minBackoffMicros: s.certManager?.minimumBackoff ?? certManagerDefaults.minBackoffMicros,
        maxBackoffMicros: s.certManager?.maximumBackoff ?? certManagerDefaults.maxBackoffMicros,
      },
    );
  },
  connect: (mesh, context) => {
    const { connect } = context.models as { readonly connect?: ConnectCluster };
    const settings = context.settings.connect as ConnectPartSettings | undefined;
    if (connect === undefined || settings?.sidecars === undefined) return;
    const namespaces = (context.settings.mesh as MeshSettings).namespaces.map((n) => n.name);
    connectMeshToConnect(mesh, connect, settings.workers.length, namespaces.indexOf(settings.sidecars));
  },
  actions: meshActions,
  catalogue: meshCatalogue,
  labels: meshLabels,
  dueDates: (mesh) => mesh.dueDates(),
  findings: (mesh) => mesh.findings(),
  setInsteadOfWarmed: ['sidecar certificates: of ages as in the long run, or from a restart'],
};
