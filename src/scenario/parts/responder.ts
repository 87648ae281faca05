import { z } from 'zod';
import { nearest } from '../../formats/nearest.ts';
import { Responder } from '../../models/operations/responder.ts';
import { responderCatalogue, responderLabels } from '../../models/operations/responderCatalogue.ts';
import type { Checks } from '../checks.ts';
import { responderToMonitoring } from '../connections/responderToMonitoring.ts';
import { ruleGroups } from '../monitoringRules.ts';
import type { MonitoringPartSettings } from '../monitoringSettings.ts';
import type { BuildContext, Part } from '../part.ts';

type Settings = Record<string, never>;

/** Every alert that can fire: of the rules of a server, and of those that Grafana manages. */
function alertNames(s: MonitoringPartSettings, readText: Checks['readText']): readonly string[] {
  return [
    ...ruleGroups(s, readText).flatMap((g) => g.rules.flatMap((r) => (r.kind === 'alert' ? [r.name] : []))),
    ...(s.grafana ?? []).flatMap((g) => g.rules.map((r) => r.name)),
  ];
}

function check(_: Settings, checks: Checks): void {
  if (checks.reactions.length === 0) return;
  const monitoring = checks.settings<MonitoringPartSettings>('monitoring') ?? {};
  const names = alertNames(monitoring, checks.readText);
  const answers = (monitoring.channels ?? []).flatMap((c) =>
    (c.steps ?? []).filter((step) => step.acknowledges !== undefined).map((step) => step.name),
  );
  for (const { path, alert, of, responder } of checks.reactions) {
    if (!names.includes(alert)) {
      const near = nearest(alert, names);
      checks.problem(
        [...path, 'when'],
        `there is no alert ${alert}`,
        near === undefined ? 'name an alert of monitoring' : `write ${near}`,
      );
    }
    if (of !== 'acknowledged') {
      if (responder !== undefined)
        checks.problem(
          [...path, 'responder'],
          `nobody is waited for where the news is ${of}`,
          'remove responder, or write of: acknowledged',
        );
      continue;
    }
    if (answers.length === 0)
      checks.problem(
        path,
        'nobody acknowledges an alert',
        'give a step of monitoring.channels acknowledges, or write of: firing',
      );
    else if (responder !== undefined && !answers.includes(responder)) {
      const near = nearest(responder, answers);
      checks.problem(
        [...path, 'responder'],
        `nobody named ${responder} acknowledges`,
        near === undefined
          ? `write one of ${[...new Set(answers)].slice(0, 12).join(', ')}`
          : `write ${near}`,
      );
    }
  }
}

function create(_: Settings, context: BuildContext): Responder {
  const { reactions } = context;
  return new Responder(
    context.sim,
    reactions.map((r) => ({
      name: r.id,
      alert: r.alert,
      of: r.of,
      person: r.responder,
      after: r.after,
      whileFiring: r.whileFiring,
      once: r.once,
      coolDownMicros: r.coolDownMicros,
      steps: r.steps.map(({ after, part, action }) => ({ after, says: `${part}.${action}` })),
    })),
    responderToMonitoring(context.models, reactions),
    (row, step, name) => context.act(reactions[row].steps[step], name),
  );
}

export const responderPart: Part<Settings, Responder> = {
  name: 'responder',
  says: 'who answers alerts: entries of the timeline that wait for one',
  stands: 'beside',
  settings: z.strictObject({}) as z.ZodType<Settings>,
  check,
  create,
  actions: {},
  catalogue: responderCatalogue,
  labels: responderLabels,
};
