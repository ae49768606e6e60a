import { decode4 } from './half';
import { panelB } from './layout';
import { BKI, BSKI, BSKO, BSN, slot } from './slots';

/**
 * Loads a stationary block into panels of 8 columns, four columns at a time. Layout of the panels: see `wave`. Where fewer are
 * left the last column is loaded several times, and what becomes of it is never read.
 */
export function stationary(slots: usize, b: usize, base: i32, k0: i32, n0: i32, depth: i32, columns: i32): void {
  const inner = slot(slots, BKI);
  const outerStride = slot(slots, BSKO) << 1;
  const innerStride = slot(slots, BSKI) << 1;
  const columnStride = slot(slots, BSN) << 1;
  const firstGroup = k0 / inner;
  for (let n = 0; n < columns; n += 4) {
    const last = columns - 1 - n;
    const second = min(1, last) * columnStride;
    const third = min(2, last) * columnStride;
    const fourth = min(3, last) * columnStride;
    const adjacent = columnStride == 2 && last >= 3;
    let to = b + <usize>(n >> 3) * panelB + <usize>((n & 4) << 2);
    let group = base + (n0 + n) * columnStride + firstGroup * outerStride;
    let within = k0 - firstGroup * inner;
    for (let k = 0; k < depth; ) {
      const run = min(inner - within, depth - k);
      let from: usize = group + within * innerStride;
      for (const end = to + (<usize>run << 5); to < end; to += 32) {
        let halves: v128;
        if (adjacent) halves = v128.load_ext<u16>(from);
        else {
          halves = i32x4.splat(load<u16>(from));
          halves = v128.load_lane<u16>(from + second, halves, 2);
          halves = v128.load_lane<u16>(from + third, halves, 4);
          halves = v128.load_lane<u16>(from + fourth, halves, 6);
        }
        v128.store(to, decode4(halves));
        from += innerStride;
      }
      k += run;
      within = 0;
      group += outerStride;
    }
  }
}
