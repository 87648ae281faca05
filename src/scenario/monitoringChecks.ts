import type { Problem } from '../formats/problem.ts';
import { grafanaBaseMicros } from '../models/monitoring/grafanaGroup.ts';
import { dayTimes, defaultReceiver, matcherOf } from './alertRouting.ts';
import type { Checks } from './checks.ts';
import { type LabelTexts, notATemplate } from './labelTemplates.ts';
import type { MonitoringPartSettings, RouteSettings } from './monitoringSettings.ts';
import { readRuleFile } from './ruleFile.ts';
import { checkServiceLevels } from './serviceLevels.ts';
import { parseMoment } from './time.ts';
import { unique } from './unique.ts';

type Path = readonly (string | number)[];

/** @param isMetric whether the catalogue has a metric of this name */
export function checkMonitoring(
  s: MonitoringPartSettings,
  checks: Checks,
  isMetric: (name: string) => boolean,
): void {
  checkGroups(s, checks, isMetric);
  checkFiles(s, checks, isMetric);
  checkServiceLevels(s, checks);
  checkGrafana(s, checks);
  checkAlertmanager(s, checks);
  checkChannels(s, checks);
  for (const silence of s.silences ?? []) {
    const path = ['monitoring', 'silences', silence.name];
    checkMatchers(silence.matchers, [...path, 'matchers'], checks);
    const moments = (['from', 'to'] as const).map((key) => {
      const at = parseMoment(silence[key], checks.from);
      if (typeof at === 'string') checks.problem([...path, key], at, 'write a time such as +10m');
      return at;
    });
    if (typeof moments[0] === 'number' && typeof moments[1] === 'number' && moments[0] >= moments[1])
      checks.problem([...path, 'to'], `${silence.to} is not after ${silence.from}`, 'write a later time');
  }
  twice(s.serviceLevels, ['monitoring', 'serviceLevels'], 'service level', checks);
  twice(s.silences, ['monitoring', 'silences'], 'silence', checks);
}

function twice(
  list: readonly { readonly name: string }[] | undefined,
  path: Path,
  what: string,
  checks: Checks,
): void {
  unique(
    (list ?? []).map((x) => x.name),
    (name) => checks.problem([...path, name], `${what} ${name} is listed twice`, 'give each its own name'),
  );
}

function checkTexts(texts: LabelTexts | undefined, path: Path, checks: Checks): void {
  for (const [name, text] of Object.entries(texts ?? {})) {
    if (!/^[a-zA-Z_][a-zA-Z0-9_]*$/.test(name))
      checks.problem([...path, name], `${name} is no label name`, 'write letters, digits and _');
    const problem = notATemplate(text);
    if (problem !== undefined)
      checks.problemIn([...path, name], problem.offset, problem.message, problem.mend);
  }
}

function checkGroups(s: MonitoringPartSettings, checks: Checks, isMetric: (name: string) => boolean): void {
  twice(s.groups, ['monitoring', 'groups'], 'group', checks);
  for (const group of s.groups ?? []) {
    for (const [place, rule] of group.rules.entries()) {
      const path = ['monitoring', 'groups', group.name, 'rules', place];
      checks.expression([...path, 'expr'], rule.expr);
      checkTexts(rule.labels, [...path, 'labels'], checks);
      if ('alert' in rule) {
        checkTexts(rule.annotations, [...path, 'annotations'], checks);
        continue;
      }
      if (!/^[a-zA-Z_:][a-zA-Z0-9_:]*$/.test(rule.record))
        checks.problem(
          [...path, 'record'],
          `${rule.record} is no metric name`,
          'write letters, digits, _ and :',
        );
      else if (isMetric(rule.record))
        checks.problem(
          [...path, 'record'],
          `${rule.record} is a metric already`,
          'record under another name',
        );
    }
  }
}

/** Rule files: their own problems at their places, and names that are taken. */
function checkFiles(s: MonitoringPartSettings, checks: Checks, isMetric: (name: string) => boolean): void {
  unique(s.rules ?? [], (file) =>
    checks.problem(['monitoring', 'rules'], `${file} is listed twice`, 'name it once'),
  );
  for (const [place, file] of (s.rules ?? []).entries()) {
    const text = checks.readText(file);
    const path = ['monitoring', 'rules', place];
    if (text === undefined) {
      checks.problem(path, `there is no file ${file}`, 'correct the path');
      continue;
    }
    const problems: Problem[] = [];
    const groups = readRuleFile(file, text, problems);
    checks.problemsOf(problems);
    for (const rule of groups.flatMap((g) => g.rules))
      if (rule.kind === 'record' && isMetric(rule.name))
        checks.problem(path, `${rule.name} of ${file} is a metric already`, 'record under another name');
  }
}

