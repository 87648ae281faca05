import { chosen, counted, reduced } from './aggregate.ts';
import { comparators, operators } from './arithmetic.ts';
import {
  absentLabels,
  dateFunctions,
  histogramQuantile,
  mapped,
  Relabelling,
  sorted,
  valueFunctions,
} from './calls.ts';
import { Leaf, type ScalarNode, type VectorNode, type View } from './leaves.ts';
import { Matching, withScalar } from './match.ts';
import type { Binary, Expression, Pin, Selector, Subquery } from './parse.ts';
import { gone, type Labels } from './series.ts';
import {
  distinct,
  empty,
  isEmpty,
  keyOf,
  nameless,
  type Sample,
  Shape,
  samplesOf,
  type Vector,
  vectorOf,
} from './vector.ts';
import { SampleBuffer, windowFunctions } from './window.ts';

type Node = { readonly vector: VectorNode } | { readonly scalar: ScalarNode };

/**
 * An expression over series, made ready to be evaluated again and again. What has not changed since the last time is not worked out again; the answer is
 * then the same object. Moments should not go back: where they do, more is read anew.
 */
export class Query {
  private readonly node: Node;
  private readonly asked: { at: number };
  private lastVector: Vector | undefined;
  private lastSamples: readonly Sample[] = [];

  constructor(expression: Expression, view: View) {
    const compiler = new Compiler(view);
    this.asked = compiler.asked;
    this.node = compiler.node(expression);
  }

  /** The vector with its names; a number is one sample without labels. @throws RangeError where it has no value, as of many-to-many matching */
  vector(t: number): Vector {
    this.asked.at = t;
    return 'vector' in this.node ? this.node.vector.at(t) : vectorOf(this.node.scalar.at(t));
  }

  /** A number for an expression that is one. */
  value(t: number): number | readonly Sample[] {
    this.asked.at = t;
    return 'scalar' in this.node ? this.node.scalar.at(t) : this.samples(t);
  }

  /** Samples without names. */
  samples(t: number): readonly Sample[] {
    const vector = this.vector(t);
    if (vector !== this.lastVector) {
      this.lastVector = vector;
      this.lastSamples = samplesOf({ shape: vector.shape.nameless, values: vector.values });
    }
    return this.lastSamples;
  }
}

/** Works out a vector from others only when one of them is another object, or a number beside them another number. */
class Derived implements VectorNode {
  private readonly inputs: readonly VectorNode[];
  private readonly numbers: readonly ScalarNode[];
  private readonly make: (vectors: readonly Vector[], numbers: readonly number[]) => Vector;
  private lastInputs: readonly Vector[] | undefined;
  private lastNumbers: readonly number[] = [];
  private made = empty;

  constructor(
    inputs: readonly VectorNode[],
    numbers: readonly ScalarNode[],
    make: (vectors: readonly Vector[], numbers: readonly number[]) => Vector,
  ) {
    this.inputs = inputs;
    this.numbers = numbers;
    this.make = make;
  }

  at(t: number): Vector {
    const inputs = this.inputs.map((node) => node.at(t));
    const numbers = this.numbers.map((node) => node.at(t));
    if (this.isSame(inputs, numbers)) return this.made;
    this.lastInputs = undefined;
    const made = this.make(inputs, numbers);
    // The same values over the same series are the same answer.
    const { made: before } = this;
    const isEqual = made.shape === before.shape && areSame(made.values, before.values);
    if (!isEqual) this.made = made;
    this.lastInputs = inputs;
    this.lastNumbers = numbers;
    return this.made;
  }

  private isSame(inputs: readonly Vector[], numbers: readonly number[]): boolean {
    const last = this.lastInputs;
    if (last === undefined) return false;
    for (let i = 0; i < inputs.length; i += 1) if (inputs[i] !== last[i]) return false;
    for (let i = 0; i < numbers.length; i += 1) if (!Object.is(numbers[i], this.lastNumbers[i])) return false;
    return true;
  }
}

function areSame(a: Float64Array, b: Float64Array): boolean {
  for (let i = 0; i < a.length; i += 1) if (!Object.is(a[i], b[i])) return false;
  return true;
}

const scalarNode = (at: (t: number) => number): ScalarNode => ({ at });

/** Seconds, as PromQL counts them. */
const seconds = scalarNode((t) => t / 1e6);

