import type { Behaviour } from './behaviour.ts';

/** What a channel is scaled and shifted by. */
const FACTORS = `for n < N, c < C, i < H × W:
  (mean, rstd) = stats[set(n)][group(c)]
  scale = f32(rstd × gamma[c])
  shift = f32(beta[c] − f32(mean × scale))
`;

/** What an element takes of the gradient through the statistics. */
const SHARE = `for n < N, c < C, i < H × W:
  (mean, rstd) = stats[set(n)][group(c)]
  (s, t) = sums[set(n)][group(c)]
  part = f32(rstd / M)
  slope = f32(f32(part × t) × rstd)
  offset = f32(f32(part × s) − f32(slope × mean))
  share = f32(f32(slope × x[n][c][i]) + offset)
`;

/** Statistics over channels, their gradients, and normalization across neighbouring channels. */
export const NORMALIZATION = {
  'v.stats': {
    code: `for n < N, c < C:
  (s, t) = state[set(n)][c]
  for i < H × W, in order:
    s = s + src[n][c][i]
    t = t + src[n][c][i] × src[n][c][i]
  state[set(n)][c] = (s, t)`,
  },
  'v.stats_end': {
    code: `for j < SETS, g < GROUPS:
  (s, t) = (0, 0)
  for c of group g, in order:
    s = s + state[j][c].0
    t = t + state[j][c].1
  mean = s / M
  stats[j][g] = (f32(mean), f32(1 / sqrt(t / M − mean × mean + EPS)))      from left to right, all in f64`,
  },
  'v.running': {
    code: `for c < C:
  (m, rstd) = stats[c]
  v = f32(max(0, 1 / (rstd × rstd) − EPS))      in f64, rounded once
  mean[c] = f32(f32(MOMENTUM × mean[c]) + f32(f32(1 − MOMENTUM) × m))
  variance[c] = f32(f32(MOMENTUM × variance[c]) + f32(f32(1 − MOMENTUM) × v))`,
  },
  'v.norm': {
    code: `${FACTORS}  dst[n][c][i] = f16(f32(src[n][c][i] × scale) + shift)`,
  },
  'v.norm_relu': {
    code: `${FACTORS}  s = bits of f16(f32(src[n][c][i] × scale) + shift)
  positive = 0x0001 ≤ s ≤ 0x7c00
  dst[n][c][i] = positive or s = 0x7e00 ? s : 0x0000                  0x7e00: every NaN
  if withMask: bit c × H × W + i of mask[n] = positive                bits behind C × H × W are 0`,
  },
  'v.norm_grad_sums': {
    code: `for n < N, c < C:
  (s, t) = state[set(n)][c]
  for i < H × W, in order:
    s = s + dy[n][c][i]
    t = t + dy[n][c][i] × x[n][c][i]
  state[set(n)][c] = (s, t)`,
  },
  'v.norm_relu_grad_sums': {
    code: `for n < N, c < C:
  (s, t) = state[set(n)][c]
  for i < H × W, in order:
    d = bit c × H × W + i of mask[n] ? dy[n][c][i] : +0
    s = s + d
    t = t + d × x[n][c][i]
  state[set(n)][c] = (s, t)`,
  },
  'v.norm_grad_end': {
    code: `product(j, c) = (state[j][c].1 − mean × state[j][c].0) × rstd      with (mean, rstd) = stats[j][group(c)], in f64
for j < SETS, g < GROUPS:
  (s, t) = (0, 0)
  for c of group g, in order:
    s = s + gamma[c] × state[j][c].0
    t = t + gamma[c] × product(j, c)
  sums[j][g] = (f32(s), f32(t))
for c < C:
  (s, t) = (0, 0)
  for j < SETS, in order:
    s = s + state[j][c].0
    t = t + product(j, c)
  dgamma[c] = f32((r[add] ≠ 0 ? dgamma[c] : +0) + f32(t))
  dbeta[c] = f32((r[add] ≠ 0 ? dbeta[c] : +0) + f32(s))`,
  },
  'v.norm_grad': {
    code: `${SHARE}  dst[n][c][i] = f16(f32(f32(rstd × gamma[c]) × dy[n][c][i]) − share)`,
  },
  'v.norm_relu_grad': {
    code: `${SHARE}  d = bit c × H × W + i of mask[n] ? dy[n][c][i] : +0
  dst[n][c][i] = f16(f32(f32(rstd × gamma[c]) × d) − share)`,
  },
  'v.bias_sums': {
    code: `for n < N, c < C:
  s = state[c]
  for i < H × W, in order: s = s + dy[n][c][i]
  state[c] = s`,
  },
  'v.bias_end': { code: 'for c < C: db[c] = f32((r[add] ≠ 0 ? db[c] : +0) + f32(state[c]))' },
  'v.lrn': {
    code: `for n < N:
  x = all of src[n]
  for c < C, i < H × W: dst[n][c][i] = f16once(x[c][i] × pow(d(x, c, i), −BETA))
where
  d(x, c, i) = BIAS + (ALPHA / SIZE) × total
  total = +0; for j from max(0, c − floor((SIZE − 1) / 2)) to min(C − 1, c + ceil((SIZE − 1) / 2)), in order:
    total = total + x[j][i] × x[j][i]`,
  },
  'v.lrn_grad': {
    code: `factor = (2 × ALPHA × BETA) / SIZE
for n < N:
  (u, v) = all of (x[n], dy[n])
  e[c][i] = v[c][i] × u[c][i] × pow(d(u, c, i), −BETA − 1)      d as in v.lrn
  for c < C, i < H × W:
    total = +0; for j from max(0, c − ceil((SIZE − 1) / 2)) to min(C − 1, c + floor((SIZE − 1) / 2)), in order:
      total = total + e[j][i]
    dst[n][c][i] = f16once(v[c][i] × pow(d(u, c, i), −BETA) − factor × u[c][i] × total)`,
  },
} as const satisfies Record<string, Behaviour>;
