import type { Handle, Kind, Simulation } from '../../engine/simulation.ts';
import { tcpRate, tunedWindowBytes } from './tcp.ts';

/** What is known of the way between two zones; undefined: nothing of its own. */
export interface WaySettings {
  readonly roundTripMicros: number | undefined;
  /** Share of segments at which a burst of loss begins, 0 to 1. */
  readonly loss: number;
}

export interface NetworkSettings {
  /** Any two different zones. */
  readonly betweenZones: WaySettings;
  readonly withinZone: WaySettings;
  /** Pairs of zones with something of their own, which may be one zone twice. */
  readonly pairs: readonly ({ readonly zones: readonly [string, string] } & Partial<WaySettings>)[];
  /** Dollars for a byte that goes from one zone to another, both directions of the bill together. */
  readonly dollarsPerByte: number;
}

/** Loss that comes in bursts: two states, each with its loss, and exponential stays in them. */
export interface BurstyLoss {
  readonly good: number;
  readonly bad: number;
  readonly goodStayMicros: number;
  readonly badStayMicros: number;
}

interface Way {
  readonly name: string;
  readonly inside: boolean;
  roundTripMicros: number | undefined;
  loss: number;
  bursts: BurstyLoss | undefined;
  isBad: boolean;
  turn: Handle | undefined;
}

/**
 * The network between zones, by pair of zones: round trip, loss, price. Both directions of a pair are alike.
 *
 * Loss that comes in bursts follows E. N. Gilbert (1960) and E. O. Elliott (1963): a good and a bad state with a loss each, here with exponential
 * stays in time. Each pair draws its stays from streams of its own.
 */
export class ZoneNetwork {
  readonly dollarsPerByte: number;
  /** Something about a pair of zones changed. */
  onChange: () => void = () => {};
  private readonly sim: Simulation;
  private readonly settings: NetworkSettings;
  private readonly ways = new Map<string, Way>();
  private readonly byIndex: Way[] = [];
  private readonly turns: Kind;

  constructor(sim: Simulation, settings: NetworkSettings) {
    this.sim = sim;
    this.settings = settings;
    this.dollarsPerByte = settings.dollarsPerByte;
    this.turns = sim.on('hardware.lossTurns', (index) => this.onTurn(index));
    for (const { zones, roundTripMicros, loss } of settings.pairs) {
      const way = this.way(zones[0], zones[1]);
      if (roundTripMicros !== undefined) way.roundTripMicros = roundTripMicros;
      if (loss !== undefined) way.loss = loss;
    }
  }

  private way(a: string, b: string): Way {
    const key = a < b ? `${a}/${b}` : `${b}/${a}`;
    let found = this.ways.get(key);
    if (found === undefined) {
      const inside = a === b;
      const general = inside ? this.settings.withinZone : this.settings.betweenZones;
      found = {
        name: key,
        inside,
        roundTripMicros: general.roundTripMicros,
        loss: general.loss,
        bursts: undefined,
        isBad: false,
        turn: undefined,
      };
      this.ways.set(key, found);
      this.byIndex.push(found);
    }
    return found;
  }

  /** Round trip between two zones, microseconds; undefined where nothing says it. */
  roundTripMicros(a: string, b: string): number | undefined {
    return this.way(a, b).roundTripMicros;
  }

  loss(a: string, b: string): number {
    return this.way(a, b).loss;
  }

  /**
   * Bytes per second that one connection between two zones can have.
   * @param usualMicros the round trip where the pair has none of its own
   * @param windowBytes receive window that the application sets; undefined: Linux tunes it
   */
  connectionRate(a: string, b: string, usualMicros: number, windowBytes: number | undefined): number {
    const { loss, roundTripMicros } = this.way(a, b);
    return tcpRate(loss, roundTripMicros ?? usualMicros, windowBytes ?? tunedWindowBytes);
  }

  /** Loss between two zones from now on, share of segments; ends loss in bursts. */
  setLoss(a: string, b: string, loss: number): void {
    const way = this.way(a, b);
    this.endBursts(way);
    this.lose(way, loss);
  }

  /** Round trip between two zones from now on, microseconds; undefined: nothing of its own. */
  setRoundTrip(a: string, b: string, micros: number | undefined): void {
    const way = this.way(a, b);
    if (way.roundTripMicros === micros) return;
    way.roundTripMicros = micros;
    this.tell(way);
    this.onChange();
  }

  /** Loss between two zones comes in bursts from now on; it begins in the good state. */
  setBurstyLoss(a: string, b: string, bursts: BurstyLoss): void {
    const way = this.way(a, b);
    this.endBursts(way);
    way.bursts = bursts;
    way.isBad = false;
    this.lose(way, bursts.good);
    this.stay(way);
  }

  /** The pair is again what the settings say. */
  restore(a: string, b: string): void {
    const way = this.way(a, b);
    const general = way.inside ? this.settings.withinZone : this.settings.betweenZones;
    const own = this.settings.pairs.find(({ zones: [x, y] }) => (x === a && y === b) || (x === b && y === a));
    this.setLoss(a, b, own?.loss ?? general.loss);
    this.setRoundTrip(a, b, own?.roundTripMicros ?? general.roundTripMicros);
  }

  private lose(way: Way, loss: number): void {
    if (way.loss === loss) return;
    way.loss = loss;
    this.tell(way);
    this.onChange();
  }

  private tell(way: Way): void {
    const trip = way.roundTripMicros === undefined ? '' : `round trip ${way.roundTripMicros / 1000} ms, `;
    this.sim.tell('hardware.networkChanged', way.name, `${trip}loss ${(way.loss * 100).toFixed(3)} %`);
  }

  private endBursts(way: Way): void {
    if (way.turn !== undefined) this.sim.cancel(way.turn);
    way.turn = undefined;
    way.bursts = undefined;
  }

  private stay(way: Way): void {
    const bursts = way.bursts as BurstyLoss;
    const u = this.sim.stream(`network/${way.name}`, way.isBad ? 'badStay' : 'goodStay')();
    const mean = way.isBad ? bursts.badStayMicros : bursts.goodStayMicros;
    const micros = Math.max(1, Math.round(-mean * Math.log1p(-u)));
    way.turn = this.sim.after(micros, this.turns, this.byIndex.indexOf(way));
  }

  private onTurn(index: number): void {
    const way = this.byIndex[index];
    way.turn = undefined;
    const bursts = way.bursts as BurstyLoss;
    way.isBad = !way.isBad;
    this.lose(way, way.isBad ? bursts.bad : bursts.good);
    this.stay(way);
  }
}
