import { z } from 'zod';
import { readAssignment } from '../../formats/assignment.ts';
import { kafkaCatalogue, kafkaLabels } from '../../models/kafka/catalogue.ts';
import { KafkaCluster, type LoadCurve } from '../../models/kafka/cluster.ts';
import { memberFindings } from '../../models/kafka/memberFindings.ts';
import { partitionFindings } from '../../models/kafka/partitionFindings.ts';
import { fetcherCeiling } from '../../models/kafka/replication.ts';
import {
  type Acks,
  type ClusterSettings,
  type DirectorySettings,
  directoryName,
  type GroupSettings,
  type ProducerSettings,
  type TopicSettings,
} from '../../models/kafka/settings.ts';
import { evenShares, measuredShares, zipfShares } from '../../models/workload/shares.ts';
import type { Checks } from '../checks.ts';
import { connectKafkaToHardware } from '../connections/kafkaToHardware.ts';
import type { BuildContext, Part } from '../part.ts';
import {
  type CancelArgs,
  cancelArgs,
  checkCancel,
  checkIncrease,
  checkReassign,
  type IncreaseArgs,
  increaseArgs,
  partitionsEver,
  playCancel,
  playIncrease,
  playReassign,
  type ReassignArgs,
  reassignArgs,
  reassigned,
  replicaPlaces,
} from '../partitionActions.ts';
import { q } from '../quantity.ts';
import { resources } from '../resources.ts';
import { warnOfThrottle } from '../throttleWarning.ts';
import { type ConnectPartSettings, sinkGroups } from './connect.ts';
import {
  checkMembers,
  groupConfig,
  memberActions,
  membership,
  membersOf,
  topicsInOrder,
} from './consumerGroups.ts';
import type { HardwareSettings } from './hardware.ts';
import type { KubernetesSettings } from './kubernetes.ts';

/** Kafka's own keys with Kafka's own units, as they stand in server.properties or in a Strimzi resource. */
const config = z.strictObject({
  'min.insync.replicas': q.count({ min: 1 }),
  'default.replication.factor': q.count({ min: 1, max: 5 }),
  'num.replica.fetchers': q.count({ min: 1, max: 64 }),
  'replica.fetch.max.bytes': q.count({ min: 1 }),
  'replica.fetch.response.max.bytes': q.count({ min: 1 }),
  'replica.fetch.wait.max.ms': q.count({ min: 0 }),
  'replica.socket.receive.buffer.bytes': q.count({ min: -1 }).optional(),
  'replica.selector.class': z
    .enum([
      'LeaderSelector',
      'RackAwareReplicaSelector',
      'org.apache.kafka.common.replica.LeaderSelector',
      'org.apache.kafka.common.replica.RackAwareReplicaSelector',
    ])
    .optional(),
  'broker.heartbeat.interval.ms': q.count({ min: 1 }),
  'broker.session.timeout.ms': q.count({ min: 1 }),
  'replica.lag.time.max.ms': q.count({ min: 1 }),
  'auto.leader.rebalance.enable': z.boolean(),
  'leader.imbalance.check.interval.seconds': q.count({ min: 1 }),
  'controller.quorum.append.linger.ms': q.count({ min: 0 }),
  'controller.quorum.fetch.timeout.ms': q.count({ min: 1 }),
  'controller.quorum.election.timeout.ms': q.count({ min: 1 }),
  'controller.quorum.election.backoff.max.ms': q.count({ min: 0 }),
  'unclean.leader.election.enable': z.boolean(),
  // Kafka 3.7 takes 14 bytes and more; 4.0 refuses less than 1 MiB (KIP-1030).
  'log.segment.bytes': q.count({ min: 1_048_576 }),
  'log.roll.hours': q.count({ min: 1 }),
  'log.retention.check.interval.ms': q.count({ min: 1 }),
  'log.segment.delete.delay.ms': q.count({ min: 0 }),
  'log.retention.hours': q.count({ min: 1 }),
  'log.retention.bytes': q.count({ min: -1 }).optional(),
  'num.recovery.threads.per.data.dir': q.count({ min: 1 }),
  'leader.replication.throttled.rate': q.count({ min: 1 }).optional(),
  'follower.replication.throttled.rate': q.count({ min: 1 }).optional(),
  'num.network.threads': q.count({ min: 1, max: 1000 }),
  'num.io.threads': q.count({ min: 1, max: 1000 }),
  'queued.max.requests': q.count({ min: 1 }),
  'message.max.bytes': q.count({ min: 1 }),
  ...groupConfig,
});

/** What a request costs a broker's threads. */
const requests = z.strictObject({
  networkRequestRate: q.rate({ min: 1 }),
  ioRequestRate: q.rate({ min: 1 }),
  networkByteRate: q.byteRate({ min: 1 }),
  ioByteRate: q.byteRate({ min: 1 }),
  serviceVariability: q.number({ min: 0, max: 100 }),
  tls: z.boolean(),
  tlsRequestTime: q.duration({ min: 0 }),
  tlsByteRate: q.byteRate({ min: 1 }),
  coldReadRate: q.byteRate({ min: 1 }),
});

const timing = z.strictObject({
  roundTrip: q.duration({ min: 0 }),
  metadataPoll: q.duration({ min: 0 }),
  controllerFailover: q.varying.duration(),
  pageFlush: q.duration({ min: 0 }),
  close: q.varying.duration(),
  jvmStart: q.varying.duration(),
  metadataReplay: q.varying.duration(),
  segmentLoad: q.duration({ min: 0 }),
  recoveryScan: q.byteRate({ min: 1 }),
  fetchBeforeOnline: q.duration({ min: 0 }),
  coordinatorLoad: q.varying.duration(),
});

