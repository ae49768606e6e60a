import { MATRIX_SLOTS, type MatrixSlot } from '../../isa/slots.ts';
import type { Machine } from '../../machine/machine.ts';
import { HALVES, halfBits, NAN_BITS, NAN_BITS_OF_F64 } from '../half.ts';
import { type DrainTarget, globalBytesInMemory, type Kernels, SLOT_COUNT } from './kernels.ts';

const SLOT = Object.fromEntries(MATRIX_SLOTS.map((name, i) => [name, i])) as Record<MatrixSlot, number>;

/** The kernels as plain loops: the oracle of faster ones, and the fallback where there is no WebAssembly. */
export class PlainKernels implements Kernels {
  readonly memory: ArrayBuffer;
  readonly vectorSlots = new Int32Array(SLOT_COUNT);
  private readonly slots = new Int32Array(SLOT_COUNT);
  private readonly halves: Uint16Array;
  private readonly floats: Float32Array;
  private readonly words: Uint32Array;
  private readonly doubles: Float64Array;
  private readonly longWords: BigUint64Array;
  private readonly depth: number;
  private readonly columns: number;
  /** Row-major [rows][depth], [depth][columns], [rows][columns], two halves each. */
  private readonly a: readonly Float32Array[];
  private readonly b: readonly Float32Array[];
  private readonly c: readonly Float32Array[];
  /** As `b`: 1 where a cell is off. */
  private readonly off: readonly Uint8Array[];
  private readonly sums: Float32Array;

  constructor(machine: Machine) {
    const { rows, columns, waveRows } = machine.array;
    this.memory = new ArrayBuffer(globalBytesInMemory(machine));
    this.halves = new Uint16Array(this.memory);
    this.floats = new Float32Array(this.memory);
    this.words = new Uint32Array(this.memory);
    this.doubles = new Float64Array(this.memory);
    this.longWords = new BigUint64Array(this.memory);
    this.depth = rows;
    this.columns = columns;
    const pair = (length: number): Float32Array[] => [new Float32Array(length), new Float32Array(length)];
    this.a = pair(waveRows * rows);
    this.b = pair(rows * columns);
    this.c = pair(waveRows * columns);
    this.off = [new Uint8Array(rows * columns), new Uint8Array(rows * columns)];
    this.sums = new Float32Array(columns);
  }

  configure(slot: number, value: number): void {
    this.slots[slot] = value;
  }

  fill(half: number, base: number, m0: number, k0: number, rows: number, depth: number): void {
    const a = this.a[half];
    if (a === undefined) return;
    const byTap = this.slot('AT') !== 0;
    const [patch, cell] = [this.patches(base), this.cells(base)];
    const exchanged = this.slot('X') !== 0;
    for (let m = 0; m < rows; m++) {
      for (let k = 0; k < depth; k++) {
        const [row, index] = [m0 + m, k0 + k];
        a[m * this.depth + k] = exchanged ? (cell(index, row) ?? 0) : byTap ? patch(index, row) : patch(row, index);
      }
    }
  }

  load(half: number, base: number, k0: number, n0: number, depth: number, columns: number): void {
    const [b, off] = [this.b[half], this.off[half]];
    if (b === undefined || off === undefined) return;
    const byTap = this.slot('AT') !== 0;
    const [patch, cell] = [this.patches(base), this.cells(base)];
    const exchanged = this.slot('X') !== 0;
    for (let k = 0; k < depth; k++) {
      for (let n = 0; n < columns; n++) {
        const [index, column] = [k0 + k, n0 + n];
        const value = exchanged ? (byTap ? patch(index, column) : patch(column, index)) : cell(index, column);
        b[k * this.columns + n] = value ?? 0;
        off[k * this.columns + n] = value === undefined ? 1 : 0;
      }
    }
  }

  /** An element of the patch matrix by its pixel and tap. */
  private patches(base: number): (pixel: number, tap: number) => number {
    const [Q, S, H, W] = [this.slot('Q'), this.slot('S'), this.slot('H'), this.slot('W')];
    const [image, window] = [this.slot('P') * Q, this.slot('R') * S];
    const [SH, SW, DH, DW] = [this.slot('SH'), this.slot('SW'), this.slot('DH'), this.slot('DW')];
    const [PT, PL, UH, UW] = [this.slot('PT'), this.slot('PL'), this.slot('UH'), this.slot('UW')];
    const [ASN, ASC] = [this.slot('ASN'), this.slot('ASC')];
    return (pixel, tap) => {
      const inImage = pixel % image;
      const inWindow = tap % window;
      const y = Math.floor(inImage / Q) * SH + Math.floor(inWindow / S) * DH - PT;
      const x = (inImage % Q) * SW + (inWindow % S) * DW - PL;
      const inside = y >= 0 && x >= 0 && y % UH === 0 && x % UW === 0 && y / UH < H && x / UW < W;
      const at = Math.floor(pixel / image) * ASN + Math.floor(tap / window) * ASC + (y / UH) * W + x / UW;
      return inside ? this.half(base / 2 + at) : 0;
    };
  }

