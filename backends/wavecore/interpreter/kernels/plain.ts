import type { Machine } from '../../machine/machine.ts';
import { MATRIX_SLOTS, type MatrixSlot } from '../../isa/slots.ts';
import { HALVES, halfBits } from '../half.ts';
import { type DrainTarget, globalBytesInMemory, type Kernels, SLOT_COUNT } from './kernels.ts';

const SLOT = Object.fromEntries(MATRIX_SLOTS.map((name, i) => [name, i])) as Record<MatrixSlot, number>;
/** What a result that is not a number is stored as, so that all kernels agree. */
const NAN_BITS = 0x7fc00000;
const OUTSIDE = Number.NEGATIVE_INFINITY;

/** The kernels as plain loops: the oracle of faster ones, and the fallback where there is no WebAssembly. */
export class PlainKernels implements Kernels {
  readonly memory: ArrayBuffer;
  readonly slots = new Int32Array(SLOT_COUNT);
  private readonly halves: Uint16Array;
  private readonly floats: Float32Array;
  private readonly words: Uint32Array;
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
    this.depth = rows;
    this.columns = columns;
    const pair = (length: number): Float32Array[] => [new Float32Array(length), new Float32Array(length)];
    this.a = pair(waveRows * rows);
    this.b = pair(rows * columns);
    this.c = pair(waveRows * columns);
    this.sums = new Float32Array(columns);
  }

  fill(half: number, base: number, m0: number, k0: number, rows: number, depth: number): void {
    const a = this.a[half];
    if (a === undefined) return;
    const byTap = this.slot('AT') !== 0;
    for (let m = 0; m < rows; m++) {
      for (let k = 0; k < depth; k++) {
        const at = byTap ? this.patchElement(k0 + k, m0 + m) : this.patchElement(m0 + m, k0 + k);
        a[m * this.depth + k] = at === OUTSIDE ? 0 : this.half(base / 2 + at);
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
  }

  private storeFloat(at: number, value: number): void {
    if (Number.isNaN(value)) this.words[at] = NAN_BITS;
    else this.floats[at] = value;
  }

  /** Offset of element (pixel, tap) of the patch matrix from the base, in elements; OUTSIDE where the element is 0. */
  private patchElement(pixel: number, tap: number): number {
    const [P, Q, R, S] = [this.slot('P'), this.slot('Q'), this.slot('R'), this.slot('S')];
    const [n, p, q] = [Math.floor(pixel / (P * Q)), Math.floor(pixel / Q) % P, pixel % Q];
    const [c, r, s] = [Math.floor(tap / (R * S)), Math.floor(tap / S) % R, tap % S];
    const y = p * this.slot('SH') + r * this.slot('DH') - this.slot('PT');
    const x = q * this.slot('SW') + s * this.slot('DW') - this.slot('PL');
    const [h, w] = [y / this.slot('UH'), x / this.slot('UW')];
    if (!Number.isInteger(h) || !Number.isInteger(w) || h < 0 || w < 0 || h >= this.slot('H') || w >= this.slot('W')) return OUTSIDE;
    return n * this.slot('ASN') + c * this.slot('ASC') + h * this.slot('W') + w;
  }

  private slot(name: MatrixSlot): number {
    return this.slots[SLOT[name]] ?? 0;
  }

  private half(index: number): number {
    return HALVES[this.halves[index] ?? 0] ?? 0;
  }
}
