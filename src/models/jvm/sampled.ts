import { type Handle, type Kind, Simulation, type Stream } from '../../engine/simulation.ts';
import type { G1Costs } from './costs.ts';
import type { G1Flags } from './flags.ts';
import { type Allocation, type Collection, G1, type G1Kinds, type G1Listener } from './g1.ts';

/** Pauses of one JVM under a constant load, in their order: how long the program ran before each, and the pause itself. */
interface Recorded {
  readonly runMicros: Float64Array;
  readonly pauses: readonly Collection[];
  /** Whether what the program keeps did not fit. */
  readonly outOfMemory: boolean;
}

/** Pauses left out while the predictor unlearns its seeds, and pauses kept. */
const warmUpPauses = 60;
const keptPauses = 600;
/** Loads that differ by less than this share one recording. */
const gridStep = 0.05;

/**
 * Recordings of the exact collector, one for each set of options and load. They are made with a seed of their own, so that every run
 * that needs the same recording gets the same one.
 */
export class Recordings {
  private readonly made = new Map<string, Recorded>();

  of(flags: G1Flags, costs: G1Costs, load: Allocation): Recorded {
    const bytesPerSecond = onGrid(load.bytesPerSecond);
    const rounded: Allocation = {
      ...load,
      bytesPerSecond,
      mediumShare: onGrid(load.mediumShare),
      mediumMicros: Math.round(onGrid(load.mediumMicros)),
      humongousPerSecond: onGrid(load.humongousPerSecond),
      humongousBytes: Math.round(onGrid(load.humongousBytes)),
      humongousMicros: Math.round(onGrid(load.humongousMicros)),
    };
    const key = JSON.stringify([flags, costs, rounded]);
    let found = this.made.get(key);
    if (found === undefined) {
      found = record(key, flags, costs, rounded);
      this.made.set(key, found);
    }
    return found;
  }
}

function onGrid(x: number): number {
  return x <= 0 ? 0 : Math.exp(Math.round(Math.log(x) / gridStep) * gridStep);
}

function record(key: string, flags: G1Flags, costs: G1Costs, load: Allocation): Recorded {
  const sim = new Simulation({ seed: key });
  const collections: Collection[] = [];
  let seen = 0;
  let outOfMemory = false;
  const list: G1[] = [];
  const kinds: G1Kinds = {
    edenFull: sim.on('edenFull', () => list[0]!.onEdenFull()),
    cycleStep: sim.on('cycleStep', () => list[0]!.onCycleStep()),
    humongous: sim.on('humongous', () => list[0]!.onHumongous()),
  };
  const listener: G1Listener = {
    paused: () => {},
    collected: (_, c) => {
      seen += 1;
      if (seen > warmUpPauses) collections.push(c);
      if (collections.length > keptPauses) sim.stop('enough');
    },
    outOfMemory: () => {
      outOfMemory = true;
    },
  };
  list.push(new G1(sim, 0, 'recorded', flags, costs, load, kinds, listener));
  // An idle JVM never pauses: a day without one ends the recording.
  sim.run(86_400e6);
  const pauses = collections.slice(1);
  const runMicros = new Float64Array(pauses.length);
  for (let i = 0; i < pauses.length; i += 1) {
    const before = collections[i]!;
    runMicros[i] = Math.max(1, pauses[i]!.at - before.at - before.micros);
  }
  return { runMicros, pauses, outOfMemory };
}

/**
 * A JVM whose pauses are read off a recording of the exact collector under the same options and load, from a place drawn once: for platforms with
 * very many JVMs. Under a changed load the time that is left until the next pause scales with the old rate over the new.
 *
 * Simplified: what the load was before does not matter; the heap between pauses is the recording's.
 */
export class SampledCollector {
  usedBytes: number;
  private readonly sim: Simulation;
  private readonly id: number;
  private readonly recordings: Recordings;
  private readonly flags: G1Flags;
  private readonly costs: G1Costs;
  private readonly kind: Kind;
  private readonly listener: G1Listener;
  private readonly draw: Stream;
  private load: Allocation;
  private recorded: Recorded;
  private at = 0;
  private pausedUntil = -1;
  private next: Handle | undefined;

  constructor(
    sim: Simulation,
    id: number,
    name: string,
    recordings: Recordings,
    flags: G1Flags,
    costs: G1Costs,
    load: Allocation,
    kind: Kind,
    listener: G1Listener,
  ) {
    this.sim = sim;
    this.id = id;
    this.recordings = recordings;
    this.flags = flags;
    this.costs = costs;
    this.kind = kind;
    this.listener = listener;
    this.draw = sim.stream(name, 'sampled');
    this.load = load;
    this.usedBytes = load.liveBytes;
    this.recorded = recordings.of(flags, costs, load);
    this.seek();
    const first = this.recorded.runMicros[this.at] ?? 0;
    // Somewhere between two pauses: all of them do not begin together.
    if (this.recorded.pauses.length > 0) this.plan(Math.max(1, Math.ceil(this.draw() * first)));
  }

  get allocationRate(): number {
    return this.load.bytesPerSecond;
  }

  setLoad(load: Allocation): void {
    const before = this.load.bytesPerSecond;
    this.load = load;
    this.recorded = this.recordings.of(this.flags, this.costs, load);
    const pending = this.next !== undefined && this.sim.isPending(this.next);
    if (this.recorded.pauses.length === 0) {
      if (pending) this.sim.cancel(this.next!);
      return;
    }
    if (this.at >= this.recorded.pauses.length) this.seek();
    if (!pending) this.plan(this.recorded.runMicros[this.at]!);
    else if (before > 0 && load.bytesPerSecond !== before) {
      const start = Math.max(this.sim.now, this.pausedUntil);
      const left = Math.max(1, this.due - start);
      const micros = Math.max(1, Math.ceil((left * before) / load.bytesPerSecond));
      this.due = start + micros;
      this.sim.reschedule(this.next!, this.due);
    }
  }

  hold(micros: number): void {
    const { now } = this.sim;
    const end = Math.max(now, this.pausedUntil) + micros;
    this.pausedUntil = end;
    if (this.next !== undefined && this.sim.isPending(this.next)) {
      this.due = Math.max(this.due, now) + micros;
      this.sim.reschedule(this.next, this.due);
    }
    this.listener.paused(this.id, end - now);
  }

  onPause(): void {
    const { now } = this.sim;
    const pause = this.recorded.pauses[this.at]!;
    this.pausedUntil = Math.max(now, this.pausedUntil) + pause.micros;
    this.usedBytes = pause.usedBytes[1];
    this.listener.paused(this.id, this.pausedUntil - now);
    this.listener.collected?.(this.id, { ...pause, at: now });
    this.at += 1;
    if (this.at >= this.recorded.pauses.length) this.seek();
    this.plan(this.recorded.runMicros[this.at]!);
    if (this.recorded.outOfMemory) this.listener.outOfMemory?.(this.id);
  }

  end(): void {
    if (this.next !== undefined) this.sim.cancel(this.next);
  }

  private due = 0;

  private plan(runMicros: number): void {
    this.due = Math.max(this.sim.now, this.pausedUntil) + runMicros;
    this.next = this.sim.at(this.due, this.kind, this.id);
  }

  private seek(): void {
    const n = this.recorded.pauses.length;
    this.at = n === 0 ? 0 : Math.min(n - 1, Math.floor(this.draw() * n));
  }
}
