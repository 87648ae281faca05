import type { Distribution } from '../../engine/distributions.ts';
import { type Gauge, gone } from '../../engine/gauge.ts';
import { eventClass, type Kind, type Simulation } from '../../engine/simulation.ts';

/** What an alert can do that is of use to somebody who answers it. */
export const newsKinds = [
  'pending',
  'lost',
  'firing',
  'resolved',
  'notified',
  'delivered',
  'acknowledged',
] as const;
export type AlertNewsKind = (typeof newsKinds)[number];

/** One thing that happened to one alert. */
export interface IncidentNews {
  /** The alert among those of its name: the same text for the same labels. */
  readonly key: string;
  /** Who acknowledged; empty elsewhere. */
  readonly person: string;
}

/** Where news of alerts comes from. */
export interface AlertPort {
  /** @param answer row of the answer whose alerts are meant */
  listen(kind: AlertNewsKind, answer: number, listener: (news: IncidentNews) => void): void;
}

/** What somebody does about an alert. */
export interface Answer {
  readonly name: string;
  readonly alert: string;
  /** The news that starts it. */
  readonly of: 'firing' | 'notified' | 'delivered' | 'acknowledged';
  /** Only what this person acknowledges; undefined: whoever. */
  readonly person: string | undefined;
  /** Microseconds from the news to the first step; undefined: none. */
  readonly after: Distribution | undefined;
  /** Whether the alert is looked at before each step, and nothing more is done where it fires no more. */
  readonly whileFiring: boolean;
  readonly once: boolean;
  /** Microseconds from the last step until news start it again. */
  readonly coolDownMicros: number;
  /** Microseconds before each step; undefined: none. */
  readonly steps: readonly { readonly after: Distribution | undefined; readonly says: string }[];
}

/** How long each stage of an incident took, from its beginning. */
export const stages = ['detect', 'notify', 'deliver', 'acknowledge', 'mitigate', 'recover'] as const;
export type Stage = (typeof stages)[number];

interface Incident {
  /** Alerts that are active, by key; whether each fires. */
  readonly active: Map<string, boolean>;
  beganAt: number;
  hasFired: boolean;
  isOver: boolean;
}

/**
 * People, or automation, that answer alerts: on news of an alert a list of ordinary actions is played, each after its delay. Between the message
 * and the acknowledgement stand the channels of the monitoring; what is here begins with the news that an answer waits for.
 *
 * An incident begins when the first alert of an answer becomes pending, is detected when one fires, and has recovered when none is active. It is so
 * counted from the evaluation that found it: what a scrape and an evaluation take before is not in it. Mitigated: the last step of the first answer in it.
 * Terms as in B. Beyer et al. (ed.), "The Site Reliability Workbook" (2018), ch. 9.
 *
 * Simplified: one answer is followed by one person at a time, who does nothing else meanwhile; a step never fails and takes no time of its own.
 */
export class Responder {
  readonly answers: readonly Answer[];
  private readonly sim: Simulation;
  private readonly act: (answer: number, step: number, name: string) => void;
  private readonly gauges: ReadonlyMap<Stage, Gauge>;
  private readonly begun: Gauge;
  private readonly acted: Gauge;
  /** By answer. */
  private readonly incidents: Incident[];
  private readonly isBusy: boolean[];
  private readonly times: number[];
  private readonly lastAt: number[];
  private readonly stepKind: Kind | undefined;

  /** @param act plays a step; the name tells one round of an answer from another */
  constructor(
    sim: Simulation,
    answers: readonly Answer[],
    port: AlertPort | undefined,
    act: (answer: number, step: number, name: string) => void,
  ) {
    this.sim = sim;
    this.answers = answers;
    this.act = act;
    this.gauges = new Map(
      stages.map((s) => [s, sim.gauge(`rehearse:incident_${s}_seconds`, answers.length)]),
    );
    this.begun = sim.gauge('rehearse:incidents_total', answers.length);
    this.acted = sim.gauge('rehearse:incident_actions_total', answers.length);
    this.incidents = answers.map(() => none());
    this.isBusy = answers.map(() => false);
    this.times = answers.map(() => 0);
    this.lastAt = answers.map(() => Number.NEGATIVE_INFINITY);
    if (port === undefined || answers.length === 0) return;
    this.stepKind = sim.on('responder.step', (answer, step) => this.onStep(answer, step), eventClass.timer);
    for (const row of answers.keys()) {
      this.clear(row);
      for (const kind of newsKinds) port.listen(kind, row, (news) => this.onNews(kind, row, news));
    }
  }

