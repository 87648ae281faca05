/**
 * `node scripts/latencyRange.ts`: the p99s of the reference day over what its log does not say: request sizes (batching, clients) and service variability. For
 * each reading the two service rates are found anew on the observed idle ratios, so that every row agrees with what the log does say.
 */
import { readerBelow, rootOf } from '../src/cli/files.ts';
import type { KafkaCluster } from '../src/models/kafka/cluster.ts';
import { build } from '../src/scenario/build.ts';
import { loadScenario } from '../src/scenario/load.ts';
import { parts } from '../src/scenario/parts/index.ts';
import { renderProblems } from '../src/scenario/problems.ts';

const read = readerBelow(rootOf(import.meta.filename));
const names = ['produce latency p99', 'consumer fetch latency p99', 'follower fetch latency p99'] as const;
/** Played up to the first restart, seconds. */
const playedSeconds = 285;

const facts = new Map(
  ['scenarios/reference-day/rolling-restart.yaml', 'scenarios/reference-day/jvm-after.yaml'].flatMap(
    (file) => {
      const { scenario, problems, texts } = loadScenario(file, read, parts);
      if (scenario === undefined) throw new RangeError(renderProblems(problems, texts));
      return scenario.observed.map((o) => [o.name, o.value] as const);
    },
  ),
);

function fact(name: string): number {
  const value = facts.get(name);
  if (value == null) throw new RangeError(`the reference day has no fact ${name}`);
  return value;
}

interface Reading {
  readonly says: string;
  readonly producers: Readonly<Record<string, number>>;
  readonly consumers: Readonly<Record<string, number>>;
}

const readings: readonly Reading[] = [
  { says: 'as assumed', producers: {}, consumers: {} },
  { says: '3 producers a topic', producers: { clients: 3 }, consumers: {} },
  { says: '100 producers a topic', producers: { clients: 100 }, consumers: {} },
  {
    says: 'batches of 256 KiB, linger 5 ms',
    producers: { 'batch.size': 262_144, 'linger.ms': 5 },
    consumers: {},
  },
  {
    says: 'batches of 1 MiB, linger 20 ms',
    producers: { 'batch.size': 1_048_576, 'linger.ms': 20 },
    consumers: {},
  },
  { says: '1 member a group', producers: {}, consumers: { clients: 1 } },
  { says: '30 members a group', producers: {}, consumers: { clients: 30 } },
];

function built(
  reading: Reading,
  variability: number,
  rates: { io: number; network: number },
  record: string[],
) {
  const file = 'scenarios/reference-day/latency-range.yaml';
  const text = JSON.stringify({
    rehearse: 1,
    extends: 'rolling-restart.yaml',
    kafka: {
      producers: reading.producers,
      consumers: reading.consumers,
      requests: {
        serviceVariability: variability,
        ioRequestRate: `${rates.io}/s`,
        networkRequestRate: `${rates.network}/s`,
      },
    },
  });
  const { scenario, problems, texts } = loadScenario(file, (p) => (p === file ? text : read(p)), parts);
  if (scenario === undefined) throw new RangeError(renderProblems(problems, texts));
  const made = build(scenario, { seed: scenario.seed, record: new Set(record) });
  return { ...made, cluster: made.models.kafka as KafkaCluster };
}

/** Service rates with which the idle ratios of this reading are the observed ones: each pool's work is nearly in inverse proportion to its rate. */
function fitted(reading: Reading, variability: number): { io: number; network: number } {
  let rates = { io: 8000, network: 20_000 };
  for (let round = 0; round < 12; round += 1) {
    const { sim, cluster } = built(reading, variability, rates, []);
    sim.run(1_000_000);
    const n = cluster.settings.brokers.length;
    const idle = (of: (b: number) => number) => {
      let sum = 0;
      for (let b = 0; b < n; b += 1) sum += of(b);
      return sum / n;
    };
    const io = idle((b) => cluster.requests.handlerIdle.get(b));
    const network = idle((b) => cluster.requests.processorIdle.get(b));
    rates = {
      io: (rates.io * (1 - io)) / (1 - fact('request handlers idle')),
      network: (rates.network * (1 - network)) / (1 - fact('network processors idle')),
    };
  }
  return rates;
}

const rows: (readonly number[])[] = [];
console.log(
  `${'reading'.padEnd(34)} scv   io us  net us   produce  consumer  follower   p99 at the broker, ms`,
);
for (const reading of readings) {
  for (const variability of [0, 1, 4]) {
    const rates = fitted(reading, variability);
    const { sim, cluster } = built(reading, variability, rates, ['rehearse:request_latency_ms']);
    sim.run(playedSeconds * 1_000_000);
    const gauge = sim.gauges.get('rehearse:request_latency_ms');
    const p99 = ['Produce', 'FetchConsumer', 'FetchFollower'].map((request) => {
      const row = cluster.requests.latencyRows.findIndex(
        (r) => r.request === request && r.side === 'broker' && r.quantile === '0.99',
      );
      return gauge?.get(row) ?? Number.NaN;
    });
    rows.push(p99);
    console.log(
      `${reading.says.padEnd(34)} ${String(variability).padStart(3)} ${(1e6 / rates.io).toFixed(0).padStart(7)} ${(1e6 / rates.network).toFixed(0).padStart(7)} ${p99.map((x) => x.toFixed(2).padStart(9)).join(' ')}`,
    );
  }
}
names.forEach((name, i) => {
  const all = rows.map((r) => r[i]!);
  console.log(
    `${name}: ${Math.min(...all).toFixed(2)} to ${Math.max(...all).toFixed(2)} ms over these readings, ${fact(name)} ms in the log`,
  );
});
