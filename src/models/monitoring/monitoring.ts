import { type Gauge, gone } from '../../engine/gauge.ts';
import type { Simulation } from '../../engine/simulation.ts';
import {
  Alertmanager,
  type AlertmanagerSettings,
  type Notification,
  type PostedAlert,
} from './alertmanager.ts';
import type { RuleSample } from './alertState.ts';
import type { Channel } from './channels.ts';
import { Channels } from './channels.ts';
import { MonitoringClock } from './clock.ts';
import { GrafanaEvaluator, type GrafanaGroup } from './grafanaGroup.ts';
import type { GrafanaChange, GrafanaState } from './grafanaState.ts';
import { byText, type LabelMatcher, type Labels, labelText, matchesAll } from './labels.ts';
import type { AlertNews, NewsKind, NewsListener } from './news.ts';
import { type AlertsOutcome, outcomeOf, type RuleOutcome } from './outcome.ts';
import { type RuleError, RuleEvaluator, type RuleGroup } from './ruleGroup.ts';
import { WrittenSeries } from './written.ts';

export interface MonitoringSettings {
  readonly groups: readonly RuleGroup[];
  /** `--rules.alert.resend-delay`: 1 min. */
  readonly resendDelayMicros: number;
  readonly alertmanager: AlertmanagerSettings;
  readonly grafana: readonly GrafanaGroup[];
  readonly channels: readonly Channel[];
  /** Unix seconds of a moment. */
  readonly unixSeconds: (t: number) => number;
  /** An expression as a rule would evaluate it now; absent where nobody may ask. */
  readonly ask?: (text: string) => readonly RuleSample[];
  /** All rules, also those that cannot be evaluated. */
  readonly rules?: readonly Omit<RuleOutcome, 'fired'>[];
  /** When the change begins that silences would be for. */
  readonly changeAt?: number | undefined;
}

/** One message that was sent, for a report. */
export interface SentMessage {
  readonly at: number;
  readonly receiver: string;
  readonly kind: string;
  readonly firing: readonly Labels[];
  readonly resolved: readonly Labels[];
}

/** One time that an alert was active. */
export interface AlertSpell {
  readonly alert: string;
  readonly labels: Labels;
  readonly activeAt: number;
  /** NaN where it never fired. */
  firedAt: number;
  /** NaN while it is active. */
  endedAt: number;
}

/** Whose news is wanted: an alert by name, and by labels where some are given. */
export interface AlertSelection {
  readonly alert: string;
  readonly matchers?: readonly LabelMatcher[];
}

/**
 * The monitoring of a platform: groups of rules, an Alertmanager, Grafana-managed rules with the one built into Grafana, and the channels in which
 * people are told. It only watches, unless somebody waits for an alert: then it is part of the model.
 */
export class Monitoring {
  readonly settings: MonitoringSettings;
  readonly evaluators: readonly RuleEvaluator[];
  readonly grafana: readonly GrafanaEvaluator[];
  readonly alertNames: readonly string[];
  readonly receivers: readonly string[];
  readonly messages: SentMessage[] = [];
  readonly spells: AlertSpell[] = [];
  private readonly sim: Simulation;
  private readonly clock: MonitoringClock;
  private readonly written = new Map<string, WrittenSeries>();
  private readonly listeners: {
    readonly kind: NewsKind;
    readonly of: AlertSelection;
    readonly listener: NewsListener;
  }[] = [];
  private readonly firingNow: Gauge;
  private readonly firingSeconds: Gauge;
  private readonly firedAt: Gauge;
  private readonly notifications: Gauge;
  private readonly firing: number[];
  private readonly open = new Map<string, AlertSpell>();
  private readonly channels: Channels;

