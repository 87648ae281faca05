import { evaluateVector } from '../promql/expectation.ts';
import { parseExpression, selectorsOf } from '../promql/parse.ts';
import { build, catalogue } from '../scenario/build.ts';
import { loadScenario, type Scenario } from '../scenario/load.ts';
import { parts } from '../scenario/parts/index.ts';
import type { Answer, AnswerColumn, Mark } from './answer.ts';
import { play } from './play.ts';
import type { Cell, Section } from './rebalance.ts';
import { overPlayed } from './reliability.ts';
import { CannotVary, merge, parseFactor, settingAt } from './variations.ts';

/** A measure of an ablation: a risk by its name, or PromQL at the end; of several series the worst. */
export interface AblatedMeasure {
  readonly name: string;
  readonly unit: string;
  readonly that: string;
}

/**
 * One thing that can be taken out: a change with its steps, an entry of the timeline, a part of the platform; or a setting that is
 * set to something else, as in `jvm.costFactor=0`.
 */
export interface Removable {
  readonly name: string;
  readonly kind: 'change' | 'entry' | 'part' | 'setting';
}

interface Data {
  readonly timeline?: readonly { readonly id?: string; readonly do?: string }[];
  readonly changes?: readonly {
    readonly name: string;
    readonly steps?: readonly string[];
    readonly after?: readonly string[];
  }[];
  readonly [key: string]: unknown;
}

const dataOf = (scenario: Scenario): Data => {
  const { platform: _, extends: __, ...data } = scenario.resolved;
  // An entry without a name is called as the scenario calls it, so that what stays keeps its draws.
  const timeline = ((data as Data).timeline ?? []).map((e, i) => ({
    ...e,
    id: String(e.id ?? (e as { name?: string }).name ?? `${e.do}#${i + 1}`),
  }));
  return { ...data, timeline };
};

/** Everything that one removal takes out: changes, entries that belong to none, and parts that the platform may lack. */
export function removables(scenario: Scenario): readonly Removable[] {
  const { timeline = [], changes = [], ...rest } = dataOf(scenario);
  const owned = new Set(changes.flatMap((c) => c.steps ?? []));
  return [
    ...changes
      .filter((c) => (c.steps ?? []).some((s) => timeline.some((e) => e.id === s)))
      .map((c): Removable => ({ name: c.name, kind: 'change' })),
    ...timeline.flatMap((e): Removable[] =>
      e.id === undefined || owned.has(e.id) ? [] : [{ name: e.id, kind: 'entry' }],
    ),
    ...parts
      .filter((p) => p.needed !== true && rest[p.name] !== undefined)
      .map((p): Removable => ({ name: p.name, kind: 'part' })),
  ];
}

/** Every entry of the timeline by itself, and what fails by chance. */
export function causesOf(scenario: Scenario): readonly Removable[] {
  const data = dataOf(scenario);
  return [
    ...(data.timeline ?? []).map((e): Removable => ({ name: String(e.id), kind: 'entry' })),
    ...(data.faults === undefined ? [] : [{ name: 'faults', kind: 'part' } as const]),
  ];
}

/** What `--without` names. @throws CannotVary */
export function removableNamed(scenario: Scenario, name: string): Removable {
  if (name.includes('=')) {
    const { path, values } = parseFactor(name);
    settingAt(scenario.resolved, path, values[0]!);
    return { name, kind: 'setting' };
  }
  const all = removables(scenario);
  const found = all.find((r) => r.name === name);
  if (found !== undefined) return found;
  throw new CannotVary(`there is no ${name} to take out`, `name one of ${all.map((r) => r.name).join(', ')}`);
}

/**
 * The scenario without some of what it has. What it expects and what was observed are left out, since they are about the whole.
 * @returns a sentence instead, when the rest cannot be played
 */
export function without(scenario: Scenario, removed: readonly Removable[]): Scenario | string {
  let data = dataOf(scenario);
  for (const { kind, name } of removed) {
    if (kind !== 'setting') continue;
    const { path, values } = parseFactor(name);
    data = merge(data, settingAt(data, path, values[0]!)) as Data;
  }
  const gone = (kind: Removable['kind'], name: string | undefined) =>
    removed.some((r) => r.kind === kind && r.name === name);
  const steps = new Set(
    (data.changes ?? []).filter((c) => gone('change', c.name)).flatMap((c) => c.steps ?? []),
  );
  const timeline = (data.timeline ?? []).filter(
    (e) => !(gone('entry', e.id) || steps.has(e.id ?? '') || gone('part', (e.do ?? '').split('.')[0])),
  );
  const left = new Set(timeline.map((e) => e.id));
  const kept = Object.fromEntries(
    Object.entries(data).filter(
      ([key]) => !gone('part', key) && !['expect', 'observed', 'facts', 'shows', 'changes'].includes(key),
    ),
  );
  const changes = (data.changes ?? [])
    .filter((c) => !gone('change', c.name))
    .map((c) => ({
      ...c,
      ...(c.steps === undefined ? {} : { steps: c.steps.filter((s) => left.has(s)) }),
      ...(c.after === undefined ? {} : { after: c.after.filter((a) => !gone('change', a)) }),
    }))
    .filter((c) => c.steps === undefined || c.steps.length > 0);
  const text = JSON.stringify({ ...kept, timeline, ...(changes.length === 0 ? {} : { changes }) });
  const loaded = loadScenario(
    'resolved.json',
    (p) => (p === 'resolved.json' ? text : scenario.readText(p)),
    parts,
  );
  if (loaded.scenario !== undefined) return loaded.scenario;
  const first = loaded.problems.find((p) => p.severity === 'problem');
  return first === undefined ? 'cannot be played' : `${first.path}: ${first.found}`;
}

