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

export const sheetHeader = [
  'step',
  'begins',
  'took',
  'p5',
  'p50',
  'p95',
  'expected meanwhile',
  'can be undone',
];

/** What a run sheet says of one change, as plain words for a text or a page. */
export interface SheetWords {
  readonly title: string;
  readonly lead: string;
  /** As `sheetHeader` has them; empty where no step of it was played. */
  readonly rows: readonly (readonly string[])[];
  readonly notes: readonly string[];
  /** By step: what ends it early, and how it is undone. */
  readonly abortIf: readonly (readonly [step: string, says: string])[];
  readonly undo: readonly (readonly [step: string, says: string])[];
}

function sheetWords(sheet: RunSheet, from: number): SheetWords {
  const time = (at: number) => formatTime(from + at);
  const beginsText = ([first, last]: SheetStep['begins']) =>
    first === last ? time(first) : `${time(first)} .. ${time(last)}`;
  const whole = sheet.steps.filter((s) => s.sub === null);
  const final = whole.find((s) => s.undo.can === 'no');
  const open = sheet.steps.filter((s) => s.seconds.length > 0 && s.finished < s.runs);
  const notes: string[] = [];
  const over = sheet.over;
  if (over !== null)
    notes.push(
      `The last step whose end shows is over at ${time(over)} at the latest${over > sheet.to ? `, ${spanWords(over - sheet.to)} after the window` : ', inside the window'}.`,
    );
  if (final !== undefined) notes.push(`Point of no return: ${final.step} at ${beginsText(final.begins)}.`);
  for (const s of open)
    notes.push(
      `${s.sub === null ? s.step : `${s.step}, ${s.sub}`} is not over when the run ends in ${s.runs - s.finished} of ${s.runs} runs.`,
    );
  return {
    title: sheet.title,
    lead: `Change ${sheet.change}, risk ${sheet.risk}. Window ${time(sheet.from)} to ${time(sheet.to)}${sheet.recoveryMicros === 0 ? '' : `, then ${spanWords(sheet.recoveryMicros)} of recovery`}.`,
    rows: sheet.steps.map((s) => [
      s.sub === null ? s.step : `- ${s.sub}`,
      beginsText(s.begins),
      tookText(s),
      ...[0, 1, 2].map((i) => quantileText(s.seconds[i])),
      expectedText(s),
      s.sub === null ? s.undo.can : '',
    ]),
    notes,
    abortIf: whole.map((s) => {
      const given = s.abortIf.join('; or ') || 'nothing is given: add haltIf, expect throughout, or limits';
      const most = mostText(s);
      return [s.step, `${given}.${most === '' ? '' : ` More than was rehearsed: ${most}.`}`];
    }),
    undo: whole.map((s) => [s.step, `(${s.undo.can}) ${s.undo.how}.`]),
  };
}

/** The run sheets of a result, and what their quantiles rest on. */
export function runSheetsWords(result: Result): {
  readonly stands: string;
  readonly sheets: readonly SheetWords[];
} {
  const sheets = result.runSheets ?? [];
  const from = parseTime(result.from) ?? 0;
  const { runs = 1, draws = false } = sheets[0] ?? {};
  const stands = draws
    ? runs === 1
      ? 'One run: no quantile is bounded; play it with --replications 59 or more.'
      : `${runs} runs that differ by chance; quantiles with bounds at 95 %, by order statistics.`
    : 'No chance plays a part: every run takes as long.';
  return { stands, sheets: sheets.map((sheet) => sheetWords(sheet, from)) };
}

/** What the columns of a run sheet mean. */
export const sheetLegend =
  'A step takes until the platform no longer works on it; -: the action is done at once, and nothing shows when what it leads to is. Ranges are those of all runs.';

/** `run-sheet.md`: how each change goes, for whoever carries it out. */
export function runSheetMarkdown(result: Result): string {
  const { stands, sheets } = runSheetsWords(result);
  const list = (items: SheetWords['undo']) =>
    items.map(([step, says]) => `- **${cell(step)}**: ${cell(says)}`);
  return [
    `# Run sheet: ${cell(result.title)}`,
    '',
    `Scenario \`${result.scenario}\`, seed ${cell(result.seed)}. ${stands}`,
    sheetLegend,
    '',
    ...sheets.flatMap((sheet) => [
      `## ${cell(sheet.title)}`,
      '',
      cell(sheet.lead),
      '',
      ...(sheet.rows.length === 0
        ? ['No step of it was played.', '']
        : [
            ...rows(sheetHeader, sheet.rows),
            '',
            ...sheet.notes.map((note) => `- ${cell(note)}`),
            '',
            '### Abort if',
            '',
            ...list(sheet.abortIf),
            '',
            '### To undo',
            '',
            ...list(sheet.undo),
            '',
          ]),
    ]),
  ].join('\n');
}
