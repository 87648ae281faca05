import { z } from 'zod';
import { nearest } from '../../formats/nearest.ts';
import type { Problem, ReadText } from '../../formats/problem.ts';
import { parseQuantity } from '../../formats/quantity.ts';
import { asList, asMap, type Located, plain, problemAt, readDocument, Sources } from '../document.ts';
import { readFiles, resolvePath } from '../files.ts';
import { knownKeys } from '../keys.ts';
import { fromIssues, sortProblems } from '../problems.ts';
import type { Citation, Fact, Facts, Subject, Validity } from './fact.ts';
import type { Interval } from './interval.ts';
import { type Quantity, quantities } from './quantities.ts';
import { readInstant, readValue } from './value.ts';

const name = z.string().min(1).max(200);

const subject = z.strictObject({
  kind: name.meta({ description: 'what it is: parts of one kind in one whole are summed' }),
  in: name.optional().meta({ description: 'the whole that it is a part of' }),
  complete: z.array(name).optional().meta({ description: 'kinds of its parts of which every one is listed' }),
  after: z
    .union([name, z.array(name)])
    .optional()
    .meta({ description: 'what must have happened before it' }),
  on: z
    .union([name, z.array(name)])
    .optional()
    .meta({ description: 'what it acts on: a broker that it restarts, topics of which it reads one' }),
  zone: name.optional(),
});

const fact = z.strictObject({
  quantity: z.string(),
  of: name,
  value: z
    .union([z.string(), z.number()])
    .meta({ description: 'as it is printed: 180MB/s, 45..60min, 1.., ~45min, 16:00:05, or absent' }),
  source: z.union([z.int().min(1), z.array(z.int().min(1)).min(1).max(50), z.string().min(1)]).meta({
    description: 'lines of the log, or another source in words',
  }),
  at: z.string().optional(),
  from: z.string().optional(),
  to: z.string().optional(),
  over: z.string().optional().meta({ description: 'length of the window that was counted or averaged' }),
  printed: z.string().optional().meta({ description: 'how the log prints it, where its digits differ' }),
});

const label = z.strictObject({
  id: name,
  rule: z.string(),
  of: z.union([name, z.array(name)]).optional(),
  quantity: z.string().optional().meta({ description: 'one that a fact of the finding states' }),
});

/** The shape of a facts file. */
export const factsFile = z.strictObject({
  rehearse: z.literal(1),
  title: z.string().max(300).optional(),
  log: z.string().optional().meta({ description: 'the text that source: numbers the lines of' }),
  date: z
    .string()
    .regex(/^\d{4}-\d\d-\d\d$/, 'a date such as 2025-01-31')
    .optional()
    .meta({ description: 'day of clock times without one' }),
  subjects: z.record(z.string(), subject),
  facts: z.array(fact).max(20_000),
  labels: z
    .array(label)
    .max(1000)
    .optional()
    .meta({ description: 'what a rule finds about a subject is called' }),
});

/** The shape of a facts file as JSON Schema, for editors. */
export function factsJsonSchema(): unknown {
  return { title: 'Facts for rehearse audit', ...z.toJSONSchema(factsFile, { io: 'input' }) };
}

export interface ReadFacts {
  readonly problems: readonly Problem[];
  readonly facts: Facts | undefined;
  readonly texts: ReadonlyMap<string, string>;
}

/**
 * Reads a facts file, and checks each fact against the vocabulary and against the log: a line that is cited must hold the number.
 * @param path of the facts file, or of a scenario that names one, below the root of `readText`
 * @param rules names that `labels:` may use
 */
export function readFacts(path: string, readText: ReadText, rules: readonly string[]): ReadFacts {
  const sources = new Sources(readText);
  const problems: Problem[] = [];
  let file = path;
  let root = readDocument(path, sources, problems);
  if (root !== undefined && !isFactsFile(root)) {
    const named = namedFacts(path, sources, problems);
    file = named ?? path;
    root = named === undefined ? undefined : readDocument(named, sources, problems);
  }
  const facts = root === undefined ? undefined : new FactsReader(file, root, sources, problems, rules).read();
  return {
    problems: sortProblems(problems),
    facts: problems.length === 0 ? facts : undefined,
    texts: sources.texts,
  };
}

/** A scenario has a period; what has none is taken for facts, so that what it lacks is told as theirs. */
function isFactsFile(root: Located): boolean {
  const map = asMap(root)!;
  return (
    map.has('subjects') ||
    asList(map.get('facts')) !== undefined ||
    !scenarioMarks.some((key) => map.has(key))
  );
}

const scenarioMarks = ['from', 'extends', 'platform', 'timeline'] as const;

