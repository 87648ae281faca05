import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { readGcLogFiles, readLines } from '../../src/cli/files.ts';
import { gcFigures } from '../../src/formats/gcFigures.ts';
import {
  type GcLog,
  GcLogReader,
  type LoggedCollection,
  type LoggedJvm,
  type LoggedPhase,
  readGcLog,
  readGcLogParts,
} from '../../src/formats/gcLog.ts';
import { writeGcLog } from '../../src/formats/gcLogWriter.ts';
import { g1Recordings, readMutatedGcLog, recording, told } from '../support/gcLogs.ts';

const all = [
  ...g1Recordings.map((name) => `g1/${name}`),
  'gcLogs/jdk11.log.gz',
  'gcLogs/jdk21.log.gz',
  'gcLogs/kafka-default-jdk17.log.gz',
];
const jdk21 = recording('gcLogs/jdk21.log.gz');
/** Its beginning, to the end of a collection. */
const head = jdk21.split('\n').slice(
  0,
  jdk21
    .slice(0, 180_000)
    .split('\n')
    .findLastIndex((line) => line.includes('User=')) + 1,
);

const regions = fc.nat(4000);
/** Microseconds as milliseconds. */
const millis = fc.nat(3_000_000).map((micros) => micros / 1000);
const mib = fc.oneof(
  fc.nat(40_000),
  fc.nat(40_000_000).map((kib) => kib / 1024),
  fc.nat(1e10).map((bytes) => bytes / 1_048_576),
);

/** What the log of a pause may tell and may leave out. */
const details = fc.record(
  {
    eden: fc.tuple(regions, regions, regions),
    survivors: fc.tuple(regions, regions, regions),
    old: fc.tuple(regions, regions),
    humongous: fc.tuple(regions, regions),
    workers: fc.tuple(fc.integer({ min: 1, max: 64 }), fc.integer({ min: 1, max: 64 })),
    copiedBytes: fc.nat(1e12),
    scannedCards: fc.nat(1e9),
    copyWorkerMillis: millis,
    scanWorkerMillis: millis,
    evacuateMillis: millis,
    ageBytes: fc.array(fc.nat(1e9), { minLength: 1, maxLength: 15 }),
    ihop: fc.record({ thresholdBytes: fc.nat(1e12), targetBytes: fc.nat(1e12), adaptive: fc.boolean() }),
    cpuSeconds: fc
      .tuple(fc.nat(500), fc.nat(500), fc.nat(500))
      .map(([u, s, r]) => [u / 100, s / 100, r / 100] as const),
  },
  { requiredKeys: [] },
);

const item = fc.record({
  what: fc.constantFrom(
    'Young (Normal)',
    'Young (Concurrent Start)',
    'Young (Prepare Mixed)',
    'Young (Mixed)',
    'Full',
    'Remark',
    'Cleanup',
    'Concurrent Mark From Roots',
    'Concurrent Mark Abort',
    'Concurrent Mark Cycle',
  ),
  cause: fc.constantFrom(
    'G1 Evacuation Pause',
    'System.gc()',
    'G1 Humongous Allocation',
    'GCLocker Initiated GC',
  ),
  waitMicros: fc.nat(2_000_000),
  micros: fc.nat(5_000_000),
  before: mib,
  after: mib,
  more: mib,
  // Merged, post evacuation and the rest, in microseconds.
  wall: fc.option(fc.tuple(fc.nat(9000), fc.nat(9000), fc.nat(9000)), { nil: undefined }),
  survivor: fc.option(fc.tuple(fc.nat(1e9), fc.integer({ min: 1, max: 15 })), { nil: undefined }),
  details,
  toSpaceExhausted: fc.boolean(),
});

const jvm = fc.record(
  {
    version: fc.constantFrom('17.0.15+6', '21.0.8+9-LTS'),
    cpus: fc.integer({ min: 1, max: 128 }),
    regionBytes: fc.integer({ min: 0, max: 5 }).map((n) => 1_048_576 * (1 << n)),
    heapMaxBytes: fc.nat(4000).map((n) => 1_048_576 * (n + 1)),
    parallelThreads: fc.integer({ min: 1, max: 64 }),
    concurrentThreads: fc.integer({ min: 1, max: 16 }),
  },
  { requiredKeys: [] },
) as fc.Arbitrary<LoggedJvm>;

