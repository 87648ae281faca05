import type { Gauge } from '../../engine/gauge.ts';
import {
  BrokenInvariant,
  eventClass,
  type Handle,
  type Kind,
  type Simulation,
} from '../../engine/simulation.ts';
import {
  type ClusterSettings,
  type DirectorySettings,
  directoriesOf,
  type TopicSettings,
} from './settings.ts';
import { type ClusterTables, noLeader, replicaState } from './tables.ts';
import type { Traffic } from './traffic.ts';
import { VolumeHistory } from './volumeHistory.ts';

/** The first retention check of a broker comes so long after its logs are loaded. Source: Kafka 3.7 `LogManager.InitialTaskDelayMs`. */
const firstCheckMicros = 30_000_000;

/** What must be read to load the logs of one directory. */
export interface DirectoryLoad {
  /** Files to open: one for each segment. */
  readonly segments: number;
  /** Bytes of the active segments, which are read again after an unclean stop. */
  readonly activeBytes: number;
  /** Bytes per second that the disk reads. */
  readonly readRate: number;
}

/**
 * Microseconds for which the logs of a broker load: directories in parallel, each with its own recovery threads.
 *
 *     T = max over directories of  segments x open / threads  +  (unclean) active bytes / min(threads x scan, disk read)
 *
 * Source: Kafka 3.7 `LogManager.loadLogs` (a pool of num.recovery.threads.per.data.dir threads for each directory), `LogLoader`
 * (segments from the recovery point on are read again; a flush at each roll makes that the active one); the formula is ours.
 * Simplified: a log is not one indivisible task, so that the last one does not run alone.
 * @param scanRate bytes per second that one thread reads and checks
 */
export function loadMicros(
  directories: readonly DirectoryLoad[],
  unclean: boolean,
  threads: number,
  openMicros: number,
  scanRate: number,
): number {
  let longest = 0;
  for (const { segments, activeBytes, readRate } of directories) {
    const scan = unclean ? (activeBytes / Math.min(threads * scanRate, readRate)) * 1e6 : 0;
    longest = Math.max(longest, (segments * openMicros) / threads + scan);
  }
  return longest;
}

/** Bytes that wait for file.delete.delay.ms in a directory. */
interface Deleted {
  readonly due: number;
  readonly bytes: number;
}

/** The logs in one directory by topic: a cell is a topic in a directory. */
interface Shelf {
  /** Replica rows, those of one topic side by side. */
  readonly logs: Int32Array;
  /** By cell: its topic, and where its logs begin, with one more entry at the end. */
  readonly topic: Int32Array;
  readonly from: Int32Array;
  /** By cell: none of its logs loses a segment by age before this moment, microseconds. */
  readonly dueAt: Float64Array;
  /** By cell: none of its logs loses a segment by size before the topic's volume gets there, bytes. */
  readonly dueVolume: Float64Array;
  /** By cell: what lagging replicas append beside the live ones, bytes per second. */
  readonly catchUp: Float64Array;
}

/**
 * Logs as segments in log directories, and with them the use of each disk.
 *
 * A log is the bytes from its start, which is a segment's base, to its end. Segments are not listed: the next base follows from the one
 * before it, by log.segment.bytes, or by log.roll.hours from the segment's first record to the next one that comes, whichever is
 * first; a record is as old as the topic's volume says. Every log.retention.check.interval.ms a broker deletes whole segments, from
 * the oldest one on: while the log without it still has retention.bytes, then while its newest record is older than retention.ms.
 * The second rule takes the active segment as well, when all of its records are old. A segment must lie below the high watermark.
 * The disk has its bytes back file.delete.delay.ms later, or when the broker loads its logs again.
 *
 * A check that would delete nothing is not played: for each topic in a directory the model keeps the earliest time and the least volume
 * of the topic at which one of its logs may lose a segment, and schedules the first check after that. Periods of any length
 * are played check by check: two events for each broker in 300 s, with the logs that are due.
 *
 * At the start a broker's checks have a phase of their own, drawn once. The logs of a directory share its used bytes by their rates; logs
 * of one topic differ by up to a segment around that, in fixed steps, so that they do not all roll at once. What the last check
 * before the start would have deleted is gone. With `holdLogsAtInitialSize` each log has a retention.bytes of its own in place of the
 * topic's limits: what it held after the last check before the start, less its place in the sawtooth, which differs from log to log in
 * fixed steps.
 *
 * Source: Kafka 3.7 `LogSegment.shouldRoll`, `UnifiedLog.deleteOldSegments`, `deletableSegments`, `LogManager`, `LocalLog.deleteSegmentFiles`,
 * `LogDirFailureChannel`, `ReplicaManager.handleLogDirFailure`; JBOD under KRaft: KIP-858.
 * Simplified: batches have no size, so a segment is full to the byte; indexes take no room; compaction is not played; a follower does
 * not take over its leader's log start, whose own check is at most one interval away; the check of a process that stands still is not
 * put off; records that waited in producers are as old as they were offered; after sends failed, older records count
 * as younger by as long as sends failed.
 */
export class Logs {
  readonly used: Gauge;
  readonly capacity: Gauge;
  readonly fullAt: Gauge;
  readonly directoryUsed: Gauge;
  readonly directoryCapacity: Gauge;
  readonly directoryOffline: Gauge;
  readonly offlineDirectories: Gauge;
  /** Bytes of a topic that were only on a disk that was replaced. */
  readonly lostWithDisk: Gauge;
  /** A running broker lost a log directory with these replicas; `last`: it has no other. */
  onDirectoryLost: (broker: number, replicas: Int32Array, why: string, last: boolean) => void = () => {};
  /** A disk of a broker was replaced by an empty one. */
  onRepaired: (broker: number) => void = () => {};
  /** So many more replicas of a broker are offline. */
  onReplicasOffline: (broker: number, delta: number) => void = () => {};
  /** Bytes that are booked as appended in a broker's directory beyond what there was to fetch, until the end of a catch-up is played. */
  overfetched: (broker: number, place: number) => number = () => 0;
  /** Bytes that a lagging replica misses. */
  missing: (replica: number) => number = () => 0;
  /** Bytes per second that the disk of a broker's directory reads. */
  readRate: (broker: number, place: number) => number = () => Number.POSITIVE_INFINITY;

