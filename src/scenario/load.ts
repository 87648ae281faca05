import { z } from 'zod';
import { nearest } from '../formats/nearest.ts';
import type { Problem, ReadText } from '../formats/problem.ts';
import { formatQuantity, parseQuantity } from '../formats/quantity.ts';
import {
  type Expectation,
  type Expression,
  parseExpectation,
  parseExpression,
  type SyntaxProblem,
} from '../promql/parse.ts';
import type { Checks } from './checks.ts';
import {
  asList,
  asMap,
  type Located,
  type LocatedMap,
  limits,
  plain,
  problemAt,
  readDocument,
  Sources,
} from './document.ts';
import { knownKeys } from './keys.ts';
import type { Part } from './part.ts';
import { entryOf, fromIssues, nameOf, nodeAt, pathText, sortProblems } from './problems.ts';
import { drawUncertain, isRecord } from './quantity.ts';
import { parseMoment, parseTime } from './time.ts';

export const roles = ['input', 'assumed', 'reconciled', 'fit', 'derived', 'predict', 'compare'] as const;

const entryName = z.string().min(1).max(200);

/** What a scenario says beside the settings of the parts. */
export const scenarioKeys = {
  rehearse: z.literal(1),
  title: z.string().max(300).optional(),
  platform: z.string().optional(),
  extends: z.union([z.string(), z.array(z.string()).max(20)]).optional(),
  from: z.string().meta({ description: 'start of the period, RFC 3339' }),
  to: z.string().meta({ description: 'end of the period, RFC 3339 or an offset such as +50m' }),
  warmUp: z.string().meta({ description: 'played before `from` and left out of every measure' }).optional(),
  until: z.string().meta({ description: 'a PromQL comparison: the run ends when it first holds' }).optional(),
  seed: z.union([z.string(), z.number()]).optional(),
  shows: z.string().meta({ description: 'the expectation whose verdict differs from the base' }).optional(),
  timeline: z
    .array(
      z.looseObject({
        at: z.string(),
        do: z.string(),
        id: z.string().optional(),
        name: z.string().optional(),
      }),
    )
    .max(10_000)
    .optional(),
  expect: z
    .array(
      z.union([
        z.strictObject({ standard: z.record(z.string(), z.number()), name: z.string().optional() }),
        z.strictObject({
          name: entryName,
          that: z.string().optional(),
          scraped: z.string().optional(),
          every: z.string().optional(),
          at: z.string().optional(),
          throughout: z.union([z.literal(true), z.tuple([z.string(), z.string()])]).optional(),
          holdsIn: z.string().optional(),
        }),
      ]),
    )
    .max(1000)
    .optional(),
  observed: z
    .array(
      z.strictObject({
        name: entryName,
        that: z.string().optional(),
        value: z.union([z.string(), z.number(), z.null()]),
        unit: z.string().optional(),
        range: z.tuple([z.union([z.string(), z.number()]), z.union([z.string(), z.number()])]).optional(),
        role: z.enum(roles),
        within: z.string().optional(),
        baseline: z
          .union([
            z.strictObject({ proportionalTo: z.string(), from: z.string() }),
            z.strictObject({ value: z.union([z.string(), z.number()]), says: z.string() }),
          ])
          .optional(),
        contradiction: z
          .string()
          .regex(/^K\d+$/, 'a number such as K5')
          .optional(),
        note: z.string().optional(),
        source: z.string(),
      }),
    )
    .max(5000)
    .optional(),
  vary: z.record(z.string(), z.array(z.unknown()).min(1)).optional(),
} as const;

export interface TimelineEntry {
  readonly id: string;
  /** Microseconds from the start of the period. */
  readonly at: number;
  readonly part: string;
  readonly action: string;
  readonly args: unknown;
}

export interface ExpectationEntry {
  readonly name: string;
  readonly text: string;
  readonly expression: Expectation;
  readonly mode: 'exact' | 'scraped';
  readonly scrapeMicros: number;
  readonly from: number;
  readonly to: number;
  readonly when: string;
  readonly holdsIn: number | undefined;
}

export interface ObservedEntry {
  readonly name: string;
  readonly text: string;
  readonly expression: Expression | undefined;
  readonly value: number | null;
  /** The values that the printed digits allow. */
  readonly range: readonly [number, number] | null;
  readonly unit: string;
  readonly role: (typeof roles)[number];
  readonly within: number | null;
  readonly baseline:
    | { readonly kind: 'proportional'; readonly driver: string; readonly from: string }
    | { readonly kind: 'value'; readonly value: number; readonly says: string }
    | null;
  readonly contradiction: string | null;
  readonly note: string | null;
  readonly source: string;
  /** `file:line`. */
  readonly place: string;
}

