import { isId, isRecord, JsonFile, type JsonPath } from './json.ts';
import { nearest } from './nearest.ts';

/** Percent of one core, KB/s in, KB/s out, MB. */
export interface Resources {
  readonly cpu: number;
  readonly nwIn: number;
  readonly nwOut: number;
  readonly disk: number;
}

const resourceKeys = ['cpu', 'nwIn', 'nwOut', 'disk'] as const;

export const brokerStates = ['ALIVE', 'DEAD', 'NEW', 'DEMOTED', 'BAD_DISKS'] as const;
export type BrokerStateName = (typeof brokerStates)[number];

export interface ModelBroker {
  readonly id: number;
  readonly rack?: string;
  readonly host?: string;
  readonly state?: BrokerStateName;
  readonly capacity: Resources;
  readonly offlineReplicas?: readonly string[];
}

export interface ModelPartition {
  readonly topic: string;
  readonly partition: number;
  readonly replicas: readonly number[];
  readonly leader?: number;
  readonly loads: readonly Resources[];
}

/** A cluster, and what is asked of it, from one file. */
export interface ReadModel {
  /** Undefined when the file has problems; they stand in `json`. */
  readonly cluster:
    | { readonly brokers: readonly ModelBroker[]; readonly partitions: readonly ModelPartition[] }
    | undefined;
  /** What stands under `goals`, `config` and `options`, unchecked. */
  readonly goals: unknown;
  readonly config: unknown;
  readonly options: unknown;
  readonly json: JsonFile;
}

/** Keys of a model file; those of a test case beside its cluster are passed over. */
const modelKeys = ['capacity', 'brokers', 'partitions', 'goals', 'config', 'options'];
const caseKeys = ['id', 'cluster', 'expected', 'about', 'conventions'];
const brokerKeys = ['id', 'rack', 'host', 'state', 'capacity', 'offlineReplicas'];
const partitionKeys = [
  't',
  'topic',
  'p',
  'partition',
  'replicas',
  'leader',
  'loads',
  'leaderLoad',
  'followerLoad',
];

/**
 * A cluster of Cruise Control's analyzer in one object: `capacity` of every broker, `brokers` (id, rack, host, state, its own capacity,
 * offlineReplicas of one with BAD_DISKS), `partitions` (t, p, replicas, leader, and `loads` in the order of the replicas, or leaderLoad and
 * followerLoad); a load is [cpu, nwIn, nwOut, disk].
 */
export function readModel(text: string, file: string): ReadModel {
  const json = new JsonFile(text, file);
  const top = json.value;
  const { goals, config, options } = isRecord(top) ? top : {};
  const refused: ReadModel = { cluster: undefined, goals, config, options, json };
  if (top === undefined) return refused;
  if (!isRecord(top)) {
    json.problem([], 'no object', 'write {"capacity":{...},"brokers":[...],"partitions":[...]}');
    return refused;
  }
  checkKeys(json, [], top, modelKeys, caseKeys);
  const shared = top.capacity === undefined ? undefined : resources(json, ['capacity'], top.capacity);
  const brokers = new Map<number, ModelBroker>();
  if (Array.isArray(top.brokers) && top.brokers.length === 0)
    json.problem(['brokers'], 'no broker is listed', 'list the brokers');
  for (const [i, entry] of list(json, ['brokers'], top.brokers).entries()) {
    const broker = readModelBroker(json, ['brokers', i], entry, top.capacity === undefined, shared);
    if (broker === undefined) continue;
    if (brokers.has(broker.id))
      json.problem(['brokers', i, 'id'], `broker ${broker.id} is listed twice`, 'give each its own id');
    brokers.set(broker.id, broker);
  }
  const partitions: ModelPartition[] = [];
  const seen = new Set<string>();
  const entries = list(json, ['partitions'], top.partitions);
  for (let i = 0; i < entries.length; i += 1) {
    const partition = readModelPartition(json, i, entries[i], brokers);
    if (partition === undefined) continue;
    const name = `${partition.topic}-${partition.partition}`;
    if (seen.has(name)) json.problem(['partitions', i], `${name} is listed twice`, 'keep one of the two');
    seen.add(name);
    partitions.push(partition);
  }
  for (const [id, broker] of brokers) {
    broker.offlineReplicas?.forEach((name, k) => {
      if (seen.has(name)) return;
      const i = list(undefined, [], top.brokers).findIndex((b) => isRecord(b) && b.id === id);
      json.problem(
        ['brokers', i, 'offlineReplicas', k],
        `there is no partition ${name}`,
        'name one as topic-0',
      );
    });
  }
  if (!json.good) return refused;
  return { ...refused, cluster: { brokers: [...brokers.values()], partitions } };
}

