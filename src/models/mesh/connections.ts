import type { Gauge } from '../../engine/gauge.ts';
import type { Handle, Kind, Simulation } from '../../engine/simulation.ts';
import type { Fleet } from './fleet.ts';
import { firstRefusal, madeInPlainText, refusals } from './handshakes.ts';
import type { ConnectionOptions, Namespace } from './settings.ts';

/** Why connections are closed that would have gone on. */
export const closings = ['restart', 'drain'] as const;

/** Source: Envoy drains a listener that has changed for so long: istio-proxy `--drain-time-s`, 45 s. */
export const drainMicros = 45e6;
/** How often a number that relaxes is set again, as a share of its time constant. */
const steps = 16;

/**
 * Connections between sidecars, as rates: each sidecar wants a number of connections to others, all alike; each lives for an exponential time, at most the longest that is
 * allowed, and is then wanted anew. Whether a new one is made depends on the two sides as they are now; one that is made keeps what it was made with, until
 * it ends. A refused one is a failed handshake, and its place stays empty until it would have ended.
 *
 * Simplified: clients and servers are drawn independently and evenly, so that the share refused is a share of ordered pairs.
 */
export class Connections {
  readonly open: Gauge;
  readonly handshakes: Gauge;
  readonly failures: Gauge;
  readonly closed: Gauge;
  readonly plaintext: Gauge;
  readonly plaintextShare: Gauge;
  readonly failureShare: Gauge;
  private readonly sim: Simulation;
  private readonly fleet: Fleet;
  private readonly namespaces: readonly Namespace[];
  private readonly meanMicros: number;
  private readonly wanted: number;
  /** Connections, when they were counted, and where they tend to. */
  private value: number;
  private at = 0;
  private target: number;
  private readonly shown = new Float64Array(firstRefusal + refusals.length).fill(Number.NaN);
  /** Plain-text clients that are refused, by namespace. */
  private readonly isRefused: boolean[];
  private stale = true;
  private tick: Handle = -1;
  private readonly relaxKind: Kind;
  private readonly drainedKind: Kind;
  private readonly plaintextDrainedKind: Kind;

  constructor(sim: Simulation, options: ConnectionOptions, namespaces: readonly Namespace[], fleet: Fleet) {
    this.sim = sim;
    this.fleet = fleet;
    this.namespaces = namespaces;
    const { lifetimeMicros, maxDurationMicros } = options;
    // An exponential life, cut at the longest.
    this.meanMicros = lifetimeMicros * -Math.expm1(-maxDurationMicros / lifetimeMicros);
    this.wanted = fleet.count * options.perSidecar;
    this.open = sim.gauge('rehearse:mesh_connections', 1, { linear: true });
    this.handshakes = sim.gauge('rehearse:mesh_handshakes_total', 1, { linear: true });
    this.failures = sim.gauge('rehearse:mesh_handshake_failures_total', refusals.length, { linear: true });
    this.closed = sim.gauge('rehearse:mesh_connections_closed_total', closings.length);
    this.plaintext = sim.gauge('rehearse:mesh_plaintext_connections', namespaces.length);
    this.plaintextShare = sim.gauge('rehearse:mesh_pairs_in_plain_text', 1);
    this.failureShare = sim.gauge('rehearse:mesh_pairs_refused', 1);
    this.isRefused = namespaces.map(() => false);
    this.relaxKind = sim.on('mesh.connections', () => this.relax());
    this.drainedKind = sim.on('mesh.drained', (_, __, share) =>
      this.close(closings.indexOf('drain'), share * this.now()),
    );
    this.plaintextDrainedKind = sim.on('mesh.plaintextDrained', (row) => this.onPlaintextDrained(row));
    fleet.onPairsChanged = () => {
      this.stale = true;
    };
    sim.beforeAdvance(() => {
      if (this.stale) this.settle();
      return false;
    });
    this.target = this.wanted * (1 - this.refusedShare());
    this.value = this.target;
  }

  private get squared(): number {
    return Math.max(1, this.fleet.count * this.fleet.count);
  }

  /** Share of ordered pairs that are refused now. */
  refusedShare(): number {
    const { pairs } = this.fleet.handshakes;
    let refused = 0;
    for (let code = firstRefusal; code < pairs.length; code += 1) refused += pairs[code]!;
    return refused / this.squared;
  }

  /** New connections a second that sidecars want. */
  private get rate(): number {
    return (this.wanted * 1e6) / this.meanMicros;
  }

