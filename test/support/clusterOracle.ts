/**
 * The controller's view of a small cluster as a plain state machine, written from Kafka's own rules and not from the model: every step
 * is followed by as much time as it takes until nothing more happens. Where Kafka leaves an order open (which of two sessions
 * that end together is looked at first, which of two brokers starts sooner), every order is played, so a step leads to a set of states.
 *
 * Source: Kafka 3.7 `ReplicationControlManager` (handleBrokerFenced, handleBrokerUnfenced, handleBrokerInControlledShutdown,
 * generateLeaderAndIsrUpdates, maybeBalancePartitionLeaders), `PartitionChangeBuilder` (electLeader), `ClusterControlManager`
 * (registerBroker, activate), `BrokerHeartbeatManager`, `Partition` (maybeExpandIsr, maybeShrinkIsr, appendRecordsToLeader), `LeaderState` (a leader
 * that hears of no majority resigns).
 */
export interface OracleBroker {
  /**
   * `launched`: its JVM starts, so that nobody hears of it yet. `starting`: it has not been unfenced since it started. `stopping`: it has
   * been asked to end, and will.
   */
  readonly process: 'running' | 'launched' | 'starting' | 'stopping' | 'down';
  /** Cut off from all others and from clients. */
  readonly cut: boolean;
  readonly fenced: boolean;
  /** The controller has heard that it wants to shut down, and has not fenced it yet. */
  readonly leaving: boolean;
}

export interface OraclePartition {
  /** Broker, or -1. */
  readonly leader: number;
  readonly isr: readonly number[];
  /** Counts changes of the leader. */
  readonly leaderEpoch: number;
}

export interface OracleState {
  readonly brokers: readonly OracleBroker[];
  readonly partitions: readonly OraclePartition[];
}

export interface OracleRules {
  /** Brokers by partition, the preferred leader first. */
  readonly assignment: readonly (readonly number[])[];
  readonly minInSyncReplicas: number;
  /** `unclean.leader.election.enable`, by partition. */
  readonly unclean: readonly boolean[];
  /** Brokers whose processes are the quorum's voters too; none where controllers are apart and always there. */
  readonly voters: readonly number[];
  /** Preferred leaders are elected in the time that a step is given. */
  readonly rebalance: boolean;
}

export type Operation = 'crash' | 'stop' | 'isolate' | 'return';

export function healthy(rules: OracleRules, brokers: number): OracleState {
  return {
    brokers: Array.from({ length: brokers }, () => ({
      process: 'running',
      cut: false,
      fenced: false,
      leaving: false,
    })),
    partitions: rules.assignment.map((replicas) => ({
      leader: replicas[0]!,
      isr: [...replicas].sort((x, y) => x - y),
      leaderEpoch: 0,
    })),
  };
}

/** Registered, unfenced, its process running and reachable: it serves clients and followers, and follows, also while its wish to stop is unheard. */
const answers = ({ process, cut, fenced, leaving }: OracleBroker) =>
  (process === 'running' || process === 'stopping') && !cut && !fenced && !leaving;

/** Without a majority of voters there is no active controller, and nothing of what it decides changes. */
export function hasQuorum({ voters }: OracleRules, { brokers }: OracleState): boolean {
  const there = voters.filter((b) => !['down', 'launched'].includes(brokers[b]!.process) && !brokers[b]!.cut);
  return voters.length === 0 || there.length * 2 > voters.length;
}

/** Whether an operation can do anything: not a second crash, nor a return of what is there. */
export function matters({ brokers }: OracleState, operation: Operation, broker: number): boolean {
  const { process, cut } = brokers[broker]!;
  if (operation === 'return') return cut || process === 'down';
  if (operation === 'isolate') return !cut && process !== 'down';
  return process !== 'down';
}

const setBroker = (state: OracleState, broker: number, over: Partial<OracleBroker>): OracleState => ({
  ...state,
  brokers: state.brokers.map((b, i) => (i === broker ? { ...b, ...over } : b)),
});

