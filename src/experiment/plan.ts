import type { Scenario } from '../scenario/load.ts';
import type { Answer, Mark } from './answer.ts';
import { cleanRunsFor } from './bounds.ts';
import type { Section } from './rebalance.ts';
import type { ReplicationRow } from './replication.ts';
import { datasetOf, type PlayedPoint } from './sweep.ts';
import { axisOf, type Factor, grid, type Point, pointText, shortPaths } from './variations.ts';

/** Up to so many candidates every one is played; beyond, so many are probed before the search halves what is left. */
const mostPlayed = 33;
const probes = 17;
/** Risks that are a price, in dollars: what is cheapest is decided by their sum. */
const costs = ['cost', 'crossZoneCost'];

export interface PlanRequest {
  readonly factors: readonly Factor[];
  /** The largest that holds, in place of the smallest. */
  readonly reverse: boolean;
  /** Runs for a candidate, and as many fresh ones to confirm the one that is chosen. */
  readonly runs: number;
}

/** Candidates to play, over these replications. */
export interface ToPlay {
  readonly points: readonly Point[];
  readonly from: number;
  readonly to: number;
}

export interface Plan {
  readonly chosen: PlayedPoint | null;
  /** The chosen one over runs that had no part in the choice; null where nothing is chosen. */
  readonly confirmed: PlayedPoint | null;
  /** Candidates that held at first and not over fresh runs. */
  readonly withdrawn: readonly PlayedPoint[];
  readonly played: readonly PlayedPoint[];
  /** Whether every candidate was played; otherwise the search relies on monotony, which was seen at those that were. */
  readonly exhaustive: boolean;
  /** Whether what holds and what does not lie on two sides, as far as it was played. */
  readonly monotone: boolean;
}

/** Runs that a verdict needs: as many clean ones as bound the largest share that is wanted, or one where no chance plays a part. */
export function runsForVerdict(scenario: Scenario, draws: boolean): number {
  if (!draws) return 1;
  const wanted = scenario.expect.flatMap((e) =>
    e.holdsIn === undefined || e.holdsIn >= 1 ? [] : [e.holdsIn],
  );
  return wanted.length === 0 ? 10 : Math.max(...wanted.map((h) => cleanRunsFor(1 - h)));
}

/** Candidates in the order of preference: by value along one dimension, as they are listed along several. */
export function candidates({ factors, reverse }: PlanRequest): readonly Point[] {
  const points = [...grid(factors)];
  return reverse ? points.reverse() : points;
}

const costOf = (p: PlayedPoint): number | null => {
  const found = p.measures.filter((m) => m.of === 'risk' && costs.includes(m.name) && m.mean !== null);
  return found.length === 0 ? null : found.reduce((sum, m) => sum + m.mean!, 0);
};

/**
 * Finds the first candidate that holds all expectations. Up to 33 candidates, and always along several dimensions, every one is played and the cheapest that holds is chosen, else the first; beyond, 17 are probed, and where they are
 * monotone the place between the last that fails and the first that holds is halved. What is chosen is played again over fresh runs, since the first of many that
 * holds may hold by luck; if it does not, the next one is tried.
 */
export function* search(request: PlanRequest): Generator<ToPlay, Plan, readonly PlayedPoint[]> {
  const all = candidates(request);
  const { runs } = request;
  const found = new Map<number, PlayedPoint>();
  const fresh = (at: readonly number[]) => at.filter((i) => !found.has(i));
  const holds = (i: number) => found.get(i)!.verdict === 'pass';
  function* play(at: readonly number[]): Generator<ToPlay, void, readonly PlayedPoint[]> {
    const missing = fresh(at);
    if (missing.length === 0) return;
    const played = yield { points: missing.map((i) => all[i]!), from: 0, to: runs };
    missing.forEach((i, k) => {
      found.set(i, played[k]!);
    });
  }
  const order = () => [...found.keys()].sort((a, b) => a - b);
  /** Along the preference what fails comes first, and what holds after it. */
  const isMonotone = () => {
    const verdicts = order().map(holds);
    return verdicts.every((v, i) => i === 0 || v || !verdicts[i - 1]!);
  };
  const everything = all.length <= mostPlayed || request.factors.length > 1;
  if (everything) yield* play(all.map((_, i) => i));
  else {
    yield* play(Array.from({ length: probes }, (_, k) => Math.round(((all.length - 1) * k) / (probes - 1))));
    if (isMonotone()) {
      const first = order().find(holds);
      if (first !== undefined && first > 0) {
        let [low, high] = [Math.max(...order().filter((i) => i < first)), first];
        while (high - low > 1) {
          const middle = Math.floor((low + high) / 2);
          yield* play([middle]);
          if (holds(middle)) high = middle;
          else low = middle;
        }
      }
    } else yield* play(all.map((_, i) => i));
  }
  const monotone = isMonotone();
  const withdrawn: PlayedPoint[] = [];
  let good = order().filter(holds);
  if (request.factors.length > 1)
    good = good.sort(
      (a, b) =>
        (costOf(found.get(a)!) ?? Number.POSITIVE_INFINITY) -
          (costOf(found.get(b)!) ?? Number.POSITIVE_INFINITY) || a - b,
    );
  let [chosen, confirmed]: [PlayedPoint | null, PlayedPoint | null] = [null, null];
  for (const i of good) {
    const [again] = yield { points: [all[i]!], from: runs, to: 2 * runs };
    if (again!.verdict === 'pass') {
      [chosen, confirmed] = [found.get(i)!, again!];
      break;
    }
    withdrawn.push(again!);
  }
  return {
    chosen,
    confirmed,
    withdrawn,
    played: order().map((i) => found.get(i)!),
    exhaustive: found.size === all.length,
    monotone,
  };
}

