import type { Hardware } from '../../models/hardware/nodes.ts';
import type { KafkaCluster } from '../../models/kafka/cluster.ts';
import type { BuildContext } from '../part.ts';
import type { KafkaPartSettings } from '../parts/kafka.ts';

/** Brokers move their bytes through the devices of the nodes they run on; each node carries at most one broker. */
export function connectKafkaToHardware(kafka: KafkaCluster, context: BuildContext): void {
  const hardware = context.models.hardware as Hardware;
  const { brokers } = context.settings.kafka as KafkaPartSettings;
  const nodeOf = brokers.map((b) => hardware.index(b.node));
  kafka.connectNodes(
    hardware.network,
    (broker) => hardware.links(nodeOf[broker]),
    (broker, inbound, outbound, diskWrite) =>
      hardware.setBackground(nodeOf[broker], inbound, outbound, diskWrite),
  );
}
