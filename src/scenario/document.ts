import { isAlias, isMap, isScalar, isSeq, LineCounter, type Node, parseAllDocuments, Scalar } from 'yaml';
import type { Problem, ReadText } from '../formats/problem.ts';

/** What an untrusted file may be, at most. */
export const limits = {
  fileCharacters: 4_000_000,
  depth: 64,
  aliases: 100,
  nodes: 2_000_000,
  listEntries: 200_000,
  files: 64,
} as const;

export interface Place {
  readonly file: string;
  /** 1-based; 0 for the whole file. */
  readonly line: number;
  readonly column: number;
}

/** A value with the place it was written at. Maps keep their entries in order. */
export interface Located extends Place {
  /** Place of the key, where the value stands under one; else that of the value. */
  readonly keyLine: number;
  readonly keyColumn: number;
  readonly value: string | number | boolean | null | readonly Located[] | LocatedMap;
  /** A scalar as written: a number keeps its printed digits (`4.20`). */
  readonly text?: string;
  /** How a text is written, which tells where its first character stands. */
  readonly style?: 'plain' | 'quoted' | 'block';
}

export type LocatedMap = ReadonlyMap<string, Located>;

export function asMap(node: Located | undefined): LocatedMap | undefined {
  return node?.value instanceof Map ? node.value : undefined;
}

export function asList(node: Located | undefined): readonly Located[] | undefined {
  return Array.isArray(node?.value) ? (node.value as readonly Located[]) : undefined;
}

export function asText(node: Located | undefined): string | undefined {
  return typeof node?.value === 'string' ? node.value : undefined;
}

/** Plain data, for schemas. Keys that would change an object's nature cannot occur: they are refused at reading. */
export function plain(node: Located): unknown {
  if (Array.isArray(node.value)) return node.value.map(plain);
  if (node.value instanceof Map) {
    const made: Record<string, unknown> = {};
    for (const [key, value] of node.value) made[key] = plain(value);
    return made;
  }
  return node.value;
}

/** The texts of the files read so far, for code frames and digests. */
export class Sources {
  readonly texts = new Map<string, string>();
  /** Those that were read as documents of a scenario. */
  readonly merged = new Set<string>();
  private readonly readText: ReadText;

  constructor(readText: ReadText) {
    this.readText = readText;
  }

  read(file: string): string | undefined {
    const known = this.texts.get(file);
    if (known !== undefined) return known;
    const text = this.readText(file);
    if (text !== undefined) this.texts.set(file, text);
    return text;
  }
}

export function problemAt(
  at: Place,
  path: string,
  found: string,
  mend: string,
  severity: Problem['severity'] = 'problem',
): Problem {
  return { file: at.file, line: at.line, column: at.column, path, found, mend, severity };
}

/**
 * Good files read last, by name: who loads many variants of a scenario reads its bases once. Located values are never changed, so that
 * many trees may share them.
 */
const readBefore = new Map<string, { readonly text: string; readonly root: Located }>();
/** So many files, each of at most so many characters, are kept. */
const kept = { files: 64, characters: 100_000 } as const;

/** Reads one YAML file into located values; undefined when it has problems, which are added. */
export function readDocument(file: string, sources: Sources, problems: Problem[]): Located | undefined {
  const text = sources.read(file);
  sources.merged.add(file);
  const before = readBefore.get(file);
  if (before !== undefined && before.text === text) return before.root;
  const [root, second] = parseDocuments(file, text, problems, 'rehearse: 1');
  if (second !== undefined) {
    problems.push(problemAt(second, '', 'a second document', 'keep one document in a file'));
    return undefined;
  }
  if (root !== undefined && text !== undefined && text.length <= kept.characters) {
    readBefore.delete(file);
    readBefore.set(file, { text, root });
    if (readBefore.size > kept.files) readBefore.delete(readBefore.keys().next().value!);
  }
  return root;
}

/**
 * Reads every document of a YAML file; none when one has problems, which are added.
 * @param begins what a file of the kind begins with, for the remedy
 */