const producers = z.strictObject({
  clients: q.count({ min: 1 }),
  'buffer.memory': q.count({ min: 1 }),
  'delivery.timeout.ms': q.count({ min: 1 }),
  'request.timeout.ms': q.count({ min: 1 }),
  'max.block.ms': q.count({ min: 0 }),
  'retry.backoff.ms': q.count({ min: 1 }),
  'batch.size': q.count({ min: 1 }),
  'max.request.size': q.count({ min: 1 }),
  'linger.ms': q.count({ min: 0 }),
  'max.in.flight.requests.per.connection': q.count({ min: 1 }),
  'enable.idempotence': z.boolean(),
  'metadata.max.age.ms': q.count({ min: 0 }),
});

const consumers = z.strictObject({
  catchUpFactor: q.number({ min: 1.01 }),
  clients: q.count({ min: 1 }),
  'fetch.min.bytes': q.count({ min: 1 }),
  'fetch.max.wait.ms': q.count({ min: 0 }),
});

const topic = z.strictObject({
  name: z
    .string()
    .min(1)
    .max(249)
    .regex(/^[A-Za-z0-9._-]+$/, 'letters, digits, dot, underscore and hyphen only'),
  partitions: q.count({ min: 1, max: 1_000_000 }),
  replicationFactor: q.count({ min: 1, max: 5 }).optional(),
  bytesIn: q.byteRate({ min: 0 }),
  messagesIn: q.rate({ min: 0 }),
  curve: z.string().optional(),
  shares: z
    .union([
      z.literal('even'),
      z.strictObject({ zipf: q.number({ min: 0 }) }),
      z.strictObject({ measured: z.array(q.number({ min: 0 })).min(1) }),
    ])
    .optional(),
  acks: z.enum(['all', '1', '0']).optional(),
  minInSyncReplicas: q.count({ min: 1 }).optional(),
  uncleanElection: z.boolean().optional(),
  retention: z
    .strictObject({ time: q.duration({ min: 1 }).optional(), bytes: q.bytes({ min: 1 }).optional() })
    .optional(),
  segment: z
    .strictObject({
      bytes: q.bytes({ min: 1_048_576 }).optional(),
      time: q.duration({ min: 1 }).optional(),
    })
    .optional()
    .meta({ description: 'when a segment is full, or too old to go on: segment.bytes and segment.ms' }),
  throttledReplicas: z.literal('*').optional(),
  keys: z.enum(['keyed', 'none']).optional().meta({
    description: 'whether records have keys that decide their partition; keyed where it is left out',
  }),
  coPartitioned: z.array(z.string().min(1)).min(1).optional().meta({
    description: 'topics that are joined with this one, partition by partition',
  }),
  streams: z.string().min(1).optional().meta({
    description: 'a Kafka Streams application that reads it, with state by partition',
  }),
  producers: producers.partial().optional(),
  zone: z
    .string()
    .min(1)
    .optional()
    .meta({ description: 'zone that its producers stand in; absent: spread evenly over the zones' }),
  owner: z.string().optional(),
});

const settings = z.strictObject({
  version: z.string().regex(/^\d+\.\d+(\.\d+)?$/, 'a version such as 3.7.1'),
  controllers: z.strictObject({
    mode: z.enum(['combined', 'dedicated']),
    ids: z.array(q.count({ min: 0 })).optional(),
    nodes: z
      .array(z.string().min(1))
      .optional()
      .meta({ description: 'the node of each dedicated controller, in the order of ids' }),
    active: q.count({ min: 0 }).optional(),
  }),
  brokers: z
    .array(
      z.strictObject({
        id: q.count({ min: 0 }),
        node: z.string().min(1),
        rack: z.string().optional(),
        controller: z.boolean().optional(),
        diskUsed: q.bytes({ min: 0 }).optional(),
        disk: q.bytes({ min: 1 }).optional(),
        logDirs: z
          .array(
            z.strictObject({
              name: z.string().min(1).optional(),
              size: q.bytes({ min: 1 }),
              used: q.bytes({ min: 0 }),
              disk: q.count({ min: 0 }).optional().meta({
                description:
                  "which of the node's disks, from 0 on; the place in this list where it is left out",
              }),
            }),
          )
          .min(1)
          .max(255)
          .optional()
          .meta({ description: 'log directories (JBOD), each on a disk; in place of disk and diskUsed' }),
        pageCache: q.bytes({ min: 0 }).optional().meta({
          description:
            'memory left for the page cache; computed where jvm says what the heap takes of the container',
        }),
      }),
    )
    .min(1)
    .max(10_000),
  config,
  timing,
  producers,
  consumers,
  fetcher: z.strictObject({ appendRate: q.byteRate({ min: 1 }) }),
  requests,
  holdLogsAtInitialSize: z.boolean().optional(),
  assignment: z.string().optional(),
  topics: z.array(topic).min(1).max(100_000),
  consumerGroups: z
    .array(
      z.strictObject({
        name: z.string().min(1),
        topics: z.array(z.string()).min(1),
        pollInterval: q.duration({ min: 0 }),
        catchUpFactor: q.number({ min: 1.01 }).optional(),
        clients: q.count({ min: 1 }).optional(),
        'fetch.min.bytes': q.count({ min: 1 }).optional(),
        'fetch.max.wait.ms': q.count({ min: 0 }).optional(),
        'client.rack': z.string().min(1).optional(),
        zone: z.string().min(1).optional().meta({
          description:
            'zone that its members stand in; absent: that of the brokers in client.rack, or spread evenly over the zones',
        }),
        owner: z.string().optional(),
        ...membership,
      }),
    )
    .optional(),
});

const resetArgs = z.strictObject({
  group: z.string().min(1),
  behind: q.duration({ min: 1 }).meta({ description: 'how old the record is that the group reads next' }),
});

export type KafkaPartSettings = z.output<typeof settings>;