/** The facts file that a scenario names, itself or by what it extends. */
function namedFacts(path: string, sources: Sources, problems: Problem[]): string | undefined {
  const scenario = readFiles(path, sources, problems);
  if (scenario === undefined) return undefined;
  const named = asMap(scenario)?.get('facts');
  if (typeof named?.value === 'string') {
    if (sources.read(named.value) !== undefined) return named.value;
    problems.push(
      problemAt(
        named,
        'facts',
        `there is no file ${named.value}`,
        'correct the path; it is relative to this file',
      ),
    );
  } else
    problems.push(
      problemAt(
        named ?? { file: path, line: 0, column: 0 },
        'facts',
        'the scenario names no facts',
        'add facts: FILE to it, or name a file of facts',
      ),
    );
  return undefined;
}

class FactsReader {
  private readonly path: string;
  private readonly root: Located;
  private readonly sources: Sources;
  private readonly problems: Problem[];
  private readonly rules: readonly string[];

  constructor(path: string, root: Located, sources: Sources, problems: Problem[], rules: readonly string[]) {
    this.path = path;
    this.root = root;
    this.sources = sources;
    this.problems = problems;
    this.rules = rules;
  }

  read(): Facts | undefined {
    const parsed = factsFile.safeParse(plain(this.root));
    if (!parsed.success) {
      this.problems.push(
        ...fromIssues(this.root, [], parsed.error.issues, (path) => knownKeys(factsFile, path)),
      );
      return undefined;
    }
    const { data } = parsed;
    const logPath = data.log === undefined ? undefined : resolvePath(this.path, data.log);
    const log =
      logPath === undefined ? undefined : this.sources.read(logPath)?.replace(/\n$/, '').split('\n');
    if (data.log !== undefined && log === undefined)
      this.tell(
        asMap(this.root)!.get('log')!,
        'log',
        `there is no file ${data.log}`,
        'correct the path; it is relative to this file',
      );
    const subjects = this.subjects(data.subjects);
    const list = asList(asMap(this.root)!.get('facts')) ?? [];
    const facts = data.facts.flatMap((given, i) => {
      const made = this.fact(given, list[i]!, i, data.date, logPath, log, subjects);
      return made === undefined ? [] : [made];
    });
    const labelNodes = asList(asMap(this.root)!.get('labels')) ?? [];
    const labels = (data.labels ?? []).map((l, i) => {
      const node = asMap(labelNodes[i])!;
      if (!this.rules.includes(l.rule))
        this.unknown(node.get('rule')!, `labels.${i}.rule`, 'rule', l.rule, this.rules);
      if (l.quantity !== undefined && !quantities.has(l.quantity))
        this.unknown(
          node.get('quantity')!,
          `labels.${i}.quantity`,
          'quantity',
          l.quantity,
          quantities.keys(),
        );
      const names = l.of === undefined ? [] : [l.of].flat();
      for (const n of names)
        if (!subjects.has(n)) this.unknown(node.get('of')!, `labels.${i}.of`, 'subject', n, subjects.keys());
      return { id: l.id, rule: l.rule, of: names, quantity: l.quantity };
    });
    return { file: this.path, title: data.title ?? this.path, facts, subjects, labels };
  }

  private tell(at: Located, path: string, found: string, mend: string): void {
    this.problems.push(problemAt(at, path, found, mend));
  }

  private unknown(at: Located, path: string, what: string, word: string, known: Iterable<string>): void {
    const near = nearest(word, known);
    this.tell(
      at,
      path,
      `there is no ${what} ${word.slice(0, 60)}`,
      near === undefined
        ? what === 'subject'
          ? 'list it under subjects:'
          : `use a ${what} of docs/reference/audit.md`
        : `write ${near}`,
    );
  }

  private subjects(given: z.output<typeof factsFile>['subjects']): ReadonlyMap<string, Subject> {
    const nodes = asMap(asMap(this.root)!.get('subjects'))!;
    const made = new Map<string, Subject>();
    for (const [key, s] of Object.entries(given))
      made.set(key, {
        name: key,
        kind: s.kind,
        in: s.in,
        complete: s.complete ?? [],
        after: [s.after ?? []].flat(),
        on: [s.on ?? []].flat(),
        zone: s.zone,
      });
    for (const s of made.values()) {
      const node = asMap(nodes.get(s.name))!;
      const named = [
        ['in', s.in === undefined ? [] : [s.in]],
        ['after', s.after],
        ['on', s.on],
      ] as const;
      for (const [key, names] of named)
        for (const n of names)
          if (!made.has(n))
            this.unknown(node.get(key)!, `subjects.${s.name}.${key}`, 'subject', n, made.keys());
      const seen = new Set<string>();
      for (let up: string | undefined = s.name; up !== undefined; up = made.get(up)?.in) {
        if (seen.has(up)) {
          this.tell(
            node.get('in')!,
            `subjects.${s.name}.in`,
            `${s.name} is a part of itself`,
            'break the circle',
          );
          break;
        }
        seen.add(up);
      }
    }
    return made;
  }

