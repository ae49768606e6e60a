import { table } from './table.ts';
import { bytesColumn, changeText, countText, joulesColumn, pointsText, ratioText, secondsColumn, shareText } from './units.ts';

/** What the numbers of a column are: in bytes, seconds and joules, or a fraction of 1 (share, change, points), or a ratio. */
export type Form = 'text' | 'count' | 'bytes' | 'seconds' | 'joules' | 'share' | 'change' | 'points' | 'ratio';

/** Undefined: there is no such value. */
export type Cell = string | number | undefined;

export interface SheetColumn {
  readonly head: string;
  readonly form: Form;
}

/** A table as values, from which text, Markdown and CSV follow. */
export interface Sheet {
  /** Tells sheets apart; a file name. */
  readonly name: string;
  readonly title: string;
  readonly columns: readonly SheetColumn[];
  readonly rows: readonly (readonly Cell[])[];
  /** What the numbers mean and say, one sentence or paragraph each. */
  readonly notes: readonly string[];
}

const NOTHING = '–';
const UNITS: Partial<Readonly<Record<Form, string>>> = {
  bytes: 'bytes',
  seconds: 's',
  joules: 'J',
  share: 'of 1',
  change: 'of 1',
  points: 'of 1',
};
const SCALED = { bytes: bytesColumn, seconds: secondsColumn, joules: joulesColumn } as const;
const PLAIN = {
  count: countText,
  share: (value: number) => shareText(value, 1),
  change: (value: number) => changeText(1 + value, 1),
  points: pointsText,
  ratio: ratioText,
} as const;

/** The sheet for a terminal. */
export function sheetText(sheet: Sheet): string {
  const { heads, rows } = texts(sheet);
  const columns = sheet.columns.map(({ form }, i) => ({
    head: heads[i] ?? '',
    align: form === 'text' ? ('left' as const) : ('right' as const),
  }));
  return [sheet.title, table(columns, rows), ...(sheet.notes.length === 0 ? [] : [sheet.notes.join('\n')])].join('\n\n');
}

/** The sheet as a section of a Markdown page. */
export function sheetMarkdown(sheet: Sheet): string {
  const { heads, rows } = texts(sheet);
  const line = (cells: readonly string[]): string => `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
  const rule = line(sheet.columns.map(({ form }) => (form === 'text' ? '---' : '---:')));
  return [`## ${sheet.title}`, [line(heads), rule, ...rows.map(line)].join('\n'), ...sheet.notes].join('\n\n');
}

/** The sheet as CSV (RFC 4180): bytes, seconds and joules as they are, shares and changes as parts of 1. */
export function sheetCsv({ columns, rows }: Sheet): string {
  const quoted = (text: string): string => (/[",\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);
  const heads = columns.map(({ head, form }) => (UNITS[form] === undefined ? head : `${head} (${UNITS[form]})`));
  return [heads, ...rows.map((row) => columns.map((_, i) => String(row[i] ?? '')))]
    .map((cells) => `${cells.map(quoted).join(',')}\n`)
    .join('');
}

/** Heads and cells as texts; bytes, seconds and joules of a column share one unit, which its head names. */
function texts({ columns, rows }: Sheet): { readonly heads: readonly string[]; readonly rows: readonly string[][] } {
  const done = columns.map(({ head, form }, i) => {
    const values = rows.map((row) => row[i]);
    const write = (number: (value: number, row: number) => string): string[] =>
      values.map((value, row) => (value === undefined ? NOTHING : typeof value === 'string' ? value : number(value, row)));
    if (form === 'bytes' || form === 'seconds' || form === 'joules') {
      const { head: withUnit, cells } = SCALED[form](
        head,
        values.map((value) => (typeof value === 'number' ? value : 0)),
      );
      return { head: withUnit, cells: write((_, row) => cells[row] ?? '') };
    }
    return { head, cells: write(form === 'text' ? String : PLAIN[form]) };
  });
  return { heads: done.map(({ head }) => head), rows: rows.map((_, row) => done.map(({ cells }) => cells[row] ?? '')) };
}
