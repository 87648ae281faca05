import { namePattern } from '../engine/namePattern.ts';
import type {
  Capacities,
  PartitionLoad,
  readClusterState,
  readLoad,
  readModel,
  readPartitionLoad,
} from '../formats/cruiseControl.ts';
import { isRecord, type JsonFile } from '../formats/json.ts';
import { nearest } from '../formats/nearest.ts';
import type {
  BrokerDescription,
  ClusterDescription,
  OptimizationOptions,
  OptimizationRequest,
  PartitionDescription,
  ResourceLoad,
} from '../models/cruiseControl/description.ts';
import { followerLoad } from '../models/cruiseControl/loads.ts';
import { analyzerConfig, configOf, defaultGoals, goalListProblems } from './cruiseControlSettings.ts';

/** Keys of Cruise Control's analyzer that change no outcome here: they are about time, threads, and what its detector of violations asks for. */
const withoutEffect: readonly string[] = [
  'goal.violation.distribution.threshold.multiplier',
  'proposal.expiration.ms',
  'num.proposal.precompute.threads',
  'fast.mode.per.broker.move.timeout.ms',
];

/** What an option is called in a file, and in Cruise Control's own requests and classes. */
const optionNames: Readonly<Record<string, keyof OptimizationOptions>> = {
  excludedTopics: 'excludedTopics',
  excluded_topics: 'excludedTopics',
  excludedForLeadership: 'excludedForLeadership',
  excludedBrokersForLeadership: 'excludedForLeadership',
  excludedForReplicaMove: 'excludedForReplicaMove',
  excludedBrokersForReplicaMove: 'excludedForReplicaMove',
  destinationBrokers: 'destinationBrokers',
  destination_broker_ids: 'destinationBrokers',
  requestedDestinationBrokerIds: 'destinationBrokers',
};

/** Goals by their simple class names: the package, which Cruise Control's files write before them, is taken off. */
export function simpleNames(goals: readonly string[]): string[] {
  return goals.map((goal) => goal.trim().replace(/^.*\./, ''));
}

/**
 * What a model file asks for, checked; undefined when something is wrong, which is told in the file.
 * @param goals in place of those that the file lists
 */
export function requestOf(
  read: ReturnType<typeof readModel>,
  cluster: ClusterDescription,
  goals?: readonly string[],
): OptimizationRequest {
  const { json } = read;
  return {
    goals: goals ?? goalsOf(read.goals, json),
    config: configIn(read.config, json),
    options: optionsOf(read.options, cluster, json),
  };
}

function goalsOf(given: unknown, json: JsonFile): readonly string[] {
  if (given === undefined) return defaultGoals;
  if (!Array.isArray(given) || !given.every((goal) => typeof goal === 'string')) {
    json.problem(['goals'], 'no list of goals', 'write "goals": ["RackAwareGoal", ...]');
    return [];
  }
  if (given.length === 0)
    json.problem(['goals'], 'a list without a goal', 'name at least one, or leave "goals" out for all');
  const goals = simpleNames(given);
  for (const { place, found, mend } of goalListProblems(goals)) json.problem(['goals', place], found, mend);
  return goals;
}

function configIn(given: unknown, json: JsonFile): Readonly<Record<string, string>> {
  if (given === undefined) return {};
  if (!isRecord(given)) {
    json.problem(['config'], 'no map of keys', 'write "config": {"disk.capacity.threshold": "0.8"}');
    return {};
  }
  const known = Object.keys(analyzerConfig.shape);
  const used = Object.fromEntries(Object.entries(given).filter(([key]) => !withoutEffect.includes(key)));
  const parsed = analyzerConfig.safeParse(used);
  if (parsed.success) return configOf(parsed.data);
  for (const issue of parsed.error.issues) {
    if (issue.code === 'unrecognized_keys') {
      for (const key of issue.keys) json.unknownKey(['config', key], nearest(key, known), known);
    } else {
      const mend = issue.code === 'custom' ? issue.params?.mend : 'put it in quotes';
      const found = issue.code === 'custom' ? issue.message : 'no text';
      json.problem(
        ['config', ...(issue.path as string[])],
        found,
        typeof mend === 'string' ? mend : 'correct the value',
      );
    }
  }
  return {};
}

function optionsOf(given: unknown, cluster: ClusterDescription, json: JsonFile): OptimizationOptions {
  if (given === undefined) return {};
  if (!isRecord(given)) {
    json.problem(['options'], 'no map of options', 'write "options": {"excludedForLeadership": [0]}');
    return {};
  }
  const made: { -readonly [K in keyof OptimizationOptions]: OptimizationOptions[K] } = {};
  const ids = new Set(cluster.brokers.map((b) => b.id));
  for (const [key, value] of Object.entries(given)) {
    const at = ['options', key];
    const name = Object.hasOwn(optionNames, key) ? optionNames[key]! : undefined;
    if (name === undefined) {
      json.unknownKey(at, nearest(key, Object.keys(optionNames)), Object.keys(optionNames));
      continue;
    }
    if (made[name] !== undefined) {
      json.problem(at, `${key} says once more what another option says`, 'keep one of the two');
      continue;
    }
    if (name === 'excludedTopics') {
      const topics = topicsOf(value, topicNames(cluster));
      if (typeof topics === 'string')
        json.problem(
          at,
          topics,
          'list topics of the cluster, or write a regular expression that matches some',
        );
      else made.excludedTopics = topics;
      continue;
    }
    if (!Array.isArray(value)) {
      json.problem(at, 'no list of broker ids', `write "${key}": [0, 1]`);
      continue;
    }
    value.forEach((id, i) => {
      if (!ids.has(id as number))
        json.problem(
          [...at, i],
          `there is no broker ${String(id).slice(0, 40)}`,
          `name one of ${idsText([...ids])}`,
        );
    });
    made[name] = value as number[];
  }
  return made;
}

