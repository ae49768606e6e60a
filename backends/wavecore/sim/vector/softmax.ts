import { HALF_VALUES, halfBits } from '../half-codec.ts';
import type { GlobalBuffer } from '../memory.ts';
import { charge, operand, type Slots, slot, V, value, type VectorOperation } from './operation.ts';

const h = (g: GlobalBuffer, i: number): number => HALF_VALUES[g.u16[i] ?? 0] ?? 0;
const all = (s: Slots): number => slot(s, V.N) * slot(s, V.COUNT);

/** Logarithm of softmax over `count` halves from element `src` on, in f64. */
function logSoftmaxOf(g: GlobalBuffer, src: number, count: number): Float64Array {
  let highest = Number.NEGATIVE_INFINITY;
  for (let i = 0; i < count; i++) highest = Math.max(highest, h(g, src + i));
  let sum = 0;
  for (let i = 0; i < count; i++) sum += Math.exp(h(g, src + i) - highest);
  const shift = highest + Math.log(sum);
  return Float64Array.from({ length: count }, (_, i) => h(g, src + i) - shift);
}

function perSample(finish: (log: number) => number): VectorOperation {
  return {
    cost: (s, _o, out) => charge(out, all(s), 4, all(s) * 2, all(s) * 2),
    spans: (s, o, span) => {
      span(operand(o, 0), all(s) * 2);
      span(operand(o, 1), all(s) * 2);
    },
    run: (g, s, o) => {
      const count = slot(s, V.COUNT);
      const [dst, src] = [operand(o, 0) >> 1, operand(o, 1) >> 1];
      for (let n = 0; n < slot(s, V.N); n++) {
        logSoftmaxOf(g, src + n * count, count).forEach((log, i) => {
          g.u16[dst + n * count + i] = halfBits(finish(log));
        });
      }
    },
  };
}

export const softmax = perSample(Math.exp);
export const logSoftmax = perSample((log) => log);

export const softmaxLoss: VectorOperation = {
  cost: (s, _o, out) => charge(out, all(s), 5, all(s) * 2 + slot(s, V.N) * 4, all(s) * 2 + slot(s, V.N) * 4),
  spans: (s, o, span) => {
    span(operand(o, 0), slot(s, V.N) * 4);
    span(operand(o, 1), all(s) * 2);
    span(operand(o, 2), all(s) * 2);
    span(operand(o, 3), slot(s, V.N) * 4);
  },
  run: (g, s, o) => {
    const [count, scale, weight] = [slot(s, V.COUNT), value(s, V.SCALE), value(s, V.WEIGHT)];
    const [loss, gradient, src, labels] = [operand(o, 0) >> 2, operand(o, 1) >> 1, operand(o, 2) >> 1, operand(o, 3) >> 2];
    for (let n = 0; n < slot(s, V.N); n++) {
      const logs = logSoftmaxOf(g, src + n * count, count);
      const label = g.i32[labels + n] ?? 0;
      g.f32[loss + n] = -weight * (logs[label] ?? Number.NaN);
      logs.forEach((log, i) => {
        g.u16[gradient + n * count + i] = halfBits(Math.fround(scale * (Math.exp(log) - (i === label ? 1 : 0))));
      });
    }
  },
};
