import type { Behaviour } from './behaviour.ts';

/** Windows over an image; `positions` is defined in the chapter on the vector unit. */
export const POOLING = {
  'v.max_pool': {
    code: `for n < N, c < C, p < P, q < Q:
  best = none
  for (h, w, r, s) of positions(p, q), in order:
    if best = none or src[n][c][h][w] > src[n][c][best]: best = (h, w), tap = r × S + s      a comparison with NaN is false
  dst[n][c][p][q] = best = none ? 0xfc00 : bits of src[n][c][best]
  if withIndex: index[n][c][p][q] = best = none ? 0 : tap`,
  },
  'v.max_pool_grad': {
    code: `for n < N, c < C:
  sums[h][w] = +0 for h < H, w < W
  for p < P, q < Q, in order:
    tap = index[n][c][p][q]
    (h, w) = (p × SH − PT + floor(tap / S) × DH, q × SW − PL + (tap mod S) × DW)
    if 0 ≤ h < H and 0 ≤ w < W: sums[h][w] = f32(sums[h][w] + dy[n][c][p][q])
  dst[n][c][h][w] = f16(sums[h][w]) for h < H, w < W`,
  },
  'v.avg_pool': {
    code: `for n < N, c < C, p < P, q < Q:
  (total, inside) = (+0, 0)
  for (h, w, r, s) of positions(p, q), in order:
    total = f32(total + src[n][c][h][w])
    inside = inside + 1
  dst[n][c][p][q] = f16(total / (DIVISOR = 0 ? inside : DIVISOR))`,
  },
  'v.avg_pool_grad': {
    code: `divisor(p, q) = DIVISOR ≠ 0 ? DIVISOR : number of positions(p, q) with PT − ROW0 in place of PT and FULLH in place of H
for n < N, c < C:
  sums[h][w] = +0 for h < H, w < W
  for p < P, q < Q, in order:
    share = f32(dy[n][c][p][q] / divisor(p, q))
    for (h, w, r, s) of positions(p, q), in order: sums[h][w] = f32(sums[h][w] + share)
  dst[n][c][h][w] = f16(sums[h][w]) for h < H, w < W`,
  },
} as const satisfies Record<string, Behaviour>;
