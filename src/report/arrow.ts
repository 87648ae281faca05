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
import type { ToldEvent } from '../engine/simulation.ts';
import type { AnswerColumn } from '../experiment/answer.ts';
import type { Column, Replications, RowHead } from '../experiment/replicated.ts';
import type { Result } from '../experiment/result.ts';
import { gone, type Labels, type Series, type SeriesSet } from '../promql/series.ts';

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

/** Numbers of which some are missing: null in the file. */
function doublesOrNull(values: readonly (number | null)[]): Data<Float64> {
  const missing = values.filter((v) => v === null).length;
  if (missing === 0) return doubles(values as readonly number[]);
  const bits = new Uint8Array(Math.ceil(values.length / 64) * 8);
  values.forEach((v, i) => {
    if (v !== null) bits[i >> 3]! |= 1 << (i & 7);
  });
  return makeData({
    type: new Float64(),
    data: Float64Array.from(values, (v) => v ?? 0),
    nullCount: missing,
    nullBitmap: bits,
  });
}

function doubles(values: readonly number[]): Data<Float64> {
  return makeData({ type: new Float64(), data: Float64Array.from(values) });
}

function ipc(columns: readonly (readonly [string, Data])[], length: number): Uint8Array {
  const fields = columns.map(([name, data]) => new Field(name, data.type, data.nullCount > 0));
  const schema = new Schema(fields);
  const struct = makeData({
    type: new Struct(fields),
    length,
    nullCount: 0,
    children: columns.map(([, data]) => data),
  });
  return tableToIPC(new Table(schema, [new RecordBatch(schema, struct)]), 'file');
}

/** Labels as one text: `a="x",b="y"`, with backslashes, quotes and line ends escaped as in Prometheus' text format. */
function labelsText(labels: Labels): string {
  return Object.entries(labels)
    .map(([k, v]) => `${k}="${v.replace(/[\\"]/g, '\\$&').replace(/\n/g, '\\n')}"`)
    .join(',');
}

function labelsOf(text: string): Labels {
  const labels: Record<string, string> = {};
  for (const [, name, value] of text.matchAll(/([^=,"]+)="((?:\\.|[^"\\])*)"/gs))
    labels[name!] = value!.replace(/\\(.)/gs, (_, c: string) => (c === 'n' ? '\n' : c));
  return labels;
}

/**
 * Every change of every series: metric, labels, time in microseconds from the start, value, change per second from there. Without a value
 * there is no series from there on.
 */
export function seriesArrow(result: Result): Uint8Array {
  const metric = new Texts();
  const labels = new Texts();
  const times: number[] = [];
  const values: (number | null)[] = [];
  const slopes: number[] = [];
  for (const name of result.series.names) {
    for (const series of result.series.of(name)) {
      const text = labelsText(series.labels);
      for (let i = 0; i < series.length; i += 1) {
        if (series.times[i]! > result.playedMicros) break;
        metric.add(name);
        labels.add(text);
        times.push(series.times[i]!);
        values.push(series.values[i]! === gone ? null : series.values[i]!);
        slopes.push(series.slopes[i]!);
      }
    }
  }
  return ipc(
    [
      ['metric', metric.data(1)],
      ['labels', labels.data(2)],
      ['time_us', doubles(times)],
      ['value', doublesOrNull(values)],
      ['slope_per_s', doubles(slopes)],
    ],
    times.length,
  );
}

/** What happened, as it was told: time in microseconds from the start, kind, subject, detail, number of the event in which it was told. */
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
      ['event', doubles(result.told.map((t) => t.event))],
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

/** The table of a file, which has as many bytes as its rows need: a changed length would else be read to the end of the memory. */
function tableIn(bytes: Uint8Array): Table {
  const table = tableFromIPC(bytes);
  if (table.numRows * 8 > bytes.length) throw new RangeError(`it cannot hold ${table.numRows} rows`);
  return table;
}

/** The columns of a file, by the names it must have. @throws Error for a file that is cut off, or none; RangeError for a missing column */
function columnsIn(bytes: Uint8Array, names: readonly string[]): { rows: number; columns: Vector[] } {
  const table = tableIn(bytes);
  const columns = names.map((name) => {
    const found = table.getChild(name);
    if (found === null) throw new RangeError(`there is no column ${name}`);
    return found;
  });
  return { rows: table.numRows, columns };
}

/** Reads what `seriesArrow` wrote. @throws Error for a file that is cut off, or none */
export function readSeries(bytes: Uint8Array): SeriesSet {
  const { rows, columns } = columnsIn(bytes, ['metric', 'labels', 'time_us', 'value', 'slope_per_s']);
  const [metric, labels, time, value, slope] = columns as [Vector, Vector, Vector, Vector, Vector];
  const byName = new Map<string, Series[]>();
  for (let from = 0; from < rows; ) {
    const [name, text]: unknown[] = [metric.get(from), labels.get(from)];
    if (typeof name !== 'string' || typeof text !== 'string')
      throw new RangeError(`row ${from} has no metric or no labels`);
    const [times, values, slopes]: [number[], number[], number[]] = [[], [], []];
    let i = from;
    // Two series may have the same labels, one after the other: time then goes back.
    for (; i < rows && metric.get(i) === name && labels.get(i) === text; i += 1) {
      const t = Number(time.get(i));
      if (i > from && t <= times.at(-1)!) break;
      times.push(t);
      values.push(value.get(i) === null ? gone : Number(value.get(i)));
      slopes.push(Number(slope.get(i)));
    }
    const list = byName.get(name) ?? [];
    byName.set(name, list);
    list.push({ name, labels: labelsOf(text), times, values, slopes, length: times.length });
    from = i;
  }
  return { names: [...byName.keys()], of: (name) => byName.get(name) ?? [] };
}

/** Reads what `eventsArrow` wrote. @throws Error for a file that is cut off, or none */
export function readEvents(bytes: Uint8Array): readonly ToldEvent[] {
  const { rows, columns } = columnsIn(bytes, ['time_us', 'kind', 'subject', 'detail', 'event']);
  const [time, kind, subject, detail, event] = columns as [Vector, Vector, Vector, Vector, Vector];
  return Array.from({ length: rows }, (_, i) => ({
    time: Number(time.get(i)),
    kind: String(kind.get(i)),
    subject: String(subject.get(i)),
    detail: String(detail.get(i)),
    event: Number(event.get(i)),
  }));
}

/** Reads what `replicationsArrow` wrote. @throws Error for a file that is cut off, or none */
export function readReplications(bytes: Uint8Array): {
  readonly heads: readonly RowHead[];
  readonly columns: readonly Column[];
} {
  const table = tableIn(bytes);
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
