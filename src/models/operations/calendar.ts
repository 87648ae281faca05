/** Changes as a calendar holds them, and what they would do to each other. Times in microseconds from one common start. */

/** From its first instant to just before its last. */
export interface Span {
  readonly from: number;
  readonly to: number;
}

export const riskLevels = ['low', 'medium', 'high'] as const;

export interface CalendarChange {
  readonly name: string;
  readonly risk: (typeof riskLevels)[number];
  readonly window: Span;
  /** So long after its window the platform still recovers, microseconds. */
  readonly recovery: number;
  /** What it changes, as `kind/name`; `kind/*` is all of a kind. */
  readonly on: readonly string[];
  /** Changes that have to be over before it begins. */
  readonly after: readonly string[];
  readonly steps: readonly { readonly name: string; readonly at: number }[];
}

/** A time in which nothing is changed. */
export interface Freeze extends Span {
  readonly name: string;
  /** Changes that may go on. */
  readonly except: readonly string[];
}

/** Something that ends, and that nobody renews before it does. */
export interface Ending {
  readonly name: string;
  readonly kind: string;
  readonly at: number;
}

export interface Calendar {
  readonly changes: readonly CalendarChange[];
  readonly freezes: readonly Freeze[];
  readonly endings: readonly Ending[];
}

/**
 * What is wrong with a change: `resource`: another one works on the same at the same time; `alone`: one of two at the same time is of
 * high risk; `recovery`: it falls into the recovery of another; `freeze`; `step`: a step lies outside its window; `dependency`: it
 * begins before what it comes after has ended; `ending`: something ends inside its window.
 */
export type ConflictKind = 'resource' | 'alone' | 'recovery' | 'freeze' | 'step' | 'dependency' | 'ending';

export interface Conflict {
  readonly kind: ConflictKind;
  /** The change that is told of: of two, the one that begins later. */
  readonly change: string;
  /** The other change, the freeze, the step, or what ends. */
  readonly other: string;
  /** What both work on; empty but for `resource`. */
  readonly shared: readonly string[];
  /** When both hold. */
  readonly span: Span;
}

/** The time that two spans share; undefined where they share none. One that ends when the other begins shares nothing. */
export function overlap(a: Span, b: Span): Span | undefined {
  const [from, to] = [Math.max(a.from, b.from), Math.min(a.to, b.to)];
  return from < to ? { from, to } : undefined;
}

/** Whether two names of resources mean a thing in common: `kind/*` is every one of its kind. */
export function isShared(a: string, b: string): boolean {
  if (a === b) return true;
  const [kindA, kindB] = [a.slice(0, a.indexOf('/')), b.slice(0, b.indexOf('/'))];
  return kindA === kindB && (a === `${kindA}/*` || b === `${kindB}/*`);
}

function sharedBy(a: CalendarChange, b: CalendarChange): readonly string[] {
  // The narrower name of the two says more.
  const found = a.on.flatMap((x) =>
    b.on.filter((y) => isShared(x, y)).map((y) => (x.endsWith('/*') ? y : x)),
  );
  return [...new Set(found)].sort((x, y) => (x < y ? -1 : 1));
}

/** The time of its window after which a change no longer disturbs others. */
function recoveryOf(change: CalendarChange): Span {
  return { from: change.window.to, to: change.window.to + change.recovery };
}

/**
 * Everything that is wrong with a calendar, change after change.
 *
 * A recovery is of the whole platform: it disturbs every other change, whatever that works on. That a change of high risk stands alone
 * is our rule, as change advisory boards commonly have it (guess).
 * @param about only conflicts in which this change has a part
 */
