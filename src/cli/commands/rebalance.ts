import { bindingSide, type Prediction, predict } from '../../experiment/prediction.ts';
import { predictionSections } from '../../experiment/predictionSections.ts';
import {
  countsOf,
  type Movement,
  movementForm,
  movementOf,
  observedForm,
  rebalance as optimized,
  proposalsOf,
  reassignmentOf,
  type Section,
  sectionsOf,
} from '../../experiment/rebalance.ts';
import { readReassignment, writeReassignment } from '../../formats/assignment.ts';
import {
  type Capacities,
  readCapacities,
  readClusterState,
  readLoad,
  readModel,
  readPartitionLoad,
} from '../../formats/cruiseControl.ts';
import type { JsonFile } from '../../formats/json.ts';
import { nearest } from '../../formats/nearest.ts';
import { parseQuantity, rateMeans } from '../../formats/quantity.ts';
import type {
  ClusterDescription,
  OptimizationRequest,
  OptimizationResult,
  Proposal,
} from '../../models/cruiseControl/description.ts';
import { type RebalanceMode, rebalanceModes } from '../../models/cruiseControl/modes.ts';
import { sectionsText } from '../../report/sections.ts';
import { joinAnswers, requestOf, simpleNames, withCapacities } from '../../scenario/cruiseControlRequest.ts';
import { goalListProblems, networkRates, unstatedNetwork } from '../../scenario/cruiseControlSettings.ts';
import type { CruiseControlPartSettings } from '../../scenario/parts/cruiseControl.ts';
import type { KafkaPartSettings } from '../../scenario/parts/kafka.ts';
import { minInSyncReplicas } from '../../scenario/planWarnings.ts';
import { clusterAt, openPlatform, type PlannedMoves } from '../../scenario/platform.ts';
import { renderProblems } from '../../scenario/problems.ts';
import { type Asked, asked } from '../../scenario/rebalanceModes.ts';
import { exitCode, UsageError } from '../exitCodes.ts';
import { locate, readerBelow, readWhole, writeWhole } from '../files.ts';
import type { Command, Given } from '../verbs.ts';

/** Partitions that Cruise Control moves at once on a broker. Source: Cruise Control 2.5 `ExecutorConfig`, `num.concurrent.partition.movements.per.broker`. */
const defaultConcurrency = 5;

/** It takes no more for a broker. Source: Cruise Control 2.5, below the default of `max.num.cluster.movements`. */
const mostConcurrent = 1249;

const answers = {
  load: '/load?json=true',
  partitions: '/partition_load?json=true&entries=1000000',
  state: '/kafka_cluster_state?json=true&verbose=true',
} as const;

/** Options about what stays where it is. */
const exclusions = ['exclude-topics', 'exclude-leadership', 'exclude-moves', 'destination-brokers'] as const;

/** Options that say something only of a platform. */
const platformOnly = [
  'mode',
  'brokers',
  ...exclusions,
  'skip-hard-goal-check',
  'at',
  'plan',
  'throttle',
  'concurrency',
];

/** What is wrong with options, told at once. */
class Mistakes {
  readonly told: string[] = [];

  add(found: string, mend: string): void {
    this.told.push(`${found}\n  mend: ${mend}`);
  }

  /** @throws UsageError when there are any */
  end(): void {
    if (this.told.length > 0) throw new UsageError(this.told.join('\n'));
  }
}

/** @returns whether the files are good; else everything that is wrong with them has been printed */
function good(files: readonly JsonFile[], texts: ReadonlyMap<string, string>): boolean {
  const all = files.flatMap((json) => json.problems());
  if (all.length > 0) process.stderr.write(`${renderProblems(all, texts)}\n\n`);
  const problems = all.filter((p) => p.severity === 'problem').length;
  if (problems > 0)
    process.stderr.write(`${problems} ${problems === 1 ? 'problem' : 'problems'}, nothing was done\n`);
  return problems === 0;
}

function goalsGiven(given: Given, mistakes: Mistakes): readonly string[] | undefined {
  const text = given.text('goals');
  if (text === undefined) return undefined;
  const goals = simpleNames(text.split(','));
  for (const { found, mend } of goalListProblems(goals)) mistakes.add(`--goals: ${found}`, mend);
  return goals;
}

