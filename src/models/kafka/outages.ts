import type { Gauge } from '../../engine/gauge.ts';
import { eventClass, type Kind, type Simulation } from '../../engine/simulation.ts';
import type { ClusterTiming } from './settings.ts';

/**
 * The longest that a partition may be without a serving leader while all goes by the book: a voter misses the active controller and a new one
 * is elected, which then waits for the whole session of a broker that died with it before it elects another leader. Microseconds.
 *
 * Source: Kafka 3.7 `QuorumState` (fetch and election timeouts), `ClusterControlManager` (a new active controller starts every
 * session anew). Distributions count at their mean.
 */
export function failoverMicros(timing: ClusterTiming): number {
  return (
    timing.quorumFetchTimeoutMicros +
    2 * timing.electionTimeoutMicros +
    timing.controllerFailoverMicros.mean +
    timing.sessionTimeoutMicros
  );
}

/** Book of the partitions that are without a serving leader for longer than a failover takes. It watches, and changes nothing. */
export class Outages {
  /** Partition-seconds beyond a failover. */
  readonly seconds: Gauge;
  private readonly sim: Simulation;
  private readonly failover: number;
  /** By partition: when it lost its leader, microseconds; NaN while it has one. */
  private readonly since: Float64Array;
  /** By partition: 1 while it is without a leader for longer than a failover. */
  private readonly long: Uint8Array;
  private readonly look: Kind;
  /** Partitions in the order in which they lost their leader, and when; those before `first` have been looked at. */
  private waiting: number[] = [];
  private waitingSince: number[] = [];
  private first = 0;
  private count = 0;

  constructor(sim: Simulation, partitions: number, timing: ClusterTiming) {
    this.sim = sim;
    this.failover = Math.ceil(failoverMicros(timing));
    this.seconds = sim.gauge('rehearse:outage_partition_seconds_total', 1, { linear: true });
    this.since = new Float64Array(partitions).fill(Number.NaN);
    this.long = new Uint8Array(partitions);
    this.look = sim.on('kafka.outageIsLong', () => this.onLook(), eventClass.observer);
  }

  /** A partition lost its leader, or has one again. */
  note(p: number, led: boolean): void {
    if (led) {
      this.since[p] = Number.NaN;
      this.setLong(p, 0);
      return;
    }
    this.since[p] = this.sim.now;
    this.waiting.push(p);
    this.waitingSince.push(this.sim.now);
    if (this.waiting.length === 1) this.sim.after(this.failover, this.look);
  }

  private onLook(): void {
    const { waiting, waitingSince } = this;
    for (; this.first < waiting.length; this.first += 1) {
      const began = waitingSince[this.first];
      if (began + this.failover > this.sim.now) {
        this.sim.at(began + this.failover, this.look);
        return;
      }
      if (this.since[waiting[this.first]] === began) this.setLong(waiting[this.first], 1);
    }
    this.waiting = [];
    this.waitingSince = [];
    this.first = 0;
  }

  private setLong(p: number, long: 0 | 1): void {
    if (this.long[p] === long) return;
    this.long[p] = long;
    this.count += long === 1 ? 1 : -1;
    this.seconds.set(0, this.seconds.get(0), this.count);
  }
}
