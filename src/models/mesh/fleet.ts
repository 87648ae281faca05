import type { Gauge } from '../../engine/gauge.ts';
import { Histogram } from '../../engine/histogram.ts';
import type { Handle, Kind, Simulation, Stream } from '../../engine/simulation.ts';
import type { Authorities } from './authority.ts';
import {
  attemptsInside,
  insideBackoff,
  meanRoundMicros,
  outsideBackoff,
  untilNextAttempt,
} from './backoff.ts';
import { Earliest } from './earliest.ts';
import { Handshakes, type Side, type Transport } from './handshakes.ts';
import { type Istiod, leafBackdatedMicros } from './istiod.ts';
import { RatePeak } from './ratePeak.ts';
import type { Group, MeshOptions } from './settings.ts';

/**
 * What an agent is doing: it has a certificate and a timer; it makes a key or waits to ask again; its request is at istiod; Envoy is being given the answer;
 * or nobody can answer.
 */
const state = { valid: 0, apart: 1, asking: 2, swapping: 3, waiting: 4 } as const;

/** What is told of the times that Envoys took to use a new secret. */
export const swapBounds = ['min', 'mean', 'max'] as const;

const none = -1;

/**
 * When an agent renews, after it has stored a certificate: at the end of its life less a share of it, the share being the grace and an even jitter of either
 * sign, cut to 0 and 1. All times by the agent's clock. Source: Istio `security/pkg/nodeagent/cache/secretcache.go`, rotateTime.
 */
export function rotationDelay(
  created: number,
  expire: number,
  now: number,
  grace: number,
  jitter: number,
  u: number,
): number {
  const ratio = Math.min(1, Math.max(0, grace + jitter * (2 * u - 1)));
  return Math.max(0, expire - ratio * (expire - created) - now);
}

/**
 * The certificates of all sidecars, a row each: what Envoy presents, what it trusts, and the one timer of its agent.
 *
 * An agent's timer drops the certificate it keeps and asks for a new one, while Envoy goes on with the old. There is no timer after a failure: Envoy's
 * reconnects ask again, and while no replica can answer they are not played, since they change nothing. Source: Istio
 * `secretcache.go` and `sdsservice.go`. Simplified: dates of certificates are not cut to whole seconds.
 */
export class Fleet {
  readonly count: number;
  readonly handshakes: Handshakes;
  /** Row of the group of each sidecar, by which it has a namespace. */
  readonly groupOf: Int32Array;
  readonly namespaceOf: Int32Array;
  readonly nodeOf: Int32Array;
  readonly issuer: Int32Array;
  readonly trust: Int32Array;
  readonly notBefore: Float64Array;
  readonly notAfter: Float64Array;
  readonly state: Uint8Array;
  /** By namespace: sidecars that have had a certificate of the wanted signer since it is wanted. */
  readonly rolled: Gauge;
  readonly stale: Gauge;
  readonly expired: Gauge;
  readonly expiredSeconds: Gauge;
  readonly remaining: Gauge;
  readonly waitingAgents: Gauge;
  readonly peak: Gauge;
  readonly p99: Gauge;
  readonly renewals: Gauge;
  /** Rows of `swapBounds`. */
  readonly swapSeconds: Gauge;
  /** Raised by every change of what pairs of sidecars make of each other. */
  onPairsChanged: () => void = () => {};
  onAllRolled: () => void = () => {};
  private readonly sim: Simulation;
  private readonly options: MeshOptions;
  private readonly authorities: Authorities;
  private readonly istiod: Istiod;
  private readonly groups: readonly Group[];
  private readonly transports: Transport[];
  /** Different clocks, as microseconds ahead of true time, which is the first; bits of the masks below. */
  /** A sidecar has no certificate that is valid by its own clock any more, or has one again. */
  onLack: (sidecar: number, lacks: boolean) => void = () => {};
  private readonly clocks: number[] = [0];
  private readonly clockOf: Int32Array;
  private readonly classOf: Int32Array;
  /** The one thing that is planned for each sidecar, and when; infinite while its agent waits. */
  private readonly plan: Float64Array;
  private readonly planAt: Float64Array;
  /** When a clock next sees another validity of its certificate, and the event at it, where that comes before the plan. */
  private readonly changeAt: Float64Array;
  private readonly change: Float64Array;
  private readonly lacks: Uint8Array;
  private readonly replica: Int16Array;
  private readonly connected: Int32Array;
  /** Attempts of the request, and requests that failed in a row. */
  private readonly attempts: Uint8Array;
  private readonly failures: Uint16Array;
  /** When the request that is on its way was sent, and what came back. */
  private readonly since: Float64Array;
  private readonly nextIssuer: Int32Array;
  private readonly nextTrust: Int32Array;
  private readonly nextNotBefore: Float64Array;
  private readonly nextNotAfter: Float64Array;
  private readonly earliest: Earliest;
  private readonly latencies = new Histogram();
  private readonly rates: readonly RatePeak[];
  private wanted: number;
  private readonly rolledBy: Uint8Array;
  private rolledCount: number;
  private staleCount = 0;
  private waitingCount = 0;
  private inFlight = 0;
  private inFlightMost = 0;
  private expiredCount = 0;
  private shownEarliest = Number.NaN;
  private minute: Handle = none;
  private readonly arriveKind: Kind;
  private readonly reviewedKind: Kind;
  private readonly signedKind: Kind;
  private readonly timedOutKind: Kind;
  private readonly swappedKind: Kind;
  private readonly changeKind: Kind;
  private readonly authorityKind: Kind;
  private readonly minuteKind: Kind;
  private readonly jitters: Stream;
  private readonly swapDraws: Stream;
  private readonly swaps = { count: 0, sum: 0 };
  private readonly backoffs: Stream;

