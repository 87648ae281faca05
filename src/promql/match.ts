import { comparators, operators } from './arithmetic.ts';
import { comparisons } from './functions.ts';
import type { Binary, Grouping } from './parse.ts';
import { gone, type Labels } from './series.ts';
import { distinct, empty, isEmpty, keyOf, nameless, Shape, type Vector } from './vector.ts';

/** What an operator makes of two values; `gone` where a comparison filters. */
type Operator = (a: number, b: number, kept: number) => number;

function operatorOf({ op, bool }: Binary): Operator {
  const arithmetic = operators[op];
  if (arithmetic !== undefined) return arithmetic;
  const holds = comparators[op]!;
  return bool ? (a, b) => (holds(a, b) ? 1 : 0) : (a, b, kept) => (holds(a, b) ? kept : gone);
}

/** A vector with a number, or a number with a vector. */
export function withScalar(e: Binary, isLeft: boolean): (vector: Vector, scalar: number) => Vector {
  const operator = operatorOf(e);
  const keepsName = comparisons.has(e.op) && !e.bool;
  return ({ shape, values: given }, scalar) => {
    const values = new Float64Array(given.length);
    for (let i = 0; i < given.length; i += 1) {
      const v = given[i]!;
      values[i] = v === gone ? gone : isLeft ? operator(scalar, v, v) : operator(v, scalar, v);
    }
    return distinct({ shape: keepsName ? shape : shape.nameless, values });
  };
}

/** Series of two sides by what they are matched on. */
interface Plan {
  readonly left: Shape;
  readonly right: Shape;
  readonly leftKey: Int32Array;
  readonly rightKey: Int32Array;
  readonly keys: number;
  /** Of the side with many. */
  readonly result: Shape;
}

/**
 * Operators between vectors: which series belong together is worked out once for as long as the same series stand on both sides.
 * Source: Prometheus, promql/engine.go `VectorBinop`, `VectorAnd`, `VectorOr`, `VectorUnless`, `resultMetric`.
 */
export class Matching {
  private readonly e: Binary;
  private readonly operator: Operator;
  private readonly grouping: Grouping;
  private plan: Plan | undefined;
  private union: { readonly plan: Plan; readonly shape: Shape } | undefined;

  constructor(e: Binary) {
    this.e = e;
    this.operator = operatorOf(e);
    this.grouping = e.on === undefined ? { by: false, labels: e.ignoring } : { by: true, labels: e.on };
  }

  private planFor(left: Shape, right: Shape): Plan {
    if (this.plan?.left === left && this.plan.right === right) return this.plan;
    const ofLeft = left.groupsBy(this.grouping);
    const ofRight = right.groupsBy(this.grouping);
    const numbers = new Map<string, number>();
    const numberOf = (labels: Labels) => {
      const key = keyOf(labels, Object.keys(labels));
      const known = numbers.get(key) ?? numbers.size;
      numbers.set(key, known);
      return known;
    };
    const leftNumbers = ofLeft.shape.labels.map(numberOf);
    const rightNumbers = ofRight.shape.labels.map(numberOf);
    const many = this.e.group === 'right' ? right : left;
    this.plan = {
      left,
      right,
      leftKey: ofLeft.groupOf.map((g) => leftNumbers[g]!),
      rightKey: ofRight.groupOf.map((g) => rightNumbers[g]!),
      keys: numbers.size,
      result: this.e.include.length > 0 ? many : new Shape(many.labels.map((labels) => this.leftOf(labels))),
    };
    return this.plan;
  }

  /** The labels of a result, those of the other side apart. */
  private leftOf(labels: Labels): Labels {
    const { e } = this;
    const own = comparisons.has(e.op) && !e.bool ? labels : nameless(labels);
    if (e.group !== undefined) return own;
    const keeps = (l: string) => (e.on === undefined ? !e.ignoring.includes(l) : e.on.includes(l));
    return Object.fromEntries(Object.entries(own).filter(([l]) => keeps(l)));
  }

