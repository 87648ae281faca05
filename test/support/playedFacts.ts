import { play } from '../../src/experiment/play.ts';
import { exactRange, exactValue } from '../../src/promql/exact.ts';
import type { Series } from '../../src/promql/series.ts';
import { build } from '../../src/scenario/build.ts';
import type { Fact, Facts, Subject } from '../../src/scenario/facts/fact.ts';
import { quantities } from '../../src/scenario/facts/quantities.ts';
import { readValue } from '../../src/scenario/facts/value.ts';
import type { Scenario } from '../../src/scenario/load.ts';
import { scenarioOf } from './files.ts';
import { smallScenario } from './leafCases.ts';

/** Reads off a played run by metric, labels and time. */
class Played {
  private readonly series: { of(name: string): readonly Series[] };
  readonly length: number;

  constructor(scenario: Scenario, seed: string, metrics: readonly string[]) {
    const built = build(scenario, { seed, replication: 0, record: new Set(metrics) });
    play(built, scenario);
    this.series = built.series();
    this.length = scenario.length;
  }

  one(name: string, labels: Readonly<Record<string, string>> = {}): Series {
    const found = this.series
      .of(name)
      .filter((s) => Object.entries(labels).every(([k, v]) => s.labels[k] === v));
    if (found.length !== 1) throw new Error(`${found.length} series ${name} ${JSON.stringify(labels)}`);
    return found[0]!;
  }

  at(name: string, labels: Readonly<Record<string, string>>, t: number): number {
    return exactValue(this.one(name, labels), t)!;
  }

  over(f: string, name: string, labels: Readonly<Record<string, string>>, from: number, to: number): number {
    return exactRange(f, this.one(name, labels), from, to)!;
  }
}

const day = '2025-01-31';
/** 10:00 of that day, microseconds since 1970. */
const ten = 1_738_317_600e6;

/** Facts as somebody would print them, and their subjects. */
export class Written {
  readonly facts: Fact[] = [];
  readonly subjects = new Map<string, Subject>();

  subject(name: string, kind: string, more: Partial<Subject> = {}): void {
    const made = { name, kind, in: undefined, complete: [], after: [], on: [], zone: undefined, ...more };
    this.subjects.set(name, made);
  }

  /** A fact from its printed value; times are microseconds from ten o'clock. */
  fact(
    quantity: string,
    subject: string,
    printed: string,
    more: { at?: number; window?: number } = {},
  ): void {
    const line = this.facts.length + 1;
    this.facts.push(makeFact(quantity, subject, printed, line, more));
  }

  read(): Facts {
    return { file: 'played', title: 'played', facts: this.facts, subjects: this.subjects, labels: [] };
  }
}

export function makeFact(
  quantity: string,
  subject: string,
  printed: string,
  line: number,
  more: { at?: number; window?: number } = {},
): Fact {
  const read = readValue(printed, quantities.get(quantity)!, day);
  if (!read.ok) throw new Error(`${quantity} ${subject}: ${read.found}`);
  const { at, window } = more;
  return {
    quantity,
    subject,
    dimension: quantities.get(quantity)!.dimension,
    value: read.value,
    absent: false,
    printed,
    holds:
      at === undefined
        ? { from: Number.NEGATIVE_INFINITY, to: Number.POSITIVE_INFINITY }
        : { from: ten + at - 0.5e6, to: ten + at + 1e6 },
    window: window === undefined ? undefined : [window, window],
    citations: [{ file: 'played', line }],
    source: undefined,
  };
}

/** A clock reading, cut to the second. */
export function clockAt(micros: number): string {
  const s = Math.floor((ten + micros) / 1e6) % 86_400;
  const two = (x: number) => String(x).padStart(2, '0');
  return `${two(Math.floor(s / 3600))}:${two(Math.floor(s / 60) % 60)}:${two(s % 60)}`;
}

const digits = (x: number, count = 4) =>
  Number(x.toPrecision(count)).toFixed(
    Math.max(0, count - 1 - Math.floor(Math.log10(Math.max(Math.abs(x), 1e-9)))),
  );
