import type { Metric } from '../../engine/catalogue.ts';
import { type Gauge, gone } from '../../engine/gauge.ts';
import type { Simulation } from '../../engine/simulation.ts';
import type { Cluster, Container, Node, Pod } from './cluster.ts';
import type { Deployment, Deployments } from './controllers/deployment.ts';

type Labels = Readonly<Record<string, string>>;

/** Series of one name whose labels come and go: a row for each set of labels that there ever was. */
class Family {
  readonly labels: Labels[] = [];
  private readonly gauge: Gauge;
  private readonly rows = new Map<string, number>();

  constructor(sim: Simulation, name: string) {
    this.gauge = sim.gauge(name, 0);
  }

  set(key: string, labels: () => Labels, value: number): void {
    let row = this.rows.get(key);
    if (row === undefined) {
      if (value === gone) return;
      row = this.labels.length;
      this.rows.set(key, row);
      this.labels.push(labels());
      this.gauge.grow(row + 1);
    }
    this.gauge.set(row, value);
  }
}

const pod = ['namespace', 'pod'];
const container = ['namespace', 'pod', 'container'];
const state = 'kube-state-metrics';

function described(name: string, labels: readonly string[], help: string): Metric {
  return {
    name,
    type: name.endsWith('_total') ? 'counter' : 'gauge',
    unit: name.endsWith('_bytes') ? 'B' : '',
    labels,
    openSeries: true,
    help,
    source: state,
  };
}

/** What kube-state-metrics tells of pods, nodes and deployments. */
export const stateMetrics: readonly Metric[] = [
  described(
    'kube_pod_info',
    [...pod, 'node', 'created_by_kind', 'created_by_name'],
    '1 for every pod that is there.',
  ),
  described('kube_pod_status_phase', [...pod, 'phase'], '1 for the phase that the pod is in.'),
  described('kube_pod_status_reason', [...pod, 'reason'], 'Why the pod failed.'),
  described('kube_pod_container_status_ready', container, '1 while the container is ready.'),
  described('kube_pod_container_status_running', container, '1 while the container runs.'),
  described('kube_pod_container_status_restarts_total', container, 'Restarts of the container.'),
  described('kube_pod_container_status_waiting_reason', [...container, 'reason'], 'Why the container waits.'),
  described(
    'kube_pod_container_status_terminated_reason',
    [...container, 'reason'],
    'How the container ended.',
  ),
  described(
    'kube_pod_container_status_last_terminated_reason',
    [...container, 'reason'],
    'How the container ended before it was started again.',
  ),
  described(
    'kube_pod_container_status_last_terminated_exitcode',
    container,
    'Exit code of the container before it was started again.',
  ),
  described(
    'kube_pod_container_resource_requests',
    [...container, 'node', 'resource', 'unit'],
    'Requests of the container.',
  ),
  described(
    'kube_pod_container_resource_limits',
    [...container, 'node', 'resource', 'unit'],
    'Limits of the container.',
  ),
  described('kube_node_info', ['node'], '1 for every node that is there.'),
  described(
    'kube_node_status_condition',
    ['node', 'condition', 'status'],
    '1 for the status that the condition has.',
  ),
  described('kube_node_status_capacity', ['node', 'resource', 'unit'], 'What the node has.'),
  described(
    'kube_node_status_allocatable',
    ['node', 'resource', 'unit'],
    'What may be requested on the node.',
  ),
  described('kube_node_spec_unschedulable', ['node'], '1 while the node is cordoned.'),
  described('kube_node_spec_taint', ['node', 'key', 'value', 'effect'], 'Taints of the node.'),
  described('kube_deployment_spec_replicas', ['namespace', 'deployment'], 'Replicas that are wanted.'),
  described('kube_deployment_status_replicas', ['namespace', 'deployment'], 'Pods that are there.'),
  described(
    'kube_deployment_status_replicas_available',
    ['namespace', 'deployment'],
    'Pods that are available.',
  ),
  described(
    'kube_deployment_status_replicas_unavailable',
    ['namespace', 'deployment'],
    'Pods that are missing.',
  ),
  described(
    'kube_deployment_status_replicas_updated',
    ['namespace', 'deployment'],
    'Pods of the newest template.',
  ),
  described(
    'kube_deployment_metadata_generation',
    ['namespace', 'deployment'],
    'How often the deployment was changed.',
  ),
  described(
    'kube_deployment_status_observed_generation',
    ['namespace', 'deployment'],
    'The change that the controller has seen.',
  ),
];

