// A convolution of full waves on the matrix kernels: what the bare wave kernel reaches, and the whole path of the matrix unit.
import { WasmKernels } from '../backends/wavecore/interpreter/kernels/wasm.ts';
import { MATRIX_SLOTS, type MatrixSlot } from '../backends/wavecore/isa/slots.ts';
import { resolveSettings } from '../src/index.ts';
import { nodeThreads } from '../src/node/threads.ts';

const { machine } = resolveSettings();
const { rows, columns, waveRows } = machine.array;

/** 3×3 convolution of 128 channels to 128 on 32×32 pixels: 4 × 9 waves. */
export const [CHANNELS, SIZE, FILTER] = [128, 32, 3];
const PIXELS = SIZE * SIZE;
const TAPS = CHANNELS * FILTER * FILTER;
const FLOPS = 2 * PIXELS * TAPS * CHANNELS;

const [IMAGE, WEIGHT, RESULT] = [0, 2 ** 21, 2 ** 22];
const slots: Partial<Record<MatrixSlot, number>> = {
  ...{ P: SIZE, Q: SIZE, R: FILTER, S: FILTER, H: SIZE, W: SIZE, PT: 1, PL: 1, SH: 1, SW: 1, DH: 1, DW: 1, UH: 1, UW: 1 },
  ...{ AM: PIXELS, AK: TAPS, BK: TAPS, BN: CHANNELS, ASN: CHANNELS * PIXELS, ASC: PIXELS },
  ...{ BKI: TAPS, BSKI: 1, BSN: TAPS, CMI: PIXELS, CSMO: CHANNELS * PIXELS, CSMI: 1, CSN: PIXELS },
};
const span = (from: number, halves: number) => ({ from, to: from + 2 * halves });
const image = span(IMAGE, CHANNELS * PIXELS);
const weight = span(WEIGHT, TAPS * CHANNELS);
const result = span(RESULT, CHANNELS * PIXELS);

/** GFLOP/s of the fastest try within `seconds`. */
export async function fastest(seconds: number, action: () => unknown): Promise<number> {
  let least = Number.POSITIVE_INFINITY;
  for (const end = performance.now() + seconds * 1000; performance.now() < end; ) {
    const start = performance.now();
    await action();
    least = Math.min(least, performance.now() - start);
  }
  return FLOPS / least / 1e6;
}

/** The convolution; `bare` multiplies the same two blocks again and again and drains once. */
function convolution(kernels: WasmKernels, bare: boolean): void {
  for (let m = 0; m < PIXELS; m += waveRows) {
    for (let k = 0; k < TAPS; k += rows) {
      const half = bare ? 0 : (k / rows) & 1;
      if (!bare || m + k === 0) {
        kernels.fill(half, IMAGE, m, k, waveRows, rows, image);
        kernels.load(half, WEIGHT, k, 0, rows, columns, weight);
      }
      kernels.multiply(half, half, 0, waveRows, rows, columns, k === 0);
    }
    if (!bare || m + waveRows === PIXELS) {
      kernels.drain(0, {
        base: RESULT,
        m0: m,
        n0: 0,
        rows: waveRows,
        blockRows: waveRows,
        columns,
        bias: -1,
        biases: { from: 0, to: 0 },
        f32: false,
        add: false,
        zeros: false,
        state: -1,
        span: result,
        apart: true,
      });
    }
  }
  kernels.settle(RESULT, RESULT + 1);
}

/** GFLOP/s of the bare wave kernel and of fill + load + wave + drain. */
export async function waveRates(threads: number, seconds: number): Promise<{ readonly bare: number; readonly path: number }> {
  const kernels = new WasmKernels(machine, nodeThreads(threads));
  new Uint16Array(kernels.memory, 0, RESULT / 2).fill(0x3801);
  MATRIX_SLOTS.forEach((name, slot) => {
    kernels.configure(slot, slots[name] ?? 0);
  });
  const bare = await fastest(seconds, () => convolution(kernels, true));
  const path = await fastest(seconds, () => convolution(kernels, false));
  kernels.close();
  return { bare, path };
}