/** The risk that is nearest to its limit, or furthest beyond it. */
export function bindingOf(
  p: PlayedPoint,
  scenario: Scenario,
  limitOf: (name: string) => number | null,
): string {
  let most: { readonly name: string; readonly share: number } | undefined;
  for (const m of p.measures) {
    const limit = m.of === 'risk' ? (scenario.standard.get(m.name) ?? limitOf(m.name)) : null;
    if (limit === null || limit <= 0 || m.mean === null) continue;
    const share = m.mean / limit;
    if (most === undefined || share > most.share) most = { name: m.name, share };
  }
  return most === undefined ? '' : `${most.name} at ${(most.share * 100).toFixed(0)} % of its limit`;
}

/** What a plan says, with every rejected candidate and why. */
export function planAnswer(
  scenario: Scenario,
  head: Pick<Answer, 'scenario' | 'seed' | 'version'>,
  request: PlanRequest,
  plan: Plan,
  rows: readonly (readonly ReplicationRow[])[],
  limitOf: (name: string) => number | null,
): Answer {
  const { factors, runs, reverse } = request;
  const { chosen, confirmed, withdrawn, played } = plan;
  const short = shortPaths(factors);
  const named = (p: PlayedPoint) => p.point.map((v, i) => `${short[i]} = ${String(v)}`).join(', ');
  const rejected = [...played.filter((p) => p.verdict !== 'pass'), ...withdrawn];
  const section: Section = {
    title: 'Candidates',
    header: [...short, 'verdict', 'why not', 'nearest to a limit'],
    rows: played.map((p) => [
      ...p.point.map(String),
      p === chosen ? 'chosen' : withdrawn.some((w) => w.point === p.point) ? 'held at first only' : p.verdict,
      (withdrawn.find((w) => w.point === p.point) ?? p).reasons.join('; '),
      bindingOf(p, scenario, limitOf),
    ]),
    sentences: factors
      .map((f, i) => `${short[i]} is ${f.path}`)
      .filter((_, i) => short[i] !== factors[i]!.path),
  };
  const which = factors.length > 1 ? 'cheapest' : reverse ? 'largest' : 'smallest';
  const says =
    chosen === null
      ? `none of ${played.length} candidates holds what is expected`
      : `${named(chosen)} is the ${which} that holds what is expected; confirmed in ${confirmed!.runs} fresh ${confirmed!.runs === 1 ? 'run' : 'runs'}`;
  const axis = axisOf(factors[0]!, short[0]!);
  const marks = played.flatMap((p): Mark[] => {
    const share = p.expectations.length === 0 ? 1 : Math.min(...p.expectations.map((e) => e.held / p.runs));
    const x = axis.at(p.point[0]!);
    return [
      {
        x,
        y: share,
        low: share,
        high: share,
        by: factors.length > 1 ? pointText(factors.slice(1), p.point.slice(1)) : '',
      },
    ];
  });
  return {
    ...head,
    verb: 'plan',
    title: scenario.title,
    verdict: chosen === null ? 'fail' : 'pass',
    says: [
      says,
      `${played.length} candidates over ${runs} ${runs === 1 ? 'run' : 'runs'} each, ${rejected.length} rejected; ${plan.exhaustive ? 'every one was played' : 'the others by monotony, which held at those that were played'}${plan.monotone ? '' : '; what holds and what does not is mixed along this setting'}`,
    ],
    sections: [section],
    plots: [
      {
        name: 'plan',
        title: 'Share of runs in which the worst expectation holds',
        kind: 'lines',
        x: axis.title,
        y: 'ratio',
        marks,
      },
    ],
    data: { request, plan },
    columns: datasetOf(
      scenario,
      factors,
      played.map((p) => p.point),
      rows,
    ),
  };
}
