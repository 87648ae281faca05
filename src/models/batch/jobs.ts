import type { Gauge } from '../../engine/gauge.ts';
import type { Handle, Kind, Simulation } from '../../engine/simulation.ts';
import { drawPhases, noiseOfRun, type RunNoise } from './noise.ts';
import { type PlannedPhase, type Program, type Records, type Segment, segmentsOf } from './program.ts';

export interface JobSpec {
  readonly name: string;
  readonly program: Program;
  readonly records: Records;
  /**
   * `entrypoint`: a container that starts runs what is due; `exec`: somebody starts a process beside the entrypoint, and when its container dies the run
   * is lost.
   */
  readonly start: 'entrypoint' | 'exec';
}

/** Where jobs run: containers by number, as the cluster knows them. */
export interface JobHost {
  /** Running containers of a job, those that started first before the others. */
  running(job: number): readonly number[];
  /** What the entrypoint holds while it does nothing. */
  idleBytes(container: number): number;
  hold(container: number, bytes: number, bytesPerSecond: number): void;
  holdBeside(container: number, bytes: number, bytesPerSecond: number): void;
  setCpuDemand(container: number, cores: number): void;
  coresOf(container: number): number;
  nameOf(container: number): string;
  /** The process has saved what it had to at SIGTERM and ends. */
  exit(container: number): void;
}

/** Work that somebody or a schedule asked for and that is not done. */
interface Due {
  readonly job: number;
  readonly records: number;
  readonly since: number;
  readonly noise: RunNoise;
  /** Share of the work that is saved. */
  saved: number;
  attempts: number;
}

/** One attempt at it. */
interface Attempt {
  readonly due: Due;
  readonly container: number;
  readonly phases: readonly PlannedPhase[];
  readonly segments: readonly Segment[];
  readonly startedAt: number;
  /** Share that was saved when it began. */
  readonly from: number;
  index: number;
  /** Work left in the segment at `since`, microseconds at full speed. */
  left: number;
  since: number;
  speed: number;
  event: Handle;
  isSaving: boolean;
}

/** Why an attempt ended. */
export type Ending = 'OOMKilled' | 'terminated' | 'lost';

const none = -1;

/**
 * Batch jobs: runs of programs in containers. A run moves through lines of memory and work; the container's share of CPU sets the pace.
 *
 * A run that is due stays due until an attempt completes: under `entrypoint` every container of the job that starts begins one. Under `exec` a run has
 * one attempt.
 */
export class Jobs {
  readonly specs: readonly JobSpec[];
  readonly started: Gauge;
  readonly completed: Gauge;
  readonly lost: Gauge;
  readonly killed: Gauge;
  readonly progress: Gauge;
  readonly recordsDone: Gauge;
  readonly duration: Gauge;
  readonly completedAt: Gauge;
  readonly killedAt: Gauge;
  readonly lostWork: Gauge;
  /** Rows: job and phase. */
  readonly peak: Gauge;
  readonly killsIn: Gauge;
  /** First row of each job in gauges by phase. */
  readonly phasesFrom: readonly number[];
  private readonly sim: Simulation;
  private readonly host: JobHost;
  private readonly due: (Due | undefined)[];
  private readonly attempts = new Map<number, Attempt>();
  private readonly segmentEnd: Kind;
  private readonly saveEnd: Kind;

  constructor(sim: Simulation, specs: readonly JobSpec[], host: JobHost) {
    this.sim = sim;
    this.specs = specs;
    this.host = host;
    this.due = specs.map(() => undefined);
    const n = specs.length;
    this.started = sim.gauge('rehearse:job_runs_started_total', n);
    this.completed = sim.gauge('rehearse:job_runs_completed_total', n);
    this.lost = sim.gauge('rehearse:job_runs_lost_total', n);
    this.killed = sim.gauge('rehearse:job_runs_killed_total', n);
    this.progress = sim.gauge('rehearse:job_progress', n, { linear: true });
    this.recordsDone = sim.gauge('rehearse:job_records_done', n, { linear: true });
    this.duration = sim.gauge('rehearse:job_duration_seconds', n);
    this.completedAt = sim.gauge('rehearse:job_completed_at_seconds', n);
    this.killedAt = sim.gauge('rehearse:job_killed_at_seconds', n);
    this.lostWork = sim.gauge('rehearse:job_lost_work_seconds_total', n);
    const from: number[] = [];
    let rows = 0;
    for (const s of specs) {
      from.push(rows);
      rows += s.program.phases.length;
    }
    this.phasesFrom = from;
    this.peak = sim.gauge('rehearse:job_phase_peak_memory_bytes', rows);
    this.killsIn = sim.gauge('rehearse:job_phase_kills_total', rows);
    for (const gauge of [this.duration, this.completedAt, this.killedAt])
      for (let i = 0; i < n; i += 1) gauge.set(i, Number.NaN);
    this.segmentEnd = sim.on('batch.segmentEnd', (container) => this.onSegmentEnd(container));
    this.saveEnd = sim.on('batch.saved', (container) => this.onSaved(container));
  }

