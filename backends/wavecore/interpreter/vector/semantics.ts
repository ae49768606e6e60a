import type { VectorSlot } from '../../isa/slots.ts';
import type { FieldName, Op } from '../../isa/table.ts';
import type { Call } from './call.ts';
import { operand, product, type Size, size } from './size.ts';

/** Instructions of the vector unit that compute or move data. */
export type VectorOp = Exclude<Extract<Op, `v.${string}`>, 'v.cfg' | 'v.cfg4' | 'v.sync'>;

/** What an operand's register points at. */
export interface Use {
  readonly access: 'read' | 'write' | 'update';
  /** Bytes of an element, to which the address is aligned. */
  readonly align: 1 | 2 | 4 | 8;
  /** Extent in bytes; 0: not accessed. */
  readonly bytes: Size;
  /** Where only rows of the extent are accessed: how many, their bytes, and the bytes from one to the next. */
  rows?(call: Call): Rows;
  /** An update that reads what is there only where this operand is not 0; absent: always. */
  readonly reads?: Size;
}

export interface Rows {
  readonly count: number;
  readonly bytes: number;
  readonly stride: number;
}

/** What must hold of the configuration beyond the ranges of single slots: the sentence stands in the message and in the manual. */
export interface Need {
  readonly text: string;
  holds(call: Call): boolean;
}

/**
 * A vector instruction. It costs startCycles + passes × ceil(elements / lanes). `run` gets the operands in the order of the
 * instruction's fields. All accesses have been checked against `uses`, all slots against their kind.
 */
export interface Semantics<O extends VectorOp = VectorOp> {
  readonly uses: Partial<Readonly<Record<FieldName<O>, Use>>>;
  readonly elements: Size;
  readonly passes: Size;
  /** Slots that `run` reads, beyond those of the sizes above. */
  readonly slots: readonly VectorSlot[];
  readonly needs?: readonly Need[];
  /** An element of the result depends on the elements of its operands at the same place, and on parameters. */
  readonly inPlace?: true;
  run(call: Call, ...operands: number[]): void;
}

export const read = (align: Use['align'], bytes: Size): Use => ({ access: 'read', align, bytes });
export const write = (align: Use['align'], bytes: Size): Use => ({ access: 'write', align, bytes });
export const update = (align: Use['align'], bytes: Size): Use => ({ access: 'update', align, bytes });

/** Adds to what is there where operand `flag` of `op` is not 0, and overwrites it otherwise. */
export const updateWhere = <O extends VectorOp>(op: O, flag: FieldName<O>, align: Use['align'], bytes: Size): Use => ({
  ...update(align, bytes),
  reads: operand(op, flag),
});

export const once: Size = product(1);
export const times = (count: number): Size => product(count);

/** N samples of COUNT elements. */
export const flatElements: Size = product('N', 'COUNT');
export const flatHalves: Size = product(2, 'N', 'COUNT');
/** Bytes of a sample's mask. */
export const maskBytes: Size = size('ceil(COUNT / 8)', ['COUNT'], (call) => Math.ceil(call.int('COUNT') / 8));
export const flatBits: Size = product('N', maskBytes);

export const plane: Size = product('H', 'W');
export const imageElements: Size = product('N', 'C', plane);
export const imageHalves: Size = product(2, imageElements);
/** Bytes of a sample's mask of an image. */
export const imageMaskBytes: Size = size('ceil(C × H × W / 8)', ['C', 'H', 'W'], (call) => Math.ceil((call.int('C') * plane(call)) / 8));
export const imageBits: Size = product('N', imageMaskBytes);
export const channelSingles: Size = product(4, 'C');

/** Sets of statistics: one for the mini-batch, or one a sample. */
export const sets: Size = size('SETS', ['CROSS', 'N'], (call) => (call.int('CROSS') !== 0 ? 1 : call.int('N')));
/** f64 pairs of every channel of every set. */
export const pairStates: Size = product(16, sets, 'C');
/** f32 pairs of every group of every set. */
export const pairStatistics: Size = product(8, sets, 'GROUPS');

export const groupsDivideChannels: Need = { text: 'GROUPS divides C', holds: (call) => call.int('C') % call.int('GROUPS') === 0 };

/** Index of the group of channel c. */
export const groupOf = (call: Call, c: number): number => Math.floor((c * call.int('GROUPS')) / call.int('C'));