  private readonly sim: Simulation;
  private readonly settings: ClusterSettings;
  private readonly tables: ClusterTables;
  private readonly topics: readonly TopicSettings[];
  private readonly traffic: Traffic;
  private readonly histories: readonly VolumeHistory[];
  private readonly horizon: Float64Array;
  private readonly diskFull: Kind;
  private readonly diskNoticed: Kind;
  private readonly check: Kind;
  private readonly filesDeleted: Kind;

  // By replica.
  private readonly start: Float64Array;
  /** retention.bytes of each log where logs are held at their initial size. */
  private readonly held: Float64Array | undefined;

  // By directory.
  private readonly directories: DirectorySettings[] = [];
  private readonly size: Float64Array;
  private readonly slope: Float64Array;
  private readonly since: Float64Array;
  private readonly online: Uint8Array;
  /** 1 where the disk fails whatever is asked of it. */
  private readonly failed: Uint8Array;
  /** 1 where an empty disk has been put in, which no process has yet taken into use. */
  private readonly replaced: Uint8Array;
  private readonly deleted: Deleted[][] = [];
  /** Directories that were booked since they were verified last. */
  private readonly unverified = new Set<number>();
  private readonly shelves: Shelf[] = [];
  /** By partition whose share has changed: where its log ended and how far its topic was when it did, and its share before. */
  private readonly courses = new Map<
    number,
    { firstShare: number; positions: number[]; volumes: number[] }
  >();

  // By broker.
  private readonly running: Uint8Array;
  private readonly loaded: Uint8Array;
  /** Counts processes, so that a deletion that an earlier one had planned is told from one of this. */
  private readonly life: Int32Array;
  /** A moment of the broker's checks, microseconds; the others are whole intervals later. */
  private readonly checkPhase: Float64Array;
  private readonly fullTimers: (Handle | undefined)[];
  private readonly checkTimers: (Handle | undefined)[];
  private readonly checkAt: Float64Array;
  private readonly dirty = new Set<number>();

  constructor(sim: Simulation, settings: ClusterSettings, tables: ClusterTables, traffic: Traffic) {
    this.sim = sim;
    this.settings = settings;
    this.tables = tables;
    this.topics = settings.topics;
    this.traffic = traffic;
    this.histories = this.topics.map((t) => new VolumeHistory(t.bytesInPerSecond));
    this.horizon = Float64Array.from(this.topics, (t) => {
      const age = t.retentionMicros === Number.POSITIVE_INFINITY ? 0 : t.retentionMicros;
      return 2 * (age + t.segmentMicros);
    });
    const b = tables.brokerCount;
    const d = tables.directoryCount;
    this.used = sim.gauge('rehearse:log_disk_used_bytes', b, { linear: true });
    this.capacity = sim.gauge('rehearse:log_disk_capacity_bytes', b);
    this.fullAt = sim.gauge('rehearse:log_disk_full_seconds', b);
    this.directoryUsed = sim.gauge('rehearse:log_directory_used_bytes', d, { linear: true });
    this.directoryCapacity = sim.gauge('rehearse:log_directory_capacity_bytes', d);
    this.directoryOffline = sim.gauge('kafka_log_logmanager_logdirectoryoffline', d);
    this.offlineDirectories = sim.gauge('kafka_log_logmanager_offlinelogdirectorycount', b);
    this.lostWithDisk = sim.gauge('rehearse:lost_with_disk_bytes', this.topics.length);
    this.start = new Float64Array(tables.broker.length);
    if (settings.holdLogsAtInitialSize) this.held = new Float64Array(tables.broker.length);
    for (const broker of settings.brokers) this.directories.push(...directoriesOf(broker));
    this.size = new Float64Array(d);
    this.slope = new Float64Array(d);
    this.since = new Float64Array(d);
    this.online = new Uint8Array(d).fill(1);
    this.failed = new Uint8Array(d);
    this.replaced = new Uint8Array(d);
    for (let i = 0; i < d; i += 1) this.deleted.push([]);
    this.running = new Uint8Array(b).fill(1);
    this.loaded = new Uint8Array(b).fill(1);
    this.life = new Int32Array(b);
    this.checkPhase = new Float64Array(b);
    this.checkAt = new Float64Array(b).fill(Number.POSITIVE_INFINITY);
    this.fullTimers = new Array(b);
    this.checkTimers = new Array(b);
    this.diskNoticed = sim.on('kafka.diskFailureNoticed', (d) => {
      const running = this.running[this.brokerOf(d)] === 1;
      if (running && this.failed[d] === 1 && this.online[d] === 1) this.lose(d, 'its disk failed');
    });
    this.diskFull = sim.on('kafka.diskUse', (broker) => {
      this.fullTimers[broker] = undefined;
      this.dirty.add(broker);
    });
    this.check = sim.on('kafka.retentionCheck', (broker) => this.onCheck(broker), eventClass.timer);
    this.filesDeleted = sim.on('kafka.filesDeleted', (directory, life) => {
      if (this.life[this.brokerOf(directory)] === life) this.free(directory, this.sim.now);
    });
    for (let i = 0; i < d; i += 1) this.shelves.push(this.shelve(i));
    for (let broker = 0; broker < b; broker += 1) this.begin(broker);
    sim.beforeAdvance(() => this.flush());
    sim.stateDigest('kafka logs', (add) => {
      for (let i = 0; i < d; i += 1) {
        add(this.usedBytes(i));
      }
    });
  }

  // Layout.

