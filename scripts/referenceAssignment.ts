/**
 * Makes `models/platforms/reference-assignment.json`: which broker hosts which replica is not in the operations log, only
 * the sums are. This finds one assignment with those sums: leaders and bytes led by broker, 420 replicas on each, replica
 * traffic of three times the bytes led, and, for each broker that could be away, what it would fetch spread evenly over
 * the other four (an assumption: nothing in the log says so).
 *
 * Run by hand: `node scripts/referenceAssignment.ts`. The search is seeded, so the file comes out the same.
 */
import { writeFileSync } from 'node:fs';
import seedrandom from 'seedrandom';

const brokers = 5;
const ledCount = [142, 138, 144, 140, 136];
const netIn = [180, 175, 182, 178, 176];
const loaded: readonly (readonly [string, number, number])[] = [
  ['vantage-order-events', 24, 220],
  ['vantage-application-logs', 36, 340],
  ['vantage-page-views', 24, 142],
  ['vantage-inventory-updates', 12, 78],
  ['vantage-payment-events', 12, 52],
  ['vantage-shipping-events', 12, 26],
  ['vantage-user-activity', 12, 14],
  ['vantage-notification-events', 6, 8],
  ['vantage-search-queries', 6, 4],
  ['vantage-recommendation-feedback', 6, 6],
];
const idle: readonly (readonly [string, number])[] = [
  ['__consumer_offsets', 50],
  ['__transaction_state', 50],
  ['_schemas', 1],
  ['connect-configs', 1],
  ['connect-offsets', 25],
  ['connect-status', 5],
  ['other-topics', 418],
];

const draw = seedrandom.alea('reference assignment');
const below = (n: number) => Math.floor(draw() * n);
function triple(): [number, number, number] {
  const all = [0, 1, 2, 3, 4];
  for (let i = 0; i < 3; i += 1) {
    const j = i + below(brokers - i);
    [all[i], all[j]] = [all[j]!, all[i]!];
  }
  return [all[0]!, all[1]!, all[2]!];
}

const partitions = loaded.flatMap(([topic, count, rate]) =>
  Array.from({ length: count }, (_, partition) => ({
    topic,
    partition,
    rate: rate / count,
    replicas: triple(),
  })),
);
const total = partitions.reduce((sum, p) => sum + p.rate, 0);
const target = netIn.map((x) => (x * total) / netIn.reduce((a, b) => a + b, 0));

const led = new Float64Array(brokers);
const hosted = new Float64Array(brokers);
/** What broker b would fetch from broker k after an absence, at [b * 5 + k]. */
const fetched = new Float64Array(brokers * brokers);
function count(p: (typeof partitions)[number], sign: 1 | -1): void {
  const [a, b, c] = p.replicas;
  const r = sign * p.rate;
  led[a]! += r;
  for (const x of p.replicas) hosted[x]! += r;
  fetched[a * brokers + b]! += r;
  fetched[b * brokers + a]! += r;
  fetched[c * brokers + a]! += r;
}
function energy(): number {
  let e = 0;
  for (let b = 0; b < brokers; b += 1) {
    e += 4 * (led[b]! - target[b]!) ** 2 + 4 * (hosted[b]! - 3 * target[b]!) ** 2;
    for (let k = 0; k < brokers; k += 1) {
      if (k !== b) e += (fetched[b * brokers + k]! - (3 * target[b]!) / 4) ** 2;
    }
  }
  return e;
}
for (const p of partitions) count(p, 1);
let now = energy();
const steps = 600_000;
for (let step = 0; step < steps; step += 1) {
  const heat = 200 * (1 - step / steps) ** 4;
  const p = partitions[below(partitions.length)]!;
  const q = partitions[below(partitions.length)]!;
  const keptP = p.replicas;
  const keptQ = q.replicas;
  count(p, -1);
  if (p !== q) count(q, -1);
  if (draw() < 0.5 && p !== q) {
    p.replicas = keptQ;
    q.replicas = keptP;
  } else p.replicas = triple();
  count(p, 1);
  if (p !== q) count(q, 1);
  const next = energy();
  if (next <= now || draw() < Math.exp((now - next) / Math.max(heat, 1e-9))) now = next;
  else {
    count(p, -1);
    if (p !== q) count(q, -1);
    p.replicas = keptP;
    q.replicas = keptQ;
    count(p, 1);
    if (p !== q) count(q, 1);
  }
}

// The idle partitions fill up the counts: leaders as logged, 420 replicas on each broker.
const leadersLeft = ledCount.map((n, b) => n - partitions.filter((p) => p.replicas[0] === b).length);
const replicasLeft = ledCount.map((_, b) => 420 - partitions.filter((p) => p.replicas.includes(b)).length);
const idlePartitions: { topic: string; partition: number; replicas: number[] }[] = [];
for (const [topic, number] of idle) {
  for (let partition = 0; partition < number; partition += 1) {
    const leader = leadersLeft.indexOf(Math.max(...leadersLeft));
    leadersLeft[leader]! -= 1;
    replicasLeft[leader]! -= 1;
    idlePartitions.push({ topic, partition, replicas: [leader] });
  }
}
for (let copy = 0; copy < 2; copy += 1) {
  for (const p of idlePartitions) {
    const free = [0, 1, 2, 3, 4]
      .filter((b) => !p.replicas.includes(b))
      .sort(
        (x, y) => replicasLeft[y]! - replicasLeft[x]! || ((x + p.partition) % 5) - ((y + p.partition) % 5),
      );
    p.replicas.push(free[0]!);
    replicasLeft[free[0]!]! -= 1;
  }
}
for (
  let over = replicasLeft.findIndex((n) => n < 0);
  over >= 0;
  over = replicasLeft.findIndex((n) => n < 0)
) {
  const under = replicasLeft.findIndex((n) => n > 0);
  const p = idlePartitions.find((q) => q.replicas.indexOf(over) > 0 && !q.replicas.includes(under))!;
  p.replicas[p.replicas.indexOf(over)] = under;
  replicasLeft[over]! += 1;
  replicasLeft[under]! -= 1;
}

const all = [...partitions, ...idlePartitions].map(({ topic, partition, replicas }) => ({
  topic,
  partition,
  replicas: [...replicas],
}));
console.log(`energy ${now.toFixed(2)}; leaders left ${leadersLeft}; replicas left ${replicasLeft}`);
for (let b = 0; b < brokers; b += 1) {
  const row = [0, 1, 2, 3, 4].map((k) => fetched[b * brokers + k]!.toFixed(1));
  console.log(
    `broker ${b}: led ${led[b]!.toFixed(2)} of ${target[b]!.toFixed(2)}, hosted ${hosted[b]!.toFixed(2)}, would fetch ${row.join(' ')}`,
  );
}
const lines = all.map((p) => JSON.stringify(p));
writeFileSync(
  'models/platforms/reference-assignment.json',
  `{"version":1,"partitions":[\n${lines.join(',\n')}\n]}\n`,
);
