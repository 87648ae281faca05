import { type AssignedPartition, type Reassignment, writeReassignment } from '../formats/assignment.ts';
import { quantityWords } from '../formats/quantity.ts';
import type {
  BrokerLoad,
  ClusterDescription,
  OptimizationRequest,
  OptimizationResult,
  Proposal,
} from '../models/cruiseControl/description.ts';
import { bytesPerKb, bytesPerMb } from '../models/cruiseControl/loads.ts';
import {
  type BrokerMovement,
  type DurationBound,
  leaderOf,
  type MovementLimits,
  moved,
  movements,
  shortestDuration,
  standing,
} from '../models/cruiseControl/movement.ts';
import { mendText, optimize } from '../models/cruiseControl/optimizer.ts';
import { idsText } from '../scenario/cruiseControlRequest.ts';
import { planWarnings } from '../scenario/planWarnings.ts';

/** A number that a reader sees with its unit, or what it was and what it becomes. */
export type Cell =
  | string
  | { readonly value: number; readonly unit: string }
  | { readonly before: number; readonly after: number; readonly unit: string };

/** Part of an answer: a title, rows below a header, and sentences. */
export interface Section {
  readonly title: string;
  readonly header: readonly string[];
  readonly rows: readonly (readonly Cell[])[];
  readonly sentences: readonly string[];
}

/** What moves, and what that costs each broker. */
export interface Movement {
  readonly proposals: readonly Proposal[];
  readonly before: readonly BrokerLoad[];
  readonly after: readonly BrokerLoad[];
  readonly brokers: readonly BrokerMovement[];
  /** Undefined when nothing is known of what brokers may move. */
  readonly limits: MovementLimits | undefined;
  /** Undefined when nothing moves, or nothing is known of limits. */
  readonly shortest: DurationBound | undefined;
}

/** Asks for an optimisation. */
export function rebalance(cluster: ClusterDescription, request: OptimizationRequest): OptimizationResult {
  return optimize(cluster, request);
}

/**
 * What moves when proposals are executed on a cluster.
 * @param cluster as it is, not as a request makes it appear
 */
export function movementOf(
  cluster: ClusterDescription,
  proposals: readonly Proposal[],
  limits?: MovementLimits,
): Movement {
  const brokers = movements(cluster, proposals);
  return {
    proposals,
    before: standing(cluster),
    after: standing(moved(cluster, proposals)),
    brokers,
    limits,
    shortest: limits === undefined ? undefined : shortestDuration(brokers, limits),
  };
}

/** With so many digits behind the point. */
function digits(value: number, count: number): number {
  return Number(value.toFixed(count));
}

/** An outcome in the form in which those of Cruise Control itself are recorded: loads with three digits behind the point, scores with four. */
export function observedForm(result: OptimizationResult): Record<string, unknown> {
  const status = Object.fromEntries(result.status);
  if (!result.ok) {
    const { goal, failureKind, resource, needed, available, unit, brokersToAdd, says } = result.failure;
    return {
      ok: false,
      failedGoal: goal,
      failureKind,
      resource,
      needed,
      available,
      unit,
      brokersToAdd: brokersToAdd ?? null,
      says,
      status,
    };
  }
  return {
    ok: true,
    status,
    numReplicaMovements: result.numReplicaMovements,
    numLeaderMovements: result.numLeaderMovements,
    dataToMoveMB: result.dataToMoveMB,
    onDemandBalancednessScoreBefore: digits(result.onDemandBalancednessScoreBefore, 4),
    onDemandBalancednessScoreAfter: digits(result.onDemandBalancednessScoreAfter, 4),
    provisionStatus: result.provisionStatus,
    changed: Object.fromEntries(result.proposals.map((m) => [`${m.topic}-${m.partition}`, m.newReplicas])),
    loadAfter: Object.fromEntries(
      result.after.map((b) => [
        b.id,
        [
          b.replicas,
          b.leaders,
          ...[b.cpu, b.nwIn, b.nwOut, b.disk, b.potentialNwOut].map((x) => digits(x, 3)),
        ],
      ]),
    ),
  };
}

