import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { constant } from '../../src/engine/distributions.ts';
import { FlowNetwork } from '../../src/engine/flows.ts';
import { Simulation } from '../../src/engine/simulation.ts';
import { readAssignment, writeDescribe, writeReassignment } from '../../src/formats/assignment.ts';
import { readCurve, writeCurve } from '../../src/formats/csv.ts';
import { nearest } from '../../src/formats/nearest.ts';
import { type Dimension, formatQuantity, parseQuantity } from '../../src/formats/quantity.ts';
import { Nics } from '../../src/models/hardware/nic.ts';
import { StripedReplicaPlacer } from '../../src/models/kafka/placement.ts';
import { fetcherCeiling, fetcherId, javaHash } from '../../src/models/kafka/replication.ts';
import { Pods } from '../../src/models/kubernetes/pod.ts';
import { canRollController, wouldAffectAvailability } from '../../src/models/strimzi/availability.ts';
import { backOffMicros, Roller, type RollerPorts, rollOrder } from '../../src/models/strimzi/roller.ts';
import {
  burst,
  type Curve,
  daily,
  growth,
  product,
  steady,
  throughPoints,
} from '../../src/models/workload/curve.ts';
import { evenShares, measuredShares, zipfShares } from '../../src/models/workload/shares.ts';

describe('placement by stripes', () => {
  test('leaders are even over brokers or racks, replicas lie on different brokers, racks are spread', () => {
    let racked = 0;
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 12 }),
        fc.integer({ min: 1, max: 4 }),
        fc.integer({ min: 1, max: 5 }),
        fc.string({ minLength: 1 }),
        (count, racks, factor, seed) => {
          const sim = new Simulation({ seed });
          const brokers = Array.from({ length: count }, (_, row) => ({
            row,
            id: row,
            rack: racks === 1 ? '' : `r${row % racks}`,
            fenced: false,
          }));
          const placer = new StripedReplicaPlacer(brokers, sim.stream('controller', 'placement'));
          const rf = Math.min(factor, count);
          const led = new Array(count).fill(0);
          const equalRacks = count % Math.min(racks, count) === 0;
          for (let p = 0; p < count * 3; p += 1) {
            const replicas = placer.place(rf);
            expect(new Set(replicas).size).toBe(rf);
            led[replicas[0]!] += 1;
            const used = new Set(replicas.map((b) => brokers[b]!.rack)).size;
            expect(used).toBe(Math.min(rf, new Set(brokers.map((b) => b.rack)).size));
            if (used > 1) racked += 1;
          }
          if (equalRacks) {
            const byRack = new Map<string, number>();
            for (const [b, n] of led.entries())
              byRack.set(brokers[b]!.rack, (byRack.get(brokers[b]!.rack) ?? 0) + n);
            expect(new Set(byRack.values()).size).toBe(1);
          }
          // Within one rack the stripe turns by one broker a partition.
          if (new Set(brokers.map((b) => b.rack)).size === 1) expect(new Set(led)).toEqual(new Set([3]));
        },
      ),
      { seed: 1, numRuns: 200 },
    );
    expect(racked).toBeGreaterThan(300);
  });

  test('a fenced broker follows but never leads; too few brokers are refused', () => {
    const sim = new Simulation({ seed: 's' });
    const brokers = [0, 1, 2].map((row) => ({ row, id: row, rack: '', fenced: row === 1 }));
    const placer = new StripedReplicaPlacer(brokers, sim.stream('c', 'p'));
    for (let i = 0; i < 20; i += 1) {
      const replicas = placer.place(3);
      expect(replicas[0]).not.toBe(1);
      expect(replicas).toContain(1);
    }
    expect(() => placer.place(4)).toThrow(/only 3 brokers/);
  });
});