const MBs = (x: number) => `${digits(x / 1e6)}MB/s`;

/** A number from 0 to 1 by seed and purpose: the same on every machine. */
export function share(seed: number, purpose: number): number {
  let x = (seed * 2_654_435_761 + purpose * 40_503 + 12_345) >>> 0;
  for (let i = 0; i < 3; i += 1) {
    x ^= x << 13;
    x >>>= 0;
    x ^= x >>> 17;
    x ^= x << 5;
    x >>>= 0;
  }
  return x / 4_294_967_296;
}

/** What a day of so many brokers is told to have been: every figure is read off a played run, but for settings. */
export function playedDay(brokers: number, seed: number): Facts {
  const w = new Written();
  kafkaDay(w, brokers, seed);
  night(w, seed);
  return w.read();
}

function kafkaDay(w: Written, brokers: number, seed: number): void {
  const everySeconds = 240 + Math.floor(share(seed, 1) * 60);
  const restarts = Math.min(brokers, 6);
  const start = 600e6;
  const retentionHours = 1 + Math.floor(share(seed, 2) * 4);
  const topics = Array.from({ length: 4 }, (_, i) => ({
    name: `t${i}`,
    partitions: brokers * (1 + Math.floor(share(seed, 10 + i) * 4)),
    bytes: brokers * (5 + Math.floor(share(seed, 20 + i) * 9)) * 1e6,
  }));
  const bytesIn = topics.reduce((sum, t) => sum + t.bytes, 0);
  const usedBytes = ((bytesIn * 3 * retentionHours * 3600) / brokers) * 1.1;
  const small = smallScenario as unknown as { kafka: Record<string, unknown> };
  const scenario = scenarioOf('models/played-day.yaml', {
    'models/played-day.yaml': JSON.stringify({
      ...small,
      extends: (smallScenario as unknown as { extends: string[] }).extends.map((f) =>
        f.replace(/^models\//, ''),
      ),
      to: `+${Math.ceil((start / 1e6 + restarts * everySeconds) / 60) + 30}m`,
      kubernetes: {
        nodes: Array.from({ length: brokers }, (_, i) => ({
          name: `n${i}`,
          instance: 'small',
          zone: `z${i % 3}`,
        })),
      },
      kafka: {
        ...small.kafka,
        brokers: Array.from({ length: brokers }, (_, id) => ({
          id,
          node: `n${id}`,
          diskUsed: `${Math.round(usedBytes)}B`,
          disk: '5TB',
          pageCache: '5GiB',
          ...(id < 3 ? { controller: true } : {}),
        })),
        topics: topics.map((t) => ({
          name: t.name,
          partitions: t.partitions,
          bytesIn: `${t.bytes / 1e6}MB/s`,
          messagesIn: `${t.bytes / 1e4}/s`,
          owner: 'a',
        })),
        consumerGroups: [
          { name: 'readers', topics: topics.map((t) => t.name), pollInterval: '5ms', owner: 'a' },
        ],
      },
      timeline: [
        {
          id: 'roll',
          at: `+${start / 1e6}s`,
          do: 'operations.rollingRestart',
          brokers: Array.from({ length: restarts }, (_, i) => i),
          every: `${everySeconds}s`,
          downTime: Array.from(
            { length: restarts },
            (_, i) => `${30 + Math.floor(share(seed, 40 + i) * 30)}s`,
          ),
        },
      ],
    }),
  });
  const total = (side: string) => `kafka_server_brokertopicmetrics_${side}_total`;
  const counters = ['bytesin', 'bytesout', 'messagesin', 'replicationbytesin', 'replicationbytesout'].map(
    total,
  );
  const lag = 'kafka_consumergroup_lag_sum';
  const outOfSync = 'rehearse:cluster_underreplicated_partitions';
  const run = new Played(scenario, String(seed), [
    ...counters,
    'rehearse:messages_out_total',
    'kafka_server_replicamanager_leadercount',
    'kafka_server_replicamanager_partitioncount',
    'rehearse:log_disk_used_bytes',
    'rehearse:log_disk_capacity_bytes',
    'rehearse:isr_recovery_seconds',
    'rehearse:restart_down_seconds',
    outOfSync,
    lag,
  ]);
  const end = run.length;
  const from = end - 600e6;
  const rate = (name: string, id: number) =>
    run.over('increase', name, { broker: String(id) }, from, end) / 600;
  w.subject('cluster', 'cluster', { complete: ['broker', 'topic'] });
  w.fact('replicationFactor', 'cluster', '3');
  w.fact('retention', 'cluster', `${retentionHours}h`);
  w.fact('underReplicatedPeak', 'cluster', '0');
  const sums = { bytesIn: 0, bytesOut: 0, messagesIn: 0, messagesOut: 0, networkIn: 0, networkOut: 0 };
  let shares = 0;
  for (let id = 0; id < brokers; id += 1) {
    const name = `broker-${id}`;
    const label = { broker: String(id) };
    w.subject(name, 'broker', { in: 'cluster', zone: `z${id % 3}` });
    const b = {
      bytesIn: rate(total('bytesin'), id),
      bytesOut: rate(total('bytesout'), id),
      messagesIn: rate(total('messagesin'), id),
      messagesOut: rate('rehearse:messages_out_total', id),
      networkIn: rate(total('bytesin'), id) + rate(total('replicationbytesin'), id),
      networkOut: rate(total('bytesout'), id) + rate(total('replicationbytesout'), id),
    };
    for (const [key, value] of Object.entries(b)) {
      sums[key as keyof typeof sums] += value;
      w.fact(key, name, key.startsWith('messages') ? `${digits(value, 5)}/s` : MBs(value));
    }
    const used = run.at('rehearse:log_disk_used_bytes', label, end);
    const capacity = run.at('rehearse:log_disk_capacity_bytes', label, end);
    w.fact('diskUsed', name, `${digits(used / 1e9)}GB`);
    w.fact('diskCapacity', name, `${digits(capacity / 1e12)}TB`);
    w.fact('diskUsedShare', name, `${digits((used / capacity) * 100)}%`);
    shares += used / capacity;
    w.fact('leaders', name, String(run.at('kafka_server_replicamanager_leadercount', label, end)));
    w.fact('replicas', name, String(run.at('kafka_server_replicamanager_partitioncount', label, end)));
    const counted = run.at(total('bytesin'), label, from);
    w.fact('bytesInTotal', name, `${digits(counted / 1e9)}GB`, { at: from });
    w.fact('bytesInTotal', name, `${digits(run.at(total('bytesin'), label, end) / 1e9)}GB`, { at: end });
  }
  for (const key of ['bytesIn', 'bytesOut'] as const) w.fact(key, 'cluster', MBs(sums[key]));
  for (const key of ['messagesIn', 'messagesOut'] as const)
    w.fact(key, 'cluster', `${digits(sums[key], 5)}/s`);
  w.fact('diskUsedShareMean', 'cluster', `${digits((shares / brokers) * 100)}%`);
  for (const t of topics) {
    w.subject(t.name, 'topic', { in: 'cluster' });
    w.fact('bytesIn', t.name, MBs(t.bytes));
    w.fact('messagesIn', t.name, `${digits(t.bytes / 1e4, 5)}/s`);
    w.fact('partitions', t.name, String(t.partitions));
  }
  w.subject('readers', 'group');
  const lags = topics.map((t) => run.at(lag, { topic: t.name }, end));
  const worst = topics.reduce((x, t) => x + run.over('max_over_time', lag, { topic: t.name }, from, end), 0);
  w.fact('lagMessages', 'readers', String(Math.round(lags.reduce((x, y) => x + y, 0))));
  w.fact('lagMessagesMax', 'readers', String(Math.ceil(worst)));

  w.subject('roll', 'procedure');
  w.fact('stabilisation', 'roll', '30s');
  const downs: number[] = [];
  let last = 0;
  for (let i = 0; i < restarts; i += 1) {
    const began = start + i * everySeconds * 1e6;
    const label = { broker: String(i) };
    const down = run.at('rehearse:restart_down_seconds', label, began + everySeconds * 1e6);
    const back = run.at('rehearse:isr_recovery_seconds', label, began + everySeconds * 1e6);
    const step = `step-${i}`;
    downs.push(down);
    w.subject(step, 'step', { in: 'roll', on: [`broker-${i}`] });
    w.fact('started', step, clockAt(began));
    w.fact('downTime', step, `${digits(down, 3)}s`);
    w.fact('recoveryTime', step, `${back.toFixed(1)}s`);
    const most = run.over('max_over_time', outOfSync, {}, began, began + everySeconds * 1e6);
    w.fact('underReplicatedPeak', step, String(Math.round(most)));
    last = began + (down + back) * 1e6;
    // The process counts anew from here; the window is from the latest start on.
    w.subject(`process-${i}`, 'process', { in: `broker-${i}` });
    w.fact('started', `process-${i}`, clockAt(began));
    const counted = run.over('increase', total('bytesin'), label, began, end);
    w.fact('bytesInTotal', `process-${i}`, `${digits(counted / 1e9)}GB`, {
      at: end,
      window: end - began - 1e6,
    });
  }
  w.fact('started', 'roll', clockAt(start));
  w.fact('ended', 'roll', clockAt(last));
  w.fact('duration', 'roll', `${Math.round((last - start) / 60e6)}min`);
  const sorted = [...downs].sort((x, y) => x - y);
  w.subject('steps', 'summary');
  w.fact('durationMean', 'steps', `${digits(downs.reduce((x, y) => x + y, 0) / restarts, 3)}s`);
  w.fact('durationMax', 'steps', `${digits(sorted.at(-1)!, 3)}s`);
  w.fact('durationP50', 'steps', `${digits(sorted[Math.ceil(restarts / 2) - 1]!, 3)}s`);
  w.fact('durationP99', 'steps', `${digits(sorted.at(-1)!, 3)}s`);
}

const nights = new Map<number, (w: Written) => void>();

/** The node of a job that outgrows its limit, with its alert: a run of its own for each seed. */
function night(w: Written, seed: number): void {
  let told = nights.get(seed);
  if (told === undefined) {
    const scenario = scenarioOf('scenarios/reference-day/monthly-aggregation.yaml');
    const left = 'rehearse:node_memory_available_bytes';
    const fired = 'rehearse:alert_fired_at_seconds';
    const run = new Played(scenario, String(seed), [left, fired]);
    const node = { node: 'ip-10-42-31-142' };
    const firedAt = run.at(fired, { alertname: 'HighMemoryPressure' }, run.length) * 1e6;
    // A reader's rows begin at another second of each run.
    const offset = Math.floor(share(seed, 77) * 60) * 1e6;
    const rows = Array.from({ length: 10 }, (_, i) => 300e6 + offset + i * 120e6).map(
      (t) => [t, run.at(left, node, t)] as const,
    );
    told = (to) => {
      to.subject('node', 'node');
      to.subject('pressure', 'alert', { in: 'node' });
      to.fact('memoryTotal', 'node', '64GiB');
      for (const [t, bytes] of rows) {
        const GiB = bytes / 1_073_741_824;
        to.fact('memoryAvailable', 'node', `${digits(GiB, 3)}GiB`, { at: t });
        to.fact('memoryUsed', 'node', `${digits(64 - GiB, 3)}GiB`, { at: t });
        to.fact('memoryUsedShare', 'node', `${digits(((64 - GiB) / 64) * 100, 3)}%`, { at: t });
      }
      to.fact('alertBelow', 'pressure', '8%');
      to.fact('alertFor', 'pressure', '1min');
      to.fact('alertEvery', 'pressure', '15s');
      to.fact('fired', 'pressure', clockAt(firedAt));
    };
    nights.set(seed, told);
  }
  told(w);
}
