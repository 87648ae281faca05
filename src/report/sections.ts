import type { Cell, Section } from '../experiment/rebalance.ts';
import { plain, table } from './text.ts';
import { number } from './words.ts';

/** A cell as a reader likes it: what does not change is told once. */
export function words(cell: Cell): string {
  if (typeof cell === 'string') return plain(cell);
  if ('value' in cell) return number(cell.value, cell.unit);
  const [before, after] = [number(cell.before, cell.unit), number(cell.after, cell.unit)];
  return before === after ? after : `${before} -> ${after}`;
}

/** Sections of an answer, as a terminal shows them. */
export function sectionsText(sections: readonly Section[]): string {
  const blocks = sections.map(({ title, header, rows, sentences }) => {
    const lines = rows.map((row) => row.map(words));
    const all = header.length === 0 ? lines : [[...header], ...lines];
    const right = new Set(
      (rows[0] ?? []).flatMap((_, i) => (rows.every((row) => typeof row[i] === 'string') ? [] : [i])),
    );
    return [
      title,
      ...(all.length === 0 ? [] : table(all, right)).map((line) => `  ${line}`),
      ...sentences.map((sentence) => `  ${plain(sentence)}`),
    ].join('\n');
  });
  return `${blocks.join('\n\n')}\n`;
}
