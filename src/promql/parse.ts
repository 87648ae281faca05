import type { SyntaxNode } from '@lezer/common';
import { parser } from '@prometheus-io/lezer-promql';

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

export interface Selector {
  readonly kind: 'selector';
  readonly name: string;
  readonly matchers: readonly Matcher[];
  /** Window in microseconds, or 0 for an instant selector. */
  readonly range: number;
  /** Microseconds back in time. */
  readonly offset: number;
  readonly at: number;
  readonly length: number;
}

export type Grouping = { readonly by: boolean; readonly labels: readonly string[] };

export type Expression =
  | { readonly kind: 'number'; readonly value: number }
  | Selector
  | { readonly kind: 'negate'; readonly of: Expression }
  | {
      readonly kind: 'call';
      readonly name: string;
      readonly args: readonly Expression[];
      readonly at: number;
    }
  | { readonly kind: 'aggregate'; readonly op: string; readonly of: Expression; readonly grouping: Grouping }
  | {
      readonly kind: 'binary';
      readonly op: string;
      readonly left: Expression;
      readonly right: Expression;
      readonly bool: boolean;
      readonly on: readonly string[] | undefined;
      readonly ignoring: readonly string[];
      readonly group: 'left' | 'right' | undefined;
      readonly include: readonly string[];
    };

export type Parsed<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly problems: readonly SyntaxProblem[] };

const arithmetic = new Set(['+', '-', '*', '/', '%', '^']);
export const comparisons = new Set(['==', '!=', '>', '<', '>=', '<=']);
const setOperators = new Set(['and', 'or', 'unless']);
const aggregations = new Set(['sum', 'min', 'max', 'avg', 'count', 'group']);
/** Functions and what they take: `range`, `vector` or `scalar`, in order. */
export const functions: Readonly<Record<string, readonly ('range' | 'vector' | 'scalar')[]>> = {
  avg_over_time: ['range'],
  min_over_time: ['range'],
  max_over_time: ['range'],
  sum_over_time: ['range'],
  count_over_time: ['range'],
  last_over_time: ['range'],
  present_over_time: ['range'],
  rate: ['range'],
  increase: ['range'],
  delta: ['range'],
  abs: ['vector'],
  ceil: ['vector'],
  floor: ['vector'],
  round: ['vector'],
  clamp_min: ['vector', 'scalar'],
  clamp_max: ['vector', 'scalar'],
  scalar: ['vector'],
  vector: ['scalar'],
  time: [],
};

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

/**
 * Reads one PromQL expression. What the language has and this evaluator does not is refused by name at its place, so that an
 * expression never quietly means nothing.
 *
 * Grammar: lezer-promql, as the Prometheus web page uses it.
 */