/** What a cluster can be told and this model does not play: by the keys under which Kafka 3.7 knows it. */
const notPlayed: readonly (readonly [RegExp, string])[] = [
  [
    /^(log\.)?cleanup\.policy$|^log\.cleaner\.|^(log\.cleaner\.)?(min|max)\.compaction\.lag\.ms$|cleanable\.(dirty\.)?ratio|^delete\.retention\.ms$|^compact/i,
    'compaction is not modelled: every log is kept and deleted as with cleanup.policy=delete',
  ],
  [
    /quota|^(producer|consumer)_byte_rate$|^request_percentage$|^controller_mutation_rate$/i,
    'client quotas are not modelled: no client is muted, and only replication is throttled',
  ],
  [
    /^transaction|^isolation\.level$|^exactly\.?once/i,
    'transactions are not modelled: no transaction is opened, and consumers read up to the high watermark',
  ],
  [
    /^remote\.|^local\.retention\.|tiered/i,
    'tiered storage is not modelled: every log lies whole on the disks of its brokers',
  ],
];

/** Behaviour that other versions have and this model does not play; by the version it came with. */
const differs: readonly (readonly [string, string])[] = [
  ['3.8', 'KIP-848 groups heartbeat and assign otherwise'],
  ['3.9', 'dynamic KRaft quorums (KIP-853)'],
  [
    '4.0',
    'eligible leader replicas (KIP-966) are on by default; ZooKeeper mode and message formats before v2 are gone; the new group protocol is general',
  ],
];

function number(version: string): number {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  return major * 1000 + minor;
}