export function parseDocuments(
  file: string,
  text: string | undefined,
  problems: Problem[],
  begins: string,
): readonly Located[] {
  const refuse = (at: { line: number; column: number }, found: string, mend: string): readonly Located[] => {
    problems.push(problemAt({ file, ...at }, '', found, mend));
    return [];
  };
  const whole = { line: 0, column: 0 };
  if (text === undefined) {
    return refuse(whole, 'there is no such file', 'correct the path; the limit of a file is 4 MB');
  }
  if (text.length > limits.fileCharacters) {
    return refuse(
      whole,
      `the file has ${text.length} characters`,
      `keep it below ${limits.fileCharacters}: name recorded data in files of its own`,
    );
  }
  if (text.startsWith('\uFEFF')) {
    return refuse(
      { line: 1, column: 1 },
      'the file begins with a byte order mark',
      'save it as UTF-8 without one',
    );
  }
  const odd = oddCharacter(text);
  if (odd !== undefined) return refuse(odd, odd.found, 'save the file as plain UTF-8 text');
  const deep = tooDeep(text);
  if (deep !== undefined) return refuse(deep, `nested deeper than ${limits.depth}`, 'flatten the file');

  const counter = new LineCounter();
  let documents: ReturnType<typeof parseAllDocuments>;
  try {
    documents = parseAllDocuments(text, {
      lineCounter: counter,
      uniqueKeys: true,
      strict: true,
      version: '1.2',
      logLevel: 'silent',
    });
  } catch (error) {
    // The parser recurses: what it throws on input of this size is an overflow of the stack, whatever its form.
    return refuse(
      whole,
      `the YAML cannot be read: ${(error as Error).message.split('\n')[0]}`,
      'flatten the file',
    );
  }
  if (!Array.isArray(documents) || documents.length === 0)
    return refuse(whole, 'the file is empty', `begin with ${begins}`);
  const place = (offset: number) => {
    const { line, col } = counter.linePos(Math.min(offset, text.length));
    return { line: Math.max(1, line), column: Math.max(1, col) };
  };
  const faults = documents.flatMap((document) => [...document.errors, ...document.warnings]);
  for (const fault of faults.slice(0, 20))
    refuse(place(fault.pos[0]), yamlSays(fault.message), yamlMend(fault.code, fault.message));
  if (faults.length > 0) return [];
  const filled = documents.filter((document) => document.contents !== null);
  if (filled.length === 0) return refuse(whole, 'the file is empty', `begin with ${begins}`);
  const read = filled.map((document) => new Reader(file, document, place, problems, begins).read());
  return read.every((root) => root !== undefined) ? read : [];
}

type YamlDocument = ReturnType<typeof parseAllDocuments>[number];

/** Walks the parsed nodes once, counting what an untrusted file may spend. */
class Reader {
  private readonly file: string;
  private readonly document: YamlDocument;
  private readonly place: (offset: number) => { line: number; column: number };
  private readonly problems: Problem[];
  private readonly begins: string;
  private nodes = 0;
  private aliases = 0;
  private failed = false;

  constructor(
    file: string,
    document: YamlDocument,
    place: (offset: number) => { line: number; column: number },
    problems: Problem[],
    begins: string,
  ) {
    this.file = file;
    this.begins = begins;
    this.document = document;
    this.place = place;
    this.problems = problems;
  }

  read(): Located | undefined {
    const root = this.walk(this.document.contents as Node, '', 0, undefined);
    if (this.failed) return undefined;
    if (root.value instanceof Map) return root;
    this.problems.push(
      problemAt(
        root,
        '',
        `the file is ${Array.isArray(root.value) ? 'a list' : 'a single value'}, not a map`,
        `begin with ${this.begins}`,
      ),
    );
    return undefined;
  }

