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
  const byDisk = (broker: number, directories: readonly number[]) => {
    const writes: number[] = new Array(hardware.diskCount(nodeOf[broker])).fill(0);
    directories.forEach((rate, directory) => {
      writes[disksOf[broker][directory]] += rate;
    });
    return writes;
  };
  kafka.connectNodes(
    hardware.network,
    (broker, directory) => hardware.links(nodeOf[broker], disksOf[broker][directory]),
    (broker, inbound, outbound, diskWrites) =>
      hardware.setBackground(nodeOf[broker], inbound, outbound, byDisk(broker, diskWrites)),
  );
  kafka.saturation.onHeld = (broker, inbound, outbound, diskWrites) =>
    hardware.setHeld(nodeOf[broker], inbound, outbound, byDisk(broker, diskWrites));
  const { zones } = hardware;
  const usual = kafka.settings.timing.roundTripMicros;
  const window = kafka.settings.receiveBufferBytes;
  kafka.connectNetwork({
    zones: nodeOf.map((node) => hardware.nodes[node].zone),
    dollarsPerByte: zones.dollarsPerByte,
    roundTripMicros: (a, b) => zones.roundTripMicros(a, b),
    // Where nothing is said of a pair, its connections carry what a fetcher thread can append (kafka.fetcher.appendRate).
    connectionRate: (a, b) =>
      zones.loss(a, b) > 0 || zones.roundTripMicros(a, b) !== undefined || window !== undefined
        ? zones.connectionRate(a, b, usual, window)
        : Number.POSITIVE_INFINITY,
  });
  zones.onChange = () => kafka.networkChanged();
}
