import { describe, expect, test } from 'vitest';
import type { Result } from '../../src/experiment/result.ts';
import { measure, run } from '../support/files.ts';
import { smallScenario } from '../support/leafCases.ts';

type Json = Readonly<Record<string, unknown>>;

const clients = ['warmProducer', 'warmConsumer', 'newSchema', 'unseenId', 'coldClient'] as const;

/** The small cluster with three instances of the registry; `_schemas` has a replica on each of the five brokers and needs all of them. */
function play(timeline: readonly Json[], more: Json = {}): Result {
  const base = smallScenario as unknown as {
    readonly extends: readonly string[];
    readonly kafka: { readonly topics: readonly Json[] };
  };
  const text = JSON.stringify({
    ...base,
    extends: [...base.extends, 'models/schemaRegistry/schema-registry-7.6.yaml'],
    kafka: {
      ...base.kafka,
      // Without load: what other topics carry changes nothing here.
      consumerGroups: [],
      topics: [
        base.kafka.topics[1],
        { name: '__consumer_offsets', partitions: 50, bytesIn: '0B/s', messagesIn: '0/s' },
        {
          name: '_schemas',
          partitions: 1,
          replicationFactor: 5,
          minInSyncReplicas: 5,
          bytesIn: '0B/s',
          messagesIn: '0/s',
        },
      ],
    },
    schemaRegistry: { instanceStart: '10s', instances: ['sr-0', 'sr-1', 'sr-2'], ...more },
    timeline: timeline.map((entry, i) => ({ id: `e${i}`, ...entry })),
  });
  return run('registry.yaml', {}, { 'registry.yaml': text });
}

const stop = (at: string, instance: string, how = 'crash'): Json => ({
  at,
  do: 'schemaRegistry.stop',
  instance,
  how,
});
const ask = (at: string, client: string, instance?: string): Json => ({
  at,
  do: 'schemaRegistry.request',
  client,
  ...(instance === undefined ? {} : { instance }),
});
const killBroker: Json = { at: '+60s', do: 'faults.broker', broker: 3, for: '100s' };

/** How each kind of client fares at a moment, asking `instance` first. */
function row(before: readonly Json[], at: string, instance: string): Record<string, string> {
  const told = play([...before, ...clients.map((client) => ask(at, client, instance))]).told;
  return Object.fromEntries(
    told.filter((t) => t.kind === 'schemaRegistry.request').map((t) => [t.subject, t.detail]),
  );
}

describe('five kinds of clients', () => {
  const cached = { warmProducer: 'cached', warmConsumer: 'cached' };
  test.each([
    [
      'everything is up',
      [],
      '+70s',
      'sr-1',
      { ...cached, newSchema: 'ok', unseenId: 'ok', coldClient: 'ok' },
    ],
    [
      'the registry is down',
      ['sr-0', 'sr-1', 'sr-2'].map((name) => stop('+60s', name)),
      '+70s',
      'sr-1',
      { ...cached, newSchema: 'unreachable', unseenId: 'unreachable', coldClient: 'unreachable' },
    ],
    [
      'the leader is down and not missed yet',
      [stop('+60s', 'sr-0')],
      '+65s',
      'sr-1',
      { ...cached, newSchema: '50003', unseenId: 'ok', coldClient: 'ok' },
    ],
    [
      'the leader is down and another one is elected',
      [stop('+60s', 'sr-0')],
      '+75s',
      'sr-0',
      { ...cached, newSchema: 'ok', unseenId: 'ok', coldClient: 'ok' },
    ],
    [
      '_schemas is under min ISR',
      [killBroker],
      '+80s',
      'sr-1',
      { ...cached, newSchema: '50001', unseenId: 'ok', coldClient: 'ok' },
    ],
    [
      '_schemas waits for a replica that is dead and not fenced yet',
      [killBroker],
      '+62s',
      'sr-1',
      { ...cached, newSchema: '50002 after 500 ms', unseenId: 'ok', coldClient: 'ok' },
    ],
    [
      '_schemas is whole again',
      [killBroker],
      '+280s',
      'sr-1',
      { ...cached, newSchema: 'ok', unseenId: 'ok', coldClient: 'ok' },
    ],
  ] as const)('while %s', (_, before, at, instance, expected) => {
    expect(row(before, at, instance)).toEqual(expected);
  });
});

