import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Simulation } from '../../src/engine/simulation.ts';
import {
  type AlertChange,
  type AlertRule,
  AlertState,
  DuplicateAlerts,
  LimitExceeded,
} from '../../src/models/monitoring/alertState.ts';
import { parseTemplate } from '../../src/models/monitoring/template.ts';
import { alertRule, listedQuery, monitoring, ruleGroup } from '../support/monitoring.ts';

const minute = 60e6;

const bare = (more: Partial<AlertRule> = {}): AlertRule => ({
  name: 'A',
  forMicros: 0,
  keepFiringForMicros: 0,
  labels: () => ({}),
  annotations: () => ({}),
  ...more,
});

/** What happened at each evaluation of one series that is there or not. */
function changes(
  truth: readonly boolean[],
  rule: AlertRule,
  interval = minute,
): (AlertChange | 'firing now')[][] {
  const state = new AlertState(rule);
  return truth.map((holds, i) => {
    const seen: (AlertChange | 'firing now')[] = [];
    state.evaluate(i * interval, holds ? [{ labels: {}, value: 1 }] : [], 0, (change) => seen.push(change));
    if (state.firingCount > 0) seen.push('firing now');
    return seen;
  });
}

const truths = fc.array(fc.boolean(), { minLength: 1, maxLength: 60, size: 'max' });
/** Mostly true, so that `for` is survived now and then. */
const mostly = fc.array(
  fc.integer({ min: 0, max: 9 }).map((x) => x > 0),
  { minLength: 1, maxLength: 60, size: 'max' },
);

describe('an alert', () => {
  test('fires exactly where its expression has been true at every evaluation for at least `for`, and goes on for keep_firing_for', () => {
    let fired = 0;
    let lost = 0;
    let kept = 0;
    fc.assert(
      fc.property(
        fc.oneof(truths, mostly),
        fc.integer({ min: 0, max: 330 }),
        fc.integer({ min: 0, max: 330 }),
        fc.constantFrom(15, 30, 60),
        (truth, forSeconds, keepSeconds, step) => {
          const interval = step * 1e6;
          const seen = changes(
            truth,
            bare({ forMicros: forSeconds * 1e6, keepFiringForMicros: keepSeconds * 1e6 }),
            interval,
          );
          // The oracle looks back over the whole table at each evaluation.
          const evaluations = Math.ceil(forSeconds / step);
          let firing: boolean = false;
          for (const [i, holds] of truth.entries()) {
            let run = 0;
            while (run <= i && truth[i - run]!) run += 1;
            let gap = 0;
            while (gap <= i && !truth[i - gap]!) gap += 1;
            const isKept: boolean = firing && !holds && (gap - 1) * step < keepSeconds;
            firing = holds ? firing || run > evaluations : isKept;
            expect(seen[i]!.includes('firing now')).toBe(firing);
            if (seen[i]!.includes('firing')) fired += 1;
            if (seen[i]!.includes('lost')) lost += 1;
            if (isKept) kept += 1;
          }
        },
      ),
      { numRuns: 400 },
    );
    expect([fired > 100, lost > 100, kept > 100]).toEqual([true, true, true]);
  });

  test('that is pending is sent to nobody, a firing one at every evaluation later than the delay, a resolved one for 15 min', () => {
    const state = new AlertState(bare({ forMicros: 2 * minute }));
    const sent: string[] = [];
    for (let i = 0; i <= 30; i += 1) {
      state.evaluate(i * minute, i < 8 ? [{ labels: {}, value: 1 }] : [], 0, () => {});
      for (const alert of state.toSend(i * minute, minute, minute)) sent.push(`${i} ${alert.state}`);
    }
    // Each second minute, since one of just a minute is not longer than the delay; the last before 8 + 15 is over.
    expect(sent).toEqual([
      '2 firing',
      '4 firing',
      '6 firing',
      '8 inactive',
      '10 inactive',
      '12 inactive',
      '14 inactive',
      '16 inactive',
      '18 inactive',
      '20 inactive',
      '22 inactive',
    ]);
  });

  test('of a rule that gives one set of labels twice fails, and one with more alerts than the limit loses them all', () => {
    const same = new AlertState(bare({ labels: () => ({ zone: 'x' }) }));
    const two = [
      { labels: { zone: 'a' }, value: 1 },
      { labels: { zone: 'b' }, value: 1 },
    ];
    expect(() => same.evaluate(0, two, 0, () => {})).toThrow(DuplicateAlerts);
    expect(same.isIdle).toBe(true);
    const limited = new AlertState(bare());
    limited.evaluate(0, two.slice(1), 1, () => {});
    expect(limited.firingCount).toBe(1);
    const seen: string[] = [];
    expect(() => limited.evaluate(minute, two, 1, (change) => seen.push(change))).toThrow(LimitExceeded);
    // The second began with this evaluation: nobody had heard of it.
    expect([limited.isIdle, seen]).toEqual([true, ['resolved']]);
  });
});

