import type { Simulation } from '../../engine/simulation.ts';
import type { PostedAlert } from './alertmanager.ts';
import type { MonitoringClock, Timer } from './clock.ts';
import {
  type GrafanaAnswer,
  type GrafanaChange,
  type GrafanaRule,
  GrafanaRuleState,
  type GrafanaState,
} from './grafanaState.ts';
import type { RuleQuery } from './ruleGroup.ts';

/** Source: Grafana, `unified_alerting.min_interval`: the base interval, of which every group's interval is a multiple. */
export const grafanaBaseMicros = 10e6;

export interface GrafanaGroup {
  readonly name: string;
  readonly intervalMicros: number;
  /** The first evaluation, microseconds: a multiple of the base interval, below the interval. */
  readonly offsetMicros: number;
  readonly rules: readonly (GrafanaRule & { readonly query: RuleQuery })[];
}

/** Evaluates a group of Grafana-managed rules, one after the other, and tells the alert manager that is built in. */
export class GrafanaEvaluator {
  readonly group: GrafanaGroup;
  readonly states: readonly GrafanaRuleState[];
  private readonly sim: Simulation;
  private readonly slot: Timer;
  private readonly onChange: (change: GrafanaChange, state: GrafanaState, rule: GrafanaRule) => void;
  private readonly send: (alerts: readonly PostedAlert[]) => void;

  constructor(
    sim: Simulation,
    clock: MonitoringClock,
    group: GrafanaGroup,
    onChange: (change: GrafanaChange, state: GrafanaState, rule: GrafanaRule) => void,
    send: (alerts: readonly PostedAlert[]) => void,
  ) {
    this.sim = sim;
    this.group = group;
    this.onChange = onChange;
    this.send = send;
    this.states = group.rules.map((rule) => new GrafanaRuleState(rule));
    this.slot = clock.on('monitoring.grafanaEvaluation', () => this.onSlot());
  }

  start(): void {
    this.slot.at(this.group.offsetMicros);
  }

  private onSlot(): void {
    const { now } = this.sim;
    const { intervalMicros } = this.group;
    for (const [place, rule] of this.group.rules.entries()) {
      const state = this.states[place]!;
      state.evaluate(now, answerOf(rule.query, now), (change, of) => this.onChange(change, of, rule));
      const due = state.toSend(now, intervalMicros);
      if (due.length === 0) continue;
      this.send(
        due.map(({ state: { labels, annotations, startsAt, reason }, endsAt }) => ({
          labels,
          annotations: reason === '' ? annotations : { ...annotations, grafana_state_reason: reason },
          startsAt,
          endsAt,
        })),
      );
    }
    this.slot.at(now + intervalMicros);
  }
}

function answerOf(query: RuleQuery, t: number): GrafanaAnswer {
  try {
    return query.at(t);
  } catch (error) {
    if (error instanceof RangeError) return { failed: error.message };
    throw error;
  }
}
