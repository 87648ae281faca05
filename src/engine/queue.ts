/**
 * The event queue: an indexed 4-ary heap on parallel typed arrays, ordered by (time, order), where `order` puts class
 * and sequence into one number, so that events of one instant run in the order of their scheduling within a class.
 *
 * A handle is a slot and its generation in one number: a handle of an event that has run or was cancelled is refused.
 * Cancel and reschedule really move entries: lazy deletion leaks under timeouts.
 */
export class EventQueue {
  private capacity = 64;
  private count = 0;
  // By heap position.
  private times = new Float64Array(this.capacity);
  private orders = new Float64Array(this.capacity);
  private slots = new Int32Array(this.capacity);
  // By slot.
  private positions = new Int32Array(this.capacity).fill(-1);
  private generations = new Uint32Array(this.capacity);
  private kinds = new Uint16Array(this.capacity);
  private targets = new Int32Array(this.capacity);
  private as = new Int32Array(this.capacity);
  /** Second payload: made when an event first carries one. */
  private bs: Float64Array | undefined;
  /** Free slots are chained through `positions`: -2 - next, ending in `noSlot`. */
  private firstFree = noSlot;

  // The event that `pop` took last.
  handle = 0;
  time = 0;
  order = 0;
  kind = 0;
  target = 0;
  a = 0;
  b = 0;

  constructor() {
    this.chain(0);
  }

  get size(): number {
    return this.count;
  }

  /** Time of the first event; Infinity when there is none. */
  peekTime(): number {
    return this.count === 0 ? Number.POSITIVE_INFINITY : this.times[0];
  }

  push(time: number, order: number, kind: number, target: number, a: number, b: number): number {
    if (this.firstFree === noSlot) this.grow();
    const slot = this.firstFree;
    this.firstFree = -2 - this.positions[slot];
    this.kinds[slot] = kind;
    this.targets[slot] = target;
    this.as[slot] = a;
    if (b !== 0 || this.bs !== undefined) {
      this.bs ??= new Float64Array(this.capacity);
      this.bs[slot] = b;
    }
    this.up(this.count++, time, order, slot);
    return this.generations[slot] * slotLimit + slot;
  }

  /** Takes the first event into the fields; false when there is none. */
  pop(): boolean {
    if (this.count === 0) return false;
    const slot = this.slots[0];
    this.time = this.times[0];
    this.order = this.orders[0];
    this.kind = this.kinds[slot];
    this.target = this.targets[slot];
    this.a = this.as[slot];
    this.b = this.bs === undefined ? 0 : this.bs[slot];
    this.handle = this.generations[slot] * slotLimit + slot;
    this.release(slot);
    const last = --this.count;
    if (last > 0) this.down(0, this.times[last], this.orders[last], this.slots[last]);
    return true;
  }

  /** Whether the event of a handle is still to come. */
  has(handle: number): boolean {
    return this.position(handle) >= 0;
  }

  cancel(handle: number): boolean {
    const position = this.position(handle);
    if (position < 0) return false;
    this.release(this.slots[position]);
    const last = --this.count;
    if (position !== last) this.place(position, this.times[last], this.orders[last], this.slots[last]);
    return true;
  }

  /** Moves an event to another time; at the same time it keeps its order, else it takes a new one. */
  reschedule(handle: number, time: number, order: () => number): boolean {
    const position = this.position(handle);
    if (position < 0) return false;
    if (this.times[position] !== time) this.place(position, time, order(), this.slots[position]);
    return true;
  }

  /** The kind of a pending event, or -1. */
  kindOf(handle: number): number {
    return this.position(handle) < 0 ? -1 : this.kinds[handle % slotLimit];
  }

  /** Bytes that the arrays hold for each entry. */
  static readonly bytesPerEntry = 8 + 8 + 4 + 4 + 4 + 2 + 4 + 4;

  private chain(from: number): void {
    for (let slot = this.capacity - 1; slot >= from; slot -= 1) {
      this.positions[slot] = -2 - this.firstFree;
      this.firstFree = slot;
    }
  }

