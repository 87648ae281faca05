/** `npm run docs`: writes docs/reference from the verbs, the schemas and the catalogues. A test fails when it is stale. */
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { exitWords } from '../src/cli/exitCodes.ts';
import { readerBelow, rootOf } from '../src/cli/files.ts';
import { manPage, placeholder } from '../src/cli/help.ts';
import { allVerbs, version } from '../src/cli/verbs.ts';
import type { Catalogue } from '../src/engine/catalogue.ts';
import { agrees, coverages, experiments } from '../src/evidence/coverage.ts';
import { bands, type Figure, within } from '../src/evidence/gcScore.ts';
import {
  leadersAfterGrowth,
  type MoveFacts,
  movePlans,
  type PlanKind,
  type PlanRange,
  type PlanShape,
  planDuration,
  planRange,
} from '../src/evidence/movePlans.ts';
import { oomChances } from '../src/evidence/oomChance.ts';
import { fitDescribedRollover } from '../src/evidence/rolloverFit.ts';
import { rules } from '../src/experiment/audit/audit.ts';
import { summaryJsonSchema } from '../src/report/summary.ts';
import { quantities } from '../src/scenario/facts/quantities.ts';
import { factsJsonSchema } from '../src/scenario/facts/read.ts';
import { leafKeys, platformJsonSchema, scenarioJsonSchema } from '../src/scenario/jsonSchema.ts';
import { openScenario } from '../src/scenario/open.ts';
import type { Part } from '../src/scenario/part.ts';
import { type BatchSettings, jobsOf } from '../src/scenario/parts/batch.ts';
import { parts } from '../src/scenario/parts/index.ts';
import { recorded, runs, spreadOf } from '../test/support/g1Runs.ts';

const all = parts as unknown as readonly Part[];
const made = 'Made by `npm run docs`; do not edit.';

function table(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.map((c) => c.replaceAll('|', '\\|')).join(' | ')} |`;
  return [line(header), `|${header.map(() => '---|').join('')}`, ...rows.map(line)].join('\n');
}

/** What each kind of interval covers, as it was measured. */
function intervals(): string {
  const percent = (x: number) => `${(100 * x).toFixed(1)} %`;
  const all = coverages();
  const rows = all.map((c) => [
    c.method,
    c.of,
    agrees(c) ? percent(c.measured) : `**${percent(c.measured)}**`,
    `${c.from === 'at least' ? 'at least ' : ''}${percent(c.reference)}`,
    c.from === 'at least' ? 'its promise' : c.from,
  ]);
  return `# What intervals cover

${made}

Every interval that a result shows says 95 %. Measured: how many of ${experiments.toLocaleString('en')} synthetic experiments it covers, by the code that results use. Reference: what the method covers at this number of values, by
enumeration, by theory, or by a simulation with other means; **bold** where the two are more than 3.3 standard errors apart. Student's t covers less of skewed values: a result says so, with the number of runs
that its own skewness needs (W. G. Cochran, 25 G1 squared).

${table(['interval', 'of', 'covers', 'reference', 'by'], rows)}

