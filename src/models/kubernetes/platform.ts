import type { Simulation } from '../../engine/simulation.ts';
import { Autoscaler, type AutoscalerSettings, type ScalablePool } from './autoscaler.ts';
import { Cluster, type Node, type Pod } from './cluster.ts';
import { type CronJobSpec, CronJobs } from './controllers/cronJob.ts';
import { type DaemonSetSpec, DaemonSets } from './controllers/daemonSet.ts';
import { type DeploymentSpec, Deployments } from './controllers/deployment.ts';
import { type JobSpec, KubernetesJobs } from './controllers/job.ts';
import { type StatefulSetSpec, StatefulSets } from './controllers/statefulSet.ts';
import { type DisruptionBudget, type DisruptionSettings, Disruptions } from './disruptions.ts';
import { Kubelet, type KubeletSettings } from './kubelet.ts';
import { NodeCosts } from './nodeCosts.ts';
import type { NodeSpec, PodTemplate } from './objects.ts';
import type { Pods } from './pod.ts';
import { Scheduler, type SchedulerSettings } from './scheduler/scheduler.ts';
import { StateMetrics } from './stateMetrics.ts';

export interface PlatformSettings {
  readonly kubelet: KubeletSettings;
  readonly scheduler: SchedulerSettings;
  readonly controllerSyncMicros: number;
  readonly budgets: readonly DisruptionBudget[];
  readonly disruptions: DisruptionSettings;
  readonly autoscaler: AutoscalerSettings | undefined;
  readonly pools: readonly ScalablePool[];
  /** Start of the run, microseconds since 1970. */
  readonly epoch: number;
}

/** Other resources for the containers of a workload; absent: as before. */
export interface ResourceChange {
  readonly requests: { readonly memoryBytes?: number; readonly cpuMillis?: number };
  readonly limits: { readonly memoryBytes?: number; readonly cpuMillis?: number };
}

/** A workload as actions see it, whatever kind it is of. */
export interface Workload {
  readonly name: string;
  readonly namespace: string;
  /** Pods that are there and not on their way out. */
  readonly pods: () => readonly Pod[];
  readonly template: () => PodTemplate;
  readonly setTemplate: (template: PodTemplate) => void;
  /** Undefined where there is nothing to scale. */
  readonly scale: ((replicas: number) => void) | undefined;
  readonly replicas: () => number;
}

/** A Kubernetes cluster: its API server's state, and everybody who acts on it. */
export class Platform {
  readonly cluster: Cluster;
  readonly kubelet: Kubelet;
  readonly scheduler: Scheduler;
  readonly deployments: Deployments;
  readonly statefulSets: StatefulSets;
  readonly daemonSets: DaemonSets;
  readonly jobs: KubernetesJobs;
  readonly cronJobs: CronJobs;
  readonly disruptions: Disruptions;
  readonly stateMetrics: StateMetrics;
  readonly workloads: Workload[] = [];
  /** Brokers' pods, which their pod set makes again in their place. */
  readonly pods: Pods;
  private readonly workloadByOwner = new Map<object, Workload>();

  constructor(sim: Simulation, pods: Pods, nodes: readonly NodeSpec[], settings: PlatformSettings) {
    this.pods = pods;
    this.cluster = new Cluster(sim);
    for (const node of nodes) this.cluster.addNode(node);
    new NodeCosts(this.cluster);
    this.kubelet = new Kubelet(this.cluster, settings.kubelet);
    this.scheduler = new Scheduler(this.cluster, settings.scheduler);
    const sync = settings.controllerSyncMicros;
    this.deployments = new Deployments(this.cluster, sync);
    this.statefulSets = new StatefulSets(this.cluster, sync);
    this.daemonSets = new DaemonSets(this.cluster, sync);
    this.jobs = new KubernetesJobs(this.cluster, sync);
    this.cronJobs = new CronJobs(sim, this.jobs, settings.epoch);
    this.disruptions = new Disruptions(this.cluster, settings.budgets, settings.disruptions);
    this.stateMetrics = new StateMetrics(this.cluster, this.deployments);
    this.deployments.onChanged = (d) => this.stateMetrics.noteDeployment(d);
    this.scheduler.hasImage = (pod, node) => this.kubelet.hasImage(pod, node);
    this.scheduler.budget = (of) => this.disruptions.violations(of);
    this.disruptions.isDaemon = (pod) => this.daemonSets.isDaemon(pod);
    this.disruptions.wantedOf = (pod) => this.workloadOf(pod)?.replicas() ?? 1;
    if (settings.autoscaler === undefined) return;
    const autoscaler = new Autoscaler(
      this.cluster,
      this.disruptions,
      settings.pools,
      settings.autoscaler,
      () => this.scheduler.unschedulable(),
    );
    this.scheduler.onUnschedulable = () => autoscaler.wake();
  }

