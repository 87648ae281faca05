import type { Result } from '../experiment/result.ts';
import type { RunSheet, SheetQuantile, SheetStep } from '../experiment/runSheet.ts';
import { spanWords } from '../formats/quantity.ts';
import { formatTime, parseTime } from '../scenario/time.ts';
import { cell, rows } from './markdown.ts';
import { number } from './words.ts';

/** From one value to another; one alone where they read the same. */
function span(low: number, high: number, unit: string): string {
  const [from, to] = [number(low, unit), number(high, unit)];
  return from === to ? from : `${from} .. ${to}`;
}

function quantileText(q: SheetQuantile | undefined): string {
  if (q === undefined) return '-';
  if (q.value === null) return q.needs === null ? 'not over' : `needs ${q.needs} runs`;
  const [value, bounds] = [number(q.value, 's'), span(...q.interval!, 's')];
  return value === bounds ? value : `${value} (${bounds})`;
}

function tookText({ seconds, took }: SheetStep): string {
  if (took === null) return seconds.length === 0 ? '-' : 'not over';
  return span(...took, 's');
}

/** What has been seen at most: more than that is not what was rehearsed. */
function mostText({ ranges }: SheetStep): string {
  return ranges
    .filter((r) => r.high > 0)
    .map((r) => `${r.says} above ${number(r.high, r.unit)}`)
    .join('; ');
}

function expectedText({ ranges }: SheetStep): string {
  const shown = ranges.filter((r) => r.low !== 0 || r.high !== 0);
  if (ranges.length > 0 && shown.length === 0) return 'all at 0';
  return shown.map((r) => `${r.says}: ${span(r.low, r.high, r.unit)}`).join('; ');
}

/** The run sheet of one change, as sections of `run-sheet.md`. */
function sheetLines(sheet: RunSheet, from: number): string[] {
  const time = (at: number) => formatTime(from + at);
  const beginsText = ([first, last]: SheetStep['begins']) =>
    first === last ? time(first) : `${time(first)} .. ${time(last)}`;
  const body = sheet.steps.map((s) => [
    s.sub === null ? s.step : `- ${s.sub}`,
    beginsText(s.begins),
    tookText(s),
    ...[0, 1, 2].map((i) => quantileText(s.seconds[i])),
    expectedText(s),
    s.sub === null ? s.undo.can : '',
  ]);
  const whole = sheet.steps.filter((s) => s.sub === null);
  const final = whole.find((s) => s.undo.can === 'no');
  const open = sheet.steps.filter((s) => s.seconds.length > 0 && s.finished < s.runs);
  const lines = [
    `## ${cell(sheet.title)}`,
    '',
    `Change \`${sheet.change.replace(/`/g, "'")}\`, risk ${sheet.risk}. Window ${time(sheet.from)} to ${time(sheet.to)}${sheet.recoveryMicros === 0 ? '' : `, then ${spanWords(sheet.recoveryMicros)} of recovery`}.`,
    '',
  ];
  if (whole.length === 0) return [...lines, 'No step of it was played.', ''];
  lines.push(
    ...rows(['step', 'begins', 'took', 'p5', 'p50', 'p95', 'expected meanwhile', 'can be undone'], body),
    '',
  );
  const over = sheet.over;
  if (over !== null)
    lines.push(
      `- The last step whose end shows is over at ${time(over)} at the latest${over > sheet.to ? `, ${spanWords(over - sheet.to)} after the window` : ', inside the window'}.`,
    );
  if (final !== undefined)
    lines.push(`- Point of no return: ${cell(final.step)} at ${beginsText(final.begins)}.`);
  for (const s of open)
    lines.push(
      `- ${cell(s.sub === null ? s.step : `${s.step}, ${s.sub}`)} is not over when the run ends in ${s.runs - s.finished} of ${s.runs} runs.`,
    );
  lines.push('', '### Abort if', '');
  for (const s of whole) {
    const given = s.abortIf.map(cell).join('; or ');
    const most = mostText(s);
    lines.push(
      `- **${cell(s.step)}**: ${given === '' ? 'nothing is given: add haltIf, expect throughout, or limits' : given}.${most === '' ? '' : ` More than was rehearsed: ${cell(most)}.`}`,
    );
  }
  lines.push('', '### To undo', '');
  for (const s of whole) lines.push(`- **${cell(s.step)}** (${s.undo.can}): ${cell(s.undo.how)}.`);
  return [...lines, ''];
}

/** `run-sheet.md`: how each change goes, for whoever carries it out. */
export function runSheetMarkdown(result: Result): string {
  const sheets = result.runSheets ?? [];
  const from = parseTime(result.from) ?? 0;
  const { runs = 1, draws = false } = sheets[0] ?? {};
  const stands = draws
    ? runs === 1
      ? 'One run: no quantile is bounded; play it with --replications 59 or more.'
      : `${runs} runs that differ by chance; quantiles with bounds at 95 %, by order statistics.`
    : 'No chance plays a part: every run takes as long.';
  return [
    `# Run sheet: ${cell(result.title)}`,
    '',
    `Scenario \`${result.scenario}\`, seed ${cell(result.seed)}. ${stands}`,
    'A step takes until the platform no longer works on it; `-`: the action is done at once, and nothing shows when what it leads to is. Ranges are those of all runs.',
    '',
    ...sheets.flatMap((sheet) => sheetLines(sheet, from)),
  ].join('\n');
}
