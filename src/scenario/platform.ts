import type { Capacities } from '../formats/cruiseControl.ts';
import type { Problem, ReadText } from '../formats/problem.ts';
import type { ClusterDescription, Proposal } from '../models/cruiseControl/description.ts';
import type { Executor } from '../models/cruiseControl/executor.ts';
import type { KafkaCluster } from '../models/kafka/cluster.ts';
import { type Built, build } from './build.ts';
import { describeCluster } from './connections/kafkaToCruiseControl.ts';
import { capacitiesIn } from './cruiseControlRequest.ts';
import { capacitiesOf } from './cruiseControlSettings.ts';
import { type Loaded, loadScenario, type Scenario } from './load.ts';
import type { ReassignArgs } from './partitionActions.ts';
import type { CruiseControlModel, CruiseControlPartSettings } from './parts/cruiseControl.ts';
import { parts } from './parts/index.ts';

/** A platform has no period: an hour in which nothing happens. */
const anyHour = 'rehearse: 1\nfrom: 2000-01-03T00:00:00Z\nto: +1h\n';

/** Loads a platform, or a scenario together with its own. */
export function openPlatform(path: string, readText: ReadText): Loaded {
  const folder = path.slice(0, path.lastIndexOf('/') + 1);
  const hour = `${path}.hour`;
  const whole = `${path}.whole`;
  const names = [hour, path].map((file) => JSON.stringify(file.slice(folder.length)));
  const over: Readonly<Record<string, string>> = {
    [hour]: anyHour,
    [whole]: `rehearse: 1\nextends: [${names.join(', ')}]\n`,
  };
  const read: ReadText = (file) => (Object.hasOwn(over, file) ? over[file] : readText(file));
  const loaded = loadScenario(whole, read, parts);
  // What the whole lacks, the platform lacks.
  const own = (problems: readonly Problem[]) =>
    problems.map((p) => (p.file === whole ? { ...p, file: path, line: 0, column: 0 } : p));
  return { ...loaded, problems: own(loaded.problems), warnings: own(loaded.warnings) };
}

/** A cluster at a moment, and the settings that it has there. */
export interface Moment {
  readonly cluster: ClusterDescription;
  readonly settings: Readonly<Record<string, unknown>>;
}

/**
 * The cluster as Cruise Control sees it when the period of a scenario begins, before anything of its timeline, or so many microseconds
 * later, with what happened until then.
 * @param capacities in place of those that the platform states; a broker that has none there is told in them
 */
export function clusterAt(scenario: Scenario, after?: number, capacities?: Capacities): Moment {
  const { sim, models, settings } = build(upTo(scenario, after), { seed: scenario.seed });
  sim.run(scenario.warmUp + (after ?? 0));
  const kafka = models.kafka as KafkaCluster;
  const own = capacitiesOf(settings);
  const ids = kafka.settings.brokers.map((b) => b.id);
  const stated =
    capacities === undefined ? own : capacitiesIn(capacities, ids).map((found, i) => found ?? own[i]);
  return { cluster: describeCluster(kafka, settings, stated), settings };
}

/** A scenario with what its timeline does up to a moment; undefined is the beginning, before anything of the timeline. */
function upTo(scenario: Scenario, after: number | undefined): Scenario {
  const rows = scenario.timeline.flatMap(({ at }, row) => (after !== undefined && at <= after ? [row] : []));
  return {
    ...scenario,
    timeline: rows.map((row) => scenario.timeline[row]),
    reactions: () => [],
    timelineArgs: (draw) => {
      const all = scenario.timelineArgs(draw);
      return rows.map((row) => all[row]);
    },
  };
}

/** Moves, and who makes them. */
export interface PlannedMoves {
  readonly proposals: readonly Proposal[];
  /** Cruise Control's executor, in turns; or kafka-reassign-partitions, all at once. */
  readonly by: 'executor' | 'tool';
  /** Bytes per second of each broker and side; undefined: none but what the platform sets. */
  readonly throttle: number | undefined;
  /** Partitions at once on a broker, for the executor; undefined: as the platform sets it. */
  readonly concurrency: number | undefined;
}

/** A cluster at the moment at which moves begin. */
export interface Begun {
  readonly built: Built;
  readonly kafka: KafkaCluster;
  readonly executor: Executor;
  /** When they begin, microseconds of the run. */
  readonly since: number;
  /** Why the executor does not take them. */
  readonly refusal: string | undefined;
}

/** A platform without Cruise Control is given one with its own defaults. */
const cruiseControlItself: CruiseControlPartSettings = { version: '2.5.137' };

/**
 * Plays a scenario up to the moment of `clusterAt`, and begins these moves there; nothing else of its timeline happens afterwards.
 * @param micros how long it may be played from there
 * @param plan undefined: nothing moves
 * @param record names of the metrics that are kept
 */
export function beginMoves(
  scenario: Scenario,
  after: number | undefined,
  micros: number,
  plan: PlannedMoves | undefined,
  record: ReadonlySet<string>,
): Begun {
  const cut = upTo(scenario, after);
  const at = after ?? 0;
  const args: ReassignArgs = {
    partitions: (plan?.proposals ?? []).map((m) => ({
      topic: m.topic,
      partition: m.partition,
      replicas: [...m.newReplicas],
    })),
    throttle: plan?.throttle,
  };
  const entry = { id: 'the plan', at, part: 'kafka', action: 'reassign', args, line: 0 };
  const byTool = plan?.by === 'tool';
  const built = build(
    {
      ...cut,
      length: at + micros,
      timeline: byTool ? [...cut.timeline, entry] : cut.timeline,
      timelineArgs: (draw) => [...cut.timelineArgs(draw), ...(byTool ? [args] : [])],
      settings: (draw) => {
        const settings = cut.settings(draw);
        return { ...settings, cruiseControl: settings.cruiseControl ?? cruiseControlItself };
      },
    },
    { seed: scenario.seed, record },
  );
  const since = scenario.warmUp + at;
  const kafka = built.models.kafka as KafkaCluster;
  kafka.requests.measure(since);
  built.sim.run(since);
  const { executor } = (built.models.cruiseControl as CruiseControlModel).service;
  const refusal =
    plan === undefined || byTool
      ? undefined
      : executor.execute({
          proposals: plan.proposals,
          reason: entry.id,
          throttle: plan.throttle,
          movementsPerBroker: plan.concurrency,
        });
  return { built, kafka, executor, since, refusal };
}