  /** The logs of a directory in their order now. What a cell keeps over time is taken from `before`. */
  private shelve(directory: number, before?: Shelf): Shelf {
    const { tables } = this;
    const hosted = tables.hosted(this.brokerOf(directory));
    const logs =
      tables.directoryCount === tables.brokerCount
        ? hosted
        : hosted.filter((r) => tables.directoryOf(r) === directory);
    const topic: number[] = [];
    const from: number[] = [];
    logs.forEach((r, i) => {
      const t = tables.topic[this.partitionOf(r)];
      if (topic[topic.length - 1] === t) return;
      topic.push(t);
      from.push(i);
    });
    const shelf = {
      logs,
      topic: Int32Array.from(topic),
      from: Int32Array.from([...from, logs.length]),
      dueAt: new Float64Array(topic.length).fill(Number.NEGATIVE_INFINITY),
      dueVolume: new Float64Array(topic.length).fill(Number.NEGATIVE_INFINITY),
      catchUp: new Float64Array(topic.length),
    };
    before?.topic.forEach((t, cell) => {
      const at = shelf.topic.indexOf(t);
      if (at >= 0) shelf.catchUp[at] = before.catchUp[cell];
    });
    return shelf;
  }

  private partitionOf(replica: number): number {
    return Math.floor(replica / this.tables.stride);
  }

  private brokerOf(directory: number): number {
    const { directoriesFrom } = this.tables;
    let b = Math.min(directory, this.tables.brokerCount - 1);
    while (directoriesFrom[b] > directory) b -= 1;
    while (directoriesFrom[b + 1] <= directory) b += 1;
    return b;
  }

  /** Broker row, and name, of a directory. */
  directory(row: number): { readonly broker: number; readonly name: string } {
    return { broker: this.brokerOf(row), name: this.directories[row].name };
  }

  // The start.

  /** The logs of a broker as they are after the last check before the start, and what has come in since. */
  private begin(broker: number): void {
    const { tables, settings } = this;
    const interval = settings.retentionCheckMicros;
    const u = this.sim.stream(`broker/${settings.brokers[broker].id}`, 'retentionPhase')();
    const first = Math.max(1, Math.ceil(u * interval));
    this.checkPhase[broker] = first;
    let capacity = 0;
    for (let d = tables.directoriesFrom[broker]; d < tables.directoriesFrom[broker + 1]; d += 1) {
      const { capacityBytes, usedBytes } = this.directories[d];
      capacity += capacityBytes;
      this.directoryCapacity.set(d, capacityBytes);
      let rate = 0;
      for (const r of this.shelves[d].logs) rate += this.baseRate(r);
      // In the steady state each check deletes what came in during one interval; some of it may still be on the disk.
      const waits = first - interval + settings.fileDeleteDelayMicros;
      const waiting =
        this.held !== undefined && waits > 0 ? Math.min(usedBytes / 2, (rate * interval) / 1e6) : 0;
      this.share(d, usedBytes - Math.floor(waiting), rate);
      let gone = Math.floor(waiting);
      for (const r of this.shelves[d].logs) gone += this.settleStart(r, first - interval);
      this.size[d] = this.retainedBytes(d) + (waits > 0 ? gone : 0);
      if (waits > 0 && gone > 0) {
        this.deleted[d].push({ due: waits, bytes: gone });
        this.sim.at(waits, this.filesDeleted, d, 0);
      }
    }
    this.capacity.set(broker, capacity);
    this.dirty.add(broker);
  }

  /** Bytes per second that a replica took in before the start. */
  private baseRate(replica: number): number {
    const p = this.partitionOf(replica);
    return this.topics[this.tables.topic[p]].bytesInPerSecond * this.tables.share[p];
  }

  /** Spreads the bytes of a directory over its logs, in whole bytes. */
  private share(directory: number, bytes: number, rate: number): void {
    const shelf = this.shelves[directory];
    let left = bytes;
    let some = -1;
    for (let cell = 0; cell < shelf.topic.length; cell += 1) {
      const [from, to] = [shelf.from[cell], shelf.from[cell + 1]];
      const { segmentBytes } = this.topics[shelf.topic[cell]];
      const mean = (r: number) =>
        rate === 0 ? bytes / shelf.logs.length : (bytes * this.baseRate(r)) / rate;
      let amplitudes = 0;
      let sum = 0;
      for (let i = from; i < to; i += 1) {
        const amplitude = Math.min(segmentBytes, mean(shelf.logs[i]));
        amplitudes += amplitude;
        sum += amplitude * step(i - from, goldenStep);
      }
      const centre = amplitudes === 0 ? 0 : sum / amplitudes;
      for (let i = from; i < to; i += 1) {
        const r = shelf.logs[i];
        const part = mean(r);
        const size = Math.floor(part + Math.min(segmentBytes, part) * (step(i - from, goldenStep) - centre));
        this.start[r] = 0 - size;
        left -= size;
        if (size > 0 && (some < 0 || size > -this.start[some])) some = r;
        if (this.held !== undefined) this.held[r] = step(i - from, secondStep);
      }
    }
    // What rounding left goes to the largest log.
    if (some >= 0) this.start[some] -= Math.round(left);
  }

  /**
   * Plays the last check before the start on one log, at `at` microseconds, below 0.
   * @returns bytes that it deleted
   */
  private settleStart(replica: number, at: number): number {
    const p = this.partitionOf(replica);
    const from = this.start[replica];
    const end = Math.min(0, Math.floor((this.baseRate(replica) * at) / 1e6));
    if (end <= from) {
      if (this.held !== undefined) this.held[replica] = 1;
      return 0;
    }
    if (this.held !== undefined) {
      const next = this.nextBase(p, from);
      const oldest = next <= end ? next - from : this.topics[this.tables.topic[p]].segmentBytes;
      this.held[replica] = Math.max(1, Math.floor(end - from - this.held[replica] * oldest));
      return 0;
    }
    this.start[replica] = this.deletable(replica, from, end, end, at);
    return this.start[replica] - from;
  }

  // Positions.

  /** The position of a log's end, whole bytes on the axis of its partition, which is 0 at the start of the run. */
  end(replica: number): number {
    const { tables } = this;
    const p = this.partitionOf(replica);
    if (tables.state[replica] === replicaState.stopped) return tables.replicaEndBytes[replica];
    const behind = tables.state[replica] === replicaState.lagging ? this.missing(replica) : 0;
    return this.offered(p) - behind;
  }

  /** Where the leader's log ends now. */
  private offered(p: number): number {
    const { tables } = this;
    if (tables.writable[p] === 0) return tables.logEndBytes[p];
    return tables.logEndBytes[p] + Math.floor(this.unsettled(p));
  }

