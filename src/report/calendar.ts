import { spanWords } from '../formats/quantity.ts';
import type { Span } from '../models/operations/calendar.ts';
import type { ScenarioCalendar } from '../scenario/calendar.ts';
import { formatTime } from '../scenario/time.ts';
import { plain, table } from './text.ts';
import { number } from './words.ts';

/** Characters of a lane. */
const laneWidth = 60;

/** A lane of text over a time: where a span lies in it, by a character that it always shows at least once. */
function lane(whole: Span, parts: readonly { readonly span: Span; readonly mark: string }[]): string {
  const cells = Array.from({ length: laneWidth }, () => '.');
  const place = (at: number) => ((at - whole.from) / (whole.to - whole.from)) * laneWidth;
  for (const { span, mark } of parts) {
    if (span.to <= span.from && mark !== '!') continue;
    const first = Math.min(laneWidth - 1, Math.max(0, Math.floor(place(span.from))));
    const last = Math.max(first, Math.min(laneWidth, Math.ceil(place(span.to))) - 1);
    for (let i = first; i <= last; i += 1) cells[i] = mark;
  }
  return cells.join('');
}

/** A calendar as a terminal shows it: a lane for each change, freeze and ending, over the time that they need. */
export function calendarText(calendar: ScenarioCalendar, from: number): string {
  const { changes, freezes, endings } = calendar;
  const spans = changes.map((c) => ({ from: c.window.from, to: c.window.to + c.recovery }));
  const whole = {
    from: spans.reduce((least, s) => Math.min(least, s.from), Number.POSITIVE_INFINITY),
    to: spans.reduce((most, s) => Math.max(most, s.to), Number.NEGATIVE_INFINITY),
  };
  const ends = endings.filter((e) => e.at >= whole.from && e.at < whole.to);
  const rows = [
    ...changes.map((c) => [
      c.name,
      c.risk,
      formatTime(from + c.window.from),
      spanWords(c.window.to - c.window.from),
      lane(whole, [
        { span: { from: c.window.to, to: c.window.to + c.recovery }, mark: '-' },
        { span: c.window, mark: '=' },
      ]),
    ]),
    ...freezes
      .filter((f) => f.to > whole.from && f.from < whole.to)
      .map((f) => [
        f.name,
        'freeze',
        formatTime(from + f.from),
        spanWords(f.to - f.from),
        lane(whole, [{ span: f, mark: '#' }]),
      ]),
    ...ends.map((e) => [
      e.name,
      e.kind,
      formatTime(from + e.at),
      'ends',
      lane(whole, [{ span: { from: e.at, to: e.at }, mark: '!' }]),
    ]),
  ];
  const lines = table([['', 'risk', 'from', 'for', ''], ...rows.map((row) => row.map(plain))], new Set());
  return [
    `${formatTime(from + whole.from)} to ${formatTime(from + whole.to)}: = window, - recovery, # freeze, ! ends`,
    ...lines.map((line) => `  ${line.trimEnd()}`),
    '',
  ].join('\n');
}

/** A span of the answer, times as RFC 3339, and the mean of what was read over it. */
interface MeanOver {
  readonly from: string;
  readonly to: string;
  readonly mean: number;
}

/** The answer to the search for a window, in sentences. */
export function findWindowText(answer: {
  readonly change: string;
  readonly by: string;
  readonly unit: string;
  readonly tried: number;
  readonly feasible: number;
  readonly met: Readonly<Record<string, number>>;
  readonly quietest: MeanOver | null;
  readonly present: MeanOver | null;
}): string {
  const { quietest, present, unit } = answer;
  const met = Object.entries(answer.met).map(([kind, count]) => `${kind} in ${count}`);
  const lines = [
    quietest === null
      ? `${answer.change}: no window is free of conflicts`
      : `${answer.change}: quietest from ${quietest.from} to ${quietest.to}`,
  ];
  if (quietest !== null) lines.push(`  ${number(quietest.mean, unit)} on average there`);
  if (present !== null)
    lines.push(
      `  ${number(present.mean, unit)} in its present window, from ${present.from} to ${present.to}`,
    );
  lines.push(
    `  ${answer.feasible} of ${answer.tried} candidates are free of conflicts${met.length === 0 ? '' : `; met: ${met.join(', ')}`}`,
    `  by ${answer.by}`,
  );
  return `${lines.map(plain).join('\n')}\n`;
}
