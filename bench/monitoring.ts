/**
 * 24 h of 36 nodes and 498 pods: 5,000 series scraped each 15 s, 50 rules evaluated each 30 s, as a kubernetes-mixin has them. `node bench/monitoring.ts`
 * Each series changes 20 times a day; one pod in 50 crashes once.
 */
import { Simulation } from '../src/engine/simulation.ts';
import { Monitoring } from '../src/models/monitoring/monitoring.ts';
import { SampleClock } from '../src/models/monitoring/sampleClock.ts';
import { parseExpression } from '../src/promql/parse.ts';
import { prometheus3 } from '../src/promql/samples.ts';
import { alertmanagerOf } from '../src/scenario/alertRouting.ts';
import { Exposition } from '../src/scenario/connections/exposition.ts';
import { ScrapedGauges } from '../src/scenario/connections/gaugesToMonitoring.ts';

const [nodes, pods] = [36, 498];
const day = 86_400e6;

function played(
  changesPerDay: number,
  crashes: number,
): { seconds: number; evaluations: number; fired: number } {
  const sim = new Simulation({ seed: 'bench', record: 'all' });
  const draw = sim.stream('bench', 'changes');
  const perPod = ['memory', 'limit', 'rss', 'cache', 'restarts', 'ready', 'waiting', 'replicas', 'desired'];
  const perNode = ['node_memory', 'node_free', 'node_ready', 'node_disk', 'node_load'];
  const families = [
    ...perPod.map((name) => [name, pods] as const),
    ...perNode.map((name) => [name, nodes * 3] as const),
  ];
  const gauges = families.map(([name, rows]) => sim.gauge(name, rows));
  const change = sim.on('bench.change', (row, family) => gauges[family]!.set(row, 50 + 10 * draw()));
  const set = sim.on('bench.set', (row, family, value) => gauges[family]!.set(row, value));
  let series = 0;
  for (const [family, [name, rows]] of families.entries()) {
    series += rows;
    const isState = ['restarts', 'ready', 'waiting', 'replicas', 'desired', 'limit', 'node_ready'].includes(
      name,
    );
    for (let row = 0; row < rows; row += 1) {
      sim.at(
        0,
        set,
        row,
        family,
        name === 'limit' ? 100 : name === 'ready' || name === 'node_ready' ? 1 : isState ? 0 : 50,
      );
      for (let i = 0; !isState && i < changesPerDay; i += 1)
        sim.at(Math.floor(draw() * day), change, row, family);
    }
  }
  for (let i = 0; i < crashes; i += 1) {
    const row = Math.floor(draw() * pods);
    const at = Math.floor(draw() * (day - 3600e6));
    sim.at(at, set, row, perPod.indexOf('ready'), 0);
    sim.at(at, set, row, perPod.indexOf('waiting'), 1);
    sim.at(at, set, row, perPod.indexOf('restarts'), 1);
    sim.at(at + 1800e6, set, row, perPod.indexOf('ready'), 1);
    sim.at(at + 1800e6, set, row, perPod.indexOf('waiting'), 0);
  }
  const source = new ScrapedGauges({
    sim,
    labelsOf: (name) => (row) =>
      name.startsWith('node')
        ? { node: `n${row % nodes}`, d: `${row % 3}` }
        : { pod: `p${row}`, node: `n${row % nodes}` },
    names: [...sim.gauges.keys()],
    exposition: new Exposition({ cluster: 'c', namespace: 'kafka', nodeOf: new Map(), hasJbod: false }),
    clockOf: (target) =>
      new SampleClock(
        15e6,
        (target.length * 1_234_567 + target.charCodeAt(target.length - 1) * 765_431) % 15e6,
      ),
    writtenBy: () => undefined,
    origin: 0,
  });
  const expressions = [
    ...['ready == 0', 'waiting > 0', 'node_ready == 0', 'replicas != desired', 'restarts > 3'],
    ...['ready < 1', 'waiting > 1', 'node_ready < 1', 'desired > replicas', 'restarts > 5'],
    'increase(restarts[15m]) > 0',
    'memory / limit > 0.95',
    'sum by (node) (memory) > 100000',
    'max_over_time(waiting[5m]) >= 1',
    'node_free / node_memory < 0.1',
  ];
  const rules = Array.from({ length: 50 }, (_, i) => {
    // One rule in ten looks at what changes all the time, as in the mixins; the others at states.
    const text = i % 10 === 9 ? expressions[10 + Math.floor(i / 10)]! : expressions[i % 10]!;
    const parsed = parseExpression(text);
    if (!parsed.ok) throw new Error(text);
    return {
      kind: 'alert' as const,
      name: `R${i}`,
      query: source.query(parsed.value, prometheus3),
      forMicros: (i % 4) * 300e6,
      keepFiringForMicros: 0,
      labels: () => ({}),
      annotations: () => ({}),
    };
  });
  const groups = Array.from({ length: 10 }, (_, g) => ({
    name: `g${g}`,
    intervalMicros: 30e6,
    offsetMicros: g * 2_900_000,
    queryOffsetMicros: 0,
    limit: 0,
    rules: rules.slice(g * 5, g * 5 + 5),
  }));
  const made = new Monitoring(sim, {
    groups,
    resendDelayMicros: 60e6,
    alertmanager: alertmanagerOf({}, (t) => t, 0),
    grafana: [],
    channels: [],
    unixSeconds: (t) => t / 1e6,
  });
  const before = process.cpuUsage();
  sim.run(day);
  const used = process.cpuUsage(before);
  if (series < 4900) throw new Error(`${series} series`);
  return {
    seconds: (used.user + used.system) / 1e6,
    evaluations: groups.length * 5 * 2880,
    fired: made.spells.filter((s) => !Number.isNaN(s.firedAt)).length,
  };
}

for (const [changes, crashes] of [
  [0, 10],
  [20, 10],
  [200, 10],
] as const) {
  const runs = [played(changes, crashes), played(changes, crashes), played(changes, crashes)];
  const seconds = runs.map((r) => r.seconds).sort((a, b) => a - b);
  console.log(
    `24 h, 36 nodes, 498 pods, 5,000 series each 15 s, 50 rules each 30 s, ${changes} changes a day and series: ${seconds[0]!.toFixed(2)} to ${seconds[2]!.toFixed(2)} s, ${runs[0]!.evaluations} evaluations, ${runs[0]!.fired} alerts fired`,
  );
}
