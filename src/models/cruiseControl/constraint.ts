import { type NamePattern, namePattern } from '../../engine/namePattern.ts';
import { cpu, disk, nwIn, nwOut, type Resource } from './clusterModel.ts';

/**
 * Thresholds of the analyzer. Source of keys and defaults: Cruise Control 2.5 `AnalyzerConfig`.
 */
export const analyzerDefaults = {
  'cpu.balance.threshold': '1.10',
  'disk.balance.threshold': '1.10',
  'network.inbound.balance.threshold': '1.10',
  'network.outbound.balance.threshold': '1.10',
  'cpu.capacity.threshold': '0.7',
  'disk.capacity.threshold': '0.8',
  'network.inbound.capacity.threshold': '0.8',
  'network.outbound.capacity.threshold': '0.8',
  'cpu.low.utilization.threshold': '0.0',
  'disk.low.utilization.threshold': '0.0',
  'network.inbound.low.utilization.threshold': '0.0',
  'network.outbound.low.utilization.threshold': '0.0',
  'replica.count.balance.threshold': '1.10',
  'leader.replica.count.balance.threshold': '1.10',
  'topic.replica.count.balance.threshold': '3.00',
  'topic.replica.count.balance.min.gap': '2',
  'topic.replica.count.balance.max.gap': '40',
  'max.replicas.per.broker': '10000',
  'overprovisioned.min.extra.racks': '2',
  'overprovisioned.min.brokers': '3',
  'overprovisioned.max.replicas.per.broker': '1500',
  'min.topic.leaders.per.broker': '1',
  'topics.with.min.leaders.per.broker': '',
  'goal.balancedness.priority.weight': '1.1',
  'goal.balancedness.strictness.weight': '1.5',
} as const;

export type AnalyzerKey = keyof typeof analyzerDefaults;

export const isAnalyzerKey = (key: string): key is AnalyzerKey => Object.hasOwn(analyzerDefaults, key);

const prefixes: Readonly<Record<Resource, string>> = {
  [cpu]: 'cpu',
  [nwIn]: 'network.inbound',
  [nwOut]: 'network.outbound',
  [disk]: 'disk',
};

/** Share of a balance threshold beyond 1 that the distribution goals use, so that a cluster just balanced is not moved again. Source: `ResourceDistributionGoal.BALANCE_MARGIN`. */
const balanceMargin = 0.9;

function wholeName(pattern: string): NamePattern | undefined {
  if (pattern === '') return undefined;
  const read = namePattern(pattern);
  if (typeof read === 'string') throw new RangeError(`topics.with.min.leaders.per.broker: ${read}`);
  return read;
}

/** @throws RangeError on an unknown key or a value that is no number: whoever reads a request says so in its own words before */
export class Constraint {
  private readonly values: ReadonlyMap<string, string>;
  /** Whole names of topics; undefined where none is meant. */
  readonly topicsWithMinLeaders: NamePattern | undefined;

  constructor(config: Readonly<Record<string, string>> = {}) {
    const values = new Map<string, string>(Object.entries(analyzerDefaults));
    for (const [key, value] of Object.entries(config)) {
      if (!isAnalyzerKey(key)) throw new RangeError(`${key} is no key of the analyzer`);
      if (
        key !== 'topics.with.min.leaders.per.broker' &&
        (value.trim() === '' || !Number.isFinite(Number(value)))
      )
        throw new RangeError(`${key}: ${value} is no number`);
      values.set(key, value);
    }
    this.values = values;
    this.topicsWithMinLeaders = wholeName(values.get('topics.with.min.leaders.per.broker')!);
  }

  number(key: AnalyzerKey): number {
    return Number(this.values.get(key));
  }

  capacityThreshold(resource: Resource): number {
    return this.number(`${prefixes[resource]}.capacity.threshold` as AnalyzerKey);
  }

  balanceThreshold(resource: Resource): number {
    return this.number(`${prefixes[resource]}.balance.threshold` as AnalyzerKey);
  }

  lowUtilization(resource: Resource): number {
    return this.number(`${prefixes[resource]}.low.utilization.threshold` as AnalyzerKey);
  }
}

/** How far from the mean, as a share of it, a distribution goal lets a broker stand. */
export const allowedShare = (threshold: number): number => (threshold - 1) * balanceMargin;

/**
 * Most and least that a broker may have: ceil(a (1 + p)) and floor(a max(0, 1 - p)).
 *
 * @param average of the brokers that may take replicas
 * @param threshold above 1
 * Source: Cruise Control 2.5 `ReplicaDistributionAbstractGoal.balanceUpperLimit`, `balanceLowerLimit`.
 */
export function countLimits(
  average: number,
  threshold: number,
): { readonly upper: number; readonly lower: number } {
  const share = allowedShare(threshold);
  return { upper: Math.ceil(average * (1 + share)), lower: Math.floor(average * Math.max(0, 1 - share)) };
}

/**
 * The same for the replicas of one topic, held at least `minGap` and at most `maxGap` away from the average.
 * Source: Cruise Control 2.5 `TopicReplicaDistributionGoal.gapBasedBalanceLimit`.
 */
export function topicLimits(
  average: number,
  threshold: number,
  minGap: number,
  maxGap: number,
): { readonly upper: number; readonly lower: number } {
  const computed = countLimits(average, threshold);
  const clamp = (low: number, value: number, high: number) => Math.max(low, Math.min(value, high));
  return {
    upper: clamp(Math.ceil(average) + minGap, computed.upper, Math.ceil(average) + maxGap),
    lower: clamp(
      Math.max(0, Math.floor(average) - maxGap),
      computed.lower,
      Math.max(0, Math.floor(average) - minGap),
    ),
  };
}

/**
 * Utilization between which a distribution goal keeps a broker, as a share of its capacity.
 *
 * @param average load of the cluster over the capacity of the brokers that may take replicas
 * @param low at or below this average the cluster counts as hardly used: nothing is too little then
 * Source: Cruise Control 2.5 `GoalUtils.computeResourceUtilizationBalanceThreshold`.
 */
export function utilizationLimits(
  average: number,
  threshold: number,
  low: number,
): { readonly upper: number; readonly lower: number; readonly isLow: boolean } {
  const share = allowedShare(threshold);
  const upper = average * (1 + share);
  const isLow = average <= low;
  return {
    isLow,
    upper: isLow ? Math.max(upper, low * balanceMargin) : upper,
    lower: isLow ? 0 : average * Math.max(0, 1 - share),
  };
}
