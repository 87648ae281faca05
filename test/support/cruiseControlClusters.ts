import fc from 'fast-check';
import seedrandom from 'seedrandom';
import type {
  BrokerDescription,
  ClusterDescription,
  OptimizationResult,
  PartitionDescription,
} from '../../src/models/cruiseControl/description.ts';

/** What a generated cluster looks like. Loads and places come from the seed. */
export interface Shape {
  readonly brokers: number;
  readonly racks: number;
  readonly topics: number;
  readonly partitions: number;
  readonly factor: number;
  /** Mean use of each resource, as a share of all capacity. */
  readonly use: number;
  /** 0: places are even; 1: the lower half of the brokers holds nearly all. */
  readonly skew: number;
  readonly dead: number;
  readonly fresh: number;
  readonly seed: string;
}

export const anyShape: fc.Arbitrary<Shape> = fc
  .record({
    brokers: fc.integer({ min: 3, max: 9 }),
    racks: fc.integer({ min: 2, max: 4 }),
    topics: fc.integer({ min: 1, max: 4 }),
    partitions: fc.integer({ min: 4, max: 60 }),
    factor: fc.integer({ min: 1, max: 3 }),
    use: fc.double({ min: 0.05, max: 0.6, noNaN: true }),
    skew: fc.constantFrom(0, 0.4, 0.8),
    dead: fc.constantFrom(0, 0, 0, 1),
    fresh: fc.constantFrom(0, 0, 0, 1, 2),
    seed: fc.integer({ min: 0, max: 1e9 }).map(String),
  })
  .map((s) => {
    const racks = Math.min(s.racks, s.brokers);
    // With a rack for each replica, and one to spare where one may be dead.
    return { ...s, racks, factor: Math.min(s.factor, racks - s.dead, s.brokers - s.fresh - s.dead) };
  })
  .filter((s) => s.factor >= 1);

export const capacityOf = { cpu: 1000, nwIn: 10_000, nwOut: 20_000, disk: 100_000 } as const;

export function clusterOf(shape: Shape): ClusterDescription {
  const random = seedrandom.alea(shape.seed);
  const brokers: BrokerDescription[] = Array.from({ length: shape.brokers }, (_, id) => ({
    id,
    rack: `r${id % shape.racks}`,
    state: id < shape.dead ? 'DEAD' : id >= shape.brokers - shape.fresh ? 'NEW' : 'ALIVE',
    capacity: capacityOf,
  }));
  const used = shape.brokers - shape.fresh;
  // Shares of all that is used: sizes and rates each have their own.
  const shares = () => {
    const weights = Array.from({ length: shape.partitions }, () => 0.2 + random());
    const sum = weights.reduce((a, b) => a + b);
    return weights.map((w) => w / sum);
  };
  const [cpu, nwOut, sizes] = [shares(), shares(), shares()];
  const all = (capacity: number) => capacity * (shape.brokers - shape.dead) * shape.use;
  const partitions: PartitionDescription[] = shares().map((share, n) => {
    const replicas: number[] = [];
    while (replicas.length < shape.factor) {
      const within = random() < shape.skew ? Math.max(shape.factor, Math.ceil(used / 2)) : used;
      const broker = Math.floor(random() * within);
      if (!replicas.includes(broker)) replicas.push(broker);
    }
    const eighths = (value: number) => Math.ceil(8 * value) / 8;
    const leader = {
      cpu: eighths(all(capacityOf.cpu) * cpu[n]!),
      nwIn: eighths((all(capacityOf.nwIn) * share) / shape.factor),
      nwOut: eighths(all(capacityOf.nwOut) * nwOut[n]!),
      disk: eighths((all(capacityOf.disk) * sizes[n]!) / shape.factor),
    };
    const follower = { ...leader, nwOut: 0, cpu: eighths(leader.cpu / 8) };
    return {
      topic: `topic${n % shape.topics}`,
      partition: Math.floor(n / shape.topics),
      replicas,
      loads: replicas.map((_, at) => (at === 0 ? leader : follower)),
    };
  });
  return { brokers, partitions };
}

/** Replicas of each partition after a plan, the leader first. */
export function placementAfter(
  cluster: ClusterDescription,
  result: OptimizationResult & { readonly ok: true },
): ReadonlyMap<string, readonly number[]> {
  const after = new Map<string, readonly number[]>();
  for (const p of cluster.partitions) {
    const leader = p.leader ?? p.replicas[0]!;
    after.set(`${p.topic}-${p.partition}`, [leader, ...p.replicas.filter((b) => b !== leader)]);
  }
  for (const p of result.proposals) after.set(`${p.topic}-${p.partition}`, p.newReplicas);
  return after;
}

/** What stands on a broker, counted from places alone; followers send nothing. */
export function recount(cluster: ClusterDescription, placement: ReadonlyMap<string, readonly number[]>) {
  const found = new Map(
    cluster.brokers.map((b) => [b.id, { replicas: 0, leaders: 0, nwIn: 0, nwOut: 0, disk: 0 }]),
  );
  for (const p of cluster.partitions) {
    const replicas = placement.get(`${p.topic}-${p.partition}`)!;
    const load = p.loads[0]!;
    for (const [at, broker] of replicas.entries()) {
      const on = found.get(broker)!;
      on.replicas += 1;
      on.nwIn += load.nwIn;
      on.disk += load.disk;
      if (at === 0) {
        on.leaders += 1;
        on.nwOut += load.nwOut;
      }
    }
  }
  return found;
}
