import { z } from 'zod';
import type { Distribution } from '../engine/distributions.ts';
import { nearest } from '../formats/nearest.ts';
import type { LabelMatcher } from '../models/monitoring/labels.ts';
import { matcherOf } from './alertRouting.ts';
import { asList, asMap, type Located, type LocatedMap, type Place } from './document.ts';
import type { AnyPart, Part } from './part.ts';
import { nameOf } from './problems.ts';
import { q } from './quantity.ts';

/** What a timeline entry says that waits for an alert, beside its action's own keys. */
export const reactionKeys = {
  when: z.string().min(1).meta({ description: 'name of an alert rule' }),
  matchers: z
    .array(z.string())
    .optional()
    .meta({ description: "which of its alerts, as Alertmanager writes them: node=~'worker.*'" }),
  of: z.enum(['firing', 'notified', 'delivered', 'acknowledged']).optional().meta({
    description:
      'what is waited for: the rule fires, the message is sent, it arrives, or a person acknowledges it (the default)',
  }),
  responder: z
    .string()
    .min(1)
    .optional()
    .meta({ description: 'a step of a channel: only what this person acknowledges' }),
  after: q.varying.duration({ min: 0 }).optional().meta({ description: 'from then to the first step' }),
  whileFiring: z
    .boolean()
    .optional()
    .meta({ description: 'look before each step, and stand down where the alert fires no more' }),
  once: z.boolean().optional().meta({ description: 'at most once in a run: the default' }),
  coolDown: q
    .duration({ min: 0 })
    .optional()
    .meta({ description: 'with once: false, from the last step until the alert is answered again' }),
  runbook: z.string().min(1).optional().meta({ description: 'its steps are followed, in place of do' }),
  do: z.string().optional(),
  id: z.union([z.string(), z.number()]).optional(),
  name: z.string().optional(),
} as const;
const ownKeys = Object.keys(reactionKeys);

/** What a step of a runbook says beside its action's own keys. */
export const stepKeys = {
  after: q.varying.duration({ min: 0 }).optional().meta({ description: 'from the step before' }),
  do: z.string(),
} as const;

/** A list of actions that people follow; its steps are read one by one. */
export const runbook = z.looseObject({
  name: z.string().min(1),
  steps: z
    .array(z.looseObject({ do: z.string() }))
    .min(1)
    .max(100),
});

/** One ordinary action of a reaction. */
export interface ActionStep {
  readonly part: string;
  readonly action: string;
  readonly args: unknown;
  /** From the step before; undefined: at once. */
  readonly after: Distribution | undefined;
  /** Where it stands: of a runbook, in the list of runbooks. */
  readonly path: readonly (string | number)[];
}

/** An entry that waits for an alert. */
export interface Reaction {
  readonly id: string;
  readonly path: readonly (string | number)[];
  readonly alert: string;
  readonly matchers: readonly LabelMatcher[];
  readonly of: 'firing' | 'notified' | 'delivered' | 'acknowledged';
  readonly responder: string | undefined;
  readonly after: Distribution | undefined;
  readonly whileFiring: boolean;
  readonly once: boolean;
  readonly coolDownMicros: number;
  readonly steps: readonly ActionStep[];
}

type Path = readonly (string | number)[];

/** What reading an entry needs of the reader of a scenario. */
export interface EntryReader {
  readonly root: Located;
  readonly entries: (
    key: string,
    most: number,
    isWanted: (entry: LocatedMap) => boolean,
  ) => readonly { readonly node: Located; readonly place: number }[];
  /** Plain data, with every uncertain number drawn. */
  readonly drawn: (node: Located, path: string) => unknown;
  readonly action: (
    does: string,
    node: Located,
    path: Path,
    ownKeys: readonly string[],
    drawPath: string,
  ) => { readonly part: string; readonly action: string; readonly args: unknown } | undefined;
  readonly issues: (path: Path, issues: readonly z.core.$ZodIssue[], known: readonly string[]) => void;
  readonly problem: (at: Place, path: Path, found: string, mend: string) => void;
}

/** Every entry of the timeline that waits for an alert, with the steps of its runbook in place. */
export function readReactions(reader: EntryReader, parts: readonly AnyPart[]): Reaction[] {
  const runbooks = readRunbooks(reader, parts);
  const ids = new Set(
    reader.entries('timeline', 10_000, (e) => !e.has('when')).map(({ node }) => nameOf(node) ?? ''),
  );
  return reader
    .entries('timeline', 10_000, (e) => e.has('when'))
    .flatMap(({ node, place }) => {
      const path = ['timeline', place];
      const map = asMap(node)!;
      const own = new Map([...map].filter(([key]) => ownKeys.includes(key)));
      const parsed = z
        .strictObject(reactionKeys)
        .safeParse(reader.drawn({ ...node, value: own }, `timeline.${nameOf(node) ?? place}`));
      if (!parsed.success) {
        reader.issues(path, parsed.error.issues, ownKeys);
        return [];
      }
      const given = parsed.data;
      const id = nameOf(node) ?? `${given.do ?? given.runbook ?? ''}#${place + 1}`;
      if (ids.has(id))
        reader.problem(node, path, `two timeline entries are named ${id}`, 'give each its own id');
      ids.add(id);
      const at = map.get('at');
      if (at !== undefined)
        reader.problem(
          at,
          [...path, 'at'],
          'both at and when',
          'leave one: a time, or an alert that is waited for',
        );
      const steps = stepsOf(reader, parts, runbooks, given, node, place, id);
      const matchers = (given.matchers ?? []).flatMap((text, i) => {
        const made = matcherOf(text);
        if (typeof made !== 'string') return [made];
        const list = asList(map.get('matchers') ?? node) ?? [];
        reader.problem(
          list[i] ?? node,
          [...path, 'matchers', i],
          made,
          'write a matcher such as severity="page"',
        );
        return [];
      });
      if (given.coolDown !== undefined && given.once !== false)
        reader.problem(
          map.get('coolDown') ?? node,
          [...path, 'coolDown'],
          'a cool-down of what happens once',
          'add once: false, or remove coolDown',
        );
      if (steps === undefined) return [];
      return [
        {
          id,
          path,
          alert: given.when,
          matchers,
          of: given.of ?? 'acknowledged',
          responder: given.responder,
          after: given.after,
          whileFiring: given.whileFiring ?? false,
          once: given.once ?? true,
          coolDownMicros: given.coolDown ?? 0,
          steps,
        },
      ];
    });
}

