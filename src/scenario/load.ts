import { z } from 'zod';
import type { Metric } from '../engine/catalogue.ts';
import { nearest } from '../formats/nearest.ts';
import type { Problem, ReadText } from '../formats/problem.ts';
import { formatQuantity, parseQuantity } from '../formats/quantity.ts';
import { sampleFunctions } from '../promql/exact.ts';
import {
  type Expectation,
  type Expression,
  parseExpectation,
  parseExpression,
  type SyntaxProblem,
  selectorsOf,
  windowCallsOf,
} from '../promql/parse.ts';
import {
  changeEntry,
  conflictWarnings,
  freezeEntry,
  noCalendar,
  readCalendar,
  type ScenarioCalendar,
} from './calendar.ts';
import type { Checks } from './checks.ts';
import {
  asList,
  asMap,
  type Located,
  type LocatedMap,
  type Place,
  plain,
  problemAt,
  Sources,
  textPlace,
} from './document.ts';
import { readFiles } from './files.ts';
import { knownKeys } from './keys.ts';
import type { Part } from './part.ts';
import { entryOf, fromIssues, nameOf, nodeAt, pathText, sortProblems } from './problems.ts';
import { drawUncertain, isRecord } from './quantity.ts';
import { type Reaction, readReactions, runbook } from './reactions.ts';
import { parseMoment, parseTime } from './time.ts';

export { resolvePath } from './files.ts';

/** Keys of a timeline entry that are not its action's. */
const entryKeys: readonly string[] = ['at', 'do', 'id', 'name'];

/**
 * An `uncertain:` number is drawn no nearer than this to the ends of its distribution. What both ends give has passed the checks,
 * so that no replication can meet a value that a file could not have stated.
 */
const lowestDraw = 1e-6;

/** Ten years, in microseconds. */
const longestPeriod = 3.2e14;

export const roles = ['input', 'assumed', 'reconciled', 'fit', 'derived', 'predict', 'compare'] as const;

const entryName = z.string().min(1).max(200);

const timelineEntry = z.looseObject({
  at: z.string(),
  do: z.string(),
  id: z.union([z.string(), z.number()]).optional(),
  name: z.string().optional(),
});

const standardEntry = z.strictObject({
  standard: z.record(z.string(), z.number()),
  name: z.string().optional(),
});

const expectEntry = z.strictObject({
  name: entryName,
  that: z.string().optional(),
  scraped: z.string().optional(),
  every: z.string().optional(),
  at: z.string().optional(),
  throughout: z.union([z.literal(true), z.tuple([z.string(), z.string()])]).optional(),
  steady: z
    .union([z.literal(true), z.tuple([z.string(), z.string()])])
    .optional()
    .meta({
      description:
        'what is compared is the mean once it is steady, over the whole period or between two moments of constant load; what leads into it is cut off by MSER-5',
    }),
  holdsIn: z.string().optional(),
});

const observedEntry = z.strictObject({
  name: entryName,
  that: z.string().optional(),
  value: z.union([z.string(), z.number(), z.null()]),
  unit: z.string().optional(),
  range: z.tuple([z.union([z.string(), z.number()]), z.union([z.string(), z.number()])]).optional(),
  role: z.enum(roles),
  within: z.string().optional(),
  baseline: z
    .union([
      z.strictObject({ from: z.string(), times: z.string(), over: z.string() }),
      z.strictObject({ value: z.union([z.string(), z.number()]), says: z.string() }),
    ])
    .optional(),
  contradiction: z
    .string()
    .regex(/^K\d+$/, 'a number such as K5')
    .optional(),
  note: z.string().optional(),
  source: z.string(),
});

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
  facts: z
    .string()
    .meta({ description: 'a file of facts that `audit` checks against each other, relative to this file' })
    .optional(),
  shows: z.string().meta({ description: 'the expectation whose verdict differs from the base' }).optional(),
  vary: z
    .record(
      z.string(),
      z.union([
        z.string(),
        z
          .array(z.union([z.string(), z.number(), z.boolean()]))
          .min(1)
          .max(10_000),
        z.record(z.string().regex(/^[^,=]+$/, 'a name without , and ='), z.record(z.string(), z.unknown())),
      ]),
    )
    .meta({
      description:
        'settings by path, and the values that `sweep` and `plan` turn them to: a list, or LOW..HIGH:N; or a name of your own with variants by their names, each a map of settings by path',
    })
    .optional(),
  timeline: z.array(timelineEntry).max(10_000).optional(),
  runbooks: z.array(runbook).max(1000).optional(),
  changes: z.array(changeEntry).max(1000).optional(),
  freezes: z.array(freezeEntry).max(1000).optional(),
  expect: z
    .array(z.union([standardEntry, expectEntry]))
    .max(1000)
    .optional(),
  observed: z.array(observedEntry).max(5000).optional(),
} as const;

/** Keys whose lists are read entry by entry. */
const lists = ['timeline', 'runbooks', 'changes', 'freezes', 'expect', 'observed'] as const;

