import { toHalfBits } from '../../../../ir/half.ts';
import type { Call } from './call.ts';
import { flatElements, flatHalves, read, type Semantics, times, write } from './semantics.ts';

/** Logarithms of softmax over the COUNT elements of a sample, in f64, the sum in order. */
export function logarithms(call: Call, address: number, sample: number): Float64Array {
  const count = call.int('COUNT');
  const x = Float64Array.from({ length: count }, (_, i) => call.half(address, sample * count + i));
  const highest = x.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
  const logSum = Math.log(x.reduce((sum, v) => sum + Math.exp(v - highest), 0));
  return x.map((v) => v - highest - logSum);
}

/** Applies `finish` to the logarithms; rounded once, from f64. */
const softmaxWith = (finish: (logarithm: number) => number): Semantics<'v.softmax' | 'v.log_softmax'> => ({
  uses: { dst: write(2, flatHalves), src: read(2, flatHalves) },
  elements: flatElements,
  passes: times(4),
  slots: [],
  run: (call, dst: number, src: number) => {
    for (let n = 0; n < call.int('N'); n++) {
      logarithms(call, src, n).forEach((v, i) => {
        call.u16[dst / 2 + n * call.int('COUNT') + i] = toHalfBits(finish(v));
      });
    }
  },
});

export const softmax: Semantics<'v.softmax'> = softmaxWith(Math.exp);
export const logSoftmax: Semantics<'v.log_softmax'> = softmaxWith((v) => v);
