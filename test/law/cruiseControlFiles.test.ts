import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { readReassignment } from '../../src/formats/assignment.ts';
import {
  readCapacities,
  readClusterState,
  readLoad,
  readModel,
  readPartitionLoad,
} from '../../src/formats/cruiseControl.ts';
import { JsonFile, type JsonPath } from '../../src/formats/json.ts';
import type { ClusterDescription } from '../../src/models/cruiseControl/description.ts';
import { followerLoad } from '../../src/models/cruiseControl/loads.ts';
import { joinAnswers } from '../../src/scenario/cruiseControlRequest.ts';

const amount = fc.double({ min: 0, max: 1e9, noNaN: true }).map((x) => x + 0);
const load = fc.record({ cpu: amount, nwIn: amount, nwOut: amount, disk: amount });
const states = ['ALIVE', 'DEAD', 'NEW', 'DEMOTED'] as const;

/** Clusters of 2 to 6 brokers with up to 12 partitions; `derived`: followers' loads follow from the leaders'. */
const clusters = (derived: boolean) =>
  fc.uniqueArray(fc.nat(30), { minLength: 2, maxLength: 6 }).chain((ids) =>
    fc.record({
      brokers: fc.tuple(
        ...ids.map((id) =>
          fc.record(
            {
              id: fc.constant(id),
              rack: fc.constantFrom('a', 'b', 'c'),
              host: fc.constant(`h${id}`),
              state: fc.constantFrom(...states),
              capacity: load,
            },
            { requiredKeys: ['id', 'capacity'] },
          ),
        ),
      ),
      partitions: fc
        .uniqueArray(fc.tuple(fc.constantFrom('orders', 'audit-log', 'ü"\\x'), fc.nat(9)), {
          selector: ([t, p]) => `${t}-${p}`,
          maxLength: 12,
          size: 'max',
        })
        .chain((names) =>
          fc.tuple(
            ...names.map(([topic, partition]) =>
              fc.shuffledSubarray(ids, { minLength: 1 }).chain((replicas) =>
                fc
                  .record({
                    leads: fc.nat(replicas.length - 1),
                    loads: fc.tuple(...replicas.map(() => load)),
                  })
                  .map(({ leads, loads }) => ({
                    topic,
                    partition,
                    replicas,
                    leader: replicas[leads]!,
                    loads: derived
                      ? replicas.map((_, j) => (j === leads ? loads[leads]! : followerLoad(loads[leads]!)))
                      : loads,
                  })),
              ),
            ),
          ),
        ),
    }),
  ) as fc.Arbitrary<ClusterDescription>;

const listed = ({ cpu, nwIn, nwOut, disk }: ClusterDescription['brokers'][number]['capacity']) => [
  cpu,
  nwIn,
  nwOut,
  disk,
];

