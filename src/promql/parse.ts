import type { SyntaxNode } from '@lezer/common';
import { parser } from '@prometheus-io/lezer-promql';
import { namePattern } from '../engine/namePattern.ts';
import {
  aggregations,
  arithmetic,
  comparisons,
  functions,
  setOperators,
  type ValueType,
} from './functions.ts';

/** Something in an expression that cannot be read, or is not played; `offset` counts characters from its start. */
export interface SyntaxProblem {
  readonly offset: number;
  readonly length: number;
  readonly message: string;
  readonly mend: string;
}

export interface Matcher {
  readonly label: string;
  readonly op: '=' | '!=' | '=~' | '!~';
  readonly value: string;
  readonly test: (value: string) => boolean;
}

/** When a selector or subquery looks: `@` with microseconds, or with the start or end of the query. */
export type Pin = number | 'start' | 'end' | undefined;

export interface Selector {
  readonly kind: 'selector';
  /** Empty where matchers of `__name__` decide. */
  readonly name: string;
  readonly matchers: readonly Matcher[];
  /** Window in microseconds, or 0 for an instant selector. */
  readonly range: number;
  /** Microseconds back in time. */
  readonly offset: number;
  readonly pin: Pin;
  readonly at: number;
  readonly length: number;
}

/** An expression at each `step` of a window, as samples. */
export interface Subquery {
  readonly kind: 'subquery';
  readonly of: Expression;
  readonly range: number;
  /** 0: as the server evaluates rules by default. */
  readonly step: number;
  readonly offset: number;
  readonly pin: Pin;
  readonly at: number;
  readonly length: number;
}

export type Grouping = { readonly by: boolean; readonly labels: readonly string[] };

export interface Binary {
  readonly kind: 'binary';
  readonly op: string;
  readonly left: Expression;
  readonly right: Expression;
  readonly bool: boolean;
  readonly on: readonly string[] | undefined;
  readonly ignoring: readonly string[];
  readonly group: 'left' | 'right' | undefined;
  readonly include: readonly string[];
}

export type Expression =
  | { readonly kind: 'number'; readonly value: number }
  | { readonly kind: 'text'; readonly value: string; readonly at: number; readonly length: number }
  | Selector
  | Subquery
  | { readonly kind: 'negate'; readonly of: Expression }
  | {
      readonly kind: 'call';
      readonly name: string;
      readonly args: readonly Expression[];
      readonly at: number;
    }
  | {
      readonly kind: 'aggregate';
      readonly op: string;
      readonly parameter: Expression | undefined;
      readonly of: Expression;
      readonly grouping: Grouping;
    }
  | Binary;

export type Parsed<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly problems: readonly SyntaxProblem[] };

const durationUnits: Readonly<Record<string, number>> = {
  ms: 1e3,
  s: 1e6,
  m: 6e7,
  h: 3.6e9,
  d: 8.64e10,
  w: 6.048e11,
  y: 3.1536e13,
};

/** Microseconds of a Prometheus duration such as `1h30m`, or of a plain number of seconds. */
function durationMicros(text: string): number {
  if (/^[0-9.eE+-]+$/.test(text)) return Math.round(Number(text) * 1e6);
  let sum = 0;
  for (const part of text.matchAll(/(\d+)(ms|[smhdwy])/g)) sum += Number(part[1]) * durationUnits[part[2]];
  return sum;
}

class Refusal extends Error {
  readonly problem: SyntaxProblem;
  constructor(node: { from: number; to: number }, message: string, mend: string) {
    super(message);
    this.problem = { offset: node.from, length: Math.max(1, node.to - node.from), message, mend };
  }
}

/** What an expression gives. */
export function typeOf(e: Expression): ValueType {
  switch (e.kind) {
    case 'number':
      return 'scalar';
    case 'text':
      return 'text';
    case 'selector':
      return e.range > 0 ? 'range' : 'vector';
    case 'subquery':
      return 'range';
    case 'negate':
      return typeOf(e.of);
    case 'call':
      return functions[e.name].gives;
    case 'aggregate':
      return 'vector';
    case 'binary':
      return typeOf(e.left) === 'scalar' && typeOf(e.right) === 'scalar' ? 'scalar' : 'vector';
  }
}

