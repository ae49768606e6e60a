import { toHalfBits } from '../../../../ir/half.ts';
import type { Call } from './call.ts';
import { flatElements, flatHalves, read, type Semantics, times, write } from './semantics.ts';
import { product } from './size.ts';

/** Logarithms of softmax over the COUNT elements of a sample, in f64, the sum in order. */
function logarithms(call: Call, address: number, sample: number): Float64Array {
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

const samples = product(4, 'N');

export const softmaxLoss: Semantics<'v.softmax_loss'> = {
  uses: { loss: write(4, samples), dlogits: write(2, flatHalves), logits: read(2, flatHalves), labels: read(4, samples) },
  elements: flatElements,
  passes: times(5),
  slots: ['SCALE', 'WEIGHT'],
  run: (call, loss: number, dlogits: number, logits: number, labels: number) => {
    const [count, scale, weight] = [call.int('COUNT'), call.float('SCALE'), call.float('WEIGHT')];
    for (let n = 0; n < call.int('N'); n++) {
      const label = call.i32[labels / 4 + n] ?? 0;
      if (label < 0 || label >= count) call.fault(`label ${label} of sample ${n} is not one of ${count} classes`);
      const logs = logarithms(call, logits, n);
      call.setSingle(loss, n, -weight * (logs[label] ?? 0));
      logs.forEach((v, i) => {
        call.u16[dlogits / 2 + n * count + i] = toHalfBits(scale * (Math.exp(v) - (i === label ? 1 : 0)));
      });
    }
  },
};