class Compiler {
  private readonly view: View;
  /** The moment that the whole query is asked for. */
  readonly asked = { at: 0 };

  constructor(view: View) {
    this.view = view;
  }

  node(e: Expression): Node {
    switch (e.kind) {
      case 'number':
        return { scalar: scalarNode(() => e.value) };
      case 'selector':
        return {
          vector: this.shifted(e, new Leaf(this.view, e, true, (series) => this.view.instant(series))),
        };
      case 'negate': {
        const of = this.node(e.of);
        if ('scalar' in of) return { scalar: scalarNode((t) => -of.scalar.at(t)) };
        return { vector: new Derived([of.vector], [], ([v]) => mapped(v!, (x) => -x)) };
      }
      case 'aggregate':
        return { vector: this.aggregate(e) };
      case 'binary':
        return this.binary(e);
      case 'call':
        return this.call(e);
      default:
        throw new RangeError(`a ${e.kind} has no value of its own`);
    }
  }

  private vector(e: Expression): VectorNode {
    const node = this.node(e);
    if ('scalar' in node) throw new RangeError('a vector was expected');
    return node.vector;
  }

  private scalar(e: Expression): ScalarNode {
    const node = this.node(e);
    if ('vector' in node) throw new RangeError('a number was expected');
    return node.scalar;
  }

  /** The moment that an @ names: start() and end() are that of the whole query, also inside a subquery. Source: Prometheus, promql/engine.go, `preprocessExprHelper`. */
  private pinned(pin: Pin, t: number): number {
    return pin === undefined ? t : typeof pin === 'number' ? pin : this.asked.at;
  }

  private shifted({ offset, pin }: { offset: number; pin: Pin }, node: VectorNode): VectorNode {
    if (offset === 0 && pin === undefined) return node;
    return { at: (t) => node.at(this.pinned(pin, t) - offset) };
  }

  private aggregate(e: Extract<Expression, { kind: 'aggregate' }>): VectorNode {
    const { op, parameter, grouping } = e;
    const of = this.vector(e.of);
    if (parameter?.kind === 'text')
      return new Derived([of], [], ([v]) => counted(parameter.value, v!, grouping));
    if (parameter === undefined)
      return new Derived([of], [], ([v]) => reduced(op, v!, grouping, 0, this.view.major));
    const number = this.scalar(parameter);
    return new Derived([of], [number], ([v], [n]) =>
      op === 'quantile' ? reduced(op, v!, grouping, n!, this.view.major) : chosen(op, v!, grouping, n!),
    );
  }

  private binary(e: Binary): Node {
    const left = this.node(e.left);
    const right = this.node(e.right);
    if ('scalar' in left && 'scalar' in right) {
      const holds = comparators[e.op];
      const f = operators[e.op] ?? ((a, b) => (holds!(a, b) ? 1 : 0));
      return { scalar: scalarNode((t) => f(left.scalar.at(t), right.scalar.at(t))) };
    }
    if ('scalar' in left || 'scalar' in right) {
      const [vector, scalar] =
        'scalar' in left
          ? [this.vector(e.right), left.scalar]
          : [left.vector, (right as { readonly scalar: ScalarNode }).scalar];
      const operated = withScalar(e, 'scalar' in left);
      return { vector: new Derived([vector], [scalar], ([v], [n]) => operated(v!, n!)) };
    }
    const matching = new Matching(e);
    return { vector: new Derived([left.vector, right.vector], [], ([a, b]) => matching.of(a!, b!)) };
  }