/** What the keys of a scenario say, without the lists, whose entries are checked one by one. */
type Top = Partial<Omit<z.output<z.ZodObject<typeof scenarioKeys>>, (typeof lists)[number]>>;
export type Draw = (path: string, shared: string | undefined) => number;

/** The period as far as it could be read: times are not checked against bounds that are not known. */
interface Period {
  readonly from: number;
  readonly length: number;
  readonly warmUp: number;
}

export interface TimelineEntry {
  readonly id: string;
  /** Microseconds from the start of the period. */
  readonly at: number;
  readonly part: string;
  readonly action: string;
  readonly args: unknown;
  /** Line of the entry in its file. */
  readonly line: number;
}

/** A comparison that a procedure looks at while it runs. */
export interface Condition {
  readonly path: string;
  readonly text: string;
  readonly expression: Expectation;
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
  /** Whether the mean over a steady state is compared, and not each value. */
  readonly steady: boolean;
  readonly holdsIn: number | undefined;
  /** `file:line`. */
  readonly place: string;
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
    | {
        readonly kind: 'proportional';
        readonly from: string;
        readonly times: string;
        readonly over: string;
      }
    | { readonly kind: 'value'; readonly value: number; readonly says: string }
    | null;
  readonly contradiction: string | null;
  readonly note: string | null;
  readonly source: string;
  /** `file:line`. */
  readonly place: string;
}

/** Settings by their paths that are turned together, as a file would hold them, by the name of the variant. */
export type Variants = Readonly<Record<string, Readonly<Record<string, unknown>>>>;

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
  /** What `sweep` turns, by path. */
  readonly vary: Readonly<Record<string, string | readonly (string | number | boolean)[] | Variants>>;
  /** What happens at a time of its own. */
  readonly timeline: readonly TimelineEntry[];
  /** What happens when an alert does, in one replication. */
  readonly reactions: (draw: Draw) => readonly Reaction[];
  /** Comparisons that procedures of the timeline look at. */
  readonly conditions: readonly Condition[];
  readonly expect: readonly ExpectationEntry[];
  readonly standard: ReadonlyMap<string, number>;
  readonly observed: readonly ObservedEntry[];
  /** Changes with their windows, and freezes; empty where none are declared. */
  readonly calendar: ScenarioCalendar;
  /** Where the file says what a path names, for findings that only the built platform shows. */
  readonly root: Located;
  readonly warnings: readonly Problem[];
  readonly hasUncertain: boolean;
  /** Whether two replications can differ by what the files say: something is `uncertain:` or `varies:`. */
  readonly draws: boolean;
  /** Settings of one replication by part: `uncertain:` numbers are drawn by the given function of (path, shared name). */
  readonly settings: (draw: Draw) => Readonly<Record<string, unknown>>;
  /** What the timeline's entries say in one replication, in their order. */
  readonly timelineArgs: (draw: Draw) => readonly unknown[];
  /** Plain data of the whole scenario, extends and platform merged in. */
  readonly resolved: Readonly<Record<string, unknown>>;
  readonly sources: readonly { readonly path: string; readonly value: string; readonly source: string }[];
  /** Texts that decide the result, for digests: by file. */
  readonly texts: ReadonlyMap<string, string>;
  /** Files among them that are merged into the scenario, and not read beside it. */
  readonly merged: ReadonlySet<string>;
  readonly readText: (path: string) => string;
}

export interface Loaded {
  readonly problems: readonly Problem[];
  readonly warnings: readonly Problem[];
  readonly scenario: Scenario | undefined;
  readonly texts: ReadonlyMap<string, string>;
}

/**
 * Reads a scenario and everything it names, and checks it whole: either a scenario, or every problem at once.
 * @param path of the scenario file, relative to the root that `readText` reads below
 * @param rules rule files that are played beside those of the scenario
 */
