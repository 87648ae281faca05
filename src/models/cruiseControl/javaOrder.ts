/**
 * Orders in which Java's collections hand out what they hold. Cruise Control takes the first candidate that fits, so where it walks a hash set or a tree whose
 * keys have changed meanwhile, that order decides the plan; a plan can be compared with the real one only if it is kept.
 * Source: OpenJDK 11 `java.util.HashMap`, `TreeMap`, `PriorityQueue`.
 */

/** Source: `java.lang.String.hashCode`. */
export function stringHash(text: string): number {
  let hash = 0;
  for (let i = 0; i < text.length; i += 1) hash = (Math.imul(31, hash) + text.charCodeAt(i)) | 0;
  return hash;
}

/** The bucket of a hash code in a table of so many buckets, a power of two. Source: `HashMap.hash`. */
const bucketOf = (hash: number, buckets: number): number => (hash ^ (hash >>> 16)) & (buckets - 1);

/** Buckets of a hash set that started empty and once held so many entries: 16, doubled beyond three quarters; it never shrinks. */
export function bucketsGrown(most: number): number {
  let buckets = 16;
  while (most > buckets * 0.75) buckets *= 2;
  return buckets;
}

/** Buckets of a hash set made as a copy of a collection. Source: `HashSet(Collection)`. */
export function bucketsOfCopy(size: number): number {
  const wanted = Math.max(Math.floor(size / 0.75) + 1, 16);
  let buckets = 1;
  while (buckets < wanted) buckets *= 2;
  return buckets;
}

/**
 * Entries in the order of a hash set: by bucket, within a bucket as they were inserted.
 *
 * @param entries in order of insertion
 */
export function hashOrder(
  entries: readonly number[],
  hashOf: (entry: number) => number,
  buckets: number,
): number[] {
  const places = entries.map((entry, at) => ({ entry, at, bucket: bucketOf(hashOf(entry), buckets) }));
  places.sort((a, b) => a.bucket - b.bucket || a.at - b.at);
  return places.map((p) => p.entry);
}

type Compare = (a: number, b: number) => number;

/**
 * A binary heap of which the least comes first, with Java's own sifting, for the comparison reads the present value of an entry and an entry inside may have
 * changed since it was put in.
 */
export class JavaPriorityQueue {
  private readonly heap: number[] = [];
  private readonly compare: Compare;

  constructor(compare: Compare) {
    this.compare = compare;
  }

  get size(): number {
    return this.heap.length;
  }

  peek(): number {
    return this.heap[0]!;
  }

  add(entry: number): void {
    let at = this.heap.length;
    this.heap.push(entry);
    while (at > 0) {
      const parent = (at - 1) >>> 1;
      const above = this.heap[parent]!;
      if (this.compare(entry, above) >= 0) break;
      this.heap[at] = above;
      at = parent;
    }
    this.heap[at] = entry;
  }

  poll(): number {
    const first = this.heap[0]!;
    const last = this.heap.pop()!;
    const size = this.heap.length;
    if (size === 0) return first;
    let at = 0;
    while (at < size >>> 1) {
      let child = 2 * at + 1;
      if (child + 1 < size && this.compare(this.heap[child]!, this.heap[child + 1]!) > 0) child += 1;
      if (this.compare(last, this.heap[child]!) <= 0) break;
      this.heap[at] = this.heap[child]!;
      at = child;
    }
    this.heap[at] = last;
    return first;
  }
}

const nil = 0;

/**
 * A red-black tree of small integers. An entry is searched by its present key, so one whose key changed inside the tree may not be found again: it then stays
 * at its old place, and may come in a second time. Cruise Control keeps its candidate brokers in such a tree, and re-sorts one after a move by taking it out
 * and putting it back.
 */
export class JavaTreeSet {
  private readonly compare: Compare;
  private root = nil;
  // By node; node 0 is the black leaf.
  private readonly entry: number[] = [-1];
  private readonly left: number[] = [nil];
  private readonly right: number[] = [nil];
  private readonly parent: number[] = [nil];
  private readonly red: boolean[] = [false];

  constructor(compare: Compare) {
    this.compare = compare;
  }

  private find(entry: number): number {
    let at = this.root;
    while (at !== nil) {
      const order = this.compare(entry, this.entry[at]!);
      if (order === 0) return at;
      at = order < 0 ? this.left[at]! : this.right[at]!;
    }
    return nil;
  }