describe('fetcher threads', () => {
  test('ids follow Java hashes, and the smallest hash maps to thread 0', () => {
    expect(javaHash('orders')).toBe(-1008770331);
    expect(javaHash('')).toBe(0);
    for (const [topic, partition, threads] of [
      ['orders', 3, 4],
      ['a', 0, 2],
      ['__consumer_offsets', 49, 3],
    ] as const) {
      expect(fetcherId(javaHash(topic), partition, threads)).toBe(
        Math.abs((Math.imul(31, javaHash(topic)) + partition) | 0) % threads,
      );
    }
    expect(fetcherId(0, -2147483648, 7)).toBe(0);
  });

  test('the ceiling is that of a full response with ten lagging partitions, lower with one, and falls with the round trip', () => {
    const fetcher = { threads: 1, partitionBytes: 1_048_576, responseBytes: 10_485_760, appendRate: 350e6 };
    const full = 10_485_760 / (0.001 + 10_485_760 / 350e6);
    expect(fetcherCeiling(fetcher, 1000, 10, 0)).toBeCloseTo(full, 0);
    expect(fetcherCeiling(fetcher, 1000, 500, 0)).toBeCloseTo(full, 0);
    expect(fetcherCeiling(fetcher, 1000, 1, 0)).toBeCloseTo(1_048_576 / (0.001 + 1_048_576 / 350e6), 0);
    expect(fetcherCeiling(fetcher, 20_000, 1, 0)).toBeLessThan(0.2 * full);
    expect(fetcherCeiling(fetcher, 1000, 50, full + 1)).toBe(0);
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 200 }), fc.integer({ min: 0, max: 300 }), (lagging, live) => {
        const rate = fetcherCeiling(fetcher, 1000, lagging, live * 1e6);
        expect(rate).toBeGreaterThanOrEqual(0);
        expect(rate + live * 1e6).toBeLessThanOrEqual(Math.max(full, live * 1e6) + 1);
      }),
      { seed: 2, numRuns: 300 },
    );
  });
});

describe('network credit', () => {
  const nic = { baselineBytesPerSecond: 100, burstBytesPerSecond: 300, burstMicros: 10e6 };
  const play = (cap: number, until: number) => {
    const sim = new Simulation({ seed: 's', record: 'all' });
    const net = new FlowNetwork(sim);
    const nics = new Nics(sim, net, [nic]);
    net.start({ path: [nics.links[0]!], cap });
    sim.run(until);
    return { nics, net, sim };
  };

  test('full burst lasts as long as it says, then the card runs at its baseline', () => {
    const { nics } = play(1000, 30e6);
    const record = nics.credit.rowRecord(0)!;
    const empty = record.times[record.values.findIndex((v, i) => i > 0 && v === 0)]!;
    expect(empty / 1e6).toBeCloseTo(10, 3);
    expect(nics.headroom.get(0)).toBeCloseTo(0, 6);
  });

  test('credit is never negative nor above full, whatever the traffic', () => {
    let drained = 0;
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.integer({ min: 1, max: 20 }), fc.integer({ min: 0, max: 400 })), {
          minLength: 1,
          maxLength: 12,
          size: 'max',
        }),
        (steps) => {
          const sim = new Simulation({ seed: 's', record: 'all' });
          const net = new FlowNetwork(sim);
          const nics = new Nics(sim, net, [nic]);
          const flow = net.start({ path: [nics.links[0]!], cap: 0 });
          const set = sim.on('set', (_, cap) => net.setCap(flow, cap));
          let t = 0;
          for (const [gap, cap] of steps) {
            t += gap;
            sim.at(t * 1e6, set, 0, cap);
          }
          for (let s = 1; s <= t + 20; s += 1) {
            sim.run(s * 1e6);
            expect(nics.credit.get(0)).toBeGreaterThanOrEqual(-1e-3);
            expect(nics.credit.get(0)).toBeLessThanOrEqual(2000 + 1e-3);
            if (nics.credit.get(0) < 1) drained += 1;
          }
        },
      ),
      { seed: 3, numRuns: 60 },
    );
    expect(drained).toBeGreaterThan(20);
  });
});

