import type { Result } from '../experiment/result.ts';
import { annotationLine } from '../formats/annotations.ts';
import { type JunitCase, junitXml } from '../formats/junit.ts';
import { type OpenMetricsFamily, type OpenMetricsSample, openMetricsText } from '../formats/openMetrics.ts';
import { type TraceCounter, type TraceThread, traceJson } from '../formats/traceEvents.ts';
import { exactValue } from '../promql/exact.ts';
import type { Series } from '../promql/series.ts';
import { highest, type PanelLine, panelLines } from './lines.ts';
import { sentence } from './words.ts';

/** What a result is written as for other programs, by the switch that asks for it. */
export const exportFiles = {
  openmetrics: 'metrics.om',
  perfetto: 'trace.json',
  junit: 'junit.xml',
} as const;

export type Export = keyof typeof exportFiles;

/** Intervals of samples, in seconds: the first is that of most scrapers; those up to 240 are within the 300 s that Prometheus looks back. */
const intervals = [15, 60, 240, 900, 3600, 14_400, 86_400];
/** More samples than this are no file that anything loads in a minute. */
const mostSamples = 5_000_000;

/** Seconds between two samples of `metrics.om`: the shortest interval that keeps the file in bounds. */
export function sampleSeconds(result: Result): number {
  const count = result.series.names.reduce((sum, name) => sum + result.series.of(name).length, 0);
  const seconds = result.playedMicros / 1e6;
  return intervals.find((s) => (seconds / s) * count <= mostSamples) ?? intervals.at(-1)!;
}

/** Series with the same labels, one after the other in time, are one to a server. */
function byLabels(all: readonly Series[]): Series[][] {
  const groups = new Map<string, Series[]>();
  for (const series of all) {
    const key = JSON.stringify(Object.entries(series.labels).sort(([a], [b]) => (a < b ? -1 : 1)));
    groups.set(key, [...(groups.get(key) ?? []), series]);
  }
  return [...groups.values()];
}

function* samplesOf(all: readonly Series[], result: Result, every: number): Generator<OpenMetricsSample> {
  const begin = Date.parse(result.from) / 1000;
  for (const group of byLabels(all)) {
    for (let t = 0; t <= result.playedMicros; t += every * 1e6) {
      const value = group.map((s) => exactValue(s, t)).find((v) => v !== undefined);
      if (value !== undefined) yield { labels: group[0]!.labels, value, seconds: begin + t / 1e6 };
    }
  }
}

/** Every series as a scraper saw it, in scenario time: samples at the start of the period and each interval from there. */
export function openMetricsFile(result: Result): string {
  const every = sampleSeconds(result);
  const metrics = new Map(result.metrics.map((m) => [m.name, m]));
  const families = result.series.names.map((name): OpenMetricsFamily => {
    const metric = metrics.get(name);
    return {
      name,
      type: metric?.type ?? 'unknown',
      help: metric?.help ?? '',
      samples: samplesOf(result.series.of(name), result, every),
    };
  });
  return [...openMetricsText(families)].join('');
}

/** What was told, one thread a lane of the timeline. */
function lanes(result: Result): TraceThread[] {
  const kinds = new Map(result.eventKinds.map((k) => [k.name, k]));
  const found = new Map<string, TraceThread['events'][number][]>();
  for (const t of result.told) {
    const kind = kinds.get(t.kind);
    if (kind === undefined) continue;
    const lane = sentence(kind.lane, t.subject, t.detail);
    const events = found.get(lane) ?? [];
    found.set(lane, events);
    events.push({
      at: t.time,
      name: sentence(kind.says, t.subject, t.detail),
      more: { kind: t.kind, subject: t.subject, detail: t.detail, event: String(t.event) },
    });
  }
  return [...found].map(([name, events]) => ({ name, events }));
}

/** The steps of the change, each until the next begins. */
function steps(result: Result): TraceThread[] {
  const kinds = new Map(result.eventKinds.filter((k) => k.step === true).map((k) => [k.name, k]));
  const begun = result.told.filter((t) => kinds.has(t.kind));
  const events = begun.map((t, i) => ({
    at: t.time,
    lasts: (begun[i + 1]?.time ?? result.playedMicros) - t.time,
    name: sentence(kinds.get(t.kind)!.says, t.subject, t.detail),
    more: { kind: t.kind, subject: t.subject },
  }));
  return events.length === 0 ? [] : [{ name: 'steps of the change', events }];
}