  private unsettled(p: number): number {
    const { tables } = this;
    const since = this.traffic.volumeOf(tables.topic[p]) - tables.volumeAt[p];
    const taken = tables.writable[p] === 1 ? tables.admitted[p] : 1;
    return tables.share[p] * taken * since + tables.carry[p];
  }

  /** The base of the oldest segment. */
  startOf(replica: number): number {
    return this.start[replica];
  }

  /** Bytes of a log. */
  bytes(replica: number): number {
    return this.end(replica) - this.start[replica];
  }

  /** Bytes of all logs in a directory, without files that wait for their deletion. */
  retainedBytes(directory: number): number {
    let bytes = 0;
    for (const r of this.shelves[directory].logs) bytes += this.bytes(r);
    return bytes;
  }

  /** Bytes of deleted segments whose files are still in a directory. */
  waitingBytes(directory: number): number {
    return this.deleted[directory].reduce((sum, f) => sum + f.bytes, 0);
  }

  /** Bytes in use in a directory now. */
  usedBytes(directory: number): number {
    return this.size[directory] + (this.slope[directory] * (this.sim.now - this.since[directory])) / 1e6;
  }

  /**
   * What a disk holds is what its logs hold and what waits for deletion, to some bytes for each log and turn of its fetching. Looked at
   * where something was booked since: between bookings both grow alike.
   */
  verify(): void {
    const booked = [...this.unverified];
    this.unverified.clear();
    for (const d of booked) {
      const held = this.retainedBytes(d) + this.waitingBytes(d);
      const replicas = this.shelves[d].logs.length;
      const { broker: b } = this.directory(d);
      const used = this.usedBytes(d) - this.overfetched(b, d - this.tables.directoriesFrom[b]);
      // A disk that was just replaced is empty before its replicas know it.
      if (this.replaced[d] === 1) continue;
      if (Math.abs(used - held) > 4096 * (1 + replicas) + 1e-9 * held) {
        const { broker, name } = this.directory(d);
        throw new BrokenInvariant(
          `broker ${this.settings.brokers[broker].id}, ${name}: ${used} bytes in use, ${held} in its logs and deleted files`,
        );
      }
    }
  }

  /** The share of a partition is about to change: what is in its log came at the one before. */
  beforeShare(p: number): void {
    const { tables } = this;
    let course = this.courses.get(p);
    if (course === undefined) {
      course = { firstShare: tables.share[p], positions: [], volumes: [] };
      this.courses.set(p, course);
    }
    course.positions.push(this.offered(p));
    course.volumes.push(this.traffic.volumeOf(tables.topic[p]));
  }

  /** The shares of a topic's partitions are others: when their logs lose segments has to be found anew. */
  sharesChanged(topic: number): void {
    this.shelves.forEach((shelf, d) => {
      const cell = shelf.topic.indexOf(topic);
      if (cell < 0) return;
      shelf.dueAt[cell] = Number.NEGATIVE_INFINITY;
      shelf.dueVolume[cell] = Number.NEGATIVE_INFINITY;
      this.dirty.add(this.brokerOf(d));
    });
  }

  /** The topic's volume when a partition's log passed a position. */
  private volumeOf(p: number, position: number): number {
    const { tables } = this;
    const course = this.courses.get(p);
    if (course !== undefined && position < course.positions[course.positions.length - 1])
      return along(course.positions, course.volumes, position, 1 / course.firstShare);
    return tables.volumeAt[p] + (position - tables.logEndBytes[p] - tables.carry[p]) / tables.share[p];
  }

  /** When the last record before a position was offered, microseconds; one of an idle partition counts as written at the start. */
  private writtenAt(p: number, position: number): number {
    const { tables } = this;
    if (tables.share[p] === 0) return 0;
    const t = tables.topic[p];
    // Rounding must not put a record behind the last one.
    return this.histories[t].reached(Math.min(this.volumeOf(p, position), this.traffic.volumeOf(t)));
  }

  /** The base of the segment that follows the one at `base`, whether or not the log has come so far. */
  private nextBase(p: number, base: number): number {
    const { tables } = this;
    const { segmentBytes, segmentMicros } = this.topics[tables.topic[p]];
    const full = base + segmentBytes;
    if (tables.share[p] === 0 || segmentMicros === Number.POSITIVE_INFINITY) return full;
    const history = this.histories[tables.topic[p]];
    const first = history.reached(this.volumeOf(p, base + 1));
    if (first === Number.POSITIVE_INFINITY) return full;
    const volume = history.volumeAt(first + segmentMicros);
    const course = this.courses.get(p);
    if (course !== undefined && volume < course.volumes[course.volumes.length - 1]) {
      const position = along(course.volumes, course.positions, volume, course.firstShare);
      return Math.min(full, Math.max(base + 1, Math.floor(position)));
    }
    const past = tables.share[p] * (volume - tables.volumeAt[p]) + tables.carry[p];
    return Math.min(full, Math.max(base + 1, tables.logEndBytes[p] + Math.floor(past)));
  }

  // Retention.

  private retentionBytes(replica: number): number {
    if (this.held !== undefined) return this.held[replica];
    return this.topics[this.tables.topic[this.partitionOf(replica)]].retentionBytes;
  }

  private retentionMicros(replica: number): number {
    if (this.held !== undefined) return Number.POSITIVE_INFINITY;
    return this.topics[this.tables.topic[this.partitionOf(replica)]].retentionMicros;
  }

  /**
   * Where a log begins after a check.
   * @param end of the log, and `below`: what it may delete up to, the high watermark
   * @param now microseconds
   */
  private deletable(replica: number, start: number, end: number, below: number, now: number): number {
    const p = this.partitionOf(replica);
    const kept = this.retentionBytes(replica);
    const age = this.retentionMicros(replica);
    let from = start;
    let to = Math.min(end, this.nextBase(p, from));
    while (to > from && to <= below && end - to >= kept) {
      from = to;
      to = Math.min(end, this.nextBase(p, from));
    }
    while (to > from && to <= below && now - this.writtenAt(p, to) > age) {
      from = to;
      to = Math.min(end, this.nextBase(p, from));
    }
    return from;
  }

