import { z } from 'zod';
import type { ReadText } from '../formats/problem.ts';
import type { MeshSettings } from '../scenario/meshSettings.ts';
import { parseTime } from '../scenario/time.ts';
import { readDescription } from './description.ts';
import { type Count, type RolloverCurve, rolloverCurves } from './rolloverCurves.ts';

const counted = z.strictObject({ fact: z.string(), at: z.string() });
const description = z.strictObject({
  writes: z.string(),
  name: z.string(),
  rollover: z.strictObject({
    scenario: z.string(),
    /** Entry of the timeline that begins it. */
    action: z.string(),
    /** Fact with how many there are. */
    sidecars: z.string(),
    /** Two facts of role fit, and when they were counted. */
    counts: z.array(counted).length(2),
    /** Facts that are predicted, for the table of families. */
    later: z.array(counted),
    /** The mean time of a swap, and its means in namespaces, whose spread tells that of single ones. */
    swap: z.strictObject({ mean: z.string(), namespaces: z.record(z.string(), z.string()) }),
  }),
});

export interface RolloverFit {
  /** File to write, relative to the root. */
  readonly file: string;
  readonly text: string;
  readonly burst: number;
  readonly perSecond: number;
  readonly swap: Lognormal;
  /** The families that were tried, and for each later fact what it is and what each gives. */
  readonly curves: readonly RolloverCurve[];
  readonly later: readonly { readonly fact: string; readonly seconds: number; readonly observed: number }[];
}

interface Lognormal {
  readonly medianSeconds: number;
  readonly p95Seconds: number;
}

/**
 * A lognormal by its mean and by the means of groups of known sizes: with n_i in a group, n_i (m_i - m)^2 summed over k groups estimates (k - 1) variances of a single one
 * (one-way analysis of variance without the values within groups).
 * @throws RangeError for fewer than two groups
 */
export function lognormalOfMeans(
  mean: number,
  groups: readonly { readonly size: number; readonly mean: number }[],
): Lognormal {
  if (groups.length < 2) throw new RangeError('a spread needs two groups or more');
  const total = groups.reduce((sum, g) => sum + g.size, 0);
  const middle = groups.reduce((sum, g) => sum + g.size * g.mean, 0) / total;
  const variance =
    groups.reduce((sum, g) => sum + g.size * (g.mean - middle) * (g.mean - middle), 0) / (groups.length - 1);
  const sigma = Math.sqrt(Math.log1p(variance / (mean * mean)));
  const medianSeconds = mean * Math.exp((-sigma * sigma) / 2);
  return { medianSeconds, p95Seconds: medianSeconds * Math.exp(1.6448536269514722 * sigma) };
}

/**
 * Burst and pace of a staged rollover, and the time of a swap, from facts of role fit: two counts fix the two numbers of the staging.
 * @throws RangeError when the description or its facts do not hold, or a fact has another role
 */
export function fitDescribedRollover(file: string, readText: ReadText): RolloverFit {
  const {
    description: { name, rollover },
    file: written,
    scenario,
    fact,
  } = readDescription(file, description, (d) => d.rollover.scenario, readText);
  const start = scenario.timeline.find((e) => e.id === rollover.action)?.at;
  if (start === undefined) throw new RangeError(`there is no entry ${rollover.action}`);
  const origin = (parseTime(scenario.from) ?? 0) + start;
  const secondsOf = (at: string) => ((parseTime(at) ?? Number.NaN) - origin) / 1e6;
  const [first, second] = rollover.counts.map(
    (c): Count => ({ seconds: secondsOf(c.at), done: fact(c.fact, ['fit']) }),
  ) as [Count, Count];
  const curves = rolloverCurves(first, second, fact(rollover.sidecars, ['input']));
  const perSecond = (second.done - first.done) / (second.seconds - first.seconds);
  const burst = Math.max(0, Math.round(first.done - perSecond * first.seconds));
  const { namespaces } = scenario.settings(() => 0.5).mesh as MeshSettings;
  const groups = Object.entries(rollover.swap.namespaces).map(([namespace, of]) => {
    const found = namespaces.find((n) => n.name === namespace);
    if (found === undefined) throw new RangeError(`there is no namespace ${namespace}`);
    return { size: found.sidecars, mean: fact(of, ['fit']) };
  });
  const swap = lognormalOfMeans(fact(rollover.swap.mean, ['fit']), groups);
  return {
    file: written,
    text: render(name, burst, perSecond, swap, rollover),
    burst,
    perSecond,
    swap,
    curves,
    later: rollover.later.map((l) => ({
      fact: l.fact,
      seconds: secondsOf(l.at),
      observed: fact(l.fact, ['predict']),
    })),
  };
}

function render(
  name: string,
  burst: number,
  perSecond: number,
  swap: Lognormal,
  described: z.output<typeof description>['rollover'],
): string {
  const counts = described.counts.map((c) => c.fact).join(', ');
  const times = [described.swap.mean, ...Object.values(described.swap.namespaces)].join(', ');
  const source = 'source: "fitted: solved for the two counts; whole sidecars in the burst"';
  const ms = (seconds: number) => `${Number((seconds * 1000).toPrecision(6))}ms`;
  return [
    '# yaml-language-server: $schema=../../docs/reference/platform.schema.json',
    '# Written by `npm run fit`; nothing else sets these values.',
    'rehearse: 1',
    `name: ${name}`,
    'mesh:',
    '  staging:',
    `    burst: { value: ${burst}, fittedOn: [${counts}], ${source} }`,
    `    pace: { value: ${Number(perSecond.toPrecision(6))}/s, fittedOn: [${counts}], ${source} }`,
    '  agents:',
    `    swap: { varies: { lognormal: { median: ${ms(swap.medianSeconds)}, p95: ${ms(swap.p95Seconds)} } }, fittedOn: [${times}], source: "fitted: the mean of all, and the spread that means of namespaces have" }`,
    '',
  ].join('\n');
}
