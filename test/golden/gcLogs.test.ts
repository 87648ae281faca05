import { readFileSync, writeFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { type GcFigures, gcFigures } from '../../src/formats/gcFigures.ts';
import { readGcLog } from '../../src/formats/gcLog.ts';
import { root } from '../support/files.ts';
import { g1Recordings, recording } from '../support/gcLogs.ts';

const file = `${root}test/golden/files/gcLogs.json`;

/**
 * The figures that were noted down, rounded, when the recordings were made: seconds between pauses, p50, p99 and maximum in ms,
 * Normal/Concurrent Start/Prepare Mixed/Mixed/Full/to-space exhausted/preventive, eden and copied MiB, pause share in percent, mean mark cycle in
 * ms, IHOP threshold (a: adaptive), undo cycles. Times are of the young pauses from 5 s of uptime on, eden is that of the Normal ones. Guessed, because
 * it fits: shares are the time in young pauses over 40 s, the length of the program's work, first rounded to hundredths.
 */
const noted: Readonly<Record<string, string>> = {
  'a-base': '1.12 31 63 70 45/1/1/3/0/0/0 493 44 3.0 284 53 0',
  'c-target20': '0.37 18 46 59 118/2/2/16/0/0/0 167 19 5.6 314 53 0',
  'f-rate800': '0.49 55 120 141 86/3/3/9/0/0/0 446 42 12.1 490 9a 0',
  'g-heap2': '1.44 50 209 217 32/0/0/0/0/0/0 557 51 5.1 - 53 0',
  'h-live400': '0.70 34 94 94 25/16/16/18/0/0/0 397 38 6.0 525 36a 0',
  'l-hum': '0.61 26 179 303 21/58/0/0/0/0/9 486 33 6.7 1230 53 57',
  'q-mid30-t20': '0.24 19 36 46 136/14/14/40/0/0/0 112 43 8.7 279 74a 0',
  'r-kafka20': '1.89 11 35 39 33/0/0/0/0/0/0 367 20 0.65 - 41 0',
  's-heap512': '0.29 17 49 87 38/37/37/45/0/0/0 173 22 6.6 236 84a 0',
};

function figuresOf(name: string): GcFigures {
  return gcFigures(readGcLog(recording(`g1/${name}.log.gz`), name), { skipSeconds: 5 });
}

/** The figures in the order of the notes. */
function columns(f: GcFigures): (string | number | undefined)[] {
  const { normal, concurrentStart, prepareMixed, mixed, full, toSpaceExhausted, preventive } = f.counts;
  return [
    f.intervalSeconds,
    f.pauseMillisP50,
    f.pauseMillisP99,
    f.pauseMillisMax,
    [normal, concurrentStart, prepareMixed, mixed, full, toSpaceExhausted, preventive].join('/'),
    f.edenMiB,
    f.copiedMiB,
    Number(((100 * f.pausedSeconds) / 40).toFixed(2)),
    f.markCycleMillis,
    f.ihopPercent,
    f.counts.undoCycles,
  ];
}

test('every recording has its row of notes', () => {
  expect(g1Recordings).toEqual(Object.keys(noted).map((name) => `${name}.log.gz`));
});

test.each(Object.keys(noted))('%s gives the figures that were noted, to the last digit of each', (name) => {
  const figures = figuresOf(name);
  const found = columns(figures);
  noted[name]!.split(' ').forEach((note, i) => {
    const value = found[i];
    if (note.includes('/')) expect(value).toBe(note);
    else if (note === '-') expect(value).toBeUndefined();
    else {
      const digits = /\.(\d+)/.exec(note)?.[1]?.length ?? 0;
      expect(Math.abs((value as number) - Number.parseFloat(note)), `${i}: ${value}`).toBeLessThanOrEqual(
        0.5 * Number(`1e-${digits}`) + 1e-9,
      );
    }
    if (i === 9) expect(figures.ihopAdaptive).toBe(note.endsWith('a'));
  });
});

test('every recording gives to the sixth digit the figures that it gave before', () => {
  const six = (x: number) => Number(x.toPrecision(6));
  const now = Object.fromEntries(
    Object.keys(noted).map((name) => {
      const { counts, ...rest } = figuresOf(name);
      const numbers = Object.entries(rest).map(([k, v]) => [k, typeof v === 'number' ? six(v) : v]);
      return [name, { ...Object.fromEntries(numbers), counts }];
    }),
  );
  if (process.env.REHEARSE_LEAVES !== undefined) writeFileSync(file, `${JSON.stringify(now, null, 2)}\n`);
  expect(now).toEqual(JSON.parse(readFileSync(file, 'utf8')));
});