function check(s: KafkaPartSettings, checks: Checks): void {
  if (number(s.version) !== 3007) {
    const later = differs
      .filter(([since]) => number(since) <= number(s.version))
      .map(([since, what]) => `${since}: ${what}`);
    const earlier =
      number(s.version) < 3007
        ? [
            'before 3.7: NOT_LEADER answers do not name the new leader (KIP-951)',
            'before 3.6: an ISR shrink bumps the leader epoch',
          ]
        : [];
    checks.warning(
      ['kafka', 'version'],
      `Kafka ${s.version} is played as 3.7, which differs in: ${[...later, ...earlier].join('; ') || 'nothing that is known here'}`,
      'read the result with these differences in mind, or set version: 3.7.1',
    );
  }
  const ids = new Set<number>();
  for (const b of s.brokers) {
    if (ids.has(b.id))
      checks.problem(
        ['kafka', 'brokers', b.id, 'id'],
        `broker ${b.id} is listed twice`,
        'give each broker its own id',
      );
    ids.add(b.id);
    checkDisks(b, checks);
  }
  const computed = checks.settings('jvm') !== undefined;
  for (const b of s.brokers) {
    if (computed && b.pageCache !== undefined)
      checks.problem(
        ['kafka', 'brokers', b.id, 'pageCache'],
        'a page cache, although the container, its heap and what the JVM keeps beside it leave just so much',
        'remove it, or leave out the jvm settings',
      );
    if (!computed && b.pageCache === undefined)
      checks.problem(
        ['kafka', 'brokers', b.id],
        'nothing says how much memory is left for the page cache',
        'give pageCache, such as 5GiB, or the jvm settings of models/jvm/kafka-jvm.yaml',
      );
  }
  const brokersLine = checks.lineOf(['kafka', 'brokers']);
  const voters =
    s.controllers.mode === 'combined'
      ? s.brokers.filter((b) => b.controller === true).map((b) => b.id)
      : (s.controllers.ids ?? []);
  if (voters.length === 0) {
    checks.problem(
      ['kafka', 'controllers'],
      'there is no quorum voter',
      s.controllers.mode === 'combined'
        ? 'set controller: true on at least one broker, better three'
        : 'list the node ids of the controllers under ids',
    );
  } else if (s.controllers.active !== undefined && !voters.includes(s.controllers.active)) {
    checks.problem(
      ['kafka', 'controllers', 'active'],
      `node ${s.controllers.active} is no voter`,
      `name one of ${voters.join(', ')}`,
    );
  }
  const { ids: dedicated = [], nodes: places } = s.controllers;
  if (places !== undefined && s.controllers.mode === 'combined')
    checks.problem(
      ['kafka', 'controllers', 'nodes'],
      'nodes of dedicated controllers, but the mode is combined',
      'remove nodes, or set mode: dedicated',
    );
  else if (places !== undefined && places.length !== dedicated.length)
    checks.problem(
      ['kafka', 'controllers', 'nodes'],
      `${places.length} nodes for ${dedicated.length} controllers`,
      'give one node for each of ids, in their order',
    );
  const nodes = checks.settings<{ nodes: readonly { name: string }[] }>('kubernetes')?.nodes;
  if (nodes !== undefined) {
    const names = new Set(nodes.map((n) => n.name));
    for (const place of places ?? []) {
      if (!names.has(place))
        checks.problem(
          ['kafka', 'controllers', 'nodes'],
          `there is no node ${place}`,
          `name one of kubernetes.nodes, such as ${nodes[0]?.name ?? 'a node that you add there'}`,
        );
    }
    for (const b of s.brokers) {
      if (!names.has(b.node)) {
        checks.problem(
          ['kafka', 'brokers', b.id, 'node'],
          `there is no node ${b.node}`,
          `name one of kubernetes.nodes, such as ${nodes[0]?.name ?? 'a node that you add there'}`,
        );
      }
    }
  }
  const curves = checks.settings<{ curves?: readonly { name: string }[] }>('workload')?.curves ?? [];
  const names = new Set<string>();
  for (const t of s.topics) {
    if (names.has(t.name))
      checks.problem(
        ['kafka', 'topics', t.name, 'name'],
        `topic ${t.name} is listed twice`,
        'give each topic its own name',
      );
    names.add(t.name);
    const rf = t.replicationFactor ?? s.config['default.replication.factor'];
    if (rf > s.brokers.length) {
      checks.problem(
        ['kafka', 'topics', t.name, ...(t.replicationFactor === undefined ? [] : ['replicationFactor'])],
        `${rf} replicas, but the cluster has ${s.brokers.length} brokers`,
        `lower it to ${s.brokers.length}, or raise kafka.brokers (line ${brokersLine})`,
      );
    }
    const minimum = t.minInSyncReplicas ?? s.config['min.insync.replicas'];
    if (t.minInSyncReplicas !== undefined && minimum > rf) {
      checks.problem(
        ['kafka', 'topics', t.name, 'minInSyncReplicas'],
        `${minimum} replicas must be in sync, but the topic has ${rf}`,
        `lower it to ${rf} or less`,
      );
    }
    if (t.producers?.['enable.idempotence'] === true && (t.acks ?? 'all') !== 'all') {
      checks.problem(
        ['kafka', 'topics', t.name, 'producers', 'enable.idempotence'],
        `idempotence with acks=${t.acks}: the producer refuses to start`,
        'write acks: all, or remove enable.idempotence',
      );
    }
    (t.coPartitioned ?? []).forEach((name, i) => {
      const other = s.topics.find((x) => x.name === name);
      if (other === undefined || other === t)
        checks.problem(
          ['kafka', 'topics', t.name, 'coPartitioned', i],
          other === t ? 'a topic is joined with itself' : `there is no topic ${name}`,
          'name other topics of kafka.topics',
        );
      else if (other.partitions !== t.partitions)
        checks.problem(
          ['kafka', 'topics', t.name, 'coPartitioned', i],
          `${name} has ${other.partitions} partitions, ${t.name} has ${t.partitions}: they are not co-partitioned`,
          'give both the same number of partitions, or remove the entry',
        );
    });
    if (t.keys === 'none' && t.coPartitioned !== undefined)
      checks.problem(
        ['kafka', 'topics', t.name, 'keys'],
        'records without keys are not co-partitioned with anything',
        'write keys: keyed, or remove coPartitioned',
      );
    if (t.curve !== undefined && !curves.some((c) => c.name === t.curve)) {
      checks.problem(
        ['kafka', 'topics', t.name, 'curve'],
        `there is no load curve ${t.curve}`,
        'name one of workload.curves',
      );
    }
    if (typeof t.shares === 'object' && 'measured' in t.shares) {
      if (t.shares.measured.length !== t.partitions) {
        checks.problem(
          ['kafka', 'topics', t.name, 'shares'],
          `${t.shares.measured.length} shares for ${t.partitions} partitions`,
          'give one share for each partition',
        );
      } else if (!t.shares.measured.some((x) => x > 0)) {
        checks.problem(
          ['kafka', 'topics', t.name, 'shares'],
          'all shares are 0',
          'give at least one partition a share',
        );
      }
    }
    if (t.messagesIn > 0 && t.bytesIn / t.messagesIn > s.config['message.max.bytes']) {
      checks.problem(
        ['kafka', 'topics', t.name, 'messagesIn'],
        `a message has ${Math.round(t.bytesIn / t.messagesIn)} bytes, and message.max.bytes is ${s.config['message.max.bytes']}: the broker refuses it`,
        `raise messagesIn, or message.max.bytes (line ${checks.lineOf(['kafka', 'config', 'message.max.bytes'])})`,
      );
    }
    if (t.bytesIn > 0 !== t.messagesIn > 0) {
      checks.problem(
        ['kafka', 'topics', t.name, 'messagesIn'],
        'bytes without messages, or messages without bytes',
        'set both bytesIn and messagesIn above 0, or both to 0',
      );
    }
  }
  for (const group of s.consumerGroups ?? []) {
    checkMembers(group, s.config, checks);
    for (const name of group.topics) {
      if (!names.has(name)) {
        checks.problem(
          ['kafka', 'consumerGroups', group.name, 'topics'],
          `there is no topic ${name}`,
          'name topics of kafka.topics',
        );
      }
    }
  }
  checkZones(s, checks);
  checkRetention(s, checks);
  checkThrottles(s, checks);
  if (s.assignment !== undefined)
    assignmentOf(s, checks.readText, (found, mend) => checks.problem(['kafka', 'assignment'], found, mend));
  const ceiling = fetcherCeiling(fetcherOf(s), s.timing.roundTrip, 100, 0);
  if (
    s.topics.reduce((sum, t) => sum + t.bytesIn, 0) >
    ceiling * s.brokers.length * s.config['num.replica.fetchers'] * s.brokers.length
  ) {
    checks.warning(
      ['kafka', 'fetcher', 'appendRate'],
      'the fetcher threads cannot carry the replication of this load',
      'raise num.replica.fetchers, or lower the load',
    );
  }
}

function checkZones(s: KafkaPartSettings, checks: Checks): void {
  const zones = checks.settings<{ nodes: readonly { zone: string }[] }>('kubernetes')?.nodes;
  const needsZone = (zone: string | undefined, path: readonly (string | number)[]) => {
    if (zone === undefined || zones === undefined || zones.some((n) => n.zone === zone)) return;
    checks.problem(path, `no node stands in zone ${zone}`, 'name a zone of kubernetes.nodes');
  };
  for (const t of s.topics) needsZone(t.zone, ['kafka', 'topics', t.name, 'zone']);
  const aware = (s.config['replica.selector.class'] ?? '').endsWith('RackAwareReplicaSelector');
  for (const g of s.consumerGroups ?? []) {
    const path = ['kafka', 'consumerGroups', g.name];
    needsZone(g.zone, [...path, 'zone']);
    if (g['client.rack'] === undefined) continue;
    if (!aware)
      checks.warning(
        [...path, 'client.rack'],
        'a client.rack, but the brokers let consumers read from leaders only',
        'set replica.selector.class: RackAwareReplicaSelector in kafka.config',
      );
    if (!s.brokers.some((b) => b.rack === g['client.rack']))
      checks.warning(
        [...path, 'client.rack'],
        `no broker has the rack ${g['client.rack']}: the group reads from leaders`,
        'name a rack of kafka.brokers',
      );
  }
}