  private call({ name, args }: Extract<Expression, { kind: 'call' }>): Node {
    const window = args.find((arg) => arg.kind === 'subquery' || (arg.kind === 'selector' && arg.range > 0));
    if (window?.kind === 'selector' || window?.kind === 'subquery') {
      const beside = args.find((arg) => arg !== window);
      return { vector: this.windowed(name, window, beside === undefined ? undefined : this.scalar(beside)) };
    }
    const texts = args.map((arg) => (arg.kind === 'text' ? arg.value : ''));
    switch (name) {
      case 'time':
        return { scalar: seconds };
      case 'pi':
        return { scalar: scalarNode(() => Math.PI) };
      case 'vector':
        return { vector: new Derived([], [this.scalar(args[0]!)], (_, [n]) => vectorOf(n!)) };
      case 'scalar': {
        const of = this.vector(args[0]!);
        return { scalar: scalarNode((t) => only(of.at(t))) };
      }
      case 'timestamp':
        return { vector: this.timestamp(args[0]!) };
      case 'absent': {
        const labels = args[0]!.kind === 'selector' ? absentLabels(args[0]!.matchers) : {};
        return { vector: absent(this.vector(args[0]!), labels) };
      }
      case 'label_replace':
      case 'label_join': {
        const [, label, second, third, fourth] = texts;
        const relabelling =
          name === 'label_join'
            ? Relabelling.joining(label!, second!, texts.slice(3))
            : Relabelling.replacing(label!, second!, third!, fourth!);
        return { vector: new Derived([this.vector(args[0]!)], [], ([v]) => relabelling.of(v!)) };
      }
      case 'sort':
      case 'sort_desc':
        return {
          vector: new Derived([this.vector(args[0]!)], [], ([v]) => sorted(v!, name === 'sort_desc')),
        };
      case 'histogram_quantile':
        return {
          vector: new Derived([this.vector(args[1]!)], [this.scalar(args[0]!)], ([v], [q]) =>
            histogramQuantile(q!, v!, this.view.major),
          ),
        };
      default:
        return { vector: this.valued(name, args) };
    }
  }

  /** A function of each value. */
  private valued(name: string, args: readonly Expression[]): VectorNode {
    const date = dateFunctions[name];
    if (date !== undefined) {
      if (args.length === 0) return new Derived([], [seconds], (_, [n]) => vectorOf(date(n!)));
      return new Derived([this.vector(args[0]!)], [], ([v]) => mapped(v!, date));
    }
    const f = valueFunctions[name]!;
    const numbers = args.slice(1).map((arg) => this.scalar(arg));
    if (name === 'round' && numbers.length === 0) numbers.push(scalarNode(() => 1));
    return new Derived([this.vector(args[0]!)], numbers, ([v], [a = 0, b = 0]) =>
      name === 'clamp' && b < a ? empty : mapped(v!, (x) => f(x, a, b)),
    );
  }

  /** Of a plain selector the time of the sample, of anything else that of the evaluation. */
  private timestamp(e: Expression): VectorNode {
    if (e.kind === 'selector')
      return this.shifted(e, new Leaf(this.view, e, false, (series) => this.view.timestamp(series)));
    return new Derived([this.vector(e)], [seconds], ([v], [now]) => mapped(v!, () => now!));
  }

  private windowed(name: string, window: Selector | Subquery, beside: ScalarNode | undefined): VectorNode {
    if (name === 'absent_over_time') {
      const labels = window.kind === 'selector' ? absentLabels(window.matchers) : {};
      return absent(this.windowed('present_over_time', window, undefined), labels);
    }
    const f = windowFunctions[name]!;
    let moment = 0;
    let parameter = Number.NaN;
    const hasNames = name === 'last_over_time';
    const call = {
      name,
      f,
      rangeMicros: window.range,
      parameter: () => parameter,
      evaluatedAt: () => moment,
    };
    const make = () =>
      window.kind === 'subquery'
        ? new Steps(this.view, this.node(window.of), window, f, call, hasNames, isBound(window.of))
        : new Leaf(this.view, window, hasNames, (series) => this.view.range(call, series));
    let node: VectorNode = make();
    const checked = hasNames
      ? undefined
      : new Derived([{ at: (t) => node.at(t) }], [], ([v]) => distinct(v!));
    return {
      at: (t) => {
        moment = t;
        const now = beside === undefined ? Number.NaN : beside.at(t);
        // Rows keep answers for one number.
        if (!Object.is(now, parameter)) node = make();
        parameter = now;
        const at = this.pinned(window.pin, t) - window.offset;
        return (checked ?? node).at(at);
      },
    };
  }
}

/** Whether an expression holds an @ start() or end(): its past is another one for each query. */
function isBound(e: Expression): boolean {
  if ((e.kind === 'selector' || e.kind === 'subquery') && (e.pin === 'start' || e.pin === 'end')) return true;
  switch (e.kind) {
    case 'subquery':
    case 'negate':
      return isBound(e.of);
    case 'aggregate':
      return isBound(e.of) || (e.parameter !== undefined && isBound(e.parameter));
    case 'call':
      return e.args.some(isBound);
    case 'binary':
      return isBound(e.left) || isBound(e.right);
    default:
      return false;
  }
}

