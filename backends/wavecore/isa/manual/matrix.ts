import type { Behaviour } from './behaviour.ts';

/** The instructions of the matrix unit that move data. */
export const MATRIX = {
  'm.lda': {
    code: `h = r[half] mod 2
rows = min(blockRows, AM − r[m0])     a fault unless 0 ≤ r[m0] < AM
depth = min(arrayRows, AK − r[k0])    a fault unless 0 ≤ r[k0] < AK
for m < rows, k < depth:
  A[h][m][k] = X ≠ 0  ? stationary(r[base], r[k0] + k, r[m0] + m)
             : AT = 0 ? patch(r[base], r[m0] + m, r[k0] + k)
                      : patch(r[base], r[k0] + k, r[m0] + m)
extent of A[h] = (rows, depth)`,
    accesses: 'reads `rows × depth` f16 of the moving operand (what is padding is not read, but counts); writes A-buffer half `h`',
    cycles: 'ceil(2 × rows × depth / fillBytesPerCycle)',
  },
  'm.ldb': {
    code: `h = r[half] mod 2
depth = min(arrayRows, BK − r[k0])        a fault unless 0 ≤ r[k0] < BK
columns = min(arrayColumns, BN − r[n0])   a fault unless 0 ≤ r[n0] < BN
for k < depth, n < columns:
  B[h][k][n] = X = 0  ? stationary(r[base], r[k0] + k, r[n0] + n), a number or off
             : AT = 0 ? patch(r[base], r[n0] + n, r[k0] + k)
                      : patch(r[base], r[k0] + k, r[n0] + n)
extent of B[h] = (depth, columns)`,
    accesses: 'reads `depth × columns` f16 of the stationary operand (what is off is not read, but counts); writes B-buffer half `h`',
    cycles: 'max(depth, ceil(2 × depth × columns / stationaryBytesPerCycle))',
  },
  'm.mul': {
    code: `(ha, hb, hc) = (r[a] mod 2, r[b] mod 2, r[c] mod 2)
(rows, depth) = extent of A[ha]    a fault where nothing was loaded
(depthB, columns) = extent of B[hb]    a fault where nothing was loaded, or depthB ≠ depth
fresh = (r[first] = 0)
a fault unless fresh or extent of ACC[hc] = (rows, columns)
for m < rows, n < columns:
  sum = +0
  for k < depth, in order, unless B[hb][k][n] is off:
    sum = f32(sum + A[ha][m][k] × B[hb][k][n])
  ACC[hc][m][n] = fresh ? sum : f32(ACC[hc][m][n] + sum)
extent of ACC[hc] = (rows, columns)`,
    accesses: 'reads both blocks and, unless fresh, the accumulator half; writes the accumulator half',
    cycles: 'rows on the array; see *Timing* for when the results are there',
  },
  'm.st': {
    code: `h = r[c] mod 2
rows = min(blockRows, AM − r[m0])         a fault unless 0 ≤ r[m0] < AM
columns = min(arrayColumns, BN − r[n0])   a fault unless 0 ≤ r[n0] < BN
a fault unless extent of ACC[h] = (rows, columns)
add = (r[add] ≠ 0)                        a fault where add and f32 = 0
for m < rows, n < columns:
  x = zeros ? +0 : ACC[h][m][n]
  if withBias: x = f32(x + f32 at r[bias] + 4 × bias index of result (r[m0] + m, r[n0] + n))
  at = result(r[base], r[m0] + m, r[n0] + n); goes on with the next where it is left out
  if f32 = 0: the f16 at \`at\` = f16(x)
  else:       the f32 at \`at\` = add ? f32(f32 at \`at\` + x) : x`,
    accesses:
      'reads the accumulator half unless `zeros`, the f32 biases of its columns (rows where operands are exchanged) where `withBias`, and the f32 already there where `add`; writes `rows × columns` elements of 2 or 4 bytes (what is left out is not accessed, but counts)',
    cycles: 'ceil(rows × columns × (f32 ? 4 : 2) / drainBytesPerCycle)',
  },
  'm.st_sums': {
    code: `h = r[c] mod 2
rows = min(blockRows, AM − r[m0])         a fault unless 0 ≤ r[m0] < AM
columns = min(arrayColumns, BN − r[n0])   a fault unless 0 ≤ r[n0] < BN
a fault unless extent of ACC[h] = (rows, columns)
for m < rows, n < columns, in order:
  x = ACC[h][m][n]
  if withBias: x = f32(x + f32 at r[bias] + 4 × bias index of result (r[m0] + m, r[n0] + n))
  at = result(r[base], r[m0] + m, r[n0] + n); goes on with the next where it is left out
  x = f16(x)
  the f16 at \`at\` = x
  pair = total(r[state], r[m0] + m, r[n0] + n)
  the f64 at \`pair\` = f64 at \`pair\` + x
  the f64 at \`pair\` + 8 = f64 at \`pair\` + 8 + x × x`,
    accesses:
      'reads the accumulator half and the f32 biases of its columns (rows where operands are exchanged) where `withBias`; writes `rows × columns` elements of 2 bytes (what is left out is not accessed, but counts); reads and writes the pairs of its channels of each set of TMI rows (columns where operands are exchanged) that the block touches',
    cycles: 'ceil(2 × rows × columns / drainBytesPerCycle): the sums are taken by a row of adders at the drain port and cost no cycle',
  },
} as const satisfies Record<string, Behaviour>;