  private fact(
    given: z.output<typeof fact>,
    node: Located,
    index: number,
    day: string | undefined,
    logPath: string | undefined,
    log: readonly string[] | undefined,
    subjects: ReadonlyMap<string, Subject>,
  ): Fact | undefined {
    const map = asMap(node)!;
    const path = (key: string) => `facts.${index}.${key}`;
    const before = this.problems.length;
    const quantity = quantities.get(given.quantity);
    if (quantity === undefined)
      this.unknown(map.get('quantity')!, path('quantity'), 'quantity', given.quantity, quantities.keys());
    if (!subjects.has(given.of))
      this.unknown(map.get('of')!, path('of'), 'subject', given.of, subjects.keys());
    const holds = this.validity(given, map, path, day);
    const window = this.window(given.over, map, path);
    const printed = map.get('value')!.text ?? String(given.value);
    const value = quantity === undefined ? undefined : this.value(printed, quantity, map, path, day);
    const cited = typeof given.source === 'string' ? [] : [given.source].flat();
    if (cited.length > 0 && log === undefined && logPath === undefined)
      this.tell(
        map.get('source')!,
        path('source'),
        'lines of no log',
        'name the file with log:, or tell the source in words',
      );
    const length = log?.length ?? Number.POSITIVE_INFINITY;
    for (const line of cited)
      if (line > length)
        this.tell(map.get('source')!, path('source'), `line ${line} of ${length}`, 'correct the line');
    if (this.problems.length > before || quantity === undefined || value === undefined) return undefined;
    const absent = printed === 'absent';
    if (log !== undefined && cited.length > 0 && !absent) {
      const text = cited.map((line) => log[line - 1] ?? '').join('\n');
      const wanted = given.printed === undefined ? value.numbers : [given.printed];
      const missing = wanted.find((n) => !holdsNumber(text, n));
      if (missing !== undefined)
        this.tell(
          map.get('source')!,
          path('source'),
          `${missing} does not stand in line ${cited.join(', ')} of the log`,
          'correct the line, or write how the log prints it with printed:',
        );
    }
    const citations: Citation[] =
      cited.length > 0 && logPath !== undefined
        ? cited.map((line) => ({ file: logPath, line }))
        : [{ file: this.path, line: node.line }];
    return {
      quantity: given.quantity,
      subject: given.of,
      dimension: quantity.dimension,
      value: value.interval,
      absent,
      printed,
      holds,
      window,
      citations,
      source: typeof given.source === 'string' ? given.source : undefined,
    };
  }

  private value(
    printed: string,
    quantity: Quantity,
    map: ReadonlyMap<string, Located>,
    path: (key: string) => string,
    day: string | undefined,
  ): { interval: Interval; numbers: readonly string[] } | undefined {
    if (printed === 'absent') return { interval: [0, 0], numbers: [] };
    const read = readValue(printed, quantity, day);
    if (read.ok) return { interval: read.value, numbers: read.numbers };
    this.tell(map.get('value')!, path('value'), read.found, read.mend);
    return undefined;
  }

  private validity(
    given: z.output<typeof fact>,
    map: ReadonlyMap<string, Located>,
    path: (key: string) => string,
    day: string | undefined,
  ): Validity {
    const read = (key: 'at' | 'from' | 'to'): Interval | undefined => {
      const text = given[key];
      if (text === undefined) return undefined;
      const at = readInstant(text, day);
      if (typeof at !== 'string') return at;
      this.tell(map.get(key)!, path(key), at, 'write 16:00:05, with date: above, or RFC 3339');
      return undefined;
    };
    const at = read('at');
    if (at !== undefined) return { from: at[0], to: at[1] };
    return {
      from: read('from')?.[0] ?? Number.NEGATIVE_INFINITY,
      to: read('to')?.[1] ?? Number.POSITIVE_INFINITY,
    };
  }

  private window(
    over: string | undefined,
    map: ReadonlyMap<string, Located>,
    path: (key: string) => string,
  ): Interval | undefined {
    if (over === undefined) return undefined;
    const parsed = parseQuantity(over, 'duration');
    if (parsed.ok) return [parsed.value, parsed.value];
    this.tell(map.get('over')!, path('over'), parsed.found, parsed.mend);
    return undefined;
  }
}

/** Whether a text prints a number by itself, with or without commas between its thousands: 80 does not stand in 180. */
function holdsNumber(text: string, wanted: string): boolean {
  const bare = (s: string) => s.replace(/(?<=\d),(?=\d{3})/g, '');
  const escaped = bare(wanted).replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
  return new RegExp(`(?<![\\d.])${escaped}(?![\\d]|\\.\\d)`).test(bare(text));
}