  /** A run becomes due. One that is not done yet goes on being due with the new one's records in its place. */
  run(job: number, records?: number): void {
    const { name, records: drawn } = this.specs[job]!;
    const { sim } = this;
    const asked =
      records ??
      Math.max(
        1,
        Math.round(drawn.draws ? drawn.sample(sim.stream(`job/${name}`, 'records')()) : drawn.mean),
      );
    const due: Due = {
      job,
      records: asked,
      since: sim.now,
      noise: noiseOfRun(sim, name, this.specs[job]!.program),
      saved: 0,
      attempts: 0,
    };
    this.due[job] = due;
    sim.tell('batch.due', name, `${asked} records`);
    const container = this.host.running(job).find((c) => !this.attempts.has(c));
    if (container !== undefined) this.begin(due, container);
    else if (this.specs[job]!.start === 'exec')
      this.lose(due, 'no container runs that it could be started in');
  }

  // What the host tells.

  containerStarted(container: number, job: number): void {
    const due = this.due[job];
    if (due !== undefined && this.specs[job]!.start === 'entrypoint') this.begin(due, container);
  }

  /** The container's processes have ended. */
  containerEnded(container: number, ending: Ending): void {
    const attempt = this.attempts.get(container);
    if (attempt !== undefined) this.end(attempt, ending);
  }

  /** The process beside the entrypoint was killed alone. */
  besideKilled(container: number): void {
    this.containerEnded(container, 'OOMKilled');
  }

  /** SIGTERM: the program may save what it has. */
  terminated(container: number, graceMicros: number): void {
    const attempt = this.attempts.get(container);
    if (attempt === undefined) {
      this.host.exit(container);
      return;
    }
    const { checkpoint } = this.specs[attempt.due.job]!.program;
    if (checkpoint?.onNotice !== true || checkpoint.costMicros > graceMicros || attempt.isSaving) {
      this.end(attempt, 'terminated');
      this.host.exit(container);
      return;
    }
    this.settle(attempt);
    this.sim.cancel(attempt.event);
    attempt.isSaving = true;
    attempt.event = this.sim.after(checkpoint.costMicros, this.saveEnd, container);
  }

  coresChanged(container: number): void {
    const attempt = this.attempts.get(container);
    if (attempt === undefined || attempt.isSaving) return;
    this.settle(attempt);
    this.sim.cancel(attempt.event);
    this.play(attempt);
  }

  // Attempts.

  private begin(due: Due, container: number): void {
    const { sim, host } = this;
    const { name, program } = this.specs[due.job]!;
    due.attempts += 1;
    const phases = drawPhases(sim, name, program, due.records, due.noise);
    const from = program.checkpoint === undefined ? 0 : due.saved;
    const segments = segmentsOf(program, phases, due.records, host.idleBytes(container), from);
    const attempt: Attempt = {
      due,
      container,
      phases,
      segments,
      startedAt: sim.now,
      from,
      index: 0,
      left: segments[0]!.micros,
      since: sim.now,
      speed: 1,
      event: none,
      isSaving: false,
    };
    this.attempts.set(container, attempt);
    this.started.add(due.job, 1);
    sim.tell('batch.started', name, `${host.nameOf(container)}, ${due.records} records`);
    this.enter(attempt);
  }

  /** A segment begins. */
  private enter(attempt: Attempt): void {
    const { job } = attempt.due;
    const segment = attempt.segments[attempt.index]!;
    const before = attempt.segments[attempt.index - 1];
    const phase = attempt.phases[segment.phase]!;
    if (before?.phase !== segment.phase)
      this.sim.tell('batch.phase', this.specs[job]!.name, phase.phase.name);
    attempt.left = segment.micros;
    attempt.since = this.sim.now;
    this.note(attempt, segment.fromBytes);
    this.host.setCpuDemand(attempt.container, phase.phase.cpuCores);
    this.play(attempt);
  }

  private note(attempt: Attempt, bytes: number): void {
    const row = this.phasesFrom[attempt.due.job]! + attempt.segments[attempt.index]!.phase;
    if (bytes > this.peak.get(row)) this.peak.set(row, bytes);
  }

  /** Sets memory and its growth at the pace that the container's cores allow, and the end of the segment. */
  private play(attempt: Attempt): void {
    const { sim } = this;
    const segment = attempt.segments[attempt.index]!;
    const wanted = attempt.phases[segment.phase]!.phase.cpuCores;
    const cores = this.host.coresOf(attempt.container);
    // Cores are known once the instant has settled; until then the work goes on at full speed.
    attempt.speed = wanted > 0 && cores > 0 ? Math.min(1, cores / wanted) : 1;
    const micros = Math.max(1, Math.ceil(attempt.left / attempt.speed));
    attempt.event = sim.after(micros, this.segmentEnd, attempt.container);
    const share = segment.micros === 0 ? 1 : 1 - attempt.left / segment.micros;
    const now = segment.fromBytes + (segment.toBytes - segment.fromBytes) * share;
    const perSecond =
      segment.micros === 0
        ? 0
        : (((segment.toBytes - segment.fromBytes) * attempt.speed) / segment.micros) * 1e6;
    const { job, records } = attempt.due;
    if (this.specs[job]!.start === 'entrypoint') this.host.hold(attempt.container, now, perSecond);
    else {
      const idle = this.host.idleBytes(attempt.container);
      this.host.holdBeside(attempt.container, Math.max(0, now - idle), perSecond);
    }
    const start = attempt.segments[attempt.index - 1]?.doneAfter ?? attempt.from;
    const done = start + (segment.doneAfter - start) * share;
    const donePerSecond = segment.does === 'work' ? ((segment.doneAfter - done) / micros) * 1e6 : 0;
    this.progress.set(job, done, donePerSecond);
    this.recordsDone.set(job, done * records, donePerSecond * records);
  }