  constructor(sim: Simulation, options: MeshOptions, authorities: Authorities, istiod: Istiod) {
    this.sim = sim;
    this.options = options;
    this.authorities = authorities;
    this.istiod = istiod;
    this.groups = options.groups;
    let count = 0;
    for (const g of options.groups) count += g.sidecars;
    this.count = count;
    this.groupOf = new Int32Array(count);
    this.namespaceOf = new Int32Array(count);
    this.nodeOf = new Int32Array(count);
    this.clockOf = new Int32Array(count);
    this.issuer = new Int32Array(count).fill(options.signer);
    this.trust = new Int32Array(count).fill(options.roots);
    this.notBefore = new Float64Array(count);
    this.notAfter = new Float64Array(count);
    this.state = new Uint8Array(count);
    this.classOf = new Int32Array(count).fill(none);
    this.plan = new Float64Array(count).fill(none);
    this.planAt = new Float64Array(count);
    this.changeAt = new Float64Array(count).fill(Number.POSITIVE_INFINITY);
    this.change = new Float64Array(count).fill(none);
    this.lacks = new Uint8Array(count);
    this.replica = new Int16Array(count);
    this.connected = new Int32Array(options.istiod.replicas);
    this.attempts = new Uint8Array(count);
    this.failures = new Uint16Array(count);
    this.since = new Float64Array(count);
    this.nextIssuer = new Int32Array(count);
    this.nextTrust = new Int32Array(count);
    this.nextNotBefore = new Float64Array(count);
    this.nextNotAfter = new Float64Array(count);
    this.earliest = new Earliest(count, 0);
    this.wanted = options.signer;
    this.rolledBy = new Uint8Array(count).fill(1);
    this.rolledCount = count;
    this.rolled = sim.gauge('rehearse:mesh_certificates_rolled', options.namespaces.length);
    this.stale = sim.gauge('rehearse:mesh_certificates_stale', 1);
    this.expired = sim.gauge('rehearse:mesh_certificates_expired', 1);
    this.expiredSeconds = sim.gauge('rehearse:mesh_certificate_expired_seconds_total', 1, { linear: true });
    this.remaining = sim.gauge('rehearse:mesh_certificate_remaining_seconds', 1, { linear: true });
    this.waitingAgents = sim.gauge('rehearse:mesh_agents_waiting', 1);
    this.peak = sim.gauge('rehearse:csr_rate_peak', 2);
    this.p99 = sim.gauge('rehearse:csr_p99_seconds', 1);
    this.renewals = sim.gauge('rehearse:mesh_certificates_issued_total', options.namespaces.length);
    this.swapSeconds = sim.gauge('rehearse:mesh_swap_seconds', swapBounds.length);
    for (let row = 0; row < swapBounds.length; row += 1) this.swapSeconds.set(row, Number.NaN);
    this.rates = [new RatePeak(1e6), new RatePeak(60e6)];
    this.p99.set(0, Number.NaN);
    this.arriveKind = sim.on('mesh.request', (i) => this.onArrive(i));
    this.reviewedKind = sim.on('mesh.authenticated', (i) => this.onReviewed(i));
    this.signedKind = sim.on('mesh.signed', (i) => this.onSigned(i));
    this.timedOutKind = sim.on('mesh.timedOut', (i) => this.onTimedOut(i));
    this.swappedKind = sim.on('mesh.swapped', (i) => this.onSwapped(i));
    this.changeKind = sim.on('mesh.validity', (i) => this.onChange(i));
    this.authorityKind = sim.on('mesh.authorityValidity', () => this.onAuthority());
    this.minuteKind = sim.on('mesh.minute', () => this.onMinute());
    this.jitters = sim.stream('agents', 'jitter');
    this.swapDraws = sim.stream('agents', 'swap');
    this.backoffs = sim.stream('agents', 'backoff');
    this.handshakes = new Handshakes(authorities, (clock) => sim.now + this.clocks[clock]!);
    this.transports = this.groups.map(() => 'tls');
    this.place();
    istiod.onUnblocked = () => this.release();
    istiod.onStopped = (replica) => this.dropRequests(replica);
    sim.invariant('one timer per certificate', () => this.checkPlans());
  }

