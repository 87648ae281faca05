import type { Gauge } from '../../engine/gauge.ts';
import { BrokenInvariant, type Handle, type Kind, type Simulation } from '../../engine/simulation.ts';

/** Less than this many messages are a rest of rounding. */
const nothing = 1e-6;

/** What a group that lags by less reads later is counted as if it had not waited: a moved leader is no change of traffic for all others. */
export const leastLagSeconds = 1;

/** What the lag of groups with members is made of, from outside. */
export interface LagSource {
  /** Messages per second that are offered to a topic now. */
  messageRate(topic: number): number;
  /** Partitions of a topic now. */
  partitions(topic: number): number;
  /** Partitions that a topic may ever have. */
  mostPartitions(topic: number): number;
  /** Share of a topic's messages that go to one of its partitions now. */
  share(topic: number, partition: number): number;
  /** Mean age of a message when a member that keeps up reads it, by cell, microseconds: so much always waits. */
  steadyMicros(cell: number): number;
}

/** One topic that a group with members reads. */
class Cell {
  readonly topic: number;
  readonly catchUpFactor: number;
  /** By partition: messages that wait, as of `since`. */
  backlog: Float64Array;
  since: Float64Array;
  /** Messages per second that come in, and that are read. */
  inRate: Float64Array;
  outRate: Float64Array;
  /** Member that reads it, or -1. */
  reader: Int32Array;
  /** How often its leader cannot be read. */
  stalled: Uint8Array;
  /** 1 where the group has never committed an offset. */
  fresh: Uint8Array;
  /** Place in the reader's list. */
  at: Int32Array;
  /** What is read beyond what comes in, messages per second, as it counts for the brokers. */
  ahead: Float64Array;
  /** Sums as of `sumSince`: messages that wait, and that were read; what is read beyond what comes in; partitions that lag. */
  waiting = 0;
  read = 0;
  sumSince = 0;
  inSum = 0;
  outSum = 0;
  aheadSum = 0;
  lagging = 0;
  skipped = 0;
  dirty = false;

  constructor(topic: number, catchUpFactor: number, partitions: number) {
    this.topic = topic;
    this.catchUpFactor = catchUpFactor;
    this.backlog = new Float64Array(partitions);
    this.since = new Float64Array(partitions);
    this.inRate = new Float64Array(partitions);
    this.outRate = new Float64Array(partitions);
    this.reader = new Int32Array(partitions).fill(-1);
    this.stalled = new Uint8Array(partitions);
    this.fresh = new Uint8Array(partitions);
    this.at = new Int32Array(partitions);
    this.ahead = new Float64Array(partitions);
  }

  grow(partitions: number, now: number): void {
    const from = this.backlog.length;
    const wider = <T extends Float64Array | Int32Array | Uint8Array>(made: T, old: T, filling: number): T => {
      made.set(old);
      made.fill(filling, from);
      return made;
    };
    this.backlog = wider(new Float64Array(partitions), this.backlog, 0);
    this.since = wider(new Float64Array(partitions), this.since, now);
    this.inRate = wider(new Float64Array(partitions), this.inRate, 0);
    this.outRate = wider(new Float64Array(partitions), this.outRate, 0);
    this.reader = wider(new Int32Array(partitions), this.reader, -1);
    this.stalled = wider(new Uint8Array(partitions), this.stalled, 0);
    this.fresh = wider(new Uint8Array(partitions), this.fresh, 1);
    this.at = wider(new Int32Array(partitions), this.at, 0);
    this.ahead = wider(new Float64Array(partitions), this.ahead, 0);
  }
}

/** Who reads: its partitions, and how many messages a second it handles. */
interface Reader {
  readonly cells: number[];
  readonly partitions: number[];
  /** Messages per second; 0 where only `catchUpFactor` says how fast it reads. */
  capacity: number;
  dirty: boolean;
  timer: Handle | undefined;
  /** More comes in than it handles. */
  overloaded: boolean;
  /** Messages wait at one of its partitions. */
  behind: boolean;
  /** It keeps its partitions and reads nothing. */
  paused: boolean;
  /** The partition of all it has read that exceeded its capacity most; undefined where none did. */
  hottest: HotPartition | undefined;
}

/** More comes in at one partition than its member handles: no member more can help. */
export interface HotPartition {
  readonly cell: number;
  readonly partition: number;
  /** Messages per second that came in, and that the member handles, from this moment on. */
  readonly offered: number;
  readonly capacity: number;
  readonly atMicros: number;
}

