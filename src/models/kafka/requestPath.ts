import type { Gauge } from '../../engine/gauge.ts';
import type { Handle, Kind, Simulation } from '../../engine/simulation.ts';
import type { Consumers } from './consumers.ts';
import { Latency, periodRows, type StagedQuantile, stageRows, totalTimeRows } from './latency.ts';
import {
  type BrokerLoad,
  type LeaderTraffic,
  type RequestVolume,
  requestLoad,
  requestType,
} from './requestRates.ts';
import type { ClusterSettings } from './settings.ts';
import type { ClusterTables } from './tables.ts';
import { type FollowerWays, PathHistory } from './tracers.ts';
import type { Traffic } from './traffic.ts';
import type { Ways } from './ways.ts';

/** A page cache that nothing is written to is said to be so old, seconds. */
const oldestSeconds = 1e6;

/**
 * The way of requests through each broker: network threads, request queue, io threads, purgatory, network threads again. Rates and pools are
 * computed when traffic changes; no request is an event. Beside them the page cache: its age, and reads that have to go to disk.
 *
 * Idle ratios are 1 - (work of a pool) / (its threads). A pause moves neither: work waits and is done later, and a thread that waits for
 * requests when the pause begins is counted as waiting. A broker without traffic shows 1.
 *
 * A reader that lags by more than the cache's age reads from disk, in a network thread (sendfile), and what it reads takes the place of what was
 * written last: age = cache / (bytes written + bytes read from disk). It stays cold until it lags by less than that.
 *
 * Source: Kafka 3.7 `KafkaRequestHandlerPool`, `SocketServer`, `FileRecords.writeTo`; the memory rule of Kafka's operations guide. Simplified: the
 * device's own limit does not slow a cold consumer, `coldReadRate` and the group's speed do.
 */
export class RequestPath {
  /** Threads that wait for requests, as a share: 1 is idle. */
  readonly handlerIdle: Gauge;
  readonly processorIdle: Gauge;
  /** Beyond what the tightest of pools, producers' connections and followers' fetchers can do, as a share. */
  readonly overload: Gauge;
  readonly pageCache: Gauge;
  readonly pageCacheAge: Gauge;
  /** Bytes per second that a broker reads from disk for fetches now. */
  readonly coldReads: Gauge;
  /** Rows of `rehearse:request_latency_ms`. */
  readonly latencyRows: ReturnType<typeof periodRows>;
  /** A broker's requests, and with them its volume, changed. */
  onChange: (broker: number) => void = () => {};
  private readonly sim: Simulation;
  private readonly settings: ClusterSettings;
  private readonly tables: ClusterTables;
  private readonly traffic: Traffic;
  private readonly consumers: Consumers;
  private readonly activeBrokers: Gauge;
  private readonly ways: Ways;
  /** By broker: the round trip to followers that its load was computed for. */
  private readonly trips: Float64Array;
  private readonly loads: (BrokerLoad | undefined)[];
  private readonly coldCatchUp: Float64Array;
  private readonly isCold: Uint8Array;
  /** What each broker's load was computed for. */
  private readonly flows: (readonly number[])[];
  private readonly timers: (Handle | undefined)[];
  /** Whether somebody records what follows from the loads: else they are computed when they are read. */
  private readonly recorded: boolean;
  /** By broker: 1 while its load is to be computed anew. */
  private readonly stale: Uint8Array;
  private readonly warm: Kind;
  private readonly paths: readonly PathHistory[] | undefined;
  private readonly latency: Latency | undefined;

