import { renameSync, rmSync, writeFileSync } from 'node:fs';
import { basename } from 'node:path';
import {
  type Calibration,
  calibrate as calibrateOn,
  calibrationText,
  costOrigin,
  costUnits,
  type GivenToCalibrate,
  liveSays,
  usualGoals,
} from '../../evidence/gcCalibration.ts';
import { readCosts, readObjectBytes } from '../../evidence/gcFit.ts';
import { LongestStretch } from '../../evidence/gcStretch.ts';
import type { Problem } from '../../formats/problem.ts';
import { type Dimension, formatQuantity, parseQuantity } from '../../formats/quantity.ts';
import { renderProblems } from '../../scenario/problems.ts';
import { exitCode, UsageError } from '../exitCodes.ts';
import { beginningOf, readerBelow, readGcLogFiles, rootOf } from '../files.ts';
import type { Command, Given } from '../verbs.ts';

const keptFrom = 'models/fitted/g1.yaml';
/** Where a mean object's size stands. */
const objectFrom = 'models/jvm/kafka-jvm.yaml';

export const calibrate: Command = {
  usage: 'LOG...',
  question:
    'What does this GC log say, what does collecting cost on that machine, and how well is it played?',
  examples: [
    'rehearse calibrate gc.log',
    'rehearse calibrate gc.log gc.log.0 gc.log.1 --pause-goal 20ms --out platforms/my-g1.yaml',
    'rehearse calibrate gc.log.gz --live 400MiB --json',
  ],
  options: {
    out: { says: 'the platform file to write the costs to', type: 'string' },
    live: {
      says: 'bytes that stay alive, such as 400MiB (read off the log, with what garbage it holds)',
      type: 'string',
    },
    'long-share': { says: 'share of the allocated bytes that stays, such as 2%', type: 'string' },
    'object-size': { says: `bytes of a mean object (as in ${objectFrom})`, type: 'string' },
    'pause-goal': {
      says: 'MaxGCPauseMillis, such as 20ms: no log tells it (a usual one that gives the logged eden)',
      type: 'string',
    },
    ihop: {
      says: 'InitiatingHeapOccupancyPercent, such as 35% (gc+ihop=debug tells it; else 45%)',
      type: 'string',
    },
    json: { says: 'print one JSON object and nothing else', type: 'boolean' },
  },
  run: (given) => {
    if (given.files.length === 0)
      throw new UsageError('calibrate needs a GC log\n  mend: rehearse calibrate gc.log');
    const shipped = readerBelow(rootOf(import.meta.filename));
    const said = saidOf(given, readObjectBytes(objectFrom, shipped));
    const stretch = new LongestStretch();
    const read = readGcLogFiles(given.files, stretch.collection, stretch.phase);
    const { log, young } = stretch.log(read);
    const kept = log.collections.filter((c) => c.type.startsWith('Young')).length;
    const problems = [...read.problems];
    const made = problems.some((p) => p.severity === 'problem')
      ? undefined
      : calibrateOn(log, given.files[0]!, said, readCosts(keptFrom, shipped));
    if (made === undefined || 'problems' in made) {
      if (made !== undefined) problems.push(...made.problems);
      tell(problems);
      const count = problems.filter((p) => p.severity === 'problem').length;
      process.stderr.write(`${count} ${count === 1 ? 'problem' : 'problems'}, nothing was fitted\n`);
      return exitCode.usage;
    }
    tell(problems);
    const { calibration } = made;
    const names = given.files.map((f) => basename(f));
    const out = given.text('out');
    if (out !== undefined) write(out, calibrationText(calibration, names, keptFrom));
    if (given.flag('json'))
      process.stdout.write(
        `${JSON.stringify({ rehearse: 1, files: given.files, stretches: read.stretches.length, youngPauses: young, ...calibration, problems }, null, 2)}\n`,
      );
    else {
      const left =
        read.stretches.length > 1 ? `the longest of ${read.stretches.length} unbroken stretches` : '';
      const latest = kept < young ? `its latest ${kept} of ${young} young pauses` : '';
      process.stdout.write(
        words(calibration, [left, latest].filter((w) => w !== '').join(', ')) +
          (out === undefined
            ? '\nwith --out FILE the costs are written as a platform file that extends: takes\n'
            : `\nwrote ${out}: name it in extends:, after the platform that it corrects\n`),
      );
    }
    return exitCode.yes;
  },
};

