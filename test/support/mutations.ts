import type { Verdict } from '../../src/experiment/result.ts';
import { runScenario } from '../../src/experiment/run.ts';
import { openScenario } from '../../src/scenario/open.ts';
import { renderProblems } from '../../src/scenario/problems.ts';
import { reader, runOptions } from './files.ts';
import { mutateText } from './mutateText.ts';

const folder = 'test/scenario/malformed/';

const withCruiseControl = `${folder}_cruiseControl.yaml`;
const withMoves = `${folder}_moves.yaml`;

/**
 * What is mutated, one file at a time: a small scenario, its platform, what that extends, one that rebalances it, one with partitions that are added and
 * moved under groups with members, and one with Connect and a schema registry.
 */
export const mutatedFiles = [
  `${folder}_base.yaml`,
  `${folder}_base.yaml`,
  `${folder}_platform.yaml`,
  `${folder}_platform.yaml`,
  'models/kafka/kafka-3.7.yaml',
  'models/kubernetes/kubernetes-1.30.yaml',
  'models/hardware/aws-ec2.yaml',
  withCruiseControl,
  withMoves,
  `${folder}_connect.yaml`,
  'models/connect/kafka-connect-3.7.yaml',
] as const;

/** The scenario that is loaded with a file mutated. */
function rootOf(file: string): string {
  if (file === withCruiseControl || file === withMoves) return file;
  return `${folder}${/connect/.test(file) ? '_connect' : '_base'}.yaml`;
}

const read = reader();

/** Numbers in [0, 1) from a seed: a linear congruential generator, as D. Knuth's MMIX line of tables names it, of 32 bits. */
export function numbers(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 4294967296;
  };
}

export function mutated(file: string, seed: number): string {
  return mutateText(read(file) ?? '', numbers(seed));
}

/**
 * Loads the small scenario with one file mutated, and plays it when it is still good.
 * @throws Error when the outcome is neither located problems nor a run whose values are numbers
 */
export function playMutated(file: string, seed: number): 'refused' | Verdict {
  const text = mutated(file, seed);
  const { scenario, problems, texts } = openScenario(rootOf(file), (path) =>
    path === file ? text : read(path),
  );
  if (scenario === undefined) {
    if (problems.length === 0) throw new Error('refused without a problem');
    for (const p of problems) {
      if (p.found === '' || p.mend === '') throw new Error(`a problem without words: ${JSON.stringify(p)}`);
      if (/undefined|\[object|\bfunction\b/.test(p.found + p.mend))
        throw new Error(`not for a reader: ${p.found}`);
      const lines = texts.get(p.file)?.split('\n').length ?? 0;
      if (p.line > 0 && (p.line > lines || p.column < 1))
        throw new Error(`no such place: ${JSON.stringify(p)}`);
    }
    renderProblems(problems, texts);
    return 'refused';
  }
  const result = runScenario(scenario, runOptions);
  for (const { name, labels, value } of result.measures) {
    if (Number.isNaN(value)) throw new Error(`${name} ${JSON.stringify(labels)} is not a number`);
  }
  return result.verdict;
}
