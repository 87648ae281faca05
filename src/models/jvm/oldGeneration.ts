/** Regions that were filled together, and what in them is alive. */
interface Group {
  regions: number;
  /** Bytes that were copied into them, with what buffers lost. */
  used: number;
  /** Bytes of it that stay, at the decay clock `clock`. */
  long: number;
  clock: number;
  /** Bytes that die at times spread evenly over an interval, microseconds. */
  medium: number;
  from: number;
  to: number;
  /** Whether it was complete before the marking that runs. */
  marked: boolean;
}

/** What a collection copies into old regions: bytes that stay, and bytes that die between two moments (microseconds). */
export interface Promoted {
  readonly long: number;
  readonly medium: number;
  readonly from: number;
  readonly to: number;
}

/** More groups than this are merged into the youngest: a bound on memory where a cycle is hours away. */
const mostGroups = 400;

/**
 * Old regions in groups of the same age. Bytes that stay are replaced one by one at random, so that what is left of a group
 * decays exponentially with the bytes that replaced any: `decay` counts live sets replaced.
 */
export class OldGeneration {
  /** Live sets replaced since the start. */
  decay = 0;
  /** Whole regions, the one that is being filled too. */
  regions = 0;
  usedBytes = 0;
  private readonly groups: Group[] = [];
  private readonly regionBytes: number;
  /** Bytes in the region that is being filled. */
  private open = 0;

  constructor(regionBytes: number) {
    this.regionBytes = regionBytes;
  }

  /** Share of what lived at the decay clock `clock` that lives still. */
  since(clock: number): number {
    return clock === this.decay ? 1 : Math.exp(clock - this.decay);
  }

  /**
   * Each of `workers` copies what it finds in the order in which it finds it, so that only about one region of each holds both what stays and
   * what dies; further bytes that die fill regions of their own, which marking finds empty. Measured: of 2.5 such regions a pause with two
   * workers nearly none was found empty, of 22 nearly all.
   *
   * @param waste bytes taken for each byte copied: what buffers lose, 1 for nothing
   */
  promote(given: Promoted, waste: number, workers: number): void {
    const pure = Math.max(0, Math.floor((given.medium * waste) / this.regionBytes - workers));
    const apart = (pure * this.regionBytes) / waste;
    if (pure > 0) {
      this.regions += pure;
      this.usedBytes += pure * this.regionBytes;
      this.groups.push({
        ...given,
        regions: pure,
        used: pure * this.regionBytes,
        long: 0,
        medium: apart,
        clock: this.decay,
        marked: false,
      });
    }
    const what = pure > 0 ? { ...given, medium: given.medium - apart } : given;
    const taken = (what.long + what.medium) * waste;
    if (taken <= 0) return;
    const total = this.open + taken;
    const added = Math.ceil(total / this.regionBytes - 1e-9) - Math.ceil(this.open / this.regionBytes - 1e-9);
    this.open = total - Math.floor(total / this.regionBytes) * this.regionBytes;
    this.regions += added;
    this.usedBytes += taken;
    const last = this.groups.at(-1);
    if (
      last !== undefined &&
      !last.marked &&
      pure === 0 &&
      (added === 0 || this.groups.length > mostGroups)
    ) {
      last.regions += added;
      last.used += taken;
      last.long = last.long * this.since(last.clock) + what.long;
      last.clock = this.decay;
      if (what.medium > 0) {
        last.medium = mediumAlive(last, what.from) + what.medium;
        last.from = what.from;
        last.to = Math.max(last.to, what.to);
      }
      return;
    }
    this.groups.push({
      regions: added,
      used: taken,
      long: what.long,
      clock: this.decay,
      medium: what.medium,
      from: what.from,
      to: what.to,
      marked: false,
    });
  }

  /** Young regions that evacuation failed in: old where they are, with all that is in them. */
  addInPlace(regions: number, used: number, live: number): void {
    this.regions += regions;
    this.usedBytes += used;
    this.groups.push({
      regions,
      used,
      long: live,
      clock: this.decay,
      medium: 0,
      from: 0,
      to: 0,
      marked: false,
    });
  }

  /** Bytes alive at `now`. */
  liveBytes(now: number): number {
    let sum = 0;
    for (const g of this.groups) sum += this.alive(g, now);
    return sum;
  }

  /** After a full collection: the live bytes and nothing else. */
  compact(live: number): void {
    this.groups.length = 0;
    this.regions = 0;
    this.usedBytes = 0;
    this.open = 0;
    this.promote({ long: live, medium: 0, from: 0, to: 0 }, 1, 1);
  }

  /** Marking sees what is there now; later regions count as live. */
  beginMarking(): void {
    for (const g of this.groups) g.marked = true;
  }

  /** Frees the regions in which nothing lived when marking ended. */
  freeEmpty(now: number): void {
    for (let i = this.groups.length - 1; i >= 0; i -= 1) {
      const g = this.groups[i]!;
      if (g.marked && g.regions > 0 && this.alive(g, now) < 1) this.remove(i, g.regions);
    }
  }

