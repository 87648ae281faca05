import type { Handle, Simulation } from '../../engine/simulation.ts';
import type { MonitoringClock, Timer } from './clock.ts';
import { Inhibitor, type InhibitRule } from './inhibition.ts';
import { byText, type LabelMatcher, type Labels, labelKey, matchesAll } from './labels.ts';
import { groupLabels, type Route, routesOf } from './route.ts';

/** What a server posts: an alert that fires until `endsAt`, or that ended there. */
export interface PostedAlert {
  readonly labels: Labels;
  readonly annotations: Labels;
  /** Microseconds. */
  readonly startsAt: number;
  readonly endsAt: number;
}

export interface Integration {
  /** As in the receiver: slack, pagerduty, opsgenie, webhook, email, ... */
  readonly kind: string;
  readonly sendResolved: boolean;
}

export interface Receiver {
  readonly name: string;
  readonly integrations: readonly Integration[];
}

/** Alerts that satisfy every matcher are not told of from `startsAt` on, until `endsAt`. */
export interface Silence {
  readonly id: string;
  readonly matchers: readonly LabelMatcher[];
  readonly startsAt: number;
  readonly endsAt: number;
}

export interface AlertmanagerSettings {
  readonly name: string;
  readonly route: Route;
  readonly receivers: readonly Receiver[];
  readonly inhibitRules: readonly InhibitRule[];
  readonly silences: readonly Silence[];
  /** Whether a moment lies in a time interval, by the interval's name. */
  readonly intervals: ReadonlyMap<string, (t: number) => boolean>;
  /** `--dispatch.start-delay`: no group is told of earlier. */
  readonly startDelayMicros: number;
}

/** One message: what a group tells a receiver. */
export interface Notification {
  readonly at: number;
  readonly receiver: string;
  readonly integration: Integration;
  readonly groupKey: string;
  readonly groupLabels: Labels;
  readonly firing: readonly PostedAlert[];
  /** Only where the integration sends what is resolved. */
  readonly resolved: readonly PostedAlert[];
}

/** What was last told about a group, to one integration. */
interface LogEntry {
  readonly at: number;
  readonly firing: ReadonlySet<string>;
  readonly resolved: ReadonlySet<string>;
}

interface Group {
  readonly key: string;
  readonly route: Route;
  readonly labels: Labels;
  readonly alerts: Map<string, PostedAlert>;
  next: Handle;
  hasFlushed: boolean;
  isRemoved: boolean;
}

/** What ended so long ago is forgotten. Source: Alertmanager, cmd/alertmanager `--alerts.gc-interval`. */
const forgottenMicros = 1800e6;
/** Source: Alertmanager, dispatch/dispatch.go `Dispatcher.run`. */
const maintenanceMicros = 30e6;
/**
 * A log entry is stamped when the message was taken, some milliseconds after the tick: a repeat that falls due exactly on a tick slips to the next.
 * Guess; only its sign matters.
 */
const stampMicros = 1000;

const isSubset = (part: ReadonlySet<string>, whole: ReadonlySet<string>) =>
  [...part].every((x) => whole.has(x));

/** Labels that a group's alerts share, and the text that names it. */
interface GroupName {
  readonly labels: Labels;
  readonly groupKey: string;
}

/**
 * One Alertmanager: groups alerts by its routes, and tells receivers about groups.
 *
 * A new group waits `group_wait`, or not at all when its alert began longer ago; from then on it ticks each `group_interval`. At a tick what is
 * inhibited, muted by time or silenced is left out, and a message is sent where the notification log does not hold it already: new firing alerts, newly
 * resolved ones (where the receiver wants them), none left, or `repeat_interval` over. A group from which the last resolved alert went is removed by the
 * maintenance, each 30 s from the start.
 *
 * Source: Alertmanager 0.25 to 0.28, dispatch/dispatch.go, notify/notify.go (`DedupStage.needsUpdate`, `RetryStage`, `SetNotifiesStage`). Left
 * out: gossip and the wait of peers (one replica), expiry of the log (120 h), deliveries that fail and are tried again, alerts without an end.
 */