  constructor(
    sim: Simulation,
    settings: ClusterSettings,
    tables: ClusterTables,
    traffic: Traffic,
    consumers: Consumers,
    activeBrokers: Gauge,
    ways: Ways,
  ) {
    this.sim = sim;
    this.settings = settings;
    this.tables = tables;
    this.traffic = traffic;
    this.consumers = consumers;
    this.activeBrokers = activeBrokers;
    this.ways = ways;
    const n = tables.brokerCount;
    this.handlerIdle = sim.gauge('kafka_server_kafkarequesthandlerpool_requesthandleravgidle_percent', n);
    this.processorIdle = sim.gauge('kafka_network_socketserver_networkprocessoravgidle_percent', n);
    this.overload = sim.gauge('rehearse:request_overload_ratio', n);
    this.pageCache = sim.gauge('rehearse:page_cache_bytes', n);
    this.pageCacheAge = sim.gauge('rehearse:page_cache_age_seconds', n);
    this.coldReads = sim.gauge('rehearse:cold_read_bytes_per_second', n);
    this.loads = new Array(n);
    this.coldCatchUp = new Float64Array(n);
    this.flows = new Array(n);
    this.isCold = new Uint8Array(n * consumers.cells.length);
    this.timers = new Array(n);
    this.trips = new Float64Array(n);
    this.stale = new Uint8Array(n);
    this.recorded = [this.handlerIdle, this.processorIdle, this.overload].some(
      (g) => g.rowRecord(0) !== undefined,
    );
    this.warm = sim.on('kafka.readsWarm', (b) => {
      this.timers[b] = undefined;
      this.update(b);
    });
    this.latencyRows = periodRows(settings);
    const totals = sim.gauge('kafka_network_requestmetrics_totaltimems', n * totalTimeRows);
    const period = sim.gauge('rehearse:request_latency_ms', this.latencyRows.length);
    const stages = sim.gauge('rehearse:request_stage_ms', stageRows);
    // Who does not record latency pays nothing for it.
    if ([totals, period, stages].some((g) => g.rowRecord(0) !== undefined)) {
      this.paths = Array.from({ length: n }, () => new PathHistory(settings.requests.queuedMax));
      this.latency = new Latency(sim, settings, this.paths, { totals, period, stages }, (b, u) =>
        this.wayOf(b, u),
      );
    }
    for (let b = 0; b < n; b += 1) {
      this.pageCache.set(b, settings.brokers[b].pageCacheBytes);
      this.update(b);
    }
  }

  /** Latency before one moment, and from the other on, is left out of the measures of the period. */
  measure(fromMicros: number, untilMicros = Number.POSITIVE_INFINITY): void {
    if (this.latency === undefined) return;
    this.latency.measuredFrom = fromMicros;
    this.latency.measuredUntil = untilMicros;
  }

  /** Keeps from now on where the time of each quantile of latency goes; nothing where latency is not recorded. */
  keepStages(): void {
    this.latency?.keepStages();
  }

  /** Where the time of a row of one of the two metrics of latency went, as `Latency.stagesOf` has it. */
  stagesOf(metric: string, row: number): StagedQuantile | undefined {
    if (metric === 'kafka_network_requestmetrics_totaltimems') return this.latency?.stagesOf('totals', row);
    return metric === 'rehearse:request_latency_ms' ? this.latency?.stagesOf('period', row) : undefined;
  }

  /** All threads of a broker stand still from now for so long. */
  pause(broker: number, micros: number): void {
    this.paths?.[broker].pause(this.sim.now, micros);
  }

  /** A broker has so many bytes for its page cache from now on. */
  setPageCache(broker: number, bytes: number): void {
    this.pageCache.set(broker, bytes);
    this.update(broker);
  }

  /** Replicas that catch up read from a leader's disk: so many bytes per second more. */
  addColdCatchUp(broker: number, delta: number): void {
    this.coldCatchUp[broker] = Math.max(0, this.coldCatchUp[broker] + delta);
  }

  /** Age of the oldest bytes in a broker's page cache, microseconds. */
  pageCacheAgeMicros(broker: number): number {
    const bytes = this.writes(broker) + this.coldReads.get(broker);
    return bytes <= 1e-6 ? Number.POSITIVE_INFINITY : (this.pageCache.get(broker) / bytes) * 1e6;
  }

  load(broker: number): BrokerLoad {
    if (this.stale[broker] === 1) this.compute(broker);
    return this.loads[broker]!;
  }

  /** What a broker's requests make it hold in memory, per second, now. */
  volume(broker: number): RequestVolume {
    const { classes, perSecond, purgatoryMicros } = this.load(broker);
    let produceBytes = 0;
    let fetchBytes = 0;
    for (const c of classes) {
      if (c.type === requestType.produce) produceBytes += c.perSecond * c.bytes;
      else fetchBytes += c.perSecond * c.bytes;
    }
    return {
      produceRequests: perSecond[requestType.produce],
      fetchConsumerRequests: perSecond[requestType.fetchConsumer],
      fetchFollowerRequests: perSecond[requestType.fetchFollower],
      produceBytes,
      replicationInBytes: this.traffic.replicationInRate(broker),
      fetchBytes,
      fetchCopiedBytes: this.settings.requests.tls ? fetchBytes : 0,
      purgatoryMicros,
    };
  }

  /** Bytes per second that a broker writes, replicas included. */
  private writes(broker: number): number {
    let sum = this.traffic.catchUpIn[broker];
    for (let t = 0; t < this.settings.topics.length; t += 1) sum += this.traffic.appendRate(t, broker);
    return sum;
  }

