import { makeStream } from '../engine/random.ts';
import type { Scenario } from '../scenario/load.ts';
import type { Answer, AnswerColumn, Mark, Plot } from './answer.ts';
import type { Section } from './rebalance.ts';
import { measuresOf, type ReplicatedExpectation, type ReplicatedMeasure, summarise } from './replicated.ts';
import type { ReplicationRow } from './replication.ts';
import type { Verdict } from './result.ts';
import { latinHypercube, mostDimensions, sobolPoints } from './sensitivity.ts';
import { wilsonInterval } from './statistics.ts';
import {
  axisOf,
  CannotVary,
  type Factor,
  grid,
  inUnit,
  type Point,
  pointText,
  shortPaths,
  splitNumber,
} from './variations.ts';

/** What the runs of one point say. */
export interface PlayedPoint {
  readonly point: Point;
  readonly runs: number;
  readonly verdict: Verdict;
  /** Why it is not to be had: each expectation or law that fails, with how often. */
  readonly reasons: readonly string[];
  readonly expectations: readonly ReplicatedExpectation[];
  readonly measures: readonly ReplicatedMeasure[];
}

/** Points that fill the ranges of their factors, in place of a grid. */
export interface Design {
  readonly kind: 'sobol' | 'latin-hypercube';
  readonly points: number;
}

/** What `--design sobol:64` says. @throws CannotVary */
export function parseDesign(text: string): Design {
  const found = /^(sobol|latin-hypercube):(\d+)$/.exec(text);
  const points = Number(found?.[2]);
  if (found === null || points < 2 || points > 100_000)
    throw new CannotVary(
      `${text} is no design`,
      'write sobol:64 or latin-hypercube:50, with 2 to 100000 points',
    );
  return { kind: found[1] as Design['kind'], points };
}

/**
 * The points of a sweep: every combination of the values, or a design over the range from the first to the last value of each factor.
 * @throws CannotVary where a factor has no range
 */
export function pointsOf(
  factors: readonly Factor[],
  design: Design | undefined,
  seed: string,
): readonly Point[] {
  if (design === undefined) return grid(factors);
  const ranges = factors.map((f) => {
    const [low, high] = [f.values[0]!, f.values.at(-1)!].map((v) => splitNumber(String(v)));
    if (low === undefined || high === undefined || low.unit !== high.unit || !(high.number > low.number))
      throw new CannotVary(
        `${f.path} has no range for a design`,
        'write two numbers in one unit, as in 6GiB..12GiB',
      );
    return { low: low.number, width: high.number - low.number, unit: low.unit };
  });
  if (design.kind === 'sobol' && factors.length > mostDimensions)
    throw new CannotVary(
      `${factors.length} settings are more than the ${mostDimensions} that Sobol's points are made for`,
      'write latin-hypercube in place of sobol',
    );
  const unit = design.kind === 'sobol' ? sobolPoints : latinHypercube;
  return unit(design.points, factors.length, makeStream(`sweep|${seed}|${design.kind}`)).map((u) =>
    ranges.map((r, d) => inUnit(r.low + r.width * u[d]!, r.unit)),
  );
}

/**
 * Judges a point by its runs: an expectation with `holdsIn` by its share, any other has to hold in every run.
 */
export function judgePoint(scenario: Scenario, point: Point, rows: readonly ReplicationRow[]): PlayedPoint {
  const { runs, expectations, measures, broken } = summarise(scenario, rows, 1, false);
  const good = runs - broken.length;
  const verdicts = expectations.map((e): Verdict => e.verdict ?? (e.held === good ? 'pass' : 'fail'));
  const reasons = [
    ...broken.map((b) => `run ${b.replication} broke a law: ${b.says}`),
    ...expectations.flatMap((e, i) =>
      verdicts[i] === 'pass'
        ? []
        : [`${e.name}: holds in ${e.held} of ${good} ${good === 1 ? 'run' : 'runs'}`],
    ),
  ];
  const verdict: Verdict =
    broken.length > 0 || verdicts.includes('fail')
      ? 'fail'
      : verdicts.includes('inconclusive')
        ? 'inconclusive'
        : 'pass';
  return { point, runs, verdict, reasons, expectations, measures };
}