  constructor(sim: Simulation, settings: MonitoringSettings) {
    this.sim = sim;
    this.settings = settings;
    this.clock = new MonitoringClock(sim);
    for (const name of ['ALERTS', 'ALERTS_FOR_STATE', ...recordedNames(settings.groups)])
      this.written.set(name, new WrittenSeries(sim, name));
    const ruleNames = settings.groups.flatMap((g) =>
      g.rules.flatMap((r) => (r.kind === 'alert' ? [r.name] : [])),
    );
    this.alertNames = [
      ...new Set([...ruleNames, ...settings.grafana.flatMap((g) => g.rules.map((r) => r.name))]),
    ];
    this.firing = this.alertNames.map(() => 0);
    this.firingNow = sim.gauge('rehearse:alerts_firing', this.alertNames.length);
    this.firingSeconds = sim.gauge('rehearse:alert_firing_seconds', this.alertNames.length, { linear: true });
    this.firedAt = sim.gauge('rehearse:alert_fired_at_seconds', this.alertNames.length);
    for (let row = 0; row < this.alertNames.length; row += 1) this.firedAt.set(row, gone);
    const isUsed = settings.groups.length + settings.grafana.length > 0;
    this.receivers = isUsed ? settings.alertmanager.receivers.map((r) => r.name) : [];
    this.notifications = sim.gauge('rehearse:notifications_total', this.receivers.length);
    this.channels = new Channels(sim, this.clock, settings.channels, (news) => this.publish(news));
    const alertmanager = this.manager(settings.alertmanager);
    this.evaluators = settings.groups.map(
      (group) =>
        new RuleEvaluator(sim, this.clock, group, settings.resendDelayMicros, {
          written: (name) => this.series(name),
          onChange: (change, alert) => this.onChange(change, alert, alert.firedAt),
          send: (alerts) => alertmanager.post(alerts),
          unixSeconds: settings.unixSeconds,
        }),
    );
    const embedded =
      settings.grafana.length === 0 ? undefined : this.manager({ ...settings.alertmanager, name: 'grafana' });
    this.grafana = settings.grafana.map(
      (group) =>
        new GrafanaEvaluator(
          sim,
          this.clock,
          group,
          (change, state) => this.onGrafanaChange(change, state),
          (alerts) => embedded!.post(alerts),
        ),
    );
    const begin = this.clock.on('monitoring.started', () => {
      this.clock.start();
      for (const evaluator of [...this.evaluators, ...this.grafana]) evaluator.start();
    });
    // At the end of the first instant: whoever waits for an alert has said so by then.
    if (isUsed) begin.at(0);
  }

  private manager(settings: AlertmanagerSettings): Alertmanager {
    return new Alertmanager(this.sim, this.clock, settings, (notification) =>
      this.onNotification(notification),
    );
  }

  /** Whether somebody acts on an alert, so that the monitoring is part of the model. */
  get isPlayed(): boolean {
    return this.clock.isPlayed;
  }

  /** What a recording rule, `ALERTS` or `ALERTS_FOR_STATE` writes. */
  series(name: string): WrittenSeries {
    return this.written.get(name)!;
  }

  isWritten(name: string): boolean {
    return this.written.has(name);
  }

  /** Evaluations that failed, by rule and reason. */
  errors(): readonly RuleError[] {
    return this.evaluators.flatMap((e) => [...e.errors.values()]);
  }

  /** What the rules said until now; undefined where there is none. */
  outcome(): AlertsOutcome | undefined {
    const { rules = [], changeAt } = this.settings;
    return rules.length === 0 ? undefined : outcomeOf(this, rules, changeAt, this.sim.now);
  }

  /** What an expression gives now, to a rule. */
  ask(text: string): readonly RuleSample[] {
    return this.settings.ask?.(text) ?? [];
  }

  // Who waits.

  /** The alert begins to fire. From now on the monitoring is part of the model. */
  onFiring(of: AlertSelection, listener: NewsListener): void {
    this.listen('firing', of, listener);
  }

  /** The first message about the alert arrives in a channel. */
  onDelivered(of: AlertSelection, listener: NewsListener): void {
    this.listen('delivered', of, listener);
  }

  /** A person acknowledges the alert. */
  onAcknowledged(of: AlertSelection, listener: NewsListener): void {
    this.listen('acknowledged', of, listener);
  }

