import { describe, expect, test } from 'vitest';
import {
  chance,
  type DesignRun,
  type Drivers,
  findDrivers,
  inputsOf,
  runsOfDrivers,
} from '../../src/experiment/drivers.ts';
import { playReplication } from '../../src/experiment/replication.ts';
import { scenarioOf } from '../support/files.ts';

const uncertain = (from: string, to: string) => ({ uncertain: { uniform: { from, to } }, source: 's' });

/** The rotation with so many namespaces whose connections are unknown, beside its pace. */
function rotation(unknown: number) {
  const files = {
    'scenarios/reference-day/unknown.yaml': JSON.stringify({
      rehearse: 1,
      extends: 'ca-rotation.yaml',
      mesh: {
        staging: { pace: uncertain('0.3/s', '0.6/s') },
        namespaces: Array.from({ length: unknown }, (_, i) => ({
          name: `service-${String(i + 1).padStart(2, '0')}`,
          plaintextConnections: { uncertain: { uniform: { from: 0, to: 3 } }, source: 's' },
        })),
      },
      observed: [
        { name: 'time', that: 'rehearse:mesh_rotation_seconds', value: 1740, role: 'compare', source: 's' },
      ],
    }),
  };
  return scenarioOf('scenarios/reference-day/unknown.yaml', files);
}

function drive(
  scenario: ReturnType<typeof rotation>,
  points: number,
  answer: (run: DesignRun) => number | null,
): { readonly found: Drivers; readonly runs: number } {
  const steps = findDrivers(scenario, 's', points);
  let step = steps.next();
  let runs = 0;
  while (step.done !== true) {
    runs += step.value.length;
    step = steps.next(step.value.map(answer));
  }
  return { found: step.value, runs };
}

describe('what drives a measure', () => {
  test('is found among all unknown numbers of a scenario and chance; what nothing reads comes last', () => {
    const scenario = rotation(1);
    expect(inputsOf(scenario)).toEqual([
      'mesh.namespaces.service-01.plaintextConnections',
      'mesh.staging.pace',
      chance,
    ]);
    const { found, runs } = drive(scenario, 8, ({ fixed, replication }) => {
      const row = playReplication(scenario, 's', replication, { everything: false }, new Map(fixed));
      return row.observed[scenario.observed.findIndex((o) => o.name === 'time')]!;
    });
    expect(runs).toBe(runsOfDrivers(3, 8));
    expect(found.runs).toBe(runs);
    expect(found.indices[0]!.name).toBe('mesh.staging.pace');
    const last = found.indices.at(-1)!;
    expect(last.name).toBe('mesh.namespaces.service-01.plaintextConnections');
    expect(last.total).toBeLessThan(0.01);
    expect(last.totalInterval[0]).toBeLessThanOrEqual(0);
    const [pace] = found.tornado.filter((t) => t.name === 'mesh.staging.pace');
    expect(pace!.low!).toBeGreaterThan(pace!.high!);
  });

  test('above twenty inputs is screened first', () => {
    const scenario = rotation(18);
    const inputs = inputsOf(scenario);
    expect(inputs).toHaveLength(20);
    const wide = {
      ...scenario,
      timelineArgs: (draw: (path: string, shared: undefined) => number) => {
        for (let i = 0; i < 10; i += 1) draw(`more.${i}`, undefined);
        return scenario.timelineArgs(draw as never);
      },
    } as typeof scenario;
    const all = inputsOf(wide);
    expect(all).toHaveLength(30);
    const at = (run: DesignRun, name: string) => new Map(run.fixed).get(name) ?? 0.5;
    const { found, runs } = drive(wide, 16, (run) => 3 * at(run, 'more.3') + at(run, 'mesh.staging.pace'));
    expect(found.inputs).toHaveLength(20);
    expect(found.screened).toHaveLength(10);
    expect(found.indices[0]!.name).toBe('more.3');
    expect(found.indices[1]!.name).toBe('mesh.staging.pace');
    expect(runs).toBe(runsOfDrivers(30, 16));
  });

  test('may be chance, which is an input like the others', () => {
    const { found } = drive(rotation(1), 32, ({ replication }) => replication);
    expect(found.indices[0]!.name).toBe(chance);
    expect(found.indices[0]!.total).toBeGreaterThan(0.8);
    expect(found.indices.slice(1).every((i) => i.total < 0.01)).toBe(true);
  });

  test('counts a run without a value as the mean, and says how many there were', () => {
    const { found } = drive(rotation(1), 4, ({ replication }) => (replication % 2 === 0 ? null : 1));
    expect(found.missing).toBeGreaterThan(0);
    expect(found.indices.every((i) => i.total === 0)).toBe(true);
  });

  test('an unused unknown number that is added changes no run', () => {
    const [one, two] = [rotation(1), rotation(2)].map((s) =>
      playReplication(s, 's', 5, { everything: false }, new Map([['mesh.staging.pace', 0.5]])),
    );
    expect(one!.fingerprint).toBe(two!.fingerprint);
    // What counts the connections is the one thing that differs.
    expect(one!.observed.filter((v, i) => v !== two!.observed[i])).toHaveLength(1);
  });
});