const stretchesOfItems = fc.array(
  fc.tuple(jvm, fc.array(item, { minLength: 1, maxLength: 25, size: 'max' })),
  { minLength: 1, maxLength: 3 },
);

/** A log that a JVM could have written: pauses one after another, a cycle going on beside them, numbers counted up. */
function logOf(stretches: typeof stretchesOfItems extends fc.Arbitrary<infer T> ? T : never): GcLog {
  const collections: LoggedCollection[] = [];
  const phases: LoggedPhase[] = [];
  stretches.forEach(([, items], stretch) => {
    let micros = 0;
    let next = 0;
    let cycle: number | undefined;
    let afterPause = false;
    for (const i of items) {
      micros += i.waitMicros;
      // A log begins with a pause.
      const what = next === 0 ? 'Young (Normal)' : i.what;
      const pause = !what.startsWith('Concurrent');
      const ofCycle = !pause || what === 'Remark' || what === 'Cleanup';
      if (ofCycle && cycle === undefined) {
        // A pause begins a cycle, which has the number after it.
        if (!afterPause) continue;
        cycle = next;
        next += 1;
      }
      afterPause = !ofCycle;
      if (!pause) {
        const abort = what === 'Concurrent Mark Abort';
        phases.push({
          number: cycle!,
          name: what,
          stretch,
          endSeconds: micros / 1e6,
          millis: abort ? 0 : i.micros / 1000,
        });
        if (what === 'Concurrent Mark Cycle') cycle = undefined;
        continue;
      }
      const { cpuSeconds, ...rest } = i.details;
      const [merge, post, other] = i.wall ?? [0, 0, 0];
      collections.push({
        number: ofCycle ? cycle! : next,
        type: what,
        cause: ofCycle ? '' : i.cause,
        stretch,
        startSeconds: micros / 1e6,
        millis: i.micros / 1000,
        usedMiB: [i.before, Math.min(i.after, i.more), Math.max(i.after, i.more)],
        ...(!ofCycle && {
          ...rest,
          ...(i.wall && {
            mergeMillis: merge / 1000,
            postMillis: post / 1000,
            otherMillis: (merge + post + other) / 1000,
          }),
          ...(i.survivor && { desiredSurvivorBytes: i.survivor[0], tenuringThreshold: i.survivor[1] }),
        }),
        ...(cpuSeconds && { cpuSeconds }),
        toSpaceExhausted: i.toSpaceExhausted && !ofCycle,
        line: 1,
      } as LoggedCollection);
      if (!ofCycle) next += 1;
      micros += i.micros;
    }
  });
  const jvms = stretches.map(([j]) => j);
  return {
    jvm: jvms[jvms.length - 1]!,
    stretches: jvms,
    collections,
    phases,
    lines: 0,
    otherLines: 0,
    problems: [],
  };
}

