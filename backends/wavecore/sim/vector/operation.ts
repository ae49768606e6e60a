import { VECTOR_SLOTS, type VectorSlot } from '../../isa/slots.ts';
import type { ISA, Op } from '../../isa/table.ts';
import type { GlobalBuffer } from '../memory.ts';

/** Instructions that compute on the vector unit; configuration and synchronization are handled apart. */
export type VectorOp = Exclude<{ [O in Op]: (typeof ISA)[O]['unit'] extends 'vector' ? O : never }[Op], 'v.cfg' | 'v.sync'>;

/** Configuration slots of the vector unit by index, and the same bits as f32. */
export interface Slots {
  readonly i: Int32Array;
  readonly f: Float32Array;
}

export function makeSlots(): Slots {
  const i = new Int32Array(VECTOR_SLOTS.length);
  return { i, f: new Float32Array(i.buffer) };
}

const index = (slot: VectorSlot): number => VECTOR_SLOTS.indexOf(slot);

/** Index of every slot. */
export const V: Readonly<Record<VectorSlot, number>> = Object.fromEntries(VECTOR_SLOTS.map((s) => [s, index(s)])) as Record<VectorSlot, number>;

/** What an instruction costs: `passes` passes over `elements`, and bytes of the global buffer. */
export interface VectorCost {
  elements: number;
  passes: number;
  read: number;
  write: number;
}

/** Byte range of one operand, for bounds checking. */
export type Spans = (address: number, bytes: number) => void;

/** One vector instruction. `o` holds the operand values in the order of the fields. */
export interface VectorOperation {
  cost(s: Slots, o: Float64Array, out: VectorCost): void;
  /** Reports the byte range of every operand. */
  spans(s: Slots, o: Float64Array, span: Spans): void;
  run(g: GlobalBuffer, s: Slots, o: Float64Array): void;
}

export const slot = (s: Slots, i: number): number => s.i[i] ?? 0;
export const value = (s: Slots, i: number): number => s.f[i] ?? 0;
export const operand = (o: Float64Array, i: number): number => o[i] ?? 0;
export const maskBytes = (count: number): number => Math.ceil(count / 8);

/** Sets a cost; every operation ends its `cost` with it. */
export function charge(out: VectorCost, elements: number, passes: number, read: number, write: number): void {
  out.elements = elements;
  out.passes = passes;
  out.read = read;
  out.write = write;
}
