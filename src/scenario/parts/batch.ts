import { z } from 'zod';
import { batchCatalogue, batchLabels } from '../../models/batch/catalogue.ts';
import type { JobSpec, Jobs } from '../../models/batch/jobs.ts';
import type { Program } from '../../models/batch/program.ts';
import type { Checks } from '../checks.ts';
import { connectBatch } from '../connections/batchToKubernetes.ts';
import type { Part } from '../part.ts';
import { q } from '../quantity.ts';
import { resources } from '../resources.ts';
import { unique } from '../unique.ts';
import type { KubernetesSettings } from './kubernetes.ts';

const share = q.ratio({ min: 0, max: 1 }).optional();

const phase = z.strictObject({
  name: z.string().min(1),
  duration: z.strictObject({
    fixed: q.duration({ min: 0 }).optional(),
    perMillion: q.duration({ min: 0 }).optional(),
  }),
  memory: z.strictObject({
    fixed: q.bytes({ min: 0 }).optional().meta({ description: "absent: the program's own" }),
    perMillion: q.bytes({ min: 0 }).optional(),
  }),
  plateau: share.meta({
    description: 'share of its time for which memory stays as the phase before left it',
  }),
  peakAt: share.meta({ description: 'share of its time at which its peak is reached; absent: at its end' }),
  residual: share.meta({ description: 'what is left at its end, as a share of the peak; absent: all of it' }),
  cpu: q.cpu({ min: 0 }).optional().meta({ description: 'cores that it keeps busy' }),
  chunks: z
    .strictObject({
      count: q.count({ min: 1, max: 1_000_000 }),
      kept: share.meta({ description: 'share of what the phase adds to memory that is kept until its end' }),
      slower: q.number({ min: 0.01, max: 1000 }).optional(),
    })
    .optional(),
});

const program = z.strictObject({
  name: z.string().min(1),
  memory: z.strictObject({ fixed: q.bytes({ min: 0 }) }),
  memoryNoise: q
    .ratio({ min: 0, max: 3 })
    .optional()
    .meta({ description: 'standard deviation of the logarithm of a phase of memory' }),
  durationNoise: q.ratio({ min: 0, max: 3 }).optional(),
  correlation: q
    .ratio({ min: 0, max: 1 })
    .optional()
    .meta({ description: 'of the phases of one run; 0.7 where nothing is said' }),
  checkpoint: z
    .strictObject({
      every: q.count({ min: 1 }).meta({ description: 'records' }),
      cost: q.duration({ min: 0 }),
      reload: q.duration({ min: 0 }).optional(),
      onNotice: z
        .boolean()
        .optional()
        .meta({ description: 'saves once more at SIGTERM, if the grace period allows it' }),
    })
    .optional()
    .meta({ description: 'absent: a run that ends early begins again from its first record' }),
  phases: z.array(phase).min(1).max(1000),
});

const job = z.strictObject({
  name: z.string().min(1),
  program: z.string().min(1),
  workload: z.string().min(1),
  namespace: z.string().min(1).optional(),
  container: z.string().min(1).optional(),
  records: q.varying.count({ min: 1 }),
  start: z.enum(['entrypoint', 'exec']).optional(),
});

const settings = z.strictObject({
  programs: z.array(program).min(1).max(1000),
  jobs: z.array(job).min(1).max(10_000),
});
export type BatchSettings = z.output<typeof settings>;

const runArgs = z.strictObject({
  job: z.string().min(1),
  records: q.count({ min: 1 }).optional().meta({ description: "absent: the job's own" }),
});

function programOf(p: BatchSettings['programs'][number]): Program {
  return {
    name: p.name,
    phases: p.phases.map((f) => ({
      name: f.name,
      durationFixedMicros: f.duration.fixed ?? 0,
      durationPerRecordMicros: (f.duration.perMillion ?? 0) / 1e6,
      memoryFixedBytes: f.memory.fixed ?? p.memory.fixed,
      memoryPerRecordBytes: (f.memory.perMillion ?? 0) / 1e6,
      plateauShare: f.plateau ?? 0,
      peakShare: f.peakAt ?? 1,
      residualShare: f.residual ?? 1,
      chunks:
        f.chunks === undefined
          ? undefined
          : { count: f.chunks.count, keptShare: f.chunks.kept ?? 0, durationFactor: f.chunks.slower ?? 1 },
      cpuCores: f.cpu ?? 0,
    })),
    durationSigma: p.durationNoise ?? 0,
    memorySigma: p.memoryNoise ?? 0,
    // Source: residuals of one job are shared by its phases; about 0.7 is assumed.
    correlation: p.correlation ?? 0.7,
    checkpoint:
      p.checkpoint === undefined
        ? undefined
        : {
            everyRecords: p.checkpoint.every,
            costMicros: p.checkpoint.cost,
            reloadMicros: p.checkpoint.reload ?? 0,
            onNotice: p.checkpoint.onNotice ?? false,
          },
  };
}