  private position(handle: number): number {
    const slot = handle % slotLimit;
    if (!(slot < this.capacity) || this.generations[slot] !== (handle - slot) / slotLimit) return -1;
    return this.positions[slot];
  }

  private release(slot: number): void {
    this.positions[slot] = -2 - this.firstFree;
    this.firstFree = slot;
    this.generations[slot] = (this.generations[slot] + 1) & 0x1fffffff;
  }

  private place(position: number, time: number, order: number, slot: number): void {
    if (position > 0) {
      const parent = (position - 1) >> 2;
      if (time < this.times[parent] || (time === this.times[parent] && order < this.orders[parent])) {
        this.up(position, time, order, slot);
        return;
      }
    }
    this.down(position, time, order, slot);
  }

  private up(from: number, time: number, order: number, slot: number): void {
    const { times, orders, slots, positions } = this;
    let at = from;
    while (at > 0) {
      const parent = (at - 1) >> 2;
      const t = times[parent];
      if (time > t || (time === t && order > orders[parent])) break;
      times[at] = t;
      orders[at] = orders[parent];
      slots[at] = slots[parent];
      positions[slots[at]] = at;
      at = parent;
    }
    times[at] = time;
    orders[at] = order;
    slots[at] = slot;
    positions[slot] = at;
  }

  private down(from: number, time: number, order: number, slot: number): void {
    const { times, orders, slots, positions } = this;
    const end = this.count;
    let at = from;
    for (;;) {
      const first = (at << 2) + 1;
      if (first >= end) break;
      let best: number;
      if (first + 4 <= end) {
        // Arithmetic in place of branches: which child is least is a coin toss that no processor can predict.
        const t0 = times[first];
        const t1 = times[first + 1];
        const t2 = times[first + 2];
        const t3 = times[first + 3];
        const left = first + +(t1 < t0);
        const right = first + 2 + +(t3 < t2);
        const tl = times[left];
        const tr = times[right];
        best = left + (right - left) * +(tr < tl);
        if (t0 === t1 || t2 === t3 || tl === tr) best = this.leastChild(first, first + 4);
      } else best = this.leastChild(first, end);
      const t = times[best];
      if (time < t || (time === t && order < orders[best])) break;
      const moved = slots[best];
      times[at] = t;
      orders[at] = orders[best];
      slots[at] = moved;
      positions[moved] = at;
      at = best;
    }
    times[at] = time;
    orders[at] = order;
    slots[at] = slot;
    positions[slot] = at;
  }

  /** The least of some children by (time, order). */
  private leastChild(first: number, stop: number): number {
    const { times, orders } = this;
    let best = first;
    for (let child = first + 1; child < stop; child += 1) {
      if (times[child] < times[best] || (times[child] === times[best] && orders[child] < orders[best]))
        best = child;
    }
    return best;
  }

  private grow(): void {
    const old = this.capacity;
    this.capacity = old * 2;
    const wider = <T extends Float64Array | Int32Array | Uint32Array | Uint16Array>(
      array: T,
      make: new (n: number) => T,
    ): T => {
      const made = new make(this.capacity);
      made.set(array as never);
      return made;
    };
    this.times = wider(this.times, Float64Array);
    this.orders = wider(this.orders, Float64Array);
    this.slots = wider(this.slots, Int32Array);
    this.positions = wider(this.positions, Int32Array);
    this.generations = wider(this.generations, Uint32Array);
    this.kinds = wider(this.kinds, Uint16Array);
    this.targets = wider(this.targets, Int32Array);
    this.as = wider(this.as, Int32Array);
    if (this.bs !== undefined) this.bs = wider(this.bs, Float64Array);
    this.chain(old);
  }
}

/** Slots are below 2^24, generations below 2^29: a handle stays an exact integer. */
const slotLimit = 16_777_216;
/** End of the chain of free slots. */
const noSlot = -1;