  /** Puts sidecars on nodes in turn, gives each its clock, and its certificate as it is at the start. */
  private place(): void {
    const { options, sim } = this;
    const names = options.namespaces.map((n) => n.name);
    let i = 0;
    this.groups.forEach((g, row) => {
      const namespace = names.indexOf(g.namespace);
      for (let k = 0; k < g.sidecars; k += 1, i += 1) {
        this.groupOf[i] = row;
        this.namespaceOf[i] = namespace;
        this.nodeOf[i] = i % options.nodes;
        this.replica[i] = i % options.istiod.replicas;
        this.connected[this.replica[i]!]! += 1;
      }
    });
    const clockOfNode = options.skews.map((skew) => this.clockRow(skew));
    const ages = sim.stream('agents', 'age');
    const { start, ttlMicros, graceRatio, jitter } = options.agents;
    for (i = 0; i < this.count; i += 1) {
      this.clockOf[i] = clockOfNode[this.nodeOf[i]!]!;
      const u = this.jitters();
      const delay = rotationDelay(0, ttlMicros, 0, graceRatio, jitter, u);
      // In the long run an agent is anywhere between two renewals; after a restart its certificate is as old as the restart.
      const age =
        start === 'steady'
          ? Math.floor(ages() * delay)
          : Math.round(start.restartedAgoMicros - ages() * start.overMicros);
      this.notBefore[i] = -age - leafBackdatedMicros;
      const { clampsToIssuer } = options.istiod;
      const most = clampsToIssuer
        ? this.authorities.rows[options.signer]!.notAfter
        : Number.POSITIVE_INFINITY;
      this.notAfter[i] = Math.min(-age + ttlMicros, most);
      this.earliest.set(i, this.notAfter[i]!);
      const due = rotationDelay(-age, this.notAfter[i]!, -age, graceRatio, jitter, u) - age;
      this.planTo(i, Math.max(0, Math.round(due)) + options.agents.keyGenMicros, this.arriveKind);
    }
    for (const g of this.groups) this.rolled.add(names.indexOf(g.namespace), g.sidecars);
    this.showRemaining();
    for (let row = 0; row < this.authorities.rows.length; row += 1) this.watchAuthority(row);
    for (i = 0; i < this.count; i += 1) this.judge(i);
    this.showMemory();
  }

  private clockRow(skew: number): number {
    const known = this.clocks.indexOf(skew);
    if (known >= 0) return known;
    this.clocks.push(skew);
    return this.clocks.length - 1;
  }

