/**
 * `node bench/engine.ts`: the engine beside two fixed yardsticks, in interleaved rounds, CPU time, medians.
 * HOLD: pop one event, push one. PHOLD: 1,000 places with 10 jobs each, a job moves to a random place after an exponential time. M/M/1 with statistics.
 */
import { cpus } from 'node:os';
import { sleep, waitUntil } from '../src/engine/process.ts';
import { EventQueue } from '../src/engine/queue.ts';
import { makeStream } from '../src/engine/random.ts';
import { Simulation } from '../src/engine/simulation.ts';
import { NaiveHeap, ObjectHeap, TypedHeap } from './yardsticks.ts';

const rounds = 5;
const increments = new Float64Array(65_536);
const draw = makeStream('bench');
for (let i = 0; i < increments.length; i += 1) increments[i] = Math.ceil(-Math.log1p(-draw()) * 1e6);

function cpuSeconds(run: () => void): number {
  const began = process.cpuUsage();
  run();
  const used = process.cpuUsage(began);
  return (used.user + used.system) / 1e6;
}

interface Line {
  readonly name: string;
  /** Operations of one run. */
  readonly count: number;
  readonly run: () => void;
}

function report(title: string, lines: readonly Line[]): void {
  const times = lines.map((): number[] => []);
  for (let round = 0; round <= rounds; round += 1) {
    lines.forEach((line, i) => {
      const seconds = cpuSeconds(line.run);
      // The first round pays for the compiler.
      if (round > 0) times[i]!.push(seconds);
    });
  }
  console.log(`\n${title}`);
  const rates = times.map((t, i) => lines[i]!.count / t.sort((a, b) => a - b)[Math.floor(rounds / 2)]! / 1e6);
  lines.forEach((line, i) => {
    const sorted = times[i]!;
    console.log(
      `  ${line.name.padEnd(34)} ${rates[i]!.toFixed(2).padStart(7)} M/s   [${(line.count / sorted[rounds - 1]! / 1e6).toFixed(2)} .. ${(line.count / sorted[0]! / 1e6).toFixed(2)}]   ${(rates[0]! / rates[i]!).toFixed(2)} x`,
    );
  });
}

function hold(pending: number, steps: number): Line[] {
  return [
    {
      name: 'engine queue (cancel, payload)',
      count: steps,
      run: () => {
        const queue = new EventQueue();
        let order = 0;
        for (; order < pending; order += 1) queue.push(increments[order & 65_535]!, order, 0, 0, 0, 0);
        for (let i = 0; i < steps; i += 1) {
          queue.pop();
          queue.push(queue.time + increments[i & 65_535]!, order++, 0, 0, 0, 0);
        }
      },
    },
    {
      name: 'naive object heap with closures',
      count: steps,
      run: () => {
        const heap = new NaiveHeap();
        let order = 0;
        const counter = new Float64Array(1);
        const run = () => {
          counter[0]! += 1;
        };
        for (; order < pending; order += 1) heap.push(increments[order & 65_535]!, order, run);
        for (let i = 0; i < steps; i += 1) {
          const e = heap.pop()!;
          e.run();
          heap.push(e.time + increments[i & 65_535]!, order++, () => run());
        }
      },
    },
    {
      name: 'object heap with care',
      count: steps,
      run: () => {
        const heap = new ObjectHeap();
        let order = 0;
        for (; order < pending; order += 1) heap.push(increments[order & 65_535]!, order, 0);
        for (let i = 0; i < steps; i += 1) {
          const e = heap.pop()!;
          heap.push(e.time + increments[i & 65_535]!, order++, 0);
        }
      },
    },
    {
      name: 'typed binary heap, no cancel',
      count: steps,
      run: () => {
        const heap = new TypedHeap(pending + 1);
        let order = 0;
        for (; order < pending; order += 1) heap.push(increments[order & 65_535]!, order);
        for (let i = 0; i < steps; i += 1) {
          heap.pop();
          heap.push(heap.time + increments[i & 65_535]!, order++);
        }
      },
    },
  ];
}

console.log(
  `${cpus()[0]?.model ?? 'unknown CPU'}, ${cpus().length} cores, Node ${process.version}, V8 ${process.versions.v8}`,
);
for (const [pending, steps] of [
  [100, 1_000_000],
  [10_000, 1_000_000],
  [1_000_000, 600_000],
] as const)
  report(`HOLD, ${pending} pending, events`, hold(pending, steps));