/** Measures by name of a risk, or as PromQL. @throws CannotVary for what is neither */
export function measuresNamed(texts: readonly string[]): readonly AblatedMeasure[] {
  return texts.map((text): AblatedMeasure => {
    const risk = catalogue.risks.find((r) => r.name === text);
    if (risk !== undefined) return { name: text, unit: risk.unit, that: risk.that };
    const read = parseExpression(text);
    if (!read.ok)
      throw new CannotVary(
        `${text} is no risk and no PromQL: ${read.problems[0]?.message ?? ''}`,
        `name a risk, such as ${catalogue.risks
          .slice(0, 3)
          .map((r) => r.name)
          .join(', ')}, or write an expression`,
      );
    const names = selectorsOf(read.value).map((s) => s.name);
    const unknown = names.find((n) => !catalogue.metrics.some((m) => m.name === n));
    if (unknown !== undefined)
      throw new CannotVary(
        `${text}: there is no metric ${unknown}`,
        'docs/reference/measures.md lists all of them',
      );
    return { name: text, unit: '', that: text };
  });
}

/** What a scenario gives for each measure; null where it has none. */
export function measured(
  scenario: Scenario,
  measures: readonly AblatedMeasure[],
  seed: string,
): { readonly values: readonly (number | null)[]; readonly fingerprint: string } {
  const record = new Set(measures.flatMap((m) => selectorsOf(overPlayed(m.that, 1)).map((s) => s.name)));
  const built = build(scenario, { seed, replication: 0, record });
  play(built, scenario);
  const played = Math.max(0, Math.min(built.sim.now, built.until) - scenario.warmUp);
  const series = built.series();
  const values = measures.map((m) => {
    let worst: number | null = null;
    for (const { value } of evaluateVector(overPlayed(m.that, played), series, played))
      if (Number.isFinite(value) && (worst === null || value > worst)) worst = value;
    return worst;
  });
  return { values, fingerprint: built.sim.fingerprint() };
}

/** One row of the matrix. */
export interface AblatedRow {
  readonly removed: string;
  readonly kind: string;
  readonly values: readonly (number | null)[];
  /** Why it cannot be played; null for a row with values. */
  readonly refused: string | null;
  readonly fingerprint: string;
}

/** What an ablation says: removed by measure. */
export function ablationAnswer(
  scenario: Scenario,
  head: Pick<Answer, 'scenario' | 'seed' | 'version'>,
  measures: readonly AblatedMeasure[],
  rows: readonly AblatedRow[],
): Answer {
  const [whole, ...others] = rows;
  // Columns that say the same in every row say nothing.
  const shown = measures.flatMap((_, m) =>
    rows.length === 1 || rows.some((r) => r.refused === null && r.values[m] !== whole!.values[m]) ? [m] : [],
  );
  const cell = (row: AblatedRow, m: number): Cell => {
    const [before, after] = [whole!.values[m] ?? null, row.values[m] ?? null];
    if (row.refused !== null) return '-';
    if (after === null) return before === null ? '-' : 'none';
    const { unit } = measures[m]!;
    return row === whole || before === null || before === after
      ? { value: after, unit }
      : { before, after, unit };
  };
  const moves = (row: AblatedRow) =>
    measures.filter((_, m) => row.refused === null && row.values[m] !== whole!.values[m]).map((m) => m.name);
  const section: Section = {
    title: 'Removed by measure',
    header: ['removed', 'kind', ...shown.map((m) => measures[m]!.name)],
    rows: rows.map((row): Cell[] => [row.removed, row.kind, ...shown.map((m) => cell(row, m))]),
    sentences: [
      'one run each, of the same seed; a pair is the whole scenario and what is left without it, one number is what both give',
      ...rows.flatMap((r) =>
        r.refused === null ? [] : [`without ${r.removed} the rest cannot be played: ${r.refused}`],
      ),
    ],
  };
  const column = (name: string, values: readonly (string | number)[]): AnswerColumn => ({ name, values });
  return {
    ...head,
    verb: 'ablate',
    title: scenario.title,
    verdict: null,
    says: others.map((row) => {
      const moved = moves(row);
      return `without ${row.removed}: ${row.refused !== null ? 'not played' : moved.length === 0 ? 'nothing moves' : moved.join(', ')}`;
    }),
    sections: [section],
    plots: shown.map((i) => ({
      name: `ablation-${i + 1}`,
      title: measures[i]!.name,
      kind: 'bars' as const,
      x: measures[i]!.unit === '' ? 'value' : measures[i]!.unit,
      y: 'without',
      marks: rows.flatMap((r): Mark[] => (r.values[i] == null ? [] : [{ x: r.values[i]!, y: r.removed }])),
    })),
    data: { measures, rows },
    columns: [
      column(
        'removed',
        rows.map((r) => r.removed),
      ),
      column(
        'kind',
        rows.map((r) => r.kind),
      ),
      column(
        'fingerprint',
        rows.map((r) => r.fingerprint),
      ),
      ...measures.map((m, i) =>
        column(
          m.name,
          rows.map((r) => r.values[i] ?? Number.NaN),
        ),
      ),
    ],
  };
}
