import type { Simulation } from '../../engine/simulation.ts';
import type { PostedAlert } from './alertmanager.ts';
import {
  type ActiveAlert,
  type AlertChange,
  type AlertRule,
  AlertState,
  type RuleSample,
} from './alertState.ts';
import type { MonitoringClock, Timer } from './clock.ts';
import type { Labels } from './labels.ts';
import { SampleClock } from './sampleClock.ts';
import type { WrittenSeries } from './written.ts';

/** An expression over what the scraper saw; `t` never goes back. @throws Error where the expression has no value, such as many-to-many matching */
export interface RuleQuery {
  at(t: number): readonly RuleSample[];
}

export interface RecordingRule {
  readonly kind: 'record';
  readonly name: string;
  readonly query: RuleQuery;
  readonly labels: Labels;
}

export interface AlertingRule extends AlertRule {
  readonly kind: 'alert';
  readonly query: RuleQuery;
}

export interface RuleGroup {
  readonly name: string;
  readonly intervalMicros: number;
  /** The first slot, microseconds; then each `intervalMicros`. */
  readonly offsetMicros: number;
  /** How far back from its slot a group looks. */
  readonly queryOffsetMicros: number;
  /** Most alerts, or series, that a rule may give; 0 for any number. */
  readonly limit: number;
  readonly rules: readonly (RecordingRule | AlertingRule)[];
}

/** An evaluation that failed. */
export interface RuleError {
  readonly group: string;
  readonly rule: string;
  readonly says: string;
  readonly first: number;
  count: number;
}

/** What a group of rules writes and whom it tells. */
export interface RulePort {
  /** The series that a recording rule, or `ALERTS` and `ALERTS_FOR_STATE`, are written to. */
  readonly written: (name: string) => WrittenSeries;
  readonly onChange: (change: AlertChange, alert: ActiveAlert, rule: AlertingRule) => void;
  readonly send: (alerts: readonly PostedAlert[]) => void;
  /** Unix seconds of a moment, as `ALERTS_FOR_STATE` has them. */
  readonly unixSeconds: (t: number) => number;
}

/**
 * Evaluates a group's rules at its slots, in order, so that a rule sees what those before it wrote. An evaluation takes no time here, so no slot is ever
 * missed; a failed one changes no alert. What failed goes on showing its last series, which in the real server ends after the lookback.
 *
 * Source: Prometheus 3, rules/group.go `run`, `EvalTimestamp`, `Eval`; rules/manager.go `SendAlerts`.
 */
export class RuleEvaluator {
  readonly group: RuleGroup;
  readonly states: readonly (AlertState | undefined)[];
  readonly errors = new Map<string, RuleError>();
  private readonly sim: Simulation;
  private readonly port: RulePort;
  private readonly resendDelayMicros: number;
  private readonly slot: Timer;
  private readonly clock: SampleClock;
  /** By rule: rows that it wrote at its last evaluation. */
  private readonly rows: number[][];
  /** By rule: what the expression last gave; the same list again means that nothing changed. */
  private readonly last: (readonly RuleSample[] | undefined)[];
  private readonly alertRows = new Map<ActiveAlert, { state: number; forState: number }>();

  constructor(
    sim: Simulation,
    clock: MonitoringClock,
    group: RuleGroup,
    resendDelayMicros: number,
    port: RulePort,
  ) {
    this.sim = sim;
    this.group = group;
    this.port = port;
    this.resendDelayMicros = resendDelayMicros;
    this.states = group.rules.map((rule) => (rule.kind === 'alert' ? new AlertState(rule) : undefined));
    this.rows = group.rules.map(() => []);
    this.last = group.rules.map(() => undefined);
    const { intervalMicros, offsetMicros, queryOffsetMicros } = group;
    this.clock = new SampleClock(intervalMicros, offsetMicros, { lagMicros: queryOffsetMicros });
    this.slot = clock.on('monitoring.evaluation', () => this.onSlot());
  }

  start(): void {
    this.slot.at(this.group.offsetMicros);
  }

  private onSlot(): void {
    const t = this.sim.now;
    for (const [place, rule] of this.group.rules.entries()) {
      try {
        const samples = rule.query.at(t - this.group.queryOffsetMicros);
        if (rule.kind === 'record') this.record(rule, place, samples);
        else this.alert(rule, place, samples, t);
        this.last[place] = samples;
      } catch (error) {
        if (!(error instanceof Error) || error.name === 'BrokenInvariant' || error instanceof TypeError)
          throw error;
        this.last[place] = undefined;
        this.fail(rule.name, error.message);
      }
    }
    this.slot.at(t + this.group.intervalMicros);
  }

  private fail(rule: string, says: string): void {
    const key = `${rule}\u0000${says}`;
    const known = this.errors.get(key);
    if (known !== undefined) known.count += 1;
    else this.errors.set(key, { group: this.group.name, rule, says, first: this.sim.now, count: 1 });
  }

  private record(rule: RecordingRule, place: number, samples: readonly RuleSample[]): void {
    if (this.last[place] === samples) return;
    const { limit } = this.group;
    const written = this.port.written(rule.name);
    const seen = new Map<number, number>();
    for (const sample of samples) {
      const { __name__: _, ...own } = sample.labels;
      const row = written.row(withoutEmpty({ ...own, ...rule.labels }), this.clock);
      if (seen.has(row))
        throw new RangeError('vector contains metrics with the same labelset after applying rule labels');
      seen.set(row, sample.value);
    }
    if (limit > 0 && seen.size > limit)
      throw new RangeError(`exceeded limit of ${limit} with ${seen.size} series`);
    for (const [row, value] of seen) written.set(row, value);
    for (const row of this.rows[place]!) if (!seen.has(row)) written.end(row);
    this.rows[place] = [...seen.keys()];
  }

  private alert(rule: AlertingRule, place: number, samples: readonly RuleSample[], t: number): void {
    const state = this.states[place]!;
    if (samples.length === 0 && state.isIdle) return;
    state.evaluate(t, samples, this.group.limit, (change, alert) => {
      this.write(change, alert);
      this.port.onChange(change, alert, rule);
    });
    const due = state.toSend(t, this.group.intervalMicros, this.resendDelayMicros);
    if (due.length === 0) return;
    this.port.send(
      due.map((alert) => ({
        labels: alert.labels,
        annotations: alert.annotations,
        startsAt: alert.firedAt,
        endsAt: alert.state === 'inactive' ? alert.resolvedAt : alert.validUntil,
      })),
    );
  }

  /** `ALERTS` is 1 in the alert's state; `ALERTS_FOR_STATE` is when it became active. */
  private write(change: AlertChange, alert: ActiveAlert): void {
    const state = this.port.written('ALERTS');
    const forState = this.port.written('ALERTS_FOR_STATE');
    const known = this.alertRows.get(alert);
    if (known !== undefined) state.end(known.state);
    if (change === 'lost' || change === 'resolved') {
      if (known !== undefined) forState.end(known.forState);
      this.alertRows.delete(alert);
      return;
    }
    const rows = {
      state: state.row({ ...alert.labels, alertstate: change }, this.clock),
      forState: known?.forState ?? forState.row(alert.labels, this.clock),
    };
    this.alertRows.set(alert, rows);
    state.set(rows.state, 1);
    forState.set(rows.forState, Math.floor(this.port.unixSeconds(alert.activeAt)));
  }
}

function withoutEmpty(labels: Labels): Labels {
  const made: Record<string, string> = {};
  for (const name of Object.keys(labels)) if (labels[name] !== '') made[name] = labels[name]!;
  return made;
}
