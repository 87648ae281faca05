import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { crc32, inflateSync } from 'node:zlib';
import { parseXml, XmlElement } from '@rgrove/parse-xml';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Result } from '../../src/experiment/result.ts';
import { annotationLine } from '../../src/formats/annotations.ts';
import { junitXml } from '../../src/formats/junit.ts';
import { openMetricsText } from '../../src/formats/openMetrics.ts';
import { ServerView } from '../../src/promql/leaves.ts';
import { parseExpression } from '../../src/promql/parse.ts';
import { Query } from '../../src/promql/query.ts';
import { prometheus3, scrape } from '../../src/promql/samples.ts';
import { annotations, junitFile, sampleSeconds, traceFile } from '../../src/report/exports.ts';
import { command } from '../support/command.ts';
import { root, run } from '../support/files.ts';

const at = mkdtempSync(join(tmpdir(), 'rehearse-exports-'));
const out = join(at, 'result');
const scenario = 'scenarios/reference-day/rolling-restart.yaml';
let result: Result;
beforeAll(async () => {
  const switches = ['--openmetrics', '--perfetto', '--junit', '--png'];
  const rules = join(root, 'test/recordings/strimzi/kafka-rules.yaml');
  const played = await command([
    ...['run', join(root, scenario), '--seeds', '1', '--out', out, '--quiet'],
    ...['--rules', rules, ...switches],
  ]);
  expect(played.err).toBe('');
  result = run(scenario, { seeds: 1 });
}, 60_000);
afterAll(() => rmSync(at, { recursive: true, force: true }));

const hasPrometheus = ['promtool', 'prometheus'].every(
  (tool) => spawnSync(tool, ['--version'], { stdio: 'ignore' }).status === 0,
);

/** A port that nothing listens at. */
function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address() as { port: number };
      server.close(() => resolve(port));
    });
  });
}

