import {
  goDuration,
  goFormat,
  humanize,
  humanize1024,
  humanizePercentage,
  type Printable,
  printFloat,
} from './humanize.ts';
import { byText, type Labels } from './labels.ts';

/** What a template cannot say here; `offset` counts characters from its start. */
export interface TemplateProblem {
  readonly offset: number;
  readonly length: number;
  readonly message: string;
  readonly mend: string;
}

export type Template = (labels: Labels, value: number) => string;

export type ParsedTemplate =
  | { readonly ok: true; readonly template: Template }
  | { readonly ok: false; readonly problem: TemplateProblem };

/** What a pipeline can give. */
type Datum = Printable | Labels;
interface Scope {
  readonly labels: Labels;
  readonly value: number;
  readonly dot: Datum;
}
type Term = (scope: Scope) => Datum;
type Node = (scope: Scope) => string;

class Refusal extends Error {
  readonly problem: TemplateProblem;
  constructor(offset: number, length: number, message: string, mend: string) {
    super(message);
    this.problem = { offset, length: Math.max(1, length), message, mend };
  }
}

const isMap = (x: Datum): x is Labels => typeof x === 'object';

/** As Go prints a value: floats in their shortest form, maps as `map[a:b c:d]`. */
function show(x: Datum): string {
  if (typeof x === 'number') return printFloat(x);
  if (isMap(x))
    return `map[${Object.keys(x)
      .sort(byText)
      .map((k) => `${k}:${x[k]}`)
      .join(' ')}]`;
  return String(x);
}

/** As `if` and `with` take a value: empty texts, 0, false and empty maps are false. */
function isTrue(x: Datum): boolean {
  if (isMap(x)) return Object.keys(x).length > 0;
  return x !== '' && x !== 0 && x !== 0n && x !== false;
}

const number = (x: Datum | undefined): number => (typeof x === 'number' ? x : Number(x ?? Number.NaN));
const text = (x: Datum | undefined): string => (x === undefined ? '' : show(x));

/** Functions of a template, with the number of what each takes; -1 for any. */
const functions: Readonly<
  Record<string, { readonly takes: number; readonly of: (...args: Datum[]) => Datum }>
> = {
  humanize: { takes: 1, of: (x) => humanize(number(x)) },
  humanize1024: { takes: 1, of: (x) => humanize1024(number(x)) },
  humanizePercentage: { takes: 1, of: (x) => humanizePercentage(number(x)) },
  humanizeDuration: { takes: 1, of: (x) => goDuration(number(x)) },
  printf: { takes: -1, of: (format, ...args) => goFormat(text(format), args as Printable[]) },
  print: { takes: -1, of: (...args) => args.map(text).join(' ') },
  title: { takes: 1, of: (x) => text(x).replace(/(^|\s)(\S)/g, (all) => all.toUpperCase()) },
  toUpper: { takes: 1, of: (x) => text(x).toUpperCase() },
  toLower: { takes: 1, of: (x) => text(x).toLowerCase() },
  stripPort: { takes: 1, of: (x) => text(x).replace(/:\d+$/, '') },
  eq: { takes: 2, of: (a, b) => a === b },
  ne: { takes: 2, of: (a, b) => a !== b },
  lt: { takes: 2, of: (a, b) => number(a) < number(b) },
  le: { takes: 2, of: (a, b) => number(a) <= number(b) },
  gt: { takes: 2, of: (a, b) => number(a) > number(b) },
  ge: { takes: 2, of: (a, b) => number(a) >= number(b) },
  and: { takes: -1, of: (...args) => args.find((x) => !isTrue(x)) ?? args[args.length - 1]! },
  or: { takes: -1, of: (...args) => args.find(isTrue) ?? args[args.length - 1]! },
  not: { takes: 1, of: (x) => !isTrue(x) },
};

interface Token {
  readonly kind: 'text' | 'word' | 'string' | 'number' | 'pipe' | 'open' | 'close';
  readonly text: string;
  readonly at: number;
}

function tokens(source: string, from: number): Token[] {
  const made: Token[] = [];
  const pattern =
    /\s+|"(?:\\.|[^"\\])*"|`[^`]*`|\||\(|\)|[$.]?[A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z_][A-Za-z0-9_]*)*|[+-]?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?|\.|:?=|[\s\S]/y;
  for (let at = 0; at < source.length; ) {
    pattern.lastIndex = at;
    const word = pattern.exec(source)![0];
    if (!/^\s/.test(word)) {
      const first = word[0]!;
      const kind =
        first === '"' || first === '`'
          ? 'string'
          : word === '|'
            ? 'pipe'
            : word === '('
              ? 'open'
              : word === ')'
                ? 'close'
                : /^[+-]?\d/.test(word)
                  ? 'number'
                  : 'word';
      made.push({ kind, text: word, at: from + at });
    }
    at += word.length;
  }
  return made;
}

