// Groups of four elements, the last of which may be incomplete.
import { decode4 } from './half';

/** Up to four halves as f32; lanes behind `count` are 0. */
export function load4(at: usize, count: i32): v128 {
  if (count >= 4) return decode4(v128.load_ext<u16>(at));
  let halves = i32x4.splat(load<u16>(at));
  if (count < 2) halves = i32x4.replace_lane(halves, 1, 0);
  else halves = i32x4.replace_lane(halves, 1, load<u16>(at, 2));
  if (count < 3) halves = i32x4.replace_lane(halves, 2, 0);
  else halves = i32x4.replace_lane(halves, 2, load<u16>(at, 4));
  return decode4(i32x4.replace_lane(halves, 3, 0));
}

/** Stores the lowest 16 bits of up to four lanes. */
export function store4(at: usize, halves: v128, count: i32): void {
  if (count >= 4) {
    v128.store_lane<u64>(at, i16x8.narrow_i32x4_u(halves, halves), 0);
    return;
  }
  store<u16>(at, i32x4.extract_lane(halves, 0));
  if (count > 1) store<u16>(at, i32x4.extract_lane(halves, 1), 2);
  if (count > 2) store<u16>(at, i32x4.extract_lane(halves, 2), 4);
}

/** In the place of an operand that is not there. */
export const NONE: usize = usize.MAX_VALUE;

/** Bits 0 to 3 of lanes 0 to 3. */
const BITS = i32x4(1, 2, 4, 8);

/** Up to four halves as f32, +0 where their bits of the mask, from bit `bit` on, are 0; lanes behind `count` are 0. */
@inline
export function masked4(at: usize, mask: usize, bit: i32, count: i32): v128 {
  const values = load4(at, count);
  if (mask == NONE) return values;
  const byte = mask + (bit >> 3);
  const first = bit & 7;
  let bits: u32 = load<u8>(byte);
  if (first + min(count, 4) > 8) bits |= <u32>load<u8>(byte, 1) << 8;
  return v128.and(values, i32x4.ne(v128.and(i32x4.splat(bits >> first), BITS), i32x4.splat(0)));
}

/** Puts one NaN for every NaN. */
export function canonical2(values: v128): v128 {
  return v128.bitselect(values, i64x2.splat(0x7ff8000000000000), f64x2.eq(values, values));
}
