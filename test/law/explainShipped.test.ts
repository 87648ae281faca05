import { readdirSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { measured, without } from '../../src/experiment/ablation.ts';
import { type Explanation, explain, explainAnswer, targetOf } from '../../src/experiment/explain.ts';
import { catalogue } from '../../src/scenario/build.ts';
import type { Scenario } from '../../src/scenario/load.ts';
import { root, run, scenarioOf } from '../support/files.ts';

// The whole day has the changes of the four others, and each of its explanations plays it a dozen times: test/example/explain does.
const shipped = ['reference-day', 'what-if'].flatMap((folder) =>
  readdirSync(`${root}scenarios/${folder}`)
    .filter((f) => f.endsWith('.yaml') && f !== 'full-day.yaml')
    .map((f) => `scenarios/${folder}/${f}`),
);
const played = new Map(shipped.map((path) => [path, run(path, { sampled: false })]));

/** The scenario in which a risk is highest of all, by risk; risks that are nowhere above 0 are not among them. */
const peaks = catalogue.risks.flatMap(({ name }) => {
  const valueIn = (path: string) => played.get(path)!.risks.find((r) => r.name === name)?.value ?? 0;
  const path = shipped.reduce((a, b) => (valueIn(b) > valueIn(a) ? b : a));
  return valueIn(path) > 0 ? [{ name, path }] : [];
});

const alerts = shipped.flatMap((path) =>
  [
    ...new Set(
      (played.get(path)!.alerts?.spells ?? []).filter((s) => s.firedAt !== null).map((s) => s.alert),
    ),
  ].map((name) => ({ name, path })),
);

/** Plays without what is said to be the cause, by the way of an ablation, and compares with what is said of it. */
function check(scenario: Scenario, e: Explanation, that: string): 'cause' | 'contributing' | 'none' {
  const { says } = explainAnswer(scenario, { scenario: '', seed: '', version: '' }, e, (kind) => kind);
  if (e.root === null) {
    expect(says[0]).toContain('nothing of the timeline takes any of it away');
    // Without all of the timeline it is there as well.
    if (e.contributions.length > 0) expect(e.rest).toBeGreaterThan(0.98 * e.value);
    return 'none';
  }
  const alone = without(scenario, [
    { name: e.root.cause, kind: e.root.cause === 'faults' ? 'part' : 'entry' },
  ]);
  if (typeof alone === 'string') throw new Error(alone);
  const left = measured(alone, [{ name: 'x', that, unit: '' }], scenario.seed).values[0] ?? 0;
  const gone = (e.value - left) / (e.value - (e.rest ?? 0));
  expect(says[0]).toContain(`${e.root.cause} is ${gone >= 0.9 ? 'the cause' : 'contributing'}`);
  const times = e.links.map((l) => l.told.time);
  expect([...times, e.at]).toEqual([...times, e.at].sort((a, b) => a - b));
  return gone >= 0.9 ? 'cause' : 'contributing';
}

const found: ReturnType<typeof check>[] = [];

describe('the root of what is highest in all shipped scenarios takes nine tenths away, or is said to contribute', () => {
  test.each(peaks)('$name in $path', ({ name, path }) => {
    const scenario = scenarioOf(path);
    const e = explain(scenario, targetOf(scenario, name, []), scenario.seed, 0);
    found.push(check(scenario, e, catalogue.risks.find((r) => r.name === name)!.that));
  });
  test.each(alerts)('alert $name in $path', ({ name, path }) => {
    const scenario = scenarioOf(path);
    const target = targetOf(scenario, name, [name]);
    const e = explain(scenario, target, scenario.seed, 0);
    if (target.kind !== 'measure') throw new Error(target.kind);
    found.push(check(scenario, e, target.that));
  });
  test('there are ten peaks with a cause, and some to which an entry contributes or that no entry made', () => {
    const count = (kind: string) => found.filter((f) => f === kind).length;
    expect(count('cause')).toBeGreaterThan(alerts.length + 10);
    expect(count('contributing')).toBeGreaterThan(1);
    expect(count('none')).toBeGreaterThan(3);
  });
});