test('a leader that is gone is handed requests in vain, then nobody leads, then the next name does', () => {
  const times = Array.from({ length: 60 }, (_, i) => `+${60.1 + i * 0.25}s`);
  const told = play([
    stop('+60s', 'sr-0'),
    ...times.flatMap((at) => [ask(at, 'newSchema', 'sr-1'), ask(at, 'newSchema', 'sr-2')]),
  ]).told;
  const found = told.filter((t) => t.kind === 'schemaRegistry.request').map((t) => t.detail);
  const seen = new Set<string>();
  for (const which of [0, 1]) {
    const own = found.filter((_, i) => i % 2 === which);
    const order = ['50003', '50004', 'ok'];
    const places = own.map((code) => order.indexOf(code));
    expect([...places].sort((x, y) => x - y)).toEqual(places);
    expect(places[0]).toBe(0);
    expect(places[places.length - 1]).toBe(2);
    for (const code of own) seen.add(code);
  }
  expect(seen).toEqual(new Set(['50003', '50004', 'ok']));
  const elected = told.filter((t) => t.kind === 'schemaRegistry.elected').map((t) => t.subject);
  expect(elected).toEqual(['sr-1']);
});

test('a leader that leaves in order is missed with the next heartbeat; back again, it leads again', () => {
  const told = play([{ ...stop('+60s', 'sr-0', 'close'), for: '20s' }]).told.filter((t) =>
    t.kind.startsWith('schemaRegistry.'),
  );
  const [, first, , second] = told;
  expect(told.map((t) => [t.kind, t.subject])).toEqual([
    ['schemaRegistry.stopped', 'sr-0'],
    ['schemaRegistry.elected', 'sr-1'],
    ['schemaRegistry.serves', 'sr-0'],
    ['schemaRegistry.elected', 'sr-0'],
  ]);
  expect(first!.time / 1e6).toBeLessThan(63.1);
  expect(second!.time / 1e6).toBeGreaterThan(90);
});

test('a restart of clients while the registry is down is what fails: the same clients go on with warm caches', () => {
  const start: Json = {
    at: '+100s',
    do: 'schemaRegistry.startClients',
    client: 'orders',
    schemas: 60,
    over: '60s',
  };
  const down = ['sr-0', 'sr-1', 'sr-2'].map((name) => ({ ...stop('+60s', name), for: '70s' }));
  const some = { clients: [{ name: 'orders', newSchemas: '0.1/s', unseenIds: '0.2/s' }] };
  const failed = (result: Result, request: string, code: string) =>
    measure(result, 'rehearse:schema_registry_failed_requests_total', { client: 'orders', request, code });
  const calm = play(down, some);
  expect(failed(calm, 'coldClient', 'unreachable')).toBe(0);
  const restarted = play([...down, start], some);
  // The registry is back 10 s after its 70 s are over: from 100 to 140 s one start a second fails.
  expect(failed(restarted, 'coldClient', 'unreachable')).toBeCloseTo(40, 6);
  expect(failed(restarted, 'unseenId', 'unreachable')).toBeCloseTo(0.2 * 80, 6);
  expect(failed(restarted, 'newSchema', 'unreachable')).toBeCloseTo(0.1 * 80, 6);
  expect(
    measure(restarted, 'rehearse:schema_registry_requests_total', {
      client: 'orders',
      request: 'coldClient',
    }),
  ).toBeCloseTo(60, 6);
  // Nobody led until they had found each other.
  expect(failed(restarted, 'newSchema', '50004')).toBeGreaterThan(0);
});

test('an instance that starts while its topic cannot be written does not serve before it can', () => {
  const told = play([killBroker, { ...stop('+70s', 'sr-2'), for: '10s' }]).told;
  const serves = told.find((t) => t.kind === 'schemaRegistry.serves');
  expect(serves!.time / 1e6).toBeGreaterThan(150);
});
