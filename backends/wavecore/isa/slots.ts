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
 * Configuration slots of the vector unit; EPS, ALPHA, BETA, BIAS, RATIO, LR, MOMENTUM, DECAY, GRADSCALE, SCALE, WEIGHT, and all from
 * STEP on but INTERVAL, DYNAMIC and DECOUPLED, hold the bits of an f32.
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
  'STEP',
  'LOSSSCALE',
  'HOLD',
  'CORRECT1',
  'CORRECT2',
  'BETA1',
  'BETA2',
  'INTERVAL',
  'DYNAMIC',
  'DECOUPLED',
] as const;
export type VectorSlot = (typeof VECTOR_SLOTS)[number];

/** The slots that v.ld_cfg may set: numbers that change from step to step, on which no extent, address or count depends. */
export const LOADABLE_SLOTS: readonly VectorSlot[] = ['LR', 'GRADSCALE', 'STEP', 'LOSSSCALE', 'HOLD', 'CORRECT1', 'CORRECT2'];
