import { parseQuantity } from '../formats/quantity.ts';
import { evaluateVector } from '../promql/expectation.ts';
import { parseExpression, selectorsOf } from '../promql/parse.ts';
import type { SeriesSet } from '../promql/series.ts';
import { type Built, build, catalogue } from '../scenario/build.ts';
import {
  type FaultTarget,
  faultTargets,
  type GivenEntry,
  isFault,
  needsLength,
  withFault,
} from '../scenario/faultVariants.ts';
import type { Scenario } from '../scenario/load.ts';
import { play } from './play.ts';
import type { FaultMoment, FaultsOutcome, FaultVariant, Result } from './result.ts';

export interface FaultOptions {
  readonly kinds: readonly string[];
  /** Microseconds from the start of the period; absent: at each step of the change. */
  readonly at?: readonly number[];
  /** How long each fault lasts, microseconds; absent: ten minutes where a fault needs it, else until what was struck has started again. */
  readonly lasts?: number;
  readonly onProgress?: (fraction: number) => void;
}

/** Long enough for a restart and its catch-up to meet the fault, and for producers to give up: `delivery.timeout.ms` is 2 minutes. */
const defaultLength = 600_000_000;
/** A span shorter than this is tried with the one before it. */
const shortestSpan = 1_000_000;
const mostVariants = 20_000;

/** What was asked for cannot be tried: said as a finding and a remedy. */
export class CannotTry extends Error {
  readonly mend: string;
  constructor(found: string, mend: string) {
    super(found);
    this.mend = mend;
  }
}

const signs = catalogue.outages.map((sign) => {
  const parsed = parseExpression(sign.that);
  if (!parsed.ok) throw new RangeError(`outage ${sign.name}: ${parsed.problems[0]?.message}`);
  return { ...sign, expression: parsed.value };
});
const recorded = new Set(signs.flatMap((s) => selectorsOf(s.expression).map((selector) => selector.name)));

function readSigns(series: SeriesSet, played: number): number[] {
  return signs.map(({ expression }) =>
    evaluateVector(expression, series, played).reduce((most, s) => Math.max(most, s.value), 0),
  );
}

interface Step {
  readonly at: number;
  readonly to: number;
  readonly says: string;
}

/**
 * The steps of the change: what the run told of its steps, and each timeline entry that is no fault. A step lasts until the next; the last one as
 * long as the longest before it, or to the end.
 */
function stepsOf(scenario: Scenario, base: Result): Step[] {
  const kinds = new Set(base.eventKinds.filter((k) => k.step === true).map((k) => k.name));
  const told = base.told.filter((t) => kinds.has(t.kind)).map((t) => ({ at: t.time, says: t.subject }));
  const entries = scenario.timeline
    .filter((entry) => !isFault(entry) && entry.at <= base.playedMicros)
    .map((entry) => ({ at: entry.at, says: entry.id }));
  // At one instant what was told says more than the entry that began it.
  const all = [...told, ...entries.filter((e) => !told.some((t) => t.at === e.at))].sort(
    (x, y) => x.at - y.at || (x.says < y.says ? -1 : 1),
  );
  const single = all.filter((s, i) => i === 0 || s.at > all[i - 1].at);
  const gaps = single.slice(1).map((s, i) => s.at - single[i].at);
  return single.map((s, i) => {
    const next = single[i + 1]?.at;
    const alike = gaps.length === 0 ? base.playedMicros : Math.max(...gaps);
    const to = next ?? Math.min(base.playedMicros, s.at + alike);
    const same = all.filter((other) => other.at === s.at).map((other) => other.says);
    return { at: s.at, to, says: same.join(', ') };
  });
}

/** Times in which the run without a fault says that one more failure would be an outage, in order and disjoint. */
function exposed(base: Result): (readonly [number, number])[] {
  const edges: [number, number][] = [];
  for (const name of catalogue.exposures) {
    for (const s of base.series.of(name)) {
      for (let i = 0; i < s.length; i += 1) {
        const to = i + 1 < s.length ? s.times[i + 1] : base.playedMicros;
        if (s.slopes[i] > 0 && to > s.times[i]) edges.push([s.times[i], to]);
      }
    }
  }
  edges.sort((x, y) => x[0] - y[0] || x[1] - y[1]);
  const merged: [number, number][] = [];
  for (const [from, to] of edges) {
    const last = merged[merged.length - 1];
    if (last !== undefined && from <= last[1]) last[1] = Math.max(last[1], to);
    else merged.push([from, to]);
  }
  return merged;
}

