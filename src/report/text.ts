import type { Finding, ObservedRow, Result } from '../experiment/result.ts';
import { alertRows, alertsHeader, alertsSays, silenceLines } from './alerts.ts';
import { beforeHeader, beforeRows, beforeSays } from './before.ts';
import { dueDateRows, dueDatesHeader } from './dueDates.ts';
import {
  exposureSentences,
  faultLegend,
  faultRows,
  faultsHeader,
  worstEntry,
  worstFolder,
} from './faults.ts';
import { nestedHeader, nestedRows, nestedSays } from './nested.ts';
import { reliabilityRows, reliabilitySays } from './reliability.ts';
import { replicationRows, replicationsHeader, replicationsSays } from './replications.ts';
import { shownRisks } from './risks.ts';
import { serviceLevelRows, serviceLevelsHeader } from './serviceLevels.ts';
import { sparklineRows, sparklinesHeader } from './sparklines.ts';
import { clock, number, percent, sentence } from './words.ts';

export interface TextOptions {
  readonly colours: boolean;
  readonly quiet: boolean;
  /** Whether the curves are drawn, one line each. */
  readonly sparklines?: boolean;
  /** Where the report is. */
  readonly folder: string;
}

const codes = { good: 32, bad: 31, dim: 2, bold: 1, warn: 33 } as const;

/** Columns padded to their widest cell; numbers to the right. */
export function table(rows: readonly (readonly string[])[], right: ReadonlySet<number>): string[] {
  const widths = rows[0]!.map((_, i) => Math.max(...rows.map((row) => [...row[i]!].length)));
  return rows.map((row) =>
    row
      .map((cell, i) => {
        const pad = ' '.repeat(widths[i]! - [...cell].length);
        return right.has(i) ? pad + cell : cell + pad;
      })
      .join('  ')
      .trimEnd(),
  );
}

/** Escapes of an untrusted file must not reach the terminal. */
export function plain(text: string): string {
  return [...text].map((c) => ((c.codePointAt(0) ?? 0) < 32 || c === '\u007f' ? ' ' : c)).join('');
}

export function observedCells(o: ObservedRow): string[] {
  const band = o.within !== null ? `${percent(o.within).replace('+', '')}` : '';
  const verdict = o.ok === null ? '' : o.ok ? 'ok' : 'MISS';
  return [
    o.name,
    o.role,
    number(o.observed, o.unit),
    number(o.predicted, o.unit),
    o.interval === null || o.interval[0] === o.interval[1]
      ? ''
      : `${number(o.interval[0], o.unit)} .. ${number(o.interval[1], o.unit)}`,
    percent(o.relativeError),
    band,
    verdict,
    o.baseline === null ? '' : number(o.baseline, o.unit),
    o.contradiction ?? '',
  ];
}

export const observedHeader = [
  'fact',
  'role',
  'observed',
  'by the run',
  '90 % interval',
  'error',
  'band',
  '',
  'baseline',
  '',
];