/**
 * Reads one PromQL expression. What the language has and this evaluator does not is refused by name at its place, so that an
 * expression never quietly means nothing.
 *
 * Grammar: lezer-promql, as the Prometheus web page uses it; types by Prometheus, promql/parser/parse.go `checkAST`.
 */
export function parseExpression(text: string): Parsed<Expression> {
  return parse(text, false);
}

/** @param isExpectation whether two numbers may be compared on top, which PromQL asks `bool` for */
function parse(text: string, isExpectation: boolean): Parsed<Expression> {
  if (text.length > 20_000) {
    return {
      ok: false,
      problems: [
        { offset: 0, length: 1, message: 'an expression of more than 20,000 characters', mend: 'shorten it' },
      ],
    };
  }
  const tree = parser.parse(text);
  const problems: SyntaxProblem[] = [];
  tree.iterate({
    enter(node) {
      if (node.type.isError && problems.length === 0) {
        const rest = text.slice(node.from).trim();
        problems.push({
          offset: node.from,
          length: Math.max(1, node.to - node.from),
          message:
            rest === ''
              ? 'the PromQL expression ends too early'
              : `PromQL cannot be read from "${rest.slice(0, 20)}" on`,
          mend: 'complete or correct the expression',
        });
      }
    },
  });
  if (problems.length > 0) return { ok: false, problems };
  const top = tree.topNode.firstChild;
  if (top === null)
    return {
      ok: false,
      problems: [{ offset: 0, length: 1, message: 'an empty expression', mend: 'write a PromQL expression' }],
    };
  try {
    const value = new Reader(text, isExpectation).read(top, 0);
    if (typeOf(value) === 'range')
      throw new Refusal(
        top,
        'a window outside a function',
        'wrap it in a function such as max_over_time, or remove the window',
      );
    if (typeOf(value) === 'text')
      throw new Refusal(top, 'a text is no expression', 'write an expression over metrics');
    return { ok: true, value };
  } catch (error) {
    if (error instanceof Refusal) return { ok: false, problems: [error.problem] };
    throw error;
  }
}

function children(node: SyntaxNode): SyntaxNode[] {
  const found: SyntaxNode[] = [];
  for (let child = node.firstChild; child !== null; child = child.nextSibling) found.push(child);
  return found;
}

const typeWords: Readonly<Record<ValueType, string>> = {
  range: 'a window',
  vector: 'a vector',
  scalar: 'a number',
  text: 'a text',
};

const mends: Readonly<Record<ValueType, string>> = {
  range: 'write the metric with a window, as in m[5m], or an expression with one, as in (m > 0)[5m:1m]',
  vector: 'write a metric without a window, or an expression over metrics',
  scalar: 'write a number, or scalar(...) of a vector',
  text: 'write a text in quotes',
};

class Reader {
  private readonly text: string;
  private readonly isExpectation: boolean;

  constructor(text: string, isExpectation: boolean) {
    this.text = text;
    this.isExpectation = isExpectation;
  }

  private words(node: SyntaxNode): string {
    return this.text.slice(node.from, node.to);
  }

