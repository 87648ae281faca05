import { type LabelMatcher, type Labels, matchesAll } from './labels.ts';

/** While a source fires, targets with the same values of `equal` are not told of. */
export interface InhibitRule {
  readonly source: readonly LabelMatcher[];
  readonly target: readonly LabelMatcher[];
  readonly equal: readonly string[];
}

/** Source: Alertmanager, inhibit/inhibit.go `InhibitRule.hasEqual`. */
export class Inhibitor {
  private readonly rules: readonly InhibitRule[];
  private readonly alerts: ReadonlyMap<string, { readonly labels: Labels; readonly endsAt: number }>;

  /** @param alerts all that were posted, whether they still fire or not */
  constructor(
    rules: readonly InhibitRule[],
    alerts: ReadonlyMap<string, { readonly labels: Labels; readonly endsAt: number }>,
  ) {
    this.rules = rules;
    this.alerts = alerts;
  }

  mutes(labels: Labels, now: number): boolean {
    return this.rules.some((rule) => matchesAll(labels, rule.target) && this.hasSource(rule, labels, now));
  }

  private hasSource(rule: InhibitRule, labels: Labels, now: number): boolean {
    // One that could be source and target is not muted by another such: they would mute each other.
    const isBoth = matchesAll(labels, rule.source);
    for (const alert of this.alerts.values()) {
      if (alert.endsAt <= now || !matchesAll(alert.labels, rule.source)) continue;
      if (rule.equal.some((name) => (alert.labels[name] ?? '') !== (labels[name] ?? ''))) continue;
      if (isBoth && matchesAll(alert.labels, rule.target)) continue;
      return true;
    }
    return false;
  }
}
