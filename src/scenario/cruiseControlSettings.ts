import { z } from 'zod';
import { namePattern } from '../engine/namePattern.ts';
import { nearest } from '../formats/nearest.ts';
import { type AnalyzerKey, isAnalyzerKey } from '../models/cruiseControl/constraint.ts';
import type { ResourceLoad } from '../models/cruiseControl/description.ts';
import { type GoalName, goalNames, isGoalName } from '../models/cruiseControl/goals/index.ts';
import { bytesPerKb, bytesPerMb } from '../models/cruiseControl/loads.ts';
import type { Checks } from './checks.ts';
import type { HardwareSettings } from './parts/hardware.ts';
import { directoriesIn, type KafkaPartSettings } from './parts/kafka.ts';
import type { KubernetesSettings } from './parts/kubernetes.ts';
import type { StrimziSettings } from './parts/strimzi.ts';
import { nodeOf } from './podOptions.ts';
import { q } from './quantity.ts';

/** Goals that Cruise Control has beside them, and why they are refused. */
const notPlayed: readonly (readonly [RegExp, string])[] = [
  [/^BrokerSetAwareGoal$/, 'broker sets are not modelled'],
  [/^IntraBroker/, 'moves between the disks of one broker are not modelled'],
  [/^KafkaAssigner/, 'the mode kafka_assigner is not modelled'],
];

/** `default.goals` as Strimzi writes them. Source: Strimzi 0.42 `CruiseControlConfiguration`. */
export const defaultGoals: readonly GoalName[] = [
  'RackAwareGoal',
  'MinTopicLeadersPerBrokerGoal',
  'ReplicaCapacityGoal',
  'DiskCapacityGoal',
  'NetworkInboundCapacityGoal',
  'NetworkOutboundCapacityGoal',
  'CpuCapacityGoal',
  'ReplicaDistributionGoal',
  'PotentialNwOutGoal',
  'DiskUsageDistributionGoal',
  'NetworkInboundUsageDistributionGoal',
  'NetworkOutboundUsageDistributionGoal',
  'CpuUsageDistributionGoal',
  'TopicReplicaDistributionGoal',
  'LeaderReplicaDistributionGoal',
  'LeaderBytesInDistributionGoal',
  'PreferredLeaderElectionGoal',
];

/** `hard.goals` as Strimzi writes them. Source: Strimzi 0.42 `CruiseControlConfiguration`. */
export const defaultHardGoals: readonly GoalName[] = [
  'RackAwareGoal',
  'ReplicaCapacityGoal',
  'DiskCapacityGoal',
  'NetworkInboundCapacityGoal',
  'NetworkOutboundCapacityGoal',
  'CpuCapacityGoal',
];

const balance = q.number({ min: 1 }).optional();
const capacityShare = q.number({ min: 1e-6, max: 1 }).optional();
const lowShare = q.number({ min: 0, max: 1 }).optional();
/** Powers of it are summed up: 18 goals of such a weight still have a sum. The limits are a guess. */
const weight = q.number({ min: 1e-3, max: 1e3 }).optional();
const pieces = q.count({ min: 0 }).optional();

