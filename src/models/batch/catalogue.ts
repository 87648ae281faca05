import type { Catalogue, Metric } from '../../engine/catalogue.ts';
import type { Jobs } from './jobs.ts';

const metric = (name: string, unit: string, labels: readonly string[], help: string): Metric => ({
  name,
  type: name.endsWith('_total') ? 'counter' : 'gauge',
  unit,
  labels,
  help,
  source: 'ours',
});
const job = ['job'];
const phase = ['job', 'phase'];

export const batchCatalogue: Catalogue = {
  metrics: [
    metric('rehearse:job_runs_started_total', '', job, 'Attempts at runs of the job.'),
    metric('rehearse:job_runs_completed_total', '', job, 'Runs that were completed.'),
    metric('rehearse:job_runs_lost_total', '', job, 'Runs that nobody will try again.'),
    metric('rehearse:job_runs_killed_total', '', job, 'Attempts that died for lack of memory.'),
    metric('rehearse:job_progress', '', job, 'Share of the work of the run that is done.'),
    metric(
      'rehearse:job_records_done',
      'records',
      job,
      'Records of the run that are done, in proportion to its work.',
    ),
    metric(
      'rehearse:job_duration_seconds',
      's',
      job,
      'From the time at which the last completed run became due to its end.',
    ),
    metric(
      'rehearse:job_completed_at_seconds',
      's',
      job,
      'When the last completed run ended, from the start of what is played.',
    ),
    metric(
      'rehearse:job_killed_at_seconds',
      's',
      job,
      'When the first attempt died for lack of memory, from the start of what is played.',
    ),
    metric('rehearse:job_lost_work_seconds_total', 's', job, 'Time of attempts that has to be spent again.'),
    metric(
      'rehearse:job_phase_peak_memory_bytes',
      'B',
      phase,
      'Most memory that the program held in the phase.',
    ),
    metric(
      'rehearse:job_phase_kills_total',
      '',
      phase,
      'Attempts that died for lack of memory in the phase.',
    ),
  ],
  events: [
    { name: 'batch.due', lane: '{subject}', says: 'a run of {subject} is due: {detail}', step: true },
    { name: 'batch.started', lane: '{subject}', says: '{subject} starts in {detail}' },
    { name: 'batch.phase', lane: '{subject}', says: '{subject} begins {detail}' },
    { name: 'batch.checkpoint', lane: '{subject}', says: '{subject} has saved {detail}' },
    { name: 'batch.ended', lane: '{subject}', says: '{subject} is {detail}' },
    { name: 'batch.lost', lane: '{subject}', says: 'the run of {subject} is lost: {detail}' },
    { name: 'batch.completed', lane: '{subject}', says: '{subject} is done: {detail}' },
  ],
  risks: [
    {
      name: 'jobsLost',
      unit: '',
      says: 'runs of batch jobs that are lost',
      that: 'sum(rehearse:job_runs_lost_total)',
      limit: 0,
    },
    {
      name: 'jobWorkLost',
      unit: 's',
      says: 'work of batch jobs that has to be done again',
      that: 'sum(rehearse:job_lost_work_seconds_total)',
    },
  ],
  panels: [
    {
      title: 'Progress of batch jobs',
      that: 'rehearse:job_progress',
      unit: '',
      by: 'job',
      optional: true,
      spreads: true,
    },
  ],
};

const ofPhases = new Set(batchCatalogue.metrics.filter((m) => m.labels.length === 2).map((m) => m.name));

export function batchLabels(
  jobs: Jobs,
  name: string,
): ((row: number) => Readonly<Record<string, string>>) | undefined {
  if (!batchCatalogue.metrics.some((m) => m.name === name)) return undefined;
  if (!ofPhases.has(name)) return (row) => ({ job: jobs.specs[row]!.name });
  const rows = jobs.specs.flatMap((s) => s.program.phases.map((p) => ({ job: s.name, phase: p.name })));
  return (row) => rows[row]!;
}
