import type { FieldName, Op } from '../../isa/table.ts';
import type { Call } from './call.ts';

/** Instructions of the vector unit that compute or move data. */
export type VectorOp = Exclude<Extract<Op, `v.${string}`>, 'v.cfg' | 'v.sync'>;

/** What an operand's register points at. */
export interface Use {
  readonly access: 'read' | 'write' | 'update';
  /** Bytes of an element, to which the address is aligned. */
  readonly align: 1 | 2 | 4 | 8;
  /** Extent in bytes; 0: not accessed. */
  bytes(call: Call): number;
  /** Where only rows of the extent are accessed: how many, their bytes, and the bytes from one to the next. */
  rows?(call: Call): Rows;
  /** An update that reads what is there only at times; absent: always. */
  reads?(call: Call): boolean;
}

export interface Rows {
  readonly count: number;
  readonly bytes: number;
  readonly stride: number;
}

/**
 * A vector instruction. It costs startCycles + passes × ceil(elements / lanes). `run` gets the operands in the order of the
 * instruction's fields. All accesses have been checked against `uses`.
 */
export interface Semantics<O extends VectorOp = VectorOp> {
  readonly uses: Partial<Readonly<Record<FieldName<O>, Use>>>;
  elements(call: Call): number;
  passes(call: Call): number;
  run(call: Call, ...operands: number[]): void;
}

export const read = (align: Use['align'], bytes: Use['bytes']): Use => ({ access: 'read', align, bytes });
export const write = (align: Use['align'], bytes: Use['bytes']): Use => ({ access: 'write', align, bytes });
export const update = (align: Use['align'], bytes: Use['bytes']): Use => ({ access: 'update', align, bytes });
/** Adds to what is there where operand `field` is not 0, and overwrites it otherwise. */
export const updateWhere = (field: number, align: Use['align'], bytes: Use['bytes']): Use => ({
  ...update(align, bytes),
  reads: (call) => call.operand(field) !== 0,
});

export const once = (): number => 1;
export const times = (count: number) => (): number => count;

/** N samples of COUNT elements. */
export const flatElements = (call: Call): number => call.int('N') * call.int('COUNT');
export const flatHalves = (call: Call): number => 2 * flatElements(call);
export const flatBits = (call: Call): number => call.int('N') * maskBytes(call);
/** Bytes of a sample's mask. */
export const maskBytes = (call: Call): number => Math.ceil(call.int('COUNT') / 8);

export const plane = (call: Call): number => call.int('H') * call.int('W');
/** N × C × H × W. */
export const imageElements = (call: Call): number => call.int('N') * call.int('C') * plane(call);
export const imageHalves = (call: Call): number => 2 * imageElements(call);
export const channelSingles = (call: Call): number => 4 * call.int('C');

/** Sets of statistics: one for the mini-batch, or one a sample. */
export const sets = (call: Call): number => (call.int('CROSS') !== 0 ? 1 : call.int('N'));
/** f64 pairs of every channel of every set. */
export const pairStates = (call: Call): number => 16 * sets(call) * call.int('C');
/** f32 pairs of every group of every set. */
export const pairStatistics = (call: Call): number => 8 * sets(call) * call.int('GROUPS');

/** Index of the group of channel c. */
export const groupOf = (call: Call, c: number): number => Math.floor((c * call.int('GROUPS')) / call.int('C'));
