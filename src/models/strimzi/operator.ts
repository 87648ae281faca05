import type { Gauge } from '../../engine/gauge.ts';
import type { Simulation } from '../../engine/simulation.ts';
import { type AuthoritySpec, CertificateAuthorities } from './authorities.ts';
import { Roller, type RollerPorts } from './roller.ts';
import { TopicOperator, type TopicPorts } from './topicOperator.ts';

/** JVM options of a broker, as `spec.kafka.jvmOptions` has them. */
export interface JvmOptions {
  readonly heapBytes?: number | undefined;
  readonly maxGcPauseMicros?: number | undefined;
  readonly reservePercent?: number | undefined;
  readonly concGcThreads?: number | undefined;
  readonly parallelGcThreads?: number | undefined;
  readonly regionSizeBytes?: number | undefined;
  readonly initiatingHeapOccupancyPercent?: number | undefined;
  /** 1 for -XX:+G1UseAdaptiveIHOP, 0 for its opposite. */
  readonly adaptiveIhop?: number | undefined;
  readonly mixedGcCountTarget?: number | undefined;
}

/** Container resources of a broker, as `spec.kafka.resources` has them. */
export interface Resources {
  readonly memoryLimitBytes?: number | undefined;
  readonly cpuRequest?: number | undefined;
  readonly cpuLimit?: number | undefined;
}

export interface PodSpec {
  readonly jvm: JvmOptions;
  readonly resources: Resources;
}

/** What a pod's specification holds, in the base units of its names. */
export const podOptions = [
  'heapBytes',
  'maxGcPauseMicros',
  'reservePercent',
  'concGcThreads',
  'parallelGcThreads',
  'regionSizeBytes',
  'initiatingHeapOccupancyPercent',
  'adaptiveIhop',
  'mixedGcCountTarget',
  'memoryLimitBytes',
  'cpuRequest',
  'cpuLimit',
] as const;

/**
 * What the pods of the cluster should look like, and whether they do. Any change of JVM options or resources changes the pod's revision, and
 * with it forces a roll. Source: Strimzi 0.42 `ReconcilerUtils.reasonsToRestartPod`, `PodRevision`.
 */
export class Operator {
  readonly roller: Roller;
  readonly topics: TopicOperator;
  readonly authorities: CertificateAuthorities;
  private readonly sim: Simulation;
  private readonly specs = new Map<number, PodSpec>();
  readonly ids: readonly number[];
  private readonly options: Gauge;

  constructor(
    sim: Simulation,
    ids: readonly number[],
    spec: PodSpec,
    ports: RollerPorts,
    topics: TopicPorts,
    authorities: readonly AuthoritySpec[],
    origin: number,
  ) {
    this.sim = sim;
    this.roller = new Roller(sim, ports);
    this.topics = new TopicOperator(sim, topics);
    this.authorities = new CertificateAuthorities(sim, authorities, this.roller, ids, origin);
    this.ids = ids;
    this.options = sim.gauge('rehearse:pod_option', ids.length * podOptions.length);
    for (const id of ids) this.set(id, spec);
  }

  specOf(id: number): PodSpec {
    const spec = this.specs.get(id);
    if (spec === undefined) throw new RangeError(`no pod ${id}`);
    return spec;
  }

  /** Writes new options into pods' specifications. @returns ids of the pods whose revision changed */
  apply(ids: readonly number[], jvm: JvmOptions, resources: Resources): number[] {
    return ids.filter((id) => {
      const old = this.specOf(id);
      const made: PodSpec = { jvm: defined(old.jvm, jvm), resources: defined(old.resources, resources) };
      this.set(id, made);
      return revision(old) !== revision(made);
    });
  }

  /** Puts back specifications, as a rollback does. */
  restore(specs: ReadonlyMap<number, PodSpec>): void {
    for (const [id, spec] of specs) this.set(id, spec);
  }

  private set(id: number, spec: PodSpec): void {
    this.specs.set(id, spec);
    const first = this.ids.indexOf(id) * podOptions.length;
    const all: Readonly<Record<string, number | undefined>> = { ...spec.jvm, ...spec.resources };
    podOptions.forEach((option, i) => {
      this.options.set(first + i, all[option] ?? 0);
    });
  }

  /** Rolls the pods whose specification changed, and those asked for by annotation. */
  roll(ids: readonly number[], jvm: JvmOptions, resources: Resources, manual: boolean): void {
    const changed = new Set(this.apply(ids, jvm, resources));
    const rolled = manual ? [...ids] : [...changed];
    if (rolled.length === 0) {
      this.sim.tell('strimzi.nothingToRoll', 'operator', 'no specification changed and no pod is annotated');
      return;
    }
    this.roller.require(rolled, changed.size > 0 ? 'POD_HAS_OLD_REVISION' : 'MANUAL_ROLLING_UPDATE');
  }
}

function defined<T extends object>(old: T, change: T): T {
  const made = { ...old } as Record<string, unknown>;
  for (const [key, value] of Object.entries(change)) if (value !== undefined) made[key] = value;
  return made as T;
}

function revision(spec: PodSpec): string {
  const sorted = (o: object) => Object.entries(o).sort(([a], [b]) => (a < b ? -1 : 1));
  return JSON.stringify([sorted(spec.jvm), sorted(spec.resources)]);
}
