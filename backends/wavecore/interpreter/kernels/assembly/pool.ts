// Windows of the vector unit: image H×W, P×Q windows of R×S positions. Threads take different planes.
import { decode, encode, encode4 } from './half';
import { store4 } from './lanes';
import { firstOf } from './layout';
import { C, DH, DIVISOR, DW, FULLH, H, int, N, P, PL, PT, Q, R, ROW0, S, SH, SW, W } from './vector-slots';

function planes(): i32 {
  return int(N) * int(C);
}

/** The maximum of each window, and as index the position of the first one; positions outside of the image are skipped. */
export function maxPool(part: i32, dst: usize, index: usize, src: usize, withIndex: bool): void {
  const h = int(H);
  const w = int(W);
  const end = firstOf(planes(), part + 1);
  for (let plane = firstOf(planes(), part); plane < end; plane++) {
    const image = src + (<usize>(plane * h * w) << 1);
    let at = plane * int(P) * int(Q);
    for (let p = 0; p < int(P); p++) {
      for (let q = 0; q < int(Q); q++, at++) {
        let best: f32 = 0;
        let bits: u32 = 0xfc00;
        let tap = -1;
        for (let r = 0; r < int(R); r++) {
          const y = p * int(SH) - int(PT) + r * int(DH);
          if (y < 0 || y >= h) continue;
          for (let s = 0; s < int(S); s++) {
            const x = q * int(SW) - int(PL) + s * int(DW);
            if (x < 0 || x >= w) continue;
            const half: u32 = load<u16>(image + (<usize>(y * w + x) << 1));
            const value = decode(half);
            if (tap >= 0 && !(value > best)) continue;
            best = value;
            bits = half;
            tap = r * int(S) + s;
          }
        }
        store<u16>(dst + (<usize>at << 1), bits);
        if (withIndex) store<u8>(index + at, max(tap, 0));
      }
    }
  }
}

/** Rounds a plane of f32 to halves. */
function storePlane(to: usize, sums: usize, pixels: i32): void {
  for (let i = 0; i < pixels; i += 4) store4(to + (<usize>i << 1), encode4(v128.load(sums + (<usize>i << 2))), pixels - i);
}

/** Adds every gradient, windows in order, to the position that its index names. `sums` is room for a plane of f32. */
export function maxPoolGrad(part: i32, sums: usize, dst: usize, dy: usize, index: usize): void {
  const h = int(H);
  const w = int(W);
  const end = firstOf(planes(), part + 1);
  for (let plane = firstOf(planes(), part); plane < end; plane++) {
    memory.fill(sums, 0, <usize>(h * w) << 2);
    let at = plane * int(P) * int(Q);
    for (let p = 0; p < int(P); p++) {
      for (let q = 0; q < int(Q); q++, at++) {
        const tap = <i32>load<u8>(index + at);
        const r = tap / int(S);
        const y = p * int(SH) - int(PT) + r * int(DH);
        const x = q * int(SW) - int(PL) + (tap - r * int(S)) * int(DW);
        if (y < 0 || y >= h || x < 0 || x >= w) continue;
        const sum = sums + (<usize>(y * w + x) << 2);
        store<f32>(sum, load<f32>(sum) + decode(load<u16>(dy + (<usize>at << 1))));
      }
    }
    storePlane(dst + (<usize>(plane * h * w) << 1), sums, h * w);
  }
}

/** The sum of each window divided by DIVISOR or, where that is 0, by the number of its positions inside. */
export function avgPool(part: i32, dst: usize, src: usize): void {
  const h = int(H);
  const w = int(W);
  const divisor = int(DIVISOR);
  const end = firstOf(planes(), part + 1);
  for (let plane = firstOf(planes(), part); plane < end; plane++) {
    const image = src + (<usize>(plane * h * w) << 1);
    let at = plane * int(P) * int(Q);
    for (let p = 0; p < int(P); p++) {
      for (let q = 0; q < int(Q); q++, at++) {
        let sum: f32 = 0;
        let inside = 0;
        for (let r = 0; r < int(R); r++) {
          const y = p * int(SH) - int(PT) + r * int(DH);
          if (y < 0 || y >= h) continue;
          for (let s = 0; s < int(S); s++) {
            const x = q * int(SW) - int(PL) + s * int(DW);
            if (x < 0 || x >= w) continue;
            sum += decode(load<u16>(image + (<usize>(y * w + x) << 1)));
            inside++;
          }
        }
        store<u16>(dst + (<usize>at << 1), encode(sum / <f32>(divisor == 0 ? inside : divisor)));
      }
    }
  }
}

/** Adds to every position, windows in order, its share of the gradient of each window that holds it. */
export function avgPoolGrad(part: i32, sums: usize, dst: usize, dy: usize): void {
  const h = int(H);
  const w = int(W);
  const end = firstOf(planes(), part + 1);
  for (let plane = firstOf(planes(), part); plane < end; plane++) {
    memory.fill(sums, 0, <usize>(h * w) << 2);
    let at = plane * int(P) * int(Q);
    for (let p = 0; p < int(P); p++) {
      for (let q = 0; q < int(Q); q++, at++) {
        const share = decode(load<u16>(dy + (<usize>at << 1))) / <f32>divisorOf(p, q);
        for (let r = 0; r < int(R); r++) {
          const y = p * int(SH) - int(PT) + r * int(DH);
          if (y < 0 || y >= h) continue;
          for (let s = 0; s < int(S); s++) {
            const x = q * int(SW) - int(PL) + s * int(DW);
            if (x < 0 || x >= w) continue;
            const sum = sums + (<usize>(y * w + x) << 2);
            store<f32>(sum, load<f32>(sum) + share);
          }
        }
      }
    }
    storePlane(dst + (<usize>(plane * h * w) << 1), sums, h * w);
  }
}

/** What the average of window (p, q) was divided by: DIVISOR, or its positions inside the whole image, of which this stripe holds rows from ROW0 on. */
function divisorOf(p: i32, q: i32): i32 {
  if (int(DIVISOR) != 0) return int(DIVISOR);
  let rows = 0;
  for (let r = 0; r < int(R); r++) {
    const y = p * int(SH) - int(PT) + int(ROW0) + r * int(DH);
    if (y >= 0 && y < int(FULLH)) rows++;
  }
  let columns = 0;
  for (let s = 0; s < int(S); s++) {
    const x = q * int(SW) - int(PL) + s * int(DW);
    if (x >= 0 && x < int(W)) columns++;
  }
  return rows * columns;
}