  private onNews(kind: AlertNewsKind, row: number, { key, person }: IncidentNews): void {
    let incident = this.incidents[row]!;
    if (kind === 'pending' || kind === 'firing') {
      if (incident.isOver) {
        incident = { active: new Map(), beganAt: this.sim.now, hasFired: false, isOver: false };
        this.incidents[row] = incident;
      }
      incident.active.set(key, kind === 'firing');
    }
    if (kind === 'firing' && !incident.hasFired) {
      incident.hasFired = true;
      this.clear(row);
      this.begun.add(row, 1);
      this.reach(row, 'detect');
    } else if (kind === 'lost' || kind === 'resolved') {
      incident.active.delete(key);
      if (incident.active.size === 0 && !incident.isOver) {
        incident.isOver = true;
        if (incident.hasFired) this.reach(row, 'recover');
      }
    } else if (kind === 'notified') this.reach(row, 'notify');
    else if (kind === 'delivered') this.reach(row, 'deliver');
    else if (kind === 'acknowledged') this.reach(row, 'acknowledge');
    const answer = this.answers[row]!;
    if (kind === answer.of && (answer.person === undefined || answer.person === person))
      this.begin(row, person);
  }

  /** Notes when a stage was reached first in the latest incident that fired. */
  private reach(row: number, stage: Stage): void {
    const { hasFired, beganAt } = this.incidents[row]!;
    const gauge = this.gauges.get(stage)!;
    if (hasFired && gauge.get(row) === gone) gauge.set(row, (this.sim.now - beganAt) / 1e6);
  }

  private clear(row: number): void {
    for (const gauge of this.gauges.values()) gauge.set(row, gone);
  }

  private begin(row: number, person: string): void {
    const { name, alert, once, coolDownMicros, after } = this.answers[row]!;
    if (this.isBusy[row]! || (once && this.times[row]! > 0)) return;
    // Several alerts of one message are news of one instant: they are answered together.
    const since = this.sim.now - this.lastAt[row]!;
    if (since === 0 || since < coolDownMicros) return;
    this.isBusy[row] = true;
    this.times[row]! += 1;
    this.sim.tell('responder.begins', name, person === '' ? alert : `${alert}, by ${person}`);
    const delay = this.delay(row, 'after', after);
    this.sim.after(
      delay + this.delay(row, 'step0', this.answers[row]!.steps[0]!.after),
      this.stepKind!,
      row,
      0,
    );
  }

  private onStep(row: number, step: number): void {
    const { name, whileFiring, steps } = this.answers[row]!;
    if (whileFiring && ![...this.incidents[row]!.active.values()].includes(true)) {
      this.sim.tell('responder.standsDown', name, steps[step]!.says);
      this.end(row);
      return;
    }
    this.sim.tell('responder.acts', name, steps[step]!.says);
    this.acted.add(row, 1);
    if (step + 1 === steps.length) {
      this.reach(row, 'mitigate');
      this.end(row);
    } else
      this.sim.after(
        this.delay(row, `step${step + 1}`, steps[step + 1]!.after),
        this.stepKind!,
        row,
        step + 1,
      );
    this.act(row, step, this.times[row]! === 1 ? name : `${name} (${this.times[row]})`);
  }

  private end(row: number): void {
    this.isBusy[row] = false;
    this.lastAt[row] = this.sim.now;
  }

  private delay(row: number, purpose: string, of: Distribution | undefined): number {
    if (of === undefined) return 0;
    const u = of.draws ? this.sim.stream(`responder/${this.answers[row]!.name}`, purpose)() : 0.5;
    return Math.max(0, Math.round(of.sample(u)));
  }
}

function none(): Incident {
  return { active: new Map(), beganAt: 0, hasFired: false, isOver: true };
}