type Broker = KafkaPartSettings['brokers'][number];

/** Log directories of a broker: those it lists, or the one of `disk` and `diskUsed`. */
export function directoriesIn(b: Broker): readonly DirectorySettings[] {
  const listed = b.logDirs ?? [{ size: b.disk ?? 0, used: b.diskUsed ?? 0, disk: 0 }];
  return listed.map((d, i) => ({
    name: d.name ?? directoryName(i),
    capacityBytes: d.size,
    usedBytes: d.used,
    disk: d.disk ?? i,
  }));
}

function checkDisks(b: Broker, checks: Checks): void {
  const at = ['kafka', 'brokers', b.id];
  if (b.logDirs === undefined) {
    for (const key of ['disk', 'diskUsed'] as const) {
      if (b[key] === undefined)
        checks.problem(
          at,
          `nothing says ${key}`,
          `give disk and diskUsed, such as 2.5TB and 1TB, or logDirs`,
        );
    }
    if (b.disk !== undefined && b.diskUsed !== undefined && b.diskUsed > b.disk) {
      checks.problem(
        [...at, 'diskUsed'],
        'more is used than the disk holds',
        'lower diskUsed, or raise disk',
      );
    }
    return;
  }
  for (const key of ['disk', 'diskUsed'] as const) {
    if (b[key] !== undefined)
      checks.problem(
        [...at, key],
        `${key} of one directory, although logDirs lists ${b.logDirs.length}`,
        `remove ${key}, or logDirs`,
      );
  }
  const kubernetes = checks.settings<KubernetesSettings>('kubernetes');
  const instance = kubernetes?.nodes.find((n) => n.name === b.node)?.instance;
  const types = checks.settings<HardwareSettings>('hardware')?.instanceTypes;
  const type = types?.find((t) => t.name === instance);
  const names = new Set<string>();
  directoriesIn(b).forEach((d, i) => {
    const listed = b.logDirs?.[i];
    // An entry is addressed by its name where it has one.
    const entry = [...at, 'logDirs', listed?.name ?? i];
    if (names.has(d.name)) {
      checks.problem(entry, `log directory ${d.name} is listed twice`, 'give each directory its own name');
      return;
    }
    names.add(d.name);
    if (d.usedBytes > d.capacityBytes)
      checks.problem(
        [...entry, 'used'],
        'more is used than the directory holds',
        'lower used, or raise size',
      );
    if (type !== undefined && d.disk >= (type.disks ?? 1))
      checks.problem(
        listed?.disk === undefined ? entry : [...entry, 'disk'],
        `disk ${d.disk}, but its node (${type.name}) has ${type.disks ?? 1}, counted from 0`,
        `name a disk below ${type.disks ?? 1}, or raise disks of hardware.instanceTypes`,
      );
  });
}

/** Facts that cannot hold together are played, and reported. */
function checkRetention(s: KafkaPartSettings, checks: Checks): void {
  let kept = 0;
  for (const t of s.topics) {
    const rf = t.replicationFactor ?? s.config['default.replication.factor'];
    const { micros, bytes } = retentionOf(t, s);
    const share = Math.min((t.bytesIn * micros) / 1e6, bytes * t.partitions);
    kept += rf * share;
  }
  const directories = s.brokers.flatMap(directoriesIn);
  const used = directories.reduce((sum, d) => sum + d.usedBytes, 0);
  const room = directories.reduce((sum, d) => sum + d.capacityBytes, 0);
  if (kept > room) {
    checks.warning(
      ['kafka', 'config', 'log.retention.hours'],
      `retention would keep ${(kept / 1e12).toFixed(1)} TB; the disks hold ${(room / 1e12).toFixed(1)} TB, and ${(used / 1e12).toFixed(1)} TB are used`,
      s.holdLogsAtInitialSize
        ? 'shorten the retention; until then each log is kept at its observed size'
        : 'shorten the retention, or set holdLogsAtInitialSize: true to keep each log at its observed size',
    );
  }
}

/** A throttle in bytes per second where somebody thought of another unit. */
function checkThrottles(s: KafkaPartSettings, checks: Checks): void {
  if (!s.topics.some((t) => t.throttledReplicas === '*')) return;
  const used = s.brokers.map((b) => directoriesIn(b).reduce((sum, d) => sum + d.usedBytes, 0));
  const most = used.reduce((x, y) => Math.max(x, y), 0);
  for (const key of ['leader.replication.throttled.rate', 'follower.replication.throttled.rate'] as const) {
    const rate = s.config[key];
    if (rate === undefined) continue;
    const mend = 'write the rate in bytes per second, such as 100000000';
    warnOfThrottle(
      rate,
      most,
      ', which is what the fullest broker holds',
      checks,
      ['kafka', 'config', key],
      mend,
    );
  }
}

function retentionOf(t: z.output<typeof topic>, s: KafkaPartSettings): { micros: number; bytes: number } {
  const general = s.config['log.retention.bytes'];
  return {
    micros: t.retention?.time ?? s.config['log.retention.hours'] * 3_600_000_000,
    bytes: t.retention?.bytes ?? (general === undefined || general < 0 ? Number.POSITIVE_INFINITY : general),
  };
}

function fetcherOf(s: KafkaPartSettings): ClusterSettings['fetcher'] {
  return {
    threads: s.config['num.replica.fetchers'],
    partitionBytes: s.config['replica.fetch.max.bytes'],
    responseBytes: s.config['replica.fetch.response.max.bytes'],
    appendRate: s.fetcher.appendRate,
  };
}

