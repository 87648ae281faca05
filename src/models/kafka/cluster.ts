import type { FlowNetwork } from '../../engine/flows.ts';
import type { Signal } from '../../engine/process.ts';
import type { Kind, Simulation } from '../../engine/simulation.ts';
import { Brokers } from './broker.ts';
import { Connectivity } from './connectivity.ts';
import { Consumers } from './consumers.ts';
import { Controller, type LeaderMove } from './controller.ts';
import { ClusterGauges } from './gauges.ts';
import { Logs } from './logs.ts';
import { Outages } from './outages.ts';
import { StripedReplicaPlacer } from './placement.ts';
import { Reassignments } from './reassignment.ts';
import { ReassignmentTool } from './reassignmentTool.ts';
import { type NodeLinks, Replication } from './replication.ts';
import { RequestPath } from './requestPath.ts';
import { Saturation } from './saturation.ts';
import { type ClusterSettings, directoriesOf } from './settings.ts';
import { ClusterTables, noLeader, rowsOf } from './tables.ts';
import type { ReplicationThrottle } from './throttle.ts';
import { Topics } from './topics.ts';
import { type SetBackground, Traffic } from './traffic.ts';
import { type BrokerNetwork, Ways } from './ways.ts';
import { Writes } from './writes.ts';

/** A load curve as the cluster needs it: the multiplier's integral and where its course changes. */
export interface LoadCurve {
  /** Integral of the multiplier over [from, to) microseconds, in seconds. */
  integral(from: number, to: number): number;
  /** The next moment after `t` at which the curve's course changes; Infinity when it stays constant. */
  nextChange(t: number): number;
}

/** A curve that is not constant is played in steps of at most this long, each with its exact mean. */
const loadStepMicros = 60_000_000;

/** A Kafka cluster: brokers, partitions, controllers, producers and consumers. */
export class KafkaCluster {
  readonly settings: ClusterSettings;
  readonly tables: ClusterTables;
  readonly gauges: ClusterGauges;
  readonly traffic: Traffic;
  readonly replication: Replication;
  readonly writes: Writes;
  readonly ways: Ways;
  readonly saturation: Saturation;
  readonly consumers: Consumers;
  readonly requests: RequestPath;
  readonly logs: Logs;
  readonly controller: Controller;
  readonly brokers: Brokers;
  readonly reassignments: Reassignments;
  readonly reassignmentTool: ReassignmentTool;
  readonly topics: Topics;
  readonly connectivity: Connectivity;
  /** Raised when a replica joined or left an ISR, a broker's state or the active controller changed. */
  readonly changed: Signal;
  private readonly sim: Simulation;
  private readonly rowOf: Map<number, number>;
  private readonly stallBegins: Kind;
  private readonly stallEnds: Kind;
  private readonly loadStep: Kind;
  private readonly stalls: {
    readonly shares: ReadonlyMap<number, number>;
    readonly counts: ReadonlyMap<number, number>;
    readonly partitions: readonly number[];
    readonly micros: number;
  }[] = [];
  /** By partition: who wants to know when it can be led or written, or no more. */
  private readonly watchers = new Map<number, (() => void)[]>();
  private curves: readonly LoadCurve[] = [];
  private topicsOf: readonly (readonly number[])[] = [];

