import type { Grouping } from './parse.ts';
import { gone, type Labels } from './series.ts';

/** One element of an instant vector. */
export interface Sample {
  readonly labels: Labels;
  readonly value: number;
}

/** Values over the series of a shape; `gone` where there is none. The same object for as long as nothing changes, and never written to again. */
export interface Vector {
  readonly shape: Shape;
  readonly values: Float64Array;
}

/** Which series a vector is over: their labels, with `__name__` where they have a name. */
export class Shape {
  readonly labels: readonly Labels[];
  private namelessShape: Shape | undefined;
  private readonly groups = new Map<Grouping, Groups>();
  private twins: Int32Array | undefined | null = null;

  constructor(labels: readonly Labels[]) {
    this.labels = labels;
  }

  /** The same without names. */
  get nameless(): Shape {
    this.namelessShape ??= this.labels.some((l) => '__name__' in l)
      ? new Shape(this.labels.map(nameless))
      : this;
    return this.namelessShape;
  }

  /** The group of each series; worked out once for each grouping. */
  groupsBy(grouping: Grouping): Groups {
    let groups = this.groups.get(grouping);
    if (groups === undefined) {
      groups = grouped(this.labels, grouping);
      this.groups.set(grouping, groups);
    }
    return groups;
  }

  /** For each series the first with the same labels; undefined where all differ. */
  get twinOf(): Int32Array | undefined {
    if (this.twins === null) {
      const first = new Map<string, number>();
      const twins = Int32Array.from(this.labels, (labels, i) => {
        const key = keyOf(labels, Object.keys(labels));
        const known = first.get(key);
        if (known === undefined) first.set(key, i);
        return known ?? i;
      });
      this.twins = first.size === this.labels.length ? undefined : twins;
    }
    return this.twins;
  }
}

/** Series by group: number of each, and the labels that each group leaves. */
export interface Groups {
  readonly groupOf: Int32Array;
  readonly shape: Shape;
}

function grouped(all: readonly Labels[], { by, labels }: Grouping): Groups {
  const numbers = new Map<string, number>();
  const left: Labels[] = [];
  const groupOf = Int32Array.from(all, (own) => {
    const kept = by
      ? labels.filter((l) => own[l] !== undefined)
      : Object.keys(own).filter((l) => l !== '__name__' && !labels.includes(l));
    const key = keyOf(own, kept);
    let number = numbers.get(key);
    if (number === undefined) {
      number = left.length;
      numbers.set(key, number);
      left.push(Object.fromEntries(kept.map((l) => [l, own[l]!])));
    }
    return number;
  });
  return { groupOf, shape: new Shape(left) };
}

/** A text that is the same for the same labels. */
export function keyOf(labels: Labels, kept: readonly string[]): string {
  return [...kept]
    .sort()
    .map((label) => `${label}\u0000${labels[label]}`)
    .join('\u0001');
}

export function nameless(labels: Labels): Labels {
  if (!('__name__' in labels)) return labels;
  const { __name__: _, ...rest } = labels;
  return rest;
}

/** @throws RangeError where two samples have the same labels, which Prometheus refuses */
export function distinct(vector: Vector): Vector {
  const { twinOf } = vector.shape;
  if (twinOf === undefined) return vector;
  const isSeen = new Uint8Array(twinOf.length);
  for (const [i, twin] of twinOf.entries()) {
    if (vector.values[i] === gone) continue;
    if (isSeen[twin] === 1) throw new RangeError('vector cannot contain metrics with the same labelset');
    isSeen[twin] = 1;
  }
  return vector;
}

export const empty: Vector = { shape: new Shape([]), values: new Float64Array(0) };

/** One sample without labels. */
const single = new Shape([{}]);

export function vectorOf(value: number): Vector {
  return { shape: single, values: Float64Array.of(value) };
}

/** The samples that are there. */
export function samplesOf({ shape, values }: Vector): Sample[] {
  const samples: Sample[] = [];
  for (let i = 0; i < values.length; i += 1)
    if (values[i] !== gone) samples.push({ labels: shape.labels[i]!, value: values[i]! });
  return samples;
}

export function isEmpty({ values }: Vector): boolean {
  return values.every((v) => v === gone);
}
