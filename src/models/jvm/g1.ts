import type { Handle, Kind, Simulation, Stream } from '../../engine/simulation.ts';
import { bufferWaste, failureFactor, type G1Costs, markingSpeed, noiseFactor, speedup } from './costs.ts';
import { concurrentThreads, fixedFlags, type G1Flags, parallelThreads, regionBytes } from './flags.ts';
import { Ihop } from './ihop.ts';
import { type Candidates, OldGeneration } from './oldGeneration.ts';
import { Predictor, Sequence } from './predictor.ts';
import { initialShare, Survival } from './survival.ts';
import { Survivors } from './survivors.ts';

/** What a program asks of its heap. Rates count wall time: a program that a pause held up catches up as fast as it can. */
export interface Allocation {
  readonly bytesPerSecond: number;
  /** Share of the bytes that live `mediumMicros` and then die. */
  readonly mediumShare: number;
  readonly mediumMicros: number;
  /** Share of the bytes that stay, each replacing one that stayed before. */
  readonly longShare: number;
  /** Bytes that stay, all together. */
  readonly liveBytes: number;
  /** Whether the bytes that stay replace none: the live set is being built. */
  readonly growing: boolean;
  /** Bytes of a mean object: with `longShare`, how often old memory is written to. */
  readonly objectBytes: number;
  /** Objects larger than half a region, each second, their size, and how long they live. */
  readonly humongousPerSecond: number;
  readonly humongousBytes: number;
  readonly humongousMicros: number;
  /** Threads that allocate; as many CPUs they can use. */
  readonly threads: number;
}

export type CollectionType =
  | 'Normal'
  | 'Concurrent Start'
  | 'Prepare Mixed'
  | 'Mixed'
  | 'Full'
  | 'Remark'
  | 'Cleanup';

/** One pause, as a GC log would tell it. Regions and bytes; times in microseconds. */
export interface Collection {
  readonly number: number;
  readonly type: CollectionType;
  readonly cause: string;
  readonly at: number;
  readonly micros: number;
  readonly eden: number;
  /** Eden that the next collection will find, in regions. */
  readonly edenTarget: number;
  readonly survivors: readonly [before: number, after: number, most: number];
  readonly old: readonly [before: number, after: number];
  readonly humongous: readonly [before: number, after: number];
  readonly usedBytes: readonly [before: number, after: number];
  readonly copiedBytes: number;
  readonly cards: number;
  readonly copyWorkerMillis: number;
  readonly scanWorkerMillis: number;
  /** Wall milliseconds outside evacuation. */
  readonly otherMillis: number;
  readonly tenuringThreshold: number;
  readonly toSpaceExhausted: boolean;
}

/** A concurrent phase that ended. */
export interface ConcurrentPhase {
  readonly number: number;
  readonly name: string;
  readonly at: number;
  readonly micros: number;
}

/** Where a JVM tells of itself. */
export interface G1Listener {
  /** All threads of the program stand still for `micros` from now. */
  paused(jvm: number, micros: number): void;
  collected?(jvm: number, collection: Collection): void;
  concurrent?(jvm: number, phase: ConcurrentPhase): void;
  /** Even a full collection left no region: what the program wants to keep does not fit. */
  outOfMemory?(jvm: number): void;
}

/** The kinds of event that all JVMs of a simulation share. */
export interface G1Kinds {
  readonly edenFull: Kind;
  readonly cycleStep: Kind;
  readonly humongous: Kind;
}

const micro = 1e-6;
const mebibyte = 1_048_576;
/** Cards for each that the slots of the live set fill alone: objects straddle cards. Measured: cards scanned once every slot was written, 1.17 times. */
const cardsPerSlotCard = 1.17;
const slotsPerCard = 128;
/** A byte array's header: a power of two of payload needs one region more. */
const arrayHeaderBytes = 16;

/** Cards of a live set that so many references lie on, written at random. */
export function cardsWritten(references: number, liveBytes: number, objectBytes: number): number {
  const slotCards = liveBytes / objectBytes / slotsPerCard;
  return slotCards > 0 ? cardsPerSlotCard * slotCards * -Math.expm1(-references / slotCards) : 0;
}

type Phase = 'young only' | 'marking' | 'mixed due' | 'mixed';
type Step = 'roots' | 'mark' | 'remark' | 'rebuild' | 'cleanup';

/**
 * Large objects that are not humongous are allocated in eden like any other, and die there. Source: OpenJDK 17, G1CollectedHeap::is_humongous: more
 * than half a region, header included.
 */
function asAllocated(load: Allocation, region: number): Allocation {
  const bytes = load.humongousBytes + arrayHeaderBytes;
  if (load.humongousPerSecond <= 0 || bytes > region / 2) return load;
  const bytesPerSecond = load.bytesPerSecond + load.humongousPerSecond * bytes;
  const share = load.bytesPerSecond / bytesPerSecond;
  return {
    ...load,
    bytesPerSecond,
    mediumShare: load.mediumShare * share,
    longShare: load.longShare * share,
    humongousPerSecond: 0,
  };
}

