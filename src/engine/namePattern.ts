import { RE2JS, RE2JSException } from 're2js';

/** Longer than any that somebody reads. */
const longest = 500;

/** A regular expression for whole names. */
export interface NamePattern {
  readonly matches: (name: string) => boolean;
  /**
   * A template in which `$1`, `${1}` and `${name}` stand for what the groups of the expression matched; undefined where it does not match.
   * Source: Go, regexp `Expand`.
   */
  readonly expand: (name: string, template: string) => string | undefined;
}

/**
 * A regular expression that a whole name has to match, as Java's `Pattern.matches` asks. It is matched in time that is linear in the name, whatever it is:
 * what cannot be (looking ahead or behind, references back, possessive quantifiers, which Java has) is refused.
 * Source of syntax: R. Cox, RE2, of which re2js is a port.
 * @param options.dotMatchesAll whether `.` matches the end of a line too, as in a matcher of Prometheus
 * @returns a text where it cannot be read: what is wrong with it
 */
export function namePattern(
  text: string,
  options: { readonly dotMatchesAll?: boolean } = {},
): NamePattern | string {
  if (text.length > longest) return `a pattern of more than ${longest} characters`;
  try {
    const compiled = RE2JS.compile(text, options.dotMatchesAll === true ? RE2JS.DOTALL : 0);
    return {
      matches: (name) => compiled.matches(name),
      expand: (name, template) => expandedBy(compiled, name, template),
    };
  } catch (error) {
    if (!(error instanceof RE2JSException)) throw error;
    const why = error.message.replace(/^error parsing regexp: /, '').replace(`: \`${text}\``, '');
    return `${text.slice(0, 60)} is no regular expression that can be used: ${why.replaceAll('`', '').slice(0, 80)}`;
  }
}

function expandedBy(compiled: RE2JS, name: string, template: string): string | undefined {
  const matcher = compiled.matcher(name);
  if (!matcher.matches()) return undefined;
  return template.replace(/\$(?:\$|\{(\w+)\}|(\w+))/g, (_, inBraces?: string, plain?: string) => {
    const group = inBraces ?? plain;
    if (group === undefined) return '$';
    if (/^\d+$/.test(group))
      return Number(group) <= matcher.groupCount() ? (matcher.group(Number(group)) ?? '') : '';
    return Object.hasOwn(compiled.namedGroups(), group) ? (matcher.group(group) ?? '') : '';
  });
}
