import { toHalfBits } from '../../../../ir/half.ts';
import type { Call } from './call.ts';
import { eachRun, runElements, runHalves } from './runs.ts';
import { read, type Semantics, times, write } from './semantics.ts';

/** Logarithms of softmax of `length` elements, `step` apart, from element `first` on, in f64, the sum in order. */
export function logarithms(call: Call, address: number, first: number, length: number, step: number): Float64Array {
  const x = Float64Array.from({ length }, (_, i) => call.half(address, first + i * step));
  const highest = x.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
  const logSum = Math.log(x.reduce((sum, v) => sum + Math.exp(v - highest), 0));
  return x.map((v) => v - highest - logSum);
}

/** Applies `finish` to the logarithms; rounded once, from f64. */
const softmaxWith = (finish: (logarithm: number) => number): Semantics<'v.softmax' | 'v.log_softmax'> => ({
  uses: { dst: write(2, runHalves), src: read(2, runHalves) },
  elements: runElements,
  passes: times(4),
  slots: [],
  run: (call, dst: number, src: number) => {
    const [length, inner] = [call.int('LENGTH'), call.int('INNER')];
    eachRun(call, length, (_run, first) => {
      logarithms(call, src, first, length, inner).forEach((v, i) => {
        call.u16[dst / 2 + first + i * inner] = toHalfBits(finish(v));
      });
    });
  },
});

export const softmax: Semantics<'v.softmax'> = softmaxWith(Math.exp);
export const logSoftmax: Semantics<'v.log_softmax'> = softmaxWith((v) => v);

export const softmaxGrad: Semantics<'v.softmax_grad'> = {
  uses: { dst: write(2, runHalves), y: read(2, runHalves), dy: read(2, runHalves) },
  elements: runElements,
  passes: times(3),
  slots: [],
  run: (call, dst: number, y: number, dy: number, log: number) => {
    const [length, inner] = [call.int('LENGTH'), call.int('INNER')];
    eachRun(call, length, (_run, first) => {
      let sum = 0;
      for (let i = 0; i < length; i++) sum += call.half(dy, first + i * inner) * (log === 0 ? call.half(y, first + i * inner) : 1);
      for (let i = 0; i < length; i++) {
        const [value, slope] = [call.half(y, first + i * inner), call.half(dy, first + i * inner)];
        call.u16[dst / 2 + first + i * inner] = toHalfBits(log === 0 ? value * (slope - sum) : slope - Math.exp(value) * sum);
      }
    });
  },
};