  namespaceName(row: number): string {
    return this.options.namespaces[row]!.name;
  }

  /** Sidecars of a group from now on are reached like this. */
  setTransport(group: number, transport: Transport): void {
    this.transports[group] = transport;
    for (let i = 0; i < this.count; i += 1) if (this.groupOf[i] === group) this.judge(i);
  }

  // Validity, as others see it.

  private skewOf(i: number): number {
    return this.clocks[this.clockOf[i]!]!;
  }

  /** Looks at the certificate of a sidecar by every clock, and counts it among those that are like it. */
  private judge(i: number): void {
    const { sim, clocks } = this;
    let expired = 0;
    let early = 0;
    let next = Number.POSITIVE_INFINITY;
    if (this.issuer[i]! >= 0)
      for (let c = 0; c < clocks.length; c += 1) {
        const from = this.notBefore[i]! - clocks[c]!;
        const until = this.notAfter[i]! - clocks[c]!;
        if (sim.now < from) {
          early |= 1 << c;
          next = Math.min(next, from);
        } else if (sim.now < until) next = Math.min(next, until);
        else expired |= 1 << c;
      }
    if (this.change[i] !== none) this.sim.cancel(this.change[i]!);
    this.change[i] = none;
    this.changeAt[i] = next;
    if (next < this.planAt[i]!) this.watch(i);
    this.countLack(i, this.issuer[i]! < 0 || (expired & 1) === 1);
    const before = this.classOf[i]!;
    const side: Side = {
      issuer: this.issuer[i]!,
      expired,
      early,
      trust: this.trust[i]!,
      clock: this.clockOf[i]!,
      transport: this.transports[this.groupOf[i]!]!,
    };
    if (before >= 0 && isLike(this.handshakes.sideOf(before), side)) return;
    const cls = this.handshakes.classOf(side);
    if (before >= 0) this.handshakes.remove(before);
    this.handshakes.add(cls);
    this.classOf[i] = cls;
    this.onPairsChanged();
  }

  /** What happens to a sidecar next. */
  private planTo(i: number, time: number, kind: Kind): void {
    this.plan[i] = this.sim.at(time, kind, i);
    this.planAt[i] = time;
    if (this.changeAt[i]! < time && this.change[i] === none) this.watch(i);
  }

  /** A change of validity is an event of its own where it comes before what is planned: most certificates never come near their end. */
  private watch(i: number): void {
    this.change[i] = this.sim.at(this.changeAt[i]!, this.changeKind, i);
  }

  private countLack(i: number, lacks: boolean): void {
    if ((this.lacks[i] === 1) === lacks) return;
    this.lacks[i] = lacks ? 1 : 0;
    this.onLack(i, lacks);
    this.expiredCount += lacks ? 1 : -1;
    this.expired.set(0, this.expiredCount);
    this.expiredSeconds.set(0, this.expiredSeconds.get(0), this.expiredCount);
  }

  private onChange(i: number): void {
    this.change[i] = none;
    this.judge(i);
  }

  /** An authority begins and ends, for each clock at its own time. */
  watchAuthority(row: number, clocks: readonly number[] = this.clocks): void {
    const { authorities, sim } = this;
    for (const skew of clocks)
      for (const time of [authorities.chainFrom(row) - skew, authorities.chainUntil(row) - skew])
        if (time > sim.now && time < Number.MAX_SAFE_INTEGER) sim.at(time, this.authorityKind, row);
  }

  private onAuthority(): void {
    this.handshakes.recount();
    this.onPairsChanged();
  }

  /** The clock of a node is put forward or back: its agents and Envoys go by it from now on. */
  setClock(node: number, skew: number): void {
    const row = this.clocks.indexOf(skew);
    const clock = this.clockRow(skew);
    if (row < 0) this.watchAuthority(this.istiod.secret.signer, [skew]);
    for (let i = 0; i < this.count; i += 1) if (this.nodeOf[i] === node) this.clockOf[i] = clock;
    for (let i = 0; i < this.count; i += 1) this.judge(i);
    this.onAuthority();
  }

