import type { Handle, Kind, Simulation } from '../../engine/simulation.ts';
import type { Connectivity } from './connectivity.ts';
import type { ClusterSettings } from './settings.ts';

/** A leader that has heard from no majority for this many fetch time-outs resigns. Source: Kafka 3.7 `LeaderState` (CHECK_QUORUM_TIMEOUT_FACTOR). */
const checkQuorumFactor = 1.5;
/** First step of the back-off after a lost election. Source: Kafka 3.7 `KafkaRaftClient` (RETRY_BACKOFF_BASE_MS). */
const backoffBaseMicros = 100_000;

interface Voter {
  readonly id: number;
  /** Its place in the network. */
  readonly place: number;
  up: boolean;
  paused: boolean;
  /** Faults that keep it from running. */
  holds: number;
  /** When it stopped, microseconds. */
  downAt: number;
  /** When it last asked for votes, microseconds. */
  candidateAt: number;
  /** It has asked for votes that are not in yet. */
  counting: boolean;
  /** Elections in a row that it could not win. */
  lost: number;
  timer: Handle | undefined;
}

/**
 * The voters of the KRaft quorum: which of them is the active controller, and whether it can commit.
 *
 * A voter that does not hear from the active controller for controller.quorum.fetch.timeout.ms asks for votes; its last fetch was
 * answered up to one long poll before the silence began. With the votes of a majority it leads after the round trip and its
 * activation. Voters that ask before they hear of each other have voted for themselves: who is left without a majority waits a random part of
 * a doubling back-off and asks again. Where no majority can be reached a candidate's election times out and it tries on, for ever. An active
 * controller that reaches no majority commits nothing from then on and resigns after 1.5 fetch time-outs. One that is shut down resigns at once
 * and hands over (EndQuorumEpoch).
 *
 * Source: Kafka 3.7 `KafkaRaftClient` (pollFollower, pollCandidate, binaryExponentialElectionBackoffMs, handleEndQuorumEpochRequest), `QuorumState`
 * (randomElectionTimeoutMs), `LeaderState`; `RaftConfig` for the defaults. Simplified: every running voter has all of the log, so that
 * any may win; a voter that is up again first waits one election time-out; a vote takes one round trip of the cluster.
 */
export class Quorum {
  /** Node id of the active controller, or -1 without one. */
  active: number;
  private readonly sim: Simulation;
  private readonly settings: ClusterSettings;
  private readonly connectivity: Connectivity;
  private readonly voters: readonly Voter[];
  private readonly counted: Kind;
  private readonly elected: Kind;
  private readonly handedOver: Kind;
  private readonly timeout: Kind;
  private readonly resigns: Kind;
  private readonly restarted: Kind;
  private resignTimer: Handle | undefined;
  /** The voter that has won and is becoming active. */
  private winner = -1;
  private handing = false;
  /** A voter became active. */
  onElected: (id: number) => void = () => {};
  /** Nobody is active any more. */
  onDeactivated: () => void = () => {};
  /** The active controller may be able to commit again. */
  onAble: () => void = () => {};

  constructor(sim: Simulation, settings: ClusterSettings, connectivity: Connectivity) {
    this.sim = sim;
    this.settings = settings;
    this.connectivity = connectivity;
    const { dedicatedControllers: dedicated, brokers } = settings;
    const places =
      dedicated.length > 0
        ? dedicated.map((c, i) => ({ id: c.id, place: brokers.length + i }))
        : brokers.flatMap((b, row) => (b.controller ? [{ id: b.id, place: row }] : []));
    this.voters = places.map(({ id, place }) => ({
      id,
      place,
      up: true,
      paused: false,
      holds: 0,
      downAt: 0,
      candidateAt: Number.NEGATIVE_INFINITY,
      counting: false,
      lost: 0,
      timer: undefined,
    }));
    this.active = settings.activeController;
    this.counted = sim.on('kafka.votesCounted', (row) => this.onCounted(row));
    this.elected = sim.on('kafka.electionWon', (row) => this.onWon(row));
    this.handedOver = sim.on('kafka.controllerElected', (id) => this.onHandedOver(id));
    this.timeout = sim.on('kafka.voterTimesOut', (row) => this.onTimeout(row));
    this.restarted = sim.on('kafka.controllerStarted', (row) => {
      if (this.voters[row].holds === 0) this.started(this.voters[row].id);
    });
    this.resigns = sim.on('kafka.controllerResigns', () => this.onResigns());
  }

  get voterIds(): readonly number[] {
    return this.voters.map((v) => v.id);
  }

  /** Place of the active controller in the network, or -1. */
  get activePlace(): number {
    return this.leader()?.place ?? -1;
  }