${all.filter(agrees).length} of ${all.length} agree.
`;
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

/** The partition expansion of the reference day: what its operations log leaves open, and what follows from each way to fill it. */
function partitionExpansion(): string {
  const [GB, MB] = [1e9, 1e6];
  const live = (220 * MB) / 36;
  const facts: MoveFacts = {
    brokers: 5,
    partitions: 36,
    replicationFactor: 3,
    live,
    throttle: 104_857_600,
    least: 47.5 * GB,
    most: 48.5 * GB,
    oldReplica: [16 * GB, 24 * GB],
    // From 16:30 to 16:32: producers find the new partitions evenly over five minutes, or all at once.
    newReplica: [(live * 120 * 120) / (2 * 300), live * 120],
    newReplicas: 36,
    observed: 22 * 60,
  };
  const minutes = (seconds: number) =>
    Number.isFinite(seconds) ? (seconds / 60).toFixed(seconds < 6000 ? 1 : 0) : 'never';
  const percent = (share: number) => `${(100 * share).toFixed(share > 0 && share < 0.1 ? 1 : 0)} %`;
  const line = (says: string, r: PlanRange) => [
    says,
    String(r.plans),
    ...[r.minimum, r.median, r.maximum].map(minutes),
    ...[
      r.never,
      r.sooner,
      r.asObserved,
      r.binds['takes in'],
      r.binds.sends,
      r.binds['waits for its turns'],
    ].map(percent),
  ];
  const sorts: readonly (readonly [string, (kind: PlanKind, shape: PlanShape) => boolean])[] = [
    ['all', () => true],
    ['replicas that were there: two or three', (k) => k.name === 'old'],
    ['one or two of them and some of the new partitions', (k) => k.name === 'old and new'],
    ['2 to 36 equal replicas', (k) => k.name === 'equal'],
    ['onto one broker', (_, s) => s.destinations === 1],
    ['onto five', (_, s) => s.destinations === 5],
    ['from one leader', (_, s) => s.leaders === 1],
    ['from five', (_, s) => s.leaders === 5],
    ['5 at once on a broker, the default of Cruise Control', (_, s) => s.concurrency === 5],
    ['10 at once', (_, s) => s.concurrency === 10],
    ['all at once, as kafka-reassign-partitions does', (_, s) => s.concurrency === Number.POSITIVE_INFINITY],
    ['what moves is listed for the throttle', (_, s) => !s.allListed],
    ['the whole topic is listed', (_, s) => s.allListed],
  ];
  const named: readonly (readonly [number, number, number])[] = [
    [2, 104.8576, Number.POSITIVE_INFINITY],
    [10, 100, Number.POSITIVE_INFINITY],
    [10, 104.8576, Number.POSITIVE_INFINITY],
    [10, 100, 5],
    [5, 100, Number.POSITIVE_INFINITY],
    [10, 200, Number.POSITIVE_INFINITY],
    [10, 50, Number.POSITIVE_INFINITY],
    [20, 100, Number.POSITIVE_INFINITY],
  ];
  const single = named.map(([count, throttle, concurrency]) => {
    const kind = { name: 'equal' as const, replicas: Array<number>(count).fill((48 * GB) / count) };
    const shape = { destinations: 1, leaders: 5, concurrency, allListed: false };
    const { seconds } = planDuration({ ...facts, throttle: throttle * MB }, kind, shape);
    return [
      String(count),
      `${throttle.toFixed(1)} MB/s`,
      Number.isFinite(concurrency) ? String(concurrency) : 'all',
      minutes(seconds),
    ];
  });
  const plans = movePlans(facts);
  const all = planRange(facts, plans);
  const inside = all.minimum <= facts.observed && facts.observed <= all.maximum;
  const seeds = 1000;
  const leaders = [...leadersAfterGrowth([5, 5, 5, 5, 4], 12, 3, seeds)].sort((x, y) => y[1] - x[1]);
  return [
    '# The partition expansion of the reference day: what its log does not decide',
    made,
    '## How long 48 GB take under a throttle of 104,857,600 B/s',
    `The operations log (section 1) tells 48 GB, a throttle and 22 minutes, and not which replicas moved, from where to where, or how many at once. Counted here is every plan that adds up to 47.5 to 48.5 GB: replicas that were there, of 16 to 24 GB (their share of the disks, 20 GB, a fifth more or less); replicas of the new partitions with what they took in from 16:30 to 16:32 (0.15 GB when producers find them over five minutes, 0.73 GB when all do at once); equal replicas of any size up to 24 GB; each from one to five leaders onto one to five brokers, 5, 10 or all at once, with what moves or the whole topic listed for the throttle, 6.11 MB/s of live traffic each. The formula is that of Kafka's throttle (\`planDuration\` in src/evidence/movePlans.ts, compared with the simulator in test/theory/movePlans.test.ts).`,
    `Of those that end, the shortest takes ${minutes(all.minimum)} and the longest ${minutes(all.maximum)} minutes, half of them at most ${minutes(all.median)}; ${percent(all.never)} of all never end. 22 minutes ${inside ? 'lie inside, so the log cannot be refuted by them, nor confirmed' : 'lie outside'}: ${percent(all.asObserved)} of all plans take 21.5 to 22.5.`,
    table(
      [
        'plans',
        'count',
        'minimum, min',
        'median, min',
        'maximum, min',
        'never end',
        'sooner than 21.5 min',
        '21.5 to 22.5 min',
        'decided by what a broker takes in',
        'by what one sends',
        'by turns',
      ],
      sorts.map(([says, keep]) =>
        line(
          says,
          planRange(
            facts,
            plans.filter(({ kind, shape }) => keep(kind, shape)),
          ),
        ),
      ),
    ),
    'Minimum, median and maximum are of plans that end, as are the last three shares; the others are of all. A plan is counted once for each way to carry it out, so the shares say how many ways there are, not how probable each is.',
    'Single plans, led by five brokers, onto one, only what moves listed:',
    table(['equal replicas', 'throttle', 'at once', 'minutes'], single),
    '## How the leaders stand afterwards',
    `The log has 8, 7, 7, 7 and 7 leaders. No goal decides that: the placer draws them. From 24 that stand evenly (5, 5, 5, 5, 4), 12 more give each broker two, and two of the five a third; of ${seeds} seeds:`,
    table(
      ['leaders', 'share'],
      leaders.map(([says, count]) => [says, percent(count / seeds)]),
    ),
    'By counting, 8, 7, 7, 7, 7 has probability 2/5: the broker that had 4 must be one of the two. The platform of the scenario begins otherwise, with 4, 4, 4, 6 and 6, since its assignment meets the leaders and the network rates of all topics together.',
    '## When the sink needs a fourth task',
    'Tasks share the partitions of the topic, and the one with most of them decides. With 36 partitions three tasks have 12 each, four 9: of 12,000 messages a second a third or a quarter. So four are needed exactly where a task can do from 3,000 to below 4,000 a second; with less not even four suffice. With 24 partitions it is 8 and 6, the same shares: the expansion by itself changes nothing, but for the minutes in which the assignor gives one task the new partitions, which are empty, and the others more.',
  ].join('\n\n');
}