  // Workloads at the start: they run already; a pod for which there is no room waits for it.

  startDeployment(spec: DeploymentSpec, startsOn: readonly string[]): void {
    this.placeAll(this.deployments.add(spec), startsOn);
    const made = this.deployments.all[this.deployments.all.length - 1]!;
    this.register(made, spec, {
      pods: () => this.deployments.podsOf(made),
      template: () => made.spec.template,
      setTemplate: (template) => this.deployments.setTemplate(made, template),
      scale: (replicas) => this.deployments.scale(made, replicas),
      replicas: () => made.spec.replicas,
    });
  }

  startStatefulSet(spec: StatefulSetSpec, startsOn: readonly string[]): void {
    this.placeAll(this.statefulSets.add(spec), startsOn);
    const made = this.statefulSets.all[this.statefulSets.all.length - 1]!;
    this.register(made, spec, {
      pods: () => this.statefulSets.podsOf(made),
      template: () => made.spec.template,
      setTemplate: (template) => this.statefulSets.setTemplate(made, template),
      scale: (replicas) => this.statefulSets.scale(made, replicas),
      replicas: () => made.spec.replicas,
    });
  }

  startDaemonSet(spec: DaemonSetSpec): void {
    for (const [pod, node] of this.daemonSets.add(spec)) this.placeAtStart(pod, node);
    const made = this.daemonSets.all[this.daemonSets.all.length - 1]!;
    this.register(made, spec, {
      pods: () => this.daemonSets.podsOf(made),
      template: () => made.spec.template,
      setTemplate: (template) => this.daemonSets.setTemplate(made, template),
      scale: undefined,
      replicas: () => made.pods.size,
    });
  }

  startJob(spec: JobSpec): void {
    this.jobs.start(spec);
  }

  addCronJob(spec: CronJobSpec): void {
    this.cronJobs.add(spec);
  }

  private register(
    owner: object,
    { name, namespace }: { readonly name: string; readonly namespace: string },
    of: Omit<Workload, 'name' | 'namespace'>,
  ): void {
    const workload: Workload = { name, namespace, ...of };
    this.workloads.push(workload);
    this.workloadByOwner.set(owner, workload);
  }

  workload(name: string, namespace: string | undefined): Workload | undefined {
    return this.workloads.find(
      (w) => w.name === name && (namespace === undefined || w.namespace === namespace),
    );
  }

  /** The workload that a pod belongs to. */
  workloadOf(pod: Pod): Workload | undefined {
    const owner =
      this.deployments.ownerOf(pod) ?? this.statefulSets.ownerOf(pod) ?? this.daemonSets.ownerOf(pod);
    return owner === undefined ? undefined : this.workloadByOwner.get(owner);
  }

  private placeAll(pods: readonly Pod[], startsOn: readonly string[]): void {
    pods.forEach((pod, i) => {
      const named = startsOn.length === 0 ? undefined : this.cluster.node(startsOn[i % startsOn.length]!);
      const node = named ?? this.scheduler.choose(pod);
      if (node !== undefined) this.placeAtStart(pod, node);
    });
  }

  private placeAtStart(pod: Pod, node: Node): void {
    this.scheduler.forget(pod);
    this.kubelet.placeAtStart(pod, node);
  }

  /** A template with other resources for one of its containers, or for all that are no init containers. */
  static withResources(
    template: PodTemplate,
    container: string | undefined,
    change: ResourceChange,
  ): PodTemplate {
    return {
      ...template,
      containers: template.containers.map((c) =>
        c.name === container || (container === undefined && c.kind === 'main')
          ? {
              ...c,
              requests: { ...c.requests, ...change.requests },
              limits: { ...c.limits, ...change.limits },
            }
          : c,
      ),
    };
  }
}