export function jobsOf(s: BatchSettings): readonly JobSpec[] {
  const programs = new Map(s.programs.map((p) => [p.name, programOf(p)]));
  return s.jobs.map((j) => ({
    name: j.name,
    program: programs.get(j.program)!,
    records: j.records,
    start: j.start ?? 'entrypoint',
  }));
}

function check(s: BatchSettings, checks: Checks): void {
  const twice = (list: 'programs' | 'jobs') =>
    unique(
      s[list].map((x) => x.name),
      (name) => checks.problem(['batch', list, name], `${name} is listed twice`, 'give each its own name'),
    );
  twice('programs');
  twice('jobs');
  for (const p of s.programs) {
    unique(
      p.phases.map((f) => f.name),
      (name) =>
        checks.problem(
          ['batch', 'programs', p.name, 'phases', name],
          `phase ${name} is listed twice`,
          'give each its own name',
        ),
    );
    for (const f of p.phases) {
      const path = ['batch', 'programs', p.name, 'phases', f.name];
      if ((f.duration.fixed ?? 0) + (f.duration.perMillion ?? 0) === 0)
        checks.problem([...path, 'duration'], 'the phase takes no time', 'write fixed or perMillion');
      if (f.plateau !== undefined && f.plateau > (f.peakAt ?? 1))
        checks.problem(
          [...path, 'plateau'],
          'the plateau ends after the peak',
          'lower plateau, or raise peakAt',
        );
    }
  }
  const workloads = checks.settings<KubernetesSettings>('kubernetes')?.workloads ?? [];
  for (const j of s.jobs) {
    const path = ['batch', 'jobs', j.name];
    if (!s.programs.some((p) => p.name === j.program))
      checks.problem(
        [...path, 'program'],
        `there is no program ${j.program}`,
        `write one of ${s.programs.map((p) => p.name).join(', ')}`,
      );
    if (checks.settings('kubernetes') === undefined) continue;
    const found = workloads.find(
      (w) =>
        w.name === j.workload && (j.namespace === undefined || (w.namespace ?? 'default') === j.namespace),
    );
    if (found === undefined) {
      checks.problem(
        [...path, 'workload'],
        `there is no workload ${j.workload}`,
        workloads.length === 0
          ? 'list it under kubernetes.workloads'
          : `write one of ${workloads
              .map((w) => w.name)
              .slice(0, 12)
              .join(', ')}`,
      );
      continue;
    }
    const containers = found.template.containers.filter((c) => c.memory?.job !== undefined);
    const named = j.container === undefined ? containers[0] : containers.find((c) => c.name === j.container);
    if (named === undefined)
      checks.problem(
        [...path, j.container === undefined ? 'workload' : 'container'],
        `${j.workload} has no container ${j.container === undefined ? '' : `${j.container} `}whose memory is that of a job`,
        'write memory: { job: ... } in the container that runs it',
      );
    const other = s.jobs.find((o) => o !== j && o.workload === j.workload && o.container === j.container);
    if (other !== undefined && other.name < j.name)
      checks.problem(path, `${other.name} runs in the same container`, 'give each job a workload of its own');
  }
}

function checkRun(args: z.output<typeof runArgs>, checks: Checks, at: readonly (string | number)[]): void {
  const jobs = checks.settings<BatchSettings>('batch')?.jobs;
  if (jobs === undefined || jobs.some((j) => j.name === args.job)) return;
  checks.problem(
    [...at, 'job'],
    `there is no job ${args.job}`,
    `write one of ${jobs.map((j) => j.name).join(', ')}`,
  );
}

/** A job runs in the containers of its workload. */
function workloadOfJob(
  args: z.output<typeof runArgs>,
  settings: Readonly<Record<string, unknown>>,
): readonly string[] {
  const jobs = (settings.batch as BatchSettings | undefined)?.jobs ?? [];
  return resources(
    'workload',
    jobs.filter((j) => j.name === args.job).map((j) => j.workload),
  );
}

export const batchPart: Part<BatchSettings, Jobs> = {
  name: 'batch',
  says: 'batch jobs: phases with time and memory by records, in containers of workloads',
  settings,
  check,
  create: (s, context) => connectBatch(context.sim, jobsOf(s), s.jobs, context.models),
  actions: {
    run: {
      says: 'a run of a job becomes due: its schedule has come, or somebody starts it',
      on: workloadOfJob,
      undo: { can: 'partly', how: 'delete the pod of the run; what it has written stays' },
      args: runArgs,
      check: checkRun,
      play: (jobs: Jobs, args: z.output<typeof runArgs>) =>
        jobs.run(
          jobs.specs.findIndex((j) => j.name === args.job),
          args.records,
        ),
    } as never,
  },
  catalogue: batchCatalogue,
  labels: batchLabels,
};
