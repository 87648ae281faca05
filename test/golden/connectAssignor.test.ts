import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { IncrementalCooperativeAssignor } from '../../src/models/connect/assignor.ts';
import { root } from '../support/files.ts';

type Lists = readonly [string[], string[], string[], string[], string[], string[]];
interface Case {
  readonly maxDelay: number;
  readonly rounds: readonly {
    readonly at: number;
    readonly configured: Readonly<Record<string, number>>;
    readonly members: Readonly<Record<string, Lists>>;
    readonly delay: number;
  }[];
}

const cases = JSON.parse(
  gunzipSync(readFileSync(`${root}test/recordings/connect/assignor.json.gz`)).toString(),
) as Case[];

const connector = (name: string) => Number(name.slice(1));
const task = (name: string) => connector(name.split('-')[0]!) * 100 + Number(name.split('-')[1]);

test("every rebalance that Kafka's own assignor decided comes out the same, worker by worker", () => {
  let rounds = 0;
  let delays = 0;
  let backoffs = 0;
  let revocations = 0;
  cases.forEach((one, c) => {
    const assignor = new IncrementalCooperativeAssignor(one.maxDelay * 1000);
    one.rounds.forEach((round, k) => {
      const names = Object.keys(round.members).sort();
      const lists = names.map((n) => round.members[n] as Lists);
      const configured = Object.keys(round.configured).sort();
      const decided = assignor.perform(
        (1_000_000 + round.at) * 1000,
        names.map((id, i) => ({
          id,
          connectors: lists[i]![0].map(connector),
          tasks: lists[i]![1].map(task),
        })),
        {
          connectors: configured.map(connector),
          tasks: configured.flatMap((n) =>
            Array.from({ length: round.configured[n]! }, (_, i) => connector(n) * 100 + i),
          ),
        },
      );
      const sorted = (l: readonly number[]) => [...l].sort((x, y) => x - y);
      const where = `case ${c}, round ${k}`;
      names.forEach((n, i) => {
        expect([where, n, sorted(decided.assigned[i]!.connectors)]).toEqual([
          where,
          n,
          sorted(lists[i]![2].map(connector)),
        ]);
        expect([where, n, sorted(decided.assigned[i]!.tasks)]).toEqual([
          where,
          n,
          sorted(lists[i]![3].map(task)),
        ]);
        expect([where, n, sorted(decided.revoked[i]!.connectors)]).toEqual([
          where,
          n,
          sorted(lists[i]![4].map(connector)),
        ]);
        expect([where, n, sorted(decided.revoked[i]!.tasks)]).toEqual([
          where,
          n,
          sorted(lists[i]![5].map(task)),
        ]);
        revocations += lists[i]![5].length;
      });
      expect([where, decided.delayMicros]).toEqual([where, round.delay * 1000]);
      rounds += 1;
      if (round.delay > 64_000) delays += 1;
      else if (round.delay > 0) backoffs += 1;
    });
  });
  expect(rounds).toBeGreaterThan(1000);
  expect(delays).toBeGreaterThan(50);
  expect(backoffs).toBeGreaterThan(20);
  expect(revocations).toBeGreaterThan(100);
});