/** A movement as JSON holds it: amounts in bytes, times in seconds, null for what never ends. */
export function movementForm(movement: Movement | undefined): Record<string, unknown> {
  if (movement === undefined) return {};
  const { shortest, before, after, brokers, proposals } = movement;
  return {
    moves: countsOf(movement),
    ...(shortest === undefined
      ? {}
      : { atLeast: { ...shortest, seconds: Number.isFinite(shortest.seconds) ? shortest.seconds : null } }),
    before,
    after,
    movements: brokers.map(({ id, sentBytes, receivedBytes, partitions }) => ({
      id,
      sentBytes,
      receivedBytes,
      partitions,
    })),
    reassignment: JSON.parse(writeReassignment(reassignmentOf(proposals))),
  };
}

/** The replicas of every partition that moves, for kafka-reassign-partitions. */
export function reassignmentOf(proposals: readonly Proposal[]): AssignedPartition[] {
  return proposals.map((m) => ({ topic: m.topic, partition: m.partition, replicas: m.newReplicas }));
}

/**
 * What a plan of kafka-reassign-partitions moves; what does not fit the cluster is told in the plan. After it, partitions are led as after a
 * preferred election: by the first replica.
 * @param minInSync `min.insync.replicas` by topic; where it is not known, one in sync is enough
 */
export function proposalsOf(
  plan: Reassignment,
  cluster: ClusterDescription,
  minInSync: ReadonlyMap<string, number> = new Map(),
): Proposal[] {
  const { json } = plan;
  const byName = new Map(cluster.partitions.map((p) => [`${p.topic}-${p.partition}`, p]));
  const topics = new Set(cluster.partitions.map((p) => p.topic));
  const brokers = new Set(cluster.brokers.map((b) => b.id));
  const warningsOf = planWarnings(
    cluster.brokers.map(({ id, rack, state }) => ({ id, rack, alive: state !== 'DEAD' })),
  );
  return plan.partitions.flatMap((p, i): Proposal[] => {
    const at = plan.entryOf(i);
    const name = `${p.topic}-${p.partition}`;
    const old = byName.get(name);
    if (old === undefined)
      json.problem(
        topics.has(p.topic) ? [...at, 'partition'] : [...at, 'topic'],
        topics.has(p.topic) ? `there is no partition ${name}` : `there is no topic ${p.topic}`,
        'name partitions of the cluster',
      );
    const stranger = p.replicas.findIndex((id) => !brokers.has(id));
    if (p.replicas.length > brokers.size)
      json.problem(
        [...at, 'replicas'],
        `${name} gets ${p.replicas.length} replicas, but the cluster has ${brokers.size} brokers`,
        `name at most ${brokers.size} brokers`,
      );
    else if (stranger >= 0)
      json.problem(
        [...at, 'replicas', stranger],
        `${name} moves to broker ${p.replicas[stranger]}, which does not exist`,
        `name some of ${idsText([...brokers])}`,
      );
    if (old === undefined || stranger >= 0 || p.replicas.length > brokers.size) return [];
    for (const { found, mend } of warningsOf({
      name,
      replicas: p.replicas,
      minInSyncReplicas: minInSync.get(p.topic) ?? 1,
    }))
      json.warning([...at, 'replicas'], found, mend);
    const led = leaderOf(old);
    if (p.replicas.join() === old.replicas.join() && p.replicas[0] === led) return [];
    return [
      {
        topic: p.topic,
        partition: p.partition,
        oldLeader: led,
        oldReplicas: old.replicas,
        newReplicas: p.replicas,
        sizeMb: Math.trunc(old.loads[old.replicas.indexOf(led)]!.disk),
      },
    ];
  });
}

/** The answer to a request that was met or not, for a reader. */
export function sectionsOf(
  cluster: ClusterDescription,
  outcome: OptimizationResult | undefined,
  movement: Movement | undefined,
): Section[] {
  const sections: Section[] = [];
  if (outcome !== undefined)
    sections.push({
      title: 'Goals',
      header: ['goal', 'status'],
      rows: [...outcome.status, ...(outcome.ok ? [] : [[outcome.failure.goal, 'CANNOT BE MET']])],
      sentences: outcome.ok
        ? [
            `balancedness ${outcome.onDemandBalancednessScoreBefore.toFixed(1)} before, ${outcome.onDemandBalancednessScoreAfter.toFixed(1)} after; ${outcome.provisionStatus}`,
          ]
        : unmet(outcome),
    });
  if (movement === undefined) return sections;
  sections.push(brokersSection(cluster, movement), movesSection(movement));
  return sections;
}

function unmet(outcome: OptimizationResult & { ok: false }): string[] {
  const { failure } = outcome;
  const figure = (x: number) => Number(x.toPrecision(6));
  return [
    failure.says,
    `${failure.resource}: ${figure(failure.needed)} ${failure.unit} needed, ${figure(failure.available)} ${failure.unit} available`,
    mendText(failure),
  ];
}

