/** `npm run golden`: plays the shipped and some random scenarios, rewrites their goldens, and prints what moved for the commit's body. */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { readerBelow, rootOf } from '../src/cli/files.ts';
import { runScenario } from '../src/experiment/run.ts';
import { loadScenario } from '../src/scenario/load.ts';
import { parts } from '../src/scenario/parts/index.ts';
import { renderProblems } from '../src/scenario/problems.ts';

const root = rootOf(import.meta.filename);
const folder = join(root, 'test/golden/files');
const file = join(folder, 'fingerprints.json');
interface Kept {
  fingerprint: string;
  events: number;
  measures?: Record<string, number>;
}
const numbers = join(folder, 'measures.json');
const read = (f: string): Record<string, unknown> =>
  existsSync(f) ? JSON.parse(readFileSync(f, 'utf8')) : {};
const before = read(numbers) as Record<string, Record<string, number>>;
const prints: Record<string, Kept> = {};
const measures: Record<string, Record<string, number>> = {};
for (const kind of ['reference-day', 'what-if']) {
  for (const name of readdirSync(join(root, 'scenarios', kind)).sort()) {
    if (!name.endsWith('.yaml')) continue;
    const path = `scenarios/${kind}/${name}`;
    const loaded = loadScenario(path, readerBelow(root), parts);
    if (loaded.scenario === undefined) throw new Error(renderProblems(loaded.problems, loaded.texts));
    const result = runScenario(loaded.scenario, {
      version: '0',
      digest: (t) => createHash('sha256').update(t).digest('hex'),
      seeds: 1,
    });
    prints[path] = { fingerprint: result.fingerprint, events: result.eventCount };
    measures[path] = Object.fromEntries(
      result.measures
        .filter(
          (m) =>
            /isr_recovery_seconds|minutes|failed_sends|disk_full|restarts_duration|request_latency_ms|gc_pause_ms/.test(
              m.name,
            ) && m.value !== 0,
        )
        .map((m) => [`${m.name}${JSON.stringify(m.labels)}`, Number(m.value.toPrecision(6))]),
    );
    for (const [key, value] of Object.entries(measures[path])) {
      const old = before[path]?.[key];
      if (old !== value) console.log(`${path} ${key}: ${old ?? 'new'} -> ${value}`);
    }
  }
}
mkdirSync(folder, { recursive: true });
writeFileSync(file, `${JSON.stringify(prints, null, 2)}\n`);
writeFileSync(numbers, `${JSON.stringify(measures, null, 2)}\n`);

// The tests themselves write what they pin.
execFileSync(
  process.execPath,
  [
    join(root, 'node_modules/vitest/vitest.mjs'),
    'run',
    'test/scenario/leafKeys.test.ts',
    'test/golden/battery.test.ts',
    'test/golden/gcLogs.test.ts',
    'test/golden/g1Runs.test.ts',
  ],
  {
    cwd: root,
    stdio: 'ignore',
    env: { ...process.env, REHEARSE_LEAVES: '1' },
  },
);
