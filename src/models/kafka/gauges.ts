import type { Gauge } from '../../engine/gauge.ts';
import { BrokenInvariant, type Simulation } from '../../engine/simulation.ts';
import { type ClusterTables, noLeader } from './tables.ts';

/**
 * The counts that Kafka reports, kept as the tables change. A broker's metrics follow what it has learnt of the
 * metadata (`shownLeader`, `shownIsrCount`), a controller's follow the metadata itself.
 *
 * Source of the definitions: Kafka 3.7 `ReplicaManager` gauges, `Partition.isUnderReplicated`, `isUnderMinIsr`, `isAtMinIsr`,
 * `ControllerMetadataMetricsPublisher`.
 */
export class ClusterGauges {
  readonly underReplicated: Gauge;
  readonly underMinIsr: Gauge;
  readonly atMinIsr: Gauge;
  readonly partitionCount: Gauge;
  readonly leaderCount: Gauge;
  readonly offlineReplicas: Gauge;
  readonly reassigning: Gauge;
  readonly isrShrinks: Gauge;
  readonly isrExpands: Gauge;
  readonly failedIsrUpdates: Gauge;
  readonly offlinePartitions: Gauge;
  readonly globalPartitions: Gauge;
  readonly preferredImbalance: Gauge;
  readonly activeBrokers: Gauge;
  readonly fencedBrokers: Gauge;
  readonly activeController: Gauge;
  /** Replicas hosted by a broker that are not in the ISR, but for those that a reassignment is adding. */
  readonly outOfSync: Gauge;
  readonly brokersOutOfSync: Gauge;
  /** Under-replicated partitions by topic, cluster-wide, by the controller's truth. */
  readonly topicUnderReplicated: Gauge;
  /** Under-replicated partitions of the cluster, by the controller's truth. */
  readonly clusterUnderReplicated: Gauge;
  readonly atMinIsrMinutes: Gauge;
  readonly underMinIsrMinutes: Gauge;
  readonly partitionUnderReplicated: Gauge;
  readonly partitionInSync: Gauge;
  readonly partitionReplicas: Gauge;

  private readonly tables: ClusterTables;

  constructor(sim: Simulation, tables: ClusterTables, controllers: number, perPartition: boolean) {
    this.tables = tables;
    const b = tables.brokerCount;
    const manager = 'kafka_server_replicamanager';
    this.underReplicated = sim.gauge(`${manager}_underreplicatedpartitions`, b);
    this.underMinIsr = sim.gauge(`${manager}_underminisrpartitioncount`, b);
    this.atMinIsr = sim.gauge(`${manager}_atminisrpartitioncount`, b);
    this.partitionCount = sim.gauge(`${manager}_partitioncount`, b);
    this.leaderCount = sim.gauge(`${manager}_leadercount`, b);
    this.offlineReplicas = sim.gauge(`${manager}_offlinereplicacount`, b);
    this.reassigning = sim.gauge(`${manager}_reassigningpartitions`, b);
    this.isrShrinks = sim.gauge(`${manager}_isrshrinks_total`, b);
    this.isrExpands = sim.gauge(`${manager}_isrexpands_total`, b);
    this.failedIsrUpdates = sim.gauge(`${manager}_failedisrupdates_total`, b);
    const controller = 'kafka_controller_kafkacontroller';
    this.offlinePartitions = sim.gauge(`${controller}_offlinepartitionscount`, 1);
    this.globalPartitions = sim.gauge(`${controller}_globalpartitioncount`, 1);
    this.globalPartitions.set(
      0,
      tables.partitionsOf.reduce((sum, n) => sum + n, 0),
    );
    this.preferredImbalance = sim.gauge(`${controller}_preferredreplicaimbalancecount`, 1);
    this.activeBrokers = sim.gauge(`${controller}_activebrokercount`, 1);
    this.fencedBrokers = sim.gauge(`${controller}_fencedbrokercount`, 1);
    this.activeController = sim.gauge(`${controller}_activecontrollercount`, controllers);
    this.outOfSync = sim.gauge('rehearse:replicas_out_of_sync', b);
    this.brokersOutOfSync = sim.gauge('rehearse:brokers_out_of_sync', 1);
    this.topicUnderReplicated = sim.gauge('rehearse:topic_underreplicated_partitions', tables.topics.length);
    this.clusterUnderReplicated = sim.gauge('rehearse:cluster_underreplicated_partitions', 1);
    this.atMinIsrMinutes = sim.gauge('rehearse:at_min_isr_minutes', 1, { linear: true });
    this.underMinIsrMinutes = sim.gauge('rehearse:under_min_isr_minutes', 1, { linear: true });
    const partitions = perPartition ? tables.partitionCount : 0;
    this.partitionUnderReplicated = sim.gauge('kafka_cluster_partition_underreplicated', partitions);
    this.partitionInSync = sim.gauge('kafka_cluster_partition_insyncreplicascount', partitions);
    this.partitionReplicas = sim.gauge('kafka_cluster_partition_replicascount', partitions);
    const counts = tables.recount();
    for (let i = 0; i < b; i += 1) {
      this.partitionCount.set(i, counts.replicas[i]);
      this.leaderCount.set(i, counts.leaders[i]);
      this.underReplicated.set(i, counts.underReplicated[i]);
      this.underMinIsr.set(i, counts.underMinIsr[i]);
      this.atMinIsr.set(i, counts.atMinIsr[i]);
    }
    for (let p = 0; p < partitions; p += 1) {
      this.partitionInSync.set(p, tables.isrCount[p]);
      this.partitionReplicas.set(p, tables.replicationFactor(p));
    }
    this.preferredImbalance.set(0, counts.preferredImbalance);
    this.offlinePartitions.set(0, counts.offlinePartitions);
    this.activeBrokers.set(0, b);
    this.atMinIsrCount = counts.atMinIsr.reduce((a, x) => a + x, 0);
    this.underMinIsrCount = counts.underMinIsr.reduce((a, x) => a + x, 0);
    this.countMinutes();
  }

