import type { Simulation } from '../../engine/simulation.ts';
import { type JobHost, type JobSpec, Jobs } from '../../models/batch/jobs.ts';
import type { Container } from '../../models/kubernetes/cluster.ts';
import type { Platform } from '../../models/kubernetes/platform.ts';
import type { Models } from '../part.ts';

/** A job's program drives the memory of its workload's container; what ends the container ends the program. */
export function connectBatch(
  sim: Simulation,
  specs: readonly JobSpec[],
  places: readonly {
    readonly workload: string;
    readonly namespace?: string | undefined;
    readonly container?: string | undefined;
  }[],
  models: Models,
): Jobs {
  const platform = models.kubernetes as Platform;
  const { cluster, kubelet } = platform;
  const at = (row: number) => cluster.containers[row];
  const jobOf = (container: Container): number =>
    places.findIndex((place) => {
      const { pod, spec } = container;
      if (spec.memory.kind !== 'driven' || (place.container !== undefined && place.container !== spec.name))
        return false;
      if (place.namespace !== undefined && place.namespace !== pod.namespace) return false;
      return platform.workloadOf(pod)?.name === place.workload;
    });
  const host: JobHost = {
    running: (job) =>
      cluster.containers
        .filter((c) => c.state === 'running' && jobOf(c) === job && Number.isNaN(c.pod.deletedAt))
        .sort((x, y) => x.startedAt - y.startedAt || x.row - y.row)
        .map((c) => c.row),
    idleBytes: (row) => {
      const { memory } = at(row).spec;
      return memory.kind === 'driven' ? memory.idleBytes : 0;
    },
    hold: (row, bytes, perSecond) => {
      if (at(row).state === 'running') kubelet.setAnonymous(at(row), bytes, perSecond);
    },
    holdBeside: (row, bytes, perSecond) => {
      if (at(row).state === 'running') kubelet.setBeside(at(row), bytes, perSecond);
    },
    setCpuDemand: (row, cores) => {
      if (at(row).state === 'running') kubelet.setCpuDemand(at(row), cores);
    },
    coresOf: (row) => kubelet.coresOf(at(row)),
    nameOf: (row) => at(row).pod.name,
    // A process that was told to end and does, ends well.
    exit: (row) => kubelet.exit(at(row), 0),
  };
  const jobs = new Jobs(sim, specs, host);
  kubelet.attach((container) => jobOf(container) >= 0, {
    started: (container) => jobs.containerStarted(container.row, jobOf(container)),
    ended: (container) =>
      jobs.containerEnded(container.row, container.reason === 'OOMKilled' ? 'OOMKilled' : 'terminated'),
    terminated: (container, graceMicros) => jobs.terminated(container.row, graceMicros),
    besideKilled: (container) => jobs.besideKilled(container.row),
    coresChanged: (container) => jobs.coresChanged(container.row),
  });
  return jobs;
}
