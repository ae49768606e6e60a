import { MATRIX_SLOTS, type MatrixSlot } from '../isa/slots.ts';
import type { Machine } from '../machine/machine.ts';
import { HALF_VALUES, halfBits } from './half-codec.ts';
import type { WaveKernel } from './kernels/kernels.ts';
import type { GlobalBuffer } from './memory.ts';

const index = (slot: MatrixSlot): number => MATRIX_SLOTS.indexOf(slot);
export const M: Readonly<Record<MatrixSlot, number>> = Object.fromEntries(MATRIX_SLOTS.map((s) => [s, index(s)])) as Record<MatrixSlot, number>;

/** Bytes of local memory that the matrix unit needs behind the global buffer, where the kernels reach it. */
export function localBytes(machine: Machine): number {
  const { rows, columns, waveRows } = machine.array;
  return 4 * 2 * (waveRows * rows + rows * columns + waveRows * columns);
}

/** The data side of the matrix unit: blocks as f32 in the local buffers, exactly as wide as the array. */
export class MatrixData {
  private readonly g: GlobalBuffer;
  private readonly f: Float32Array;
  private readonly kernel: WaveKernel;
  private readonly rows: number;
  private readonly columns: number;
  private readonly a: readonly [number, number];
  private readonly b: readonly [number, number];
  private readonly c: readonly [number, number];
  private readonly tapY: Int32Array;
  private readonly tapX: Int32Array;
  private readonly tapOffset: Float64Array;

  constructor(machine: Machine, g: GlobalBuffer, kernel: WaveKernel, offset: number) {
    const { rows, columns, waveRows } = machine.array;
    this.g = g;
    this.f = new Float32Array(kernel.memory);
    this.kernel = kernel;
    this.rows = rows;
    this.columns = columns;
    const [sizeA, sizeB, sizeC] = [waveRows * rows * 4, rows * columns * 4, waveRows * columns * 4];
    const [startB, startC] = [offset + 2 * sizeA, offset + 2 * sizeA + 2 * sizeB];
    this.a = [offset, offset + sizeA];
    this.b = [startB, startB + sizeB];
    this.c = [startC, startC + sizeC];
    const most = Math.max(rows, waveRows);
    this.tapY = new Int32Array(most);
    this.tapX = new Int32Array(most);
    this.tapOffset = new Float64Array(most);
  }

  /** Gathers rows × cols elements of the moving operand from row m0 and reduction index k0 on. */
  fill(s: Int32Array, half: number, base: number, m0: number, k0: number, rows: number, cols: number): void {
    const v = (i: number): number => s[i] ?? 0;
    const transposed = v(M.AT) !== 0;
    const [tap0, taps] = transposed ? [m0, rows] : [k0, cols];
    const [pixel0, pixels] = transposed ? [k0, cols] : [m0, rows];
    const [R, S, P, Q, H, W] = [v(M.R), v(M.S), v(M.P), v(M.Q), v(M.H), v(M.W)];
    const [uh, uw] = [v(M.UH), v(M.UW)];
    for (let t = 0; t < taps; t++) {
      const tap = tap0 + t;
      const c = Math.floor(tap / (R * S));
      const rest = tap - c * R * S;
      const r = Math.floor(rest / S);
      this.tapY[t] = r * v(M.DH);
      this.tapX[t] = (rest - r * S) * v(M.DW);
      this.tapOffset[t] = c * v(M.ASC);
    }
    const [stepTap, stepPixel] = transposed ? [this.rows, 1] : [1, this.rows];
    const target = (this.a[half & 1] ?? 0) >> 2;
    const source = base >> 1;
    const { f, tapY, tapX, tapOffset } = this;
    const u16 = this.g.u16;
    for (let i = 0; i < pixels; i++) {
      const pixel = pixel0 + i;
      const n = Math.floor(pixel / (P * Q));
      const rest = pixel - n * P * Q;
      const p = Math.floor(rest / Q);
      const y0 = p * v(M.SH) - v(M.PT);
      const x0 = (rest - p * Q) * v(M.SW) - v(M.PL);
      const image = source + n * v(M.ASN);
      let to = target + i * stepPixel;
      for (let t = 0; t < taps; t++, to += stepTap) {
        let y = y0 + (tapY[t] ?? 0);
        let x = x0 + (tapX[t] ?? 0);
        if (uh > 1) {
          if (y % uh !== 0) y = -1;
          else y /= uh;
        }
        if (uw > 1) {
          if (x % uw !== 0) x = -1;
          else x /= uw;
        }
        f[to] = y >= 0 && y < H && x >= 0 && x < W ? (HALF_VALUES[u16[image + (tapOffset[t] ?? 0) + y * W + x] ?? 0] ?? 0) : 0;
      }
    }
  }

  /** Loads a k × n block of the stationary operand. */
  stationary(s: Int32Array, half: number, base: number, k0: number, n0: number, k: number, n: number): void {
    const v = (i: number): number => s[i] ?? 0;
    const target = (this.b[half & 1] ?? 0) >> 2;
    const source = base >> 1;
    for (let i = 0; i < k; i++) {
      const outer = Math.floor((k0 + i) / v(M.BKI));
      const inner = k0 + i - outer * v(M.BKI);
      const row = source + outer * v(M.BSKO) + inner * v(M.BSKI) + n0 * v(M.BSN);
      for (let j = 0; j < n; j++) this.f[target + i * this.columns + j] = HALF_VALUES[this.g.u16[row + j * v(M.BSN)] ?? 0] ?? 0;
    }
  }

  wave(a: number, b: number, c: number, m: number, k: number, n: number, accumulate: boolean): void {
    this.kernel.wave(this.a[a & 1] ?? 0, this.b[b & 1] ?? 0, this.c[c & 1] ?? 0, m, k, n, this.rows, this.columns, accumulate);
  }

  /** Drains rows × cols results; a bias address below 0 means none. */
  drain(s: Int32Array, half: number, base: number, m0: number, n0: number, rows: number, cols: number, bias: number, asF32: boolean, adds: boolean): void {
    const v = (i: number): number => s[i] ?? 0;
    const from = (this.c[half & 1] ?? 0) >> 2;
    const first = asF32 ? base >> 2 : base >> 1;
    const { f, g } = this;
    for (let i = 0; i < rows; i++) {
      const outer = Math.floor((m0 + i) / v(M.CMI));
      const row = first + outer * v(M.CSMO) + (m0 + i - outer * v(M.CMI)) * v(M.CSMI) + n0 * v(M.CSN);
      for (let j = 0; j < cols; j++) {
        let x = f[from + i * this.columns + j] ?? 0;
        if (bias >= 0) x = Math.fround(x + (g.f32[(bias >> 2) + n0 + j] ?? 0));
        const at = row + j * v(M.CSN);
        if (!asF32) g.u16[at] = halfBits(x);
        else g.f32[at] = adds ? (g.f32[at] ?? 0) + x : x;
      }
    }
  }
}
