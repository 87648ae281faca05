import type { Kind, Simulation } from '../../../engine/simulation.ts';
import type { JobSpec, KubernetesJobs } from './job.ts';

export interface CronJobSpec {
  readonly schedule: CronSchedule;
  readonly concurrencyPolicy: 'Allow' | 'Forbid' | 'Replace';
  readonly job: JobSpec;
}

/** Allowed values of the five fields; the days are combined as cron does it. */
export interface CronSchedule {
  readonly minutes: ReadonlySet<number>;
  readonly hours: ReadonlySet<number>;
  readonly days: ReadonlySet<number>;
  readonly months: ReadonlySet<number>;
  readonly weekdays: ReadonlySet<number>;
  /** Whether the days of the month and of the week are both restricted: either of them is then enough. */
  readonly eitherDay: boolean;
}

const fields = [
  { name: 'minute', low: 0, high: 59 },
  { name: 'hour', low: 0, high: 23 },
  { name: 'day of the month', low: 1, high: 31 },
  { name: 'month', low: 1, high: 12 },
  { name: 'day of the week', low: 0, high: 7 },
] as const;

const names: Readonly<Record<string, number>> = Object.fromEntries([
  ...['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec'].map((n, i) => [
    n,
    i + 1,
  ]),
  ...['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'].map((n, i) => [n, i]),
]);

const macros: Readonly<Record<string, string>> = {
  '@hourly': '0 * * * *',
  '@daily': '0 0 * * *',
  '@midnight': '0 0 * * *',
  '@weekly': '0 0 * * 0',
  '@monthly': '0 0 1 * *',
  '@yearly': '0 0 1 1 *',
  '@annually': '0 0 1 1 *',
};

/** Reads the five fields of cron, in UTC. Source: crontab(5); github.com/robfig/cron/v3, which the CronJob controller uses. */
export function parseCron(text: string): CronSchedule | { readonly problem: string } {
  const parts = (macros[text.trim().toLowerCase()] ?? text).trim().split(/\s+/);
  if (parts.length !== 5) return { problem: `${parts.length} fields where cron has five` };
  const sets: Set<number>[] = [];
  for (let i = 0; i < 5; i += 1) {
    const { name, low, high } = fields[i]!;
    const found = new Set<number>();
    for (const item of parts[i]!.split(',')) {
      const read = /^(\*|\?|[0-9a-z]+(?:-[0-9a-z]+)?)(?:\/([0-9]+))?$/i.exec(item);
      if (read === null) return { problem: `${item} as the ${name}` };
      const [, range, stepText] = read;
      const step = stepText === undefined ? 1 : Number(stepText);
      const [from, to] =
        range === '*' || range === '?'
          ? [low, high]
          : range!.split('-').map((v) => names[v.toLowerCase()] ?? Number(v));
      const end = to ?? (stepText === undefined ? from! : high);
      if (!(from! >= low && end <= high && from! <= end && step > 0))
        return { problem: `${item} as the ${name}` };
      for (let v = from!; v <= end; v += step) found.add(i === 4 ? v % 7 : v);
    }
    sets.push(found);
  }
  const isRestricted = (i: number) => !/^[*?]/.test(parts[i]!);
  return {
    minutes: sets[0]!,
    hours: sets[1]!,
    days: sets[2]!,
    months: sets[3]!,
    weekdays: sets[4]!,
    eitherDay: isRestricted(2) && isRestricted(4),
  };
}

const minute = 60_000_000;

/**
 * The first minute after `after` that the schedule allows, both in microseconds since 1970; NaN when there is none within five years.
 * Source: robfig/cron SpecSchedule.Next.
 */
export function nextCron(schedule: CronSchedule, after: number): number {
  let at = (Math.floor(after / minute) + 1) * minute;
  const end = at + 5 * 366 * 24 * 60 * minute;
  while (at < end) {
    const day = Math.floor(at / (1440 * minute));
    const { month, date, weekday } = civil(day);
    const inMonth = schedule.days.has(date);
    const inWeek = schedule.weekdays.has(weekday);
    const isDay = schedule.months.has(month) && (schedule.eitherDay ? inMonth || inWeek : inMonth && inWeek);
    const hour = Math.floor(at / (60 * minute)) % 24;
    if (!isDay) at = (day + 1) * 1440 * minute;
    else if (!schedule.hours.has(hour)) at = (Math.floor(at / (60 * minute)) + 1) * 60 * minute;
    else if (!schedule.minutes.has(Math.floor(at / minute) % 60)) at += minute;
    else return at;
  }
  return Number.NaN;
}

/** Month, day and weekday of a day since 1970-01-01. Source: H. Hinnant, chrono-compatible low-level date algorithms, civil_from_days. */
function civil(days: number): { readonly month: number; readonly date: number; readonly weekday: number } {
  const z = days + 719_468;
  const era = Math.floor(z / 146_097);
  const doe = z - era * 146_097;
  const yoe = Math.floor(
    (doe - Math.floor(doe / 1460) + Math.floor(doe / 36_524) - Math.floor(doe / 146_096)) / 365,
  );
  const doy = doe - (365 * yoe + Math.floor(yoe / 4) - Math.floor(yoe / 100));
  const mp = Math.floor((5 * doy + 2) / 153);
  return {
    date: doy - Math.floor((153 * mp + 2) / 5) + 1,
    month: mp < 10 ? mp + 3 : mp - 9,
    weekday: (((days + 4) % 7) + 7) % 7,
  };
}

/** The cron job controller: a job at each minute of its schedule. Source: pkg/controller/cronjob cronjob_controllerv2.go. */
export class CronJobs {
  readonly all: { readonly spec: CronJobSpec; started: number }[] = [];
  private readonly sim: Simulation;
  private readonly jobs: KubernetesJobs;
  /** Start of the run, microseconds since 1970. */
  private readonly epoch: number;
  private readonly due: Kind;

  constructor(sim: Simulation, jobs: KubernetesJobs, epoch: number) {
    this.sim = sim;
    this.jobs = jobs;
    this.epoch = epoch;
    this.due = sim.on('kubernetes.cronJobDue', (row) => {
      this.start(row);
      this.plan(row);
    });
  }

  add(spec: CronJobSpec): void {
    this.all.push({ spec, started: 0 });
    this.plan(this.all.length - 1);
  }

  /** Makes a job of it now, whatever its schedule says. */
  start(row: number): void {
    const cron = this.all[row]!;
    const { job, concurrencyPolicy } = cron.spec;
    const running = this.jobs.all.filter(
      (j) =>
        j.state === 'running' && j.spec.namespace === job.namespace && j.spec.name.startsWith(`${job.name}-`),
    );
    if (running.length > 0 && concurrencyPolicy === 'Forbid') {
      this.sim.tell('kubernetes.jobSkipped', job.name);
      return;
    }
    if (concurrencyPolicy === 'Replace') for (const j of running) this.jobs.stop(j);
    cron.started += 1;
    // Source: cronjob/utils.go getJobName: the scheduled time in minutes.
    this.jobs.start({ ...job, name: `${job.name}-${Math.floor((this.epoch + this.sim.now) / minute)}` });
  }

  private plan(row: number): void {
    const next = nextCron(this.all[row]!.spec.schedule, this.epoch + this.sim.now);
    if (!Number.isNaN(next)) this.sim.at(next - this.epoch, this.due, row);
  }
}