/**
 * One JVM with the G1 collector of JDK 17, each collection an event: young sizes by G1's three bounds from its own predictor, survivors by age,
 * promotion, static and adaptive IHOP, the concurrent cycle, mixed, humongous and preventive collections, evacuation failure and full
 * collections. Source: gc/g1 of OpenJDK 17 (g1Policy.cpp, g1Analytics.cpp, g1IHOPControl.cpp, g1CollectionSet.cpp,
 * g1CollectionSetChooser.cpp, g1SurvRateGroup.cpp).
 *
 * Simplified: the heap has its full size from the start (-Xms as -Xmx); the remembered-set sampler never shortens eden; the MMU holds no
 * pause back (its slice is one millisecond longer than the goal, so it would by about one).
 */
export class G1 {
  readonly regionBytes: number;
  readonly regions: number;
  readonly workers: number;
  readonly markers: number;
  readonly old: OldGeneration;
  readonly ihop: Ihop;
  /** Collections since the start, concurrent cycles counted with them as a log does. */
  collections = 0;
  /** Microseconds of pause since the start. */
  pausedMicros = 0;
  /** Bytes allocated since the start, humongous ones too. */
  allocatedBytes = 0;
  humongousRegions = 0;
  phase: Phase = 'young only';

  private readonly sim: Simulation;
  private readonly id: number;
  private readonly flags: G1Flags;
  private readonly costs: G1Costs;
  private readonly kinds: G1Kinds;
  private readonly listener: G1Listener;
  private readonly draw: Stream;
  private readonly drawCycle: Stream;
  private readonly predictor: Predictor;
  private readonly survivors = new Survivors();
  private readonly survival = new Survival();
  private survivorSurvival = new Sequence(0.3, initialShare);
  private load: Allocation;

  private edenBytes = 0;
  private edenLong = 0;
  private backlog = 0;
  private updatedAt: number;
  private fullAt: Handle | undefined;
  private pausedUntil = -1;
  private nextHumongous: Handle | undefined;
  private humongousDue = 0;

  private survivorRegions = 0;
  /** The decay clock when the survivors were copied. */
  private survivorClock = 0;
  private edenTarget = 1;
  private youngTarget = 1;
  /** What the young target would be, had the reserve not bounded it. */
  private unboundedYoung = 1;

  private mixedMinimum = 0;
  private candidates: Candidates | undefined;
  private startPending = false;
  private humongousRaised = false;
  private step: Step | undefined;
  private stepHandle: Handle | undefined;
  private stepSince = 0;
  private stepMicros = 0;
  private cycleNumber = 0;
  private markStartedAt = 0;
  private markLive = 0;
  private pausesSinceMark = 0;
  private timeToMixed = false;
  private lastPauseEnd: number;
  private humongousAfterLast = 0;

  constructor(
    sim: Simulation,
    id: number,
    name: string,
    flags: G1Flags,
    costs: G1Costs,
    load: Allocation,
    kinds: G1Kinds,
    listener: G1Listener,
  ) {
    this.sim = sim;
    this.id = id;
    this.flags = flags;
    this.costs = costs;
    this.kinds = kinds;
    this.listener = listener;
    this.draw = sim.stream(name, 'collections');
    this.drawCycle = sim.stream(name, 'cycles');
    this.regionBytes = regionBytes(flags);
    this.load = asAllocated(load, this.regionBytes);
    this.regions = Math.floor(flags.heapBytes / this.regionBytes);
    this.workers = parallelThreads(flags);
    this.markers = concurrentThreads(flags);
    this.old = new OldGeneration(this.regionBytes);
    this.ihop = new Ihop(flags);
    this.predictor = new Predictor(this.workers);
    this.updatedAt = sim.now;
    this.lastPauseEnd = sim.now;
    // A program that runs has built its live set; one that grows begins without.
    if (!load.growing) this.old.promote({ long: load.liveBytes, medium: 0, from: 0, to: 0 }, 1, this.workers);
    this.sizeYoung();
    this.scheduleEden();
    this.scheduleHumongous(sim.now);
  }

  /** Regions that nothing is in, with eden as it stands now. */
  get freeRegions(): number {
    return this.freeBesideEden - this.edenRegions;
  }

  /** Bytes in use, whole regions for humongous objects. */
  get usedBytes(): number {
    this.advance();
    return Math.min(
      this.flags.heapBytes,
      this.edenBytes +
        this.survivors.bytes(this.sim.now, this.old.since(this.survivorClock)) +
        this.old.usedBytes +
        this.humongousRegions * this.regionBytes,
    );
  }

  /** Concurrent threads that run now. */
  get busyMarkers(): number {
    return this.step === 'roots' || this.step === 'mark' || this.step === 'rebuild' ? this.markers : 0;
  }

