import type { ConnectPorts, CoordinatorPort } from '../../models/connect/connect.ts';
import type { SinkGroup } from '../../models/connect/sink.ts';
import type { KafkaCluster } from '../../models/kafka/cluster.ts';
import type { ConsumerGroups } from '../../models/kafka/consumerGroups.ts';
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

/** Sinks as groups with members: a task is the member of its number. `changed` is called when a group, by row, reads otherwise. */
export class SinkGroups {
  private readonly groups: ConsumerGroups;
  private readonly looks = new Map<number, () => void>();

  constructor(groups: ConsumerGroups) {
    this.groups = groups;
  }

  changed(row: number): void {
    this.looks.get(row)?.();
  }

  /** @param row among the groups with members */
  of(row: number): SinkGroup {
    const { groups, looks } = this;
    const { firstCell, topics, seats } = groups.groups[row];
    const cells = topics.map((_, place) => firstCell + place);
    return {
      start: (task) => groups.start(row, task),
      stop: (task, crash) => groups.stop(row, task, crash),
      pause: (task, paused) => groups.pause(row, task, paused),
      reread: (task, micros) => groups.reread(row, task, micros),
      reads: (task) => seats[task].owned.size > 0,
      offered: (task) => groups.lag.offered(seats[task].row),
      read: () => cells.reduce((sum, c) => sum + groups.lag.read(c), 0),
      readRate: () => cells.reduce((sum, c) => sum + groups.lag.cells[c].outSum, 0),
      onRevoked: (committed) => {
        groups.onRevoked.set(row, committed);
      },
      onChange: (look) => {
        looks.set(row, look);
      },
    };
  }
}

/**
 * Connect's own group, and that of each sink.
 * @param connectors names by row
 */
export function connectToKafka(
  kafka: KafkaCluster,
  groupId: string,
  connectors: readonly string[],
): ConnectPorts {
  const { consumers, settings } = kafka;
  const sinks = consumers.membership === undefined ? undefined : new SinkGroups(consumers.membership);
  consumers.onShown = (group) => sinks?.changed(consumers.memberRow[group]);
  return {
    coordinator: coordinatorOf(kafka, groupId),
    sinkGroup: (connector) => {
      const group = settings.groups.findIndex((g) => g.name === sinkGroupName(connectors[connector]));
      return (sinks as SinkGroups).of(consumers.memberRow[group]);
    },
  };
}