function list(given: Given, name: string, mistakes: Mistakes): number[] | undefined {
  const text = given.text(name);
  if (text === undefined) return undefined;
  const ids = text.split(',').map((id) => id.trim());
  const wrong = ids.find((id) => !/^\d+$/.test(id));
  if (wrong !== undefined)
    mistakes.add(
      `--${name}: ${wrong || 'nothing'} is no broker id`,
      `write ids apart by commas, such as --${name} 5,6`,
    );
  return wrong === undefined ? [...new Set(ids.map(Number))] : undefined;
}

/** A cluster from files of Cruise Control, and what is asked of it; undefined when they have problems, which are printed. */
function fromFiles(
  given: Given,
  goals: readonly string[] | undefined,
): { readonly cluster: ClusterDescription; readonly request: OptimizationRequest } | undefined {
  const texts = new Map<string, string>();
  const read = (path: string): [string, string] => {
    const text = readWhole(path);
    texts.set(path, text);
    return [text, path];
  };
  const model = given.text('model');
  if (model !== undefined) {
    const made = readModel(...read(model));
    const request = requestOf(made, made.cluster ?? { brokers: [], partitions: [] }, goals);
    if (!good([made.json], texts) || made.cluster === undefined) return undefined;
    const cluster = capacitated(made.cluster, given, texts);
    return cluster === undefined ? undefined : { cluster, request };
  }
  const load = readLoad(...read(given.text('load')!));
  const partitionLoad = readPartitionLoad(...read(given.text('partitions')!));
  const state = readClusterState(...read(given.text('state')!));
  const files = [load.json, partitionLoad.json, state.json];
  const joined = files.every((json) => json.good) ? joinAnswers(load, partitionLoad, state) : undefined;
  if (!good(files, texts) || joined === undefined) return undefined;
  const cluster = capacitated(joined, given, texts);
  return cluster === undefined
    ? undefined
    : { cluster, request: requestOf({ ...noRequest, json: load.json, cluster }, cluster, goals) };
}

const noRequest = { goals: undefined, config: undefined, options: undefined };

function modeGiven(given: Given, mistakes: Mistakes): RebalanceMode {
  const text = given.text('mode') ?? 'rebalance';
  if ((rebalanceModes as readonly string[]).includes(text)) return text as RebalanceMode;
  const near = nearest(text, rebalanceModes);
  mistakes.add(
    `--mode: there is no mode ${text}`,
    near === undefined ? `write one of ${rebalanceModes.join(', ')}` : `write ${near}`,
  );
  return 'rebalance';
}

function positive(given: Given, name: 'throttle', mistakes: Mistakes): number | undefined {
  const text = given.text(name);
  if (text === undefined) return undefined;
  const parsed = parseQuantity(text, 'byteRate');
  if (parsed.ok && parsed.value >= 1) return parsed.value;
  mistakes.add(
    `--${name} ${text}: ${parsed.ok ? 'less than a byte per second' : parsed.found}`,
    parsed.ok ? 'write a rate such as 100MB/s' : parsed.mend,
  );
  return undefined;
}

const options: Command['options'] = {
  goals: {
    says: "goals in priority order, such as RackAwareGoal,DiskCapacityGoal; by default the file's or the platform's, else Strimzi's",
    type: 'string',
  },
  mode: { says: `what is asked: ${rebalanceModes.join(', ')}`, type: 'string' },
  brokers: { says: 'the brokers to add, to remove or to demote, such as 5,6', type: 'string' },
  'exclude-topics': {
    says: 'topics that stay where they are: a regular expression for whole names',
    type: 'string',
  },
  'exclude-leadership': { says: 'brokers that get no leaders, such as 0,1', type: 'string' },
  'exclude-moves': { says: 'brokers that get no replicas, such as 0,1', type: 'string' },
  'destination-brokers': { says: 'the only brokers that get replicas, such as 5,6', type: 'string' },
  'skip-hard-goal-check': { says: 'accept goals without the hard ones', type: 'boolean' },
  at: {
    says: 'the cluster as it stands at this offset of a scenario, such as +10m, instead of at its start',
    type: 'string',
  },
  plan: { says: 'rehearse this JSON of kafka-reassign-partitions instead of optimising', type: 'string' },
  throttle: {
    says: "replication throttle of each broker, such as 100MB/s (what the platform's Cruise Control has; a plan has none)",
    type: 'string',
  },
  concurrency: {
    says: `partitions that move at once on a broker (what the platform's Cruise Control has, else ${defaultConcurrency}; a plan moves all at once)`,
    type: 'string',
  },
  out: { says: 'write what moves to this file, as kafka-reassign-partitions reads it', type: 'string' },
  model: {
    says: 'a cluster in one JSON object, with goals, config and options beside it, instead of a platform',
    type: 'string',
  },
  load: { says: `Cruise Control's answer to ${answers.load}, instead of a platform`, type: 'string' },
  partitions: { says: `with --load: the answer to ${answers.partitions}`, type: 'string' },
  state: { says: `with --load: the answer to ${answers.state}`, type: 'string' },
  capacity: { says: "Cruise Control's capacity file, in place of other capacities", type: 'string' },
  json: { says: 'print one JSON object and nothing else', type: 'boolean' },
};

