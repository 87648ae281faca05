import type { ResourceLoad } from './description.ts';

/** Cruise Control counts traffic in units of 1024 bytes, whatever it calls them. Source: Cruise Control 2.5 `HolderUtils.convertUnit`. */
export const bytesPerKb = 1024;
/** The same of sizes. */
export const bytesPerMb = 1_048_576;

/**
 * How much a byte costs the processor: one that a leader takes in, one that it sends, one that a follower takes in.
 * Source: Cruise Control 2.5 `MonitorConfig`, defaults of `leader.network.inbound.weight.for.cpu.util` and the two beside it.
 */
const weight = { leaderIn: 0.7, leaderOut: 0.15, followerIn: 0.15 } as const;

/** What Cruise Control measures of a broker: bytes per second, or any other unit throughout. */
export interface BrokerRates {
  /** From producers to what the broker leads. */
  readonly leaderIn: number;
  /** From what it leads to consumers and followers. */
  readonly leaderOut: number;
  /** To its followers. */
  readonly followerIn: number;
  /** Busy cores as a share of those that it may use, 0 to 1. */
  readonly cpuShare: number;
}

/**
 * Processor of a partition's leader, percent of one core: the broker's, shared out by weighted bytes.
 *
 *     cpu = 100·cores·u · (wi·min(Lin, pin) + wo·min(Lout, pout)) / (wi·Lin + wo·Lout + wf·Fin)
 *
 * @param cores of the broker's capacity, which need not be those that `cpuShare` is a share of
 * @param partitionIn pin, from producers
 * @param partitionOut pout, to consumers and followers
 * @returns 0 where the broker takes in or sends nothing as a leader
 *
 * Source: Cruise Control 2.5 `ModelUtils.estimateLeaderCpuUtilPerCore`, `SamplingUtils.estimateLeaderCpuUtil`. A partition that is above
 * its broker's rate by more than 5 % loses its sample there; here a broker's rate is the sum of its partitions'.
 */
export function leaderCpu(
  broker: BrokerRates,
  cores: number,
  partitionIn: number,
  partitionOut: number,
): number {
  const { leaderIn, leaderOut, followerIn, cpuShare } = broker;
  if (leaderIn === 0 || leaderOut === 0) return 0;
  const own =
    weight.leaderIn * Math.min(leaderIn, partitionIn) + weight.leaderOut * Math.min(leaderOut, partitionOut);
  const all = weight.leaderIn * leaderIn + weight.leaderOut * leaderOut + weight.followerIn * followerIn;
  return (100 * cores * cpuShare * own) / all;
}

/**
 * What a follower costs its broker, from what the leader costs: it takes in and keeps the same, sends nothing, and needs the processor for
 * what comes in alone.
 *
 * Source: Cruise Control 2.5 `Replica.getFollowerLoadFromLeader`, `ModelUtils.getFollowerCpuUtilFromLeaderLoad`.
 */
export function followerLoad(leader: ResourceLoad): ResourceLoad {
  const { cpu, nwIn, nwOut, disk } = leader;
  const all = weight.leaderIn * nwIn + weight.leaderOut * nwOut;
  return { cpu: all === 0 ? 0 : (cpu * weight.followerIn * nwIn) / all, nwIn, nwOut: 0, disk };
}
