import { createHash } from 'node:crypto';
import { z } from 'zod';
import type { Answer, Plot } from '../experiment/answer.ts';
import type { Problem } from '../formats/problem.ts';
import { base, type Chart, drawSvg } from './drawing.ts';
import { inert, plainTable, style } from './html.ts';
import { playAgain, Reader, type SavedFiles } from './savedReader.ts';
import { sectionsText, words } from './sections.ts';
import { plain } from './text.ts';

/** A plot as a Vega-Lite chart: lines with their intervals, a map with its values written in, or bars. */
export function plotChart(plot: Plot): Chart {
  const { name, title, kind, marks } = plot;
  const numeric = marks.every((m) => typeof m.x === 'number');
  const x = { field: 'x', type: numeric ? 'quantitative' : 'nominal', title: plot.x, scale: { zero: false } };
  const data = { values: marks };
  const color = { field: 'by', type: 'nominal', title: null };
  const several = new Set(marks.map((m) => m.by ?? '')).size > 1;
  const numbers = marks.flatMap((m) => m.value ?? []);
  const middle = (Math.min(...numbers) + Math.max(...numbers)) / 2;
  if (kind === 'map')
    return {
      name,
      title,
      kind: 'answer',
      spec: {
        ...base,
        height: 260,
        data,
        encoding: {
          x: { field: 'x', type: 'ordinal', title: plot.x, sort: null },
          y: { field: 'y', type: 'ordinal', title: plot.y, sort: null },
        },
        layer: [
          {
            mark: { type: 'rect' },
            encoding: {
              color: { field: 'value', type: 'quantitative', title: null, scale: { scheme: 'viridis' } },
            },
          },
          {
            mark: { type: 'text', fontSize: 11 },
            encoding: {
              text: { field: 'value', type: 'quantitative', format: '.3~g' },
              // Light on the dark half of the scale.
              color: { condition: { test: `datum.value < ${middle}`, value: '#ffffff' }, value: '#111827' },
            },
          },
        ],
      },
    };
  // Those that none is lower than come first, in colour.
  const order = [...new Set(marks.map((m) => m.by ?? ''))].sort().reverse();
  if (kind === 'frontier')
    return {
      name,
      title,
      kind: 'answer',
      spec: {
        ...base,
        height: 280,
        data,
        encoding: { x, y: { field: 'y', type: 'quantitative', title: plot.y, scale: { zero: false } } },
        layer: [
          {
            transform: [{ filter: { field: 'by', equal: order[0] } }],
            mark: { type: 'line', interpolate: 'step-after', color: '#2563eb', opacity: 0.5 },
          },
          {
            mark: { type: 'point', filled: true, size: 60 },
            encoding: {
              color: { ...color, scale: { domain: order, range: ['#2563eb', '#9ca3af'] } },
              shape: { ...color, scale: { domain: order } },
            },
          },
          {
            mark: { type: 'text', align: 'left', dx: 7, dy: -5 },
            encoding: { text: { field: 'label', type: 'nominal' } },
          },
        ],
      },
    };
  if (kind === 'points')
    return {
      name,
      title,
      kind: 'answer',
      spec: {
        ...base,
        data,
        mark: { type: 'point', filled: true, opacity: 0.7, color: '#2563eb' },
        encoding: { x, y: { field: 'y', type: 'quantitative', title: plot.y } },
      },
    };
  if (kind === 'bars')
    return {
      name,
      title,
      kind: 'answer',
      spec: {
        ...base,
        height: { step: 20 },
        data,
        mark: { type: 'bar', color: '#2563eb' },
        encoding: {
          x: { field: 'x', type: 'quantitative', title: plot.x },
          y: { field: 'y', type: 'nominal', title: null, sort: '-x' },
        },
      },
    };
  const y = {
    field: 'y',
    type: 'quantitative',
    title: plot.y === 'ratio' ? 'share' : plot.y || null,
    scale: { zero: false },
  };
  return {
    name,
    title,
    kind: 'answer',
    spec: {
      ...base,
      height: 240,
      data,
      encoding: { x, ...(several ? { color } : {}) },
      layer: [
        ...(numeric
          ? [
              {
                mark: { type: 'area', opacity: 0.15 },
                encoding: { y: { field: 'low', type: 'quantitative', title: null }, y2: { field: 'high' } },
              },
            ]
          : [
              {
                mark: { type: 'rule' },
                encoding: { y: { field: 'low', type: 'quantitative', title: null }, y2: { field: 'high' } },
              },
            ]),
        { mark: { type: 'line', point: true }, encoding: { y } },
        ...(plot.rule === undefined
          ? []
          : [
              {
                mark: { type: 'rule', strokeDash: [4, 4], color: '#dc2626' },
                encoding: { y: { datum: plot.rule } },
              },
            ]),
      ],
    },
  };
}