  /** Whether a record that the active controller writes now is committed: it runs, and a majority fetches from it. */
  get commits(): boolean {
    const leader = this.leader();
    return leader !== undefined && this.answers(leader) && this.majority(leader);
  }

  isVoter(id: number): boolean {
    return this.voters.some((v) => v.id === id);
  }

  isUp(id: number): boolean {
    return this.voter(id)?.up === true;
  }

  /** When a voter last had all of the metadata log, milliseconds of simulated time. Simplified: a running voter always has. */
  lastCaughtUpMs(id: number): number {
    const voter = this.voter(id);
    const has = voter?.up === true && !voter.paused;
    return (has ? this.sim.now : (voter?.downAt ?? 0)) / 1000;
  }

  /** A voter's process ends. @param resigns whether it could hand over first, as on SIGTERM */
  stopped(id: number, resigns: boolean): void {
    const voter = this.voter(id);
    if (voter === undefined || !voter.up) return;
    if (!voter.paused) voter.downAt = this.sim.now;
    voter.up = false;
    voter.paused = false;
    this.disarm(voter);
    if (this.active === id) {
      this.deactivate();
      if (resigns) this.handOver();
    }
    this.look();
  }

  /** The process of a dedicated controller dies, and does not start before `release`. */
  crash(id: number): void {
    const voter = this.voter(id);
    if (voter === undefined) return;
    voter.holds += 1;
    this.sim.tell('kafka.controllerKilled', 'controller', `node ${id}`);
    this.stopped(id, false);
  }

  /** What kept a dedicated controller from running is over: its process starts and replays the metadata log. */
  release(id: number): void {
    const voter = this.voter(id);
    if (voter === undefined) return;
    voter.holds -= 1;
    const { jvmStartMicros, metadataReplayMicros } = this.settings.timing;
    const micros =
      jvmStartMicros.sample(this.draw(voter, 'jvmStart')) +
      metadataReplayMicros.sample(this.draw(voter, 'metadataReplay'));
    if (voter.holds === 0)
      this.sim.after(Math.max(1, Math.round(micros)), this.restarted, this.voters.indexOf(voter));
  }

  started(id: number): void {
    const voter = this.voter(id);
    if (voter === undefined || voter.up) return;
    voter.up = true;
    voter.lost = 0;
    this.look();
  }

  /** A voter stands still and answers nobody; the others will miss it when it is the active controller. */
  paused(id: number): void {
    const voter = this.voter(id);
    if (voter === undefined || !voter.up || voter.paused) return;
    voter.paused = true;
    voter.downAt = this.sim.now;
    this.disarm(voter);
    this.look();
  }

  /** A voter that stood still goes on. */
  resumed(id: number): void {
    const voter = this.voter(id);
    if (voter === undefined || !voter.paused) return;
    voter.paused = false;
    this.look();
  }

  /** Who hears whom may have changed: timers start where the active controller is missed, and stop where it is heard. */
  look(): void {
    const leader = this.leader();
    for (const voter of this.voters) {
      if (!this.answers(voter)) continue;
      if (voter === leader || this.hears(voter)) {
        this.disarm(voter);
        voter.lost = 0;
      } else if (voter.timer === undefined && !voter.counting && !this.handing && this.winner < 0)
        this.miss(voter);
    }
    const able = leader !== undefined && this.majority(leader);
    if (leader === undefined || able || !this.answers(leader)) {
      if (this.resignTimer !== undefined) this.sim.cancel(this.resignTimer);
      this.resignTimer = undefined;
    } else if (this.resignTimer === undefined) {
      this.resignTimer = this.sim.after(
        this.settings.timing.quorumFetchTimeoutMicros * checkQuorumFactor,
        this.resigns,
      );
    }
    if (this.commits) this.onAble();
  }

  private voter(id: number): Voter | undefined {
    return this.voters.find((v) => v.id === id);
  }

  private leader(): Voter | undefined {
    return this.active < 0 ? undefined : this.voter(this.active);
  }

  private answers(voter: Voter): boolean {
    return voter.up && !voter.paused;
  }

  /** Whether a voter's fetches are answered by the active controller. */
  private hears(voter: Voter): boolean {
    const leader = this.leader();
    return (
      leader !== undefined && this.answers(leader) && this.connectivity.reaches(voter.place, leader.place)
    );
  }

  private reached(from: Voter): Voter[] {
    return this.voters.filter((v) => this.answers(v) && this.connectivity.reaches(from.place, v.place));
  }

  private majority(voter: Voter): boolean {
    return this.reached(voter).length * 2 > this.voters.length;
  }

  private draw(voter: Voter, purpose: string): number {
    return this.sim.stream(`controller/${voter.id}`, purpose)();
  }