  private onCheck(broker: number): void {
    const { tables, sim } = this;
    this.checkTimers[broker] = undefined;
    this.checkAt[broker] = Number.POSITIVE_INFINITY;
    for (let d = tables.directoriesFrom[broker]; d < tables.directoriesFrom[broker + 1]; d += 1) {
      if (this.online[d] === 0) continue;
      let bytes = 0;
      const shelf = this.shelves[d];
      for (let cell = 0; cell < shelf.topic.length; cell += 1) {
        const volume = this.traffic.volumeOf(shelf.topic[cell]);
        if (sim.now > shelf.dueAt[cell] || volume >= shelf.dueVolume[cell])
          bytes += this.clean(shelf, cell, volume);
      }
      if (bytes === 0) continue;
      const due = sim.now + this.settings.fileDeleteDelayMicros;
      this.deleted[d].push({ due, bytes });
      if (due === sim.now) this.free(d, due);
      else sim.at(due, this.filesDeleted, d, this.life[broker]);
    }
    this.dirty.add(broker);
  }

  /** Deletes what the logs of a cell have too much, and looks when the next one will. @returns bytes deleted */
  private clean(shelf: Shelf, cell: number, volume: number): number {
    const { tables } = this;
    let bytes = 0;
    let at = Number.POSITIVE_INFINITY;
    let least = Number.POSITIVE_INFINITY;
    for (let i = shelf.from[cell]; i < shelf.from[cell + 1]; i += 1) {
      const r = shelf.logs[i];
      const p = this.partitionOf(r);
      const end = this.end(r);
      const frozen = tables.frozenWatermark[p];
      const start = this.deletable(
        r,
        this.start[r],
        end,
        Number.isNaN(frozen) ? end : Math.min(end, frozen),
        this.sim.now,
      );
      bytes += start - this.start[r];
      this.start[r] = start;
      // The oldest segment may yet grow: what holds for it as it is holds later at the soonest.
      const to = Math.min(end, this.nextBase(p, start));
      if (tables.share[p] > 0) {
        // What waits in producers arrives at once when the partition can be written again.
        const coming = tables.writable[p] === 1 ? end : end + this.unsettled(p);
        least = Math.min(least, volume + (to + this.retentionBytes(r) - coming - 1) / tables.share[p]);
      }
      const age = this.retentionMicros(r);
      if (to > start) at = Math.min(at, this.writtenAt(p, to) + age);
      // An empty log has nothing to delete before something comes.
      else if (age < Number.POSITIVE_INFINITY && tables.share[p] > 0)
        least = Math.min(least, volume + 1 / tables.share[p]);
    }
    // A replica that catches up runs ahead of the topic's volume: looked at again with every check.
    const lags = shelf.catchUp[cell] > 1e-3;
    shelf.dueAt[cell] = lags ? Number.NEGATIVE_INFINITY : at;
    shelf.dueVolume[cell] = least;
    return bytes;
  }

  /** Files whose deletion was due at `now` are gone. */
  private free(directory: number, now: number): void {
    this.settle(directory);
    const files = this.deleted[directory];
    while (files.length > 0 && files[0].due <= now) this.size[directory] -= files.shift()!.bytes;
    this.dirty.add(this.brokerOf(directory));
  }

  // What changes a log's growth.

  /** Appends to a broker's logs changed. */
  touch(broker: number): void {
    this.dirty.add(broker);
  }

  /** A topic's load is another one from now on. */
  loadChanged(topic: number): void {
    const { sim, traffic } = this;
    const horizon = this.horizon[topic];
    this.histories[topic].change(sim.now, traffic.volumeOf(topic), traffic.topicRate[topic], horizon);
  }

  /** Lagging replicas of a topic append `delta` bytes per second more in one of a broker's directories. */
  addCatchUp(topic: number, broker: number, place: number, delta: number): void {
    const d = this.tables.directoriesFrom[broker] + place;
    this.settle(d);
    const { catchUp, dueAt, topic: topics } = this.shelves[d];
    for (let cell = 0; cell < topics.length; cell += 1) {
      if (topics[cell] !== topic) continue;
      const sum = catchUp[cell] + delta;
      catchUp[cell] = Math.abs(sum) < 1e-3 ? 0 : sum;
      dueAt[cell] = Number.NEGATIVE_INFINITY;
    }
    this.dirty.add(broker);
  }

  /** The live replicas of a partition took in so many bytes at once. */
  appended(p: number, bytes: number): void {
    const { tables } = this;
    for (let r = p * tables.stride; r < (p + 1) * tables.stride; r += 1) {
      if (tables.broker[r] >= 0 && tables.state[r] === replicaState.live) this.resize(r, bytes);
    }
  }

  // Replicas that come and go.

  /**
   * The place of the directory into which a broker puts another replica: the one with the fewest, the first of them where there are
   * several; of a running broker one that is online. Source: Kafka 3.7 `LogManager.nextLogDirs`.
   */
  placeFor(broker: number): number {
    const { directoriesFrom } = this.tables;
    const first = directoriesFrom[broker];
    let least = -1;
    for (let d = first; d < directoriesFrom[broker + 1]; d += 1) {
      if (this.running[broker] === 1 && this.online[d] === 0) continue;
      if (least < 0 || this.shelves[d].logs.length < this.shelves[least].logs.length) least = d;
    }
    return Math.max(0, least - first);
  }

  /**
   * A broker begins the log of a replica that it has got: empty, where its leader's log begins. Where logs are held at their initial size
   * it has the limit of the replica that it copies, or one of a new partition the mean limit of its topic's logs.
   */
  add(replica: number): void {
    const { tables } = this;
    const p = this.partitionOf(replica);
    const d = tables.directoryOf(replica);
    const source = this.sourceOf(replica);
    this.traffic.settle(p);
    this.start[replica] = source < 0 ? tables.logEndBytes[p] : this.start[source];
    tables.replicaEndBytes[replica] = this.start[replica];
    // What is copied is as old as the first record of the log: the reader begins there.
    tables.stoppedAt[replica] = this.firstWrittenAt(replica);
    if (this.held !== undefined)
      this.held[replica] = source < 0 ? this.meanHeld(tables.topic[p]) : this.held[source];
    this.shelves[d] = this.shelve(d, this.shelves[d]);
    this.settle(d);
    this.dirty.add(tables.broker[replica]);
  }

