import type { Call } from './call.ts';
import { product, type Size } from './size.ts';

/** Runs along LENGTH. */
export const runCount: Size = product('N', 'OUTER', 'INNER');
export const runElements: Size = product('N', 'OUTER', 'LENGTH', 'INNER');
export const runHalves: Size = product(2, runElements);

/** Visits every run of `length` elements, INNER apart: its number and its first element. */
export function eachRun(call: Call, length: number, visit: (run: number, first: number) => void): void {
  const [blocks, inner] = [call.int('N') * call.int('OUTER'), call.int('INNER')];
  for (let block = 0; block < blocks; block++) {
    for (let place = 0; place < inner; place++) visit(block * inner + place, block * length * inner + place);
  }
}
