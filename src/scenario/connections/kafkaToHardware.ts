import type { Hardware } from '../../models/hardware/nodes.ts';
import type { KafkaCluster } from '../../models/kafka/cluster.ts';
import { directoriesOf } from '../../models/kafka/settings.ts';
import type { BuildContext } from '../part.ts';
import type { KafkaPartSettings } from '../parts/kafka.ts';

/** Brokers move their bytes through the devices of the nodes they run on; each node carries at most one broker. */
export function connectKafkaToHardware(kafka: KafkaCluster, context: BuildContext): void {
  const hardware = context.models.hardware as Hardware;
  const { brokers } = context.settings.kafka as KafkaPartSettings;
  const nodeOf = brokers.map((b) => hardware.index(b.node));
  const disksOf = kafka.settings.brokers.map((b) => directoriesOf(b).map((d) => d.disk));
  kafka.connectNodes(
    hardware.network,
    (broker, directory) => hardware.links(nodeOf[broker], disksOf[broker][directory]),
    (broker, inbound, outbound, diskWrites) => {
      const writes: number[] = new Array(hardware.diskCount(nodeOf[broker])).fill(0);
      disksOf[broker].forEach((disk, directory) => {
        writes[disk] += diskWrites[directory];
      });
      hardware.setBackground(nodeOf[broker], inbound, outbound, writes);
    },
  );
}
