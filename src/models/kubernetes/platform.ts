import type { Simulation } from '../../engine/simulation.ts';
import { Cluster, type Node, type Pod } from './cluster.ts';
import { type DeploymentSpec, Deployments } from './controllers/deployment.ts';
import { Kubelet, type KubeletSettings } from './kubelet.ts';
import type { NodeSpec, PodTemplate } from './objects.ts';
import type { Pods } from './pod.ts';
import { Scheduler, type SchedulerSettings } from './scheduler/scheduler.ts';
import { StateMetrics } from './stateMetrics.ts';

/** A Kubernetes cluster: its API server's state, and everybody who acts on it. */
export class Platform {
  readonly cluster: Cluster;
  readonly kubelet: Kubelet;
  readonly scheduler: Scheduler;
  readonly deployments: Deployments;
  readonly stateMetrics: StateMetrics;
  /** Brokers' pods, which their pod set makes again in their place. */
  readonly pods: Pods;

  constructor(
    sim: Simulation,
    pods: Pods,
    nodes: readonly NodeSpec[],
    settings: {
      readonly kubelet: KubeletSettings;
      readonly scheduler: SchedulerSettings;
      readonly controllerSyncMicros: number;
    },
  ) {
    this.pods = pods;
    this.cluster = new Cluster(sim);
    for (const node of nodes) this.cluster.addNode(node);
    this.kubelet = new Kubelet(this.cluster, settings.kubelet);
    this.scheduler = new Scheduler(this.cluster, settings.scheduler);
    this.scheduler.hasImage = (pod, node) => this.kubelet.hasImage(pod, node);
    this.deployments = new Deployments(this.cluster, settings.controllerSyncMicros);
    this.stateMetrics = new StateMetrics(this.cluster, this.deployments);
    this.deployments.onChanged = (d) => this.stateMetrics.noteDeployment(d);
  }

  /** A deployment that runs when the simulation begins; a pod for which there is no room waits for it. */
  startDeployment(spec: DeploymentSpec, startsOn: readonly string[]): void {
    this.deployments.add(spec).forEach((pod, i) => {
      const named = startsOn.length === 0 ? undefined : this.cluster.node(startsOn[i % startsOn.length]!);
      this.placeAtStart(pod, named ?? this.scheduler.choose(pod));
    });
  }

  private placeAtStart(pod: Pod, node: Node | undefined): void {
    if (node === undefined) return;
    this.scheduler.forget(pod);
    this.kubelet.placeAtStart(pod, node);
  }

  setCordoned(name: string, isCordoned: boolean): void {
    const node = this.cluster.node(name);
    if (node === undefined || node.isCordoned === isCordoned) return;
    node.isCordoned = isCordoned;
    this.cluster.sim.tell('kubernetes.cordoned', name, isCordoned ? 'cordoned' : 'uncordoned');
    this.cluster.touchNode(node);
  }

  /** The template of a workload with other resources for one of its containers. @throws RangeError when there is no such container */
  static withResources(
    template: PodTemplate,
    container: string | undefined,
    change: {
      readonly requests: { readonly memoryBytes?: number; readonly cpuMillis?: number };
      readonly limits: { readonly memoryBytes?: number; readonly cpuMillis?: number };
    },
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
