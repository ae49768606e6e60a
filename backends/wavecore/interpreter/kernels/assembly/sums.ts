// Sums of channels in f64, elements in memory order and samples in order. Four channels at a time lie in different lanes, so that
// every channel keeps its order; threads take different channels.
import { decode } from './half';
import { canonical2, load4, masked4, NONE } from './lanes';
import { firstOf } from './layout';
import { C, CROSS, H, int, N, W } from './vector-slots';

/** Lanes 0 and 1, and lanes 2 and 3, in f64. */
@inline
function low(values: v128): v128 {
  return f64x2.promote_low_f32x4(values);
}

@inline
function high(values: v128): v128 {
  return f64x2.promote_low_f32x4(v128.shuffle<i64>(values, values, 1, 1));
}

/** Elements 0 and 1, and elements 2 and 3, of two channels: [a0, b0, a1, b1] and [a2, b2, a3, b3]. */
@inline
function early(a: v128, b: v128): v128 {
  return v128.shuffle<i32>(a, b, 0, 4, 1, 5);
}

@inline
function late(a: v128, b: v128): v128 {
  return v128.shuffle<i32>(a, b, 2, 6, 3, 7);
}

function canonical(value: f64): f64 {
  return value == value ? value : reinterpret<f64>(<u64>0x7ff8000000000000);
}

/**
 * Adds Σv and Σv·x of `pixels` halves each of two adjacent channels, which lie `plane` bytes apart, to the pairs at `state`; v masked by the bits from `bit` on, if there
 * is a mask.
 */
function addTwo(state: usize, v: usize, mask: usize, bit: i32, x: usize, plane: usize, pixels: i32): void {
  const pair0 = v128.load(state);
  const pair1 = v128.load(state, 16);
  let sums = v128.shuffle<i64>(pair0, pair1, 0, 2);
  let products = v128.shuffle<i64>(pair0, pair1, 1, 3);
  for (let i = 0; i < pixels; i += 4) {
    const left = pixels - i;
    const at = <usize>i << 1;
    const v0 = masked4(v + at, mask, bit + i, left);
    const v1 = masked4(v + plane + at, mask, bit + pixels + i, left);
    const x0 = load4(x + at, left);
    const x1 = load4(x + plane + at, left);
    let vs = early(v0, v1);
    let xs = early(x0, x1);
    let value = low(vs);
    sums = f64x2.add(sums, value);
    products = f64x2.add(products, f64x2.mul(value, low(xs)));
    if (left < 2) break;
    value = high(vs);
    sums = f64x2.add(sums, value);
    products = f64x2.add(products, f64x2.mul(value, high(xs)));
    if (left < 3) break;
    vs = late(v0, v1);
    xs = late(x0, x1);
    value = low(vs);
    sums = f64x2.add(sums, value);
    products = f64x2.add(products, f64x2.mul(value, low(xs)));
    if (left < 4) break;
    value = high(vs);
    sums = f64x2.add(sums, value);
    products = f64x2.add(products, f64x2.mul(value, high(xs)));
  }
  sums = canonical2(sums);
  products = canonical2(products);
  v128.store(state, v128.shuffle<i64>(sums, products, 0, 2));
  v128.store(state, v128.shuffle<i64>(sums, products, 1, 3), 16);
}

/** The same of one channel. */
function addOne(state: usize, v: usize, mask: usize, bit: i32, x: usize, pixels: i32): void {
  let sum = load<f64>(state);
  let products = load<f64>(state, 8);
  for (const end = v + (<usize>pixels << 1); v < end; v += 2) {
    const kept = mask == NONE || ((<u32>load<u8>(mask + (bit >> 3)) >> (bit & 7)) & 1) != 0;
    const value: f64 = kept ? <f64>decode(load<u16>(v)) : 0;
    bit++;
    sum += value;
    products += value * <f64>decode(load<u16>(x));
    x += 2;
  }
  store<f64>(state, canonical(sum));
  store<f64>(state, canonical(products), 8);
}

/** Adds Σv and Σv·x of every channel; v masked, if there is a mask. */
export function sumPairs(part: i32, state: usize, v: usize, mask: usize, x: usize): void {
  const channels = int(C);
  const pixels = int(H) * int(W);
  const cross = int(CROSS) != 0;
  const maskBytes = (channels * pixels + 7) >> 3;
  const end = firstOf(channels, part + 1);
  for (let sample = 0; sample < int(N); sample++) {
    const bits = mask == NONE ? NONE : mask + sample * maskBytes;
    for (let channel = firstOf(channels, part); channel < end; channel += 2) {
      const pair = state + (<usize>((cross ? 0 : sample * channels) + channel) << 4);
      const plane = <usize>((sample * channels + channel) * pixels) << 1;
      if (channel + 1 == end) {
        addOne(pair, v + plane, bits, channel * pixels, x + plane, pixels);
        break;
      }
      addTwo(pair, v + plane, bits, channel * pixels, x + plane, <usize>pixels << 1, pixels);
    }
  }
}

/** Adds Σx and Σx² of `pixels` halves at `x`, and where `two` of as many `plane` bytes behind, to the pairs at `state`. */
export function addSquares(state: usize, x: usize, plane: usize, pixels: i32, two: bool): void {
  if (two) addTwo(state, x, NONE, 0, x, plane, pixels);
  else addOne(state, x, NONE, 0, x, pixels);
}

/** Adds Σdy. */
export function biasSums(part: i32, state: usize, dy: usize): void {
  const channels = int(C);
  const pixels = int(H) * int(W);
  const end = firstOf(channels, part + 1);
  for (let sample = 0; sample < int(N); sample++) {
    for (let channel = firstOf(channels, part); channel < end; channel++) {
      const at = state + (<usize>channel << 3);
      const from = dy + (<usize>((sample * channels + channel) * pixels) << 1);
      let sum = load<f64>(at);
      for (let i = 0; i < pixels; i += 4) {
        const values = load4(from + (<usize>i << 1), pixels - i);
        sum += <f64>f32x4.extract_lane(values, 0);
        if (i + 1 < pixels) sum += <f64>f32x4.extract_lane(values, 1);
        if (i + 2 < pixels) sum += <f64>f32x4.extract_lane(values, 2);
        if (i + 3 < pixels) sum += <f64>f32x4.extract_lane(values, 3);
      }
      store<f64>(at, canonical(sum));
    }
  }
}