  /** Bytes per second that go into eden from the end of the pause on, as `usedBytes` moves. */
  get allocationRate(): number {
    return Math.min(this.load.bytesPerSecond, this.peak);
  }

  /** The program asks for something else from now on. */
  setLoad(given: Allocation): void {
    this.advance();
    const load = asAllocated(given, this.regionBytes);
    const paced = load.humongousPerSecond !== this.load.humongousPerSecond;
    this.load = load;
    this.scheduleEden();
    if (paced) this.scheduleHumongous(this.sim.now);
  }

  /** As `setLoad`, for a program that begins anew when the pause under way is over: what it missed until then is not made up for. */
  setPace(load: Allocation): void {
    this.advance();
    this.backlog = -load.bytesPerSecond * Math.max(0, this.pausedUntil - this.sim.now) * micro;
    this.setLoad(load);
  }

  /** Something other than the collector stops the world for so long: a heap dump, a frozen machine. */
  hold(micros: number): void {
    this.advance();
    this.beginPause(micros, 'short');
  }

  /** The process ends: nothing of this JVM happens any more. */
  end(): void {
    for (const handle of [this.fullAt, this.nextHumongous, this.stepHandle])
      if (handle !== undefined) this.sim.cancel(handle);
  }

  /** A full collection that something outside asks for, as System.gc() does. */
  collectFull(cause: string): void {
    this.advance();
    this.full(cause);
  }

  /** Eden has its target's bytes. */
  onEdenFull(): void {
    this.fullAt = undefined;
    this.advance();
    const preventive = this.edenRegions < this.edenTarget && this.edenRegions >= this.preventiveLimit();
    this.young(preventive ? 'G1 Preventive Collection' : 'G1 Evacuation Pause');
    if (this.freeRegions < 1) this.full('G1 Compaction Pause');
  }

  /** Regions of one humongous object. */
  private get humongousNeed(): number {
    return Math.ceil((this.load.humongousBytes + arrayHeaderBytes) / this.regionBytes);
  }

  /** Every pause frees the humongous objects that have died. Source: OpenJDK 17, G1EagerReclaimHumongousObjects. */
  private reclaimHumongous(): void {
    const alive = Math.floor(this.load.humongousPerSecond * this.load.humongousMicros * micro);
    this.humongousRegions = Math.min(this.humongousRegions, alive * this.humongousNeed);
    this.humongousAfterLast = this.humongousRegions;
  }

  /** A humongous object is allocated. Source: OpenJDK 17, G1CollectedHeap::attempt_allocation_humongous. */
  onHumongous(): void {
    this.nextHumongous = undefined;
    this.advance();
    const need = this.humongousNeed;
    const requested = (this.old.regions + this.humongousRegions + need) * this.regionBytes;
    const starts = this.phase === 'young only' && !this.startPending && requested > this.ihop.threshold;
    if (starts || this.freeRegions <= need) {
      if (starts) this.startPending = true;
      this.humongousRaised = starts;
      this.young('G1 Humongous Allocation');
      if (this.freeRegions <= need) this.full('G1 Compaction Pause');
    }
    // An object that does not fit even then, with a region left for eden, is refused.
    if (this.freeRegions > need) this.humongousRegions += need;
    else this.listener.outOfMemory?.(this.id);
    this.allocatedBytes += this.load.humongousBytes;
    this.scheduleEden();
    this.scheduleHumongous(this.humongousDue);
  }

  private get edenRegions(): number {
    return Math.ceil(this.edenBytes / this.regionBytes - 1e-9);
  }

  private get freeBesideEden(): number {
    return this.regions - this.survivorRegions - this.old.regions - this.humongousRegions;
  }

  /** Bytes per second that the program can allocate beside the concurrent threads. */
  private get peak(): number {
    const cpus = Math.max(0.25, this.flags.cpus - this.busyMarkers);
    return this.costs.peakAllocationMiBPerSecond * mebibyte * Math.min(this.load.threads, cpus);
  }

  /** Brings eden and the backlog to this instant. */
  private advance(): void {
    const { now } = this.sim;
    const dt = (now - this.updatedAt) * micro;
    if (dt <= 0) return;
    const { load } = this;
    const demand = load.bytesPerSecond * dt + this.backlog;
    const running = Math.max(0, now - Math.max(this.updatedAt, this.pausedUntil)) * micro;
    const allocated = Math.max(0, Math.min(demand, this.peak * running));
    this.backlog = demand - allocated;
    this.edenBytes += allocated;
    this.allocatedBytes += allocated;
    this.edenLong += allocated * load.longShare;
    if (!load.growing && load.liveBytes > 0) this.old.decay += (allocated * load.longShare) / load.liveBytes;
    this.updatedAt = now;
  }

