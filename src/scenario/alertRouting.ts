import { type Distribution, lognormal } from '../engine/distributions.ts';
import { namePattern } from '../engine/namePattern.ts';
import { parseMatcher } from '../formats/labelMatcher.ts';
import type { AlertmanagerSettings, Receiver, Silence } from '../models/monitoring/alertmanager.ts';
import type { Channel } from '../models/monitoring/channels.ts';
import type { LabelMatcher } from '../models/monitoring/labels.ts';
import { defaultRoute, type Route } from '../models/monitoring/route.ts';
import type { MonitoringPartSettings, RouteSettings } from './monitoringSettings.ts';
import { parseMoment } from './time.ts';

/** The receiver of a platform that names none. */
export const defaultReceiver = 'default';

/** Whether an integration tells what is resolved unless told otherwise. Source: Alertmanager 0.25, config/notifiers.go. */
const quietKinds: ReadonlySet<string> = new Set(['slack', 'email', 'wechat']);

/** Median 0.5 s; the upper end is a guess. */
const usualDelivery: Distribution = lognormal(500_000, 2_000_000);

/** A matcher that works; a text that says why not. */
export function matcherOf(text: string): LabelMatcher | string {
  const written = parseMatcher(text);
  if (typeof written === 'string') return written;
  const { label, op, value } = written;
  if (op === '=') return { ...written, test: (given) => given === value };
  if (op === '!=') return { ...written, test: (given) => given !== value };
  const pattern = namePattern(value);
  if (typeof pattern === 'string') return `${label}: ${pattern}`;
  return { ...written, test: (given) => pattern.matches(given) === (op === '=~') };
}

const matchersOf = (texts: readonly string[] | undefined): LabelMatcher[] =>
  (texts ?? []).flatMap((text) => {
    const made = matcherOf(text);
    return typeof made === 'string' ? [] : [made];
  });

function routeOf(given: RouteSettings, above: Route, next: { id: number }): Route {
  const id = next.id;
  next.id += 1;
  const groupBy =
    given.groupBy === undefined ? above.groupBy : given.groupBy.includes('...') ? undefined : given.groupBy;
  const made: Route = {
    id,
    receiver: given.receiver ?? above.receiver,
    matchers: matchersOf(given.matchers),
    groupBy,
    groupWaitMicros: given.groupWait ?? above.groupWaitMicros,
    groupIntervalMicros: given.groupInterval ?? above.groupIntervalMicros,
    repeatIntervalMicros: given.repeatInterval ?? above.repeatIntervalMicros,
    continues: given.continue ?? false,
    muteTimeIntervals: given.muteTimeIntervals ?? [],
    activeTimeIntervals: given.activeTimeIntervals ?? [],
    routes: [],
  };
  return { ...made, routes: (given.routes ?? []).map((r) => routeOf(r, made, next)) };
}

const days = ['thursday', 'friday', 'saturday', 'sunday', 'monday', 'tuesday', 'wednesday'];

/** Minutes of the day of `22:00-06:00`; undefined where it is none. 24:00 is the end of a day. */
export function dayTimes(text: string): readonly [number, number] | undefined {
  const parts = /^(\d\d):(\d\d)-(\d\d):(\d\d)$/.exec(text);
  if (parts === null) return undefined;
  const [from = 0, fromMinute = 0, to = 0, toMinute = 0] = parts.slice(1).map(Number);
  const minutes = [from * 60 + fromMinute, to * 60 + toMinute] as const;
  return fromMinute < 60 && toMinute < 60 && minutes[0] < 1440 && minutes[1] <= 1440 ? minutes : undefined;
}

/** Whether a moment lies in a time interval, in UTC. One over midnight belongs to the day on which each of its parts lies. */
function within(
  interval: {
    readonly weekdays?: readonly string[] | undefined;
    readonly times?: readonly string[] | undefined;
  },
  epochMicros: number,
): boolean {
  const day = Math.floor(epochMicros / 86_400e6);
  const minute = (epochMicros - day * 86_400e6) / 60e6;
  // 1970-01-01 was a Thursday.
  if (interval.weekdays !== undefined && !interval.weekdays.includes(days[((day % 7) + 7) % 7]!))
    return false;
  if (interval.times === undefined) return true;
  return interval.times.some((text) => {
    const [from, to] = dayTimes(text) ?? [0, 0];
    return from <= to ? minute >= from && minute < to : minute >= from || minute < to;
  });
}

/** @param epochOf microseconds since 1970 of a moment of the run */
export function alertmanagerOf(
  s: MonitoringPartSettings,
  epochOf: (t: number) => number,
  warmUp: number,
): AlertmanagerSettings {
  const a = s.alertmanager ?? {};
  const top: Route = {
    ...defaultRoute,
    id: 0,
    receiver: defaultReceiver,
    matchers: [],
    groupBy: [],
    continues: false,
    muteTimeIntervals: [],
    activeTimeIntervals: [],
    routes: [],
  };
  const receivers: Receiver[] = (a.receivers ?? []).map((r) => ({
    name: r.name,
    integrations: (r.kinds ?? ['webhook']).map((kind) => ({
      kind,
      sendResolved: r.sendResolved ?? !quietKinds.has(kind),
    })),
  }));
  const isNamed = receivers.length > 0;
  return {
    name: 'alertmanager',
    route: routeOf({ receiver: receivers[0]?.name ?? defaultReceiver, ...a.route }, top, { id: 0 }),
    receivers: isNamed
      ? receivers
      : [{ name: defaultReceiver, integrations: [{ kind: 'webhook', sendResolved: true }] }],
    inhibitRules: (a.inhibitRules ?? []).map((r) => ({
      source: matchersOf(r.source),
      target: matchersOf(r.target),
      equal: r.equal ?? [],
    })),
    silences: silencesOf(s, epochOf, warmUp),
    intervals: new Map(
      (a.timeIntervals ?? []).map((interval) => [interval.name, (t: number) => within(interval, epochOf(t))]),
    ),
    startDelayMicros: a.startDelay ?? 0,
  };
}

function silencesOf(
  s: MonitoringPartSettings,
  epochOf: (t: number) => number,
  warmUp: number,
): readonly Silence[] {
  const moment = (text: string) => {
    const at = parseMoment(text, epochOf(warmUp));
    return warmUp + (typeof at === 'number' ? at : 0);
  };
  return (s.silences ?? []).map((silence) => ({
    id: silence.name,
    matchers: matchersOf(silence.matchers),
    startsAt: moment(silence.from),
    endsAt: moment(silence.to),
  }));
}

export function channelsOf(s: MonitoringPartSettings): readonly Channel[] {
  return (s.channels ?? []).map((c) => ({
    name: c.name,
    receivers: c.receivers,
    kinds: c.kinds ?? [],
    delivery: c.delivery ?? usualDelivery,
    steps: (c.steps ?? [])
      .map((step) => ({ who: step.name, afterMicros: step.after ?? 0, acknowledges: step.acknowledges }))
      .sort((x, y) => x.afterMicros - y.afterMicros || (x.who < y.who ? -1 : 1)),
  }));
}