export const rebalance: Command = {
  usage: 'PLATFORM|SCENARIO, or --model FILE, or --load FILE --partitions FILE --state FILE',
  question: 'Where would Cruise Control move replicas, and what would that cost?',
  examples: [
    'rehearse rebalance models/platforms/reference.yaml --goals RackAwareGoal,DiskUsageDistributionGoal --skip-hard-goal-check',
    'rehearse rebalance models/platforms/reference.yaml --mode remove-broker --brokers 4 --throttle 100MB/s --out plan.json',
    'rehearse rebalance models/platforms/reference.yaml --plan plan.json --throttle 50MB/s',
    'rehearse rebalance --model cluster.json --goals RackAwareGoal,DiskCapacityGoal --json',
    'rehearse rebalance --load load.json --partitions partition_load.json --state state.json --capacity capacity.json',
  ],
  options,
  run: (given) => {
    const mistakes = new Mistakes();
    const [platform, ...more] = given.files;
    if (more.length > 0)
      mistakes.add(`${given.files.length} files are named`, 'name one platform or scenario');
    const model = given.text('model');
    const asAnswers = (Object.keys(answers) as (keyof typeof answers)[]).filter(
      (name) => given.text(name) !== undefined,
    );
    const kinds = [platform !== undefined, model !== undefined, asAnswers.length > 0].filter(Boolean).length;
    if (kinds === 0)
      mistakes.add(
        'rebalance needs a cluster',
        'name a platform or a scenario, or give --model FILE, or --load, --partitions and --state',
      );
    if (kinds > 1)
      mistakes.add(
        'more than one cluster is named',
        'keep the platform, --model, or --load with --partitions and --state',
      );
    if (kinds === 1 && asAnswers.length > 0) {
      for (const [name, path] of Object.entries(answers)) {
        if (given.text(name) === undefined)
          mistakes.add(
            `--${name} is missing: without it nothing says ${missingSays[name as keyof typeof answers]}`,
            `fetch ${path} from Cruise Control, and give it as --${name} FILE`,
          );
      }
    }
    if (kinds === 1 && platform === undefined) {
      for (const name of platformOnly) {
        if (given.text(name) !== undefined || given.flag(name))
          mistakes.add(`--${name} says nothing of a cluster from files`, 'leave it out, or name a platform');
      }
    }
    const goals = goalsGiven(given, mistakes);
    if (platform !== undefined) return onPlatform(platform, given, goals, mistakes);
    mistakes.end();
    const made = fromFiles(given, goals);
    if (made === undefined) return exitCode.usage;
    const outcome = optimized(made.cluster, made.request);
    const movement = outcome.ok ? movementOf(made.cluster, outcome.proposals) : undefined;
    const notes = written(given, movement);
    if (movement !== undefined && movement.proposals.length > 0)
      notes.push(
        'how long that takes is not played: nothing says what clients, disks and network do; name a platform',
      );
    if (given.flag('json')) print(observedForm(outcome));
    else show(sectionsOf(made.cluster, outcome, movement), notes);
    return outcome.ok ? exitCode.yes : exitCode.no;
  },
};

const missingSays: Readonly<Record<keyof typeof answers, string>> = {
  load: 'which brokers there are, and in which racks',
  partitions: 'what partitions carry',
  state: 'where replicas are, and in which order',
};

