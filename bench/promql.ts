/**
 * `node bench/promql.ts`: 10,000 series of 5,760 samples each, a day at 15 s, and 100 rules each minute, beside `promtool test rules` on the same data:
 * a third of the series rises, a third stands still, a third rises and falls back. Each rule reads 100 series. Both print how many alerts fire at the end.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { AlertState } from '../src/models/monitoring/alertState.ts';
import { ServerView } from '../src/promql/leaves.ts';
import { parseExpression } from '../src/promql/parse.ts';
import { Query } from '../src/promql/query.ts';
import { prometheus3 } from '../src/promql/samples.ts';
import type { Labels, SampledSeries, SeriesSet } from '../src/promql/series.ts';

const interval = 15e6;
const count = 5760;
const perMetric = 1000;

/** `a+bxn` in promtool's notation, with a step back to `a` after `turn` samples. */
class Course implements SampledSeries {
  readonly name: string;
  readonly labels: Labels;
  readonly length = count;
  readonly a: number;
  readonly b: number;
  readonly turn: number;

  constructor(name: string, labels: Labels, a: number, b: number, turn: number) {
    this.name = name;
    this.labels = labels;
    this.a = a;
    this.b = b;
    this.turn = turn;
  }

  indexAt(t: number): number {
    return Math.min(count - 1, Math.floor(t / interval));
  }

  timeAt(k: number): number {
    return k < count ? k * interval : Number.POSITIVE_INFINITY;
  }

  valueAt(k: number): number {
    return k < this.turn ? this.a + this.b * k : this.a + this.b * (k - this.turn);
  }

  isFinal(): boolean {
    return true;
  }

  steadyFrom(): number {
    return this.b === 0 ? 0 : Number.POSITIVE_INFINITY;
  }

  get notation(): string {
    const part = (n: number) => (this.b === 0 ? `${this.a}x${n - 1}` : `${this.a}+${this.b}x${n - 1}`);
    return this.turn >= count ? part(count) : `${part(this.turn)} ${part(count - this.turn)}`;
  }
}

const metrics = Array.from({ length: 10 }, (_, m) =>
  Array.from({ length: perMetric }, (_, i) => {
    const labels = { g: `${i % 10}`, i: `${i}` };
    const kind = i % 3;
    return new Course(`m${m}_total`, labels, i % 50, kind === 1 ? 0 : 1 + (i % 7), kind === 2 ? 2880 : count);
  }),
);
const set: SeriesSet<SampledSeries> = {
  names: metrics.map((_, m) => `m${m}_total`),
  of: (name) => metrics[Number(name.slice(1, -6))] ?? [],
};
const shapes: readonly ((metric: string, g: number) => string)[] = [
  (m, g) => `rate(${m}{g="${g}"}[5m]) > 0.3`,
  (m, g) => `${m}{g="${g}"} > 20000`,
  (m, g) => `sum by (g) (rate(${m}{g="${g}"}[2m])) > 15`,
  (m, g) => `increase(${m}{g="${g}"}[10m]) == 0`,
  (m, g) => `avg_over_time(${m}{g="${g}"}[5m]) > 10000`,
  (m, g) => `max by (g) (${m}{g="${g}"}) > 30000`,
  (m, g) => `${m}{g="${g}"} / on (i) m0_total{g="${g}"} > 1.5`,
  (m, g) => `changes(${m}{g="${g}"}[5m]) == 0`,
  (m, g) => `topk(5, ${m}{g="${g}"}) > 100`,
  (m, g) => `absent(${m}{g="${g}", i="none"})`,
];
const rules = shapes.flatMap((shape, n) =>
  Array.from({ length: 10 }, (_, m) => ({ name: `R${n}x${m}`, expr: shape(`m${m}_total`, (n + m) % 10) })),
);

function ours(): { readonly seconds: number; readonly firing: number } {
  const before = process.cpuUsage();
  const states = rules.map(({ name, expr }) => {
    const parsed = parseExpression(expr);
    if (!parsed.ok) throw new Error(expr);
    const query = new Query(parsed.value, new ServerView(set, { ...prometheus3, major: 2 }));
    const empty = {};
    const state = new AlertState({
      name,
      forMicros: 120e6,
      keepFiringForMicros: 0,
      labels: () => empty,
      annotations: () => empty,
    });
    return { query, state };
  });
  for (let t = 0; t <= (count - 1) * interval; t += 60e6)
    for (const { query, state } of states) state.evaluate(t, query.samples(t), 0, () => {});
  const used = process.cpuUsage(before);
  return {
    seconds: (used.user + used.system) / 1e6,
    firing: states.reduce((sum, { state }) => sum + state.firingCount, 0),
  };
}

function promtools(): { readonly seconds: number; readonly said: string } {
  const folder = mkdtempSync(join(tmpdir(), 'rehearse-bench-'));
  try {
    const list = rules.map(
      ({ name, expr }) => `  - { alert: ${name}, expr: ${JSON.stringify(expr)}, for: 2m }`,
    );
    writeFileSync(join(folder, 'rules.yml'), `groups:\n- name: g\n  rules:\n${list.join('\n')}\n`);
    const input = metrics
      .flat()
      .map(
        (s) =>
          `      - { series: '${s.name}{g="${s.labels.g}",i="${s.labels.i}"}', values: '${s.notation}' }`,
      );
    const end = Math.floor(((count - 1) * 15) / 60);
    const ask = `      - { expr: 'count(ALERTS{alertstate="firing"})', eval_time: ${end}m, exp_samples: [{ labels: 'never', value: 1 }] }`;
    writeFileSync(
      join(folder, 'test.yml'),
      `rule_files: [rules.yml]\nevaluation_interval: 1m\ntests:\n  - interval: 15s\n    input_series:\n${input.join('\n')}\n    promql_expr_test:\n${ask}\n`,
    );
    const timed = spawnSync('sh', ['-c', 'promtool test rules "$0"; times', join(folder, 'test.yml')], {
      encoding: 'utf8',
    });
    const spent = /(\d+)m([\d.]+)s (\d+)m([\d.]+)s\s*$/.exec(timed.stdout.trim());
    const seconds =
      spent === null
        ? Number.NaN
        : Number(spent[1]) * 60 + Number(spent[2]) + Number(spent[3]) * 60 + Number(spent[4]);
    return { seconds, said: /got: (.*)/.exec(timed.stdout + timed.stderr)?.[1] ?? 'nothing' };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

console.log(`${cpus()[0]?.model ?? 'unknown CPU'}, ${cpus().length} cores, Node ${process.version}`);
const runs = [ours(), ours(), ours()].map((r) => r);
const times = runs.map((r) => r.seconds).sort((a, b) => a - b);
console.log(
  `10,000 series x 5,760 samples, 100 rules over 100 series each, each minute of a day: ${times[0]!.toFixed(1)} to ${times[2]!.toFixed(1)} s CPU, ${runs[0]!.firing} alerts fire at the end`,
);
try {
  execFileSync('promtool', ['--version'], { stdio: 'ignore' });
  const { seconds, said } = promtools();
  console.log(
    `promtool test rules on the same, reading the data and storing it included: ${seconds.toFixed(1)} s CPU; ${said} fire`,
  );
} catch {
  console.log('promtool is not installed: nothing stands beside it');
}