/**
 * Lag by partition of the groups that have members, as fluid. A member handles so many messages a second; its partitions share that evenly,
 * and what one does not need goes to the others (the consumer takes what its fetches bring, round robin over partitions: `FetchCollector`).
 * What nobody reads waits, and so does what one member cannot handle, for as long as that is so.
 *
 * Without a capacity a member reads at `catchUpFactor` times what comes in at its partitions, as a group without members does.
 *
 * Cost: a change touches the partitions of the members that it concerns; a steady group costs nothing.
 */
export class GroupLag {
  readonly cells: Cell[] = [];
  readonly readers: Reader[] = [];
  private readonly sim: Simulation;
  private readonly source: LagSource;
  private readonly drained: Kind;
  private readonly perPartition: Gauge | undefined;
  private readonly gaugeFrom: number[] = [];
  private readonly gaugeRows: number[] = [];
  private dirtyReaders: number[] = [];
  private dirtyCells: number[] = [];
  /** The sums of a cell changed: messages that wait, and their change per second. */
  onSums: (cell: number, waiting: number, slope: number) => void = () => {};
  /** A member is handed more than it handles, or less again. */
  onOverloaded: (reader: number, offered: number) => void = () => {};
  /** Messages wait for a member, or no longer. */
  onBehind: (reader: number, behind: boolean) => void = () => {};
  /** Messages were passed over for good. */
  onSkipped: (cell: number, messages: number) => void = () => {};

  /** @param kept how many partitions may have a gauge of their own */
  constructor(
    sim: Simulation,
    source: LagSource,
    cells: readonly { readonly topic: number; readonly catchUpFactor: number; readonly fresh: boolean }[],
    kept: number,
  ) {
    this.sim = sim;
    this.source = source;
    this.drained = sim.on('kafka.memberDrained', (reader) => {
      this.readers[reader].timer = undefined;
      this.touchReader(reader);
    });
    let count = 0;
    for (const { topic, catchUpFactor, fresh } of cells) {
      const cell = new Cell(topic, catchUpFactor, source.partitions(topic));
      if (fresh) cell.fresh.fill(1);
      this.gaugeFrom.push(count);
      this.gaugeRows.push(source.mostPartitions(topic));
      count += source.mostPartitions(topic);
      this.cells.push(cell);
    }
    if (count <= kept) this.perPartition = sim.gauge('kafka_consumergroup_lag', count, { linear: true });
    for (let c = 0; c < this.cells.length; c += 1) this.ratesChanged(c);
    sim.beforeAdvance(() => this.flush());
    sim.invariant('kafka: lag of members', () => this.verify());
  }

  get showsPartitions(): boolean {
    return this.perPartition !== undefined;
  }

  /** Cell and partition of a row of `kafka_consumergroup_lag`. */
  gaugeRow(row: number): { readonly cell: number; readonly partition: number } {
    let cell = 0;
    while (cell + 1 < this.cells.length && this.gaugeFrom[cell + 1] <= row) cell += 1;
    return { cell, partition: row - this.gaugeFrom[cell] };
  }

  /** A member more; answers its row. @param capacity messages per second; 0 for none given */
  addReader(capacity: number): number {
    this.readers.push({
      cells: [],
      partitions: [],
      capacity,
      dirty: false,
      timer: undefined,
      overloaded: false,
      behind: false,
      paused: false,
      hottest: undefined,
    });
    return this.readers.length - 1;
  }

  setCapacity(reader: number, capacity: number): void {
    this.readers[reader].capacity = capacity;
    this.touchReader(reader);
  }

  pause(reader: number, paused: boolean): void {
    this.readers[reader].paused = paused;
    this.touchReader(reader);
  }

  /** A member reads again what it has read for so many microseconds, at the rate it reads now. Answers how many messages that are. */
  reread(reader: number, micros: number): number {
    const { cells, partitions } = this.readers[reader];
    let sum = 0;
    cells.forEach((c, i) => {
      const cell = this.cells[c];
      const messages = (cell.outRate[partitions[i]] * micros) / 1e6;
      this.burst(c, partitions[i], messages);
      this.settleSums(c);
      cell.read -= messages;
      sum += messages;
    });
    return sum;
  }

  /** Messages per second that come in at a member's partitions. */
  offered(reader: number): number {
    const { cells, partitions } = this.readers[reader];
    return cells.reduce((sum, c, i) => sum + this.cells[c].inRate[partitions[i]], 0);
  }

