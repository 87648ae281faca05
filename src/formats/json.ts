import type { Problem } from './problem.ts';

/** Deeper than any document that is read here. */
const deepest = 64;
/** As many as anybody mends at a time; the last one says how many there are beside. */
const shownAtMost = 100;

export type JsonPath = readonly (string | number)[];

export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** An id or number as Kafka's protocol carries it: a 32-bit integer, not negative. */
export function isId(value: unknown): value is number {
  return Number.isInteger(value) && (value as number) >= 0 && (value as number) <= 2_147_483_647;
}

/** Line and column of an offset, both from 1. */
export function placeOf(text: string, offset: number): { line: number; column: number } {
  const lineStart = text.lastIndexOf('\n', offset - 1) + 1;
  let line = 1;
  for (let at = text.indexOf('\n'); at >= 0 && at < offset; at = text.indexOf('\n', at + 1)) line += 1;
  return { line, column: offset - lineStart + 1 };
}

/**
 * A JSON text that is being checked. It is read at the speed of the runtime's own parser; where in the text something stands is looked up in
 * one pass at the end, and only of what is wrong.
 */
export class JsonFile {
  readonly file: string;
  /** What it holds; undefined when it is no JSON, which is told. */
  readonly value: unknown;
  private readonly text: string;
  private readonly told: {
    readonly path: JsonPath;
    readonly found: string;
    readonly mend: string;
    readonly severity: Problem['severity'];
    readonly atKey?: true;
  }[] = [];
  private unreadable: Problem | undefined;
  private count = 0;

  constructor(text: string, file: string) {
    this.file = file;
    this.text = text.replace(/^\uFEFF/, '');
    try {
      this.value = JSON.parse(this.text);
    } catch {
      const fault = new Scanner(this.text).fault();
      this.unreadable = {
        file,
        ...placeOf(this.text, fault.offset),
        path: '',
        found: fault.found,
        mend: fault.mend,
        severity: 'problem',
      };
    }
  }

  get good(): boolean {
    return this.count === 0 && this.unreadable === undefined;
  }

  /** Something is wrong with the value at a path, or with what should stand there. */
  problem(path: JsonPath, found: string, mend: string): void {
    this.count += 1;
    if (this.told.length < shownAtMost) this.told.push({ path, found, mend, severity: 'problem' });
  }

  warning(path: JsonPath, found: string, mend: string): void {
    if (this.told.length < shownAtMost) this.told.push({ path, found, mend, severity: 'warning' });
  }

  /** A key that is not among those known. */
  unknownKey(path: JsonPath, near: string | undefined, known: readonly string[]): void {
    this.count += 1;
    if (this.told.length >= shownAtMost) return;
    this.told.push({
      path,
      found: `there is no key ${String(path[path.length - 1]).slice(0, 60)}`,
      mend: near === undefined ? `remove it; known here: ${known.join(', ')}` : `write ${near}, or remove it`,
      severity: 'problem',
      atKey: true,
    });
  }

  /** Everything that is wrong, each at its place: that of the value, or of the nearest one above it. */
  problems(): Problem[] {
    if (this.unreadable !== undefined) return [this.unreadable];
    if (this.told.length === 0) return [];
    const places = this.found(this.told.map((t) => t.path));
    const all = this.told.map(({ path, found, mend, severity, atKey }, i): Problem => {
      const { offset, key } = places[i]!;
      const place = placeOf(this.text, atKey === true ? key : offset);
      return { file: this.file, ...place, path: pathText(path), found, mend, severity };
    });
    const rest = this.count - all.filter((p) => p.severity === 'problem').length;
    if (rest > 0)
      all.push({
        file: this.file,
        line: 0,
        column: 0,
        path: '',
        found: `${rest} more problems`,
        mend: 'mend those above first',
        severity: 'problem',
      });
    return all;
  }

  /** Line and column of the value at each path, or of the nearest one above it. */
  places(paths: readonly JsonPath[]): { readonly line: number; readonly column: number }[] {
    return this.found(paths).map(({ offset }) => placeOf(this.text, offset));
  }

  private found(paths: readonly JsonPath[]): { readonly offset: number; readonly key: number }[] {
    const root: Wanted = { children: new Map(), offset: 0, key: 0 };
    const wanted = paths.map((path) => {
      let node = root;
      const line = [root];
      for (const segment of path) {
        let next = node.children.get(segment);
        if (next === undefined) {
          next = { children: new Map(), offset: undefined, key: 0 };
          node.children.set(segment, next);
        }
        node = next;
        line.push(node);
      }
      return line;
    });
    new Scanner(this.text).find(root);
    return wanted.map((line) => {
      let last = root;
      for (const node of line) if (node.offset !== undefined) last = node;
      return { offset: last.offset ?? 0, key: last.key };
    });
  }
}

function pathText(path: JsonPath): string {
  return path.map((segment) => String(segment).slice(0, 60)).join('.');
}

/** A place that is looked for; the one that is found last counts, as of a key that is written twice. */
interface Wanted {
  readonly children: Map<string | number, Wanted>;
  offset: number | undefined;
  /** Where its key stands, or the value itself where it has none. */
  key: number;
}

