import type { FlowNetwork, LinkId } from '../../engine/flows.ts';
import type { Gauge } from '../../engine/gauge.ts';
import type { Handle, Kind, Simulation } from '../../engine/simulation.ts';

/** One direction of a network card. */
export interface NicSettings {
  readonly baselineBytesPerSecond: number;
  readonly burstBytesPerSecond: number;
  /** How long full burst lasts from full credit, microseconds. */
  readonly burstMicros: number;
}

/**
 * Network cards with a baseline, a burst and a credit for each direction: above the baseline the credit drains by the excess, below it
 * fills by what is left; without credit the card runs at its baseline until one second of burst has been saved.
 *
 * Source: Amazon EC2 User Guide, "Network I/O credit mechanism" (a baseline and burst on credits); the size of the credit is not
 * published. Simplified: the two directions have credits of their own.
 */
export class Nics {
  readonly credit: Gauge;
  readonly headroom: Gauge;
  readonly bytes: Gauge;
  readonly links: readonly LinkId[];
  private readonly sim: Simulation;
  private readonly network: FlowNetwork;
  private readonly settings: readonly NicSettings[];
  private readonly full: Float64Array;
  private readonly bursting: Uint8Array;
  private readonly timers: (Handle | undefined)[];
  private readonly turn: Kind;
  private readonly lastUsed: Float64Array;

  /** @param settings by row; a row is one direction of one node */
  constructor(sim: Simulation, network: FlowNetwork, settings: readonly NicSettings[]) {
    this.sim = sim;
    this.network = network;
    this.settings = settings;
    const n = settings.length;
    this.credit = sim.gauge('rehearse:nic_credit_bytes', n, { linear: true });
    this.headroom = sim.gauge('rehearse:nic_baseline_headroom_ratio', n);
    this.bytes = sim.gauge('node_network_bytes_total', n, { linear: true });
    this.full = Float64Array.from(
      settings,
      (s) => ((s.burstBytesPerSecond - s.baselineBytesPerSecond) * s.burstMicros) / 1e6,
    );
    this.bursting = new Uint8Array(n);
    this.timers = new Array(n);
    this.lastUsed = new Float64Array(n);
    this.links = settings.map((s, row) => {
      this.bursting[row] = this.full[row] > 0 ? 1 : 0;
      this.credit.set(row, this.full[row]);
      this.headroom.set(row, 1);
      return network.link(
        `nic ${row}`,
        this.bursting[row] === 1 ? s.burstBytesPerSecond : s.baselineBytesPerSecond,
      );
    });
    this.turn = sim.on('hardware.nicCredit', (row) => {
      this.timers[row] = undefined;
      this.update(row, true);
    });
    let seen = -1;
    sim.beforeAdvance(() => {
      if (network.changes === seen) return false;
      seen = network.changes;
      let changed = false;
      for (let row = 0; row < n; row += 1) {
        if (network.used(this.links[row]) !== this.lastUsed[row]) {
          changed = true;
          this.update(row, false);
        }
      }
      return changed;
    });
  }

  private update(row: number, due: boolean): void {
    const { baselineBytesPerSecond: baseline, burstBytesPerSecond: burst } = this.settings[row];
    const used = this.network.used(this.links[row]);
    this.lastUsed[row] = used;
    this.bytes.set(row, this.bytes.get(row), used);
    this.headroom.set(row, 1 - used / baseline);
    let credit = Math.min(this.full[row], Math.max(0, this.credit.get(row)));
    const second = Math.min(this.full[row], burst - baseline);
    if (due && this.bursting[row] === 1 && credit < 1) {
      credit = 0;
      this.bursting[row] = 0;
    } else if (this.bursting[row] === 0 && this.full[row] > 0 && credit >= second - 1) this.bursting[row] = 1;
    this.network.setCapacity(this.links[row], this.bursting[row] === 1 ? burst : baseline);
    const slope = baseline - used;
    const grows = slope > 0 && credit < this.full[row];
    const drains = slope < 0 && credit > 0;
    this.credit.set(row, credit, grows || drains ? slope : 0);
    const timer = this.timers[row];
    if (timer !== undefined) this.sim.cancel(timer);
    this.timers[row] = undefined;
    let wait = Number.POSITIVE_INFINITY;
    if (drains) wait = credit / -slope;
    else if (grows) wait = ((this.bursting[row] === 1 ? this.full[row] : second) - credit) / slope;
    const micros = Math.max(1, Math.ceil(wait * 1e6));
    if (this.sim.now + micros < Number.MAX_SAFE_INTEGER)
      this.timers[row] = this.sim.after(micros, this.turn, row);
  }
}
