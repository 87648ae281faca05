/** One row of a trace: events of one thread. */
export interface TraceThread {
  readonly name: string;
  /** Times in microseconds from the start; without `lasts` an instant. Those that last may not overlap in part. */
  readonly events: readonly {
    readonly at: number;
    readonly lasts?: number;
    readonly name: string;
    readonly more: Readonly<Record<string, string>>;
  }[];
}

/** A counter: values by name, each holding until its next. */
export interface TraceCounter {
  readonly name: string;
  readonly values: readonly { readonly at: number; readonly by: string; readonly value: number }[];
}

export interface TraceProcess {
  readonly name: string;
  readonly threads: readonly TraceThread[];
  readonly counters: readonly TraceCounter[];
}

/**
 * A trace that ui.perfetto.dev and chrome://tracing open: one event a line.
 *
 * Source: "Trace Event Format" (Chromium project, 2016): metadata M, complete X, instant i, counter C.
 */
export function traceJson(
  processes: readonly TraceProcess[],
  about: Readonly<Record<string, string>>,
): string {
  const events = processes.flatMap((one, p) => {
    const pid = p + 1;
    const head = (tid: number, name: string, text: string) => ({
      ph: 'M',
      pid,
      tid,
      ts: 0,
      name,
      args: { name: text },
    });
    return [
      head(0, 'process_name', one.name),
      ...one.threads.flatMap(({ name, events: all }, t) => [
        head(t + 1, 'thread_name', name),
        ...all.map(({ at, lasts, name: what, more }) => {
          const event = { pid, tid: t + 1, ts: at, name: what, cat: one.name, args: more };
          return lasts === undefined ? { ph: 'i', s: 't', ...event } : { ph: 'X', ...event, dur: lasts };
        }),
      ]),
      ...one.counters.flatMap(({ name, values }) =>
        values.map(({ at, by, value }) => ({
          ph: 'C',
          pid,
          tid: 0,
          ts: at,
          name: by === '' ? name : `${name}: ${by}`,
          args: { value },
        })),
      ),
    ];
  });
  const lines = events.map((event) => JSON.stringify(event)).join(',\n');
  return `{"displayTimeUnit":"ms","otherData":${JSON.stringify(about)},"traceEvents":[\n${lines}\n]}\n`;
}
