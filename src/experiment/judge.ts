import { changeTimes, checkExpectation, compared } from '../promql/expectation.ts';
import { ExactView, ServerView, type View } from '../promql/leaves.ts';
import { selectorsOf } from '../promql/parse.ts';
import { Query } from '../promql/query.ts';
import { prometheus3, scrape } from '../promql/samples.ts';
import type { SeriesSet } from '../promql/series.ts';
import type { ExpectationEntry } from '../scenario/load.ts';
import type { ExpectationOutcome, Verdict } from './result.ts';
import { mser5 } from './steadyState.ts';

export interface Judged extends ExpectationOutcome {
  readonly held: boolean;
}

export function labelText(labels: Readonly<Record<string, string>>): string {
  const entries = Object.entries(labels).filter(([label]) => label !== '__name__');
  return entries.length === 0 ? '' : `{${entries.map(([k, v]) => `${k}="${v}"`).join(', ')}}`;
}

/** How often a value is looked at to find its steady state. */
const looks = 500;

/** Judges the mean of each series once it is steady; the worst of them counts. A value that is missing at a look is no steady one. */
function judgeSteady(e: ExpectationEntry, series: SeriesSet, from: number, to: number): Judged {
  const { expression } = e;
  const operand = new Query(expression.operand, new ExactView(series));
  const found = new Map<string, { readonly labels: string; readonly values: number[] }>();
  const at = (look: number) => Math.round(from + ((to - from) * (look + 0.5)) / looks);
  for (let look = 0; look < looks; look += 1) {
    for (const { labels, value } of operand.samples(at(look))) {
      const text = labelText(labels);
      const one = found.get(text) ?? { labels: text, values: [] };
      if (one.values.length === look) one.values.push(value);
      found.set(text, one);
    }
  }
  const limits = new Query(expression.limit, new ExactView(series)).value(to);
  const base = { name: e.name, that: e.text, mode: e.mode, when: e.when, place: e.place };
  const failed = (verdict: Verdict, says: string): Judged => ({
    ...base,
    verdict,
    held: false,
    value: Number.NaN,
    margin: Number.NaN,
    says,
  });
  let worst: Judged | undefined;
  for (const { labels, values } of found.values()) {
    const cut = values.length === looks && values.every(Number.isFinite) ? mser5(values) : undefined;
    if (cut === undefined)
      return failed(
        'inconclusive',
        `no steady state${labels === '' ? '' : ` of ${labels}`}: what leads into it is more than half of the time; play longer, or look at a later part of it`,
      );
    const kept = values.slice(cut);
    const mean = kept.reduce((a, b) => a + b, 0) / kept.length;
    const limit =
      typeof limits === 'number'
        ? limits
        : (limits.find((l) => labelText(l.labels) === labels)?.value ?? Number.NaN);
    const { holds, distance } = compared(expression.op, mean, limit);
    if (
      worst !== undefined &&
      (worst.held ? holds && distance >= worst.margin : holds || distance >= worst.margin)
    )
      continue;
    const where =
      `${labels} ${mean.toPrecision(4)} on average against ${limit.toPrecision(4)}, from +${((from + ((to - from) * cut) / looks) / 1e6).toFixed(1)} s on`.trim();
    worst = {
      ...base,
      verdict: e.holdsIn !== undefined ? 'inconclusive' : holds ? 'pass' : 'fail',
      held: holds,
      value: mean,
      margin: distance,
      says:
        e.holdsIn !== undefined
          ? `${holds ? 'holds' : 'fails'} in this one run: ${where}; a share of runs needs replications`
          : where,
    };
  }
  return worst ?? failed('fail', 'no series has a value there');
}

/** Judges an expectation by one run; `held` says whether it held there, also where only a share of runs decides. */
export function judge(e: ExpectationEntry, series: SeriesSet, played: number): Judged {
  const from = Math.min(e.from, played);
  const to = Math.min(e.to, played);
  if (e.steady && from < to) return judgeSteady(e, series, from, to);
  let view: View = new ExactView(series);
  let times =
    from === to
      ? [to]
      : changeTimes(
          {
            kind: 'binary',
            op: '-',
            left: e.expression.operand,
            right: e.expression.limit,
            bool: false,
            on: undefined,
            ignoring: [],
            group: undefined,
            include: [],
          },
          series,
          from,
          to,
        );
  if (e.mode === 'scraped') {
    const names = [...selectorsOf(e.expression.operand), ...selectorsOf(e.expression.limit)].map(
      (s) => s.name,
    );
    view = new ServerView(scrape(series, new Set(names), e.scrapeMicros, 0, played), prometheus3);
    if (from !== to) {
      times = [];
      for (let t = Math.ceil(from / e.scrapeMicros) * e.scrapeMicros; t <= to; t += e.scrapeMicros)
        times.push(t);
    }
  }
  const checked = checkExpectation(e.expression, view, times);
  const base = { name: e.name, that: e.text, mode: e.mode, when: e.when, place: e.place };
  if (!checked.matched) {
    return {
      ...base,
      verdict: 'fail',
      held: false,
      value: Number.NaN,
      margin: Number.NaN,
      says: 'no series has a value there',
    };
  }
  const where =
    `${labelText(checked.labels)} ${checked.value.toPrecision(4)} against ${checked.limit.toPrecision(4)} at +${(checked.time / 1e6).toFixed(1)} s`.trim();
  const verdict: Verdict = e.holdsIn !== undefined ? 'inconclusive' : checked.holds ? 'pass' : 'fail';
  return {
    ...base,
    verdict,
    held: checked.holds,
    value: checked.value,
    margin: checked.margin,
    says:
      e.holdsIn !== undefined
        ? `${checked.holds ? 'holds' : 'fails'} in this one run: ${where}; a share of runs needs replications`
        : where,
  };
}
