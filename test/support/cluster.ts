import { readFileSync } from 'node:fs';
import { constant, uniform } from '../../src/engine/distributions.ts';
import { FlowNetwork } from '../../src/engine/flows.ts';
import { Simulation, type SimulationOptions } from '../../src/engine/simulation.ts';
import { KafkaCluster } from '../../src/models/kafka/cluster.ts';
import { type ClusterSettings, directoriesOf, type TopicSettings } from '../../src/models/kafka/settings.ts';

export const seconds = (s: number) => Math.round(s * 1e6);
export const MB = 1e6;

export function topic(over: Partial<TopicSettings> & { name: string }): TopicSettings {
  const partitions = over.partitions ?? 12;
  return {
    partitions,
    replicationFactor: 3,
    minInSyncReplicas: 2,
    bytesInPerSecond: 60 * MB,
    messagesInPerSecond: 6000,
    curve: -1,
    shares: new Float64Array(partitions).fill(1 / partitions),
    acks: 'all',
    uncleanElection: false,
    retentionBytes: Number.POSITIVE_INFINITY,
    retentionMicros: Number.POSITIVE_INFINITY,
    segmentBytes: 1_073_741_824,
    segmentMicros: 604_800_000_000,
    throttled: false,
    producers: {
      clients: 10,
      bufferBytes: 33_554_432,
      deliveryTimeoutMicros: 120_000_000,
      requestTimeoutMicros: 30_000_000,
      maxBlockMicros: 60_000_000,
      retryBackoffMicros: 100_000,
      batchBytes: 16_384,
      requestBytes: 1_048_576,
      lingerMicros: 0,
      inFlight: 5,
      idempotent: (over.acks ?? 'all') === 'all',
    },
    owner: '',
    ...over,
  };
}

export function clusterSettings(over: Partial<ClusterSettings> = {}, brokers = 5): ClusterSettings {
  return {
    version: '3.7.1',
    brokers: Array.from({ length: brokers }, (_, id) => ({
      id,
      rack: '',
      zone: `zone-${id % 3}`,
      controller: id < 3,
      diskUsedBytes: 100e9,
      diskCapacityBytes: 2.5e12,
      pageCacheBytes: 5e9,
    })),
    dedicatedControllers: [],
    activeController: 0,
    autoLeaderRebalance: true,
    topics: [topic({ name: 'orders' }), topic({ name: 'idle', bytesInPerSecond: 0, messagesInPerSecond: 0 })],
    assignment: undefined,
    groups: [],
    timing: {
      roundTripMicros: 1000,
      appendLingerMicros: 25_000,
      metadataPollMicros: 500_000,
      heartbeatMicros: 2_000_000,
      sessionTimeoutMicros: 9_000_000,
      replicaLagMaxMicros: 30_000_000,
      quorumFetchTimeoutMicros: 2_000_000,
      fetchWaitMicros: 500_000,
      electionTimeoutMicros: 1_000_000,
      electionBackoffMaxMicros: 1_000_000,
      pageFlushMicros: 30_000_000,
      imbalanceCheckMicros: 300_000_000,
      controllerFailoverMicros: uniform(50_000, 300_000),
      closeMicros: constant(1_500_000),
      jvmStartMicros: constant(12_000_000),
      metadataReplayMicros: constant(1_000_000),
      segmentLoadMicros: 2000,
      recoveryScanRate: 250e6,
      fetchBeforeOnlineMicros: 0,
      coordinatorLoadMicros: constant(200_000),
    },
    fetcher: { threads: 1, partitionBytes: 1_048_576, responseBytes: 10_485_760, appendRate: 350 * MB },
    requests: {
      networkThreads: 3,
      ioThreads: 8,
      queuedMax: 500,
      networkRequestRate: 20_000,
      ioRequestRate: 10_000,
      networkByteRate: 2000 * MB,
      ioByteRate: 2000 * MB,
      serviceVariability: 1,
      tls: false,
      tlsRequestMicros: 10,
      tlsByteRate: 1000 * MB,
      coldReadRate: 500 * MB,
    },
    leaderThrottleRate: Number.POSITIVE_INFINITY,
    followerThrottleRate: Number.POSITIVE_INFINITY,
    retentionCheckMicros: 300_000_000,
    fileDeleteDelayMicros: 60_000_000,
    recoveryThreads: 1,
    holdLogsAtInitialSize: true,
    ...over,
  };
}

