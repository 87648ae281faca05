import { describe, expect, test } from 'vitest';
import { clusterSettings, MB, makeCluster, seconds, topic } from '../support/cluster.ts';
import {
  after,
  hasQuorum,
  healthy,
  isServed,
  isWritable,
  matters,
  type Operation,
  type OracleRules,
  type OracleState,
} from '../support/clusterOracle.ts';

/** Long enough for a controlled shutdown that nobody grants (300 s), and for everything else. */
const stepSeconds = 400;
const brokers = 3;

/** What can be done to a broker. A new kind of fault is one more entry. */
const operations: readonly {
  name: Operation;
  act: (cluster: Cluster, b: number, start: () => void) => void;
}[] = [
  { name: 'crash', act: (cluster, b) => cluster.brokers.kill(b, 'test') },
  { name: 'stop', act: (cluster, b) => cluster.brokers.stop(b) },
  { name: 'return', act: (_, __, start) => start() },
];

type Cluster = ReturnType<typeof makeCluster>['cluster'];

const rulesOf = (over: Partial<OracleRules> = {}): OracleRules => ({
  assignment: [
    [0, 1, 2],
    [1, 2, 0],
  ],
  minInSyncReplicas: 2,
  unclean: [false, true],
  voters: [],
  rebalance: false,
  ...over,
});

function make(rules: OracleRules, seed: string) {
  const shape = { partitions: 1, bytesInPerSecond: MB, messagesInPerSecond: 100 };
  const base = clusterSettings();
  const settings = clusterSettings(
    {
      topics: [
        topic({ name: 'clean', ...shape }),
        topic({ name: 'unclean', ...shape, uncleanElection: true }),
      ],
      assignment: Int32Array.from(rules.assignment.flat()),
      autoLeaderRebalance: rules.rebalance,
      timing: { ...base.timing, imbalanceCheckMicros: seconds(100) },
      brokers: clusterSettings({}, brokers).brokers.map((b) => ({
        ...b,
        controller: rules.voters.includes(b.id),
      })),
      ...(rules.voters.length === 0
        ? { dedicatedControllers: [100, 101, 102], activeController: 100 }
        : { activeController: rules.voters[0]! }),
    },
    brokers,
  );
  return makeCluster(settings, { seed, record: new Set(), keepEvents: false, verify: false });
}

/** What both say of a cluster. */
const said = (rules: OracleRules, state: OracleState) =>
  JSON.stringify([
    state.brokers.map((b) => b.fenced),
    state.partitions.map(({ leader, isr, leaderEpoch }, p) => ({
      leader,
      isr,
      leaderEpoch,
      served: isServed(state, p),
      writable: isWritable(rules, state, p),
    })),
  ]);

function observed({ tables, controller, writes, gauges }: Cluster): string {
  const { serving } = controller.registrations;
  const partitions = [...tables.leader.keys()].map((p) => {
    const isr: number[] = [];
    for (let r = p * tables.stride; r < (p + 1) * tables.stride; r += 1)
      if (tables.inSync[r] === 1) isr.push(tables.broker[r]!);
    const leader = tables.leader[p]!;
    return {
      leader,
      isr: isr.sort((x, y) => x - y),
      leaderEpoch: tables.leaderEpoch[p]!,
      served: leader >= 0 && serving[leader] === 1 && writes.serving(leader),
      writable: tables.writable[p] === 1,
    };
  });
  const count = (holds: (p: (typeof partitions)[number]) => boolean) => partitions.filter(holds).length;
  expect(gauges.offlinePartitions.get(0)).toBe(count((p) => p.leader === -1));
  expect(writes.unavailablePartitions.get(0)).toBe(count((p) => !p.served));
  expect(writes.blockedPartitions.get(0)).toBe(count((p) => !p.writable));
  return JSON.stringify([[...controller.registrations.fenced].map((f) => f === 1), partitions]);
}

interface Step {
  readonly name: Operation;
  readonly act: (typeof operations)[number]['act'];
  readonly broker: number;
}

const steps: readonly Step[] = operations.flatMap((o) =>
  Array.from({ length: brokers }, (_, broker) => ({ ...o, broker })),
);