  read(node: SyntaxNode, depth: number): Expression {
    if (depth > 100) throw new Refusal(node, 'nested deeper than 100', 'simplify the expression');
    const at = node.from;
    const length = node.to - node.from;
    switch (node.name) {
      case 'ParenExpr':
        return this.read(node.firstChild!, depth + 1);
      case 'NumberDurationLiteral':
        return { kind: 'number', value: numberOf(this.words(node)) };
      case 'StringLiteral':
        return { kind: 'text', value: unquote(this.words(node)), at, length };
      case 'UnaryExpr': {
        const [op, operand] = children(node);
        const inner = this.read(operand, depth + 1);
        this.expect(operand, inner, ['vector', 'scalar'], `a sign before`);
        return this.words(op) === '-' ? { kind: 'negate', of: inner } : inner;
      }
      case 'VectorSelector':
        return this.selector(node);
      case 'MatrixSelector': {
        const [inner, range] = children(node);
        const found = this.read(inner, depth + 1);
        if (found.kind !== 'selector')
          throw new Refusal(
            inner,
            'a range over something that is no selector',
            'put the window behind a metric',
          );
        return { ...found, range: this.window(range), length };
      }
      case 'SubqueryExpr': {
        const [inner, range, step] = children(node);
        const found = this.read(inner, depth + 1);
        this.expect(inner, found, ['vector', 'scalar'], 'a subquery of');
        const stepMicros = step === undefined ? 0 : this.window(step);
        const rangeMicros = this.window(range);
        return {
          kind: 'subquery',
          of: found,
          range: rangeMicros,
          step: stepMicros,
          offset: 0,
          pin: undefined,
          at,
          length,
        };
      }
      case 'OffsetExpr': {
        const parts = children(node);
        const found = this.read(parts[0], depth + 1);
        const word = this.words(parts[parts.length - 1]).replace(/\s/g, '');
        if (found.kind !== 'selector' && found.kind !== 'subquery')
          throw new Refusal(
            node,
            'an offset behind something that is no selector',
            'put offset behind the selector or the subquery',
          );
        if (found.offset !== 0) throw new Refusal(node, 'a second offset', 'write one offset');
        const sign = word.startsWith('-') ? -1 : 1;
        return { ...found, offset: sign * durationMicros(word.replace(/^[+-]/, '')), length };
      }
      case 'StepInvariantExpr': {
        const parts = children(node);
        const found = this.read(parts[0], depth + 1);
        if (found.kind !== 'selector' && found.kind !== 'subquery')
          throw new Refusal(
            node,
            'an @ behind something that is no selector',
            'put @ behind the selector or the subquery',
          );
        if (found.pin !== undefined) throw new Refusal(node, 'a second @', 'write one @');
        const last = parts[parts.length - 1];
        if (last.name === 'AtModifierPreprocessors')
          return { ...found, pin: this.words(last).startsWith('start') ? 'start' : 'end', length };
        const micros = numberOf(this.words(last)) * 1e6;
        if (!Number.isFinite(micros))
          throw new Refusal(last, 'an @ that is no moment', 'write seconds since 1970, start() or end()');
        return { ...found, pin: Math.round(micros), length };
      }
      case 'FunctionCall':
        return this.call(node, depth);
      case 'AggregateExpr':
        return this.aggregate(node, depth);
      case 'BinaryExpr':
        return this.binary(node, depth);
      default:
        throw new Refusal(node, `${node.name} is not played here`, 'simplify the expression');
    }
  }

  private window(node: SyntaxNode): number {
    const micros = durationMicros(this.words(node));
    if (micros <= 0) throw new Refusal(node, 'a window without length', 'write a window such as [5m]');
    return micros;
  }

  private expect(node: SyntaxNode, given: Expression, types: readonly ValueType[], what: string): void {
    const type = typeOf(given);
    if (!types.includes(type)) throw new Refusal(node, `${what} ${typeWords[type]}`, mends[types[0]]);
  }

  private call(node: SyntaxNode, depth: number): Expression {
    const name = this.words(node.firstChild!);
    if (!Object.hasOwn(functions, name)) {
      throw new Refusal(
        node.firstChild!,
        `the function ${name} is not played here`,
        `use one of ${Object.keys(functions).join(', ')}`,
      );
    }
    const body = node.getChild('FunctionCallBody');
    const nodes = body === null ? [] : children(body);
    const args = nodes.map((arg) => this.read(arg, depth + 1));
    const { takes, optional, repeats } = functions[name];
    const least = takes.length - optional;
    if (args.length < least || (!repeats && args.length > takes.length)) {
      const count = repeats ? `${least} or more` : optional > 0 ? `${least} or ${takes.length}` : `${least}`;
      throw new Refusal(
        node,
        `${name} takes ${count} arguments, not ${args.length}`,
        'correct the arguments',
      );
    }
    for (const [i, arg] of args.entries()) {
      const type = takes[Math.min(i, takes.length - 1)];
      if (typeOf(arg) !== type)
        throw new Refusal(
          nodes[i],
          `${name} takes ${typeWords[type]} here, not ${typeWords[typeOf(arg)]}`,
          mends[type],
        );
    }
    const texts = args.map((arg) => (arg.kind === 'text' ? arg.value : ''));
    if (name === 'label_replace') {
      const pattern = namePattern(texts[4]);
      if (typeof pattern === 'string') throw new Refusal(nodes[4], pattern, 'correct the regular expression');
    }
    const labels =
      name === 'label_replace'
        ? [1]
        : name === 'label_join'
          ? [1, ...args.keys()].filter((i) => i === 1 || i > 2)
          : [];
    for (const i of labels)
      if (!/^[a-zA-Z_][a-zA-Z0-9_]*$/.test(texts[i]))
        throw new Refusal(nodes[i], `"${texts[i]}" is no label name`, 'use letters, digits and underscores');
    return { kind: 'call', name, args, at: node.from };
  }

