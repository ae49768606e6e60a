import { decode, encode, encode4 } from './half';
import { load4, NONE, store4 } from './lanes';
import { firstOf } from './layout';
import { C, COUNT, H, int, N, W } from './vector-slots';

/** Bit i of lane i. */
const BITS = i16x8(1, 2, 4, 8, 16, 32, 64, 128);

/** Eight halves of a, or of a + b, `at` bytes behind. */
@inline
function eight(a: usize, b: usize, at: usize): v128 {
  if (b == NONE) return v128.load(a + at);
  const low = encode4(f32x4.add(load4(a + at, 4), load4(b + at, 4)));
  const high = encode4(f32x4.add(load4(a + at + 8, 4), load4(b + at + 8, 4)));
  return i16x8.narrow_i32x4_u(low, high);
}

/** The same of one. */
function one(a: usize, b: usize, at: usize): u32 {
  return b == NONE ? load<u16>(a + at) : encode(decode(load<u16>(a + at)) + decode(load<u16>(b + at)));
}

/** Stores what is above 0 or NaN of eight halves, and +0 for the others; returns the bits of those above 0. */
@inline
export function rectify8(at: usize, values: v128): u32 {
  // What is above infinity is NaN, and the sign bit makes negative numbers.
  const positive = v128.and(i16x8.gt_s(values, i16x8.splat(0)), i16x8.le_s(values, i16x8.splat(0x7c00)));
  const nan = i16x8.gt_s(v128.and(values, i16x8.splat(0x7fff)), i16x8.splat(0x7c00));
  v128.store(at, v128.and(values, v128.or(positive, nan)));
  return i16x8.bitmask(positive);
}

/** The same of one: returns 1 where it is above 0. */
export function rectify(at: usize, value: u32): u32 {
  const positive = value != 0 && value <= 0x7c00;
  store<u16>(at, positive || (value & 0x7fff) > 0x7c00 ? value : 0);
  return <u32>positive;
}

/** dst = s > 0 or NaN ? s : +0, where s = a + b, eight elements a byte of the mask; a sample's mask begins on a byte. */
export function relu(part: i32, dst: usize, mask: usize, a: usize, b: usize, withMask: bool): void {
  const count = int(COUNT);
  const stride = (count + 7) >> 3;
  const total = int(N) * stride;
  const end = firstOf(total, part + 1);
  for (let byte = firstOf(total, part); byte < end; byte++) {
    const sample = byte / stride;
    const first = (byte - sample * stride) << 3;
    const at = <usize>(sample * count + first) << 1;
    if (first + 8 <= count) {
      const bits = rectify8(dst + at, eight(a, b, at));
      if (withMask) store<u8>(mask + byte, bits);
      continue;
    }
    let bits: u32 = 0;
    for (let i = 0; i < count - first; i++) {
      bits |= rectify(dst + at + (<usize>i << 1), one(a, b, at + (<usize>i << 1))) << i;
    }
    if (withMask) store<u8>(mask + byte, bits);
  }
}

/** dst = mask ? a + b : +0. */
export function reluGrad(part: i32, dst: usize, a: usize, b: usize, mask: usize): void {
  const count = int(COUNT);
  const stride = (count + 7) >> 3;
  const total = int(N) * stride;
  const end = firstOf(total, part + 1);
  for (let byte = firstOf(total, part); byte < end; byte++) {
    const sample = byte / stride;
    const first = (byte - sample * stride) << 3;
    const at = <usize>(sample * count + first) << 1;
    const bits: u32 = load<u8>(mask + byte);
    if (first + 8 <= count) {
      const kept = i16x8.eq(v128.and(i16x8.splat(<i16>bits), BITS), BITS);
      const values = eight(a, b, at);
      v128.store(dst + at, v128.and(values, kept));
      continue;
    }
    for (let i = 0; i < count - first; i++) {
      const value = one(a, b, at + (<usize>i << 1));
      store<u16>(dst + at + (<usize>i << 1), ((bits >> i) & 1) != 0 ? value : 0);
    }
  }
}

export function add(part: i32, dst: usize, a: usize, b: usize): void {
  const total = int(N) * int(COUNT);
  const end = firstOf(total, part + 1);
  for (let i = firstOf(total, part); i < end; i += 4) {
    const at = <usize>i << 1;
    const sum = f32x4.add(load4(a + at, end - i), load4(b + at, end - i));
    store4(dst + at, encode4(sum), end - i);
  }
}

export function multiply(part: i32, dst: usize, a: usize, b: usize): void {
  const total = int(N) * int(COUNT);
  const end = firstOf(total, part + 1);
  for (let i = firstOf(total, part); i < end; i += 4) {
    const at = <usize>i << 1;
    const product = f32x4.mul(load4(a + at, end - i), load4(b + at, end - i));
    store4(dst + at, encode4(product), end - i);
  }
}

/** dst = f32(src × scale) + shift by channel. */
export function affine(part: i32, dst: usize, src: usize, scale: usize, shift: usize): void {
  const channels = int(C);
  const pixels = int(H) * int(W);
  const total = int(N) * channels;
  const end = firstOf(total, part + 1);
  for (let plane = firstOf(total, part); plane < end; plane++) {
    const channel = <usize>(plane % channels) << 2;
    const factor = v128.load_splat<f32>(scale + channel);
    const offset = v128.load_splat<f32>(shift + channel);
    for (let i = 0; i < pixels; i += 4) {
      const at = <usize>(plane * pixels + i) << 1;
      const value = f32x4.add(f32x4.mul(load4(src + at, pixels - i), factor), offset);
      store4(dst + at, encode4(value), pixels - i);
    }
  }
}