describe('files of Cruise Control', () => {
  test('a cluster comes back from a model file, loads by name, in a row, or of leader and followers', () => {
    fc.assert(
      fc.property(clusters(false), fc.nat(2), (cluster, form) => {
        const same = (p: ClusterDescription['partitions'][number]) => {
          const leads = p.replicas.indexOf(p.leader!);
          const [first] = p.loads.filter((_, j) => j !== leads);
          return p.loads.map((l, j) => (j === leads ? l : first!));
        };
        const partitions = cluster.partitions.map((p) => (form === 2 ? { ...p, loads: same(p) } : p));
        const text = JSON.stringify(
          {
            brokers: cluster.brokers,
            partitions: partitions.map(({ topic: t, partition: p, loads, ...rest }) => {
              const leads = rest.replicas.indexOf(rest.leader!);
              if (form === 2)
                return {
                  t,
                  p,
                  ...rest,
                  leaderLoad: listed(loads[leads]!),
                  ...(loads.length === 1 ? {} : { followerLoad: listed(loads[leads === 0 ? 1 : 0]!) }),
                };
              return { t, p, ...rest, loads: form === 0 ? loads : loads.map(listed) };
            }),
          },
          null,
          form,
        );
        const read = readModel(text, 'f');
        expect(read.json.problems()).toEqual([]);
        expect(read.cluster).toEqual({ brokers: cluster.brokers, partitions });
      }),
      { seed: 11, numRuns: 100 },
    );
  });

  test('a cluster comes back from three answers of the REST interface', () => {
    let leaderless = 0;
    fc.assert(
      fc.property(clusters(true), fc.nat(11), (cluster, gone) => {
        const partitions = cluster.partitions.map((p, i) => {
          if (i !== gone) return p;
          leaderless += 1;
          const { leader: _, ...rest } = p;
          return { ...rest, loads: p.loads.map(() => ({ cpu: 0, nwIn: 0, nwOut: 0, disk: 0 })) };
        });
        const brokers = cluster.brokers.map((b) => {
          const { state, ...rest } = b;
          return state === undefined || state === 'ALIVE' ? rest : b;
        });
        const loads = {
          version: 1,
          hosts: [],
          brokers: cluster.brokers.map((b) => ({
            Host: b.host ?? '',
            Broker: b.id,
            Rack: b.rack ?? '',
            BrokerState: b.state ?? 'ALIVE',
            DiskCapacityMB: b.capacity.disk,
            NetworkInCapacity: b.capacity.nwIn,
            NetworkOutCapacity: b.capacity.nwOut,
            NumCore: b.capacity.cpu / 100,
          })),
        };
        const records = cluster.partitions.flatMap((p, i) => {
          const {
            cpu,
            nwIn: networkInbound,
            nwOut: networkOutbound,
            disk,
          } = p.loads[p.replicas.indexOf(p.leader!)]!;
          const followers = p.replicas.filter((id) => id !== p.leader);
          return i === gone
            ? []
            : [
                {
                  topic: p.topic,
                  partition: p.partition,
                  leader: p.leader,
                  followers,
                  cpu,
                  networkInbound,
                  networkOutbound,
                  disk,
                  msg_in: 1,
                },
              ];
        });
        const other = partitions.map((p) => ({
          topic: p.topic,
          partition: p.partition,
          leader: p.leader ?? -1,
          replicas: p.replicas,
          'in-sync': p.replicas,
          offline: [],
        }));
        const offline = other.filter((p) => p.leader === -1);
        const state = {
          version: 1,
          KafkaPartitionState: { offline, urp: offline, other: other.filter((p) => p.leader !== -1) },
        };
        const read = [
          readLoad(JSON.stringify(loads), 'l'),
          readPartitionLoad(JSON.stringify({ version: 1, records }), 'p'),
          readClusterState(JSON.stringify(state), 's'),
        ] as const;
        const joined = joinAnswers(...read);
        for (const { json } of read)
          expect(json.problems().filter((p) => p.severity === 'problem')).toEqual([]);
        const byName = (list: ClusterDescription['partitions']) =>
          new Map(list.map((p) => [`${p.topic}-${p.partition}`, p]));
        expect(joined.partitions).toHaveLength(partitions.length);
        expect(byName(joined.partitions)).toEqual(byName(partitions));
        expect(joined.brokers.map(({ capacity: _, ...b }) => b)).toEqual(
          brokers.map(({ capacity: _, ...b }) => b),
        );
        joined.brokers.forEach((b, i) => {
          expect(b.capacity.cpu).toBeCloseTo(brokers[i]!.capacity.cpu, 6);
          expect(b.capacity.disk).toBe(brokers[i]!.capacity.disk);
        });
      }),
      { seed: 12, numRuns: 100 },
    );
    expect(leaderless).toBeGreaterThan(10);
  });

  test('capacities come back from each of the three styles', () => {
    const entry = fc.record({
      nwIn: fc.nat(1e6),
      nwOut: fc.nat(1e6),
      cpu: fc.integer({ min: 1, max: 64 }),
      disks: fc.array(fc.nat(1e6), { minLength: 1, maxLength: 4 }),
      jbod: fc.boolean(),
    });
    fc.assert(
      fc.property(
        fc.dictionary(fc.nat(9).map(String), entry, { minKeys: 1 }),
        entry,
        fc.boolean(),
        (own, rest, cores) => {
          const all = [...Object.entries(own), ['-1', rest] as const];
          const sum = (disks: readonly number[]) => disks.reduce((x, y) => x + y, 0);
          const text = JSON.stringify({
            brokerCapacities: all.map(([brokerId, e]) => ({
              brokerId,
              capacity: {
                DISK: e.jbod
                  ? Object.fromEntries(e.disks.map((mb, i) => [`/data/${i}`, String(mb)]))
                  : String(sum(e.disks)),
                CPU: cores ? { 'num.cores': String(e.cpu) } : String(e.cpu),
                NW_IN: String(e.nwIn),
                NW_OUT: String(e.nwOut),
              },
              doc: 'a note',
            })),
          });
          const read = readCapacities(text, 'f');
          expect(read.json.problems()).toEqual([]);
          const capacity = (e: typeof rest) => ({
            cpu: cores ? 100 * e.cpu : e.cpu,
            nwIn: e.nwIn,
            nwOut: e.nwOut,
            disk: sum(e.disks),
          });
          expect(read.default).toEqual(capacity(rest));
          expect(Object.fromEntries(read.byBroker)).toEqual(
            Object.fromEntries(Object.entries(own).map(([id, e]) => [id, capacity(e)])),
          );
        },
      ),
      { seed: 13, numRuns: 100 },
    );
  });

  test('a damaged file is told with a place inside it, and never throws', () => {
    const good = [
      '{"brokerCapacities":[{"brokerId":"-1","capacity":{"DISK":{"/a":"1"},"CPU":{"num.cores":"8"},"NW_IN":"1","NW_OUT":"2"}}]}',
      '{"brokers":[{"Broker":0,"Host":"h","Rack":"r","BrokerState":"ALIVE","DiskCapacityMB":1,"NetworkInCapacity":1,"NetworkOutCapacity":1,"NumCore":1}]}',
      '{"records":[{"topic":"t","partition":0,"cpu":1,"disk":1,"networkInbound":1,"networkOutbound":1}]}',
      '{"KafkaPartitionState":{"other":[{"topic":"t","partition":0,"leader":0,"replicas":[0,1],"offline":[]}]}}',
      '{"capacity":{"cpu":1,"nwIn":1,"nwOut":1,"disk":1},\n"brokers":[{"id":0,"state":"NEW"}],"partitions":[{"t":"t","p":0,"replicas":[0],"loads":[[1,2,3,4]]}]}',
      '{"version":1,"partitions":[{"topic":"t","partition":0,"replicas":[0,1],"log_dirs":["any","any"]}]}',
    ];
    const readers = [
      readCapacities,
      readLoad,
      readPartitionLoad,
      readClusterState,
      readModel,
      readReassignment,
    ];
    const put = fc.constantFrom(
      '',
      '"',
      '{',
      '}',
      '[',
      ']',
      ',',
      ':',
      '-1',
      'null',
      '1e999',
      '0.5',
      'true',
      '\n',
      '\\',
      'x',
      '[]',
      '{}',
    );
    let told = 0;
    fc.assert(
      fc.property(fc.nat(5), fc.nat(300), fc.nat(12), put, (which, from, length, instead) => {
        const text = good[which]!;
        const at = from % text.length;
        const damaged = text.slice(0, at) + instead + text.slice(at + length);
        for (const json of [readers[which]!(damaged, 'f').json, readers[from % 6]!(damaged, 'f').json]) {
          for (const p of json.problems()) {
            told += 1;
            const lines = damaged.split('\n');
            expect(p.line).toBeGreaterThanOrEqual(1);
            expect(p.line).toBeLessThanOrEqual(lines.length);
            expect(p.column).toBeLessThanOrEqual(lines[p.line - 1]!.length + 1);
            expect(p.found).not.toContain('undefined');
            expect(p.mend).not.toBe('');
          }
        }
      }),
      { seed: 14, numRuns: 800 },
    );
    expect(told).toBeGreaterThan(600);
    for (const [i, text] of good.entries()) expect(readers[i]!(text, 'f').json.problems()).toEqual([]);
  });
});