export class Alertmanager {
  readonly settings: AlertmanagerSettings;
  private readonly sim: Simulation;
  private readonly onNotification: (notification: Notification) => void;
  private readonly alerts = new Map<string, PostedAlert>();
  private readonly groups: Group[] = [];
  private readonly groupsOf = new WeakMap<Labels, Map<number, GroupName>>();
  private readonly byKey = new Map<string, number>();
  private readonly log = new Map<string, LogEntry>();
  private readonly inhibitor: Inhibitor;
  private readonly receivers: ReadonlyMap<string, Receiver>;
  private readonly tick: Timer;
  private readonly maintenance: Timer;

  constructor(
    sim: Simulation,
    clock: MonitoringClock,
    settings: AlertmanagerSettings,
    onNotification: (notification: Notification) => void,
  ) {
    this.sim = sim;
    this.settings = settings;
    this.onNotification = onNotification;
    this.inhibitor = new Inhibitor(settings.inhibitRules, this.alerts);
    this.receivers = new Map(settings.receivers.map((r) => [r.name, r]));
    this.tick = clock.on('monitoring.groupTick', (row) => this.onTick(this.groups[row]!, row));
    this.maintenance = clock.on('monitoring.groupMaintenance', (row) =>
      this.onMaintenance(this.groups[row]!),
    );
  }

  /** Alerts that a server sends now. */
  post(alerts: readonly PostedAlert[]): void {
    for (const alert of alerts) {
      const key = labelKey(alert.labels);
      const known = this.alerts.get(key);
      const merged = known === undefined ? alert : merge(known, alert, this.sim.now);
      this.alerts.set(key, merged);
      for (const route of routesOf(this.settings.route, alert.labels)) this.insert(route, key, merged);
    }
  }

  /** The group of an alert on a route: worked out once for the labels that come again and again. */
  private groupOf(route: Route, labels: Labels): GroupName {
    let groups = this.groupsOf.get(labels);
    if (groups === undefined) {
      groups = new Map();
      this.groupsOf.set(labels, groups);
    }
    let group = groups.get(route.id);
    if (group === undefined) {
      const own = groupLabels(route, labels);
      group = { labels: own, groupKey: `${route.id}:${labelKey(own)}` };
      groups.set(route.id, group);
    }
    return group;
  }

  private insert(route: Route, key: string, alert: PostedAlert): void {
    const { labels, groupKey } = this.groupOf(route, alert.labels);
    const row = this.byKey.get(groupKey);
    let group = row === undefined ? undefined : this.groups[row];
    const { now } = this.sim;
    if (group === undefined || group.isRemoved) {
      const at = this.groups.length;
      group = {
        key: groupKey,
        route,
        labels,
        alerts: new Map([[key, alert]]),
        next: 0,
        hasFlushed: false,
        isRemoved: false,
      };
      this.groups.push(group);
      this.byKey.set(groupKey, at);
      const isLate = alert.startsAt + route.groupWaitMicros < now;
      group.next = this.tick.at(this.notBeforeStart(isLate ? now : now + route.groupWaitMicros), at);
      return;
    }
    group.alerts.set(key, alert);
    if (!group.hasFlushed && alert.startsAt + route.groupWaitMicros < now)
      this.sim.reschedule(group.next, this.notBeforeStart(now));
  }

  private notBeforeStart(t: number): number {
    return Math.max(t, this.settings.startDelayMicros);
  }

  private onTick(group: Group, row: number): void {
    if (group.isRemoved) return;
    group.hasFlushed = true;
    group.next = this.tick.at(this.sim.now + group.route.groupIntervalMicros, row);
    if (group.alerts.size === 0) return;
    this.flush(group);
    if (group.alerts.size > 0) return;
    const { now } = this.sim;
    this.maintenance.at(now - (now % maintenanceMicros) + maintenanceMicros, row);
  }

  private onMaintenance(group: Group): void {
    if (group.alerts.size > 0 || group.isRemoved) return;
    group.isRemoved = true;
    this.sim.cancel(group.next);
  }

