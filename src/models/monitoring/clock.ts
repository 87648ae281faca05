import { eventClass, type Handle, type Kind, type Simulation } from '../../engine/simulation.ts';

/** Schedules one kind of event of the monitoring. */
export interface Timer {
  at(time: number, target?: number, a?: number): Handle;
}

/**
 * In which class the events of the monitoring run. Rules, alert managers and channels only watch: their events are observers, and change neither
 * events nor fingerprint of a run. Once a procedure waits for an alert the whole of it is part of the model, and runs as a controller's timer.
 */
export class MonitoringClock {
  private readonly sim: Simulation;
  private played = false;
  private started = false;

  constructor(sim: Simulation) {
    this.sim = sim;
  }

  get isPlayed(): boolean {
    return this.played;
  }

  /** Somebody acts on what the monitoring tells. @throws RangeError once the run has begun */
  play(): void {
    if (this.started && !this.played)
      throw new RangeError('an alert can be waited for only from the start of a run');
    this.played = true;
  }

  start(): void {
    this.started = true;
  }

  on(name: string, handler: (target: number, a: number) => void): Timer {
    const { sim } = this;
    const kinds: readonly [Kind, Kind] = [
      sim.on(`${name}.observed`, handler, eventClass.observer),
      sim.on(name, handler, eventClass.timer),
    ];
    return { at: (time, target = 0, a = 0) => sim.at(time, kinds[this.played ? 1 : 0], target, a) };
  }
}