describe('Strimzi', () => {
  // The worked tables of the roller's two checks, with numbers of our own.
  test.each([
    [3, 2, [0, 1, 2], [0, 1, 2], [true, true, true, true]],
    [3, 2, [0, 1, 2], [0, 1], [false, false, true, true]],
    [3, 2, [0, 1, 2], [0], [false, false, false, true]],
    [3, 3, [0, 1, 2], [0, 1, 2], [true, true, true, true]],
    [3, 1, [0, 1, 2], [0], [false, true, true, true]],
    [2, 2, [0, 1], [0], [true, true, true, true]],
    [4, 2, [0, 1, 2, 3], [0, 1, 2], [true, true, true, true]],
  ])(
    'RF %i, minimum %i, replicas %j, in sync %j: brokers 0 to 3 may roll %j',
    (rf, minInSync, replicas, isr, may) => {
      const answers = [0, 1, 2, 3].map(
        (b) =>
          !replicas.includes(b) ||
          !wouldAffectAvailability({
            name: 'p',
            replicas: rf,
            inSync: isr.length,
            minInSync,
            brokerInSync: isr.includes(b),
          }),
      );
      expect(answers).toEqual(may);
    },
  );

  test.each([
    [
      [49_900, 49_800],
      [true, true, true],
    ],
    [
      [49_900, 47_000],
      [false, false, true],
    ],
    [
      [49_900, 49_900, 49_900, 40_000],
      [true, true, true, true, true],
    ],
    [
      [49_900, 49_900, 40_000, 40_000],
      [false, false, false, true, true],
    ],
    [[49_900], [true, true]],
    [[40_000], [false, true]],
    [[48_000], [false, true]],
  ])('quorum with followers at %j ms: members may restart %j', (followers, may) => {
    const voters = [
      { id: 0, lastCaughtUpMs: 50_000 },
      ...followers.map((ms, i) => ({ id: i + 1, lastCaughtUpMs: ms })),
    ];
    expect(voters.map((v) => canRollController(v.id, 0, voters))).toEqual(may);
    expect(canRollController(0, -1, voters)).toBe(false);
  });

  test('one voter may always roll, and delays are 0, 250 ms, doubling, 127.75 s in all', () => {
    expect(canRollController(0, 0, [{ id: 0, lastCaughtUpMs: 0 }])).toBe(true);
    const delays = Array.from({ length: 10 }, (_, i) => backOffMicros(i));
    expect(delays.slice(0, 3)).toEqual([0, 250_000, 500_000]);
    expect(delays[9]).toBe(64e6);
    expect(delays.reduce((a, b) => a + b, 0)).toBe(127.75e6);
  });

  test('controllers and combined nodes come before brokers, unready ones first and reversed', () => {
    const nodes = [0, 1, 2, 3, 4, 5].map((id) => ({ id, controller: id < 3, broker: true }));
    const unready = new Set([1, 2, 4]);
    expect(rollOrder(nodes, (id) => !unready.has(id))).toEqual({
      controllers: [2, 1, 0],
      brokers: [4, 3, 5],
    });
  });

  /** A roller over pods that need `seconds` to come back; some never do, some are blocked for a while. */
  const roll = (options: { never?: number; blockedUntil?: number; active?: number } = {}) => {
    const sim = new Simulation({ seed: 's', keepEvents: true });
    const changed = sim.signal('pods');
    const ready = [true, true, true, true];
    const uid = [1, 1, 1, 1];
    const deleted: [number, number][] = [];
    const back = sim.on('back', (id) => {
      ready[id] = true;
      changed.raise();
    });
    const gone = sim.on('gone', (id) => {
      uid[id]! += 1;
      changed.raise();
    });
    const ports: RollerPorts = {
      nodes: () => [0, 1, 2, 3].map((id) => ({ id, controller: id < 3, broker: true })),
      isReady: (id) => ready[id]!,
      uid: (id) => uid[id]!,
      podsChanged: changed,
      activeController: () => options.active ?? 0,
      brokerBlocked: (id) =>
        id === 3 && sim.now < (options.blockedUntil ?? 0) * 1e6 ? 'blocked' : undefined,
      controllerMayRoll: () => true,
      restartBegins: () => {},
      deletePod: (id) => {
        deleted.push([id, sim.now / 1e6]);
        ready[id] = false;
        sim.after(2e6, gone, id);
        if (id !== options.never) sim.after(30e6, back, id);
      },
    };
    const roller = new Roller(sim, ports);
    roller.require([0, 1, 2, 3], 'POD_HAS_OLD_REVISION');
    sim.run(2000e6);
    return { deleted, told: sim.told, left: roller.pendingCount };
  };

  test('the active controller goes last of its phase, one pod at a time', () => {
    const { deleted, left } = roll();
    expect(deleted.map(([id]) => id)).toEqual([1, 2, 0, 3]);
    for (let i = 1; i < 4; i += 1) expect(deleted[i]![1] - deleted[i - 1]![1]).toBeGreaterThanOrEqual(30);
    expect(left).toBe(0);
  });

  test('a pod that is not ready after 300 s aborts the reconciliation, and brokers are not touched', () => {
    const { deleted, told, left } = roll({ never: 1 });
    expect(deleted.map(([id]) => id)).toEqual([1]);
    const abort = told.find((t) => t.kind === 'strimzi.rollAborted')!;
    expect(abort.time / 1e6 - deleted[0]![1]).toBeGreaterThan(300);
    expect(left).toBe(3);
  });

  test('a blocked broker is tried for 127.75 s, given up, and taken up by a later reconciliation', () => {
    const { deleted, told } = roll({ blockedUntil: 600 });
    const failed = told.filter((t) => t.kind === 'strimzi.rollFailed');
    expect(failed.length).toBeGreaterThanOrEqual(1);
    const delayed = told.find((t) => t.kind === 'strimzi.rollDelayed' && t.subject === 'broker-3')!;
    expect((failed[0]!.time - delayed.time) / 1e6).toBeCloseTo(127.75, 6);
    expect(deleted.map(([id]) => id)).toEqual([1, 2, 0, 3]);
    expect(deleted[3]![1]).toBeGreaterThan(600);
  });
});