describe.skipIf(!hasPrometheus && process.env.CI === undefined)(
  'metrics.om in a real Prometheus (package prometheus)',
  () => {
    let server: ChildProcess;
    let ask: (query: string, micros: number) => Promise<Map<string, number>>;
    let begin: number;

    beforeAll(async () => {
      const blocks = join(at, 'tsdb');
      execFileSync(
        'promtool',
        ['tsdb', 'create-blocks-from', 'openmetrics', join(out, 'metrics.om'), blocks],
        {
          stdio: ['ignore', 'ignore', 'pipe'],
        },
      );
      writeFileSync(join(at, 'prometheus.yml'), '');
      const port = await freePort();
      server = spawn(
        'prometheus',
        [
          `--config.file=${join(at, 'prometheus.yml')}`,
          `--storage.tsdb.path=${blocks}`,
          // The scenario's time may lie years back.
          '--storage.tsdb.retention.time=100y',
          `--web.listen-address=127.0.0.1:${port}`,
        ],
        { stdio: 'ignore' },
      );
      const url = `http://127.0.0.1:${port}`;
      begin = Date.parse(result.from) / 1000;
      for (let tries = 0; ; tries += 1) {
        const ready = await fetch(`${url}/-/ready`).catch(() => undefined);
        if (ready?.ok === true) break;
        if (tries > 300) throw new Error('prometheus does not become ready');
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
      ask = async (query, micros) => {
        const body = new URLSearchParams({ query, time: String(begin + micros / 1e6) });
        const answer = (await (await fetch(`${url}/api/v1/query`, { method: 'POST', body })).json()) as {
          readonly status: string;
          readonly data: {
            readonly result: { metric: Record<string, string>; value: [number, string] }[];
          };
        };
        expect(answer.status, JSON.stringify(answer)).toBe('success');
        return new Map(
          answer.data.result.map(({ metric, value }) => {
            const { __name__: _, ...labels } = metric;
            return [keyOf(labels), Number(value[1])];
          }),
        );
      };
    }, 60_000);
    afterAll(() => {
      server?.kill();
    });

    const keyOf = (labels: Readonly<Record<string, string>>) =>
      JSON.stringify(
        Object.entries(labels)
          .filter(([name]) => name !== '__name__')
          .sort(([a], [b]) => (a < b ? -1 : 1)),
      );

    test.each([
      'kafka_server_replicamanager_underreplicatedpartitions',
      'sum(jvm_memory_used_bytes) / 1024',
      'max_over_time(kafka_server_replicamanager_underreplicatedpartitions[5m])',
      'sum by (broker) (rate(kafka_server_brokertopicmetrics_bytesin_total[2m]))',
      'count({__name__=~"kafka_.+"})',
      'absent(nothing_of_that_name)',
    ])(
      '%s: it answers at every minute as our own evaluation of what a scraper saw',
      async (text) => {
        const parsed = parseExpression(text);
        if (!parsed.ok) throw new Error(text);
        const seen = scrape(result.series, result.series.names, 15e6, 0, result.playedMicros);
        const query = new Query(parsed.value, new ServerView(seen, { ...prometheus3, major: 2 }));
        let compared = 0;
        let moved = 0;
        let last = '';
        for (let t = 0; t <= result.playedMicros; t += 60e6) {
          const own = new Map(query.samples(t).map((s) => [keyOf(s.labels), s.value]));
          const theirs = await ask(text, t);
          expect([...theirs.keys()].sort(), `${text} at ${t}`).toEqual([...own.keys()].sort());
          for (const [key, value] of own) {
            const other = theirs.get(key)!;
            expect(Math.abs(other - value), `${key} at ${t}: ${value}, ${other}`).toBeLessThanOrEqual(
              1e-9 * Math.max(1, Math.abs(value)),
            );
            compared += 1;
          }
          const now = JSON.stringify([...own.values()]);
          moved += now === last ? 0 : 1;
          last = now;
        }
        expect(compared).toBeGreaterThan(40);
        if (!/absent|count/.test(text)) expect(moved).toBeGreaterThan(5);
      },
      60_000,
    );

    test('label values and help with quotes, backslashes and line ends come back as they were', () => {
      const hostile = 'a"b\\c\nd{}=,#é';
      const file = join(at, 'hostile.om');
      const text = openMetricsText([
        {
          name: 'a_total',
          type: 'counter',
          help: hostile,
          samples: [{ labels: { x: hostile }, value: 1, seconds: 1.5 }],
        },
        {
          name: 'b_seconds',
          type: 'gauge',
          help: '',
          samples: [{ labels: {}, value: Number.NaN, seconds: 0 }],
        },
        // Their family would be that of the next one.
        { name: 'c_total', type: 'counter', help: '', samples: [{ labels: {}, value: 2, seconds: 0 }] },
        {
          name: 'c',
          type: 'gauge',
          help: '',
          samples: [{ labels: {}, value: Number.POSITIVE_INFINITY, seconds: 1 }],
        },
      ]);
      writeFileSync(file, [...text].join(''));
      const blocks = join(at, 'hostile');
      execFileSync('promtool', ['tsdb', 'create-blocks-from', 'openmetrics', file, blocks], {
        stdio: 'pipe',
      });
      mkdirSync(join(blocks, 'wal'));
      const dumped = execFileSync('promtool', ['tsdb', 'dump', blocks], { encoding: 'utf8' });
      expect(dumped.trim().split('\n').sort()).toEqual([
        `{__name__="a_total", x=${JSON.stringify(hostile)}} 1 1500`,
        '{__name__="b_seconds"} NaN 0',
        '{__name__="c"} +Inf 1000',
        '{__name__="c_total"} 2 0',
      ]);
    });
  },
);

test('a period of a year has fewer samples, so that the file stays in bounds', () => {
  expect(sampleSeconds(result)).toBe(15);
  const series = result.series.names.reduce((sum, name) => sum + result.series.of(name).length, 0);
  const every = sampleSeconds({ ...result, playedMicros: 365 * 86_400e6 });
  expect((365 * 86_400 * series) / every).toBeLessThanOrEqual(5_000_000);
});

/** What the "Trace Event Format" asks of the kinds of events that we write. */
function traceFaults(text: string): string[] {
  const trace = JSON.parse(text) as { traceEvents: Record<string, unknown>[]; displayTimeUnit: string };
  const faults: string[] = [];
  const named = new Set<string>();
  const open = new Map<string, { at: number; to: number }[]>();
  if (!['ms', 'ns'].includes(trace.displayTimeUnit)) faults.push('displayTimeUnit');
  for (const event of trace.traceEvents) {
    const say = (what: string) => faults.push(`${what}: ${JSON.stringify(event)}`);
    const { ph, ts, pid, tid, name, args, dur } = event;
    if (typeof ts !== 'number' || !(ts >= 0)) say('ts is no time');
    if (!Number.isInteger(pid) || !Number.isInteger(tid)) say('pid and tid are no numbers');
    if (typeof name !== 'string' || name === '') say('no name');
    if (ph === 'M') {
      if (!['process_name', 'thread_name'].includes(name as string)) say('unknown metadata');
      if (typeof (args as { name?: unknown }).name !== 'string') say('metadata without a name');
      named.add(`${name} ${pid}${name === 'thread_name' ? ` ${tid}` : ''}`);
      continue;
    }
    if (!named.has(`process_name ${pid}`)) say('a process without a name');
    if (ph === 'C') {
      const values = Object.values(args as object);
      if (values.length === 0 || values.some((v) => !Number.isFinite(v))) say('a counter without numbers');
      continue;
    }
    if (!named.has(`thread_name ${pid} ${tid}`)) say('a thread without a name');
    if (ph === 'i') {
      if (!['g', 'p', 't'].includes(event.s as string)) say('an instant without a scope');
    } else if (ph === 'X') {
      if (typeof dur !== 'number' || !(dur >= 0)) say('dur is no time');
      const slices = open.get(`${pid} ${tid}`) ?? [];
      open.set(`${pid} ${tid}`, slices);
      const [from, to] = [ts as number, (ts as number) + (dur as number)];
      if (
        slices.some(
          (s) => s.at < to && from < s.to && !(from <= s.at && s.to <= to) && !(s.at <= from && to <= s.to),
        )
      )
        say('slices of a thread that overlap in part');
      slices.push({ at: from, to });
    } else say('unknown phase');
  }
  return faults;
}

describe('trace.json', () => {
  const text = () => readFileSync(join(out, 'trace.json'), 'utf8');

  test('keeps the rules of trace events, with steps, lanes, alerts and curves', () => {
    expect(traceFaults(text())).toEqual([]);
    const { traceEvents } = JSON.parse(text()) as { traceEvents: Record<string, unknown>[] };
    const phases = (ph: string) => traceEvents.filter((e) => e.ph === ph);
    expect(phases('i').length).toBeGreaterThan(result.told.length);
    expect(phases('X').filter((e) => e.cat === 'timeline')).toHaveLength(5);
    expect(phases('X').some((e) => e.cat === 'alerts')).toBe(true);
    expect(new Set(phases('C').map((e) => e.name)).size).toBeGreaterThan(20);
    // A slice of a thread that only overlaps another, and a counter without a number, are seen.
    const bad = { ph: 'X', pid: 1, tid: 1, ts: 300e6 + 1, dur: 3600e6, name: 'x', args: {} };
    const broken = JSON.parse(text());
    broken.traceEvents.push(bad, { ph: 'C', pid: 1, tid: 0, ts: 0, name: 'x', args: { v: null } });
    expect(traceFaults(JSON.stringify(broken))).toHaveLength(2);
  });

  test('instants and counters carry the time and the value of the run', () => {
    const { traceEvents } = JSON.parse(text()) as { traceEvents: Record<string, unknown>[] };
    const instants = traceEvents.filter((e) => e.ph === 'i').map((e) => e.ts as number);
    const told = JSON.parse(traceFile({ ...result, panels: [] })).traceEvents as Record<string, unknown>[];
    expect(told.filter((e) => e.ph === 'i')).toHaveLength(result.told.length);
    expect(instants.length).toBeGreaterThanOrEqual(result.told.length);
    const peak = traceEvents
      .filter((e) => e.ph === 'C' && e.name === 'Under-replicated partitions: 0')
      .reduce((most, e) => Math.max(most, (e.args as { value: number }).value), 0);
    const exact = result.series
      .of('kafka_server_replicamanager_underreplicatedpartitions')
      .find((s) => s.labels.broker === '0')!;
    expect(peak).toBe(Math.max(...Array.from(exact.values).slice(0, exact.length)));
  });
});

const elements = (node: XmlElement, name: string): XmlElement[] =>
  node.children.flatMap((c) =>
    c instanceof XmlElement ? [...(c.name === name ? [c] : []), ...elements(c, name)] : [],
  );

describe('junit.xml', () => {
  const hostile = '<&"\'>\u0001\t]]>\n';
  test('has a test case for each expectation, at its line; a failure says why, and what one draw cannot decide is skipped', () => {
    const [first, second, third] = result.expectations;
    const changed: Result = {
      ...result,
      expectations: [
        first!,
        { ...second!, verdict: 'fail', name: hostile, says: hostile },
        { ...third!, verdict: 'inconclusive' },
      ],
    };
    const suite = elements(parseXml(junitFile(changed)).root!, 'testsuite')[0]!;
    expect(suite.attributes).toMatchObject({ tests: '3', failures: '1', skipped: '1', errors: '0' });
    const cases = elements(suite, 'testcase');
    const seen = hostile.replace('\u0001', '\ufffd');
    expect(cases.map((c) => c.attributes.name)).toEqual([first!.name, seen, third!.name]);
    const yaml = readFileSync(join(root, scenario), 'utf8').split('\n');
    expect(yaml[Number(cases[0]!.attributes.line) - 1]).toContain(first!.name);
    expect(cases[0]!.attributes.file).toBe(scenario);
    expect(cases[0]!.children.filter((c) => c instanceof XmlElement)).toEqual([]);
    const failure = elements(cases[1]!, 'failure')[0]!;
    expect([failure.attributes.message, failure.text.includes(`${second!.place}`)]).toEqual([seen, true]);
    expect(elements(cases[2]!, 'skipped')).toHaveLength(1);
  });
  test('as the run wrote it, a real parser reads it', () => {
    const read = parseXml(readFileSync(join(out, 'junit.xml'), 'utf8')).root!;
    expect(elements(read, 'testcase').length).toBeGreaterThan(8);
  });
  test('any text at all gives XML that is read back', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.string({ unit: 'grapheme' }), (name, text) => {
        const outcome = { kind: 'failure' as const, message: text, text: name };
        const cases = [{ className: text, name, file: 'x', line: 1, outcome }];
        const read = parseXml(junitXml({ name, properties: { [text || 'x']: name }, cases })).root!;
        expect(elements(read, 'testcase')[0]!.attributes.classname).toBe(text);
      }),
    );
  });
});

