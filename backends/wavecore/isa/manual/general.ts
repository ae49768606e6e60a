import { BINARY, BINARY_OPS } from '../../../../ir/functions/binary.ts';
import { REDUCE_OPS, REDUCTIONS } from '../../../../ir/functions/reduction.ts';
import { UNARY, UNARY_OPS } from '../../../../ir/functions/unary.ts';
import type { Behaviour } from './behaviour.ts';

const listed = <T extends string>(ops: readonly T[], formula: (op: T) => string): string =>
  ops.map((op, i) => `  ${i} ${op}: ${formula(op)}`).join('\n');

const WALK = `walk: the positions (d0, d1, d2, d3), 0 ≤ d_k < D_k, the last index fastest, numbered i = 0, 1, …
a(n) = n × ANS + d0 × A0 + d1 × A1 + d2 × A2 + d3 × A3; b(n) the same of BNS, B0 to B3`;

const PLACES = `place of a position: the sum of one entry of the table a dimension, table holding D0 entries, then D1, …;
  none where an entry is negative; a fault where the place + RUN is beyond SPAN`;

/** Functions of one and two numbers by number, reductions, moves by table, interpolation. */
export const GENERAL = {
  'v.unary': {
    code: `for i < N × COUNT: dst[i] = f16once(OP(src[i])), alpha = ALPHA, beta = BETA; OP is\n${listed(UNARY_OPS, (op) => UNARY[op].formula)}`,
  },
  'v.unary_grad': { code: 'for i < N × COUNT: dst[i] = f16once(dy[i] × OP′(x[i])), OP′ the derivative of OP of v.unary' },
  'v.binary': {
    code: `${WALK}\nfor n < N, walk: dst[n × walk + i] = f16once(OP(a[a(n)], b[b(n)])); OP is\n${listed(BINARY_OPS, (op) => BINARY[op].formula)}`,
  },
  'v.binary_grad': {
    code: `as v.binary: dst[n × walk + i] = f16once(dy[n × walk + i] × (SIDE ? ∂OP/∂b : ∂OP/∂a))`,
  },
  'v.sum_samples': {
    code: `if add = 0: dst[j] = +0 for all j that the walk reaches, and those before
for n < N, walk of v.binary: dst[b(0)] = f32(dst[b(0)] + src[n × walk + i])`,
  },
  'v.gather': {
    code: `${PLACES}\nfor n < N, positions in order, j < RUN: dst[…] = none ? f16(FILL) : bits of src[n × SPAN + place + j]`,
  },
  'v.scatter': {
    code: `places as in v.gather
for n < N: sums[j] = +0 for j < SPAN
  positions in order, j < RUN: unless none, sums[place + j] = f32(sums[place + j] + src[…])
  dst[n × SPAN + j] = f16(sums[j]) for j < SPAN`,
  },
  'v.resample': {
    code: `for n < N, o < OUTER, j < LENGTH, i < INNER: total = 0
  for t < TAPS, in order, e = index[j][t]: unless e < 0: total = total + weight[j][t] × src[n][o][e][i]; a fault where e ≥ FROM
  dst[n][o][j][i] = f16once(total)`,
  },
  'v.resample_grad': {
    code: `totals[e][i] = 0 for each n, o
for j < LENGTH, t < TAPS, in order, e = index[j][t]: unless e < 0: totals[e][i] = totals[e][i] + weight[j][t] × dy[n][o][j][i]; a fault where e ≥ FROM
dst[n][o][e][i] = f16once(totals[e][i]) for e < FROM`,
  },
  'v.reduce': {
    code: `for n < N, o < OUTER, i < INNER: dst[n][o][i] = f16once(OP of src[n][o][l][i], l = 0, 1, …, L − 1), L = LENGTH, folded in order in f64; OP is
${listed(REDUCE_OPS, (op) => REDUCTIONS[op].formula)}`,
  },
  'v.reduce_grad': {
    code: `for n < N, o < OUTER, i < INNER, l < LENGTH: dst[n][o][l][i] = f16once(dy[n][o][i] × ∂OP/∂x_l), x and y being 0 unless withValues
of max and min: only for the first l with x[n][o][l][i] = y[n][o][i] (derivative 1), +0 for the others`,
  },
  'v.softmax_grad': {
    code: `for n < N, o < OUTER, i < INNER: s = Σ_l dy × (log ? 1 : y), in order
  dst[n][o][l][i] = f16once(log ? dy − exp(y) × s : y × (dy − s))`,
  },
} as const satisfies Record<string, Behaviour>;
