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
    this.sums = new Float32Array(columns);
  }

  configure(slot: number, v0: number, v1: number): void {
    this.slots[slot] = v0;
    this.slots[slot + 1] = v1;
  }

  fill(half: number, base: number, m0: number, k0: number, rows: number, depth: number): void {
    const a = this.a[half];
    if (a === undefined) return;
    const byTap = this.slot('AT') !== 0;
    const [Q, S, H, W] = [this.slot('Q'), this.slot('S'), this.slot('H'), this.slot('W')];
    const [image, window] = [this.slot('P') * Q, this.slot('R') * S];
    const [SH, SW, DH, DW] = [this.slot('SH'), this.slot('SW'), this.slot('DH'), this.slot('DW')];
    const [PT, PL, UH, UW] = [this.slot('PT'), this.slot('PL'), this.slot('UH'), this.slot('UW')];
    const [ASN, ASC] = [this.slot('ASN'), this.slot('ASC')];
    for (let m = 0; m < rows; m++) {
      for (let k = 0; k < depth; k++) {
        const pixel = byTap ? k0 + k : m0 + m;
        const tap = byTap ? m0 + m : k0 + k;
        const inImage = pixel % image;
        const inWindow = tap % window;
        const y = Math.floor(inImage / Q) * SH + Math.floor(inWindow / S) * DH - PT;
        const x = (inImage % Q) * SW + (inWindow % S) * DW - PL;
        const inside = y >= 0 && x >= 0 && y % UH === 0 && x % UW === 0 && y / UH < H && x / UW < W;
        const at = Math.floor(pixel / image) * ASN + Math.floor(tap / window) * ASC + (y / UH) * W + x / UW;
        a[m * this.depth + k] = inside ? this.half(base / 2 + at) : 0;
      }
    }
  }

  load(half: number, base: number, k0: number, n0: number, depth: number, columns: number): void {
    const b = this.b[half];
    if (b === undefined) return;
    const [inner, outerStride, innerStride, columnStride] = [this.slot('BKI'), this.slot('BSKO'), this.slot('BSKI'), this.slot('BSN')];
    for (let k = 0; k < depth; k++) {
      const row = base / 2 + Math.floor((k0 + k) / inner) * outerStride + ((k0 + k) % inner) * innerStride;
      for (let n = 0; n < columns; n++) b[k * this.columns + n] = this.half(row + (n0 + n) * columnStride);
    }
  }

  multiply(a: number, b: number, c: number, rows: number, depth: number, columns: number, fresh: boolean): void {
    const [left, right, result] = [this.a[a], this.b[b], this.c[c]];
    if (left === undefined || right === undefined || result === undefined) return;
    const sums = this.sums.subarray(0, columns);
    for (let m = 0; m < rows; m++) {
      sums.fill(0);
      for (let k = 0; k < depth; k++) {
        const x = left[m * this.depth + k] ?? 0;
        const at = k * this.columns;
        // The product of two halves is exact in f32, so that the one rounding is that of the sum.
        for (let n = 0; n < columns; n++) sums[n] = (sums[n] ?? 0) + x * (right[at + n] ?? 0);
      }
      const at = m * this.columns;
      for (let n = 0; n < columns; n++) result[at + n] = fresh ? (sums[n] ?? 0) : (result[at + n] ?? 0) + (sums[n] ?? 0);
    }
  }

  drain(half: number, target: DrainTarget): void {
    const c = this.c[half];
    if (c === undefined) return;
    const { base, m0, n0, rows, columns, bias, f32, add } = target;
    const [inner, outerStride, innerStride, columnStride] = [this.slot('CMI'), this.slot('CSMO'), this.slot('CSMI'), this.slot('CSN')];
    for (let m = 0; m < rows; m++) {
      const row = Math.floor((m0 + m) / inner) * outerStride + ((m0 + m) % inner) * innerStride;
      for (let n = 0; n < columns; n++) {
        let value = c[m * this.columns + n] ?? 0;
        if (bias >= 0) value = Math.fround(value + (this.floats[bias / 4 + n0 + n] ?? 0));
        const at = row + (n0 + n) * columnStride;
        if (!f32) this.halves[base / 2 + at] = halfBits(value);
        else this.storeFloat(base / 4 + at, add ? Math.fround((this.floats[base / 4 + at] ?? 0) + value) : value);
      }
    }
    if (target.state >= 0) this.addTotals(target);
  }

  /** Adds the f16 results of a block, as they are stored, to the pairs of their columns and sets of rows. */
  private addTotals({ base, m0, n0, rows, columns, state }: DrainTarget): void {
    const [inner, outerStride, innerStride, columnStride] = [this.slot('CMI'), this.slot('CSMO'), this.slot('CSMI'), this.slot('CSN')];
    const [set, setStride] = [this.slot('TMI'), this.slot('TSMO')];
    for (let n = n0; n < n0 + columns; n++) {
      for (let m = m0; m < m0 + rows; m++) {
        const x = this.half(base / 2 + Math.floor(m / inner) * outerStride + (m % inner) * innerStride + n * columnStride);
        const pair = state / 8 + 2 * (Math.floor(m / set) * setStride + n);
        this.storeDouble(pair, (this.doubles[pair] ?? 0) + x);
        this.storeDouble(pair + 1, (this.doubles[pair + 1] ?? 0) + x * x);
      }
    }
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