/** Cruise Control's own keys for the analyzer, as they stand in cruisecontrol.properties. Source: Cruise Control 2.5 `AnalyzerConfig`. */
const analyzerKeys = {
  'cpu.balance.threshold': balance,
  'disk.balance.threshold': balance,
  'network.inbound.balance.threshold': balance,
  'network.outbound.balance.threshold': balance,
  'replica.count.balance.threshold': balance,
  'leader.replica.count.balance.threshold': balance,
  'topic.replica.count.balance.threshold': balance,
  'topic.replica.count.balance.min.gap': pieces,
  'topic.replica.count.balance.max.gap': pieces,
  'cpu.capacity.threshold': capacityShare,
  'disk.capacity.threshold': capacityShare,
  'network.inbound.capacity.threshold': capacityShare,
  'network.outbound.capacity.threshold': capacityShare,
  'cpu.low.utilization.threshold': lowShare,
  'disk.low.utilization.threshold': lowShare,
  'network.inbound.low.utilization.threshold': lowShare,
  'network.outbound.low.utilization.threshold': lowShare,
  'max.replicas.per.broker': q.count({ min: 1 }).optional(),
  'overprovisioned.min.extra.racks': pieces,
  'overprovisioned.min.brokers': pieces,
  'overprovisioned.max.replicas.per.broker': pieces,
  'goal.balancedness.priority.weight': weight,
  'goal.balancedness.strictness.weight': weight,
  'min.topic.leaders.per.broker': pieces,
  'topics.with.min.leaders.per.broker': z
    .string()
    .superRefine((text, context) => {
      const read = namePattern(text);
      if (typeof read === 'string')
        context.addIssue({ code: 'custom', message: read, params: { mend: 'correct it, or leave it out' } });
    })
    .optional(),
} satisfies Readonly<Record<AnalyzerKey, z.ZodType>>;
export const analyzerConfig = z.strictObject(analyzerKeys);

const resources = {
  cpu: q.cpu({ min: 0.001 }).optional(),
  inboundNetwork: q.byteRate({ min: 1 }).optional(),
  outboundNetwork: q.byteRate({ min: 1 }).optional(),
};

/** What brokers can carry, as `brokerCapacity` of Strimzi's Kafka resource says it. */
const capacity = z.strictObject({
  ...resources,
  overrides: z
    .array(z.strictObject({ brokers: z.array(q.count({ min: 0 })).min(1), ...resources }))
    .optional(),
});

const goal = z.enum(goalNames as [GoalName, ...GoalName[]]);

/** Settings of the analyzer, for the settings of the part. */
export const analyzerSettings = {
  capacity: capacity.optional().meta({
    description:
      'what a broker can carry; absent: the CPU request of its container, and 10000KiB/s each way as Strimzi writes it',
  }),
  goals: z.array(goal).min(1).optional(),
  hardGoals: z.array(goal).optional(),
  config: analyzerConfig.optional(),
};
const analyzer = z.strictObject(analyzerSettings);
export type AnalyzerSettings = z.output<typeof analyzer>;

/** Cross-checks of the analyzer's settings at `cruiseControl`. */
export function checkAnalyzer(s: AnalyzerSettings, checks: Checks): void {
  const known = checks.settings<KafkaPartSettings>('kafka')?.brokers.map((b) => b.id);
  const seen = new Set<number>();
  (s.capacity?.overrides ?? []).forEach((o, i) => {
    for (const id of o.brokers) {
      const at = ['cruiseControl', 'capacity', 'overrides', i, 'brokers'];
      if (known?.includes(id) === false)
        checks.problem(at, `there is no broker ${id}`, `name one of ${known.slice(0, 20).join(', ')}`);
      if (seen.has(id)) checks.problem(at, `broker ${id} has two overrides`, 'give each broker one');
      seen.add(id);
    }
  });
  for (const key of ['goals', 'hardGoals'] as const) {
    for (const { found, mend } of goalListProblems(s[key] ?? []))
      checks.problem(['cruiseControl', key], found, mend);
  }
}

/** What is wrong with a list of goals; each with the place in the list. */
export function goalListProblems(
  goals: readonly string[],
): { readonly place: number; readonly found: string; readonly mend: string }[] {
  return goals.flatMap((goal, place) => {
    if (!isGoalName(goal)) {
      const refused = notPlayed.find(([names]) => names.test(goal));
      if (refused !== undefined) return [{ place, found: `${goal}: ${refused[1]}`, mend: 'leave it out' }];
      const near = nearest(goal, goalNames);
      return [
        {
          place,
          found: `there is no goal ${goal || 'without a name'}`,
          mend: near === undefined ? `name some of ${goalNames.join(', ')}` : `write ${near}`,
        },
      ];
    }
    return goals.indexOf(goal) < place
      ? [{ place, found: `${goal} is listed twice`, mend: 'keep the place that it shall have in the order' }]
      : [];
  });
}