class Fault extends Error {
  readonly offset: number;
  readonly found: string;
  readonly mend: string;

  constructor(offset: number, found: string, mend: string) {
    super(found);
    this.offset = offset;
    this.found = found;
    this.mend = mend;
  }
}

const numberAt = /-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?/y;
const wordAt = /[A-Za-z_$][\w$]*|-?Infinity/y;
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what ends a text too early
const plainText = /[^"\\\u0000-\u001f]*/y;

/** Walks a JSON text by its grammar. Source: RFC 8259. */
class Scanner {
  private readonly text: string;
  private at = 0;

  constructor(text: string) {
    this.text = text;
  }

  /** The first offence against the grammar. */
  fault(): { readonly offset: number; readonly found: string; readonly mend: string } {
    try {
      this.space();
      this.value(undefined, 0);
      this.space();
      if (this.at < this.text.length)
        throw new Fault(this.at, 'something stands behind the end of the JSON', 'remove it');
    } catch (error) {
      if (error instanceof Fault) return error;
      throw error;
    }
    return { offset: 0, found: 'the JSON cannot be read', mend: 'write it anew' };
  }

  find(wanted: Wanted): void {
    this.space();
    wanted.offset = this.at;
    try {
      this.value(wanted, 0);
    } catch (error) {
      // Only too deep a nesting can stop it: the text has been read before.
      if (!(error instanceof Fault)) throw error;
    }
  }

  private space(): void {
    for (;;) {
      const c = this.text.charCodeAt(this.at);
      if (c !== 32 && c !== 10 && c !== 13 && c !== 9) return;
      this.at += 1;
    }
  }

  private value(wanted: Wanted | undefined, depth: number): void {
    if (depth > deepest) throw new Fault(this.at, `nested deeper than ${deepest}`, 'flatten the file');
    const c = this.text[this.at];
    if (c === '{') this.members('}', wanted, depth);
    else if (c === '[') this.members(']', wanted, depth);
    else if (c === '"') this.string();
    else {
      numberAt.lastIndex = this.at;
      const digits = numberAt.exec(this.text)?.[0];
      if (digits !== undefined && !/[\w.]/.test(this.text[this.at + digits.length] ?? '')) {
        this.at += digits.length;
        return;
      }
      wordAt.lastIndex = this.at;
      const word = wordAt.exec(this.text)?.[0];
      if (word === 'true' || word === 'false' || word === 'null') this.at += word.length;
      else if (word === 'NaN' || word?.endsWith('Infinity') === true)
        throw new Fault(this.at, `${word}, which is no number in JSON`, 'write the number, or leave it out');
      else this.unexpected('a value');
    }
  }

  private members(end: '}' | ']', wanted: Wanted | undefined, depth: number): void {
    const began = this.at;
    this.at += 1;
    this.space();
    if (this.text[this.at] === end) {
      this.at += 1;
      return;
    }
    for (let i = 0; ; i += 1) {
      let key: string | number = i;
      const keyAt = this.at;
      if (end === '}') {
        if (this.text[this.at] !== '"') this.unexpected('a key in double quotes', began);
        key = this.string();
        this.space();
        if (this.text[this.at] !== ':') this.unexpected('a colon', began);
        this.at += 1;
        this.space();
      }
      const inner = wanted?.children.get(key);
      if (inner !== undefined) {
        inner.offset = this.at;
        inner.key = keyAt;
      }
      this.value(inner, depth + 1);
      this.space();
      const c = this.text[this.at];
      if (c !== ',' && c !== end) this.unexpected(`a comma or ${end}`, began);
      this.at += 1;
      if (c === end) return;
      this.space();
    }
  }

  private string(): string {
    const began = this.at;
    this.at += 1;
    for (;;) {
      plainText.lastIndex = this.at;
      this.at += plainText.exec(this.text)![0].length;
      const c = this.text[this.at];
      if (c === '"') break;
      if (c !== '\\') throw new Fault(began, 'a text without its closing quote', 'close it with "');
      const mark = /^\\(["\\/bfnrt]|u[0-9a-fA-F]{4})/.exec(this.text.slice(this.at, this.at + 6));
      if (mark === null) throw new Fault(this.at, 'a backslash that begins no escape', 'write \\\\');
      this.at += mark[0].length;
    }
    this.at += 1;
    const raw = this.text.slice(began, this.at);
    return raw.includes('\\') ? JSON.parse(raw) : raw.slice(1, -1);
  }

  private unexpected(needed: string, began = 0): never {
    if (this.at >= this.text.length) {
      const { line, column } = placeOf(this.text, began);
      const from = this.text.trim() === '' ? 'the file is empty' : `the file ends where ${needed} is needed`;
      throw new Fault(
        this.at,
        from,
        `write the rest; what is not closed began at line ${line}, column ${column}`,
      );
    }
    throw new Fault(this.at, `${this.text[this.at]} where ${needed} is needed`, `write ${needed} here`);
  }
}
