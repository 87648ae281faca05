import {
  type Data,
  Dictionary,
  Field,
  Float64,
  Int32,
  makeData,
  RecordBatch,
  Schema,
  Struct,
  Table,
  tableFromIPC,
  tableToIPC,
  Utf8,
  type Vector,
  vectorFromArray,
} from 'apache-arrow';
import type { AnswerColumn } from '../experiment/answer.ts';
import type { Column, Replications, RowHead } from '../experiment/replicated.ts';
import type { Result } from '../experiment/result.ts';
import { gone } from '../promql/series.ts';

/** A column of repeated texts: codes into a dictionary in order of first use. */
class Texts {
  private readonly codes = new Map<string, number>();
  private readonly column: number[] = [];

  add(text: string): void {
    let code = this.codes.get(text);
    if (code === undefined) {
      code = this.codes.size;
      this.codes.set(text, code);
    }
    this.column.push(code);
  }

  data(id: number): Data<Dictionary<Utf8, Int32>> {
    const dictionary = vectorFromArray(this.codes.size === 0 ? [''] : [...this.codes.keys()], new Utf8());
    return makeData({
      type: new Dictionary(new Utf8(), new Int32(), id),
      data: Int32Array.from(this.column),
      dictionary: dictionary as Vector<Utf8>,
    });
  }
}

function doubles(values: readonly number[]): Data<Float64> {
  return makeData({ type: new Float64(), data: Float64Array.from(values) });
}

function ipc(columns: readonly (readonly [string, Data])[], length: number): Uint8Array {
  const fields = columns.map(([name, data]) => new Field(name, data.type, false));
  const schema = new Schema(fields);
  const struct = makeData({
    type: new Struct(fields),
    length,
    nullCount: 0,
    children: columns.map(([, data]) => data),
  });
  return tableToIPC(new Table(schema, [new RecordBatch(schema, struct)]), 'file');
}

/** Every change of every series: metric, labels, time in microseconds from the start, value, change per second from there. */
export function seriesArrow(result: Result): Uint8Array {
  const metric = new Texts();
  const labels = new Texts();
  const times: number[] = [];
  const values: number[] = [];
  const slopes: number[] = [];
  for (const name of result.series.names) {
    for (const series of result.series.of(name)) {
      const text = Object.entries(series.labels)
        .map(([k, v]) => `${k}="${v}"`)
        .join(',');
      for (let i = 0; i < series.length; i += 1) {
        if (series.times[i]! > result.playedMicros) break;
        metric.add(name);
        labels.add(text);
        times.push(series.times[i]!);
        // No series from here on: not a number in the file.
        values.push(series.values[i]! === gone ? Number.NaN : series.values[i]!);
        slopes.push(series.slopes[i]!);
      }
    }
  }
  return ipc(
    [
      ['metric', metric.data(1)],
      ['labels', labels.data(2)],
      ['time_us', doubles(times)],
      ['value', doubles(values)],
      ['slope_per_s', doubles(slopes)],
    ],
    times.length,
  );
}

/** What happened, as it was told: time in microseconds from the start, kind, subject, detail. */
export function eventsArrow(result: Result): Uint8Array {
  const [kind, subject, detail] = [new Texts(), new Texts(), new Texts()];
  const times: number[] = [];
  for (const t of result.told) {
    times.push(t.time);
    kind.add(t.kind);
    subject.add(t.subject);
    detail.add(t.detail);
  }
  return ipc(
    [
      ['time_us', doubles(times)],
      ['kind', kind.data(1)],
      ['subject', subject.data(2)],
      ['detail', detail.data(3)],
    ],
    times.length,
  );
}

/** Every run of many: its number, its digest, whether it broke a law, and a column for each number; not a number where a run has none. */
export function replicationsArrow({ rows, columns }: Replications): Uint8Array {
  const fingerprints = new Texts();
  const broken = new Texts();
  for (const row of rows) {
    fingerprints.add(row.fingerprint);
    broken.add(row.broken ?? '');
  }
  return ipc(
    [
      ['replication', doubles(rows.map((r) => r.replication))],
      ['fingerprint', fingerprints.data(1)],
      ['broken', broken.data(2)],
      ['events', doubles(rows.map((r) => r.events))],
      ...columns.map(({ name, values }) => [name, doubles(values)] as const),
    ],
    rows.length,
  );
}

/** Reads what `replicationsArrow` wrote. @throws Error for a file that is cut off, or none */
export function readReplications(bytes: Uint8Array): {
  readonly heads: readonly RowHead[];
  readonly columns: readonly Column[];
} {
  const table = tableFromIPC(bytes);
  const own = ['replication', 'fingerprint', 'broken', 'events'];
  const column = (name: string) => {
    const found = table.getChild(name);
    if (found === null) throw new RangeError(`there is no column ${name}`);
    return found;
  };
  const [number, fingerprint, broken, events] = own.map(column) as [Vector, Vector, Vector, Vector];
  return {
    heads: Array.from({ length: table.numRows }, (_, i) => ({
      replication: Number(number.get(i)),
      fingerprint: String(fingerprint.get(i)),
      broken: String(broken.get(i)) === '' ? null : String(broken.get(i)),
      events: Number(events.get(i)),
    })),
    columns: table.schema.fields
      .map((f) => f.name)
      .filter((name) => !own.includes(name))
      .map((name) => ({
        name,
        values: Array.from({ length: table.numRows }, (_, i) => Number(column(name).get(i))),
      })),
  };
}

/** Columns of numbers or of words. */
export function datasetArrow(columns: readonly AnswerColumn[]): Uint8Array {
  return ipc(
    columns.map(({ name, values }, i) => {
      if (values.every((v) => typeof v === 'number'))
        return [name, doubles(values as readonly number[])] as const;
      const texts = new Texts();
      for (const v of values) texts.add(String(v));
      return [name, texts.data(i + 1)] as const;
    }),
    columns[0]?.values.length ?? 0,
  );
}
