import { describe, expect, test } from 'vitest';
import { Simulation } from '../../src/engine/simulation.ts';
import {
  AnomalyDetector,
  type DetectorPort,
  type DetectorSettings,
} from '../../src/models/cruiseControl/anomalyDetector.ts';
import { Monitor } from '../../src/models/cruiseControl/monitor.ts';
import { KafkaRebalances, type Proposal } from '../../src/models/strimzi/rebalance.ts';

const minute = 60e6;

function detect(over: Partial<DetectorPort> = {}, settings: Partial<DetectorSettings> = {}) {
  const sim = new Simulation({ seed: 'self-healing', keepEvents: true });
  const failed = new Set<number>();
  const removed: { at: number; brokers: readonly number[] }[] = [];
  const rebalanced: number[] = [];
  new AnomalyDetector(
    sim,
    {
      intervalMicros: 5 * minute,
      goals: ['RackAwareGoal'],
      backoffMicros: 5 * minute,
      alertMicros: 15 * minute,
      healMicros: 30 * minute,
      fixableBrokers: 10,
      fixableShare: 0.4,
      ...settings,
    },
    {
      failedBrokers: () => [...failed],
      brokerCount: () => 5,
      hasOfflineReplicas: () => failed.size > 0,
      isExecuting: () => false,
      checkGoals: () => ({ fixable: [], unfixable: [], balancedness: 100 }),
      removeBrokers: (brokers) => {
        removed.push({ at: sim.now, brokers });
        return undefined;
      },
      rebalance: () => {
        rebalanced.push(sim.now);
        return undefined;
      },
      ...over,
    },
  );
  const told = (kind: string) => sim.told.filter((t) => t.kind === `cruiseControl.${kind}`);
  return { sim, failed, removed, rebalanced, told };
}

describe('a failed broker', () => {
  test('is found within 5 minutes, alerted 15 minutes later, and removed 30 minutes after it was found', () => {
    const { sim, failed, removed, told } = detect();
    failed.add(3);
    sim.run(30 * minute);
    const [found] = told('brokerFailure');
    expect(found!.time).toBeLessThan(5 * minute);
    expect(told('alert')[0]!.time).toBe(found!.time + 15 * minute);
    expect(removed).toEqual([]);
    sim.run(60 * minute);
    expect(removed[0]).toEqual({ at: found!.time + 30 * minute, brokers: [3] });
  });

  test('that is back before that is left alone', () => {
    const { sim, failed, removed } = detect();
    failed.add(3);
    sim.run(28 * minute);
    failed.delete(3);
    sim.run(120 * minute);
    expect(removed).toEqual([]);
    // A later failure counts from its own discovery.
    failed.add(3);
    sim.run(149 * minute);
    expect(removed).toEqual([]);
    sim.run(156 * minute);
    expect(removed[0]?.brokers).toEqual([3]);
  });

  test('among more than 40 % of the brokers is not removed', () => {
    const { sim, failed, removed, told } = detect();
    for (const b of [1, 2, 3]) failed.add(b);
    sim.run(60 * minute);
    expect(removed).toEqual([]);
    expect(told('alert').some((t) => t.detail.startsWith('too many'))).toBe(true);
    const two = detect();
    for (const b of [1, 2]) two.failed.add(b);
    two.sim.run(60 * minute);
    expect(two.removed[0]?.brokers).toEqual([1, 2]);
    const one = detect({}, { fixableBrokers: 1 });
    for (const b of [1, 2]) one.failed.add(b);
    one.sim.run(60 * minute);
    expect(one.removed).toEqual([]);
  });

  test('waits while an execution is under way, and is tried again every 5 minutes', () => {
    let busy = true;
    const { sim, failed, removed } = detect({ isExecuting: () => busy });
    failed.add(3);
    sim.run(70 * minute);
    expect(removed).toEqual([]);
    busy = false;
    sim.run(75 * minute);
    expect(removed).toHaveLength(1);
  });
});

describe('violated goals', () => {
  test('are looked for every 5 minutes, not while replicas are offline, and mended when moves can', () => {
    const { sim, failed, rebalanced } = detect({
      checkGoals: () => ({ fixable: ['RackAwareGoal'], unfixable: [], balancedness: 40 }),
    });
    const score = () =>
      sim.gauges.get('kafka_cruisecontrol_anomalydetector_balancedness_score_value')!.get(0);
    expect(score()).toBe(100);
    sim.run(20 * minute);
    expect(rebalanced).toHaveLength(4);
    expect(score()).toBe(40);
    failed.add(1);
    sim.run(30 * minute);
    expect(rebalanced).toHaveLength(4);
    expect(score()).toBe(-1);
  });
});

test('new partitions are without metrics until a window in which they were sampled has ended', () => {
  const monitor = new Monitor();
  expect(monitor.readyAt(7 * minute, 36)).toBe(7 * minute);
  monitor.note(6 * minute, 12);
  // Sampled by 8 min, so known at the end of the window from 5 to 10 min.
  expect(monitor.readyAt(7 * minute, 36)).toBe(10 * minute);
  expect(monitor.readyAt(11 * minute, 36)).toBe(11 * minute);
  monitor.note(14 * minute, 12);
  expect(monitor.readyAt(14 * minute, 48)).toBe(20 * minute);
  // One in 200 may be without.
  const few = new Monitor();
  few.note(0, 5);
  expect(few.readyAt(1, 1000)).toBe(1);
  expect(few.readyAt(1, 999)).toBe(5 * minute);
});

describe('a KafkaRebalance', () => {
  function make(
    answers: readonly Proposal[],
    approveAfter: number | undefined,
    takes: number,
    error?: string,
  ) {
    const sim = new Simulation({ seed: 'rebalance', keepEvents: true });
    const rebalances = new KafkaRebalances(sim);
    let asked = 0;
    const done: ((error: string | undefined) => void)[] = [];
    const finish = sim.on('test.finish', () => done[0]!(error));
    const create = sim.on('test.create', () =>
      rebalances.create('mine', approveAfter, {
        propose: () => answers[Math.min(asked++, answers.length - 1)]!,
        execute: (ended) => {
          done.push(ended);
          sim.after(takes, finish);
        },
      }),
    );
    sim.at(50e6, create);
    sim.run(100 * minute);
    return sim.told.map((t) => [t.time / 1e6, t.detail.split(':')[0]]);
  }

  test('is approved by its annotation, and its end is seen at the next reconciliation, every 120 s', () => {
    expect(make([{ kind: 'proposal' }], undefined, 100e6)).toEqual([
      [50, 'ProposalReady'],
      [50, 'Rebalancing'],
      [240, 'Ready'],
    ]);
  });

  test('waits for windows a reconciliation at a time, and for somebody to approve it', () => {
    expect(
      make([{ kind: 'notReady' }, { kind: 'notReady' }, { kind: 'proposal' }], 30e6, 1e6, 'stopped'),
    ).toEqual([
      [50, 'PendingProposal'],
      [240, 'ProposalReady'],
      [270, 'Rebalancing'],
      [360, 'NotReady'],
    ]);
  });

  test('is not ready when no proposal can be made', () => {
    expect(make([{ kind: 'error', says: 'too small' }], undefined, 1)).toEqual([[50, 'NotReady']]);
  });
});
