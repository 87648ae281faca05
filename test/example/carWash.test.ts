import { expect, test } from 'vitest';
import { sleep, waitUntil } from '../../src/engine/process.ts';
import { Simulation } from '../../src/engine/simulation.ts';

const second = 1e6;
const arrivals = [0, 2, 3, 9, 10, 10, 11, 30].map((s) => s * second);
const washMicros = 4 * second;
const bays = 2;

/** The wash as a runbook reads: each car is a procedure. */
function byProcesses(): number[] {
  const sim = new Simulation({ seed: 'car wash' });
  const freed = sim.signal('a bay is free');
  const left: number[] = [];
  const waiting: number[] = [];
  let free = bays;
  arrivals.forEach((at, car) => {
    sim.spawn(`car ${car}`, function* () {
      yield sleep(at);
      waiting.push(car);
      yield waitUntil(freed, () => free > 0 && waiting[0] === car);
      waiting.shift();
      free -= 1;
      // The next in line may find another bay.
      freed.raise();
      yield sleep(washMicros);
      free += 1;
      left[car] = sim.now / second;
      freed.raise();
    });
  });
  sim.run(100 * second);
  return left;
}

/** The same with events and a table of handlers. */
function byHandlers(): number[] {
  const sim = new Simulation({ seed: 'car wash' });
  const left: number[] = [];
  const waiting: number[] = [];
  let free = bays;
  const washed = sim.on('washed', (car) => {
    left[car] = sim.now / second;
    const next = waiting.shift();
    if (next === undefined) free += 1;
    else sim.after(washMicros, washed, next);
  });
  const arrived = sim.on('arrived', (car) => {
    if (free === 0) {
      waiting.push(car);
      return;
    }
    free -= 1;
    sim.after(washMicros, washed, car);
  });
  arrivals.forEach((at, car) => {
    sim.at(at, arrived, car);
  });
  sim.run(100 * second);
  return left;
}

test('the engine washes cars: processes and handlers agree with the hand-made table', () => {
  const table = [4, 6, 8, 13, 14, 17, 18, 34];
  expect(byHandlers()).toEqual(table);
  expect(byProcesses()).toEqual(table);
});
