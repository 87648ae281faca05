import { RE2JS, RE2JSException } from 're2js';

/** Longer than any that somebody reads. */
const longest = 500;

/** A regular expression for whole names. */
export interface NamePattern {
  readonly matches: (name: string) => boolean;
}

/**
 * A regular expression that a whole name has to match, as Java's `Pattern.matches` asks. It is matched in time that is linear in the name, whatever it is:
 * what cannot be (looking ahead or behind, references back, possessive quantifiers, which Java has) is refused.
 * Source of syntax: R. Cox, RE2, of which re2js is a port.
 * @returns a text where it cannot be read: what is wrong with it
 */
export function namePattern(text: string): NamePattern | string {
  if (text.length > longest) return `a pattern of more than ${longest} characters`;
  try {
    const compiled = RE2JS.compile(text);
    return { matches: (name) => compiled.matches(name) };
  } catch (error) {
    if (!(error instanceof RE2JSException)) throw error;
    const why = error.message.replace(/^error parsing regexp: /, '').replace(`: \`${text}\``, '');
    return `${text.slice(0, 60)} is no regular expression that can be used: ${why.replaceAll('`', '').slice(0, 80)}`;
  }
}
