import type {
  BrokerDescription,
  BrokerState,
  ClusterDescription,
  PartitionDescription,
  ResourceLoad,
} from '../../models/cruiseControl/description.ts';
import {
  type BrokerRates,
  bytesPerKb,
  bytesPerMb,
  followerLoad,
  leaderCpu,
} from '../../models/cruiseControl/loads.ts';
import type { KafkaCluster } from '../../models/kafka/cluster.ts';
import { noLeader } from '../../models/kafka/tables.ts';
import { capacitiesOf, usableCores } from '../cruiseControlSettings.ts';

/**
 * The cluster of this instant as Cruise Control's monitor would describe it to the analyzer: where replicas are, and the load of each by
 * Cruise Control's own model. A topic's rates on a broker are shared evenly by the partitions of the topic that it leads, however skewed they
 * are; sizes are exact. A broker that is fenced, which no metadata names, is DEAD; one with an offline log directory has BAD_DISKS.
 *
 * Source: Cruise Control 2.5 `SamplingUtils.buildPartitionMetricSample`, `MonitorUtils` (what a leader sends to followers is what it takes in,
 * once for each), `Replica.getFollowerLoadFromLeader`.
 * Simplified: the rates are those of this instant, not means over windows of samples; of the processor only the network and io threads
 * count, a busy thread as a busy core (guess), the collector does not; a partition without a leader has a size and no rates. Each broker is a
 * host of its own, as pods are.
 *
 * @param settings of all parts, as the run has them
 * @param capacities what each broker can carry, in the order of kafka.brokers; loads of the processor are shares of these
 */
export function describeCluster(
  kafka: KafkaCluster,
  settings: Readonly<Record<string, unknown>>,
  capacities: readonly ResourceLoad[] = capacitiesOf(settings),
): ClusterDescription {
  const { tables } = kafka;
  const rates = ratesOf(kafka, usableCores(settings));
  const ids = kafka.settings.brokers.map((b) => b.id);
  const partitions: PartitionDescription[] = [];
  const offline = ids.map((): string[] => []);
  for (let p = 0; p < tables.partitionCount; p += 1) {
    if (!tables.exists(p)) continue;
    const t = tables.topic[p];
    const topic = tables.topics[t].name;
    const leader = tables.leader[p];
    const replicas = tables.assigned(p);
    let bytes = 0;
    for (const b of replicas) {
      const r = tables.replicaOn(p, b);
      if (tables.offline[r] === 1) offline[b].push(tables.partitionName(p));
      else if (leader === noLeader || leader === b) bytes = Math.max(bytes, kafka.logs.bytes(r));
    }
    let load: ResourceLoad = { cpu: 0, nwIn: 0, nwOut: 0, disk: bytes / bytesPerMb };
    if (leader !== noLeader) {
      const cell = t * ids.length + leader;
      const count = rates.leaders[cell];
      const bytesIn = rates.topicIn[cell] / count;
      const bytesOut = rates.topicOut[cell] / count + bytesIn * (replicas.length - 1);
      const cores = capacities[leader].cpu / 100;
      load = {
        cpu: leaderCpu(rates.brokers[leader], cores, bytesIn, bytesOut),
        nwIn: bytesIn / bytesPerKb,
        nwOut: bytesOut / bytesPerKb,
        disk: load.disk,
      };
    }
    const follower = followerLoad(load);
    partitions.push({
      topic,
      partition: p - tables.firstPartition[t],
      replicas: replicas.map((b) => ids[b]),
      ...(leader === noLeader ? {} : { leader: ids[leader] }),
      loads: replicas.map((b) => (b === leader ? load : follower)),
    });
  }
  const brokers = kafka.settings.brokers.map((b, row): BrokerDescription => {
    const state: BrokerState | undefined =
      kafka.controller.registrations.fenced[row] === 1
        ? 'DEAD'
        : offline[row].length > 0
          ? 'BAD_DISKS'
          : undefined;
    return {
      id: b.id,
      ...(b.rack === '' ? {} : { rack: b.rack }),
      ...(state === undefined ? {} : { state }),
      capacity: capacities[row],
      ...(offline[row].length > 0 ? { offlineReplicas: offline[row] } : {}),
    };
  });
  return { brokers, partitions };
}

interface Rates {
  /** By broker row, bytes per second. */
  readonly brokers: readonly BrokerRates[];
  /** By topic and broker, `topic * brokers + broker`: from producers to what it leads, and to consumers, bytes per second. */
  readonly topicIn: Float64Array;
  readonly topicOut: Float64Array;
  /** Partitions of the topic that the broker leads. */
  readonly leaders: Int32Array;
}

function ratesOf(kafka: KafkaCluster, cores: readonly number[]): Rates {
  const { tables, traffic } = kafka;
  const n = tables.brokerCount;
  const topicIn = new Float64Array(tables.topics.length * n);
  const topicOut = new Float64Array(tables.topics.length * n);
  const leaders = new Int32Array(tables.topics.length * n);
  const leaderIn = new Float64Array(n);
  const leaderOut = new Float64Array(n);
  const followerIn = new Float64Array(n);
  for (let p = 0; p < tables.partitionCount; p += 1) {
    const leader = tables.leader[p];
    if (leader === noLeader) continue;
    const t = tables.topic[p];
    leaders[t * n + leader] += 1;
    if (tables.writable[p] === 0) continue;
    const rate = traffic.partitionRate(p) * tables.admitted[p];
    topicIn[t * n + leader] += rate;
    leaderIn[leader] += rate;
    traffic.readers(p, (b, times) => {
      topicOut[t * n + b] += rate * times;
      leaderOut[b] += rate * times;
    });
    for (let r = p * tables.stride; r < (p + 1) * tables.stride; r += 1) {
      const b = tables.broker[r];
      if (b < 0 || b === leader) continue;
      leaderOut[leader] += rate;
      followerIn[b] += rate;
    }
  }
  const { networkThreads, ioThreads } = kafka.settings.requests;
  return {
    topicIn,
    topicOut,
    leaders,
    brokers: Array.from({ length: n }, (_, b) => {
      const load = kafka.requests.load(b);
      const busy = networkThreads * load.network.utilisation + ioThreads * load.io.utilisation;
      return {
        leaderIn: leaderIn[b],
        leaderOut: leaderOut[b],
        followerIn: followerIn[b],
        cpuShare: Math.min(1, busy / cores[b]),
      };
    }),
  };
}
