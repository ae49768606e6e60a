import Table from 'cli-table3';

/** One column: its head, with the unit where all its cells share one, and which way its cells are aligned. */
export interface Column {
  readonly head: string;
  readonly align?: 'left' | 'right';
}

const LINES = {
  top: '',
  'top-mid': '',
  'top-left': '',
  'top-right': '',
  bottom: '',
  'bottom-mid': '',
  'bottom-left': '',
  'bottom-right': '',
  left: '',
  'left-mid': '',
  mid: '',
  'mid-mid': '',
  right: '',
  'right-mid': '',
  middle: '  ',
};

/** Rows under their heads, columns aligned, no lines: the same text on a terminal and in a file. */
export function table(columns: readonly Column[], rows: readonly (readonly string[])[]): string {
  const out = new Table({
    chars: LINES,
    style: { head: [], border: [], 'padding-left': 0, 'padding-right': 0 },
    colAligns: columns.map((c) => c.align ?? 'right'),
  });
  out.push(
    columns.map((c) => c.head),
    ...rows.map((row) => [...row]),
  );
  return out
    .toString()
    .split('\n')
    .map((line) => line.trimEnd())
    .join('\n');
}

/** Names and values, one a line. */
export function fields(rows: readonly (readonly [name: string, value: string])[]): string {
  const width = Math.max(...rows.map(([name]) => name.length));
  return rows.map(([name, value]) => `${name.padEnd(width)}  ${value}`).join('\n');
}