describe('annotations', () => {
  const grammar =
    /^::(error|warning|notice) file=([^,:\r\n]+),line=([1-9]\d*),title=([^,:\r\n]+)::([^\r\n]+)$/;
  const back = (text: string) =>
    text
      .replaceAll('%2C', ',')
      .replaceAll('%3A', ':')
      .replaceAll('%0A', '\n')
      .replaceAll('%0D', '\r')
      .replaceAll('%25', '%');

  test('any text is one line of the documented grammar, and is read back', () => {
    const words = fc.string({
      unit: fc.constantFrom('a', ':', ',', '%', '\n', '\r', '2', '5', 'C'),
      minLength: 1,
    });
    fc.assert(
      fc.property(words, words, words, fc.nat(), (file, title, message, line) => {
        const text = annotationLine({ level: 'error', file, line: line + 1, title, message });
        const found = grammar.exec(text)!;
        expect(found.slice(2).map(back)).toEqual([file, String(line + 1), title, message]);
      }),
    );
  });

  test('a failed expectation is an error at its line, one that is not decided a warning, and what holds is silent', async () => {
    const failing = 'scenarios/what-if/min-isr-3.yaml';
    const folder = join(at, 'failing');
    const args = ['--seeds', '1', '--out', folder, '--quiet', '--annotations'];
    const { code, out } = await command(['run', join(root, failing), ...args]);
    expect(code).toBe(20);
    const [verdict, ...lines] = out.trimEnd().split('\n');
    expect(verdict).toMatch(/^FAIL/);
    const summary = JSON.parse(readFileSync(join(folder, 'summary.json'), 'utf8')) as {
      expectations: { name: string; verdict: string }[];
    };
    const failed = summary.expectations.filter((e) => e.verdict === 'fail');
    expect(lines).toHaveLength(failed.length);
    lines.forEach((line, i) => {
      const [, level, file, number, title] = grammar.exec(line)!;
      expect([level, back(title!)]).toEqual(['error', `failed: ${failed[i]!.name}`]);
      const text = readFileSync(join(root, back(file!)), 'utf8').split('\n')[Number(number) - 1]!;
      if (!failed[i]!.name.startsWith('standard: ')) expect(text).toContain(failed[i]!.name);
    });
    expect((await command(['report', folder, '--quiet', '--annotations'])).out).toBe(out);
    expect((await command(['report', folder, '--json', '--annotations'])).err).toContain('mend: ');
    const open = result.expectations.map((e) => ({ ...e, verdict: 'inconclusive' as const }));
    expect(annotations({ ...result, expectations: open.slice(0, 1) }, 'sub')[0]).toMatch(
      /^::warning file=sub\/scenarios/,
    );
  }, 60_000);
});

