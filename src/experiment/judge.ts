import { changeTimes, checkExpectation } from '../promql/expectation.ts';
import { ExactView, ServerView, type View } from '../promql/leaves.ts';
import { selectorsOf } from '../promql/parse.ts';
import { prometheus3, scrape } from '../promql/samples.ts';
import type { SeriesSet } from '../promql/series.ts';
import type { ExpectationEntry } from '../scenario/load.ts';
import type { ExpectationOutcome, Verdict } from './result.ts';

export interface Judged extends ExpectationOutcome {
  readonly held: boolean;
}

export function labelText(labels: Readonly<Record<string, string>>): string {
  const entries = Object.entries(labels).filter(([label]) => label !== '__name__');
  return entries.length === 0 ? '' : `{${entries.map(([k, v]) => `${k}="${v}"`).join(', ')}}`;
}

/** Judges an expectation by one run; `held` says whether it held there, also where only a share of runs decides. */
export function judge(e: ExpectationEntry, series: SeriesSet, played: number): Judged {
  const from = Math.min(e.from, played);
  const to = Math.min(e.to, played);
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
