import { toHalfBits } from '../../../../ir/half.ts';
import type { Call } from './call.ts';
import { imageElements, imageHalves, plane, read, type Semantics, write } from './semantics.ts';
import { product, sum } from './size.ts';

/** Sums over the channels [c − below, c + above] of each pixel of one sample, `values` being [C][pixels]. */
function channelSums(values: Float64Array, channels: number, pixels: number, below: number, above: number): Float64Array {
  const sums = new Float64Array(values.length);
  for (let c = 0; c < channels; c++) {
    for (let j = Math.max(0, c - below); j <= Math.min(channels - 1, c + above); j++) {
      for (let i = 0; i < pixels; i++) sums[c * pixels + i] = (sums[c * pixels + i] ?? 0) + (values[j * pixels + i] ?? 0);
    }
  }
  return sums;
}

const load = (call: Call, address: number, first: number, count: number): Float64Array =>
  Float64Array.from({ length: count }, (_, i) => call.half(address, first + i));

/** BIAS + ALPHA/SIZE·Σx² of each element of a sample. */
function denominators(call: Call, x: Float64Array): Float64Array {
  const [size, alpha, bias] = [call.int('SIZE'), call.float('ALPHA'), call.float('BIAS')];
  const sums = channelSums(
    x.map((v) => v * v),
    call.int('C'),
    plane(call),
    Math.floor((size - 1) / 2),
    Math.ceil((size - 1) / 2),
  );
  return sums.map((total) => bias + (alpha / size) * total);
}

/** In f64, rounded once. */
export const lrn: Semantics<'v.lrn'> = {
  uses: { dst: write(2, imageHalves), src: read(2, imageHalves) },
  elements: imageElements,
  passes: sum('SIZE', 4),
  slots: ['ALPHA', 'BETA', 'BIAS'],
  run: (call, dst: number, src: number) => {
    const count = call.int('C') * plane(call);
    const beta = call.float('BETA');
    for (let n = 0; n < call.int('N'); n++) {
      const x = load(call, src, n * count, count);
      denominators(call, x).forEach((d, i) => {
        call.u16[dst / 2 + n * count + i] = toHalfBits((x[i] ?? 0) * d ** -beta);
      });
    }
  },
};

/** dx = dy·D^−β − 2·α·β/SIZE·x·Σ dy·x·D^(−β−1), the sum over the channels whose window holds c; in f64, rounded once. */
export const lrnGrad: Semantics<'v.lrn_grad'> = {
  uses: { dst: write(2, imageHalves), x: read(2, imageHalves), dy: read(2, imageHalves) },
  elements: imageElements,
  passes: sum(product(2, 'SIZE'), 6),
  slots: ['ALPHA', 'BETA', 'BIAS'],
  run: (call, dst: number, xAt: number, dyAt: number) => {
    const [channels, pixels] = [call.int('C'), plane(call)];
    const count = channels * pixels;
    const [size, beta] = [call.int('SIZE'), call.float('BETA')];
    const factor = (2 * call.float('ALPHA') * beta) / size;
    for (let n = 0; n < call.int('N'); n++) {
      const x = load(call, xAt, n * count, count);
      const dy = load(call, dyAt, n * count, count);
      const d = denominators(call, x);
      const terms = dy.map((g, i) => g * (x[i] ?? 0) * (d[i] ?? 1) ** (-beta - 1));
      const coupled = channelSums(terms, channels, pixels, Math.ceil((size - 1) / 2), Math.floor((size - 1) / 2));
      dy.forEach((g, i) => {
        call.u16[dst / 2 + n * count + i] = toHalfBits(g * (d[i] ?? 1) ** -beta - factor * (x[i] ?? 0) * (coupled[i] ?? 0));
      });
    }
  },
};