  /** From now on a member reads a partition. @param latest whether it begins at the end where no offset was ever committed */
  grant(reader: number, c: number, partition: number, latest: boolean): void {
    const cell = this.cells[c];
    this.sim.require(cell.reader[partition] < 0, 'two members read one partition', { cell: c, partition });
    if (cell.fresh[partition] === 1) {
      cell.fresh[partition] = 0;
      if (latest) {
        this.settle(c, partition);
        cell.skipped += cell.backlog[partition];
        this.onSkipped(c, cell.backlog[partition]);
        this.setBacklog(c, partition, 0);
      }
    }
    const { cells, partitions } = this.readers[reader];
    cell.reader[partition] = reader;
    cell.at[partition] = cells.length;
    cells.push(c);
    partitions.push(partition);
    this.touchReader(reader);
  }

  /** A member stops reading a partition. */
  revoke(reader: number, c: number, partition: number): void {
    const cell = this.cells[c];
    if (cell.reader[partition] !== reader) return;
    const { cells, partitions } = this.readers[reader];
    const at = cell.at[partition];
    const last = cells.length - 1;
    cells[at] = cells[last];
    partitions[at] = partitions[last];
    this.cells[cells[at]].at[partitions[at]] = at;
    cells.pop();
    partitions.pop();
    cell.reader[partition] = -1;
    this.setRates(c, partition, cell.inRate[partition], 0);
    this.touchReader(reader);
  }

  /** A partition's leader cannot be read (`sign` 1), or can again (-1). */
  stall(c: number, partition: number, sign: 1 | -1): void {
    const cell = this.cells[c];
    if (partition >= cell.stalled.length || (sign < 0 && cell.stalled[partition] === 0)) return;
    const before = cell.stalled[partition] > 0;
    cell.stalled[partition] += sign;
    const now = cell.stalled[partition] > 0;
    if (before === now) return;
    this.countAhead(cell, partition);
    if (cell.reader[partition] >= 0) this.touchReader(cell.reader[partition]);
    this.touchCell(c);
  }

  /** So many messages became readable at once. */
  burst(c: number, partition: number, messages: number): void {
    this.settle(c, partition);
    this.setBacklog(c, partition, this.cells[c].backlog[partition] + messages);
    const reader = this.cells[c].reader[partition];
    if (reader >= 0) this.touchReader(reader);
    this.touchCell(c);
  }

  /** The group's offsets are set back by so many microseconds. */
  reset(c: number, micros: number): void {
    const cell = this.cells[c];
    for (let p = 0; p < cell.backlog.length; p += 1) {
      this.settle(c, p);
      this.setBacklog(c, p, (cell.inRate[p] * micros) / 1e6);
      cell.fresh[p] = 0;
      if (cell.reader[p] >= 0) this.touchReader(cell.reader[p]);
    }
    this.touchCell(c);
  }

  /** The topic's rate, its partitions or their shares are others from now on. */
  ratesChanged(c: number): void {
    const cell = this.cells[c];
    const rate = this.source.messageRate(cell.topic);
    const partitions = this.source.partitions(cell.topic);
    if (partitions > cell.backlog.length) cell.grow(partitions, this.sim.now);
    for (let p = 0; p < cell.backlog.length; p += 1) {
      const now = rate * this.source.share(cell.topic, p);
      if (now === cell.inRate[p]) continue;
      this.setRates(c, p, now, cell.outRate[p]);
      if (cell.reader[p] >= 0) this.touchReader(cell.reader[p]);
    }
    this.touchCell(c);
  }

  /** Messages of a cell that wait now. */
  waiting(c: number): number {
    this.settleSums(c);
    return Math.max(0, this.cells[c].waiting);
  }

  /** Messages of a cell read since the start. */
  read(c: number): number {
    this.settleSums(c);
    return this.cells[c].read;
  }

  /** Messages per second that a member handles, or reads where no capacity is given. */
  speed(reader: number): number {
    const { capacity, cells, partitions } = this.readers[reader];
    if (capacity > 0) return capacity;
    return cells.reduce((sum, c, i) => sum + this.cells[c].outRate[partitions[i]], 0);
  }

  /** Whether messages wait for a member. */
  isBehind(reader: number): boolean {
    return this.readers[reader].behind;
  }

  /** Messages of a partition that wait now. */
  waitingAt(c: number, partition: number): number {
    this.settle(c, partition);
    return this.cells[c].backlog[partition];
  }

