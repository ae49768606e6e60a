import { decode, decode4 } from './half';
import { offFlags, panelB } from './layout';
import { BGK, BGN, BKI, BKM, BNI, BSKI, BSKM, BSKO, BSN, BSNG, BSNO, BW, BWS, slot } from './slots';

/** What stands in a cell that is off: a NaN that no half decodes to. */
export const OFF: i32 = 0x7fc0aaaa;

/**
 * Loads a stationary block into panels of 8 columns, four columns at a time. Layout of the panels: see `wave`. Where fewer are
 * left the last column is loaded several times, and what becomes of it is never read.
 */
export function stationary(slots: usize, b: usize, base: i32, k0: i32, n0: i32, depth: i32, columns: i32): void {
  memory.fill(b + offFlags, 0, <usize>((columns + 7) >> 3));
  if (slot(slots, BKM) > 1 || slot(slots, BNI) != 0 || slot(slots, BGN) != 0 || slot(slots, BW) != 0 || slot(slots, BGK) != 0) {
    for (let n = 0; n < columns; n++) {
      const panel = <usize>(n >> 3);
      const off = column(slots, b + panel * panelB + <usize>((n & 7) << 2), 32, base, k0, depth, n0 + n);
      if (off) store<u8>(b + offFlags + panel, 1);
    }
    return;
  }
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

/** Loads one column whose indices have all levels, its cells `step` bytes apart; returns whether some of them are off. */
export function column(slots: usize, to: usize, step: usize, base: i32, k0: i32, depth: i32, n: i32): bool {
  const inner = slot(slots, BKI);
  const middle = max(slot(slots, BKM), 1);
  const group = slot(slots, BGK);
  const window = slot(slots, BW);
  const innerStride = slot(slots, BSKI) << 1;
  const copy = slot(slots, BNI) == 0 ? 0 : n / slot(slots, BNI);
  const inCopy = slot(slots, BNI) == 0 ? n : n % slot(slots, BNI);
  const columnGroup = slot(slots, BGN) == 0 ? 0 : inCopy / slot(slots, BGN);
  const inGroup = slot(slots, BGN) == 0 ? inCopy : inCopy % slot(slots, BGN);
  const shift = copy * slot(slots, BWS);
  const start = base + ((copy * slot(slots, BSNO) + columnGroup * slot(slots, BSNG) + inGroup * slot(slots, BSN)) << 1);
  let line = k0 / inner;
  let within = k0 - line * inner;
  let anyOff = false;
  for (let k = 0; k < depth; line++) {
    const run = min(inner - within, depth - k);
    let from: usize = start + (((line / middle) * slot(slots, BSKO) + (line % middle) * slot(slots, BSKM)) << 1) + within * innerStride;
    for (let i = 0; i < run; i++) {
      const place = within + i - shift;
      const on = (window == 0 || (place >= 0 && place < window)) && (group == 0 || (k0 + k + i) / group == columnGroup);
      if (on) store<f32>(to, decode(load<u16>(from)));
      else {
        store<i32>(to, OFF);
        anyOff = true;
      }
      to += step;
      from += innerStride;
    }
    k += run;
    within = 0;
  }
  return anyOff;
}
