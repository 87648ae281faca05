import { makeStream } from '../engine/random.ts';
import type { Scenario } from '../scenario/load.ts';
import type { Answer, Mark } from './answer.ts';
import type { Section } from './rebalance.ts';
import {
  morrisEffects,
  morrisTrajectories,
  mostDimensions,
  type SobolIndex,
  saltelli,
  sobolIndices,
} from './sensitivity.ts';

/** The input that all chance is together. */
export const chance = 'chance';
/** Inputs beyond this are screened first. */
const mostInputs = 20;
/** Trajectories of a screen. */
const screenPaths = 10;

/** Every number of a scenario that is unknown, by its path or by the factor that several share, and chance. */
export function inputsOf(scenario: Scenario): readonly string[] {
  const found = new Set<string>();
  const note = (path: string, shared: string | undefined) => {
    found.add(shared ?? path);
    return 0.5;
  };
  scenario.settings(note);
  scenario.timelineArgs(note);
  scenario.reactions(note);
  return [...found].sort((a, b) => (a < b ? -1 : 1)).concat(chance);
}

/** A run of a design: where each unknown number lies, and which replication stands for chance. */
export interface DesignRun {
  readonly fixed: readonly (readonly [string, number])[];
  readonly replication: number;
}

/** Chance has a million values: a coordinate of a design picks one. */
const replications = 1_000_000;

function runAt(inputs: readonly string[], point: readonly number[], others: readonly string[]): DesignRun {
  const fixed = inputs.flatMap((name, i) => (name === chance ? [] : [[name, point[i]!] as const]));
  const at = inputs.indexOf(chance);
  return {
    fixed: [...fixed, ...others.map((name) => [name, 0.5] as const)],
    replication: at < 0 ? 0 : Math.floor(point[at]! * replications),
  };
}

/** What the designs, played one after another, say of the inputs. */
export interface Drivers {
  readonly inputs: readonly string[];
  /** Inputs that a screen left out, with their mean absolute effect. */
  readonly screened: readonly { readonly name: string; readonly muStar: number }[];
  readonly indices: readonly (SobolIndex & { readonly name: string })[];
  /** The measure with each input at 5 and at 95 %, the others in the middle. */
  readonly tornado: readonly {
    readonly name: string;
    readonly low: number | null;
    readonly high: number | null;
  }[];
  readonly middle: number | null;
  readonly runs: number;
  readonly missing: number;
}

/** Runs that a question takes: N (d + 2), the tornado, and a screen where there are many inputs. */
export function runsOfDrivers(inputs: number, points: number): number {
  const kept = Math.min(inputs, mostInputs);
  const screen = inputs > mostInputs ? screenPaths * (inputs + 1) : 0;
  return screen + points * (kept + 2) + 2 * kept + 1;
}

/**
 * Which inputs drive a measure. A run in which it has no value counts as the mean of the others.
 * @param points of each matrix, a power of two
 */
export function* findDrivers(
  scenario: Scenario,
  seed: string,
  points: number,
): Generator<readonly DesignRun[], Drivers, readonly (number | null)[]> {
  const all = inputsOf(scenario);
  const stream = (purpose: string) => makeStream(`sensitivity|${seed}|${purpose}`);
  let inputs = all;
  let runs = 0;
  let missing = 0;
  const screened: { name: string; muStar: number }[] = [];
  const filled = (values: readonly (number | null)[]): number[] => {
    const known = values.filter((v) => v !== null);
    missing += values.length - known.length;
    runs += values.length;
    const mean = known.length === 0 ? 0 : known.reduce((s, v) => s + v, 0) / known.length;
    return values.map((v) => v ?? mean);
  };
  if (all.length > mostInputs) {
    const path = morrisTrajectories(screenPaths, all.length, stream('screen'));
    const effects = morrisEffects(path, filled(yield path.map((p) => runAt(all, p, []))), all.length);
    const order = all
      .map((name, i) => ({ name, muStar: effects[i]!.muStar }))
      .sort((a, b) => b.muStar - a.muStar);
    screened.push(...order.slice(mostInputs));
    inputs = all.filter((name) => order.slice(0, mostInputs).some((o) => o.name === name));
  }
  const others = all.filter((name) => !inputs.includes(name) && name !== chance);
  const kept = inputs;
  const design = saltelliOf(points, kept.length, stream);
  const outputs = filled(yield design.map((p) => runAt(kept, p, others)));
  const indices = sobolIndices(outputs, points, kept.length, stream('bootstrap'));
  const middlePoint = kept.map(() => 0.5);
  const sides = kept.flatMap((_, i) => [0.05, 0.95].map((u) => middlePoint.map((m, k) => (k === i ? u : m))));
  const around = yield [middlePoint, ...sides].map((p) => runAt(kept, p, others));
  runs += around.length;
  return {
    inputs: kept,
    screened,
    indices: indices
      .map((index, i) => ({ name: kept[i]!, ...index }))
      .sort((a, b) => b.total - a.total || (a.name < b.name ? -1 : 1)),
    tornado: kept.map((name, i) => ({ name, low: around[1 + 2 * i]!, high: around[2 + 2 * i]! })),
    middle: around[0]!,
    runs,
    missing,
  };
}