  private flush(group: Group): void {
    const { now } = this.sim;
    const { route } = group;
    const told = this.isTimeMuted(route)
      ? []
      : [...group.alerts]
          .filter(([, alert]) => !this.inhibitor.mutes(alert.labels, now) && !this.isSilenced(alert.labels))
          .sort(([a], [b]) => byText(a, b));
    if (told.length > 0) {
      for (const [place, integration] of (this.receivers.get(route.receiver)?.integrations ?? []).entries())
        this.notify(group, told, integration, place);
    }
    for (const [key, alert] of group.alerts) if (alert.endsAt <= now) group.alerts.delete(key);
    for (const [key, alert] of this.alerts) if (alert.endsAt + forgottenMicros < now) this.alerts.delete(key);
  }

  private notify(
    group: Group,
    told: readonly (readonly [string, PostedAlert])[],
    integration: Integration,
    place: number,
  ): void {
    const { now } = this.sim;
    const { route } = group;
    const isFiring = ([, alert]: readonly [string, PostedAlert]) => alert.endsAt > now;
    const firing = told.filter(isFiring);
    const resolved = told.filter((entry) => !isFiring(entry));
    const logKey = `${route.receiver}\u0000${place}\u0000${group.key}`;
    const firingKeys = new Set(firing.map(([key]) => key));
    const resolvedKeys = new Set(resolved.map(([key]) => key));
    const entry = this.log.get(logKey);
    if (
      !needsUpdate(entry, firingKeys, resolvedKeys, integration.sendResolved, now, route.repeatIntervalMicros)
    )
      return;
    this.log.set(logKey, { at: now + stampMicros, firing: firingKeys, resolved: resolvedKeys });
    // The log is kept up to date for a receiver that does not want to hear of what is resolved; it is not told.
    if (!integration.sendResolved && firing.length === 0) return;
    this.onNotification({
      at: now,
      receiver: route.receiver,
      integration,
      groupKey: group.key,
      groupLabels: group.labels,
      firing: firing.map(([, alert]) => alert),
      resolved: integration.sendResolved ? resolved.map(([, alert]) => alert) : [],
    });
  }

  private isTimeMuted(route: Route): boolean {
    const within = (name: string) => this.settings.intervals.get(name)?.(this.sim.now) ?? false;
    if (route.activeTimeIntervals.length > 0 && !route.activeTimeIntervals.some(within)) return true;
    return route.muteTimeIntervals.some(within);
  }

  private isSilenced(labels: Labels): boolean {
    const { now } = this.sim;
    return this.settings.silences.some(
      (s) => s.startsAt <= now && now < s.endsAt && matchesAll(labels, s.matchers),
    );
  }
}

/** Source: notify/notify.go `DedupStage.needsUpdate`. */
function needsUpdate(
  entry: LogEntry | undefined,
  firing: ReadonlySet<string>,
  resolved: ReadonlySet<string>,
  sendResolved: boolean,
  now: number,
  repeatMicros: number,
): boolean {
  if (entry === undefined) return firing.size > 0;
  if (!isSubset(firing, entry.firing)) return true;
  if (firing.size === 0) return entry.firing.size > 0;
  if (sendResolved && !isSubset(resolved, entry.resolved)) return true;
  return entry.at < now - repeatMicros;
}

/** Source: provider/mem `Put`, types `Alert.Merge`: alerts that overlap are one, from the earlier start. */
function merge(old: PostedAlert, given: PostedAlert, now: number): PostedAlert {
  const overlaps =
    (given.endsAt > old.startsAt && given.endsAt < old.endsAt) ||
    (given.startsAt > old.startsAt && given.startsAt < old.endsAt);
  if (!overlaps) return given;
  const startsAt = Math.min(old.startsAt, given.startsAt);
  const bothResolved = given.endsAt <= now && old.endsAt <= now;
  const isLonger = old.endsAt > given.endsAt && (bothResolved || given.endsAt > now);
  return { ...given, startsAt, endsAt: isLonger ? old.endsAt : given.endsAt };
}
