import type { Metric } from '../engine/catalogue.ts';
import type { LabelTexts } from './labelTemplates.ts';
import type { MonitoringPartSettings } from './monitoringSettings.ts';
import { readRuleFile } from './ruleFile.ts';
import { serviceLevelGroups } from './serviceLevels.ts';

/** One rule as a file or the settings write it. */
export interface RuleText {
  readonly kind: 'alert' | 'record';
  readonly name: string;
  readonly expr: string;
  readonly forMicros: number;
  readonly keepFiringForMicros: number;
  readonly labels: LabelTexts;
  readonly annotations: LabelTexts;
}

export interface RuleGroupText {
  readonly name: string;
  /** Undefined: the server's own. */
  readonly intervalMicros: number | undefined;
  readonly queryOffsetMicros: number;
  readonly limit: number;
  /** Of every rule, under its own. */
  readonly labels?: LabelTexts;
  readonly rules: readonly RuleText[];
}

/** A group with where it stands, and when it begins if that is not drawn. */
export interface PlacedGroup extends RuleGroupText {
  /** File, or `monitoring` for one of the settings. */
  readonly file: string;
  readonly offset: number | 'drawn';
}

/** Good files read before, by name: many runs of a scenario read theirs once. */
const readBefore = new Map<string, { readonly text: string; readonly groups: readonly RuleGroupText[] }>();

/** The groups of a rule file; none where it has problems, which the checks tell. */
function groupsIn(file: string, text: string): readonly RuleGroupText[] {
  const known = readBefore.get(file);
  if (known?.text === text) return known.groups;
  const groups = readRuleFile(file, text, []);
  readBefore.set(file, { text, groups });
  if (readBefore.size > 64) readBefore.delete(readBefore.keys().next().value!);
  return groups;
}

/** Every group of rules of the settings, then those of the files that they name, then those that objectives come with. */
export function ruleGroups(
  s: MonitoringPartSettings,
  readText: (file: string) => string | undefined,
): readonly PlacedGroup[] {
  const offset = s.evaluationOffset ?? 'drawn';
  const fromFiles = (s.rules ?? []).flatMap((file) =>
    groupsIn(file, readText(file) ?? '').map((group) => ({ ...group, file, offset })),
  );
  return [...ownGroups(s), ...fromFiles, ...serviceLevelGroups(s)];
}

function ownGroups(s: MonitoringPartSettings): readonly PlacedGroup[] {
  return (s.groups ?? []).map((g) => ({
    name: g.name,
    file: 'monitoring',
    intervalMicros: g.interval,
    queryOffsetMicros: g.queryOffset ?? 0,
    limit: g.limit ?? 0,
    offset: g.offset ?? s.evaluationOffset ?? 'drawn',
    rules: g.rules.map((r) =>
      'record' in r
        ? {
            kind: 'record' as const,
            name: r.record,
            expr: r.expr,
            forMicros: 0,
            keepFiringForMicros: 0,
            labels: r.labels ?? {},
            annotations: {},
          }
        : {
            kind: 'alert' as const,
            name: r.alert,
            expr: r.expr,
            forMicros: r.for ?? 0,
            keepFiringForMicros: r.keepFiringFor ?? 0,
            labels: r.labels ?? {},
            annotations: r.annotations ?? {},
          },
    ),
  }));
}

/** What rules record, as metrics that expectations may name. */
export function recordedMetrics(groups: readonly PlacedGroup[]): readonly Metric[] {
  const names = new Set(groups.flatMap((g) => g.rules.flatMap((r) => (r.kind === 'record' ? [r.name] : []))));
  return [...names].map((name) => ({
    name,
    type: 'gauge',
    unit: '',
    help: 'What a recording rule gives.',
    source: 'a rule of the scenario',
    labels: [],
    openLabels: true,
  }));
}
