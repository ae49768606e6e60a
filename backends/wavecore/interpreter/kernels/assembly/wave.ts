import { offFlags, panelA, panelB, panelC } from './layout';
import { OFF } from './stationary';

/**
 * One wave. The moving block lies in panels of 4 rows, [rows/4][depth][4] with `panelA` bytes a panel; the stationary block in
 * panels of 8 columns, [columns/8][depth][8] with `panelB` bytes a panel; the sums in panels of 8 columns too,
 * [columns/8][rows/4][4][8] with `panelC` bytes a panel. Rows and columns behind the last one are computed too and never read.
 *
 * Every sum starts from +0 and takes its products in order of k: one multiplication, one rounded addition, no fusion. Panels that
 * hold cells that are off have a flag.
 */
export function wave(a: usize, b: usize, c: usize, rows: i32, depth: i32, columns: i32, fresh: i32): void {
  const lastK = <usize>depth << 4;
  for (let n: usize = 0; n < <usize>((columns + 7) >> 3); n++) {
    const right = b + n * panelB;
    if (load<u8>(b + offFlags + n)) {
      wavePacked(a, right, c + n * panelC, rows, depth, fresh);
      continue;
    }
    for (let m: usize = 0; m < <usize>((rows + 3) >> 2); m++) {
      let x = a + m * panelA;
      let y = right;
      const end = x + lastK;
      let s00 = f32x4.splat(0);
      let s01 = f32x4.splat(0);
      let s10 = f32x4.splat(0);
      let s11 = f32x4.splat(0);
      let s20 = f32x4.splat(0);
      let s21 = f32x4.splat(0);
      let s30 = f32x4.splat(0);
      let s31 = f32x4.splat(0);
      while (x < end) {
        const y0 = v128.load(y);
        const y1 = v128.load(y, 16);
        let v = v128.load_splat<f32>(x);
        s00 = f32x4.add(s00, f32x4.mul(v, y0));
        s01 = f32x4.add(s01, f32x4.mul(v, y1));
        v = v128.load_splat<f32>(x, 4);
        s10 = f32x4.add(s10, f32x4.mul(v, y0));
        s11 = f32x4.add(s11, f32x4.mul(v, y1));
        v = v128.load_splat<f32>(x, 8);
        s20 = f32x4.add(s20, f32x4.mul(v, y0));
        s21 = f32x4.add(s21, f32x4.mul(v, y1));
        v = v128.load_splat<f32>(x, 12);
        s30 = f32x4.add(s30, f32x4.mul(v, y0));
        s31 = f32x4.add(s31, f32x4.mul(v, y1));
        x += 16;
        y += 32;
      }
      const tile = c + n * panelC + (m << 7);
      if (!fresh) {
        s00 = f32x4.add(v128.load(tile), s00);
        s01 = f32x4.add(v128.load(tile, 16), s01);
        s10 = f32x4.add(v128.load(tile, 32), s10);
        s11 = f32x4.add(v128.load(tile, 48), s11);
        s20 = f32x4.add(v128.load(tile, 64), s20);
        s21 = f32x4.add(v128.load(tile, 80), s21);
        s30 = f32x4.add(v128.load(tile, 96), s30);
        s31 = f32x4.add(v128.load(tile, 112), s31);
      }
      v128.store(tile, s00);
      v128.store(tile, s01, 16);
      v128.store(tile, s10, 32);
      v128.store(tile, s11, 48);
      v128.store(tile, s20, 64);
      v128.store(tile, s21, 80);
      v128.store(tile, s30, 96);
      v128.store(tile, s31, 112);
    }
  }
}

/**
 * The sums of one panel in which cells are off: +0 is added in place of their products, which leaves every sum as it is, because
 * none is ever −0. Where all columns of the panel are off nothing is computed.
 */
function wavePacked(a: usize, right: usize, c: usize, rows: i32, depth: i32, fresh: i32): void {
  const lastK = <usize>depth << 4;
  const off = i32x4.splat(OFF);
  for (let m: usize = 0; m < <usize>((rows + 3) >> 2); m++) {
    let y = right;
    let s00 = f32x4.splat(0);
    let s01 = f32x4.splat(0);
    let s10 = f32x4.splat(0);
    let s11 = f32x4.splat(0);
    let s20 = f32x4.splat(0);
    let s21 = f32x4.splat(0);
    let s30 = f32x4.splat(0);
    let s31 = f32x4.splat(0);
    const first = a + m * panelA;
    for (let x = first; x < first + lastK; x += 16, y += 32) {
      const y0 = v128.load(y);
      const y1 = v128.load(y, 16);
      const off0 = i32x4.eq(y0, off);
      const off1 = i32x4.eq(y1, off);
      if (i32x4.all_true(v128.and(off0, off1))) continue;
      let v = v128.load_splat<f32>(x);
      s00 = f32x4.add(s00, v128.andnot(f32x4.mul(v, y0), off0));
      s01 = f32x4.add(s01, v128.andnot(f32x4.mul(v, y1), off1));
      v = v128.load_splat<f32>(x, 4);
      s10 = f32x4.add(s10, v128.andnot(f32x4.mul(v, y0), off0));
      s11 = f32x4.add(s11, v128.andnot(f32x4.mul(v, y1), off1));
      v = v128.load_splat<f32>(x, 8);
      s20 = f32x4.add(s20, v128.andnot(f32x4.mul(v, y0), off0));
      s21 = f32x4.add(s21, v128.andnot(f32x4.mul(v, y1), off1));
      v = v128.load_splat<f32>(x, 12);
      s30 = f32x4.add(s30, v128.andnot(f32x4.mul(v, y0), off0));
      s31 = f32x4.add(s31, v128.andnot(f32x4.mul(v, y1), off1));
    }
    const tile = c + (m << 7);
    if (!fresh) {
      s00 = f32x4.add(v128.load(tile), s00);
      s01 = f32x4.add(v128.load(tile, 16), s01);
      s10 = f32x4.add(v128.load(tile, 32), s10);
      s11 = f32x4.add(v128.load(tile, 48), s11);
      s20 = f32x4.add(v128.load(tile, 64), s20);
      s21 = f32x4.add(v128.load(tile, 80), s21);
      s30 = f32x4.add(v128.load(tile, 96), s30);
      s31 = f32x4.add(v128.load(tile, 112), s31);
    }
    v128.store(tile, s00);
    v128.store(tile, s01, 16);
    v128.store(tile, s10, 32);
    v128.store(tile, s11, 48);
    v128.store(tile, s20, 64);
    v128.store(tile, s21, 80);
    v128.store(tile, s30, 96);
    v128.store(tile, s31, 112);
  }
}