/** Broker rows by partition from a named file, or undefined when it has problems, which are told. */
function assignmentOf(
  s: KafkaPartSettings,
  readText: (path: string) => string | undefined,
  problem: (found: string, mend: string) => void,
): Int32Array | undefined {
  const path = s.assignment as string;
  const text = readText(path);
  if (text === undefined) {
    problem(
      `there is no file ${path}`,
      'name a file with the output of kafka-topics --describe, or a reassignment JSON',
    );
    return undefined;
  }
  const read = readAssignment(text, path);
  let good = true;
  const tell = (found: string, mend: string) => {
    good = false;
    problem(found, mend);
  };
  for (const p of read.problems.slice(0, 20)) tell(`${path}:${p.line}:${p.column} ${p.found}`, p.mend);
  if (!good) return undefined;
  const rf = (t: z.output<typeof topic>) => t.replicationFactor ?? s.config['default.replication.factor'];
  const stride = s.topics.reduce((most, t) => Math.max(most, rf(t)), 1);
  const row = new Map(s.brokers.map((b, i) => [b.id, i]));
  const first = new Map<string, number>();
  let partitions = 0;
  for (const t of s.topics) {
    first.set(t.name, partitions);
    partitions += t.partitions;
  }
  const byName = new Map(s.topics.map((t) => [t.name, t]));
  const rows = new Int32Array(partitions * stride).fill(-1);
  const seen = new Uint8Array(partitions);
  let told = 0;
  for (const p of read.partitions) {
    const t = byName.get(p.topic);
    if (t === undefined || told > 20) continue;
    const name = `${p.topic}-${p.partition}`;
    if (p.partition >= t.partitions) {
      told += 1;
      tell(
        `${path} places ${name}, but the topic has ${t.partitions} partitions`,
        'correct the file, or the number of partitions',
      );
      continue;
    }
    if (p.replicas.length !== rf(t)) {
      told += 1;
      tell(
        `${path} gives ${name} ${p.replicas.length} replicas, the topic has ${rf(t)}`,
        'correct the file, or the replication factor',
      );
      continue;
    }
    const at = (first.get(p.topic) ?? 0) + p.partition;
    seen[at] = 1;
    p.replicas.forEach((id, j) => {
      const b = row.get(id);
      if (b === undefined) {
        told += 1;
        tell(
          `${path} places ${name} on broker ${id}, which does not exist`,
          `use the ids of kafka.brokers: ${[...row.keys()].slice(0, 10).join(', ')}`,
        );
      } else rows[at * stride + j] = b;
    });
  }
  for (const t of s.topics) {
    const from = first.get(t.name) ?? 0;
    for (let i = 0; i < t.partitions && told <= 20; i += 1) {
      if (seen[from + i] === 1) continue;
      told += 1;
      tell(
        `${path} does not place ${t.name}-${i}`,
        'add the partition to the file, or remove assignment: to let the placer decide',
      );
    }
  }
  return good ? rows : undefined;
}

/** The groups that are listed, and those that the sinks of Connect form. */
function groupsOf(
  s: KafkaPartSettings,
  connect: ConnectPartSettings | undefined,
  topicRow: ReadonlyMap<string, number>,
): readonly GroupSettings[] {
  return [
    ...(s.consumerGroups ?? []).map((g) => groupOf(g, s, topicRow)),
    ...sinkGroups(connect).map((g) => groupOf(g, s, topicRow)),
  ];
}

type Group = NonNullable<KafkaPartSettings['consumerGroups']>[number];

function groupOf(g: Group, s: KafkaPartSettings, topicRow: ReadonlyMap<string, number>): GroupSettings {
  const members = membersOf(g, s.config, g.pollInterval);
  return {
    name: g.name,
    topics: topicsInOrder(g).map((name) => topicRow.get(name) ?? 0),
    catchUpFactor: g.catchUpFactor ?? s.consumers.catchUpFactor,
    pollMicros: g.pollInterval,
    clients: members?.subscriptions.length ?? g.clients ?? s.consumers.clients,
    fetchMinBytes: g['fetch.min.bytes'] ?? s.consumers['fetch.min.bytes'],
    fetchMaxWaitMicros: (g['fetch.max.wait.ms'] ?? s.consumers['fetch.max.wait.ms']) * 1000,
    ...(members === undefined ? {} : { members }),
    ...(g['client.rack'] === undefined ? {} : { rack: g['client.rack'] }),
    ...(g.zone === undefined ? {} : { zone: g.zone }),
    owner: g.owner ?? '',
  };
}