const active = (state: OracleState) => (b: number) => !state.brokers[b]!.fenced && !state.brokers[b]!.leaving;

/**
 * Who leads, given who may be in the ISR: the leader while it is valid, else the first in assignment order that is in the ISR and active; with
 * unclean election else the first that is active, and the ISR is that one alone.
 */
function elect(
  { isr, leader, leaderEpoch }: OraclePartition,
  replicas: readonly number[],
  unclean: boolean,
  isActive: (b: number) => boolean,
): OraclePartition {
  const valid = (b: number) => isr.includes(b) && isActive(b);
  const clean = valid(leader) ? leader : (replicas.find(valid) ?? -1);
  const any = clean === -1 && unclean ? (replicas.find(isActive) ?? -1) : -1;
  const next = clean === -1 ? any : clean;
  return {
    leader: next,
    isr: any === -1 ? isr : [any],
    leaderEpoch: leaderEpoch + (next === leader ? 0 : 1),
  };
}

/** A broker is fenced, or shuts down in a controlled way: it leaves every ISR in which it is not the last, and leads nothing. */
function remove(
  rules: OracleRules,
  state: OracleState,
  broker: number,
  how: { readonly fenced: boolean; readonly leaving: boolean },
): OracleState {
  const without = setBroker(state, broker, how);
  return {
    ...without,
    partitions: state.partitions.map((p, i) => {
      if (!p.isr.includes(broker)) return p;
      const isr = p.isr.length === 1 ? p.isr : p.isr.filter((b) => b !== broker);
      return elect({ ...p, isr }, rules.assignment[i]!, rules.unclean[i]!, active(without));
    }),
  };
}

function unfence(rules: OracleRules, state: OracleState, broker: number): OracleState {
  const back = setBroker(state, broker, { fenced: false, process: 'running' });
  return {
    ...back,
    partitions: back.partitions.map((p, i) =>
      p.leader === -1 ? elect(p, rules.assignment[i]!, rules.unclean[i]!, active(back)) : p,
    ),
  };
}

const setPartition = (
  state: OracleState,
  partition: number,
  over: Partial<OraclePartition>,
): OracleState => ({
  ...state,
  partitions: state.partitions.map((p, i) => (i === partition ? { ...p, ...over } : p)),
});

/** What may happen next by itself. */
function successors(rules: OracleRules, state: OracleState): OracleState[] {
  const next: OracleState[] = [];
  // A process comes up. One that is asked to end does so when that is granted, or after five minutes regardless. A combined node's controller ends after its broker.
  state.brokers.forEach(({ process }, b) => {
    if (process === 'launched') next.push(setBroker(state, b, { process: 'starting' }));
    if (process === 'stopping') next.push(setBroker(state, b, { process: 'down' }));
  });
  if (!hasQuorum(rules, state)) return next;
  state.brokers.forEach(({ process, cut, fenced, leaving }, b) => {
    // A shutdown is heard, and then granted.
    if (process === 'stopping' && !cut && !fenced && !leaving)
      next.push(remove(rules, state, b, { fenced: false, leaving: true }));
    // A session runs out: a new process cannot register before.
    else if (!fenced && (process !== 'running' || cut))
      next.push(remove(rules, state, b, { fenced: true, leaving: false }));
    if (fenced && (process === 'starting' || process === 'running') && !cut)
      next.push(unfence(rules, state, b));
  });
  state.partitions.forEach((p, i) => {
    if (p.leader === -1 || !answers(state.brokers[p.leader]!)) return;
    for (const b of rules.assignment[i]!) {
      // A leader takes in who follows, and out who has not followed for too long: that is asked for, and done, where somebody can commit it.
      const isMember = p.isr.includes(b);
      if (isMember === answers(state.brokers[b]!)) continue;
      const isr = isMember ? p.isr.filter((x) => x !== b) : [...p.isr, b].sort((x, y) => x - y);
      next.push(setPartition(state, i, { isr }));
    }
  });
  return next;
}

