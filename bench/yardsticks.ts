/** Fixed yardsticks: how a first version of an event list looks, the same with care, and a plain typed one. */

interface NaiveEvent {
  readonly time: number;
  readonly order: number;
  readonly run: () => void;
}

/** What a first version looks like: event objects with a closure each, a comparison function, swaps. */
export class NaiveHeap {
  private readonly heap: NaiveEvent[] = [];
  private readonly compare: (a: NaiveEvent, b: NaiveEvent) => number;

  constructor(compare = (a: NaiveEvent, b: NaiveEvent) => a.time - b.time || a.order - b.order) {
    this.compare = compare;
  }

  push(time: number, order: number, run: () => void): void {
    this.heap.push({ time, order, run });
    let at = this.heap.length - 1;
    while (at > 0) {
      const parent = Math.floor((at - 1) / 2);
      if (this.compare(this.heap[parent]!, this.heap[at]!) <= 0) break;
      this.swap(parent, at);
      at = parent;
    }
  }

  pop(): NaiveEvent | undefined {
    if (this.heap.length === 0) return undefined;
    this.swap(0, this.heap.length - 1);
    const first = this.heap.pop();
    let at = 0;
    for (;;) {
      let least = at;
      for (const child of [2 * at + 1, 2 * at + 2]) {
        if (child < this.heap.length && this.compare(this.heap[child]!, this.heap[least]!) < 0) least = child;
      }
      if (least === at) return first;
      this.swap(at, least);
      at = least;
    }
  }

  private swap(i: number, j: number): void {
    [this.heap[i], this.heap[j]] = [this.heap[j]!, this.heap[i]!];
  }
}

/** A binary heap of objects ordered by (time, sequence), without swaps or a comparison function. */
export class ObjectHeap {
  private readonly heap: { time: number; order: number; kind: number }[] = [];

  get size(): number {
    return this.heap.length;
  }

  push(time: number, order: number, kind: number): void {
    const { heap } = this;
    const entry = { time, order, kind };
    heap.push(entry);
    let at = heap.length - 1;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (before(heap[parent]!, entry)) break;
      heap[at] = heap[parent]!;
      at = parent;
    }
    heap[at] = entry;
  }

  pop(): { time: number; order: number; kind: number } | undefined {
    const { heap } = this;
    const first = heap[0];
    const entry = heap.pop();
    if (entry === undefined || heap.length === 0) return first;
    let at = 0;
    for (;;) {
      let child = at * 2 + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && before(heap[child + 1]!, heap[child]!)) child += 1;
      if (before(entry, heap[child]!)) break;
      heap[at] = heap[child]!;
      at = child;
    }
    heap[at] = entry;
    return first;
  }
}

function before(a: { time: number; order: number }, b: { time: number; order: number }): boolean {
  return a.time < b.time || (a.time === b.time && a.order < b.order);
}

/** A binary heap on typed arrays without cancel. */
export class TypedHeap {
  private readonly times: Float64Array;
  private readonly orders: Float64Array;
  private count = 0;
  time = 0;

  constructor(capacity: number) {
    this.times = new Float64Array(capacity + 1);
    this.orders = new Float64Array(capacity + 1);
  }

  push(time: number, order: number): void {
    const { times, orders } = this;
    let at = this.count++;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (times[parent]! < time || (times[parent] === time && orders[parent]! < order)) break;
      times[at] = times[parent]!;
      orders[at] = orders[parent]!;
      at = parent;
    }
    times[at] = time;
    orders[at] = order;
  }

  pop(): void {
    const { times, orders } = this;
    this.time = times[0]!;
    const last = --this.count;
    const time = times[last]!;
    const order = orders[last]!;
    let at = 0;
    for (;;) {
      let child = at * 2 + 1;
      if (child >= last) break;
      if (
        child + 1 < last &&
        (times[child + 1]! < times[child]! ||
          (times[child + 1] === times[child] && orders[child + 1]! < orders[child]!))
      )
        child += 1;
      if (time < times[child]! || (time === times[child] && order < orders[child]!)) break;
      times[at] = times[child]!;
      orders[at] = orders[child]!;
      at = child;
    }
    times[at] = time;
    orders[at] = order;
  }
}