  /** A voter begins to miss the active controller: its fetch timer has run since the last answer, up to one long poll ago. */
  private miss(voter: Voter): void {
    const { quorumFetchTimeoutMicros, metadataPollMicros } = this.settings.timing;
    const since = this.draw(voter, 'lastFetch') * Math.min(metadataPollMicros, quorumFetchTimeoutMicros);
    this.arm(voter, quorumFetchTimeoutMicros - since);
  }

  private arm(voter: Voter, micros: number): void {
    voter.timer = this.sim.after(Math.max(1, Math.round(micros)), this.timeout, this.voters.indexOf(voter));
  }

  private disarm(voter: Voter): void {
    if (voter.timer !== undefined) this.sim.cancel(voter.timer);
    voter.timer = undefined;
  }

  /** A voter has heard of no leader for too long: it votes for itself and asks the others, unless it has voted for another just now. */
  private onTimeout(row: number): void {
    const voter = this.voters[row];
    voter.timer = undefined;
    if (!this.answers(voter) || this.hears(voter) || this.winner >= 0 || this.handing) return;
    const half = this.settings.timing.roundTripMicros / 2;
    const asked = this.reached(voter).some((v) => v.counting && v.candidateAt <= this.sim.now - half);
    if (asked) {
      this.miss(voter);
      return;
    }
    voter.candidateAt = this.sim.now;
    if (!this.majority(voter)) {
      this.retry(voter, false);
      return;
    }
    voter.counting = true;
    this.sim.after(Math.max(1, Math.round(2 * half)), this.counted, row);
  }

  /** The votes are in: of those who asked before they heard of each other the first has the votes of all that did not ask. */
  private onCounted(row: number): void {
    const voter = this.voters[row];
    voter.counting = false;
    if (!this.answers(voter) || this.hears(voter) || this.winner >= 0 || this.handing) return;
    const half = this.settings.timing.roundTripMicros / 2;
    const reached = this.reached(voter);
    const rivals = reached.filter((v) => v !== voter && Math.abs(v.candidateAt - voter.candidateAt) < half);
    const first = rivals.every(
      (v) =>
        v.candidateAt > voter.candidateAt || (v.candidateAt === voter.candidateAt && v.place > voter.place),
    );
    const votes = first ? reached.length - rivals.length : 1;
    if (votes * 2 <= this.voters.length) {
      this.retry(voter, true);
      return;
    }
    this.winner = row;
    const activation = this.settings.timing.controllerFailoverMicros.sample(this.draw(voter, 'activation'));
    this.sim.after(Math.max(1, Math.round(activation)), this.elected, row);
  }

  /** @param refused whether the votes of a majority were refused; otherwise they did not come, and the election first times out */
  private retry(voter: Voter, refused: boolean): void {
    const { electionTimeoutMicros, electionBackoffMaxMicros } = this.settings.timing;
    voter.lost += 1;
    // Ten doublings of the base are beyond any sensible bound.
    const doubled = backoffBaseMicros * (1 << Math.min(10, voter.lost - 1));
    const backoff = this.draw(voter, 'backoff') * Math.min(doubled, electionBackoffMaxMicros);
    const waited = refused ? 0 : electionTimeoutMicros * (1 + this.draw(voter, 'electionTimeout'));
    this.disarm(voter);
    this.arm(voter, waited + backoff);
  }

  private onWon(row: number): void {
    this.winner = -1;
    const voter = this.voters[row];
    if (this.answers(voter) && this.majority(voter)) this.activate(voter.id);
    else this.look();
  }

  /** The resigning controller's successor: any running voter, after the time that its activation takes. */
  private handOver(): void {
    const up = this.voters.filter((v) => this.answers(v));
    if (this.handing || up.length * 2 <= this.voters.length) return;
    this.handing = true;
    const draw = this.sim.stream('controller', 'successor')();
    const successor = up[Math.min(up.length - 1, Math.floor(draw * up.length))];
    const delay = this.settings.timing.controllerFailoverMicros.sample(
      this.sim.stream('controller', 'failover')(),
    );
    this.sim.after(Math.max(1, Math.round(delay)), this.handedOver, successor.id);
  }

  private onHandedOver(id: number): void {
    this.handing = false;
    const voter = this.voter(id);
    if (voter !== undefined && this.answers(voter) && this.majority(voter)) this.activate(id);
    else this.look();
  }

  private activate(id: number): void {
    this.active = id;
    this.sim.tell('kafka.controllerElected', 'controller', `node ${id}`);
    this.onElected(id);
    this.look();
  }

  private onResigns(): void {
    this.resignTimer = undefined;
    this.sim.tell('kafka.controllerResigned', 'controller', `node ${this.active} reaches no majority`);
    this.deactivate();
    this.look();
  }

  private deactivate(): void {
    this.active = -1;
    this.onDeactivated();
  }
}
