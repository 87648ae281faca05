import type { BurstyLoss } from '../../models/hardware/network.ts';
import type { Hardware } from '../../models/hardware/nodes.ts';
import type { KafkaCluster } from '../../models/kafka/cluster.ts';
import { directoriesOf } from '../../models/kafka/settings.ts';
import type { Platform } from '../../models/kubernetes/platform.ts';
import type { BuildContext } from '../part.ts';
import type { KafkaPartSettings } from '../parts/kafka.ts';
import type { KubernetesSettings } from '../parts/kubernetes.ts';

/** What becomes of the local disks of a lost node: they come back with it, or empty ones do. */
export type Disks = 'kept' | 'lost';

/** Ways to strike a platform; each strikes at once and gives back what mends it. */
export interface FaultPorts {
  /** A broker's process dies; its container is started again, at the earliest when the fault is mended. */
  readonly crashBroker: (id: number) => () => void;
  /** Machines are lost, with the brokers and the controllers that run on them. */
  readonly loseNodes: (names: readonly string[], disks: Disks) => () => void;
  readonly nodesOf: (zone: string) => readonly string[];
  /** A controller's process dies: with its broker's in combined mode. @param id undefined for the active one */
  readonly crashController: (id: number | undefined) => () => void;
  readonly isolateBroker: (id: number) => () => void;
  readonly cutZones: (zone: string, others: readonly string[]) => () => void;
  readonly otherZones: (zone: string) => readonly string[];
  /** Connections between zones lose segments, or take longer. */
  readonly degradeZones: (zone: string, others: readonly string[], way: Way) => () => void;
  /** The disk of a log directory fails for good; mended, an empty one takes its place and the broker is restarted to use it. */
  readonly failDisk: (id: number, directory: string | undefined) => () => void;
  /** It reads and writes at other rates, bytes per second; undefined: as before. */
  readonly slowDisk: (
    id: number,
    directory: string | undefined,
    read: number | undefined,
    write: number | undefined,
  ) => () => void;
  /** Other pods of a node use so much of its card and its first disk, bytes per second. */
  readonly crowdNode: (name: string, use: NodeUse) => () => void;
}

/** What is other than usual between two zones; undefined: nothing. */
export interface Way {
  readonly loss?: number | undefined;
  readonly bursts?: BurstyLoss | undefined;
  readonly roundTripMicros?: number | undefined;
}

export interface NodeUse {
  readonly networkIn: number;
  readonly networkOut: number;
  readonly diskRead: number;
  readonly diskWrite: number;
}

export function connectFaults(context: BuildContext): FaultPorts {
  const kafka = context.models.kafka as KafkaCluster;
  const { pods } = context.models.kubernetes as Platform;
  const hardware = context.models.hardware as Hardware;
  const { brokers, controllers } = context.settings.kafka as KafkaPartSettings;
  const { nodes } = context.settings.kubernetes as KubernetesSettings;
  const { quorum } = kafka.controller;
  const zones = [...new Set(nodes.map((n) => n.zone))];
  const all = (mends: readonly (() => void)[]) => () => {
    for (const mend of mends) mend();
  };
  const placeOf = (row: number, directory: string | undefined) =>
    Math.max(
      0,
      directoriesOf(kafka.settings.brokers[row]).findIndex((d) => d.name === directory),
    );
  const crashBroker = (id: number) => {
    const row = kafka.row(id);
    pods.crash(row);
    return () => pods.release(row);
  };
  const crashDedicated = (id: number) => {
    quorum.crash(id);
    return () => quorum.release(id);
  };
  return {
    crashBroker,
    loseNodes: (names, disks) => {
      const lost = new Set(names);
      const rows = brokers.flatMap((b, row) => (lost.has(b.node) ? [row] : []));
      const voters =
        controllers.mode === 'dedicated'
          ? (controllers.ids ?? []).filter((_, i) => lost.has(controllers.nodes?.[i] ?? ''))
          : [];
      // Voters first: what the brokers' loss asks of a controller asks one that is still there.
      const mends = voters.map(crashDedicated);
      for (const row of rows) {
        if (disks === 'lost') pods.replaceVolume(row);
        pods.loseNode(row);
      }
      return all([...mends, ...rows.map((row) => () => pods.release(row))]);
    },
    nodesOf: (zone) => nodes.filter((n) => n.zone === zone).map((n) => n.name),
    crashController: (id) => {
      const struck = id ?? quorum.active;
      // During an election there is no active controller that could be struck.
      if (struck < 0) return () => {};
      return controllers.mode === 'dedicated' ? crashDedicated(struck) : crashBroker(struck);
    },
    isolateBroker: (id) => {
      const row = kafka.row(id);
      kafka.connectivity.isolate(row);
      return () => kafka.connectivity.rejoin(row);
    },
    cutZones: (zone, others) => {
      for (const other of others) kafka.connectivity.cut(zone, other);
      return all(others.map((other) => () => kafka.connectivity.mend(zone, other)));
    },
    otherZones: (zone) => zones.filter((z) => z !== zone),
    degradeZones: (zone, others, way) => {
      for (const other of others) {
        if (way.bursts !== undefined) hardware.zones.setBurstyLoss(zone, other, way.bursts);
        else if (way.loss !== undefined) hardware.zones.setLoss(zone, other, way.loss);
        if (way.roundTripMicros !== undefined) hardware.zones.setRoundTrip(zone, other, way.roundTripMicros);
      }
      return all(others.map((other) => () => hardware.zones.restore(zone, other)));
    },
    failDisk: (id, directory) => {
      const row = kafka.row(id);
      const place = placeOf(row, directory);
      const { tables, logs } = kafka;
      const alone = tables.directoriesFrom[row + 1] - tables.directoriesFrom[row] === 1;
      logs.failDirectory(row, place);
      return () => {
        // Its machine may have come back with empty disks meanwhile.
        if (!logs.hasFailed(row, place)) return;
        logs.repairDirectory(row, place);
        // A broker without any other directory is down, and starts again by itself.
        if (!alone) pods.deletePod(row);
      };
    },
    slowDisk: (id, directory, read, write) => {
      const row = kafka.row(id);
      const node = hardware.index(brokers[row].node);
      const { disk } = directoriesOf(kafka.settings.brokers[row])[placeOf(row, directory)];
      const { diskRead, diskWrite } = hardware.nodes[node].instance;
      hardware.setDiskRates(node, disk, read ?? diskRead, write ?? diskWrite);
      return () => hardware.setDiskRates(node, disk, diskRead, diskWrite);
    },
    crowdNode: (name, use) => {
      const node = hardware.index(name);
      hardware.setNeighbour(node, use.networkIn, use.networkOut, use.diskRead, use.diskWrite);
      return () => hardware.setNeighbour(node, 0, 0, 0, 0);
    },
  };
}
