import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { range, serverRange } from '../../src/models/kafka/assignors/range.ts';
import { roundRobin } from '../../src/models/kafka/assignors/roundRobin.ts';
import { cooperativeSticky, sticky } from '../../src/models/kafka/assignors/sticky.ts';
import {
  type Assignment,
  firstOf,
  type Subscriptions,
  topicOf,
} from '../../src/models/kafka/assignors/subscriptions.ts';
import { uniform } from '../../src/models/kafka/assignors/uniform.ts';
import type { MembersSettings } from '../../src/models/kafka/settings.ts';
import { clusterSettings, makeCluster, seconds, topic } from '../support/cluster.ts';
import { makeGroup, someMembers } from '../support/groups.ts';

const names = ['range', 'roundrobin', 'sticky', 'cooperative-sticky', 'uniform', 'server-range'] as const;
const assignors = [range, roundRobin, sticky, cooperativeSticky, uniform, serverRange];

/** Topics, and members of one subscription or of several, who own nothing. */
const fresh = fc
  .record({
    partitions: fc.array(fc.integer({ min: 1, max: 25 }), { minLength: 1, maxLength: 4 }),
    members: fc.integer({ min: 1, max: 9 }),
    skips: fc.array(fc.nat({ max: 7 }), { minLength: 9, maxLength: 9 }),
  })
  .map(({ partitions, members, skips }) => ({
    topics: partitions.map((n, t) => ({ name: `t${t}`, partitions: n })),
    members: Array.from({ length: members }, (_, m) => ({
      id: `consumer-${m}`,
      // Everybody has the first topic.
      topics: partitions.flatMap((_n, t) => (t > 0 && ((skips[m]! >> t) & 1) === 1 ? [] : [t])),
      owned: [] as readonly number[],
      generation: -1,
    })),
  }));

const alike = (s: Subscriptions): Subscriptions => ({
  ...s,
  members: s.members.map((m) => ({ ...m, topics: s.topics.map((_, t) => t) })),
});
const owning = (s: Subscriptions, a: Assignment): Subscriptions => ({
  ...s,
  members: s.members.map((m, i) => ({ ...m, owned: a[i] ?? [], generation: a[i] === undefined ? -1 : 1 })),
});

describe('assignors', () => {
  test.each(names)(
    '%s gives each partition that somebody subscribes to one of them, and only once',
    (name) => {
      const assign = assignors[names.indexOf(name)]!;
      let uneven = 0;
      fc.assert(
        fc.property(fresh, (drawn) => {
          const s = name === 'uniform' ? alike(drawn) : drawn;
          if (s.members.some((m) => m.topics.length < s.topics.length)) uneven += 1;
          const topic = topicOf(s);
          const given = assign(s);
          given.forEach((own, m) => {
            for (const p of own) expect(s.members[m]!.topics).toContain(topic[p]);
          });
          const wanted = [...topic.keys()].filter((p) => s.members.some((m) => m.topics.includes(topic[p]!)));
          expect(given.flat().sort((x, y) => x - y)).toEqual(wanted);
        }),
      );
      expect(uneven > 20).toBe(name !== 'uniform');
    },
  );

  test('sizes differ by one at most: in all, and for range in each topic', () => {
    fc.assert(
      fc.property(fresh, (drawn) => {
        const s = alike(drawn);
        const spread = (sizes: readonly number[]) => Math.max(...sizes) - Math.min(...sizes);
        for (const assign of [roundRobin, sticky, cooperativeSticky, uniform])
          expect(spread(assign(s).map((own) => own.length))).toBeLessThanOrEqual(1);
        const first = firstOf(s);
        s.topics.forEach((_, t) => {
          for (const assign of [range, serverRange])
            expect(
              spread(assign(s).map((own) => own.filter((p) => p >= first[t]! && p < first[t + 1]!).length)),
            ).toBeLessThanOrEqual(1);
        });
      }),
    );
  });

  test('a member that leaves moves only what it had, and one that comes only what it gets', () => {
    let [left, came] = [0, 0];
    fc.assert(
      fc.property(fresh, fc.nat(), (drawn, who) => {
        const s = alike(drawn);
        for (const assign of [sticky, uniform]) {
          const before = assign(s);
          if (s.members.length > 1) {
            left += 1;
            const gone = who % s.members.length;
            const rest = owning(s, before).members.filter((_, m) => m !== gone);
            assign({ ...s, members: rest }).forEach((own, m) => {
              for (const p of rest[m]!.owned) expect(own).toContain(p);
            });
          }
          const more = { ...owning(s, before) };
          const all = { ...more, members: [...more.members, { ...s.members[0]!, id: 'newcomer' }] };
          const after = assign(all);
          after.slice(0, -1).forEach((own, m) => {
            for (const p of own) expect(before[m]).toContain(p);
          });
          if (after[after.length - 1]!.length > 0) came += 1;
        }
      }),
    );
    expect(Math.min(left, came)).toBeGreaterThan(50);
  });

  test('cooperative-sticky gives nobody what another still owns, and is done in the second round', () => {
    let withheld = 0;
    fc.assert(
      fc.property(fresh, (drawn) => {
        const s = owning(alike(drawn), sticky(alike(drawn)));
        const more = {
          ...s,
          members: [...s.members, { ...s.members[0]!, id: 'newcomer', owned: [], generation: -1 }],
        };
        const one = cooperativeSticky(more);
        one.forEach((own, m) => {
          for (const p of own)
            expect(more.members.some((other, o) => o !== m && other.owned.includes(p))).toBe(false);
        });
        const kept = owning(more, one);
        const two = cooperativeSticky(kept);
        const count = s.topics.reduce((sum, t) => sum + t.partitions, 0);
        if (one.flat().length < count) withheld += 1;
        expect(two.flat().length).toBe(count);
        expect(two.map((own) => own.length).sort()).toEqual(
          sticky(more)
            .map((own) => own.length)
            .sort(),
        );
      }),
    );
    expect(withheld).toBeGreaterThan(40);
  });
});

