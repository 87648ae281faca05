import type { KafkaCluster } from '../../models/kafka/cluster.ts';
import type { RegistryPorts } from '../../models/schemaRegistry/registry.ts';
import { coordinatorOf } from './connectToKafka.ts';

/** Topic of the registry: one partition. Source: schema-registry 7.6 default of `kafkastore.topic`. */
export const schemasTopic = '_schemas';

/** What a registry sees of its topic, and of the group in which its leader is elected. */
export function schemaRegistryToKafka(kafka: KafkaCluster, groupId: string): RegistryPorts {
  const { tables, settings } = kafka;
  const partition = tables.firstPartition[settings.topics.findIndex((t) => t.name === schemasTopic)];
  const coordinator = coordinatorOf(kafka, groupId);
  return {
    led: () => kafka.isLed(partition),
    enoughInSync: () => tables.isrCount[partition] >= tables.effectiveMinIsr(partition),
    writable: () => tables.writable[partition] === 1,
    coordinator: () => coordinator.answers() && coordinator.writes(),
    watch: (look) => {
      kafka.watchPartition(partition, look);
      coordinator.watch(look);
    },
  };
}
