import { diag } from '../../../../ir/diagnostics.ts';
import { MAX_FIELDS } from '../../isa/layout.ts';
import { VECTOR_SLOTS, type VectorSlot } from '../../isa/slots.ts';
import { HALVES, halfBits, NAN_BITS, NAN_BITS_OF_F64 } from '../half.ts';
import { type Kernels, SLOT_COUNT } from '../kernels/kernels.ts';
import type { Position } from '../position.ts';

const SLOT = Object.fromEntries(VECTOR_SLOTS.map((name, i) => [name, i])) as Record<VectorSlot, number>;

/** One vector instruction being executed: configuration, operands, and the global buffer by element type. Addresses are in bytes. */
export class Call {
  readonly slots: Int32Array;
  private readonly floats: Float32Array;
  /** Operands in the order of the instruction's fields, registers resolved. */
  readonly operands = new Float64Array(MAX_FIELDS);
  readonly u8: Uint8Array;
  readonly u16: Uint16Array;
  readonly i32: Int32Array;
  readonly f32: Float32Array;
  readonly f64: Float64Array;
  private readonly u64: BigUint64Array;
  private readonly position: Position;

  constructor(kernels: Pick<Kernels, 'memory' | 'vectorSlots'> | undefined, position: Position) {
    const buffer = kernels?.memory ?? new ArrayBuffer(0);
    this.slots = kernels?.vectorSlots ?? new Int32Array(SLOT_COUNT);
    this.floats = new Float32Array(this.slots.buffer, this.slots.byteOffset, this.slots.length);
    this.u8 = new Uint8Array(buffer);
    this.u16 = new Uint16Array(buffer);
    this.i32 = new Int32Array(buffer);
    this.f32 = new Float32Array(buffer);
    this.f64 = new Float64Array(buffer);
    this.u64 = new BigUint64Array(buffer);
    this.position = position;
  }

  int(slot: VectorSlot): number {
    return this.slots[SLOT[slot]] ?? 0;
  }

  float(slot: VectorSlot): number {
    return this.floats[SLOT[slot]] ?? 0;
  }

  operand(field: number): number {
    return this.operands[field] ?? 0;
  }

  /** Element `i` of the halves at `address`. */
  half(address: number, i: number): number {
    return HALVES[this.u16[address / 2 + i] ?? 0] ?? 0;
  }

  /** Rounds `value` to f32, then to the half stored as element `i` at `address`. */
  setHalf(address: number, i: number, value: number): void {
    this.u16[address / 2 + i] = halfBits(value);
  }

  single(address: number, i: number): number {
    return this.f32[address / 4 + i] ?? 0;
  }

  /** Stores a number rounded to f32; the one NaN that is stored has the same bits everywhere. */
  setSingle(address: number, i: number, value: number): void {
    if (Number.isNaN(value)) this.i32[address / 4 + i] = NAN_BITS;
    else this.f32[address / 4 + i] = value;
  }

  double(address: number, i: number): number {
    return this.f64[address / 8 + i] ?? 0;
  }

  setDouble(address: number, i: number, value: number): void {
    if (Number.isNaN(value)) this.u64[address / 8 + i] = NAN_BITS_OF_F64;
    else this.f64[address / 8 + i] = value;
  }

  bit(address: number, i: number): number {
    return ((this.u8[address + (i >> 3)] ?? 0) >> (i & 7)) & 1;
  }

  fault(reason: string): never {
    return this.position.fault(diag.programFault, reason);
  }

  outOfRange(reason: string): never {
    return this.position.fault(diag.outOfRange, reason);
  }
}
