const types = { f64: Float64Array, i32: Int32Array, u32: Uint32Array, u8: Uint8Array } as const;
type Types = typeof types;

/** Parallel arrays under their names, all of `rows` places. */
export type Table<Columns extends Record<string, keyof Types>> = {
  readonly [C in keyof Columns]: InstanceType<Types[Columns[C]]>;
} & { readonly rows: number };

/** Parallel arrays, one a column, all indexed by the same row. Say on the caller's side what a row is. */
export function table<const Columns extends Record<string, keyof Types>>(
  rows: number,
  columns: Columns,
): Table<Columns> {
  const made: Record<string, unknown> = { rows };
  for (const [name, type] of Object.entries(columns)) made[name] = new types[type](rows);
  return made as Table<Columns>;
}

/** Bytes that a table's columns hold. */
export function bytesOf(t: { readonly rows: number }): number {
  return Object.values(t).reduce(
    (sum: number, c: unknown) => sum + (ArrayBuffer.isView(c) ? c.byteLength : 0),
    0,
  );
}