/** How likely the monthly job of the reference day is killed, by volume, limit and noise. */
function certificatesPage(): string {
  const { curves, later, burst, perSecond } = fitDescribedRollover(
    'models/fitted/mesh.fit.yaml',
    readerBelow(rootOf(import.meta.filename)),
  );
  const error = (found: number, observed: number) =>
    `${Math.round(found)} (${found >= observed ? '+' : ''}${((found / observed - 1) * 100).toFixed(1)} %)`;
  return [
    '# The rollover of certificates on the reference day: four families of curves',
    made,
    `istiod renews nobody when its signer changes. How the log's rollover went is fitted on its first two counts, and the later three are predicted: ${burst} at once and ${perSecond.toFixed(3)} a second. ${curves.length} families of two parameters were tried, all through the same two counts; the first is played, since a procedure has a burst and a pace, and not because it is nearest.`,
    table(
      ['count', 'observed', ...curves.map((c) => `${c.name}: ${c.says}`)],
      later.map((l) => [
        l.fact,
        String(l.observed),
        ...curves.map((c) => error(c.at(l.seconds), l.observed)),
      ]),
    ),
  ].join('\n\n');
}

function batchPage(): string {
  const path = 'scenarios/reference-day/monthly-aggregation.yaml';
  const { scenario } = openScenario(path, readerBelow(rootOf(import.meta.filename)));
  if (scenario === undefined) throw new Error(`${path} cannot be read`);
  const [job] = jobsOf(scenario.settings(() => 0.5).batch as BatchSettings);
  const GiB = 1024 ** 3;
  const runs = 1000;
  const sigmas = [0.05, 0.1, 0.15];
  const limits = [8, 8.3, 9, 10, 12, 16];
  const daily = 70_000;
  const share = (x: number) => `${(x * 100).toFixed(1)} %`;
  const rows = [10, 30, 45].flatMap((times) => {
    const bySigma = sigmas.map((sigma) =>
      oomChances(
        job!,
        times * daily,
        sigma,
        limits.map((l) => l * GiB),
        runs,
        scenario.seed,
      ),
    );
    const plain = oomChances(
      job!,
      times * daily,
      0,
      limits.map((l) => l * GiB),
      1,
      scenario.seed,
    );
    return limits.map((limit, i) => [
      `${times} x`,
      `${limit} GiB`,
      plain[i]!.killed === 1 ? 'killed' : 'survives',
      ...bySigma.map((chances) => {
        const { killed, interval } = chances[i]!;
        return `${share(killed / runs)} (${share(interval[0])} to ${share(interval[1])})`;
      }),
    ]);
  });
  return [
    '# The monthly job of the reference day: how likely its limit kills it',
    made,
    `The first attempt of a run of 10, 30 and 45 times a daily volume of ${daily.toLocaleString('en')} records, over ${runs} runs: how many are killed at the container's limit, with Wilson's 95 % interval. The memory of each phase by its records is fitted to one night (models/fitted/batch.yaml); how much a run departs from it is not in the log: 5, 10 and 15 % are assumptions, of which 0.7 of the variance is shared by a run's phases. All limits and noises are compared over the same runs, which are the replications of the scenario that \`rehearse run\` plays. Where none of ${runs} is killed, the chance is below ${share(oomChances(job!, 1, 0, [GiB * 1000], runs, scenario.seed)[0]!.interval[1])}, and not 0.`,
    table(['volume', 'limit', 'without noise', ...sigmas.map((s) => `${s * 100} % noise`)], rows),
    `At 30 times the volume the chance is below 1 %, by its interval, from ${sigmas.map((sigma) => `${limits.find((l) => oomChances(job!, 30 * daily, sigma, [l * GiB], runs, scenario.seed)[0]!.interval[1] < 0.01) ?? 'no limit here'} GiB on at ${sigma * 100} %`).join(', ')} noise. What decides without noise is a knife edge: there a run survives at one limit and dies at the next, and with noise both are near a coin toss.`,
  ].join('\n\n');
}

