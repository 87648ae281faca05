import { constant } from '../../src/engine/distributions.ts';
import { Simulation, type SimulationOptions } from '../../src/engine/simulation.ts';
import type { Result } from '../../src/experiment/result.ts';
import type { RunOptions } from '../../src/experiment/run.ts';
import {
  ConnectCluster,
  type ConnectorSettings,
  type ConnectTiming,
} from '../../src/models/connect/connect.ts';
import type { SinkTasks } from '../../src/models/connect/sink.ts';
import { run } from './files.ts';
import { smallScenario } from './leafCases.ts';

type Json = Readonly<Record<string, unknown>>;

/** The small cluster of the leaf keys with Connect and the topics that it needs, as YAML in JSON. */
export function connectScenario(over: {
  readonly workers?: readonly string[];
  readonly connectors: readonly Json[];
  readonly config?: Json;
  readonly timing?: Json;
  readonly topics?: readonly Json[];
  readonly timeline: readonly Json[];
  readonly to?: string;
  readonly more?: Json;
}): Json {
  const base = smallScenario as unknown as {
    readonly extends: readonly string[];
    readonly kafka: { readonly topics: readonly Json[]; readonly consumerGroups: readonly Json[] };
  };
  return {
    ...base,
    extends: [...base.extends, 'models/connect/kafka-connect-3.7.yaml'],
    to: over.to ?? '+20m',
    kafka: {
      ...base.kafka,
      topics: [
        ...base.kafka.topics,
        { name: '__consumer_offsets', partitions: 50, bytesIn: '0B/s', messagesIn: '0/s' },
        ...(over.topics ?? []),
      ],
    },
    connect: {
      config: over.config ?? {},
      timing: { taskStop: '1s', taskStart: '2s', workerStart: '20s', ...over.timing },
      workers: over.workers ?? ['w0', 'w1', 'w2'],
      connectors: over.connectors,
    },
    timeline: over.timeline,
    ...over.more,
  };
}

export function playConnect(
  over: Parameters<typeof connectScenario>[0],
  options: Partial<RunOptions> = {},
): Result {
  return run('connect.yaml', options, { 'connect.yaml': JSON.stringify(connectScenario(over)) });
}

/** Workers without a cluster: topics with constant rates, and a coordinator that the test switches. */
export function makeConnect(
  over: {
    readonly workers?: number;
    readonly connectors: readonly ConnectorSettings[];
    /** Partitions and messages per second of the one topic of each sink. */
    readonly topic?: { readonly partitions: number; readonly rate: number };
    readonly timing?: Partial<ConnectTiming>;
  },
  options: Partial<SimulationOptions> = {},
) {
  const sim = new Simulation({ seed: 'test', record: 'all', keepEvents: true, verify: true, ...options });
  const topic = over.topic ?? { partitions: 12, rate: 1200 };
  const lag = sim.gauge('test:lag', over.connectors.length, { linear: true });
  const coordinator = { answers: true, writes: true, look: () => {} };
  const sinks = new Map<number, SinkTasks>();
  const connect = new ConnectCluster(
    sim,
    {
      workers: Array.from({ length: over.workers ?? 3 }, (_, i) => `w${i}`),
      connectors: over.connectors,
      timing: {
        sessionMicros: 10_000_000,
        heartbeatMicros: 3_000_000,
        rebalanceTimeoutMicros: 60_000_000,
        maxDelayMicros: 300_000_000,
        flushMicros: 60_000_000,
        consumerSessionMicros: 45_000_000,
        consumerHeartbeatMicros: 3_000_000,
        taskStopMicros: 1_000_000,
        taskStartMicros: 2_000_000,
        workerStartMicros: constant(20_000_000),
        roundTripMicros: 1000,
        ...over.timing,
      },
    },
    {
      coordinator: {
        answers: () => coordinator.answers,
        writes: () => coordinator.writes,
        watch: (look) => {
          coordinator.look = look;
        },
      },
      sinkTopics: (connector) => ({
        shares: [new Float64Array(topic.partitions).fill(1 / topic.partitions)],
        messageRate: () => topic.rate,
        show: (_, behind, slope) => lag.set(connector, behind, slope),
      }),
      sinkMade: (connector, tasks) => {
        sinks.set(connector, tasks);
      },
    },
  );
  const act = sim.on('test.act', (row) => acts[row]!());
  const acts: (() => void)[] = [];
  /** Something happens at a moment, in seconds. */
  const at = (s: number, what: () => void) => {
    acts.push(what);
    sim.at(Math.round(s * 1e6), act, acts.length - 1);
  };
  const setCoordinator = (answers: boolean, writes = answers) => {
    Object.assign(coordinator, { answers, writes });
    coordinator.look();
  };
  return { sim, connect, lag, sinks, at, setCoordinator };
}

export const sinkOf = (name: string, tasksMax: number, capacity: number): ConnectorSettings => ({
  name,
  tasksMax,
  sink: { capacity },
});

export const sourceOf = (
  name: string,
  tasksMax: number,
  rows: readonly number[],
  capacity: number,
): ConnectorSettings => ({
  name,
  tasksMax,
  source: {
    tables: rows.map((rowsPerSecond, i) => ({ name: `t${i}`, rowsPerSecond })),
    pollMicros: 5_000_000,
    capacity,
  },
});