/** Width, height and the share of pixels that are not white, of an RGBA picture. */
function picture(bytes: Buffer): { width: number; height: number; inked: number } {
  expect(bytes.subarray(0, 8).toString('latin1')).toBe('\u0089PNG\r\n\u001a\n');
  const data: Buffer[] = [];
  const kinds: string[] = [];
  for (let place = 8; place < bytes.length; ) {
    const length = bytes.readUInt32BE(place);
    const kind = bytes.toString('latin1', place + 4, place + 8);
    expect(crc32(bytes.subarray(place + 4, place + 8 + length)), kind).toBe(
      bytes.readUInt32BE(place + 8 + length),
    );
    if (kind === 'IDAT') data.push(bytes.subarray(place + 8, place + 8 + length));
    kinds.push(kind);
    place += 12 + length;
  }
  expect([kinds[0], kinds.at(-1)]).toEqual(['IHDR', 'IEND']);
  const [width, height] = [bytes.readUInt32BE(16), bytes.readUInt32BE(20)];
  expect([...bytes.subarray(24, 26)]).toEqual([8, 6]);
  const raw = inflateSync(Buffer.concat(data));
  const stride = width * 4;
  expect(raw.length).toBe((stride + 1) * height);
  // Undoes the filters of the PNG specification, section 9.2.
  const pixels = Buffer.alloc(stride * height);
  for (let y = 0; y < height; y += 1) {
    const filter = raw[y * (stride + 1)]!;
    for (let x = 0; x < stride; x += 1) {
      const a = x < 4 ? 0 : pixels[y * stride + x - 4]!;
      const b = y === 0 ? 0 : pixels[(y - 1) * stride + x]!;
      const c = x < 4 || y === 0 ? 0 : pixels[(y - 1) * stride + x - 4]!;
      const [pa, pb, pc] = [Math.abs(b - c), Math.abs(a - c), Math.abs(a + b - 2 * c)];
      const paeth = pa <= pb && pa <= pc ? a : pb <= pc ? b : c;
      const guess = [0, a, b, (a + b) >> 1, paeth][filter]!;
      pixels[y * stride + x] = raw[y * (stride + 1) + 1 + x]! + guess;
    }
  }
  let inked = 0;
  for (let i = 0; i < pixels.length; i += 4)
    if (pixels[i]! + pixels[i + 1]! + pixels[i + 2]! < 3 * 250) inked += 1;
  return { width, height, inked: inked / (width * height) };
}