  constructor(sim: Simulation, settings: ClusterSettings) {
    this.sim = sim;
    this.settings = settings;
    this.rowOf = new Map(settings.brokers.map((b, row) => [b.id, row]));
    this.changed = sim.signal('kafka.changed');
    const factor = settings.topics.reduce((most, t) => Math.max(most, t.replicationFactor), 1);
    const stride = Math.max(factor, settings.replicaPlaces ?? 0);
    this.tables = new ClusterTables(
      settings.topics,
      settings.brokers.length,
      stride,
      withRoom(settings, settings.assignment ?? placed(sim, settings, factor), factor, stride),
      settings.brokers.map((b) => directoriesOf(b).length),
    );
    const { tables } = this;
    const voters =
      settings.dedicatedControllers.length || settings.brokers.filter((b) => b.controller).length;
    this.ways = new Ways(tables.brokerCount, settings.timing.roundTripMicros);
    this.traffic = new Traffic(
      sim,
      tables,
      settings.topics,
      settings.groups,
      this.ways,
      settings.brokers.map((b) => b.rack),
      settings.rackAwareReads ?? false,
    );
    this.gauges = new ClusterGauges(sim, tables, voters, tables.partitionCount <= 10_000);
    this.replication = new Replication(
      sim,
      tables,
      this.traffic,
      settings.topics,
      settings.fetcher,
      this.ways,
      settings.leaderThrottleRate,
      settings.followerThrottleRate,
    );
    this.writes = new Writes(sim, tables, settings.topics, this.traffic, this.replication);
    const outages = new Outages(sim, tables.partitionCount, settings.timing);
    this.writes.onLed = (p, led) => outages.note(p, led);
    this.writes.onAvailability = (p) => {
      for (const look of this.watchers.get(p) ?? []) look();
    };
    this.consumers = new Consumers(
      sim,
      tables,
      settings.topics,
      settings.groups,
      this.traffic,
      settings.timing.roundTripMicros,
    );
    this.logs = new Logs(sim, settings, tables, this.traffic);
    this.connectivity = new Connectivity([
      ...settings.brokers.map((b) => b.zone),
      ...settings.dedicatedControllers.map((c) => c.zone),
    ]);
    this.controller = new Controller(
      sim,
      settings,
      tables,
      this.gauges,
      this.traffic,
      this.replication,
      this.writes,
      this.logs,
      this.connectivity,
    );
    this.reassignments = new Reassignments(
      sim,
      settings,
      tables,
      this.traffic,
      this.controller,
      this.replication,
    );
    this.reassignmentTool = new ReassignmentTool(sim, tables, this.reassignments, this.replication.throttle);
    this.topics = new Topics(
      sim,
      settings,
      tables,
      this.traffic,
      this.controller,
      this.replication,
      this.writes,
    );
    this.topics.beforeShare = (p) => this.logs.beforeShare(p);
    this.topics.afterShares = (topic) => this.logs.sharesChanged(topic);
    this.topics.onPartitionsAdded.push((topic) => this.consumers.partitionsAdded(topic));
    this.topics.onShares.push((topic) => this.consumers.sharesChanged(topic));
    this.topics.lagMicros = (topic) => this.consumers.worstLagMicros(topic);
    this.brokers = new Brokers(
      sim,
      settings,
      tables,
      this.gauges,
      this.controller,
      this.replication,
      this.traffic,
      this.writes,
      this.logs,
      this.connectivity,
    );
    this.stallBegins = sim.on('kafka.leaderMoving', (stall) => this.onStall(stall, 1));
    this.stallEnds = sim.on('kafka.leaderMoved', (stall) => this.onStall(stall, -1));
    this.loadStep = sim.on('kafka.loadStep', (curve) => this.onLoadStep(curve));
    this.controller.onLeaderMoves = (moves) => this.onLeaderMoves(moves);
    this.controller.onActiveChanged = () => this.changed.raise();
    this.brokers.onMembership = () => this.changed.raise();
    this.writes.onBurst = (p, messages) => this.consumers.burst(p, messages);
    this.consumers.serves = (p) => tables.leader[p] !== noLeader && this.writes.serving(tables.leader[p]);
    this.requests = new RequestPath(
      sim,
      settings,
      tables,
      this.traffic,
      this.consumers,
      this.gauges.activeBrokers,
      this.ways,
    );
    this.saturation = new Saturation(
      sim,
      settings,
      tables,
      this.traffic,
      this.replication,
      this.writes,
      this.ways,
    );
    this.saturation.onLagging = (r) => {
      this.controller.watchMember(r);
      this.writes.review(Math.floor(r / tables.stride));
    };
    this.traffic.onChange = (b) => {
      this.logs.touch(b);
      this.replication.throttle.book(b);
      this.requests.trafficChanged(b);
      this.saturation.touch(b);
    };
    this.replication.onColdRead = (b, delta) => this.requests.addColdCatchUp(b, delta);
    this.replication.onAppendRate = (topic, b, place, delta) => this.logs.addCatchUp(topic, b, place, delta);
    this.replication.beforeFetch = (replica, leader) => this.logs.beforeFetch(replica, leader);
    this.writes.onAppended = (p, bytes) => this.logs.appended(p, bytes);
    this.writes.onTruncate = (p, endBytes) => this.logs.truncate(p, endBytes);
    this.traffic.onFactor = (topic) => this.logs.loadChanged(topic);
    this.replication.pageCacheAgeMicros = (b) => this.requests.pageCacheAgeMicros(b);
    this.replication.onOverfetched = (b, place, bytes) => this.logs.giveBack(b, place, bytes);
    this.replication.cutBack = (replica, bytes) => this.logs.cutBack(replica, bytes);
    this.logs.missing = (replica) => this.replication.missing(replica);
    this.logs.overfetched = (b, place) => this.replication.overfetched(b, place);
    this.logs.onReplicasOffline = (b, delta) => this.gauges.addOffline(b, delta);
    this.logs.onRepaired = (b) => this.brokers.diskReplaced(b);
    this.logs.onDirectoryLost = (b, replicas, why, last) =>
      this.brokers.directoryLost(b, replicas, why, last);
    sim.invariant('kafka: replicas, leaders and counts', () => {
      tables.verify();
      this.gauges.verify();
    });
    sim.invariant('kafka: bytes in log directories', () => this.logs.verify());
    sim.stateDigest('kafka', (add) => {
      for (let p = 0; p < tables.partitionCount; p += 1) {
        this.traffic.settle(p);
        add(tables.leader[p]);
        add(tables.leaderEpoch[p]);
        add(tables.isrCount[p]);
        add(tables.logEndBytes[p]);
      }
    });
  }

