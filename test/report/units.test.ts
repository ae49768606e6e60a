import { describe, expect, it } from 'vitest';
import { bytesColumn, bytesText, changeText, countText, joulesText, secondsText, shareText } from '../../src/report/units.ts';

describe('numbers with their units', () => {
  it.each([
    [bytesText(0), '0 B'],
    [bytesText(999), '999 B'],
    [bytesText(1000), '1.000 kB'],
    [bytesText(14_400_000_000), '14.400 GB'],
    [bytesText(5e15), '5 000 000.000 GB'],
    [secondsText(0.034), '34.000 ms'],
    [secondsText(1.43e-9), '1.430 ns'],
    [secondsText(2.5), '2.500 s'],
    [joulesText(0.5), '500.000 mJ'],
    [countText(1234567), '1 234 567'],
    [countText(123), '123'],
    [shareText(1, 4), '25.0 %'],
    [shareText(0, 0), '–'],
    [changeText(25, 100), '-75.0 %'],
    [changeText(150, 100), '+50.0 %'],
    [changeText(1, 0), '–'],
  ])('%s', (actual, expected) => {
    expect(actual).toBe(expected);
  });

  it('share one unit in a column: that of the largest', () => {
    expect(bytesColumn('read', [2e9, 5e6, 0])).toEqual({ head: 'read (GB)', cells: ['2.000', '0.005', '0.000'] });
    expect(bytesColumn('read', [])).toEqual({ head: 'read (B)', cells: [] });
  });
});
