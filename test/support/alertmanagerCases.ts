/** Cases for the real Alertmanager and for ours: waits of seconds, and events half a second away from every tick. */
import type { Labels } from '../../src/models/monitoring/labels.ts';

export interface CasePost {
  /** Seconds from the case's start. */
  readonly at: number;
  readonly labels: Labels;
  /** Since when it fires, seconds; the time of the post where it is left out. */
  readonly startsAt?: number;
  /** When it ends, seconds; far away where it is left out. */
  readonly endsAt?: number;
}

export interface CaseRoute {
  readonly receiver: string;
  readonly when?: Labels;
  readonly groupBy?: readonly string[];
  readonly continues?: boolean;
  readonly mute?: 'always' | 'never';
  readonly active?: 'always' | 'never';
}

export interface AlertmanagerCase {
  readonly name: string;
  readonly says: string;
  readonly wait: number;
  readonly interval: number;
  readonly repeat: number;
  readonly sendResolved?: boolean;
  /** Below the case's own route. */
  readonly routes?: readonly CaseRoute[];
  readonly posts: readonly CasePost[];
  readonly silences?: readonly { readonly labels: Labels; readonly from: number; readonly to: number }[];
  readonly inhibits?: { readonly source: Labels; readonly target: Labels; readonly equal: readonly string[] };
  /** Messages that must come at least, so that the case is about something. */
  readonly messages: number;
}

const a = { alertname: 'A' };
const b = { alertname: 'B' };
const usual = { wait: 1, interval: 2, repeat: 60 };

export const alertmanagerCases: readonly AlertmanagerCase[] = [
  {
    ...usual,
    name: 'plain',
    says: 'an alert is told after group_wait, its end at a tick',
    posts: [
      { at: 0, labels: a },
      { at: 4, labels: a, startsAt: 0, endsAt: 4 },
    ],
    messages: 2,
  },
  {
    ...usual,
    name: 'joined',
    says: 'a second alert of the group waits for the tick',
    posts: [
      { at: 0, labels: a },
      { at: 1.5, labels: b },
    ],
    messages: 2,
  },
  {
    ...usual,
    name: 'quiet',
    says: 'a receiver that does not want to hear of ends is not told, and is told anew when the alert returns',
    sendResolved: false,
    posts: [
      { at: 0, labels: a },
      { at: 2, labels: a, startsAt: 0, endsAt: 2 },
      { at: 6, labels: a },
    ],
    messages: 2,
  },
  {
    ...usual,
    name: 'repeat',
    says: 'a repeat comes at the first tick behind repeat_interval',
    repeat: 5,
    posts: [{ at: 0, labels: a }],
    messages: 2,
  },
  {
    ...usual,
    name: 'silenced',
    says: 'a silence that ends lets the tick behind it tell',
    posts: [{ at: 0, labels: a }],
    silences: [{ labels: a, from: 0, to: 4 }],
    messages: 1,
  },
  {
    ...usual,
    name: 'inhibited',
    says: 'a target is not told while its source fires',
    posts: [
      { at: 0, labels: { ...a, zone: 'x' } },
      { at: 0, labels: { ...b, zone: 'x' } },
      { at: 0, labels: { ...b, zone: 'y' } },
      { at: 4, labels: { ...a, zone: 'x' }, startsAt: 0, endsAt: 4 },
    ],
    inhibits: { source: a, target: b, equal: ['zone'] },
    messages: 2,
  },
  {
    ...usual,
    name: 'continued',
    says: 'a route that continues lets the next take the alert as well, one that does not ends the search',
    routes: [
      { receiver: 'one', when: a, continues: true },
      { receiver: 'two', when: a },
      { receiver: 'three', when: a },
    ],
    posts: [
      { at: 0, labels: a },
      { at: 0.2, labels: b },
    ],
    messages: 3,
  },
  {
    ...usual,
    name: 'apart',
    says: 'grouped by all labels each alert is a group of its own',
    routes: [{ receiver: 'one', groupBy: ['...'] }],
    posts: [
      { at: 0, labels: a },
      { at: 1.5, labels: b },
    ],
    messages: 2,
  },
  {
    ...usual,
    name: 'late',
    says: 'an alert that began longer ago than group_wait is told at once',
    posts: [{ at: 2.5, labels: a, startsAt: -5 }],
    messages: 1,
  },
  {
    ...usual,
    name: 'flapping',
    says: 'an alert that ends and returns between two ticks is not told again',
    posts: [
      { at: 0, labels: a },
      { at: 1.4, labels: a, startsAt: 0, endsAt: 1.4 },
      { at: 2.2, labels: a },
    ],
    messages: 1,
  },
  {
    ...usual,
    name: 'partly',
    says: 'of two alerts the end of one is told with the other',
    posts: [
      { at: 0, labels: a },
      { at: 0, labels: b },
      { at: 2, labels: b, startsAt: 0, endsAt: 2 },
    ],
    messages: 2,
  },
  {
    ...usual,
    name: 'covered',
    says: 'an end under a silence is told when the server sends it again later',
    posts: [
      { at: 0, labels: a },
      { at: 2.4, labels: a, startsAt: 0, endsAt: 2.4 },
      { at: 6.2, labels: a, startsAt: 0, endsAt: 2.4 },
    ],
    silences: [{ labels: a, from: 1.8, to: 5.8 }],
    messages: 2,
  },
  {
    ...usual,
    name: 'muted',
    says: 'a mute interval keeps a group quiet, an active one that is over does as well',
    routes: [
      { receiver: 'one', mute: 'always', continues: true },
      { receiver: 'two', active: 'never', continues: true },
      { receiver: 'three', mute: 'never', active: 'always' },
    ],
    posts: [{ at: 0, labels: a }],
    messages: 1,
  },
  {
    ...usual,
    name: 'timedOut',
    says: 'an alert that is not sent again ends by itself',
    posts: [{ at: 0, labels: a, endsAt: 2 }],
    messages: 2,
  },
];

/** Seconds that every case is played. */
export const caseSeconds = 8.5;
