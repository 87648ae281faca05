/**
 * Who can talk to whom. Places are the brokers by row, then the dedicated controllers in their order; a controller of a combined node
 * shares its broker's place.
 *
 * Two cuts are known: a place that nothing reaches, as when its network card fails, and two zones that no longer reach each other. Cuts of one
 * thing are counted, so that overlapping faults end in any order. Clients reach every broker that is not isolated: they are
 * taken to run in every zone.
 */
export class Connectivity {
  private readonly zones: readonly string[];
  private readonly zoneOf: Int32Array;
  private readonly isolated: Int32Array;
  private readonly cuts: Int32Array;
  private cutCount = 0;
  /** Something was cut or mended. */
  onChange: () => void = () => {};

  /** @param zoneOfPlace the zone of each place, by its name */
  constructor(zoneOfPlace: readonly string[]) {
    this.zones = [...new Set(zoneOfPlace)];
    this.zoneOf = Int32Array.from(zoneOfPlace, (zone) => this.zones.indexOf(zone));
    this.isolated = new Int32Array(zoneOfPlace.length);
    this.cuts = new Int32Array(this.zones.length * this.zones.length);
  }

  /** Whether anything is cut at all. */
  get whole(): boolean {
    return this.cutCount === 0;
  }

  reaches(from: number, to: number): boolean {
    if (from === to || this.cutCount === 0) return true;
    if (this.isolated[from] > 0 || this.isolated[to] > 0) return false;
    return this.cuts[this.zoneOf[from] * this.zones.length + this.zoneOf[to]] === 0;
  }

  /** Whether clients reach a place. */
  reachable(place: number): boolean {
    return this.isolated[place] === 0;
  }

  /** Nothing reaches a place any more. */
  isolate(place: number): void {
    this.isolated[place] += 1;
    this.count(1);
  }

  rejoin(place: number): void {
    this.isolated[place] -= 1;
    this.count(-1);
  }

  /** Two zones no longer reach each other. */
  cut(zone: string, other: string): void {
    this.change(zone, other, 1);
  }

  mend(zone: string, other: string): void {
    this.change(zone, other, -1);
  }

  private change(zone: string, other: string, delta: 1 | -1): void {
    const a = this.zones.indexOf(zone);
    const b = this.zones.indexOf(other);
    // A zone without a broker or a controller has nothing to lose.
    if (a < 0 || b < 0 || a === b) return;
    this.cuts[a * this.zones.length + b] += delta;
    this.cuts[b * this.zones.length + a] += delta;
    this.count(delta);
  }

  private count(delta: 1 | -1): void {
    this.cutCount += delta;
    this.onChange();
  }
}
