import { z } from 'zod';
import type { Catalogue } from '../../src/engine/catalogue.ts';
import type { Distribution } from '../../src/engine/distributions.ts';
import type { Gauge } from '../../src/engine/gauge.ts';
import type { Checks } from '../../src/scenario/checks.ts';
import type { AnyPart, BuildContext, Part } from '../../src/scenario/part.ts';
import { q } from '../../src/scenario/quantity.ts';

/** A workshop of machines: as small as a subsystem can be, so that the scenario room is tested without any model. */
const machine = z.strictObject({
  name: z.string().min(1).max(40),
  rate: q.byteRate({ min: 1 }),
  repair: q.varying.duration({ min: 1 }).optional(),
  sharing: z.union([z.literal('even'), z.strictObject({ zipf: q.number({ min: 0 }) })]).optional(),
  shift: z.enum(['day', 'night']).optional(),
  guarded: z.boolean().optional(),
});

const workshopSettings = z.strictObject({
  version: z.string().optional(),
  workers: q.count({ min: 1, max: 1000 }),
  store: q.bytes({ min: 1 }).optional(),
  spare: q.ratio({ min: 0, max: 1 }).optional(),
  wage: q.money({ min: 0 }).optional(),
  cores: q.cpu({ min: 0 }).optional(),
  orders: q.rate({ min: 0 }).optional(),
  machines: z.array(machine).min(1).max(100),
  labels: z.record(z.string(), q.number()).optional(),
  assignment: z.string().optional(),
});
type WorkshopSettings = z.output<typeof workshopSettings>;

export interface Workshop {
  readonly running: Gauge;
  readonly repairs: readonly (Distribution | undefined)[];
  readonly names: readonly string[];
  readonly settings: WorkshopSettings;
}

const workshopCatalogue: Catalogue = {
  metrics: [
    {
      name: 'workshop_machine_running',
      type: 'gauge',
      unit: '',
      help: '1 while the machine runs.',
      source: 'toy',
      labels: ['machine'],
    },
    {
      name: 'workshop:repair_seconds',
      type: 'gauge',
      unit: 's',
      help: 'How long the last repair took.',
      source: 'toy',
      labels: ['machine'],
    },
  ],
  events: [{ name: 'workshop.stopped', lane: 'machine {subject}', says: '{subject} stopped for {detail}' }],
  risks: [
    {
      name: 'machinesStopped',
      unit: '',
      says: 'machines that stand',
      that: 'sum(workshop_machine_running == 0)',
    },
  ],
  panels: [],
};

const stopArgs = z.strictObject({
  machine: z.string(),
  for: q.duration({ min: 1 }),
  reason: z.string().optional(),
});
type StopArgs = z.output<typeof stopArgs>;

export const workshopPart: Part<WorkshopSettings, Workshop> = {
  name: 'workshop',
  says: 'machines and their workers',
  settings: workshopSettings,
  needed: true,
  check(settings, checks) {
    if (settings.machines.length > settings.workers) {
      checks.problem(
        ['workshop', 'workers'],
        `${settings.workers} workers for ${settings.machines.length} machines`,
        `raise it to ${settings.machines.length}, or remove machines (line ${checks.lineOf(['workshop', 'machines'])})`,
      );
    }
    if (settings.workers > 10 * settings.machines.length) {
      checks.warning(['workshop', 'workers'], 'most workers have nothing to do', 'lower it');
    }
    for (const one of settings.machines) {
      if (one.guarded === true && one.shift === 'night') {
        checks.problem(['workshop', 'machines', one.name, 'shift'], 'no guard at night', 'write day');
      }
    }
    if (settings.assignment !== undefined && checks.readText(settings.assignment) === undefined) {
      checks.problem(
        ['workshop', 'assignment'],
        `there is no file ${settings.assignment}`,
        'correct the path',
      );
    }
  },
  create(settings, { sim }) {
    const running = sim.gauge('workshop_machine_running', settings.machines.length);
    settings.machines.forEach((_, row) => {
      running.set(row, 1);
    });
    return {
      running,
      settings,
      repairs: settings.machines.map((m) => m.repair),
      names: settings.machines.map((m) => m.name),
    };
  },
  actions: {
    stop: {
      says: 'stops a machine for a while',
      args: stopArgs,
      play(model: Workshop, args: StopArgs, { sim, id }: BuildContext & { readonly id: string }) {
        const row = model.names.indexOf(args.machine);
        model.running.set(row, 0);
        sim.tell('workshop.stopped', args.machine, id);
        const again = sim.on(`workshop.again.${id}`, () => model.running.set(row, 1));
        sim.after(args.for, again, row);
      },
      check(args: StopArgs, checks: Checks, at: readonly (string | number)[]) {
        const known = checks.settings<WorkshopSettings>('workshop')?.machines.map((m) => m.name) ?? [];
        if (!known.includes(args.machine)) {
          checks.problem(
            [...at, 'machine'],
            `there is no machine ${args.machine}`,
            `name one of ${known.join(', ')}`,
          );
        }
      },
    },
  } as unknown as Part<WorkshopSettings, Workshop>['actions'],
  catalogue: workshopCatalogue,
  labels: (model, metric) =>
    metric === 'workshop_machine_running' ? (row) => ({ machine: model.names[row] ?? '' }) : undefined,
};

const officeSettings = z.strictObject({ desks: q.count({ min: 0 }).optional() });

const officePart: Part<z.output<typeof officeSettings>, { readonly desks: number }> = {
  name: 'office',
  says: 'where the papers are',
  needed: false,
  settings: officeSettings,
  create: (settings) => ({ desks: settings.desks ?? 0 }),
  actions: {},
  catalogue: { metrics: [], events: [], risks: [], panels: [] },
  labels: () => undefined,
};

export const toyParts: readonly AnyPart[] = [workshopPart, officePart] as unknown as readonly AnyPart[];

export const toyPlatform = `rehearse: 1
name: toy
workshop:
  workers: 3
  machines:
    - { name: saw, rate: 10MB/s }
    - { name: drill, rate: { value: 20MB/s, source: "guess" }, shift: day }
`;

export const toyScenario = `rehearse: 1
title: toy
platform: platform.yaml
from: 2025-10-03T16:00:00Z
to: +50m
timeline:
  - id: pause
    at: +10m
    do: workshop.stop
    machine: saw
    for: 5m
expect:
  - name: all run at the end
    that: workshop_machine_running == 1
`;

/** Files by path, as `readText` wants them. */
export function reading(files: Readonly<Record<string, string>>): (path: string) => string | undefined {
  return (path) => (Object.hasOwn(files, path) ? files[path] : undefined);
}