function onPlatform(
  file: string,
  given: Given,
  goals: readonly string[] | undefined,
  mistakes: Mistakes,
): number {
  const mode = modeGiven(given, mistakes);
  const brokers = list(given, 'brokers', mistakes);
  const lists = {
    destinationBrokers: list(given, 'destination-brokers', mistakes),
    excludedForLeadership: list(given, 'exclude-leadership', mistakes),
    excludedForReplicaMove: list(given, 'exclude-moves', mistakes),
  };
  const throttle = positive(given, 'throttle', mistakes);
  const concurrency = given.count('concurrency');
  if (concurrency !== undefined && concurrency < 1)
    mistakes.add('--concurrency 0: nothing would ever move', 'write at least 1');
  if (concurrency !== undefined && concurrency > mostConcurrent)
    mistakes.add(
      `--concurrency ${concurrency}: Cruise Control refuses more than ${mostConcurrent}`,
      `write at most ${mostConcurrent}`,
    );
  const planFile = given.text('plan');
  if (planFile !== undefined) {
    for (const name of [
      'goals',
      'mode',
      'brokers',
      ...exclusions,
      'skip-hard-goal-check',
      'concurrency',
      'out',
    ]) {
      if (given.text(name) !== undefined || given.flag(name))
        mistakes.add(`--${name} says nothing beside --plan`, 'leave one of the two out');
    }
  }
  mistakes.end();
  const { root, path } = locate(file);
  const loaded = openPlatform(path, readerBelow(root));
  if (loaded.scenario === undefined) {
    process.stderr.write(
      `${renderProblems(loaded.problems, loaded.texts)}\n\n${path}: ${loaded.problems.length} ${loaded.problems.length === 1 ? 'problem' : 'problems'}, nothing was done\n`,
    );
    return exitCode.usage;
  }
  const { scenario } = loaded;
  const at = momentGiven(given, scenario.length);
  const texts = new Map<string, string>();
  const capacities = capacitiesGiven(given, texts);
  const moment = clusterAt(scenario, at, capacities);
  if (capacities !== undefined && !good([capacities.json], texts)) return exitCode.usage;
  const { cluster } = moment;
  const settings = moment.settings.cruiseControl as CruiseControlPartSettings | undefined;
  const own = settings?.config;
  const network = networkRates(moment.settings);
  const limits = (atOnce: number, held: number | undefined) => ({
    rate: (id: number) =>
      Math.min(held ?? Number.POSITIVE_INFINITY, network.get(id) ?? Number.POSITIVE_INFINITY),
    throttled: held !== undefined,
    concurrency: atOnce,
  });
  const played = (proposals: readonly Proposal[], by: PlannedMoves['by']) =>
    proposals.length === 0 ? undefined : predict(scenario, at, { proposals, by, throttle, concurrency });
  if (planFile !== undefined) {
    const text = readWhole(planFile);
    texts.set(planFile, text);
    const plan = readReassignment(text, planFile);
    const proposals = plan.json.good
      ? proposalsOf(plan, cluster, minInSyncReplicas(moment.settings.kafka as KafkaPartSettings))
      : [];
    if (!good([plan.json], texts)) return exitCode.usage;
    const movement = movementOf(cluster, proposals, limits(Number.POSITIVE_INFINITY, throttle));
    const prediction = played(proposals, 'tool');
    tell(given, cluster, undefined, movement, prediction, throttle);
    return succeeds(prediction) ? exitCode.yes : exitCode.no;
  }
  const request: Asked = {
    mode,
    skipHardGoalCheck: given.flag('skip-hard-goal-check'),
    goals,
    brokers,
    excludedTopics: given.text('exclude-topics'),
    ...lists,
  };
  const made = asked(cluster, settings, request);
  for (const { about, found, mend } of made.mistakes) mistakes.add(`--${optionOf[about]}: ${found}`, mend);
  mistakes.end();
  const outcome = optimized(made.cluster, made.request);
  const movement = outcome.ok
    ? movementOf(
        cluster,
        outcome.proposals,
        limits(
          concurrency ?? own?.['num.concurrent.partition.movements.per.broker'] ?? defaultConcurrency,
          throttle ?? own?.['default.replication.throttle'],
        ),
      )
    : undefined;
  const notes = written(given, movement);
  if (!outcome.ok && given.text('capacity') === undefined)
    for (const says of unstatedNetwork(moment.settings, outcome.failure.goal))
      notes.push(`${says}, or give --capacity`);
  const prediction = outcome.ok ? played(outcome.proposals, 'executor') : undefined;
  tell(given, made.cluster, outcome, movement, prediction, throttle, notes);
  return outcome.ok && succeeds(prediction) ? exitCode.yes : exitCode.no;
}

