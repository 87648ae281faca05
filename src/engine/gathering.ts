import type { Handle, Kind, Simulation } from './simulation.ts';

/**
 * Members that are called together again and again: whoever causes a call comes at once, the others when they hear of it; once all have come the
 * round closes after a fixed time. Who asks while a round is closing makes for another one. Members are whole numbers, each used once.
 *
 * A member that never hears keeps the round open until it is removed.
 */
export class Gathering {
  /** A round has begun, and nobody has come yet. */
  onOpened: () => void = () => {};
  /** A member has heard of the call, and comes. */
  onHeard: (member: number) => void = () => {};
  /** All have come, and the time has passed. */
  onClosed: () => void = () => {};
  /** Whether a round may close now; when the answer becomes another one, `review` is to be called. */
  mayClose: () => boolean = () => true;
  /** When the round that is open, or was open last, began, microseconds. */
  began = 0;
  /** How many rounds have begun. */
  rounds = 0;
  private readonly sim: Simulation;
  private readonly closeMicros: number;
  private readonly hearMicros: (member: number) => number | undefined;
  private readonly heard: Kind;
  private readonly closed: Kind;
  private phase: 'quiet' | 'open' | 'closing' = 'quiet';
  /** By member: whether it has come to the round, and when it will hear of it. */
  private readonly members = new Map<number, { came: boolean; hears: Handle | undefined }>();
  private asked: number[] = [];
  private again = false;

  /** @param hearMicros how long a member takes to hear of a call; undefined for one that does not */
  constructor(
    sim: Simulation,
    name: string,
    closeMicros: number,
    hearMicros: (member: number) => number | undefined,
  ) {
    this.sim = sim;
    this.closeMicros = closeMicros;
    this.hearMicros = hearMicros;
    this.heard = sim.on(`${name}.hears`, (m) => this.onHears(m));
    this.closed = sim.on(`${name}.closes`, () => this.onCloses());
  }

  get isOpen(): boolean {
    return this.phase === 'open';
  }

  get size(): number {
    return this.members.size;
  }

  /** A member that belongs to it, as if it had come to the latest round. */
  enter(member: number): void {
    this.members.set(member, { came: true, hears: undefined });
  }

  hasCome(member: number): boolean {
    return this.members.get(member)?.came === true;
  }

  /** A member does not hear of what is called any more, and stays. */
  deafen(member: number): void {
    const one = this.members.get(member);
    if (one?.hears !== undefined) this.sim.cancel(one.hears);
    if (one !== undefined) one.hears = undefined;
  }

  /** A member is out: the others are called, unless it was the last one. */
  remove(member: number): void {
    if (!this.members.has(member)) return;
    this.deafen(member);
    this.members.delete(member);
    this.asked = this.asked.filter((m) => m !== member);
    if (this.phase === 'closing') this.again = true;
    if (this.phase === 'quiet' && this.members.size > 0) this.open();
    this.review();
  }

  /** A member is out, and nobody is called for it. */
  forget(member: number): void {
    this.deafen(member);
    this.members.delete(member);
    this.asked = this.asked.filter((m) => m !== member);
  }

  /** Calls all members; these come at once. */
  call(...coming: readonly number[]): void {
    if (this.phase === 'closing') {
      this.asked.push(...coming);
      return;
    }
    if (this.phase === 'quiet') this.open();
    for (const m of coming) {
      const one = this.members.get(m);
      if (one !== undefined) one.came = true;
    }
    this.review();
  }

  /** Looks whether the round can close. */
  review(): void {
    if (this.phase !== 'open') return;
    if (this.members.size === 0) {
      this.phase = 'quiet';
      return;
    }
    for (const one of this.members.values()) if (!one.came) return;
    if (!this.mayClose()) return;
    for (const m of this.members.keys()) this.deafen(m);
    this.phase = 'closing';
    this.sim.after(this.closeMicros, this.closed);
  }

  private open(): void {
    this.phase = 'open';
    this.rounds += 1;
    this.began = this.sim.now;
    for (const [m, one] of this.members) {
      one.came = false;
      const micros = this.hearMicros(m);
      one.hears = micros === undefined ? undefined : this.sim.after(micros, this.heard, m);
    }
    this.onOpened();
  }

  private onHears(member: number): void {
    const one = this.members.get(member);
    if (one === undefined) return;
    one.hears = undefined;
    if (this.phase !== 'open' || one.came) return;
    one.came = true;
    this.onHeard(member);
    this.review();
  }

  private onCloses(): void {
    this.phase = 'quiet';
    const asked = this.asked.filter((m) => this.members.has(m));
    const again = asked.length > 0 || (this.again && this.members.size > 0);
    this.asked = [];
    this.again = false;
    this.onClosed();
    if (again) this.call(...asked);
  }
}