const kinds: readonly Partial<MembersSettings>[] = [
  { assignor: 'range' },
  { assignor: 'roundrobin', isStatic: true },
  { assignor: 'sticky' },
  { assignor: 'cooperative-sticky' },
  { assignor: 'cooperative-sticky', isStatic: true, latest: false },
  { protocol: 'consumer', assignor: 'uniform' },
  { protocol: 'consumer', assignor: 'range', isStatic: true, latest: false },
];

const step = fc.record({
  what: fc.constantFrom(
    'close',
    'crash',
    'start',
    'restart',
    'capacity',
    'move',
    'add',
    'rate',
    'stall',
    'reset',
  ),
  who: fc.nat({ max: 4 }),
  much: fc.double({ min: 0, max: 1, noNaN: true }),
  thenMs: fc.integer({ min: 0, max: 60_000 }),
});

describe('a group in motion', () => {
  test.each(kinds)(
    '%o: one reader for each partition, no message lost or made, and all is read in the end',
    (kind) => {
      const seen = { stopped: 0, rebalances: 0, added: 0, skipped: 0, lagging: 0 };
      fc.assert(
        fc.property(fc.array(step, { minLength: 5, maxLength: 25, size: 'max' }), fc.nat(), (steps, seed) => {
          const layout = [
            { partitions: 7, rate: 700 },
            { partitions: 3, rate: 90 },
          ];
          const { sim, lag, groups, group, topics } = makeGroup(
            { ...kind, members: 5, capacity: 400 },
            layout,
            {
              seed: `${seed}`,
              verify: false,
            },
          );
          const produced = [0, 0];
          const reset = [0, 0];
          let at = 0;
          const settle = () => {
            topics.forEach((t, i) => {
              produced[i]! += (t.rate * (sim.now - at)) / 1e6;
            });
            at = sim.now;
          };
          const stalled = new Map<number, number>();
          for (const { what, who, much, thenMs } of steps) {
            const cell = who % 2;
            settle();
            if (what === 'close' || what === 'crash') groups.stop(0, who, what === 'crash');
            else if (what === 'start') groups.start(0, who);
            else if (what === 'restart') groups.restart(0, who, seconds(1 + much * 80), much > 0.5);
            else if (what === 'capacity') groups.setCapacity(0, who, 50 + much * 600);
            else if (what === 'move') groups.coordinatorMoved(0, seconds(much * 5));
            else if (what === 'add') {
              topics[cell]!.partitions += 1 + Math.floor(much * 4);
              groups.partitionsAdded(cell);
              seen.added += 1;
            } else if (what === 'rate') {
              topics[cell]!.rate *= 0.5 + much;
              lag.ratesChanged(cell);
            } else if (what === 'stall') {
              const sign = (stalled.get(cell) ?? 0) > 0 ? -1 : 1;
              stalled.set(cell, sign);
              lag.stall(cell, 0, sign);
            } else {
              const before = lag.waiting(cell);
              lag.reset(cell, seconds(much * 20));
              reset[cell]! += lag.waiting(cell) - before;
            }
            sim.run(sim.now + thenMs * 1000);
            settle();
            sim.checkInvariants();
            topics.forEach((_, i) => {
              const accounted = lag.read(i) + lag.waiting(i) + lag.cells[i]!.skipped;
              expect(Math.abs(accounted - produced[i]! - reset[i]!)).toBeLessThan(1e-3);
            });
            const owned = group.seats.flatMap((m) => [...m.owned]);
            expect(new Set(owned).size).toBe(owned.length);
            if (owned.length < lag.cells.reduce((sum, c) => sum + c.backlog.length, 0)) seen.stopped += 1;
            if (lag.waiting(0) > 0) seen.lagging += 1;
          }
          groups.start(0, 0);
          for (const [cell, sign] of stalled) if (sign > 0) lag.stall(cell, 0, -1);
          sim.run(sim.now + seconds(400));
          // A static leader that came back may have missed partitions: whoever goes for good lets them be seen.
          groups.start(0, 1);
          sim.run(sim.now + seconds(100));
          groups.stop(0, 1, false);
          sim.run(sim.now + seconds(800));
          const sizes = group.seats.filter((m) => m.running).map((m) => m.owned.size);
          const all = topics.reduce((sum, t) => sum + t.partitions, 0);
          expect(sizes.reduce((sum, n) => sum + n, 0)).toBe(all);
          expect(Math.max(...sizes) - Math.min(...sizes)).toBeLessThanOrEqual(
            group.settings.assignor === 'range' ? 2 : 1,
          );
          seen.rebalances += groups.rebalances.get(0);
          seen.skipped += lag.cells[0]!.skipped + lag.cells[1]!.skipped;
        }),
        { numRuns: 30 },
      );
      expect(Math.min(seen.stopped, seen.rebalances, seen.added, seen.lagging)).toBeGreaterThan(10);
      expect(seen.skipped > 0).toBe(kind.latest ?? true);
    },
  );

  test('a move of the coordinator alone rebalances nothing and stops nobody', () => {
    for (const kind of kinds) {
      const { sim, groups, group } = makeGroup({ ...kind, members: 4 });
      const before = group.seats.map((m) => [...m.owned]);
      for (let i = 0; i < 5; i += 1) {
        sim.run(sim.now + seconds(7));
        groups.coordinatorMoved(0, seconds(0.2));
      }
      sim.run(sim.now + seconds(600));
      expect(groups.rebalances.get(0)).toBe(0);
      expect(group.seats.map((m) => [...m.owned])).toEqual(before);
      expect(sim.gauges.get('rehearse:group_stopped_seconds_total')!.get(0)).toBe(0);
    }
  });

  test('a rebalance during which the coordinator moves begins again, and ends', () => {
    for (const kind of kinds.filter((k) => k.protocol !== 'consumer' && k.isStatic !== true)) {
      const durations = [undefined, 1].map((move) => {
        const { sim, groups, group } = makeGroup({ ...kind, members: 4 });
        sim.run(seconds(10));
        groups.stop(0, 0, false);
        sim.run(seconds(10.01));
        if (move !== undefined) groups.coordinatorMoved(0, seconds(20));
        sim.run(seconds(200));
        expect(group.seats.slice(1).reduce((sum, m) => sum + m.owned.size, 0)).toBe(12);
        return sim.told.find((t) => t.kind === 'kafka.rebalanced')!.time;
      });
      expect(durations[0]).toBeLessThan(seconds(14));
      expect(durations[1]).toBeGreaterThan(seconds(30));
    }
  });

  test('eager members give up everything, the others only what goes to somebody else', () => {
    for (const kind of kinds.filter((k) => k.isStatic !== true)) {
      const { sim, lag, groups, group } = makeGroup({ ...kind, members: 5 }, [{ partitions: 24, rate: 240 }]);
      sim.run(seconds(10));
      groups.stop(0, 4, false);
      sim.run(seconds(60));
      const revoked = new Map<number, number>();
      const revoke = lag.revoke.bind(lag);
      lag.revoke = (reader, cell, p) => {
        revoked.set(p, reader);
        revoke(reader, cell, p);
      };
      groups.start(0, 4);
      sim.run(seconds(120));
      const eager = kind.protocol !== 'consumer' && kind.assignor !== 'cooperative-sticky';
      expect(revoked.size).toBe(eager ? 24 : group.seats[4]!.owned.size);
      if (!eager) for (const [p, reader] of revoked) expect(lag.cells[0]!.reader[p]).not.toBe(reader);
    }
  });
});