/** What `run` prints. */
export function terminalText(result: Result, options: TextOptions): string {
  const paint = (code: keyof typeof codes, text: string) =>
    options.colours ? `\u001b[${codes[code]}m${text}\u001b[0m` : text;
  const verdict = {
    pass: paint('good', 'PASS'),
    fail: paint('bad', 'FAIL'),
    inconclusive: paint('warn', 'INCONCLUSIVE'),
  }[result.verdict];
  const last = [
    `fingerprint ${result.fingerprint}, seed ${result.seed}, ${result.eventCount} events${result.seeds > 1 ? `, intervals over ${result.seeds} seeds` : result.draws ? `, one draw, seed ${result.seed}` : ''}`,
    `report ${options.folder}/report.html`,
    ...(result.runSheets === undefined ? [] : [`run sheet ${options.folder}/run-sheet.md`]),
  ];
  if (options.quiet) return `${verdict} ${plain(result.title)}\n`;
  const lines = [paint('bold', plain(result.title)), ''];
  const kinds = new Map(result.eventKinds.map((k) => [k.name, k]));
  lines.push('Timeline');
  for (const t of result.told.slice(0, 200)) {
    const kind = kinds.get(t.kind);
    if (kind !== undefined)
      lines.push(`  ${clock(t.time).padStart(8)}  ${plain(sentence(kind.says, t.subject, t.detail))}`);
  }
  if (result.told.length > 200) lines.push(`  ... and ${result.told.length - 200} more: see the report`);
  if (result.stoppedBecause !== null)
    lines.push(`  the run ended at ${clock(result.playedMicros)}: ${plain(result.stoppedBecause)}`);
  if (result.before !== undefined) {
    const all = beforeRows(result);
    const moved = all.filter(([, was, is]) => was !== is);
    const found = [beforeHeader, ...moved].map((row) => row.map(plain));
    lines.push('', 'Before and after', ...table(found, new Set([1, 2, 3])).map((row) => `  ${row}`));
    lines.push(
      paint('dim', `  ${all.length - moved.length} more are as before; ${plain(beforeSays(result))}`),
    );
  }
  lines.push('', 'Risks');
  const shown = shownRisks(result);
  const risks = shown.map((r) => [
    `  ${r.says}`,
    number(r.value, r.unit),
    r.limit === null ? '' : `limit ${number(r.limit, r.unit)}`,
    r.ok ? '' : 'OVER',
    r.where,
  ]);
  lines.push(...table(risks, new Set([1])).map((row, i) => (shown[i]!.ok ? row : paint('bad', row))));
  if (result.expectations.length > 0) {
    lines.push('', 'Expectations');
    for (const e of result.expectations) {
      const mark =
        e.verdict === 'pass'
          ? paint('good', 'pass')
          : e.verdict === 'fail'
            ? paint('bad', 'FAIL')
            : paint('warn', '????');
      lines.push(`  ${mark}  ${plain(e.name)} (${e.when}): ${plain(e.says)}`);
    }
  }
  if (options.sparklines === true) {
    const curves = [sparklinesHeader, ...sparklineRows(result)].map((row) => row.map(plain));
    if (curves.length > 1)
      lines.push('', 'Curves', ...table(curves, new Set([3, 4, 5])).map((row) => `  ${row}`));
  }
  if (result.observed.length > 0) {
    lines.push('', 'Observed and played');
    const rows = [observedHeader, ...result.observed.map(observedCells)].map((row) => [
      `  ${plain(row[0]!)}`,
      ...row.slice(1),
    ]);
    lines.push(...table(rows, new Set([2, 3, 5, 6, 8])));
    lines.push(
      paint(
        'dim',
        '  only derived and predict have a gate; a fitted fact fixed a parameter, the rest is shown beside the run',
      ),
    );
  }
  if (result.reliability !== undefined) {
    lines.push('', `Reliability, ${reliabilitySays(result.reliability)}`);
    lines.push(...table(reliabilityRows(result.reliability), new Set([1])).map((row) => `  ${row}`));
  }
  if (result.replications !== undefined) {
    const found = [replicationsHeader, ...replicationRows(result.replications)].map((row) => row.map(plain));
    lines.push('', 'Runs that differ by chance', ...table(found, new Set([2])).map((row) => `  ${row}`));
    lines.push(
      ...replicationsSays(result.replications, result.scenario, result.seed).map(
        (line) => `  ${plain(line)}`,
      ),
    );
  }
  const nested = result.replications?.nested ?? null;
  if (nested !== null) {
    const rows = [nestedHeader, ...nestedRows(nested)].map((row) => row.map(plain));
    lines.push(
      '',
      'What is not known, and what is chance',
      ...table(rows, new Set([1])).map((row) => `  ${row}`),
      ...nestedSays(nested).map((line) => `  ${plain(line)}`),
    );
  }
  if (result.serviceLevels !== undefined) {
    const rows = [serviceLevelsHeader, ...serviceLevelRows(result.serviceLevels)].map((row) =>
      row.map(plain),
    );
    lines.push('', 'Service levels', ...table(rows, new Set([1, 2, 3, 4, 5])).map((row) => `  ${row}`));
  }
  if (result.dueDates !== undefined) {
    const rows = [dueDatesHeader, ...dueDateRows(result)].map((row) => row.map(plain));
    lines.push('', 'What ends next', ...table(rows, new Set()).map((row) => `  ${row}`));
  }
  if (result.alerts !== undefined) {
    const rows = alertRows(result.alerts, result.playedMicros);
    lines.push('', 'Alerts');
    if (rows.length > 0)
      lines.push(
        ...table(
          [alertsHeader, ...rows].map((row) => row.map(plain)),
          new Set([2, 3]),
        ).map((row) => `  ${row}`),
      );
    lines.push(...alertsSays(result.alerts).map((line) => `  ${plain(line)}`));
    const silences = silenceLines(result);
    if (silences.length > 0)
      lines.push('', 'Silences for the change', ...silences.map((line) => `  ${plain(line)}`));
  }
  if (result.faults !== undefined) {
    const { faults } = result;
    lines.push('', `Single faults during the change: ${faults.variants.length} played`);
    const rows = [faultsHeader(faults), ...faultRows(faults)].map((row) => row.map(plain));
    lines.push(...table(rows, new Set([1, 2])).map((row) => `  ${row}`));
    lines.push(...faultLegend(faults).map((line) => paint('dim', `  ${plain(line)}`)));
    lines.push(...exposureSentences(faults).map((line) => `  ${plain(line)}`));
    const entry = worstEntry(faults);
    if (entry !== undefined)
      lines.push(
        `  the worst, as an entry of the timeline: ${plain(entry)}`,
        `  replay: rehearse replay ${options.folder}/${worstFolder}`,
      );
  }
  if (result.findings.length > 0) {
    lines.push('', 'Findings');
    for (const f of result.findings) lines.push(`  ${f.id}  ${plain(f.says)}${placesOf(f)}`);
  }
  const gated = result.observed.filter((o) => o.role === 'predict');
  const hits = gated.filter((o) => o.ok === true).length;
  lines.push(
    '',
    `${verdict}${gated.length > 0 ? `; ${hits} of ${gated.length} predictions within their band` : ''}`,
    ...last,
  );
  return `${lines.join('\n')}\n`;
}

/** Where the facts of a finding stand, in brackets; empty where it comes from the run itself. */
function placesOf({ facts }: Finding): string {
  if (facts.length === 0) return '';
  return ` (${facts.slice(0, 3).join(', ')}${facts.length > 3 ? ', ...' : ''})`;
}
