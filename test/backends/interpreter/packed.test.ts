import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  biasExtents,
  type MatrixConfiguration,
  resultExtents,
  stationaryExtents,
} from '../../../backends/wavecore/interpreter/check/extents.ts';
import { areResultsApart, resultTouched, stationaryTouched } from '../../../backends/wavecore/interpreter/matrix-levels.ts';
import { MATRIX_SLOTS } from '../../../backends/wavecore/isa/slots.ts';
import { result, stationary } from '../../manual/second/matrix.ts';

const small = (min: number, max: number) => fc.integer({ min, max });
const step = fc.constantFrom(-3, -1, 0, 1, 2, 5);
/** Stationary and result indices of all levels. */
const configurations = fc
  .record({
    BKI: small(1, 5),
    BKM: small(0, 3),
    BSKI: step,
    BSKM: step,
    BNI: small(0, 4),
    BSNO: step,
    BGN: small(0, 3),
    BSNG: step,
    BSN: step,
    BW: small(-1, 4),
    BWS: small(0, 2),
    BGK: small(0, 6),
    CMI: small(1, 5),
    CMM: small(0, 3),
    CSMI: fc.constantFrom(1, 1, 2, 4),
    CSMM: fc.constantFrom(4, 9, 20),
    CNI: small(0, 4),
    CSNO: small(0, 3),
    CSN: fc.constantFrom(1, 30, 60, 250),
    CW: small(0, 9),
    CGM: small(1, 6),
    CGN: small(0, 3),
  })
  .map((slots): MatrixConfiguration => {
    const zeros = Object.fromEntries(MATRIX_SLOTS.map((slot) => [slot, 0])) as unknown as MatrixConfiguration;
    return { ...zeros, BSKO: 40, CSMO: 60, ...slots };
  });
const blocks = fc.record({ row: small(0, 12), rows: small(1, 14), column: small(0, 7), columns: small(1, 9) });
type Block = typeof blocks extends fc.Arbitrary<infer T> ? T : never;

/** Addresses of a block's elements, by the manual. */
function addresses({ row, rows, column, columns }: Block, at: (i: number, j: number) => number | undefined): number[] {
  return Array.from({ length: rows * columns }, (_, e) => at(row + Math.floor(e / columns), column + (e % columns))).filter(
    (address) => address !== undefined,
  );
}

function covered(extents: (visit: (from: number, to: number) => void) => void): number[] {
  const set = new Set<number>();
  extents((from, to) => {
    for (let i = from; i < to; i++) set.add(i);
  });
  return [...set].sort((a, b) => a - b);
}

const bytesOf = (elements: readonly number[], size: number): number[] =>
  [...new Set(elements.flatMap((at) => Array.from({ length: size }, (_, i) => at + i)))].sort((a, b) => a - b);

describe('operands with further levels, cells off and results left out', () => {
  it('cover the bytes that the manual says, in the checks of a run and in the sanitizer', () => {
    fc.assert(
      fc.property(configurations, blocks, (c, block) => {
        const slots = (name: string): number => c[name as keyof MatrixConfiguration];
        const { row, rows, column, columns } = block;
        const cells = addresses(block, (k, n) => stationary(slots, 1000, k, n));
        const results = addresses(block, (m, n) => result(slots, 1000, 4, m, n));
        expect(covered((visit) => stationaryExtents(c, 1000, block, visit))).toEqual(bytesOf(cells, 2));
        expect(covered((visit) => resultExtents(c, 1000, 4, block, visit))).toEqual(bytesOf(results, 4));
        for (const [touched, found, size] of [
          [stationaryTouched(c, row, rows, column, columns), cells, 2],
          [resultTouched(c, row, rows, column, columns), results, 4],
        ] as const) {
          expect(touched.count).toBe(found.length);
          if (found.length > 0) {
            expect(1000 + size * touched.low).toBe(Math.min(...found));
            expect(1000 + size * touched.high).toBe(Math.max(...found));
          }
        }
        const ofBiases = Array.from({ length: columns }, (_, i) => 4 * (c.CNI === 0 ? column + i : (column + i) % c.CNI));
        expect(covered((visit) => biasExtents(c, 0, block, visit))).toEqual(bytesOf(ofBiases, 4));
      }),
      { numRuns: 2000 },
    );
  });

  it('have results that are taken for apart only where no two meet', () => {
    let apart = 0;
    fc.assert(
      fc.property(configurations, blocks, (c, block) => {
        const { row, rows, column, columns } = block;
        if (!areResultsApart(c, row, rows, column, columns)) return;
        const found = addresses(block, (m, n) => result((name) => c[name as keyof MatrixConfiguration], 0, 1, m, n));
        expect(new Set(found).size).toBe(found.length);
        if (found.length > 20) apart++;
      }),
      { numRuns: 3000 },
    );
    expect(apart).toBeGreaterThan(30);
  });
});
