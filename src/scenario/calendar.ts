import { z } from 'zod';
import { nearest } from '../formats/nearest.ts';
import type { Problem } from '../formats/problem.ts';
import {
  type Calendar,
  type CalendarChange,
  type Conflict,
  conflictsOf,
  type Ending,
  type Freeze,
  riskLevels,
  type Span,
} from '../models/operations/calendar.ts';
import { asMap, type Located, problemAt } from './document.ts';
import type { TimelineEntry } from './load.ts';
import type { AnyPart, Part } from './part.ts';
import { nodeAt, pathText } from './problems.ts';
import { q } from './quantity.ts';
import { resourceKinds, resourceNames, withCarried } from './resources.ts';
import { formatTime, parseMoment } from './time.ts';

const entryName = z.string().min(1).max(200);
const moment = (what: string) =>
  z.string().meta({ description: `${what}, RFC 3339 or an offset such as +10m` });

/** A change as a change record has it. */
export const changeEntry = z.strictObject({
  name: entryName,
  title: z.string().max(300).optional(),
  risk: z.enum(riskLevels).optional().meta({
    description:
      'one of high risk stands alone: no other change goes on in its window; low where it is left out',
  }),
  window: z.strictObject({ from: moment('its beginning'), to: moment('its end') }),
  recovery: q.duration({ min: 0 }).optional().meta({
    description: 'so long after the window the platform still recovers, and no other change begins',
  }),
  steps: z
    .array(entryName)
    .max(1000)
    .optional()
    .meta({ description: 'entries of the timeline that belong to it' }),
  on: z
    .array(z.string().min(3).max(300))
    .max(1000)
    .optional()
    .meta({
      description: `what it changes, as kind/name or kind/*: ${resourceKinds.join(', ')}; absent: what its steps name`,
    }),
  after: z
    .array(entryName)
    .max(1000)
    .optional()
    .meta({ description: 'changes that have to be over before it begins' }),
});

/** A time in which nothing is changed. */
export const freezeEntry = z.strictObject({
  name: entryName,
  from: moment('its beginning'),
  to: moment('its end'),
  except: z.array(entryName).max(1000).optional().meta({ description: 'changes that may go on' }),
});

/** A change of a scenario; times in microseconds from the start of its period. */
export interface Change extends CalendarChange {
  readonly title: string;
}

/** The changes of a scenario, what stands in their way, and what ends meanwhile. */
export interface ScenarioCalendar extends Calendar {
  readonly changes: readonly Change[];
}

export const noCalendar: ScenarioCalendar = { changes: [], freezes: [], endings: [] };

/** Something in a calendar that is off, and where its file says so. */
export interface CalendarProblem {
  readonly path: readonly (string | number)[];
  readonly found: string;
  readonly mend: string;
}

interface Entry<T> {
  readonly given: T;
  readonly node: Located;
  readonly place: number;
}

/** What the calendar of a scenario is read from. */
export interface CalendarSource {
  readonly changes: readonly Entry<z.output<typeof changeEntry>>[];
  readonly freezes: readonly Entry<z.output<typeof freezeEntry>>[];
  /** Names of all changes, good or not. */
  readonly names: readonly string[];
  readonly timeline: readonly TimelineEntry[];
  readonly settings: Readonly<Record<string, unknown>>;
  readonly parts: readonly AnyPart[];
  /** Start of the period, microseconds since 1970-01-01T00:00:00Z. */
  readonly from: number;
  readonly problem: (path: readonly (string | number)[], found: string, mend: string) => void;
}