describe('pods', () => {
  const pods = (exitAfter: number, healthyAfter: number) => {
    const sim = new Simulation({ seed: 's', record: 'all' });
    const p = new Pods(sim, ['pod-0'], {
      gracePeriodMicros: 30e6,
      recreateMicros: constant(3e6),
      readiness: { initialDelayMicros: 15e6, periodMicros: 10e6 },
    });
    let healthy = true;
    let killed = 0;
    const exit = sim.on('exit', () => p.exited(0));
    const well = sim.on('well', () => {
      healthy = true;
      p.healthChanged(0);
    });
    p.connect({
      start: () => void sim.after(healthyAfter * 1e6, well),
      terminate: () => {
        healthy = false;
        if (exitAfter < 30) sim.after(exitAfter * 1e6, exit);
      },
      lose: () => {},
      kill: () => {
        killed += 1;
        p.exited(0);
      },
      healthy: () => healthy,
      wipe: () => {},
    });
    const del = sim.on('delete', () => p.deletePod(0));
    sim.at(100e6, del);
    sim.run(300e6);
    const back = p.ready.rowRecord(0)!.times[2]! / 1e6 - 100;
    return { back, killed, uid: p.uidOf(0) };
  };

  test('readiness is seen by the first probe after the container is well: 15 s, 25 s, ... after its start', () => {
    expect(pods(5, 4).back).toBeCloseTo(5 + 3 + 15, 3);
    expect(pods(5, 15).back).toBeCloseTo(5 + 3 + 15, 3);
    expect(pods(5, 16).back).toBeCloseTo(5 + 3 + 25, 3);
    expect(pods(5, 4)).toMatchObject({ killed: 0, uid: 2 });
  });

  test('a container that outlives its grace period is killed at 30 s', () => {
    const late = pods(99, 4);
    expect(late.killed).toBe(1);
    expect(late.back).toBeCloseTo(30 + 3 + 15, 3);
  });
});

