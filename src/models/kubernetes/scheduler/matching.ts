import type { Node, Pod } from '../cluster.ts';
import type { PodAffinityTerm, Requirement, Selector } from '../objects.ts';

type Labels = Readonly<Record<string, string>>;

/** Source: apimachinery labels.Requirement.Matches. */
function holds(requirement: Requirement, labels: Labels): boolean {
  const value = Object.hasOwn(labels, requirement.key) ? labels[requirement.key] : undefined;
  switch (requirement.operator) {
    case 'In':
      return value !== undefined && requirement.values.includes(value);
    case 'NotIn':
      return value === undefined || !requirement.values.includes(value);
    case 'Exists':
      return value !== undefined;
    case 'DoesNotExist':
      return value === undefined;
    case 'Gt':
      return value !== undefined && Number(value) > Number(requirement.values[0]);
    case 'Lt':
      return value !== undefined && Number(value) < Number(requirement.values[0]);
  }
}

export function matches(selector: Selector, labels: Labels): boolean {
  return selector.every((r) => holds(r, labels));
}

/** Whether `candidate` is among the pods that a term of `of` means. */
export function podMatches(term: PodAffinityTerm, of: Pod, candidate: Pod): boolean {
  return (
    (term.namespaces ?? [of.namespace]).includes(candidate.namespace) &&
    matches(term.selector, candidate.template.labels)
  );
}

/** The node's domain under a topology key; undefined where it has no such label. */
export function topologyOf(node: Node, key: string): string | undefined {
  return Object.hasOwn(node.spec.labels, key) ? node.spec.labels[key] : undefined;
}