function readModelBroker(
  json: JsonFile,
  at: JsonPath,
  entry: unknown,
  needsCapacity: boolean,
  shared: Resources | undefined,
): ModelBroker | undefined {
  if (!isRecord(entry)) {
    json.problem(at, 'no broker', 'write {"id":0,"rack":"a"}');
    return undefined;
  }
  checkKeys(json, at, entry, brokerKeys);
  const { id, rack, host, state, capacity, offlineReplicas } = entry;
  if (!isId(id)) {
    json.problem([...at, 'id'], `${shown(id)} as the id of a broker`, 'give "id" as a whole number');
    return undefined;
  }
  for (const [key, value] of [
    ['rack', rack],
    ['host', host],
  ] as const) {
    if (value !== undefined && value !== null && typeof value !== 'string')
      json.problem([...at, key], `${shown(value)} as the ${key} of broker ${id}`, `give "${key}" as text`);
  }
  const known = state === undefined || (brokerStates as readonly unknown[]).includes(state);
  if (!known) {
    const near = nearest(String(state), brokerStates);
    json.problem(
      [...at, 'state'],
      `${shown(state)} is no state of a broker`,
      near === undefined ? `write one of ${brokerStates.join(', ')}` : `write ${near}`,
    );
  }
  const isNames =
    offlineReplicas === undefined ||
    (Array.isArray(offlineReplicas) && offlineReplicas.every((name) => typeof name === 'string'));
  if (!isNames) json.problem([...at, 'offlineReplicas'], 'no list of replicas', 'list them as "topic-0"');
  if (capacity === undefined && needsCapacity)
    json.problem(at, `broker ${id} has no capacity`, 'give "capacity" here, or for all beside "brokers"');
  const own = capacity === undefined ? shared : resources(json, [...at, 'capacity'], capacity);
  if (own === undefined || !known || !isNames) return undefined;
  return {
    id,
    ...(typeof rack === 'string' && rack !== '' ? { rack } : {}),
    ...(typeof host === 'string' && host !== '' ? { host } : {}),
    ...(state === undefined ? {} : { state: state as BrokerStateName }),
    capacity: own,
    ...(offlineReplicas === undefined ? {} : { offlineReplicas: offlineReplicas as string[] }),
  };
}

function readModelPartition(
  json: JsonFile,
  i: number,
  entry: unknown,
  brokers: ReadonlyMap<number, ModelBroker>,
): ModelPartition | undefined {
  const at = ['partitions', i] as const;
  if (!isRecord(entry)) {
    json.problem(at, 'no partition', 'write {"t":"orders","p":0,"replicas":[0,1],"loads":[[...],[...]]}');
    return undefined;
  }
  checkKeys(json, at, entry, partitionKeys);
  const topic = entry.t ?? entry.topic;
  const partition = entry.p ?? entry.partition;
  if (typeof topic !== 'string' || topic === '' || !isId(partition)) {
    json.problem(at, 'a partition without topic and number', 'give "t" as text and "p" as a whole number');
    return undefined;
  }
  const name = `${topic}-${partition}`;
  const replicas = checkedReplicas(json, [...at, 'replicas'], name, entry.replicas, (id) => brokers.has(id));
  if (replicas === undefined) return undefined;
  const { leader } = entry;
  if (leader !== undefined && !replicas.includes(leader as number)) {
    json.problem(
      [...at, 'leader'],
      `${name} is led by ${shown(leader)}, which has none of its replicas`,
      `name one of ${replicas.join(', ')}`,
    );
    return undefined;
  }
  const leads = leader === undefined ? 0 : replicas.indexOf(leader as number);
  const loads = readLoads(json, at, name, entry, replicas.length, leads);
  if (loads === undefined) return undefined;
  return { topic, partition, replicas, ...(leader === undefined ? {} : { leader: leader as number }), loads };
}

