import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Result } from '../../src/experiment/result.ts';
import { reportFiles } from '../../src/report/files.ts';
import { summarySchema } from '../../src/report/summary.ts';
import { terminalText } from '../../src/report/text.ts';
import { root, run } from '../support/files.ts';

const folder = mkdtempSync(join(tmpdir(), 'rehearse-report-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

let result: Result;
let files: Map<string, string | Uint8Array>;
beforeAll(async () => {
  result = run('scenarios/reference-day/rolling-restart.yaml', { seeds: 5 });
  files = await reportFiles(result);
});

const text = (name: string) => files.get(name) as string;

describe('files', () => {
  test('the manifest comes first, and the summary keeps its contract', () => {
    expect([...files.keys()][0]).toBe('manifest.json');
    const summary = summarySchema.parse(JSON.parse(text('summary.json')));
    expect(summary.observed.find((o) => o.name === 'ISR recovery of broker 1')).toMatchObject({
      role: 'predict',
      observed: 26,
      within: 0.1,
      ok: true,
    });
    expect(summary.observed.every((o) => o.role !== 'predict' || o.baseline !== null)).toBe(true);
    expect(summary.findings.map((f) => f.id)).toEqual(
      expect.arrayContaining(['W1', 'K1', 'K2', 'K3', 'K4', 'K5']),
    );
  });

  test('Arrow files are read back by another implementation in another process, value for value', () => {
    for (const name of ['series.arrow', 'events.arrow'])
      writeFileSync(join(folder, name), files.get(name) as Uint8Array);
    const script = `
      import { readFileSync } from 'node:fs';
      import { tableFromIPC } from '@uwdata/flechette';
      const rows = (f) => tableFromIPC(new Uint8Array(readFileSync(f))).toArray();
      const series = rows(process.argv[1]).filter((r) => r.metric === 'rehearse:isr_recovery_seconds');
      const events = rows(process.argv[2]);
      console.log(JSON.stringify({ series: series.map((r) => [r.labels, r.time_us, r.value, r.slope_per_s]), events: events.map((r) => [r.time_us, r.kind, r.subject, r.detail]) }));`;
    const out = execFileSync(
      process.execPath,
      ['--input-type=module', '-e', script, join(folder, 'series.arrow'), join(folder, 'events.arrow')],
      { cwd: root, encoding: 'utf8' },
    );
    const read = JSON.parse(out);
    const kept = result.series
      .of('rehearse:isr_recovery_seconds')
      .flatMap((s) =>
        Array.from({ length: s.length }, (_, i) => [
          `broker="${s.labels.broker}"`,
          s.times[i],
          s.values[i],
          s.slopes[i],
        ]),
      );
    expect(read.series).toEqual(kept);
    expect(read.series.length).toBeGreaterThan(9);
    expect(read.events).toEqual(result.told.map((t) => [t.time, t.kind, t.subject, t.detail]));
  });

  test('a chart is a vega-lite spec and its drawing', () => {
    const charts = [...files.keys()].filter((f) => f.endsWith('.vl.json'));
    expect(charts).toContain('charts/under-replicated-partitions.vl.json');
    for (const chart of charts) {
      expect(JSON.parse(text(chart)).$schema).toContain('vega-lite');
      expect(text(chart.replace('.vl.json', '.svg'))).toMatch(/^<svg .*<\/svg>$/s);
    }
    // Nothing was reassigned.
    expect(charts).not.toContain('charts/left-to-copy-by-reassignments.vl.json');
  });

  test('no file holds the folder, the host or the day it was made', () => {
    for (const [name, content] of files) {
      if (typeof content !== 'string') continue;
      expect(content.includes(root), name).toBe(false);
      expect(content.includes(new Date().toISOString().slice(0, 10)), name).toBe(false);
    }
  });

  test('the terminal text has colours only when asked, and tells fit from predict', () => {
    const plain = terminalText(result, { colours: false, quiet: false, folder: 'out/x' });
    expect(plain).not.toContain('\u001b');
    expect(terminalText(result, { colours: true, quiet: false, folder: 'out/x' })).toContain('\u001b[');
    expect(plain).toMatch(/ISR recovery of broker 0 +fit +28 s/);
    expect(plain).toMatch(/ISR recovery of broker 1 +predict +26 s/);
    expect(plain).toContain('5 of 5 predictions within their band');
  });
});

test('a page with hostile names is inert and complete in a real browser', async (context) => {
  const chromium = ['chromium', 'chromium-browser', 'google-chrome'].find(
    (c) => spawnSync(c, ['--version'], { stdio: 'ignore' }).status === 0,
  );
  if (chromium === undefined) {
    if (process.env.CI !== undefined) throw new Error('no browser: install the package chromium');
    context.skip('no Chromium is installed');
    return;
  }
  const evil = '<script>document.title="owned"</script><img src=x onerror="document.title=1">"\'';
  const hostile: Result = {
    ...result,
    title: `Restart ${evil}`,
    told: result.told.map((t) => ({ ...t, subject: evil, detail: evil })),
    findings: [{ id: 'K1', rule: evil, facts: [evil], says: evil }],
    expectations: result.expectations.map((e) => ({ ...e, name: evil, says: evil })),
  };
  const made = await reportFiles(hostile);
  const page = join(folder, 'report.html');
  writeFileSync(page, made.get('report.html') as string);
  const dom = execFileSync(
    chromium,
    [
      '--headless',
      '--no-sandbox',
      '--disable-gpu',
      '--disable-background-networking',
      `--user-data-dir=${join(folder, 'profile')}`,
      '--dump-dom',
      `file://${page}`,
    ],
    { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'], maxBuffer: 50_000_000 },
  );
  expect(dom).not.toMatch(/<title>(owned|1)<\/title>/);
  expect(dom).not.toMatch(/<img/);
  // Its own script, and no other.
  expect(dom.match(/<script/g)!.length).toBe(1);
  expect(dom.match(/<figure /g)!.length).toBeGreaterThan(6);
  expect(dom).toContain('Observed and played');
  expect(dom).not.toMatch(/(src|href)="https?:/);
  expect(made.get('summary.md') as string).not.toContain('<script>');
});