  /**
   * A broker gives up a replica, which must stand still: its files are renamed now and deleted after file.delete.delay.ms, by a broker that is
   * down when it starts. Source: Kafka 3.7 `LogManager.asyncDelete`, `ReplicaManager.stopPartitions`.
   */
  remove(replica: number): void {
    const { tables, sim } = this;
    const d = tables.directoryOf(replica);
    const broker = tables.broker[replica];
    const bytes = this.bytes(replica);
    this.settle(d);
    if (tables.offline[replica] === 1) {
      tables.setOffline(replica, false);
      this.onReplicasOffline(broker, -1);
    }
    tables.removeReplica(replica);
    this.shelves[d] = this.shelve(d, this.shelves[d]);
    this.dirty.add(broker);
    if (this.replaced[d] === 1) return;
    const deletes = this.running[broker] === 1 && this.online[d] === 1;
    const due = deletes ? sim.now + this.settings.fileDeleteDelayMicros : Number.POSITIVE_INFINITY;
    this.deleted[d].push({ due, bytes });
    if (due === sim.now) this.free(d, due);
    else if (deletes) sim.at(due, this.filesDeleted, d, this.life[broker]);
  }

  /** When the first record of a log was written, microseconds; long ago where it was before the start of an idle partition. */
  private firstWrittenAt(replica: number): number {
    const p = this.partitionOf(replica);
    const start = this.start[replica];
    if (this.tables.share[p] === 0) return start < 0 ? Number.NEGATIVE_INFINITY : this.sim.now;
    return Math.min(this.sim.now, this.writtenAt(p, start + 1));
  }

  private meanHeld(topic: number): number {
    const { tables } = this;
    let sum = 0;
    let logs = 0;
    const first = tables.firstPartition[topic] * tables.stride;
    const end = first + tables.partitionsOf[topic] * tables.stride;
    for (let r = first; r < end; r += 1) {
      if (tables.broker[r] < 0 || !(this.held![r] > 0)) continue;
      sum += this.held![r];
      logs += 1;
    }
    return logs === 0 ? Number.POSITIVE_INFINITY : Math.max(1, Math.floor(sum / logs));
  }

  /** The replicas of a partition are cut back to a log end; to be called before they are. */
  truncate(p: number, endBytes: number): void {
    const { tables } = this;
    for (let r = p * tables.stride; r < (p + 1) * tables.stride; r += 1) {
      if (tables.broker[r] < 0) continue;
      const before = this.end(r);
      if (before <= endBytes) continue;
      const begins = Math.min(this.start[r], endBytes);
      this.resize(r, endBytes - begins - (before - this.start[r]));
      this.start[r] = begins;
    }
  }

  /**
   * A replica whose log ends before its leader's begins starts afresh there.
   * Source: Kafka 3.7 `AbstractFetcherThread.fetchOffsetAndTruncate` (OFFSET_OUT_OF_RANGE), `Log.truncateFullyAndStartAt`.
   */
  beforeFetch(replica: number, leader: number): void {
    const { tables } = this;
    const from = this.start[tables.replicaOn(this.partitionOf(replica), leader)];
    if (tables.replicaEndBytes[replica] >= from) return;
    this.resize(replica, this.start[replica] - tables.replicaEndBytes[replica]);
    tables.replicaEndBytes[replica] = from;
    this.start[replica] = from;
  }

  /** The last bytes of a log that stands still, at most all, are not there: never fetched, or not written to its disk before the machine was lost. */
  cutBack(replica: number, bytes: number): void {
    const before = this.end(replica);
    const end = Math.max(this.start[replica], before - bytes);
    this.resize(replica, end - before);
    this.tables.replicaEndBytes[replica] = end;
  }

  /** Bytes that were counted in a directory and never came. */
  giveBack(broker: number, place: number, bytes: number): void {
    const d = this.row(broker, place);
    if (this.replaced[d] === 1) return;
    this.settle(d);
    this.size[d] -= bytes;
    this.dirty.add(broker);
  }

  private resize(replica: number, bytes: number): void {
    const d = this.tables.directoryOf(replica);
    // What was on a disk that is gone neither grows nor shrinks the one in its place.
    if (this.replaced[d] === 1) return;
    this.settle(d);
    this.size[d] += bytes;
    this.dirty.add(this.tables.broker[replica]);
  }

  // Directories.

  /** What the logs of a broker's directories cost to load; those that are offline are not read. */
  loads(broker: number): DirectoryLoad[] {
    const { directoriesFrom } = this.tables;
    const loads: DirectoryLoad[] = [];
    for (let d = directoriesFrom[broker]; d < directoriesFrom[broker + 1]; d += 1) {
      if (this.online[d] === 0) continue;
      let segments = 0;
      let activeBytes = 0;
      for (const r of this.shelves[d].logs) {
        const p = this.partitionOf(r);
        const end = this.end(r);
        let base = this.start[r];
        segments += 1;
        for (let next = this.nextBase(p, base); next < end; next = this.nextBase(p, base)) {
          base = next;
          segments += 1;
        }
        activeBytes += end - base;
      }
      loads.push({ segments, activeBytes, readRate: this.readRate(broker, d - directoriesFrom[broker]) });
    }
    return loads;
  }