/** An answer as a terminal shows it. */
export function answerText(
  answer: Pick<Answer, 'title' | 'sections' | 'verdict' | 'says'>,
  folder: string,
): string {
  const verdict = answer.verdict === null ? '' : `${answer.verdict.toUpperCase()}\n`;
  return `${plain(answer.title)}\n\n${sectionsText(answer.sections)}\n${verdict}${answer.says.map(plain).join('\n')}\nreport ${folder}/report.html\n`;
}

function markdown(answer: SavedAnswer): string {
  const cell = (text: string) => plain(text).replaceAll('|', '\\|').replaceAll('<', '&lt;');
  const row = (cells: readonly string[]) => `| ${cells.map(cell).join(' | ')} |`;
  return `${[
    `# ${cell(answer.title)}`,
    ...answer.says.map(cell),
    ...answer.sections.map((s) =>
      [
        `## ${cell(s.title)}`,
        '',
        ...(s.rows.length === 0
          ? []
          : [
              row(s.header),
              `|${s.header.map(() => '---|').join('')}`,
              ...s.rows.map((r) => row(r.map(words))),
            ]),
        ...s.sentences.map((x) => `\n${cell(x)}`),
      ].join('\n'),
    ),
  ].join('\n\n')}\n`;
}

function page(answer: SavedAnswer, svgs: readonly (readonly [string, string])[]): string {
  const tone =
    answer.verdict === null
      ? 'var(--soft)'
      : { pass: 'var(--good)', fail: 'var(--bad)', inconclusive: 'var(--warn)' }[answer.verdict];
  const css = `${style}:root{--tone:${tone}}`;
  const digest = createHash('sha256').update(css).digest('base64');
  const [first, ...more] = answer.says;
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'sha256-${digest}' 'unsafe-hashes'; img-src data:">
<title>${inert(answer.title)}</title><style>${css}</style></head><body><main>
<header><div class="verdict">${answer.verdict === null ? inert(answer.verb) : answer.verdict.toUpperCase()}</div><h1>${inert(answer.title)}</h1>
<div>${inert(first ?? '')}</div><div class="soft">${more.map(inert).join('<br>')}</div></header>
<div class="charts">${svgs.map(([title, svg]) => `<figure><figcaption>${inert(title)}</figcaption>${svg}</figure>`).join('')}</div>
${answer.sections
  .map(
    (s) =>
      `<h2>${inert(s.title)}</h2>${
        s.rows.length === 0
          ? ''
          : plainTable(
              s.header,
              s.rows.map((r) => r.map(words)),
            )
      }${s.sentences.map((x) => `<p>${inert(x)}</p>`).join('')}`,
  )
  .join('\n')}
<footer>rehearse ${inert(answer.version)}, scenario <code>${inert(answer.scenario)}</code>, seed ${inert(answer.seed)}. An answer is reproduced by its command, seed and version.</footer>
</main></body></html>
`;
}

/** JSON has no number for what is none. */
const shownNumber = z
  .number()
  .nullable()
  .transform((x) => x ?? Number.NaN);