export function conflictsOf({ changes, freezes, endings }: Calendar, about?: string): readonly Conflict[] {
  const found: Conflict[] = [];
  const windows = new Map(changes.map((c) => [c.name, c.window]));
  const places = new Map(changes.map((c, place) => [c, place]));
  const asked = changes.filter((c) => c.name === about);
  for (const change of changes) {
    const { name, window } = change;
    const isAsked = about === undefined || name === about;
    const tell = (kind: ConflictKind, other: string, span: Span, shared: readonly string[] = []) =>
      found.push({ kind, change: name, other, shared, span });
    for (const other of isAsked ? changes : asked) {
      if (other === change) continue;
      const beginsLater =
        window.from > other.window.from ||
        (window.from === other.window.from && places.get(change)! > places.get(other)!);
      const both = overlap(window, other.window);
      if (both !== undefined && beginsLater) {
        const shared = sharedBy(other, change);
        if (shared.length > 0) tell('resource', other.name, both, shared);
        else if (change.risk === 'high' || other.risk === 'high') tell('alone', other.name, both);
      }
      const recovering = overlap(window, recoveryOf(other));
      if (recovering !== undefined) tell('recovery', other.name, recovering);
    }
    for (const before of change.after) {
      const earlier = isAsked || before === about ? windows.get(before) : undefined;
      if (earlier !== undefined && window.from < earlier.to)
        tell('dependency', before, { from: window.from, to: earlier.to });
    }
    if (!isAsked) continue;
    for (const freeze of freezes) {
      const frozen = freeze.except.includes(name) ? undefined : overlap(window, freeze);
      if (frozen !== undefined) tell('freeze', freeze.name, frozen);
    }
    for (const step of change.steps)
      if (step.at < window.from || step.at >= window.to)
        tell('step', step.name, { from: step.at, to: step.at });
    for (const ending of endings)
      if (ending.at >= window.from && ending.at < window.to)
        tell('ending', ending.name, { from: ending.at, to: window.to });
  }
  return found;
}

/** The calendar with a change at another time: its steps keep their distance to its beginning. */
export function moved(calendar: Calendar, name: string, window: Span): Calendar {
  return {
    ...calendar,
    changes: calendar.changes.map((change) =>
      change.name !== name
        ? change
        : {
            ...change,
            window,
            steps: change.steps.map((s) => ({ ...s, at: s.at - change.window.from + window.from })),
          },
    ),
  };
}

/** A request for a window. */
export interface WindowRequest {
  /** How long the change takes, microseconds. */
  readonly length: number;
  /** Where the window has to lie, from its beginning to its end. */
  readonly within: Span;
  /** From one candidate to the next, microseconds. */
  readonly step: number;
}

export interface Candidate {
  readonly window: Span;
  /** The load summed up over it, in the unit of the load times seconds. */
  readonly load: number;
}

export interface FoundWindow {
  /** The least load, the earliest of equals; undefined where no candidate is free of conflicts. */
  readonly quietest: Candidate | undefined;
  /** Candidates free of conflicts, in the order of time. */
  readonly feasible: readonly Candidate[];
  /** All that were tried. */
  readonly tried: number;
  /** In how many candidates each kind of conflict was met. */
  readonly met: ReadonlyMap<ConflictKind, number>;
}

/**
 * The quietest window in which a change meets no conflict.
 * @param loadOver the load summed up over a span
 */
export function findWindow(
  calendar: Calendar,
  name: string,
  { length, within, step }: WindowRequest,
  loadOver: (span: Span) => number,
): FoundWindow {
  const feasible: Candidate[] = [];
  const met = new Map<ConflictKind, number>();
  let tried = 0;
  let quietest: Candidate | undefined;
  for (let from = within.from; from + length <= within.to; from += step) {
    tried += 1;
    const window = { from, to: from + length };
    const kinds = new Set(conflictsOf(moved(calendar, name, window), name).map((c) => c.kind));
    for (const kind of kinds) met.set(kind, (met.get(kind) ?? 0) + 1);
    if (kinds.size > 0) continue;
    const candidate = { window, load: loadOver(window) };
    feasible.push(candidate);
    if (quietest === undefined || candidate.load < quietest.load) quietest = candidate;
  }
  return { quietest, feasible, tried, met };
}