/** A step cut where the exposure of the run begins or ends: within a span it does not change, and one strike in its middle stands for it. */
function spansOf(step: Step, edges: readonly (readonly [number, number])[]): [number, number][] {
  const cuts = [...new Set(edges.flat())].filter((t) => t > step.at && t < step.to).sort((x, y) => x - y);
  const spans: [number, number][] = [];
  let from = step.at;
  for (const to of [...cuts, step.to]) {
    const last = spans[spans.length - 1];
    if (last !== undefined && to - from < shortestSpan) last[1] = to;
    else if (to - from < shortestSpan && to < step.to) continue;
    else spans.push([from, to]);
    from = to;
  }
  return spans;
}

function momentsOf(scenario: Scenario, base: Result, at: readonly number[] | undefined): FaultMoment[] {
  const steps = stepsOf(scenario, base);
  if (at !== undefined)
    return at.map((t) => ({
      row: `+${t / 1e6} s`,
      atMicros: t,
      nextMicros: steps.find((s) => s.at > t)?.at ?? base.playedMicros,
      spanMicros: null,
      change: true,
    }));
  if (steps.length === 0)
    throw new CannotTry(
      'nothing changes in this scenario: there is no step at which a fault could be tried',
      'write --at +10m,+20m, or a scenario whose timeline changes something',
    );
  // Whole tenths of a second, so that the entry reads well; a span is never shorter than a second.
  const middle = (from: number, to: number) => Math.floor((from + to) / 2 / 100_000) * 100_000;
  const first = steps[0].at;
  const before: FaultMoment[] =
    first < shortestSpan
      ? []
      : [
          {
            row: 'before the change',
            atMicros: middle(0, first),
            nextMicros: first,
            spanMicros: first,
            change: false,
          },
        ];
  const edges = exposed(base);
  return [
    ...before,
    ...steps.flatMap((step) =>
      spansOf(step, edges).map(
        ([from, to]): FaultMoment => ({
          row: step.says,
          atMicros: Math.max(from, middle(from, to)),
          nextMicros: step.to,
          spanMicros: to - from,
          change: true,
        }),
      ),
    ),
  ];
}

/** Below 0 when x is worse: by the worst sign first, each by how much more of it there was. */
function worseFirst(x: FaultVariant, y: FaultVariant): number {
  for (let i = 0; i < signs.length; i += 1) {
    const more = y.more[signs[i].name] - x.more[signs[i].name];
    if (more !== 0) return more;
  }
  return x.order - y.order;
}

/**
 * Plays a change once for each single fault that could strike at each of its steps: the same scenario with one more timeline entry, by the
 * same seed. What follows from a fault is what the run has more of than the run without it.
 *
 * A variant ends early once change and fault are over and nothing is exposed. A fault that strikes what another fault of the scenario strikes at that time is left out and counted.
 * @param base the run without the fault, with every series recorded
 * @throws CannotTry when there is nothing to try
 */
