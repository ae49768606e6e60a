import { HALF_VALUES, halfBits } from '../half-codec.ts';
import type { GlobalBuffer } from '../memory.ts';
import { charge, operand, type Slots, slot, V, value, type VectorOperation } from './operation.ts';

const h = (g: GlobalBuffer, i: number): number => HALF_VALUES[g.u16[i] ?? 0] ?? 0;
const all = (s: Slots): number => slot(s, V.N) * slot(s, V.C) * slot(s, V.H) * slot(s, V.W);

/** Channels whose squares count for channel c: SIZE around it, clipped. */
function window(s: Slots, c: number): [number, number] {
  const size = slot(s, V.SIZE);
  const before = Math.floor((size - 1) / 2);
  return [Math.max(0, c - before), Math.min(slot(s, V.C) - 1, c + size - 1 - before)];
}

/** BIAS + ALPHA/SIZE · Σ x² of the window, for every channel of one pixel. */
function denominators(g: GlobalBuffer, s: Slots, first: number, plane: number, into: Float64Array): void {
  const factor = value(s, V.ALPHA) / slot(s, V.SIZE);
  for (let c = 0; c < slot(s, V.C); c++) {
    const [from, to] = window(s, c);
    let squares = 0;
    for (let j = from; j <= to; j++) squares += h(g, first + j * plane) ** 2;
    into[c] = value(s, V.BIAS) + factor * squares;
  }
}

export const lrn: VectorOperation = {
  cost: (s, _o, out) => charge(out, all(s), slot(s, V.SIZE) + 4, all(s) * 2, all(s) * 2),
  spans: (s, o, span) => {
    span(operand(o, 0), all(s) * 2);
    span(operand(o, 1), all(s) * 2);
  },
  run: (g, s, o) => {
    const [C, plane] = [slot(s, V.C), slot(s, V.H) * slot(s, V.W)];
    const [dst, src] = [operand(o, 0) >> 1, operand(o, 1) >> 1];
    const base = new Float64Array(C);
    for (let n = 0; n < slot(s, V.N); n++) {
      for (let i = 0; i < plane; i++) {
        const first = n * C * plane + i;
        denominators(g, s, src + first, plane, base);
        for (let c = 0; c < C; c++) {
          const at = first + c * plane;
          g.u16[dst + at] = halfBits(Math.fround(h(g, src + at) * (base[c] ?? 1) ** -value(s, V.BETA)));
        }
      }
    }
  },
};

/** dx_i = dy_i·s_i^−β − 2αβ/SIZE · x_i · Σ_j dy_j·x_j·s_j^(−β−1), j over the channels whose window holds i. */
export const lrnGrad: VectorOperation = {
  cost: (s, _o, out) => charge(out, all(s), 2 * slot(s, V.SIZE) + 6, all(s) * 4, all(s) * 2),
  spans: (s, o, span) => {
    for (let i = 0; i < 3; i++) span(operand(o, i), all(s) * 2);
  },
  run: (g, s, o) => {
    const [C, plane, beta] = [slot(s, V.C), slot(s, V.H) * slot(s, V.W), value(s, V.BETA)];
    const [dst, x, dy] = [operand(o, 0) >> 1, operand(o, 1) >> 1, operand(o, 2) >> 1];
    const factor = (2 * value(s, V.ALPHA) * beta) / slot(s, V.SIZE);
    const base = new Float64Array(C);
    const inner = new Float64Array(C);
    for (let n = 0; n < slot(s, V.N); n++) {
      for (let i = 0; i < plane; i++) {
        const first = n * C * plane + i;
        denominators(g, s, x + first, plane, base);
        inner.fill(0);
        for (let j = 0; j < C; j++) {
          const term = h(g, dy + first + j * plane) * h(g, x + first + j * plane) * (base[j] ?? 1) ** (-beta - 1);
          const [from, to] = window(s, j);
          for (let c = from; c <= to; c++) inner[c] = (inner[c] ?? 0) + term;
        }
        for (let c = 0; c < C; c++) {
          const at = first + c * plane;
          const direct = h(g, dy + at) * (base[c] ?? 1) ** -beta;
          g.u16[dst + at] = halfBits(Math.fround(direct - factor * h(g, x + at) * (inner[c] ?? 0)));
        }
      }
    }
  },
};
