import type { Distribution } from '../../engine/distributions.ts';
import type { Handle, Simulation } from '../../engine/simulation.ts';
import type { Notification, PostedAlert } from './alertmanager.ts';
import type { MonitoringClock, Timer } from './clock.ts';
import { byText } from './labels.ts';
import type { AlertNews } from './news.ts';

/** One person or rota that is told, and how long it takes to acknowledge. */
export interface EscalationStep {
  readonly who: string;
  /** Microseconds from the delivery of the incident's first message until this step is told. */
  readonly afterMicros: number;
  /** Microseconds from being told to the acknowledgement; undefined where nobody acknowledges. */
  readonly acknowledges: Distribution | undefined;
}

/** Where messages of some receivers arrive. */
export interface Channel {
  readonly name: string;
  readonly receivers: readonly string[];
  /** Kinds of integration that arrive here; empty for all. */
  readonly kinds: readonly string[];
  /** Microseconds from the message to its arrival. */
  readonly delivery: Distribution;
  /** In order of `afterMicros`; empty for a channel that nobody answers in. */
  readonly steps: readonly EscalationStep[];
}

/** One group of alerts in one channel, from the first message until it is resolved. */
interface Incident {
  readonly channel: Channel;
  readonly groupKey: string;
  alerts: readonly PostedAlert[];
  pending: Handle[];
  isAcknowledged: boolean;
  isOpen: boolean;
}

interface Delivery {
  readonly incident: number;
  readonly notification: Notification;
}

/**
 * What becomes of messages: each arrives in its channels after a delay; the first of an incident is told to the channel's first step, and, while
 * nobody acknowledges, to the later ones in turn. Messages of an open incident add to it and page nobody again, as PagerDuty and Opsgenie take
 * messages with one deduplication key. The message that nothing fires any more closes it.
 *
 * Simplified: a person acknowledges after one drawn time, whatever else is open; a delivery never fails; messages of one incident arrive in order.
 */
export class Channels {
  private readonly sim: Simulation;
  private readonly channels: readonly Channel[];
  private readonly onNews: (news: AlertNews) => void;
  private readonly incidents: Incident[] = [];
  private readonly open = new Map<string, number>();
  private readonly deliveries: Delivery[] = [];
  private readonly lastArrival = new Map<string, number>();
  private readonly arrive: Timer;
  private readonly escalate: Timer;
  private readonly acknowledge: Timer;

  constructor(
    sim: Simulation,
    clock: MonitoringClock,
    channels: readonly Channel[],
    onNews: (news: AlertNews) => void,
  ) {
    this.sim = sim;
    this.channels = channels;
    this.onNews = onNews;
    this.arrive = clock.on('monitoring.delivered', (row) => this.onArrival(this.deliveries[row]!));
    this.escalate = clock.on('monitoring.escalated', (row, step) => this.onStep(row, step));
    this.acknowledge = clock.on('monitoring.acknowledged', (row, step) => this.onAcknowledged(row, step));
  }

  /** A message was sent now. */
  take(notification: Notification): void {
    for (const channel of this.channels) {
      if (!channel.receivers.includes(notification.receiver)) continue;
      if (channel.kinds.length > 0 && !channel.kinds.includes(notification.integration.kind)) continue;
      const key = `${channel.name}\u0000${notification.groupKey}`;
      let row = this.open.get(key);
      if (row === undefined) {
        if (notification.firing.length === 0) continue;
        row = this.incidents.length;
        this.incidents.push({
          channel,
          groupKey: notification.groupKey,
          alerts: [],
          pending: [],
          isAcknowledged: false,
          isOpen: false,
        });
        this.open.set(key, row);
      }
      const draw = this.sim.stream(`channel/${channel.name}`, 'delivery');
      const delay = Math.max(0, Math.round(channel.delivery.sample(channel.delivery.draws ? draw() : 0.5)));
      const at = Math.max(this.sim.now + delay, this.lastArrival.get(key) ?? 0);
      this.lastArrival.set(key, at);
      // A closed incident takes no more messages, wherever its last one still travels.
      if (notification.firing.length === 0) this.open.delete(key);
      this.deliveries.push({ incident: row, notification });
      this.arrive.at(at, this.deliveries.length - 1);
    }
  }

  private onArrival({ incident: row, notification }: Delivery): void {
    const incident = this.incidents[row]!;
    if (notification.firing.length === 0) {
      this.tell(
        'closed',
        incident,
        notification.resolved.length > 0 ? notification.resolved : incident.alerts,
        '',
      );
      incident.isOpen = false;
      this.quieten(incident);
      return;
    }
    const known = new Set(incident.alerts.map((a) => a.labels));
    incident.alerts = notification.firing;
    const isFirst = !incident.isOpen;
    incident.isOpen = true;
    const first = incident.channel.steps[0]?.who ?? '';
    this.tell(
      'delivered',
      incident,
      isFirst ? notification.firing : notification.firing.filter((a) => !known.has(a.labels)),
      first,
    );
    if (!isFirst) return;
    for (const [step, { afterMicros }] of incident.channel.steps.entries())
      incident.pending.push(this.escalate.at(this.sim.now + afterMicros, row, step));
  }

  private onStep(row: number, step: number): void {
    const incident = this.incidents[row]!;
    const { who, acknowledges } = incident.channel.steps[step]!;
    if (step > 0) this.tell('escalated', incident, incident.alerts, who);
    if (acknowledges === undefined) return;
    const draw = this.sim.stream(`channel/${incident.channel.name}/${who}`, 'acknowledgement');
    const delay = Math.max(0, Math.round(acknowledges.sample(acknowledges.draws ? draw() : 0.5)));
    incident.pending.push(this.acknowledge.at(this.sim.now + delay, row, step));
  }

  private onAcknowledged(row: number, step: number): void {
    const incident = this.incidents[row]!;
    incident.isAcknowledged = true;
    this.quieten(incident);
    this.tell('acknowledged', incident, incident.alerts, incident.channel.steps[step]!.who);
  }

  private quieten(incident: Incident): void {
    for (const handle of incident.pending) this.sim.cancel(handle);
    incident.pending = [];
  }

  private tell(
    kind: 'delivered' | 'acknowledged' | 'escalated' | 'closed',
    incident: Incident,
    alerts: readonly PostedAlert[],
    person: string,
  ): void {
    if (alerts.length === 0) return;
    const names = [...new Set(alerts.map((a) => a.labels.alertname ?? ''))].sort(byText).join(', ');
    this.sim.tell(`monitoring.${kind}`, incident.channel.name, person === '' ? names : `${names}, ${person}`);
    for (const alert of alerts) {
      this.onNews({
        kind,
        at: this.sim.now,
        alert: alert.labels.alertname ?? '',
        labels: alert.labels,
        firingSince: alert.startsAt,
        channel: incident.channel.name,
        person,
      });
    }
  }
}
