/** The labels of a series or of an alert; a label that is absent counts as empty. */
export type Labels = Readonly<Record<string, string>>;

/** By code unit, never by locale. */
export const byText = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

const keys = new WeakMap<Labels, string>();

/** The same text for the same labels, whatever their order; empty labels do not count. Labels are never changed once made. */
export function labelKey(labels: Labels): string {
  let key = keys.get(labels);
  if (key === undefined) {
    key = Object.keys(labels)
      .filter((name) => labels[name] !== '')
      .sort(byText)
      .map((name) => `${name}\u0001${labels[name]}`)
      .join('\u0002');
    keys.set(labels, key);
  }
  return key;
}

/** As Alertmanager and Prometheus print them: `{a="x", b="y"}`; empty for none. */
export function labelText(labels: Labels): string {
  const names = Object.keys(labels).sort(byText);
  return names.length === 0 ? '' : `{${names.map((n) => `${n}="${labels[n]}"`).join(', ')}}`;
}

/** What an alert has to satisfy: every one of a list, as in a route, a silence or an inhibition. */
export interface LabelMatcher {
  readonly label: string;
  readonly op: '=' | '!=' | '=~' | '!~';
  readonly value: string;
  /** Whether a value of the label passes, with `op` taken into account. */
  readonly test: (value: string) => boolean;
}

export function matchesAll(labels: Labels, matchers: readonly LabelMatcher[]): boolean {
  return matchers.every((m) => m.test(labels[m.label] ?? ''));
}
