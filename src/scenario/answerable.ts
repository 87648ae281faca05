import type { Metric } from '../engine/catalogue.ts';
import { namesOf, parseExpression, type Selector, selectorsOf } from '../promql/parse.ts';
import type { PlacedGroup, RuleText } from './monitoringRules.ts';

/** What a rule reads that is not simulated; empty for one that can be answered. */
export type Unanswerable = ReadonlyMap<RuleText, string>;

/** A metric that the platform exposes, with the labels that its series can have there. */
export interface Exposed {
  readonly labels: ReadonlySet<string>;
  /** Whether series may have labels that are not known beforehand. */
  readonly isOpen: boolean;
}

/**
 * Rules that cannot be answered: a selector of theirs names a metric, or asks for a label, that nothing here exposes; or what a recording rule that
 * cannot be answered would give. Such a rule is not evaluated: an empty vector would look like an alert that did not fire, or did.
 */
export function unanswerable(
  groups: readonly PlacedGroup[],
  exposed: ReadonlyMap<string, Exposed>,
): Unanswerable {
  const rules = groups.flatMap((g) => g.rules);
  const found = new Map<RuleText, string>();
  const selectors = new Map(rules.map((rule) => [rule, selectorsIn(rule.expr)]));
  const names = [...exposed.keys(), ...rules.flatMap((r) => (r.kind === 'record' ? [r.name] : []))];
  for (let isChanged = true; isChanged; ) {
    isChanged = false;
    const recorded = new Set(rules.flatMap((r) => (r.kind === 'record' && !found.has(r) ? [r.name] : [])));
    for (const rule of rules) {
      if (found.has(rule)) continue;
      const missing = selectors.get(rule)!.flatMap((s) => lacking(s, exposed, recorded, names));
      if (missing.length === 0) continue;
      found.set(
        rule,
        `${[...new Set(missing)].join(', ')} ${new Set(missing).size === 1 ? 'is' : 'are'} not simulated`,
      );
      isChanged = true;
    }
  }
  return found;
}

function selectorsIn(expr: string): readonly Selector[] {
  const parsed = parseExpression(expr);
  return parsed.ok ? selectorsOf(parsed.value) : [];
}

/** What of a selector is not there: its metric, or a label that it wants a value of. */
function lacking(
  selector: Selector,
  exposed: ReadonlyMap<string, Exposed>,
  recorded: ReadonlySet<string>,
  names: readonly string[],
): readonly string[] {
  const own = new Set(['ALERTS', 'ALERTS_FOR_STATE']);
  const read = namesOf(selector, names).filter(
    (name) => exposed.has(name) || recorded.has(name) || own.has(name),
  );
  if (read.length === 0) return [selector.name === '' ? 'any metric of the pattern' : selector.name];
  const wanted = selector.matchers.filter((m) => m.label !== '__name__' && !m.test(''));
  const fits = (name: string) => {
    const metric = exposed.get(name);
    return metric === undefined || metric.isOpen || wanted.every((m) => metric.labels.has(m.label));
  };
  if (read.some(fits)) return [];
  return wanted
    .filter((m) => !exposed.get(read[0]!)!.labels.has(m.label))
    .map((m) => `label ${m.label} of ${read[0]}`);
}

/** A metric with the labels that it has of itself and from its target. */
export function exposedAs(metric: Metric, targetLabels: readonly string[]): Exposed {
  return { labels: new Set([...metric.labels, ...targetLabels]), isOpen: metric.openLabels === true };
}
