/** The event list as a first version would have it: objects in a sorted array. The oracle of the real one. */
export class NaiveQueue {
  private entries: { handle: number; time: number; order: number; kind: number }[] = [];

  push(handle: number, time: number, order: number, kind: number): void {
    this.entries.push({ handle, time, order, kind });
  }

  pop(): { handle: number; time: number; kind: number } | undefined {
    this.entries.sort((x, y) => x.time - y.time || x.order - y.order);
    return this.entries.shift();
  }

  cancel(handle: number): boolean {
    const at = this.entries.findIndex((e) => e.handle === handle);
    if (at >= 0) this.entries.splice(at, 1);
    return at >= 0;
  }

  reschedule(handle: number, time: number, order: () => number): boolean {
    const entry = this.entries.find((e) => e.handle === handle);
    if (entry === undefined) return false;
    if (entry.time !== time) {
      entry.time = time;
      entry.order = order();
    }
    return true;
  }

  get size(): number {
    return this.entries.length;
  }
}
