import type { Behaviour } from './behaviour.ts';

/** Element by element: moves, activations, sums, products, dropout. */
export const ELEMENTWISE = {
  'v.fill': { code: 'for i < bytes: dst[i] = 0' },
  'v.copy': {
    code: `for i < ROWS:
  copy ROWBYTES bytes from r[src] + i × SRCSTRIDE to r[dst] + i × DSTSTRIDE, as if all were read before any is written`,
  },
  'v.relu': {
    code: `for n < N, i < COUNT:
  b = bits of src[n][i]
  positive = 0x0001 ≤ b ≤ 0x7c00
  dst[n][i] = positive or (b and 0x7fff) > 0x7c00 ? b : 0x0000      NaNs keep their bits
  if withMask: mask[n][i] = positive                                behind each 8 elements a whole byte; bits behind COUNT are 0`,
  },
  'v.relu_grad': { code: 'for n < N, i < COUNT: dst[n][i] = mask[n][i] ? bits of dy[n][i] : 0x0000' },
  'v.add': { code: 'for i < N × COUNT: dst[i] = f16(a[i] + b[i])' },
  'v.add_relu': {
    code: `for n < N, i < COUNT:
  s = bits of f16(a[n][i] + b[n][i])
  positive = 0x0001 ≤ s ≤ 0x7c00
  dst[n][i] = positive or s = 0x7e00 ? s : 0x0000                   0x7e00: every NaN
  if withMask: mask[n][i] = positive                                behind each 8 elements a whole byte; bits behind COUNT are 0`,
  },
  'v.add_relu_grad': { code: 'for n < N, i < COUNT: dst[n][i] = mask[n][i] ? f16(a[n][i] + b[n][i]) : +0' },
  'v.sum': { code: 'for i < COUNT: dst[i] = f32(a[i] + b[i])' },
  'v.mul': { code: 'for i < N × COUNT: dst[i] = f16(a[i] × b[i])' },
  'v.affine': { code: 'for n < N, c < C, i < H × W: dst[n][c][i] = f16(f32(src[n][c][i] × scale[c]) + shift[c])' },
  'v.dropout': {
    code: `seed = (SEED + trunc(STEP) × 0x9e3779b9) modulo 2^32      an infinite or NaN STEP counts as 0
for n < N, e < COUNT:
  keep = draw(seed, r[sample0] + n, e) ≥ floor(RATIO × 2^32)      no element is kept where RATIO is NaN
  dst[n][e] = keep ? f16(src[n][e] × SCALE) : +0
  if withMask: mask[n][e] = keep                                  behind each 8 elements a whole byte; bits behind COUNT are 0`,
  },
  'v.dropout_grad': { code: 'for n < N, e < COUNT: dst[n][e] = mask[n][e] ? f16(dy[n][e] × SCALE) : +0' },
} as const satisfies Record<string, Behaviour>;