/** A scenario that has passed every check. */
export interface Scenario {
  readonly file: string;
  readonly title: string;
  readonly platform: string;
  readonly from: string;
  readonly length: number;
  readonly warmUp: number;
  readonly until: { readonly text: string; readonly expression: Expectation } | undefined;
  readonly seed: string;
  readonly shows: string | undefined;
  readonly timeline: readonly TimelineEntry[];
  readonly expect: readonly ExpectationEntry[];
  readonly standard: ReadonlyMap<string, number>;
  readonly observed: readonly ObservedEntry[];
  readonly warnings: readonly Problem[];
  readonly hasUncertain: boolean;
  /** Settings of one replication by part: `uncertain:` numbers are drawn by the given function of (path, shared name). */
  readonly settings: (
    draw: (path: string, shared: string | undefined) => number,
  ) => Readonly<Record<string, unknown>>;
  /** Plain data of the whole scenario, extends and platform merged in. */
  readonly resolved: Readonly<Record<string, unknown>>;
  readonly sources: readonly { readonly path: string; readonly value: string; readonly source: string }[];
  /** Texts that decide the result, for digests: by file. */
  readonly texts: ReadonlyMap<string, string>;
  readonly readText: (path: string) => string;
}

export interface Loaded {
  readonly problems: readonly Problem[];
  readonly warnings: readonly Problem[];
  readonly scenario: Scenario | undefined;
  readonly texts: ReadonlyMap<string, string>;
}

/** Keys whose value names a file, relative to the file that holds the key. */
const fileKeys: ReadonlySet<string> = new Set(['assignment', 'file']);
/** Lists that merge by id or name; others are replaced. */
function mergesByName(list: readonly Located[]): boolean {
  return list.length > 0 && list.every((entry) => nameOf(entry) !== undefined);
}

/**
 * Reads a scenario and everything it names, and checks it whole: either a scenario, or every problem at once.
 * @param path of the scenario file, relative to the root that `readText` reads below
 */
export function loadScenario(path: string, readText: ReadText, parts: readonly Part<never, never>[]): Loaded {
  const sources = new Sources(readText);
  const problems: Problem[] = [];
  const root = new Loader(sources, problems).scenario(path);
  if (root === undefined)
    return { problems: sortProblems(problems), warnings: [], scenario: undefined, texts: sources.texts };
  const scenario = new Checker(path, root, sources, parts, problems).check();
  const all = sortProblems(problems);
  const hard = all.filter((p) => p.severity === 'problem');
  const warnings = all.filter((p) => p.severity === 'warning');
  return {
    problems: hard,
    warnings,
    scenario: hard.length === 0 && scenario !== undefined ? { ...scenario, warnings } : undefined,
    texts: sources.texts,
  };
}

/** The path of a file that another one names; undefined when it leads out of the root. */
export function resolvePath(from: string, to: string): string | undefined {
  if (to.startsWith('/') || /^[A-Za-z]:/.test(to) || to.includes('\\')) return undefined;
  const words = from.split('/').slice(0, -1);
  for (const word of to.split('/')) {
    if (word === '' || word === '.') continue;
    if (word !== '..') words.push(word);
    else if (words.pop() === undefined) return undefined;
  }
  return words.join('/');
}

class Loader {
  private readonly sources: Sources;
  private readonly problems: Problem[];
  private files = 0;

  constructor(sources: Sources, problems: Problem[]) {
    this.sources = sources;
    this.problems = problems;
  }

  scenario(path: string): Located | undefined {
    const own = this.withBases(path, []);
    const map = asMap(own);
    if (own === undefined || map === undefined) return undefined;
    const platform = map.get('platform');
    if (platform === undefined) return own;
    const base = this.named(platform, []);
    if (base === undefined) return undefined;
    const inherited = new Map(asMap(base) ?? []);
    for (const key of ['name', 'extends', 'title', 'rehearse']) inherited.delete(key);
    return merge({ ...base, value: inherited }, own);
  }

