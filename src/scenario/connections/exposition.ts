import type { Metric } from '../../engine/catalogue.ts';
import type { Labels } from '../../models/monitoring/labels.ts';
import { type Exposed, exposedAs } from '../answerable.ts';

/** Who is scraped, and what names the platform gives to what it runs. */
export interface ExpositionOptions {
  /** Name of the Kafka resource. */
  readonly cluster: string;
  readonly namespace: string;
  /** Node of each broker, by its id. */
  readonly nodeOf: ReadonlyMap<string, string>;
  /** Whether a broker has more than one log directory. */
  readonly hasJbod: boolean;
}

/** Where a series turns up: the target that is scraped, the labels it has there, and the broker whose process has to run for it. */
export interface Place {
  readonly target: string;
  readonly labels: Labels;
  readonly broker?: string | undefined;
}

/** A metric that exporters derive from others, one series for each of the first's. */
export interface DerivedMetric {
  readonly name: string;
  readonly from: readonly string[];
  readonly labels: readonly string[];
  readonly unit: string;
  /** What the series has of itself, from the labels of those it is derived from. */
  readonly labelsOf: (labels: Labels, options: ExpositionOptions) => Labels;
  readonly value: (values: readonly number[]) => number;
  /** Each time that the broker's container runs is a series of its own, with the time it was seen as value. */
  readonly isPerContainer?: boolean;
}

const podOf = (broker: string, { cluster }: ExpositionOptions) => `${cluster}-kafka-${broker}`;

/** Names of exporters by what their metrics begin with. */
const jobs: readonly (readonly [RegExp, string])[] = [
  [/^(kafka_(server|controller|cluster|log|network)_|jvm_)/, 'kafka'],
  [/^kafka_(consumergroup|topic)_/, 'kafka-exporter'],
  [/^kafka_connect_/, 'kafka-connect'],
  [/^kafka_cruisecontrol_/, 'cruise-control'],
  [/^kafka_schema_registry_/, 'schema-registry'],
  [/^kube_/, 'kube-state-metrics'],
  [/^(container_|machine_)/, 'cadvisor'],
  [/^kubelet_/, 'kubelet'],
  [/^node_/, 'node-exporter'],
];

/** Labels that a PodMonitor of Strimzi's examples gives to what it scrapes, beside those of prometheus-operator. */
const strimziLabels = [
  'strimzi_io_cluster',
  'strimzi_io_kind',
  'strimzi_io_name',
  'strimzi_io_component_type',
  'namespace',
  'kubernetes_pod_name',
  'node_name',
  'pod',
  'container',
  'endpoint',
];
const targetLabels: Readonly<Record<string, readonly string[]>> = {
  kafka: strimziLabels,
  'kafka-exporter': strimziLabels,
  'kafka-connect': ['namespace', 'pod', 'kubernetes_pod_name'],
  cadvisor: ['metrics_path', 'node', 'image', 'id', 'name'],
  kubelet: ['metrics_path', 'node'],
  'node-exporter': ['nodename'],
};

const ofBroker = (labels: Labels): Labels => ({ broker: labels.broker ?? '' });

/** What Strimzi's rules and the mixins ask for that no model keeps as such. */
export const derivedMetrics: readonly DerivedMetric[] = [
  {
    name: 'up',
    from: ['kafka_server_kafkaserver_brokerstate'],
    labels: [...strimziLabels, 'job', 'instance', 'broker', 'kubernetes_namespace'],
    unit: '',
    labelsOf: ofBroker,
    value: ([state]) => (state! > 0 ? 1 : 0),
  },
  {
    name: 'container_last_seen',
    from: ['kafka_server_kafkaserver_brokerstate'],
    labels: ['namespace', 'pod', 'container', 'broker'],
    unit: 's',
    labelsOf: (labels, options) => ({
      ...ofBroker(labels),
      namespace: options.namespace,
      pod: podOf(labels.broker ?? '', options),
      container: 'kafka',
    }),
    value: ([state]) => state!,
    isPerContainer: true,
  },
  {
    name: 'kubelet_volume_stats_available_bytes',
    from: ['rehearse:log_directory_capacity_bytes', 'rehearse:log_directory_used_bytes'],
    labels: ['namespace', 'persistentvolumeclaim', 'broker'],
    unit: 'B',
    labelsOf: (labels, options) => claimOf(labels, options),
    value: ([capacity, used]) => capacity! - used!,
  },
  {
    name: 'kubelet_volume_stats_used_bytes',
    from: ['rehearse:log_directory_used_bytes'],
    labels: ['namespace', 'persistentvolumeclaim', 'broker'],
    unit: 'B',
    labelsOf: (labels, options) => claimOf(labels, options),
    value: ([used]) => used!,
  },
  {
    name: 'kubelet_volume_stats_capacity_bytes',
    from: ['rehearse:log_directory_capacity_bytes'],
    labels: ['namespace', 'persistentvolumeclaim', 'broker'],
    unit: 'B',
    labelsOf: (labels, options) => claimOf(labels, options),
    value: ([capacity]) => capacity!,
  },
  {
    name: 'kafka_topic_partition_under_replicated_partition',
    from: ['kafka_cluster_partition_underreplicated'],
    labels: ['topic', 'partition'],
    unit: '',
    labelsOf: (labels) => labels,
    value: ([count]) => count!,
  },
];

