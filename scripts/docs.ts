/** `npm run docs`: writes docs/reference from the verbs, the schemas and the catalogues. A test fails when it is stale. */
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { rootOf } from '../src/cli/files.ts';
import { verbs } from '../src/cli/verbs.ts';
import type { Catalogue } from '../src/engine/catalogue.ts';
import { bands, type Figure, within } from '../src/evidence/gcScore.ts';
import { summaryJsonSchema } from '../src/report/summary.ts';
import { leafKeys, platformJsonSchema, scenarioJsonSchema } from '../src/scenario/jsonSchema.ts';
import type { Part } from '../src/scenario/part.ts';
import { parts } from '../src/scenario/parts/index.ts';
import { recorded, runs, spreadOf } from '../test/support/g1Runs.ts';

const all = parts as unknown as readonly Part[];
const made = 'Made by `npm run docs`; do not edit.';

function table(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.map((c) => c.replaceAll('|', '\\|')).join(' | ')} |`;
  return [line(header), `|${header.map(() => '---|').join('')}`, ...rows.map(line)].join('\n');
}

/** Every figure of every recorded run of G1 beside the median that is played. */
function g1Accuracy(): string {
  const played = JSON.parse(
    readFileSync(join(rootOf(import.meta.filename), 'test/golden/files/g1Runs.json'), 'utf8'),
  ) as Record<string, Record<Figure, number>>;
  const names = Object.keys(bands) as Figure[];
  const short = (x: number) => (Number.isInteger(x) ? String(x) : String(Number(x.toPrecision(3))));
  const counts = { all: 0, strict: 0, fair: 0 };
  const rows = runs.map((run) => {
    const cells = names.map((name) => {
      const value = recorded(run)[name];
      const own = played[run.name]![name];
      if (value === undefined) return `- / ${short(own)}`;
      const fair = within(value, own, Math.max(bands[name], spreadOf(run.name, name)));
      if (run.fitted === undefined) {
        counts.all += 1;
        counts.fair += fair ? 1 : 0;
        counts.strict += within(value, own, bands[name]) ? 1 : 0;
      }
      return `${short(value)} / ${fair ? short(own) : `**${short(own)}**`}`;
    });
    return [`${run.name}: ${run.says}${run.fitted === undefined ? '' : ' (fitted)'}`, ...cells];
  });
  const share = (n: number) => `${n} of ${counts.all} (${((100 * n) / counts.all).toFixed(0)} %)`;
  return [
    '# How near G1 comes to recorded runs',
    made,
    `Each cell: recorded / played, the median of 100 seeds; **bold** where it is outside the larger of its band (counts and interval 10 %, p50 20 %, p90 30 %, p99 and maximum 40 %) and the spread of the repeated runs (a, t, v; g, u). The costs were fitted on the two runs marked so, and frozen before the others were scored; flags and program numbers are all that is known of a run. Interval in seconds, quantiles in milliseconds, the rest are counts in 45 s. Runs without a log have no p90; with fewer than 100 pauses a p99 is not compared.`,
    `Within their band: ${share(counts.strict)}; within the larger of band and spread: ${share(counts.fair)}. The aim is 80 %.`,
    table(['run', ...names], rows),
  ].join('\n\n');
}

/** All reference files by path below docs/reference. */
export async function referenceFiles(): Promise<Map<string, string>> {
  const files = new Map<string, string>();
  const sections: string[] = [];
  for (const [name, load] of Object.entries(verbs)) {
    const verb = await load();
    const options = Object.entries(verb.options).map(([o, { says, type }]) => [
      `\`--${o}\`${type === 'string' ? ' VALUE' : ''}`,
      says,
    ]);
    sections.push(
      `## ${name}\n\n\`rehearse ${name} ${verb.usage}\`\n\n${verb.question}\n\n${options.length === 0 ? '' : `${table(['option', 'meaning'], options)}\n\n`}${verb.examples.map((e) => `    ${e}`).join('\n')}`,
    );
  }
  files.set(
    'verbs.md',
    `# Verbs\n\n${made}\n\nExit codes: 0 yes, 1 a bug of ours, 2 wrong usage or input, 20 the answer is no, 21 inconclusive, 130 interrupted.\n\n${sections.join('\n\n')}\n`,
  );
  const actions = all.flatMap((p) =>
    Object.entries(p.actions).map(([name, a]) => [`\`${p.name}.${name}\``, a.says]),
  );
  files.set(
    'keys.md',
    `# Keys of scenarios and platforms\n\n${made} The JSON Schemas beside this file say what each may hold.\n\n${table(
      ['part', 'says'],
      all.map((p) => [`\`${p.name}\``, p.says]),
    )}\n\n## Actions\n\n${table(['action', 'what it does'], actions)}\n\n## Every key\n\n${leafKeys(parts)
      .map((k) => `- \`${k}\``)
      .join('\n')}\n`,
  );
  const catalogues = all
    .map((p): readonly [string, Catalogue] => [p.name, p.catalogue])
    .filter(([, c]) => c.metrics.length + c.events.length + c.risks.length > 0);
  const pages = catalogues.map(([name, c]) => {
    const blocks = [`## ${name}`];
    if (c.metrics.length > 0)
      blocks.push(
        table(
          ['metric', 'labels', 'unit', 'meaning', 'source'],
          c.metrics.map((m) => [`\`${m.name}\``, m.labels.join(', '), m.unit, m.help, m.source]),
        ),
      );
    if (c.risks.length > 0)
      blocks.push(
        '### Risks',
        table(
          ['risk', 'unit', 'meaning', 'measure', 'default limit'],
          c.risks.map((r) => [
            `\`${r.name}\``,
            r.unit,
            r.says,
            `\`${r.that}\``,
            r.limit === undefined ? '' : String(r.limit),
          ]),
        ),
      );
    if (c.events.length > 0)
      blocks.push(
        '### Events',
        table(
          ['event', 'sentence'],
          c.events.map((e) => [`\`${e.name}\``, e.says]),
        ),
      );
    return blocks.join('\n\n');
  });
  files.set('measures.md', `# Metrics, risks and events\n\n${made}\n\n${pages.join('\n\n')}\n`);
  files.set('g1.md', `${g1Accuracy()}\n`);
  files.set('scenario.schema.json', `${JSON.stringify(scenarioJsonSchema(parts), null, 2)}\n`);
  files.set('platform.schema.json', `${JSON.stringify(platformJsonSchema(parts), null, 2)}\n`);
  files.set('summary.schema.json', `${JSON.stringify(summaryJsonSchema(), null, 2)}\n`);
  return files;
}

if (process.argv[1] === import.meta.filename) {
  const folder = join(rootOf(import.meta.filename), 'docs/reference');
  rmSync(folder, { recursive: true, force: true });
  for (const [path, text] of await referenceFiles()) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), text);
    console.log(`docs/reference/${path}`);
  }
}
