import { mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { AblatedRow } from '../../src/experiment/ablation.ts';
import { without } from '../../src/experiment/ablation.ts';
import { command } from '../support/command.ts';
import { run, scenarioOf } from '../support/files.ts';

interface Matrix {
  readonly code: number;
  readonly err: string;
  /** What a measure gives without something; `nothing` is the whole scenario. */
  readonly value: (removed: string, measure: number) => number | null;
}

async function ablate(...args: string[]): Promise<Matrix> {
  const out = join(mkdtempSync(join(tmpdir(), 'ablation-')), 'a');
  const { code, err } = await command(['ablate', ...args, '--out', out]);
  if (code !== 0) return { code, err, value: () => null };
  const { rows } = JSON.parse(readFileSync(join(out, 'answer.json'), 'utf8')).data as {
    rows: readonly AblatedRow[];
  };
  return {
    code,
    err,
    value: (removed, measure) => rows.find((r) => r.removed === removed)!.values[measure]!,
  };
}

describe('what moves what in the whole day', () => {
  const day = 'scenarios/reference-day/full-day.yaml';
  const [paged, kills, lag, sinkLag, missing] = [0, 1, 2, 3, 4];

  test('the job moves the alert and the service level, the rotation moves no kill, and without all of them nobody is paged', async () => {
    const m = await ablate(
      day,
      ...['memory-limit', 'ca-rotation', 'jvm-tuning', 'partition-expansion', 'monthly'].flatMap((x) => [
        '--without',
        x,
      ]),
      ...['alertsFiring', 'oomKills'].flatMap((x) => ['--of', x]),
      ...[
        '--of',
        'max(max_over_time(kafka_consumergroup_lag_sum{consumergroup!~"connect-.*"}[40m] offset 440m))',
      ],
      ...[
        '--of',
        'max(max_over_time(kafka_consumergroup_lag_sum{consumergroup=~"connect-.*"}[40m] offset 450m))',
      ],
      ...['--of', 'sum(avg_over_time(kube_deployment_status_replicas_unavailable[24h]))'],
    );
    expect(m.code).toBe(0);
    expect([m.value('nothing', paged), m.value('nothing', kills)]).toEqual([1, 1]);
    expect([m.value('monthly', paged), m.value('monthly', kills)]).toEqual([null, 0]);
    expect(m.value('monthly', missing)!).toBeLessThan(m.value('nothing', missing)!);
    for (const measure of [paged, kills, missing])
      expect(m.value('ca-rotation', measure)).toBe(m.value('nothing', measure));
    expect(m.value('memory-limit', kills)!).toBeGreaterThan(1);
    // From 16:00 on: a restart lets readers and the sinks wait.
    expect(m.value('jvm-tuning', lag)!).toBeLessThan(m.value('nothing', lag)!);
    expect(m.value('jvm-tuning', sinkLag)!).toBeLessThan(m.value('nothing', sinkLag)!);
    expect(m.value('all of them', paged)).toBeNull();
  });

  test('a collector that costs next to nothing takes the tail of producing away', async () => {
    const p999 =
      'rehearse:request_latency_ms{request="Produce", acks="all", side="broker", quantile="0.999"}';
    const without = ['jvm.costFactor=0.01', 'jvm-tuning'].flatMap((x) => ['--without', x]);
    const m = await ablate(day, ...without, '--of', p999);
    expect(m.value('jvm.costFactor=0.01', 0)!).toBeLessThan(m.value('nothing', 0)! / 2);
    expect(m.value('jvm-tuning', 0)).not.toBe(m.value('nothing', 0));
  });
});

test('taking nothing out plays the same run', () => {
  const path = 'scenarios/reference-day/rolling-restart.yaml';
  const whole = without(scenarioOf(path), []);
  if (typeof whole === 'string') throw new Error(whole);
  expect(run('resolved.json', {}, { 'resolved.json': JSON.stringify(whole.resolved) }).fingerprint).toBe(
    run(path).fingerprint,
  );
});

test.each([
  [['--without', 'restrt'], 'there is no restrt to take out'],
  [['--without', 'kafka.topics.x.bytesIn=1MB/s'], 'names nothing'],
  [['--of', 'worstLg'], 'there is no metric worstLg'],
  [['--of', 'sum('], 'no PromQL'],
])('%j is told with its remedy', async (args, says) => {
  const { code, err } = await ablate('scenarios/reference-day/rolling-restart.yaml', ...args);
  expect([code, err]).toEqual([2, expect.stringContaining(says)]);
  expect(err).toContain('mend:');
});

test('certificates of the workers that end move the lag of the sinks, and nothing of it is left without the outage', async () => {
  const m = await ablate(
    'scenarios/planning/connect-certificates.yaml',
    ...['--without', 'down', '--without', 'mesh'],
    ...[
      '--of',
      'max(max_over_time(kafka_consumergroup_lag_sum{consumergroup=~"connect-.*"}[160m] offset 480m))',
    ],
    ...['--of', 'certificateExpiredMinutes'],
    ...['--of', 'sum(kafka_connect_worker_connector_running_task_count)'],
    ...['--of', 'sum(kafka_connect_worker_connector_running_task_count offset 540m)'],
  );
  // Before 16:00, the restart: nothing else moves it.
  expect(m.value('nothing', 0)!).toBeGreaterThan(1e6);
  expect(m.value('down', 0)!).toBeLessThan(m.value('nothing', 0)! / 1000);
  expect([m.value('nothing', 1)! > 0, m.value('down', 1)]).toEqual([true, 0]);
  expect([m.value('mesh', 1), m.value('mesh', 0)! < 1e3]).toEqual([null, true]);
  // At 15:00 no task runs; with the certificates that are renewed from 17:00 on the workers are back, and all 12 tasks of the evening with them.
  expect([m.value('nothing', 3), m.value('nothing', 2)]).toEqual([0, 12]);
  expect([m.value('down', 3), m.value('down', 2)]).toEqual([11, 12]);
});