  private withBases(path: string, chain: readonly string[]): Located | undefined {
    this.files += 1;
    if (this.files > limits.files) {
      this.problems.push(
        problemAt(
          { file: path, line: 0, column: 0 },
          '',
          `more than ${limits.files} files are named`,
          'extend fewer files',
        ),
      );
      return undefined;
    }
    const node = readDocument(path, this.sources, this.problems);
    const map = asMap(node);
    if (node === undefined || map === undefined) return undefined;
    const named = map.get('extends');
    const own = { ...node, value: new Map([...map].filter(([key]) => key !== 'extends')) };
    if (named === undefined) return filesResolved(own, this.problems) as Located;
    const bases = asList(named) ?? [named];
    let result: Located | undefined;
    for (const base of bases) {
      const made = this.named(base, [...chain, path]);
      if (made === undefined) return undefined;
      result = result === undefined ? made : merge(result, made);
    }
    const resolved = filesResolved(own, this.problems);
    return result === undefined ? resolved : merge(result, resolved);
  }

  private named(at: Located, chain: readonly string[]): Located | undefined {
    const problem = (found: string, mend: string) => {
      this.problems.push(problemAt(at, 'extends', found, mend));
      return undefined;
    };
    if (typeof at.value !== 'string' || at.value === '') return problem('no file name', 'name a file');
    const path = resolvePath(at.file, at.value);
    if (path === undefined)
      return problem(
        `${at.value} leads out of the project`,
        'name a file below the folder of package.json or .git',
      );
    if (chain.includes(path))
      return problem(`${path} extends itself, by way of ${chain.join(', ')}`, 'break the circle');
    if (this.sources.read(path) === undefined)
      return problem(`there is no file ${path}`, 'correct the path; it is relative to this file');
    return this.withBases(path, chain);
  }
}

/** Makes the paths in file keys relative to the root. */
function filesResolved(node: Located, problems: Problem[]): Located {
  if (Array.isArray(node.value))
    return { ...node, value: (node.value as readonly Located[]).map((x) => filesResolved(x, problems)) };
  if (!(node.value instanceof Map)) return node;
  const made = new Map<string, Located>();
  for (const [key, value] of node.value as LocatedMap) {
    if (fileKeys.has(key) && typeof value.value === 'string') {
      const path = resolvePath(value.file, value.value);
      if (path === undefined) {
        problems.push(
          problemAt(
            value,
            key,
            `${value.value} leads out of the project`,
            'name a file below the folder of package.json or .git',
          ),
        );
      }
      made.set(key, { ...value, value: path ?? value.value });
    } else made.set(key, filesResolved(value, problems));
  }
  return { ...node, value: made };
}

/** `over` on top of `base`: maps by key, named lists by name, everything else replaced; null removes. */
function merge(base: Located, over: Located): Located {
  const lower = asMap(base);
  const upper = asMap(over);
  if (lower !== undefined && upper !== undefined) {
    if (isSpecial(upper) || isSpecial(lower)) return over;
    const made = new Map(lower);
    for (const [key, value] of upper) {
      const below = made.get(key);
      if (value.value === null && below !== undefined) made.delete(key);
      else made.set(key, below === undefined ? value : merge(below, value));
    }
    return { ...over, value: made };
  }
  const first = asList(base);
  const second = asList(over);
  if (first !== undefined && second !== undefined && mergesByName(first) && mergesByName(second)) {
    const made = [...first];
    for (const entry of second) {
      const at = made.findIndex((x) => nameOf(x) === nameOf(entry));
      if (at < 0) made.push(entry);
      else made[at] = merge(made[at]!, entry);
    }
    return { ...over, value: made };
  }
  return over;
}

/** A quantity with its annotations, or a distribution: replaced whole. */
function isSpecial(map: LocatedMap): boolean {
  return map.has('uncertain') || map.has('varies') || (map.has('value') && !map.has('name'));
}

class Checker {
  private readonly path: string;
  private readonly root: Located;
  private readonly sources: Sources;
  private readonly parts: readonly Part<never, never>[];
  private readonly problems: Problem[];

  constructor(
    path: string,
    root: Located,
    sources: Sources,
    parts: readonly Part<never, never>[],
    problems: Problem[],
  ) {
    this.path = path;
    this.root = root;
    this.sources = sources;
    this.parts = parts;
    this.problems = problems;
  }

  private problem(at: Located, path: readonly PropertyKey[], found: string, mend: string): void {
    this.problems.push(problemAt(at, pathText(this.root, path), found, mend));
  }