/** The one action of an entry, or the steps of the runbook that it names; undefined where neither can be read. */
function stepsOf(
  reader: EntryReader,
  parts: readonly AnyPart[],
  runbooks: ReadonlyMap<string, readonly ActionStep[] | undefined>,
  given: { readonly do?: string | undefined; readonly runbook?: string | undefined },
  node: Located,
  place: number,
  id: string,
): readonly ActionStep[] | undefined {
  const path = ['timeline', place];
  if ((given.do === undefined) === (given.runbook === undefined)) {
    reader.problem(
      node,
      path,
      given.do === undefined ? 'neither do nor runbook' : 'both do and runbook',
      'give one: an action, or the name of a runbook',
    );
    return undefined;
  }
  if (given.do !== undefined) {
    const does = reader.action(given.do, node, path, [...ownKeys, 'at'], `timeline.${id}`);
    if (does === undefined || isAhead(does, node, path, reader, parts)) return undefined;
    return [{ ...does, after: undefined, path }];
  }
  const map = asMap(node)!;
  for (const [key, value] of map) {
    if (ownKeys.includes(key) || key === 'at') continue;
    const near = nearest(key, ownKeys);
    reader.problem(
      { file: value.file, line: value.keyLine, column: value.keyColumn },
      [...path, key],
      `there is no key ${key}`,
      near === undefined
        ? 'remove it: the steps of the runbook say what is done'
        : `write ${near}, or remove it`,
    );
  }
  const name = given.runbook!;
  if (!runbooks.has(name)) {
    const near = nearest(name, runbooks.keys());
    reader.problem(
      map.get('runbook') ?? node,
      [...path, 'runbook'],
      `there is no runbook ${name}`,
      near === undefined ? 'list it under runbooks' : `write ${near}`,
    );
  }
  return runbooks.get(name);
}

/** Runbooks by name; undefined for one that cannot be read, which is told. */
function readRunbooks(
  reader: EntryReader,
  parts: readonly AnyPart[],
): ReadonlyMap<string, readonly ActionStep[] | undefined> {
  const found = new Map<string, readonly ActionStep[] | undefined>();
  for (const { node, place } of reader.entries('runbooks', 1000, () => true)) {
    const path: Path = ['runbooks', place];
    const map = asMap(node)!;
    const name = nameOf(node);
    if (name === undefined) {
      reader.problem(node, [...path, 'name'], 'name is missing', 'add name');
      continue;
    }
    if (found.has(name))
      reader.problem(node, path, `two runbooks are named ${name}`, 'give each its own name');
    for (const [key, value] of map) {
      if (key === 'name' || key === 'steps') continue;
      reader.problem(
        { file: value.file, line: value.keyLine, column: value.keyColumn },
        [...path, key],
        `there is no key ${key}`,
        `write ${nearest(key, ['name', 'steps']) ?? 'name and steps'}, or remove it`,
      );
    }
    const list = asList(map.get('steps') ?? node);
    if (list === undefined || list.length === 0) {
      reader.problem(
        map.get('steps') ?? node,
        [...path, 'steps'],
        'a runbook without steps',
        'write a list of actions',
      );
      found.set(name, undefined);
      continue;
    }
    const steps = list.map((step, i) => readStep(reader, parts, step, [...path, 'steps', i], `${name}.${i}`));
    found.set(name, steps.every((s) => s !== undefined) ? steps : undefined);
  }
  return found;
}

function readStep(
  reader: EntryReader,
  parts: readonly AnyPart[],
  node: Located,
  path: Path,
  name: string,
): ActionStep | undefined {
  const map = asMap(node);
  if (map === undefined) {
    reader.problem(node, path, 'a step that is no map', 'write do, and what the action needs');
    return undefined;
  }
  const keys = Object.keys(stepKeys);
  const own = new Map([...map].filter(([key]) => keys.includes(key)));
  const parsed = z
    .strictObject(stepKeys)
    .safeParse(reader.drawn({ ...node, value: own }, `runbooks.${name}`));
  if (!parsed.success) {
    reader.issues(path, parsed.error.issues, keys);
    return undefined;
  }
  const does = reader.action(parsed.data.do, node, path, keys, `runbooks.${name}`);
  if (does === undefined || isAhead(does, node, path, reader, parts)) return undefined;
  return { ...does, after: parsed.data.after, path };
}

/** Tells that an action needs a time of its own. */
function isAhead(
  does: { readonly part: string; readonly action: string },
  node: Located,
  path: Path,
  reader: EntryReader,
  parts: readonly AnyPart[],
): boolean {
  const part = parts.find((p) => p.name === does.part) as unknown as Part;
  if (part.ahead?.includes(does.action) !== true) return false;
  reader.problem(
    asMap(node)?.get('do') ?? node,
    [...path, 'do'],
    `${does.part}.${does.action} cannot wait for an alert: when it happens has to be known before the run`,
    'give the entry a time (at:), or let the alert start another action',
  );
  return true;
}