/** Plays one sequence beside the oracle; what it allowed after each step, and whether unclean elections lost something. */
function play(rules: OracleRules, sequence: readonly Step[]) {
  const text = sequence.map((s) => `${s.name} ${s.broker}`).join(', ');
  const { sim, cluster, start } = make(rules, text || 'none');
  const act = sim.on('test.act', (b, i) => sequence[i]!.act(cluster, b, () => sim.after(0, start, b)));
  sequence.forEach((s, i) => {
    sim.at(seconds(10 + i * stepSeconds), act, s.broker, i);
  });
  let states = [healthy(rules, brokers)];
  const allowed: OracleState[][] = [];
  sequence.forEach((s, i) => {
    sim.run(seconds(10 + (i + 1) * stepSeconds) - 1);
    const next = new Map<string, OracleState>();
    for (const state of states)
      for (const to of after(rules, state, s.name, s.broker)) next.set(JSON.stringify(to), to);
    const found = observed(cluster);
    allowed.push([...next.values()]);
    states = allowed[i]!.filter((state) => said(rules, state) === found);
    if (states.length === 0) {
      const expected = allowed[i]!.map((state) => said(rules, state)).join('\n        or ');
      throw new Error(`${text}, after step ${i + 1}:\n  found    ${found}\n  expected ${expected}`);
    }
  });
  cluster.tables.verify();
  cluster.gauges.verify();
  // Where unclean election is off no acknowledged record is lost, whatever happens.
  expect(cluster.writes.possiblyLostBytes.get(0)).toBe(0);
  return { allowed, lost: cluster.writes.possiblyLostBytes.get(1) > 0 };
}

/** Every sequence of so many steps that all do something, and that lead to no state which is left out. */
function* sequences(
  rules: OracleRules,
  depth: number,
  isPlayed: (state: OracleState) => boolean = () => true,
  states: readonly OracleState[] = [healthy(rules, brokers)],
  before: readonly Step[] = [],
): Generator<readonly Step[]> {
  if (before.length === depth) {
    yield before;
    return;
  }
  for (const step of steps) {
    if (!states.some((state) => matters(state, step.name, step.broker))) continue;
    const next = states.flatMap((state) => after(rules, state, step.name, step.broker));
    if (next.every(isPlayed)) yield* sequences(rules, depth, isPlayed, next, [...before, step]);
  }
}

/** How often what is of interest occurred, of all steps. */
function playAll(rules: OracleRules, all: Iterable<readonly Step[]>) {
  const seen = { sequences: 0, steps: 0, oneState: 0, offline: 0, blocked: 0, healed: 0, lost: 0 };
  for (const sequence of all) {
    const { allowed, lost } = play(rules, sequence);
    seen.sequences += 1;
    if (lost) seen.lost += 1;
    for (const states of allowed) {
      const [state] = states;
      seen.steps += 1;
      if (states.length === 1) seen.oneState += 1;
      if (state!.partitions[0]!.leader === -1) seen.offline += 1;
      if (!isWritable(rules, state!, 0)) seen.blocked += 1;
      if (state!.partitions.every((p) => p.isr.length === 3)) seen.healed += 1;
    }
  }
  return seen;
}

describe('leaders, ISRs, epochs and writes are those of the plain state machine after every step', () => {
  test.each([
    { steps: 5, sequences: 2424, rebalance: false },
    { steps: 4, sequences: 564, rebalance: true },
  ])(
    'of $steps crashes, stops and returns of three brokers, with controllers apart (preferred leaders elected: $rebalance)',
    (given) => {
      const rules = rulesOf({ rebalance: given.rebalance });
      const seen = playAll(rules, sequences(rules, given.steps));
      // With k brokers away there are 2 (3 - k) ways to take away another, and k to bring one back.
      expect(seen.sequences).toBe(given.sequences);
      // Nothing is left to chance here.
      expect(seen.oneState).toBe(seen.steps);
      expect(seen.offline / seen.steps).toBeGreaterThan(0.1);
      expect(seen.blocked / seen.steps).toBeGreaterThan(0.4);
      expect(seen.healed / seen.steps).toBeGreaterThan(0.1);
      expect(seen.lost / seen.sequences).toBeGreaterThan(0.05);
    },
  );

  test('of four of them where the brokers are the voters too, while a majority runs', () => {
    const rules = rulesOf({ voters: [0, 1, 2] });
    const seen = playAll(
      rules,
      sequences(rules, 4, (state) => hasQuorum(rules, state)),
    );
    expect(seen.sequences).toBe(36);
    expect(seen.healed).toBe(seen.steps / 2);
  });

  test('of three of any, also those that find nothing to do', () => {
    const rules = rulesOf();
    const any = steps.flatMap((a) => steps.flatMap((b) => steps.map((c) => [a, b, c])));
    expect(playAll(rules, any).sequences).toBe((brokers * operations.length) ** 3);
  });
});
