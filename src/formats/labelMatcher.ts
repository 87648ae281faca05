/** One matcher of an alert, as Alertmanager writes it: `severity=~"page|ticket"`. */
export interface WrittenMatcher {
  readonly label: string;
  readonly op: '=' | '!=' | '=~' | '!~';
  readonly value: string;
}

/**
 * Reads one matcher; the value may stand without quotes. A text that says why not, where it is none.
 * Source: Alertmanager 0.25, pkg/labels/parse.go `ParseMatcher`.
 */
export function parseMatcher(text: string): WrittenMatcher | string {
  const parts = /^\s*([a-zA-Z_:][a-zA-Z0-9_:]*)\s*(=~|=|!=|!~)\s*([\s\S]*?)\s*$/.exec(text);
  if (parts === null) return `${text.slice(0, 60)} is no matcher`;
  const [, label = '', op = '=', raw = ''] = parts;
  if (!raw.startsWith('"')) {
    if (raw.endsWith('"')) return `${text.slice(0, 60)} has a value that is quoted on one side`;
    return { label, op: op as WrittenMatcher['op'], value: raw };
  }
  if (raw.length < 2 || !/^"(?:\\.|[^"\\])*"$/.test(raw))
    return `${text.slice(0, 60)} has a value that is quoted on one side`;
  const value = raw.slice(1, -1).replace(/\\(.)/g, (_, c: string) => (c === 'n' ? '\n' : c));
  return { label, op: op as WrittenMatcher['op'], value };
}

/** As `amtool` takes it. */
export function writeMatcher({ label, op, value }: WrittenMatcher): string {
  return `${label}${op}"${value.replace(/[\\"]/g, (c) => `\\${c}`).replaceAll('\n', '\\n')}"`;
}