/** One random rule over three series, with what they are at each of 40 minutes: a value, nothing new, or a stale marker. */
const promtoolCase = fc.record({
  for: fc.constantFrom(0, 60, 90, 180, 240),
  keep: fc.constantFrom(0, 0, 60, 150, 300),
  labelled: fc.boolean(),
  series: fc.array(
    fc.array(fc.constantFrom('0', '1', '1', '1', '1', '2', '_', 'stale'), {
      minLength: 40,
      maxLength: 40,
      size: 'max',
    }),
    { minLength: 3, maxLength: 3 },
  ),
});

const isInstalled = spawnSync('promtool', ['--version'], { stdio: 'ignore' }).status === 0;

describe('ALERTS and ALERTS_FOR_STATE', () => {
  test.skipIf(!isInstalled)('are at every evaluation what promtool gives, on 60 random rules', () => {
    const cases = fc.sample(promtoolCase, { numRuns: 60, seed: 6 });
    const level = '{{ if gt $value 1.0 }}high{{ else }}low{{ end }}';
    const folder = mkdtempSync(join(tmpdir(), 'rehearse-alerts-'));
    const rules: string[] = ['groups:'];
    // All in one test: promtool evaluates every rule in each.
    const inputs: string[] = [
      'rule_files: [rules.yml]',
      'evaluation_interval: 1m',
      'tests:',
      '- interval: 1m',
      '  input_series:',
    ];
    const tests: string[] = ['  promql_expr_test:'];
    let states = 0;
    for (const [n, c] of cases.entries()) {
      const labels = c.labelled ? `        labels: { level: '${level}' }` : '';
      rules.push(`- name: g${n}`, '  rules:', `      - alert: R${n}`, `        expr: x${n} > 0`);
      rules.push(`        for: ${c.for}s`, `        keep_firing_for: ${c.keep}s`, labels);
      for (const [i, values] of c.series.entries())
        inputs.push(`    - { series: 'x${n}{s="${i}"}', values: '${values.join(' ')}' }`);
      // A value counts for just less than five minutes; in version 2 for five.
      const valueAt = (values: readonly string[], i: number): number => {
        for (let back = 0; back <= 5 && back <= i; back += 1) {
          const v = values[i - back]!;
          if (v === 'stale') return 0;
          if (v !== '_') return Number(v);
        }
        return 0;
      };
      const answers = c.series[0]!.map((_, i) =>
        c.series.flatMap((values, s) => {
          const value = valueAt(values, i);
          return value > 0 ? [{ labels: { s: String(s) }, value }] : [];
        }),
      );
      const sim = new Simulation({ seed: '1', record: 'all' });
      const template = parseTemplate(level);
      const rule = {
        ...alertRule(`R${n}`, listedQuery(answers, 0, minute), {
          forMicros: c.for * 1e6,
          keepFiringForMicros: c.keep * 1e6,
        }),
        ...(c.labelled && template.ok
          ? {
              labels: (given: Readonly<Record<string, string>>, value: number) => ({
                level: template.template(given, value),
              }),
            }
          : {}),
      };
      const made = monitoring(sim, { groups: [ruleGroup({ rules: [rule] })] });
      for (let i = 0; i < 40; i += 1) {
        sim.run(i * minute);
        for (const name of ['ALERTS', 'ALERTS_FOR_STATE']) {
          const written = made.series(name);
          const gauge = sim.gauges.get(name)!;
          tests.push(
            `    - expr: '${name}{alertname="R${n}"}'`,
            `      eval_time: ${i}m`,
            '      exp_samples:',
          );
          for (let row = 0; row < written.count; row += 1) {
            const value = gauge.get(row);
            if (value < 0) continue;
            const shown = Object.entries(written.labelsOf(row)).map(([k, v]) => `${k}="${v}"`);
            tests.push(`        - { labels: '${name}{${shown.join(', ')}}', value: ${value} }`);
            states += 1;
          }
        }
      }
    }
    writeFileSync(join(folder, 'rules.yml'), rules.filter((line) => line !== '').join('\n'));
    writeFileSync(join(folder, 'tests.yml'), [...inputs, ...tests].join('\n'));
    const ran = spawnSync('promtool', ['test', 'rules', 'tests.yml'], {
      cwd: folder,
      encoding: 'utf8',
      maxBuffer: 1e8,
    });
    rmSync(folder, { recursive: true, force: true });
    expect(`${ran.stdout}${ran.stderr}`.slice(0, 3000)).toContain('SUCCESS');
    expect(states).toBeGreaterThan(3000);
  });
});
