import type { Problem } from '../formats/problem.ts';
import {
  asList,
  asMap,
  type Located,
  type LocatedMap,
  limits,
  problemAt,
  readDocument,
  Sources,
} from './document.ts';
import { nameOf } from './problems.ts';

/** Keys whose value names a file, relative to the file that holds the key. */
const fileKeys: ReadonlySet<string> = new Set(['assignment', 'facts', 'file', 'plan']);

/** Keys whose value is a list of such names, where its entries are texts. */
const fileListKeys: ReadonlySet<string> = new Set(['rules']);

/** Lists that merge entry by entry even where an entry has no name: such an entry is added. */
const addedLists: ReadonlySet<string> = new Set(['timeline', 'expect', 'observed']);

const outside = 'name a file below the folder of package.json or .git';

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

/**
 * Reads a scenario file with everything it extends and its platform, merged into one tree in which every value knows its own
 * file; undefined when a file cannot be read, which is told.
 */
export function readFiles(path: string, sources: Sources, problems: Problem[]): Located | undefined {
  return new Loader(sources, problems).scenario(path);
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
    const platform = asMap(own)?.get('platform');
    if (own === undefined || platform === undefined) return own;
    const base = this.named(platform, 'platform', []);
    if (base === undefined) return undefined;
    const inherited = new Map(asMap(base) ?? []);
    for (const key of ['name', 'title', 'rehearse']) inherited.delete(key);
    return this.merge({ ...base, value: inherited }, own, '');
  }

  private withBases(path: string, chain: readonly string[]): Located | undefined {
    this.files += 1;
    if (this.files > limits.files) {
      const found = `more than ${limits.files} files are named`;
      this.problems.push(problemAt({ file: path, line: 0, column: 0 }, '', found, 'extend fewer files'));
      return undefined;
    }
    const node = readDocument(path, this.sources, this.problems);
    const map = asMap(node);
    if (node === undefined || map === undefined) return undefined;
    const version = map.get('rehearse');
    if (version?.value !== 1) {
      const found = version === undefined ? 'rehearse is missing' : 'only version 1 is known';
      this.problems.push(problemAt(version ?? node, 'rehearse', found, 'write rehearse: 1'));
    }
    const named = map.get('extends');
    const own = this.resolved({ ...node, value: new Map([...map].filter(([key]) => key !== 'extends')) }, '');
    if (named === undefined) return own;
    const bases = asList(named) ?? [named];
    if (bases.length > limits.files) {
      this.problems.push(
        problemAt(named, 'extends', `${bases.length} files`, `extend at most ${limits.files}`),
      );
      return undefined;
    }
    let result: Located | undefined;
    let whole = true;
    for (const base of bases) {
      const made = this.named(base, 'extends', [...chain, path]);
      if (made === undefined) whole = false;
      else result = result === undefined ? made : this.merge(result, made, '');
    }
    if (!whole || result === undefined) return whole ? own : undefined;
    // What a base is called, and what it was made to show, is its own.
    const inherited = new Map(asMap(result));
    for (const key of ['name', 'shows']) inherited.delete(key);
    return this.merge({ ...result, value: inherited }, own, '');
  }

  private named(at: Located, key: string, chain: readonly string[]): Located | undefined {
    const problem = (found: string, mend: string) => {
      this.problems.push(problemAt(at, key, found, mend));
      return undefined;
    };
    if (typeof at.value !== 'string' || at.value === '') return problem('no file name', 'name a file');
    const path = resolvePath(at.file, at.value);
    if (path === undefined) return problem(`${at.value} leads out of the project`, outside);
    if (chain.includes(path)) {
      return problem(`${path} extends itself, by way of ${chain.join(', ')}`, 'break the circle');
    }
    if (this.sources.read(path) === undefined) {
      return problem(`there is no file ${path}`, 'correct the path; it is relative to this file');
    }
    return this.withBases(path, chain);
  }

  /** Makes the paths in file keys relative to the root. */
  private resolved(node: Located, path: string): Located {
    const list = asList(node);
    if (list !== undefined) {
      return { ...node, value: list.map((x, i) => this.resolved(x, `${path}.${nameOf(x) ?? i}`)) };
    }
    const map = asMap(node);
    if (map === undefined) return node;
    const made = new Map<string, Located>();
    for (const [key, value] of map) {
      const inner = path === '' ? key : `${path}.${key}`;
      const list = fileListKeys.has(key) ? asList(value) : undefined;
      if (list?.every((entry) => typeof entry.value === 'string')) {
        made.set(key, { ...value, value: list.flatMap((entry) => this.fileAt(entry, inner) ?? []) });
        continue;
      }
      if (!fileKeys.has(key) || typeof value.value !== 'string') {
        made.set(key, this.resolved(value, inner));
        continue;
      }
      const file = this.fileAt(value, inner);
      if (file !== undefined) made.set(key, file);
    }
    return { ...node, value: made };
  }

  /** A path made relative to the root; undefined, and told, where it leads out of it: nobody then looks for it. */
  private fileAt(node: Located, path: string): Located | undefined {
    const file = resolvePath(node.file, String(node.value));
    if (file === undefined)
      this.problems.push(problemAt(node, path, `${node.value} leads out of the project`, outside));
    return file === undefined ? undefined : { ...node, value: file };
  }

  /** `over` on top of `base`: maps by key, lists of named entries by name, everything else replaced; null removes. */
  private merge(base: Located, over: Located, path: string): Located {
    const lower = asMap(base);
    const upper = asMap(over);
    if (lower !== undefined && upper !== undefined) {
      if (isQuantity(upper) || isQuantity(lower)) return over;
      const made = new Map(lower);
      for (const [key, value] of upper) {
        const below = made.get(key);
        const inner = path === '' ? key : `${path}.${key}`;
        if (value.value === null && below !== undefined) made.delete(key);
        else made.set(key, below === undefined ? value : this.merge(below, value, inner));
      }
      return { ...over, value: made };
    }
    const first = asList(base);
    const second = asList(over);
    if (first === undefined || second === undefined) return over;
    const named = addedLists.has(path) || [...first, ...second].every((entry) => nameOf(entry) !== undefined);
    if (!named || first.length === 0 || second.length === 0) return over;
    const made = [...first];
    const places = new Map(first.map((entry, i) => [mergedAs(entry), i]));
    const seen = new Set<string>();
    for (const entry of second) {
      const name = mergedAs(entry);
      if (name !== undefined && seen.has(name)) {
        const found = `two entries are named ${name} in one list`;
        this.problems.push(
          problemAt(entry, `${path}.${name}`, found, 'give each its own name, or make them one'),
        );
        continue;
      }
      if (name !== undefined) seen.add(name);
      const at = name === undefined ? undefined : places.get(name);
      if (at === undefined) made.push(entry);
      else made[at] = this.merge(made[at], entry, `${path}.${name}`);
    }
    return { ...over, value: made };
  }
}

/** The limits on the risk block are one entry, whatever it is called. */
function mergedAs(entry: Located): string | undefined {
  return nameOf(entry) ?? (asMap(entry)?.has('standard') === true ? 'standard' : undefined);
}

/** A quantity with its annotations, or a distribution: replaced whole. */
function isQuantity(map: LocatedMap): boolean {
  return map.has('uncertain') || map.has('varies') || (map.has('value') && !map.has('name'));
}

/** The one file that a scenario file extends; undefined where it extends none or several. */
export function baseOf(path: string, text: string): string | undefined {
  const node = readDocument(path, new Sources(() => text), []);
  const named = asMap(node)?.get('extends');
  const bases = named === undefined ? [] : (asList(named) ?? [named]);
  const value = bases.length === 1 ? bases[0]!.value : undefined;
  return typeof value === 'string' ? resolvePath(path, value) : undefined;
}