export function tryFaults(scenario: Scenario, base: Result, options: FaultOptions): FaultsOutcome {
  const moments = momentsOf(scenario, base, options.at);
  const targets = options.kinds.map((kind) => {
    const found = faultTargets(kind, scenario);
    if (found.length === 0)
      throw new CannotTry(
        `there is nothing that a fault of the kind ${kind} could strike`,
        `leave ${kind} out of --faults`,
      );
    return { kind, found };
  });
  const count = moments.length * targets.reduce((sum, t) => sum + t.found.length, 0);
  if (count > mostVariants)
    throw new CannotTry(
      `${count} faults would be tried, more than ${mostVariants}`,
      'name fewer kinds, or a few instants with --at +10m,+20m',
    );
  const without = readSigns(base.series, base.playedMicros);
  const withoutAt = moments.map((m) => readSigns(base.series, m.nextMicros));
  const settled = Math.max(...moments.map((m) => m.nextMicros), ...scenario.timeline.map((e) => e.at));
  const variants: FaultVariant[] = [];
  const played = new Map<FaultVariant, { readonly scenario: Scenario; readonly entry: GivenEntry }>();
  let refused = 0;
  let done = 0;
  moments.forEach((moment, m) => {
    for (const { kind, found } of targets) {
      for (const target of found) {
        const made = withFault(scenario, kind, moment.atMicros, keysOf(kind, target, options.lasts));
        done += 1;
        options.onProgress?.(done / count);
        if ('refused' in made) {
          refused += 1;
          continue;
        }
        const built = build(made.scenario, {
          seed: base.seed,
          replication: base.replication,
          record: recorded,
        });
        const over = Math.max(settled, moment.atMicros + lengthOf(made.entry));
        if (!(scenario.until === undefined && endsQuietly(built, scenario.warmUp + over)))
          play(built, made.scenario);
        const length = Math.max(0, Math.min(built.sim.now, built.until) - scenario.warmUp);
        const series = built.series();
        const more = excess(
          readSigns(series, length),
          length < base.playedMicros ? readSigns(base.series, length) : without,
        );
        const soon = excess(readSigns(series, Math.min(length, moment.nextMicros)), withoutAt[m]);
        const variant: FaultVariant = {
          order: variants.length,
          moment: m,
          kind,
          target: target.says,
          outage: signs.find((s) => soon[s.name] > 0)?.name ?? null,
          later: signs.find((s) => more[s.name] > 0)?.name ?? null,
          more,
        };
        variants.push(variant);
        played.set(variant, made);
      }
    }
  });
  const [worst] = [...variants].sort(worseFirst);
  const change = moments.filter((m) => m.change);
  const known = change.every((m) => m.spanMicros !== null);
  return {
    kinds: options.kinds,
    signs: catalogue.outages,
    moments,
    variants,
    refused,
    lastsMicros: options.lasts ?? defaultLength,
    changeMicros: known ? change.reduce((sum, m) => sum + (m.spanMicros ?? 0), 0) : null,
    exposure: options.kinds.map((kind) => {
      const bad = variants.filter((v) => v.kind === kind && v.outage !== null && moments[v.moment].change);
      const at = [...new Set(bad.map((v) => v.moment))];
      return {
        kind,
        micros: known ? at.reduce((sum, m) => sum + (moments[m].spanMicros ?? 0), 0) : null,
        rows: [...new Set(at.map((m) => moments[m].row))],
        targets: [...new Set(bad.map((v) => v.target))],
        laterRows: [
          ...new Set(
            variants
              .filter((v) => v.kind === kind && v.later !== null && moments[v.moment].change)
              .map((v) => moments[v.moment].row),
          ),
        ],
        worst: variants.filter((v) => v.kind === kind && v.later !== null).sort(worseFirst)[0]?.order ?? null,
      };
    }),
    worst: worst === undefined || worst.later === null ? null : worstOf(worst, played.get(worst)!, base),
  };
}

/** Microseconds that a fault lasts by its entry. */
function lengthOf(entry: GivenEntry): number {
  const parsed = entry.for === undefined ? undefined : parseQuantity(entry.for, 'duration');
  return parsed?.ok === true ? parsed.value : 0;
}

/**
 * Plays until change and fault are over. @returns whether no sign of an outage and no exposure grows any more: then the rest of the
 * period has nothing to add, and is not played
 */
function endsQuietly({ sim, until }: Built, at: number): boolean {
  if (at >= until) return false;
  sim.run(at);
  return [...recorded, ...catalogue.exposures].every((name) => {
    const gauge = sim.gauges.get(name);
    for (let row = 0; row < (gauge?.rows ?? 0); row += 1) if (gauge!.slope(row) !== 0) return false;
    return true;
  });
}

function keysOf(kind: string, target: FaultTarget, lasts: number | undefined): FaultTarget['keys'] {
  if (lasts === undefined && !needsLength(kind, target)) return target.keys;
  return { ...target.keys, for: `${(lasts ?? defaultLength) / 1e6}s` };
}

/** How much more there is of each sign; what is below a billionth of a unit comes of adding up floats. */
function excess(values: readonly number[], without: readonly number[]): Record<string, number> {
  return Object.fromEntries(
    signs.map((s, i) => [s.name, Math.max(0, Math.round((values[i] - without[i]) * 1e9) / 1e9)]),
  );
}

function worstOf(
  variant: FaultVariant,
  { scenario, entry }: { readonly scenario: Scenario; readonly entry: GivenEntry },
  base: Result,
): FaultsOutcome['worst'] {
  const built = build(scenario, { seed: base.seed, replication: base.replication });
  play(built, scenario);
  return {
    variant: variant.order,
    entry,
    fingerprint: built.sim.fingerprint(),
    resolved: { ...base.resolved, scenario: scenario.resolved },
  };
}