export function loadScenario(
  path: string,
  readText: ReadText,
  parts: readonly Part<never, never>[],
  rules: readonly string[] = [],
): Loaded {
  const sources = new Sources(readText);
  const problems: Problem[] = [];
  const read = readFiles(path, sources, problems);
  const root = read === undefined || rules.length === 0 ? read : withRules(read, rules);
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

/** The scenario with more rule files, as if it named them itself. */
function withRules(root: Located, rules: readonly string[]): Located {
  const top = asMap(root)!;
  const monitoring = top.get('monitoring');
  const place = { file: root.file, line: 0, column: 0, keyLine: 0, keyColumn: 0 };
  const more = rules.map((file): Located => ({ ...place, value: file }));
  const own = asMap(monitoring) ?? new Map<string, Located>();
  const list = { ...place, value: [...(asList(own.get('rules')) ?? []), ...more] };
  const made: Located = {
    ...(monitoring ?? place),
    value: new Map<string, Located>([...own, ['rules', list]]),
  };
  return { ...root, value: new Map<string, Located>([...top, ['monitoring', made]]) };
}

/** A cross-check asked for a part that has problems of its own. */
class CannotCheck extends Error {}

class Checker {
  private readonly path: string;
  private readonly root: Located;
  private readonly sources: Sources;
  private readonly parts: readonly Part<never, never>[];
  private readonly problems: Problem[];
  private readonly metrics: Map<string, Metric>;
  private readonly conditions: Condition[] = [];

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
    this.metrics = new Map(
      parts.flatMap((part) => part.catalogue.metrics.map((metric) => [metric.name, metric])),
    );
  }

  private problem(at: Place, path: readonly PropertyKey[], found: string, mend: string): void {
    this.problems.push(problemAt(at, pathText(this.root, path), found, mend));
  }

  check(): Scenario | undefined {
    const top = this.top();
    const { made: settings, failed } = this.parse(() => 0.5, true);
    for (const part of this.parts as unknown as readonly Part[]) {
      const own =
        settings[part.name] === undefined
          ? []
          : (part.metrics?.(settings[part.name], (file) => this.sources.read(file)) ?? []);
      for (const metric of own) this.metrics.set(metric.name, metric);
    }
    const period = this.period(top);
    const timeline = this.timeline(period, () => 0.5, true);
    const reactions = this.reactions(() => 0.5, true);
    const uncertain = this.hasUncertain();
    // A draw from the far ends must pass the same limits as a written value.
    if (uncertain && this.good()) {
      for (const u of [lowestDraw, 1 - lowestDraw]) {
        this.parse(() => u, true);
        this.timeline(period, () => u, true);
        this.reactions(() => u, true);
      }
    }
    const expect = this.expectations(top, period);
    const observed = this.observed();
    const until =
      top.until === undefined ? undefined : this.promql(['until'], top.until, parseExpectation, bothSides);
    this.crossChecks(settings, failed, timeline, reactions, period);
    this.steadyStates(expect.entries, settings, timeline, period);
    const calendar = this.calendar(period, timeline, settings);
    if (failed.size > 0 || !this.good()) return undefined;
    const restrained = (draw: Draw): Draw => {
      return (path, shared) => lowestDraw + draw(path, shared) * (1 - 2 * lowestDraw);
    };
    return {
      file: this.path,
      title: top.title ?? this.path,
      platform: top.platform ?? '',
      from: top.from ?? '',
      length: period.length,
      warmUp: period.warmUp,
      until: until === undefined ? undefined : { text: top.until ?? '', expression: until },
      seed: String(top.seed ?? '1'),
      shows: top.shows,
      vary: top.vary ?? {},
      timeline,
      reactions: (draw) => (uncertain ? this.reactions(restrained(draw), false) : reactions),
      conditions: this.conditions,
      expect: expect.entries,
      standard: expect.standard,
      observed,
      calendar,
      root: this.root,
      warnings: [],
      hasUncertain: uncertain,
      draws:
        uncertain ||
        drawsAnything(settings) ||
        timeline.some((entry) => drawsAnything(entry.args)) ||
        drawsAnything(reactions),
      settings: (draw) => (uncertain ? this.parse(restrained(draw), false).made : settings),
      timelineArgs: (draw) =>
        (uncertain ? this.timeline(period, restrained(draw), false) : timeline).map((entry) => entry.args),
      resolved: plain(this.root) as Record<string, unknown>,
      sources: this.annotated(),
      texts: this.sources.texts,
      merged: this.sources.merged,
      readText: (file) => this.sources.read(file) ?? '',
    };
  }

  private good(): boolean {
    return this.problems.every((p) => p.severity === 'warning');
  }

  /** Every key by itself, so that one problem hides no other. */
  private top(): Top {
    const map = asMap(this.root) ?? new Map<string, Located>();
    const partNames = this.parts.map((p) => p.name);
    for (const [key, node] of map) {
      if (partNames.includes(key) || Object.hasOwn(scenarioKeys, key)) continue;
      const near = nearest(key, [...Object.keys(scenarioKeys), ...partNames]);
      this.problem(
        keyPlace(node),
        [key],
        `there is no key ${key}`,
        near === undefined ? 'remove it' : `write ${near}, or remove it`,
      );
    }
    const made: Record<string, unknown> = {};
    for (const [key, schema] of Object.entries(scenarioKeys)) {
      // The version was checked in each file.
      if ([...lists, 'rehearse'].includes(key)) continue;
      const node = map.get(key);
      const parsed = (schema as z.ZodType).safeParse(node === undefined ? undefined : plain(node));
      if (parsed.success) made[key] = parsed.data;
      else this.problems.push(...fromIssues(this.root, [key], parsed.error.issues, () => []));
    }
    return made as Top;
  }

  /** The entries of a list that pass their schema, with their places; what is wrong with the others is told. */
  private entries<T>(
    key: string,
    most: number,
    schemaOf: (entry: LocatedMap) => z.ZodType<T>,
    tell: boolean,
    isWanted: (entry: LocatedMap) => boolean = () => true,
  ): { readonly given: T; readonly node: Located; readonly place: number }[] {
    const node = asMap(this.root)?.get(key);
    if (node === undefined) return [];
    const list = asList(node);
    if (list === undefined || list.length > most) {
      const found = list === undefined ? `${key} is no list` : `${list.length} entries`;
      if (tell)
        this.problem(node, [key], found, list === undefined ? 'write a list' : `write at most ${most}`);
      return [];
    }
    return list.flatMap((entry, place) => {
      const map = asMap(entry);
      if (map === undefined) {
        if (tell) this.problem(entry, [key, place], 'an entry that is no map', 'write keys and values');
        return [];
      }
      if (!isWanted(map)) return [];
      const schema = schemaOf(map);
      const parsed = schema.safeParse(plain(entry));
      if (parsed.success) return [{ given: parsed.data, node: entry, place }];
      if (tell) {
        this.problems.push(
          ...fromIssues(this.root, [key, place], parsed.error.issues, (path) =>
            knownKeys(schema, path.slice(2)),
          ),
        );
      }
      return [];
    });
  }

  /** What a schema found, but for values about which more was told since `told` problems were known. */
  private tellIssues(
    path: readonly PropertyKey[],
    issues: readonly z.core.$ZodIssue[],
    known: (path: readonly PropertyKey[]) => readonly string[],
    told: number,
    refused?: (key: string) => string | undefined,
  ): void {
    const since = this.problems.slice(told).map((p) => p.path);
    const fresh = fromIssues(this.root, path, issues, known, refused);
    this.problems.push(...fresh.filter((p) => !since.some((inner) => inner.startsWith(`${p.path}.`))));
  }

  /** Whether a number of the parts or of the timeline is `uncertain:`. */
  private hasUncertain(): boolean {
    const walk = (node: Located | undefined): boolean =>
      node !== undefined &&
      (asMap(node)?.has('uncertain') === true ||
        (asList(node) ?? []).some(walk) ||
        [...(asMap(node)?.values() ?? [])].some(walk));
    const root = asMap(this.root);
    return (
      walk(root?.get('timeline')) ||
      walk(root?.get('runbooks')) ||
      this.parts.some((part) => walk(root?.get(part.name)))
    );
  }

  /** Whether the scenario has settings of any of the parts around one. */
  private hasAround(centre: string): boolean {
    const root = asMap(this.root);
    return this.parts.some((part) => part.around === centre && root?.has(part.name) === true);
  }

  /** Whether the scenario has a platform that needs no brokers and no nodes, and nothing that rests on them. */
  private standsAlone(): boolean {
    const root = asMap(this.root);
    const present = this.parts.filter((part) => root?.has(part.name) === true);
    return (
      present.every((part) => part.stands !== undefined) && present.some((part) => part.stands === 'alone')
    );
  }

  /** The settings of each part that passes its schema. */
  private parse(
    draw: Draw,
    tell: boolean,
  ): { readonly made: Readonly<Record<string, unknown>>; readonly failed: ReadonlySet<string> } {
    const made: Record<string, unknown> = {};
    const failed = new Set<string>();
    for (const part of this.parts) {
      const node = asMap(this.root)?.get(part.name);
      const told = this.problems.length;
      const data = node === undefined ? undefined : this.drawn(node, part.name, draw, tell);
      if (node === undefined) {
        if (part.around !== undefined && !this.hasAround(part.around)) continue;
        const without = part.settings.safeParse({});
        if (without.success) made[part.name] = without.data;
        else if (part.needed && !this.standsAlone()) {
          failed.add(part.name);
          if (tell)
            this.problem(
              this.root,
              [part.name],
              `${part.name} is missing: ${part.says}`,
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
      failed.add(part.name);
      if (tell)
        this.tellIssues(
          [part.name],
          parsed.error.issues,
          (path) => knownKeys(part.settings, path.slice(1)),
          told,
          part.refused,
        );
    }
    return { made, failed };
  }

  /** Plain data with every `uncertain:` number drawn and every file of recorded values read. */
  private drawn(node: Located, path: string, draw: Draw, tell: boolean): unknown {
    if (Array.isArray(node.value)) {
      return (node.value as readonly Located[]).map((x, i) =>
        this.drawn(x, `${path}.${nameOf(x) ?? i}`, draw, tell),
      );
    }
    if (!(node.value instanceof Map)) return node.value;
    const map = node.value as LocatedMap;
    const recorded = asMap(map.get('empirical'))?.get('file');
    if (recorded !== undefined)
      return { empirical: { of: this.recorded(recorded, `${path}.empirical.file`, tell) } };
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
        this.drawn(distribution, `${path}.uncertain`, draw, tell),
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

  /** Recorded values: one a line under the heading `value`, each with its unit. */
  private recorded(node: Located, path: string, tell: boolean): readonly string[] {
    const problem = (found: string, mend: string) => {
      if (tell) this.problems.push(problemAt(node, path, found, mend));
      return [];
    };
    if (typeof node.value !== 'string') return problem('no file name', 'name a file');
    const text = this.sources.read(node.value);
    if (text === undefined)
      return problem(`there is no file ${node.value}`, 'correct the path; it is relative to this file');
    const [heading, ...values] = text
      .split('\n')
      .map((line) => line.trim())
      .filter((line) => line !== '');
    if (heading !== 'value' || values.length === 0) {
      return problem(
        `${node.value} holds no recorded values`,
        'write a line with the word value, then one value a line',
      );
    }
    return values;
  }

  private period(top: Top): Period {
    const unknown = { from: Number.NaN, length: Number.POSITIVE_INFINITY, warmUp: 0 };
    if (top.from === undefined || top.to === undefined) return unknown;
    const from = parseTime(top.from);
    const at = (key: string) => nodeAt(this.root, [key]).node;
    if (from === undefined) {
      this.problem(
        at('from'),
        ['from'],
        `${top.from.slice(0, 40)} is no time`,
        'write RFC 3339, as in 2025-01-31T16:00:00Z',
      );
      return unknown;
    }
    const to = parseMoment(top.to, from);
    if (typeof to === 'string') {
      this.problem(at('to'), ['to'], to, 'write RFC 3339, or an offset such as +50m');
      return { ...unknown, from };
    }
    if (to <= 0 || to > longestPeriod) {
      if (to <= 0) {
        const mend = `write a time after ${top.from} (line ${at('from').line})`;
        this.problem(at('to'), ['to'], 'the period ends before it begins', mend);
      } else this.problem(at('to'), ['to'], 'the period is longer than ten years', 'play a shorter period');
      return { ...unknown, from };
    }
    let warmUp = 0;
    if (top.warmUp !== undefined) {
      const parsed = parseQuantity(top.warmUp, 'duration');
      if (!parsed.ok) this.problem(at('warmUp'), ['warmUp'], parsed.found, parsed.mend);
      else if (parsed.value < 0)
        this.problem(at('warmUp'), ['warmUp'], 'the warm-up is negative', 'write a duration such as 10m');
      else warmUp = parsed.value;
    }
    return { from, length: to, warmUp };
  }

  private moment(
    text: string,
    node: Located,
    path: readonly PropertyKey[],
    period: Period,
    tell = true,
  ): number {
    const at = parseMoment(text, period.from);
    if (!tell) return typeof at === 'string' ? 0 : at;
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

  private timeline(period: Period, draw: Draw, tell: boolean): TimelineEntry[] {
    const names = new Set<string>();
    const isTimed = (entry: LocatedMap) => !entry.has('when');
    return this.entries('timeline', 10_000, () => timelineEntry, tell, isTimed).flatMap(
      ({ given, node, place }) => {
        const path = ['timeline', place];
        const map = asMap(node) ?? new Map<string, Located>();
        const id = nameOf(node) ?? `${given.do}#${place + 1}`;
        if (tell && names.has(id)) {
          this.problem(node, path, `two timeline entries are named ${id}`, 'give each its own id');
        }
        names.add(id);
        const at = this.moment(given.at, map.get('at') ?? node, [...path, 'at'], period, tell);
        const does = this.action(given.do, node, path, entryKeys, `timeline.${id}`, draw, tell);
        return does === undefined ? [] : [{ id, at, ...does, line: node.line }];
      },
    );
  }

  /** The entries that wait for an alert, with what they do. */
  private reactions(draw: Draw, tell: boolean): Reaction[] {
    return readReactions(
      {
        root: this.root,
        entries: (key, most, isWanted) =>
          this.entries(key, most, () => z.looseObject({}), tell, isWanted).map(({ node, place }) => ({
            node,
            place,
          })),
        drawn: (node, path) => this.drawn(node, path, draw, tell),
        action: (does, node, path, own, drawPath) => this.action(does, node, path, own, drawPath, draw, tell),
        issues: (path, issues, keys) => {
          if (tell) this.tellIssues(path, issues, () => keys, this.problems.length);
        },
        problem: (at, path, found, mend) => {
          if (tell) this.problem(at, path, found, mend);
        },
      },
      this.parts,
    );
  }

  /** What an entry does: the action that it names, with what else the entry says. */
  private action(
    does: string,
    node: Located,
    path: readonly PropertyKey[],
    ownKeys: readonly string[],
    drawPath: string,
    draw: Draw,
    tell: boolean,
  ): { readonly part: string; readonly action: string; readonly args: unknown } | undefined {
    const map = asMap(node) ?? new Map<string, Located>();
    const actions = new Map<string, { part: Part<never, never>; action: string }>();
    for (const part of this.parts) {
      for (const action of Object.keys(part.actions)) actions.set(`${part.name}.${action}`, { part, action });
    }
    const known = actions.get(does);
    if (known === undefined) {
      const near = nearest(does, actions.keys());
      const all = [...actions.keys()].join(', ');
      if (tell) {
        this.problem(
          map.get('do') ?? node,
          [...path, 'do'],
          `there is no action ${does.slice(0, 60)}`,
          near === undefined ? `write one of ${all}` : `write ${near}; the actions are ${all}`,
        );
      }
      return undefined;
    }
    const rest = new Map([...map].filter(([key]) => !ownKeys.includes(key)));
    const schema = known.part.actions[known.action].args as z.ZodType;
    const told = this.problems.length;
    const parsed = schema.safeParse(this.drawn({ ...node, value: rest }, drawPath, draw, tell));
    if (parsed.success) return { part: known.part.name, action: known.action, args: parsed.data };
    const keys = (p: readonly PropertyKey[]) => [
      ...knownKeys(schema, p.slice(path.length)),
      ...(p.length === path.length ? ownKeys : []),
    ];
    if (tell) this.tellIssues(path, parsed.error.issues, keys, told);
    return undefined;
  }

  /** A problem at a character of a text. */
  private problemIn(path: readonly PropertyKey[], offset: number, found: string, mend: string): void {
    const { node } = nodeAt(this.root, path);
    const at = textPlace(node, offset, this.sources.texts.get(node.file) ?? '');
    this.problem({ file: node.file, ...at }, path, found, mend);
  }

  /** Reads an expression, and looks up each metric and label that it names. */
  private promql<T>(
    path: readonly PropertyKey[],
    text: string,
    parse: (text: string) => { ok: true; value: T } | { ok: false; problems: readonly SyntaxProblem[] },
    expressions: (value: T) => readonly Expression[],
    isExact = true,
  ): T | undefined {
    const tell = (offset: number, found: string, mend: string) => this.problemIn(path, offset, found, mend);
    const parsed = parse(text);
    if (!parsed.ok) {
      for (const p of parsed.problems) tell(p.offset, p.message, p.mend);
      return undefined;
    }
    const read = expressions(parsed.value);
    for (const call of isExact ? read.flatMap(windowCallsOf) : []) {
      if (sampleFunctions.has(call.name))
        tell(
          call.at,
          `${call.name} counts samples, and here every change counts`,
          'give it a subquery, as in sum_over_time(x[5m:15s]), or write scraped: in an expectation',
        );
    }
    for (const selector of read.flatMap(selectorsOf)) {
      if (selector.name === '') {
        tell(selector.at, 'a pattern of metric names', 'name one metric');
        continue;
      }
      const metric = this.metrics.get(selector.name);
      if (metric === undefined) {
        const near = nearest(selector.name, this.metrics.keys());
        tell(
          selector.at,
          `there is no metric ${selector.name.slice(0, 80)}`,
          near === undefined ? 'name a metric of docs/reference' : `write ${near}`,
        );
        continue;
      }
      for (const matcher of selector.matchers) {
        if (metric.openLabels || metric.labels.includes(matcher.label) || matcher.label === '__name__')
          continue;
        const labels = metric.labels.join(', ');
        tell(
          selector.at,
          `${metric.name} has no label ${matcher.label}`,
          labels === '' ? 'remove the matcher: the metric has no labels' : `use one of ${labels}`,
        );
      }
    }
    return parsed.value;
  }

  private expectations(
    top: Top,
    period: Period,
  ): { entries: ExpectationEntry[]; standard: ReadonlyMap<string, number> } {
    const entries: ExpectationEntry[] = [];
    const standard = new Map<string, number>();
    const risks = this.parts.flatMap((p) => p.catalogue.risks.map((r) => r.name));
    const names = new Set<string>();
    const schemaOf = (
      entry: LocatedMap,
    ): z.ZodType<z.output<typeof standardEntry> | z.output<typeof expectEntry>> =>
      entry.has('standard') ? standardEntry : expectEntry;
    for (const { given, node, place } of this.entries('expect', 1000, schemaOf, true)) {
      const path = ['expect', place];
      if ('standard' in given) {
        for (const [risk, limit] of Object.entries(given.standard)) {
          if (!risks.includes(risk)) {
            const near = nearest(risk, risks);
            const at = asMap(asMap(node)?.get('standard'))?.get(risk);
            this.problem(
              at === undefined ? node : { ...at, line: at.keyLine, column: at.keyColumn },
              [...path, risk],
              `there is no risk ${risk}`,
              near === undefined ? `write one of ${risks.join(', ')}` : `write ${near}`,
            );
          }
          standard.set(risk, limit);
        }
        continue;
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
        continue;
      }
      const whens = (['at', 'throughout', 'steady'] as const).filter((key) => given[key] !== undefined);
      if (whens.length > 1) {
        this.problem(node, path, `both ${whens.join(' and ')}`, 'give one of them, or none for the end');
        continue;
      }
      if (given.steady !== undefined && given.scraped !== undefined) {
        this.problem(
          nodeAt(this.root, [...path, 'steady']).node,
          [...path, 'steady'],
          'a steady state of what was scraped',
          'write that in place of scraped',
        );
        continue;
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
      const text = given.that ?? given.scraped ?? '';
      const expression = this.promql([...path, key], text, parseExpectation, bothSides, key === 'that');
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
      } else {
        const key = whens[0] === 'steady' ? 'steady' : 'throughout';
        const span = given[key];
        const words = key === 'steady' ? 'on average in the steady state' : 'throughout';
        if (span === true) {
          from = 0;
          when = words;
        } else if (span !== undefined) {
          const place = nodeAt(this.root, [...path, key]).node;
          from = this.moment(span[0], place, [...path, key], period);
          to = this.moment(span[1], place, [...path, key], period);
          when =
            key === 'steady' ? `${words} of ${span[0]} to ${span[1]}` : `${words} ${span[0]} to ${span[1]}`;
          if (to < from)
            this.problem(place, [...path, key], 'it ends before it begins', 'write the earlier time first');
        }
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
          steady: given.steady !== undefined,
          holdsIn,
          place: `${node.file}:${node.line}`,
        });
      }
    }
    const all = (asList(asMap(this.root)?.get('expect')) ?? []).map((entry) => nameOf(entry) ?? '');
    if (top.shows !== undefined && !all.includes(top.shows)) {
      const near = nearest(top.shows, all);
      this.problem(
        nodeAt(this.root, ['shows']).node,
        ['shows'],
        `there is no expectation ${top.shows}`,
        near === undefined ? 'name one of expect' : `write ${near}`,
      );
    }
    return { entries, standard };
  }

  /** A steady state is one under a constant load: nothing of the timeline and no curve may change it meanwhile. */
  private steadyStates(
    expect: readonly ExpectationEntry[],
    settings: Readonly<Record<string, unknown>>,
    timeline: readonly TimelineEntry[],
    period: Period,
  ): void {
    for (const { name, steady, from, to } of expect) {
      if (!steady) continue;
      const entry = timeline.find((t) => t.at > from && t.at < to);
      const moves = (this.parts as unknown as readonly Part[]).flatMap((p) =>
        settings[p.name] === undefined
          ? []
          : (p.changesBetween?.(settings[p.name], period.warmUp + from, period.warmUp + to) ?? []),
      );
      if (entry === undefined && moves.length === 0) continue;
      const path = ['expect', name, 'steady'];
      this.problem(
        nodeAt(this.root, path).node,
        path,
        `the load is not constant meanwhile: ${entry === undefined ? moves[0] : `${entry.id} begins inside it`}`,
        'name two moments between which nothing changes, as in steady: [+10m, +40m], or write throughout',
      );
    }
  }

  private observed(): ObservedEntry[] {
    const entries: ObservedEntry[] = [];
    const names = new Set((asList(asMap(this.root)?.get('observed')) ?? []).map((o) => nameOf(o) ?? ''));
    const seen = new Set<string>();
    const fitted = this.fittedOn();
    for (const { given, node, place } of this.entries('observed', 5000, () => observedEntry, true)) {
      const path = ['observed', place];
      if (seen.has(given.name))
        this.problem(node, path, `two observed facts are named ${given.name}`, 'give each its own name');
      seen.add(given.name);
      const expression =
        given.that === undefined
          ? undefined
          : this.promql([...path, 'that'], given.that, parseExpression, (e) => [e]);
      const value = given.value === null ? undefined : observedValue(given.value);
      if (given.value !== null && value === undefined)
        this.problem(
          nodeAt(this.root, [...path, 'value']).node,
          [...path, 'value'],
          `${given.value} is no quantity`,
          'write a number, or a quantity such as 26s',
        );
      let range = value === undefined || given.value === null ? null : printedRange(given.value, value);
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
      const parameter = given.role === 'predict' ? fitted.get(given.name) : undefined;
      if (parameter !== undefined) {
        this.problem(
          asMap(node)?.get('role') ?? node,
          [...path, 'role'],
          `${parameter} was fitted on this fact, so it is not predicted`,
          'write role: fit, or use a parameter that was fitted on other facts',
        );
      }
      let baseline: ObservedEntry['baseline'] = null;
      if (given.baseline !== undefined && 'from' in given.baseline) {
        const { from, times, over } = given.baseline;
        for (const name of [from, times, over]) {
          if (!names.has(name))
            this.problem(
              node,
              [...path, 'baseline'],
              `there is no observed fact ${name}`,
              `write ${nearest(name, names) ?? 'the name of one'}`,
            );
        }
        baseline = { kind: 'proportional', from, times, over };
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
          'add baseline: { from, times, over } (from x times / over), or { value, says }',
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
    }
    return entries;
  }

  /** The parameter in use that was fitted on a fact, by the fact's name. */
  private fittedOn(): ReadonlyMap<string, string> {
    const found = new Map<string, string>();
    const walk = (node: Located, path: string) => {
      const map = asMap(node);
      const facts = map?.get('fittedOn');
      if (facts !== undefined) {
        for (const fact of asList(facts) ?? [facts]) found.set(String(fact.value), path);
      }
      for (const [key, value] of map ?? []) walk(value, `${path}.${key}`);
      asList(node)?.forEach((value, i) => {
        walk(value, `${path}.${nameOf(value) ?? i}`);
      });
    };
    for (const part of this.parts) {
      const node = asMap(this.root)?.get(part.name);
      if (node !== undefined) walk(node, part.name);
    }
    return found;
  }

  /** The changes and freezes; conflicts between good ones are findings, which stop nothing. */
  private calendar(
    period: Period,
    timeline: readonly TimelineEntry[],
    settings: Readonly<Record<string, unknown>>,
  ): ScenarioCalendar {
    const told = this.problems.length;
    const changes = this.entries('changes', 1000, () => changeEntry, true);
    const freezes = this.entries('freezes', 1000, () => freezeEntry, true);
    if (Number.isNaN(period.from) || (changes.length === 0 && freezes.length === 0)) return noCalendar;
    const calendar = readCalendar({
      changes,
      freezes,
      names: (asList(asMap(this.root)?.get('changes')) ?? []).flatMap((entry) => nameOf(entry) ?? []),
      timeline,
      settings,
      parts: this.parts,
      from: period.from,
      problem: (path, found, mend) => this.problem(nodeAt(this.root, path).node, path, found, mend),
    });
    if (this.problems.length > told) return noCalendar;
    this.problems.push(...conflictWarnings(this.root, calendar, period.from));
    return calendar;
  }

  /** The checks of parts and actions. One that asks for a part which failed its schema is left out: it could only mislead. */
  private crossChecks(
    settings: Readonly<Record<string, unknown>>,
    failed: ReadonlySet<string>,
    timeline: readonly TimelineEntry[],
    reactions: readonly Reaction[],
    period: Period,
  ): void {
    const checks: Checks = {
      settings: <T>(part: string) => {
        if (failed.has(part)) throw new CannotCheck(part);
        return settings[part] as T | undefined;
      },
      timeline,
      reactions,
      until: period.length,
      from: period.from,
      isMetric: (name) => this.parts.some((part) => part.catalogue.metrics.some((m) => m.name === name)),
      problem: (path, found, mend) => this.problem(nodeAt(this.root, path).node, path, found, mend),
      warning: (path, found, mend) => {
        const { node } = nodeAt(this.root, path);
        this.problems.push(problemAt(node, pathText(this.root, path), found, mend, 'warning'));
      },
      problemsOf: (problems) => this.problems.push(...problems),
      lineOf: (path) => nodeAt(this.root, path).node.line,
      written: (path) => {
        const { node, exact } = nodeAt(this.root, path);
        const value = asMap(node)?.get('value')?.value ?? node.value;
        return !exact || typeof value !== 'string' ? undefined : value;
      },
      readText: (path) => this.sources.read(path),
      problemIn: (path, offset, found, mend) => this.problemIn(path, offset, found, mend),
      expression: (path, text) => {
        const parsed = parseExpression(text);
        if (parsed.ok) return parsed.value;
        for (const p of parsed.problems) this.problemIn(path, p.offset, p.message, p.mend);
        return undefined;
      },
      condition: (path, text) => {
        const expression = this.promql(path, text, parseExpectation, bothSides);
        if (expression !== undefined)
          this.conditions.push({ path: pathText(this.root, path), text, expression });
        return expression;
      },
    };
    const run = (check: () => void) => {
      try {
        check();
      } catch (error) {
        if (!(error instanceof CannotCheck)) throw error;
      }
    };
    for (const part of this.parts as unknown as readonly Part[]) {
      if (settings[part.name] !== undefined) run(() => part.check?.(settings[part.name], checks));
    }
    const checkAction = (
      {
        part: name,
        action,
        args,
      }: { readonly part: string; readonly action: string; readonly args: unknown },
      at: readonly (string | number)[],
    ) => {
      const part = this.parts.find((p) => p.name === name);
      if (part !== undefined && settings[part.name] === undefined && !failed.has(part.name)) {
        checks.problem(
          [...at, 'do'],
          `${part.name} is missing: ${part.says}`,
          `add ${part.name}, or name a platform that has it`,
        );
        return;
      }
      run(() => part?.actions[action].check?.(args as never, checks, at));
    };
    for (const entry of timeline) checkAction(entry, ['timeline', entryIndex(this.root, entry.id)]);
    // The steps of a runbook stand once in the file, whoever follows it.
    const steps = new Map(reactions.flatMap((r) => r.steps.map((step) => [step.path.join('.'), step])));
    for (const step of steps.values()) checkAction(step, step.path);
  }

  /** Values that say where they come from. */
  private annotated(): { path: string; value: string; source: string }[] {
    const found: { path: string; value: string; source: string }[] = [];
    const walk = (node: Located, path: string) => {
      if (Array.isArray(node.value)) {
        (node.value as readonly Located[]).forEach((x, i) => {
          walk(x, `${path}.${nameOf(x) ?? i}`);
        });
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

function keyPlace(node: Located): Place {
  return { file: node.file, line: node.keyLine, column: node.keyColumn };
}

function bothSides({ operand, limit }: Expectation): readonly Expression[] {
  return [operand, limit];
}

/** Whether a distribution that can give two values lies anywhere in a value. */
function drawsAnything(value: unknown): boolean {
  if (typeof value !== 'object' || value === null || ArrayBuffer.isView(value)) return false;
  if ('sample' in value && 'draws' in value) return value.draws === true;
  return Object.values(value).some(drawsAnything);
}
