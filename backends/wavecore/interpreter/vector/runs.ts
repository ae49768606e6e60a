import type { Call } from './call.ts';

/** Elements of N × OUTER × LENGTH × INNER. */
export const runElements = (call: Call): number => runCount(call) * call.int('LENGTH');
export const runHalves = (call: Call): number => 2 * runElements(call);
/** Runs along LENGTH. */
export const runCount = (call: Call): number => call.int('N') * call.int('OUTER') * call.int('INNER');

/** Visits every run of `length` elements, INNER apart: its number and its first element. */
export function eachRun(call: Call, length: number, visit: (run: number, first: number) => void): void {
  const [blocks, inner] = [call.int('N') * call.int('OUTER'), call.int('INNER')];
  for (let block = 0; block < blocks; block++) {
    for (let place = 0; place < inner; place++) visit(block * inner + place, block * length * inner + place);
  }
}