  of(left: Vector, right: Vector): Vector {
    const plan = this.planFor(left.shape, right.shape);
    switch (this.e.op) {
      case 'and':
        return this.filtered(left, right, plan, true);
      case 'unless':
        return this.filtered(left, right, plan, false);
      case 'or':
        return this.united(left, right, plan);
      default:
        return this.paired(left, right, plan);
    }
  }

  private filtered(left: Vector, right: Vector, plan: Plan, wanted: boolean): Vector {
    const isThere = present(right, plan.rightKey, plan.keys);
    const values = left.values.map((v, i) => ((isThere[plan.leftKey[i]!] === 1) === wanted ? v : gone));
    return { shape: left.shape, values };
  }

  private united(left: Vector, right: Vector, plan: Plan): Vector {
    const isThere = present(left, plan.leftKey, plan.keys);
    if (this.union?.plan !== plan)
      this.union = { plan, shape: new Shape([...left.shape.labels, ...right.shape.labels]) };
    const { shape } = this.union;
    const values = new Float64Array(left.values.length + right.values.length);
    values.set(left.values);
    for (const [j, v] of right.values.entries())
      values[left.values.length + j] = isThere[plan.rightKey[j]!] === 1 ? gone : v;
    return distinct({ shape, values });
  }

  private paired(left: Vector, right: Vector, plan: Plan): Vector {
    if (isEmpty(left) || isEmpty(right)) return empty;
    const { e } = this;
    const isRight = e.group === 'right';
    const [many, few] = isRight ? [right, left] : [left, right];
    const [manyKey, fewKey] = isRight ? [plan.rightKey, plan.leftKey] : [plan.leftKey, plan.rightKey];
    const partner = new Int32Array(plan.keys).fill(-1);
    for (let j = 0; j < fewKey.length; j += 1) {
      if (few.values[j] === gone) continue;
      const key = fewKey[j]!;
      if (partner[key] !== -1)
        throw new RangeError('many-to-many matching: the labels do not tell the series of one side apart');
      partner[key] = j;
    }
    const isUsed = new Uint8Array(plan.keys);
    const values = new Float64Array(many.values.length).fill(gone);
    for (let i = 0; i < manyKey.length; i += 1) {
      const key = manyKey[i]!;
      const own = many.values[i]!;
      const j = partner[key]!;
      if (own === gone || j === -1) continue;
      const other = few.values[j]!;
      const value = isRight ? this.operator(other, own, other) : this.operator(own, other, own);
      if (value === gone) continue;
      if (e.group === undefined && isUsed[key] === 1)
        throw new RangeError('many-to-one matching needs group_left or group_right');
      isUsed[key] = 1;
      values[i] = value;
    }
    if (e.include.length === 0) return distinct({ shape: plan.result, values });
    return distinct(this.including(many, few, values, partner, manyKey));
  }

  private readonly included = new WeakMap<Shape, { readonly partners: string; readonly shape: Shape }>();

  /** With labels of the other side. */
  private including(
    many: Vector,
    few: Vector,
    values: Float64Array,
    partner: Int32Array,
    keys: Int32Array,
  ): Vector {
    const partners = partner.join();
    const known = this.included.get(many.shape);
    if (known?.partners === partners) return { shape: known.shape, values };
    const shape = new Shape(
      many.shape.labels.map((labels, i) => {
        const j = partner[keys[i]!]!;
        const made: Record<string, string> = { ...this.leftOf(labels) };
        for (const label of this.e.include) {
          const value = j === -1 ? undefined : few.shape.labels[j]![label];
          if (value === undefined) delete made[label];
          else made[label] = value;
        }
        return made;
      }),
    );
    this.included.set(many.shape, { partners, shape });
    return { shape, values };
  }
}

function present(vector: Vector, keyOfSeries: Int32Array, keys: number): Uint8Array {
  const found = new Uint8Array(keys);
  for (const [i, key] of keyOfSeries.entries()) if (vector.values[i] !== gone) found[key] = 1;
  return found;
}
