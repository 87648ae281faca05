import type { Result } from '../experiment/result.ts';
import { base, type Chart, plotWidth, xOf } from './drawing.ts';
import { sentence, timeUnit } from './words.ts';

/** Lanes of one group that are drawn by themselves, at most; the others share one. */
const mostLanes = 8;

/** Told events that are drawn, at most. */
const mostEvents = 2000;

/** What a mark is, with its colour: told apart without red and green, and by its shape besides. */
const looks = new Map([
  ['change', '#2563eb'],
  ['step of a change', '#1e3a8a'],
  ['alert pending', '#fdba74'],
  ['alert firing', '#ea580c'],
  ['event', '#6b7280'],
]);

/** A mark of the timeline: from one instant to another, or at one; microseconds from the start of the period. */
interface Entry {
  readonly group: string;
  readonly lane: string;
  readonly what: string;
  readonly from: number;
  readonly to?: number;
}

/** `someWords` as it is written in a text. */
const spaced = (name: string) => name.replace(/([a-z])([A-Z])/g, '$1 $2').toLowerCase();

/** Declared changes, from their begin until the last of their steps is over. */
function changes(result: Result): Entry[] {
  return (result.runSheets ?? []).map((sheet) => ({
    group: 'changes',
    lane: sheet.title.slice(0, 48),
    what: 'change',
    from: sheet.from,
    to: Math.min(result.playedMicros, sheet.over ?? sheet.to),
  }));
}

/** Alerts: first what is pending, so that what fires lies above it where spells of one alert overlap. */
function alerts(result: Result): Entry[] {
  const spells = (result.alerts?.spells ?? []).map((spell) => ({
    ...spell,
    group: 'alerts',
    lane: spell.alert.slice(0, 48),
    end: spell.endedAt ?? result.playedMicros,
  }));
  return [
    ...spells.map(({ group, lane, activeAt, firedAt, end }) => ({
      group,
      lane,
      what: 'alert pending',
      from: activeAt,
      to: firedAt ?? end,
    })),
    ...spells.flatMap(({ group, lane, firedAt, end }) =>
      firedAt === null ? [] : [{ group, lane, what: 'alert firing', from: firedAt, to: end }],
    ),
  ];
}

/** What was told, grouped by the subsystem whose kind of event it is. */
function events(result: Result): Entry[] {
  const kinds = new Map(result.eventKinds.map((k) => [k.name, k]));
  return result.told.slice(0, mostEvents).flatMap((t): Entry[] => {
    const kind = kinds.get(t.kind);
    if (kind === undefined) return [];
    const group = t.kind.split('.')[0]!;
    return [
      {
        group: spaced(group),
        lane: sentence(kind.lane, t.subject, t.detail).slice(0, 48),
        what: kind.step === true ? 'step of a change' : 'event',
        from: t.time,
      },
    ];
  });
}

/** Groups as they come; in each the lanes with most marks first, and one lane for all that are too many. */
function inLanes(entries: readonly Entry[]): Entry[] {
  return [...new Set(entries.map((e) => e.group))].flatMap((group) => {
    const own = entries.filter((e) => e.group === group);
    const counts = new Map<string, number>();
    for (const { lane } of own) counts.set(lane, (counts.get(lane) ?? 0) + 1);
    const order = [...counts.keys()];
    if (order.length <= mostLanes) return order.flatMap((lane) => own.filter((e) => e.lane === lane));
    const busiest = [...order].sort(
      (a, b) => counts.get(b)! - counts.get(a)! || order.indexOf(a) - order.indexOf(b),
    );
    const alone = busiest.slice(0, mostLanes - 1);
    const rest = `${order.length - alone.length} more of ${group}`;
    return [
      ...order.filter((lane) => alone.includes(lane)).flatMap((lane) => own.filter((e) => e.lane === lane)),
      ...own.filter((e) => !alone.includes(e.lane)).map((e) => ({ ...e, lane: rest })),
    ];
  });
}

/** The time of the run in lanes: changes, alerts, then what each subsystem told. */
export function timelineChart(result: Result): Chart | undefined {
  const entries = inLanes([...changes(result), ...alerts(result), ...events(result)]);
  if (entries.length === 0) return undefined;
  const { micros } = timeUnit(result.playedMicros);
  const values = entries.map(({ from, to, ...own }) => ({
    ...own,
    t: from / micros,
    ...(to === undefined ? {} : { to: to / micros }),
  }));
  const y = {
    field: 'lane',
    type: 'nominal',
    title: null,
    sort: [...new Set(entries.map((e) => e.lane))],
    axis: { labelLimit: 320, grid: true, ticks: false },
  };
  const domain = [...looks.keys()].filter((what) => entries.some((e) => e.what === what));
  const range = domain.map((what) => looks.get(what)!);
  const color = {
    field: 'what',
    type: 'nominal',
    title: null,
    scale: { domain, range },
    legend: { symbolType: 'circle', orient: 'top' },
  };
  return {
    name: 'timeline',
    title: 'Timeline',
    kind: 'timeline',
    span: plotWidth.timeline,
    spec: {
      ...base,
      width: plotWidth.timeline,
      height: { step: 22 },
      data: { values },
      encoding: { x: xOf(result), y, color },
      layer: [
        {
          transform: [{ filter: 'isValid(datum.to)' }],
          mark: { type: 'bar', height: 12 },
          // With its outline a spell of seconds is seen in a day.
          encoding: { x2: { field: 'to' }, stroke: { ...color, legend: null } },
        },
        {
          transform: [{ filter: '!isValid(datum.to)' }],
          mark: { type: 'point', filled: true, opacity: 0.85 },
          encoding: {
            shape: {
              condition: { test: "datum.what === 'step of a change'", value: 'diamond' },
              value: 'circle',
            },
            size: { condition: { test: "datum.what === 'step of a change'", value: 130 }, value: 55 },
          },
        },
      ],
    },
  };
}