  /** A broker's traffic was booked anew; what came out as before changes nothing here. */
  trafficChanged(broker: number): void {
    const { catchUpIn, catchUpOut } = this.traffic;
    const now = [
      ...this.traffic.flows(broker),
      catchUpIn[broker],
      catchUpOut[broker],
      this.coldCatchUp[broker],
      this.activeBrokers.get(0),
    ];
    const before = this.flows[broker];
    this.flows[broker] = now;
    if (before === undefined || now.some((x, i) => x !== before[i])) this.update(broker);
  }

  /** A broker's load is another from now on. */
  private update(broker: number): void {
    this.readFromDisk(broker);
    this.stale[broker] = 1;
    if (this.recorded || this.paths !== undefined) this.compute(broker);
    this.onChange(broker);
  }

  private compute(broker: number): void {
    const { settings } = this;
    this.stale[broker] = 0;
    this.trips[broker] = this.followerRoundTripMicros(broker);
    const load = requestLoad(
      this.trafficOf(broker),
      settings.requests,
      settings.fetcher,
      settings.timing.roundTripMicros,
      settings.timing.fetchWaitMicros,
      this.trips[broker],
    );
    this.loads[broker] = load;
    this.handlerIdle.set(broker, Math.max(0, 1 - load.io.utilisation));
    this.processorIdle.set(broker, Math.max(0, 1 - load.network.utilisation));
    this.overload.set(broker, load.overload);
    this.paths?.[broker].setLoad(this.sim.now, load);
  }

  /** What the network between brokers gives changed. */
  networkChanged(): void {
    for (let b = 0; b < this.tables.brokerCount; b += 1) this.update(b);
  }

  /** Mean over what a broker leads, by bytes, of the longest round trip to a follower in sync, microseconds. */
  private followerRoundTripMicros(broker: number): number {
    const usual = this.settings.timing.roundTripMicros;
    if (this.ways.uniform) return usual;
    const { tables } = this;
    let bytes = 0;
    let sum = 0;
    for (const r of tables.hosted(broker)) {
      const p = Math.floor(r / tables.stride);
      if (tables.leader[p] !== broker) continue;
      const trips = this.followersOf(p).map((b) => this.ways.roundTripMicros(broker, b));
      if (trips.length === 0) continue;
      const rate = Math.max(this.traffic.partitionRate(p), 1e-9);
      bytes += rate;
      sum += rate * Math.max(...trips);
    }
    return bytes === 0 ? usual : sum / bytes;
  }

  /** Brokers of a partition's followers in sync. */
  private followersOf(p: number): number[] {
    const { tables } = this;
    const found: number[] = [];
    for (let r = p * tables.stride; r < (p + 1) * tables.stride; r += 1) {
      const b = tables.broker[r];
      if (b >= 0 && b !== tables.leader[p] && tables.inSync[r] === 1) found.push(b);
    }
    return found;
  }

  /** The followers of one of the partitions with acks=all that a broker leads, the one at probability u, and the way to each. */
  private wayOf(broker: number, u: number): FollowerWays | undefined {
    if (this.ways.uniform || this.paths === undefined) return undefined;
    const { tables } = this;
    const hosted = tables.hosted(broker);
    const count = hosted.length;
    for (let i = 0, at = Math.floor(u * count); i < count; i += 1, at = (at + 1) % count) {
      const p = Math.floor(hosted[at] / tables.stride);
      if (tables.leader[p] !== broker || this.settings.topics[tables.topic[p]].acks !== 'all') continue;
      return {
        meanMicros: this.trips[broker],
        followers: this.followersOf(p).map((b) => ({
          path: this.paths![b],
          roundTripMicros: this.ways.roundTripMicros(broker, b),
        })),
      };
    }
    return undefined;
  }

  /** Bytes per second that a group reads of a topic from a broker now. */
  private readRate(cell: number, broker: number): number {
    const { topic, group } = this.consumers.cells[cell];
    const share = this.traffic.readShare(group, topic, broker);
    // A group that reads nothing is behind by the whole rate, but for rounding.
    const speed = 1 + this.consumers.readAhead(cell);
    return share <= 1e-12 || speed <= 1e-12 ? 0 : this.traffic.topicRate[topic] * share * speed;
  }

