import type { Op } from './table.ts';

/**
 * Configuration slots of the matrix unit: how its operands lie in the global buffer. The formulas that they enter stand in
 * manual/matrix-unit.md.
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

/** Configuration slots of the vector unit; what each means: `VECTOR_SLOT_SPECS`. */
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

/** What a slot of the vector unit may hold where an instruction uses it; the least value, where there is one. */
export const SLOT_KINDS = {
  extent: { least: 1, doc: 'whole number, at least 1' },
  count: { least: 0, doc: 'whole number, at least 0' },
  whole: { least: undefined, doc: 'whole number' },
  flag: { least: undefined, doc: '0: no, else yes' },
  single: { least: undefined, doc: 'bits of an f32' },
} as const;

export interface SlotSpec {
  readonly kind: keyof typeof SLOT_KINDS;
  readonly doc: string;
}

export const VECTOR_SLOT_SPECS: Readonly<Record<VectorSlot, SlotSpec>> = {
  N: { kind: 'extent', doc: 'samples' },
  C: { kind: 'extent', doc: 'channels' },
  H: { kind: 'extent', doc: 'rows of an image' },
  W: { kind: 'extent', doc: 'columns of an image' },
  P: { kind: 'extent', doc: 'rows of windows' },
  Q: { kind: 'extent', doc: 'columns of windows' },
  R: { kind: 'extent', doc: 'rows of a window' },
  S: { kind: 'extent', doc: 'columns of a window' },
  SH: { kind: 'count', doc: 'image rows from window to window' },
  SW: { kind: 'count', doc: 'image columns from window to window' },
  PT: { kind: 'whole', doc: 'rows of padding above the image' },
  PL: { kind: 'whole', doc: 'columns of padding left of the image' },
  DH: { kind: 'count', doc: 'image rows from position to position of a window' },
  DW: { kind: 'count', doc: 'image columns from position to position of a window' },
  COUNT: { kind: 'extent', doc: 'elements of a sample' },
  GROUPS: { kind: 'extent', doc: 'groups of adjacent channels that share statistics' },
  CROSS: { kind: 'flag', doc: 'one set of statistics for all samples, else one for each' },
  EPS: { kind: 'single', doc: 'added to a variance' },
  M: { kind: 'extent', doc: 'elements that a pair of statistics is over' },
  DIVISOR: { kind: 'count', doc: 'what a sum over a window is divided by; 0: the positions inside the image' },
  FULLH: { kind: 'count', doc: 'rows of the image of which a stripe is a part; used where DIVISOR is 0' },
  ROW0: { kind: 'count', doc: 'row of that image with which the stripe begins; used where DIVISOR is 0' },
  ROWS: { kind: 'extent', doc: 'rows to copy' },
  ROWBYTES: { kind: 'extent', doc: 'bytes of a row to copy' },
  SRCSTRIDE: { kind: 'count', doc: 'bytes from row to row of the source' },
  DSTSTRIDE: { kind: 'count', doc: 'bytes from row to row of the destination' },
  SIZE: { kind: 'extent', doc: 'neighbouring channels of LRN' },
  ALPHA: { kind: 'single', doc: 'factor of LRN' },
  BETA: { kind: 'single', doc: 'exponent of LRN' },
  BIAS: { kind: 'single', doc: 'addend of LRN' },
  SEED: { kind: 'whole', doc: 'seed of dropout' },
  RATIO: { kind: 'single', doc: 'share of elements that dropout drops' },
  SCALE: { kind: 'single', doc: 'factor of what dropout keeps, of the gradient of the loss' },
  WEIGHT: { kind: 'single', doc: 'factor of the loss' },
  LR: { kind: 'single', doc: 'learning rate' },
  MOMENTUM: { kind: 'single', doc: 'factor of the velocity' },
  DECAY: { kind: 'single', doc: 'weight decay' },
  GRADSCALE: { kind: 'single', doc: 'factor of the gradient' },
  NESTEROV: { kind: 'flag', doc: 'Nesterov momentum' },
  STEP: { kind: 'single', doc: 'training step, which the draws of dropout depend on' },
  LOSSSCALE: { kind: 'single', doc: 'factor of the gradient of the loss' },
  HOLD: { kind: 'single', doc: 'not 0: an update leaves parameters and state alone' },
  CORRECT1: { kind: 'single', doc: 'correction of the first moment' },
  CORRECT2: { kind: 'single', doc: 'correction of the second moment' },
  BETA1: { kind: 'single', doc: 'share of the first moment that stays' },
  BETA2: { kind: 'single', doc: 'share of the second moment that stays' },
  INTERVAL: { kind: 'count', doc: 'steps without overflow that double the loss scale' },
  DYNAMIC: { kind: 'flag', doc: 'the loss scale follows overflows' },
  DECOUPLED: { kind: 'flag', doc: 'weight decay apart from the gradient' },
};

/** Slots of the vector unit that hold the bits of an f32. */
export const FLOAT_SLOTS: ReadonlySet<string> = new Set(VECTOR_SLOTS.filter((slot) => VECTOR_SLOT_SPECS[slot].kind === 'single'));

const SLOTS: Partial<Readonly<Record<Op, readonly string[]>>> = { 'm.cfg': MATRIX_SLOTS, 'v.cfg': VECTOR_SLOTS };

/** The configuration slots that an instruction sets by number; undefined where it sets none. */
export function slotsOf(op: Op): readonly string[] | undefined {
  return SLOTS[op];
}

/** The slots that v.ld_cfg may set: numbers that change from step to step, on which no extent, address or count depends. */
export const LOADABLE_SLOTS: readonly VectorSlot[] = ['LR', 'GRADSCALE', 'STEP', 'LOSSSCALE', 'HOLD', 'CORRECT1', 'CORRECT2'];
