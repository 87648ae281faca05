import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { tableFromIPC } from 'apache-arrow';
import { beforeAll, describe, expect, test } from 'vitest';
import type { Result } from '../../src/experiment/result.ts';
import { charts } from '../../src/report/charts.ts';
import { drawnFiles, reportFiles } from '../../src/report/files.ts';
import { headlines, verdictSentence, worries } from '../../src/report/firstScreen.ts';
import { panelLines } from '../../src/report/lines.ts';
import { run } from '../support/files.ts';

const chromium = ['chromium', 'chromium-browser', 'google-chrome'].find(
  (name) => spawnSync(name, ['--version'], { stdio: 'ignore' }).status === 0,
);
if (chromium === undefined && process.env.CI !== undefined)
  throw new Error('no browser: install the package chromium');
const folder = mkdtempSync(join(tmpdir(), 'page-'));
let result: Result;
let page: string;
const html = async (r: Result) => (await drawnFiles(r)).get('report.html') as string;

beforeAll(async () => {
  result = run('scenarios/reference-day/rolling-restart.yaml');
  page = await html(result);
  writeFileSync(join(folder, 'report.html'), page);
});

/** The page as a browser has it after its script, and what the browser said of it. */
function opened(file: string, hash = '', millis = 20_000): { readonly dom: string; readonly said: string } {
  const args = [
    '--headless',
    '--no-sandbox',
    '--disable-gpu',
    '--enable-logging=stderr',
    `--virtual-time-budget=${millis}`,
  ];
  const { stdout, stderr } = spawnSync(
    chromium!,
    [...args, '--dump-dom', `file://${join(folder, file)}${hash}`],
    {
      encoding: 'utf8',
      maxBuffer: 1e9,
    },
  );
  return {
    dom: stdout,
    said: stderr
      .split('\n')
      .filter((l) => /CONSOLE|Refused/.test(l))
      .join('\n'),
  };
}