  /** Whether a partition, by row, has a leader that serves. */
  isLed(partition: number): boolean {
    return this.writes.isLed(partition);
  }

  /** Calls back when a partition, by row, lost its serving leader or can no longer be written, or has one or can again. */
  watchPartition(partition: number, look: () => void): void {
    const known = this.watchers.get(partition);
    if (known === undefined) this.watchers.set(partition, [look]);
    else known.push(look);
  }

  get throttle(): ReplicationThrottle {
    return this.replication.throttle;
  }

  /** A client asks for the preferred leaders of these partition rows. */
  electPreferred(partitions: readonly number[]): void {
    this.controller.electPreferred(partitions);
  }

  /** Broker row of a node id. */
  row(id: number): number {
    const row = this.rowOf.get(id);
    if (row === undefined) throw new RangeError(`no broker ${id}`);
    return row;
  }

  /** @param links of a broker's node; those of the disk are of the directory at that place */
  connectNodes(
    network: FlowNetwork,
    links: (broker: number, directory: number) => NodeLinks,
    background: SetBackground,
  ): void {
    this.logs.readRate = (b, directory) => network.capacity(links(b, directory).diskRead);
    this.replication.connect(network, links);
    this.traffic.connect(background);
    this.saturation.connect(network, links);
  }

  /** The network between the zones that brokers stand in. */
  connectNetwork(network: BrokerNetwork): void {
    this.ways.connect(network);
    this.traffic.zonesKnown();
    this.networkChanged();
  }

  /** Loss or round trips between zones are others from now on. */
  networkChanged(): void {
    const { leastRate, uniform } = this.ways;
    this.ways.update();
    const limited = Math.min(leastRate, this.ways.leastRate) < Number.POSITIVE_INFINITY;
    const usual = uniform && this.ways.uniform;
    if (limited || !usual) this.replication.limitsChanged();
    if (limited) this.saturation.networkChanged();
    if (!usual) this.requests.networkChanged();
  }

  /** All threads of a broker's process, by row, stand still from now on for so many whole microseconds. */
  pause(broker: number, micros: number): void {
    this.requests.pause(broker, micros);
    this.brokers.pause(broker, micros);
  }

  /** Load curves by index, as the topics name them. */
  connectCurves(curves: readonly LoadCurve[]): void {
    this.curves = curves;
    const topics = curves.map((): number[] => []);
    this.settings.topics.forEach((topic, row) => {
      if (topic.curve >= 0) topics[topic.curve].push(row);
    });
    this.topicsOf = topics;
    for (let c = 0; c < curves.length; c += 1) if (topics[c].length > 0) this.sim.after(0, this.loadStep, c);
  }

  /** Whether the load of some topic will be another one later. */
  get loadVaries(): boolean {
    return this.curves.some(
      (curve, c) => this.topicsOf[c].length > 0 && curve.nextChange(this.sim.now) < Number.POSITIVE_INFINITY,
    );
  }

  /** The page cache of a broker, by row, has so many bytes from now on. */
  setPageCache(broker: number, bytes: number): void {
    this.requests.setPageCache(broker, bytes);
  }

