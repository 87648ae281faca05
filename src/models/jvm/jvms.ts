import type { Gauge } from '../../engine/gauge.ts';
import { Histogram } from '../../engine/histogram.ts';
import { eventClass, type Kind, type Simulation } from '../../engine/simulation.ts';
import type { G1Costs } from './costs.ts';
import type { G1Flags } from './flags.ts';
import { type Allocation, type Collection, G1, type G1Kinds, type G1Listener } from './g1.ts';
import { Recordings, SampledCollector } from './sampled.ts';

/** Pauses as they are counted: G1's types, and two causes that an operator looks for. */
export const pauseTypes = [
  'Normal',
  'Concurrent Start',
  'Prepare Mixed',
  'Mixed',
  'Full',
  'Remark',
  'Cleanup',
  'preventive',
  'to-space exhausted',
] as const;

/** Collectors as the JVM's beans name them. */
export const collectors = ['G1 Young Generation', 'G1 Old Generation'] as const;

export const pauseQuantiles = [0.5, 0.9, 0.99, 1] as const;

/** How often quantiles are read: an observer's period, microseconds. */
const lookMicros = 60_000_000;

/** From this length on a pause is told, and stops what flows: a fifth of a second. */
export const longPauseMicros = 200_000;

export interface JvmSettings {
  readonly costs: G1Costs;
  /** Whether every collection is an event, or read off a recording. */
  readonly sampled: boolean;
}

/**
 * The JVMs of a platform, each with a collector of its own, on one simulation. A row is a slot in which one process after another runs.
 */
export class Jvms {
  /** All threads of the process in a row stand still for so long from now. */
  onPause: (row: number, micros: number) => void = () => {};
  /** What the process of a row wants to keep does not fit into its heap. */
  onOutOfMemory: (row: number) => void = () => {};
  /** What the process of a row runs with when it starts now, and what it allocates. */
  optionsOf: (row: number) => G1Flags = () => {
    throw new RangeError('no JVM options are connected');
  };
  loadOf: (row: number) => Allocation = () => {
    throw new RangeError('no program is connected');
  };
  readonly list: (G1 | SampledCollector | undefined)[];
  /** How a row is told of in a timeline. */
  readonly names: readonly string[];
  /** How a row is labelled in a metric. */
  readonly labels: readonly string[];
  private readonly sim: Simulation;
  private readonly settings: JvmSettings;
  private readonly kinds: G1Kinds;
  private readonly sampledPause: Kind;
  private readonly recordings = new Recordings();
  private readonly listener: G1Listener;
  private readonly count: Gauge;
  private readonly seconds: Gauge;
  private readonly used: Gauge;
  private readonly most: Gauge;
  private readonly byType: Gauge;
  private readonly stopped: Gauge;
  private readonly afterCollection: Gauge;
  private readonly allocation: Gauge;
  private readonly quantiles: Gauge;
  private readonly interval: Gauge;
  private readonly pauses: Histogram[];
  private readonly longest: Float64Array;
  private readonly firstYoung: Float64Array;
  private readonly lastYoung: Float64Array;
  private readonly youngCount: Int32Array;

  /** @param measureFrom microseconds before which nothing enters a quantile */
  constructor(
    sim: Simulation,
    labels: readonly string[],
    names: readonly string[],
    settings: JvmSettings,
    measureFrom: number,
    until: number,
  ) {
    this.sim = sim;
    this.names = names;
    this.labels = labels;
    this.settings = settings;
    const n = names.length;
    this.list = new Array(n).fill(undefined);
    this.kinds = {
      edenFull: sim.on('jvm.edenFull', (id) => (this.list[id] as G1).onEdenFull()),
      cycleStep: sim.on('jvm.concurrentStep', (id) => (this.list[id] as G1).onCycleStep()),
      humongous: sim.on('jvm.humongousObject', (id) => (this.list[id] as G1).onHumongous()),
    };
    this.sampledPause = sim.on('jvm.sampledPause', (id) => (this.list[id] as SampledCollector).onPause());
    this.count = sim.gauge('jvm_gc_collection_seconds_count', n * collectors.length);
    this.seconds = sim.gauge('jvm_gc_collection_seconds_sum', n * collectors.length);
    this.used = sim.gauge('jvm_memory_used_bytes', n, { linear: true });
    this.most = sim.gauge('jvm_memory_max_bytes', n);
    this.byType = sim.gauge('rehearse:gc_pauses_total', n * pauseTypes.length);
    this.stopped = sim.gauge('rehearse:gc_stopped_seconds_total', n);
    this.afterCollection = sim.gauge('rehearse:heap_after_collection_bytes', n);
    this.allocation = sim.gauge('rehearse:allocation_bytes_per_second', n);
    this.quantiles = sim.gauge('rehearse:gc_pause_ms', n * pauseQuantiles.length);
    this.interval = sim.gauge('rehearse:gc_interval_seconds', n);
    this.pauses = names.map(() => new Histogram());
    this.longest = new Float64Array(n);
    this.firstYoung = new Float64Array(n).fill(Number.NaN);
    this.lastYoung = new Float64Array(n);
    this.youngCount = new Int32Array(n);
    this.listener = {
      paused: (row, micros) => this.paused(row, micros),
      collected: (row, c) => this.collected(row, c, measureFrom),
      outOfMemory: (row) => {
        sim.tell('jvm.outOfMemory', names[row]!);
        this.onOutOfMemory(row);
      },
    };
    if ([this.quantiles, this.interval].some((g) => g.rowRecord(0) !== undefined)) {
      const look = sim.on(
        'jvm.look',
        () => {
          this.look();
          if (sim.now < until) sim.at(Math.min(until, sim.now + lookMicros), look);
        },
        eventClass.observer,
      );
      sim.at(Math.min(until, lookMicros), look);
    }
    sim.invariant('heap regions are conserved', () => {
      this.list.forEach((jvm, row) => {
        const says = jvm instanceof G1 ? jvm.broken() : undefined;
        sim.require(says === undefined, says ?? '', { jvm: names[row]! });
      });
    });
    sim.stateDigest('jvm', (add) => {
      for (const jvm of this.list) if (jvm instanceof G1) add(jvm.old.regions);
    });
  }

