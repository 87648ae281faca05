import { z } from 'zod';
import { readCurve } from '../../formats/csv.ts';
import {
  burst,
  type Curve,
  daily,
  growth,
  product,
  steady,
  throughPoints,
} from '../../models/workload/curve.ts';
import type { Checks } from '../checks.ts';
import type { BuildContext, Part } from '../part.ts';
import { q } from '../quantity.ts';

const curve = z.strictObject({
  name: z.string().min(1),
  constant: q.number({ min: 0 }).optional(),
  daily: z
    .strictObject({
      hours: z.array(q.number({ min: 0 })).length(24),
      startHour: q.number({ min: 0, max: 24 }).optional(),
    })
    .optional(),
  growth: z.strictObject({ perDay: q.ratio({ min: -0.99, max: 10 }) }).optional(),
  burst: z
    .strictObject({
      at: q.duration({ min: 0 }),
      for: q.duration({ min: 1 }),
      factor: q.number({ min: 0 }),
      ramp: q.duration({ min: 0 }).optional(),
    })
    .optional(),
  recorded: z.strictObject({ file: z.string().min(1) }).optional(),
});

const settings = z.strictObject({
  curves: z.array(curve).max(1000).optional(),
  scale: q
    .number({ min: 0 })
    .meta({ description: 'multiplies what every topic takes in, beside its curve; 1 where it is absent' })
    .optional(),
});
export type WorkloadSettings = z.output<typeof settings>;

const families = ['constant', 'daily', 'growth', 'burst', 'recorded'] as const;

function check(s: WorkloadSettings, checks: Checks): void {
  const names = new Set<string>();
  for (const c of s.curves ?? []) {
    const path = ['workload', 'curves', c.name];
    if (names.has(c.name))
      checks.problem(path, `curve ${c.name} is listed twice`, 'give each curve its own name');
    names.add(c.name);
    if (!families.some((f) => c[f] !== undefined)) {
      checks.problem(
        path,
        'a curve without a course',
        `give it ${families.join(', ')}; several are multiplied`,
      );
    }
    if (c.recorded === undefined) continue;
    const text = checks.readText(c.recorded.file);
    if (text === undefined) {
      checks.problem(
        [...path, 'recorded', 'file'],
        `there is no file ${c.recorded.file}`,
        'correct the path; it is relative to this file',
      );
      continue;
    }
    const read = readCurve(text, c.recorded.file);
    for (const p of read.problems.slice(0, 10)) {
      checks.problem([...path, 'recorded', 'file'], `${p.file}:${p.line}:${p.column} ${p.found}`, p.mend);
    }
    if (read.problems.length === 0 && read.points.length === 0) {
      checks.problem(
        [...path, 'recorded', 'file'],
        'a recording without points',
        'give at least one row seconds,value',
      );
    }
  }
}

function create(s: WorkloadSettings, context: BuildContext): readonly Curve[] {
  return (s.curves ?? []).map((c) => {
    const parts: Curve[] = [];
    if (c.constant !== undefined) parts.push(steady(c.constant));
    if (c.daily !== undefined) parts.push(daily(c.daily.hours, (c.daily.startHour ?? 0) * 3600e6));
    if (c.growth !== undefined) parts.push(growth(c.growth.perDay));
    if (c.burst !== undefined) parts.push(burst(c.burst.at, c.burst.for, c.burst.factor, c.burst.ramp ?? 0));
    if (c.recorded !== undefined) {
      const { points } = readCurve(context.readText(c.recorded.file), c.recorded.file);
      parts.push(throughPoints(points.map((p) => ({ micros: p.seconds * 1e6, value: p.value }))));
    }
    return parts.length === 1 ? parts[0] : product(parts);
  });
}

/** The first curve that is not constant then. Hours of a day and what was recorded count as changes wherever they are not all the same. */
function changesBetween(s: WorkloadSettings, from: number, to: number): string | undefined {
  const moves = (s.curves ?? []).find(
    (c) =>
      c.recorded !== undefined ||
      (c.growth !== undefined && c.growth.perDay !== 0) ||
      c.daily?.hours.some((h) => h !== c.daily!.hours[0]) === true ||
      (c.burst !== undefined &&
        c.burst.factor !== 1 &&
        c.burst.at <= to &&
        c.burst.at + c.burst.for + 2 * (c.burst.ramp ?? 0) > from),
  );
  return moves === undefined ? undefined : `curve ${moves.name}`;
}

export const workloadPart: Part<WorkloadSettings, readonly Curve[]> = {
  name: 'workload',
  says: 'load curves that topics follow: multipliers of their rates over time',
  stands: 'beside',
  needed: false,
  settings,
  check,
  changesBetween,
  create,
  actions: {},
  catalogue: { metrics: [], events: [], risks: [], panels: [] },
  labels: () => undefined,
};