  check(): Scenario | undefined {
    const map = asMap(this.root)!;
    const partNames = this.parts.map((p) => p.name);
    const own: Record<string, unknown> = {};
    for (const [key, node] of map) {
      if (partNames.includes(key)) continue;
      if (Object.hasOwn(scenarioKeys, key)) own[key] = plain(node);
      else {
        const near = nearest(key, [...Object.keys(scenarioKeys), ...partNames]);
        this.problem(
          { ...node, line: node.keyLine, column: node.keyColumn },
          [key],
          `there is no key ${key}`,
          near === undefined ? 'remove it' : `write ${near}, or remove it`,
        );
      }
    }
    const top = z.object(scenarioKeys).safeParse(own);
    if (!top.success) {
      this.problems.push(
        ...fromIssues(this.root, [], top.error.issues, (path) => knownKeys(z.object(scenarioKeys), path)),
      );
    }
    const uncertain = this.uncertainNodes();
    const settings = this.settings((_path, _shared) => 0.5, true);
    // A draw from the far ends must pass the same limits as a written value.
    if (uncertain.length > 0 && settings !== undefined) {
      for (const u of [1e-6, 1 - 1e-6]) this.settings(() => u, true);
    }
    if (!top.success) return undefined;
    const period = this.period(top.data);
    const timeline = this.timeline(period);
    const expect = this.expectations(top.data, period);
    const observed = this.observed(top.data);
    const until =
      top.data.until === undefined
        ? undefined
        : this.promql('until', ['until'], top.data.until, parseExpectation);
    if (settings !== undefined) this.crossChecks(settings, timeline, period.length);
    if (this.problems.some((p) => p.severity === 'problem') || settings === undefined) return undefined;
    return {
      file: this.path,
      title: top.data.title ?? this.path,
      platform: top.data.platform ?? '',
      from: top.data.from,
      length: period.length,
      warmUp: period.warmUp,
      until: until === undefined ? undefined : { text: top.data.until!, expression: until },
      seed: String(top.data.seed ?? '1'),
      shows: top.data.shows,
      timeline,
      expect: expect.entries,
      standard: expect.standard,
      observed,
      warnings: [],
      hasUncertain: uncertain.length > 0,
      settings: (draw) => this.settings(draw, false) ?? settings,
      resolved: plain(this.root) as Record<string, unknown>,
      sources: this.annotated(),
      texts: this.sources.texts,
      readText: (file) => this.sources.read(file) ?? '',
    };
  }

  /** Paths of all `uncertain:` numbers. */
  private uncertainNodes(): Located[] {
    const found: Located[] = [];
    const walk = (node: Located) => {
      if (asMap(node)?.has('uncertain') === true) found.push(node);
      else if (Array.isArray(node.value)) for (const x of node.value as readonly Located[]) walk(x);
      else if (node.value instanceof Map) for (const x of (node.value as LocatedMap).values()) walk(x);
    };
    for (const part of this.parts) {
      const node = asMap(this.root)?.get(part.name);
      if (node !== undefined) walk(node);
    }
    return found;
  }

  private settings(
    draw: (path: string, shared: string | undefined) => number,
    tell: boolean,
  ): Readonly<Record<string, unknown>> | undefined {
    const made: Record<string, unknown> = {};
    let good = true;
    for (const part of this.parts) {
      const node = asMap(this.root)?.get(part.name);
      const data = node === undefined ? undefined : this.drawn(node, part.name, draw, tell);
      if (node === undefined) {
        const without = part.settings.safeParse({});
        if (without.success) made[part.name] = without.data;
        else if (part.needed) {
          good = false;
          if (tell)
            this.problem(
              this.root,
              [part.name],
              `is missing: ${part.says}`,
              `add ${part.name}, or name a platform that has it`,
            );
        }
        continue;
      }
      const parsed = part.settings.safeParse(data);
      if (parsed.success) {
        made[part.name] = parsed.data;
        continue;
      }
      good = false;
      if (tell) {
        this.problems.push(
          ...fromIssues(this.root, [part.name], parsed.error.issues, (path) =>
            knownKeys(part.settings, path.slice(1)),
          ),
        );
      }
    }
    return good ? made : undefined;
  }

