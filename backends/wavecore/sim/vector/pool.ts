import { HALF_VALUES, halfBits } from '../half-codec.ts';
import type { GlobalBuffer } from '../memory.ts';
import { charge, operand, type Slots, slot, V, type VectorOperation } from './operation.ts';

const h = (g: GlobalBuffer, i: number): number => HALF_VALUES[g.u16[i] ?? 0] ?? 0;
const planes = (s: Slots): number => slot(s, V.N) * slot(s, V.C);
const inputs = (s: Slots): number => planes(s) * slot(s, V.H) * slot(s, V.W);
const outputs = (s: Slots): number => planes(s) * slot(s, V.P) * slot(s, V.Q);
const taps = (s: Slots): number => slot(s, V.R) * slot(s, V.S);

/** Visits the window positions of output (p, q) that lie inside the image: row-major, with the position's number. */
function forEachPosition(s: Slots, p: number, q: number, visit: (at: number, position: number) => void): void {
  const [H, W, R, S] = [slot(s, V.H), slot(s, V.W), slot(s, V.R), slot(s, V.S)];
  const top = p * slot(s, V.SH) - slot(s, V.PT);
  const left = q * slot(s, V.SW) - slot(s, V.PL);
  for (let r = 0; r < R; r++) {
    const y = top + r * slot(s, V.DH);
    if (y < 0 || y >= H) continue;
    for (let c = 0; c < S; c++) {
      const x = left + c * slot(s, V.DW);
      if (x >= 0 && x < W) visit(y * W + x, r * S + c);
    }
  }
}

export const maxPool: VectorOperation = {
  cost: (s, o, out) => charge(out, outputs(s), taps(s), inputs(s) * 2, outputs(s) * (operand(o, 3) === 1 ? 3 : 2)),
  spans: (s, o, span) => {
    span(operand(o, 0), outputs(s) * 2);
    if (operand(o, 3) === 1) span(operand(o, 1), outputs(s));
    span(operand(o, 2), inputs(s) * 2);
  },
  run: (g, s, o) => {
    const [P, Q, size] = [slot(s, V.P), slot(s, V.Q), slot(s, V.H) * slot(s, V.W)];
    const [dst, index, src, withIndex] = [operand(o, 0) >> 1, operand(o, 1), operand(o, 2) >> 1, operand(o, 3) === 1];
    for (let plane = 0; plane < planes(s); plane++) {
      const base = src + plane * size;
      for (let p = 0; p < P; p++) {
        for (let q = 0; q < Q; q++) {
          let best = Number.NEGATIVE_INFINITY;
          let bits = 0xfc00;
          let where = 0;
          let found = false;
          forEachPosition(s, p, q, (at, position) => {
            const x = h(g, base + at);
            // The first position counts even if it is −∞; a NaN wins and stays.
            if (found && !(x > best || (Number.isNaN(x) && !Number.isNaN(best)))) return;
            found = true;
            best = x;
            bits = g.u16[base + at] ?? 0;
            where = position;
          });
          const to = (plane * P + p) * Q + q;
          g.u16[dst + to] = bits;
          if (withIndex) g.u8[index + to] = where;
        }
      }
    }
  },
};

export const maxPoolGrad: VectorOperation = {
  cost: (s, _o, out) => charge(out, inputs(s) + outputs(s), 1, outputs(s) * 3, inputs(s) * 2),
  spans: (s, o, span) => {
    span(operand(o, 0), inputs(s) * 2);
    span(operand(o, 1), outputs(s) * 2);
    span(operand(o, 2), outputs(s));
  },
  run: (g, s, o) => {
    const [H, W, P, Q, S] = [slot(s, V.H), slot(s, V.W), slot(s, V.P), slot(s, V.Q), slot(s, V.S)];
    const [dst, dy, index] = [operand(o, 0) >> 1, operand(o, 1) >> 1, operand(o, 2)];
    const sums = new Float32Array(H * W);
    for (let plane = 0; plane < planes(s); plane++) {
      sums.fill(0);
      for (let p = 0; p < P; p++) {
        for (let q = 0; q < Q; q++) {
          const from = (plane * P + p) * Q + q;
          const where = g.u8[index + from] ?? 0;
          const y = p * slot(s, V.SH) - slot(s, V.PT) + Math.floor(where / S) * slot(s, V.DH);
          const x = q * slot(s, V.SW) - slot(s, V.PL) + (where % S) * slot(s, V.DW);
          if (y >= 0 && y < H && x >= 0 && x < W) sums[y * W + x] = (sums[y * W + x] ?? 0) + h(g, dy + from);
        }
      }
      for (let i = 0; i < H * W; i++) g.u16[dst + plane * H * W + i] = halfBits(sums[i] ?? 0);
    }
  },
};