/** Every time that an alert was pending and firing; one thread for each set of labels, since two of an alert may overlap. */
function alertThreads({ alerts, playedMicros }: Result): TraceThread[] {
  const found = new Map<string, TraceThread['events'][number][]>();
  for (const spell of alerts?.spells ?? []) {
    const name = `${spell.alert} ${JSON.stringify(spell.labels)}`;
    const events = found.get(name) ?? [];
    found.set(name, events);
    const end = spell.endedAt ?? playedMicros;
    const fired = spell.firedAt ?? end;
    // A spell may have begun before the period.
    const slice = (what: string, from: number, to: number) => {
      const at = Math.max(0, from);
      if (to > at) events.push({ at, lasts: to - at, name: `${spell.alert} ${what}`, more: spell.labels });
    };
    slice('pending', spell.activeAt, fired);
    slice('firing', fired, end);
  }
  return [...found].filter(([, e]) => e.length > 0).map(([name, events]) => ({ name, events }));
}

/** Parts of the time at whose borders a line that moves gets a value: a viewer holds each value until the next. */
const ramp = 200;

function counterValues({ points, by }: PanelLine, playedMicros: number): TraceCounter['values'] {
  const values: { at: number; by: string; value: number }[] = [];
  points.forEach((p, i) => {
    values.push({ at: p.t, by, value: p.v });
    const next = points[i + 1];
    if (next === undefined || next.v === p.v) return;
    const parts = Math.floor(((next.t - p.t) / Math.max(1, playedMicros)) * ramp);
    for (let k = 1; k < parts; k += 1) {
      const at = Math.round(p.t + ((next.t - p.t) * k) / parts);
      values.push({ at, by, value: Number((p.v + ((next.v - p.v) * k) / parts).toPrecision(6)) });
    }
  });
  return values;
}

function counters(result: Result): TraceCounter[] {
  return result.panels.flatMap((panel): TraceCounter[] => {
    const lines = panelLines(panel, result);
    if (panel.optional === true && lines.every((l) => l.points.every((p) => p.v === 0))) return [];
    const shown = highest(lines, 10);
    return lines
      .filter((line) => shown.includes(line))
      .map((line) => ({
        name: panel.unit === '' ? panel.title : `${panel.title} (${panel.unit})`,
        values: counterValues(line, result.playedMicros),
      }));
  });
}

/** The run for ui.perfetto.dev; times count from the start of the period. */
export function traceFile(result: Result): string {
  const alerts = alertThreads(result);
  return traceJson(
    [
      { name: 'timeline', threads: [...steps(result), ...lanes(result)], counters: [] },
      ...(alerts.length === 0 ? [] : [{ name: 'alerts', threads: alerts, counters: [] }]),
      { name: 'curves', threads: [], counters: counters(result) },
    ],
    { scenario: result.scenario, from: result.from, seed: result.seed, fingerprint: result.fingerprint },
  );
}

function placed(place: string): { readonly file: string; readonly line: number } {
  const found = /^(.*):(\d+)$/s.exec(place);
  return found === null ? { file: place, line: 1 } : { file: found[1]!, line: Number(found[2]) };
}

/** Expectations as test cases: one that a single draw cannot decide is skipped, and so is a rule that cannot be answered. */
export function junitFile(result: Result): string {
  const cases = result.expectations.map((e): JunitCase => {
    const own = { className: result.scenario, name: e.name, ...placed(e.place) };
    if (e.verdict === 'pass') return own;
    const kind = e.verdict === 'fail' ? 'failure' : 'skipped';
    const text = [e.that, e.when, e.says, e.place].filter((part) => part !== '').join('\n');
    return { ...own, outcome: { kind, message: e.says, text } };
  });
  const unanswered = (result.alerts?.rules ?? []).flatMap((r): JunitCase[] =>
    r.notAnswerable === null
      ? []
      : [
          {
            className: `${result.scenario}.rules`,
            name: `${r.rule} of ${r.group}`,
            file: r.file,
            line: 1,
            outcome: { kind: 'skipped', message: r.notAnswerable, text: '' },
          },
        ],
  );
  return junitXml({
    name: result.scenario,
    properties: {
      title: result.title,
      verdict: result.verdict,
      seed: result.seed,
      version: result.version,
      fingerprint: result.fingerprint,
    },
    cases: [...cases, ...unanswered],
  });
}

/** A line for GitHub Actions for each expectation that failed or is not decided. @param below the project's folder in the repository, or empty */
export function annotations(result: Result, below: string): string[] {
  return result.expectations
    .filter((e) => e.verdict !== 'pass')
    .map((e) => {
      const { file, line } = placed(e.place);
      return annotationLine({
        level: e.verdict === 'fail' ? 'error' : 'warning',
        file: below === '' ? file : `${below}/${file}`,
        line,
        title: `${e.verdict === 'fail' ? 'failed' : 'not decided'}: ${e.name}`,
        message: `${e.when}: ${e.says}`,
      });
    });
}

const writers: Readonly<Record<Export, (result: Result) => string>> = {
  openmetrics: openMetricsFile,
  perfetto: traceFile,
  junit: junitFile,
};

/** The files that were asked for, by their names in the result. */
export function exportedFiles(result: Result, wanted: readonly Export[]): Map<string, string> {
  return new Map(wanted.map((name) => [exportFiles[name], writers[name](result)]));
}