function readLoads(
  json: JsonFile,
  at: JsonPath,
  name: string,
  entry: Readonly<Record<string, unknown>>,
  count: number,
  leads: number,
): readonly Resources[] | undefined {
  const { loads, leaderLoad, followerLoad } = entry;
  if (loads !== undefined && leaderLoad !== undefined) {
    json.problem([...at, 'leaderLoad'], `${name} has loads and leaderLoad`, 'keep one of the two');
    return undefined;
  }
  if (loads === undefined) {
    if (leaderLoad === undefined) {
      json.problem(
        at,
        `${name} has no loads`,
        'give "loads" for each replica, or leaderLoad and followerLoad',
      );
      return undefined;
    }
    const first = row(leaderLoad) ?? resources(json, [...at, 'leaderLoad'], leaderLoad);
    if (count > 1 && followerLoad === undefined)
      json.problem(at, `${name} has no followerLoad`, 'give [cpu, nwIn, nwOut, disk] of each follower');
    const other =
      count === 1 ? first : (row(followerLoad) ?? resources(json, [...at, 'followerLoad'], followerLoad));
    if (first === undefined || other === undefined) return undefined;
    return Array.from({ length: count }, (_, j) => (j === leads ? first : other));
  }
  if (!Array.isArray(loads) || loads.length !== count) {
    json.problem(
      [...at, 'loads'],
      `${name} has ${Array.isArray(loads) ? loads.length : 'no'} loads for ${count} replicas`,
      'give one [cpu, nwIn, nwOut, disk] for each replica, in their order',
    );
    return undefined;
  }
  const made = loads.map((load, j) => row(load) ?? resources(json, [...at, 'loads', j], load));
  return made.every((load) => load !== undefined) ? made : undefined;
}

/** Broker ids of a partition, checked; undefined when something is wrong, which is told. */
function checkedReplicas(
  json: JsonFile,
  at: JsonPath,
  name: string,
  replicas: unknown,
  known: (id: number) => boolean,
): readonly number[] | undefined {
  if (!Array.isArray(replicas) || replicas.length === 0 || !replicas.every(isId)) {
    json.problem(at, `${name} has no list of broker ids`, 'give at least one broker id');
    return undefined;
  }
  for (let j = 0; j < replicas.length; j += 1) {
    if (!known(replicas[j])) {
      json.problem(
        [...at, j],
        `${name} has a replica on broker ${replicas[j]}, which is not among the brokers`,
        'name a broker of the list, or add it',
      );
      return undefined;
    }
    if (replicas.indexOf(replicas[j]) < j) {
      json.problem([...at, j], `${name} names broker ${replicas[j]} twice`, 'name each broker once');
      return undefined;
    }
  }
  return replicas;
}

/** [cpu, nwIn, nwOut, disk], where it is that: what nearly every load of a large file is. */
function row(given: unknown): Resources | undefined {
  if (!Array.isArray(given) || given.length !== 4) return undefined;
  const [cpu, nwIn, nwOut, disk] = given;
  return isAmount(cpu) && isAmount(nwIn) && isAmount(nwOut) && isAmount(disk)
    ? { cpu, nwIn, nwOut, disk }
    : undefined;
}

/** [cpu, nwIn, nwOut, disk], or the same by name; undefined when it is neither, which is told. */
function resources(json: JsonFile, at: JsonPath, given: unknown): Resources | undefined {
  const four = row(given);
  if (four !== undefined) return four;
  if (!Array.isArray(given) && isRecord(given)) {
    checkKeys(json, at, given, resourceKeys);
    for (const key of resourceKeys) {
      if (isAmount(given[key])) continue;
      json.problem([...at, key], `${shown(given[key])} as ${key}`, 'write a number from 0 to 1e15');
      return undefined;
    }
    return given as unknown as Resources;
  }
  const wrong = Array.isArray(given) && given.length === 4 ? given.findIndex((x) => !isAmount(x)) : -1;
  if (wrong >= 0)
    json.problem(
      [...at, wrong],
      `${shown((given as unknown[])[wrong])} as ${resourceKeys[wrong]}`,
      'write a number from 0 to 1e15',
    );
  else json.problem(at, `${shown(given)} where four numbers are needed`, 'write [cpu, nwIn, nwOut, disk]');
  return undefined;
}

// The capacity file.

/** Capacity by broker id; `default` is that of the id -1. */
export interface Capacities {
  readonly byBroker: ReadonlyMap<number, Resources>;
  readonly default: Resources | undefined;
  readonly json: JsonFile;
}

/**
 * The capacity file of Cruise Control: CPU in percent or as `num.cores`, in one style throughout; DISK in MB, or by log directory.
 * Source: Cruise Control 2.5 `BrokerCapacityConfigFileResolver`.
 */