  // Renewal.

  /** The agent drops what it keeps and asks anew; Envoy goes on with the old certificate. */
  renew(i: number): void {
    const { sim } = this;
    this.leave(i);
    this.state[i] = state.apart;
    this.attempts[i] = 0;
    this.failures[i] = 0;
    this.planTo(i, sim.now + this.options.agents.keyGenMicros, this.arriveKind);
    this.judge(i);
  }

  /** Whatever an agent was about is given up. */
  private leave(i: number): void {
    this.sim.cancel(this.plan[i]!);
    this.plan[i] = none;
    if (this.state[i] === state.asking) this.inFlight -= 1;
    if (this.state[i] === state.waiting) this.countWaiting(-1);
  }

  /** The pod starts again: there is no certificate until the first answer. */
  restart(i: number): void {
    this.setIssuer(i, none);
    this.earliest.set(i, this.sim.now);
    this.renew(i);
    this.showRemaining();
  }

  /** The trust bundle comes over XDS: it counts at once, and the certificate is issued anew. Source: Istio `UpdateConfigTrustBundle`. */
  pushTrust(i: number, roots: number): void {
    this.trust[i] = roots;
    this.renew(i);
  }

  pushTrustToAll(roots: number, replica?: number): void {
    for (let i = 0; i < this.count; i += 1)
      if (replica === undefined || this.replica[i] === replica) this.pushTrust(i, roots);
  }

  private onArrive(i: number): void {
    const { sim, istiod } = this;
    const to = istiod.block === undefined ? istiod.replicaFor(i, this.replica[i]!) : none;
    if (to < 0) {
      this.wait(i);
      return;
    }
    if (to !== this.replica[i]) {
      this.connected[this.replica[i]!]! -= 1;
      this.connected[to]! += 1;
      this.replica[i] = to;
    }
    this.rates.forEach((rate, row) => {
      this.peak.set(row, rate.add(sim.now));
    });
    if (this.minute === none) this.minute = sim.at(nextMinute(sim.now), this.minuteKind);
    this.since[i] = sim.now;
    const wait = istiod.review(to, this.options.agents.requestTimeoutMicros);
    if (wait === undefined) {
      // Unauthenticated: not tried again inside the request.
      this.askLater(i);
      return;
    }
    this.state[i] = state.asking;
    this.inFlight += 1;
    this.inFlightMost = Math.max(this.inFlightMost, this.inFlight);
    this.planTo(i, sim.now + wait, this.reviewedKind);
  }

  private onReviewed(i: number): void {
    const { sim } = this;
    const end = this.istiod.schedule(this.replica[i]!);
    const deadline = this.since[i]! + this.options.agents.requestTimeoutMicros;
    if (end <= deadline) {
      this.planTo(i, end, this.signedKind);
      return;
    }
    // Who gives up does not know that the work goes on: a certificate is issued that nobody takes.
    this.istiod.issued.add(this.replica[i]!, 1);
    this.planTo(i, Math.max(sim.now, deadline), this.timedOutKind);
  }

  private onTimedOut(i: number): void {
    this.inFlight -= 1;
    this.tryAgain(i);
  }

  /** The next attempt of the same request, or, after the fifth, Envoy's next stream. */
  private tryAgain(i: number): void {
    this.attempts[i]! += 1;
    if (this.attempts[i]! >= attemptsInside) {
      this.askLater(i);
      return;
    }
    this.state[i] = state.apart;
    const wait = insideBackoff(this.attempts[i]!, this.backoffs());
    this.planTo(i, this.sim.now + wait, this.arriveKind);
  }

  private askLater(i: number): void {
    const wait = outsideBackoff(this.failures[i]!, this.backoffs());
    this.failures[i] = Math.min(1000, this.failures[i]! + 1);
    this.attempts[i] = 0;
    this.state[i] = state.apart;
    this.planTo(i, this.sim.now + wait + this.options.agents.keyGenMicros, this.arriveKind);
  }

