import type { Kind, Simulation } from '../../../engine/simulation.ts';
import type { Cluster, Pod } from '../cluster.ts';
import type { PodTemplate } from '../objects.ts';
import { suffixOf } from './deployment.ts';
import { Resync } from './resync.ts';

export interface JobSpec {
  readonly name: string;
  readonly namespace: string;
  readonly template: PodTemplate;
  readonly completions: number;
  readonly parallelism: number;
  readonly backoffLimit: number;
  /** Infinity: none. */
  readonly activeDeadlineMicros: number;
  /** `Indexed`: each index has to be completed once. */
  readonly completionMode: 'NonIndexed' | 'Indexed';
  /** A failed pod whose container ended with one of these fails the whole job. */
  readonly failOn: readonly number[];
  /** Whether pods that were disrupted count against the limit. */
  readonly ignoresDisruption: boolean;
}

export interface Job {
  readonly row: number;
  readonly spec: JobSpec;
  state: 'running' | 'complete' | 'failed';
  succeeded: number;
  failures: number;
  /** Failures since the last success, and when the last one ended. */
  sinceSuccess: number;
  failedAt: number;
  made: number;
  readonly startedAt: number;
  readonly pods: Map<Pod, number>;
  readonly doneIndexes: Set<number>;
}

const second = 1_000_000;

/**
 * How long the job waits before it makes another pod: 10 s doubling to 10 min, counted since the last success. Source: pkg/controller/job
 * backoff_utils.go, DefaultJobPodFailureBackOff, MaxJobPodFailureBackOff.
 */
export function podFailureBackOff(failures: number): number {
  if (failures === 0) return 0;
  let wait = 10 * second;
  for (let i = 1; i < failures && wait < 600 * second; i += 1) wait *= 2;
  return Math.min(wait, 600 * second);
}

/** The job controller. Source: pkg/controller/job job_controller.go. Simplified: it acts `syncMicros` after a change, and finished jobs stay. */
export class KubernetesJobs {
  readonly all: Job[] = [];
  onFinished: (job: Job) => void = () => {};
  private readonly cluster: Cluster;
  private readonly sim: Simulation;
  private readonly jobOf = new Map<Pod, Job>();
  private readonly resync: Resync;
  private readonly deadline: Kind;

  constructor(cluster: Cluster, syncMicros: number) {
    this.cluster = cluster;
    this.sim = cluster.sim;
    this.resync = new Resync(this.sim, 'kubernetes.jobSync', syncMicros, (row) =>
      this.reconcile(this.all[row]!),
    );
    this.deadline = this.sim.on('kubernetes.jobDeadline', (row) => {
      if (this.all[row]!.state === 'running') this.fail(this.all[row]!, 'DeadlineExceeded');
    });
    const changed = (pod: Pod) => {
      const job = this.jobOf.get(pod);
      if (job !== undefined) this.sync(job);
    };
    cluster.listen({ podChanged: changed, podDeleted: changed, podRemoved: changed });
  }

  ownerOf(pod: Pod): Job | undefined {
    return this.jobOf.get(pod);
  }

  start(spec: JobSpec): Job {
    const job: Job = {
      row: this.all.length,
      spec,
      state: 'running',
      succeeded: 0,
      failures: 0,
      sinceSuccess: 0,
      failedAt: Number.NaN,
      made: 0,
      startedAt: this.sim.now,
      pods: new Map(),
      doneIndexes: new Set(),
    };
    this.all.push(job);
    this.sim.tell('kubernetes.jobStarted', spec.name);
    if (spec.activeDeadlineMicros < Number.POSITIVE_INFINITY)
      this.sim.after(spec.activeDeadlineMicros, this.deadline, job.row);
    this.sync(job);
    return job;
  }

  /** Ends a job before its end: its pods are deleted. */
  stop(job: Job): void {
    if (job.state === 'running') this.fail(job, 'Replaced');
  }

  private sync(job: Job): void {
    this.resync.soon(job.row);
  }

  private reconcile(job: Job): void {
    if (job.state !== 'running') return;
    const { spec } = job;
    for (const [pod, index] of [...job.pods]) {
      const isGone = !pod.exists || !Number.isNaN(pod.deletedAt);
      if (pod.phase === 'Succeeded') {
        job.pods.delete(pod);
        job.succeeded += 1;
        job.sinceSuccess = 0;
        job.doneIndexes.add(index);
      } else if (pod.phase === 'Failed' || isGone) {
        job.pods.delete(pod);
        const isDisruption = isGone || pod.reason !== '';
        if (isDisruption && spec.ignoresDisruption) continue;
        const code = pod.containers.find((c) => c.lastExitCode !== 0)?.lastExitCode ?? 0;
        job.failures += 1;
        job.sinceSuccess += 1;
        job.failedAt = this.sim.now;
        if (spec.failOn.includes(code)) {
          this.fail(job, 'PodFailurePolicy');
          return;
        }
      }
    }
    if (job.succeeded >= spec.completions) {
      job.state = 'complete';
      this.sim.tell('kubernetes.jobComplete', spec.name);
      this.onFinished(job);
      return;
    }
    if (job.failures > spec.backoffLimit) {
      this.fail(job, 'BackoffLimitExceeded');
      return;
    }
    const wait = job.failedAt + podFailureBackOff(job.sinceSuccess);
    if (this.sim.now < wait) {
      this.resync.at(job.row, wait);
      return;
    }
    while (job.pods.size < Math.min(spec.parallelism, spec.completions - job.succeeded)) this.create(job);
  }

  private create(job: Job): void {
    const { name, namespace, template, completionMode } = job.spec;
    job.made += 1;
    let index = 0;
    if (completionMode === 'Indexed') {
      const taken = new Set([...job.pods.values(), ...job.doneIndexes]);
      while (taken.has(index)) index += 1;
    }
    const middle = completionMode === 'Indexed' ? `${index}-` : '';
    const podName = `${name}-${middle}${suffixOf(`${namespace}/${name}/${job.made}`, 5)}`;
    const unique = this.cluster.pod(namespace, podName) === undefined ? podName : `${podName}${job.made}`;
    const pod = this.cluster.createPod(namespace, unique, { kind: 'Job', name }, template);
    job.pods.set(pod, index);
    this.jobOf.set(pod, job);
  }

  private fail(job: Job, reason: string): void {
    job.state = 'failed';
    this.sim.tell('kubernetes.jobFailed', job.spec.name, reason);
    for (const pod of job.pods.keys())
      if (pod.phase === 'Pending' || pod.phase === 'Running') this.cluster.deletePod(pod);
    this.onFinished(job);
  }
}