  /** From now on the monitoring is part of the model. */
  play(): void {
    this.clock.play();
  }

  /** Any news of an alert. */
  listen(kind: NewsKind, of: AlertSelection, listener: NewsListener): void {
    this.play();
    this.listeners.push({ kind, of, listener });
  }

  // What happens.

  private publish(news: AlertNews): void {
    for (const { kind, of, listener } of this.listeners) {
      if (kind !== news.kind || of.alert !== news.alert || !matchesAll(news.labels, of.matchers ?? []))
        continue;
      listener(news);
    }
  }

  private onChange(
    kind: 'pending' | 'lost' | 'firing' | 'resolved',
    { labels, annotations }: { readonly labels: Labels; readonly annotations: Labels },
    firedAt: number,
  ): void {
    const { now } = this.sim;
    const alert = labels.alertname ?? '';
    const key = labelText(labels);
    const spell = this.open.get(key);
    if (kind === 'pending') {
      const made = { alert, labels, activeAt: now, firedAt: Number.NaN, endedAt: Number.NaN };
      this.open.set(key, made);
      this.spells.push(made);
    } else if (kind === 'firing') {
      if (spell !== undefined) spell.firedAt = now;
      this.count(alert, 1);
    } else if (spell !== undefined) {
      spell.endedAt = now;
      this.open.delete(key);
      if (kind === 'resolved') this.count(alert, -1);
    }
    const subject = alert + labelText(without(labels, 'alertname'));
    const says = annotations.summary ?? annotations.description ?? annotations.message ?? '';
    if (kind !== 'lost') this.sim.tell(`monitoring.${kind}`, subject, says === '' ? '' : `: ${says}`);
    this.publish({ kind, at: now, alert, labels, firingSince: firedAt, channel: '', person: '' });
  }

  private onGrafanaChange(change: GrafanaChange, state: GrafanaState): void {
    this.onChange(change, state, change === 'firing' ? state.startsAt : Number.NaN);
  }

  private count(alert: string, by: number): void {
    const row = this.alertNames.indexOf(alert);
    if (row < 0) return;
    this.firing[row]! += by;
    this.firingNow.set(row, this.firing[row]!);
    if (by > 0 && this.firedAt.get(row) === gone) this.firedAt.set(row, this.sim.now / 1e6);
    this.firingSeconds.set(row, this.firingSeconds.get(row), this.firing[row]! > 0 ? 1 : 0);
  }

  private onNotification(notification: Notification): void {
    const { at, receiver, integration, firing, resolved } = notification;
    this.messages.push({
      at,
      receiver,
      kind: integration.kind,
      firing: firing.map((a) => a.labels),
      resolved: resolved.map((a) => a.labels),
    });
    this.notifications.add(this.receivers.indexOf(receiver), 1);
    this.sim.tell('monitoring.notified', `${receiver} (${integration.kind})`, summaryOf(firing, resolved));
    for (const alert of firing) {
      this.publish({
        kind: 'notified',
        at,
        alert: alert.labels.alertname ?? '',
        labels: alert.labels,
        firingSince: alert.startsAt,
        channel: receiver,
        person: '',
      });
    }
    this.channels.take(notification);
  }
}

function recordedNames(groups: readonly RuleGroup[]): readonly string[] {
  return [...new Set(groups.flatMap((g) => g.rules.flatMap((r) => (r.kind === 'record' ? [r.name] : []))))];
}

/** `2 firing: High; 1 resolved: Low`. */
function summaryOf(firing: readonly PostedAlert[], resolved: readonly PostedAlert[]): string {
  const count = (alerts: readonly PostedAlert[], says: string) => {
    const names = [...new Set(alerts.map((a) => a.labels.alertname ?? ''))].sort(byText).join(', ');
    return alerts.length === 0 ? [] : [`${alerts.length} ${says}: ${names}`];
  };
  return [...count(firing, 'firing'), ...count(resolved, 'resolved')].join('; ');
}

function without(labels: Labels, name: string): Labels {
  const { [name]: _, ...rest } = labels;
  return rest;
}
