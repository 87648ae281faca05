import { expect, test } from 'vitest';
import { constant, uniform } from '../../src/engine/distributions.ts';
import { Simulation } from '../../src/engine/simulation.ts';
import type { Channel } from '../../src/models/monitoring/channels.ts';
import type { NewsKind } from '../../src/models/monitoring/news.ts';
import { alertmanager, alertRule, clockText, monitoring, route, ruleGroup } from '../support/monitoring.ts';

const channel = (more: Partial<Channel> = {}): Channel => ({
  name: 'pager',
  receivers: ['team'],
  kinds: [],
  delivery: constant(2e6),
  steps: [
    { who: 'first', afterMicros: 0, acknowledges: undefined },
    { who: 'second', afterMicros: 600e6, acknowledges: constant(180e6) },
  ],
  ...more,
});

/** An alert that is true in some spans of seconds; news as `clock kind person`. */
function news(
  spans: readonly (readonly [number, number])[],
  channels: readonly Channel[],
  seconds = 3600,
  seed = '1',
): string[] {
  const sim = new Simulation({ seed, record: 'all' });
  const rule = alertRule('Down', {
    at: (t) =>
      spans.some(([from, to]) => t >= from * 1e6 && t < to * 1e6) ? [{ labels: {}, value: 1 }] : [],
  });
  const made = monitoring(sim, {
    groups: [ruleGroup({ rules: [rule] })],
    alertmanager: alertmanager({ route: route({ repeatIntervalMicros: 300e6 }) }),
    channels,
  });
  const lines: string[] = [];
  for (const kind of ['delivered', 'acknowledged', 'escalated', 'closed'] as NewsKind[])
    made.listen(kind, { alert: 'Down' }, (n) => {
      lines.push(`${clockText(n.at)} ${kind} ${n.person}`.trim());
    });
  sim.run(seconds * 1e6);
  return lines;
}

test('a message that nobody acknowledges is escalated, and who is told then acknowledges', () => {
  // Fires at 1 min, told at 1:30, repeated later: repeats page nobody again.
  expect(news([[60, 3000]], [channel()])).toEqual([
    '00:01:32 delivered first',
    '00:11:32 escalated second',
    '00:14:32 acknowledged second',
    '00:51:32 closed',
  ]);
});

test('an acknowledgement stops the escalation, and an alert that is over before stops both', () => {
  const answered = channel({
    steps: [
      { who: 'first', afterMicros: 0, acknowledges: constant(240e6) },
      { who: 'second', afterMicros: 600e6, acknowledges: constant(60e6) },
    ],
  });
  expect(news([[60, 3000]], [answered])).toEqual([
    '00:01:32 delivered first',
    '00:05:32 acknowledged first',
    '00:51:32 closed',
  ]);
  const slow = channel({ steps: [{ who: 'first', afterMicros: 0, acknowledges: constant(1200e6) }] });
  expect(news([[60, 300]], [slow])).toEqual(['00:01:32 delivered first', '00:06:32 closed']);
});

test('an alert that returns once the incident is closed opens another', () => {
  const answered = channel({ steps: [{ who: 'first', afterMicros: 0, acknowledges: constant(60e6) }] });
  const lines = news(
    [
      [60, 300],
      [1200, 1500],
    ],
    [answered],
  );
  expect(lines.filter((line) => line.includes('acknowledged'))).toEqual([
    '00:02:32 acknowledged first',
    '00:21:32 acknowledged first',
  ]);
});

test('a channel takes the receivers and kinds that it names, and draws its delays by its own name', () => {
  expect(news([[60, 3000]], [channel({ receivers: ['others'] }), channel({ kinds: ['slack'] })])).toEqual([]);
  const drawn = channel({ delivery: uniform(0, 20e6), steps: [] });
  const alone = news([[60, 3000]], [drawn]);
  const beside = news(
    [[60, 3000]],
    [channel({ name: 'other', delivery: uniform(0, 9e6), steps: [] }), drawn],
  );
  expect(beside).toEqual(expect.arrayContaining(alone));
  expect(beside).toHaveLength(2 * alone.length);
  expect(news([[60, 3000]], [drawn], 3600, '2')).not.toEqual(alone);
});
