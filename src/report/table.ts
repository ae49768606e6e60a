/** One column: its head, with the unit where all its cells share one, and which way its cells are aligned. */
export interface Column {
  readonly head: string;
  readonly align?: 'left' | 'right';
}

/** The line of a report on a program that was compiled without its weights. */
export const NO_WEIGHTS = ['weights', 'none: the program can be timed, and computes nothing'] as const;

const GAP = '  ';
const graphemes = new Intl.Segmenter('en', { granularity: 'grapheme' });
/** Characters that a terminal draws two columns wide; names of layers are the user's own. */
const WIDE = /^[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}\p{Emoji_Presentation}\uff01-\uff60]/u;

/** Rows under their heads, columns aligned, no lines: the same text on a terminal and in a file. */
export function table(columns: readonly Column[], rows: readonly (readonly string[])[]): string {
  const all = [columns.map((c) => c.head), ...rows];
  const widths = columns.map((_, i) => all.reduce((width, row) => Math.max(width, widthOf(row[i] ?? '')), 0));
  const cell = ({ align }: Column, i: number, text = ''): string => {
    const space = ' '.repeat((widths[i] ?? 0) - widthOf(text));
    return align === 'left' ? text + space : space + text;
  };
  return all
    .map((row) =>
      columns
        .map((column, i) => cell(column, i, row[i]))
        .join(GAP)
        .trimEnd(),
    )
    .join('\n');
}

/** Columns that a text takes on a terminal. */
function widthOf(text: string): number {
  let width = 0;
  for (const { segment } of graphemes.segment(text)) width += WIDE.test(segment) ? 2 : 1;
  return width;
}

/** Names and values, one a line. */
export function fields(rows: readonly (readonly [name: string, value: string])[]): string {
  const width = Math.max(...rows.map(([name]) => name.length));
  return rows.map(([name, value]) => `${name.padEnd(width)}  ${value}`).join('\n');
}