let namesBesidesLatency: ReadonlySet<string> | undefined;
/** The gauges of a cluster but those of latency, which is found by samples that cost more than all else, and only where it is recorded. */
function allButLatency(): ReadonlySet<string> {
  namesBesidesLatency ??= new Set(
    [...makeCluster(clusterSettings(), { record: new Set() }).sim.gauges.keys()].filter(
      (name) => !/requestmetrics_totaltimems|request_latency_ms|request_stage_ms/.test(name),
    ),
  );
  return namesBesidesLatency;
}

/** A cluster on nodes whose links have the given capacity in bytes per second; latency is not recorded unless it is asked for. */
export function makeCluster(
  settings: ClusterSettings,
  options: Partial<SimulationOptions> = {},
  linkRate = 3125 * MB,
) {
  const sim = new Simulation({
    seed: 'test',
    record: options.record ?? allButLatency(),
    keepEvents: true,
    verify: true,
    ...options,
  });
  const network = new FlowNetwork(sim);
  const cluster = new KafkaCluster(sim, settings);
  const links = settings.brokers.map((b) => ({
    inbound: network.link(`in ${b.id}`, linkRate),
    outbound: network.link(`out ${b.id}`, linkRate),
    diskRead: network.link(`read ${b.id}`, 2000 * MB),
    diskWrite: network.link(`write ${b.id}`, 2000 * MB),
  }));
  /** By broker, then log directory: the first one's disk is in `links`. */
  const disks = settings.brokers.map((b, row) =>
    directoriesOf(b).map((d, i) =>
      i === 0
        ? links[row]!
        : {
            ...links[row]!,
            diskRead: network.link(`read ${b.id} ${d.name}`, 2000 * MB),
            diskWrite: network.link(`write ${b.id} ${d.name}`, 2000 * MB),
          },
    ),
  );
  cluster.connectNodes(
    network,
    (b, directory) => disks[b]![directory]!,
    (b, inbound, outbound, diskWrites) => {
      network.setBackground(links[b]!.inbound, inbound);
      network.setBackground(links[b]!.outbound, outbound);
      diskWrites.forEach((rate, i) => {
        network.setBackground(disks[b]![i]!.diskWrite, rate);
      });
    },
  );
  const stop = sim.on('test.stop', (b, exitAfterMs) =>
    cluster.brokers.stop(b, exitAfterMs > 0 ? sim.now + exitAfterMs * 1000 : undefined),
  );
  const start = sim.on('test.start', (b, runningAfterMs) =>
    cluster.brokers.start(b, runningAfterMs > 0 ? sim.now + runningAfterMs * 1000 : undefined),
  );
  /** Broker `b` stops at `at` and is back after `down`, all in seconds. */
  const restart = (b: number, at: number, down: number, drain = 8) => {
    sim.at(seconds(at), stop, b, Math.min(drain, down / 2) * 1000);
    sim.at(
      seconds(at + Math.min(drain, down / 2) + 0.001),
      start,
      b,
      (down - Math.min(drain, down / 2)) * 1000 - 1,
    );
  };
  return { sim, cluster, network, restart, stop, start, links, disks };
}

/** The reference platform's topics and assignment, for tests of the model alone. */
export function referenceAssignment(): { topic: string; partition: number; replicas: number[] }[] {
  const text = readFileSync(
    new URL('../../models/platforms/reference-assignment.json', import.meta.url),
    'utf8',
  );
  return JSON.parse(text).partitions;
}
