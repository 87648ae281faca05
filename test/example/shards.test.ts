import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Job } from 'kubernetes-models/batch/v1';
import { afterAll, describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { shardOf } from '../../src/cli/shards.ts';
import { command } from '../support/command.ts';

const scenario = 'scenarios/reference-day/ca-rotation.yaml';
const folder = mkdtempSync(join(tmpdir(), 'rehearse-shards-'));
const at = (name: string) => join(folder, name);
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Every file of a result, by its path. */
function contents(name: string): Record<string, string> {
  const all = readdirSync(at(name), { recursive: true, withFileTypes: true }).filter((f) => f.isFile());
  return Object.fromEntries(
    all.map((f) => {
      const path = join(f.parentPath, f.name);
      return [path.slice(at(name).length), readFileSync(path).toString('base64')];
    }),
  );
}

describe('shards', () => {
  test('of a run, in any order, give the bytes of the whole', async () => {
    await command(['run', scenario, '--replications', '50', '--workers', '1', '--out', at('whole')]);
    for (const i of [3, 1, 2]) {
      const done = await command([
        'run',
        scenario,
        '--replications',
        '50',
        '--workers',
        '1',
        '--shard',
        `${i}/3`,
        '--out',
        at('shards'),
      ]);
      expect(done.code).toBe(0);
    }
    const merged = await command(['merge', at('shards'), '--out', at('merged')]);
    expect(merged.code).toBe(0);
    expect(contents('merged')).toEqual(contents('whole'));
  });

  test('of a sweep, played by the command and the environment that its manifest has, give the bytes of the whole', async () => {
    const sweep = [
      'sweep',
      scenario,
      '--vary',
      'mesh.agents.grace=2h,12h',
      'mesh.staging.pace=0.3/s,0.6/s',
      '--replications',
      '10',
    ];
    await command([...sweep, '--workers', '1', '--out', at('sweep')]);
    const printed = await command([...sweep, '--manifest', 'kubernetes', '--shards', '4']);
    const job = parse(printed.out);
    // The schema that Kubernetes publishes for batch/v1.
    expect(() => new Job(job).validate()).not.toThrow();
    const wrong = { ...job, spec: { ...job.spec, completions: 'four' } };
    expect(() => new Job(wrong).validate()).toThrow('integer');
    expect([job.apiVersion, job.kind, job.spec.completionMode, job.spec.completions]).toEqual([
      'batch/v1',
      'Job',
      'Indexed',
      4,
    ]);
    const [container] = job.spec.template.spec.containers;
    const [npx, rehearse, ...args] = container.command as string[];
    expect([npx, rehearse]).toEqual(['npx', 'rehearse']);
    try {
      for (let index = 0; index < job.spec.completions; index += 1) {
        process.env.JOB_COMPLETION_INDEX = String(index);
        const own = args.map((a) => (a === container.volumeMounts[0].mountPath ? at('sweepShards') : a));
        expect((await command(own)).code).toBe(0);
      }
    } finally {
      delete process.env.JOB_COMPLETION_INDEX;
    }
    await command(['merge', at('sweepShards'), '--out', at('sweepMerged')]);
    const [merged, whole] = [contents('sweepMerged'), contents('sweep')];
    expect(Object.keys(merged).filter((k) => merged[k] !== whole[k])).toEqual([]);
    expect(merged).toEqual(whole);
  });

  test('that are missing, changed, of another whole or of none are told', async () => {
    const whole = at('shards');
    const [first] = readdirSync(whole);
    const text = readFileSync(join(whole, first!), 'utf8');
    const refused = async (args: string[]) => {
      const { code, err } = await command(['merge', ...args, '--out', at('no')]);
      expect(code).toBe(2);
      return err;
    };
    rmSync(join(whole, first!));
    expect(await refused([whole])).toContain('1 of 3 shards are missing');
    writeFileSync(join(whole, first!), text.slice(0, -20));
    expect(await refused([whole])).toContain('was changed or is cut off');
    writeFileSync(join(whole, first!), text);
    expect(await refused([whole, at('sweepShards')])).toContain('shards of different wholes');
    expect(await refused([at('whole')])).toContain('there are no shards');
    expect(await refused([at('nowhere')])).toContain('there is no folder');
  });

  test('are numbered by hand, by an indexed job or by an array job', () => {
    expect(shardOf('3/16', {})).toEqual({ index: 3, of: 16 });
    expect(shardOf('env/16', { JOB_COMPLETION_INDEX: '0' })).toEqual({ index: 1, of: 16 });
    expect(shardOf('env/16', { SLURM_ARRAY_TASK_ID: '16' })).toEqual({ index: 16, of: 16 });
    for (const text of ['0/4', '5/4', 'x/4', '1', '1/0', 'env/4'])
      expect(() => shardOf(text, {}), text).toThrow('--shard');
  });
});

describe('a result that is extended', () => {
  test('has the runs of one that was played at once, and says how often it was looked at', async () => {
    await command(['run', scenario, '--replications', '20', '--workers', '1', '--out', at('some')]);
    const more = await command([
      'run',
      scenario,
      '--replications',
      '50',
      '--extend',
      at('some'),
      '--workers',
      '1',
      '--out',
      at('more'),
    ]);
    expect(more.code).toBe(0);
    expect(contents('more')['/replications.arrow']).toBe(contents('whole')['/replications.arrow']);
    expect(JSON.parse(readFileSync(join(at('more'), 'summary.json'), 'utf8')).replications).toMatchObject({
      runs: 50,
      looks: 2,
    });
  });

  test('is refused where it is another one, or is cut off', async () => {
    const extend = (args: string[]) =>
      command(['run', scenario, '--replications', '60', '--out', at('no'), ...args]);
    expect((await extend(['--extend', at('more'), '--seed', '7'])).err).toContain('has another seed');
    expect(
      (await command(['run', scenario, '--replications', '50', '--extend', at('more'), '--out', at('no')]))
        .err,
    ).toContain('has 50 runs already');
    expect((await extend(['--extend', at('sweep')])).err).toContain('holds no replications');
    const file = join(at('more'), 'replications.arrow');
    writeFileSync(file, readFileSync(file).subarray(0, 3000));
    expect((await extend(['--extend', at('more')])).err).toContain('is cut off or was changed');
  });
});
