import type { z } from 'zod';
import { nearest } from '../formats/nearest.ts';
import type { Problem } from '../formats/problem.ts';
import { asList, asMap, type Located, problemAt } from './document.ts';

/** What an entry of a list is called in paths and merges: its `id`, else its `name`; undefined when it has neither. */
export function nameOf(entry: Located): string | undefined {
  const map = asMap(entry);
  for (const key of ['id', 'name']) {
    const value = map?.get(key)?.value;
    if (typeof value === 'string' || typeof value === 'number') return String(value);
  }
  return undefined;
}

/** The entry of a list with this id or name. */
export function entryOf(list: readonly Located[], id: string | number): Located | undefined {
  return list.find((entry) => nameOf(entry) === String(id));
}

interface Found {
  /** The value, or the nearest one above it that exists. */
  readonly node: Located;
  /** Whether the whole path exists. */
  readonly exact: boolean;
  /** The path with list entries by id or name. */
  readonly names: readonly string[];
}

/** Lists of the scenario itself: a number in a path is a place there, and elsewhere an id where an entry has it. */
const ownLists: ReadonlySet<PropertyKey> = new Set(['timeline', 'runbooks', 'expect', 'observed']);

function walk(root: Located, path: readonly PropertyKey[], byPlace: boolean): Found {
  let node = root;
  let exact = true;
  const names: string[] = [];
  for (const [depth, segment] of path.entries()) {
    const list = exact ? asList(node) : undefined;
    let next: Located | undefined;
    if (list !== undefined) {
      const place = byPlace || (depth === 1 && ownLists.has(path[0]));
      next = typeof segment === 'number' && place ? list[segment] : entryOf(list, String(segment));
      if (next === undefined && typeof segment === 'number') next = list[segment];
      names.push(entryText(next, segment));
    } else {
      next = exact ? asMap(node)?.get(String(segment)) : undefined;
      names.push(String(segment));
    }
    if (next === undefined) exact = false;
    else node = next;
  }
  return { node, exact, names };
}

/** An entry by its id or name; one of the timeline without either by what it does and its place. */
function entryText(entry: Located | undefined, segment: PropertyKey): string {
  const name = entry === undefined ? undefined : nameOf(entry);
  if (name === undefined && asMap(entry)?.has('standard') === true) return 'standard';
  if (name !== undefined || typeof segment !== 'number') return name ?? String(segment);
  const does = asMap(entry)?.get('do')?.value;
  return typeof does === 'string' ? `${does}#${segment + 1}` : String(segment);
}

/** The value at a path, or the nearest one above it. */
export function nodeAt(root: Located, path: readonly PropertyKey[]): { node: Located; exact: boolean } {
  return walk(root, path, false);
}

/** A path as it is shown: `kafka.topics.orders.replicationFactor`. */
export function pathText(root: Located, path: readonly PropertyKey[]): string {
  return walk(root, path, false).names.join('.');
}

/**
 * What a schema found, in an operator's words and at its place: an unknown key at the key, a missing one at what lacks it.
 * @param prefix path of the value that the schema saw
 * @param known the keys that may stand at a (whole) path
 * @param refused why a key of the real system has no place here, where it has none on purpose
 */
export function fromIssues(
  root: Located,
  prefix: readonly PropertyKey[],
  issues: readonly z.core.$ZodIssue[],
  known: (path: readonly PropertyKey[]) => readonly string[],
  refused: (key: string) => string | undefined = () => undefined,
): Problem[] {
  return issues.flatMap((issue) => fromIssue(root, prefix, issue, known, refused));
}

