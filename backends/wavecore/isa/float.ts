const view = new DataView(new ArrayBuffer(4));
const QUIET_NAN = 0x7fc00000;

/** The bits of the f32 nearest to `value` as a signed number; every NaN is 0x7fc00000. */
export function floatBits(value: number): number {
  if (Number.isNaN(value)) return QUIET_NAN;
  view.setFloat32(0, value);
  return view.getInt32(0);
}

export function floatOf(bits: number): number {
  view.setInt32(0, bits);
  return view.getFloat32(0);
}

/** The shortest decimal that rounds to the f32 `value`. */
export function floatText(value: number): string {
  if (Number.isNaN(value)) return 'nan';
  if (!Number.isFinite(value)) return value > 0 ? 'inf' : '-inf';
  if (Object.is(value, -0)) return '-0';
  // Nine digits tell any two f32 apart.
  const digits = [1, 2, 3, 4, 5, 6, 7, 8].find((d) => Math.fround(Number(value.toPrecision(d))) === value) ?? 9;
  return String(Number(value.toPrecision(digits)));
}
