import type { RuleSample } from './alertState.ts';
import { type Labels, labelKey } from './labels.ts';

/** What a rule does with an answer that has no series, or with none at all. */
export type Handling = 'Alerting' | 'OK' | 'KeepLast';

export interface GrafanaRule {
  readonly name: string;
  readonly forMicros: number;
  readonly keepFiringForMicros: number;
  /** `NoData`: an alert of its own, DatasourceNoData. */
  readonly noData: Handling | 'NoData';
  /** `Error`: an alert of its own, DatasourceError. */
  readonly error: Handling | 'Error';
  /** After how many evaluations a series that is missing beside others is resolved; 2 by default. */
  readonly missingEvaluations: number;
  /** Whether a value breaches the rule's condition. */
  readonly breaches: (value: number) => boolean;
  readonly labels: (labels: Labels, value: number) => Labels;
  readonly annotations: (labels: Labels, value: number) => Labels;
}

export type GrafanaStateName = 'Normal' | 'Pending' | 'Alerting' | 'Recovering' | 'NoData' | 'Error';

/** The state of one set of labels. */
export interface GrafanaState {
  readonly labels: Labels;
  readonly key: string;
  annotations: Labels;
  value: number;
  state: GrafanaStateName;
  /** What it becomes once `for` is over. */
  awaits: 'Alerting' | 'NoData' | 'Error';
  /** `MissingSeries`, `NoData`, `Error`, or empty. */
  reason: string;
  startsAt: number;
  /** Since when the condition no longer holds, while it goes on firing. */
  recoveringSince: number;
  /** Evaluations without it, in a row. */
  missed: number;
  lastSentAt: number;
  resolvedAt: number;
}

export type GrafanaChange = 'pending' | 'lost' | 'firing' | 'resolved';

/** One evaluation's answer: series, or the text of what failed. */
export type GrafanaAnswer = readonly RuleSample[] | { readonly failed: string };

/** Source: pkg/services/ngalert/state/state.go `ResendDelay`. */
const resendDelayMicros = 30e6;
/** Source: as Prometheus' `resolvedRetention`. */
const resolvedRetentionMicros = 15 * 60e6;

/** States that an alert manager is told of. */
export const isFiringState = (state: GrafanaStateName) =>
  state === 'Alerting' || state === 'Recovering' || state === 'NoData' || state === 'Error';

/**
 * The states of one Grafana-managed rule: Normal, Pending, Alerting, Recovering, NoData, Error, for each set of labels.
 *
 * - The first breach is Pending, and Alerting once `for` is over, counted from that evaluation; `for: 0` at once. A result within the condition resets.
 * - A query that fails, or that gives nothing, is handled as the rule says, and passes through Pending as well; `KeepLast` leaves every state as it is.
 * - A series that is missing while others are there keeps its state for one evaluation and is resolved as MissingSeries at the second.
 *
 * Source: Grafana, pkg/services/ngalert/state/state.go; documentation "Alert rule evaluation", v13. Simplified: a NoData or Error alert of its own
 * has the rule's labels alone.
 */
export class GrafanaRuleState {
  readonly rule: GrafanaRule;
  private readonly states = new Map<string, GrafanaState>();

  constructor(rule: GrafanaRule) {
    this.rule = rule;
  }

  get all(): Iterable<GrafanaState> {
    return this.states.values();
  }

  get isIdle(): boolean {
    return this.states.size === 0;
  }

  evaluate(
    t: number,
    answer: GrafanaAnswer,
    onChange: (change: GrafanaChange, state: GrafanaState) => void,
  ): void {
    const { rule } = this;
    const failed = 'failed' in answer;
    if (failed || answer.length === 0) {
      const handling = failed ? rule.error : rule.noData;
      if (handling !== 'KeepLast') this.handle(t, handling, failed ? 'Error' : 'NoData', onChange);
      return;
    }
    const found = new Set<string>();
    for (const sample of answer) {
      const { __name__: _, ...own } = sample.labels;
      const state = this.of({ ...own, ...rule.labels(own, sample.value), alertname: rule.name }, t);
      found.add(state.key);
      state.missed = 0;
      state.value = sample.value;
      state.annotations = rule.annotations(own, sample.value);
      state.reason = '';
      if (rule.breaches(sample.value)) this.breach(t, state, 'Alerting', onChange);
      else this.recover(t, state, onChange);
    }
    for (const state of this.states.values()) {
      if (found.has(state.key)) continue;
      if (!Number.isNaN(state.resolvedAt)) {
        if (t - state.resolvedAt > resolvedRetentionMicros) this.states.delete(state.key);
        continue;
      }
      state.missed += 1;
      // What was told of a failed or empty answer is over as soon as there is an answer.
      const isOver =
        state.reason === 'NoData' || state.reason === 'Error' || state.missed >= rule.missingEvaluations;
      if (!isOver) continue;
      if (state.reason === '') state.reason = 'MissingSeries';
      this.resolve(t, state, onChange);
    }
  }