const pholdEvents = 1_000_000;
let phold = '';
report('PHOLD 1,000 x 10 with counters, events', [
  {
    name: 'engine',
    count: pholdEvents,
    run: () => {
      const sim = new Simulation({ seed: 'phold' });
      const visits = new Float64Array(1000);
      let i = 0;
      const move = sim.on('move', (place) => {
        visits[place]! += 1;
        i += 1;
        sim.after(increments[i & 65_535]!, move, Math.floor(increments[(i * 7) & 65_535]!) % 1000);
      });
      for (let job = 0; job < 10_000; job += 1) sim.at(increments[job & 65_535]!, move, job % 1000);
      sim.run(Number.MAX_SAFE_INTEGER, pholdEvents);
      phold = sim.fingerprint();
    },
  },
]);
console.log(`  fingerprint ${phold}`);

const customers = 400_000;
report('M/M/1 at load 0.8 with statistics, customers', [
  {
    name: 'handlers',
    count: customers,
    run: () => {
      const sim = new Simulation({ seed: 'mm1' });
      const inside = sim.gauge('inside', 1);
      const [gap, service] = [sim.stream('a', 'gap'), sim.stream('s', 'time')];
      let waiting = 0;
      const done = sim.on('done', () => {
        inside.add(0, -1);
        if (waiting > 0) {
          waiting -= 1;
          sim.after(Math.ceil(-Math.log1p(-service()) * 0.8e6), done);
        } else busy = false;
      });
      let busy = false;
      let left = customers;
      const arrive = sim.on('arrive', () => {
        inside.add(0, 1);
        if (busy) waiting += 1;
        else {
          busy = true;
          sim.after(Math.ceil(-Math.log1p(-service()) * 0.8e6), done);
        }
        left -= 1;
        if (left > 0) sim.after(Math.ceil(-Math.log1p(-gap()) * 1e6), arrive);
      });
      sim.at(0, arrive);
      sim.run(Number.MAX_SAFE_INTEGER);
    },
  },
  {
    name: 'generators: server and source',
    count: customers,
    run: () => {
      const sim = new Simulation({ seed: 'mm1' });
      const inside = sim.gauge('inside', 1);
      const [gap, service] = [sim.stream('a', 'gap'), sim.stream('s', 'time')];
      const came = sim.signal('came');
      let waiting = 0;
      sim.spawn('server', function* () {
        for (let served = 0; served < customers; served += 1) {
          if (waiting === 0) yield waitUntil(came, () => waiting > 0);
          waiting -= 1;
          yield sleep(Math.ceil(-Math.log1p(-service()) * 0.8e6));
          inside.add(0, -1);
        }
      });
      sim.spawn('source', function* () {
        for (let i = 0; i < customers; i += 1) {
          yield sleep(Math.ceil(-Math.log1p(-gap()) * 1e6));
          inside.add(0, 1);
          waiting += 1;
          came.raise();
        }
      });
      sim.run(Number.MAX_SAFE_INTEGER);
    },
  },
]);

const entities = 10_000;
const steps = 500_000;
let longest = 0;
report('cancel and schedule again, 10,000 time-outs, steps', [
  {
    name: 'engine queue',
    count: steps,
    run: () => {
      const queue = new EventQueue();
      const timeouts = new Float64Array(entities);
      let order = 0;
      for (let e = 0; e < entities; e += 1) {
        queue.push(increments[e & 65_535]!, order++, 0, e, 0, 0);
        timeouts[e] = queue.push(20e6 + increments[e & 65_535]!, order++, 1, e, 0, 0);
      }
      for (let i = 0; i < steps; i += 1) {
        queue.pop();
        const { target, time } = queue;
        queue.cancel(timeouts[target]!);
        timeouts[target] = queue.push(time + 20e6, order++, 1, target, 0, 0);
        queue.push(time + increments[i & 65_535]!, order++, 0, target, 0, 0);
        longest = Math.max(longest, queue.size);
      }
    },
  },
]);
console.log(
  `  longest queue ${longest} for ${2 * entities} live events; ${EventQueue.bytesPerEntry} B a pending event in its arrays`,
);