const row =
  /<tr data-unit="([^"]*)" data-points="([^"]*)"><td>([^<]*)<\/td><td class="n">([^<]*)<\/td><td class="n">([^<]*)<\/td><td class="n">([^<]*)<\/td>/g;

describe.skipIf(chromium === undefined)('in a browser (needs Debian package chromium)', () => {
  test('no error is told, nothing is asked for, and a window of time is marked in every chart and read below it', () => {
    const whole = opened('report.html');
    expect(whole.said).toBe('');
    expect(page).not.toMatch(/(src|href)="?(https?:|\/\/)/);
    expect(whole.dom).toContain('<output>the whole time</output>');
    const window = opened('report.html', '#t=5,12');
    expect(window.said).toBe('');
    expect(window.dom).toContain('<output>5.00 to 12.00 minutes</output>');
    const drawn = charts(result);
    const bands = [...window.dom.matchAll(/class="band" x="([\d.]+)" width="([\d.]+)"/g)];
    expect(bands.length).toBe(drawn.filter((c) => c.span !== undefined).length);
    // Seven of fifty minutes.
    for (const [i, [, , width]] of bands.entries())
      expect(Number(width)).toBeCloseTo((7 / 50) * drawn[i]!.span!, 6);
    const read = (dom: string) => [...dom.matchAll(row)].map((m) => m.slice(3, 7).join(' '));
    expect(read(window.dom).length).toBe(read(whole.dom).length);
    expect(read(window.dom)).not.toEqual(read(whole.dom));
  });

  test('a window is dragged over one chart, shown alone in all, and given back by a click', () => {
    const script = `
      const figures = [...document.querySelectorAll('figure[data-left]')];
      const svg = figures[1].querySelector('svg'), r = svg.getBoundingClientRect();
      const x = (minute) => r.left + (+figures[1].dataset.left + (minute / 50) * figures[1].dataset.width) * r.width / svg.viewBox.baseVal.width;
      const point = (type, minute) => svg.dispatchEvent(new PointerEvent(type, { button: 0, pointerId: 1, clientX: x(minute), clientY: r.top + 9, bubbles: true }));
      const state = () => ({
        says: document.querySelector('#brush output').textContent,
        bands: figures.map((f) => +f.querySelector('.band').getAttribute('width')),
        stretched: figures.map((f) => f.querySelector('.mark-line')?.getAttribute('transform') ?? ''),
        ticks: figures[1].querySelector('[aria-label^="X-axis"] .role-axis-label').textContent,
        symbols: [...figures[0].querySelectorAll('.mark-symbol.role-mark > *')].map((e) => e.getAttribute('transform')).join(' '),
        most: [...figures[1].querySelectorAll('tbody tr')].map((row) => row.cells[2].textContent).join(' '),
      });
      const seen = [state()];
      point('pointerdown', 10); point('pointermove', 20); point('pointerup', 20); seen.push(state());
      const alone = document.querySelector('#brush input[type=checkbox]');
      alone.checked = true; alone.dispatchEvent(new Event('change')); seen.push(state());
      point('pointerdown', 20); point('pointerup', 20); seen.push(state());
      const out = document.createElement('pre'); out.id = 'seen'; out.textContent = JSON.stringify(seen); document.body.append(out);`;
    const open = page
      .replace(/<meta http-equiv[^>]*>/, '')
      .replace('</body>', () => `<script>{${script}}</script></body>`);
    writeFileSync(join(folder, 'drag.html'), open);
    const { dom, said } = opened('drag.html');
    expect(said).toBe('');
    interface State {
      readonly [key: string]: unknown;
      readonly bands: number[];
      readonly stretched: string[];
    }
    const text = /<pre id="seen">([^<]*)/.exec(dom)![1]!.replaceAll('&amp;', '&');
    const [whole, dragged, zoomed, back] = JSON.parse(text) as [State, State, State, State];
    expect(whole.says).toBe('the whole time');
    expect(whole.bands.every((w) => w === 0)).toBe(true);
    expect(dragged.says).toBe('10.00 to 20.00 minutes');
    expect(dragged.bands.every((w) => w > 100)).toBe(true);
    expect(dragged.ticks).toBe(whole.ticks);
    expect(zoomed.bands.every((w) => w === 0)).toBe(true);
    const lines = zoomed.stretched.filter((t) => t !== '');
    expect(lines.length).toBeGreaterThan(8);
    // A fifth of the time over the whole width.
    expect(lines.every((t) => /^scale\(5(\.0*\d*)?,1\) translate\(-1(28|27\.99)/.test(t))).toBe(true);
    expect(zoomed.ticks).toMatch(/^10.*20$/);
    expect(zoomed.symbols).not.toBe(whole.symbols);
    expect(back.symbols).toBe(whole.symbols);
    expect(back.ticks).toBe(whole.ticks);
    expect(back.most).toBe(whole.most);
  });

  /** What a page makes the browser ask for; what the browser itself asks its maker is told apart by what each request is for. */
  function askedBy(file: string): string[] {
    const log = join(folder, 'net.json');
    const own = [`--user-data-dir=${join(folder, 'profile')}`, `--log-net-log=${log}`];
    const args = ['--headless', '--no-sandbox', '--disable-gpu', ...own, '--virtual-time-budget=5000'];
    spawnSync(chromium!, [...args, '--dump-dom', `file://${join(folder, file)}`], { stdio: 'ignore' });
    // The number of Chromium's annotation `blink_resource_loader`: whatever a document loads.
    return [
      ...readFileSync(log, 'utf8').matchAll(/"traffic_annotation":101845102,"url":"(https?:[^"]*)"/g),
    ].map((m) => m[1]!);
  }

  test('the page asks nobody for anything, and one that does is caught', () => {
    const asks = page
      .replace(/<meta http-equiv[^>]*>/, '')
      .replace('</body>', '<img src="http://x.invalid/a.png" alt="planted"></body>');
    writeFileSync(join(folder, 'asks.html'), asks);
    expect(askedBy('asks.html')).toContain('http://x.invalid/a.png');
    // The page's own policy would hold back even a planted one.
    const kept = page.replace('</body>', '<img src="http://x.invalid/a.png" alt="planted"></body>');
    writeFileSync(join(folder, 'kept.html'), kept);
    expect(askedBy('kept.html')).toEqual([]);
    expect(askedBy('report.html')).toEqual([]);
  });

  test('axe finds nothing', () => {
    const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
    const open = page
      .replace(/<meta http-equiv[^>]*>/, '')
      .replace(
        '</body>',
        () =>
          `<script>${axe}</script><script>axe.run(document,{resultTypes:['violations']}).then((r)=>{const p=document.createElement('pre');p.id='axe';p.textContent=JSON.stringify(r.violations.map((v)=>v.id+' '+v.nodes[0].html));document.body.append(p)})</script></body>`,
      );
    writeFileSync(join(folder, 'axe.html'), open);
    expect(/<pre id="axe">([^<]*)/.exec(opened('axe.html', '', 60_000).dom)?.[1]).toBe('[]');
  });
});

describe('what the page says', () => {
  test('each line below a chart is the line that is drawn: least, most and last', () => {
    const lines = charts(result).flatMap((c) => (c.lines ?? []).map((line) => ({ line, c })));
    const rows = [...page.matchAll(row)];
    expect(rows.length).toBe(lines.length);
    rows.forEach(([, , points], i) => {
      const drawn = (JSON.parse(points!) as number[]).filter((_, place) => place % 2 === 1);
      const { line, c } = lines[i]!;
      expect(drawn).toEqual(line.points.map((p) => p.v));
      const { values } = (c.spec as { data: { values: { by: string; v: number }[] } }).data;
      expect(values.filter((v) => v.by === line.by).map((v) => v.v)).toEqual(drawn);
    });
  });

  test('least, most and last of each drawn line are those of its series in the Arrow file, which another reader reads', async () => {
    const files = await reportFiles(result);
    const table = tableFromIPC(files.get('series.arrow') as Uint8Array);
    const column = (name: string) => [...table.getChild(name)!] as unknown[];
    const [metric, labels, times, values, slopes] = [
      'metric',
      'labels',
      'time_us',
      'value',
      'slope_per_s',
    ].map(column) as [string[], string[], bigint[], (number | null)[], number[]];
    let compared = 0;
    let thinned = 0;
    for (const panel of result.panels) {
      // A name alone, with equal labels perhaps: nothing of PromQL is needed to read it.
      const plain = /^([\w:]+)(?:\{(.*)\})?$/.exec(panel.that);
      if (plain === null || panel.by === undefined) continue;
      const wanted = (plain[2] ?? '').split(', ').filter((one) => one !== '');
      for (const line of panelLines(panel, result)) {
        const own = metric.flatMap((name, i) =>
          name === plain[1] &&
          wanted.every((one) => labels[i]!.includes(one)) &&
          [...labels[i]!.matchAll(/="([^"]*)"/g)].map((m) => m[1]).join(' ') === line.by
            ? [i]
            : [],
        );
        const ends = own.flatMap((at, k) => {
          if (values[at] === null) return [];
          const until = k + 1 < own.length ? Number(times[own[k + 1]!]) - 1 : result.playedMicros;
          const seconds = (until - Number(times[at])) / 1e6;
          return [values[at]!, values[at]! + slopes[at]! * Math.max(0, seconds)];
        });
        const drawn = line.points.map((p) => p.v);
        const near = (x: number, y: number) =>
          expect(Math.abs(x - y), `${panel.title} ${line.by}: ${x} and ${y}`).toBeLessThanOrEqual(
            1e-5 * Math.max(Math.abs(x), Math.abs(y)) + 1e-9,
          );
        near(Math.min(...drawn), Math.min(...ends));
        near(Math.max(...drawn), Math.max(...ends));
        if (values[own.at(-1)!] !== null) near(drawn.at(-1)!, ends.at(-1)!);
        compared += 1;
        if (2 * own.length > 960) thinned += 1;
        expect(drawn.length).toBeLessThanOrEqual(970);
      }
    }
    expect(compared).toBeGreaterThan(30);
    // Lines with more points than are drawn are among them: one on each side of a change.
    expect(thinned).toBeGreaterThan(2);
  });

  test('a verdict has a first screen of its own, whose sentence follows the series', async () => {
    const screens = (['pass', 'fail', 'inconclusive'] as const).map((verdict) =>
      verdictSentence({
        ...result,
        verdict,
        expectations: result.expectations.map((e, i) => (i === 0 ? { ...e, verdict } : e)),
      }),
    );
    expect(new Set(screens.map((s) => s.split(':')[0])).size).toBe(3);
    expect(headlines(result).length).toBeGreaterThanOrEqual(3);
    expect(headlines(result).length).toBeLessThanOrEqual(5);
    const failed = run('scenarios/what-if/no-wait.yaml');
    expect(worries(failed)[0]).toContain('no producer is turned away');
    const first = result.panels.find((p) => verdictSentence(result).includes(p.title))!;
    const name = /[\w:]+(?=[\s{[]|$)/.exec(first.that.replace(/^1 - /, ''))![0];
    const flat = {
      ...result,
      series: {
        of: (n: string) =>
          result.series.of(n).map((s) => (n === name ? { ...s, values: Array.from(s.values, () => 0) } : s)),
      },
    } as unknown as Result;
    expect(verdictSentence(flat)).not.toBe(verdictSentence(result));
  });

  test('it is whole without its script, below 3 MB, and its policy knows one script by its digest', () => {
    expect(Buffer.byteLength(page)).toBeLessThan(3e6);
    expect([...page.matchAll(/<script>/g)].length).toBe(1);
    const script = /<script>([\s\S]*?)<\/script>/.exec(page)![1]!;
    const digest = execFileSync('openssl', ['dgst', '-sha256', '-binary'], { input: script }).toString(
      'base64',
    );
    expect(page).toContain(`script-src 'sha256-${digest}'`);
    expect(page).toContain('<svg');
  });
});
