import type { Monitoring } from '../models/monitoring/monitoring.ts';
import { type Expression, parseExpression, type SyntaxProblem, selectorsOf } from '../promql/parse.ts';
import type { Checks } from './checks.ts';
import type { PlacedGroup } from './monitoringRules.ts';
import type { MonitoringPartSettings } from './monitoringSettings.ts';

type LevelSettings = NonNullable<MonitoringPartSettings['serviceLevels']>[number];

/** A service level objective, with the share of what was bad over any window. */
export interface ServiceLevel {
  readonly name: string;
  /** Share that has to be good. */
  readonly objective: number;
  readonly periodMicros: number;
  /** Share of what was bad, over a window. */
  readonly errorRatio: (windowMicros: number) => Expression;
  /** The same as a server gives it at the end of the run. */
  readonly scraped: (windowMicros: number) => readonly { readonly value: number }[];
}

const placeholder = '{{.window}}';
const usualPeriod = 30 * 86_400e6;

const windows: Readonly<Record<string, number>> = {
  '5m': 300e6,
  '30m': 1_800e6,
  '1h': 3_600e6,
  '2h': 7_200e6,
  '6h': 21_600e6,
  '1d': 86_400e6,
  '3d': 259_200e6,
};

/**
 * What share of the budget, burnt within which window, is told to whom; the short window makes the alert end soon after.
 * Source: Google, The Site Reliability Workbook, Alerting on SLOs, table of multiwindow, multi-burn-rate alerts.
 */
const burns = [
  { severity: 'page', long: '1h', short: '5m', share: 0.02 },
  { severity: 'page', long: '6h', short: '30m', share: 0.05 },
  { severity: 'ticket', long: '1d', short: '2h', share: 0.1 },
  { severity: 'ticket', long: '3d', short: '6h', share: 0.1 },
] as const;

/** The error ratio as PromQL over a window. */
function ratioText(level: LevelSettings, window: string): string {
  const over = (query: string) => `(${query.replaceAll(placeholder, window)})`;
  if (level.errorRatioQuery !== undefined) return over(level.errorRatioQuery);
  return `${over(level.errorQuery ?? '')} / ${over(level.totalQuery ?? '')}`;
}

const millis = (micros: number) => `${Math.max(1, Math.round(micros / 1e3))}ms`;

function expressionOf(text: string): Expression {
  const parsed = parseExpression(text);
  if (!parsed.ok) throw new RangeError(`the service level ${text} cannot be read`);
  return parsed.value;
}

export function serviceLevelsOf(s: MonitoringPartSettings, monitoring: Monitoring): readonly ServiceLevel[] {
  return (s.serviceLevels ?? []).map((level) => ({
    name: level.name,
    objective: level.objective,
    periodMicros: level.period ?? usualPeriod,
    errorRatio: (micros) => expressionOf(ratioText(level, millis(micros))),
    scraped: (micros) => monitoring.ask(ratioText(level, millis(micros))),
  }));
}

/**
 * The rules of each objective: a recorded error ratio for each window, and alerts on how fast the budget burns. An objective over a measure of ours,
 * which no exporter shows, has an account and no rules.
 */
export function serviceLevelGroups(s: MonitoringPartSettings): readonly PlacedGroup[] {
  return (s.serviceLevels ?? []).filter(isExposed).map((level) => {
    const record = (window: string) => `slo:sli_error:ratio_rate${window}`;
    const period = level.period ?? usualPeriod;
    const plain = { forMicros: 0, keepFiringForMicros: 0, annotations: {} };
    const quoted = JSON.stringify(level.name);
    const recorded = Object.keys(windows).map((window) => ({
      ...plain,
      kind: 'record' as const,
      name: record(window),
      expr: ratioText(level, window),
      labels: { slo: level.name },
    }));
    const alerts = (['page', 'ticket'] as const).map((severity) => ({
      ...plain,
      kind: 'alert' as const,
      name: severity === 'page' ? 'ErrorBudgetBurnsFast' : 'ErrorBudgetBurns',
      expr: burns
        .filter((b) => b.severity === severity)
        .map(({ long, short, share }) => {
          const limit = ((share * period) / windows[long]!) * (1 - level.objective);
          return `(${record(short)}{slo=${quoted}} > ${limit} and ${record(long)}{slo=${quoted}} > ${limit})`;
        })
        .join(' or '),
      labels: { severity },
      annotations: {
        summary: `the error budget of ${level.name} burns: {{ $value | humanizePercentage }} bad`,
      },
    }));
    return {
      name: `slo-${level.name}`,
      file: 'monitoring.serviceLevels',
      intervalMicros: undefined,
      queryOffsetMicros: 0,
      limit: 0,
      offset: s.evaluationOffset ?? 'drawn',
      rules: [...recorded, ...alerts],
    };
  });
}

function isExposed(level: LevelSettings): boolean {
  const parsed = parseExpression(ratioText(level, '5m'));
  return parsed.ok && selectorsOf(parsed.value).every((selector) => !selector.name.startsWith('rehearse:'));
}

/** Queries that can be read, each with its window. */
export function checkServiceLevels(s: MonitoringPartSettings, checks: Checks): void {
  for (const level of s.serviceLevels ?? []) {
    const path = ['monitoring', 'serviceLevels', level.name];
    const isRatio = level.errorRatioQuery !== undefined;
    const isCounted = level.errorQuery !== undefined && level.totalQuery !== undefined;
    if (isRatio === isCounted || (isRatio && (level.errorQuery ?? level.totalQuery) !== undefined))
      checks.problem(
        path,
        'not one way to count what is bad',
        'write errorQuery and totalQuery, or errorRatioQuery alone',
      );
    for (const key of ['errorQuery', 'totalQuery', 'errorRatioQuery'] as const) {
      const text = level[key];
      if (text === undefined) continue;
      if (!text.includes(placeholder))
        checks.problem(
          [...path, key],
          'a query without its window',
          `write ${placeholder} where the window stands, as in rate(x[${placeholder}])`,
        );
      for (const p of problemsIn(text)) checks.problemIn([...path, key], p.offset, p.message, p.mend);
    }
  }
}

/** With a window as wide as its place, so that what follows keeps its place. */
function problemsIn(text: string): readonly SyntaxProblem[] {
  const parsed = parseExpression(text.replaceAll(placeholder, '5m'.padEnd(placeholder.length)));
  return parsed.ok ? [] : parsed.problems;
}