  has(entry: number): boolean {
    return this.find(entry) !== nil;
  }

  /** The first node, or 0. */
  first(): number {
    return this.root === nil ? nil : this.leftmost(this.root);
  }

  entryOf(node: number): number {
    return this.entry[node]!;
  }

  /** The node after, or 0. */
  next(node: number): number {
    if (this.right[node] !== nil) return this.leftmost(this.right[node]!);
    let below = node;
    let at = this.parent[node]!;
    while (at !== nil && below === this.right[at]) {
      below = at;
      at = this.parent[at]!;
    }
    return at;
  }

  private leftmost(node: number): number {
    let at = node;
    while (this.left[at] !== nil) at = this.left[at]!;
    return at;
  }

  private rotate(node: number, down: number[], up: number[]): void {
    const risen = up[node]!;
    up[node] = down[risen]!;
    if (down[risen] !== nil) this.parent[down[risen]!] = node;
    this.replace(node, risen);
    down[risen] = node;
    this.parent[node] = risen;
  }

  private replace(node: number, by: number): void {
    const above = this.parent[node]!;
    if (above === nil) this.root = by;
    else if (node === this.left[above]) this.left[above] = by;
    else this.right[above] = by;
    this.parent[by] = above;
  }

  add(entry: number): void {
    let above = nil;
    let order = 0;
    for (let at = this.root; at !== nil; ) {
      above = at;
      order = this.compare(entry, this.entry[at]!);
      if (order === 0) return;
      at = order < 0 ? this.left[at]! : this.right[at]!;
    }
    const node = this.entry.length;
    this.entry.push(entry);
    this.left.push(nil);
    this.right.push(nil);
    this.parent.push(above);
    this.red.push(true);
    if (above === nil) this.root = node;
    else if (order < 0) this.left[above] = node;
    else this.right[above] = node;
    this.mendAfterAdding(node);
  }

  private mendAfterAdding(added: number): void {
    const { parent, red } = this;
    let node = added;
    while (red[parent[node]!]) {
      const above = parent[node]!;
      const top = parent[above]!;
      const onLeft = above === this.left[top];
      const [near, far] = onLeft ? [this.left, this.right] : [this.right, this.left];
      const uncle = far[top]!;
      if (red[uncle]) {
        red[above] = false;
        red[uncle] = false;
        red[top] = true;
        node = top;
      } else {
        if (node === far[above]) {
          node = above;
          this.rotate(node, near, far);
        }
        red[parent[node]!] = false;
        red[parent[parent[node]!]!] = true;
        this.rotate(parent[parent[node]!]!, far, near);
      }
    }
    red[this.root] = false;
  }

  delete(entry: number): boolean {
    let node = this.find(entry);
    if (node === nil) return false;
    if (this.left[node] !== nil && this.right[node] !== nil) {
      const successor = this.next(node);
      this.entry[node] = this.entry[successor]!;
      node = successor;
    }
    const child = this.left[node] !== nil ? this.left[node]! : this.right[node]!;
    this.replace(node, child);
    if (!this.red[node]) this.mendAfterDeleting(child);
    return true;
  }

  /** @param lifted stands one black too low; its parent is right even where it is the leaf */
  private mendAfterDeleting(lifted: number): void {
    const { parent, red } = this;
    let node = lifted;
    while (node !== this.root && !red[node]) {
      const above = parent[node]!;
      const onLeft = node === this.left[above];
      const [near, far] = onLeft ? [this.left, this.right] : [this.right, this.left];
      let sibling = far[above]!;
      if (red[sibling]) {
        red[sibling] = false;
        red[above] = true;
        this.rotate(above, near, far);
        sibling = far[above]!;
      }
      if (!red[near[sibling]!] && !red[far[sibling]!]) {
        red[sibling] = true;
        node = above;
      } else {
        if (!red[far[sibling]!]) {
          red[near[sibling]!] = false;
          red[sibling] = true;
          this.rotate(sibling, far, near);
          sibling = far[above]!;
        }
        red[sibling] = red[above]!;
        red[above] = false;
        red[far[sibling]!] = false;
        this.rotate(above, near, far);
        node = this.root;
      }
    }
    red[node] = false;
    parent[nil] = nil;
  }
}