  private drawn(
    node: Located,
    path: string,
    draw: (path: string, shared: string | undefined) => number,
    tell: boolean,
  ): unknown {
    if (Array.isArray(node.value)) {
      return (node.value as readonly Located[]).map((x, i) =>
        this.drawn(x, `${path}.${nameOf(x) ?? i}`, draw, tell),
      );
    }
    if (!(node.value instanceof Map)) return node.value;
    const map = node.value as LocatedMap;
    const distribution = map.get('uncertain');
    if (distribution !== undefined) {
      const shared = map.get('shared')?.value;
      const extra = [...map.keys()].find(
        (key) => !['uncertain', 'shared', 'source', 'fittedOn'].includes(key),
      );
      if (extra !== undefined && tell) {
        this.problems.push(
          problemAt(
            map.get(extra)!,
            `${path}.${extra}`,
            `${extra} beside uncertain`,
            'leave only uncertain, shared and source',
          ),
        );
      }
      const value = drawUncertain(
        plain(distribution),
        draw(path, typeof shared === 'string' ? shared : undefined),
      );
      if ('found' in value) {
        if (tell) this.problems.push(problemAt(distribution, `${path}.uncertain`, value.found, value.mend));
        return 0;
      }
      return value.value;
    }
    const made: Record<string, unknown> = {};
    for (const [key, value] of map) made[key] = this.drawn(value, `${path}.${key}`, draw, tell);
    return made;
  }

  private period(top: { from: string; to: string; warmUp?: string | undefined }): {
    from: number;
    length: number;
    warmUp: number;
  } {
    const from = parseTime(top.from);
    const at = (key: string) => nodeAt(this.root, [key]).node;
    if (from === undefined) {
      this.problem(
        at('from'),
        ['from'],
        `${top.from.slice(0, 40)} is no time`,
        'write RFC 3339, as in 2025-10-03T16:00:00Z',
      );
      return { from: 0, length: 0, warmUp: 0 };
    }
    const to = parseMoment(top.to, from);
    if (typeof to === 'string') {
      this.problem(at('to'), ['to'], to, 'write RFC 3339, or an offset such as +50m');
      return { from, length: 0, warmUp: 0 };
    }
    if (to <= 0)
      this.problem(
        at('to'),
        ['to'],
        'the period ends before it begins',
        `write a time after ${top.from} (line ${at('from').line})`,
      );
    if (to > 3.2e14)
      this.problem(at('to'), ['to'], 'the period is longer than ten years', 'play a shorter period');
    let warmUp = 0;
    if (top.warmUp !== undefined) {
      const parsed = parseQuantity(top.warmUp, 'duration');
      if (!parsed.ok) this.problem(at('warmUp'), ['warmUp'], parsed.found, parsed.mend);
      else if (parsed.value < 0)
        this.problem(at('warmUp'), ['warmUp'], 'the warm-up is negative', 'write a duration such as 10m');
      else warmUp = parsed.value;
    }
    return { from, length: Math.max(0, to), warmUp };
  }

  private moment(
    text: string,
    node: Located,
    path: readonly PropertyKey[],
    period: { from: number; length: number },
  ): number {
    const at = parseMoment(text, period.from);
    if (typeof at === 'string') {
      this.problem(node, path, at, 'write RFC 3339, or an offset such as +10m');
      return 0;
    }
    if (at < 0 || at > period.length) {
      this.problem(
        node,
        path,
        `${text} lies outside the period`,
        `write a time from +0s to +${formatQuantity(period.length, 'duration')}`,
      );
      return 0;
    }
    return at;
  }

  private timeline(period: { from: number; length: number }): TimelineEntry[] {
    const entries: TimelineEntry[] = [];
    const names = new Set<string>();
    const list = asList(asMap(this.root)?.get('timeline')) ?? [];
    const actions = new Map<string, { part: Part<never, never>; action: string }>();
    for (const part of this.parts) {
      for (const action of Object.keys(part.actions)) actions.set(`${part.name}.${action}`, { part, action });
    }
    list.forEach((node, i) => {
      const map = asMap(node);
      if (map === undefined) return;
      const path = ['timeline', i];
      const id = nameOf(node) ?? `${String(map.get('do')?.value ?? 'entry')}#${i + 1}`;
      if (names.has(id))
        this.problem(node, path, `two timeline entries are named ${id}`, 'give each its own id');
      names.add(id);
      const at = map.get('at');
      const when =
        at === undefined || typeof at.value !== 'string'
          ? 0
          : this.moment(at.value, at, [...path, 'at'], period);
      const what = map.get('do');
      const known = what === undefined ? undefined : actions.get(String(what.value));
      if (what !== undefined && known === undefined) {
        const near = nearest(String(what.value), actions.keys());
        this.problem(
          what,
          [...path, 'do'],
          `there is no action ${String(what.value).slice(0, 60)}`,
          `${near === undefined ? 'write' : `write ${near}, or`} one of ${[...actions.keys()].join(', ')}`,
        );
      }
      if (known === undefined) return;
      const rest = new Map([...map].filter(([key]) => !['at', 'do', 'id', 'name'].includes(key)));
      const schema = known.part.actions[known.action]!.args as z.ZodType;
      const parsed = schema.safeParse(plain({ ...node, value: rest }));
      if (!parsed.success) {
        this.problems.push(
          ...fromIssues(this.root, path, parsed.error.issues, (p) => [
            ...knownKeys(schema, p.slice(2)),
            ...(p.length === 2 ? ['at', 'do', 'id'] : []),
          ]),
        );
        return;
      }
      entries.push({ id, at: when, part: known.part.name, action: known.action, args: parsed.data });
    });
    return entries;
  }

