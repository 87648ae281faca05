import { readdirSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { gcFigures } from '../../src/formats/gcFigures.ts';
import { type GcLog, GcLogReader, readGcLog, readGcLogParts } from '../../src/formats/gcLog.ts';
import { root } from '../support/files.ts';
import { recording, told } from '../support/gcLogs.ts';

const read = (...lines: string[]) => readGcLog(lines.join('\n'), 'gc.log');
const found = (log: GcLog) => log.problems.map((p) => `${p.line}:${p.column} ${p.severity}: ${p.found}`);
/** A pause at info level, whole. */
const pause = (n: number, seconds: number, type = 'Young (Normal)') => [
  `[${seconds.toFixed(3)}s][info][gc,start    ] GC(${n}) Pause ${type} (G1 Evacuation Pause)`,
  `[${(seconds + 0.01).toFixed(3)}s][info][gc,heap     ] GC(${n}) Eden regions: 10->0(10)`,
  `[${(seconds + 0.01).toFixed(3)}s][info][gc          ] GC(${n}) Pause ${type} (G1 Evacuation Pause) 20M->10M(64M) 10.000ms`,
  `[${(seconds + 0.01).toFixed(3)}s][info][gc,cpu      ] GC(${n}) User=0.01s Sys=0.00s Real=0.01s`,
];
const starts = (seconds: number) => `[${seconds.toFixed(3)}s][info][gc] Using G1`;

describe('forms of the log', () => {
  test('the JDK default, without pauses that begin: the start is the end less the duration', () => {
    const log = read(
      '[0.009s][info][gc] Using G1',
      '[0.067s][info][gc] GC(0) Pause Young (Normal) (G1 Evacuation Pause) 7M->6M(64M) 6.844ms',
    );
    expect(log.problems).toEqual([]);
    expect(log.collections).toEqual([
      {
        number: 0,
        type: 'Young (Normal)',
        cause: 'G1 Evacuation Pause',
        stretch: 0,
        startSeconds: 0.060156,
        millis: 6.844,
        usedMiB: [7, 6, 64],
        toSpaceExhausted: false,
        line: 2,
      },
    ]);
  });

  test('debug phases, ages, IHOP and CPU time of JDK 17, as they stand in a-base', () => {
    const log = readGcLog(recording('g1/a-base.log.gz'), 'a-base.log');
    expect(log.jvm).toEqual({
      version: '17.0.15+6-Debian-1deb12u1',
      cpus: 2,
      regionBytes: 1_048_576,
      heapMaxBytes: 1_073_741_824,
      parallelThreads: 2,
      concurrentThreads: 1,
    });
    expect(log.collections[5]).toEqual({
      number: 5,
      type: 'Young (Normal)',
      cause: 'G1 Evacuation Pause',
      stretch: 0,
      startSeconds: 2.51,
      millis: 11.844,
      usedMiB: [246, 201, 1024],
      eden: [51, 0, 44],
      survivors: [0, 7, 7],
      old: [196, 196],
      humongous: [0, 0],
      workers: [2, 2],
      copiedBytes: 6_319_432,
      scannedCards: 1569,
      copyWorkerMillis: 7.6,
      scanWorkerMillis: 13.2,
      evacuateMillis: 10.7,
      otherMillis: 0.6,
      mergeMillis: 0.1,
      postMillis: 0.3,
      desiredSurvivorBytes: 3_670_016,
      tenuringThreshold: 1,
      ageBytes: [6_319_432],
      ihop: { thresholdBytes: 483_183_820, targetBytes: 912_680_550, adaptive: false },
      cpuSeconds: [0.01, 0, 0.02],
      toSpaceExhausted: false,
      line: 748,
    });
    expect(log.phases.map((p) => `${p.name} ${p.millis}`)).toContain('Concurrent Mark Cycle 284.33');
  });

  test('JDK 11: update and scan of remembered sets, Concurrent Cycle, and the region size before anything else', () => {
    const log = readGcLog(recording('gcLogs/jdk11.log.gz'), 'gc.log');
    expect(log.problems).toEqual([]);
    expect(log.stretches).toEqual([{ regionBytes: 1_048_576 }]);
    const names = new Set(log.phases.map((p) => p.name));
    expect([...names].sort()).toEqual([
      'Concurrent Cleanup for Next Mark',
      'Concurrent Clear Claimed Marks',
      'Concurrent Mark',
      'Concurrent Mark Abort',
      'Concurrent Mark Cycle',
      'Concurrent Mark From Roots',
      'Concurrent Preclean',
      'Concurrent Rebuild Remembered Sets',
      'Concurrent Scan Root Regions',
    ]);
    const scanned = read(
      '[0.062s][debug][gc,phases    ] GC(0)     Update RS (ms):                Min:  0.0, Avg:  0.1, Max:  0.1, Diff:  0.1, Sum:  0.1, Workers: 2',
      '[0.062s][debug][gc,phases    ] GC(0)       Scanned Cards:                 Min: 7, Avg: 14.0, Max: 21, Diff: 14, Sum: 28, Workers: 2',
      '[0.062s][debug][gc,phases    ] GC(1)     Update RS (ms):                Min:  0.0, Avg:  0.1, Max:  0.1, Diff:  0.1, Sum:  0.1, Workers: 2',
      '[0.062s][debug][gc,phases    ] GC(1)       Scanned Cards:                 Min: 7, Avg: 14.0, Max: 21, Diff: 14, Sum: 28, Workers: 2',
      '[0.062s][debug][gc,phases    ] GC(1)     Scan RS (ms):                  Min:  0.0, Avg:  0.1, Max:  0.1, Diff:  0.1, Sum:  0.2, Workers: 2',
      '[0.062s][debug][gc,phases    ] GC(1)       Scanned Cards:                 Min: 1, Avg:  1.5, Max: 2, Diff: 1, Sum: 3, Workers: 2',
      '[0.062s][info ][gc           ] GC(1) Pause Young (Normal) (G1 Evacuation Pause) 7M->6M(64M) 6.844ms',
    );
    expect(scanned.collections[0]).toMatchObject({ scannedCards: 31, scanWorkerMillis: 0.3 });
  });

  test('JDK 9 and 10: no type in parentheses, two times before the duration, a comma for the point', () => {
    const log = read(
      '[0,055s][info][gc] GC(7) Pause Young (G1 Evacuation Pause) 24M->8M(256M) (0,049s, 0,055s) 6,545ms',
      '[2,246s][info][gc] GC(8) Pause Initial Mark (G1 Evacuation Pause) 127M->127M(128M) 0,907ms',
      '[2,346s][info][gc] GC(10) Pause Mixed (G1 Evacuation Pause) 127M->100M(128M) 0,5ms',
    );
    expect(log.collections.map((c) => [c.type, c.startSeconds, c.millis])).toEqual([
      ['Young (Normal)', 0.048455, 6.545],
      ['Young (Concurrent Start)', 2.245093, 0.907],
      ['Young (Mixed)', 2.3455, 0.5],
    ]);
    expect(log.problems).toEqual([]);
  });

  test('failed evacuations: a line in JDK 11 and 17, a suffix in 21; a pinned region is none', () => {
    for (const [path, least] of [
      ['gcLogs/jdk11.log.gz', 3],
      ['gcLogs/jdk21.log.gz', 6],
    ] as const) {
      const log = readGcLog(recording(path), path);
      expect(gcFigures(log).counts.toSpaceExhausted, path).toBe(least);
    }
    const suffix = (text: string) =>
      read(`[1.1s][info][gc] GC(1) Pause Young (Mixed) (G1 Evacuation Pause) (${text}) 60M->62M(64M) 0.9ms`)
        .collections[0]!;
    expect(suffix('Evacuation Failure')).toMatchObject({
      type: 'Young (Mixed)',
      cause: 'G1 Evacuation Pause',
    });
    expect(
      ['Evacuation Failure', 'Evacuation Failure: Allocation', 'Evacuation Failure: Pinned'].map(
        (text) => suffix(text).toSpaceExhausted,
      ),
    ).toEqual([true, true, false]);
  });

  test("Kafka's own default, dates and tags alone, counts from its first line", () => {
    const log = readGcLog(recording('gcLogs/kafka-default-jdk17.log.gz'), 'kafkaServer-gc.log');
    expect(log.problems).toEqual([]);
    expect(log.collections.length).toBe(13);
    expect(log.collections[0]!.startSeconds).toBeLessThan(1);
    expect(log.jvm.regionBytes).toBe(1_048_576);
  });

  test('every decorator of JDK 21 at once', () => {
    const log = readGcLog(recording('gcLogs/decorators-jdk21.log'), 'gc.log');
    expect(log.problems).toEqual([]);
    expect(log.collections[0]).toMatchObject({ startSeconds: 0.045, millis: 3.803, workers: [2, 2] });
  });

  test('a byte order mark and line ends of Windows change nothing', () => {
    const lines = [...pause(0, 1), ...pause(1, 2)];
    expect(read(`\ufeff${lines.join('\r\n')}\r\n`)).toEqual(read(lines.join('\n')));
    expect(read(...lines).collections.length).toBe(2);
  });

  test('a static IHOP is told by the basic information alone, as a share of the heap', () => {
    const basic =
      '[1.005s][debug][gc,ihop     ] GC(0) Basic information (value update), threshold: 483183820B (45.00), target occupancy: 1073741824B, current occupancy: 0B, recent marking phase length: 0.00ms';
    const [begin, ...rest] = pause(0, 1);
    const log = read(begin!, basic, ...rest);
    expect(log.collections[0]!.ihop).toEqual({
      thresholdBytes: 483_183_820,
      targetBytes: 1_073_741_824,
      adaptive: false,
    });
    expect(gcFigures(log).ihopPercent).toBeCloseTo(45, 5);
  });

  test('CPU time that comes after a line of the cycle still finds its pause', () => {
    const [begin, heap, end, cpu] = pause(7, 1);
    const log = read(begin!, heap!, end!, '[1.011s][info][gc] GC(8) Concurrent Mark Cycle', cpu!);
    expect(log.collections[0]!.cpuSeconds).toEqual([0.01, 0, 0.01]);
  });

  test('the first pause of a log that begins in the middle of it keeps no sums: they would be too small', () => {
    const lines = recording('g1/q-mid30-t20.log.gz').split('\n');
    const whole = readGcLog(lines.join('\n'), 'gc.log');
    const optional = lines.findIndex((line) => line.includes('Optional Object Copy'));
    const n = Number(/GC\((\d+)\)/.exec(lines[optional]!)![1]);
    const log = readGcLog(lines.slice(optional).join('\n'), 'gc.log');
    const [first, second] = log.collections;
    const [same, next] = whole.collections.filter((c) => c.number >= n && c.type.startsWith('Young'));
    expect([first!.number, first!.eden, first!.usedMiB]).toEqual([n, same!.eden, same!.usedMiB]);
    expect(same!.copyWorkerMillis).toBeGreaterThan(0);
    expect([first!.copyWorkerMillis, first!.otherMillis, first!.copiedBytes]).toEqual([
      undefined,
      undefined,
      undefined,
    ]);
    expect(second!.copyWorkerMillis).toBe(next!.copyWorkerMillis);
  });
});

describe('rotation and restarts', () => {
  const parts = ['gc.log', 'gc.log.0', 'gc.log.1', 'gc.log.2'].map((file) => ({
    file,
    text: recording(`gcLogs/rotated/${file}.gz`),
  }));
  const inOrder = ['gc.log.1', 'gc.log.2', 'gc.log.0', 'gc.log'].map(
    (file) => parts.find((p) => p.file === file)!,
  );

  test('the parts that a JVM wrote round and round are read in the order of time, pauses across their ends included', () => {
    const log = readGcLogParts(parts);
    expect(log.problems).toEqual([]);
    expect(told(log)).toEqual(told(readGcLog(inOrder.map((p) => p.text).join(''), 'gc.log')));
    expect(log.stretches.length).toBe(1);
    const numbers = log.collections.filter((c) => /Young|Full/.test(c.type)).map((c) => c.number);
    expect([numbers[0], numbers.includes(40), numbers.includes(61), numbers.includes(82)]).toEqual([
      20,
      true,
      true,
      true,
    ]);
  });

  test('a part that is missing is told between which files, at which line', () => {
    const log = readGcLogParts(parts.filter((p) => p.file !== 'gc.log.2'));
    expect(log.problems.map((p) => [p.file, p.line, p.found])).toEqual([
      ['gc.log.0', 1, 'GC(41) to GC(60) are missing between gc.log.1 and gc.log.0'],
      ['gc.log.1', 350, 'GC(40) begins here and does not end'],
    ]);
  });

  test('a number that is passed over may be a cycle whose first line is late; two of them are lost lines', () => {
    expect(read(...pause(0, 1), ...pause(2, 2)).problems).toEqual([]);
    const log = read(...pause(0, 1), ...pause(3, 2));
    expect(found(log)).toEqual(['5:36 warning: GC(1) to GC(2) are missing before this line']);
    expect(log.collections.map((c) => c.stretch)).toEqual([0, 1]);
    const parts = (second: number) =>
      readGcLogParts([
        { file: 'a', text: pause(0, 1).join('\n') },
        { file: 'b', text: pause(second, 2).join('\n') },
      ]).problems.map((p) => `${p.file} ${p.found}`);
    expect(parts(1)).toEqual([]);
    expect(parts(2)).toEqual(['b GC(1) to GC(1) are missing between a and b']);
  });

  test('parts that stand in the wrong order are told, and are stretches of their own', () => {
    const reader = new GcLogReader('late');
    for (const line of pause(40, 50)) reader.line(line);
    reader.part('early');
    for (const line of pause(3, 5)) reader.line(line);
    const log = reader.end();
    expect(log.problems.map((p) => `${p.file}:${p.line} ${p.found}`)).toEqual([
      'early:1 the log goes back from GC(40) to GC(3) between late and early',
    ]);
    expect(log.collections.map((c) => c.stretch)).toEqual([0, 1]);
    const restarted = new GcLogReader('a');
    for (const line of pause(5, 100)) restarted.line(line);
    restarted.part('b');
    for (const line of pause(6, 50)) restarted.line(line);
    expect(restarted.end().problems.map((p) => p.found)).toEqual([
      'the log goes back from GC(5) to GC(6) between a and b',
    ]);
  });

  test('restarts in one file are stretches of their own, and no interval goes across them', () => {
    const log = read(
      starts(0.01),
      '[0.010s][info][gc,init] Heap Region Size: 1M',
      ...pause(0, 100),
      ...pause(1, 101),
      starts(0.02),
      '[0.020s][info][gc,init] Heap Region Size: 2M',
      ...pause(0, 5),
      ...pause(1, 9),
    );
    expect(log.problems).toEqual([]);
    expect(log.stretches).toEqual([{ regionBytes: 1_048_576 }, { regionBytes: 2_097_152 }]);
    expect(log.jvm.regionBytes).toBe(2_097_152);
    expect(log.collections.map((c) => [c.stretch, c.startSeconds])).toEqual([
      [0, 100],
      [0, 101],
      [1, 5],
      [1, 9],
    ]);
    const figures = gcFigures(log);
    expect([figures.intervalSeconds, figures.edenMiB]).toEqual([2.5, 15]);
  });

  test('a restart whose first lines are lost is seen by its numbers', () => {
    const log = read(...pause(40, 500), ...pause(41, 501), ...pause(0, 3), ...pause(1, 4));
    expect(log.problems).toEqual([]);
    expect(log.collections.map((c) => c.stretch)).toEqual([0, 0, 1, 1]);
  });

  test('parts of several starts that tell no date are taken round by their numbers, and that is said', () => {
    const run = (from: number) => `${[starts(0.01), ...pause(0, from), ...pause(1, from + 50)].join('\n')}\n`;
    // The first JVM left .1 and .2; the second continued in .0 and is writing gc.log.
    const log = readGcLogParts([
      { file: 'gc.log', text: `${pause(2, 300).join('\n')}\n` },
      { file: 'gc.log.0', text: run(200) },
      { file: 'gc.log.1', text: run(100) },
      { file: 'gc.log.2', text: `${pause(2, 400).join('\n')}\n` },
    ]);
    expect(log.collections.map((c) => c.startSeconds)).toEqual([100, 150, 400, 200, 250, 300]);
    expect(log.collections.map((c) => c.stretch)).toEqual([0, 0, 0, 1, 1, 1]);
    expect(found(log)).toEqual([
      '0:0 warning: the JVM started anew between parts that tell no date: taken in the order gc.log.1, gc.log.2, gc.log.0, gc.log',
    ]);
  });
});

test('a restart inside a part does not disturb the order by number, nor do lines of other origin at its ends', () => {
  const other = '2025-10-03 16:00:00,123 INFO ready (kafka.server)';
  const text = (...lines: string[]) => `${[other, ...lines, other].join('\n')}\n`;
  const log = readGcLogParts([
    { file: 'gc.log.0', text: text(...pause(2, 400), starts(0.01), ...pause(0, 5)) },
    { file: 'gc.log.1', text: text(...pause(0, 100), ...pause(1, 200)) },
    { file: 'gc.log', text: text(...pause(1, 10)) },
  ]);
  expect(log.collections.map((c) => c.startSeconds)).toEqual([100, 200, 400, 5, 10]);
  expect(log.otherLines).toBe(6);
  expect(log.problems.length).toBe(1);
});

describe('what cannot be used', () => {
  const folder = 'gcLogs/';
  const collectors: Record<string, string> = {
    'cms-jdk11.log': 'the Concurrent Mark Sweep collector',
    'parallel-jdk17.log': 'the Parallel collector',
    'serial-jdk17.log': 'the Serial collector',
    'shenandoah-jdk17.log': 'the Shenandoah collector',
    'z-jdk17.log': 'the Z collector',
    'z-generational-jdk21.log': 'the Z collector',
  };

  test('each recording of another collector is one of these', () => {
    const names = readdirSync(`${root}test/recordings/gcLogs`).filter(
      (n) => n.endsWith('.log') && n !== 'decorators-jdk21.log',
    );
    expect(names.sort()).toEqual(Object.keys(collectors).sort());
  });

  test.each(Object.entries(collectors))('%s is named, at the line that tells it', (name, what) => {
    const lines = recording(folder + name).split('\n');
    const log = readGcLog(lines.join('\n'), name);
    const at = lines.findIndex((line) => line.includes('] Using '));
    expect(found(log)).toEqual([
      `${at + 1}:${lines[at]!.indexOf('Using') + 1} problem: the log is of ${what}`,
    ]);
    expect(log.problems[0]!.mend).toContain('-XX:+UseG1GC');
    expect(log.collections).toEqual([]);
    // And without the line that names it, by what it logs.
    const rest = readGcLog(lines.slice(at + 1).join('\n'), name);
    expect(rest.problems.filter((p) => p.severity === 'problem').length).toBe(1);
    expect(rest.problems.map((p) => p.found).join()).toMatch(/the log is of /);
    expect(rest.problems[0]!.line).toBeGreaterThan(0);
  });

  test('a JVM with G1 is read although one with another collector wrote before it and after it', () => {
    const parallel = [
      '[0.010s][info][gc] Using Parallel',
      '[1.000s][info][gc] GC(0) Pause Full (Ergonomics) 9M->8M(64M) 1.000ms',
    ];
    const log = read(...parallel, starts(0.01), ...pause(0, 1), ...parallel);
    expect(found(log)).toEqual(['1:20 problem: the log is of the Parallel collector']);
    expect(log.collections.map((c) => [c.type, c.line])).toEqual([['Young (Normal)', 6]]);
  });

  test('JDK 8 did not log in the unified form', () => {
    for (const line of [
      '2015-08-26T15:25:37.023-0700: 0.123: [GC pause (G1 Evacuation Pause) (young), 0.0101 secs]',
      '0.321: [GC pause (young), 0.00457500 secs]',
      '[GC (Allocation Failure)  65536K->10720K(251392K), 0.0091 secs]',
      '12.5: [Full GC (System.gc()) 10M->5M(64M), 0.1 secs]',
    ])
      expect(found(read('OpenJDK 64-Bit Server VM (25.345-b01)', line))).toEqual([
        '2:1 problem: the log is of JDK 8 or older, which did not log in the unified form',
      ]);
  });

  test('a pause that begins and does not end is located, at the end of the file and in its middle', () => {
    const [begin, heap] = pause(3, 3);
    const log = read(
      starts(0.1),
      ...pause(0, 1),
      begin!.replace('GC(3)', 'GC(1)'),
      ...pause(2, 2),
      begin!,
      heap!,
      '[3.0',
    );
    expect(found(log)).toEqual([
      '6:36 warning: GC(1) begins here and does not end',
      '11:36 warning: GC(3) begins here and does not end',
    ]);
    expect(log.collections.map((c) => c.number)).toEqual([0, 2]);
  });

  test('two JVMs that write to one file are one problem, located', () => {
    const one = recording('g1/a-base.log.gz').split('\n');
    const two = recording('g1/h-live400.log.gz').split('\n');
    const lines: string[] = [];
    for (let i = 0; i < 4000; i += 40) lines.push(...one.slice(2000 + i, 2040 + i), ...two.slice(i, i + 40));
    const problems = readGcLog(lines.join('\n'), 'gc.log').problems.filter((p) => p.severity === 'problem');
    expect(problems.length).toBe(1);
    expect(problems[0]!.found).toMatch(
      /^GC\(\d+\) at [\d.]+ s comes after GC\(\d+\) at [\d.]+ s, and so do \d+ more$/,
    );
    expect(problems[0]!.line).toBeGreaterThan(0);
  });

  test('one line out of place is a warning', () => {
    const lines = [...pause(0, 1), ...pause(1, 5), ...pause(2, 9)];
    expect(found(read(...lines, lines[6]!))).toEqual([
      '13:36 warning: GC(1) at 5.010 s comes after GC(2) at 9.010 s',
    ]);
  });

  test.each([
    ['nothing', '', '0:0 problem: the file is empty'],
    ['something else', 'a\nb\n', '0:0 problem: no line of a G1 log in it'],
    [
      'a packed log',
      '\u001f\ufffd\b\0\n\0\0',
      '1:2 problem: bytes that are no text in 2 lines, the first here',
    ],
    [
      'UTF-16',
      '\ufffd\ufffd[\x000\0.\x001\0',
      '1:1 problem: bytes that are no text in 1 line, the first here',
    ],
    [
      'no time',
      '[info][gc,start] GC(0) Pause Young (Normal) (G1 Evacuation Pause)\n[info][gc] GC(0) Pause Young (Normal) (G1 Evacuation Pause) 7M->6M(64M) 6.8ms',
      '1:24 problem: no decorator tells the time of 2 lines on collections, the first here',
    ],
    [
      'no decorators',
      'Using G1\nGC(0) Pause Young (Normal) (G1 Evacuation Pause) 7M->6M(64M) 6.8ms',
      '2:1 problem: no decorator tells the time of 1 line on collections, the first here',
    ],
  ])('%s', (_, text, problem) => {
    const log = readGcLog(text, 'gc.log');
    expect(found(log)).toEqual([problem]);
    expect(log.collections).toEqual([]);
  });

  test('several problems are told at once', () => {
    const [begin] = pause(9, 12);
    const log = read(
      starts(0.1),
      ...pause(0, 1),
      '[1.500s][info][gc] GC(1) Pause Young (Normal) (G1 Evacuation Pause) 20M->90M(64M) 10.000ms',
      '[1.600s][info][gc] GC(2) Pause Full (System.gc()) 20M->x(64M) 10.000ms',
      '\0\0\0\0',
      ...pause(8, 9),
      begin!,
      '[12.500s][info][gc] Using Parallel',
    );
    expect(found(log)).toEqual([
      '8:1 warning: bytes that are no text in 1 line, the first here',
      '6:26 warning: GC(1) uses more than the heap has',
      '7:26 warning: the figures of GC(2) cannot be read',
      '9:36 warning: GC(3) to GC(7) are missing before this line',
      '14:21 problem: the log is of the Parallel collector',
      '13:37 warning: GC(9) begins here and does not end',
    ]);
    expect(log.collections.map((c) => c.number)).toEqual([0, 8]);
  });

  test('a hundred problems at most, and warnings do not crowd out the problem', () => {
    const lines = Array.from({ length: 300 }, (_, i) => pause(i, i)[0]!);
    const log = read(...lines, '[301.000s][info][gc] Using Parallel');
    expect(log.problems.length).toBe(81);
    expect(log.problems.filter((p) => p.severity === 'problem').map((p) => p.line)).toEqual([301]);
  });
});

test('by default the warm-up lasts until 5 s after the last System.gc() of each JVM', () => {
  const asked = (n: number, seconds: number) =>
    `[${seconds.toFixed(3)}s][info][gc] GC(${n}) Pause Full (System.gc()) 20M->10M(64M) 1000.0ms`;
  const log = read(
    ...pause(0, 1),
    asked(1, 4.0),
    ...pause(2, 5),
    asked(3, 8.0),
    ...pause(4, 12),
    ...pause(5, 13.1),
    ...pause(6, 15.1),
    starts(0.1),
    ...pause(0, 1),
    ...pause(1, 1.5),
  );
  const figures = gcFigures(log);
  // After 8 + 5 s of the first JVM, from the start of the second.
  expect([figures.pauses, figures.intervalSeconds]).toEqual([4, 1.25]);
  expect(figures.counts).toMatchObject({ normal: 7, full: 0 });
  expect(gcFigures(log, { skipSeconds: 0 }).pauses).toBe(7);
  expect(gcFigures(log, { skipSeconds: 14 }).pauses).toBe(1);
  expect(gcFigures(log, { skipSeconds: 14 }).intervalSeconds).toBeUndefined();
  expect(read(starts(0.1)).problems).toEqual([]);
  expect(gcFigures(read(starts(0.1)))).toEqual({
    pauses: 0,
    pausedSeconds: 0,
    counts: {
      normal: 0,
      concurrentStart: 0,
      prepareMixed: 0,
      mixed: 0,
      full: 0,
      toSpaceExhausted: 0,
      preventive: 0,
      undoCycles: 0,
    },
  });
});

test('JDK 11 does not tell the bytes copied: regions of survivors and of growth stand for them', () => {
  const lines = (n: number, seconds: number, survivors: string, old: string) => [
    `[${seconds}.000s][info][gc,heap] GC(${n}) Survivor regions: 1->${survivors}`,
    `[${seconds}.000s][info][gc,heap] GC(${n}) Old regions: 10->${old}`,
    `[${seconds}.000s][info][gc] GC(${n}) Pause Young (Mixed) (G1 Evacuation Pause) 20M->10M(64M) 10.000ms`,
  ];
  const pauses = [...lines(0, 1, '3(4)', '12'), ...lines(1, 2, '2(4)', '7')];
  const size = '[0.003s][info][gc,heap] Heap region size: 2M';
  // Three survivors and two of growth, then two survivors: old regions that were freed are not told.
  expect(gcFigures(read(size, ...pauses)).copiedMiB).toBe(7);
  expect(gcFigures(read(...pauses)).copiedMiB).toBeUndefined();
});
