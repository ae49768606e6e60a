import { HALF_VALUES } from './half-codec.ts';

/** The global buffer in functional mode, under every element type; addresses are aligned to their elements. */
export interface GlobalBuffer {
  readonly u8: Uint8Array;
  readonly u16: Uint16Array;
  readonly i32: Int32Array;
  readonly f32: Float32Array;
  readonly f64: Float64Array;
}

export function globalBufferOn(buffer: ArrayBufferLike, offset: number, bytes: number): GlobalBuffer {
  return {
    u8: new Uint8Array(buffer, offset, bytes),
    u16: new Uint16Array(buffer, offset, bytes >> 1),
    i32: new Int32Array(buffer, offset, bytes >> 2),
    f32: new Float32Array(buffer, offset, bytes >> 2),
    f64: new Float64Array(buffer, offset, bytes >> 3),
  };
}

/** The f16 element at element address `i`, as f32. */
export function half(g: GlobalBuffer, i: number): number {
  return HALF_VALUES[g.u16[i] ?? 0] ?? 0;
}

const PAGE = 2 ** 20;

/** DRAM in functional mode: pages appear, zeroed, when they are first touched. */
export class Dram {
  private readonly pages = new Map<number, Uint8Array>();

  private page(address: number): Uint8Array {
    const index = Math.floor(address / PAGE);
    let page = this.pages.get(index);
    if (page === undefined) {
      page = new Uint8Array(PAGE);
      this.pages.set(index, page);
    }
    return page;
  }

  read(address: number, target: Uint8Array): void {
    for (let at = 0; at < target.length; ) {
      const offset = (address + at) % PAGE;
      const length = Math.min(PAGE - offset, target.length - at);
      target.set(this.page(address + at).subarray(offset, offset + length), at);
      at += length;
    }
  }

  write(address: number, source: Uint8Array): void {
    for (let at = 0; at < source.length; ) {
      const offset = (address + at) % PAGE;
      const length = Math.min(PAGE - offset, source.length - at);
      this.page(address + at).set(source.subarray(at, at + length), offset);
      at += length;
    }
  }
}