  private onLoadStep(curve: number): void {
    const now = this.sim.now;
    const change = this.curves[curve].nextChange(now);
    const to = Math.min(change, now + loadStepMicros);
    const constant = change === Number.POSITIVE_INFINITY;
    const end = constant ? now + loadStepMicros : to;
    const factor = this.curves[curve].integral(now, end) / ((end - now) / 1e6);
    this.replication.beforeLoadChange();
    for (const topic of this.topicsOf[curve]) {
      this.consumers.beforeLoadChange(topic);
      this.traffic.setFactor(topic, factor);
      this.consumers.loadChanged(topic);
      this.writes.loadChanged(topic);
    }
    this.replication.afterLoadChange();
    this.reassignments.loadChanged();
    if (!constant) this.sim.at(Math.max(now + 1, Math.ceil(end)), this.loadStep, curve);
  }

  /** What clients notice of moved leaders: nobody takes the writes from the old leader's refusal to the new one's start. */
  private onLeaderMoves(moves: readonly LeaderMove[]): void {
    const { tables, settings } = this;
    for (const move of moves) {
      const shares = new Map<number, number>();
      const counts = new Map<number, number>();
      for (const p of move.partitions) {
        const t = tables.topic[p];
        shares.set(t, (shares.get(t) ?? 0) + tables.share[p]);
        counts.set(t, (counts.get(t) ?? 0) + 1);
        this.consumers.coordinatorPartition.forEach((coordinator, group) => {
          if (coordinator !== p) return;
          const entity = `group/${settings.groups[group].name}`;
          const load = settings.timing.coordinatorLoadMicros.sample(
            this.sim.stream(entity, 'coordinatorLoad')(),
          );
          this.consumers.coordinatorMoved(group, Math.max(move.refusesIn, move.acceptsIn) + load);
        });
      }
      const gap = Math.max(0, move.acceptsIn - move.refusesIn);
      let micros = gap + settings.timing.roundTripMicros;
      if (gap > 0) {
        // The first retry names the new leader (KIP-951); while that one refuses as well, the client backs off.
        const backoff = settings.topics[tables.topic[move.partitions[0]]].producers.retryBackoffMicros;
        micros = Math.ceil(gap / backoff) * backoff + settings.timing.roundTripMicros;
      }
      const stall = this.stalls.length;
      this.stalls.push({ shares, counts, partitions: move.partitions, micros });
      this.sim.after(Math.max(1, Math.round(move.refusesIn)), this.stallBegins, stall);
      this.sim.after(Math.max(2, Math.round(move.refusesIn + micros)), this.stallEnds, stall);
    }
  }

  private onStall(stall: number, sign: 1 | -1): void {
    const { shares, counts, partitions, micros } = this.stalls[stall];
    this.consumers.stallPartitions(partitions, sign);
    for (const [topic, share] of shares) {
      this.consumers.stall(topic, sign * share);
      if (sign === -1) this.writes.deferred(topic, share, counts.get(topic) ?? 0, micros);
    }
  }
}

/** An assignment of what exists at the start, with rows and places for what may come. */
function withRoom(
  settings: ClusterSettings,
  assignment: Int32Array,
  factor: number,
  stride: number,
): Int32Array {
  const rows = settings.topics.reduce((sum, t) => sum + rowsOf(t), 0);
  if (rows * stride === assignment.length) return assignment;
  const roomy = new Int32Array(rows * stride).fill(-1);
  let from = 0;
  let to = 0;
  for (const topic of settings.topics) {
    for (let i = 0; i < topic.partitions; i += 1)
      roomy.set(assignment.subarray((from + i) * factor, (from + i + 1) * factor), (to + i) * stride);
    from += topic.partitions;
    to += rowsOf(topic);
  }
  return roomy;
}

function placed(sim: Simulation, settings: ClusterSettings, stride: number): Int32Array {
  const placer = new StripedReplicaPlacer(
    settings.brokers.map((b, row) => ({ row, id: b.id, rack: b.rack, fenced: false })),
    sim.stream('controller', 'placement'),
  );
  const partitions = settings.topics.reduce((sum, t) => sum + t.partitions, 0);
  const assignment = new Int32Array(partitions * stride).fill(-1);
  let p = 0;
  for (const topic of settings.topics) {
    for (let i = 0; i < topic.partitions; i += 1, p += 1)
      assignment.set(placer.place(topic.replicationFactor), p * stride);
  }
  return assignment;
}