/** What a facts file may state, and what is checked. */
function auditPage(): string {
  return [
    '# Quantities of facts, and the rules of audit',
    made,
    'Which rule assumes what is also told in `docs/mechanics/audit.md`.',
    '## Rules',
    table(
      ['rule', 'says', 'assumes'],
      rules.map((r) => [`\`${r.name}\`${r.usual === true ? ' (unusual)' : ''}`, r.says, r.assumes]),
    ),
    '## Quantities',
    table(
      ['quantity', 'measures', 'meaning', 'digits'],
      [...quantities].map(([name, q]) => [
        `\`${name}\``,
        q.dimension,
        q.says,
        q.exact === true ? 'exact as written' : 'an interval',
      ]),
    ),
  ].join('\n\n');
}

/** All reference files by path below docs/reference. */
export async function referenceFiles(): Promise<Map<string, string>> {
  const files = new Map<string, string>();
  const sections: string[] = [];
  const commands = await allVerbs();
  for (const [name, verb] of commands) {
    const options = Object.entries(verb.options).map(([o, { says, type }]) => [
      `\`--${o}\`${placeholder(type)}`,
      says,
    ]);
    const examples = verb.examples.map((e) => `    ${e}`).join('\n');
    sections.push(
      `## ${name}\n\n${verb.question}\n\n${examples}\n\n\`${`rehearse ${name} ${verb.usage}`.trimEnd()}\`${options.length === 0 ? '' : `\n\n${table(['option', 'meaning'], options)}`}`,
    );
  }
  files.set('rehearse.1', manPage(commands, version));
  files.set(
    'verbs.md',
    `# Verbs\n\n${made}\n\nExit codes: ${exitWords.map(([code, says]) => `${code} ${says}`).join(', ')}.\n\n${sections.join('\n\n')}\n`,
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
  files.set('intervals.md', intervals());
  files.set('certificates.md', `${certificatesPage()}\n`);
  files.set('batch.md', `${batchPage()}\n`);
  files.set('partitionExpansion.md', `${partitionExpansion()}\n`);
  files.set('audit.md', `${auditPage()}\n`);
  files.set('facts.schema.json', `${JSON.stringify(factsJsonSchema(), null, 2)}\n`);
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