const phases = ['Pending', 'Succeeded', 'Failed', 'Running', 'Unknown'] as const;

/** Source: kube-state-metrics, docs/metrics/workload/pod-metrics.md: reasons that it knows. */
const podReasons = ['Evicted', 'NodeLost', 'NodeAffinity', 'Shutdown', 'UnexpectedAdmissionError'];

/**
 * Series of kube-state-metrics, kept only where somebody looks at them. Source: kube-state-metrics v2, internal/store pod.go, node.go, deployment.go.
 * Simplified: what the API server knows is exposed at once.
 */
export class StateMetrics {
  private readonly families = new Map<string, Family>();
  private readonly deployments: Deployments;

  constructor(cluster: Cluster, deployments: Deployments) {
    this.deployments = deployments;
    const { sim } = cluster;
    for (const { name } of stateMetrics)
      if (sim.records(name)) this.families.set(name, new Family(sim, name));
    if (this.families.size === 0) return;
    const touched = (p: Pod) => {
      this.notePod(p);
      const owner = deployments.ownerOf(p);
      if (owner !== undefined) this.noteDeployment(owner);
    };
    cluster.listen({
      podCreated: touched,
      podBound: touched,
      podChanged: touched,
      podDeleted: touched,
      podRemoved: touched,
      nodeAdded: (n) => this.noteNode(n),
      nodeChanged: (n) => this.noteNode(n),
      nodeRemoved: (n) => this.noteNode(n, true),
    });
    for (const n of cluster.nodes) this.noteNode(n);
  }

  labels(metric: string): ((row: number) => Labels) | undefined {
    const family = this.families.get(metric);
    return family === undefined ? undefined : (row) => family.labels[row]!;
  }

  /** Called after a deployment was changed; its pods tell of themselves. */
  noteDeployment(d: Deployment): void {
    const { name, namespace, replicas } = d.spec;
    const labels = () => ({ namespace, deployment: name });
    const put = (metric: string, value: () => number) =>
      this.families.get(metric)?.set(`${namespace}/${name}`, labels, value());
    put('kube_deployment_spec_replicas', () => replicas);
    put('kube_deployment_status_replicas', () => this.deployments.podsOf(d).length);
    put('kube_deployment_status_replicas_available', () => this.deployments.availableOf(d));
    put('kube_deployment_status_replicas_unavailable', () =>
      Math.max(0, Math.max(replicas, this.deployments.podsOf(d).length) - this.deployments.availableOf(d)),
    );
    put('kube_deployment_status_replicas_updated', () => this.deployments.updatedOf(d));
    put('kube_deployment_metadata_generation', () => d.generation);
    put('kube_deployment_status_observed_generation', () => d.generation);
  }

  private notePod(p: Pod): void {
    const { namespace, name } = p;
    const key = `${namespace}/${name}`;
    const own = { namespace, pod: name };
    const there = (value: number) => (p.exists ? value : gone);
    const node = p.node?.spec.name ?? '';
    this.families
      .get('kube_pod_info')
      ?.set(
        `${key}/${node}`,
        () => ({ ...own, node, created_by_kind: p.owner?.kind ?? '', created_by_name: p.owner?.name ?? '' }),
        there(1),
      );
    if (node !== '') this.families.get('kube_pod_info')?.set(`${key}/`, () => own, gone);
    const phase = this.families.get('kube_pod_status_phase');
    if (phase !== undefined)
      for (const one of phases)
        phase.set(`${key}/${one}`, () => ({ ...own, phase: one }), there(Number(p.phase === one)));
    const reasons = this.families.get('kube_pod_status_reason');
    if (reasons !== undefined)
      for (const reason of podReasons)
        reasons.set(`${key}/${reason}`, () => ({ ...own, reason }), there(Number(p.reason === reason)));
    for (const c of p.containers) this.noteContainer(c, there, node);
  }

