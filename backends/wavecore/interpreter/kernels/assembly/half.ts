// Conversion of halves, four lanes at a time or one.

/** Four halves, each in the low 16 bits of a lane, as f32. */
export function decode4(halves: v128): v128 {
  const magnitude = v128.shl<i32>(v128.and(halves, i32x4.splat(0x7fff)), 13);
  const sign = v128.shl<i32>(v128.and(halves, i32x4.splat(0x8000)), 16);
  const normal = i32x4.add(magnitude, i32x4.splat(0x38000000));
  // 2^-14 more than the value, exactly; subtracting it avoids the slow arithmetic on f32 subnormals.
  const raised = i32x4.add(magnitude, i32x4.splat(0x38800000));
  const subnormal = f32x4.sub(raised, f32x4.splat(6.103515625e-5));
  const special = i32x4.add(magnitude, i32x4.splat(0x70000000));
  let value = v128.bitselect(subnormal, normal, i32x4.lt_s(magnitude, i32x4.splat(0x00800000)));
  value = v128.bitselect(special, value, i32x4.ge_s(magnitude, i32x4.splat(0x0f800000)));
  return v128.or(value, sign);
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
export function encode4(values: v128): v128 {
  const magnitude = v128.and(values, i32x4.splat(0x7fffffff));
  const nan = i32x4.gt_s(magnitude, i32x4.splat(0x7f800000));
  const sign = v128.andnot(v128.shr<u32>(v128.and(values, i32x4.splat(0x80000000)), 16), nan);
  const odd = v128.and(v128.shr<u32>(magnitude, 13), i32x4.splat(1));
  const normal = v128.shr<u32>(i32x4.add(i32x4.add(magnitude, i32x4.splat(0xfff - 0x38000000)), odd), 13);
  // Adding 0.5 leaves a unit of 2^-24, that of a subnormal half, in the last place: the addition rounds.
  const subnormal = i32x4.sub(f32x4.add(magnitude, f32x4.splat(0.5)), i32x4.splat(0x3f000000));
  const special = v128.bitselect(i32x4.splat(0x7e00), i32x4.splat(0x7c00), nan);
  let half = v128.bitselect(subnormal, normal, i32x4.lt_s(magnitude, i32x4.splat(0x38800000)));
  half = v128.bitselect(special, half, i32x4.ge_s(magnitude, i32x4.splat(0x47800000)));
  return v128.or(half, sign);
}

export function encode(value: f32): u32 {
  return i32x4.extract_lane(encode4(f32x4.splat(value)), 0);
}

/** Puts one canonical NaN for every NaN. */
export function canonical4(values: v128): v128 {
  return v128.bitselect(values, i32x4.splat(0x7fc00000), f32x4.eq(values, values));
}
