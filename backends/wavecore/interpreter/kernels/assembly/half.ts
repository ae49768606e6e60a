// Conversion of halves, four lanes at a time or one. Inlined, so that loops keep the constants.

/** Four halves, each in the low 16 bits of a lane, as f32. */
@inline
export function decode4(halves: v128): v128 {
  const magnitude = v128.and(halves, i32x4.splat(0x7fff));
  const sign = v128.shl<i32>(v128.xor(halves, magnitude), 16);
  // An exponent raised so far that infinity and NaN stay what they are, and lowered again by a factor, exactly.
  const raised = i32x4.add(v128.shl<i32>(magnitude, 13), i32x4.splat(0x70000000));
  const normal = f32x4.mul(raised, f32x4.splat(1.925929944387236e-34));
  // 0.5 more than the value, exactly; subtracting it avoids the slow arithmetic on f32 subnormals.
  const subnormal = f32x4.sub(v128.or(magnitude, i32x4.splat(0x3f000000)), f32x4.splat(0.5));
  return v128.or(v128.bitselect(subnormal, normal, i32x4.lt_s(magnitude, i32x4.splat(0x400))), sign);
}

/** One half as f32. */
export function decode(half: u32): f32 {
  const magnitude = (half & 0x7fff) << 13;
  const sign = (half & 0x8000) << 16;
  if (magnitude < 0x00800000) {
    const value = reinterpret<f32>(magnitude + 0x38800000) - <f32>6.103515625e-5;
    return reinterpret<f32>(reinterpret<u32>(value) | sign);
  }
  const bias: u32 = magnitude >= 0x0f800000 ? 0x70000000 : 0x38000000;
  return reinterpret<f32>((magnitude + bias) | sign);
}

/** Four f32 rounded to halves, ties to even, each in the low 16 bits of a lane; NaN becomes 0x7e00. */
@inline
export function encode4(values: v128): v128 {
  // What is too large for a half becomes infinite.
  const base = f32x4.mul(f32x4.mul(f32x4.abs(values), f32x4.splat(5.192296858534828e33)), f32x4.splat(7.70371977754894e-34));
  // A number so much larger that a unit of the half is one in its last place: the addition rounds.
  const twice = v128.shl<i32>(values, 1);
  const exponent = i32x4.max_u(v128.and(twice, i32x4.splat(0xff000000)), i32x4.splat(0x71000000));
  const rounded = f32x4.add(i32x4.add(v128.shr<u32>(exponent, 1), i32x4.splat(0x07800000)), base);
  const magnitude = i32x4.add(v128.and(v128.shr<u32>(rounded, 13), i32x4.splat(0x7c00)), v128.and(rounded, i32x4.splat(0xfff)));
  const sign = v128.and(v128.shr<u32>(values, 16), i32x4.splat(0x8000));
  return v128.bitselect(v128.or(magnitude, sign), i32x4.splat(0x7e00), f32x4.eq(values, values));
}

export function encode(value: f32): u32 {
  return i32x4.extract_lane(encode4(f32x4.splat(value)), 0);
}

/** Puts one canonical NaN for every NaN. */
@inline
export function canonical4(values: v128): v128 {
  return v128.bitselect(values, i32x4.splat(0x7fc00000), f32x4.eq(values, values));
}