  private fail(at: { line: number; column: number }, path: string, found: string, mend: string): null {
    // One is enough: after the first, the rest of the file is not walked.
    if (!this.failed)
      this.problems.push(
        problemAt({ file: this.file, line: at.line, column: at.column }, shortened(path), found, mend),
      );
    this.failed = true;
    return null;
  }

  private walk(
    node: Node | null,
    path: string,
    depth: number,
    keyAt: { line: number; column: number } | undefined,
  ): Located {
    const at = node?.range ? this.place(node.range[0]) : (keyAt ?? { line: 1, column: 1 });
    const key = keyAt ?? at;
    const base = {
      file: this.file,
      line: at.line,
      column: at.column,
      keyLine: key.line,
      keyColumn: key.column,
    };
    this.nodes += 1;
    if (this.nodes > limits.nodes) {
      this.fail(
        at,
        path,
        `more than ${limits.nodes} values`,
        'split the file, or name recorded data in files of its own',
      );
    } else if (depth > limits.depth) {
      this.fail(at, path, `nested deeper than ${limits.depth}`, 'flatten the file');
    }
    if (this.failed || node === null) return { ...base, value: null };
    if (isAlias(node)) {
      this.aliases += 1;
      const target = node.resolve(this.document);
      if (this.aliases > limits.aliases) {
        this.fail(
          at,
          path,
          `more than ${limits.aliases} aliases are expanded`,
          'write the values out, or use extends',
        );
      } else if (target === undefined) {
        this.fail(at, path, `the alias *${node.source} has no anchor`, 'correct its name');
      }
      if (this.failed || target === undefined) return { ...base, value: null };
      const { style: _, ...expanded } = this.walk(target as Node, path, depth + 1, key);
      return { ...expanded, ...base };
    }
    if (isMap(node)) return { ...base, value: this.map(node.items, path, depth, at) };
    if (isSeq(node)) {
      if (node.items.length > limits.listEntries) {
        this.fail(
          at,
          path,
          `a list of ${node.items.length} entries`,
          `keep lists below ${limits.listEntries} entries`,
        );
        return { ...base, value: null };
      }
      return {
        ...base,
        value: node.items.map((item, i) =>
          this.walk(item as Node | null, `${path}.${i}`, depth + 1, undefined),
        ),
      };
    }
    if (!isScalar(node)) return { ...base, value: null };
    const { value } = node;
    if (typeof value === 'string') {
      const block = node.type === Scalar.BLOCK_FOLDED || node.type === Scalar.BLOCK_LITERAL;
      const style = block ? 'block' : node.type === Scalar.PLAIN ? 'plain' : 'quoted';
      return { ...base, value, style };
    }
    if (typeof value === 'number') return { ...base, value, text: node.source ?? String(value) };
    if (typeof value === 'boolean' || value === null) return { ...base, value };
    return {
      ...base,
      value: this.fail(at, path, 'a value that is no text, number or truth value', 'write it in quotes'),
    };
  }

  private map(
    items: readonly { readonly key: unknown; readonly value: unknown }[],
    path: string,
    depth: number,
    at: { line: number; column: number },
  ): LocatedMap {
    const entries = new Map<string, Located>();
    for (const pair of items) {
      const key = pair.key as Node | null;
      const keyAt = key?.range ? this.place(key.range[0]) : at;
      if (!isScalar(key) || (typeof key.value !== 'string' && typeof key.value !== 'number')) {
        this.fail(keyAt, path, 'a key that is no text', 'write a plain word as the key');
        break;
      }
      const name = String(key.value);
      if (name === '__proto__' || name === 'constructor' || name === 'prototype' || name === '') {
        this.fail(
          keyAt,
          path,
          name === '' ? 'an empty key' : `the key ${name} is not allowed`,
          'use another key',
        );
        break;
      }
      const inner = path === '' ? name : `${path}.${name}`;
      entries.set(name, this.walk(pair.value as Node | null, inner, depth + 1, keyAt));
    }
    return entries;
  }
}

/** Paths of files that nest without end are of no use to anybody in full. */
function shortened(path: string): string {
  return path.length > 60 ? `${path.slice(0, 60)}…` : path;
}