  private promql<T>(
    _what: string,
    path: readonly PropertyKey[],
    text: string,
    parse: (text: string) => { ok: true; value: T } | { ok: false; problems: readonly SyntaxProblem[] },
  ): T | undefined {
    const parsed = parse(text);
    if (parsed.ok) return parsed.value;
    const node = nodeAt(this.root, path).node;
    // A plain scalar on one line keeps its columns; of a quoted or folded one only the beginning is sure.
    const row = this.sources.texts.get(node.file)?.split('\n', node.line)[node.line - 1] ?? '';
    const straight = row.slice(node.column - 1).startsWith(text);
    for (const p of parsed.problems) {
      this.problems.push(
        problemAt(
          { ...node, column: node.column + (straight ? p.offset : 0) },
          pathText(this.root, path),
          p.message,
          p.mend,
        ),
      );
    }
    return undefined;
  }

  private expectations(
    top: z.output<z.ZodObject<typeof scenarioKeys>>,
    period: { from: number; length: number },
  ): { entries: ExpectationEntry[]; standard: ReadonlyMap<string, number> } {
    const entries: ExpectationEntry[] = [];
    const standard = new Map<string, number>();
    const risks = this.parts.flatMap((p) => p.catalogue.risks.map((r) => r.name));
    const names = new Set<string>();
    (top.expect ?? []).forEach((given, i) => {
      const path = ['expect', i];
      const { node } = nodeAt(this.root, path);
      if ('standard' in given) {
        for (const [risk, limit] of Object.entries(given.standard)) {
          if (!risks.includes(risk)) {
            const near = nearest(risk, risks);
            const at = asMap(asMap(node)?.get('standard'))?.get(risk);
            this.problem(
              at === undefined ? node : { ...at, line: at.keyLine, column: at.keyColumn },
              [...path, 'standard', risk],
              `there is no risk ${risk}`,
              near === undefined ? `write one of ${risks.join(', ')}` : `write ${near}`,
            );
          }
          standard.set(risk, limit);
        }
        return;
      }
      if (names.has(given.name))
        this.problem(node, path, `two expectations are named ${given.name}`, 'give each its own name');
      names.add(given.name);
      if ((given.that === undefined) === (given.scraped === undefined)) {
        this.problem(
          node,
          path,
          given.that === undefined ? 'neither that nor scraped' : 'both that and scraped',
          'give one of them: that: for every change, scraped: for what a scraper saw',
        );
        return;
      }
      if (given.at !== undefined && given.throughout !== undefined) {
        this.problem(node, path, 'both at and throughout', 'give one of them, or none for the end');
        return;
      }
      if (given.every !== undefined && given.scraped === undefined) {
        this.problem(
          node,
          [...path, 'every'],
          'a scrape interval without scraped',
          'remove every, or write scraped in place of that',
        );
      }
      const key = given.that === undefined ? 'scraped' : 'that';
      const text = (given.that ?? given.scraped)!;
      const expression = this.promql('expect', [...path, key], text, parseExpectation);
      let scrapeMicros = 15_000_000;
      if (given.every !== undefined) {
        const every = parseQuantity(given.every, 'duration');
        if (!every.ok || every.value < 1_000_000)
          this.problem(
            nodeAt(this.root, [...path, 'every']).node,
            [...path, 'every'],
            every.ok ? 'shorter than a second' : every.found,
            'write a scrape interval such as 15s',
          );
        else scrapeMicros = every.value;
      }
      let from = period.length;
      let to = period.length;
      let when = 'at the end';
      if (given.at !== undefined) {
        from = this.moment(given.at, nodeAt(this.root, [...path, 'at']).node, [...path, 'at'], period);
        to = from;
        when = `at ${given.at}`;
      } else if (given.throughout === true) {
        from = 0;
        when = 'throughout';
      } else if (given.throughout !== undefined) {
        const place = nodeAt(this.root, [...path, 'throughout']).node;
        from = this.moment(given.throughout[0], place, [...path, 'throughout'], period);
        to = this.moment(given.throughout[1], place, [...path, 'throughout'], period);
        when = `throughout ${given.throughout[0]} to ${given.throughout[1]}`;
        if (to < from)
          this.problem(
            place,
            [...path, 'throughout'],
            'it ends before it begins',
            'write the earlier time first',
          );
      }
      let holdsIn: number | undefined;
      if (given.holdsIn !== undefined) {
        const share = parseQuantity(given.holdsIn, 'ratio');
        if (!share.ok || share.value <= 0 || share.value > 1)
          this.problem(
            nodeAt(this.root, [...path, 'holdsIn']).node,
            [...path, 'holdsIn'],
            `${given.holdsIn} is no share of replications`,
            'write a share such as 99%',
          );
        else holdsIn = share.value;
      }
      if (expression !== undefined) {
        entries.push({
          name: given.name,
          text,
          expression,
          mode: given.that === undefined ? 'scraped' : 'exact',
          scrapeMicros,
          from,
          to,
          when,
          holdsIn,
        });
      }
    });
    if (top.shows !== undefined && !names.has(top.shows)) {
      const near = nearest(top.shows, names);
      this.problem(
        nodeAt(this.root, ['shows']).node,
        ['shows'],
        `there is no expectation ${top.shows}`,
        near === undefined ? 'name one of expect' : `write ${near}`,
      );
    }
    return { entries, standard };
  }

