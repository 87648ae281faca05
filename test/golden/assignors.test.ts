import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { range, serverRange } from '../../src/models/kafka/assignors/range.ts';
import { roundRobin } from '../../src/models/kafka/assignors/roundRobin.ts';
import { cooperativeSticky, sticky } from '../../src/models/kafka/assignors/sticky.ts';
import { firstOf, type Subscriptions } from '../../src/models/kafka/assignors/subscriptions.ts';
import { uniform } from '../../src/models/kafka/assignors/uniform.ts';
import { root } from '../support/files.ts';

interface Recorded {
  readonly assignor: string;
  readonly topics: readonly (readonly [string, number])[];
  readonly members: readonly {
    readonly id: string;
    readonly instance?: string;
    readonly topics: readonly number[];
    readonly generation: number;
    readonly owned: readonly (readonly [number, number])[];
    readonly assigned: readonly (readonly [number, number])[];
  }[];
}

const recorded = gunzipSync(readFileSync(`${root}test/recordings/assignors/kafka-3.7.1.jsonl.gz`))
  .toString()
  .trim()
  .split('\n')
  .map((line) => JSON.parse(line) as Recorded);

test.each([
  ['range', 80, range],
  ['roundrobin', 80, roundRobin],
  ['sticky', 200, sticky],
  ['cooperative-sticky', 200, cooperativeSticky],
  ['uniform', 80, uniform],
  ['server-range', 80, serverRange],
] as const)(
  '%s gives each member of %i groups the partitions that Kafka 3.7.1 gave it',
  (name, count, assign) => {
    const cases = recorded.filter((r) => r.assignor === name);
    expect(cases.length).toBe(count);
    for (const r of cases) {
      const topics = r.topics.map(([topic, partitions]) => ({ name: topic, partitions }));
      const first = firstOf({ topics, members: [] });
      const s: Subscriptions = {
        topics,
        members: r.members.map((m) => ({
          id: m.id,
          ...(m.instance === undefined ? {} : { instanceId: m.instance }),
          topics: m.topics,
          owned: m.owned.map(([t, p]) => first[t]! + p),
          generation: m.generation,
        })),
      };
      expect(assign(s)).toEqual(r.members.map((m) => m.assigned.map(([t, p]) => first[t]! + p)));
    }
  },
);
