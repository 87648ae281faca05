/** A sample of one series, at a time in seconds since 1970. */
export interface OpenMetricsSample {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
  readonly seconds: number;
}

/** All series of one metric name; the samples of a series stand together, in ascending time. */
export interface OpenMetricsFamily {
  /** The name of its series. */
  readonly name: string;
  readonly type: 'gauge' | 'counter' | 'unknown';
  readonly help: string;
  readonly samples: Iterable<OpenMetricsSample>;
}

const escaped = (text: string) => text.replace(/\\/g, '\\\\').replace(/"/g, '\\"').replace(/\n/g, '\\n');

function numberText(value: number): string {
  if (Number.isNaN(value)) return 'NaN';
  if (Number.isFinite(value)) return String(value);
  return value > 0 ? '+Inf' : '-Inf';
}

function labelsText(labels: Readonly<Record<string, string>>): string {
  const all = Object.entries(labels).map(([name, value]) => `${name}="${escaped(value)}"`);
  return all.length === 0 ? '' : `{${all.join(',')}}`;
}

/** Units that the format lets a metric state: those its name ends with. */
const units = ['seconds', 'bytes', 'ratio'];

/**
 * A text exposition, in pieces. A counter whose series do not end in `_total`, or whose family would then have the name of another
 * one, has type `unknown`: the format has no other way to name it.
 *
 * Source: OpenMetrics 1.0 (Cloud Native Computing Foundation, 2020), sections "ABNF" and "Overall Structure".
 */
export function* openMetricsText(families: readonly OpenMetricsFamily[]): Generator<string> {
  const names = new Set(families.map((f) => f.name));
  for (const { name, type, help, samples } of families) {
    const bare = name.replace(/_total$/, '');
    const isCounter = type === 'counter' && bare !== name && !names.has(bare);
    const family = isCounter ? bare : name;
    const unit = units.find((u) => family.endsWith(`_${u}`));
    let text = `# TYPE ${family} ${isCounter ? 'counter' : type === 'counter' ? 'unknown' : type}\n`;
    if (unit !== undefined) text += `# UNIT ${family} ${unit}\n`;
    if (help !== '') text += `# HELP ${family} ${escaped(help)}\n`;
    for (const { labels, value, seconds } of samples) {
      text += `${name}${labelsText(labels)} ${numberText(value)} ${seconds}\n`;
      if (text.length > 65_536) {
        yield text;
        text = '';
      }
    }
    yield text;
  }
  yield '# EOF\n';
}
