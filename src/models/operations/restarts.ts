import type { Distribution } from '../../engine/distributions.ts';
import type { Gauge } from '../../engine/gauge.ts';
import { either, type ProcessBody, type Signal, sleep, waitUntil } from '../../engine/process.ts';
import type { Simulation } from '../../engine/simulation.ts';

/** What a procedure sees of the brokers it restarts; ids are node ids. */
export interface BrokerPorts {
  readonly ids: () => readonly number[];
  readonly isReady: (id: number) => boolean;
  /** Whether all replicas of the broker are in their ISRs. */
  readonly isInSync: (id: number) => boolean;
  readonly restart: (id: number, drainMicros: number | undefined, downMicros: number | undefined) => void;
  /** The broker's local disks are replaced by empty ones. */
  readonly wipe: (id: number) => void;
  /** Raised when one of these answers may have changed. */
  readonly changed: Signal;
  /** Keeps a broker's specification as it is now; gives back what restores it. */
  readonly remember: (id: number) => () => void;
}

export type WaitFor = 'inSync' | 'ready' | 'nothing';

export interface Procedure {
  readonly name: string;
  readonly brokers: readonly number[];
  /** From one start to the next, microseconds; absent: the wait below decides. */
  readonly every: number | undefined;
  readonly waitFor: WaitFor;
  /** After the wait, microseconds. */
  readonly stabilisation: number;
  /** Down and drain times by place in `brokers`; absent where the models decide. */
  readonly downTime: (place: number) => Distribution | undefined;
  readonly drain: (place: number) => Distribution | undefined;
  /** Evaluated before each step: true halts. */
  readonly halt: (() => boolean) | undefined;
  readonly haltText: string;
  readonly rollback: boolean;
}

/** Book of all restarts, whoever makes them, and the procedures that people follow by hand. */
export class Operations {
  readonly started: Gauge;
  readonly down: Gauge;
  readonly drain: Gauge;
  readonly position: Gauge;
  readonly spacing: Gauge;
  readonly duration: Gauge;
  readonly halted: Gauge;
  readonly ids: readonly number[];
  private readonly sim: Simulation;
  private readonly ports: BrokerPorts;
  private readonly row: ReadonlyMap<number, number>;
  private count = 0;
  private lastStart = Number.NaN;
  private firstStart = Number.NaN;

  constructor(sim: Simulation, ids: readonly number[], ports: BrokerPorts) {
    this.sim = sim;
    this.ports = ports;
    this.ids = ids;
    this.row = new Map(ids.map((id, i) => [id, i]));
    const n = ids.length;
    this.started = sim.gauge('rehearse:restart_started_seconds', n);
    this.down = sim.gauge('rehearse:restart_down_seconds', n);
    this.drain = sim.gauge('rehearse:restart_drain_seconds', n);
    this.position = sim.gauge('rehearse:restart_position', n);
    this.spacing = sim.gauge('rehearse:restart_spacing_seconds', n);
    this.duration = sim.gauge('rehearse:restarts_duration_seconds', 1);
    this.halted = sim.gauge('rehearse:procedures_halted_total', 1);
  }

  private rowOf(id: number): number {
    return this.row.get(id) ?? 0;
  }

  /** A broker's pod is deleted now, by whomever. */
  noteStart(id: number): void {
    const row = this.rowOf(id);
    this.count += 1;
    this.position.set(row, this.count);
    this.started.set(row, this.sim.now / 1e6);
    if (Number.isNaN(this.firstStart)) this.firstStart = this.sim.now;
    if (!Number.isNaN(this.lastStart)) this.spacing.set(row, (this.sim.now - this.lastStart) / 1e6);
    this.lastStart = this.sim.now;
    this.sim.tell(
      'operations.restart',
      `broker-${id}`,
      'can be undone by another restart with the old options',
    );
  }

  noteExit(id: number): void {
    const row = this.rowOf(id);
    if (this.position.get(row) > 0) this.drain.set(row, this.sim.now / 1e6 - this.started.get(row));
  }