  private onSigned(i: number): void {
    const { sim, istiod, options } = this;
    this.inFlight -= 1;
    this.latencies.add((sim.now - this.since[i]!) / 1e6);
    const leaf = istiod.sign(this.replica[i]!, options.agents.ttlMicros);
    if (leaf === undefined) {
      if (istiod.block === undefined) this.tryAgain(i);
      else this.wait(i);
      return;
    }
    this.nextIssuer[i] = leaf.issuer;
    this.nextTrust[i] = leaf.roots;
    this.nextNotBefore[i] = leaf.notBefore;
    this.nextNotAfter[i] = leaf.notAfter;
    this.since[i] = sim.now;
    this.state[i] = state.swapping;
    const swap = Math.max(1, Math.round(options.agents.swap.sample(this.swapDraws())));
    this.countSwap(swap / 1e6);
    this.planTo(i, sim.now + swap, this.swappedKind);
  }

  private countSwap(seconds: number): void {
    const { swapSeconds } = this;
    this.swaps.count += 1;
    this.swaps.sum += seconds;
    const least = swapSeconds.get(0);
    const most = swapSeconds.get(2);
    if (!(least <= seconds)) swapSeconds.set(0, seconds);
    swapSeconds.set(1, this.swaps.sum / this.swaps.count);
    if (!(most >= seconds)) swapSeconds.set(2, seconds);
  }

  /** Envoy uses the new secret for connections from now on; the timer counts from when the agent stored it. */
  private onSwapped(i: number): void {
    const { sim, options } = this;
    const { graceRatio, jitter } = options.agents;
    this.state[i] = state.valid;
    this.attempts[i] = 0;
    this.failures[i] = 0;
    this.setIssuer(i, this.nextIssuer[i]!);
    this.trust[i] = this.nextTrust[i]!;
    this.notBefore[i] = this.nextNotBefore[i]!;
    this.notAfter[i] = this.nextNotAfter[i]!;
    const created = this.since[i]!;
    const local = created + this.skewOf(i);
    const delay = rotationDelay(local, this.notAfter[i]!, local, graceRatio, jitter, this.jitters());
    const due = Math.max(sim.now, Math.round(created + delay));
    this.changeAt[i] = Number.POSITIVE_INFINITY;
    // Nothing is to be seen of the timer: the next event is its request, once the key is made.
    this.planTo(i, due + options.agents.keyGenMicros, this.arriveKind);
    this.earliest.set(i, this.notAfter[i]!);
    this.showRemaining();
    this.renewals.add(this.namespaceOf[i]!, 1);
    this.judge(i);
  }

  // While nobody can answer.

  private wait(i: number): void {
    this.state[i] = state.waiting;
    this.since[i] = this.sim.now;
    this.plan[i] = none;
    this.planAt[i] = Number.POSITIVE_INFINITY;
    if (this.changeAt[i]! < Number.POSITIVE_INFINITY && this.change[i] === none) this.watch(i);
    this.countWaiting(1);
  }

  private countWaiting(by: number): void {
    this.waitingCount += by;
    this.waitingAgents.set(0, this.waitingCount);
    this.showRefused();
  }

  /** Agents that ask an expired signer: five attempts a round each. */
  private showRefused(): void {
    const asking = this.istiod.block === 'signer expired' ? this.waitingCount : 0;
    this.istiod.setRefused((asking * attemptsInside * 1e6) / meanRoundMicros);
  }

  /** Requests may be answered again: each agent comes when its next attempt is due. */
  private release(): void {
    if (this.istiod.block !== undefined) {
      this.showRefused();
      return;
    }
    const { sim } = this;
    for (let i = 0; i < this.count && this.waitingCount > 0; i += 1) {
      if (this.state[i] !== state.waiting) continue;
      this.state[i] = state.apart;
      this.countWaiting(-1);
      const wait = untilNextAttempt(sim.now - this.since[i]!, this.backoffs);
      this.attempts[i] = 0;
      this.failures[i] = 0;
      this.planTo(i, sim.now + wait + this.options.agents.keyGenMicros, this.arriveKind);
    }
  }

  /** A replica is gone with the requests that it had. */
  private dropRequests(replica: number): void {
    for (let i = 0; i < this.count; i += 1) {
      if (this.state[i] !== state.asking || this.replica[i] !== replica) continue;
      this.leave(i);
      this.tryAgain(i);
    }
    this.showRefused();
  }

