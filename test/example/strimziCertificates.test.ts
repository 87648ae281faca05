import { expect, test } from 'vitest';
import { run } from '../support/files.ts';
import { leafFiles, smallScenario } from '../support/leafCases.ts';

const day = 86_400e6;

/** A cluster CA of the small platform that is within 30 days of its end, for an hour and a half. */
function renewed(authority: Readonly<Record<string, unknown>>) {
  const scenario = smallScenario as Readonly<Record<string, unknown>>;
  const given = {
    ...scenario,
    to: '+90m',
    timeline: [],
    strimzi: {
      cluster: 'a',
      jvm: {},
      resources: {},
      clusterCa: { notAfter: '2025-01-31T00:09:30Z', ...authority },
    },
  };
  return run('ca.yaml', {}, { ...leafFiles, 'ca.yaml': JSON.stringify(given) });
}

const rolls = (result: ReturnType<typeof renewed>) =>
  result.told.filter((t) => t.kind === 'strimzi.roll').map((t) => [t.subject, t.detail]);

test('the first reconciliation within 30 days of the end renews, and every broker is rolled once', () => {
  const result = renewed({});
  const told = result.told.find((t) => t.kind === 'strimzi.caRenewed')!;
  // 30 days before it is 00:09:30; the operator looks every two minutes.
  expect(told.time).toBe(600e6);
  const rolled = rolls(result);
  expect(rolled.map(([broker]) => broker).sort()).toEqual([0, 1, 2, 3, 4].map((id) => `broker-${id}`));
  expect(new Set(rolled.map(([, why]) => why))).toEqual(new Set(['CA_CERT_RENEWED']));
  // Controllers come before the others, and the active one last among them.
  expect(
    rolled
      .slice(0, 3)
      .map(([broker]) => broker)
      .sort(),
  ).toEqual(['broker-0', 'broker-1', 'broker-2']);
  expect(result.dueDates).toEqual([
    {
      name: 'cluster-ca',
      kind: 'authority of Strimzi',
      endsAt: 600e6 + 365 * day,
      renewsAt: 600e6 + 335 * day,
    },
  ]);
  expect(result.series.of('strimzi_certificate_expiration_timestamp_ms')[0]!.values).toEqual([
    Date.parse('2025-01-31T00:09:30Z'),
    Date.parse('2026-01-01T00:10:00Z'),
  ]);
});

test('a new key takes three rolls: to trust it, to be signed by it, and to trust the old one no longer', () => {
  const rolled = rolls(renewed({ certificateExpirationPolicy: 'replace-key' }));
  expect(rolled.length).toBe(15);
  expect([0, 5, 10].map((i) => rolled[i]![1])).toEqual([
    'CLUSTER_CA_CERT_KEY_REPLACED',
    'KAFKA_CERTIFICATES_CHANGED',
    'CA_CERT_REMOVED',
  ]);
});

test('an authority that somebody else makes is not renewed, and it is said', () => {
  const result = renewed({ generateCertificateAuthority: false, notAfter: '2025-01-10T00:00:00Z' });
  expect(rolls(result)).toEqual([]);
  expect(result.dueDates![0]!.renewsAt).toBeNull();
  expect(result.findings.map((f) => f.says)).toContain(
    'cluster-ca of Strimzi ends in 8.9 days, and nobody renews it',
  );
});