describe('load', () => {
  const curves: [string, Curve][] = [
    ['steady', steady(1.4)],
    [
      'daily',
      daily(
        Array.from({ length: 24 }, (_, h) => 1 + (h % 5) / 4),
        7.5 * 3600e6,
      ),
    ],
    ['burst', burst(600e6, 300e6, 3, 60e6)],
    ['growth', growth(0.1)],
    [
      'points',
      throughPoints([
        { micros: 10e6, value: 1 },
        { micros: 500e6, value: 4 },
        { micros: 900e6, value: 0 },
      ]),
    ],
    ['product', product([steady(2), burst(600e6, 300e6, 3, 60e6), growth(0.05)])],
  ];

  test.each(curves)('%s: the integral is that of many small steps, and adds up', (_, curve) => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 2000 }),
        fc.integer({ min: 1, max: 4000 }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        (start, length, share) => {
          const from = start * 1e6;
          const to = from + length * 1e6;
          const middle = Math.round(from + share * (to - from));
          const whole = curve.integral(from, to);
          expect(curve.integral(from, middle) + curve.integral(middle, to)).toBeCloseTo(whole, 4);
          let sum = 0;
          const steps = 2000;
          for (let i = 0; i < steps; i += 1)
            sum += (curve.at(from + ((i + 0.5) * (to - from)) / steps) * (to - from)) / steps / 1e6;
          expect(Math.abs(sum - whole)).toBeLessThan(2e-3 * Math.abs(whole) + 0.5);
          expect(curve.nextChange(from)).toBeGreaterThan(from);
        },
      ),
      { seed: 4, numRuns: 25 },
    );
  });

  test('shares sum to one, Zipf falls', () => {
    for (const shares of [evenShares(7), zipfShares(50, 1.1), measuredShares([3, 0, 1])])
      expect(shares.reduce((a, b) => a + b)).toBeCloseTo(1, 12);
    const zipf = zipfShares(10, 1);
    expect(zipf[0]! / zipf[4]!).toBeCloseTo(5, 9);
    expect(() => measuredShares([0, 0])).toThrow(RangeError);
  });
});

