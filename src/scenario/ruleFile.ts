import { nearest } from '../formats/nearest.ts';
import type { Problem } from '../formats/problem.ts';
import { parseExpression } from '../promql/parse.ts';
import {
  asList,
  asMap,
  type Located,
  type LocatedMap,
  type Place,
  parseDocuments,
  problemAt,
  textPlace,
} from './document.ts';
import { type LabelTexts, notATemplate } from './labelTemplates.ts';
import type { RuleGroupText, RuleText } from './monitoringRules.ts';

const units: readonly (readonly [string, number])[] = [
  ['y', 31_536_000e6],
  ['w', 604_800e6],
  ['d', 86_400e6],
  ['h', 3_600e6],
  ['m', 60e6],
  ['s', 1e6],
  ['ms', 1e3],
];

/** Microseconds of a duration as Prometheus writes it, units from great to small: `1h30m`. Source: prometheus/common, model/time.go `ParseDuration`. */
function durationMicros(text: string): number | undefined {
  if (text === '0') return 0;
  const parts = /^(?:(\d+)y)?(?:(\d+)w)?(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?(?:(\d+)ms)?$/.exec(text);
  if (parts === null || text === '') return undefined;
  return units.reduce((sum, [, micros], i) => sum + Number(parts[i + 1] ?? 0) * micros, 0);
}

const fileKeys = ['groups'];
const groupKeys = ['name', 'interval', 'query_offset', 'limit', 'labels', 'rules'];
const ruleKeys = ['record', 'alert', 'expr', 'for', 'keep_firing_for', 'labels', 'annotations'];
/** Keys of the resource alone: of Thanos, which runs the same rules elsewhere. */
const resourceGroupKeys = [...groupKeys, 'partial_response_strategy'];

/**
 * Groups of a Prometheus rule file, or of PrometheusRule resources, one or several in a file, also in a List.
 * Every problem is added at its place, those of an expression at their character.
 * Source: Prometheus 3, model/rulefmt/rulefmt.go; prometheus-operator, pkg/apis/monitoring/v1.
 */
export function readRuleFile(
  file: string,
  text: string | undefined,
  problems: Problem[],
): readonly RuleGroupText[] {
  const before = problems.length;
  const groups = parseDocuments(file, text, problems, 'groups:').flatMap((root) =>
    new RuleReader(text ?? '', problems).document(root),
  );
  const names = new Set<string>();
  for (const { name, at } of groups) {
    if (names.has(name))
      problems.push(
        problemAt(at, `groups.${name}`, `group ${name} is listed twice`, 'give each its own name'),
      );
    names.add(name);
  }
  return problems.length > before ? [] : groups;
}

class RuleReader {
  private readonly text: string;
  private readonly problems: Problem[];

  constructor(text: string, problems: Problem[]) {
    this.text = text;
    this.problems = problems;
  }

  private problem(at: Place, path: string, found: string, mend: string): void {
    this.problems.push(problemAt(at, path, found, mend));
  }

  /** A rule file, a resource, or a list of resources. */
  document(root: Located): readonly (RuleGroupText & { readonly at: Place })[] {
    const map = asMap(root)!;
    const kind = scalarText(map.get('kind'));
    if (kind === undefined && !map.has('apiVersion')) return this.groups(map, root, '', groupKeys, fileKeys);
    if (kind === 'List' || kind === 'PrometheusRuleList')
      return (asList(map.get('items')) ?? []).flatMap((item) =>
        asMap(item) === undefined ? [] : this.document(item),
      );
    if (kind !== 'PrometheusRule') {
      this.problem(
        map.get('kind') ?? root,
        'kind',
        `a resource of kind ${kind ?? 'nothing'}`,
        'name rule files and PrometheusRule resources alone',
      );
      return [];
    }
    const spec = asMap(map.get('spec'));
    if (spec === undefined) {
      this.problem(root, 'spec', 'a PrometheusRule without spec', 'write spec: with groups: below it');
      return [];
    }
    return this.groups(spec, map.get('spec')!, 'spec.', resourceGroupKeys, fileKeys);
  }

  private known(map: LocatedMap, keys: readonly string[], path: string): void {
    for (const [key, node] of map) {
      if (keys.includes(key)) continue;
      const near = nearest(key, keys);
      this.problem(
        { file: node.file, line: node.keyLine, column: node.keyColumn },
        path + key,
        `there is no key ${key}`,
        near === undefined ? `use ${keys.join(', ')}` : `write ${near}`,
      );
    }
  }

  private groups(
    map: LocatedMap,
    at: Place,
    prefix: string,
    keys: readonly string[],
    above: readonly string[],
  ) {
    this.known(map, above, prefix);
    const list = asList(map.get('groups'));
    if (list === undefined) {
      this.problem(
        map.get('groups') ?? at,
        `${prefix}groups`,
        'no list of groups',
        'write groups: with a list below it',
      );
      return [];
    }
    return list.flatMap((node, i) => {
      const group = asMap(node);
      const path = `${prefix}groups[${i}]`;
      if (group === undefined) {
        this.problem(node, path, 'a group that is no map', 'write name: and rules:');
        return [];
      }
      this.known(group, keys, `${path}.`);
      const name = this.name(group.get('name'), node, `${path}.name`, 'a group without a name');
      const rules = asList(group.get('rules')) ?? [];
      if (
        group.has('rules') &&
        asList(group.get('rules')) === undefined &&
        group.get('rules')!.value !== null
      )
        this.problem(group.get('rules')!, `${path}.rules`, 'rules that are no list', 'write a list of rules');
      return [
        {
          name,
          at: node as Place,
          intervalMicros: this.duration(group.get('interval'), `${path}.interval`) || undefined,
          queryOffsetMicros: this.duration(group.get('query_offset'), `${path}.query_offset`),
          limit: this.count(group.get('limit'), `${path}.limit`),
          labels: this.texts(group.get('labels'), `${path}.labels`),
          rules: rules.flatMap((rule, j) => this.rule(rule, `${path}.rules[${j}]`)),
        },
      ];
    });
  }

  private rule(node: Located, path: string): readonly RuleText[] {
    const rule = asMap(node);
    if (rule === undefined) {
      this.problem(node, path, 'a rule that is no map', 'write alert: or record:, and expr:');
      return [];
    }
    this.known(rule, ruleKeys, `${path}.`);
    const kind = rule.has('record') ? 'record' : 'alert';
    if (rule.has('record') === rule.has('alert'))
      this.problem(
        node,
        path,
        rule.has('record') ? 'both record and alert' : 'neither record nor alert',
        'write one of them',
      );
    const name = this.name(rule.get(kind), node, `${path}.${kind}`, `a rule without ${kind}`);
    if (kind === 'record') {
      if (name !== '' && !/^[a-zA-Z_:][a-zA-Z0-9_:]*$/.test(name))
        this.problem(
          rule.get('record')!,
          `${path}.record`,
          `${name} is no metric name`,
          'write letters, digits, _ and :',
        );
      for (const key of ['for', 'keep_firing_for', 'annotations'])
        if (rule.has(key))
          this.problem(rule.get(key)!, `${path}.${key}`, `${key} of a recording rule`, `remove ${key}`);
    }
    return [
      {
        kind,
        name,
        expr: this.expression(rule.get('expr'), node, `${path}.expr`),
        forMicros: this.duration(rule.get('for'), `${path}.for`),
        keepFiringForMicros: this.duration(rule.get('keep_firing_for'), `${path}.keep_firing_for`),
        labels: this.texts(rule.get('labels'), `${path}.labels`),
        annotations: this.texts(rule.get('annotations'), `${path}.annotations`, false),
      },
    ];
  }

  private name(node: Located | undefined, at: Place, path: string, found: string): string {
    const name = scalarText(node) ?? '';
    if (name.trim() === '') this.problem(node ?? at, path, found, 'give it a name');
    return name;
  }

  private expression(node: Located | undefined, at: Place, path: string): string {
    const text = scalarText(node);
    if (text === undefined || text.trim() === '') {
      this.problem(node ?? at, path, 'a rule without an expression', 'write expr: with PromQL');
      return '';
    }
    const parsed = parseExpression(text);
    for (const p of parsed.ok ? [] : parsed.problems)
      this.problem({ file: node!.file, ...textPlace(node!, p.offset, this.text) }, path, p.message, p.mend);
    return text;
  }

  private duration(node: Located | undefined, path: string): number {
    if (node === undefined) return 0;
    const micros = durationMicros(scalarText(node) ?? '');
    if (micros === undefined)
      this.problem(
        node,
        path,
        `${scalarText(node) ?? 'that'} is no duration`,
        'write it as in 30s, 5m or 1h30m',
      );
    return micros ?? 0;
  }

  private count(node: Located | undefined, path: string): number {
    if (node === undefined) return 0;
    const count = Number(scalarText(node));
    if (Number.isInteger(count) && count >= 0) return count;
    this.problem(node, path, 'a limit that is no whole number', 'write 0 for no limit');
    return 0;
  }

  private texts(node: Located | undefined, path: string, areLabels = true): LabelTexts {
    if (node === undefined || node.value === null) return {};
    const map = asMap(node);
    if (map === undefined) {
      this.problem(node, path, 'no map of names and texts', 'write name: text');
      return {};
    }
    const made: Record<string, string> = {};
    for (const [name, value] of map) {
      const at = { file: value.file, line: value.keyLine, column: value.keyColumn };
      const text = scalarText(value);
      if (!/^[a-zA-Z_][a-zA-Z0-9_]*$/.test(name) || (areLabels && name === '__name__'))
        this.problem(at, `${path}.${name}`, `${name} is no label name`, 'write letters, digits and _');
      if (text === undefined) {
        this.problem(value, `${path}.${name}`, 'a value that is no text', 'write a text');
        continue;
      }
      const wrong = notATemplate(text);
      if (wrong !== undefined)
        this.problem(
          { file: value.file, ...textPlace(value, wrong.offset, this.text) },
          `${path}.${name}`,
          wrong.message,
          wrong.mend,
        );
      made[name] = text;
    }
    return made;
  }
}

function scalarText(node: Located | undefined): string | undefined {
  if (node === undefined || node.value === null || typeof node.value === 'object') return undefined;
  return node.text ?? String(node.value);
}