  private observed(top: z.output<z.ZodObject<typeof scenarioKeys>>): ObservedEntry[] {
    const entries: ObservedEntry[] = [];
    const names = new Set((top.observed ?? []).map((o) => o.name));
    const seen = new Set<string>();
    (top.observed ?? []).forEach((given, i) => {
      const path = ['observed', i];
      const { node } = nodeAt(this.root, path);
      if (seen.has(given.name))
        this.problem(node, path, `two observed facts are named ${given.name}`, 'give each its own name');
      seen.add(given.name);
      const expression =
        given.that === undefined
          ? undefined
          : this.promql('observed', [...path, 'that'], given.that, parseExpression);
      const value = given.value === null ? undefined : observedValue(given.value);
      if (given.value !== null && value === undefined)
        this.problem(
          nodeAt(this.root, [...path, 'value']).node,
          [...path, 'value'],
          `${given.value} is no quantity`,
          'write a number, or a quantity such as 26s',
        );
      let range = value === undefined ? null : printedRange(given.value!, value);
      if (given.range !== undefined) {
        const [low, high] = [observedValue(given.range[0]), observedValue(given.range[1])];
        if (low === undefined || high === undefined || high.value < low.value)
          this.problem(
            nodeAt(this.root, [...path, 'range']).node,
            [...path, 'range'],
            'no range',
            'write [low, high]',
          );
        else range = [low.value, high.value];
      }
      let within: number | null = null;
      if (given.within !== undefined) {
        const share = parseQuantity(given.within, 'ratio');
        if (!share.ok || share.value < 0)
          this.problem(
            nodeAt(this.root, [...path, 'within']).node,
            [...path, 'within'],
            share.ok ? 'a negative share' : share.found,
            'write a share such as 10%',
          );
        else within = share.value;
      }
      if (given.role === 'predict' && within === null)
        this.problem(node, path, 'a prediction without a band', 'add within: 10%');
      let baseline: ObservedEntry['baseline'] = null;
      if (given.baseline !== undefined && 'proportionalTo' in given.baseline) {
        const { proportionalTo, from } = given.baseline;
        const driver = `${proportionalTo} of ${given.name}`;
        for (const name of [from]) {
          if (!names.has(name))
            this.problem(
              node,
              [...path, 'baseline'],
              `there is no observed fact ${name}`,
              `write ${nearest(name, names) ?? 'the name of one'}`,
            );
        }
        baseline = {
          kind: 'proportional',
          driver: names.has(proportionalTo) ? proportionalTo : driver,
          from,
        };
      } else if (given.baseline !== undefined && 'value' in given.baseline) {
        const parsed = observedValue(given.baseline.value);
        if (parsed === undefined)
          this.problem(
            node,
            [...path, 'baseline'],
            'a baseline that is no quantity',
            'write a number, or a quantity',
          );
        else baseline = { kind: 'value', value: parsed.value, says: given.baseline.says };
      }
      if (given.role === 'predict' && given.baseline === undefined)
        this.problem(
          node,
          path,
          'a prediction without a naive baseline',
          'add baseline: { proportionalTo, from } or { value, says }',
        );
      entries.push({
        name: given.name,
        text: given.that ?? '',
        expression,
        value: value?.value ?? null,
        range,
        unit: given.unit ?? value?.unit ?? '',
        role: given.role,
        within,
        baseline,
        contradiction: given.contradiction ?? null,
        note: given.note ?? null,
        source: given.source,
        place: `${node.file}:${node.line}`,
      });
    });
    return entries;
  }