/** Whether moves get where they should, if it is not known how late. */
function succeeds(prediction: Prediction | undefined): boolean {
  if (prediction === undefined) return true;
  const { end, astray } = prediction;
  return end === 'open' || (end === 'done' && astray === 0);
}

/** Writes what moves where `--out` says. @returns what to tell of it */
function written(given: Given, movement: Movement | undefined): string[] {
  const out = given.text('out');
  if (out === undefined || movement === undefined) return [];
  if (movement.proposals.length === 0) return [`nothing moves: ${out} was not written`];
  writeWhole(out, `${writeReassignment(reassignmentOf(movement.proposals))}\n`);
  return [`written to ${out}, for kafka-reassign-partitions --reassignment-json-file`];
}

const optionOf: Readonly<Record<keyof Asked, string>> = {
  destinationBrokers: 'destination-brokers',
  excludedForLeadership: 'exclude-leadership',
  excludedForReplicaMove: 'exclude-moves',
  mode: 'mode',
  goals: 'goals',
  brokers: 'brokers',
  excludedTopics: 'exclude-topics',
  skipHardGoalCheck: 'skip-hard-goal-check',
};

function momentGiven(given: Given, length: number): number | undefined {
  const text = given.text('at');
  if (text === undefined) return undefined;
  const parsed = parseQuantity(text.replace(/^\+/, ''), 'duration');
  if (!text.startsWith('+') || !parsed.ok || parsed.value < 0 || parsed.value > length)
    throw new UsageError(
      `--at: ${text} is no offset within the period\n  mend: write an offset from its start, such as --at +10m`,
    );
  return parsed.value;
}

/** The capacity file, where one is given. */
function capacitiesGiven(given: Given, texts: Map<string, string>): Capacities | undefined {
  const file = given.text('capacity');
  if (file === undefined) return undefined;
  const text = readWhole(file);
  texts.set(file, text);
  return readCapacities(text, file);
}

/** The cluster with the capacities of a capacity file, where one is given; undefined when that has problems, which are printed. */
function capacitated(
  cluster: ClusterDescription,
  given: Given,
  texts: Map<string, string>,
): ClusterDescription | undefined {
  const capacities = capacitiesGiven(given, texts);
  if (capacities === undefined) return cluster;
  const made = withCapacities(cluster, capacities);
  return good([capacities.json], texts) ? made : undefined;
}

function print(data: unknown): void {
  process.stdout.write(`${JSON.stringify(data)}\n`);
}

function show(sections: readonly Section[], notes: readonly string[]): void {
  const text = sectionsText(sections);
  process.stdout.write(notes.length === 0 ? text : `${text}\n${notes.join('\n')}\n`);
}

function tell(
  given: Given,
  cluster: ClusterDescription,
  outcome: OptimizationResult | undefined,
  movement: Movement | undefined,
  prediction: Prediction | undefined,
  throttle: number | undefined,
  notes: readonly string[] = [],
): void {
  if (!given.flag('json')) {
    const bytes = movement === undefined ? 0 : (countsOf(movement).hottestSink?.bytes ?? 0);
    const means =
      throttle === undefined || bytes === 0
        ? []
        : [`the throttle, ${rateMeans(throttle, bytes)} to get onto the hottest sink`];
    const sections = sectionsOf(cluster, outcome, movement);
    if (prediction !== undefined) sections.push(...predictionSections(prediction));
    show(sections, [...means, ...notes]);
    return;
  }
  print({
    ...(outcome === undefined ? { ok: true } : observedForm(outcome)),
    ...movementForm(movement),
    ...(prediction === undefined
      ? {}
      : { predicted: { ...prediction, bindingSide: bindingSide(prediction) } }),
  });
}