function create(s: KafkaPartSettings, context: BuildContext): KafkaCluster {
  const curves =
    (context.settings.workload as { curves?: readonly { name: string }[] } | undefined)?.curves ?? [];
  const { scale = 1 } = (context.settings.workload ?? {}) as { scale?: number };
  const topicRow = new Map(s.topics.map((t, i) => [t.name, i]));
  const producersOf = (
    own: Partial<z.output<typeof producers>> | undefined,
    acks: Acks,
  ): ProducerSettings => ({
    // A producer with other acks than all, which does not ask for it, has none (ProducerConfig.postProcessAndValidateIdempotenceConfigs).
    idempotent: acks === 'all' && (own?.['enable.idempotence'] ?? s.producers['enable.idempotence']),
    clients: own?.clients ?? s.producers.clients,
    bufferBytes: own?.['buffer.memory'] ?? s.producers['buffer.memory'],
    deliveryTimeoutMicros: (own?.['delivery.timeout.ms'] ?? s.producers['delivery.timeout.ms']) * 1000,
    requestTimeoutMicros: (own?.['request.timeout.ms'] ?? s.producers['request.timeout.ms']) * 1000,
    maxBlockMicros: (own?.['max.block.ms'] ?? s.producers['max.block.ms']) * 1000,
    retryBackoffMicros: (own?.['retry.backoff.ms'] ?? s.producers['retry.backoff.ms']) * 1000,
    // A larger batch is refused, and its producer splits it.
    batchBytes: Math.min(own?.['batch.size'] ?? s.producers['batch.size'], s.config['message.max.bytes']),
    requestBytes: own?.['max.request.size'] ?? s.producers['max.request.size'],
    lingerMicros: (own?.['linger.ms'] ?? s.producers['linger.ms']) * 1000,
    metadataMaxAgeMicros: (own?.['metadata.max.age.ms'] ?? s.producers['metadata.max.age.ms']) * 1000,
    inFlight:
      own?.['max.in.flight.requests.per.connection'] ?? s.producers['max.in.flight.requests.per.connection'],
  });
  const ever = partitionsEver(context.timeline);
  const topics = s.topics.map((t): TopicSettings => {
    const { micros, bytes } = retentionOf(t, s);
    let shares: Float64Array;
    if (t.shares === undefined || t.shares === 'even') shares = evenShares(t.partitions);
    else if ('zipf' in t.shares) shares = zipfShares(t.partitions, t.shares.zipf);
    else shares = measuredShares(t.shares.measured);
    return {
      name: t.name,
      partitions: t.partitions,
      ...(ever.has(t.name) ? { partitionsEver: ever.get(t.name) as number } : {}),
      keyed: t.keys !== 'none',
      ...(t.coPartitioned === undefined ? {} : { coPartitioned: t.coPartitioned }),
      ...(t.streams === undefined ? {} : { streams: t.streams }),
      replicationFactor: t.replicationFactor ?? s.config['default.replication.factor'],
      minInSyncReplicas: t.minInSyncReplicas ?? s.config['min.insync.replicas'],
      bytesInPerSecond: t.bytesIn * scale,
      messagesInPerSecond: t.messagesIn * scale,
      curve: t.curve === undefined ? -1 : curves.findIndex((c) => c.name === t.curve),
      shares,
      acks: (t.acks ?? 'all') as Acks,
      uncleanElection: t.uncleanElection ?? s.config['unclean.leader.election.enable'],
      retentionBytes: bytes,
      retentionMicros: micros,
      segmentBytes: t.segment?.bytes ?? s.config['log.segment.bytes'],
      segmentMicros: t.segment?.time ?? s.config['log.roll.hours'] * 3_600_000_000,
      throttled: t.throttledReplicas === '*',
      producers: producersOf(
        t.producers as Partial<z.output<typeof producers>> | undefined,
        (t.acks ?? 'all') as Acks,
      ),
      ...(t.zone === undefined ? {} : { zone: t.zone }),
      owner: t.owner ?? '',
    };
  });
  const factor = topics.reduce((most, t) => Math.max(most, t.replicationFactor), 1);
  const c = s.config;
  const { nodes } = context.settings.kubernetes as { nodes: readonly { name: string; zone: string }[] };
  const zones = new Map(nodes.map((n) => [n.name, n.zone]));
  const zoneOf = (node: string) => zones.get(node) ?? '';
  const voters =
    s.controllers.mode === 'combined'
      ? s.brokers.filter((b) => b.controller === true).map((b) => b.id)
      : (s.controllers.ids ?? []);
  return new KafkaCluster(context.sim, {
    version: s.version,
    brokers: s.brokers.map((b) => ({
      id: b.id,
      rack: b.rack ?? '',
      zone: zoneOf(b.node),
      controller: s.controllers.mode === 'combined' && b.controller === true,
      diskUsedBytes: b.diskUsed ?? 0,
      diskCapacityBytes: b.disk ?? 0,
      directories: directoriesIn(b),
      pageCacheBytes: b.pageCache ?? 0,
    })),
    dedicatedControllers:
      s.controllers.mode === 'dedicated'
        ? voters.map((id, i) => ({ id, zone: zoneOf(s.controllers.nodes?.[i] ?? '') }))
        : [],
    activeController: s.controllers.active ?? voters[0],
    autoLeaderRebalance: c['auto.leader.rebalance.enable'],
    topics,
    assignment: s.assignment === undefined ? undefined : assignmentOf(s, context.readText, () => {}),
    // Cruise Control may move any replica: all of the old and all of the new ones exist meanwhile.
    replicaPlaces: Math.max(
      context.settings.cruiseControl === undefined ? factor : 2 * factor,
      replicaPlaces(context, factor, s.brokers.length),
    ),
    groups: groupsOf(s, context.settings.connect as ConnectPartSettings | undefined, topicRow),
    timing: {
      roundTripMicros: s.timing.roundTrip,
      appendLingerMicros: c['controller.quorum.append.linger.ms'] * 1000,
      metadataPollMicros: s.timing.metadataPoll,
      heartbeatMicros: c['broker.heartbeat.interval.ms'] * 1000,
      sessionTimeoutMicros: c['broker.session.timeout.ms'] * 1000,
      replicaLagMaxMicros: c['replica.lag.time.max.ms'] * 1000,
      quorumFetchTimeoutMicros: c['controller.quorum.fetch.timeout.ms'] * 1000,
      fetchWaitMicros: c['replica.fetch.wait.max.ms'] * 1000,
      imbalanceCheckMicros: c['leader.imbalance.check.interval.seconds'] * 1_000_000,
      electionTimeoutMicros: c['controller.quorum.election.timeout.ms'] * 1000,
      electionBackoffMaxMicros: c['controller.quorum.election.backoff.max.ms'] * 1000,
      pageFlushMicros: s.timing.pageFlush,
      controllerFailoverMicros: s.timing.controllerFailover,
      closeMicros: s.timing.close,
      jvmStartMicros: s.timing.jvmStart,
      metadataReplayMicros: s.timing.metadataReplay,
      segmentLoadMicros: s.timing.segmentLoad,
      recoveryScanRate: s.timing.recoveryScan,
      fetchBeforeOnlineMicros: s.timing.fetchBeforeOnline,
      coordinatorLoadMicros: s.timing.coordinatorLoad,
    },
    fetcher: fetcherOf(s),
    requests: {
      networkThreads: c['num.network.threads'],
      ioThreads: c['num.io.threads'],
      queuedMax: c['queued.max.requests'],
      networkRequestRate: s.requests.networkRequestRate,
      ioRequestRate: s.requests.ioRequestRate,
      networkByteRate: s.requests.networkByteRate,
      ioByteRate: s.requests.ioByteRate,
      serviceVariability: s.requests.serviceVariability,
      tls: s.requests.tls,
      tlsRequestMicros: s.requests.tlsRequestTime,
      tlsByteRate: s.requests.tlsByteRate,
      coldReadRate: s.requests.coldReadRate,
    },
    leaderThrottleRate: c['leader.replication.throttled.rate'] ?? Number.POSITIVE_INFINITY,
    followerThrottleRate: c['follower.replication.throttled.rate'] ?? Number.POSITIVE_INFINITY,
    ...((c['replica.socket.receive.buffer.bytes'] ?? -1) > 0
      ? { receiveBufferBytes: c['replica.socket.receive.buffer.bytes'] as number }
      : {}),
    rackAwareReads: (c['replica.selector.class'] ?? '').endsWith('RackAwareReplicaSelector'),
    retentionCheckMicros: c['log.retention.check.interval.ms'] * 1000,
    fileDeleteDelayMicros: c['log.segment.delete.delay.ms'] * 1000,
    recoveryThreads: c['num.recovery.threads.per.data.dir'],
    holdLogsAtInitialSize: s.holdLogsAtInitialSize ?? false,
  });
}

