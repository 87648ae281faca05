import type { Result } from '../experiment/result.ts';
import { alertRows, alertsHeader, alertsSays, silenceLines } from './alerts.ts';
import { beforeHeader, beforeRows, beforeSays } from './before.ts';
import { dueDateRows, dueDatesHeader } from './dueDates.ts';
import { exposureSentences, faultLegend, faultRows, faultsHeader, worstEntry } from './faults.ts';
import { nestedHeader, nestedRows, nestedSays } from './nested.ts';
import { reliabilityHeader, reliabilityRows, reliabilitySays } from './reliability.ts';
import { replicationRows, replicationsHeader, replicationsSays } from './replications.ts';
import { shownRisks } from './risks.ts';
import { serviceLevelRows, serviceLevelsHeader } from './serviceLevels.ts';
import { sparklineRows, sparklinesHeader } from './sparklines.ts';
import { observedCells, observedHeader } from './text.ts';
import { number } from './words.ts';

/** Text of an untrusted file inside a Markdown table. */
export function cell(text: string): string {
  return text.replace(/[\r\n]+/g, ' ').replace(/[\\`*_{}[\]<>|#]/g, (c) => `\\${c}`);
}

/** A table in Markdown. */
export function rows(header: readonly string[], body: readonly (readonly string[])[]): string[] {
  const line = (cells: readonly string[]) => `| ${cells.map(cell).join(' | ')} |`;
  return [line(header), `|${header.map(() => '---|').join('')}`, ...body.map(line)];
}

/** Most bytes of `summary.md`: a comment of a pull request takes 65,536 characters. */
const mostBytes = 60_000;

const bytesOf = (text: string) => new TextEncoder().encode(text).length;

/** Lines that fit: where they are too many, the last sections lose theirs first, and say how many. */
export function fitting(lines: readonly string[], most: number): string[] {
  let excess = bytesOf(lines.join('\n')) + 1 - most;
  if (excess <= 0) return [...lines];
  const starts = lines.flatMap((line, i) => (line.startsWith('## ') ? [i] : []));
  const sections = [0, ...starts].map((from, i) => lines.slice(from, starts[i] ?? lines.length));
  for (let s = sections.length - 1; s >= 0 && excess > 0; s -= 1) {
    const section = sections[s]!;
    // The heading, a blank line, and the first two lines of a table stay.
    let to = section.length;
    const note = (count: number) => `... and ${count} more lines: see report.html`;
    excess += bytesOf(note(section.length)) + 2;
    for (; to > 4 && excess > 0; to -= 1) excess -= bytesOf(section[to - 1]!) + 1;
    if (to < section.length) sections[s] = [...section.slice(0, to), '', note(section.length - to), ''];
  }
  return sections.flat();
}

/** `summary.md`: fit for a pull request, the verdict first. */
export function summaryMarkdown(result: Result): string {
  const lines = [`# ${result.verdict.toUpperCase()}: ${cell(result.title)}`, ''];
  lines.push(
    `Scenario \`${result.scenario}\`, seed ${cell(result.seed)}, ${result.eventCount} events, fingerprint \`${result.fingerprint}\`${result.seeds > 1 ? `, intervals over ${result.seeds} seeds` : ''}.`,
    '',
    ...(result.before === undefined
      ? []
      : [
          '## Before and after',
          '',
          ...rows(beforeHeader, beforeRows(result)),
          '',
          cell(beforeSays(result)),
          '',
        ]),
    '## Risks',
    '',
    ...rows(
      ['risk', 'value', 'limit', '', 'where'],
      shownRisks(result).map((r) => [
        r.says,
        number(r.value, r.unit),
        number(r.limit, r.unit),
        r.ok ? '' : 'over',
        r.where,
      ]),
    ),
  );
  if (result.expectations.length > 0) {
    lines.push(
      '',
      '## Expectations',
      '',
      ...rows(
        ['verdict', 'expectation', 'when', 'finding'],
        result.expectations.map((e) => [e.verdict, e.name, e.when, e.says]),
      ),
    );
  }
  const curves = sparklineRows(result);
  if (curves.length > 0) lines.push('', '## Curves', '', ...rows(sparklinesHeader, curves));
  if (result.observed.length > 0) {
    lines.push('', '## Observed and played', '', ...rows(observedHeader, result.observed.map(observedCells)));
  }
  if (result.reliability !== undefined) {
    lines.push(
      '',
      '## Reliability',
      '',
      ...rows(reliabilityHeader, reliabilityRows(result.reliability)),
      '',
      cell(reliabilitySays(result.reliability)),
    );
  }
  if (result.replications !== undefined)
    lines.push(
      '',
      '## Runs that differ by chance',
      '',
      ...rows(replicationsHeader, replicationRows(result.replications)),
      '',
      ...replicationsSays(result.replications, result.scenario, result.seed).map((line) => `- ${cell(line)}`),
    );
  const nested = result.replications?.nested ?? null;
  if (nested !== null)
    lines.push(
      '',
      '## What is not known, and what is chance',
      '',
      ...rows(nestedHeader, nestedRows(nested)),
      '',
      ...nestedSays(nested).map((line) => `- ${cell(line)}`),
    );
  if (result.serviceLevels !== undefined)
    lines.push(
      '',
      '## Service levels',
      '',
      ...rows(serviceLevelsHeader, serviceLevelRows(result.serviceLevels)),
    );
  if (result.dueDates !== undefined)
    lines.push('', '## What ends next', '', ...rows(dueDatesHeader, dueDateRows(result)));
  if (result.alerts !== undefined) {
    const found = alertRows(result.alerts, result.playedMicros);
    const silences = silenceLines(result);
    lines.push('', '## Alerts', '', ...(found.length === 0 ? [] : [...rows(alertsHeader, found), '']));
    lines.push(...alertsSays(result.alerts).map((line) => `- ${cell(line)}`));
    if (silences.length > 0)
      lines.push('', '### Silences for the change', '', ...silences.map((line) => `    ${line}`));
  }
  if (result.faults !== undefined) {
    const { faults } = result;
    const entry = worstEntry(faults);
    lines.push(
      '',
      '## Single faults during the change',
      '',
      ...rows(faultsHeader(faults), faultRows(faults)),
      '',
      ...[...faultLegend(faults), ...exposureSentences(faults)].map((line) => `- ${cell(line)}`),
      ...(entry === undefined ? [] : [`- the worst, as an entry of the timeline: ${cell(entry)}`]),
    );
  }
  if (result.findings.length > 0) {
    lines.push(
      '',
      '## Findings',
      '',
      ...result.findings.map(
        (f) =>
          `- **${f.id}** ${cell(f.says)}${f.facts.length === 0 ? '' : ` (${f.facts.map(cell).join(', ')})`}`,
      ),
    );
  }
  if (result.assumed.length > 0) {
    lines.push(
      '',
      '## Assumed and default values',
      '',
      ...rows(
        ['path', 'value', 'source'],
        result.assumed.map((a) => [a.path, a.value, a.source]),
      ),
    );
  }
  if (result.warmedInsteadOfPlayed.length > 0) {
    lines.push('', `Set at the start, not warmed up: ${result.warmedInsteadOfPlayed.map(cell).join('; ')}.`);
  }
  return `${fitting(lines, mostBytes).join('\n')}\n`;
}
