import { f16round, getFloat16, setFloat16 } from '@petamoriken/float16';

export const f32 = Math.fround;
/** Rounded to f32, and that to f16. */
export const f16 = (x: number): number => f16round(f32(x));
export const f16once = (x: number): number => f16round(x);

/** Bytes, by number format; NaNs are stored with the bits of the chapter on numerics. */
export class Memory {
  readonly bytes: Uint8Array;
  private readonly view: DataView;

  constructor(size: number) {
    this.bytes = new Uint8Array(size);
    this.view = new DataView(this.bytes.buffer);
  }

  half(at: number): number {
    return getFloat16(this.view, at, true);
  }

  setHalf(at: number, x: number): void {
    if (Number.isNaN(x)) this.view.setUint16(at, 0x7e00, true);
    else setFloat16(this.view, at, x, true);
  }

  halfBits(at: number): number {
    return this.view.getUint16(at, true);
  }

  setHalfBits(at: number, bits: number): void {
    this.view.setUint16(at, bits, true);
  }

  single(at: number): number {
    return this.view.getFloat32(at, true);
  }

  setSingle(at: number, x: number): void {
    if (Number.isNaN(x)) this.view.setUint32(at, 0x7fc00000, true);
    else this.view.setFloat32(at, x, true);
  }

  double(at: number): number {
    return this.view.getFloat64(at, true);
  }

  setDouble(at: number, x: number): void {
    if (Number.isNaN(x)) this.view.setBigUint64(at, 0x7ff8000000000000n, true);
    else this.view.setFloat64(at, x, true);
  }

  word(at: number): number {
    return this.view.getInt32(at, true);
  }

  bit(at: number, i: number): boolean {
    return (((this.bytes[at + (i >> 3)] ?? 0) >> (i & 7)) & 1) === 1;
  }
}
