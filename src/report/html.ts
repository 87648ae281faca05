import type { FaultsOutcome, ObservedRow, Reliability, Result } from '../experiment/result.ts';
import { alertRows, alertsHeader, alertsSays, silenceLines } from './alerts.ts';
import { beforeHeader, beforeRows, beforeSays } from './before.ts';
import { brushScript } from './brush.ts';
import type { Chart } from './drawing.ts';
import { dueDateRows, dueDatesHeader } from './dueDates.ts';
import { exposureSentences, faultLegend, faultRows, faultsHeader, worstEntry } from './faults.ts';
import { headlines, verdictSentence, worries } from './firstScreen.ts';
import { highest, type PanelLine } from './lines.ts';
import { nestedHeader, nestedRows, nestedSays } from './nested.ts';
import { reliabilityHeader, reliabilityRows, reliabilitySays } from './reliability.ts';
import { replicationRows, replicationsHeader, replicationsSays } from './replications.ts';
import { shownRisks } from './risks.ts';
import { runSheetsWords, type SheetWords, sheetHeader, sheetLegend } from './runSheet.ts';
import { serviceLevelRows, serviceLevelsHeader } from './serviceLevels.ts';
import { clock, number, percent, sentence, timeUnit } from './words.ts';

/** Text of an untrusted file inside a page. */
export function inert(text: string): string {
  return text
    .replace(/&/g, '&amp;')
    .replace(/</g, '&lt;')
    .replace(/>/g, '&gt;')
    .replace(/"/g, '&quot;')
    .replace(/'/g, '&#39;');
}

export const style = `
:root{--ink:#111827;--soft:#6b7280;--line:#e5e7eb;--back:#fafaf9;--card:#ffffff;--good:#047857;--bad:#b91c1c;--warn:#b45309;--tint:#eff6ff;--link:#1d4ed8}
@media screen and (prefers-color-scheme:dark){:root{--ink:#f3f4f6;--soft:#9ca3af;--line:#374151;--back:#0f1115;--card:#171a21;--good:#34d399;--bad:#f87171;--warn:#fbbf24;--tint:#1e293b;--link:#93c5fd}}
*{box-sizing:border-box}body{margin:0;background:var(--back);color:var(--ink);font:15px/1.5 system-ui,sans-serif}
main{max-width:1120px;margin:0 auto;padding:32px 20px 64px}
header{border-left:6px solid var(--tone);padding:4px 0 4px 18px;margin-bottom:28px}
h1{font-size:28px;line-height:1.2;margin:0 0 6px}h2{font-size:18px;margin:36px 0 12px}
.verdict{font-weight:700;letter-spacing:.06em;color:var(--tone)}.soft{color:var(--soft)}
.cards{display:grid;grid-template-columns:repeat(auto-fill,minmax(210px,1fr));gap:12px}
.card{background:var(--card);border:1px solid var(--line);border-radius:10px;padding:12px 14px}
.card b{display:block;font-size:20px;font-variant-numeric:tabular-nums}.card.over{border-color:var(--bad)}.card.over b{color:var(--bad)}
.card span{color:var(--soft);font-size:13px;overflow-wrap:anywhere}
.scroll{overflow-x:auto;background:var(--card);border:1px solid var(--line);border-radius:10px}
table{border-collapse:collapse;width:100%;font-size:13.5px}th,td{padding:6px 10px;text-align:left;border-bottom:1px solid var(--line);vertical-align:top}
th{color:var(--soft);font-weight:600;white-space:nowrap}tr:last-child td{border-bottom:0}.n{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}
.role{display:inline-block;padding:0 8px;border-radius:99px;background:var(--tint);font-size:12px}.predict .role{background:var(--good);color:var(--card)}
.ok{color:var(--good);font-weight:600}.no{color:var(--bad);font-weight:600}.maybe{color:var(--warn);font-weight:600}
figure{margin:0;background:var(--card);border:1px solid var(--line);border-radius:10px;padding:12px 14px}figcaption{font-weight:600;margin-bottom:6px}
figure svg{max-width:100%;height:auto}.charts{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%,520px),1fr));gap:14px}
details{margin-top:10px}summary{cursor:pointer;color:var(--soft)}ol.told{columns:2;column-gap:32px;padding-left:0;list-style:none;font-size:13px}
ol.told li{break-inside:avoid;padding:1px 0;overflow-wrap:anywhere}ol.told time{color:var(--soft);display:inline-block;min-width:64px;font-variant-numeric:tabular-nums}
code{font:12.5px ui-monospace,monospace;overflow-wrap:anywhere}footer{margin-top:40px;color:var(--soft);font-size:13px}
.cards.lead{grid-template-columns:repeat(auto-fit,minmax(170px,1fr))}p.lead{font-size:18px;margin:6px 0 0}.worries{padding-left:20px}.worries li{margin:2px 0}.band{fill:#2563eb;opacity:.15;pointer-events:none}figure svg{touch-action:pan-y;user-select:none}
.readings{margin-top:6px;font-size:12.5px}.readings td,.readings th{padding:2px 8px}#brush{position:sticky;top:0;z-index:1;background:var(--card);border:1px solid var(--line);border-radius:10px;padding:8px 14px;margin:12px 0;display:flex;gap:10px;flex-wrap:wrap;align-items:center}#brush[hidden]{display:none}#brush input[type=number]{width:90px;font:inherit}figure .role-mark path{vector-effect:non-scaling-stroke}
nav{margin:28px 0 0;font-size:13.5px;display:flex;flex-wrap:wrap;gap:4px 16px}a{color:var(--link)}
@media(max-width:640px){ol.told{columns:1}h1{font-size:22px}main{padding:20px 12px 40px}figure{padding:10px 8px;overflow-x:auto}figure svg{max-width:none;width:640px;touch-action:auto}.cards{grid-template-columns:1fr 1fr}.card{padding:10px}.card b{font-size:17px}}
@media print{@page{margin:14mm}body{background:#fff;font-size:12px}main{max-width:none;padding:0}#brush,nav{display:none}.card,figure,tr,li{break-inside:avoid}h2{break-after:avoid}.scroll{overflow:visible;border:0}.charts{grid-template-columns:repeat(2,minmax(0,1fr))}figure svg{width:100%}.readings{font-size:9.5px}.readings td,.readings th{padding:1px 4px;white-space:normal}summary{list-style:none}details:not(.events)::details-content{content-visibility:visible;display:block;height:auto}}
`;

function cards(result: Result): string {
  return shownRisks(result)
    .map(
      (r) =>
        `<div class="card${r.ok ? '' : ' over'}"><b>${inert(number(r.value, r.unit))}</b>${inert(r.says)}<br><span>${r.limit === null ? '' : `limit ${inert(number(r.limit, r.unit))} `}${inert(r.where)}</span></div>`,
    )
    .join('');
}

function expectations(result: Result): string {
  const rows = result.expectations.map((e) => {
    const tone = e.verdict === 'pass' ? 'ok' : e.verdict === 'fail' ? 'no' : 'maybe';
    return `<tr><td class="${tone}">${e.verdict}</td><td>${inert(e.name)}<br><code class="soft">${inert(e.that)}</code></td><td>${inert(e.when)}${e.mode === 'scraped' ? ', scraped' : ''}</td><td>${inert(e.says)}</td></tr>`;
  });
  return `<div class="scroll" tabindex="0"><table><tr><th>verdict</th><th>expectation</th><th>when</th><th>finding</th></tr>${rows.join('')}</table></div>`;
}

function observedRow(o: ObservedRow): string {
  const tone = o.ok === null ? '' : o.ok ? 'ok' : 'no';
  const interval =
    o.interval === null || o.interval[0] === o.interval[1]
      ? ''
      : `${number(o.interval[0], o.unit)} to ${number(o.interval[1], o.unit)}`;
  const notes = [o.contradiction, o.note]
    .filter((x) => x !== null)
    .map((x) => inert(x))
    .join(': ');
  return `<tr class="${o.role}"><td>${inert(o.name)}${notes === '' ? '' : `<br><span class="soft">${notes}</span>`}</td><td><span class="role">${o.role}</span></td><td class="n">${inert(number(o.observed, o.unit))}</td><td class="n">${inert(number(o.predicted, o.unit))}</td><td class="n">${inert(interval)}</td><td class="n">${percent(o.relativeError)}</td><td class="n">${o.within === null ? '' : percent(o.within).replace('+', '')}</td><td class="${tone}">${o.ok === null ? '' : o.ok ? 'ok' : 'miss'}</td><td class="n" title="${inert(o.baselineSays ?? '')}">${o.baseline === null ? '' : inert(number(o.baseline, o.unit))}</td><td class="soft">${inert(o.source)}</td></tr>`;
}

function observed(result: Result): string {
  const head =
    '<tr><th>fact</th><th>role</th><th class="n">observed</th><th class="n">by the run</th><th class="n">90 % interval</th><th class="n">error</th><th class="n">band</th><th>within</th><th class="n">naive baseline</th><th>source</th></tr>';
  const gated = result.observed.filter(
    (o) => o.role === 'predict' || o.role === 'fit' || o.role === 'derived',
  );
  const rest = result.observed.filter((o) => !gated.includes(o));
  const part = (rows: readonly ObservedRow[]) =>
    `<div class="scroll" tabindex="0"><table>${head}${rows.map(observedRow).join('')}</table></div>`;
  return `${part(gated)}<details><summary>${rest.length} more: what was given, assumed, reconciled, or is only compared</summary>${part(rest)}</details>`;
}

function told(result: Result): string {
  const kinds = new Map(result.eventKinds.map((k) => [k.name, k]));
  const items = result.told.slice(0, 1000).flatMap((t) => {
    const kind = kinds.get(t.kind);
    return kind === undefined
      ? []
      : [`<li><time>${clock(t.time)}</time> ${inert(sentence(kind.says, t.subject, t.detail))}</li>`];
  });
  return `<details class="events"><summary>${items.length} events, told one by one</summary><ol class="told">${items.join('')}</ol></details>`;
}

function faultsTable(faults: FaultsOutcome): string {
  const head = faultsHeader(faults).map((h) => `<th>${inert(h)}</th>`);
  const rows = faultRows(faults).map(
    (row) =>
      `<tr>${row.map((c, i) => `<td class="${i < 3 ? '' : c === 'borne' ? 'ok' : c.startsWith('then') ? 'maybe' : 'no'}">${inert(c)}</td>`).join('')}</tr>`,
  );
  const entry = worstEntry(faults);
  const says = exposureSentences(faults).map((line) => `<li>${inert(line)}</li>`);
  const worst =
    entry === undefined ? '' : `<p>The worst, as an entry of the timeline: <code>${inert(entry)}</code></p>`;
  return `<div class="scroll" tabindex="0"><table><tr>${head.join('')}</tr>${rows.join('')}</table></div><ul>${says.join('')}</ul>${worst}<p class="soft">${faultLegend(faults).map(inert).join('<br>')}</p>`;
}

export function plainTable(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const cells = (row: readonly string[], tag: string) =>
    `<tr>${row.map((c) => `<${tag}>${inert(c)}</${tag}>`).join('')}</tr>`;
  return `<div class="scroll" tabindex="0"><table>${cells(header, 'th')}${rows.map((row) => cells(row, 'td')).join('')}</table></div>`;
}

function alertsTable(result: Result): string {
  const { alerts } = result;
  if (alerts === undefined) return '';
  const rows = alertRows(alerts, result.playedMicros);
  const table = rows.length === 0 ? '' : plainTable(alertsHeader, rows);
  const silences = silenceLines(result);
  const commands =
    silences.length === 0
      ? ''
      : `<p>Silences for the change:</p>${silences.map((line) => `<p><code>${inert(line)}</code></p>`).join('')}`;
  return `${table}<ul>${alertsSays(alerts)
    .map((line) => `<li>${inert(line)}</li>`)
    .join('')}</ul>${commands}`;
}

function reliabilityTable(reliability: Reliability): string {
  const rows = [
    `<tr>${reliabilityHeader.map((h) => `<th>${inert(h)}</th>`).join('')}</tr>`,
    ...reliabilityRows(reliability).map(
      (row) => `<tr>${row.map((c) => `<td>${inert(c)}</td>`).join('')}</tr>`,
    ),
  ];
  return `<div class="scroll" tabindex="0"><table>${rows.join('')}</table></div><p class="soft">${inert(reliabilitySays(reliability))}</p>`;
}

/** Least, most and last of a line. */
function reading({ points }: PanelLine): readonly [number, number, number] {
  const values = points.map((p) => p.v);
  return [
    values.reduce((x, y) => Math.min(x, y), Number.POSITIVE_INFINITY),
    values.reduce((x, y) => Math.max(x, y), Number.NEGATIVE_INFINITY),
    values.at(-1)!,
  ];
}

/** A chart in a sentence, for whoever does not see it. */
function described({ title, kind, lines = [], unit = '' }: Chart): string {
  const [line] = highest(lines, 1);
  if (line === undefined) return kind === 'timeline' ? `${title}: what is told one by one below` : title;
  const [least, most, last] = reading(line).map((v) => number(v, unit));
  const which = line.by === '' ? '' : `, the highest of ${lines.length} lines is ${line.by}`;
  return `${title}${which}: least ${least}, most ${most}, last ${last}`;
}

/** A chart with what it says in words: least, most and last of every line. */
function figure(chart: Chart, svg: string, micros: number): string {
  const { title, lines = [], unit = '', span } = chart;
  const rows = lines.map((line) => {
    const cells = reading(line).map((v) => `<td class="n">${inert(number(v, unit))}</td>`);
    // Time and value in turn, for the script.
    const drawn = line.points.flatMap((p) => [Number((p.t / micros).toFixed(4)), p.v]);
    return `<tr data-unit="${inert(unit)}" data-points="${inert(JSON.stringify(drawn))}"><td>${inert(line.by === '' ? title : line.by)}</td>${cells.join('')}</tr>`;
  });
  const readings =
    rows.length === 0
      ? ''
      : `<details><summary>least, most and last</summary><table class="readings"><thead><tr><th>line</th><th class="n">least</th><th class="n">most</th><th class="n">last</th></tr></thead><tbody>${rows.join('')}</tbody></table></details>`;
  const left = Number(/translate\((\d+(?:\.\d+)?),/.exec(svg)?.[1] ?? 0);
  const place = span === undefined ? '' : ` data-left="${left}" data-width="${span}"`;
  return `<figure tabindex="0"${place}><figcaption>${inert(title)}</figcaption>${svg.replace('<svg ', `<svg role="img" aria-label="${inert(described(chart))}" `)}${readings}</figure>`;
}

function firstScreen(result: Result): string {
  const cards = headlines(result)
    .map(
      (h) =>
        `<div class="card${h.over ? ' over' : ''}"><b>${inert(h.value)}</b>${inert(h.says)}<br><span>${inert(h.against)}</span></div>`,
    )
    .join('');
  const all = worries(result);
  const shown = all.slice(0, 6).map((w) => `<li>${inert(w)}</li>`);
  if (all.length > shown.length)
    shown.push(`<li class="soft">and ${all.length - shown.length} more below</li>`);
  return `<div class="cards lead">${cards}</div><h2>What to worry about</h2>${shown.length === 0 ? '<p>Nothing that was asked for.</p>' : `<ul class="worries">${shown.join('')}</ul>`}`;
}

/** A part of the page, with the name by which its list of parts leads there. */
interface Part {
  readonly id: string;
  readonly title: string;
  readonly body: string;
}

function expectationsPart(result: Result): string {
  const { length } = result.expectations;
  if (length === 0) return '';
  if (result.verdict !== 'pass') return expectations(result);
  return `<details><summary>all of ${length} hold</summary>${expectations(result)}</details>`;
}

/** Measures that chance reaches; those that it does not are folded away. */
function replicationsPart(result: Result): string {
  const { replications } = result;
  if (replications === undefined) return '';
  const all = replicationRows(replications);
  const varied = all.filter((_, i) => replications.measures[i]!.varies);
  const same = all.filter((row) => !varied.includes(row));
  const folded =
    same.length === 0
      ? ''
      : `<details><summary>${same.length} more, which no chance reaches</summary>${plainTable(replicationsHeader, same)}</details>`;
  const says = replicationsSays(replications, result.scenario, result.seed);
  const list = (lines: readonly string[]) =>
    `<ul>${lines.map((line) => `<li>${inert(line)}</li>`).join('')}</ul>`;
  const { nested } = replications;
  const apart =
    nested === null
      ? ''
      : `<h3>What is not known, and what is chance</h3>${plainTable(nestedHeader, nestedRows(nested))}${list(nestedSays(nested))}`;
  return `${varied.length === 0 ? '' : plainTable(replicationsHeader, varied)}${folded}${list(says)}${apart}`;
}

function findingsPart(result: Result): string {
  if (result.findings.length === 0) return '';
  const rows = result.findings.map(
    (f) =>
      `<tr><td>${inert(f.id)}</td><td>${inert(f.says)}</td><td class="soft">${f.facts.map(inert).join('<br>')}</td></tr>`,
  );
  return `<div class="scroll" tabindex="0"><table><tr><th>finding</th><th>what</th><th>facts</th></tr>${rows.join('')}</table></div>`;
}

/** Each change as its run sheet has it; what ends a step and how it is undone is folded away. */
function runSheetsPart(result: Result): string {
  const { stands, sheets } = runSheetsWords(result);
  const list = (items: SheetWords['undo']) =>
    `<ul>${items.map(([step, says]) => `<li><b>${inert(step)}</b>: ${inert(says)}</li>`).join('')}</ul>`;
  const body = sheets.map(({ title, lead, rows, notes, abortIf, undo }) => {
    const head = `<h3>${inert(title)}</h3><p>${inert(lead)}</p>`;
    if (rows.length === 0) return `${head}<p>No step of it was played.</p>`;
    const noted = notes.map((note) => `<li>${inert(note)}</li>`).join('');
    return `${head}${plainTable(sheetHeader, rows)}${noted === '' ? '' : `<ul>${noted}</ul>`}<details><summary>Abort if</summary>${list(abortIf)}</details><details><summary>To undo</summary>${list(undo)}</details>`;
  });
  return `<p class="soft">${inert(stands)} ${inert(sheetLegend)}</p>${body.join('')}`;
}

function assumedPart(result: Result): string {
  const { assumed, warmedInsteadOfPlayed: warmed } = result;
  const rows = [
    ...assumed.map(
      (a) =>
        `<tr><td><code>${inert(a.path)}</code></td><td class="n">${inert(a.value)}</td><td class="soft">${inert(a.source)}</td></tr>`,
    ),
    ...warmed.map((w) => `<tr><td>set at the start</td><td></td><td class="soft">${inert(w)}</td></tr>`),
  ];
  return `<details><summary>${assumed.length} values with their sources${warmed.length === 0 ? '' : '; and what was set in place of a warm-up'}</summary><div class="scroll" tabindex="0"><table><tr><th>value of</th><th class="n">value</th><th>source</th></tr>${rows.join('')}</table></div></details>`;
}

/** What the run was played with, and the command that plays it again. */
function manifestPart(result: Result): string {
  const command = `rehearse run ${result.file} --seed ${result.seed}`;
  const rows = [
    ['program', `rehearse ${result.version}`],
    ['scenario', `${result.scenario}, digest ${result.scenarioDigest}`],
    ['platform', `digest ${result.platformDigest}`],
    [
      'chance',
      `seed ${result.seed}, replication ${result.replication}${result.seeds > 1 ? `, intervals over ${result.seeds} seeds` : result.draws ? ', one draw' : ', nothing is drawn'}`,
    ],
    ['played', `${result.eventCount} events, fingerprint ${result.fingerprint}`],
  ];
  return `<p>Reproduce it with <code>${inert(command)}</code></p><div class="scroll" tabindex="0"><table>${rows.map(([name, value]) => `<tr><th>${name}</th><td><code>${inert(value!)}</code></td></tr>`).join('')}</table></div>`;
}

/** One page that needs nothing else: no network, and all of it readable without its one script. Charts come with their SVG. */
export function reportHtml(
  result: Result,
  drawn: readonly (readonly [Chart, string])[],
  digestOf: (text: string) => string,
): string {
  const tone = { pass: 'var(--good)', fail: 'var(--bad)', inconclusive: 'var(--warn)' }[result.verdict];
  const css = `${style}:root{--tone:${tone}}`;
  const { word, micros } = timeUnit(result.playedMicros);
  const figures = (kind: Chart['kind']) => {
    const own = drawn.filter(([chart]) => chart.kind === kind);
    return own.map(([chart, svg]) => figure(chart, svg, micros)).join('');
  };
  const brush = `<div id="brush" data-last="${result.playedMicros / micros}" data-unit="${word}" hidden><span>Window of time, ${word}:</span><label>from <input type="number" min="0" step="any"></label><label>to <input type="number" min="0" step="any"></label><label><input type="checkbox"> show it alone</label><button type="button">whole</button><output></output><span class="soft">or drag over a chart</span></div>`;
  const { before, reliability, serviceLevels, dueDates, faults } = result;
  const parts: readonly Part[] = [
    {
      id: 'before',
      title: 'Before and after',
      body:
        before === undefined
          ? ''
          : `${plainTable(beforeHeader, beforeRows(result))}<p class="soft">${inert(beforeSays(result))}</p>`,
    },
    { id: 'expectations', title: 'Expectations', body: expectationsPart(result) },
    {
      id: 'timeline',
      title: 'Timeline',
      body: `${drawn.length === 0 ? '' : brush}${figures('timeline')}${told(result)}`,
    },
    { id: 'curves', title: 'Curves', body: `<div class="charts">${figures('curve')}</div>` },
    {
      id: 'observed',
      title: 'Observed and played',
      body: result.observed.length === 0 ? '' : `${figures('observed')}${observed(result)}`,
    },
    { id: 'risks', title: 'Risks', body: `<div class="cards">${cards(result)}</div>` },
    {
      id: 'chance',
      title: 'Runs that differ by chance',
      body: `<div class="charts">${figures('chance')}</div>${replicationsPart(result)}`,
    },
    {
      id: 'reliability',
      title: 'Reliability',
      body: reliability === undefined ? '' : reliabilityTable(reliability),
    },
    {
      id: 'faults',
      title: 'Single faults during the change',
      body: faults === undefined ? '' : faultsTable(faults),
    },
    {
      id: 'run-sheets',
      title: 'Run sheets',
      body: result.runSheets === undefined ? '' : runSheetsPart(result),
    },
    { id: 'alerts', title: 'Alerts', body: alertsTable(result) },
    {
      id: 'service-levels',
      title: 'Service levels',
      body:
        serviceLevels === undefined ? '' : plainTable(serviceLevelsHeader, serviceLevelRows(serviceLevels)),
    },
    {
      id: 'due',
      title: 'What ends next',
      body: dueDates === undefined ? '' : plainTable(dueDatesHeader, dueDateRows(result)),
    },
    { id: 'findings', title: 'Findings', body: findingsPart(result) },
    { id: 'assumed', title: 'Assumed and default values', body: assumedPart(result) },
    { id: 'again', title: 'How to play it again', body: manifestPart(result) },
  ].filter((part) => part.body.replace('<div class="charts"></div>', '') !== '');
  const gated = result.observed.filter((o) => o.role === 'predict');
  const said =
    gated.length === 0
      ? ''
      : ` ${gated.filter((o) => o.ok).length} of ${gated.length} predictions within their band.`;
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; script-src 'sha256-${digestOf(brushScript)}'; style-src 'sha256-${digestOf(css)}' 'unsafe-hashes'; img-src data:">
<title>${inert(result.title)}</title><style>${css}</style></head><body><main>
<header><div class="verdict">${result.verdict.toUpperCase()}</div><h1>${inert(result.title)}</h1>
<p class="lead">${inert(verdictSentence(result))}</p>
<div class="soft">from ${inert(result.from)}, ${inert(number(result.playedMicros / 1e6, 's'))} played${result.stoppedBecause === null ? '' : `, ended because ${inert(result.stoppedBecause)}`}.${said}</div></header>
${firstScreen(result)}
<nav aria-label="Parts of the page">${parts.map(({ id, title }) => `<a href="#${id}">${title}</a>`).join(' ')}</nav>
${parts.map(({ id, title, body }) => `<section aria-labelledby="${id}"><h2 id="${id}">${title}</h2>${body}</section>`).join('\n')}
</main><script>${brushScript}</script></body></html>
`;
}
