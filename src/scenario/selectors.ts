import type { Problem } from '../formats/problem.ts';
import { matches } from '../promql/leaves.ts';
import { type Selector, selectorsOf } from '../promql/parse.ts';
import { build, catalogue } from './build.ts';
import { problemAt } from './document.ts';
import type { Scenario } from './load.ts';

/** Where a text stands in the files of a scenario, shifted by an offset inside it. */
function placeOf(
  scenario: Scenario,
  text: string,
  offset: number,
): { file: string; line: number; column: number } {
  for (const [file, content] of scenario.texts) {
    const at = content.indexOf(text);
    if (at < 0) continue;
    const before = content.slice(0, at + offset);
    return { file, line: before.split('\n').length, column: at + offset - before.lastIndexOf('\n') };
  }
  return { file: scenario.file, line: 0, column: 0 };
}

/**
 * Selectors that match no series of the platform: `{broker="9"}` on five brokers would hold, or fail, without meaning anything.
 * Asked only of a scenario that has passed its other checks, since the platform must be made for it.
 */
export function unmatchedSelectors(scenario: Scenario): Problem[] {
  const named: { readonly path: string; readonly text: string; readonly selectors: readonly Selector[] }[] = [
    ...scenario.expect.map((e) => ({
      path: `expect.${e.name}`,
      text: e.text,
      selectors: [...selectorsOf(e.expression.operand), ...selectorsOf(e.expression.limit)],
    })),
    ...scenario.observed.flatMap((o) =>
      o.expression === undefined
        ? []
        : [{ path: `observed.${o.name}`, text: o.text, selectors: selectorsOf(o.expression) }],
    ),
    ...scenario.conditions.map((c) => ({
      path: c.path,
      text: c.text,
      selectors: [...selectorsOf(c.expression.operand), ...selectorsOf(c.expression.limit)],
    })),
    ...(scenario.until === undefined
      ? []
      : [
          {
            path: 'until',
            text: scenario.until.text,
            selectors: selectorsOf(scenario.until.expression.operand),
          },
        ]),
  ];
  if (!named.some((n) => n.selectors.some((s) => s.matchers.length > 0))) return [];
  const series = build(scenario, { seed: scenario.seed }).live();
  const open = new Set(catalogue.metrics.filter((m) => m.openSeries === true).map((m) => m.name));
  const problems: Problem[] = [];
  for (const { path, text, selectors } of named) {
    for (const selector of selectors) {
      const all = series.of(selector.name);
      // A metric of single partitions is not kept on very large platforms.
      if (all.length === 0 || open.has(selector.name) || all.some((s) => matches(s, selector.matchers)))
        continue;
      const label =
        selector.matchers.find((m) => !all.some((s) => m.test(s.labels[m.label] ?? '')))?.label ?? '';
      const known = [...new Set(all.map((s) => s.labels[label] ?? ''))];
      problems.push(
        problemAt(
          placeOf(scenario, text, selector.at),
          path,
          `${text.slice(selector.at, selector.at + selector.length)} matches no series`,
          label === ''
            ? 'correct the matchers'
            : `use one of the values of ${label}: ${known.slice(0, 12).join(', ')}`,
        ),
      );
    }
  }
  return problems;
}
