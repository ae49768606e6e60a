import { toHalfBits } from '../../../../ir/half.ts';
import type { Call } from './call.ts';
import { flatElements, flatHalves, read, type Semantics, times, write } from './semantics.ts';
import { product } from './size.ts';
import { logarithms } from './softmax.ts';

const samples = product(4, 'N');

/** What the derivative of one sample's loss is multiplied by, rounded to f32. */
const gradientScale = (call: Call): number => Math.fround(call.float('SCALE') * call.float('LOSSSCALE'));

export const softmaxLoss: Semantics<'v.softmax_loss'> = {
  uses: { loss: write(4, samples), dlogits: write(2, flatHalves), logits: read(2, flatHalves), labels: read(4, samples) },
  elements: flatElements,
  passes: times(5),
  slots: ['SCALE', 'LOSSSCALE', 'WEIGHT'],
  run: (call, loss: number, dlogits: number, logits: number, labels: number) => {
    const [count, scale, weight] = [call.int('COUNT'), gradientScale(call), call.float('WEIGHT')];
    for (let n = 0; n < call.int('N'); n++) {
      const label = call.i32[labels / 4 + n] ?? 0;
      if (label < 0 || label >= count) call.fault(`label ${label} of sample ${n} is not one of ${count} classes`);
      const logs = logarithms(call, logits, n * count, count, 1);
      call.setSingle(loss, n, -weight * (logs[label] ?? 0));
      logs.forEach((v, i) => {
        call.u16[dlogits / 2 + n * count + i] = toHalfBits(scale * (Math.exp(v) - (i === label ? 1 : 0)));
      });
    }
  },
};

/** Sums in f64 in order, rounded once. */
export const mseLoss: Semantics<'v.mse_loss'> = {
  uses: { loss: write(4, samples), dy: write(2, flatHalves), y: read(2, flatHalves), target: read(2, flatHalves) },
  elements: flatElements,
  passes: times(3),
  slots: ['SCALE', 'LOSSSCALE', 'WEIGHT'],
  run: (call, loss: number, dy: number, y: number, target: number) => {
    const [count, weight] = [call.int('COUNT'), call.float('WEIGHT')];
    const scale = (2 * gradientScale(call)) / count;
    for (let n = 0; n < call.int('N'); n++) {
      let sum = 0;
      for (let i = n * count; i < (n + 1) * count; i++) {
        const difference = call.half(y, i) - call.half(target, i);
        sum += difference * difference;
        call.u16[dy / 2 + i] = toHalfBits(scale * difference);
      }
      call.setSingle(loss, n, (weight * sum) / count);
    }
  },
};