describe('writing and reading', () => {
  test('a log that is written and read back tells the same', () => {
    const seen = { restarts: 0, cyclesBesidePauses: 0, fractions: 0, exhausted: 0, aborted: 0, withAll: 0 };
    fc.assert(
      fc.property(stretchesOfItems, (stretches) => {
        const log = logOf(stretches);
        const back = readGcLog(writeGcLog(log), 'gc.log');
        expect(told(back)).toEqual(told(log));
        expect(back.problems).toEqual([]);
        seen.restarts += log.stretches.length - 1;
        for (const c of log.collections) {
          if (!Number.isInteger(c.usedMiB[0])) seen.fractions += 1;
          if (c.toSpaceExhausted) seen.exhausted += 1;
          if (Object.keys(c).length > 20) seen.withAll += 1;
        }
        for (const p of log.phases) {
          if (p.name === 'Concurrent Mark Abort') seen.aborted += 1;
          if (
            log.collections.some((c) => c.stretch === p.stretch && c.type === 'Full' && c.number > p.number)
          )
            seen.cyclesBesidePauses += 1;
        }
      }),
      { numRuns: 150 },
    );
    expect(Math.min(...Object.values(seen)), JSON.stringify(seen)).toBeGreaterThan(20);
  });

  test.each(all)('%s, written and read back, tells the same and gives the same figures', (path) => {
    const log = readGcLog(recording(path), path);
    expect(log.problems).toEqual([]);
    const back = readGcLog(writeGcLog(log), path);
    expect(back.problems).toEqual([]);
    expect(back.collections.length).toBeGreaterThan(10);
    expect(told(back)).toEqual(told(log));
    expect(gcFigures(back)).toEqual(gcFigures(log));
  });

  test('what is written of a recording are lines of it, but for times and for what each worker did', () => {
    const text = recording('g1/a-base.log.gz');
    const shape = (line: string) =>
      line
        .replace(/^\[\d+\.\d{3}s\]\[(\w+) *\]\[([\w,]+) *\] /, '$1 $2 ')
        .replace(/Min:.*(?=Sum:)/, '')
        .replace(/Sum: +/, 'Sum: ')
        // Told in part: the rest of the IHOP's state, what the JVM is built of, and what came before the evacuation.
        .replace(/, (?:occupancy|prediction active): .*/, '')
        .replace(/(Version: \S+) .*/, '$1')
        .replace(/( {2}Other: ).*/, '$1');
    const recorded = new Set(text.trimEnd().split('\n').map(shape));
    const written = writeGcLog(readGcLog(text, 'gc.log')).trimEnd().split('\n');
    const unknown = written.map(shape).filter((line) => !recorded.has(line));
    expect(unknown).toEqual([]);
    expect(written.length).toBeGreaterThan(1000);
    expect(written.find((line) => line.includes('GC(5) ') && line.includes('Object Copy'))).toBe(
      '[2.522s][debug][gc,phases      ] GC(5)     Object Copy (ms):              Min:  3.8, Avg:  3.8, Max:  3.8, Diff:  0.0, Sum:  7.6, Workers: 2',
    );
    expect(written.find((line) => line.includes('GC(5) ') && line.includes('Scanned Cards'))).toBe(
      '[2.522s][debug][gc,phases      ] GC(5)       Scanned Cards:                 Min: 784, Avg: 784.5, Max: 785, Diff: 1, Sum: 1569, Workers: 2',
    );
  });

  test('a written cycle comes after the pause that began it, and each phase ends after it begins', () => {
    const lines = writeGcLog(readGcLog(recording('gcLogs/jdk11.log.gz'), 'gc.log')).split('\n');
    let cycles = 0;
    const open = new Set<string>();
    let lastPause = -1;
    for (const line of lines) {
      expect(line).not.toMatch(/^\[-/);
      const m = /GC\((\d+)\) (Pause|Concurrent [A-Za-z ]*[a-z])(?: (\S*)ms$)?/.exec(line);
      if (m === null) continue;
      if (m[2] === 'Pause') {
        if (/Pause (?:Young|Full).*ms$/.test(line)) lastPause = Number(m[1]);
        continue;
      }
      expect(lastPause, line).toBeGreaterThanOrEqual(Number(m[1]) - 1);
      const phase = `${m[1]} ${m[2]}`;
      if (m[3] !== undefined) expect(open.delete(phase), line).toBe(true);
      else if (m[2] !== 'Concurrent Mark Abort') open.add(phase);
      if (m[2] === 'Concurrent Mark Cycle') cycles += 1;
    }
    expect(cycles).toBeGreaterThan(20);
    expect([...open]).toEqual([]);
  });

  test('handed over one by one, collections and phases are those of the whole log', () => {
    const kept = readGcLog(jdk21, 'gc.log');
    const collections: LoggedCollection[] = [];
    const phases: LoggedPhase[] = [];
    const reader = new GcLogReader(
      'gc.log',
      (c) => collections.push(c),
      (p) => phases.push(p),
    );
    for (const line of jdk21.split('\n')) reader.line(line);
    const log = reader.end();
    expect([log.collections, log.phases]).toEqual([[], []]);
    expect(collections).toEqual(kept.collections);
    expect(phases).toEqual(kept.phases);
    expect(phases.length).toBeGreaterThan(50);
  });
});

describe('decorators', () => {
  const base = 1_750_000_000_000;
  const two = (n: number) => String(n).padStart(2, '0');
  /** As the JVM writes a date in a zone so many quarters of an hour east of Greenwich. */
  const dateOf = (ms: number, zone: number) => {
    const date = new Date(ms + zone * 900_000).toISOString().slice(0, 23);
    const quarters = Math.abs(zone);
    return `${date}${zone < 0 ? '-' : '+'}${two(Math.floor(quarters / 4))}${two(15 * (quarters % 4))}`;
  };
  const decorators: Record<string, (ms: number, zone: number, level: string, tags: string) => string> = {
    uptime: (ms) => `${(ms / 1000).toFixed(3)}s`,
    uptimeWithComma: (ms) => `${(ms / 1000).toFixed(3).replace('.', ',')}s`,
    uptimemillis: (ms) => `${ms}ms`,
    uptimenanos: (ms) => `${ms * 1_000_000}ns`,
    time: (ms, zone) => dateOf(base + ms, zone),
    utctime: (ms) => dateOf(base + ms, 0),
    timemillis: (ms) => `${base + ms}ms`,
    timenanos: (ms) => `${491_623_952_600_000 + ms * 1_000_000}ns`,
    hostname: () => 'kafka-0',
    pid: () => '1 ',
    tid: () => '4711',
    level: (_ms, _zone, level) => level.padEnd(7),
    tags: (_ms, _zone, _level, tags) => tags.padEnd(15),
  };
  const uptimes = ['uptime', 'uptimeWithComma', 'uptimemillis', 'uptimenanos'];
  const dates = ['time', 'utctime', 'timemillis'];

  test('any of them, in any order, with one that tells a time: the same collections', () => {
    const plain = readGcLog(head.join('\n'), 'gc.log');
    expect(plain.collections.length).toBeGreaterThan(15);
    const first = Math.round(1000 * Number(/^\[([\d.]+)s/.exec(head[0]!)![1]));
    const shifted = (log: GcLog) => ({
      collections: log.collections.map(({ startSeconds, ...c }) => ({
        ...c,
        startMillis: Math.round(startSeconds * 1000) - first,
      })),
      phases: log.phases.map(({ endSeconds, ...p }) => ({
        ...p,
        endMillis: Math.round(endSeconds * 1000) - first,
      })),
    });
    const seen = { onlyDates: 0, noLevel: 0, noTags: 0 };
    fc.assert(
      fc.property(
        fc
          .tuple(
            fc.oneof(
              fc.subarray(dates, { minLength: 1 }),
              // Alone, nanoseconds since the machine started would look like an uptime.
              fc
                .tuple(fc.subarray(uptimes, { minLength: 1 }), fc.subarray([...dates, 'timenanos']))
                .map(([a, b]) => [...a, ...b]),
            ),
            fc.subarray(['hostname', 'pid', 'tid', 'level', 'tags']),
          )
          .map(([a, b]) => [...a, ...b])
          .chain((some) => fc.shuffledSubarray(some, { minLength: some.length })),
        // A zone of its own for each line, as when the summer time ends in between.
        fc.array(fc.integer({ min: -44, max: 56 }), { minLength: 1, maxLength: 7 }),
        (names, zones) => {
          const onlyDates = !names.some((n) => uptimes.includes(n));
          const lines = head.map((line, i) => {
            const zone = zones[i % zones.length]!;
            const m = /^\[([\d.]+)s\]\[(\w+) *\]\[([\w,]+) *\] (.*)$/.exec(line);
            if (m === null) return line;
            const ms = Math.round(Number(m[1]) * 1000);
            const text = names.map((n) => `[${decorators[n]!(ms, zone, m[2]!, m[3]!)}]`).join('');
            return `${text} ${m[4]}`;
          });
          const log = readGcLog(lines.join('\n'), 'gc.log');
          expect(log.problems).toEqual([]);
          expect(log.jvm).toEqual(plain.jvm);
          const back = shifted(log);
          if (onlyDates) {
            seen.onlyDates += 1;
            for (const c of back.collections) c.startMillis += first;
            for (const p of back.phases) p.endMillis += first;
          }
          expect(back).toEqual(shifted(plain));
          if (!names.includes('level')) seen.noLevel += 1;
          if (!names.includes('tags')) seen.noTags += 1;
        },
      ),
      { numRuns: 60 },
    );
    expect(Math.min(...Object.values(seen)), JSON.stringify(seen)).toBeGreaterThan(3);
  });

  test("a broker's own lines in between are counted and change nothing", () => {
    const plain = readGcLog(head.join('\n'), 'gc.log');
    const others = [
      '[2025-10-03 16:00:00,123] INFO [Partition orders-17 broker=2] Shrinking ISR from 1,2 to 2 (kafka.cluster.Partition)',
      '[2025-10-03 16:00:00,124] WARN GC(3) Pause Young (Normal) (G1 Evacuation Pause) 1M->1M(2M) 1.000ms (made.up.Name)',
      '2025-10-03 16:00:00,125 INFO [GroupCoordinator 1]: Stabilized group a (kafka.coordinator.group.GroupCoordinator) [executor-1]',
      '[2025-10-03T16:00:00,126] ERROR Error when sending message (org.apache.kafka)',
      'java.io.IOException: Connection reset by peer',
      '\tat java.base/sun.nio.ch.SocketDispatcher.read0(Native Method)',
      '{"level":"info","msg":"[GC] (not one)"}',
      '\u001b[32m[INFO]\u001b[0m ready',
    ];
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat(head.length), fc.constantFrom(...others)), {
          minLength: 20,
          maxLength: 200,
          size: 'max',
        }),
        (inserted) => {
          const lines = [...head];
          for (const [at, text] of [...inserted].sort((a, b) => b[0] - a[0])) lines.splice(at, 0, text);
          const log = readGcLog(lines.join('\n'), 'gc.log');
          expect(told(log)).toEqual(told(plain));
          expect(log.problems).toEqual([]);
          expect(log.otherLines).toBe(inserted.length);
          expect(log.lines).toBe(lines.length);
        },
      ),
      { numRuns: 30 },
    );
  });
});

