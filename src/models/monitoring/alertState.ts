import { type Labels, labelKey } from './labels.ts';

/** One element of what an alert's expression gave. */
export interface RuleSample {
  readonly labels: Labels;
  readonly value: number;
}

/** What an alert rule says, apart from its expression. */
export interface AlertRule {
  readonly name: string;
  /** Microseconds for which the expression must be true before the alert fires. */
  readonly forMicros: number;
  /** Microseconds for which it goes on firing once the expression is no longer true. */
  readonly keepFiringForMicros: number;
  /** Labels of the alert beside those of the series; a text may be filled in from these. */
  readonly labels: (labels: Labels, value: number) => Labels;
  readonly annotations: (labels: Labels, value: number) => Labels;
}

export interface ActiveAlert {
  /** With `alertname` and without the metric's name. */
  readonly labels: Labels;
  readonly key: string;
  annotations: Labels;
  /** Of the expression, when it last gave one. */
  value: number;
  state: 'pending' | 'firing' | 'inactive';
  readonly activeAt: number;
  /** When it began to fire; NaN before. */
  firedAt: number;
  /** When it stopped firing; NaN before. */
  resolvedAt: number;
  /** Since when it fires only because of `keep_firing_for`; NaN where it does not. */
  keepFiringSince: number;
  /** When it was last sent to the alert manager; minus infinity before. */
  lastSentAt: number;
  /** Until when the alert manager takes it for firing without hearing of it again. */
  validUntil: number;
}

export type AlertChange = 'pending' | 'lost' | 'firing' | 'resolved';

/** Source: Prometheus, rules/alerting.go `resolvedRetention`. */
const resolvedRetentionMicros = 15 * 60e6;

/** Two series came to the same labels once those of the alert were applied. */
export class DuplicateAlerts extends Error {}
/** More alerts than the group's `limit`: all of the rule are dropped. */
export class LimitExceeded extends Error {}

/** Labels of an alert with their key, and the rule's own labels that they were made with. */
interface Named {
  readonly own: Labels;
  readonly labels: Labels;
  readonly key: string;
}

/**
 * The alerts of one rule: for each set of labels inactive, pending, firing, and, once resolved, kept for a quarter of an hour so that the alert
 * manager is told of it.
 *
 * - A series that appears is pending, and fires at the first evaluation at least `for` after that one; with `for: 0` at once.
 * - One empty evaluation removes a pending alert: `for` starts anew.
 * - A firing alert whose series is missing goes on for `keep_firing_for`, counted from the first evaluation that missed it, and is then resolved.
 *
 * Source: Prometheus 3, rules/alerting.go `Eval`, `needsSending`, `sendAlerts`. Left out: the state is not restored after a restart of the
 * server (`for-outage-tolerance`, `for-grace-period`), since the server does not restart here; nor does a rule change while it runs.
 */
export class AlertState {
  readonly rule: AlertRule;
  private active = new Map<string, ActiveAlert>();
  private firing = 0;
  private lastSamples: readonly RuleSample[] | undefined;
  private lastFound: ReadonlyMap<string, ActiveAlert> = new Map();
  private readonly names = new WeakMap<Labels, Named>();

  constructor(rule: AlertRule) {
    this.rule = rule;
  }

  /** Pending and firing alerts, and those that resolved a short time ago. */
  get alerts(): Iterable<ActiveAlert> {
    return this.active.values();
  }

  /** Whether nothing is pending, firing or kept: an empty result then changes nothing. */
  get isIdle(): boolean {
    return this.active.size === 0;
  }

  get firingCount(): number {
    return this.firing;
  }

