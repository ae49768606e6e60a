import type { VectorSlot } from '../../isa/slots.ts';
import { HALVES, halfBits } from '../half.ts';
import type { Call } from './call.ts';
import { imageElements, imageHalves, type Need, once, plane, read, type Semantics, write } from './semantics.ts';
import { onlyWith, operand, product, sum } from './size.ts';

/** The windows of a pooling: H×W image, P×Q windows of R×S positions. */
interface Windows {
  readonly planes: number;
  readonly H: number;
  readonly W: number;
  readonly P: number;
  readonly Q: number;
  readonly R: number;
  readonly S: number;
  readonly SH: number;
  readonly SW: number;
  readonly PT: number;
  readonly PL: number;
  readonly DH: number;
  readonly DW: number;
}

function windowsOf(call: Call): Windows {
  const [H, W, P, Q, R, S] = [call.int('H'), call.int('W'), call.int('P'), call.int('Q'), call.int('R'), call.int('S')];
  const [SH, SW, PT, PL, DH, DW] = [call.int('SH'), call.int('SW'), call.int('PT'), call.int('PL'), call.int('DH'), call.int('DW')];
  return { planes: call.int('N') * call.int('C'), H, W, P, Q, R, S, SH, SW, PT, PL, DH, DW };
}

const windowCount = product('N', 'C', 'P', 'Q');
const windowHalves = product(2, windowCount);
const positions = product('R', 'S');
/** Where the positions of a window lie in the image. */
const PLACES: readonly VectorSlot[] = ['SH', 'SW', 'PT', 'PL', 'DH', 'DW'];

/** Visits the positions of the window (p, q) that lie inside a plane, row by row: element of the plane, and r·S + s. */
function eachPosition(w: Windows, p: number, q: number, visit: (element: number, tap: number) => void): void {
  for (let r = 0; r < w.R; r++) {
    const h = p * w.SH - w.PT + r * w.DH;
    if (h < 0 || h >= w.H) continue;
    for (let s = 0; s < w.S; s++) {
      const x = q * w.SW - w.PL + s * w.DW;
      if (x >= 0 && x < w.W) visit(h * w.W + x, r * w.S + s);
    }
  }
}

const indexed = operand('v.max_pool', 'withIndex');

const indexFits: Need = {
  text: 'R × S is at most 256 where an index is written, which has 8 bits',
  holds: (call) => indexed(call) === 0 || positions(call) <= 256,
};

export const maxPool: Semantics<'v.max_pool'> = {
  uses: {
    dst: write(2, windowHalves),
    index: write(1, onlyWith('v.max_pool', 'withIndex', windowCount)),
    src: read(2, imageHalves),
  },
  elements: windowCount,
  passes: positions,
  slots: PLACES,
  needs: [indexFits],
  run: (call, dst: number, index: number, src: number, withIndex: number) => {
    const { u16, u8 } = call;
    const w = windowsOf(call);
    for (let i = 0; i < w.planes * w.P * w.Q; i++) {
      const first = src / 2 + Math.floor(i / (w.P * w.Q)) * w.H * w.W;
      let [best, bits, at] = [Number.NEGATIVE_INFINITY, 0xfc00, -1];
      eachPosition(w, Math.floor(i / w.Q) % w.P, i % w.Q, (element, tap) => {
        const half = u16[first + element] ?? 0;
        const value = HALVES[half] ?? 0;
        if (at >= 0 && !(value > best)) return;
        [best, bits, at] = [value, half, tap];
      });
      u16[dst / 2 + i] = bits;
      if (withIndex !== 0) u8[index + i] = Math.max(at, 0);
    }
  },
};

export const maxPoolGrad: Semantics<'v.max_pool_grad'> = {
  uses: { dst: write(2, imageHalves), dy: read(2, windowHalves), index: read(1, windowCount) },
  elements: sum(windowCount, imageElements),
  passes: once,
  slots: [...positions.slots, ...PLACES],
  run: (call, dst: number, dy: number, index: number) => {
    const { u16, u8 } = call;
    const w = windowsOf(call);
    const sums = new Float32Array(w.H * w.W);
    for (let i = 0; i < w.planes; i++) {
      sums.fill(0);
      for (let p = 0; p < w.P; p++) {
        for (let q = 0; q < w.Q; q++) {
          const at = (i * w.P + p) * w.Q + q;
          const tap = u8[index + at] ?? 0;
          const h = p * w.SH - w.PT + Math.floor(tap / w.S) * w.DH;
          const x = q * w.SW - w.PL + (tap % w.S) * w.DW;
          if (h < 0 || h >= w.H || x < 0 || x >= w.W) continue;
          sums[h * w.W + x] = (sums[h * w.W + x] ?? 0) + (HALVES[u16[dy / 2 + at] ?? 0] ?? 0);
        }
      }
      storePlane(u16, dst / 2 + i * sums.length, sums);
    }
  },
};

function storePlane(u16: Uint16Array, at: number, values: Float32Array): void {
  for (let i = 0; i < values.length; i++) u16[at + i] = halfBits(values[i] ?? 0);
}

export const avgPool: Semantics<'v.avg_pool'> = {
  uses: { dst: write(2, windowHalves), src: read(2, imageHalves) },
  elements: windowCount,
  passes: positions,
  slots: ['DIVISOR', ...PLACES],
  run: (call, dst: number, src: number) => {
    const { u16 } = call;
    const w = windowsOf(call);
    const divisor = call.int('DIVISOR');
    for (let i = 0; i < w.planes * w.P * w.Q; i++) {
      const first = src / 2 + Math.floor(i / (w.P * w.Q)) * w.H * w.W;
      let [total, inside] = [0, 0];
      eachPosition(w, Math.floor(i / w.Q) % w.P, i % w.Q, (element) => {
        total = Math.fround(total + (HALVES[u16[first + element] ?? 0] ?? 0));
        inside++;
      });
      u16[dst / 2 + i] = halfBits(total / (divisor === 0 ? inside : divisor));
    }
  },
};

export const avgPoolGrad: Semantics<'v.avg_pool_grad'> = {
  uses: { dst: write(2, imageHalves), dy: read(2, windowHalves) },
  elements: windowCount,
  passes: positions,
  slots: ['DIVISOR', 'ROW0', 'FULLH', ...PLACES],
  run: (call, dst: number, dy: number) => {
    const { u16 } = call;
    const w = windowsOf(call);
    const sums = new Float32Array(plane(call));
    const divisors = Float64Array.from({ length: w.P * w.Q }, (_, i) => divisorOf(call, w, Math.floor(i / w.Q), i % w.Q));
    for (let i = 0; i < w.planes; i++) {
      sums.fill(0);
      for (let j = 0; j < w.P * w.Q; j++) {
        const share = Math.fround((HALVES[u16[dy / 2 + i * w.P * w.Q + j] ?? 0] ?? 0) / (divisors[j] ?? 1));
        eachPosition(w, Math.floor(j / w.Q), j % w.Q, (element) => {
          sums[element] = (sums[element] ?? 0) + share;
        });
      }
      storePlane(u16, dst / 2 + i * sums.length, sums);
    }
  },
};

/** What the average of window (p, q) was divided by: DIVISOR, or its positions inside the whole image, of which this stripe holds rows from ROW0 on. */
function divisorOf(call: Call, w: Windows, p: number, q: number): number {
  const divisor = call.int('DIVISOR');
  if (divisor !== 0) return divisor;
  const row0 = call.int('ROW0');
  let inside = 0;
  eachPosition({ ...w, PT: w.PT - row0, H: call.int('FULLH') }, p, q, () => inside++);
  return inside;
}