  /**
   * A broker's process looks at its directories and loads what it can: files that an earlier process had deleted go, a replaced disk
   * is taken into use, one that failed or is still full is not.
   * @returns whether there is a directory that it can use; without one the process ends
   */
  load(broker: number): boolean {
    const { tables } = this;
    let usable = false;
    for (let d = tables.directoriesFrom[broker]; d < tables.directoriesFrom[broker + 1]; d += 1) {
      if (this.loaded[broker] === 0) {
        this.free(d, Number.POSITIVE_INFINITY);
        // Each end of a catch-up rounds to a whole microsecond, some hundred bytes: over years of failures that would add up.
        this.settle(d);
        if (this.replaced[d] === 0) this.size[d] = this.retainedBytes(d);
        if (this.replaced[d] === 1 && this.failed[d] === 0) this.empty(d);
        const room = this.directories[d].capacityBytes - this.size[d] > 1;
        this.setOnline(d, this.failed[d] === 0 && room);
      }
      if (this.online[d] === 1) usable = true;
    }
    if (usable && this.loaded[broker] === 0) {
      this.loaded[broker] = 1;
      for (let d = tables.directoriesFrom[broker]; d < tables.directoriesFrom[broker + 1]; d += 1)
        this.flag(d, this.online[d] === 0);
    }
    return usable;
  }

  /** A broker's process appends and checks from now on, or has ended. Its first check comes 30 s after its start. */
  setRunning(broker: number, running: boolean): void {
    const { directoriesFrom } = this.tables;
    for (let d = directoriesFrom[broker]; d < directoriesFrom[broker + 1]; d += 1) this.settle(d);
    this.running[broker] = running ? 1 : 0;
    if (running) {
      this.checkPhase[broker] = this.sim.now + firstCheckMicros;
      // A disk that failed while its logs were loaded is noticed with the first append.
      for (let d = directoriesFrom[broker]; d < directoriesFrom[broker + 1]; d += 1)
        if (this.failed[d] === 1 && this.online[d] === 1) this.sim.after(1, this.diskNoticed, d);
    } else {
      this.loaded[broker] = 0;
      this.life[broker] += 1;
    }
    this.dirty.add(broker);
  }

  /** All disks of a broker that is down were replaced by empty ones: every replica begins at the start of its leader's log. */
  wipe(broker: number): void {
    const { directoriesFrom } = this.tables;
    for (let d = directoriesFrom[broker]; d < directoriesFrom[broker + 1]; d += 1) {
      this.replace(d);
    }
  }

  /**
   * The disk of a log directory fails: the next append takes the directory offline. Its replicas go offline with it, the
   * controller moves leaders away and takes them out of ISRs; a broker that has no other directory halts, and halts again
   * whenever it is started. It lasts until `repairDirectory`.
   *
   * Source: Kafka 3.7 `LogDirFailureChannel`, `ReplicaManager.handleLogDirFailure`, `LogManager.handleLogDirFailure`. Simplified: noticed at once.
   * @param broker row of the broker
   * @param place of the directory among the broker's, from 0 on
   */
  failDirectory(broker: number, place: number): void {
    const d = this.row(broker, place);
    this.failed[d] = 1;
    if (this.running[broker] === 1 && this.online[d] === 1) this.lose(d, 'its disk failed');
  }

  /** Whether the disk of a directory has failed, and was not replaced since. */
  hasFailed(broker: number, place: number): boolean {
    return this.failed[this.row(broker, place)] === 1;
  }

  /**
   * An empty disk takes the place of the one under a log directory that is offline, or under a broker that is down. The
   * broker uses it from its next start on; what it held is fetched again, from the start of the leaders' logs.
   * Where no other replica was in sync, its bytes are lost.
   *
   * Source: Kafka 3.7 `LogManager.loadLogs`; a directory that went offline is not looked at again before a restart (KIP-112).
   * Simplified: partitions stay with the directory, as nextLogDirs would place nearly all of them in the empty one.
   * @throws RangeError where the directory is in use
   */
  repairDirectory(broker: number, place: number): void {
    const d = this.row(broker, place);
    if (this.running[broker] === 1 && this.online[d] === 1)
      throw new RangeError(`directory ${place} of broker row ${broker} is in use`);
    this.replace(d);
    this.onRepaired(broker);
  }

  private replace(directory: number): void {
    this.settle(directory);
    this.size[directory] = 0;
    this.slope[directory] = 0;
    this.deleted[directory].length = 0;
    this.failed[directory] = 0;
    this.replaced[directory] = 1;
    this.dirty.add(this.brokerOf(directory));
  }

  private row(broker: number, place: number): number {
    const { directoriesFrom } = this.tables;
    const d = directoriesFrom[broker] + place;
    if (!(place >= 0 && d < directoriesFrom[broker + 1]))
      throw new RangeError(`broker row ${broker} has no log directory ${place}`);
    return d;
  }

  /** An append failed. */
  private lose(directory: number, why: string): void {
    const { directoriesFrom } = this.tables;
    const broker = this.brokerOf(directory);
    this.settle(directory);
    this.setOnline(directory, false);
    this.dirty.add(broker);
    let last = true;
    for (let d = directoriesFrom[broker]; d < directoriesFrom[broker + 1]; d += 1)
      if (this.online[d] === 1) last = false;
    // Without a directory the process halts, and nobody reads its metrics.
    if (!last) this.flag(directory, true);
    this.onDirectoryLost(broker, this.shelves[directory].logs, why, last);
  }

  private setOnline(directory: number, online: boolean): void {
    const was = this.online[directory] === 1;
    this.online[directory] = online ? 1 : 0;
    if (was === online) return;
    this.directoryOffline.set(directory, online ? 0 : 1);
    this.offlineDirectories.add(this.brokerOf(directory), online ? -1 : 1);
  }

  /** The replicas of a directory of a running broker are offline, or not. */
  private flag(directory: number, offline: boolean): void {
    const { tables } = this;
    const before = tables.offlineCount;
    for (const r of this.shelves[directory].logs) tables.setOffline(r, offline);
    if (tables.offlineCount !== before)
      this.onReplicasOffline(this.brokerOf(directory), tables.offlineCount - before);
  }

  /** A directory has nothing in it: its replicas begin where their leaders' logs do. */
  private empty(directory: number): void {
    const { tables } = this;
    this.settle(directory);
    this.size[directory] = 0;
    this.deleted[directory].length = 0;
    this.replaced[directory] = 0;
    for (const r of this.shelves[directory].logs) {
      const p = this.partitionOf(r);
      this.traffic.settle(p);
      const source = this.sourceOf(r);
      if (source < 0) this.lostWithDisk.add(tables.topic[p], this.bytes(r));
      this.start[r] = source < 0 ? tables.logEndBytes[p] : this.start[source];
      // One that leads in name only is as far as the log, of which nothing is left.
      if (tables.state[r] === replicaState.stopped) tables.replicaEndBytes[r] = this.start[r];
      else this.size[directory] += this.bytes(r);
    }
    this.dirty.add(this.brokerOf(directory));
  }

