import { Simulation } from '../engine/simulation.ts';
import type { GcLog, LoggedCollection, LoggedPhase } from '../formats/gcLog.ts';
import type { G1Costs } from '../models/jvm/costs.ts';
import {
  concurrentThreads,
  defaultFlags,
  type G1Flags,
  parallelThreads,
  regionBytes,
} from '../models/jvm/flags.ts';
import {
  type Allocation,
  type Collection,
  type ConcurrentPhase,
  G1,
  type G1Kinds,
} from '../models/jvm/g1.ts';

/** What a test program asks of its heap, in the words of the recordings. */
export interface AllocatorProgram {
  /** MiB per second that one paced thread allocates. */
  readonly rate: number;
  /** MB that stay alive. */
  readonly live: number;
  /** Share of the bytes that is held for `midMs` milliseconds. */
  readonly mid: number;
  readonly midMs: number;
  /** Share of the bytes that replaces a random long-lived slot. */
  readonly old: number;
  /** Large arrays per second, and their size in KiB. */
  readonly hum: number;
  readonly humKB: number;
  /** Milliseconds that each lives. */
  readonly humMs: number;
  /** Bytes of a mean object. */
  readonly objectBytes: number;
}

/** The recordings' defaults. */
export const programDefaults: Omit<AllocatorProgram, 'rate' | 'live'> = {
  mid: 0.1,
  midMs: 300,
  old: 0.02,
  hum: 0,
  humKB: 0,
  // No log's program says how long its arrays live.
  humMs: 0,
  objectBytes: 550,
};

const mebibyte = 1_048_576;
/** A thread that builds its live set allocates without pacing: MiB per second, below what the costs call the peak. */
const buildRate = 2400;
/** Headers and slots that come with the objects of the live set. */
export const liveOverhead = 1.02;

function allocation(p: AllocatorProgram): Allocation {
  return {
    bytesPerSecond: p.rate * mebibyte,
    mediumShare: p.mid,
    mediumMicros: p.midMs * 1000,
    longShare: p.old,
    liveBytes: p.live * 1e6 * liveOverhead,
    growing: false,
    objectBytes: p.objectBytes,
    humongousPerSecond: p.hum,
    humongousBytes: p.humKB * 1024,
    humongousMicros: p.humMs * 1000,
    threads: 1,
  };
}

/**
 * Plays a program on a JVM as the recordings were made: it builds its live set, asks for a full collection, and then runs paced. The log is the one
 * that the JVM would have written, with its debug phases.
 */
export function playProgram(
  flags: Partial<G1Flags> & Pick<G1Flags, 'heapBytes' | 'cpus'>,
  costs: G1Costs,
  program: AllocatorProgram,
  options: { readonly seed: string; readonly seconds: number },
): GcLog {
  const all: G1Flags = { ...defaultFlags, ...flags };
  const sim = new Simulation({ seed: options.seed });
  const collections: LoggedCollection[] = [];
  const phases: LoggedPhase[] = [];
  const load = allocation(program);
  const list: G1[] = [];
  const kinds: G1Kinds = {
    edenFull: sim.on('jvm.edenFull', () => list[0]!.onEdenFull()),
    cycleStep: sim.on('jvm.concurrentStep', () => list[0]!.onCycleStep()),
    humongous: sim.on('jvm.humongousObject', () => list[0]!.onHumongous()),
  };
  const region = regionBytes(all);
  const building: Allocation = {
    ...load,
    bytesPerSecond: buildRate * mebibyte,
    mediumShare: 0,
    longShare: 1,
    growing: true,
    humongousPerSecond: 0,
  };
  const jvm = new G1(sim, 0, 'jvm', all, costs, building, kinds, {
    paused: () => {},
    collected: (_, c) => collections.push(logged(c, jvm, all, region)),
    concurrent: (_, p) => phases.push(loggedPhase(p)),
    // The log ends where the JVM does.
    outOfMemory: () => sim.stop('java.lang.OutOfMemoryError: Java heap space'),
  });
  list.push(jvm);
  const step = 1000;
  while (jvm.usedBytes < load.liveBytes && sim.now < 600e6 && sim.stoppedBecause === undefined)
    sim.run(sim.now + step);
  if (sim.stoppedBecause === undefined) jvm.collectFull('System.gc()');
  jvm.setPace(load);
  sim.run(sim.now + Math.round(options.seconds * 1e6));
  sim.require(jvm.broken() === undefined, jvm.broken() ?? '');
  const said = {
    version: `${all.release}`,
    cpus: all.cpus,
    regionBytes: region,
    heapMaxBytes: all.heapBytes,
    parallelThreads: parallelThreads(all),
    concurrentThreads: concurrentThreads(all),
  };
  return { jvm: said, stretches: [said], collections, phases, lines: 0, otherLines: 0, problems: [] };
}

function logged(c: Collection, jvm: G1, flags: G1Flags, region: number): LoggedCollection {
  const capacity = flags.heapBytes / mebibyte;
  const short = c.type === 'Remark' || c.type === 'Cleanup';
  const millis = c.micros / 1000;
  const base = {
    number: c.number,
    type: short || c.type === 'Full' ? c.type : `Young (${c.type})`,
    cause: c.cause,
    stretch: 0,
    startSeconds: c.at / 1e6,
    millis,
    usedMiB: [
      Math.round(c.usedBytes[0] / mebibyte),
      Math.round(c.usedBytes[1] / mebibyte),
      capacity,
    ] as const,
    toSpaceExhausted: c.toSpaceExhausted,
    line: 0,
  };
  if (short) return base;
  const heap = {
    ...base,
    eden: [c.eden, 0, c.edenTarget] as const,
    survivors: c.survivors,
    old: c.old,
    humongous: c.humongous,
  };
  if (c.type === 'Full') return heap;
  const workers = parallelThreads(flags);
  return {
    ...heap,
    workers: [workers, workers],
    copiedBytes: Math.round(c.copiedBytes),
    scannedCards: Math.round(c.cards),
    copyWorkerMillis: Number(c.copyWorkerMillis.toFixed(1)),
    scanWorkerMillis: Number(c.scanWorkerMillis.toFixed(1)),
    evacuateMillis: Number((millis - c.otherMillis).toFixed(1)),
    otherMillis: Number(c.otherMillis.toFixed(1)),
    desiredSurvivorBytes: (c.survivors[2] * region) / 2,
    tenuringThreshold: c.tenuringThreshold,
    ihop: {
      thresholdBytes: Math.round(jvm.ihop.threshold),
      targetBytes: Math.round(jvm.ihop.target),
      adaptive: jvm.ihop.isActive,
    },
  };
}

function loggedPhase(p: ConcurrentPhase): LoggedPhase {
  return {
    number: p.number,
    name: p.name,
    stretch: 0,
    endSeconds: (p.at + p.micros) / 1e6,
    millis: p.micros / 1000,
  };
}