describe('places in a JSON text', () => {
  const trees = fc.jsonValue({ maxDepth: 4, noUnicodeString: false });

  test('the place of a value is where it is written, and of a missing one that of the nearest above', () => {
    let deep = 0;
    fc.assert(
      fc.property(trees, fc.array(fc.nat(9), { maxLength: 5 }), fc.boolean(), (tree, choices, spread) => {
        const text = JSON.stringify(tree, null, spread ? 2 : 0);
        let value: unknown = tree;
        const path: (string | number)[] = [];
        for (const choice of choices) {
          if (typeof value !== 'object' || value === null) break;
          const keys = Object.keys(value);
          if (keys.length === 0) break;
          const key = keys[choice % keys.length]!;
          path.push(Array.isArray(value) ? Number(key) : key);
          value = (value as Record<string, unknown>)[key];
        }
        if (path.length > 1) deep += 1;
        const json = new JsonFile(text, 'f');
        const ask: JsonPath[] = [path, [...path, 'not there', 3]];
        for (const { line, column } of json.places(ask)) {
          const rest = text
            .split('\n')
            .slice(line - 1)
            .join('\n')
            .slice(column - 1);
          const own = JSON.stringify(value, null, spread ? 2 : 0);
          const indent = /^ */.exec(text.split('\n')[line - 1]!)![0];
          expect(rest.startsWith(own.replaceAll('\n', `\n${indent}`))).toBe(true);
        }
      }),
      { seed: 15, numRuns: 300 },
    );
    expect(deep).toBeGreaterThan(25);
  });

  test('what the runtime reads has no fault, and what it refuses has one', () => {
    let refused = 0;
    fc.assert(
      fc.property(
        trees,
        fc.nat(1000),
        fc.constantFrom('', '"', ',', '}', ']', ':', '\\', 'e', '-', '01', '.', ' '),
        (tree, from, put) => {
          const whole = JSON.stringify(tree);
          const at = from % (whole.length + 1);
          const text = whole.slice(0, at) + put + whole.slice(at + 1);
          let fine = true;
          try {
            JSON.parse(text);
          } catch {
            fine = false;
            refused += 1;
          }
          const json = new JsonFile(text, 'f');
          expect(json.good).toBe(fine);
          if (!fine) expect(json.problems()[0]!.found).not.toBe('the JSON cannot be read');
        },
      ),
      { seed: 16, numRuns: 500 },
    );
    expect(refused).toBeGreaterThan(150);
  });

  test('a hundred problems are told, and how many more there are', () => {
    const text = JSON.stringify({
      partitions: Array.from({ length: 300 }, (_, i) => ({ topic: 't', partition: i, replicas: [1, 1] })),
    });
    const { json } = readReassignment(text, 'f');
    const problems = json.problems();
    expect(problems).toHaveLength(101);
    expect(problems[100]!.found).toBe('200 more problems');
    expect(new Set(problems.slice(0, 100).map((p) => p.column)).size).toBe(100);
  });
});
