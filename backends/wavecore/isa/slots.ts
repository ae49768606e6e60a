/**
 * Configuration slots of the matrix unit. Strides are in elements of the operand.
 *
 * The moving operand is the patch matrix of an image: pixel index (n, p, q) with p < P, q < Q, tap index (c, r, s).
 * With y = p·SH + r·DH − PT and x = q·SW + s·DW − PL, the element is 0 unless UH divides y, UW divides x, and
 * 0 ≤ y/UH < H, 0 ≤ x/UW < W; then it is the f16 at base + 2·(n·ASN + c·ASC + (y/UH)·W + x/UW).
 * Rows are pixels and the reduction runs over taps; with AT = 1 rows are taps and the reduction runs over pixels.
 * AM and AK are the operand's rows and reduction length, to which blocks are clipped.
 *
 * Stationary element (k, n): f16 at base + 2·(floor(k/BKI)·BSKO + (k mod BKI)·BSKI + n·BSN); BK, BN clip.
 * Result element (m, n): at base + size·(floor(m/CMI)·CSMO + (m mod CMI)·CSMI + n·CSN); AM, BN clip.
 */
export const MATRIX_SLOTS = [
  'AM',
  'AK',
  'AT',
  'P',
  'Q',
  'R',
  'S',
  'H',
  'W',
  'SH',
  'SW',
  'DH',
  'DW',
  'PT',
  'PL',
  'UH',
  'UW',
  'ASN',
  'ASC',
  'BK',
  'BN',
  'BKI',
  'BSKO',
  'BSKI',
  'BSN',
  'CMI',
  'CSMO',
  'CSMI',
  'CSN',
] as const;
export type MatrixSlot = (typeof MATRIX_SLOTS)[number];

/**
 * Configuration slots of the vector unit; EPS, ALPHA, BETA, BIAS, RATIO, LR, MOMENTUM, DECAY, GRADSCALE, SCALE, WEIGHT, FILL hold the
 * bits of an f32. OP is the number of a function in the tables of `ir/functions`. D0 to D4 are the sizes of a walk, the last one innermost;
 * the walk of an instruction with broadcasting has D0 to D3, an operand being at base + sample·ANS + Σ index_k·A_k (BNS, B_k), in elements.
 */
export const VECTOR_SLOTS = [
  'N',
  'C',
  'H',
  'W',
  'P',
  'Q',
  'R',
  'S',
  'SH',
  'SW',
  'PT',
  'PL',
  'DH',
  'DW',
  'COUNT',
  'GROUPS',
  'CROSS',
  'EPS',
  'M',
  'DIVISOR',
  'FULLH',
  'ROW0',
  'ROWS',
  'ROWBYTES',
  'SRCSTRIDE',
  'DSTSTRIDE',
  'SIZE',
  'ALPHA',
  'BETA',
  'BIAS',
  'SEED',
  'RATIO',
  'SCALE',
  'WEIGHT',
  'LR',
  'MOMENTUM',
  'DECAY',
  'GRADSCALE',
  'NESTEROV',
  'OP',
  'SIDE',
  'RUN',
  'FILL',
  'SPAN',
  'TAPS',
  'OUTER',
  'LENGTH',
  'INNER',
  'FROM',
  'D0',
  'D1',
  'D2',
  'D3',
  'D4',
  'WIDE',
  'A0',
  'A1',
  'A2',
  'A3',
  'ANS',
  'BNS',
  'B0',
  'B1',
  'B2',
  'B3',
] as const;
export type VectorSlot = (typeof VECTOR_SLOTS)[number];
