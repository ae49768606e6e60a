import { decode, decode4 } from './half';
import { BKI, BSKI, BSKO, BSN, slot } from './slots';

/** Loads a stationary block into panels of 8 columns, column by column. Layout of the panels: see `wave`. */
export function stationary(slots: usize, b: usize, panel: usize, base: i32, k0: i32, n0: i32, depth: i32, columns: i32): void {
  const inner = slot(slots, BKI);
  const outerStride = slot(slots, BSKO) << 1;
  const innerStride = slot(slots, BSKI) << 1;
  const columnStride = slot(slots, BSN) << 1;
  const firstGroup = k0 / inner;
  for (let n = 0; n < columns; n++) {
    let to = b + <usize>(n >> 3) * panel + <usize>((n & 7) << 2);
    let group = base + (n0 + n) * columnStride + firstGroup * outerStride;
    let within = k0 - firstGroup * inner;
    for (let k = 0; k < depth; ) {
      let run = min(inner - within, depth - k);
      let from: usize = group + within * innerStride;
      k += run;
      if (innerStride == 2) {
        for (; run >= 4; run -= 4) {
          const values = decode4(v128.load_ext<u16>(from));
          v128.store_lane<f32>(to, values, 0);
          v128.store_lane<f32>(to, values, 1, 32);
          v128.store_lane<f32>(to, values, 2, 64);
          v128.store_lane<f32>(to, values, 3, 96);
          to += 128;
          from += 8;
        }
      }
      for (; run > 0; run--) {
        store<f32>(to, decode(load<u16>(from)));
        to += 32;
        from += innerStride;
      }
      within = 0;
      group += outerStride;
    }
  }
}
