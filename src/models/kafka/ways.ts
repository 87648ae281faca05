/** The network between brokers, by broker row, as whoever knows it answers now. */
export interface BrokerNetwork {
  /** Zone of each broker's node. */
  readonly zones: readonly string[];
  /** Dollars for a byte that goes from one zone to another. */
  readonly dollarsPerByte: number;
  /** Round trip between two zones, microseconds; undefined: the usual one. */
  readonly roundTripMicros: (a: string, b: string) => number | undefined;
  /** Bytes per second that one connection between two zones can have; Infinity where nothing limits it. */
  readonly connectionRate: (a: string, b: string) => number;
}

/**
 * Round trips and limits between brokers, by the zones that they stand in. Without a network every pair has the usual round trip and no limit.
 */
export class Ways {
  /** Zone row of each broker, and the zones' names. */
  readonly zone: Int32Array;
  zoneNames: readonly string[] = [''];
  dollarsPerByte = 0;
  /** Whether every pair has the usual round trip. */
  uniform = true;
  /** The least rate of a connection between any two zones. */
  leastRate = Number.POSITIVE_INFINITY;
  readonly usualMicros: number;
  private network: BrokerNetwork | undefined;
  private roundTrips = new Float64Array(1);
  private rates = new Float64Array(1);

  constructor(brokers: number, usualMicros: number) {
    this.zone = new Int32Array(brokers);
    this.usualMicros = usualMicros;
    this.roundTrips[0] = usualMicros;
    this.rates[0] = Number.POSITIVE_INFINITY;
  }

  connect(network: BrokerNetwork): void {
    this.network = network;
    this.zoneNames = [...new Set(network.zones)];
    network.zones.forEach((zone, b) => {
      this.zone[b] = this.zoneNames.indexOf(zone);
    });
    this.dollarsPerByte = network.dollarsPerByte;
    const n = this.zoneNames.length;
    this.roundTrips = new Float64Array(n * n).fill(this.usualMicros);
    this.rates = new Float64Array(n * n).fill(Number.POSITIVE_INFINITY);
  }

  /** Asks the network again. */
  update(): void {
    const { network, zoneNames } = this;
    if (network === undefined) return;
    const n = zoneNames.length;
    this.roundTrips = new Float64Array(n * n);
    this.rates = new Float64Array(n * n);
    this.uniform = true;
    this.leastRate = Number.POSITIVE_INFINITY;
    zoneNames.forEach((a, i) => {
      zoneNames.forEach((b, j) => {
        const micros = network.roundTripMicros(a, b) ?? this.usualMicros;
        if (micros !== this.usualMicros) this.uniform = false;
        this.roundTrips[i * n + j] = micros;
        this.rates[i * n + j] = network.connectionRate(a, b);
        this.leastRate = Math.min(this.leastRate, this.rates[i * n + j]);
      });
    });
  }

  roundTripMicros(a: number, b: number): number {
    return this.roundTrips[this.zone[a] * this.zoneNames.length + this.zone[b]];
  }

  /** Bytes per second that one connection between two brokers can have; Infinity where nothing limits it. */
  connectionRate(a: number, b: number): number {
    return this.rates[this.zone[a] * this.zoneNames.length + this.zone[b]];
  }
}
