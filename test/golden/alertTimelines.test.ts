/** The worked timelines of an alert from the crossing of its threshold to the message, by Prometheus' and Alertmanager's own rules. */
import { expect, test } from 'vitest';
import { Simulation } from '../../src/engine/simulation.ts';
import { alertRule, clock, clockText, monitoring, ruleGroup, thresholdQuery } from '../support/monitoring.ts';

/** `x > 10` for 5 m, evaluated at :20 of each minute, scraped each 30 s at :05, from 12:00:00 on. */
function play(
  value: (t: number) => number | undefined,
  until: string,
  second?: (t: number) => number | undefined,
): string[] {
  const noon = clock('12:00:00');
  const sim = new Simulation({ seed: '1', record: 'all', keepEvents: true });
  const query = (of: (t: number) => number | undefined, instance: string) =>
    thresholdQuery((t) => of(t + noon), 10, 30e6, 5e6, { instance });
  const rules = [alertRule('High', query(value, 'a'), { forMicros: 300e6 })];
  if (second !== undefined) rules.push(alertRule('High', query(second, 'b')));
  const lines: string[] = [];
  const made = monitoring(sim, { groups: [ruleGroup({ offsetMicros: 20e6, rules })] });
  for (const kind of ['pending', 'lost', 'firing', 'resolved'] as const)
    made.listen(kind, { alert: 'High' }, (news) => {
      lines.push(`${clockText(news.at + noon)} ${kind} ${news.labels.instance}`);
    });
  sim.run(clock(until) - noon);
  for (const m of made.messages)
    lines.push(
      `${clockText(m.at + noon)} message firing [${m.firing.map((l) => l.instance)}] resolved [${m.resolved.map((l) => l.instance)}]`,
    );
  return lines.sort();
}

const above = (from: string, to = '24:00:00') => {
  return (t: number) => (t >= clock(from) && t < clock(to) ? 11 : 9);
};

test('an alert is pending at the evaluation behind the first sample above, fires 5 m later, is told of 30 s later, and its end at the next tick', () => {
  expect(play(above('12:00:10', '12:40:12'), '13:30:00')).toEqual([
    '12:01:20 pending a',
    '12:06:20 firing a',
    '12:06:50 message firing [a] resolved []',
    '12:41:20 resolved a',
    '12:41:50 message firing [] resolved [a]',
  ]);
});

test('it is repeated at the tick after four hours, since the entry of the log is not strictly older at the tick that falls on them', () => {
  const lines = play(above('12:00:10'), '20:30:00').filter((line) => line.includes('message'));
  expect(lines).toEqual([
    '12:06:50 message firing [a] resolved []',
    '16:11:50 message firing [a] resolved []',
    '20:16:50 message firing [a] resolved []',
  ]);
});

test('one empty evaluation while it is pending starts `for` anew', () => {
  const gap = (t: number) =>
    t > clock('12:03:20') && t <= clock('12:04:20') ? undefined : above('12:00:10')(t);
  expect(play(gap, '12:11:00')).toEqual([
    '12:01:20 pending a',
    '12:04:20 lost a',
    '12:05:20 pending a',
    '12:10:20 firing a',
    '12:10:50 message firing [a] resolved []',
  ]);
});

test('a second alert of the group is told at the next tick, together with the first', () => {
  const lines = play(above('12:00:10'), '12:13:00', above('12:06:40'));
  expect(lines).toEqual([
    '12:01:20 pending a',
    '12:06:20 firing a',
    '12:06:50 message firing [a] resolved []',
    '12:07:20 firing b',
    '12:07:20 pending b',
    '12:11:50 message firing [a,b] resolved []',
  ]);
});

test('an alert that returns while its group is there waits for the tick, one that returns later for group_wait alone', () => {
  const twice = (again: string) => (t: number) =>
    above('12:00:10', '12:10:30')(t) > 10 || above(again)(t) > 10 ? 11 : 9;
  // Resolved at 12:11:20, told at 12:11:50, its group removed at 12:12:00.
  const soon = play(() => 9, '13:00:00', twice('12:11:40')).filter((line) => line.includes('message'));
  expect(soon).toEqual([
    '12:01:50 message firing [b] resolved []',
    '12:11:50 message firing [] resolved [b]',
    '12:12:50 message firing [b] resolved []',
  ]);
  const early = play(() => 9, '13:00:00', twice('12:11:00')).filter((line) => line.includes('message'));
  expect(early).toHaveLength(1);
});
