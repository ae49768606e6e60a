import { keeps } from '../../../../ir/layers/random.ts';
import { HALF_VALUES, halfBits } from '../half-codec.ts';
import type { GlobalBuffer } from '../memory.ts';
import { charge, maskBytes, operand, type Slots, slot, V, value, type VectorOperation } from './operation.ts';

const elements = (s: Slots): number => slot(s, V.N) * slot(s, V.COUNT);
const masks = (s: Slots): number => slot(s, V.N) * maskBytes(slot(s, V.COUNT));
const h = (g: GlobalBuffer, i: number): number => HALF_VALUES[g.u16[i] ?? 0] ?? 0;

export const relu: VectorOperation = {
  cost: (s, o, out) => charge(out, elements(s), 1, elements(s) * 2, elements(s) * 2 + (operand(o, 3) === 1 ? masks(s) : 0)),
  spans: (s, o, span) => {
    span(operand(o, 0), elements(s) * 2);
    if (operand(o, 3) === 1) span(operand(o, 1), masks(s));
    span(operand(o, 2), elements(s) * 2);
  },
  run: (g, s, o) => {
    const [N, count, withMask] = [slot(s, V.N), slot(s, V.COUNT), operand(o, 3) === 1];
    const [dst, src] = [operand(o, 0) >> 1, operand(o, 2) >> 1];
    for (let n = 0; n < N; n++) {
      const mask = operand(o, 1) + n * maskBytes(count);
      let byte = 0;
      for (let i = 0; i < count; i++) {
        const bits = g.u16[src + n * count + i] ?? 0;
        // Positive halves, +∞ included, are the patterns 1 … 0x7c00; a NaN passes through but is not positive.
        const positive = bits > 0 && bits <= 0x7c00;
        const nan = (bits & 0x7fff) > 0x7c00;
        g.u16[dst + n * count + i] = positive || nan ? bits : 0;
        if (!withMask) continue;
        if (positive) byte |= 1 << (i & 7);
        if ((i & 7) === 7 || i === count - 1) {
          g.u8[mask + (i >> 3)] = byte;
          byte = 0;
        }
      }
    }
  },
};

export const reluGrad: VectorOperation = {
  cost: (s, _o, out) => charge(out, elements(s), 1, elements(s) * 2 + masks(s), elements(s) * 2),
  spans: (s, o, span) => {
    span(operand(o, 0), elements(s) * 2);
    span(operand(o, 1), elements(s) * 2);
    span(operand(o, 2), masks(s));
  },
  run: (g, s, o) => {
    const [N, count] = [slot(s, V.N), slot(s, V.COUNT)];
    const [dst, dy] = [operand(o, 0) >> 1, operand(o, 1) >> 1];
    for (let n = 0; n < N; n++) {
      const mask = operand(o, 2) + n * maskBytes(count);
      for (let i = 0; i < count; i++) {
        const kept = (((g.u8[mask + (i >> 3)] ?? 0) >> (i & 7)) & 1) === 1;
        g.u16[dst + n * count + i] = kept ? (g.u16[dy + n * count + i] ?? 0) : 0;
      }
    }
  },
};

function binary(apply: (a: number, b: number) => number): VectorOperation {
  return {
    cost: (s, _o, out) => charge(out, elements(s), 1, elements(s) * 4, elements(s) * 2),
    spans: (s, o, span) => {
      for (let i = 0; i < 3; i++) span(operand(o, i), elements(s) * 2);
    },
    run: (g, s, o) => {
      const count = elements(s);
      const [dst, a, b] = [operand(o, 0) >> 1, operand(o, 1) >> 1, operand(o, 2) >> 1];
      for (let i = 0; i < count; i++) g.u16[dst + i] = halfBits(apply(h(g, a + i), h(g, b + i)));
    },
  };
}

// Sums and products of two halves are exact in f64, so that rounding to f32 first changes nothing that the rounding to f16 keeps.
export const add = binary((a, b) => Math.fround(a + b));
export const mul = binary((a, b) => Math.fround(a * b));