export const kafkaPart: Part<KafkaPartSettings, KafkaCluster> = {
  name: 'kafka',
  says: 'a Kafka cluster in KRaft mode: brokers, topics, consumer groups and their load',
  around: 'kafka',
  needed: true,
  settings,
  refused: (key) => notPlayed.find(([keys]) => keys.test(key))?.[1],
  check,
  create,
  connect: (cluster, context) => {
    connectKafkaToHardware(cluster, context);
    cluster.connectCurves(context.models.workload as readonly LoadCurve[]);
    cluster.requests.measure(context.warmUp);
  },
  findings: (cluster) => [...partitionFindings(cluster), ...memberFindings(cluster.consumers.membership)],
  ahead: ['createPartitions', 'reassign'],
  actions: {
    createPartitions: {
      says: 'gives a topic more partitions, as kafka-topics --alter --partitions does: new ones are empty, nothing moves',
      on: (args: { readonly topic?: string }) =>
        resources('topic', args.topic === undefined ? undefined : [args.topic]),
      undo: {
        can: 'no',
        how: 'Kafka never takes partitions away from a topic; delete the topic and create it anew, which loses its records',
      },
      args: increaseArgs,
      check: checkIncrease,
      play: (cluster: KafkaCluster, args: IncreaseArgs) => playIncrease(cluster, args),
    } as never,
    reassign: {
      says: 'moves replicas, as kafka-reassign-partitions --execute --additional does, under a throttle or without',
      on: reassigned,
      undo: {
        can: 'yes',
        how: 'kafka-reassign-partitions --cancel rolls back what is under way; what has moved is moved back by the plan of its old replicas, which takes as long again',
      },
      busy: ['rehearse:reassignments'],
      args: reassignArgs,
      check: checkReassign,
      play: (cluster: KafkaCluster, args: ReassignArgs, context: BuildContext) =>
        playReassign(cluster, args, context),
    } as never,
    cancelReassignment: {
      says: 'cancels moves that are under way and removes their throttle, as kafka-reassign-partitions --cancel does',
      on: (args: { readonly topic?: string }) =>
        resources('topic', args.topic === undefined ? undefined : [args.topic]),
      undo: { can: 'yes', how: 'execute the plan again: it begins anew' },
      busy: ['rehearse:reassignments'],
      args: cancelArgs,
      check: checkCancel,
      play: (cluster: KafkaCluster, args: CancelArgs) => playCancel(cluster, args),
    } as never,
    resetConsumer: {
      says: "sets a consumer group's offsets back by a duration, as kafka-consumer-groups --reset-offsets does: it reads on from there",
      on: (args: { readonly group: string }) => resources('group', [args.group]),
      undo: {
        can: 'partly',
        how: 'reset the offsets forward to where they were; what has been read twice stays so',
      },
      args: resetArgs,
      check: (args: z.output<typeof resetArgs>, checks: Checks, at: readonly (string | number)[]) => {
        const groups = checks.settings<KafkaPartSettings>('kafka')?.consumerGroups ?? [];
        if (!groups.some((g) => g.name === args.group)) {
          checks.problem(
            [...at, 'group'],
            `there is no consumer group ${args.group}`,
            groups.length === 0
              ? 'add it to kafka.consumerGroups'
              : `name one of ${groups
                  .slice(0, 20)
                  .map((g) => g.name)
                  .join(', ')}`,
          );
        }
      },
      play: (cluster: KafkaCluster, args: z.output<typeof resetArgs>) => {
        cluster.consumers.reset(
          cluster.settings.groups.findIndex((g) => g.name === args.group),
          args.behind,
        );
      },
    } as never,
    ...memberActions,
  },
  setInsteadOfWarmed: [
    'log sizes (diskUsed, logDirs)',
    'segments and the phase of retention checks',
    'page cache',
    'consumer lag',
    'members of consumer groups: all running, with the first assignment of their assignor',
    'ISR membership: all in sync',
  ],
  catalogue: kafkaCatalogue,
  labels: kafkaLabels,
};
