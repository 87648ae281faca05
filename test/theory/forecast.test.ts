import { existsSync, mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { type ForecastRequest, forecastAnswer, parseGrowth } from '../../src/experiment/forecast.ts';
import { playShown } from '../../src/experiment/run.ts';
import {
  bytesLater,
  fullAfter,
  type GrowingBroker,
  type GrowingLogs,
} from '../../src/models/kafka/growth.ts';
import { command } from '../support/command.ts';
import { run, runOptions, scenarioOf } from '../support/files.ts';

const day = 86_400e6;
const unlimited = { retentionMicros: Number.POSITIVE_INFINITY, retentionBytes: Number.POSITIVE_INFINITY };
const broker = (logs: Partial<GrowingLogs>, capacity = 2.5e12): GrowingBroker => ({
  broker: 0,
  partitions: 10,
  capacity,
  other: 0,
  logs: [{ rate: 100e6, held: 1e12, ...unlimited, ...logs }],
});

describe('when the disks of a broker fill', () => {
  test('without retention and growth after (capacity - used) / rate, in half of it at double the rate', () => {
    for (const rate of [1e6, 100e6, 534e6]) {
      const wanted = (1.5e12 / rate) * 1e6;
      expect(Math.abs(fullAfter(broker({ rate }), 0, 400 * day) - wanted)).toBeLessThanOrEqual(2);
      expect(Math.abs(fullAfter(broker({ rate: 2 * rate }), 0, 400 * day) - wanted / 2)).toBeLessThanOrEqual(
        2,
      );
    }
  });

  test('never where retention comes first, by time or by size', () => {
    // 2 h of 100 MB/s are 0.72 TB, and 2 TB fit.
    expect(fullAfter(broker({ held: 0.7e12, retentionMicros: 2 * 3600e6 }), 0, 4000 * day)).toBe(
      Number.POSITIVE_INFINITY,
    );
    expect(fullAfter(broker({ retentionBytes: 2e12 }), 0, 4000 * day)).toBe(Number.POSITIVE_INFINITY);
    expect(fullAfter(broker({ retentionBytes: 2.6e12 }), 0, 400 * day)).toBeLessThan(day);
  });

  test('under growth when what is written since fills the rest: the integral by small steps', () => {
    const perSecond = Math.log(1.4) / (91.31 * 86_400);
    const at = fullAfter(broker({ rate: 1e6 }), perSecond, 4000 * day);
    let [sum, t] = [0, 0];
    const step = 60;
    while (sum < 1.5e12) {
      sum += 1e6 * step * Math.exp(perSecond * (t + step / 2));
      t += step;
    }
    expect(Math.abs(at / 1e6 - t)).toBeLessThan(2 * step);
  });

  test('what a log holds under retention by time is what was written within it', () => {
    const log: GrowingLogs = {
      rate: 10,
      held: 360,
      retentionMicros: 36e6,
      retentionBytes: Number.POSITIVE_INFINITY,
    };
    // Steady: as much is deleted as is written.
    for (const t of [0, 1e6, 18e6, 36e6, 100e6]) expect(bytesLater(log, t, 0)).toBeCloseTo(360, 6);
    // Far later under growth: the integral over the last 36 s.
    const g = 0.01;
    expect(bytesLater(log, 200e6, g)).toBeCloseTo((10 * (Math.exp(2) - Math.exp(1.64))) / g, 6);
  });
});

interface Saved {
  readonly verdict: string;
  readonly says: readonly string[];
  readonly data: {
    readonly limits: readonly {
      readonly name: string;
      readonly kind: string;
      readonly factor: number | null;
      readonly moment: {
        readonly middleMicros: number | null;
        readonly earlyMicros: number | null;
        readonly lateMicros: number | null;
      };
    }[];
    readonly cost: {
      readonly instances: number;
      readonly storage: number;
      readonly crossZone: Record<string, number>;
      readonly consumeWithFollowerFetching: number;
      readonly purchases: readonly { readonly instances: number }[];
    };
  };
}

async function forecast(
  ...args: string[]
): Promise<{ readonly code: number; readonly saved: Saved; readonly text: string; readonly error: string }> {
  const out = join(mkdtempSync(join(tmpdir(), 'forecast-')), 'f');
  const { code, out: text, err } = await command(['forecast', ...args, '--out', out]);
  const file = join(out, 'answer.json');
  return {
    code,
    text,
    error: err,
    saved: existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : undefined,
  };
}

/** Disks of the reference platform with nothing deleted, after two minutes: by broker, days until they are full. */
function disksFill(growth: string, settings: string): ReadonlyMap<string, number> {
  const path = 'scenarios/what-if/no-retention.yaml';
  const scenario = scenarioOf(path, {
    [path]: `rehearse: 1\nextends: retention-as-stated.yaml\nuntil: null\nto: +2m\n${settings}\n`,
  });
  const shown = playShown(scenario, { ...runOptions, sampled: false });
  const request: ForecastRequest = {
    growth: parseGrowth(growth),
    partitions: null,
    horizonMicros: 30 * day,
    paths: ['workload.scale'],
    runs: 1,
  };
  const row = {
    replication: 0,
    fingerprint: '',
    events: 0,
    observed: [],
    reliability: [],
    risks: [],
    held: [],
    values: [],
    broken: null,
  };
  const { data } = forecastAnswer(shown, { scenario: '', seed: '1', version: '' }, request, [
    { factor: 1, rows: [row] },
  ]);
  const { limits } = data as Saved['data'];
  return new Map(
    limits
      .filter((l) => l.kind === 'disk')
      .map((l) => [l.name, (l.moment.middleMicros ?? Number.POSITIVE_INFINITY) / 60e6]),
  );
}

describe('disks of a platform that is played', () => {
  test('fill when the run says that they do', () => {
    const played = run('scenarios/what-if/retention-as-stated.yaml');
    const minutes = disksFill('0%/day', '');
    const first = [...minutes].sort((a, b) => a[1] - b[1])[0]!;
    expect(first[0]).toBe('log volume of broker 2');
    expect(Math.abs(first[1] + 2 - played.playedMicros / 60e6)).toBeLessThan(0.05);
  });

  test('in half the time at double the load, never where retention comes first, and under growth as a played curve grows', () => {
    const once = disksFill('0%/day', '');
    const twice = disksFill('0%/day', 'workload: { scale: 2 }');
    // Two minutes at today's rate are gone in one run, and four minutes' worth in the other.
    for (const [name, minutes] of once) expect(twice.get(name)! + 2).toBeCloseTo((minutes + 2) / 2, 1);
    const kept = disksFill('0%/day', 'kafka: { config: { log.retention.bytes: 12000000000 } }');
    for (const minutes of kept.values()) expect(minutes).toBe(Number.POSITIVE_INFINITY);
    const grown = run(
      'scenarios/what-if/grown.yaml',
      {},
      {
        'scenarios/what-if/grown.yaml':
          'rehearse: 1\nextends: retention-as-stated.yaml\nworkload: { curves: [{ name: all, constant: 1, growth: { perDay: 1000% } }] }\n',
      },
    );
    const minutes = Math.min(...disksFill('0%/day', '').values());
    const faster = Math.min(...disksFill('1000%/day', '').values());
    expect(faster).toBeLessThan(minutes);
    // The played curve began two minutes before, so that it is exp(ln 11 x 2 / 1440) higher: 0.3 %.
    expect(Math.abs(faster + 2 - grown.playedMicros / 60e6)).toBeLessThan(0.15);
  });
});

describe('rehearse forecast', () => {
  test('says what gives out first and when, earlier under more growth, and what a month costs', async () => {
    const at = ['scenarios/planning/disks-fill.yaml', '--months', '6', '--replications', '1'];
    const slow = await forecast(...at, '--growth', '20%/quarter');
    const fast = await forecast(...at, '--growth', '20%..40%/quarter');
    expect([slow.code, fast.code]).toEqual([20, 20]);
    const nic = (f: typeof slow) =>
      f.saved.data.limits.find((l) => l.kind === 'resource' && l.factor !== null)!;
    // The load that a card bears does not depend on growth, and its date follows from it.
    expect(nic(fast).factor! / nic(slow).factor!).toBeCloseTo(1, 1);
    const quarter = 91.310625 * day;
    expect(
      nic(slow).moment.middleMicros! / ((Math.log(nic(slow).factor!) / Math.log(1.2)) * quarter),
    ).toBeCloseTo(1, 6);
    expect(nic(fast).moment.earlyMicros!).toBeLessThan(nic(fast).moment.middleMicros!);
    expect(nic(fast).moment.lateMicros!).toBeGreaterThan(nic(fast).moment.middleMicros!);
    const { cost } = slow.saved.data;
    // Five i3en.2xlarge at $0.904 an hour.
    expect(cost.instances).toBeCloseTo(5 * 0.904 * 30.436875 * 24, 6);
    expect(cost.purchases.map((p) => p.instances / cost.instances)).toEqual(
      [0.63, 0.4].map((x) => expect.closeTo(x, 9)),
    );
    // 890 MB/s, each to two followers of which some stand in another zone, at $0.02 a gigabyte.
    const most = 2 * 0.89 * 30.436875 * 86_400 * 0.02;
    expect(cost.crossZone.replication!).toBeGreaterThan(0.5 * most);
    expect(cost.crossZone.replication!).toBeLessThan(most);
    expect(cost.consumeWithFollowerFetching).toBeLessThan(cost.crossZone.consume!);
  });

  test('lets a named setting grow, and finds the records at which the job no longer fits', async () => {
    const { code, saved } = await forecast(
      'scenarios/planning/records-grow.yaml',
      '--growth',
      '5%/month',
      '--months',
      '12',
      '--replications',
      '1',
      '--of',
      'timeline.monthly.records',
    );
    expect(code).toBe(20);
    const done = saved.data.limits.find((l) => l.name === 'the run is completed')!;
    const bracket = [done.factor! / 1.011, done.factor! * 1.011];
    const completed = (factor: number) =>
      run(
        'scenarios/planning/more.yaml',
        {},
        {
          'scenarios/planning/more.yaml': `rehearse: 1\nextends: records-grow.yaml\ntimeline:\n  - { id: monthly, records: ${Math.round(2_100_000 * factor)} }\n`,
        },
      ).expectations.find((e) => e.name === 'the run is completed')!.verdict;
    expect(bracket.map(completed)).toEqual(['pass', 'fail']);
  });

  test('says that nothing gives out where nothing grows', async () => {
    const { code, saved } = await forecast(
      'scenarios/reference-day/steady-hour.yaml',
      '--growth',
      '0%/year',
      '--months',
      '1',
      '--replications',
      '1',
    );
    expect([code, saved.verdict]).toEqual([0, 'pass']);
    expect(saved.says[0]).toContain('nothing gives out');
  });

  test.each([
    [['scenarios/planning/disks-fill.yaml'], 'how does the load grow?'],
    [['scenarios/planning/disks-fill.yaml', '--growth', '40/quarter'], '40/quarter is no growth'],
    [['scenarios/planning/disks-fill.yaml', '--growth', '40%..30%/quarter'], 'the smaller share first'],
    [['scenarios/planning/disks-fill.yaml', '--growth', '40%/quarter', '--months', '0'], '--months 0'],
    [
      ['scenarios/planning/records-grow.yaml', '--growth', '4%/month', '--of', 'timeline.monthly.recrds'],
      'timeline.monthly.recrds names nothing',
    ],
    [
      ['scenarios/planning/records-grow.yaml', '--growth', '4%/month', '--of', 'timeline.monthly.job'],
      'which cannot grow',
    ],
    [['scenarios/reference-day/ca-rotation.yaml', '--growth', '4%/month'], 'no topics whose load could grow'],
  ])('%j is told', async (args, says) => {
    const { code, error } = await forecast(...args);
    expect(code).toBe(2);
    expect(error).toContain(says);
    expect(error).toContain('mend:');
  });
});