export const affine: VectorOperation = {
  cost: (s, _o, out) => {
    const all = slot(s, V.N) * slot(s, V.C) * slot(s, V.H) * slot(s, V.W);
    charge(out, all, 1, all * 2 + slot(s, V.C) * 8, all * 2);
  },
  spans: (s, o, span) => {
    const all = slot(s, V.N) * slot(s, V.C) * slot(s, V.H) * slot(s, V.W);
    span(operand(o, 0), all * 2);
    span(operand(o, 1), all * 2);
    span(operand(o, 2), slot(s, V.C) * 4);
    span(operand(o, 3), slot(s, V.C) * 4);
  },
  run: (g, s, o) => {
    const [N, C, plane] = [slot(s, V.N), slot(s, V.C), slot(s, V.H) * slot(s, V.W)];
    const [dst, src, scales, shifts] = [operand(o, 0) >> 1, operand(o, 1) >> 1, operand(o, 2) >> 2, operand(o, 3) >> 2];
    for (let n = 0; n < N; n++) {
      for (let c = 0; c < C; c++) {
        const [scale, shift] = [g.f32[scales + c] ?? 0, g.f32[shifts + c] ?? 0];
        const base = (n * C + c) * plane;
        for (let i = 0; i < plane; i++) g.u16[dst + base + i] = halfBits(Math.fround(Math.fround(h(g, src + base + i) * scale) + shift));
      }
    }
  },
};

export const dropout: VectorOperation = {
  cost: (s, o, out) => charge(out, elements(s), 2, elements(s) * 2, elements(s) * 2 + (operand(o, 4) === 1 ? masks(s) : 0)),
  spans: (s, o, span) => {
    span(operand(o, 0), elements(s) * 2);
    if (operand(o, 4) === 1) span(operand(o, 1), masks(s));
    span(operand(o, 2), elements(s) * 2);
  },
  run: (g, s, o) => {
    const [N, count, withMask] = [slot(s, V.N), slot(s, V.COUNT), operand(o, 4) === 1];
    const [dst, src] = [operand(o, 0) >> 1, operand(o, 2) >> 1];
    const [seed, ratio, scale] = [slot(s, V.SEED), value(s, V.RATIO), value(s, V.SCALE)];
    for (let n = 0; n < N; n++) {
      const mask = operand(o, 1) + n * maskBytes(count);
      if (withMask) g.u8.fill(0, mask, mask + maskBytes(count));
      for (let i = 0; i < count; i++) {
        const at = n * count + i;
        const keep = keeps(seed, operand(o, 3) + n, i, ratio);
        g.u16[dst + at] = keep ? halfBits(Math.fround(h(g, src + at) * scale)) : 0;
        if (withMask && keep) g.u8[mask + (i >> 3)] = (g.u8[mask + (i >> 3)] ?? 0) | (1 << (i & 7));
      }
    }
  },
};

export const dropoutGrad: VectorOperation = {
  cost: (s, _o, out) => charge(out, elements(s), 1, elements(s) * 2 + masks(s), elements(s) * 2),
  spans: reluGrad.spans,
  run: (g, s, o) => {
    const [N, count, scale] = [slot(s, V.N), slot(s, V.COUNT), value(s, V.SCALE)];
    const [dst, dy] = [operand(o, 0) >> 1, operand(o, 1) >> 1];
    for (let n = 0; n < N; n++) {
      const mask = operand(o, 2) + n * maskBytes(count);
      for (let i = 0; i < count; i++) {
        const kept = (((g.u8[mask + (i >> 3)] ?? 0) >> (i & 7)) & 1) === 1;
        g.u16[dst + n * count + i] = kept ? halfBits(Math.fround(h(g, dy + n * count + i) * scale)) : 0;
      }
    }
  },
};

export const fill: VectorOperation = {
  cost: (_s, o, out) => charge(out, operand(o, 1) / 2, 1, 0, operand(o, 1)),
  spans: (_s, o, span) => span(operand(o, 0), operand(o, 1)),
  run: (g, _s, o) => {
    g.u8.fill(0, operand(o, 0), operand(o, 0) + operand(o, 1));
  },
};

export const copy: VectorOperation = {
  cost: (s, _o, out) => {
    const bytes = slot(s, V.ROWS) * slot(s, V.ROWBYTES);
    charge(out, bytes / 2, 1, bytes, bytes);
  },
  spans: (s, o, span) => {
    const [rows, bytes] = [slot(s, V.ROWS), slot(s, V.ROWBYTES)];
    span(operand(o, 0), (rows - 1) * slot(s, V.DSTSTRIDE) + bytes);
    span(operand(o, 1), (rows - 1) * slot(s, V.SRCSTRIDE) + bytes);
  },
  run: (g, s, o) => {
    for (let r = 0; r < slot(s, V.ROWS); r++) {
      const from = operand(o, 1) + r * slot(s, V.SRCSTRIDE);
      g.u8.copyWithin(operand(o, 0) + r * slot(s, V.DSTSTRIDE), from, from + slot(s, V.ROWBYTES));
    }
  },
};