  /** Bytes per second that replicas and groups read from a broker's disk, as they stand. */
  private coldBytes(broker: number): number {
    const cells = this.consumers.cells.length;
    let sum = this.coldCatchUp[broker];
    for (let cell = 0; cell < cells; cell += 1) {
      if (this.isCold[broker * cells + cell] === 1) sum += this.readRate(cell, broker);
    }
    return sum;
  }

  /** Which groups read from a broker's disk, how fast, and when the first of them will have come near enough to the end. */
  private readFromDisk(broker: number): void {
    const { consumers } = this;
    const cells = consumers.cells.length;
    const written = this.writes(broker);
    let cold = this.coldBytes(broker);
    const age = () =>
      written + cold <= 1e-6
        ? Number.POSITIVE_INFINITY
        : (this.pageCache.get(broker) / (written + cold)) * 1e6;
    for (let again = true, round = 0; again && round <= 2 * cells; round += 1) {
      again = false;
      for (let cell = 0; cell < cells; cell += 1) {
        const row = broker * cells + cell;
        const rate = this.readRate(cell, broker);
        const now = rate > 0 && consumers.behindMicros(cell) > age() ? 1 : 0;
        if (now === this.isCold[row]) continue;
        this.isCold[row] = now;
        cold = this.coldBytes(broker);
        again = true;
      }
    }
    this.coldReads.set(broker, cold < 1e-6 ? 0 : cold);
    this.pageCacheAge.set(broker, Math.min(oldestSeconds, age() / 1e6));
    const timer = this.timers[broker];
    if (timer !== undefined) this.sim.cancel(timer);
    this.timers[broker] = undefined;
    let soonest = Number.POSITIVE_INFINITY;
    for (let cell = 0; cell < cells; cell += 1) {
      const speed = consumers.readAhead(cell);
      const cold = this.isCold[broker * cells + cell] === 1;
      // Who reads more than comes in gets warmer, who reads less gets colder; who reads nothing reads no disk.
      if (cold ? speed <= 0 : speed >= 0 || this.readRate(cell, broker) === 0) continue;
      soonest = Math.min(soonest, (consumers.behindMicros(cell) - age()) / speed);
    }
    if (soonest < Number.MAX_SAFE_INTEGER - this.sim.now)
      this.timers[broker] = this.sim.after(Math.max(1, Math.ceil(soonest)), this.warm, broker);
  }

  private trafficOf(broker: number): LeaderTraffic {
    const { traffic, settings, consumers } = this;
    const n = this.tables.brokerCount;
    const cells = consumers.cells.length;
    const rows = new Map<number, number>();
    const topics: LeaderTraffic['topics'][number][] = [];
    let followed = 0;
    for (let t = 0; t < settings.topics.length; t += 1) {
      const rate = traffic.topicRate[t];
      const share = traffic.leadShare[t * n + broker];
      if (rate === 0 || share <= 1e-12) continue;
      const topic = settings.topics[t];
      const out = traffic.liveOutShare[t * n + broker];
      rows.set(t, topics.length);
      topics.push({
        topic,
        bytesPerSecond: rate * share,
        messagesPerSecond: (rate * share * topic.messagesInPerSecond) / topic.bytesInPerSecond,
        partitions: this.tables.partitionsOf[t] * share,
        followers: out > 1e-12 ? out / share : 0,
      });
      if (out > 1e-12) followed += rate * out;
    }
    const groups = new Map<number, { topics: number[]; bytes: number; cold: number; behind: number }>();
    consumers.cells.forEach(({ group, topic }, cell) => {
      const row = rows.get(topic);
      if (row === undefined) return;
      let own = groups.get(group);
      if (own === undefined) {
        own = { topics: [], bytes: 0, cold: 0, behind: 0 };
        groups.set(group, own);
      }
      const rate = this.readRate(cell, broker);
      own.topics.push(row);
      own.bytes += rate;
      if (this.isCold[broker * cells + cell] === 1) own.cold += rate;
      if (consumers.readAhead(cell) > 0) own.behind = Math.max(own.behind, consumers.behindMicros(cell));
    });
    return {
      topics,
      groups: [...groups].map(([group, own]) => ({
        group: settings.groups[group],
        topics: own.topics,
        bytesPerSecond: own.bytes,
        coldBytesPerSecond: own.cold,
        behindMicros: own.behind,
      })),
      followerBrokers: followed > 0 ? Math.max(1, this.activeBrokers.get(0) - 1) : 0,
      followerBytesPerSecond: followed,
      catchUpBytesPerSecond: traffic.catchUpOut[broker],
      coldCatchUpBytesPerSecond: this.coldCatchUp[broker],
    };
  }
}