/** Preferred leaders of a cluster in which nothing else happens any more. */
function rebalanced(rules: OracleRules, state: OracleState): OracleState {
  if (!rules.rebalance || !hasQuorum(rules, state)) return state;
  return {
    ...state,
    partitions: state.partitions.map((p, i) => {
      const preferred = rules.assignment[i]![0]!;
      const may = p.leader !== preferred && p.isr.includes(preferred) && !state.brokers[preferred]!.fenced;
      return may ? { ...p, leader: preferred, leaderEpoch: p.leaderEpoch + 1 } : p;
    }),
  };
}

/** All that may come of these states by itself, each once; of `ends` only that in which nothing more happens. */
function unfold(rules: OracleRules, from: readonly OracleState[]) {
  const all = new Map<string, OracleState>();
  const ends = new Map<string, OracleState>();
  const open = [...from];
  for (let state = open.pop(); state !== undefined; state = open.pop()) {
    const key = JSON.stringify(state);
    if (all.has(key)) continue;
    all.set(key, state);
    const next = successors(rules, state);
    if (next.length === 0) {
      const end = rebalanced(rules, state);
      ends.set(JSON.stringify(end), end);
    }
    open.push(...next);
  }
  return { all: [...all.values()], ends: [...ends.values()] };
}

/** What an operation makes of a state at once. */
function apply(rules: OracleRules, state: OracleState, operation: Operation, broker: number): OracleState {
  if (!matters(state, operation, broker)) return state;
  switch (operation) {
    case 'crash':
      return setBroker(state, broker, { process: 'down' });
    case 'isolate':
      return setBroker(state, broker, { cut: true });
    case 'return': {
      const { process } = state.brokers[broker]!;
      return setBroker(state, broker, { cut: false, process: process === 'down' ? 'launched' : process });
    }
    case 'stop': {
      const heard = hasQuorum(rules, state) && answers(state.brokers[broker]!);
      const asked = heard ? remove(rules, state, broker, { fenced: false, leaving: true }) : state;
      return setBroker(asked, broker, { process: 'stopping' });
    }
  }
}

/** What an operation, and the time after it, may lead to. */
export function after(
  rules: OracleRules,
  state: OracleState,
  operation: Operation,
  broker: number,
): OracleState[] {
  return unfold(rules, [apply(rules, state, operation, broker)]).ends;
}

/** What operations may lead to that follow one another before what came of the last is over, and enough time after them. */
export function afterAll(
  rules: OracleRules,
  state: OracleState,
  operations: readonly { readonly name: Operation; readonly broker: number }[],
): OracleState[] {
  let states = [state];
  for (const { name, broker } of operations) {
    const next = unfold(rules, states).all;
    states = next.map((s) => apply(rules, s, name, broker));
    // Where a majority is back for a moment nobody is elected yet who would hear of a shutdown.
    if (name === 'stop' && rules.voters.length > 0)
      states.push(
        ...next
          .filter((s) => matters(s, name, broker))
          .map((s) => setBroker(s, broker, { process: 'stopping' })),
      );
  }
  return unfold(rules, states).ends;
}

/** Whether clients find the leader. */
export function isServed(state: OracleState, partition: number): boolean {
  const { leader } = state.partitions[partition]!;
  return leader !== -1 && answers(state.brokers[leader]!);
}

/** Whether sends with acks=all are acknowledged: enough replicas are in sync, and all of them follow. */
export function isWritable(rules: OracleRules, state: OracleState, partition: number): boolean {
  const { isr } = state.partitions[partition]!;
  const minimum = Math.min(rules.minInSyncReplicas, rules.assignment[partition]!.length);
  return isServed(state, partition) && isr.length >= minimum && isr.every((b) => answers(state.brokers[b]!));
}
