import { constant } from '../../src/engine/distributions.ts';
import { Simulation, type SimulationOptions } from '../../src/engine/simulation.ts';
import type { Result } from '../../src/experiment/result.ts';
import type { RunOptions } from '../../src/experiment/run.ts';
import {
  ConnectCluster,
  type ConnectorSettings,
  type ConnectTiming,
} from '../../src/models/connect/connect.ts';
import { ConsumerGroups } from '../../src/models/kafka/consumerGroups.ts';
import { GroupLag } from '../../src/models/kafka/groupLag.ts';
import { SinkGroups } from '../../src/scenario/connections/connectToKafka.ts';
import { topic as kafkaTopic } from './cluster.ts';
import { run } from './files.ts';
import { someMembers } from './groups.ts';
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
  const topic = { partitions: 12, rate: 1200, ...over.topic };
  const lag = sim.gauge('test:lag', over.connectors.length, { linear: true });
  const coordinator = { answers: true, writes: true, look: () => {} };
  // Each sink has a topic of its own.
  const sinks = over.connectors
    .map((_, row) => row)
    .filter((row) => over.connectors[row]!.sink !== undefined);
  const source = {
    messageRate: () => topic.rate,
    partitions: () => topic.partitions,
    mostPartitions: () => 4 * topic.partitions,
    steadyMicros: () => 0,
    share: () => 1 / topic.partitions,
  };
  const groupLag = new GroupLag(
    sim,
    source,
    sinks.map((_, t) => ({ topic: t, catchUpFactor: 2, fresh: false })),
    10_000,
  );
  const groups = new ConsumerGroups(
    sim,
    groupLag,
    source,
    sinks.map((row) => kafkaTopic({ name: over.connectors[row]!.name })),
    sinks.map((row, t) => ({
      name: `connect-${over.connectors[row]!.name}`,
      topics: [t],
      catchUpFactor: 2,
      pollMicros: 0,
      clients: 1,
      fetchMinBytes: 1,
      fetchMaxWaitMicros: 500_000,
      members: someMembers({
        members: over.connectors[row]!.tasksMax,
        capacity: over.connectors[row]!.sink!.capacity,
        latest: false,
      }),
      owner: '',
    })),
    1000,
  );
  const sinkGroups = new SinkGroups(groups);
  groupLag.onSums = (c, behind, slope) => {
    lag.set(sinks[c]!, behind, slope);
    sinkGroups.changed(c);
  };
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
      sinkGroup: (connector) => sinkGroups.of(sinks.indexOf(connector)),
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
  /** The topic of each sink has so many partitions from now on, at most four times as many as before. */
  const grow = (partitions: number) => {
    topic.partitions = partitions;
    sinks.forEach((_, t) => {
      groups.partitionsAdded(t);
    });
  };
  return { sim, connect, lag, at, setCoordinator, grow };
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
