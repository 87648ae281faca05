/** Which of many rows has the earliest time, while the times change: a binary heap that knows where each row stands. */
export class Earliest {
  private readonly times: Float64Array;
  private readonly heap: Int32Array;
  private readonly place: Int32Array;

  /** All rows begin with the same time. */
  constructor(rows: number, time: number) {
    this.times = new Float64Array(rows).fill(time);
    this.heap = Int32Array.from({ length: rows }, (_, i) => i);
    this.place = Int32Array.from({ length: rows }, (_, i) => i);
  }

  /** @throws RangeError when there are no rows */
  get row(): number {
    if (this.heap.length === 0) throw new RangeError('there are no rows');
    return this.heap[0]!;
  }

  get time(): number {
    return this.times[this.row]!;
  }

  set(row: number, time: number): void {
    const before = this.times[row]!;
    this.times[row] = time;
    if (time < before) this.up(this.place[row]!);
    else if (time > before) this.down(this.place[row]!);
  }

  private up(from: number): void {
    const { heap, place, times } = this;
    const row = heap[from]!;
    const time = times[row]!;
    let at = from;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      const other = heap[parent]!;
      if (times[other]! <= time) break;
      heap[at] = other;
      place[other] = at;
      at = parent;
    }
    heap[at] = row;
    place[row] = at;
  }

  private down(from: number): void {
    const { heap, place, times } = this;
    const row = heap[from]!;
    const time = times[row]!;
    let at = from;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && times[heap[child + 1]!]! < times[heap[child]!]!) child += 1;
      const other = heap[child]!;
      if (times[other]! >= time) break;
      heap[at] = other;
      place[other] = at;
      at = child;
    }
    heap[at] = row;
    place[row] = at;
  }
}
