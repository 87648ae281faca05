import type { Stream } from '../../engine/simulation.ts';

/** A broker as the placer sees it. */
export interface PlaceableBroker {
  /** Row of the broker. */
  readonly row: number;
  /** Order inside its rack. */
  readonly id: number;
  /** Empty: no rack. */
  readonly rack: string;
  readonly fenced: boolean;
}

/**
 * Places replicas as KRaft does when a topic is created or grows: leaders striped over the racks, followers walking on
 * from there, everything shuffled when each unfenced broker has led once.
 *
 * Source: Kafka 3.7 `org.apache.kafka.metadata.placement.StripedReplicaPlacer`. The random offsets come from the given
 * stream: Kafka's own generator is not reproduced, so only the distribution of outcomes agrees.
 */
export class StripedReplicaPlacer {
  private readonly racks: Rack[] = [];
  private readonly order: Rack[];
  private readonly unfencedCount: number;
  private readonly brokerCount: number;
  private readonly draw: Stream;
  private epoch = 0;
  private rackOffset: number;

  constructor(brokers: readonly PlaceableBroker[], draw: Stream) {
    this.draw = draw;
    this.brokerCount = brokers.length;
    this.unfencedCount = brokers.filter((b) => !b.fenced).length;
    const names = [...new Set(brokers.map((b) => b.rack))].sort(compareText);
    for (const name of names) {
      const inRack = brokers.filter((b) => b.rack === name).sort((x, y) => x.id - y.id);
      this.racks.push({
        unfenced: new StripedList(
          inRack.filter((b) => !b.fenced).map((b) => b.row),
          draw,
        ),
        fenced: new StripedList(
          inRack.filter((b) => b.fenced).map((b) => b.row),
          draw,
        ),
      });
    }
    this.order = [...this.racks];
    this.rackOffset = this.racks.length === 0 ? 0 : below(draw, this.racks.length);
  }

  /**
   * Broker rows of one more partition, the leader first.
   * @throws RangeError when there are fewer usable brokers than replicas, or all are fenced
   */
  place(replicationFactor: number): number[] {
    if (replicationFactor > this.brokerCount) {
      throw new RangeError(
        `${replicationFactor} replicas, but only ${this.brokerCount} brokers can take one`,
      );
    }
    if (this.unfencedCount === 0) throw new RangeError('all brokers are fenced: none can lead');
    const racks = this.order;
    const result: number[] = [];
    let leaderRack = this.rackOffset;
    let leader = -1;
    for (let i = 0; i < racks.length && leader < 0; i += 1) {
      leaderRack = (this.rackOffset + i) % racks.length;
      leader = racks[leaderRack]!.unfenced.next(this.epoch);
    }
    result.push(leader);
    let at = this.rackOffset;
    let skippedLeaderRack = false;
    while (result.length < replicationFactor) {
      const rack = at % racks.length;
      at += 1;
      if (rack === leaderRack && !skippedLeaderRack && racks.length > 1) {
        skippedLeaderRack = true;
        continue;
      }
      const unfenced = racks[rack]!.unfenced.next(this.epoch);
      const chosen = unfenced >= 0 ? unfenced : racks[rack]!.fenced.next(this.epoch);
      if (chosen >= 0) result.push(chosen);
    }
    this.epoch += 1;
    this.rackOffset = (this.rackOffset + 1) % racks.length;
    if (this.epoch === this.unfencedCount && this.unfencedCount > 1) {
      shuffle(this.order, this.draw);
      for (const rack of this.racks) {
        rack.unfenced.shuffle();
        rack.fenced.shuffle();
      }
      this.epoch = 0;
    }
    return result;
  }
}

interface Rack {
  readonly unfenced: StripedList;
  readonly fenced: StripedList;
}

/** Brokers of one rack in rotating order; each is given once an epoch. */
class StripedList {
  private readonly brokers: number[];
  private readonly draw: Stream;
  private epoch = 0;
  private index = 0;
  private offset: number;

  constructor(brokers: number[], draw: Stream) {
    this.brokers = brokers;
    this.draw = draw;
    this.offset = brokers.length === 0 ? 0 : below(draw, brokers.length);
  }

  next(epoch: number): number {
    if (this.brokers.length === 0) return -1;
    if (this.epoch !== epoch) {
      this.epoch = epoch;
      this.index = 0;
      this.offset = (this.offset + 1) % this.brokers.length;
    }
    if (this.index >= this.brokers.length) return -1;
    const chosen = this.brokers[(this.index + this.offset) % this.brokers.length]!;
    this.index += 1;
    return chosen;
  }

  shuffle(): void {
    shuffle(this.brokers, this.draw);
    this.epoch = 0;
    this.index = 0;
    this.offset = this.brokers.length === 0 ? 0 : below(this.draw, this.brokers.length);
  }
}

function below(draw: Stream, count: number): number {
  return Math.min(count - 1, Math.floor(draw() * count));
}

/** Fisher and Yates. */
function shuffle<T>(list: T[], draw: Stream): void {
  for (let i = list.length - 1; i > 0; i -= 1) {
    const j = below(draw, i + 1);
    const kept = list[i]!;
    list[i] = list[j]!;
    list[j] = kept;
  }
}

/** By code unit: no locale. */
function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
