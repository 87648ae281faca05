import type { Problem } from './problem.ts';

export interface CurvePoint {
  readonly seconds: number;
  readonly value: number;
}

/**
 * Reads a recorded curve: the header `seconds,value`, then one point a row, seconds rising, values 0 or more. Anything else
 * is a problem at its line: a row that was skipped silently would look like a quiet hour.
 */
export function readCurve(
  text: string,
  file: string,
): { readonly points: CurvePoint[]; readonly problems: Problem[] } {
  const points: CurvePoint[] = [];
  const problems: Problem[] = [];
  const problem = (line: number, column: number, found: string, mend: string) => {
    if (problems.length < 100)
      problems.push({ file, line, column, path: '', found, mend, severity: 'problem' });
  };
  const rows = text.replace(/^\uFEFF/, '').split(/\r?\n/);
  if (rows[0]?.trim() !== 'seconds,value') {
    problem(1, 1, `the header is "${(rows[0] ?? '').slice(0, 40)}"`, 'begin with seconds,value');
    return { points, problems };
  }
  for (let i = 1; i < rows.length; i += 1) {
    const row = rows[i]!;
    if (row.trim() === '' && i === rows.length - 1) continue;
    const cells = row.split(',');
    const numbers = cells.map((cell) =>
      /^\s*-?\d+(\.\d+)?([eE][+-]?\d+)?\s*$/.test(cell) ? Number(cell) : Number.NaN,
    );
    if (cells.length !== 2) {
      problem(i + 1, 1, `${cells.length} cells`, 'write seconds,value');
      continue;
    }
    const bad = numbers.findIndex((x) => !Number.isFinite(x));
    if (bad >= 0) {
      problem(
        i + 1,
        bad === 0 ? 1 : cells[0]!.length + 2,
        `"${cells[bad]!.slice(0, 40)}" is no number`,
        'write a number',
      );
      continue;
    }
    const [seconds, value] = numbers as [number, number];
    if (value < 0) problem(i + 1, cells[0]!.length + 2, `${value} is negative`, 'write 0 or more');
    const last = points[points.length - 1];
    if (last !== undefined && seconds <= last.seconds)
      problem(i + 1, 1, `${seconds} s after ${last.seconds} s`, 'sort the rows by time, one row a time');
    points.push({ seconds, value });
  }
  if (points.length === 0 && problems.length === 0) problem(1, 1, 'no points', 'give at least one row');
  return { points, problems };
}

export function writeCurve(points: readonly CurvePoint[]): string {
  return `seconds,value\n${points.map((p) => `${p.seconds},${p.value}\n`).join('')}`;
}