/** Reads changes and freezes; what is wrong with them by themselves is told. */
export function readCalendar(source: CalendarSource): ScenarioCalendar {
  const { problem, names } = source;
  const seen = new Set<string>();
  const takenBy = new Map<string, string>();
  const known = resourceNames(source.settings);

  const span = (path: readonly (string | number)[], given: { from: string; to: string }): Span => {
    const [from, to] = (['from', 'to'] as const).map((key) => {
      const at = parseMoment(given[key], source.from);
      if (typeof at !== 'string') return at;
      problem([...path, key], at, 'write RFC 3339, or an offset such as +10m');
      return Number.NaN;
    }) as [number, number];
    if (to <= from) problem([...path, 'to'], 'it ends before it begins', `write a time after ${given.from}`);
    return { from, to };
  };
  const namedChanges = (path: readonly (string | number)[], given: readonly string[], own?: string) => {
    given.forEach((name, i) => {
      if (name === own) problem([...path, i], 'a change that comes after itself', 'name another one');
      else if (!names.includes(name))
        problem([...path, i], `there is no change ${name}`, mendBy(name, names, 'add it to changes'));
    });
  };

  const changes = source.changes.map(({ given, place }): Change => {
    const path = ['changes', place];
    if (seen.has(given.name)) problem(path, `two changes are named ${given.name}`, 'give each its own name');
    seen.add(given.name);
    namedChanges([...path, 'after'], given.after ?? [], given.name);
    const steps = (given.steps ?? []).flatMap((name, i) => {
      const entry = source.timeline.find((e) => e.id === name);
      const other = takenBy.get(name);
      if (entry === undefined) {
        const ids = source.timeline.map((e) => e.id);
        problem(
          [...path, 'steps', i],
          `the timeline has no entry ${name}`,
          mendBy(name, ids, 'write the name or id of an entry that has a time'),
        );
        return [];
      }
      if (other !== undefined)
        problem([...path, 'steps', i], `${name} is a step of ${other} already`, 'leave it to one of them');
      takenBy.set(name, given.name);
      return [entry];
    });
    if (given.on === undefined && (given.steps ?? []).length === 0)
      problem(path, 'a change that touches nothing', 'add steps, or on, such as on: [broker/*]');
    (given.on ?? []).forEach((text, i) => {
      checkResource(text, known, (found, mend) => problem([...path, 'on', i], found, mend));
    });
    const on = given.on ?? steps.flatMap((entry) => resourcesOf(entry, source));
    return {
      name: given.name,
      title: given.title ?? given.name,
      risk: given.risk ?? 'low',
      window: span([...path, 'window'], given.window),
      recovery: given.recovery ?? 0,
      on: withCarried([...new Set(on)], source.settings),
      after: given.after ?? [],
      steps: steps.map((entry) => ({ name: entry.id, at: entry.at })),
    };
  });
  checkCircles(changes, (name, found, mend) =>
    problem(['changes', source.changes.find((c) => c.given.name === name)!.place, 'after'], found, mend),
  );

  const frozen = new Set<string>();
  const freezes = source.freezes.map(({ given, place }): Freeze => {
    const path = ['freezes', place];
    if (frozen.has(given.name))
      problem(path, `two freezes are named ${given.name}`, 'give each its own name');
    frozen.add(given.name);
    namedChanges([...path, 'except'], given.except ?? []);
    return { name: given.name, ...span(path, given), except: given.except ?? [] };
  });
  return { changes, freezes, endings: [] };
}

function mendBy(name: string, known: readonly string[], otherwise: string): string {
  const near = nearest(name, known);
  if (near !== undefined) return `write ${near}`;
  return known.length === 0 ? otherwise : `name one of ${known.slice(0, 20).join(', ')}`;
}

function resourcesOf(entry: TimelineEntry, { parts, settings }: CalendarSource): readonly string[] {
  const part = parts.find((p) => p.name === entry.part) as Part | undefined;
  return part?.actions[entry.action]?.on(entry.args as never, settings) ?? [];
}

function checkResource(
  text: string,
  known: ReadonlyMap<string, readonly string[]>,
  problem: (found: string, mend: string) => void,
): void {
  const kind = text.slice(0, Math.max(0, text.indexOf('/')));
  const name = text.slice(text.indexOf('/') + 1);
  if (!(resourceKinds as readonly string[]).includes(kind) || name === '') {
    const near = nearest(kind, resourceKinds);
    const example = `${near ?? 'broker'}/${name === '' || near === undefined ? '*' : name}`;
    problem(
      `${text} names no resource`,
      `write kind/name, such as ${example}; kinds are ${resourceKinds.join(', ')}`,
    );
    return;
  }
  const names = known.get(kind);
  if (name === '*' || names === undefined || names.includes(name)) return;
  const near = nearest(name, names);
  problem(
    `there is no ${kind} ${name}`,
    near !== undefined
      ? `write ${kind}/${near}`
      : names.length === 0
        ? 'remove it'
        : `name one of ${names.slice(0, 20).join(', ')}`,
  );
}