/** What the options say; every mistake is told at once. */
function saidOf(given: Given, usualObjectBytes: number): GivenToCalibrate {
  const mistakes: string[] = [];
  const quantity = (option: string, dimension: Dimension, least: number, most: number) => {
    const text = given.text(option);
    if (text === undefined) return undefined;
    const parsed = parseQuantity(text, dimension);
    if (parsed.ok && parsed.value >= least && parsed.value <= most) return parsed.value;
    mistakes.push(
      parsed.ok
        ? `--${option} ${text} is out of range\n  mend: write ${formatQuantity(least, dimension)} to ${formatQuantity(most, dimension)}`
        : `--${option} ${parsed.found}\n  mend: ${parsed.mend}`,
    );
    return undefined;
  };
  const liveBytes = quantity('live', 'bytes', 1, 1e15);
  const longShare = quantity('long-share', 'ratio', 0, 1);
  const objectBytes = quantity('object-size', 'bytes', 16, 1e9) ?? usualObjectBytes;
  const goal = quantity('pause-goal', 'duration', 1000, 60e6);
  const ihop = quantity('ihop', 'ratio', 0, 1);
  if (mistakes.length > 0) throw new UsageError(mistakes.join('\n'));
  return {
    objectBytes,
    ...(liveBytes === undefined ? {} : { liveBytes }),
    ...(longShare === undefined ? {} : { longShare }),
    ...(goal === undefined ? {} : { pauseGoalMillis: goal / 1000 }),
    ...(ihop === undefined ? {} : { ihopPercent: ihop * 100 }),
  };
}

/** With the lines that the problems are about, where they stand near the beginning. */
function tell(problems: readonly Problem[]): void {
  const texts = new Map(
    [...new Set(problems.flatMap((p) => (p.line > 0 ? p.file : [])))].map((f) => [f, beginningOf(f)]),
  );
  if (problems.length > 0) process.stderr.write(`${renderProblems(problems, texts)}\n\n`);
}

/** Under another name first, so that nobody ever sees half a file. */
function write(file: string, text: string): void {
  const made = `${file}.tmp-${process.pid}`;
  try {
    writeFileSync(made, text);
    renameSync(made, file);
  } catch (error) {
    rmSync(made, { force: true });
    throw new UsageError(
      `${file} cannot be written: ${(error as Error).message}\n  mend: name a file in a folder that exists with --out`,
    );
  }
}

/** Three digits, without an exponent. */
function number(x: number | undefined): string {
  if (x === undefined) return '-';
  const size = Math.abs(x);
  return x.toFixed(size >= 100 || size === 0 ? 0 : size >= 10 ? 1 : size >= 1 ? 2 : 3);
}

function table(rows: readonly (readonly string[])[]): string {
  const widths = rows[0]!.map((_, i) => Math.max(...rows.map((r) => r[i]!.length)));
  return rows
    .map((r) =>
      `  ${r.map((cell, i) => (i === 0 || i === r.length - 1 ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!))).join('  ')}`.trimEnd(),
    )
    .join('\n');
}