  /** The replica that another one can fetch everything from: the leader, or one that is in sync; -1 where it was alone. */
  private sourceOf(replica: number): number {
    const { tables } = this;
    const p = this.partitionOf(replica);
    if (tables.leader[p] !== noLeader && tables.leader[p] !== tables.broker[replica])
      return tables.replicaOn(p, tables.leader[p]);
    for (let r = p * tables.stride; r < (p + 1) * tables.stride; r += 1)
      if (r !== replica && tables.broker[r] >= 0 && tables.inSync[r] === 1) return r;
    return -1;
  }

  // The disk over time.

  private settle(directory: number): void {
    this.unverified.add(directory);
    const seconds = (this.sim.now - this.since[directory]) / 1e6;
    this.since[directory] = this.sim.now;
    if (seconds > 0) this.size[directory] += this.slope[directory] * seconds;
  }

  private flush(): boolean {
    if (this.dirty.size === 0) return false;
    const brokers = [...this.dirty].sort((x, y) => x - y);
    this.dirty.clear();
    for (const b of brokers) this.update(b);
    return true;
  }

  /** Books a broker's disks as they grow now, and plans when one is full and when a check has something to delete. */
  private update(broker: number): void {
    const { tables, sim } = this;
    let used = 0;
    let growth = 0;
    let full = Number.POSITIVE_INFINITY;
    let dueMicros = Number.POSITIVE_INFINITY;
    let over = -1;
    for (let d = tables.directoriesFrom[broker]; d < tables.directoriesFrom[broker + 1]; d += 1) {
      this.settle(d);
      const writes = this.running[broker] === 1 && this.online[d] === 1;
      let slope = 0;
      const shelf = this.shelves[d];
      for (let cell = 0; writes && cell < shelf.topic.length; cell += 1) {
        const t = shelf.topic[cell];
        const rate = this.traffic.directoryRate(t, broker, d) + shelf.catchUp[cell];
        if (rate > 1e-6) slope += rate;
        dueMicros = Math.min(dueMicros, shelf.dueAt[cell]);
        const volume = shelf.dueVolume[cell] - this.traffic.volumeOf(t);
        if (volume <= 0) dueMicros = sim.now;
        else if (this.traffic.topicRate[t] > 0)
          dueMicros = Math.min(dueMicros, sim.now + (volume / this.traffic.topicRate[t]) * 1e6);
      }
      this.slope[d] = slope;
      used += this.size[d];
      growth += slope;
      // Catch-ups that were rounded up leave a disk that is emptied some bytes short.
      this.directoryUsed.set(d, Math.max(0, this.size[d]), slope);
      const left = this.directories[d].capacityBytes - this.size[d];
      if (left <= 1 && writes) over = d;
      else if (slope > 0) full = Math.min(full, left / slope);
    }
    this.used.set(broker, Math.max(0, used), growth);
    this.planFull(broker, full);
    this.planCheck(broker, dueMicros);
    if (over >= 0) this.becomeFull(over);
  }

  private becomeFull(directory: number): void {
    const broker = this.brokerOf(directory);
    if (this.fullAt.get(broker) === 0) this.fullAt.set(broker, this.sim.now / 1e6);
    this.sim.tell('kafka.diskFull', `broker-${this.settings.brokers[broker].id}`);
    this.lose(directory, 'the log directory is full');
  }

  private planFull(broker: number, seconds: number): void {
    const { sim } = this;
    const timer = this.fullTimers[broker];
    if (timer !== undefined) sim.cancel(timer);
    this.fullTimers[broker] = undefined;
    const micros = Math.max(1, Math.ceil(seconds * 1e6));
    if (sim.now + micros < Number.MAX_SAFE_INTEGER)
      this.fullTimers[broker] = sim.after(micros, this.diskFull, broker);
  }

  /** The next check of a running broker that comes after `due`. */
  private planCheck(broker: number, due: number): void {
    const { sim } = this;
    let at = Number.POSITIVE_INFINITY;
    if (due < Number.MAX_SAFE_INTEGER) {
      const { retentionCheckMicros: interval } = this.settings;
      const phase = this.checkPhase[broker];
      at = phase + Math.max(0, Math.ceil((Math.max(due, sim.now) - phase) / interval)) * interval;
      if (at <= sim.now) at += interval;
    }
    if (at === this.checkAt[broker]) return;
    const timer = this.checkTimers[broker];
    if (timer !== undefined) sim.cancel(timer);
    this.checkTimers[broker] = undefined;
    this.checkAt[broker] = at < Number.MAX_SAFE_INTEGER ? at : Number.POSITIVE_INFINITY;
    if (at < Number.MAX_SAFE_INTEGER) this.checkTimers[broker] = sim.at(at, this.check, broker);
  }
}

/**
 * The value of `ys` where `xs` has reached x, straight between the points and with `slope` before the first; x is below the last of `xs`.
 */
function along(xs: readonly number[], ys: readonly number[], x: number, slope: number): number {
  if (x < xs[0]) return slope < Number.POSITIVE_INFINITY ? ys[0] + (x - xs[0]) * slope : ys[0];
  let i = xs.length - 1;
  while (xs[i] > x) i -= 1;
  return ys[i] + ((ys[i + 1] - ys[i]) * (x - xs[i])) / (xs[i + 1] - xs[i]);
}

/** Low-discrepancy steps, the golden ratio's and one beside it, so that the two do not move together. */
const goldenStep = 0.618_033_988_749_894_8;
const secondStep = 0.754_877_666_246_692_7;

/** The i-th of numbers that fill [0, 1) evenly, however many there are. */
function step(i: number, by: number): number {
  const x = (i + 1) * by;
  return x - Math.floor(x);
}