  /** So many more replicas of a broker are on log directories that are offline. */
  addOffline(broker: number, delta: number): void {
    this.offlineReplicas.add(broker, delta);
    this.partitionCount.add(broker, -delta);
  }

  private atMinIsrCount = 0;
  private underMinIsrCount = 0;

  /** The partition's leader learns of its state as it is now: its metrics move. */
  show(p: number): void {
    this.report(p, -1);
    const { tables } = this;
    tables.shownLeader[p] = tables.leader[p];
    tables.shownIsrCount[p] = tables.isrCount[p];
    tables.shownReplicaCount[p] = tables.replicaCount[p];
    tables.shownAddingCount[p] = tables.addingCount[p];
    tables.shownRemovingCount[p] = tables.removingCount[p];
    this.report(p, 1);
    if (this.partitionInSync.rows > 0) {
      const led = tables.leader[p] !== noLeader;
      const { inSync, factor } = tables.shown(p);
      this.partitionInSync.set(p, led ? inSync : 0);
      this.partitionUnderReplicated.set(p, led && inSync < factor ? 1 : 0);
      this.partitionReplicas.set(p, factor);
    }
  }

  private report(p: number, sign: 1 | -1): void {
    const { tables } = this;
    const b = tables.shownLeader[p];
    if (b === noLeader) return;
    const { inSync, factor, minimum, reassigning } = tables.shown(p);
    this.leaderCount.add(b, sign);
    if (reassigning) this.reassigning.add(b, sign);
    if (inSync < factor) this.underReplicated.add(b, sign);
    if (inSync < minimum) {
      this.underMinIsr.add(b, sign);
      this.underMinIsrCount += sign;
    }
    if (inSync === minimum) {
      this.atMinIsr.add(b, sign);
      this.atMinIsrCount += sign;
    }
    this.countMinutes();
  }

  /** Minutes with at least one partition at, or under, min.insync.replicas. */
  private countMinutes(): void {
    this.atMinIsrMinutes.set(0, this.atMinIsrMinutes.get(0), this.atMinIsrCount > 0 ? 1 / 60 : 0);
    this.underMinIsrMinutes.set(0, this.underMinIsrMinutes.get(0), this.underMinIsrCount > 0 ? 1 / 60 : 0);
  }

  /** Compares every running count with a recount of the tables. */
  verify(): void {
    const counts = this.tables.recount();
    let brokersOut = 0;
    for (let b = 0; b < this.tables.brokerCount; b += 1) {
      same('LeaderCount', b, this.leaderCount.get(b), counts.leaders[b]);
      same('PartitionCount', b, this.partitionCount.get(b), counts.replicas[b]);
      same('OfflineReplicaCount', b, this.offlineReplicas.get(b), counts.offline[b]);
      same('UnderReplicatedPartitions', b, this.underReplicated.get(b), counts.underReplicated[b]);
      same('UnderMinIsrPartitionCount', b, this.underMinIsr.get(b), counts.underMinIsr[b]);
      same('ReassigningPartitions', b, this.reassigning.get(b), counts.reassigning[b]);
      same('AtMinIsrPartitionCount', b, this.atMinIsr.get(b), counts.atMinIsr[b]);
      same('replicas out of sync', b, this.outOfSync.get(b), counts.outOfSync[b]);
      if (counts.outOfSync[b] > 0) brokersOut += 1;
    }
    same('OfflinePartitionsCount', 0, this.offlinePartitions.get(0), counts.offlinePartitions);
    same('PreferredReplicaImbalanceCount', 0, this.preferredImbalance.get(0), counts.preferredImbalance);
    same('brokers out of sync', 0, this.brokersOutOfSync.get(0), brokersOut);
  }
}

function same(what: string, row: number, kept: number, recounted: number): void {
  if (kept !== recounted) {
    throw new BrokenInvariant(
      `${what} of row ${row} is ${kept}, a recount of the partitions gives ${recounted}`,
    );
  }
}