  private noteContainer(c: Container, there: (value: number) => number, node: string): void {
    if (c.spec.kind === 'init') return;
    const { namespace, name } = c.pod;
    const own = { namespace, pod: name, container: c.spec.name };
    const key = `${namespace}/${name}/${c.spec.name}`;
    const put = (metric: string, value: number) =>
      this.families.get(metric)?.set(key, () => own, there(value));
    put('kube_pod_container_status_ready', Number(c.isReady));
    put('kube_pod_container_status_running', Number(c.state === 'running'));
    put('kube_pod_container_status_restarts_total', c.restarts);
    // Source: pod.go: the termination before the present state, so only once there was one.
    if (c.lastReason !== '' && c.state !== 'terminated')
      put('kube_pod_container_status_last_terminated_exitcode', c.lastExitCode);
    const reason = (metric: string, present: string) => {
      const family = this.families.get(metric);
      if (family === undefined) return;
      for (const other of containerReasons)
        family.set(`${key}/${other}`, () => ({ ...own, reason: other }), other === present ? there(1) : gone);
    };
    reason('kube_pod_container_status_waiting_reason', c.state === 'waiting' ? c.reason : '');
    reason('kube_pod_container_status_terminated_reason', c.state === 'terminated' ? c.reason : '');
    reason('kube_pod_container_status_last_terminated_reason', c.state === 'terminated' ? '' : c.lastReason);
    const amounts = (metric: string, memoryBytes: number, cpuMillis: number) => {
      const family = this.families.get(metric);
      if (family === undefined) return;
      const shown = (value: number) => (value > 0 && value < Number.POSITIVE_INFINITY ? there(value) : gone);
      family.set(
        `${key}/${node}/m`,
        () => ({ ...own, node, resource: 'memory', unit: 'byte' }),
        shown(memoryBytes),
      );
      family.set(
        `${key}/${node}/c`,
        () => ({ ...own, node, resource: 'cpu', unit: 'core' }),
        shown(cpuMillis / 1000),
      );
    };
    amounts('kube_pod_container_resource_requests', c.spec.requests.memoryBytes, c.spec.requests.cpuMillis);
    amounts('kube_pod_container_resource_limits', c.spec.limits.memoryBytes, c.spec.limits.cpuMillis);
  }

  private noteNode(n: Node, isGone = false): void {
    const node = n.spec.name;
    const there = (value: number) => (isGone ? gone : value);
    this.families.get('kube_node_info')?.set(node, () => ({ node }), there(1));
    this.families
      .get('kube_node_spec_unschedulable')
      ?.set(node, () => ({ node }), there(Number(n.isCordoned)));
    const conditions = this.families.get('kube_node_status_condition');
    const status = {
      Ready: n.isReady ? 'true' : 'unknown',
      MemoryPressure: n.hasMemoryPressure ? 'true' : 'false',
    };
    if (conditions !== undefined)
      for (const [condition, present] of Object.entries(status))
        for (const s of ['true', 'false', 'unknown'])
          conditions.set(
            `${node}/${condition}/${s}`,
            () => ({ node, condition, status: s }),
            there(Number(s === present)),
          );
    const amounts = (metric: string, memoryBytes: number, cpuMillis: number) => {
      const family = this.families.get(metric);
      family?.set(`${node}/m`, () => ({ node, resource: 'memory', unit: 'byte' }), there(memoryBytes));
      family?.set(`${node}/c`, () => ({ node, resource: 'cpu', unit: 'core' }), there(cpuMillis / 1000));
      family?.set(`${node}/p`, () => ({ node, resource: 'pods', unit: 'integer' }), there(n.spec.maxPods));
    };
    amounts('kube_node_status_capacity', n.spec.capacity.memoryBytes, n.spec.capacity.cpuMillis);
    amounts('kube_node_status_allocatable', n.allocatable.memoryBytes, n.allocatable.cpuMillis);
    const taints = this.families.get('kube_node_spec_taint');
    if (taints === undefined) return;
    const present = new Set(n.taints.map((t) => `${t.key}/${t.value}/${t.effect}`));
    const all = n.isCordoned
      ? [...n.taints, { key: 'node.kubernetes.io/unschedulable', value: '', effect: 'NoSchedule' as const }]
      : n.taints;
    for (const t of all) present.add(`${t.key}/${t.value}/${t.effect}`);
    for (const t of all)
      taints.set(
        `${node}/${t.key}/${t.value}/${t.effect}`,
        () => ({ node, key: t.key, value: t.value, effect: t.effect }),
        there(1),
      );
    for (const [known, labels] of this.taintsOf(node))
      if (!present.has(known)) taints.set(`${node}/${known}`, () => labels, gone);
  }

  private taintsOf(node: string): readonly (readonly [string, Labels])[] {
    return this.families
      .get('kube_node_spec_taint')!
      .labels.filter((l) => l.node === node)
      .map((l) => [`${l.key}/${l.value}/${l.effect}`, l] as const);
  }
}

/** Source: kube-state-metrics internal/store/pod.go, containerWaitingReasons and containerTerminatedReasons, as far as they happen here. */
const containerReasons = ['ContainerCreating', 'CrashLoopBackOff', 'OOMKilled', 'Completed', 'Error'];