  /** Plans the moment when eden is full, counted from the end of the pause that is under way. */
  private scheduleEden(): void {
    const { now } = this.sim;
    const start = Math.max(now, this.pausedUntil);
    const regions = Math.min(this.edenTarget, this.freeBesideEden, this.preventiveLimit());
    const need = Math.max(0, regions * this.regionBytes - this.edenBytes);
    const { peak } = this;
    const rate = this.load.bytesPerSecond;
    const backlog = this.backlog + rate * (start - now) * micro;
    let seconds: number;
    if (rate >= peak) seconds = need / peak;
    else {
      const burst = backlog / (peak - rate);
      if (need <= peak * burst) seconds = need / peak;
      else if (rate > 0) seconds = burst + (need - peak * burst) / rate;
      else seconds = Number.POSITIVE_INFINITY;
    }
    const at = start + Math.max(1, Math.ceil(seconds * 1e6));
    if (this.fullAt !== undefined && this.sim.isPending(this.fullAt)) {
      if (at <= Number.MAX_SAFE_INTEGER) this.sim.reschedule(this.fullAt, at);
      else this.sim.cancel(this.fullAt);
    } else if (at <= Number.MAX_SAFE_INTEGER) this.fullAt = this.sim.at(at, this.kinds.edenFull, this.id);
  }

  /** The next humongous object is wanted a period after `from`; a pause holds it up. */
  private scheduleHumongous(from: number): void {
    if (this.nextHumongous !== undefined) this.sim.cancel(this.nextHumongous);
    this.nextHumongous = undefined;
    if (this.load.humongousPerSecond <= 0) return;
    this.humongousDue = from + Math.max(1, Math.round(1e6 / this.load.humongousPerSecond));
    const at = Math.max(this.humongousDue, this.pausedUntil, this.sim.now + 1);
    this.nextHumongous = this.sim.at(at, this.kinds.humongous, this.id);
  }

  /** Of the youngest `eden` regions, what lives on, in regions: recent bytes that die later, and bytes that stay. */
  private readonly surviving = (eden: number): number => {
    const { load } = this;
    const window = (load.bytesPerSecond * load.mediumMicros * micro) / this.regionBytes;
    return Math.min(eden, load.longShare * eden + load.mediumShare * Math.min(eden, window));
  };

  private predictedSurviving(eden: number): number {
    return this.survival.predict(eden, this.surviving) * this.regionBytes;
  }

  private get survivorShare(): number {
    return Math.min(1, this.survivorSurvival.predict());
  }

  private predictedSurvivorBytes(): number {
    return this.survivorRegions * this.regionBytes * this.survivorShare;
  }

  /**
   * Most eden regions whose predicted survivors, with those of the fewest old regions of a mixed collection and 10 % lost in buffers, fit into
   * what is then free. Source: OpenJDK 17 to 20, G1Policy::preventive_collection_required, update_survival_estimates_for_next_collection.
   */
  private preventiveLimit(): number {
    if (this.flags.release < 17 || this.flags.release > 20) return Number.POSITIVE_INFINITY;
    const free = this.freeBesideEden;
    const waste = 1 + fixedFlags.targetPlabWastePercent / 100;
    const others =
      this.predictedSurvivorBytes() + (this.candidates?.bytesOf(this.mixedMinimum, this.sim.now) ?? 0);
    const fits = (n: number) =>
      (this.predictedSurviving(n) + others) * waste <= (free - n) * this.regionBytes;
    if (fits(this.edenTarget)) return Number.POSITIVE_INFINITY;
    let low = 0;
    let high = this.edenTarget;
    while (high - low > 1) {
      const middle = Math.floor((low + high) / 2);
      if (fits(middle)) low = middle;
      else high = middle;
    }
    return Math.max(1, low);
  }

  /** Eden of the next collection, in regions. Source: OpenJDK 17, G1Policy::young_list_target_lengths and calculate_young_list_target_length. */
  private sizeYoung(): void {
    const base = this.survivorRegions;
    const free = this.freeBesideEden;
    const reserve = Math.ceil((this.regions * this.flags.reservePercent) / 100);
    const usable = Math.max(0, free - reserve);
    const least = Math.max(1, Math.floor((this.regions * fixedFlags.newSizePercent) / 100), base + 1);
    const most = Math.max(1, Math.floor((this.regions * fixedFlags.maxNewSizePercent) / 100));
    // A mixed collection comes as soon as it may, to have time for old regions.
    this.unboundedYoung = this.phase === 'mixed' ? 0 : this.fitting(base, least, most, usable);
    this.youngTarget = Math.max(least, Math.min(this.unboundedYoung, most, usable));
    this.edenTarget = Math.max(1, this.youngTarget - base);
  }

  private fitting(base: number, least: number, most: number, usable: number): number {
    if (most <= least) return least;
    const { predictor } = this;
    const marking = this.isMarkingOrRebuilding;
    const baseMillis = predictor.baseMillis(false, marking, base, this.predictedSurvivorBytes());
    const copy = predictor.copyMillisPerByte(marking);
    const other = predictor.youngOtherMillis();
    const safety = (100 / fixedFlags.confidencePercent) * ((100 + fixedFlags.targetPlabWastePercent) / 100);
    const fits = (n: number) => {
      if (n >= usable) return false;
      const bytes = this.predictedSurviving(n);
      return (
        baseMillis + copy * bytes + other * n <= this.flags.pauseGoalMillis &&
        safety * bytes <= (usable - n) * this.regionBytes
      );
    };
    let low = least - base;
    let high = most - base;
    if (!fits(low)) return least;
    if (fits(high)) return most;
    while (high - low > 1) {
      const middle = Math.floor((low + high) / 2);
      if (fits(middle)) low = middle;
      else high = middle;
    }
    return base + low;
  }