describe('PNG', () => {
  test('a chart is a picture of twice its size, with words in the shipped font', async () => {
    const { width, height, inked } = picture(
      readFileSync(join(out, 'charts/under-replicated-partitions.png')),
    );
    expect([width, height].every((n) => n > 300)).toBe(true);
    expect(inked).toBeGreaterThan(0.005);
    const { drawPng } = await import('../../src/report/png.ts');
    const words =
      '<svg xmlns="http://www.w3.org/2000/svg" width="80" height="20"><text y="15" font-family="system-ui, sans-serif">words</text></svg>';
    expect(picture(Buffer.from(await drawPng(words)))).toMatchObject({ width: 160, height: 40 });
    expect(picture(Buffer.from(await drawPng(words))).inked).toBeGreaterThan(0.03);
  });
});

test('what was asked for once is drawn again by report, and nothing is written unasked', async () => {
  const plain = join(at, 'plain');
  await command(['run', join(root, scenario), '--seeds', '1', '--out', plain, '--quiet']);
  const own = ['metrics.om', 'trace.json', 'junit.xml', 'charts/timeline.png'];
  for (const name of own)
    expect([existsSync(join(plain, name)), existsSync(join(out, name))]).toEqual([false, true]);
  const before = own.map((name) => readFileSync(join(out, name)).toString('base64'));
  for (const name of own) writeFileSync(join(out, name), '');
  expect((await command(['report', out, '--quiet'])).err).toBe('');
  expect(own.map((name) => readFileSync(join(out, name)).toString('base64'))).toEqual(before);
}, 60_000);