  /** The sums equal what their partitions add up to, and members' lists agree with them. It changes nothing: a run that is verified is the same run. */
  verify(): void {
    this.cells.forEach((cell, c) => {
      let [waiting, inSum, outSum, lagging] = [0, 0, 0, 0];
      for (let p = 0; p < cell.backlog.length; p += 1) {
        const change = ((cell.inRate[p] - cell.outRate[p]) * (this.sim.now - cell.since[p])) / 1e6;
        waiting += Math.max(0, cell.backlog[p] + change);
        inSum += cell.inRate[p];
        outSum += cell.outRate[p];
        lagging += Number(this.lags(cell, p));
        const { cells, partitions } = this.readers[cell.reader[p]] ?? { cells: [c], partitions: [p] };
        const at = cell.reader[p] < 0 ? 0 : cell.at[p];
        if (cells[at] !== c || partitions[at] !== p)
          throw new BrokenInvariant(`partition ${p} of cell ${c} is not in its reader's list`);
        if (cell.reader[p] < 0 && cell.outRate[p] !== 0)
          throw new BrokenInvariant(`partition ${p} of cell ${c} is read by nobody at ${cell.outRate[p]}/s`);
      }
      const sum = Math.max(
        0,
        cell.waiting + ((cell.inSum - cell.outSum) * (this.sim.now - cell.sumSince)) / 1e6,
      );
      const near = (x: number, y: number, scale: number) => Math.abs(x - y) <= 1e-3 + 1e-9 * scale;
      const scale = Math.max(waiting, cell.read);
      if (lagging !== cell.lagging || !near(waiting, sum, scale))
        throw new BrokenInvariant(
          `cell ${c} lags by ${sum} at ${cell.lagging} partitions, they by ${waiting} at ${lagging}`,
        );
      if (!near(inSum, cell.inSum, inSum) || !near(outSum, cell.outSum, inSum))
        throw new BrokenInvariant(
          `cell ${c}: ${cell.inSum} in, ${cell.outSum} out; its partitions ${inSum}, ${outSum}`,
        );
    });
  }

  /** Changes due at this instant; they come by themselves before time moves on. */
  flush(): boolean {
    if (this.dirtyReaders.length === 0 && this.dirtyCells.length === 0) return false;
    const readers = this.dirtyReaders.sort((x, y) => x - y);
    this.dirtyReaders = [];
    for (const r of readers) this.review(r);
    const cells = this.dirtyCells.sort((x, y) => x - y);
    this.dirtyCells = [];
    for (const c of cells) {
      const cell = this.cells[c];
      cell.dirty = false;
      this.settleSums(c);
      if (cell.lagging === 0) cell.waiting = 0;
      this.onSums(c, Math.max(0, cell.waiting), cell.lagging === 0 ? 0 : cell.inSum - cell.outSum);
    }
    return true;
  }

  private touchReader(r: number): void {
    if (this.readers[r].dirty) return;
    this.readers[r].dirty = true;
    this.dirtyReaders.push(r);
  }

  private touchCell(c: number): void {
    if (this.cells[c].dirty) return;
    this.cells[c].dirty = true;
    this.dirtyCells.push(c);
  }

  private settleSums(c: number): void {
    const cell = this.cells[c];
    const seconds = (this.sim.now - cell.sumSince) / 1e6;
    cell.sumSince = this.sim.now;
    if (seconds === 0) return;
    cell.waiting += (cell.inSum - cell.outSum) * seconds;
    cell.read += cell.outSum * seconds;
  }

  private settle(c: number, p: number): void {
    const cell = this.cells[c];
    const seconds = (this.sim.now - cell.since[p]) / 1e6;
    cell.since[p] = this.sim.now;
    const change = (cell.inRate[p] - cell.outRate[p]) * seconds;
    if (change === 0) return;
    const now = cell.backlog[p] + change;
    const whole = now < nothing ? 0 : now;
    if (whole !== now) {
      // A rest of rounding, or of a completion that was rounded up: it was not read.
      this.settleSums(c);
      cell.waiting += whole - now;
      cell.read -= whole - now;
    }
    const before = this.lags(cell, p);
    cell.backlog[p] = whole;
    cell.lagging += Number(this.lags(cell, p)) - Number(before);
  }

  private lags(cell: Cell, p: number): boolean {
    return cell.backlog[p] > 0 || cell.inRate[p] > cell.outRate[p];
  }

  /** The partition was settled. */
  private setBacklog(c: number, p: number, messages: number): void {
    const cell = this.cells[c];
    this.settleSums(c);
    const before = this.lags(cell, p);
    cell.waiting += messages - cell.backlog[p];
    cell.backlog[p] = messages;
    cell.lagging += Number(this.lags(cell, p)) - Number(before);
    this.show(c, p);
    this.touchCell(c);
  }

