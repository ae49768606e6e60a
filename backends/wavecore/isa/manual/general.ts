import type { Behaviour } from './behaviour.ts';

/** Functions by number, moves by tables of offsets, and what works along runs. */
export const GENERAL = {
  'v.unary': { code: 'for i < N × COUNT: dst[i] = f16once(value of function OP at src[i])' },
  'v.unary_grad': { code: 'for i < N × COUNT: dst[i] = f16once(dy[i] × derivative of function OP at x[i])' },
  'v.binary': { code: 'for each position of the walk: dst[i] = f16once(value of function OP at a[a(n, k)], b[b(n, k)])' },
  'v.binary_grad': {
    code: `for each position of the walk:
  slope = derivative of function OP at a[a(n, k)], b[b(n, k)]; by b where SIDE ≠ 0, else by a
  dst[i] = f16once(dy[i] × slope)`,
  },
  'v.sum_samples': {
    code: `if r[add] = 0: for j < COUNT: dst[j] = +0
for each position of the walk:
  j = k0 × B0 + k1 × B1 + k2 × B2 + k3 × B3
  dst[j] = f32(dst[j] + src[i])`,
  },
  'v.gather': {
    code: `for n < N, p < POSITIONS:
  from = place(p)                                             a fault where from + RUN > SPAN
  for j < RUN: dst[n][p][j] = from < 0 ? f16(FILL) : bits of src[n][from + j]      all RUN elements are read before any is written`,
  },
  'v.scatter': {
    code: `for n < N:
  for j < SPAN: s[j] = +0
  for p < POSITIONS:
    to = place(p)                                             a fault where to + RUN > SPAN
    for j < RUN: if to ≥ 0: s[to + j] = f32(s[to + j] + src[n][p][j])
  for j < SPAN: dst[n][j] = f16(s[j])`,
  },
  'v.resample': {
    code: `for o < N × OUTER, j < LENGTH, i < INNER:
  s[o][j][i] = +0
  for t < TAPS with index[j][t] ≥ 0:                          a fault where index[j][t] ≥ FROM
    s[o][j][i] = s[o][j][i] + weight[j][t] × src[o][index[j][t]][i]
for o < N × OUTER, j < LENGTH, i < INNER: dst[o][j][i] = f16once(s[o][j][i])`,
  },
  'v.resample_grad': {
    code: `for o < N × OUTER, j < FROM, i < INNER: s[o][j][i] = +0
for o < N × OUTER, j < LENGTH, t < TAPS with index[j][t] ≥ 0:  a fault where index[j][t] ≥ FROM
  for i < INNER: s[o][index[j][t]][i] = s[o][index[j][t]][i] + weight[j][t] × dy[o][j][i]
for o < N × OUTER, j < FROM, i < INNER: dst[o][j][i] = f16once(s[o][j][i])`,
  },
  'v.reduce': { code: 'for each run r: dst[r] = f16once(y of reduction OP of src[element(r, 0)], src[element(r, 1)], …)' },
  'v.reduce_grad': {
    code: `for each run r:
  slope = dy[r]; for j < LENGTH:
    e = element(r, j)
    receives = OP is no max or min, or x[e] = y[r] for the first time in this run
    dst[e] = receives ? f16once(slope × derivative of reduction OP at x[e], y[r]) : +0      y[r] is read once, first`,
  },
  'v.softmax': {
    code: `for each run r:
  z = logs(src[element(r, 0)], src[element(r, 1)], …)
  for j < LENGTH: dst[element(r, j)] = f16once(exp(z[j]))`,
  },
  'v.log_softmax': {
    code: `for each run r:
  z = logs(src[element(r, 0)], src[element(r, 1)], …)
  for j < LENGTH: dst[element(r, j)] = f16once(z[j])`,
  },
  'v.softmax_grad': {
    code: `for each run r:
  s = +0; for j < LENGTH: e = element(r, j); s = s + dy[e] × (log ? 1 : y[e])
  for j < LENGTH: e = element(r, j); dst[e] = f16once(log ? dy[e] − exp(y[e]) × s : y[e] × (dy[e] − s))`,
  },
} as const satisfies Record<string, Behaviour>;