function fromIssue(
  root: Located,
  prefix: readonly PropertyKey[],
  issue: z.core.$ZodIssue,
  known: (path: readonly PropertyKey[]) => readonly string[],
  refused: (key: string) => string | undefined,
): Problem[] {
  const path = [...prefix, ...issue.path];
  const { node, exact, names } = walk(root, path, true);
  const at = names.join('.');
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => {
      const value = asMap(node)?.get(key);
      const place = value === undefined ? node : { ...value, line: value.keyLine, column: value.keyColumn };
      const why = refused(key);
      if (why !== undefined)
        return problemAt(
          place,
          at === '' ? key : `${at}.${key}`,
          why,
          'remove it, and read the result without it',
        );
      const keys = known(path);
      const near = nearest(key, keys);
      const options = keys.length === 0 || keys.length > 12 ? '' : `; known here: ${keys.join(', ')}`;
      return problemAt(
        place,
        at === '' ? key : `${at}.${key}`,
        `there is no key ${key}`,
        near === undefined ? `remove it${options}` : `write ${near}, or remove it`,
      );
    });
  }
  if (!exact) {
    const key = names[names.length - 1] ?? '';
    const mend = `add ${key}${missingSays(issue)}`;
    const named = asMap(root)?.get('platform');
    const platform = String(named?.value ?? '').replace(/^(\.{1,2}\/)+/, '');
    const own = node.file === root.file || (platform !== '' && node.file.endsWith(platform));
    // Who named the platform is to mend it, not a file of defaults on which that builds.
    if (path.length === 2 && !own)
      return [problemAt(named ?? root, at, `${key} is missing; ${node.file} leaves it open`, mend)];
    return [problemAt(node, at, `${key} is missing`, mend)];
  }
  if (issue.code === 'invalid_union') {
    const inner = chosenBranch(issue.errors, node);
    if (inner !== undefined) {
      const told = inner.flatMap((one) => fromIssue(root, path, one, known, refused));
      if (inner[0].code !== 'custom' || inner[0].path.length > 0 || issue.errors.length < 2) return told;
      // A quantity, or something else.
      const others = formsOf(issue);
      return told.map((p) =>
        others.length === 0 ? p : { ...p, mend: `${p.mend}, or ${others.join(' or ')}` },
      );
    }
    return [problemAt(node, at, `${shown(node)} is none of the forms that may stand here`, unionMend(issue))];
  }
  const { found, mend } = says(issue, node);
  return [problemAt(node, at, found, mend)];
}

/** The branch of a union that the value was most likely meant for: the one that fails inside the value, not at its top. */
function chosenBranch(
  branches: readonly (readonly z.core.$ZodIssue[])[],
  node: Located,
): readonly z.core.$ZodIssue[] | undefined {
  const composite = asMap(node) !== undefined || asList(node) !== undefined;
  const inside = branches.filter((issues) =>
    issues.every((one) => one.path.length > 0 || (composite && one.code === 'unrecognized_keys')),
  );
  const custom = branches.filter((issues) =>
    issues.some((one) => one.code === 'custom' && one.path.length === 0),
  );
  const candidates = inside.length > 0 ? inside : custom;
  return [...candidates].sort((x, y) => x.length - y.length)[0];
}

/** In words, the forms of a union whose kind of value is another one than what was written. */
function formsOf(issue: z.core.$ZodIssueInvalidUnion): string[] {
  const options = issue.errors.map((branch) => {
    const first = branch[0];
    if (first?.code === 'invalid_value') return first.values.map(String).join(', ');
    return first?.code === 'invalid_type' ? (typeWords[first.expected] ?? first.expected) : undefined;
  });
  return [...new Set(options.filter((option) => option !== undefined))];
}

function unionMend(issue: z.core.$ZodIssueInvalidUnion): string {
  const known = formsOf(issue);
  return known.length === 0 ? 'correct the value' : `write ${known.join(' or ')}`;
}

const typeWords: Readonly<Record<string, string>> = {
  string: 'a text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  object: 'a map',
  record: 'a map',
  array: 'a list',
  tuple: 'a list',
};

function missingSays(issue: z.core.$ZodIssue): string {
  if (issue.code === 'custom') {
    const needs = issue.params?.needs;
    return typeof needs === 'string' ? `: ${needs}` : '';
  }
  if (issue.code === 'invalid_value') return `: one of ${issue.values.map(String).join(', ')}`;
  if (issue.code === 'invalid_type') return `: ${typeWords[issue.expected] ?? issue.expected}`;
  return '';
}

function says(issue: z.core.$ZodIssue, node: Located): { found: string; mend: string } {
  switch (issue.code) {
    case 'custom': {
      const mend = issue.params?.mend;
      return { found: issue.message, mend: typeof mend === 'string' ? mend : 'correct the value' };
    }
    case 'invalid_type': {
      const expected = typeWords[issue.expected] ?? issue.expected;
      const quotes = issue.expected === 'string' && typeof node.value !== 'object' && node.value !== null;
      return {
        found: `${shown(node)} where ${expected} is needed`,
        mend: quotes ? `put it in quotes: "${node.text ?? String(node.value)}"` : `write ${expected}`,
      };
    }
    case 'invalid_value': {
      const values = issue.values.map(String);
      const near = typeof node.value === 'string' ? nearest(node.value, values) : undefined;
      const all = values.length === 1 ? `write ${values[0]}` : `write one of ${values.join(', ')}`;
      return {
        found: `${shown(node)} is not known here`,
        mend:
          near === undefined || values.length === 1 ? all : `write ${near}, or one of ${values.join(', ')}`,
      };
    }
    case 'too_small':
      return {
        found: `${shown(node)}: too ${sizeWord(issue.origin, 'small')}`,
        mend: `write at least ${issue.minimum}${sizeUnit(issue.origin, issue.minimum)}`,
      };
    case 'too_big':
      return {
        found: `${shown(node)}: too ${sizeWord(issue.origin, 'large')}`,
        mend: `write at most ${issue.maximum}${sizeUnit(issue.origin, issue.maximum)}`,
      };
    case 'invalid_format':
      return {
        found: `${shown(node)} has another form than is needed`,
        mend: issue.message.startsWith('Invalid') ? 'correct the value' : `write ${issue.message}`,
      };
    default:
      return { found: issue.message, mend: 'correct the value' };
  }
}