/** A measure that is drawn. */
interface Drawn {
  readonly title: string;
  readonly unit: string;
  /** Value and interval at a point; null where there is none. */
  readonly at: (
    p: PlayedPoint,
  ) => { readonly value: number; readonly low: number; readonly high: number } | null;
}

/** Measures that are named; else, for each expectation that holds at some points and not at others, the share of runs in which it does. */
function drawnMeasures(
  scenario: Scenario,
  named: readonly string[],
  played: readonly PlayedPoint[],
): readonly Drawn[] {
  const measures = measuresOf(scenario).filter((m) => named.includes(m.name));
  if (measures.length > 0)
    return measures.map(({ name, of, unit }) => ({
      title: name,
      unit,
      at: (p) => {
        const m = p.measures.find((x) => x.name === name && x.of === of);
        if (m === undefined || m.mean === null) return null;
        const half = m.halfWidth ?? 0;
        return { value: m.mean, low: m.mean - half, high: m.mean + half };
      },
    }));
  const heldAt = (name: string, p: PlayedPoint) => p.expectations.find((x) => x.name === name)!.held;
  const names = scenario.expect.map((e) => e.name);
  const moving = names.filter((n) => played.some((p) => heldAt(n, p) !== heldAt(n, played[0]!)));
  return (moving.length > 0 ? moving : names.slice(0, 1)).map((name) => ({
    title: `share of runs in which it holds: ${name}`,
    unit: 'ratio',
    at: (p) => {
      const held = heldAt(name, p);
      const [low, high] = wilsonInterval(held, p.runs);
      return { value: held / p.runs, low, high };
    },
  }));
}

function plotsOf(
  designed: boolean,
  factors: readonly Factor[],
  points: readonly PlayedPoint[],
  drawn: readonly Drawn[],
): readonly Plot[] {
  if (designed)
    return drawn.flatMap((d, i) =>
      factors.map((f, k): Plot => {
        const axis = axisOf(
          { path: f.path, values: points.map((p) => p.point[k]!) },
          shortPaths(factors)[k]!,
        );
        const marks = points.flatMap((p): Mark[] => {
          const found = d.at(p);
          return found === null ? [] : [{ x: axis.at(p.point[k]!), y: found.value }];
        });
        return {
          name: `sweep-${i + 1}-${k + 1}`,
          title: d.title,
          kind: 'points',
          x: axis.title,
          y: d.unit,
          marks,
        };
      }),
    );
  const first = axisOf(factors[0]!, shortPaths(factors)[0]!);
  return drawn.map((d, i): Plot => {
    const name = `sweep-${i + 1}`;
    if (factors.length === 1 || factors.length > 2) {
      const marks = points.flatMap((p): Mark[] => {
        const found = d.at(p);
        if (found === null) return [];
        const by = factors.length === 1 ? '' : pointText(factors.slice(1), p.point.slice(1));
        return [{ x: first.at(p.point[0]!), y: found.value, low: found.low, high: found.high, by }];
      });
      return { name, title: d.title, kind: 'lines', x: first.title, y: d.unit, marks };
    }
    const marks = points.map(
      (p): Mark => ({ x: String(p.point[0]), y: String(p.point[1]), value: d.at(p)?.value ?? null }),
    );
    return {
      name,
      title: d.title,
      kind: 'map',
      x: shortPaths(factors)[0]!,
      y: shortPaths(factors)[1]!,
      marks,
    };
  });
}

/** What a point of a frontier is: no other is lower in both measures, or one is. */
const [undominated, dominated] = ['none is lower in both', 'another is lower in both'] as const;

/**
 * Two measures against each other, of both of which less is wanted: a point is dominated where another has less of one and no more of the other.
 * Source: V. Pareto's order; ties dominate nobody.
 */