describe('parts of a rotated log', () => {
  const secondsOf = (line: string) => Number(/^\[([\d.]+)s/.exec(line)?.[1]);
  /** Cuts into parts that begin at different times, so that the time can tell their order. */
  const cutAt = (cuts: readonly number[]) => {
    const places = [...new Set(cuts)].sort((a, b) => a - b);
    const parts: string[][] = [];
    let from = 0;
    for (const to of [...places, head.length]) {
      if (to < head.length && !(secondsOf(head[to]!) > secondsOf(head[from]!))) continue;
      parts.push(head.slice(from, to));
      from = to;
    }
    return parts;
  };
  const cuts = fc.array(fc.integer({ min: 1, max: head.length - 1 }), { minLength: 1, maxLength: 8 });

  test('cut anywhere and given in any order they read as the one log that they were', () => {
    const whole = readGcLog(head.join('\n'), 'gc.log');
    let moved = 0;
    let midPause = 0;
    fc.assert(
      fc.property(cuts, fc.infiniteStream(fc.nat(1e6)), (places, order) => {
        const parts = cutAt(places).map((lines, i) => ({
          i,
          key: order.next().value as number,
          text: `${lines.join('\n')}\n`,
        }));
        for (const p of parts.slice(1)) if (!/^\S+ +\S*\] GC\(\d+\) Pause/.test(p.text)) midPause += 1;
        const given = [...parts].sort((a, b) => a.key - b.key || a.i - b.i);
        if (given.some((p, i) => p.i !== i)) moved += 1;
        const log = readGcLogParts(given.map((p, i) => ({ file: `gc.log.${i}`, text: p.text })));
        expect(log.problems).toEqual([]);
        expect(told(log)).toEqual(told(whole));
        expect(log.lines).toBe(head.length);
      }),
      { numRuns: 60 },
    );
    expect(Math.min(moved, midPause)).toBeGreaterThan(20);
  });

  test('without one of them the gap is told where it is, and no interval goes across it', () => {
    const whole = readGcLog(head.join('\n'), 'gc.log');
    let gaps = 0;
    fc.assert(
      fc.property(fc.integer({ min: 100, max: 700 }), fc.integer({ min: 300, max: 700 }), (from, length) => {
        const parts = [head.slice(0, from), head.slice(from + length)].map((lines, i) => ({
          file: `gc.log.${i}`,
          text: lines.join('\n'),
        }));
        const log = readGcLogParts(parts);
        const gap = log.problems.filter((p) => p.found.includes('missing between gc.log.0 and gc.log.1'));
        if (log.stretches.length === 1) {
          // Nothing but the end of one collection and the beginning of the next was lost.
          expect(gap).toEqual([]);
          return;
        }
        gaps += 1;
        expect(gap.length).toBe(1);
        expect([gap[0]!.file, gap[0]!.severity]).toEqual(['gc.log.1', 'warning']);
        expect(parts[1]!.text.split('\n')[gap[0]!.line - 1]).toMatch(/GC\(\d+\)/);
        expect(log.stretches[1]).toEqual(log.stretches[0]);
        // What is told is what the whole log tells, but for the gap and the pause whose beginning it swallowed.
        const known = new Map(whole.collections.map((c) => [`${c.number} ${c.type}`, c]));
        for (const { line, stretch, ...c } of log.collections) {
          const { line: _l, stretch: _s, ...same } = known.get(`${c.number} ${c.type}`)!;
          if (c.startSeconds === same.startSeconds) expect(same).toMatchObject(c);
        }
        const young = log.collections.filter((c) => c.type.startsWith('Young'));
        let seconds = 0;
        let intervals = 0;
        young.forEach((c, i) => {
          const next = young[i + 1];
          if (next === undefined || next.stretch !== c.stretch) return;
          seconds += next.startSeconds - c.startSeconds;
          intervals += 1;
        });
        expect(intervals).toBeLessThan(
          young.length - 1 + (young[0]!.stretch === young[young.length - 1]!.stretch ? 1 : 0),
        );
        expect(gcFigures(log, { skipSeconds: 0 }).intervalSeconds).toBeCloseTo(seconds / intervals, 9);
      }),
      { numRuns: 40 },
    );
    expect(gaps).toBeGreaterThan(20);
  });

  test('from files, in pieces of any size, they read as from memory', () => {
    const folder = mkdtempSync(join(tmpdir(), 'rehearse-gc-'));
    try {
      const cut = jdk21.indexOf('\n', jdk21.length / 2) + 1;
      const [late, early] = [join(folder, 'gc.log'), join(folder, 'gc.log.3')];
      writeFileSync(early, jdk21.slice(0, cut));
      writeFileSync(late, jdk21.slice(cut));
      const log = readGcLogFiles([late, early]);
      expect(log.problems).toEqual([]);
      expect(told(log)).toEqual(told(readGcLog(jdk21, 'gc.log')));

      const file = join(folder, 'text');
      let longest = 0;
      fc.assert(
        fc.property(
          fc.array(
            fc.oneof(
              fc.constant('\n'),
              fc.string({ unit: 'grapheme', maxLength: 40 }),
              fc.nat(9000).map((n) => 'aé€😀'.repeat(n)),
            ),
            {
              maxLength: 30,
              size: 'max',
            },
          ),
          (pieces) => {
            const text = pieces.join('').replace(/[\ud800-\udfff](?![\udc00-\udfff])/g, '');
            writeFileSync(file, text);
            const lines: string[] = [];
            readLines(file, (line) => lines.push(line));
            const expected = Buffer.from(text).toString().split('\n');
            if (expected[expected.length - 1] === '') expected.pop();
            longest = Math.max(longest, ...expected.map((line) => line.length));
            expect(lines.length).toBe(expected.length);
            lines.forEach((line, i) => {
              expect(line.slice(0, 65_536)).toBe(expected[i]!.slice(0, 65_536));
            });
          },
        ),
        { numRuns: 100 },
      );
      expect(longest).toBeGreaterThan(65_536);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
});

test('a damaged log gives numbers or located problems, each within a second', () => {
  const outcomes = { 'as if whole': 0, 'with warnings': 0, refused: 0 };
  let slowest = 0;
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 2 ** 31 }), (seed) => {
      const before = performance.now();
      outcomes[readMutatedGcLog(seed)] += 1;
      slowest = Math.max(slowest, performance.now() - before);
    }),
    { seed: 1, numRuns: 4000 },
  );
  expect(Math.min(...Object.values(outcomes)), JSON.stringify(outcomes)).toBeGreaterThan(50);
  expect(slowest).toBeLessThan(1000);
});