  /** A process starts in a row, with the options and the program of this moment. */
  start(row: number): void {
    this.stop(row);
    const { sim, settings, listener } = this;
    const flags = this.optionsOf(row);
    const load = this.loadOf(row);
    const name = `jvm/${this.labels[row]}`;
    this.pauses[row] = new Histogram();
    this.longest[row] = 0;
    this.firstYoung[row] = Number.NaN;
    this.youngCount[row] = 0;
    this.most.set(row, flags.heapBytes);
    this.list[row] = settings.sampled
      ? new SampledCollector(
          sim,
          row,
          name,
          this.recordings,
          flags,
          settings.costs,
          load,
          this.sampledPause,
          listener,
        )
      : new G1(sim, row, name, flags, settings.costs, load, this.kinds, listener);
    this.show(row);
  }

  /** The process of a row ends. */
  stop(row: number): void {
    const jvm = this.list[row];
    if (jvm === undefined) return;
    jvm.end();
    this.list[row] = undefined;
    this.used.set(row, 0);
    this.most.set(row, 0);
    this.allocation.set(row, 0);
  }

  /** The program of a row asks for something else from now on. */
  loadChanged(row: number): void {
    const jvm = this.list[row];
    if (jvm === undefined) return;
    jvm.setLoad(this.loadOf(row));
    this.show(row);
  }

  /** Something other than a collection stops the world; a process that does not run does not notice. */
  hold(row: number, micros: number, why: string): void {
    this.sim.tell('jvm.held', this.names[row]!, `${(micros / 1e6).toFixed(1)} s: ${why}`);
    this.list[row]?.hold(micros);
  }

  private paused(row: number, micros: number): void {
    this.stopped.add(row, micros / 1e6);
    this.onPause(row, micros);
  }

  private collected(row: number, c: Collection, measureFrom: number): void {
    const name = this.names[row]!;
    const full = c.type === 'Full';
    if (c.type !== 'Remark' && c.type !== 'Cleanup') {
      const bean = row * collectors.length + (full ? 1 : 0);
      this.count.add(bean, 1);
      this.seconds.add(bean, c.micros / 1e6);
    }
    const types = row * pauseTypes.length;
    this.byType.add(types + pauseTypes.indexOf(c.type), 1);
    if (c.cause === 'G1 Preventive Collection') this.byType.add(types + pauseTypes.indexOf('preventive'), 1);
    if (c.toSpaceExhausted) {
      this.byType.add(types + pauseTypes.indexOf('to-space exhausted'), 1);
      this.sim.tell('jvm.toSpaceExhausted', name, `${Math.round(c.micros / 1000)} ms`);
    }
    if (full) this.sim.tell('jvm.fullCollection', name, `${Math.round(c.micros / 1000)} ms, ${c.cause}`);
    else if (c.micros >= longPauseMicros)
      this.sim.tell('jvm.longPause', name, `${Math.round(c.micros / 1000)} ms`);
    this.afterCollection.set(row, c.usedBytes[1]);
    this.show(row);
    if (c.at < measureFrom) return;
    // What a GC log's reader counts as pauses of the young generation: not remark and cleanup, which take a millisecond.
    if (c.type === 'Remark' || c.type === 'Cleanup') return;
    this.pauses[row]!.add(c.micros / 1000);
    this.longest[row] = Math.max(this.longest[row]!, c.micros / 1000);
    if (Number.isNaN(this.firstYoung[row]!)) this.firstYoung[row] = c.at;
    this.lastYoung[row] = c.at;
    this.youngCount[row]! += 1;
  }

  /** The heap's use moves between events: it grows from the end of the pause on; here from its start, which is the same line a pause earlier. */
  private show(row: number): void {
    const jvm = this.list[row]!;
    if (jvm === undefined) return;
    this.used.set(row, jvm.usedBytes, jvm.allocationRate);
    this.allocation.set(row, jvm.allocationRate);
  }

  private look(): void {
    for (let row = 0; row < this.names.length; row += 1) {
      const all = this.pauses[row]!;
      if (all.count === 0) continue;
      pauseQuantiles.forEach((q, i) => {
        const value = q === 1 ? this.longest[row]! : middle(all.quantile(q));
        this.quantiles.set(row * pauseQuantiles.length + i, Math.min(value, this.longest[row]!));
      });
      const count = this.youngCount[row]!;
      if (count > 1)
        this.interval.set(row, (this.lastYoung[row]! - this.firstYoung[row]!) / 1e6 / (count - 1));
    }
  }
}

function middle([low, high]: readonly [number, number]): number {
  return Math.sqrt(low * high);
}