  private aggregate(node: SyntaxNode, depth: number): Expression {
    const op = this.words(node.firstChild!).toLowerCase();
    if (!Object.hasOwn(aggregations, op)) {
      throw new Refusal(
        node.firstChild!,
        `the aggregation ${op} is not played here`,
        `use one of ${Object.keys(aggregations).join(', ')}`,
      );
    }
    const body = node.getChild('FunctionCallBody');
    const nodes = body === null ? [] : children(body);
    const type = aggregations[op];
    const wanted = type === undefined ? 1 : 2;
    if (nodes.length !== wanted)
      throw new Refusal(
        node,
        `${op} takes ${type === undefined ? 'one vector' : `${typeWords[type]} and a vector`}`,
        'correct the arguments',
      );
    const args = nodes.map((arg) => this.read(arg, depth + 1));
    const of = args[wanted - 1];
    this.expect(nodes[wanted - 1], of, ['vector'], `${op} takes a vector, not`);
    const parameter = type === undefined ? undefined : args[0];
    if (type !== undefined)
      this.expect(nodes[0], args[0], [type], `${op} takes ${typeWords[type]} first, not`);
    if (parameter?.kind === 'text' && !/^[a-zA-Z_][a-zA-Z0-9_]*$/.test(parameter.value))
      throw new Refusal(
        nodes[0],
        `"${parameter.value}" is no label name`,
        'use letters, digits and underscores',
      );
    const modifier = node.getChild('AggregateModifier');
    const labels = this.labelNames(modifier?.getChild('GroupingLabels') ?? null);
    const by = modifier === null || modifier.getChild('By') !== null;
    return { kind: 'aggregate', op, parameter, of, grouping: { by, labels } };
  }

  private labelNames(node: SyntaxNode | null): readonly string[] {
    return node === null
      ? []
      : children(node).map((n) => (n.name === 'QuotedLabelName' ? unquote(this.words(n)) : this.words(n)));
  }