function brokersSection(cluster: ClusterDescription, { before, after, brokers }: Movement): Section {
  return {
    title: 'Brokers, before -> after',
    header: [
      'broker',
      'replicas',
      'leaders',
      'disk used',
      'of disk',
      'in',
      'out',
      'out if it led all',
      'CPU',
      'sends',
      'takes in',
    ],
    rows: cluster.brokers.map((b, i): Cell[] => {
      const [x, y] = [before[i]!, after[i]!];
      const share = (of: number, all: number) => (all > 0 ? of / all : 0);
      const pair = (from: number, to: number, unit: string): Cell => ({ before: from, after: to, unit });
      return [
        b.state === undefined || b.state === 'ALIVE' ? String(b.id) : `${b.id} ${b.state}`,
        pair(x.replicas, y.replicas, ''),
        pair(x.leaders, y.leaders, ''),
        pair(x.disk * bytesPerMb, y.disk * bytesPerMb, 'B'),
        pair(share(x.disk, b.capacity.disk), share(y.disk, b.capacity.disk), 'ratio'),
        pair(x.nwIn * bytesPerKb, y.nwIn * bytesPerKb, 'B/s'),
        pair(x.nwOut * bytesPerKb, y.nwOut * bytesPerKb, 'B/s'),
        pair(x.potentialNwOut * bytesPerKb, y.potentialNwOut * bytesPerKb, 'B/s'),
        pair(share(x.cpu, b.capacity.cpu), share(y.cpu, b.capacity.cpu), 'ratio'),
        { value: brokers[i]!.sentBytes, unit: 'B' },
        { value: brokers[i]!.receivedBytes, unit: 'B' },
      ];
    }),
    sentences: [],
  };
}

/** Counts of a movement, which are also told in JSON. */
export function countsOf({ proposals, brokers }: Movement) {
  const most = (of: (b: BrokerMovement) => number) =>
    brokers.reduce<BrokerMovement | undefined>(
      (best, b) => (of(b) > (best === undefined ? 0 : of(best)) ? b : best),
      undefined,
    );
  const source = most((b) => b.sentBytes);
  const sink = most((b) => b.receivedBytes);
  return {
    partitions: proposals.length,
    replicas: proposals.reduce(
      (sum, m) => sum + m.newReplicas.filter((id) => !m.oldReplicas.includes(id)).length,
      0,
    ),
    leaders: proposals.filter((m) => m.newReplicas[0] !== m.oldLeader).length,
    bytes: brokers.reduce((sum, b) => sum + b.receivedBytes, 0),
    hottestSource: source === undefined ? null : { broker: source.id, bytes: source.sentBytes },
    hottestSink: sink === undefined ? null : { broker: sink.id, bytes: sink.receivedBytes },
  };
}

function movesSection(movement: Movement): Section {
  const counts = countsOf(movement);
  const { shortest, limits } = movement;
  const rows: Cell[][] = [
    ['partitions that change', { value: counts.partitions, unit: '' }, ''],
    ['replicas that move', { value: counts.replicas, unit: '' }, ''],
    ['leaders that change', { value: counts.leaders, unit: '' }, ''],
    ['bytes moved', { value: counts.bytes, unit: 'B' }, ''],
  ];
  for (const [says, side] of [
    ['hottest source', counts.hottestSource],
    ['hottest sink', counts.hottestSink],
  ] as const) {
    if (side !== null) rows.push([says, { value: side.bytes, unit: 'B' }, `broker ${side.broker}`]);
  }
  if (shortest === undefined) return { title: 'Moves', header: [], rows, sentences: [] };
  const { seconds, broker, side, amount, taken } = shortest;
  const ends = seconds < Number.POSITIVE_INFINITY;
  rows.push([
    ends ? 'takes at least' : 'takes',
    ends ? { value: seconds, unit: 's' } : 'for ever',
    side === 'waits for its turns'
      ? `broker ${broker} has ${amount} partitions, ${limits?.concurrency} at once`
      : `broker ${broker} ${side} most`,
  ]);
  const sentences = ends
    ? []
    : [
        `the throttle of broker ${broker} counts what followers in sync fetch of the partitions that move together, and they alone take ${quantityWords(taken, 'byteRate')}: it has to be higher`,
      ];
  return { title: 'Moves', header: [], rows, sentences };
}