/** Changes that wait for each other would never begin. */
function checkCircles(
  changes: readonly CalendarChange[],
  tell: (name: string, found: string, mend: string) => void,
): void {
  const after = new Map(changes.map((c) => [c.name, c.after]));
  const state = new Map<string, 'open' | 'done'>();
  const visit = (name: string, way: readonly string[]) => {
    if (state.get(name) === 'done' || !after.has(name)) return;
    if (state.get(name) === 'open') {
      const circle = way.slice(way.indexOf(name));
      // A change after itself was told where it says so.
      if (circle.length > 1)
        tell(name, `changes wait for each other: ${[...circle, name].join(' after ')}`, 'break the circle');
      return;
    }
    state.set(name, 'open');
    for (const before of after.get(name)!) visit(before, [...way, name]);
    state.set(name, 'done');
  };
  for (const change of changes) visit(change.name, []);
}

/**
 * A conflict in words, at the place that has to be mended.
 * @param from start of the period, microseconds since 1970-01-01T00:00:00Z
 */
export function conflictProblem(
  conflict: Conflict,
  calendar: ScenarioCalendar,
  from: number,
): CalendarProblem {
  const { kind, change, other, shared, span } = conflict;
  const place = calendar.changes.findIndex((c) => c.name === change);
  const own = calendar.changes[place]!;
  const time = (at: number) => formatTime(from + at);
  const window = ['changes', place, 'window'];
  const between = `from ${time(span.from)} to ${time(span.to)}`;
  switch (kind) {
    case 'resource':
      return {
        path: window,
        found: `${change} and ${other} both work on ${shared.slice(0, 8).join(', ')}${shared.length > 8 ? ` and ${shared.length - 8} more` : ''} ${between}`,
        mend: `begin at ${time(span.to)} or later`,
      };
    case 'alone': {
      const high = own.risk === 'high' ? change : other;
      return {
        path: window,
        found: `${high} is of high risk and stands alone, and ${change === high ? other : change} goes on ${between}`,
        mend: `begin at ${time(span.to)} or later`,
      };
    }
    case 'recovery':
      return {
        path: window,
        found: `the platform still recovers from ${other} ${between}`,
        mend: `begin at ${time(span.to)} or later, or end at ${time(span.from)}`,
      };
    case 'freeze':
      return {
        path: window,
        found: `the freeze ${other} forbids changes ${between}`,
        mend: `move the change out of it, or add ${change} to its except`,
      };
    case 'step':
      return {
        path: [...window, span.from < own.window.from ? 'from' : 'to'],
        found: `the step ${other} at ${time(span.from)} lies outside the window`,
        mend:
          span.from < own.window.from
            ? `begin the window at ${time(span.from)}, or move the step`
            : `end the window after ${time(span.from)}, or move the step`,
      };
    case 'dependency':
      return {
        path: [...window, 'from'],
        found: `it begins at ${time(span.from)}, and ${other}, which comes before it, ends at ${time(span.to)}`,
        mend: `begin at ${time(span.to)} or later`,
      };
    case 'ending': {
      const ending = calendar.endings.find((e) => e.name === other);
      return {
        path: window,
        found: `the ${ending?.kind ?? 'certificate'} ${other} ends at ${time(span.from)}, inside the window, and nothing renews it before`,
        mend: 'renew it first, or move the change',
      };
    }
  }
}

/** Conflicts as findings that stop nothing, each with the place of the change in its file. */
export function conflictWarnings(
  root: Located,
  calendar: ScenarioCalendar,
  from: number,
  conflicts: readonly Conflict[] = conflictsOf(calendar),
): readonly Problem[] {
  return conflicts.map((conflict) => {
    const { path, found, mend } = conflictProblem(conflict, calendar, from);
    const { node } = nodeAt(root, path);
    const at = asMap(node) === undefined ? node : { ...node, line: node.keyLine, column: node.keyColumn };
    return problemAt(at, pathText(root, path), found, mend, 'warning');
  });
}

/** What ends inside the windows of a calendar, as things stand at the start: what somebody renews in time is left out. */
export function endingsOf(
  due: readonly {
    readonly name: string;
    readonly kind: string;
    readonly endsAt: number;
    readonly renewsAt: number | null;
  }[],
  warmUp: number,
): readonly Ending[] {
  return due
    .filter((d) => d.renewsAt === null || d.renewsAt > d.endsAt)
    .map((d) => ({ name: d.name, kind: d.kind, at: d.endsAt - warmUp }));
}
