import type { Problem, ReadText } from '../formats/problem.ts';
import type { ClusterDescription } from '../models/cruiseControl/description.ts';
import type { KafkaCluster } from '../models/kafka/cluster.ts';
import { build } from './build.ts';
import { describeCluster } from './connections/kafkaToCruiseControl.ts';
import { type Loaded, loadScenario, type Scenario } from './load.ts';
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
 */
export function clusterAt(scenario: Scenario, after?: number): Moment {
  const played = after === undefined ? { ...scenario, timeline: [] } : scenario;
  const { sim, models, settings } = build(played, { seed: scenario.seed });
  sim.run(scenario.warmUp + (after ?? 0));
  return { cluster: describeCluster(models.kafka as KafkaCluster, settings), settings };
}