describe('formats', () => {
  const partitions = fc
    .uniqueArray(fc.tuple(fc.stringMatching(/^[a-z][a-z0-9._-]{0,10}$/), fc.nat(30)), {
      selector: ([t, p]) => `${t} ${p}`,
      minLength: 1,
      maxLength: 40,
    })
    .chain((keys) =>
      fc.tuple(
        ...keys.map(([topic, partition]) =>
          fc
            .uniqueArray(fc.nat(9), { minLength: 1, maxLength: 5 })
            .map((replicas) => ({ topic, partition, replicas })),
        ),
      ),
    );
  const order = (list: readonly { topic: string; partition: number; replicas: readonly number[] }[]) =>
    [...list].map((p) => `${p.topic} ${p.partition} ${p.replicas.join()}`).sort();

  test('an assignment comes back from both of its forms', () => {
    fc.assert(
      fc.property(partitions, (list) => {
        for (const text of [
          writeReassignment(list),
          writeDescribe(list),
          `\uFEFF${writeDescribe(list).replaceAll('\n', '\r\n')}`,
        ]) {
          const read = readAssignment(text, 'f');
          expect(read.problems).toEqual([]);
          expect(order(read.partitions)).toEqual(order(list));
        }
      }),
      { seed: 5, numRuns: 100 },
    );
  });

  test.each([
    ['{"version":2,"partitions":[]}', 1, 'version 2'],
    [
      '{"version":1,\n"partitions":[{"topic":"a","partition":0,"replicas":[1,1]}]}',
      2,
      'names a broker twice',
    ],
    ['{"partitions":[{"topic":"a","partition":0,"replicas":[]}]}', 1, 'no replicas'],
    [
      '{"partitions":[{"topic":"a","partition":0,"replicas":[1]},\n{"topic":"a","partition":0,"replicas":[2]}]}',
      2,
      'listed twice',
    ],
    [
      '{"partitions":[{"topic":"a","partition":0,"replicas":[1],"log_dirs":["any","any"]}]}',
      1,
      '2 log_dirs for 1',
    ],
    ['{"partitions":\n[}', 2, '} where a value is needed'],
    ['hello', 1, 'neither a reassignment JSON'],
    [
      'Topic: a\tPartitionCount: 1\n\tTopic: a\tPartition: 0\tLeader: 1\tReplicas: x\tIsr: 1',
      2,
      'replicas x',
    ],
  ])('%j has a problem in line %i: %s', (text, line, says) => {
    const { problems } = readAssignment(text, 'f');
    expect(problems[0]).toMatchObject({ line, file: 'f' });
    expect(problems[0]!.found).toContain(says);
  });

  test('a recorded curve comes back, and every bad row is told', () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.nat(1000), { minLength: 1, maxLength: 20 }), (times) => {
        const points = times.sort((a, b) => a - b).map((seconds, i) => ({ seconds, value: i / 4 }));
        expect(readCurve(writeCurve(points), 'f')).toEqual({ points, problems: [] });
      }),
      { seed: 6, numRuns: 50 },
    );
    const bad = readCurve('seconds,value\n0,1\n0,2\n5,-1\n6,x\n7\n', 'f').problems.map((p) => p.line);
    expect(bad).toEqual([3, 4, 5, 6]);
    expect(readCurve('time,rate\n', 'f').problems[0]!.line).toBe(1);
  });

  test('junk never throws and never passes silently', () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 80 }), (text) => {
        for (const { partitions: found, problems } of [readAssignment(text, 'f')])
          expect(found.length + problems.length).toBeGreaterThan(0);
        const curve = readCurve(text, 'f');
        expect(curve.points.length + curve.problems.length).toBeGreaterThan(0);
        for (const d of [
          'bytes',
          'byteRate',
          'duration',
          'cpu',
          'ratio',
          'count',
          'rate',
          'money',
          'number',
        ] as Dimension[]) {
          const q = parseQuantity(text, d);
          if (q.ok) expect(Number.isFinite(q.value)).toBe(true);
          else expect(q.mend).not.toBe('');
        }
      }),
      { seed: 7, numRuns: 500 },
    );
  });

  test.each([
    ['14Gi', 'bytes', 14 * 2 ** 30],
    ['1.5Gi', 'bytes', 1.5 * 2 ** 30],
    ['1.2TB', 'bytes', 1.2e12],
    ['8.4Gbit/s', 'byteRate', 1.05e9],
    ['100MB/s', 'byteRate', 1e8],
    ['1h30m', 'duration', 5.4e9],
    ['15ms', 'duration', 15_000],
    ['500m', 'cpu', 0.5],
    ['500m', 'duration', 3e10],
    ['4 cores', 'cpu', 4],
    ['15%', 'ratio', 0.15],
    ['12000/s', 'rate', 12_000],
    ['$0.90/h', 'money', 0.9],
    ['3', 'count', 3],
    ['7d', 'duration', 6.048e11],
  ] as const)('%s as %s is %d', (text, dimension, value) => {
    const parsed = parseQuantity(text, dimension);
    expect(parsed.ok && parsed.value).toBeCloseTo(value, 6);
  });

  test.each([
    ['14', 'bytes', 'no unit'],
    ['14Gx', 'bytes', 'no unit of'],
    ['30m1h', 'duration', 'units must fall'],
    ['1.5', 'count', 'whole number'],
    ['fast', 'byteRate', 'is not bytes per second'],
    ['1MB', 'byteRate', 'no unit of'],
    ['300y', 'duration', 'no unit of'],
  ] as const)('%s as %s is refused: %s', (text, dimension, says) => {
    const parsed = parseQuantity(text, dimension);
    expect(parsed.ok ? '' : parsed.found).toContain(says);
  });

  test('what is printed reads back to six digits', () => {
    fc.assert(
      fc.property(
        fc.constantFrom<Dimension>(
          'bytes',
          'byteRate',
          'duration',
          'cpu',
          'ratio',
          'rate',
          'money',
          'number',
        ),
        fc.double({ min: 1, max: 1e12, noNaN: true }),
        (dimension, value) => {
          const back = parseQuantity(formatQuantity(value, dimension), dimension);
          expect(back.ok && Math.abs(back.value / value - 1)).toBeLessThan(
            dimension === 'bytes' || dimension === 'duration' ? 0.5 : 1e-5,
          );
        },
      ),
      { seed: 8, numRuns: 300 },
    );
  });

  test('the nearest word is found across swaps and typos, and not where none is near', () => {
    expect([
      nearest('titel', ['title', 'from']),
      nearest('replicationfactor', ['replicationFactor']),
      nearest('xyz', ['title', 'from']),
    ]).toEqual(['title', 'replicationFactor', undefined]);
  });
});
