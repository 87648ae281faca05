/** `npm run pictures`: plays the reference day's restart and takes the picture of its page that README shows; needs Chromium. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { rootOf } from '../src/cli/files.ts';

const root = rootOf(import.meta.filename);
const folder = mkdtempSync(join(tmpdir(), 'rehearse-pictures-'));
const must = (command: string, args: readonly string[]) => {
  const { status, error } = spawnSync(command, args, { cwd: root, stdio: ['ignore', 'inherit', 'ignore'] });
  if (status !== 0) throw new Error(`${command} ${args.join(' ')} ended with ${error?.message ?? status}`);
};
const rules = 'test/recordings/strimzi/kafka-rules.yaml';
const out = join(folder, 'restart');
must(process.execPath, [
  'bin/rehearse.js',
  'run',
  'scenarios/reference-day/rolling-restart.yaml',
  ...['--rules', rules, '--out', out, '--quiet'],
]);
must('chromium', [
  '--headless',
  '--no-sandbox',
  '--disable-gpu',
  '--hide-scrollbars',
  '--virtual-time-budget=5000',
  '--window-size=1440,1560',
  `--screenshot=${join(root, 'docs/images/report.png')}`,
  `file://${join(out, 'report.html')}#t=5,12`,
]);
rmSync(folder, { recursive: true });