function checkGrafana(s: MonitoringPartSettings, checks: Checks): void {
  twice(s.grafana, ['monitoring', 'grafana'], 'group', checks);
  for (const group of s.grafana ?? []) {
    const path = ['monitoring', 'grafana', group.name];
    if (group.interval % grafanaBaseMicros !== 0)
      checks.problem([...path, 'interval'], 'no multiple of 10 s', 'write 10s, 20s, ..., 1m');
    twice(group.rules, [...path, 'rules'], 'rule', checks);
    for (const rule of group.rules) {
      const at = [...path, 'rules', rule.name];
      checks.expression([...at, 'expr'], rule.expr);
      checkTexts(rule.labels, [...at, 'labels'], checks);
      if (rule.above !== undefined && rule.below !== undefined)
        checks.problem([...at, 'below'], 'two conditions', 'leave above or below');
    }
  }
}

function checkMatchers(matchers: readonly string[] | undefined, path: Path, checks: Checks): void {
  for (const [place, text] of (matchers ?? []).entries()) {
    const made = matcherOf(text);
    if (typeof made === 'string')
      checks.problem([...path, place], made, 'write a matcher such as severity="page"');
  }
}

function checkAlertmanager(s: MonitoringPartSettings, checks: Checks): void {
  const a = s.alertmanager;
  if (a === undefined) return;
  const path = ['monitoring', 'alertmanager'];
  twice(a.receivers, [...path, 'receivers'], 'receiver', checks);
  twice(a.timeIntervals, [...path, 'timeIntervals'], 'time interval', checks);
  for (const interval of a.timeIntervals ?? [])
    for (const [place, text] of (interval.times ?? []).entries())
      if (dayTimes(text) === undefined)
        checks.problem(
          [...path, 'timeIntervals', interval.name, 'times', place],
          `${text.slice(0, 40)} is no time of the day`,
          'write it as in 22:00-06:00',
        );
  for (const [place, rule] of (a.inhibitRules ?? []).entries()) {
    checkMatchers(rule.source, [...path, 'inhibitRules', place, 'source'], checks);
    checkMatchers(rule.target, [...path, 'inhibitRules', place, 'target'], checks);
  }
  const receivers = receiverNames(s);
  const intervals = (a.timeIntervals ?? []).map((i) => i.name);
  const walk = (route: RouteSettings, at: Path) => {
    if (route.receiver !== undefined && !receivers.includes(route.receiver))
      checks.problem(
        [...at, 'receiver'],
        `there is no receiver ${route.receiver}`,
        `name one of ${receivers.join(', ')}`,
      );
    checkMatchers(route.matchers, [...at, 'matchers'], checks);
    for (const key of ['muteTimeIntervals', 'activeTimeIntervals'] as const)
      for (const [place, name] of (route[key] ?? []).entries())
        if (!intervals.includes(name))
          checks.problem(
            [...at, key, place],
            `there is no time interval ${name}`,
            intervals.length === 0 ? 'add it to timeIntervals' : `name one of ${intervals.join(', ')}`,
          );
    for (const [place, inner] of (route.routes ?? []).entries()) walk(inner, [...at, 'routes', place]);
  };
  if (a.route === undefined) return;
  walk(a.route, [...path, 'route']);
}

const receiverNames = (s: MonitoringPartSettings): readonly string[] => {
  const names = (s.alertmanager?.receivers ?? []).map((r) => r.name);
  return names.length === 0 ? [defaultReceiver] : names;
};

function checkChannels(s: MonitoringPartSettings, checks: Checks): void {
  twice(s.channels, ['monitoring', 'channels'], 'channel', checks);
  const receivers = receiverNames(s);
  for (const channel of s.channels ?? []) {
    const path = ['monitoring', 'channels', channel.name];
    for (const [place, name] of channel.receivers.entries())
      if (!receivers.includes(name))
        checks.problem(
          [...path, 'receivers', place],
          `there is no receiver ${name}`,
          `name one of ${receivers.join(', ')}`,
        );
    twice(channel.steps, [...path, 'steps'], 'step', checks);
  }
}