  /**
   * One evaluation.
   * @param t microseconds of the evaluation's slot
   * @param limit most alerts that the group allows for a rule; 0 for any number
   * @throws DuplicateAlerts the alerts then stay as they are
   * @throws LimitExceeded the alerts are then gone
   */
  evaluate(
    t: number,
    samples: readonly RuleSample[],
    limit: number,
    onChange: (change: AlertChange, alert: ActiveAlert) => void,
  ): void {
    const { rule } = this;
    const found = this.alertsOf(samples, t);
    // Known to be pending or firing before, for a limit that is exceeded.
    const before = limit === 0 ? [] : [...this.active.values()].map((alert) => [alert, alert.state] as const);
    const fresh: ActiveAlert[] = [];
    for (const [key, made] of found) {
      const known = this.active.get(key);
      if (known !== undefined && known.state !== 'inactive') {
        known.value = made.value;
        known.annotations = made.annotations;
        continue;
      }
      this.active.set(key, made);
      fresh.push(made);
    }
    let activeCount = 0;
    const changes: [AlertChange, ActiveAlert][] = fresh.map((alert) => ['pending', alert]);
    for (const [key, alert] of this.active) {
      if (found.has(key)) alert.keepFiringSince = Number.NaN;
      else if (!this.isKept(alert, t)) {
        if (alert.state === 'pending') {
          this.active.delete(key);
          changes.push(['lost', alert]);
        } else if (alert.state === 'firing') {
          alert.state = 'inactive';
          alert.resolvedAt = t;
          this.firing -= 1;
          changes.push(['resolved', alert]);
        } else if (t - alert.resolvedAt > resolvedRetentionMicros) this.active.delete(key);
        continue;
      }
      activeCount += 1;
      if (alert.state === 'pending' && t - alert.activeAt >= rule.forMicros) {
        alert.state = 'firing';
        alert.firedAt = t;
        this.firing += 1;
        changes.push(['firing', alert]);
      }
    }
    if (limit > 0 && activeCount > limit) {
      for (const [alert, state] of before)
        if (state !== 'inactive') onChange(state === 'pending' ? 'lost' : 'resolved', alert);
      this.active = new Map();
      this.lastSamples = undefined;
      this.firing = 0;
      throw new LimitExceeded(`exceeded limit of ${limit} with ${activeCount} alerts`);
    }
    for (const [change, alert] of changes) onChange(change, alert);
  }

  /** The alerts that samples mean. The same list again means the same ones. */
  private alertsOf(samples: readonly RuleSample[], t: number): ReadonlyMap<string, ActiveAlert> {
    if (samples === this.lastSamples) return this.lastFound;
    const { rule } = this;
    const found = new Map<string, ActiveAlert>();
    for (const sample of samples) {
      const { labels, key } = this.named(sample);
      if (found.has(key))
        throw new DuplicateAlerts(
          'vector contains metrics with the same labelset after applying alert labels',
        );
      found.set(key, {
        labels,
        key,
        annotations: rule.annotations(sample.labels, sample.value),
        value: sample.value,
        state: 'pending',
        activeAt: t,
        firedAt: Number.NaN,
        resolvedAt: Number.NaN,
        keepFiringSince: Number.NaN,
        lastSentAt: Number.NEGATIVE_INFINITY,
        validUntil: Number.NaN,
      });
    }
    this.lastSamples = samples;
    this.lastFound = found;
    return found;
  }

  /** The labels of a sample's alert; worked out once where the rule's own say the same again. */
  private named(sample: RuleSample): Named {
    const own = this.rule.labels(sample.labels, sample.value);
    const known = this.names.get(sample.labels);
    if (known?.own === own) return known;
    const { __name__: _, ...rest } = sample.labels;
    const labels: Record<string, string> = { ...rest, ...own, alertname: this.rule.name };
    for (const name of Object.keys(labels)) if (labels[name] === '') delete labels[name];
    const made = { own, labels, key: labelKey(labels) };
    this.names.set(sample.labels, made);
    return made;
  }

  /** Whether an alert whose series is missing goes on firing all the same. */
  private isKept(alert: ActiveAlert, t: number): boolean {
    const { keepFiringForMicros } = this.rule;
    if (alert.state !== 'firing' || keepFiringForMicros === 0) return false;
    if (Number.isNaN(alert.keepFiringSince)) alert.keepFiringSince = t;
    return t - alert.keepFiringSince < keepFiringForMicros;
  }

  /**
   * The alerts that are sent now: pending ones never, resolved ones once at least, and each again when more than `resendDelayMicros` passed
   * since it was sent. With an interval of just that length it is therefore sent at every second evaluation.
   */
  toSend(t: number, intervalMicros: number, resendDelayMicros: number): readonly ActiveAlert[] {
    const due: ActiveAlert[] = [];
    for (const alert of this.active.values()) {
      if (alert.state === 'pending') continue;
      const isNews = alert.resolvedAt > alert.lastSentAt;
      if (!isNews && !(alert.lastSentAt + resendDelayMicros < t)) continue;
      alert.lastSentAt = t;
      // Room for two evaluations or two messages that fail.
      alert.validUntil = t + 4 * Math.max(intervalMicros, resendDelayMicros);
      due.push(alert);
    }
    return due;
  }
}