  private get isMarkingOrRebuilding(): boolean {
    return this.phase === 'marking';
  }

  private get nonYoungBytes(): number {
    return (this.old.regions + this.humongousRegions) * this.regionBytes;
  }

  /** A young collection of any type. */
  private young(cause: string): void {
    const { sim, load, costs, flags } = this;
    const { now } = sim;
    const number = this.collections;
    this.collections += 1;
    const type: CollectionType =
      this.startPending && this.phase === 'young only'
        ? 'Concurrent Start'
        : this.phase === 'mixed due'
          ? 'Prepare Mixed'
          : this.phase === 'mixed'
            ? 'Mixed'
            : 'Normal';
    const marking = this.isMarkingOrRebuilding;
    const eden = this.edenRegions;
    const survivorsBefore = this.survivorRegions;
    const oldBefore = this.old.regions;
    const humongousBefore = this.humongousRegions;
    const usedBefore = this.usedBytes;
    const survivedBefore = this.survivors.copiedBytes;

    // References from old objects to young ones, those of this interval and those to survivors, and the cards that they lie on.
    const fresh = load.growing ? 0 : this.edenLong / load.objectBytes;
    const references = fresh + (load.growing ? 0 : this.survivors.longBytes / load.objectBytes);
    const cards = cardsWritten(references, load.liveBytes, load.objectBytes);

    // What is alive, and where it goes.
    const mostSurvivors = Math.max(1, Math.ceil(this.youngTarget / fixedFlags.survivorRatio));
    const tenuringThreshold = this.survivors.tenuringThreshold(
      (mostSurvivors * this.regionBytes * fixedFlags.targetSurvivorPercent) / 100,
    );
    let promotedLong = 0;
    let promotedMedium = 0;
    let mediumFrom = now;
    let mediumTo = now;
    const promote = (one: { readonly long: number; readonly medium: number }, from: number, to: number) => {
      promotedLong += one.long;
      if (one.medium <= 0) return;
      promotedMedium += one.medium;
      mediumFrom = from;
      mediumTo = Math.max(mediumTo, to);
    };
    const alive = this.survivors.age(now, this.old.since(this.survivorClock), tenuringThreshold, promote);
    // The bytes that stay were replaced among themselves since they were allocated, half the interval ago in the mean.
    const edenKept =
      load.growing || load.liveBytes <= 0 ? 1 : Math.exp((-0.5 * this.edenLong) / load.liveBytes);
    const window = load.bytesPerSecond * load.mediumMicros * micro;
    const recent = Math.min(this.edenBytes, window);
    const edenLong = this.edenLong * edenKept;
    const edenMedium = load.mediumShare * recent;
    this.survivors.add(
      edenLong,
      edenMedium,
      now + (window > 0 ? load.mediumMicros * (1 - recent / window) : 0),
      now + load.mediumMicros,
    );
    // Source: OpenJDK 17, G1ParScanThreadState::allocate_copy_slow: without room among the survivors an object goes to an old region.
    this.survivors.overflow(mostSurvivors * this.regionBytes, promote);
    const survivorBytes = this.survivors.copiedBytes;

    const chosen =
      type === 'Mixed' ? this.chooseOld(eden, survivorsBefore, survivedBefore) : { regions: 0, bytes: 0 };

    // Room for the copies; what finds none stays, and its regions become old where they are.
    const waste = 1 + bufferWaste;
    const room = this.freeBesideEden - eden;
    const need = Math.ceil(
      (survivorBytes + (promotedLong + promotedMedium + chosen.bytes) * waste) / this.regionBytes,
    );
    const failed = need > Math.max(0, room) ? 1 - Math.max(0, room) / need : 0;

    // Cost.
    const copied = edenLong + edenMedium + alive + chosen.bytes;
    const faster = speedup(this.workers, flags.cpus);
    const noise = noiseFactor(costs.noise, this.draw());
    const copyWorker = ((marking ? 1.1 : 1) * noise * costs.copyMillisPerMiB * copied) / mebibyte;
    const scanWorker =
      noise * 1e-3 * (costs.scanMicrosPerCard * cards + costs.scanMicrosPerReference * fresh);
    const other = noise * costs.otherMillis;
    // A pause waits for the scan of survivors as roots.
    const waits = this.step === 'roots' ? Math.max(0, this.stepSince + this.stepMicros - now) / 1000 : 0;
    let millis = other + noise * costs.evacuationMillis + (copyWorker + scanWorker) / faster + waits;
    if (failed > 0) millis *= failureFactor;
    const micros = Math.max(1, Math.round(millis * 1000));

    // The new heap. What could not be copied stays where it is, and its regions become old.
    const copies = 1 - failed;
    this.survivors.keepOnly(copies);
    this.old.promote(
      {
        long: copies * (promotedLong + chosen.bytes),
        medium: copies * promotedMedium,
        from: mediumFrom,
        to: mediumTo,
      },
      waste,
      this.workers,
    );
    this.survivorRegions = Math.ceil((copies * survivorBytes) / this.regionBytes - 1e-9);
    const humongousGrowth = (this.humongousRegions - this.humongousAfterLast) * this.regionBytes;
    this.reclaimHumongous();
    if (failed > 0) {
      const stay = Math.ceil(failed * (eden + survivorsBefore + chosen.regions));
      this.old.addInPlace(
        Math.min(
          stay,
          Math.max(0, this.regions - this.survivorRegions - this.old.regions - this.humongousRegions),
        ),
        failed * (this.edenBytes + survivedBefore + chosen.bytes),
        failed * (survivorBytes + promotedLong + promotedMedium + chosen.bytes),
      );
    }
    this.edenBytes = 0;
    this.edenLong = 0;
    this.survivorClock = this.old.decay;
    const mutatorSeconds = Math.max(1, now - this.lastPauseEnd) * micro;
    const humongousFreed = (humongousBefore - this.humongousRegions) * this.regionBytes;

    // Before anything is learned: whether a cycle must start. Source: G1Policy::record_collection_pause_end, maybe_start_marking.
    if (type === 'Prepare Mixed') this.phase = 'mixed';
    if (type === 'Mixed' && (this.candidates === undefined || this.candidates.isEmpty)) {
      this.candidates = undefined;
      this.phase = 'young only';
    }
    if (
      type !== 'Concurrent Start' &&
      this.phase === 'young only' &&
      this.nonYoungBytes > this.ihop.threshold
    )
      this.startPending = true;

    // What G1 learns: nothing from a failed evacuation.
    if (failed === 0) {
      this.predictor.learn({
        marking,
        mixed: type === 'Mixed',
        copiedBytes: copied,
        copyMillis: copyWorker / faster,
        cards,
        scanMillis: scanWorker / faster,
        youngRegions: eden + survivorsBefore,
        // Freeing regions is part of the constant: logs tell it apart in tenths of a millisecond only.
        youngOtherMillis: 0,
        oldRegions: chosen.regions,
        oldOtherMillis: 0,
        constantOtherMillis: other,
      });
      // Source: OpenJDK 17, G1Policy::should_update_surv_rate_group_predictors.
      this.survival.learn(eden, this.surviving, type !== 'Mixed' && !marking);
      if (survivedBefore > 0)
        this.survivorSurvival.add(alive / Math.max(survivedBefore, survivorsBefore * this.regionBytes));
    }

    if (type === 'Concurrent Start') {
      this.startPending = false;
      // An undo: humongous objects raised the occupancy, and this very pause freed them.
      if (this.humongousRaised && this.nonYoungBytes <= this.ihop.threshold) this.undoCycle(now + micros);
      else this.startCycle(now + micros, copies * survivorBytes);
    }
    this.humongousRaised = false;
    this.sizeYoung();
    if (type === 'Mixed' && this.timeToMixed) {
      this.timeToMixed = false;
      this.ihop.marked((now - this.markStartedAt - this.pausesSinceMark) * micro);
    }
    if (type !== 'Mixed')
      this.ihop.allocated(
        promotedLong + promotedMedium + Math.max(0, humongousGrowth - humongousFreed),
        mutatorSeconds,
        this.unboundedYoung * this.regionBytes,
      );
    this.beginPause(micros, type === 'Concurrent Start' ? 'concurrent start' : 'collection');
    this.listener.collected?.(this.id, {
      number,
      type,
      cause,
      at: now,
      micros,
      eden,
      edenTarget: this.edenTarget,
      survivors: [survivorsBefore, this.survivorRegions, mostSurvivors],
      old: [oldBefore, this.old.regions],
      humongous: [humongousBefore, this.humongousRegions],
      usedBytes: [usedBefore, this.usedBytes],
      copiedBytes: copied,
      cards,
      copyWorkerMillis: copyWorker,
      scanWorkerMillis: scanWorker,
      otherMillis: other,
      tenuringThreshold,
      toSpaceExhausted: failed > 0,
    });
  }