  /**
   * What mixed collections may take: the regions below `most` live, best first, without the tail whose waste sums up to `allowedWaste` bytes.
   * Source: OpenJDK 17, CollectionSetChooser: should_add, sort, prune.
   */
  candidates(now: number, most: number, allowedWaste: number, countTarget: number): Candidates {
    const found: { group: Group; live: number }[] = [];
    let regions = 0;
    for (const g of this.groups) {
      if (!g.marked || g.regions < 1) continue;
      const live = this.alive(g, now) / g.regions;
      if (live < most * this.regionBytes) {
        found.push({ group: g, live });
        regions += g.regions;
      }
    }
    // A stable sort: groups of equal worth stay in the order of their age.
    found.sort((x, y) => x.live - y.live);
    const least = Math.ceil(regions / countTarget);
    let waste = 0;
    let keep = regions;
    const list = found.map((f) => ({ group: f.group, regions: f.group.regions }));
    for (let i = found.length - 1; i >= 0 && keep > least; i -= 1) {
      const each = this.regionBytes - found[i]!.live;
      const dropped = Math.min(
        list[i]!.regions,
        keep - least,
        Math.floor((allowedWaste - waste) / Math.max(1, each)),
      );
      waste += dropped * each;
      keep -= dropped;
      list[i]!.regions -= dropped;
      if (list[i]!.regions > 0) break;
    }
    return new Candidates(
      this,
      list.filter((x) => x.regions > 0),
    );
  }

  /** Takes regions out of a group for evacuation; returns their live bytes. */
  evacuate(group: object, regions: number, now: number): number {
    const i = this.groups.indexOf(group as Group);
    if (i < 0) return 0;
    const g = this.groups[i]!;
    const take = Math.min(regions, g.regions);
    const live = (this.alive(g, now) * take) / g.regions;
    this.remove(i, take);
    return live;
  }

  liveOf(group: object, now: number): number {
    const g = group as Group;
    return g.regions > 0 ? this.alive(g, now) / g.regions : 0;
  }

  private remove(i: number, regions: number): void {
    const g = this.groups[i]!;
    this.regions -= regions;
    const gone = regions >= g.regions ? g.used : (g.used * regions) / g.regions;
    this.usedBytes = Math.max(0, this.usedBytes - gone);
    if (regions >= g.regions) this.groups.splice(i, 1);
    else {
      const share = 1 - regions / g.regions;
      g.used -= gone;
      g.long *= share;
      g.medium *= share;
      g.regions -= regions;
    }
  }

  private alive(g: Group, now: number): number {
    return g.long * this.since(g.clock) + mediumAlive(g, now);
  }
}

function mediumAlive(g: Group, now: number): number {
  if (g.medium === 0 || now >= g.to) return 0;
  return now <= g.from ? g.medium : (g.medium * (g.to - now)) / (g.to - g.from);
}

/** Old regions that the mixed collections of one cycle work through. */
export class Candidates {
  regions = 0;
  private readonly old: OldGeneration;
  private readonly list: { group: object; regions: number }[];
  private next = 0;

  constructor(old: OldGeneration, list: { group: object; regions: number }[]) {
    this.old = old;
    this.list = list;
    for (const entry of list) this.regions += entry.regions;
  }

  get isEmpty(): boolean {
    return this.regions <= 0;
  }

  /** Live bytes of the next `count` regions. */
  bytesOf(count: number, now: number): number {
    let bytes = 0;
    let left = count;
    for (let i = this.next; i < this.list.length && left > 0; i += 1) {
      const take = Math.min(left, this.list[i]!.regions);
      bytes += take * this.old.liveOf(this.list[i]!.group, now);
      left -= take;
    }
    return bytes;
  }

  /** At least `least` regions, up to `most` while their predicted time fits into `millis`. */
  take(
    least: number,
    most: number,
    millis: number,
    copyMillisPerByte: number,
    otherMillis: number,
    now: number,
  ): { readonly regions: number; readonly bytes: number } {
    let regions = 0;
    let bytes = 0;
    let left = millis;
    while (regions < most && this.next < this.list.length) {
      const entry = this.list[this.next]!;
      const each = copyMillisPerByte * this.old.liveOf(entry.group, now) + otherMillis;
      const must = Math.max(0, least - regions);
      const may = Math.max(must, left > 0 ? Math.floor(left / Math.max(1e-9, each)) : 0);
      const take = Math.min(entry.regions, most - regions, may);
      if (take <= 0) break;
      bytes += this.old.evacuate(entry.group, take, now);
      regions += take;
      left -= take * each;
      entry.regions -= take;
      if (entry.regions === 0) this.next += 1;
    }
    this.regions -= regions;
    if (this.next >= this.list.length) this.regions = 0;
    return { regions, bytes };
  }
}