/** Saltelli's design; beyond what the sequence has for two matrices they are drawn. */
function saltelliOf(
  points: number,
  dimensions: number,
  stream: (purpose: string) => () => number,
): readonly (readonly number[])[] {
  if (2 * dimensions <= mostDimensions) return saltelli(points, dimensions, stream('design'));
  const draw = stream('wide');
  const matrix = () => Array.from({ length: points }, () => Array.from({ length: dimensions }, draw));
  const [a, b] = [matrix(), matrix()];
  return [
    ...a,
    ...b,
    ...Array.from({ length: dimensions }, (_, i) =>
      a.map((row, n) => row.map((v, d) => (d === i ? b[n]![i]! : v))),
    ).flat(),
  ];
}

export function sensitivityAnswer(
  scenario: Scenario,
  head: Pick<Answer, 'scenario' | 'seed' | 'version'>,
  measure: { readonly name: string; readonly unit: string },
  found: Drivers,
): Answer {
  const { unit } = measure;
  const share = (x: number) => `${(x * 100).toFixed(1)} %`;
  const span = (t: Drivers['tornado'][number]) =>
    t.low === null || t.high === null ? 0 : Math.abs(t.high - t.low);
  const [first] = found.indices;
  const rows: Section = {
    title: `What drives ${measure.name}`,
    header: ['input', 'alone', '95 % interval', 'with all it takes part in', '95 % interval'],
    rows: found.indices.map((i) => [
      i.name,
      share(i.first),
      `${share(i.firstInterval[0])} .. ${share(i.firstInterval[1])}`,
      share(i.total),
      `${share(i.totalInterval[0])} .. ${share(i.totalInterval[1])}`,
    ]),
    sentences: [
      ...(found.screened.length === 0
        ? []
        : [
            `left out by a screen, with the smallest effects: ${found.screened.map((s) => s.name).join(', ')}`,
          ]),
      ...(2 * found.inputs.length > mostDimensions
        ? ['so many inputs take a design of drawn points, whose intervals are wider than those of a sequence']
        : []),
      ...(found.missing === 0
        ? []
        : [`${found.missing} runs have no value, and count as the mean of the others`]),
    ],
  };
  const sides: Section = {
    title: 'Each input at 5 and at 95 %, the others in the middle',
    header: ['input', 'at 5 %', 'at 95 %'],
    rows: [...found.tornado]
      .sort((a, b) => span(b) - span(a))
      .map((t) => [
        t.name,
        t.low === null ? '-' : { value: t.low, unit },
        t.high === null ? '-' : { value: t.high, unit },
      ]),
    sentences: [],
  };
  return {
    ...head,
    verb: 'sensitivity',
    title: scenario.title,
    verdict: null,
    says: [
      first === undefined || first.total === 0
        ? `${measure.name} does not vary: nothing drives it`
        : `${first.name} drives ${measure.name}: ${share(first.total)} of its variance`,
      `${found.runs} runs over ${found.inputs.length} inputs, of which all chance together is one`,
    ],
    sections: [rows, sides],
    plots: [
      {
        name: 'indices',
        title: 'Share of the variance, with all that an input takes part in',
        kind: 'bars',
        x: 'share',
        y: 'input',
        marks: found.indices.map((i): Mark => ({ x: Math.max(0, i.total), y: i.name })),
      },
    ],
    data: { measure, ...found },
    columns: [
      { name: 'input', values: found.indices.map((i) => i.name) },
      { name: 'first', values: found.indices.map((i) => i.first) },
      { name: 'total', values: found.indices.map((i) => i.total) },
    ],
  };
}