  private binary(node: SyntaxNode, depth: number): Expression {
    const parts = children(node);
    const leftNode = parts[0];
    const rightNode = parts[parts.length - 1];
    const op = this.words(parts[1]).toLowerCase();
    const isSet = setOperators.has(op);
    if (!arithmetic.has(op) && !comparisons.has(op) && !isSet) {
      throw new Refusal(
        parts[1],
        `the operator ${op} is not played here`,
        'use arithmetic, a comparison, and, or, unless',
      );
    }
    const left = this.read(leftNode, depth + 1);
    const right = this.read(rightNode, depth + 1);
    for (const [operandNode, operand] of [
      [leftNode, left],
      [rightNode, right],
    ] as const)
      this.expect(operandNode, operand, isSet ? ['vector'] : ['vector', 'scalar'], `the operator ${op} with`);
    const clause = node.getChild('MatchingModifierClause');
    const groups = clause?.getChildren('GroupingLabels').map((g) => this.labelNames(g)) ?? [];
    const on = clause?.getChild('On') === null || clause === null ? undefined : (groups[0] ?? []);
    const ignoring = clause?.getChild('Ignoring') ? (groups[0] ?? []) : [];
    const group = clause?.getChild('GroupLeft')
      ? 'left'
      : clause?.getChild('GroupRight')
        ? 'right'
        : undefined;
    const include = groups[1] ?? [];
    const bool = node.getChild('BoolModifier') !== null;
    if (bool && !comparisons.has(op))
      throw new Refusal(node.getChild('BoolModifier')!, 'bool without a comparison', 'remove bool');
    const types = [typeOf(left), typeOf(right)];
    if (clause !== null && types.includes('scalar'))
      throw new Refusal(clause, 'labels are matched with a number', 'remove on, ignoring and group');
    if (group !== undefined && isSet)
      throw new Refusal(clause!, `${op} takes no group_${group}`, `remove group_${group}`);
    if (on !== undefined && include.some((label) => on.includes(label)))
      throw new Refusal(clause!, 'a label in on and in group', 'name it once');
    if (
      comparisons.has(op) &&
      !bool &&
      types.every((type) => type === 'scalar') &&
      !(this.isExpectation && depth === 0)
    )
      throw new Refusal(parts[1], 'a comparison of two numbers', `write ${op} bool`);
    const shared = { kind: 'binary', op, bool, on, ignoring, group, include } as const;
    // The grammar takes a sign into its number, and a power binds stronger than a sign: -1 ^ 2 is -(1 ^ 2).
    if (op === '^' && left.kind === 'number' && /^[-+]/.test(this.words(leftNode))) {
      const power: Expression = { ...shared, left: { kind: 'number', value: Math.abs(left.value) }, right };
      return this.words(leftNode).startsWith('-') ? { kind: 'negate', of: power } : power;
    }
    return { ...shared, left, right };
  }

  private selector(node: SyntaxNode): Selector {
    const identifier = node.getChild('Identifier');
    let name = identifier === null ? '' : this.words(identifier);
    const matchers: Matcher[] = [];
    for (const child of children(node.getChild('LabelMatchers') ?? node)) {
      if (child.name === 'QuotedLabelName') {
        if (name !== '') throw new Refusal(child, 'a second metric name', 'name one metric');
        name = unquote(this.words(child));
        continue;
      }
      if (child.name !== 'UnquotedLabelMatcher' && child.name !== 'QuotedLabelMatcher') continue;
      const quoted = child.getChild('QuotedLabelName');
      const label = quoted === null ? this.words(child.getChild('LabelName')!) : unquote(this.words(quoted));
      const op = this.words(child.getChild('MatchOp')!) as Matcher['op'];
      const value = unquote(this.words(child.getChild('StringLiteral')!));
      if (label === '__name__' && identifier !== null)
        throw new Refusal(child, 'a metric name and a matcher of __name__', 'name the metric once');
      if (label === '__name__' && op === '=' && name === '') {
        name = value;
        continue;
      }
      matchers.push({ label, op, value, test: this.testOf(child, op, value) });
    }
    if (name === '' && !matchers.some((m) => m.label === '__name__' && !m.test('')))
      throw new Refusal(node, 'a selector without a metric name', 'name the metric');
    return {
      kind: 'selector',
      name,
      matchers,
      range: 0,
      offset: 0,
      pin: undefined,
      at: node.from,
      length: node.to - node.from,
    };
  }

  private testOf(node: SyntaxNode, op: Matcher['op'], value: string): (given: string) => boolean {
    if (op === '=') return (given) => given === value;
    if (op === '!=') return (given) => given !== value;
    const pattern = namePattern(value, { dotMatchesAll: true });
    if (typeof pattern === 'string') throw new Refusal(node, pattern, 'correct the regular expression');
    return op === '=~' ? (given) => pattern.matches(given) : (given) => !pattern.matches(given);
  }
}

function numberOf(word: string): number {
  const plain = word.toLowerCase();
  if (/^[+-]?inf$/.test(plain))
    return plain.startsWith('-') ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY;
  if (/^[+-]?nan$/.test(plain)) return Number.NaN;
  const sign = plain.startsWith('-') ? -1 : 1;
  const unsigned = plain.replace(/^[+-]/, '');
  const number = Number(unsigned);
  return sign * (Number.isNaN(number) ? durationMicros(unsigned) / 1e6 : number);
}

const escapes: Readonly<Record<string, string>> = {
  a: '\u0007',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
  v: '\v',
};

