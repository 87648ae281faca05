import { describe, expect, test } from 'vitest';
import { CannotTry, tryFaults } from '../../src/experiment/faults.ts';
import { play } from '../../src/experiment/play.ts';
import type { FaultsOutcome } from '../../src/experiment/result.ts';
import { runScenario } from '../../src/experiment/run.ts';
import { reportFiles } from '../../src/report/files.ts';
import { summaryOf, summarySchema } from '../../src/report/summary.ts';
import { terminalText } from '../../src/report/text.ts';
import { build } from '../../src/scenario/build.ts';
import { faultKinds } from '../../src/scenario/faultVariants.ts';
import { loadScenario } from '../../src/scenario/load.ts';
import { parts } from '../../src/scenario/parts/index.ts';
import { measure, runOptions, scenarioOf } from '../support/files.ts';
import { smallScenario } from '../support/leafCases.ts';

type Tree = { [key: string]: unknown };

const restart = { at: '+60s', id: 'one', do: 'operations.restart', broker: 0, downTime: '40s', drain: '8s' };

/** A platform of one zone for each broker, where the loss of one leaves enough replicas and a majority of voters. */
function small(change: (tree: Tree) => void = () => {}) {
  const tree = structuredClone(smallScenario) as Tree;
  tree.to = '+20m';
  tree.timeline = [restart];
  tree.kubernetes = {
    nodes: [0, 1, 2, 3, 4].map((i) => ({ name: `n${i}`, instance: 'small', zone: `z${i}` })),
  };
  change(tree);
  return scenarioOf('small.yaml', { 'small.yaml': JSON.stringify(tree) });
}

function tried(scenario = small(), kinds = ['node'], at?: readonly number[]) {
  const base = runScenario(scenario, runOptions);
  const faults = tryFaults(scenario, base, { kinds, ...(at === undefined ? {} : { at }) });
  return { base, faults };
}

const inChange = (faults: FaultsOutcome) => faults.variants.filter((v) => faults.moments[v.moment]!.change);

describe('single faults at each step', () => {
  test('the loss of a node means an outage just while a partition is at min.insync.replicas', () => {
    const { base, faults } = tried();
    const [node] = faults.exposure;
    const exposed = measure(base, 'rehearse:at_min_isr_minutes') * 60;
    expect(exposed).toBeGreaterThan(40);
    // A span below a second is tried with its neighbour.
    expect(Math.abs(node!.micros! / 1e6 - exposed)).toBeLessThan(1);
    expect(node!.rows).toEqual(['broker-0']);
    // The restarted broker itself, away at that moment, takes nothing more with it.
    expect(node!.targets).toEqual(['n1', 'n2', 'n3', 'n4']);
    const before = faults.variants.filter((v) => !faults.moments[v.moment]!.change);
    expect(before.map((v) => v.outage)).toEqual([null, null, null, null, null]);
  });

  test('where one replica in sync is enough, the loss of a node is borne at each step', () => {
    const { faults } = tried(
      small((tree) => {
        (tree.kafka as Tree).config = { 'min.insync.replicas': 1, 'default.replication.factor': 3 };
      }),
    );
    expect(inChange(faults).filter((v) => v.later !== null)).toEqual([]);
    expect([faults.worst, faults.exposure[0]!.micros]).toEqual([null, 0]);
  });

  test('a variant is the scenario with one more timeline entry', () => {
    const { base, faults } = tried();
    const worst = faults.worst!;
    const by = runScenario(
      small((tree) => {
        tree.timeline = [restart, worst.entry];
      }),
      runOptions,
    );
    expect(by.fingerprint).toBe(worst.fingerprint);
    expect(by.fingerprint).not.toBe(base.fingerprint);
    const { more, later } = faults.variants[worst.variant]!;
    expect(later).toBe('outagePartitionSeconds');
    const of = (result: typeof base) => measure(result, 'rehearse:outage_partition_seconds_total');
    expect(of(by)).toBeGreaterThan(0);
    expect(more.outagePartitionSeconds).toBeCloseTo(of(by) - of(base), 6);
  });

  test('what is kept of the worst fault replays to the same fingerprint', () => {
    const { base, faults } = tried();
    const { resolved, fingerprint } = faults.worst!;
    const { platform: _, extends: __, ...data } = resolved.scenario;
    const loaded = loadScenario(
      'resolved.json',
      (path) => (path === 'resolved.json' ? JSON.stringify(data) : resolved.files[path]),
      parts,
    );
    expect(loaded.problems).toEqual([]);
    const built = build(loaded.scenario!, { seed: base.seed });
    play(built, loaded.scenario!);
    expect(built.sim.fingerprint()).toBe(fingerprint);
  });

  test('a fault that is borne now is an outage later, when the change goes on meanwhile', () => {
    const { faults } = tried(
      small((tree) => {
        tree.timeline = [restart, { ...restart, at: '+8m', id: 'two', broker: 1 }];
      }),
    );
    const borne = faults.variants.filter((v) => v.outage === null && v.later !== null);
    // One before the change is not mended when the first broker goes, and one after its return is not when the second does.
    expect([...new Set(borne.map((v) => faults.moments[v.moment]!.row))]).toEqual([
      'before the change',
      'broker-0',
    ]);
    expect(borne.some((v) => faults.moments[v.moment]!.atMicros > 110e6)).toBe(true);
    expect(faults.exposure[0]!.laterRows).toEqual(['broker-0', 'broker-1']);
  });

  test('the result tells them in its summary, on the terminal and in the report', async () => {
    const { base, faults } = tried();
    const result = { ...base, faults };
    expect(summarySchema.parse(summaryOf(result)).faults?.variants).toHaveLength(faults.variants.length);
    expect(summarySchema.parse(summaryOf(base))).not.toHaveProperty('faults');
    const text = terminalText(result, { colours: false, quiet: false, folder: 'out/x' });
    expect(text).toContain('rehearse replay out/x/worst-fault');
    expect(text).toMatch(/broker-0 +\+1:2\d\.\d +43\.5 s +B 4\/5/);
    const files = await reportFiles(result);
    expect(JSON.parse(String(files.get('worst-fault/manifest.json'))).fingerprint).toBe(
      faults.worst!.fingerprint,
    );
    for (const file of ['report.html', 'summary.md'])
      expect(String(files.get(file))).toContain('Single faults during the change');
  });

  test('faults are tried at given instants; those that the scenario strikes itself are left out', () => {
    const { faults } = tried(
      small((tree) => {
        tree.timeline = [restart, { at: '+5m', id: 'own', do: 'faults.node', node: 'n3', for: '1m' }];
      }),
      ['node'],
      [80_000_000, 310_000_000],
    );
    expect(faults.refused).toBe(2);
    expect(faults.variants).toHaveLength(8);
    expect(faults.variants.some((v) => v.target === 'n3')).toBe(false);
    expect(faults.exposure[0]!.micros).toBeNull();
  });

  test('every kind of fault finds something to strike', () => {
    const { faults } = tried(small(), [...faultKinds], [80_000_000]);
    expect(faultKinds.length).toBeGreaterThan(4);
    for (const kind of faultKinds)
      expect(
        faults.variants.some((v) => v.kind === kind),
        kind,
      ).toBe(true);
  });

  test('without a change there is no step at which a fault could be tried', () => {
    expect(() => tried(small((tree) => Object.assign(tree, { timeline: [] })))).toThrow(CannotTry);
  });
});