  /** Old regions of a mixed collection. Source: OpenJDK 17, G1Policy::calculate_old_collection_set_regions: a minimum whatever it costs, then what fits. */
  private chooseOld(
    eden: number,
    survivorRegions: number,
    survivorBytes: number,
  ): { readonly regions: number; readonly bytes: number } {
    if (this.candidates === undefined) return { regions: 0, bytes: 0 };
    const { predictor } = this;
    const copy = predictor.copyMillisPerByte(false);
    const left =
      this.flags.pauseGoalMillis -
      predictor.baseMillis(true, false, survivorRegions, survivorBytes * this.survivorShare) -
      copy * this.predictedSurviving(eden) -
      eden * predictor.youngOtherMillis();
    return this.candidates.take(
      this.mixedMinimum,
      Math.max(this.mixedMinimum, Math.ceil((this.regions * fixedFlags.oldSetRegionPercent) / 100)),
      left,
      copy,
      predictor.oldOtherMillis(),
      this.sim.now,
    );
  }

  /** The world stops for so long from now on, or from the end of the pause that is under way. */
  private beginPause(micros: number, kind: 'collection' | 'concurrent start' | 'short'): void {
    const { now } = this.sim;
    const end = Math.max(now, this.pausedUntil) + micros;
    this.pausedMicros += micros;
    this.pausedUntil = end;
    // Remark and cleanup only take their length off the mutator's time (OpenJDK 17, G1Policy::update_gc_pause_time_ratios).
    this.lastPauseEnd = kind === 'short' ? this.lastPauseEnd + micros : end;
    if (kind !== 'concurrent start') {
      this.pausesSinceMark += micros;
      // Concurrent threads stand still in a pause.
      if (this.stepHandle !== undefined && this.sim.isPending(this.stepHandle)) {
        this.stepMicros += micros;
        this.sim.reschedule(this.stepHandle, this.stepSince + this.stepMicros);
      }
    }
    this.listener.paused(this.id, end - now);
    this.scheduleEden();
  }

