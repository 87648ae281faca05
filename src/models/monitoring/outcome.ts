import { byText, type Labels, labelText } from './labels.ts';
import type { AlertSpell, Monitoring } from './monitoring.ts';

/** One rule of the platform, and what became of it. */
export interface RuleOutcome {
  readonly rule: string;
  readonly kind: 'alert' | 'record';
  readonly group: string;
  /** The rule file, or `monitoring` for the scenario's own. */
  readonly file: string;
  /** What it reads that is not simulated; null for one that was evaluated. */
  readonly notAnswerable: string | null;
  /** How often it fired; 0 for a recording rule. */
  readonly fired: number;
}

/** One time that an alert was active, microseconds from the start of the run. */
export interface SpellOutcome {
  readonly alert: string;
  readonly labels: Labels;
  /** What tells it from the alert's other times. */
  readonly shown: string;
  readonly activeAt: number;
  /** null where it never fired. */
  readonly firedAt: number | null;
  /** null while it is active. */
  readonly endedAt: number | null;
}

/** A silence that would have kept the change from telling anybody. */
export interface SilenceOutcome {
  readonly alert: string;
  readonly matchers: readonly string[];
  readonly from: number;
  readonly to: number;
  /** Messages that it would have kept back. */
  readonly messages: number;
}

export interface AlertsOutcome {
  readonly rules: readonly RuleOutcome[];
  readonly spells: readonly SpellOutcome[];
  readonly silences: readonly SilenceOutcome[];
}

/**
 * What the rules said, and which silences the change needs.
 * @param changeAt when the change begins; undefined where nothing is changed, and then no silence is named
 * @param end of the run
 */
export function outcomeOf(
  monitoring: Monitoring,
  rules: readonly Omit<RuleOutcome, 'fired'>[],
  changeAt: number | undefined,
  end: number,
): AlertsOutcome {
  const shownOf = labelsShown(monitoring.spells);
  const fired = new Map<string, number>();
  for (const spell of monitoring.spells)
    if (!Number.isNaN(spell.firedAt)) fired.set(spell.alert, (fired.get(spell.alert) ?? 0) + 1);
  return {
    rules: rules.map((r) => ({
      ...r,
      fired: r.kind === 'alert' && r.notAnswerable === null ? (fired.get(r.rule) ?? 0) : 0,
    })),
    spells: monitoring.spells.map((s) => ({
      alert: s.alert,
      labels: s.labels,
      shown: shownOf(s),
      activeAt: s.activeAt,
      firedAt: Number.isNaN(s.firedAt) ? null : s.firedAt,
      endedAt: Number.isNaN(s.endedAt) ? null : s.endedAt,
    })),
    silences: changeAt === undefined ? [] : silencesOf(monitoring, changeAt, end),
  };
}

/** Labels that a reader looks for in an alert that fired once. */
const telling = [
  'namespace',
  'pod',
  'node',
  'topic',
  'partition',
  'consumergroup',
  'container',
  'persistentvolumeclaim',
  'severity',
];

/** What tells one time of an alert from its others; of a single one what a reader looks for. */
function labelsShown(spells: readonly AlertSpell[]): (spell: AlertSpell) => string {
  const fired = new Map<string, { readonly labels: Labels; readonly differing: Set<string> }>();
  for (const { alert, labels, firedAt } of spells) {
    if (Number.isNaN(firedAt)) continue;
    const first = fired.get(alert);
    if (first === undefined) fired.set(alert, { labels, differing: new Set() });
    else
      for (const label of [...Object.keys(labels), ...Object.keys(first.labels)])
        if (labels[label] !== first.labels[label]) first.differing.add(label);
  }
  return ({ alert, labels }) => {
    const differing = fired.get(alert)?.differing ?? new Set();
    const shown =
      differing.size > 0
        ? Object.keys(labels).filter((l) => differing.has(l))
        : telling.filter((l) => labels[l] !== undefined);
    // A pod has its name under several labels.
    const seen = new Set<string>();
    return shown
      .filter((l) => {
        const isNew = !seen.has(labels[l]!);
        seen.add(labels[l]!);
        return isNew;
      })
      .map((l) => `${l}="${labels[l]}"`)
      .join(', ');
  };
}

const minute = 60e6;

/** Labels by which an operator silences; the others follow from them. */
const narrowing = [
  'alertname',
  'severity',
  'namespace',
  'strimzi_io_cluster',
  'pod',
  'node',
  'topic',
  'consumergroup',
];

/** For each alert that began to fire in the change and was told: its name and what all its series share, to its end. */
function silencesOf(monitoring: Monitoring, changeAt: number, end: number): readonly SilenceOutcome[] {
  const told = monitoring.messages.filter((m) => m.at >= changeAt && m.firing.length > 0);
  const names = [...new Set(told.flatMap((m) => m.firing.map((labels) => labels.alertname ?? '')))].sort(
    byText,
  );
  return names.flatMap((alert) => {
    const spells = monitoring.spells.filter((s) => s.alert === alert && s.firedAt >= changeAt);
    const [first] = spells;
    if (first === undefined) return [];
    const shared = narrowing
      .filter((label) => first.labels[label] !== undefined)
      .filter((label) => spells.every((s) => s.labels[label] === first.labels[label]));
    const last = Math.max(...spells.map((s) => (Number.isNaN(s.endedAt) ? end : s.endedAt)));
    return [
      {
        alert,
        matchers: shared.map((label) => labelText({ [label]: first.labels[label]! }).slice(1, -1)),
        from: changeAt,
        to: Math.ceil((last + 1) / minute) * minute,
        messages: told.filter((m) => m.firing.some((labels) => labels.alertname === alert)).length,
      },
    ];
  });
}
