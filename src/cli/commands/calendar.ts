import { defaultLoad, loadWithout } from '../../experiment/calendar.ts';
import { nearest } from '../../formats/nearest.ts';
import { parseQuantity } from '../../formats/quantity.ts';
import { conflictsOf, findWindow, type Span } from '../../models/operations/calendar.ts';
import { conflictProblem } from '../../scenario/calendar.ts';
import type { Scenario } from '../../scenario/load.ts';
import { renderProblems } from '../../scenario/problems.ts';
import { formatTime, parseMoment, parseTime } from '../../scenario/time.ts';
import { conflictsIn } from '../conflicts.ts';
import { exitCode, UsageError } from '../exitCodes.ts';
import { onlyFile, openGiven, orUsage } from '../points.ts';
import type { Command, Given } from '../verbs.ts';

/** More candidates than this are another question. */
const mostCandidates = 100_000;

const searchOptions = ['for', 'within', 'step', 'by'] as const;

function durationOf(given: Given, name: 'for' | 'step'): number | undefined {
  const text = given.text(name);
  if (text === undefined) return undefined;
  const parsed = parseQuantity(text, 'duration');
  if (!parsed.ok || parsed.value < 1e6)
    throw new UsageError(
      `--${name} ${text}: ${parsed.ok ? 'less than a second' : parsed.found}\n  mend: write a duration such as --${name} 45m`,
    );
  return parsed.value;
}

function withinOf(given: Given, scenario: Scenario, from: number): Span {
  const text = given.text('within');
  if (text === undefined) return { from: 0, to: scenario.length };
  const ends = text.split('..');
  const mend = 'write FROM..TO, such as --within +0m..+24h or two RFC 3339 times';
  if (ends.length !== 2) throw new UsageError(`--within ${text} is no span\n  mend: ${mend}`);
  const [first, last] = ends.map((end) => {
    const at = parseMoment(end.trim(), from);
    if (typeof at === 'string') throw new UsageError(`--within: ${at}\n  mend: ${mend}`);
    return at;
  }) as [number, number];
  if (last <= first) throw new UsageError(`--within ${text} ends before it begins\n  mend: ${mend}`);
  if (first < 0)
    throw new UsageError(
      `--within ${text} begins before the period: what was then is not played\n  mend: begin at ${scenario.from} or later, or let the scenario begin earlier`,
    );
  return { from: first, to: last };
}

/** Names the quietest window, as text or JSON. @returns whether there is one */
async function search(given: Given, scenario: Scenario, name: string, from: number): Promise<boolean> {
  const { calendar } = scenario;
  const change = calendar.changes.find((c) => c.name === name);
  if (change === undefined) {
    const names = calendar.changes.map((c) => c.name);
    const near = nearest(name, names);
    throw new UsageError(
      `there is no change ${name}\n  mend: ${near === undefined ? `name one of ${names.join(', ')}` : `write --find-window ${near}`}`,
    );
  }
  const length = durationOf(given, 'for') ?? change.window.to - change.window.from;
  const step = durationOf(given, 'step') ?? 15 * 60e6;
  const within = withinOf(given, scenario, from);
  if (within.to - within.from < length)
    throw new UsageError(
      'the window is longer than the time that is searched\n  mend: write a shorter --for, or a longer --within',
    );
  if ((within.to - within.from) / step > mostCandidates)
    throw new UsageError(`more than ${mostCandidates} candidates\n  mend: write a longer --step`);
  const by = given.text('by') ?? defaultLoad;
  const load = orUsage(() => loadWithout(scenario, name, by, within, given.text('seed') ?? scenario.seed));
  const found = findWindow(calendar, name, { length, within, step }, load.over);
  const { now, isPlayed } = {
    now: change.window,
    isPlayed: change.window.from >= within.from && change.window.to <= within.to,
  };
  const mean = (sum: number, span: Span) => sum / ((span.to - span.from) / 1e6);
  const shown = (span: Span) => ({ from: formatTime(from + span.from), to: formatTime(from + span.to) });
  const answer = {
    change: name,
    by,
    unit: load.unit,
    tried: found.tried,
    feasible: found.feasible.length,
    met: Object.fromEntries(found.met),
    quietest:
      found.quietest === undefined
        ? null
        : { ...shown(found.quietest.window), mean: mean(found.quietest.load, found.quietest.window) },
    present: isPlayed ? { ...shown(now), mean: mean(load.over(now), now) } : null,
  };
  if (given.flag('json')) process.stdout.write(`${JSON.stringify(answer, null, 2)}\n`);
  else {
    const { findWindowText } = await import('../../report/calendar.ts');
    process.stdout.write(findWindowText(answer));
  }
  return found.quietest !== undefined;
}

