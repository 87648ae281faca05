import type { Gauge } from '../../engine/gauge.ts';
import { type ProcessBody, sleep } from '../../engine/process.ts';
import type { Simulation } from '../../engine/simulation.ts';

/** Source of keys and defaults: Cruise Control 2.5 `AnomalyDetectorConfig`, `SelfHealingNotifier`. */
export interface DetectorSettings {
  /** `anomaly.detection.interval.ms`. */
  readonly intervalMicros: number;
  /** `anomaly.detection.goals`, in the order of their priority. */
  readonly goals: readonly string[];
  /** `broker.failure.detection.backoff.ms`: how often the brokers are looked at, and tried again when an execution is under way. */
  readonly backoffMicros: number;
  /** `broker.failure.alert.threshold.ms`, since the failure was found. */
  readonly alertMicros: number;
  /** `broker.failure.self.healing.threshold.ms`, since the failure was found. */
  readonly healMicros: number;
  /** `fixable.failed.broker.count.threshold`. */
  readonly fixableBrokers: number;
  /** `fixable.failed.broker.percentage.threshold`, a share. */
  readonly fixableShare: number;
}

/** What was found out about the goals that are watched. */
export interface GoalCheck {
  /** Violated goals that moves would satisfy, and those that none would. */
  readonly fixable: readonly string[];
  readonly unfixable: readonly string[];
  /** 0 to 100. */
  readonly balancedness: number;
}

export interface DetectorPort {
  /** Brokers that hold replicas and stand in no metadata. */
  readonly failedBrokers: () => readonly number[];
  readonly brokerCount: () => number;
  readonly hasOfflineReplicas: () => boolean;
  readonly isExecuting: () => boolean;
  readonly checkGoals: (goals: readonly string[]) => GoalCheck;
  /** Moves everything off these brokers. @returns why that is not begun */
  readonly removeBrokers: (brokers: readonly number[]) => string | undefined;
  readonly rebalance: () => string | undefined;
}

/**
 * Looks for failed brokers and violated goals, and mends them.
 *
 * A failed broker is found by the next look at the metadata. Its age counts from then: after 15 minutes there is an alert, after 30 the broker
 * is removed, if few enough have failed. Source: Cruise Control 2.5 `KafkaBrokerFailureDetector`, `GoalViolationDetector`,
 * `AnomalyDetectorManager`, `SelfHealingNotifier`.
 *
 * Simplified: of the detectors only these two, as no disk, metric or topic anomaly is looked for; when they look is drawn once for the run,
 * since Cruise Control has started at a time of its own.
 */
export class AnomalyDetector {
  private readonly sim: Simulation;
  private readonly settings: DetectorSettings;
  private readonly port: DetectorPort;
  private readonly foundAt = new Map<number, number>();
  private readonly score: Gauge;
  private readonly unfixable: Gauge;
  private readonly fixes: Gauge;

  constructor(sim: Simulation, settings: DetectorSettings, port: DetectorPort) {
    this.sim = sim;
    this.settings = settings;
    this.port = port;
    const jmx = 'kafka_cruisecontrol_anomalydetector';
    this.score = sim.gauge(`${jmx}_balancedness_score_value`, 1);
    this.unfixable = sim.gauge(`${jmx}_has_unfixable_goals_value`, 1);
    this.fixes = sim.gauge('rehearse:cruise_control_fixes_total', anomalyTypes.length);
    this.score.set(0, 100);
    const phase = (purpose: string, micros: number) =>
      Math.floor(sim.stream('cruiseControl', purpose)() * micros);
    sim.spawn(
      'cruise control broker failures',
      this.brokerFailures(phase('brokerFailures', settings.backoffMicros)),
    );
    sim.spawn(
      'cruise control goal violations',
      this.goalViolations(phase('goalViolations', settings.intervalMicros)),
    );
  }

  private brokerFailures(firstLook: number): ProcessBody {
    const { sim, settings } = this;
    const detector = this;
    return function* () {
      let look = sim.now + firstLook;
      let check = Number.POSITIVE_INFINITY;
      for (;;) {
        yield sleep(Math.min(look, check) - sim.now);
        const isLook = sim.now >= look;
        if (isLook) look += settings.backoffMicros;
        const failed = detector.lookAtBrokers(isLook);
        check = failed.length === 0 ? Number.POSITIVE_INFINITY : detector.handleFailure(failed);
      }
    };
  }

  /** Failed brokers that are known; only a look at the metadata finds new ones. */
  private lookAtBrokers(isLook: boolean): readonly number[] {
    const { foundAt } = this;
    const failed = this.port.failedBrokers();
    for (const b of [...foundAt.keys()]) if (!failed.includes(b)) foundAt.delete(b);
    if (isLook) {
      for (const b of failed) {
        if (foundAt.has(b)) continue;
        foundAt.set(b, this.sim.now);
        this.sim.tell('cruiseControl.brokerFailure', `broker-${b}`, 'is found to have failed');
      }
    }
    return [...foundAt.keys()];
  }

  /** @returns when to look at it again before the next look, microseconds */
  private handleFailure(failed: readonly number[]): number {
    const { sim, settings, port } = this;
    const earliest = Math.min(...this.foundAt.values());
    const [alertAt, healAt] = [earliest + settings.alertMicros, earliest + settings.healMicros];
    if (sim.now < alertAt) return alertAt;
    const names = failed.map((b) => `broker-${b}`).join(', ');
    if (sim.now < healAt) {
      sim.tell(
        'cruiseControl.alert',
        names,
        `self-healing is due in ${Math.round((healAt - sim.now) / 60e6)} min`,
      );
      return healAt;
    }
    const tooMany =
      failed.length > settings.fixableBrokers || failed.length > settings.fixableShare * port.brokerCount();
    if (tooMany) {
      sim.tell('cruiseControl.alert', names, 'too many brokers have failed to be removed');
      return Number.POSITIVE_INFINITY;
    }
    if (port.isExecuting()) return sim.now + settings.backoffMicros;
    this.fix(0, names, port.removeBrokers(failed));
    return Number.POSITIVE_INFINITY;
  }

  private goalViolations(firstLook: number): ProcessBody {
    const { settings, port } = this;
    const detector = this;
    return function* () {
      yield sleep(firstLook);
      for (;;) {
        if (port.hasOfflineReplicas()) detector.score.set(0, -1);
        else if (!port.isExecuting()) detector.lookAtGoals();
        yield sleep(settings.intervalMicros);
      }
    };
  }

  private lookAtGoals(): void {
    const { settings, port } = this;
    const { fixable, unfixable, balancedness } = port.checkGoals(settings.goals);
    this.score.set(0, balancedness);
    this.unfixable.set(0, unfixable.length > 0 ? 1 : 0);
    if (unfixable.length > 0)
      this.sim.tell('cruiseControl.alert', unfixable.join(', '), 'cannot be satisfied by moving replicas');
    if (fixable.length > 0) this.fix(1, fixable.join(', '), port.rebalance());
  }

  private fix(type: number, subject: string, refusal: string | undefined): void {
    if (refusal !== undefined) {
      this.sim.tell('cruiseControl.fixNotStarted', subject, refusal);
      return;
    }
    this.fixes.add(type, 1);
    this.sim.tell('cruiseControl.selfHealing', subject, anomalyTypes[type]);
  }
}

/** Source: Cruise Control 2.5 `KafkaAnomalyType`. */
export const anomalyTypes = ['BROKER_FAILURE', 'GOAL_VIOLATION'] as const;
