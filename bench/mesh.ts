/**
 * `node bench/mesh.ts`: natural renewal of 412 sidecars for 90 days and of 100,000 for 7 days, and a push of the trust bundle to 100,000 at once, with scenarios
 * as the verb loads them, recording what a replication records. Each line says what was simulated.
 */
import { cpus } from 'node:os';
import { readerBelow, rootOf } from '../src/cli/files.ts';
import { play } from '../src/experiment/play.ts';
import type { Mesh } from '../src/models/mesh/mesh.ts';
import { build } from '../src/scenario/build.ts';
import { loadScenario } from '../src/scenario/load.ts';
import { parts } from '../src/scenario/parts/index.ts';
import { renderProblems } from '../src/scenario/problems.ts';

const root = rootOf(import.meta.filename);
console.log(`${cpus()[0]?.model ?? 'unknown CPU'}, ${cpus().length} cores, Node ${process.version}`);

function load(sidecars: number, to: string, mesh: object, timeline: readonly object[]) {
  const below = readerBelow(root);
  const text = JSON.stringify({
    rehearse: 1,
    title: 'bench',
    extends: 'models/mesh/istio-1.22.yaml',
    from: '2025-01-01T00:00:00Z',
    to,
    mesh: {
      nodes: Math.max(1, Math.round(sidecars / 30)),
      authorities: [
        { name: 'root', notBefore: '2020-01-01T00:00:00Z', notAfter: '2040-01-01T00:00:00Z' },
        { name: 'ca', issuer: 'root', notBefore: '2024-12-01T00:00:00Z', notAfter: '2026-01-01T00:00:00Z' },
      ],
      istiod: { signer: 'ca', replicas: 2 },
      namespaces: [{ name: 'a', sidecars }],
      ...mesh,
    },
    timeline,
  });
  const loaded = loadScenario('bench.yaml', (p) => (p === 'bench.yaml' ? text : below(p)), parts);
  if (loaded.scenario === undefined) throw new Error(renderProblems(loaded.problems, loaded.texts));
  return loaded.scenario;
}

function line(
  what: string,
  sidecars: number,
  to: string,
  mesh: object = {},
  timeline: readonly object[] = [],
) {
  const scenario = load(sidecars, to, mesh, timeline);
  const times: number[] = [];
  let says = '';
  for (let i = 0; i < 3; i += 1) {
    const began = performance.now();
    const built = build(scenario, { seed: '1', record: new Set(['rehearse:mesh_certificates_expired']) });
    play(built, scenario);
    times.push((performance.now() - began) / 1000);
    const { fleet } = built.models.mesh as Mesh;
    let renewals = 0;
    for (let row = 0; row < fleet.renewals.rows; row += 1) renewals += fleet.renewals.get(row);
    says = `${renewals.toLocaleString('en')} renewals, ${built.sim.eventCount.toLocaleString('en')} events`;
  }
  times.sort((a, b) => a - b);
  console.log(
    `${what}: ${says}, ${times[1]!.toFixed(2)} s (of three ${times[0]!.toFixed(2)} to ${times[2]!.toFixed(2)})`,
  );
}

line('412 sidecars for 90 days, natural renewal at half life', 412, '+90d');
line('100,000 sidecars for 7 days, natural renewal at half life', 100_000, '+7d');
line(
  'a push of the trust bundle to 100,000 sidecars, 1 h',
  100_000,
  '+1h',
  { agents: { trustOverXds: true } },
  [{ at: '+60s', id: 'push', do: 'mesh.pushTrust' }],
);