export function readCapacities(text: string, file: string): Capacities {
  const json = new JsonFile(text, file);
  const byBroker = new Map<number, Resources>();
  let fallback: Resources | undefined;
  const top = json.value;
  const entries =
    isRecord(top) && Array.isArray(top.brokerCapacities) ? (top.brokerCapacities as unknown[]) : undefined;
  if (top !== undefined && entries === undefined)
    json.problem([], 'there is no list "brokerCapacities"', 'write {"brokerCapacities":[...]}');
  if (entries?.length === 0)
    json.problem(
      ['brokerCapacities'],
      'no capacity is listed',
      'add one with "brokerId":"-1", for every broker',
    );
  let style: { readonly cores: boolean; readonly id: number } | undefined;
  const seen = new Set<number>();
  for (const [i, entry] of (entries ?? []).entries()) {
    const at = ['brokerCapacities', i] as const;
    const { brokerId, capacity } = isRecord(entry) ? entry : {};
    const id = numeric(brokerId);
    if (id === undefined || !Number.isInteger(id) || id < -1) {
      json.problem(
        [...at, 'brokerId'],
        `${shown(brokerId)} as a broker id`,
        'write an id, or "-1" for all others',
      );
      continue;
    }
    if (seen.has(id))
      json.problem([...at, 'brokerId'], `broker ${id} is listed twice`, 'keep one of the two');
    seen.add(id);
    if (!isRecord(capacity)) {
      json.problem(at, `broker ${id} has no capacity`, 'give DISK, CPU, NW_IN and NW_OUT');
      continue;
    }
    checkKeys(json, [...at, 'capacity'], capacity, ['DISK', 'CPU', 'NW_IN', 'NW_OUT']);
    const cores = isRecord(capacity.CPU);
    if (capacity.CPU !== undefined && style === undefined) style = { cores, id };
    else if (style !== undefined && capacity.CPU !== undefined && style.cores !== cores) {
      json.problem(
        [...at, 'capacity', 'CPU'],
        `CPU of broker ${id} ${cores ? 'as num.cores' : 'in percent'}, that of broker ${style.id} ${cores ? 'in percent' : 'as num.cores'}`,
        'write all of them in one style: Cruise Control refuses a file that mixes them',
      );
    }
    const made = readCapacity(json, [...at, 'capacity'], capacity);
    if (made === undefined) continue;
    if (id === -1) fallback = made;
    else byBroker.set(id, made);
  }
  return { byBroker, default: fallback, json };
}

function readCapacity(
  json: JsonFile,
  at: JsonPath,
  capacity: Readonly<Record<string, unknown>>,
): Resources | undefined {
  const amount = (path: JsonPath, value: unknown, says: string): number => {
    const read = numeric(value);
    if (isAmount(read)) return read;
    json.problem([...at, ...path], `${shown(value)} as ${says}`, 'write a number from 0 to 1e15, in quotes');
    return Number.NaN;
  };
  const { CPU, DISK } = capacity;
  const made: Resources = {
    cpu: isRecord(CPU)
      ? 100 * amount(['CPU', 'num.cores'], CPU['num.cores'], 'num.cores')
      : amount(['CPU'], CPU, 'CPU in percent'),
    nwIn: amount(['NW_IN'], capacity.NW_IN, 'NW_IN in KB/s'),
    nwOut: amount(['NW_OUT'], capacity.NW_OUT, 'NW_OUT in KB/s'),
    disk: isRecord(DISK)
      ? Object.entries(DISK).reduce((sum, [directory, mb]) => {
          if (!directory.startsWith('/'))
            json.problem(
              [...at, 'DISK', directory],
              `${shown(directory)} is no absolute path`,
              'begin it with /',
            );
          return sum + amount(['DISK', directory], mb, `MB of ${directory.slice(0, 60)}`);
        }, 0)
      : amount(['DISK'], DISK, 'DISK in MB'),
  };
  return resourceKeys.every((key) => Number.isFinite(made[key])) ? made : undefined;
}

// Answers of Cruise Control's REST interface.

