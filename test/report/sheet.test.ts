import { describe, expect, it } from 'vitest';
import { type Sheet, sheetCsv, sheetMarkdown, sheetText } from '../../src/report/sheet.ts';

const SHEET: Sheet = {
  name: 'a',
  title: 'A title',
  columns: [
    { head: 'what', form: 'text' },
    { head: 'n', form: 'count' },
    { head: 'moved', form: 'bytes' },
    { head: 'change', form: 'change' },
    { head: 'from', form: 'points' },
    { head: 'ratio', form: 'ratio' },
  ],
  rows: [
    ['one, "two"', 12345, 2.5e6, -0.25, 0.037, 1.67],
    ['a|b', undefined, undefined, undefined, undefined, undefined],
  ],
  notes: ['A note.'],
};

describe('a sheet', () => {
  it('is a table on a terminal, the unit of a column in its head', () => {
    expect(sheetText(SHEET).split('\n')).toEqual([
      'A title',
      '',
      'what             n  moved (MB)   change  from  ratio',
      'one, "two"  12 345       2.500  -25.0 %  +3.7  1.67×',
      'a|b              –           –        –     –      –',
      '',
      'A note.',
    ]);
  });

  it('is a section of a Markdown page', () => {
    expect(sheetMarkdown(SHEET).split('\n')).toEqual([
      '## A title',
      '',
      '| what | n | moved (MB) | change | from | ratio |',
      '| --- | ---: | ---: | ---: | ---: | ---: |',
      '| one, "two" | 12 345 | 2.500 | -25.0 % | +3.7 | 1.67× |',
      '| a\\|b | – | – | – | – | – |',
      '',
      'A note.',
    ]);
  });

  it('is CSV with whole values', () => {
    expect(sheetCsv(SHEET)).toBe(
      'what,n,moved (bytes),change (of 1),from (of 1),ratio\n"one, ""two""",12345,2500000,-0.25,0.037,1.67\na|b,,,,,\n',
    );
  });
});
