import { describe, expect, test } from 'vitest';
import { parse, stringify } from 'yaml';
import { measureAlone, reader, run } from '../support/files.ts';

const path = 'scenarios/reference-day/partition-expansion.yaml';
const sink = 'elasticsearch-sink-search';

describe('the sink needs a fourth task exactly for r/4 <= capacity < r/3', () => {
  test.each([
    { capacity: 2999, tasks: 4, keepsUp: false },
    { capacity: 3000, tasks: 4, keepsUp: true },
    { capacity: 3000, tasks: 3, keepsUp: false },
    { capacity: 3999, tasks: 3, keepsUp: false },
    { capacity: 4000, tasks: 3, keepsUp: true },
  ])('$tasks tasks that write $capacity of 12,000 messages a second each keep up: $keepsUp', (given) => {
    const text = stringify({
      title: 'x',
      connect: { connectors: [{ name: sink, sink: { capacity: `${given.capacity}/s` } }] },
      timeline: [{ id: 'fourth-task', 'tasks.max': given.tasks }],
    });
    const ratio = measureAlone(path, text, 'rehearse:connect_busiest_task_ratio', { connector: sink });
    expect(ratio).toBeCloseTo(12_000 / given.tasks / given.capacity, 9);
    expect(ratio < 1 + 1e-9).toBe(given.keepsUp);
  });
});

test('the request as it is logged lacks hard goals, and would be refused', () => {
  const refused = (text: string) =>
    measureAlone(path, `title: x\n${text}`, 'rehearse:cruise_control_requests_refused_total');
  expect(refused('timeline: [{ id: rebalance, skipHardGoalCheck: null }]')).toBe(1);
  expect(refused('')).toBe(0);
});

interface Fact {
  role: string;
  value: string | number | null;
}

/** A printed value times 1.37, in its own unit. */
function scaled(value: Fact['value']): Fact['value'] {
  if (typeof value === 'number') return value * 1.37 + 0.37;
  const found = /^([\d.]+)(.*)$/.exec(value ?? '');
  return found === null ? value : `${(Number(found[1]) * 1.37).toFixed(4)}${found[2]}`;
}

test('predicted and compared facts times 1.37 move no prediction and no fingerprint', () => {
  const data = parse(reader()(path)!) as { observed: Fact[] };
  let moved = 0;
  const observed = data.observed.map((f) => {
    if (f.role !== 'predict' && f.role !== 'compare') return f;
    moved += 1;
    return { ...f, value: scaled(f.value) };
  });
  expect(moved).toBeGreaterThan(25);
  const of = (over: Record<string, string>) => {
    const result = run(path, {}, over);
    return { fingerprint: result.fingerprint, played: result.observed.map((o) => [o.name, o.predicted]) };
  };
  expect(of({ [path]: stringify({ ...data, observed }) })).toEqual(of({}));
});