  private undoCycle(at: number): void {
    this.listener.concurrent?.(this.id, {
      number: this.collections,
      name: 'Concurrent Undo Cycle',
      at,
      micros: Math.round(this.costs.cycleMillis * 1000),
    });
    this.collections += 1;
  }

  private startCycle(at: number, survivorBytes: number): void {
    this.phase = 'marking';
    this.markStartedAt = at;
    this.pausesSinceMark = 0;
    this.timeToMixed = true;
    this.cycleNumber = this.collections;
    this.collections += 1;
    this.old.beginMarking();
    this.markLive = this.old.liveBytes(this.sim.now) + survivorBytes;
    this.beginStep('roots', at, this.concurrentMillis(this.costs.rootMillisPerMiB, survivorBytes));
  }

  /** Wall milliseconds of concurrent work on so many bytes, beside the program. */
  private concurrentMillis(threadMillisPerMiB: number, bytes: number): number {
    const busy = Math.min(
      this.load.threads,
      this.load.bytesPerSecond / (this.costs.peakAllocationMiBPerSecond * mebibyte),
    );
    return (threadMillisPerMiB * bytes) / mebibyte / markingSpeed(this.markers, this.flags.cpus, busy);
  }

  private beginStep(step: Step, at: number, millis: number): void {
    this.step = step;
    this.stepSince = at;
    this.stepMicros = Math.max(1, Math.round(millis * 1000));
    this.stepHandle = this.sim.at(at + this.stepMicros, this.kinds.cycleStep, this.id);
  }

  /** The step of the concurrent cycle that was under way is done. */
  onCycleStep(): void {
    const { now } = this.sim;
    const { costs } = this;
    this.advance();
    const done = this.step;
    const tell = (name: string) =>
      this.listener.concurrent?.(this.id, {
        number: this.cycleNumber,
        name,
        at: this.stepSince,
        micros: now - this.stepSince,
      });
    // A phase lasts as long as several pauses, whose disturbances level out: the root of one pause's.
    const noise = Math.sqrt(noiseFactor(costs.noise, this.drawCycle()));
    const mark = this.concurrentMillis(costs.markMillisPerMiB, this.markLive) * noise;
    this.stepHandle = undefined;
    if (done === 'roots') {
      tell('Concurrent Scan Root Regions');
      this.beginStep('mark', now, mark + costs.cycleMillis);
    } else if (done === 'mark') {
      tell('Concurrent Mark From Roots');
      this.shortPause('Remark', costs.remarkMillis * noise);
      this.beginStep('rebuild', this.pausedUntil, mark * costs.rebuildShare);
    } else if (done === 'rebuild') {
      tell('Concurrent Rebuild Remembered Sets');
      this.shortPause('Cleanup', costs.cleanupMillis * noise);
      this.beginStep('cleanup', this.pausedUntil, 0);
    } else if (done === 'cleanup') {
      this.step = undefined;
      this.listener.concurrent?.(this.id, {
        number: this.cycleNumber,
        name: 'Concurrent Mark Cycle',
        at: this.markStartedAt,
        micros: now - this.markStartedAt,
      });
      this.chooseCandidates();
    }
    this.scheduleEden();
  }

