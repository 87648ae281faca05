import { createHash } from 'node:crypto';
import type { Result } from '../experiment/result.ts';
import { charts } from './charts.ts';
import { type Chart, drawSvg } from './drawing.ts';
import type { Export } from './exports.ts';
import { worstFolder } from './faults.ts';
import { reportHtml } from './html.ts';
import { summaryMarkdown } from './markdown.ts';
import { runSheetMarkdown } from './runSheet.ts';
import { summaryOf } from './summary.ts';

function json(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}

export function summaryJson(result: Result): string {
  return json(summaryOf(result));
}

/** What is drawn only where it is asked for. */
export interface Wanted {
  /** Charts as pictures, too. */
  readonly png: boolean;
  readonly exports: readonly Export[];
}

/** All files of a result, manifest first. Nothing in them depends on the clock, the host or a path. */
export async function reportFiles(
  result: Result,
  wanted: Wanted = { png: false, exports: [] },
): Promise<Map<string, string | Uint8Array>> {
  return new Map([...(await dataFiles(result)), ...(await drawnFiles(result, wanted))]);
}

/** What a result is: all that its pages, tables and charts are drawn from. */
export async function dataFiles(result: Result): Promise<Map<string, string | Uint8Array>> {
  const files = new Map<string, string | Uint8Array>();
  const manifest = (fingerprint: string, more: object) =>
    json({
      rehearse: 1,
      version: result.version,
      scenario: result.scenario,
      scenarioDigest: result.scenarioDigest,
      platformDigest: result.platformDigest,
      seed: result.seed,
      replication: result.replication,
      ...more,
      fingerprint,
      mathSelfTest: result.mathSelfTest,
    });
  files.set(
    'manifest.json',
    manifest(result.fingerprint, {
      seeds: result.seeds,
      events: result.eventCount,
      eventsByKind: Object.fromEntries(result.eventsByKind),
    }),
  );
  // The worst fault is a folder of its own, so that it can be replayed as any result.
  const worst = result.faults?.worst ?? null;
  if (worst !== null) {
    files.set(`${worstFolder}/manifest.json`, manifest(worst.fingerprint, { entry: worst.entry }));
    files.set(`${worstFolder}/resolved.json`, json(worst.resolved));
  }
  files.set('resolved.json', json(result.resolved));
  files.set('summary.json', summaryJson(result));
  const { eventsArrow, replicationsArrow, seriesArrow } = await import('./arrow.ts');
  files.set('series.arrow', seriesArrow(result));
  files.set('events.arrow', eventsArrow(result));
  if (result.replications !== undefined)
    files.set('replications.arrow', replicationsArrow(result.replications));
  return files;
}

/** Whether a file of a result folder is drawn: `report` makes it again. */
export const isDrawn = (path: string): boolean =>
  ['summary.md', 'run-sheet.md'].includes(path) || path === 'report.html' || path.startsWith('charts/');

/** What is drawn from a result, whether it was played just now or read from its files. */
export async function drawnFiles(
  result: Result,
  wanted: Wanted = { png: false, exports: [] },
): Promise<Map<string, string | Uint8Array>> {
  const files = new Map<string, string | Uint8Array>();
  files.set('summary.md', summaryMarkdown(result));
  if (result.runSheets !== undefined) files.set('run-sheet.md', runSheetMarkdown(result));
  const drawn: [Chart, string][] = [];
  for (const chart of charts(result)) {
    const svg = await drawSvg(chart);
    files.set(`charts/${chart.name}.vl.json`, json(chart.spec));
    files.set(`charts/${chart.name}.svg`, svg);
    if (wanted.png) {
      const { drawPng } = await import('./png.ts');
      files.set(`charts/${chart.name}.png`, await drawPng(svg));
    }
    drawn.push([chart, svg]);
  }
  if (wanted.exports.length > 0) {
    const { exportedFiles } = await import('./exports.ts');
    for (const [name, text] of exportedFiles(result, wanted.exports)) files.set(name, text);
  }
  files.set(
    'report.html',
    reportHtml(result, drawn, (text) => createHash('sha256').update(text).digest('base64')),
  );
  return files;
}