export function parseExpression(text: string): Parsed<Expression> {
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
    const value = read(top, text, 0);
    check(value, text);
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

function read(node: SyntaxNode, text: string, depth: number): Expression {
  if (depth > 100) throw new Refusal(node, 'nested deeper than 100', 'simplify the expression');
  const words = (n: SyntaxNode) => text.slice(n.from, n.to);
  switch (node.name) {
    case 'ParenExpr':
      return read(node.firstChild!, text, depth + 1);
    case 'NumberDurationLiteral': {
      const word = words(node);
      const number = /^[+-]?inf$/i.test(word)
        ? Number.POSITIVE_INFINITY
        : /^nan$/i.test(word)
          ? Number.NaN
          : Number(word);
      if (Number.isNaN(number) && !/^nan$/i.test(word))
        return { kind: 'number', value: durationMicros(word) / 1e6 };
      return { kind: 'number', value: number };
    }
    case 'UnaryExpr': {
      const [op, of] = children(node);
      const inner = read(of, text, depth + 1);
      return words(op) === '-' ? { kind: 'negate', of: inner } : inner;
    }
    case 'VectorSelector':
      return selector(node, text);
    case 'MatrixSelector': {
      const [inner, range] = children(node);
      const found = read(inner, text, depth + 1);
      if (found.kind !== 'selector')
        throw new Refusal(
          inner,
          'a range over something that is no selector',
          'put the window behind a metric',
        );
      const micros = durationMicros(words(range));
      if (micros <= 0) throw new Refusal(range, 'a window without length', 'write a window such as [5m]');
      return { ...found, range: micros, length: node.to - found.at };
    }
    case 'OffsetExpr': {
      const parts = children(node);
      const found = read(parts[0], text, depth + 1);
      const word = words(parts[parts.length - 1]).replace(/\s/g, '');
      if (found.kind !== 'selector')
        throw new Refusal(
          node,
          'an offset behind something that is no selector',
          'put offset behind the selector',
        );
      const sign = word.startsWith('-') ? -1 : 1;
      return { ...found, offset: sign * durationMicros(word.replace(/^[+-]/, '')) };
    }
    case 'FunctionCall': {
      const name = words(node.firstChild!);
      if (!Object.hasOwn(functions, name)) {
        throw new Refusal(
          node.firstChild!,
          `the function ${name} is not played here`,
          `use one of ${Object.keys(functions).join(', ')}`,
        );
      }
      const body = node.getChild('FunctionCallBody');
      const args = body === null ? [] : children(body).map((arg) => read(arg, text, depth + 1));
      if (args.length !== functions[name].length) {
        throw new Refusal(
          node,
          `${name} takes ${functions[name].length} arguments, not ${args.length}`,
          'correct the arguments',
        );
      }
      functions[name].forEach((type, i) => {
        const arg = args[i];
        const isRange = arg.kind === 'selector' && arg.range > 0;
        if ((type === 'range') !== isRange) {
          throw new Refusal(
            node,
            `${name} ${type === 'range' ? 'needs a window' : 'takes no window'}`,
            type === 'range' ? 'write the metric with a window, as in m[5m]' : 'remove the window',
          );
        }
      });
      return { kind: 'call', name, args, at: node.from };
    }
    case 'AggregateExpr': {
      const op = words(node.firstChild!);
      if (!aggregations.has(op)) {
        throw new Refusal(
          node.firstChild!,
          `the aggregation ${op} is not played here`,
          `use one of ${[...aggregations].join(', ')}`,
        );
      }
      const body = node.getChild('FunctionCallBody');
      const args = body === null ? [] : children(body);
      if (args.length !== 1) throw new Refusal(node, `${op} takes one vector`, 'correct the arguments');
      const modifier = node.getChild('AggregateModifier');
      const labels = modifier?.getChild('GroupingLabels')?.getChildren('LabelName').map(words) ?? [];
      const by = modifier === null || modifier.getChild('By') !== null;
      return { kind: 'aggregate', op, of: read(args[0], text, depth + 1), grouping: { by, labels } };
    }
    case 'BinaryExpr': {
      const parts = children(node);
      const left = parts[0];
      const right = parts[parts.length - 1];
      const op = words(parts[1]).toLowerCase();
      if (!arithmetic.has(op) && !comparisons.has(op) && !setOperators.has(op)) {
        throw new Refusal(
          parts[1],
          `the operator ${op} is not played here`,
          'use arithmetic, a comparison, and, or, unless',
        );
      }
      const clause = node.getChild('MatchingModifierClause');
      const groups =
        clause?.getChildren('GroupingLabels').map((g) => g.getChildren('LabelName').map(words)) ?? [];
      const on = clause?.getChild('On') === null || clause === null ? undefined : (groups[0] ?? []);
      const ignoring = clause?.getChild('Ignoring') ? (groups[0] ?? []) : [];
      const group = clause?.getChild('GroupLeft')
        ? 'left'
        : clause?.getChild('GroupRight')
          ? 'right'
          : undefined;
      const base = read(left, text, depth + 1);
      // The grammar takes a sign into its number, and a power binds stronger than a sign: -1 ^ 2 is -(1 ^ 2).
      if (op === '^' && base.kind === 'number' && /^[-+]/.test(words(left))) {
        const power: Expression = {
          kind: 'binary',
          op,
          left: { kind: 'number', value: Math.abs(base.value) },
          right: read(right, text, depth + 1),
          bool: false,
          on: undefined,
          ignoring: [],
          group: undefined,
          include: [],
        };
        return words(left).startsWith('-') ? { kind: 'negate', of: power } : power;
      }
      return {
        kind: 'binary',
        op,
        left: base,
        right: read(right, text, depth + 1),
        bool: node.getChild('BoolModifier') !== null,
        on,
        ignoring,
        group,
        include: groups[1] ?? [],
      };
    }
    case 'SubqueryExpr':
      throw new Refusal(
        node,
        'a subquery is not played here',
        'use a window behind a metric, or a derived rehearse: measure',
      );
    case 'StepInvariantExpr':
      throw new Refusal(node, 'the @ modifier is not played here', 'use at: of the expectation');
    case 'StringLiteral':
      throw new Refusal(node, 'a text is no expression', 'write an expression over metrics');
    default:
      throw new Refusal(node, `${node.name} is not played here`, 'simplify the expression');
  }
}

function selector(node: SyntaxNode, text: string): Selector {
  const words = (n: SyntaxNode) => text.slice(n.from, n.to);
  const identifier = node.getChild('Identifier');
  let name = identifier === null ? '' : words(identifier);
  const matchers: Matcher[] = [];
  for (const child of node.getChild('LabelMatchers')?.getChildren('UnquotedLabelMatcher') ?? []) {
    const label = words(child.getChild('LabelName')!);
    const op = words(child.getChild('MatchOp')!) as Matcher['op'];
    const value = unquote(words(child.getChild('StringLiteral')!));
    if (label === '__name__' && op === '=') {
      name = value;
      continue;
    }
    let test = (given: string) => given === value;
    if (op === '=~' || op === '!~') {
      let pattern: RegExp;
      try {
        pattern = new RegExp(`^(?:${value})$`, 's');
      } catch {
        throw new Refusal(child, `the pattern ${value} cannot be read`, 'correct the regular expression');
      }
      if (value.length > 500) throw new Refusal(child, 'a pattern of more than 500 characters', 'shorten it');
      test = (given) => pattern.test(given);
    }
    const positive = test;
    matchers.push({
      label,
      op,
      value,
      test: op === '!=' || op === '!~' ? (given) => !positive(given) : positive,
    });
  }
  if (name === '') throw new Refusal(node, 'a selector without a metric name', 'name the metric');
  return {
    kind: 'selector',
    name,
    matchers,
    range: 0,
    offset: 0,
    at: node.from,
    length: node.to - node.from,
  };
}

function unquote(text: string): string {
  const body = text.slice(1, -1);
  if (text.startsWith('`')) return body;
  return body.replace(/\\(.)/g, (_, c: string) => (c === 'n' ? '\n' : c === 't' ? '\t' : c));
}

/** A window may stand only where a function takes one. */
function check(expression: Expression, text: string): void {
  const walk = (e: Expression, windowed: boolean): void => {
    switch (e.kind) {
      case 'selector':
        if (e.range > 0 && !windowed) {
          throw new Refusal(
            { from: e.at, to: e.at + e.length },
            'a window outside a function',
            'wrap it in a function such as max_over_time',
          );
        }
        return;
      case 'negate':
      case 'aggregate':
        walk(e.of, false);
        return;
      case 'call':
        for (const arg of e.args) walk(arg, true);
        return;
      case 'binary':
        walk(e.left, false);
        walk(e.right, false);
        return;
      default:
    }
  };
  walk(expression, false);
  if (text.trim() === '')
    throw new Refusal({ from: 0, to: 1 }, 'an empty expression', 'write a PromQL expression');
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
  const parsed = parseExpression(text);
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
    case 'aggregate':
      return selectorsOf(expression.of);
    case 'call':
      return expression.args.flatMap(selectorsOf);
    case 'binary':
      return [...selectorsOf(expression.left), ...selectorsOf(expression.right)];
    default:
      return [];
  }
}