  private shortPause(type: 'Remark' | 'Cleanup', millis: number): void {
    const { now } = this.sim;
    const oldBefore = this.old.regions;
    const usedBefore = this.usedBytes;
    if (type === 'Remark') this.old.freeEmpty(now);
    const micros = Math.max(1, Math.round(millis * 1000));
    this.beginPause(micros, 'short');
    this.listener.collected?.(this.id, {
      number: this.cycleNumber,
      type,
      cause: '',
      at: now,
      micros,
      eden: this.edenRegions,
      edenTarget: this.edenTarget,
      survivors: [this.survivorRegions, this.survivorRegions, this.survivorRegions],
      old: [oldBefore, this.old.regions],
      humongous: [this.humongousRegions, this.humongousRegions],
      usedBytes: [usedBefore, this.usedBytes],
      copiedBytes: 0,
      cards: 0,
      copyWorkerMillis: 0,
      scanWorkerMillis: 0,
      otherMillis: millis,
      tenuringThreshold: 0,
      toSpaceExhausted: false,
    });
  }

  /** Source: OpenJDK 17, CollectionSetChooser: regions below 85 % live, best first, the tail dropped while it wastes at most 5 % of the heap. */
  private chooseCandidates(): void {
    const candidates = this.old.candidates(
      this.sim.now,
      fixedFlags.mixedLiveThresholdPercent / 100,
      (this.flags.heapBytes * fixedFlags.heapWastePercent) / 100,
      this.flags.mixedCountTarget,
    );
    if (candidates.isEmpty) {
      this.phase = 'young only';
      this.timeToMixed = false;
      return;
    }
    this.candidates = candidates;
    this.mixedMinimum = Math.ceil(candidates.regions / this.flags.mixedCountTarget);
    this.phase = 'mixed due';
  }

  /** Stops the world until only live objects are left, compacted. */
  private full(cause: string): void {
    const { now } = this.sim;
    const { load, costs } = this;
    const number = this.collections;
    this.collections += 1;
    const eden = this.edenRegions;
    const survivorsBefore = this.survivorRegions;
    const oldBefore = this.old.regions;
    const humongousBefore = this.humongousRegions;
    const usedBefore = this.usedBytes;
    const window = load.bytesPerSecond * load.mediumMicros * micro;
    const wanted =
      this.old.liveBytes(now) +
      this.survivors.bytes(now, this.old.since(this.survivorClock)) +
      this.edenLong +
      load.mediumShare * Math.min(this.edenBytes, window);
    this.reclaimHumongous();
    // What does not fit was never allocated: the program got an error in place of it. Humongous objects are not moved.
    const room = Math.max(0, this.regions - 1 - this.humongousRegions);
    const live = Math.min(wanted, usedBefore, room * this.regionBytes);
    if (this.step !== undefined) {
      if (this.stepHandle !== undefined) this.sim.cancel(this.stepHandle);
      this.step = undefined;
      this.stepHandle = undefined;
      this.listener.concurrent?.(this.id, {
        number: this.cycleNumber,
        name: 'Concurrent Mark Abort',
        at: now,
        micros: 0,
      });
    }
    this.phase = 'young only';
    this.startPending = false;
    this.candidates = undefined;
    this.timeToMixed = false;
    this.survivors.clear();
    // Source: OpenJDK 17, G1Policy::record_full_collection_end.
    this.survivorSurvival = new Sequence(0.3, initialShare);
    this.survivorRegions = 0;
    this.edenBytes = 0;
    this.edenLong = 0;
    this.old.compact(live);
    this.survivorClock = this.old.decay;
    const noise = noiseFactor(costs.noise, this.draw());
    const millis =
      (noise * costs.fullMillisPerMiB * live) / mebibyte / speedup(this.workers, this.flags.cpus);
    const micros = Math.max(1, Math.round(millis * 1000));
    if (this.nonYoungBytes > this.ihop.threshold) this.startPending = true;
    this.sizeYoung();
    this.beginPause(micros, 'collection');
    this.listener.collected?.(this.id, {
      number,
      type: 'Full',
      cause,
      at: now,
      micros,
      eden,
      edenTarget: this.edenTarget,
      survivors: [survivorsBefore, 0, survivorsBefore],
      old: [oldBefore, this.old.regions],
      humongous: [humongousBefore, this.humongousRegions],
      usedBytes: [usedBefore, this.usedBytes],
      copiedBytes: live,
      cards: 0,
      copyWorkerMillis: 0,
      scanWorkerMillis: 0,
      otherMillis: 0,
      tenuringThreshold: 0,
      toSpaceExhausted: false,
    });
    if (wanted > room * this.regionBytes) this.listener.outOfMemory?.(this.id);
  }

  /** The laws of the heap: what is wrong, or undefined. */
  broken(): string | undefined {
    const used = this.survivorRegions + this.old.regions + this.humongousRegions;
    if (used > this.regions) return `${used} of ${this.regions} regions in use outside eden`;
    if (this.freeRegions < 0) return `${-this.freeRegions} regions more than the heap has`;
    if (this.edenBytes < 0 || this.old.regions < 0) return 'fewer than no regions';
    return undefined;
  }
}