  private settle(attempt: Attempt): void {
    attempt.left = Math.max(0, attempt.left - (this.sim.now - attempt.since) * attempt.speed);
    attempt.since = this.sim.now;
  }

  private onSegmentEnd(container: number): void {
    const attempt = this.attempts.get(container)!;
    const segment = attempt.segments[attempt.index]!;
    this.note(attempt, segment.toBytes);
    if (segment.does === 'checkpoint') {
      attempt.due.saved = Math.max(attempt.due.saved, segment.doneAfter);
      this.sim.tell('batch.checkpoint', this.specs[attempt.due.job]!.name, percent(segment.doneAfter));
    }
    attempt.index += 1;
    if (attempt.index < attempt.segments.length) this.enter(attempt);
    else this.complete(attempt);
  }

  private onSaved(container: number): void {
    const attempt = this.attempts.get(container);
    if (attempt === undefined) return;
    attempt.due.saved = Math.max(attempt.due.saved, this.doneOf(attempt));
    this.sim.tell('batch.checkpoint', this.specs[attempt.due.job]!.name, percent(attempt.due.saved));
    this.end(attempt, 'terminated');
    this.host.exit(container);
  }

  private doneOf(attempt: Attempt): number {
    const segment = attempt.segments[attempt.index]!;
    const start = attempt.segments[attempt.index - 1]?.doneAfter ?? attempt.from;
    if (segment.does !== 'work' || segment.micros === 0) return start;
    return start + (segment.doneAfter - start) * (1 - attempt.left / segment.micros);
  }

  private complete(attempt: Attempt): void {
    const { due, container } = attempt;
    const { job } = due;
    const { name } = this.specs[job]!;
    this.attempts.delete(container);
    this.release(job, container);
    this.progress.set(job, 1, 0);
    this.recordsDone.set(job, due.records, 0);
    if (this.due[job] !== due) return;
    this.due[job] = undefined;
    this.completed.add(job, 1);
    this.duration.set(job, (this.sim.now - due.since) / 1e6);
    this.completedAt.set(job, this.sim.now / 1e6);
    this.sim.tell(
      'batch.completed',
      name,
      `${due.attempts} attempts, ${((this.sim.now - due.since) / 60e6).toFixed(1)} min`,
    );
  }

  private release(job: number, container: number): void {
    if (this.specs[job]!.start === 'entrypoint') this.host.hold(container, this.host.idleBytes(container), 0);
    else this.host.holdBeside(container, 0, 0);
    this.host.setCpuDemand(container, 0);
  }

  /** An attempt is over before its end. */
  private end(attempt: Attempt, ending: Ending): void {
    const { due, container } = attempt;
    const { job } = due;
    const { name } = this.specs[job]!;
    if (!attempt.isSaving) this.settle(attempt);
    this.sim.cancel(attempt.event);
    this.attempts.delete(container);
    const phase = attempt.segments[attempt.index]!.phase;
    const row = this.phasesFrom[job]! + phase;
    const done = this.doneOf(attempt);
    if (ending === 'OOMKilled') {
      this.killed.add(job, 1);
      this.killsIn.add(row, 1);
      if (Number.isNaN(this.killedAt.get(job))) this.killedAt.set(job, this.sim.now / 1e6);
    }
    this.lostWork.add(
      job,
      Math.max(0, (this.sim.now - attempt.startedAt) / 1e6 - savedSeconds(attempt, due.saved)),
    );
    this.progress.set(job, due.saved, 0);
    this.recordsDone.set(job, due.saved * due.records, 0);
    this.sim.tell(
      'batch.ended',
      name,
      `${ending} in ${attempt.phases[phase]!.phase.name} at ${percent(done)}`,
    );
    if (this.specs[job]!.start === 'exec') this.lose(due, 'its process ended with its container');
  }

  private lose(due: Due, why: string): void {
    if (this.due[due.job] !== due) return;
    this.due[due.job] = undefined;
    this.lost.add(due.job, 1);
    this.sim.tell('batch.lost', this.specs[due.job]!.name, why);
  }
}

/** Seconds of an attempt's work that are saved for the next one. */
function savedSeconds(attempt: Attempt, saved: number): number {
  let total = 0;
  for (const p of attempt.phases) total += p.micros;
  return (Math.max(0, saved - attempt.from) * total) / 1e6;
}

function percent(share: number): string {
  return `${(share * 100).toFixed(1)} %`;
}