/** The analyzer's keys among those of Cruise Control's configuration, with values as it holds them. */
export function configOf(
  config: Readonly<Record<string, string | number | boolean | readonly string[] | undefined>> | undefined,
): Readonly<Record<string, string>> {
  return Object.fromEntries(
    Object.entries(config ?? {}).flatMap(([key, value]) =>
      value === undefined || !isAnalyzerKey(key) ? [] : [[key, String(value)]],
    ),
  );
}

/** Strimzi's default of what a broker's network carries each way, bytes per second. Source: Strimzi 0.42 `Capacity`, 10000KiB/s. */
const defaultNetwork = 10_000 * bytesPerKb;

/**
 * What each broker can carry, in the order of kafka.brokers, as the capacity file says that Strimzi writes: CPU from the settings, else the
 * container's request, else its limit, else one core; disks by the size of their volumes in whole MiB.
 * Source: Strimzi 0.42 `Capacity`.
 * @param settings of all parts, as a run has them
 */
export function capacitiesOf(settings: Readonly<Record<string, unknown>>): ResourceLoad[] {
  const kafka = settings.kafka as KafkaPartSettings;
  const own = (settings.cruiseControl as AnalyzerSettings | undefined)?.capacity;
  const container = (settings.strimzi as StrimziSettings | undefined)?.resources;
  return kafka.brokers.map((b) => {
    const over = own?.overrides?.find((o) => o.brokers.includes(b.id));
    const disks = directoriesIn(b).map((d) => Math.floor(d.capacityBytes / bytesPerMb));
    return {
      cpu: 100 * (over?.cpu ?? own?.cpu ?? container?.cpuRequest ?? container?.cpuLimit ?? 1),
      nwIn: (over?.inboundNetwork ?? own?.inboundNetwork ?? defaultNetwork) / bytesPerKb,
      nwOut: (over?.outboundNetwork ?? own?.outboundNetwork ?? defaultNetwork) / bytesPerKb,
      disk: disks.reduce((sum, mb) => sum + mb, 0),
    };
  });
}

/** The instance type of each broker's node, in the order of kafka.brokers. */
function instancesOf(settings: Readonly<Record<string, unknown>>) {
  const kafka = settings.kafka as KafkaPartSettings;
  const kubernetes = settings.kubernetes as KubernetesSettings | undefined;
  const hardware = settings.hardware as HardwareSettings | undefined;
  return kafka.brokers.map((b) => ({ id: b.id, instance: nodeOf(b.id, kafka, kubernetes, hardware) }));
}

/** What a reader should know of the capacity of a network that nobody stated; empty when somebody did, or the goal is about something else. */
export function unstatedNetwork(
  settings: Readonly<Record<string, unknown>>,
  goal: string,
): readonly string[] {
  const own = (settings.cruiseControl as AnalyzerSettings | undefined)?.capacity;
  const key = goal.startsWith('NetworkInbound')
    ? 'inboundNetwork'
    : goal.startsWith('NetworkOutbound')
      ? 'outboundNetwork'
      : undefined;
  if (key === undefined || own?.[key] !== undefined) return [];
  return [
    `nothing states what the network carries, so that Strimzi's default of 10000KiB/s holds: set cruiseControl.capacity.${key}`,
  ];
}

/** Cores that each broker's process may use, in the order of kafka.brokers: the container's limit, else those of its node. */
export function usableCores(settings: Readonly<Record<string, unknown>>): number[] {
  const limit = (settings.strimzi as StrimziSettings | undefined)?.resources?.cpuLimit;
  return instancesOf(settings).map(({ instance }) => limit ?? instance?.cores ?? 1);
}

/** Bytes per second that each broker's node moves at most, by broker id: what its network card bursts to. */
export function networkRates(settings: Readonly<Record<string, unknown>>): ReadonlyMap<number, number> {
  return new Map(
    instancesOf(settings).map(({ id, instance }) => [
      id,
      instance?.network.burst ?? Number.POSITIVE_INFINITY,
    ]),
  );
}