  private of(labels: Labels, t: number): GrafanaState {
    const key = labelKey(labels);
    let state = this.states.get(key);
    if (state === undefined) {
      state = {
        labels,
        key,
        annotations: {},
        value: Number.NaN,
        state: 'Normal',
        awaits: 'Alerting',
        reason: '',
        startsAt: t,
        recoveringSince: Number.NaN,
        missed: 0,
        lastSentAt: Number.NEGATIVE_INFINITY,
        resolvedAt: Number.NaN,
      };
      this.states.set(key, state);
    }
    return state;
  }

  /** Every known state, or one of its own, takes what the rule says for an empty or failed answer. */
  private handle(
    t: number,
    handling: 'Alerting' | 'OK' | 'NoData' | 'Error',
    reason: 'NoData' | 'Error',
    onChange: (change: GrafanaChange, state: GrafanaState) => void,
  ): void {
    const { rule } = this;
    if (handling === 'NoData' || handling === 'Error') {
      const own = { ...rule.labels({}, Number.NaN), alertname: `Datasource${handling}`, rulename: rule.name };
      const state = this.of(own, t);
      state.reason = reason;
      this.breach(t, state, handling, onChange);
      // The rule's own series are not there: they miss this evaluation.
      for (const other of this.states.values()) {
        if (other === state || !Number.isNaN(other.resolvedAt)) continue;
        other.missed += 1;
        if (other.missed < rule.missingEvaluations) continue;
        other.reason = 'MissingSeries';
        this.resolve(t, other, onChange);
      }
      return;
    }
    if (handling === 'Alerting' && this.states.size === 0)
      this.of({ ...rule.labels({}, Number.NaN), alertname: rule.name }, t);
    for (const state of this.states.values()) {
      state.reason = reason;
      if (handling === 'Alerting') this.breach(t, state, 'Alerting', onChange);
      else this.recover(t, state, onChange);
    }
  }

  private breach(
    t: number,
    state: GrafanaState,
    awaits: 'Alerting' | 'NoData' | 'Error',
    onChange: (change: GrafanaChange, state: GrafanaState) => void,
  ): void {
    const { rule } = this;
    state.recoveringSince = Number.NaN;
    state.resolvedAt = Number.NaN;
    state.awaits = awaits;
    if (isFiringState(state.state)) {
      state.state = awaits;
      return;
    }
    if (state.state !== 'Pending') {
      state.startsAt = t;
      state.state = 'Pending';
      onChange('pending', state);
    }
    if (t - state.startsAt < rule.forMicros) return;
    state.state = awaits;
    state.startsAt = t;
    onChange('firing', state);
  }

  private recover(
    t: number,
    state: GrafanaState,
    onChange: (change: GrafanaChange, state: GrafanaState) => void,
  ): void {
    const { keepFiringForMicros } = this.rule;
    if (state.state === 'Pending') {
      state.state = 'Normal';
      onChange('lost', state);
      return;
    }
    if (!isFiringState(state.state)) return;
    if (keepFiringForMicros > 0) {
      if (Number.isNaN(state.recoveringSince)) state.recoveringSince = t;
      if (t - state.recoveringSince < keepFiringForMicros) {
        state.state = 'Recovering';
        return;
      }
    }
    this.resolve(t, state, onChange);
  }

  private resolve(
    t: number,
    state: GrafanaState,
    onChange: (change: GrafanaChange, state: GrafanaState) => void,
  ): void {
    if (state.state === 'Pending') onChange('lost', state);
    if (!isFiringState(state.state)) {
      this.states.delete(state.key);
      return;
    }
    state.state = 'Normal';
    state.resolvedAt = t;
    state.recoveringSince = Number.NaN;
    onChange('resolved', state);
  }

  /** What the alert manager is told now, with the end that it is given. */
  toSend(
    t: number,
    intervalMicros: number,
  ): readonly { readonly state: GrafanaState; readonly endsAt: number }[] {
    const due: { state: GrafanaState; endsAt: number }[] = [];
    for (const state of this.states.values()) {
      const isResolved = !Number.isNaN(state.resolvedAt);
      if (!isResolved && !isFiringState(state.state)) continue;
      const isNews = isResolved && state.resolvedAt > state.lastSentAt;
      if (!isNews && state.lastSentAt + resendDelayMicros > t) continue;
      state.lastSentAt = t;
      due.push({
        state,
        endsAt: isResolved ? state.resolvedAt : t + 4 * Math.max(intervalMicros, resendDelayMicros),
      });
    }
    return due;
  }
}