  private setRates(c: number, p: number, inRate: number, outRate: number): void {
    const cell = this.cells[c];
    this.settleSums(c);
    this.settle(c, p);
    const before = this.lags(cell, p);
    cell.inSum += inRate - cell.inRate[p];
    cell.outSum += outRate - cell.outRate[p];
    cell.inRate[p] = inRate;
    cell.outRate[p] = outRate;
    this.countAhead(cell, p);
    cell.lagging += Number(this.lags(cell, p)) - Number(before);
    this.show(c, p);
    this.touchCell(c);
  }

  /**
   * What a partition adds to the brokers' traffic beyond what comes in; less, where less is read. One that begins to read off less than a second's worth
   * counts as one that keeps up: where links are full that would set others free and fill them again, over and over.
   */
  private countAhead(cell: Cell, p: number): void {
    const beyond = cell.stalled[p] > 0 ? 0 : cell.outRate[p] - cell.inRate[p];
    const near = cell.ahead[p] <= 0 && cell.backlog[p] <= cell.inRate[p] * leastLagSeconds;
    const counted = beyond > 0 && near ? 0 : beyond;
    cell.aheadSum += counted - cell.ahead[p];
    cell.ahead[p] = counted;
  }

  private show(c: number, p: number): void {
    if (this.perPartition === undefined || p >= this.gaugeRows[c]) return;
    const { backlog, inRate, outRate } = this.cells[c];
    const steady = (inRate[p] * this.source.steadyMicros(c)) / 1e6;
    this.perPartition.set(this.gaugeFrom[c] + p, steady + backlog[p], inRate[p] - outRate[p]);
  }

  /** Shares a member's capacity among its partitions: max-min, where one that has caught up needs no more than comes in. */
  private review(r: number): void {
    const reader = this.readers[r];
    reader.dirty = false;
    if (reader.timer !== undefined) this.sim.cancel(reader.timer);
    reader.timer = undefined;
    const { cells, partitions } = reader;
    const n = cells.length;
    let own = 0;
    let offered = 0;
    const hungry: number[] = [];
    const fed: number[] = [];
    const outs = new Float64Array(n);
    for (let i = 0; i < n; i += 1) {
      const cell = this.cells[cells[i]];
      const p = partitions[i];
      this.settle(cells[i], p);
      offered += cell.inRate[p];
      if (cell.stalled[p] > 0) continue;
      own += cell.inRate[p] * cell.catchUpFactor;
      if (cell.backlog[p] > 0) hungry.push(i);
      else fed.push(i);
    }
    const rate = (i: number) => this.cells[cells[i]].inRate[partitions[i]];
    let free = reader.capacity > 0 ? reader.capacity : own;
    if (reader.paused) free = 0;
    let left = hungry.length + fed.length;
    fed.sort((x, y) => rate(x) - rate(y) || cells[x] - cells[y] || partitions[x] - partitions[y]);
    for (const i of fed) {
      outs[i] = Math.min(rate(i), free / left);
      free -= outs[i];
      left -= 1;
    }
    let soonest = Number.POSITIVE_INFINITY;
    let behind = hungry.length > 0;
    for (const i of hungry) outs[i] = free / left;
    for (let i = 0; i < n; i += 1) {
      const cell = this.cells[cells[i]];
      const p = partitions[i];
      this.setRates(cells[i], p, cell.inRate[p], outs[i]);
      if (cell.stalled[p] === 0 && outs[i] < cell.inRate[p]) behind = true;
      if (cell.backlog[p] > 0 && outs[i] > cell.inRate[p])
        soonest = Math.min(soonest, cell.backlog[p] / (outs[i] - cell.inRate[p]));
    }
    if (soonest * 1e6 < Number.MAX_SAFE_INTEGER - this.sim.now)
      reader.timer = this.sim.after(Math.max(1, Math.ceil(soonest * 1e6)), this.drained, r);
    const overloaded = reader.capacity > 0 && offered > reader.capacity * (1 + 1e-9);
    if (overloaded) this.noteHottest(reader);
    if (overloaded !== reader.overloaded) {
      reader.overloaded = overloaded;
      this.onOverloaded(r, offered);
    }
    if (behind !== reader.behind) {
      reader.behind = behind;
      this.onBehind(r, behind);
    }
  }

  private noteHottest(reader: Reader): void {
    const { cells, partitions, capacity, hottest } = reader;
    let ratio = hottest === undefined ? 1 + 1e-9 : hottest.offered / hottest.capacity;
    cells.forEach((cell, i) => {
      const offered = this.cells[cell].inRate[partitions[i]];
      if (offered / capacity <= ratio) return;
      ratio = offered / capacity;
      reader.hottest = { cell, partition: partitions[i], offered, capacity, atMicros: this.sim.now };
    });
  }
}