/** GET /load?json=true: brokers with their racks, states and capacities. Source: Cruise Control 2.5 `BrokerStats`, `BasicStats`. */
export function readLoad(
  text: string,
  file: string,
): { readonly brokers: readonly ModelBroker[]; readonly json: JsonFile } {
  const json = new JsonFile(text, file);
  const brokers: ModelBroker[] = [];
  const seen = new Set<number>();
  for (const [i, entry] of answer(json, ['brokers'], '/load?json=true').entries()) {
    const at = ['brokers', i] as const;
    const b = isRecord(entry) ? entry : {};
    if (!isId(b.Broker)) {
      json.problem([...at, 'Broker'], `${shown(b.Broker)} as a broker id`, 'fetch /load?json=true again');
      continue;
    }
    if (seen.has(b.Broker)) json.problem(at, `broker ${b.Broker} is listed twice`, 'keep one of the two');
    seen.add(b.Broker);
    const state = b.BrokerState ?? 'ALIVE';
    if (!(brokerStates as readonly unknown[]).includes(state)) {
      json.problem(
        [...at, 'BrokerState'],
        `${shown(state)} is no state of a broker`,
        `write one of ${brokerStates.join(', ')}`,
      );
      continue;
    }
    // A dead broker has -1 of everything.
    const capacity = (key: string, times: number): number => {
      const value = b[key];
      if (typeof value === 'number' && Number.isFinite(value) && (value >= 0 || state === 'DEAD'))
        return Math.max(0, value * times);
      json.problem(
        [...at, key],
        `${shown(value)} as ${key} of broker ${b.Broker}`,
        'fetch /load?json=true again, or give the capacity file',
      );
      return 0;
    };
    brokers.push({
      id: b.Broker,
      ...(typeof b.Rack === 'string' && b.Rack !== '' ? { rack: b.Rack } : {}),
      ...(typeof b.Host === 'string' && b.Host !== '' ? { host: b.Host } : {}),
      ...(state === 'ALIVE' ? {} : { state: state as BrokerStateName }),
      capacity: {
        cpu: capacity('NumCore', 100),
        nwIn: capacity('NetworkInCapacity', 1),
        nwOut: capacity('NetworkOutCapacity', 1),
        disk: capacity('DiskCapacityMB', 1),
      },
    });
  }
  return { brokers, json };
}

/** A partition of GET /partition_load: what its leader carries. */
export interface PartitionLoad {
  readonly topic: string;
  readonly partition: number;
  readonly leaderLoad: Resources;
}

/** GET /partition_load?json=true. Source: Cruise Control 2.5 `PartitionLoadState`. */
export function readPartitionLoad(
  text: string,
  file: string,
): { readonly loads: readonly PartitionLoad[]; readonly json: JsonFile } {
  const json = new JsonFile(text, file);
  const loads: PartitionLoad[] = [];
  const keys = ['cpu', 'networkInbound', 'networkOutbound', 'disk'] as const;
  for (const [i, entry] of answer(json, ['records'], '/partition_load?json=true').entries()) {
    const at = ['records', i] as const;
    const r = isRecord(entry) ? entry : {};
    if (typeof r.topic !== 'string' || !isId(r.partition)) {
      json.problem(at, 'a record without topic and partition', 'fetch /partition_load?json=true again');
      continue;
    }
    const wrong = keys.find((key) => !isAmount(r[key]));
    if (wrong !== undefined) {
      json.problem(
        [...at, wrong],
        `${shown(r[wrong])} as ${wrong} of ${r.topic}-${r.partition}`,
        'write a number from 0 to 1e15',
      );
      continue;
    }
    const [cpu, nwIn, nwOut, disk] = keys.map((key) => r[key] as number) as [number, number, number, number];
    loads.push({ topic: r.topic, partition: r.partition, leaderLoad: { cpu, nwIn, nwOut, disk } });
  }
  return { loads, json };
}

/** A partition of GET /kafka_cluster_state. */
export interface PartitionState {
  readonly topic: string;
  readonly partition: number;
  readonly replicas: readonly number[];
  /** -1: none. */
  readonly leader: number;
  readonly offline: readonly number[];
}

