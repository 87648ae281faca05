import { z } from 'zod';
import type { ReadText } from '../formats/problem.ts';
import { type BatchSettings, jobsOf } from '../scenario/parts/batch.ts';
import type { KubernetesSettings } from '../scenario/parts/kubernetes.ts';
import { readDescription } from './description.ts';

const description = z.strictObject({
  writes: z.string(),
  name: z.string(),
  batch: z.strictObject({
    scenario: z.string(),
    job: z.string(),
    /** Fact with the records of the run whose phases were observed. */
    records: z.string(),
    /** Memory that was observed in each phase, by fact. */
    phases: z.record(z.string(), z.string()),
    /** Facts with the records and the peak of another run, which tell fixed memory from memory by records. */
    other: z.strictObject({ records: z.string(), peak: z.string() }),
    /** When the run met its limit in a phase: the shape of that phase and nothing else. */
    shape: z.strictObject({ phase: z.string(), killedAt: z.string() }),
  }),
});

export interface BatchFit {
  /** File to write, relative to the root. */
  readonly file: string;
  readonly text: string;
  readonly fixedBytes: number;
  /** Bytes a million records, by phase. */
  readonly perMillion: Readonly<Record<string, number>>;
  /** Share of the phase's time at which its peak is reached. */
  readonly peakShare: number;
}

const GiB = 1_073_741_824;

/**
 * Memory of a batch program by records, from facts of role fit: one fixed part f for all phases and a part s by records for each, with f + s_max r' the
 * peak of the other run, so that s_max = (M_max - P') / (r - r'), f = P' - s_max r', s_i = (M_i - f) / r. The phase in which the run met its limit L rises
 * in a straight line from its start level m to its peak M; the share of its time D at which the peak is reached is (t / D) (M - m) / (L - m), t being how far into
 * the phase the run was killed.
 * @throws RangeError when the description or its facts do not hold, or a fact has another role
 */
export function fitDescribedMemory(file: string, readText: ReadText): BatchFit {
  const {
    description: { name, batch },
    file: written,
    scenario,
    fact,
  } = readDescription(file, description, (d) => d.batch.scenario, readText);
  const records = fact(batch.records, ['input']);
  const otherRecords = fact(batch.other.records, ['input']);
  const memory = Object.fromEntries(
    Object.entries(batch.phases).map(([phase, of]) => [phase, fact(of, ['fit'])] as const),
  );
  const most = Math.max(...Object.values(memory));
  const slope = (most - fact(batch.other.peak, ['fit'])) / (records - otherRecords);
  const fixedBytes = most - slope * records;
  const perMillion = Object.fromEntries(
    Object.entries(memory).map(([phase, bytes]) => [phase, ((bytes - fixedBytes) / records) * 1e6] as const),
  );
  const settings = scenario.settings(() => 0.5);
  const peakShare = shapeOf(
    settings.batch as BatchSettings,
    settings.kubernetes as KubernetesSettings,
    batch,
    memory,
    records,
    fact(batch.shape.killedAt, ['fit']) - startOf(scenario.timeline, batch.job),
  );
  const facts = [...Object.values(batch.phases), batch.other.peak];
  return {
    file: written,
    text: render(name, jobNamed(settings.batch as BatchSettings, batch.job).program, {
      fixedBytes,
      perMillion,
      peakShare,
      facts,
      killedAt: batch.shape.killedAt,
      shape: batch.shape.phase,
    }),
    fixedBytes,
    perMillion,
    peakShare,
  };
}

function jobNamed(s: BatchSettings, name: string): BatchSettings['jobs'][number] {
  const found = s.jobs.find((j) => j.name === name);
  if (found === undefined) throw new RangeError(`there is no job ${name}`);
  return found;
}

/** Seconds from the start of the period at which the job's run became due. */
function startOf(
  timeline: readonly {
    readonly at: number;
    readonly part: string;
    readonly action: string;
    readonly args: unknown;
  }[],
  job: string,
): number {
  const entry = timeline.find(
    (e) => e.part === 'batch' && e.action === 'run' && (e.args as { readonly job: string }).job === job,
  );
  if (entry === undefined) throw new RangeError(`no run of ${job} becomes due`);
  return entry.at / 1e6;
}

function shapeOf(
  settings: BatchSettings,
  kubernetes: KubernetesSettings,
  described: z.output<typeof description>['batch'],
  memory: Readonly<Record<string, number>>,
  records: number,
  ranSeconds: number,
): number {
  const job = jobNamed(settings, described.job);
  const { program } = jobsOf(settings).find((j) => j.name === job.name)!;
  const workload = (kubernetes.workloads ?? []).find((w) => w.name === job.workload)!;
  const container = workload.template.containers.find((c) => c.memory?.job !== undefined)!;
  const limit = container.resources?.limits?.memory ?? Number.POSITIVE_INFINITY;
  let before = 0;
  let level = 0;
  for (const phase of program.phases) {
    const seconds = (phase.durationFixedMicros + phase.durationPerRecordMicros * records) / 1e6;
    const peak = memory[phase.name]!;
    if (phase.name === described.shape.phase)
      return ((ranSeconds - before) / seconds) * ((peak - level) / (limit - level));
    before += seconds;
    level = peak * phase.residualShare;
  }
  throw new RangeError(`there is no phase ${described.shape.phase}`);
}

function render(
  name: string,
  program: string,
  found: {
    readonly fixedBytes: number;
    readonly perMillion: Readonly<Record<string, number>>;
    readonly peakShare: number;
    readonly facts: readonly string[];
    readonly killedAt: string;
    readonly shape: string;
  },
): string {
  const source = 'source: "fitted: solved for the facts, which leave nothing over"';
  const gib = (bytes: number) => `${Number((bytes / GiB).toPrecision(6))}GiB`;
  const lines = [
    '# yaml-language-server: $schema=../../docs/reference/platform.schema.json',
    '# Written by `npm run fit`; nothing else sets these values.',
    'rehearse: 1',
    `name: ${name}`,
    'batch:',
    '  programs:',
    `    - name: ${program}`,
    '      memory:',
    `        fixed: { value: ${gib(found.fixedBytes)}, fittedOn: [${found.facts.join(', ')}], ${source} }`,
    '      phases:',
  ];
  for (const [phase, bytes] of Object.entries(found.perMillion)) {
    lines.push(`        - name: ${phase}`);
    lines.push(
      `          memory: { perMillion: { value: ${gib(bytes)}, fittedOn: [${found.facts.join(', ')}], ${source} } }`,
    );
    if (phase === found.shape)
      lines.push(
        `          peakAt: { value: ${Number((found.peakShare * 100).toPrecision(6))}%, fittedOn: [${found.killedAt}], ${source} }`,
      );
  }
  return `${lines.join('\n')}\n`;
}
