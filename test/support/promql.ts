import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { StoredSamples } from '../../src/promql/samples.ts';
import { gone, type Labels, type SampledSeries, type SeriesSet } from '../../src/promql/series.ts';

/** Seconds between samples, and how many of each series. */
export const interval = 15;
export const sampleCount = 96;

/** A series in promtool's notation, one value for each interval: a number, `_` for none, `stale`. */
export interface InputSeries {
  readonly name: string;
  readonly labels: Labels;
  readonly values: readonly string[];
}

export const labelText = (labels: Labels) =>
  `{${Object.keys(labels)
    .sort()
    .map((l) => `${l}=${JSON.stringify(labels[l])}`)
    .join(', ')}}`;

/** The same series for the evaluator under test, in the order in which promtool creates them. */
export function storedSet(input: readonly InputSeries[]): SeriesSet<SampledSeries> {
  const firstOf = (s: InputSeries) => s.values.findIndex((v) => v !== '_');
  const ordered = [...input].sort((a, b) => firstOf(a) - firstOf(b));
  const made = new Map<string, SampledSeries[]>();
  for (const { name, labels, values } of ordered) {
    const present = values.flatMap((v, k) => (v === '_' ? [] : [[k * interval * 1e6, v] as const]));
    const series = new StoredSamples(
      name,
      labels,
      present.map(([t]) => t),
      present.map(([, v]) => (v === 'stale' ? gone : Number(v))),
    );
    made.set(name, [...(made.get(name) ?? []), series]);
  }
  return { of: (name) => made.get(name) ?? [], names: [...made.keys()] };
}

export interface Case {
  readonly expr: string;
  /** Seconds. */
  readonly time: number;
}

/** What promtool says: values by labels with the name among them, or the text of its error. */
export type Answer = ReadonlyMap<string, number> | string;

/** Evaluates expressions with the real Prometheus: each is given an expectation that it misses, and says what it got. */
export function promtool(input: readonly InputSeries[], cases: readonly Case[]): Answer[] {
  const folder = mkdtempSync(join(tmpdir(), 'rehearse-promql-'));
  try {
    const series = input.map(
      ({ name, labels, values }) =>
        `      - series: ${JSON.stringify(name + labelText(labels))}\n        values: ${JSON.stringify(values.join(' '))}`,
    );
    const asked = cases.map(
      ({ expr, time }) =>
        `      - expr: ${JSON.stringify(expr)}\n        eval_time: ${time}s\n        exp_samples: [{labels: 'never{a="1"}', value: 5}]`,
    );
    writeFileSync(join(folder, 'rules.yml'), 'groups: []\n');
    writeFileSync(
      join(folder, 'test.yml'),
      `rule_files: [rules.yml]\nevaluation_interval: ${interval}s\ntests:\n  - interval: ${interval}s\n    input_series:\n${series.join('\n')}\n    promql_expr_test:\n${asked.join('\n')}\n`,
    );
    let out = '';
    try {
      execFileSync('promtool', ['test', 'rules', join(folder, 'test.yml')], {
        encoding: 'utf8',
        stdio: ['ignore', 'pipe', 'pipe'],
      });
    } catch (error) {
      const failed = error as { readonly stdout: string; readonly stderr: string };
      out = failed.stdout + failed.stderr;
    }
    return answersIn(out, cases);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function answersIn(out: string, cases: readonly Case[]): Answer[] {
  const answers: Answer[] = [];
  for (const line of out.split('\n')) {
    const head = /^ {4}expr: (".*"), time: \S+?,(?: err: (.*))?$/.exec(line);
    if (head !== null) {
      const { expr } = cases[answers.length]!;
      if (JSON.parse(head[1]!) !== expr) throw new Error(`promtool answered ${head[1]} in place of ${expr}`);
      answers.push(head[2] ?? '');
      continue;
    }
    const got = /^ {8}got: (.*)$/.exec(line);
    if (got !== null) answers[answers.length - 1] = samplesIn(got[1]!);
  }
  if (answers.length !== cases.length)
    throw new Error(`promtool gave ${answers.length} answers to ${cases.length}: ${out.slice(0, 2000)}`);
  return answers;
}

function samplesIn(text: string): ReadonlyMap<string, number> {
  const samples = new Map<string, number>();
  if (text === 'nil') return samples;
  const pattern = /(\{(?:[^"{}]|"(?:[^"\\]|\\.)*")*\}) ([^\s,]+)(?:, |$)/gy;
  for (let found = pattern.exec(text); found !== null; found = pattern.exec(text)) {
    const word = found[2]!;
    samples.set(
      found[1]!,
      /Inf/.test(word)
        ? word.startsWith('-')
          ? Number.NEGATIVE_INFINITY
          : Number.POSITIVE_INFINITY
        : Number(word),
    );
  }
  if (samples.size === 0) throw new Error(`promtool's answer cannot be read: ${text.slice(0, 200)}`);
  return samples;
}

/** Numbers from 0 to 1 by a fixed rule. */
export function randomOf(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 4294967296;
  };
}

/** Counters with resets, gauges with NaN, buckets, gaps, stale markers, and labels that do not match. */
export function inputSeries(seed: number): InputSeries[] {
  const random = randomOf(seed);
  const pick = (n: number) => Math.floor(random() * n);
  const course = (next: (k: number) => string) => Array.from({ length: sampleCount }, (_, k) => next(k));
  const made: InputSeries[] = [];
  for (const i of ['a', 'b', 'c']) {
    for (const j of ['0', '1']) {
      let count = pick(50);
      made.push({
        name: 'reqs_total',
        labels: { i, j },
        values: course((k) => {
          if (random() < 0.03) count = pick(5);
          else count += pick(20);
          if (i === 'c' && k % 23 > 18) return k % 23 === 19 ? 'stale' : '_';
          return random() < 0.05 ? '_' : `${count}`;
        }),
      });
      made.push({
        name: 'temp',
        labels: { i, j },
        values: course(() => (random() < 0.01 ? 'NaN' : random() < 0.05 ? '_' : `${(pick(800) - 200) / 8}`)),
      });
      made.push({
        name: 'load',
        labels: { i, j, zone: `z${pick(3)}` },
        values: course((k) =>
          i === 'b' && k > 60 && k < 90 ? (k === 61 ? 'stale' : '_') : `${pick(1000) / 64}`,
        ),
      });
    }
    made.push({ name: 'info', labels: { i, version: `v${pick(3)}` }, values: course(() => '1') });
    made.push({ name: 'other', labels: { k: i }, values: course(() => `${pick(100)}`) });
    let [low, middle, high] = [0, 0, 0];
    const buckets: string[][] = [[], [], [], []];
    for (let k = 0; k < sampleCount; k += 1) {
      low += pick(6);
      middle += low > middle ? low - middle + pick(8) : pick(8);
      high = Math.max(high, middle) + pick(4);
      for (const [b, v] of [low, middle, high, high + (i === 'c' ? 3 : 0)].entries())
        buckets[b]!.push(`${v}`);
    }
    for (const [b, le] of ['0.25', '0.5', '1', '+Inf'].entries())
      made.push({ name: 'lat_bucket', labels: { i, le }, values: buckets[b]! });
  }
  made.push({ name: 'level', labels: {}, values: course(() => `${pick(16)}`) });
  made.push({ name: 'flat', labels: { i: 'a', j: '0' }, values: course(() => '7') });
  made.push({ name: 'late', labels: { i: 'a' }, values: course((k) => (k < 70 ? '_' : `${k}`)) });
  return made;
}