/** GET /kafka_cluster_state?json=true&verbose=true. Source: Cruise Control 2.5 `ClusterPartitionState`, `PartitionState`. */
export function readClusterState(
  text: string,
  file: string,
): {
  readonly partitions: readonly PartitionState[];
  readonly json: JsonFile;
  readonly at: (i: number) => JsonPath;
} {
  const json = new JsonFile(text, file);
  const partitions: PartitionState[] = [];
  const paths: JsonPath[] = [];
  const made = { partitions, json, at: (i: number) => paths[i]! };
  const top = json.value;
  if (top === undefined) return made;
  const states = isRecord(top) && isRecord(top.KafkaPartitionState) ? top.KafkaPartitionState : undefined;
  if (states === undefined) {
    json.problem(
      [],
      'there is no "KafkaPartitionState"',
      'give the answer of /kafka_cluster_state?json=true&verbose=true',
    );
    return made;
  }
  if (!Array.isArray(states.other)) {
    json.problem(
      ['KafkaPartitionState'],
      'only partitions that something is wrong with: there is no list "other"',
      'fetch /kafka_cluster_state?json=true&verbose=true',
    );
    return made;
  }
  // One that is offline and under its minimum stands in both lists.
  const seen = new Set<string>();
  for (const [key, entries] of Object.entries(states)) {
    for (const [i, entry] of list(json, ['KafkaPartitionState', key], entries).entries()) {
      const at = ['KafkaPartitionState', key, i] as const;
      const p = isRecord(entry) ? entry : {};
      if (typeof p.topic !== 'string' || !isId(p.partition)) {
        json.problem(at, 'a partition without topic and number', 'fetch the state again');
        continue;
      }
      const name = `${p.topic}-${p.partition}`;
      if (seen.has(name)) continue;
      const replicas = checkedReplicas(json, [...at, 'replicas'], name, p.replicas, () => true);
      if (replicas === undefined) continue;
      const leader = p.leader ?? -1;
      if (leader !== -1 && !replicas.includes(leader as number)) {
        json.problem(
          [...at, 'leader'],
          `${name} is led by ${shown(leader)}, which has none of its replicas`,
          `name one of ${replicas.join(', ')}, or -1`,
        );
        continue;
      }
      seen.add(name);
      paths.push(at);
      const offline = Array.isArray(p.offline) ? p.offline.filter(isId) : [];
      partitions.push({
        topic: p.topic,
        partition: p.partition,
        replicas,
        leader: leader as number,
        offline,
      });
    }
  }
  return made;
}

/** The list that an answer holds under a key; an error of Cruise Control is told as one. */
function answer(json: JsonFile, at: readonly [string], of: string): readonly unknown[] {
  const top = json.value;
  if (top === undefined) return [];
  if (isRecord(top) && typeof top.errorMessage === 'string')
    json.problem(
      ['errorMessage'],
      `an error of Cruise Control: ${top.errorMessage.slice(0, 200)}`,
      `fetch ${of} again once it is mended`,
    );
  else if (isRecord(top) && Array.isArray(top.progress))
    json.problem(
      ['progress'],
      'Cruise Control was still computing',
      `fetch ${of} again with its User-Task-ID`,
    );
  else if (!isRecord(top) || !Array.isArray(top[at[0]]))
    json.problem([], `there is no list "${at[0]}"`, `give the answer of ${of}`);
  else {
    const found = top[at[0]] as unknown[];
    if (found.length === 0 && at[0] === 'brokers')
      json.problem(at, `the list "${at[0]}" is empty`, `fetch ${of} again`);
    return found;
  }
  return [];
}

function list(json: JsonFile | undefined, at: JsonPath, given: unknown): readonly unknown[] {
  if (Array.isArray(given)) return given;
  const key = String(at[at.length - 1]);
  json?.problem(
    at,
    given === undefined ? `there is no list "${key}"` : `${shown(given)} where a list is needed`,
    `write "${key}": [...]`,
  );
  return [];
}

function checkKeys(
  json: JsonFile,
  at: JsonPath,
  given: Readonly<Record<string, unknown>>,
  known: readonly string[],
  passedOver: readonly string[] = [],
): void {
  for (const key of Object.keys(given)) {
    if (known.includes(key) || passedOver.includes(key)) continue;
    json.unknownKey([...at, key], nearest(key, known), known);
  }
}

/** Beyond anything that a cluster carries, so that sums stay numbers. */
const largestAmount = 1e15;

function isAmount(value: unknown): value is number {
  return typeof value === 'number' && value >= 0 && value <= largestAmount;
}

/** A number, or a text that is one, as Cruise Control writes them. */
function numeric(value: unknown): number | undefined {
  if (typeof value === 'number') return Number.isFinite(value) ? value : undefined;
  if (typeof value !== 'string' || !/^\s*[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?\s*$/.test(value))
    return undefined;
  return Number(value);
}

function shown(value: unknown): string {
  if (value === undefined) return 'nothing';
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  return text === '' ? 'an empty text' : text.length > 60 ? `${text.slice(0, 60)}…` : text;
}