/** The claim of a log directory: `data-POD`, or `data-N-POD` where a broker has several. Source: Strimzi, VolumeUtils `createVolumePrefix`. */
function claimOf(labels: Labels, options: ExpositionOptions): Labels {
  const pod = podOf(labels.broker ?? '', options);
  const volume = /(\d+)$/.exec(labels.directory ?? '')?.[1] ?? '0';
  return {
    broker: labels.broker ?? '',
    namespace: options.namespace,
    persistentvolumeclaim: options.hasJbod ? `data-${volume}-${pod}` : `data-${pod}`,
  };
}

/** Labels that name the process behind a series, the first that is there. */
const processLabels = ['instance', 'pod', 'broker', 'worker', 'node'];

/**
 * Which exporter shows a metric, with the labels that a usual installation of Strimzi, kube-prometheus and the exporters has them under. The label
 * `broker`, which no exporter gives, stays: it is the broker's id. A measure of ours is exposed by nobody.
 * Source: Strimzi examples/metrics (PodMonitor kafka-resources-metrics); prometheus-operator, relabelling of a PodMonitor; kube-prometheus job names.
 */
export class Exposition {
  readonly options: ExpositionOptions;

  constructor(options: ExpositionOptions) {
    this.options = options;
  }

  placeOf(metric: string, labels: Labels): Place | undefined {
    if (metric.startsWith('rehearse:')) return undefined;
    const name = processLabels.find((label) => labels[label] !== undefined);
    const target = name === undefined ? 'platform' : `${name}/${labels[name]}`;
    const job = metric === 'up' ? 'kafka' : jobOf(metric);
    const { broker } = labels;
    return {
      target,
      labels: { ...this.labelsAt(job, labels), ...labels },
      broker: job === 'kafka' && metric !== 'up' ? broker : undefined,
    };
  }

  private labelsAt(job: string, { broker, node, worker }: Labels): Labels {
    const { cluster, namespace, nodeOf } = this.options;
    if (job === 'kafka') {
      const common = {
        job: `${namespace}/kafka-resources-metrics`,
        namespace,
        kubernetes_namespace: namespace,
        container: 'kafka',
        endpoint: 'tcp-prometheus',
        strimzi_io_cluster: cluster,
        strimzi_io_kind: 'Kafka',
        strimzi_io_name: `${cluster}-kafka`,
        strimzi_io_component_type: 'kafka',
      };
      if (broker === undefined) return common;
      const pod = podOf(broker, this.options);
      return {
        ...common,
        pod,
        kubernetes_pod_name: pod,
        instance: `${pod}:9404`,
        node_name: nodeOf.get(broker) ?? '',
      };
    }
    if (job === 'kafka-exporter')
      return {
        job: `${namespace}/kafka-resources-metrics`,
        namespace,
        strimzi_io_cluster: cluster,
        strimzi_io_kind: 'Kafka',
        strimzi_io_name: `${cluster}-kafka-exporter`,
        strimzi_io_component_type: 'kafka-exporter',
      };
    if (job === 'kafka-connect')
      return {
        job: `${namespace}/kafka-resources-metrics`,
        namespace,
        pod: worker ?? '',
        kubernetes_pod_name: worker ?? '',
      };
    if (job === 'cadvisor') return { job: 'kubelet', metrics_path: '/metrics/cadvisor', image: 'image' };
    if (job === 'kubelet') return { job: 'kubelet', metrics_path: '/metrics' };
    if (job === 'node-exporter') return { job, instance: `${node ?? ''}:9100`, nodename: node ?? '' };
    return { job };
  }

  /** Every metric that rules can read, of those that the platform's parts have. */
  exposed(metrics: readonly Metric[]): ReadonlyMap<string, Exposed> {
    const made = new Map<string, Exposed>();
    const names = new Set(metrics.map((m) => m.name));
    for (const metric of metrics) {
      if (metric.name.startsWith('rehearse:')) continue;
      made.set(
        metric.name,
        exposedAs(metric, ['job', 'instance', ...(targetLabels[jobOf(metric.name)] ?? [])]),
      );
    }
    for (const d of derivedMetrics)
      if (d.from.every((name) => names.has(name)))
        made.set(d.name, {
          labels: new Set([...d.labels, 'job', 'instance', ...(targetLabels[jobOf(d.name)] ?? [])]),
          isOpen: false,
        });
    return made;
  }
}

function jobOf(metric: string): string {
  return jobs.find(([pattern]) => pattern.test(metric))?.[1] ?? 'platform';
}