/** The text of a literal: in quotes with the escapes of Go, or between backticks as it stands. Source: Prometheus, util/strutil/quote.go. */
function unquote(text: string): string {
  const body = text.slice(1, -1);
  if (text.startsWith('`')) return body;
  return body.replace(
    /\\(x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|[0-7]{3}|.)/gs,
    (_, code: string) => {
      if (/^[xuU]./.test(code)) return codePoint(Number.parseInt(code.slice(1), 16));
      if (/^[0-7]{3}$/.test(code)) return codePoint(Number.parseInt(code, 8));
      return escapes[code] ?? code;
    },
  );
}

function codePoint(code: number): string {
  return code <= 0x10ffff ? String.fromCodePoint(code) : '\ufffd';
}

/** `operand CMP limit`: what must hold for every series of the operand. */
export interface Expectation {
  readonly operand: Expression;
  readonly op: string;
  readonly limit: Expression;
}

const flipped: Readonly<Record<string, string>> = {
  '<': '>',
  '>': '<',
  '<=': '>=',
  '>=': '<=',
  '==': '==',
  '!=': '!=',
};

/** Whether an expression is a number whatever the series say. */
function isConstant(e: Expression): boolean {
  switch (e.kind) {
    case 'number':
      return true;
    case 'negate':
      return isConstant(e.of);
    case 'binary':
      return isConstant(e.left) && isConstant(e.right);
    default:
      return false;
  }
}

/** Reads an expectation: a comparison on top, with a number on one side or a vector on both. */
export function parseExpectation(text: string): Parsed<Expectation> {
  const parsed = parse(text, true);
  if (!parsed.ok) return parsed;
  const top = parsed.value;
  if (top.kind !== 'binary' || !comparisons.has(top.op)) {
    return {
      ok: false,
      problems: [
        {
          offset: 0,
          length: text.length,
          message: 'there is no comparison on top',
          mend: 'compare with a limit, as in metric == 0 or sum(metric) < 100',
        },
      ],
    };
  }
  if (isConstant(top.left) && isConstant(top.right)) {
    return {
      ok: false,
      problems: [
        {
          offset: 0,
          length: text.length,
          message: 'no metric is compared',
          mend: 'compare a metric with a limit',
        },
      ],
    };
  }
  return isConstant(top.left)
    ? { ok: true, value: { operand: top.right, op: flipped[top.op], limit: top.left } }
    : { ok: true, value: { operand: top.left, op: top.op, limit: top.right } };
}

/** All selectors of an expression. */
export function selectorsOf(expression: Expression): Selector[] {
  switch (expression.kind) {
    case 'selector':
      return [expression];
    case 'negate':
    case 'subquery':
      return selectorsOf(expression.of);
    case 'aggregate':
      return [
        ...(expression.parameter === undefined ? [] : selectorsOf(expression.parameter)),
        ...selectorsOf(expression.of),
      ];
    case 'call':
      return expression.args.flatMap(selectorsOf);
    case 'binary':
      return [...selectorsOf(expression.left), ...selectorsOf(expression.right)];
    default:
      return [];
  }
}

/** Calls of functions over a plain window, not over a subquery. */
export function windowCallsOf(expression: Expression): Extract<Expression, { kind: 'call' }>[] {
  switch (expression.kind) {
    case 'negate':
    case 'subquery':
      return windowCallsOf(expression.of);
    case 'aggregate':
      return [expression.parameter, expression.of].flatMap((e) => (e === undefined ? [] : windowCallsOf(e)));
    case 'call': {
      const isOne = expression.args.some((arg) => arg.kind === 'selector' && arg.range > 0);
      return [...(isOne ? [expression] : []), ...expression.args.flatMap(windowCallsOf)];
    }
    case 'binary':
      return [...windowCallsOf(expression.left), ...windowCallsOf(expression.right)];
    default:
      return [];
  }
}

/** The names, of those there are, that a selector reads. */
export function namesOf(selector: Selector, names: readonly string[]): readonly string[] {
  if (selector.name !== '') return [selector.name];
  const matchers = selector.matchers.filter((m) => m.label === '__name__');
  return names.filter((name) => matchers.every((m) => m.test(name)));
}