  /** A cell of the stationary operand by its reduction index and column; undefined where it is off. */
  private cells(base: number): (index: number, n: number) => number | undefined {
    const [inner, middle, group] = [this.slot('BKI'), Math.max(this.slot('BKM'), 1), this.slot('BGK')];
    const [outerStride, middleStride, innerStride] = [this.slot('BSKO'), this.slot('BSKM'), this.slot('BSKI')];
    const [copyColumns, groupColumns] = [this.slot('BNI'), this.slot('BGN')];
    const [copyStride, groupStride, columnStride] = [this.slot('BSNO'), this.slot('BSNG'), this.slot('BSN')];
    const [window, shift] = [this.slot('BW'), this.slot('BWS')];
    return (index, n) => {
      const u = copyColumns === 0 ? 0 : Math.floor(n / copyColumns);
      const v = n - u * copyColumns;
      const g = groupColumns === 0 ? 0 : Math.floor(v / groupColumns);
      const line = Math.floor(index / inner);
      const within = index % inner;
      const place = within - u * shift;
      if (window !== 0 && (place < 0 || place >= window)) return undefined;
      if (group !== 0 && Math.floor(index / group) !== g) return undefined;
      const row = Math.floor(line / middle) * outerStride + (line % middle) * middleStride + within * innerStride;
      return this.half(base / 2 + row + u * copyStride + g * groupStride + (v - g * groupColumns) * columnStride);
    };
  }

  multiply(a: number, b: number, c: number, rows: number, depth: number, columns: number, fresh: boolean): void {
    const [left, right, result, off] = [this.a[a], this.b[b], this.c[c], this.off[b]];
    if (left === undefined || right === undefined || result === undefined || off === undefined) return;
    const sums = this.sums.subarray(0, columns);
    for (let m = 0; m < rows; m++) {
      sums.fill(0);
      for (let k = 0; k < depth; k++) {
        const x = left[m * this.depth + k] ?? 0;
        const at = k * this.columns;
        // The product of two halves is exact in f32, so that the one rounding is that of the sum.
        for (let n = 0; n < columns; n++) if (off[at + n] === 0) sums[n] = (sums[n] ?? 0) + x * (right[at + n] ?? 0);
      }
      const at = m * this.columns;
      for (let n = 0; n < columns; n++) result[at + n] = fresh ? (sums[n] ?? 0) : (result[at + n] ?? 0) + (sums[n] ?? 0);
    }
  }

  drain(half: number, target: DrainTarget): void {
    const c = this.c[half];
    if (c === undefined) return;
    const { base, m0, n0, rows, columns, bias, f32, add, zeros } = target;
    const [inner, middle, width] = [this.slot('CMI'), Math.max(this.slot('CMM'), 1), this.slot('CW')];
    const exchanged = this.slot('X') !== 0;
    const [rowGroup, columnGroup] = [this.slot('CGM'), this.slot('CGN')];
    const gathers = target.state >= 0;
    for (let m = 0; m < rows; m++) {
      const index = m0 + m;
      const line = Math.floor(index / inner);
      const within = (index % inner) * this.slot('CSMI');
      const row = Math.floor(line / middle) * this.slot('CSMO') + (line % middle) * this.slot('CSMM') + within;
      for (let n = 0; n < columns; n++) {
        const [u, v] = divided(n0 + n, this.slot('CNI'));
        if (width !== 0 && within + u * this.slot('CSNO') >= width) continue;
        if (columnGroup !== 0 && Math.floor(index / rowGroup) !== Math.floor(v / columnGroup)) continue;
        let value = zeros ? 0 : (c[m * this.columns + n] ?? 0);
        if (bias >= 0) value = Math.fround(value + (this.floats[bias / 4 + (exchanged ? index : v)] ?? 0));
        const at = row + u * this.slot('CSNO') + v * this.slot('CSN');
        if (!f32) this.halves[base / 2 + at] = halfBits(value);
        else this.storeFloat(base / 4 + at, add ? Math.fround((this.floats[base / 4 + at] ?? 0) + value) : value);
        if (gathers) this.addTotal(target.state, exchanged ? n0 + n : index, exchanged ? index : v, this.half(base / 2 + at));
      }
    }
  }

  /** Adds an f16 result, as it is stored, to the pair of its channel and set of pixels. */
  private addTotal(state: number, pixel: number, channel: number, x: number): void {
    const pair = state / 8 + 2 * (Math.floor(pixel / this.slot('TMI')) * this.slot('TSMO') + channel);
    this.storeDouble(pair, (this.doubles[pair] ?? 0) + x);
    this.storeDouble(pair + 1, (this.doubles[pair + 1] ?? 0) + x * x);
  }

  vector(): boolean {
    return false;
  }

  /** Nothing is put off, and there are no threads. */
  settle(): void {}

  reset(): void {
    this.slots.fill(0);
    this.vectorSlots.fill(0);
  }

  close(): void {}

  private storeFloat(at: number, value: number): void {
    if (Number.isNaN(value)) this.words[at] = NAN_BITS;
    else this.floats[at] = value;
  }

  private storeDouble(at: number, value: number): void {
    if (Number.isNaN(value)) this.longWords[at] = NAN_BITS_OF_F64;
    else this.doubles[at] = value;
  }

  private slot(name: MatrixSlot): number {
    return this.slots[SLOT[name]] ?? 0;
  }

  private half(index: number): number {
    return HALVES[this.halves[index] ?? 0] ?? 0;
  }
}

/** Quotient and remainder; where there is no divisor all is remainder. */
function divided(value: number, by: number): readonly [quotient: number, remainder: number] {
  return by === 0 ? [0, value] : [Math.floor(value / by), value % by];
}
