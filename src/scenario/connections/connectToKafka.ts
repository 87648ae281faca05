import type { ConnectPorts, CoordinatorPort } from '../../models/connect/connect.ts';
import type { KafkaCluster } from '../../models/kafka/cluster.ts';
import { coordinatorPartitionOf } from '../../models/kafka/consumers.ts';

/** What a client of a group sees of its coordinator: the leader of a partition of __consumer_offsets, which writes with acks=all. */
export function coordinatorOf(kafka: KafkaCluster, group: string): CoordinatorPort {
  const partition = coordinatorPartitionOf(group, kafka.settings.topics, kafka.tables);
  return {
    answers: () => partition < 0 || kafka.isLed(partition),
    writes: () => partition < 0 || kafka.tables.writable[partition] === 1,
    watch: (look) => {
      if (partition >= 0) kafka.watchPartition(partition, look);
    },
  };
}

/** Name of the consumer group that the tasks of a sink form. Source: Kafka 3.7 `SinkUtils.consumerGroupId`. */
export const sinkGroupName = (connector: string): string => `connect-${connector}`;

/**
 * Connect's own group, and the group of each sink: the cluster tells a sink's tasks what comes in and what cannot be read; they tell it
 * how far behind they are and what they read.
 * @param connectors names by row
 */
export function connectToKafka(
  kafka: KafkaCluster,
  groupId: string,
  connectors: readonly string[],
): ConnectPorts {
  const { consumers, settings, tables } = kafka;
  const groupOf = (connector: number) =>
    settings.groups.findIndex((g) => g.name === sinkGroupName(connectors[connector]));
  return {
    coordinator: coordinatorOf(kafka, groupId),
    sinkTopics: (connector) => {
      const group = groupOf(connector);
      const topics = settings.groups[group].topics;
      return {
        shares: topics.map((t) =>
          tables.share.subarray(
            tables.firstPartition[t],
            tables.firstPartition[t] + settings.topics[t].partitions,
          ),
        ),
        messageRate: (place) => consumers.messageRate(topics[place]),
        show: (place, behind, slope, readRate) =>
          consumers.show(group, topics[place], behind, slope, readRate),
      };
    },
    sinkMade: (connector, tasks) => {
      const group = groupOf(connector);
      const topics = settings.groups[group].topics;
      consumers.deferTo(group, {
        rateChanged: (topic) => tasks.rateChanged(topics.indexOf(topic)),
        burst: (topic, messages) => tasks.burst(topics.indexOf(topic), messages),
        stall: (topic, share) => tasks.stall(topics.indexOf(topic), share),
      });
    },
  };
}