function frontierOf(
  factors: readonly Factor[],
  points: readonly PlayedPoint[],
  [a, b]: readonly [Drawn, Drawn],
): Plot {
  const found = points.flatMap((p) => {
    const [x, y] = [a.at(p)?.value, b.at(p)?.value];
    return x === undefined || y === undefined ? [] : [{ x, y, label: p.point.map(String).join(', ') }];
  });
  return {
    name: 'frontier',
    title: `${b.title} against ${a.title}, less of both being better; ${shortPaths(factors).join(', ')} beside each point`,
    kind: 'frontier',
    x: `${a.title}${a.unit === '' ? '' : `, ${a.unit}`}`,
    y: `${b.title}${b.unit === '' ? '' : `, ${b.unit}`}`,
    marks: found.map((m) => ({
      ...m,
      by: found.some((o) => o.x <= m.x && o.y <= m.y && (o.x < m.x || o.y < m.y)) ? dominated : undominated,
    })),
  };
}

/** Every run of every point as columns: the factors, the run's number and all its measures. */
export function datasetOf(
  scenario: Scenario,
  factors: readonly Factor[],
  points: readonly Point[],
  rows: readonly (readonly ReplicationRow[])[],
): readonly AnswerColumn[] {
  const flat = rows.flatMap((some, i) => some.map((row) => ({ row, i })));
  const measures = measuresOf(scenario).filter(({ read }) => flat.some(({ row }) => read(row) !== null));
  return [
    { name: 'point', values: flat.map(({ i }) => i) },
    ...factors.map((f, k) => ({ name: f.path, values: flat.map(({ i }) => String(points[i]![k])) })),
    { name: 'replication', values: flat.map(({ row }) => row.replication) },
    { name: 'fingerprint', values: flat.map(({ row }) => row.fingerprint) },
    ...measures.map((m) => ({
      name: `${m.of}/${m.name}`,
      values: flat.map(({ row }) => m.read(row) ?? Number.NaN),
    })),
    ...scenario.expect.map((e, k) => ({
      name: `held/${e.name}`,
      values: flat.map(({ row }) => (row.held[k] === true ? 1 : 0)),
    })),
  ];
}

/** What a sweep says: which points hold what is expected, and how a measure moves over them. */
export function sweepAnswer(
  scenario: Scenario,
  head: Pick<Answer, 'scenario' | 'seed' | 'version'>,
  factors: readonly Factor[],
  points: readonly Point[],
  rows: readonly (readonly ReplicationRow[])[],
  named: readonly string[],
  design?: Design,
): Answer {
  const played = points.map((p, i) => judgePoint(scenario, p, rows[i]!));
  const drawn = drawnMeasures(scenario, named, played);
  const holds = played.filter((p) => p.verdict === 'pass').length;
  const [one, other] = drawn;
  const frontier =
    named.length === 2 && one !== undefined && other !== undefined
      ? frontierOf(factors, played, [one, other])
      : undefined;
  const best = (frontier?.marks ?? []).filter((m) => m.by === undominated);
  const section: Section = {
    title: 'Points',
    header: [...shortPaths(factors), 'verdict', ...drawn.map((d) => d.title), 'why not'],
    rows: played.map((p) => [
      ...p.point.map(String),
      p.verdict,
      ...drawn.map((d) => {
        const found = d.at(p);
        return found === null ? '-' : { value: found.value, unit: d.unit };
      }),
      p.reasons.join('; '),
    ]),
    sentences: factors
      .map((f, i) => `${shortPaths(factors)[i]} is ${f.path}`)
      .filter((x) => !/^(.*) is \1$/.test(x)),
  };
  const runs = played[0]?.runs ?? 0;
  return {
    ...head,
    verb: 'sweep',
    title: scenario.title,
    verdict: null,
    says: [
      `${holds} of ${points.length} points hold everything that is expected`,
      ...(design === undefined
        ? []
        : [`the points are a design (${design.kind}) over the ranges, not a grid`]),
      ...(frontier === undefined
        ? []
        : [
            `on the frontier of ${one!.title} against ${other!.title}: ${best.map((m) => m.label).join('; ')}`,
          ]),
      `${runs} ${runs === 1 ? 'run' : 'runs'} a point, the same seeds at each, so that points differ by what was turned`,
    ],
    sections: [section],
    plots: [
      ...plotsOf(design !== undefined, factors, played, drawn),
      ...(frontier === undefined ? [] : [frontier]),
    ],
    data: { factors, points: played },
    columns: datasetOf(scenario, factors, points, rows),
  };
}