export const calendar: Command = {
  usage: 'SCENARIO [--find-window CHANGE]',
  question: "Do changes get in each other's way, and when is the quietest time for one?",
  examples: [
    'rehearse calendar scenarios/planning/change-calendar.yaml',
    'rehearse calendar scenarios/planning/change-calendar.yaml --find-window partition-expansion --for 35m --within +0m..+24h',
  ],
  options: {
    'find-window': {
      says: 'the quietest window without a conflict for this change; its steps keep their distance to its beginning',
      type: 'string',
    },
    for: { says: 'how long the window is (as long as it is now)', type: 'string' },
    within: {
      says: 'where it has to lie, FROM..TO as times or offsets (the period); what lies behind the period is played too',
      type: 'string',
    },
    step: { says: 'from one candidate to the next (15m)', type: 'string' },
    by: {
      says: `what is quiet: a PromQL expression with one value, read every minute of one run without the change (${defaultLoad})`,
      type: 'string',
    },
    seed: { says: 'another seed than the scenario names', type: 'string' },
    rules: { says: 'rule files of Prometheus, as for run', type: 'list' },
    json: { says: 'print one JSON object and nothing else', type: 'boolean' },
  },
  run: async (given) => {
    const file = onlyFile(given, 'calendar', 'SCENARIO [--find-window CHANGE]');
    const name = given.text('find-window');
    const idle = searchOptions.find((option) => given.text(option) !== undefined);
    if (name === undefined && idle !== undefined)
      throw new UsageError(`--${idle} says nothing alone\n  mend: add --find-window CHANGE`);
    const { scenario } = openGiven(file, given, { quiet: true });
    const { calendar: found } = scenario;
    if (found.changes.length === 0)
      throw new UsageError(
        `${scenario.file} declares no changes\n  mend: add changes: [{ name: ..., window: { from: ..., to: ... }, steps: [...] }]`,
      );
    const from = parseTime(scenario.from) ?? 0;
    if (name !== undefined) return (await search(given, scenario, name, from)) ? exitCode.yes : exitCode.no;
    const conflicts = conflictsOf(found);
    if (given.flag('json')) {
      const time = (at: number) => formatTime(from + at);
      const answer = {
        changes: found.changes.map((c) => ({
          name: c.name,
          title: c.title,
          risk: c.risk,
          from: time(c.window.from),
          to: time(c.window.to),
          recoversUntil: time(c.window.to + c.recovery),
          on: c.on,
          after: c.after,
          steps: c.steps.map((s) => ({ name: s.name, at: time(s.at) })),
        })),
        freezes: found.freezes.map((f) => ({ name: f.name, from: time(f.from), to: time(f.to) })),
        conflicts: conflicts.map((c) => ({
          kind: c.kind,
          change: c.change,
          other: c.other,
          shared: c.shared,
          from: time(c.span.from),
          to: time(c.span.to),
          says: conflictProblem(c, found, from).found,
        })),
      };
      process.stdout.write(`${JSON.stringify(answer, null, 2)}\n`);
    } else {
      const { calendarText } = await import('../../report/calendar.ts');
      process.stdout.write(calendarText(found, from));
      if (conflicts.length > 0)
        process.stdout.write(`\n${renderProblems(conflictsIn(scenario.warnings), scenario.texts)}\n`);
      process.stdout.write(
        `\n${conflicts.length === 0 ? 'no conflict' : `${conflicts.length} ${conflicts.length === 1 ? 'conflict' : 'conflicts'}`}\n`,
      );
    }
    return conflicts.length === 0 ? exitCode.yes : exitCode.no;
  },
};
