/**
 * `node bench/day.ts`: the reference day, 24 hours with brokers and their JVMs, 36 machines with 498 pods, a mesh of 412 sidecars, alerts and four changes: simulated with nothing recorded, with
 * everything that its result shows, and from the shell with its report; then its page in a real Chromium. Each line is the least and the median of five. The code is the verb's own.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { readerBelow, rootOf } from '../src/cli/files.ts';
import { play } from '../src/experiment/play.ts';
import { build } from '../src/scenario/build.ts';
import { openScenario } from '../src/scenario/open.ts';

const root = rootOf(import.meta.filename);
const path = 'scenarios/reference-day/full-day.yaml';
const scenario = openScenario(path, readerBelow(root)).scenario!;

function timed(says: string, what: () => string): void {
  const took: number[] = [];
  let counted = '';
  for (let i = 0; i < 5; i += 1) {
    const began = performance.now();
    counted = what();
    took.push((performance.now() - began) / 1000);
  }
  took.sort((a, b) => a - b);
  console.log(`${says}: ${took[0]!.toFixed(2)} s, median ${took[2]!.toFixed(2)} s (${counted})`);
}

function simulated(record: 'all' | ReadonlySet<string>): string {
  const built = build(scenario, { seed: '1', replication: 0, record, keepEvents: true });
  play(built, scenario);
  return `${built.sim.eventCount} events`;
}

console.log(`${cpus()[0]?.model ?? 'unknown CPU'}, ${cpus().length} cores, Node ${process.version}`);
timed('24 h, no series and no sampled requests', () => simulated(new Set()));
timed('24 h, every series and sampled requests', () => simulated('all'));
timed('24 h from the shell with its report, one run', () => {
  const { status } = spawnSync(process.execPath, ['bin/rehearse.js', 'run', path, '--seeds', '1'], {
    cwd: root,
    stdio: 'ignore',
  });
  return `exit ${String(status)}`;
});

// Without its policy, which lets no other script in, the page says itself when it had drawn its second frame after all of its own had run.
const page = readFileSync(join(root, 'out/reference-day/full-day/report.html'), 'utf8');
const says = `<script>requestAnimationFrame(()=>requestAnimationFrame(()=>{document.title='drawn after '+performance.now()}))</script></body>`;
const file = join(mkdtempSync(join(tmpdir(), 'day-')), 'page.html');
writeFileSync(
  file,
  page.replace(/<meta http-equiv="Content-Security-Policy"[^>]*>/, '').replace('</body>', says),
);
const drawn: number[] = [];
for (let i = 0; i < 5; i += 1) {
  const { stdout } = spawnSync(
    'chromium',
    ['--headless', '--no-sandbox', '--disable-gpu', '--timeout=5000', '--dump-dom', file],
    {
      encoding: 'utf8',
      maxBuffer: 1e9,
    },
  );
  const found = /<title>drawn after ([\d.]+)/.exec(stdout ?? '');
  if (found !== null) drawn.push(Number(found[1]) / 1000);
}
drawn.sort((a, b) => a - b);
console.log(
  drawn.length === 0
    ? 'its page: no chromium here'
    : `its page of ${(page.length / 1e6).toFixed(1)} MB, from opening to its second frame: ${drawn[0]!.toFixed(2)} s, median ${drawn[drawn.length >> 1]!.toFixed(2)} s`,
);