/** Topics of a cluster, each once. */
export function topicNames(cluster: ClusterDescription): readonly string[] {
  return [...new Set(cluster.partitions.map((p) => p.topic))];
}

/** Topics by a regular expression that matches their whole names, as excluded_topics of Cruise Control; a text says what is wrong. */
export function topicsMatching(pattern: string, all: readonly string[]): readonly string[] | string {
  const read = namePattern(pattern);
  if (typeof read === 'string') return read;
  const found = all.filter(read.matches);
  return found.length === 0 ? `${pattern.slice(0, 60)} matches no topic` : found;
}

/** Topics by their names, or by a regular expression; a text says what is wrong. */
function topicsOf(given: unknown, all: readonly string[]): readonly string[] | string {
  if (typeof given === 'string') return topicsMatching(given, all);
  if (!Array.isArray(given)) return 'neither a list of topics nor a regular expression';
  const unknown = given.find((name) => !all.includes(name as string));
  if (unknown === undefined) return given as string[];
  const near = nearest(String(unknown), all);
  return `there is no topic ${String(unknown).slice(0, 60)}${near === undefined ? '' : `; there is ${near}`}`;
}

/** The first ids of brokers, for a remedy. */
export function idsText(ids: readonly number[]): string {
  return `${ids.slice(0, 20).join(', ')}${ids.length > 20 ? ', ...' : ''}`;
}

/**
 * The cluster as three answers of Cruise Control describe it: /load knows the brokers, /kafka_cluster_state the replicas in their order,
 * /partition_load what leaders carry, from which follows what followers do. What does not fit together is told in the file where it stands.
 */
export function joinAnswers(
  load: ReturnType<typeof readLoad>,
  partitionLoad: ReturnType<typeof readPartitionLoad>,
  state: ReturnType<typeof readClusterState>,
): ClusterDescription {
  const offline = new Map<number, string[]>();
  const loads = new Map<string, PartitionLoad>();
  for (const one of partitionLoad.loads) loads.set(`${one.topic}-${one.partition}`, one);
  const ids = new Set(load.brokers.map((b) => b.id));
  const partitions: PartitionDescription[] = [];
  let without = 0;
  state.partitions.forEach((p, i) => {
    const name = `${p.topic}-${p.partition}`;
    const stranger = p.replicas.find((id) => !ids.has(id));
    if (stranger !== undefined) {
      state.json.problem(
        [...state.at(i), 'replicas'],
        `${name} has a replica on broker ${stranger}, of which ${load.json.file} knows nothing`,
        'fetch all answers at one time, while no broker is missing',
      );
      return;
    }
    const leader = loads.get(name)?.leaderLoad;
    if (leader === undefined && p.leader !== -1) {
      without += 1;
      if (without <= 20)
        state.json.problem(
          state.at(i),
          `${partitionLoad.json.file} has no load of ${name}`,
          'fetch /partition_load?json=true&entries=1000000 once all partitions are monitored',
        );
      return;
    }
    for (const id of p.offline) offline.set(id, [...(offline.get(id) ?? []), name]);
    const led = leader ?? { cpu: 0, nwIn: 0, nwOut: 0, disk: 0 };
    if (leader === undefined)
      state.json.warning(
        state.at(i),
        `${name} has no leader, and so no load: its size counts as 0`,
        'read the result with this in mind',
      );
    const leads = p.leader === -1 ? p.replicas[0]! : p.leader;
    const follower = followerLoad(led);
    partitions.push({
      topic: p.topic,
      partition: p.partition,
      replicas: p.replicas,
      ...(p.leader === -1 ? {} : { leader: p.leader }),
      loads: p.replicas.map((id) => (id === leads ? led : follower)),
    });
  });
  const brokers = load.brokers.map((b): BrokerDescription => {
    const broken = b.state === 'BAD_DISKS' ? offline.get(b.id) : undefined;
    return broken === undefined ? b : { ...b, offlineReplicas: broken };
  });
  return { brokers, partitions };
}

/** What each of these brokers can carry by a capacity file; one that has nothing there is told, and undefined. */
export function capacitiesIn(
  { byBroker, default: fallback, json }: Capacities,
  ids: readonly number[],
): (ResourceLoad | undefined)[] {
  const readable = json.good;
  return ids.map((id) => {
    const capacity = byBroker.get(id) ?? fallback;
    if (capacity === undefined && readable)
      json.problem(
        ['brokerCapacities'],
        `broker ${id} has no capacity`,
        'add an entry for it, or one with "brokerId":"-1" for all others',
      );
    return capacity;
  });
}

/** The cluster with the capacities of a capacity file, and its own where that lacks one, which is told. */
export function withCapacities(cluster: ClusterDescription, capacities: Capacities): ClusterDescription {
  const found = capacitiesIn(
    capacities,
    cluster.brokers.map((b) => b.id),
  );
  const brokers = cluster.brokers.map(
    (b, i): BrokerDescription => ({ ...b, capacity: found[i] ?? b.capacity }),
  );
  return { ...cluster, brokers };
}