function only(vector: Vector): number {
  const there = samplesOf(vector);
  return there.length === 1 ? there[0]!.value : Number.NaN;
}

function absent(of: VectorNode, labels: Labels): VectorNode {
  const shape = new Shape([labels]);
  return new Derived([of], [], ([v]) => (isEmpty(v!) ? { shape, values: Float64Array.of(1) } : empty));
}

/**
 * A function over an expression's values at each step of a window: steps are whole multiples, so that all evaluations share them.
 * Source: Prometheus, promql/engine.go, `eval` of `parser.SubqueryExpr`.
 */
class Steps implements VectorNode {
  private readonly view: View;
  private readonly of: Node;
  private readonly range: number;
  private readonly step: number;
  private readonly f: (typeof windowFunctions)[string];
  private readonly call: { readonly parameter: () => number; readonly evaluatedAt: () => number };
  private readonly hasNames: boolean;
  private readonly isBound: boolean;
  private readonly columns: SampleBuffer[] = [];
  private readonly places = new Map<string, number>();
  private readonly placesOf = new WeakMap<Shape, Int32Array>();
  private labels: Labels[] = [];
  private shape = new Shape([]);
  /** The next step to be worked out. */
  private next = Number.NEGATIVE_INFINITY;
  private last = Number.NEGATIVE_INFINITY;
  /** The columns of the last step, where it may yet come out otherwise at this instant. */
  private provisional: number[] = [];

  constructor(
    view: View,
    of: Node,
    window: Subquery,
    f: (typeof windowFunctions)[string],
    call: { readonly parameter: () => number; readonly evaluatedAt: () => number },
    hasNames: boolean,
    isBound: boolean,
  ) {
    this.view = view;
    this.of = of;
    this.isBound = isBound;
    this.range = window.range;
    this.step = window.step === 0 ? view.stepMicros : window.step;
    this.f = f;
    this.call = call;
    this.hasNames = hasNames;
  }

  at(t: number): Vector {
    const from = t - this.range;
    const isOpen = this.view.major === 3;
    let start = this.step * Math.trunc(from / this.step);
    if (isOpen ? start <= from : start < from) start += this.step;
    for (const column of this.provisional) this.columns[column]!.pop();
    this.provisional = [];
    if (this.isBound || t < this.last || this.next < start) {
      for (const column of this.columns) column.clear();
      this.next = start;
    }
    this.last = t;
    for (const column of this.columns) column.leave(from, isOpen);
    const now = this.call.evaluatedAt();
    for (let time = this.next; time <= t; time += this.step) {
      const vector = 'vector' in this.of ? this.of.vector.at(time) : vectorOf(this.of.scalar.at(time));
      const filled = this.take(time, vector);
      if (time >= now) this.provisional.push(...filled);
      else this.next = time + this.step;
    }
    return this.over(from, t, now);
  }

  /** Adds the samples of a step to their columns, and says which those are. */
  private take(time: number, { shape, values }: Vector): number[] {
    const places = this.placesIn(shape);
    const filled: number[] = [];
    for (let i = 0; i < values.length; i += 1) {
      if (values[i] === gone) continue;
      this.columns[places[i]!]!.push(time, values[i]!);
      filled.push(places[i]!);
    }
    return filled;
  }

  private placesIn(shape: Shape): Int32Array {
    const known = this.placesOf.get(shape);
    if (known !== undefined) return known;
    const made = Int32Array.from(shape.labels, (own) => {
      const key = keyOf(own, Object.keys(own));
      const place = this.places.get(key) ?? this.columns.length;
      if (place === this.columns.length) {
        this.places.set(key, place);
        this.columns.push(new SampleBuffer());
        this.labels = [...this.labels, this.hasNames ? own : nameless(own)];
        this.shape = new Shape(this.labels);
      }
      return place;
    });
    this.placesOf.set(shape, made);
    return made;
  }

  private over(from: number, to: number, at: number): Vector {
    const parameter = this.call.parameter();
    const values = Float64Array.from(this.columns, ({ times, values, first, end }) =>
      this.f.of({ times, values, first, end, from, to, at }, parameter, this.view.major),
    );
    return { shape: this.shape, values };
  }
}