  // What is counted.

  /** Another signer is wanted from now on: certificates of others are stale. */
  want(signer: number): void {
    this.wanted = signer;
    this.rolledBy.fill(0);
    this.rolledCount = 0;
    this.staleCount = 0;
    this.options.namespaces.forEach((_, row) => {
      this.rolled.set(row, 0);
    });
    for (let i = 0; i < this.count; i += 1) {
      if (this.issuer[i] === signer) this.countRolled(i);
      else if (this.issuer[i]! >= 0) this.staleCount += 1;
    }
    this.stale.set(0, this.staleCount);
  }

  private setIssuer(i: number, issuer: number): void {
    const before = this.issuer[i]!;
    const isStale = (row: number) => row >= 0 && row !== this.wanted;
    this.issuer[i] = issuer;
    if (isStale(before) !== isStale(issuer)) {
      this.staleCount += isStale(issuer) ? 1 : -1;
      this.stale.set(0, this.staleCount);
    }
    if (issuer === this.wanted) this.countRolled(i);
  }

  /** A sidecar has its first certificate of the wanted signer. */
  private countRolled(i: number): void {
    if (this.rolledBy[i] === 1) return;
    this.rolledBy[i] = 1;
    this.rolledCount += 1;
    this.rolled.add(this.namespaceOf[i]!, 1);
    if (this.rolledCount === this.count) this.onAllRolled();
  }

  /** When the next agent's timer fires; null when none runs. */
  nextRenewal(): number | null {
    let next = Number.POSITIVE_INFINITY;
    for (let i = 0; i < this.count; i += 1)
      if (this.state[i] === state.valid) next = Math.min(next, this.planAt[i]!);
    return next === Number.POSITIVE_INFINITY ? null : next - this.options.agents.keyGenMicros;
  }

  isRolled(i: number): boolean {
    return this.rolledBy[i] === 1;
  }

  private showRemaining(): void {
    if (this.count === 0 || this.shownEarliest === this.earliest.time) return;
    this.shownEarliest = this.earliest.time;
    this.remaining.set(0, (this.shownEarliest - this.sim.now) / 1e6, -1);
  }

  /** Once a minute in which requests came: what is summed up rather than told at each. */
  private onMinute(): void {
    const { sim } = this;
    this.minute = none;
    if (this.latencies.count > 0) this.p99.set(0, this.latencies.quantile(0.99)[1]);
    this.showMemory();
    this.inFlightMost = this.inFlight;
    if (this.inFlight > 0) this.minute = sim.at(nextMinute(sim.now), this.minuteKind);
  }

  private showMemory(): void {
    const { istiod, options } = this;
    const { memoryBytes, memoryPerProxyBytes, memoryPerRequestBytes, replicas } = options.istiod;
    for (let replica = 0; replica < replicas; replica += 1)
      if (istiod.isRunning(replica))
        istiod.memory.set(
          replica,
          memoryBytes +
            this.connected[replica]! * memoryPerProxyBytes +
            (this.inFlightMost / replicas) * memoryPerRequestBytes,
        );
  }

  private checkPlans(): void {
    for (let i = 0; i < this.count; i += 1) {
      const isPlanned = this.sim.isPending(this.plan[i]!);
      this.sim.require(
        isPlanned === (this.state[i] !== state.waiting),
        'a sidecar has one thing planned, and nothing while its agent waits',
        { sidecar: i, state: this.state[i]! },
      );
      this.sim.require(
        this.changeAt[i]! >= this.planAt[i]! || this.sim.isPending(this.change[i]!),
        'a change of validity is watched where it comes before what is planned',
        { sidecar: i, state: this.state[i]! },
      );
    }
  }
}

function isLike(a: Side, b: Side): boolean {
  return (
    a.issuer === b.issuer &&
    a.expired === b.expired &&
    a.early === b.early &&
    a.trust === b.trust &&
    a.clock === b.clock &&
    a.transport === b.transport
  );
}

function nextMinute(now: number): number {
  return (Math.floor(now / 60e6) + 1) * 60e6;
}