export const avgPool: VectorOperation = {
  cost: (s, _o, out) => charge(out, outputs(s), taps(s), inputs(s) * 2, outputs(s) * 2),
  spans: (s, o, span) => {
    span(operand(o, 0), outputs(s) * 2);
    span(operand(o, 1), inputs(s) * 2);
  },
  run: (g, s, o) => {
    const [P, Q, size, fixed] = [slot(s, V.P), slot(s, V.Q), slot(s, V.H) * slot(s, V.W), slot(s, V.DIVISOR)];
    const [dst, src] = [operand(o, 0) >> 1, operand(o, 1) >> 1];
    for (let plane = 0; plane < planes(s); plane++) {
      for (let p = 0; p < P; p++) {
        for (let q = 0; q < Q; q++) {
          let sum = 0;
          let inside = 0;
          forEachPosition(s, p, q, (at) => {
            sum = Math.fround(sum + h(g, src + plane * size + at));
            inside++;
          });
          g.u16[dst + (plane * P + p) * Q + q] = halfBits(Math.fround(sum / (fixed === 0 ? Math.max(1, inside) : fixed)));
        }
      }
    }
  },
};

/** Window positions of output (p, q) inside the whole image, of which this stripe holds rows ROW0 on. */
function positionsInImage(s: Slots, p: number, q: number): number {
  const [W, R, S] = [slot(s, V.W), slot(s, V.R), slot(s, V.S)];
  const top = p * slot(s, V.SH) - slot(s, V.PT) + slot(s, V.ROW0);
  const left = q * slot(s, V.SW) - slot(s, V.PL);
  let rows = 0;
  let columns = 0;
  for (let r = 0; r < R; r++) if (top + r * slot(s, V.DH) >= 0 && top + r * slot(s, V.DH) < slot(s, V.FULLH)) rows++;
  for (let c = 0; c < S; c++) if (left + c * slot(s, V.DW) >= 0 && left + c * slot(s, V.DW) < W) columns++;
  return rows * columns;
}

export const avgPoolGrad: VectorOperation = {
  cost: (s, _o, out) => charge(out, outputs(s), taps(s), outputs(s) * 2, inputs(s) * 2),
  spans: (s, o, span) => {
    span(operand(o, 0), inputs(s) * 2);
    span(operand(o, 1), outputs(s) * 2);
  },
  run: (g, s, o) => {
    const [P, Q, size, fixed] = [slot(s, V.P), slot(s, V.Q), slot(s, V.H) * slot(s, V.W), slot(s, V.DIVISOR)];
    const [dst, dy] = [operand(o, 0) >> 1, operand(o, 1) >> 1];
    const sums = new Float32Array(size);
    for (let plane = 0; plane < planes(s); plane++) {
      sums.fill(0);
      for (let p = 0; p < P; p++) {
        for (let q = 0; q < Q; q++) {
          const divisor = fixed === 0 ? Math.max(1, positionsInImage(s, p, q)) : fixed;
          const share = Math.fround(h(g, dy + (plane * P + p) * Q + q) / divisor);
          forEachPosition(s, p, q, (at) => {
            sums[at] = (sums[at] ?? 0) + share;
          });
        }
      }
      for (let i = 0; i < size; i++) g.u16[dst + plane * size + i] = halfBits(sums[i] ?? 0);
    }
  },
};