function words(c: Calibration, taken: string): string {
  const { jvm, origins, figures: f, program: p, fitted, given } = c;
  const { flags } = jvm;
  const by = (origin: string) => (origin === 'logged' ? '' : ` (${origin})`);
  const grew =
    jvm.leastHeapBytes < flags.heapBytes
      ? `; it was ${formatQuantity(jvm.leastHeapBytes, 'bytes')} at its smallest, and is played at its largest`
      : '';
  const goal =
    origins.pauseGoal === 'given'
      ? ''
      : ` (inferred: no log tells it; of ${usualGoals.join(', ')} ms the one that gives the logged eden, 200 ms if that does)`;
  const counts = f.counts;
  const costs = (Object.keys(costUnits) as (keyof typeof costUnits)[]).map((key) => {
    const half =
      key in fitted.halfWidths ? fitted.halfWidths[key as keyof typeof fitted.halfWidths] : undefined;
    const origin = costOrigin(fitted, key);
    return [
      key,
      number(fitted.costs[key]),
      origin === 'not in the log' || half === undefined || !Number.isFinite(half) ? '' : `+- ${number(half)}`,
      `${costUnits[key]}${origin === 'fitted' ? '' : origin === 'in proportion' ? ' *' : ` (not in the log: ${keptFrom})`}`,
    ];
  });
  const noise = fitted.costs.noise.map((x) => number(x)).join(' ');
  const rows = c.compared.map((r) => [
    r.name,
    number(r.logged),
    number(r.played),
    r.range === undefined ? '' : `${number(r.range[0])} to ${number(r.range[1])}`,
    number(r.naive),
    r.unit,
  ]);
  return `${[
    `The JVM: ${jvm.version ?? `release ${flags.release} assumed`}${taken === '' ? '' : `; ${taken}`}`,
    table([
      ['heap', formatMiB(flags.heapBytes), `${by(origins.heap)}${grew}`.trim()],
      ['regions', formatMiB(flags.regionBytes), by(origins.region).trim()],
      ['CPUs', String(flags.cpus), by(origins.cpus).trim()],
      ['parallel threads', String(flags.parallelThreads), by(origins.parallelThreads).trim()],
      [
        'concurrent threads',
        flags.concurrentThreads === undefined ? '-' : String(flags.concurrentThreads),
        flags.concurrentThreads === undefined ? 'not in the log: as many as the JVM chooses' : '',
      ],
      ['IHOP', `${number(flags.ihopPercent)}%`, by(origins.ihop).trim()],
      ['reserve', `${number(flags.reservePercent)}%`, by(origins.reserve).trim()],
      ['pause goal', `${c.pauseGoalMillis} ms`, goal.trim()],
    ]),
    '',
    `The log, from ${number(c.steady[0])} s to ${number(c.steady[1])} s of uptime, ${f.pauses} young pauses:`,
    table([
      [
        'young pauses',
        `${counts.normal} Normal, ${counts.concurrentStart} Concurrent Start, ${counts.prepareMixed} Prepare Mixed, ${counts.mixed} Mixed`,
      ],
      [
        'others',
        `${counts.full} Full, ${counts.toSpaceExhausted} with to-space exhausted, ${counts.preventive} preventive, ${counts.undoCycles} cycles undone`,
      ],
      [
        'IHOP',
        f.ihopPercent === undefined
          ? 'not logged (gc+ihop=debug)'
          : `${number(f.ihopPercent)}% of what old objects may occupy, ${f.ihopAdaptive ? 'adaptive' : 'static'}`,
      ],
      [
        'allocated',
        `${number(p.allocatedMiBPerSecond)} MiB/s${p.humongousPerSecond > 0 ? `, and ${number(p.humongousPerSecond)} humongous objects each second that live ${number(p.humongousMillis)} ms` : ''}`,
      ],
      ['eden, survivors', `${number(p.edenMiB)} MiB before a pause, ${number(p.survivorMiB)} MiB after it`],
      [
        'promoted',
        `${number(p.longMiBPerSecond)} MiB/s in the long run: ${number(p.longShare * 100)}% of what is allocated${given.longShare === undefined ? '' : `; given: ${number(given.longShare * 100)}%`}`,
      ],
      ['short of that', `${number(p.mediumShare * 100)}% lives for ${number(p.mediumMillis)} ms`],
      [
        'live set',
        `${number(p.liveMiB)} MiB: ${liveSays[p.liveFrom]}${given.liveBytes === undefined ? '' : `; given: ${formatMiB(given.liveBytes)}`}`,
      ],
    ]),
    '',
    `What collecting costs on this machine, fitted on ${basis(fitted)}:`,
    table(costs),
    ...(fitted.debugPhases
      ? []
      : [
          `  * no debug phases (gc+phases=debug) tell these apart: one factor for all, in the proportions of ${keptFrom}`,
        ]),
    `  noise           a pause over the fitted one, at 0 2 5 10 25 50 75 90 95 98 100 %: ${noise}`,
    '',
    'Logged, and played with these costs: fitted on this log, not predicted.',
    table([
      ['', 'logged', 'played', `range of ${c.seeds} seeds`, 'if every pause were the mean', ''],
      ...rows,
    ]),
  ].join('\n')}\n`;
}

const some = (n: number, one: string) => `${n} ${one}${n === 1 ? '' : 's'}`;
const basis = (f: Calibration['fitted']) =>
  `${some(f.pauses, 'young pause')}, ${some(f.cycles, 'concurrent cycle')}, ${some(f.fulls, 'full collection')}`;

/** As the JVM says sizes. */
function formatMiB(bytes: number): string {
  const mib = bytes / 1_048_576;
  return mib >= 1024 && mib % 1024 === 0 ? `${mib / 1024} GiB` : `${Number(mib.toPrecision(5))} MiB`;
}