  private refusedPlaintext(): number {
    let refused = 0;
    this.namespaces.forEach((n, row) => {
      if (this.isRefused[row]!) refused += n.plaintextConnections;
    });
    return (refused * 1e6) / this.meanMicros;
  }

  /** Connections that are open now. */
  private now(): number {
    const gone = (this.sim.now - this.at) / this.meanMicros;
    return this.target + (this.value - this.target) * Math.exp(-gone);
  }

  /** Once an instant, if any pair has changed: every rate anew. */
  private settle(): void {
    this.stale = false;
    const { pairs } = this.fleet.handshakes;
    let changed = false;
    for (let code = 0; code < pairs.length; code += 1)
      if (pairs[code] !== this.shown[code]) {
        this.shown[code] = pairs[code]!;
        changed = true;
      }
    if (changed) this.show();
  }

  private show(): void {
    const { fleet, squared } = this;
    const { pairs } = fleet.handshakes;
    const plaintextRefused = this.refusedPlaintext();
    this.handshakes.set(0, this.handshakes.get(0), this.rate + plaintextRefused);
    refusals.forEach((refusal, row) => {
      const slope =
        (this.rate * pairs[firstRefusal + row]!) / squared +
        (refusal === 'plain text to STRICT' ? plaintextRefused : 0);
      this.failures.set(row, this.failures.get(row), slope);
    });
    this.plaintextShare.set(0, pairs[madeInPlainText]! / squared);
    this.failureShare.set(0, this.refusedShare());
    this.turn(this.now(), this.wanted * (1 - this.refusedShare()));
  }

  /** From `value` now towards `target`. */
  private turn(value: number, target: number): void {
    this.value = value;
    this.at = this.sim.now;
    this.target = target;
    this.sim.cancel(this.tick);
    const step = Math.ceil(this.meanMicros / steps);
    if (Math.abs(value - target) <= 1e-6 * Math.max(1, this.wanted)) {
      this.value = target;
      this.open.set(0, target);
      return;
    }
    // A straight line to where it will be: exact at every step.
    const then = target + (value - target) * Math.exp(-step / this.meanMicros);
    this.open.set(0, value, ((then - value) / step) * 1e6);
    this.tick = this.sim.after(step, this.relaxKind);
  }

  private relax(): void {
    this.turn(this.now(), this.target);
  }

  /** Connections are closed before their time; their clients want them again at once. */
  private close(why: number, count: number): void {
    if (count === 0) return;
    const refused = this.refusedShare();
    this.closed.add(why, count);
    this.handshakes.add(0, count);
    const { pairs } = this.fleet.handshakes;
    for (let row = 0; row < refusals.length; row += 1)
      this.failures.add(row, (count * pairs[firstRefusal + row]!) / this.squared);
    this.turn(this.now() - count * refused, this.target);
  }

  /** A pod restarts: what it holds as a client and as a server is closed. */
  restarted(sidecars: number): void {
    this.close(closings.indexOf('restart'), (2 * sidecars * this.now()) / Math.max(1, this.fleet.count));
  }

  /** Listeners of so many servers have changed: what was there before is closed when the drain time is over. */
  listenersChanged(servers: number): void {
    if (servers === 0) return;
    const share = (servers / Math.max(1, this.fleet.count)) * Math.exp(-drainMicros / this.meanMicros);
    this.sim.after(drainMicros, this.drainedKind, 0, 0, share);
  }

  /** Whether clients without a sidecar may connect to a namespace. */
  setPlaintext(row: number, accepted: boolean): void {
    const { plaintextConnections } = this.namespaces[row]!;
    if (this.isRefused[row] === !accepted) return;
    this.isRefused[row] = !accepted;
    if (accepted) this.plaintext.set(row, plaintextConnections);
    else if (this.sim.now > 0) this.sim.after(drainMicros, this.plaintextDrainedKind, row);
    this.show();
  }

  /** As things are at the start. */
  startPlaintext(row: number, accepted: boolean): void {
    this.isRefused[row] = !accepted;
    this.plaintext.set(row, accepted ? this.namespaces[row]!.plaintextConnections : 0);
  }

  private onPlaintextDrained(row: number): void {
    if (!this.isRefused[row]!) return;
    this.closed.add(closings.indexOf('drain'), this.plaintext.get(row));
    this.plaintext.set(row, 0);
  }
}