function sizeWord(origin: string, word: 'small' | 'large'): string {
  if (origin === 'string') return word === 'small' ? 'short' : 'long';
  return origin === 'array' || origin === 'map' ? (word === 'small' ? 'few entries' : 'many entries') : word;
}

function sizeUnit(origin: string, size: number | bigint): string {
  if (origin === 'string') return Number(size) === 1 ? ' character' : ' characters';
  if (origin !== 'array' && origin !== 'map') return '';
  return Number(size) === 1 ? ' entry' : ' entries';
}

function shown(node: Located): string {
  const list = asList(node);
  if (list !== undefined) return list.length === 1 ? 'a list of one' : `a list of ${list.length}`;
  if (asMap(node) !== undefined) return 'a map';
  if (node.value === '') return 'an empty text';
  const text = node.text ?? String(node.value);
  return text.length > 60 ? `${text.slice(0, 60)}…` : text;
}

/** By file, line and column, so that the reader mends from the top. */
export function sortProblems(problems: readonly Problem[]): Problem[] {
  const sorted = [...problems].sort(byPlace);
  // What several checks find at one place is told once.
  return sorted.filter((p, i) => i === 0 || byPlace(sorted[i - 1]!, p) !== 0);
}

function byPlace(x: Problem, y: Problem): number {
  return (
    compareText(x.file, y.file) ||
    x.line - y.line ||
    x.column - y.column ||
    compareText(x.path, y.path) ||
    compareText(x.found, y.found) ||
    compareText(x.mend, y.mend)
  );
}

function compareText(x: string, y: string): number {
  return x === y ? 0 : x < y ? -1 : 1;
}

/** As many as one reads at a time; the rest is counted. */
const shownAtMost = 100;
const frameWidth = 100;

/**
 * The problems as a terminal shows them: place and path, finding, the line with a mark below the column, remedy.
 * @param texts the text of each file, by the name in `problem.file`
 */
export function renderProblems(
  problems: readonly Problem[],
  texts: { get(file: string): string | undefined },
): string {
  const lines = new Map<string, string[]>();
  const linesOf = (file: string): string[] => {
    let found = lines.get(file);
    if (found === undefined) {
      found = (texts.get(file) ?? '').split('\n');
      lines.set(file, found);
    }
    return found;
  };
  const sorted = sortProblems(problems);
  const shown = sorted.slice(0, shownAtMost).map((p) => {
    const place = p.line === 0 ? p.file : `${p.file}:${p.line}:${p.column}`;
    const head = clean(p.path === '' ? place : `${place}  ${p.path}`);
    const kind = p.severity === 'warning' ? 'warning: ' : '';
    return [
      head,
      `  ${kind}${clean(p.found)}`,
      ...frame(linesOf(p.file)[p.line - 1], p),
      `  mend: ${clean(p.mend)}`,
    ].join('\n');
  });
  const rest = sorted.length - shown.length;
  if (rest > 0) shown.push(`and ${rest} more`);
  return shown.join('\n\n');
}

function frame(line: string | undefined, p: Problem): string[] {
  if (p.line === 0 || line === undefined) return [];
  let text = clean(line.replace(/\r$/, ''));
  let column = Math.min(p.column, text.length + 1);
  if (column > frameWidth) {
    const cut = column - Math.floor(frameWidth / 2);
    text = `…${text.slice(cut)}`;
    column -= cut - 1;
  }
  if (text.length > frameWidth) text = `${text.slice(0, frameWidth)}…`;
  const number = String(p.line);
  return [
    `    ${number} | ${text}`.trimEnd(),
    `    ${' '.repeat(number.length)} | ${' '.repeat(column - 1)}^`,
  ];
}

/** Input is shown, never obeyed: each control or direction character becomes one visible place. */
function clean(text: string): string {
  let shown = '';
  for (const c of text) {
    const code = c.codePointAt(0) ?? 0;
    if (code === 9) shown += ' ';
    else if (
      code < 32 ||
      (code >= 127 && code < 160) ||
      (code >= 0x202a && code <= 0x202e) ||
      (code >= 0x2066 && code <= 0x2069) ||
      code === 0xfeff ||
      (code >= 0xd800 && code <= 0xdfff)
    ) {
      shown += '·';
    } else shown += c;
  }
  return shown;
}