  noteReady(id: number): void {
    const row = this.rowOf(id);
    if (this.position.get(row) > 0) this.down.set(row, this.sim.now / 1e6 - this.started.get(row));
  }

  noteInSync(id: number): void {
    if (this.position.get(this.rowOf(id)) > 0) this.duration.set(0, (this.sim.now - this.firstStart) / 1e6);
  }

  /**
   * Starts a procedure now.
   * @param configure writes the new options of a broker into its specification, just before its restart
   */
  follow(procedure: Procedure, configure: (id: number) => void): void {
    this.sim.spawn(`procedure ${procedure.name}`, this.body(procedure, configure));
  }

  restartOne(id: number, drain: Distribution | undefined, down: Distribution | undefined): void {
    this.noteStart(id);
    this.ports.restart(id, this.drawn(id, 'drain', drain), this.drawn(id, 'downTime', down));
  }

  replace(id: number, drain: Distribution | undefined, down: Distribution | undefined): void {
    this.restartOne(id, drain, down);
    const { ports, sim } = this;
    sim.tell('operations.nodeReplaced', `broker-${id}`, 'cannot be undone: every replica is copied again');
    sim.spawn(`replace ${id}`, function* () {
      yield waitUntil(ports.changed, () => !ports.isReady(id));
      ports.wipe(id);
    });
  }

  private drawn(id: number, purpose: string, distribution: Distribution | undefined): number | undefined {
    if (distribution === undefined) return undefined;
    if (!distribution.draws) return Math.max(1, Math.round(distribution.sample(0.5)));
    return Math.max(1, Math.round(distribution.sample(this.sim.stream(`broker/${id}`, purpose)())));
  }

  private body(p: Procedure, configure: (id: number) => void): ProcessBody {
    const { sim, ports } = this;
    const operations = this;
    const settled = (id: number) =>
      p.waitFor === 'inSync' ? ports.isReady(id) && ports.isInSync(id) : ports.isReady(id);
    return function* () {
      const undo: { readonly id: number; readonly run: () => void }[] = [];
      let due = sim.now;
      for (let place = 0; place < p.brokers.length; place += 1) {
        const id = p.brokers[place];
        if (due > sim.now) yield sleep(due - sim.now);
        if (p.halt?.() === true) {
          operations.halted.add(0, 1);
          sim.tell('operations.halted', p.name, `before broker-${id}: ${p.haltText}`);
          if (p.rollback) {
            for (const step of undo.reverse()) {
              step.run();
              sim.tell('operations.rollback', `broker-${step.id}`, 'restarted with the old options');
              operations.restartOne(step.id, p.drain(0), p.downTime(0));
              yield waitUntil(ports.changed, () => !ports.isReady(step.id));
              yield waitUntil(ports.changed, () => ports.isReady(step.id) && ports.isInSync(step.id));
            }
          }
          return;
        }
        const began = sim.now;
        undo.push({ id, run: ports.remember(id) });
        configure(id);
        operations.restartOne(id, p.drain(place), p.downTime(place));
        if (place + 1 === p.brokers.length) break;
        if (p.every !== undefined) {
          due = began + p.every;
          // The next broker waits at least until this one is back: nobody deletes a pod while another starts.
          const outcome = yield either(
            waitUntil(ports.changed, () => sim.now > began && ports.isReady(id)),
            sleep(p.every),
          );
          if (outcome === 1 && !ports.isReady(id)) {
            sim.tell('operations.late', `broker-${id}`, 'is not back when the next was due');
            yield waitUntil(ports.changed, () => ports.isReady(id));
          }
          due = Math.max(due, sim.now);
        } else {
          yield waitUntil(ports.changed, () => !ports.isReady(id));
          yield waitUntil(ports.changed, () => p.waitFor === 'nothing' || settled(id));
          due = sim.now + p.stabilisation;
        }
      }
      sim.tell('operations.done', p.name, `${p.brokers.length} brokers restarted`);
    };
  }
}