/** Control characters that YAML does not allow; some of them would make a terminal act. */
function oddCharacter(text: string): { line: number; column: number; found: string } | undefined {
  for (let i = 0; i < text.length; i += 1) {
    const code = text.charCodeAt(i);
    if (code >= 32 ? code !== 127 : code === 9 || code === 10 || code === 13) continue;
    const before = text.slice(0, i);
    const found =
      code === 0
        ? 'the file holds a NUL byte'
        : `the file holds the control character U+${code.toString(16).padStart(4, '0')}`;
    return { line: before.split('\n').length, column: i - before.lastIndexOf('\n'), found };
  }
  return undefined;
}

/**
 * Where brackets, dashes or indentation open many more levels than anybody needs: the parser itself recurses, so it must not see
 * such a file. Generous, because brackets also stand in texts; the walk counts exactly.
 */
function tooDeep(text: string): { line: number; column: number } | undefined {
  let depth = 0;
  let line = 1;
  let lineStart = 0;
  for (let i = 0; i < text.length; i += 1) {
    const c = text[i];
    if (c === '\n') {
      line += 1;
      lineStart = i + 1;
    } else if (c === '[' || c === '{') {
      depth += 1;
      if (depth > limits.depth * 4) return { line, column: i - lineStart + 1 };
    } else if (c === ']' || c === '}') depth = Math.max(0, depth - 1);
  }
  // Compact nesting such as "- - - -" or "? ? ? ?", and ever deeper indentation: one space opens a level.
  const rows = text.split('\n');
  const open: number[] = [];
  for (let row = 0; row < rows.length; row += 1) {
    const lead = /^[\s?-]*/.exec(rows[row])![0];
    if (lead.length === rows[row].length && !/[?-]/.test(lead)) continue;
    const marks = lead.replace(/[^?-]/g, '').length;
    if (marks > limits.depth && /[?-]\s/.test(lead)) return { line: row + 1, column: 1 };
    while (open.length > 0 && open[open.length - 1] >= lead.length) open.pop();
    open.push(lead.length);
    if (open.length > limits.depth * 4) return { line: row + 1, column: lead.length + 1 };
  }
  return undefined;
}

function yamlSays(message: string): string {
  const first = message.split('\n')[0].replace(/ at line \d+, column \d+:?$/, '');
  return first.slice(0, 1).toLowerCase() + first.slice(1);
}

function yamlMend(code: string, message: string): string {
  switch (code) {
    case 'DUPLICATE_KEY':
      return 'keep one of the two';
    case 'TAB_AS_INDENT':
      return 'indent with spaces';
    case 'BAD_INDENT':
      return message.startsWith('Flow') ? 'close the bracket before this' : 'align it with its neighbours';
    case 'MISSING_CHAR':
      return 'close the quote or bracket';
    case 'BLOCK_AS_IMPLICIT_KEY':
      return 'put the text in quotes: a colon and a space begin a value';
    case 'TAG_RESOLVE_FAILED':
      return 'remove the tag';
    default:
      return 'correct the YAML here';
  }
}

/**
 * Where a character of a text stands in its file. A folded or quoted text keeps its characters in order but not its spaces, so
 * what is counted is the characters that are no space; escapes in a quoted text shift the place by their length.
 */
export function textPlace(node: Located, offset: number, file: string): { line: number; column: number } {
  const lines = file.split('\n');
  let line = node.line - 1;
  let column = node.column - 1;
  if (node.style === 'quoted') column += 1;
  if (node.style === 'block') {
    line += 1;
    column = 0;
  }
  let before = String(node.value).slice(0, offset).replace(/\s/g, '').length;
  for (; line < lines.length; line += 1, column = 0) {
    for (; column < lines[line].length; column += 1) {
      if (/\s/.test(lines[line][column])) continue;
      if (before === 0) return { line: line + 1, column: column + 1 };
      before -= 1;
    }
  }
  return { line: node.line, column: node.column };
}