  private crossChecks(
    settings: Readonly<Record<string, unknown>>,
    timeline: readonly TimelineEntry[],
    until: number,
  ): void {
    const file = asMap(this.root)!;
    const make = (): Checks => ({
      settings: <T>(part: string) => settings[part] as T | undefined,
      until,
      problem: (path, found, mend) => this.problem(nodeAt(this.root, path).node, path, found, mend),
      warning: (path, found, mend) => {
        const { node } = nodeAt(this.root, path);
        this.problems.push(problemAt(node, pathText(this.root, path), found, mend, 'warning'));
      },
      lineOf: (path) => nodeAt(this.root, path).node.line,
      readText: (path) => this.sources.read(path),
    });
    for (const part of this.parts) {
      if (part.check !== undefined && settings[part.name] !== undefined && file !== undefined) {
        (part.check as (s: unknown, checks: Checks) => void)(settings[part.name], make());
      }
    }
    for (const entry of timeline) {
      const part = this.parts.find((p) => p.name === entry.part)!;
      const check = part.actions[entry.action]!.check as
        | ((args: unknown, checks: Checks, at: readonly (string | number)[]) => void)
        | undefined;
      check?.(entry.args, make(), ['timeline', entryIndex(this.root, entry.id)]);
    }
  }

  /** Values that say where they come from. */
  private annotated(): { path: string; value: string; source: string }[] {
    const found: { path: string; value: string; source: string }[] = [];
    const walk = (node: Located, path: string) => {
      if (Array.isArray(node.value)) {
        (node.value as readonly Located[]).forEach((x, i) => walk(x, `${path}.${nameOf(x) ?? i}`));
        return;
      }
      const map = asMap(node);
      if (map === undefined) return;
      const source = map.get('source');
      const value = map.get('value') ?? map.get('uncertain') ?? map.get('varies');
      if (source !== undefined && value !== undefined) {
        const data = plain(value);
        found.push({
          path,
          value: isRecord(data) ? JSON.stringify(data) : String(data),
          source: String(source.value),
        });
        return;
      }
      for (const [key, x] of map) walk(x, path === '' ? key : `${path}.${key}`);
    };
    for (const part of this.parts) {
      const node = asMap(this.root)?.get(part.name);
      if (node !== undefined) walk(node, part.name);
    }
    return found;
  }
}

function entryIndex(root: Located, id: string): number | string {
  const list = asList(asMap(root)?.get('timeline')) ?? [];
  return entryOf(list, id) === undefined
    ? list.findIndex((entry, i) => `${String(asMap(entry)?.get('do')?.value)}#${i + 1}` === id)
    : id;
}

/** An observed number in the unit that a reader compares in: seconds, bytes, bytes per second, a share, or as written. */
function observedValue(given: string | number): { value: number; unit: string } | undefined {
  if (typeof given === 'number') return Number.isFinite(given) ? { value: given, unit: '' } : undefined;
  const time = parseQuantity(given, 'duration');
  if (time.ok) return { value: time.value / 1e6, unit: 's' };
  for (const [dimension, unit] of [
    ['bytes', 'B'],
    ['byteRate', 'B/s'],
    ['rate', '/s'],
    ['ratio', 'ratio'],
  ] as const) {
    const parsed = parseQuantity(given, dimension);
    if (parsed.ok) return { value: parsed.value, unit };
  }
  const number = parseQuantity(given, 'number');
  return number.ok ? { value: number.value, unit: '' } : undefined;
}

/** The interval that printed digits stand for: 22 is 21.5 to 22.5. */
function printedRange(given: string | number, read: { value: number }): readonly [number, number] {
  const digits = /\d+(?:\.(\d+))?/.exec(String(given));
  const written = digits === null ? 0 : Number(digits[0]);
  if (written === 0) return [read.value, read.value];
  const unit = Math.abs(read.value) / written;
  let step = unit / 2;
  for (let i = 0; i < (digits?.[1]?.length ?? 0); i += 1) step /= 10;
  return [read.value - step, read.value + step];
}
