import type { CruiseControlPort } from '../../models/cruiseControl/cruiseControl.ts';
import type { PartitionHealth } from '../../models/cruiseControl/executionTasks.ts';
import type { ExecutorPort } from '../../models/cruiseControl/executor.ts';
import { optimize } from '../../models/cruiseControl/optimizer.ts';
import type { KafkaCluster } from '../../models/kafka/cluster.ts';
import { noLeader } from '../../models/kafka/tables.ts';
import { throttleSides } from '../../models/kafka/throttle.ts';
import { unstatedNetwork } from '../cruiseControlSettings.ts';
import type { BuildContext } from '../part.ts';
import { describeCluster } from './kafkaToCruiseControl.ts';

/** What Cruise Control sees of the cluster through its admin client, and does to it. */
export function cruiseControlToKafka(context: BuildContext): CruiseControlPort {
  const kafka = context.models.kafka as KafkaCluster;
  const ids = kafka.settings.brokers.map((b) => b.id);
  return {
    executor: executorPort(kafka, ids),
    describe: (states) => {
      const { brokers, partitions } = describeCluster(kafka, context.settings);
      const given = (id: number) => {
        const state = states.get(id);
        return state === undefined ? {} : { state };
      };
      return { brokers: brokers.map((b) => ({ ...b, ...given(b.id) })), partitions };
    },
    optimize: (cluster, request) => optimize(cluster, request),
    unstated: (goal) => unstatedNetwork(context.settings, goal),
    brokers: () => ids,
    partitionCount: () => kafka.tables.partitionsOf.reduce((sum, n) => sum + n, 0),
  };
}

function executorPort(kafka: KafkaCluster, ids: readonly number[]): ExecutorPort {
  const { tables, reassignments, throttle, controller } = kafka;
  const topics = new Map(tables.topics.map((t, row) => [t.name, row]));
  const isAlive = (row: number) => controller.registrations.fenced[row] === 0;
  const rows = (brokers: readonly number[]) => brokers.map((b) => kafka.row(b));
  return {
    partition: (topic, partition) => {
      const t = topics.get(topic);
      return t === undefined || partition >= tables.partitionsOf[t]
        ? undefined
        : tables.firstPartition[t] + partition;
    },
    replicas: (p) => tables.assigned(p).map((b) => ids[b]),
    leader: (p) => (tables.leader[p] === noLeader ? undefined : ids[tables.leader[p]]),
    allInSync: (p) => tables.isrCount[p] === tables.replicaCount[p],
    isReassigning: (p) => reassignments.isActive(p),
    anyReassigning: () => reassignments.active > 0,
    alter: (p, replicas) => reassignments.alter(p, replicas === null ? null : rows(replicas)),
    electPreferred: (partitions) => kafka.electPreferred(partitions),
    isAlive: (b) => isAlive(kafka.row(b)),
    health: (p): PartitionHealth => ({
      aboveMinIsr: tables.isrCount[p] - tables.effectiveMinIsr(p),
      underReplicated: tables.isrCount[p] < tables.replicationFactor(p),
      offlineReplicas: tables
        .assigned(p)
        .some((b) => !isAlive(b) || tables.offline[tables.replicaOn(p, b)] === 1),
    }),
    *partitions() {
      for (let p = 0; p < tables.partitionCount; p += 1) if (tables.exists(p)) yield p;
    },
    // Local times and queues grow without bound where the threads that serve requests cannot keep up, and stay far below the limits
    // elsewhere (guess: of the five limits none is played one by one).
    isOverLimits: (b) => {
      const { network, io } = kafka.requests.load(kafka.row(b));
      return Math.max(network.utilisation, io.utilisation) >= 1;
    },
    setThrottle: (b, rate) => {
      for (const side of throttleSides) throttle.setRate(side, kafka.row(b), rate);
    },
    clearThrottle: (b) => {
      const { leaderThrottleRate, followerThrottleRate } = kafka.settings;
      throttle.setRate('leader', kafka.row(b), leaderThrottleRate);
      throttle.setRate('follower', kafka.row(b), followerThrottleRate);
    },
    listThrottled: (p, brokers) => {
      for (const side of throttleSides)
        throttle.list(
          side,
          rows(brokers).map((b) => [p, b] as const),
        );
    },
    unlistThrottled: (p, brokers) => {
      for (const side of throttleSides)
        throttle.unlist(
          side,
          rows(brokers).map((b) => [p, b] as const),
        );
    },
  };
}
