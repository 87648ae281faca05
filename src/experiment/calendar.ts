import type { Span } from '../models/operations/calendar.ts';
import { evaluateVector } from '../promql/expectation.ts';
import { type Expression, parseExpression, selectorsOf } from '../promql/parse.ts';
import { build, catalogue } from '../scenario/build.ts';
import type { Scenario } from '../scenario/load.ts';
import { play } from './play.ts';
import { CannotVary } from './variations.ts';

/** Distance of the instants at which a load is read, microseconds. */
const readEvery = 60e6;
/** More candidates or instants than these are another question. */
const mostInstants = 100_000;

/** What is loud: by default what clients write, which every other load of a broker follows. */
export const defaultLoad = 'sum(rate(kafka_server_brokertopicmetrics_bytesin_total[1m]))';

/** The load of a platform over time, from one run. */
export interface Load {
  readonly text: string;
  /** Of the default; of another expression nobody knows it. */
  readonly unit: string;
  /** Sum over a span, in the unit times seconds. */
  readonly over: (span: Span) => number;
}

/** The scenario without what a change does, played until a time. */
function without(scenario: Scenario, change: string, until: number): Scenario {
  const steps = new Set(
    scenario.calendar.changes.filter((c) => c.name === change).flatMap((c) => c.steps.map((s) => s.name)),
  );
  const kept = scenario.timeline.map((entry) => !steps.has(entry.id));
  return {
    ...scenario,
    length: Math.max(scenario.length, until),
    until: undefined,
    timeline: scenario.timeline.filter((_, row) => kept[row]),
    timelineArgs: (draw) => scenario.timelineArgs(draw).filter((_, row) => kept[row]),
  };
}

function expressionOf(text: string): Expression {
  const parsed = parseExpression(text);
  if (!parsed.ok)
    throw new CannotVary(`--by ${text}: ${parsed.problems[0]!.message}`, parsed.problems[0]!.mend);
  return parsed.value;
}

/**
 * Plays the scenario once without a change, and reads a load every minute of a time.
 * @param within from its beginning to its end, microseconds from the start of the period
 * @throws CannotVary when the load has no value, or several
 */
export function loadWithout(
  scenario: Scenario,
  change: string,
  text: string,
  within: Span,
  seed: string,
): Load {
  const expression = expressionOf(text);
  const count = Math.ceil((within.to - within.from) / readEvery);
  if (count > mostInstants)
    throw new CannotVary('the time that is searched is too long', 'search less than 60 days');
  const names = selectorsOf(expression).map((selector) => selector.name);
  const known = new Set(catalogue.metrics.map((m) => m.name));
  const unknown = names.find((name) => !known.has(name));
  if (unknown !== undefined)
    throw new CannotVary(`--by: there is no metric ${unknown}`, 'name a metric of docs/reference');
  const played = without(scenario, change, within.to);
  const built = build(played, { seed, record: new Set(names) });
  play(built, played);
  const series = built.series();
  // The middle of each minute stands for it.
  const values = Array.from({ length: count }, (_, i) => {
    const samples = evaluateVector(expression, series, within.from + (i + 0.5) * readEvery);
    if (samples.length !== 1 || !Number.isFinite(samples[0]!.value))
      throw new CannotVary(
        `${text} has ${samples.length} values ${i} minutes into the time that is searched`,
        'write --by with an expression that always has one value, such as sum(...)',
      );
    return samples[0]!.value;
  });
  return {
    text,
    unit: text === defaultLoad ? 'B/s' : '',
    over: (span) => sumOver(values, within.from, readEvery, span),
  };
}

/**
 * A step function summed up over a span, in values times seconds. Summed piece by piece, so that equal courses give equal sums.
 * @param values one for each piece of `every` microseconds, the first from `from` on
 */
export function sumOver(values: readonly number[], from: number, every: number, span: Span): number {
  let sum = 0;
  const first = Math.max(0, Math.floor((span.from - from) / every));
  for (let i = first; i < values.length && from + i * every < span.to; i += 1) {
    const begins = Math.max(span.from, from + i * every);
    const ends = Math.min(span.to, from + (i + 1) * every);
    sum += values[i]! * ((ends - begins) / 1e6);
  }
  return sum;
}