/** Reads the pipelines of one action. */
class Pipeline {
  private place = 0;
  private readonly list: readonly Token[];
  private readonly at: number;

  constructor(list: readonly Token[], at: number) {
    this.list = list;
    this.at = at;
  }

  whole(): Term {
    const term = this.pipeline();
    const rest = this.list[this.place];
    if (rest !== undefined)
      throw new Refusal(
        rest.at,
        rest.text.length,
        `the template cannot be read from "${rest.text}" on`,
        'correct it',
      );
    return term;
  }

  private pipeline(): Term {
    let term = this.command(undefined);
    while (this.list[this.place]?.kind === 'pipe') {
      this.place += 1;
      term = this.command(term);
    }
    return term;
  }

  private command(piped: Term | undefined): Term {
    const first = this.list[this.place];
    if (first === undefined)
      throw new Refusal(this.at, 2, 'a template action without a value', 'name a label or the value');
    if (first.kind !== 'word' || first.text.startsWith('$') || first.text.startsWith('.')) {
      const term = this.operand();
      if (piped !== undefined)
        throw new Refusal(
          first.at,
          first.text.length,
          `${first.text} takes no value`,
          'name a function behind |',
        );
      return term;
    }
    this.place += 1;
    if (!Object.hasOwn(functions, first.text))
      throw new Refusal(
        first.at,
        first.text.length,
        `the template function ${first.text} is not played here`,
        `use one of ${Object.keys(functions).join(', ')}`,
      );
    const { takes, of } = functions[first.text]!;
    const args: Term[] = [];
    for (
      let next = this.list[this.place];
      next !== undefined && next.kind !== 'pipe' && next.kind !== 'close';
    ) {
      args.push(this.operand());
      next = this.list[this.place];
    }
    if (piped !== undefined) args.push(piped);
    if (args.length === 0 || (takes >= 0 && args.length !== takes))
      throw new Refusal(
        first.at,
        first.text.length,
        `${first.text} with ${args.length} values`,
        `give it ${takes < 0 ? 'at least 1' : takes}`,
      );
    return (scope) => of(...args.map((arg) => arg(scope)));
  }

  private operand(): Term {
    const token = this.list[this.place]!;
    this.place += 1;
    switch (token.kind) {
      case 'string': {
        const body = token.text.slice(1, -1);
        const value = token.text.startsWith('`') ? body : unquoted(body);
        return () => value;
      }
      case 'number': {
        const value = /^[+-]?\d+$/.test(token.text) ? BigInt(token.text) : Number(token.text);
        return () => value;
      }
      case 'open': {
        const inner = this.pipeline();
        if (this.list[this.place]?.kind !== 'close')
          throw new Refusal(token.at, 1, 'a ( without its )', 'close it');
        this.place += 1;
        return inner;
      }
      default:
        return variable(token);
    }
  }
}

function unquoted(body: string): string {
  return body.replace(/\\(.)/g, (_, c: string) => (c === 'n' ? '\n' : c === 't' ? '\t' : c));
}

function variable(token: Token): Term {
  const word = token.text;
  const label = /^(?:\$labels|\.Labels|\$\.Labels)\.(\w+)$/.exec(word)?.[1];
  if (label !== undefined) return ({ labels }) => labels[label] ?? '';
  if (word === '$labels' || word === '.Labels') return ({ labels }) => labels;
  if (word === '$value' || word === '.Value') return ({ value }) => value;
  if (word === '.') return ({ dot }) => dot;
  // The server has no external labels and no address here, which is what these then give.
  if (/^(\$externalLabels|\.ExternalLabels)(\.\w+)?$/.test(word))
    return () => (word.split('.').length > 2 || (word.startsWith('$') && word.includes('.')) ? '' : {});
  if (word === '$externalURL' || word === '.ExternalURL') return () => '';
  throw new Refusal(
    token.at,
    word.length,
    `the template variable ${word} is not played here`,
    'use $labels.<name> or $value',
  );
}

interface Piece {
  readonly text: string;
  readonly at: number;
  readonly isAction: boolean;
}

