import { firstOf } from './layout';
import { CMI, CSMI, CSMO, CSN, slot, TMI, TSMO } from './slots';
import { addSquares } from './sums';

/** Adds Σx and Σx² of the f16 results of a block, as they are stored, to the pairs of their columns and sets of rows. Parts take different columns. */
export function totals(
  slots: usize,
  part: i32,
  base: i32,
  m0: i32,
  n0: i32,
  rows: i32,
  columns: i32,
  state: i32,
): void {
  const inner = slot(slots, CMI);
  const outerStride = slot(slots, CSMO) << 1;
  const innerStride = slot(slots, CSMI) << 1;
  const columnStride = slot(slots, CSN) << 1;
  const set = slot(slots, TMI);
  const setStride = slot(slots, TSMO) << 4;
  const endRow = m0 + rows;
  const end = n0 + firstOf(columns, part + 1);
  for (let n = n0 + firstOf(columns, part); n < end; n += 2) {
    for (let m = m0; m < endRow; ) {
      const group = m / inner;
      const within = m - group * inner;
      const sets = m / set;
      const together = min(min(inner - within, set - (m - sets * set)), endRow - m);
      const count = innerStride == 2 ? together : 1;
      const from = base + group * outerStride + within * innerStride + n * columnStride;
      addSquares(state + sets * setStride + (n << 4), from, columnStride, count, n + 1 < end);
      m += count;
    }
  }
}