/** The whole answer as `answer.json` keeps it: what is drawn is drawn from this. */
const savedSchema = z.object({
  rehearse: z.literal(1),
  version: z.string(),
  verb: z.string(),
  title: z.string(),
  scenario: z.string(),
  seed: z.string(),
  verdict: z.enum(['pass', 'fail', 'inconclusive']).nullable(),
  says: z.array(z.string()),
  sections: z.array(
    z.object({
      title: z.string(),
      header: z.array(z.string()),
      rows: z.array(
        z.array(
          z.union([
            z.string(),
            z.object({ value: shownNumber, unit: z.string() }),
            z.object({ before: shownNumber, after: shownNumber, unit: z.string() }),
          ]),
        ),
      ),
      sentences: z.array(z.string()),
    }),
  ),
  /** Charts in their order: each is in the folder `charts` as name.vl.json. */
  charts: z.array(z.object({ name: z.string().regex(/^[\w-]+$/), title: z.string() })),
});
export type SavedAnswer = z.output<typeof savedSchema>;

const json = (value: unknown) =>
  `${JSON.stringify(value, (_, v) => (typeof v === 'number' && !Number.isFinite(v) ? null : v), 2)}\n`;

/** What is drawn of a saved answer: its page, its text and its charts, each of which is a Vega-Lite specification by its name. */
export async function drawnAnswer(
  answer: SavedAnswer,
  specOf: (name: string) => Record<string, unknown>,
): Promise<Map<string, string>> {
  const files = new Map<string, string>([['summary.md', markdown(answer)]]);
  const svgs: [string, string][] = [];
  for (const { name, title } of answer.charts) {
    const svg = await drawSvg({ name, title, kind: 'answer', spec: specOf(name) });
    files.set(`charts/${name}.svg`, svg);
    svgs.push([title, svg]);
  }
  files.set('report.html', page(answer, svgs));
  return files;
}

/** All files of an answer, manifest first. */
export async function answerFiles(
  answer: Answer,
  command: readonly string[],
): Promise<Map<string, string | Uint8Array>> {
  const { verb, title, scenario, seed, version, verdict, says, sections, data } = answer;
  const charts = answer.plots.filter((p) => p.marks.length > 0).map(plotChart);
  const files = new Map<string, string | Uint8Array>();
  files.set('manifest.json', json({ rehearse: 1, version, verb, scenario, seed, command }));
  const saved = json({
    ...{ rehearse: 1, version, verb, title, scenario, seed, verdict, says, sections },
    charts: charts.map((chart) => ({ name: chart.name, title: chart.title })),
    data,
  });
  files.set('answer.json', saved);
  const { datasetArrow } = await import('./arrow.ts');
  files.set(answer.verb === 'explain' ? 'causes.arrow' : 'runs.arrow', datasetArrow(answer.columns));
  const specs = new Map(charts.map((chart) => [chart.name, json(chart.spec)]));
  for (const [name, spec] of specs) files.set(`charts/${name}.vl.json`, spec);
  const drawn = await drawnAnswer(savedSchema.parse(JSON.parse(saved)), (name) =>
    JSON.parse(specs.get(name)!),
  );
  for (const [name, text] of drawn) files.set(name, text);
  return files;
}

export type RedrawnAnswer =
  | { readonly answer: SavedAnswer; readonly files: ReadonlyMap<string, string> }
  | {
      readonly answer: undefined;
      readonly problems: readonly Problem[];
      readonly texts: ReadonlyMap<string, string>;
    };

/**
 * An answer as its folder holds it, with what is drawn of it: the bytes that its verb drew.
 * @param version of this program: an answer of another one is refused, as a result is
 */
export async function redrawnAnswer(from: SavedFiles, version: string): Promise<RedrawnAnswer> {
  const reader = new Reader(from);
  const answer = reader.json('answer.json', savedSchema, (file, value) => {
    if (typeof value.version === 'string' && value.version !== version)
      file.problem(
        ['version'],
        `written by rehearse ${value.version}, and this is ${version}`,
        `${playAgain}, or draw it with npx rehearse@${value.version}`,
      );
  });
  const specs = new Map<string, Record<string, unknown>>();
  for (const { name } of answer?.charts ?? []) {
    const spec = reader.json(`charts/${name}.vl.json`, z.record(z.string(), z.unknown()));
    if (spec !== undefined) specs.set(name, spec);
  }
  if (answer === undefined || reader.problems.length > 0)
    return { answer: undefined, problems: reader.problems, texts: reader.texts };
  return { answer, files: await drawnAnswer(answer, (name) => specs.get(name)!) };
}