/** Splits into texts and actions; `{{-` and `-}}` take the space beside them away. */
function pieces(source: string): Piece[] {
  const made: Piece[] = [];
  let at = 0;
  while (at < source.length) {
    const open = source.indexOf('{{', at);
    if (open < 0) {
      made.push({ text: source.slice(at), at, isAction: false });
      break;
    }
    if (open > at) made.push({ text: source.slice(at, open), at, isAction: false });
    const end = closing(source, open + 2);
    if (end < 0) throw new Refusal(open, 2, 'a template action without its }}', 'close it');
    let body = source.slice(open + 2, end);
    let start = open + 2;
    if (/^-\s/.test(body)) {
      const before = made.at(-1);
      if (before?.isAction === false) made[made.length - 1] = { ...before, text: before.text.trimEnd() };
      body = body.slice(2);
      start += 2;
    }
    at = end + 2;
    if (/\s-$/.test(body)) {
      body = body.slice(0, -2);
      while (at < source.length && /\s/.test(source[at]!)) at += 1;
    }
    made.push({ text: body, at: start, isAction: true });
  }
  return made;
}

/** Where `}}` stands that no quoted text holds. */
function closing(source: string, from: number): number {
  const pattern = /"(?:\\.|[^"\\])*"|`[^`]*`|\}\}|[\s\S]/y;
  for (let at = from; at < source.length; ) {
    pattern.lastIndex = at;
    const word = pattern.exec(source)![0];
    if (word === '}}') return at;
    at += word.length;
  }
  return -1;
}

class Reader {
  private place = 0;
  private readonly list: readonly Piece[];

  constructor(list: readonly Piece[]) {
    this.list = list;
  }

  /** Up to the end, or to the `else` or `end` that closes the block opened at `opened`. */
  block(opened: Piece | undefined): { node: Node; closed: string } {
    const nodes: Node[] = [];
    const node: Node = (scope) => nodes.map((n) => n(scope)).join('');
    while (this.place < this.list.length) {
      const piece = this.list[this.place]!;
      this.place += 1;
      if (!piece.isAction) {
        nodes.push(() => piece.text);
        continue;
      }
      const word = /^\s*(\w*)/.exec(piece.text)![1]!;
      if (/^\/\*[\s\S]*\*\/$/.test(piece.text)) continue;
      if (word === 'end' || word === 'else') {
        if (opened === undefined)
          throw new Refusal(piece.at, piece.text.length, `${word} without an if or with`, 'remove it');
        return { node, closed: piece.text.trim() };
      }
      if (word === 'if' || word === 'with') nodes.push(this.branch(piece, word));
      else if (word === 'range' || word === 'define' || word === 'template' || word === 'block')
        throw new Refusal(
          piece.at,
          piece.text.length,
          `${word} is not played in a template here`,
          'use $labels, $value, if and with',
        );
      else {
        const term = this.term(piece, 0);
        nodes.push((scope) => show(term(scope)));
      }
    }
    if (opened !== undefined)
      throw new Refusal(
        opened.at,
        opened.text.length,
        `${opened.text.trim()} without its end`,
        'add {{ end }}',
      );
    return { node, closed: '' };
  }

  private term(piece: Piece, skip: number): Term {
    return new Pipeline(tokens(piece.text.slice(skip), piece.at + skip), piece.at).whole();
  }

  private branch(piece: Piece, word: 'if' | 'with'): Node {
    const term = this.term(piece, piece.text.indexOf(word) + word.length);
    const then = this.block(piece);
    let other: Node = () => '';
    if (then.closed === 'else') other = this.block(piece).node;
    else if (then.closed.startsWith('else')) {
      const rest = then.closed.slice(4).trim();
      const inner = /^(if|with)\b/.exec(rest)?.[1] as 'if' | 'with' | undefined;
      if (inner === undefined)
        throw new Refusal(
          piece.at,
          piece.text.length,
          `${then.closed} cannot be read`,
          'write else or else if',
        );
      other = this.branch({ ...piece, text: rest }, inner);
    }
    return (scope) => {
      const value = term(scope);
      if (!isTrue(value)) return other(scope);
      return then.node(word === 'with' ? { ...scope, dot: value } : scope);
    };
  }
}

/**
 * Reads a template of a label or an annotation. Played: labels, the value, `if`, `with`, and the functions that print numbers and texts. What
 * queries the server (`query`, `first`, `range`) is refused by name at its place.
 *
 * Source: Prometheus 3, template/template.go; Go 1.22, text/template.
 */
export function parseTemplate(source: string): ParsedTemplate {
  if (!source.includes('{{')) return { ok: true, template: () => source };
  try {
    const { node } = new Reader(pieces(source)).block(undefined);
    return { ok: true, template: (labels, value) => node({ labels, value, dot: { ...labels } }) };
  } catch (error) {
    if (error instanceof Refusal) return { ok: false, problem: error.problem };
    throw error;
  }
}
