/** What a worker thread runs: batches of replications of scenarios whose files it was given. */
import { type Asked, playReplications, type ReplicationRow } from '../experiment/replication.ts';
import type { Scenario } from '../scenario/load.ts';
import { openScenario } from '../scenario/open.ts';
import { renderProblems } from '../scenario/problems.ts';

/** A scenario as it was read: nothing that changes on the disk meanwhile can reach a worker. */
export interface Source {
  readonly path: string;
  readonly texts: readonly (readonly [string, string])[];
  readonly rules: readonly string[];
  /** Digest of the texts: two batches with the same one open the same scenario. */
  readonly digest: string;
}

/** Replications `from` to before `to` of a scenario, which is a source, or one on top of it. */
export interface Batch {
  readonly source: Source;
  /** Path and text of a scenario on top of the source. */
  readonly over?: readonly [string, string];
  /** Where unknown numbers lie in their distributions, by path or shared factor; those that are not named are drawn. */
  readonly fixed?: readonly (readonly [string, number])[];
  readonly seed: string;
  readonly from: number;
  readonly to: number;
  readonly asked: Asked;
}

/** Opens what a batch plays. @throws RangeError when it has problems, which who made the batch has excluded */
export function openSource(source: Source, over?: readonly [string, string]): Scenario {
  const texts = new Map(source.texts);
  if (over !== undefined) texts.set(over[0], over[1]);
  const loaded = openScenario(over?.[0] ?? source.path, (path) => texts.get(path), source.rules);
  if (loaded.scenario === undefined) throw new RangeError(renderProblems(loaded.problems, loaded.texts));
  return loaded.scenario;
}

export function playOf(scenario: Scenario, batch: Batch): readonly ReplicationRow[] {
  return playReplications(
    scenario,
    batch.seed,
    batch.from,
    batch.to,
    batch.asked,
    undefined,
    new Map(batch.fixed ?? []),
  );
}

/** What two batches of one scenario have in common. */
export function keyOf({ source, over }: Batch): string {
  return JSON.stringify([source.path, source.digest, over]);
}

let last: { readonly key: string; readonly scenario: Scenario } | undefined;

export default function playBatch(batch: Batch): readonly ReplicationRow[] {
  const key = keyOf(batch);
  if (last?.key !== key) last = { key, scenario: openSource(batch.source, batch.over) };
  return playOf(last.scenario, batch);
}