describe('a group on a cluster', () => {
  const cluster = (kind: Partial<MembersSettings>) =>
    makeCluster(
      clusterSettings({
        topics: [
          topic({ name: '__consumer_offsets', partitions: 50, bytesInPerSecond: 0, messagesInPerSecond: 0 }),
          topic({ name: 'orders', partitions: 24, partitionsEver: 36 }),
        ],
        groups: [
          {
            name: 'readers',
            topics: [1],
            catchUpFactor: 2,
            pollMicros: 0,
            clients: 4,
            fetchMinBytes: 1,
            fetchMaxWaitMicros: 500_000,
            members: someMembers({ ...kind, members: 4, capacity: 2000 }),
            owner: '',
          },
        ],
      }),
    );

  test('restarts of all brokers move its coordinator and its leaders, and rebalance nothing', () => {
    for (const kind of kinds) {
      const { sim, cluster: made, restart } = cluster(kind);
      for (let b = 0; b < 5; b += 1) restart(b, 60 + b * 200, 40);
      sim.run(seconds(1200));
      expect(made.consumers.coordinatorMoves.get(0)).toBeGreaterThan(0);
      expect(made.consumers.membership!.rebalances.get(0)).toBe(0);
      expect(Math.max(...made.consumers.lag.rowRecord(0)!.values)).toBeGreaterThan(100);
      expect(made.consumers.lag.get(0)).toBe(0);
    }
  });

  test('of one member without a capacity lags as a group without members does', () => {
    const means = [true, false].map((members) => {
      const settings = clusterSettings({
        groups: [
          {
            name: 'readers',
            topics: [0],
            catchUpFactor: 1.5,
            pollMicros: 20_000,
            clients: 1,
            fetchMinBytes: 1,
            fetchMaxWaitMicros: 500_000,
            ...(members ? { members: someMembers({ members: 1, capacity: 0 }) } : {}),
            owner: '',
          },
        ],
      });
      const { sim, cluster: made, restart } = makeCluster(settings);
      for (let b = 0; b < 5; b += 1) restart(b, 60 + b * 100, 40);
      sim.run(seconds(300));
      made.consumers.reset(0, seconds(100));
      sim.run(seconds(1200));
      return made.consumers.lag.mean(0);
    });
    expect(means[0]).toBeGreaterThan(20_000);
    expect(means[0]! / means[1]!).toBeCloseTo(1, 6);
  });

  test('brokers send what its members read: nothing while none is there, what they handle while they catch up', () => {
    for (const kind of kinds) {
      const { sim, cluster: made } = cluster(kind);
      const groups = made.consumers.membership!;
      const out = sim.gauges.get('rehearse:messages_out_total')!;
      const sent = () => [0, 1, 2, 3, 4].reduce((sum, b) => sum + out.slope(b), 0);
      sim.run(seconds(60));
      expect(sent()).toBeCloseTo(6000, 6);
      for (let seat = 0; seat < 4; seat += 1) groups.stop(0, seat, false);
      sim.run(seconds(300));
      expect(sent()).toBeCloseTo(0, 6);
      for (let seat = 0; seat < 4; seat += 1) groups.start(0, seat);
      sim.run(seconds(360));
      expect(made.consumers.lag.get(0)).toBeGreaterThan(6000);
      expect(sent()).toBeCloseTo(4 * 2000, 6);
    }
  });

  test('finds new partitions, and nothing that was produced is unaccounted for', () => {
    for (const kind of kinds) {
      const { sim, cluster: made } = cluster(kind);
      sim.run(seconds(60));
      expect(made.topics.createPartitions(1, 36)).toBeUndefined();
      sim.run(seconds(1000));
      const { lag, groups } = made.consumers.membership!;
      expect(groups[0]!.seats.map((m) => m.owned.size)).toEqual([9, 9, 9, 9]);
      const { skipped } = lag.cells[0]!;
      expect(skipped > 0).toBe(kind.latest ?? true);
      expect(Math.abs(lag.read(0) + lag.waiting(0) + skipped - 6000 * 1000)).toBeLessThan(1);
    }
  });
});
