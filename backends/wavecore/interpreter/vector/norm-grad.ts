import { HALVES, halfBits } from '../half.ts';
import type { Call } from './call.ts';
import { channelsOfSets, eachPlane, stateIndex, statisticsIndex, withFactors } from './norm.ts';
import {
  channelSingles,
  groupOf,
  groupsDivideChannels,
  imageBits,
  imageElements,
  imageHalves,
  imageMaskBytes,
  pairStates,
  pairStatistics,
  plane,
  read,
  type Semantics,
  sets,
  times,
  update,
  updateWhere,
  write,
} from './semantics.ts';

/** The gradient at element `i` of plane `first` of a sample and channel. */
type Gradients = (sample: number, channel: number, first: number) => (i: number) => number;

const plain =
  ({ u16 }: Call, dy: number): Gradients =>
  (_n, _c, first) =>
  (i) =>
    HALVES[u16[dy / 2 + first + i] ?? 0] ?? 0;

/** mask ? dy : +0. */
function masked(call: Call, dy: number, mask: number): Gradients {
  const { u16, u8 } = call;
  const [pixels, stride] = [plane(call), imageMaskBytes(call)];
  return (n, c, first) => (i) => {
    const element = c * pixels + i;
    const isKept = ((u8[mask + n * stride + (element >> 3)] ?? 0) >> (element & 7)) & 1;
    return isKept === 0 ? 0 : (HALVES[u16[dy / 2 + first + i] ?? 0] ?? 0);
  };
}

function addSums(call: Call, state: number, x: number, gradients: Gradients): void {
  const { u16 } = call;
  const pixels = plane(call);
  eachPlane(call, (n, c, first) => {
    const pair = stateIndex(call, n, c);
    let sum = call.double(state, pair);
    let products = call.double(state, pair + 1);
    const gradientAt = gradients(n, c, first);
    for (let i = 0; i < pixels; i++) {
      const gradient = gradientAt(i);
      sum += gradient;
      products += gradient * (HALVES[u16[x / 2 + first + i] ?? 0] ?? 0);
    }
    call.setDouble(state, pair, sum);
    call.setDouble(state, pair + 1, products);
  });
}

const summed = { state: update(8, pairStates), x: read(2, imageHalves), dy: read(2, imageHalves) };

export const normGradSums: Semantics<'v.norm_grad_sums'> = {
  uses: summed,
  elements: imageElements,
  passes: times(2),
  slots: [],
  run: (call, state: number, x: number, dy: number) => addSums(call, state, x, plain(call, dy)),
};

export const normReluGradSums: Semantics<'v.norm_relu_grad_sums'> = {
  uses: { ...summed, mask: read(1, imageBits) },
  elements: imageElements,
  passes: times(2),
  slots: [],
  run: (call, state: number, x: number, dy: number, mask: number) => addSums(call, state, x, masked(call, dy, mask)),
};

export const normGradEnd: Semantics<'v.norm_grad_end'> = {
  uses: {
    sums: write(4, pairStatistics),
    dgamma: updateWhere('v.norm_grad_end', 'add', 4, channelSingles),
    dbeta: updateWhere('v.norm_grad_end', 'add', 4, channelSingles),
    state: read(8, pairStates),
    stats: read(4, pairStatistics),
    gamma: read(4, channelSingles),
  },
  elements: channelsOfSets,
  passes: times(4),
  slots: [],
  needs: [groupsDivideChannels],
  run: (call, sums: number, dgamma: number, dbeta: number, state: number, statistics: number, gamma: number, adds: number) => {
    const [channels, groups, count] = [call.int('C'), call.int('GROUPS'), sets(call)];
    const wide = channels / groups;
    /** Σdy·x̂ of a channel of a set. */
    const normalizedSum = (set: number, c: number): number => {
      const at = 2 * (set * channels + c);
      const pair = 2 * (set * groups + groupOf(call, c));
      return (call.double(state, at + 1) - call.single(statistics, pair) * call.double(state, at)) * call.single(statistics, pair + 1);
    };
    for (let set = 0; set < count; set++) {
      for (let g = 0; g < groups; g++) {
        let [sum, products] = [0, 0];
        for (let c = g * wide; c < (g + 1) * wide; c++) {
          sum += call.single(gamma, c) * call.double(state, 2 * (set * channels + c));
          products += call.single(gamma, c) * normalizedSum(set, c);
        }
        call.setSingle(sums, 2 * (set * groups + g), sum);
        call.setSingle(sums, 2 * (set * groups + g) + 1, products);
      }
    }
    for (let c = 0; c < channels; c++) {
      let [sum, products] = [0, 0];
      for (let set = 0; set < count; set++) {
        sum += call.double(state, 2 * (set * channels + c));
        products += normalizedSum(set, c);
      }
      call.setSingle(dgamma, c, (adds === 0 ? 0 : call.single(dgamma, c)) + Math.fround(products));
      call.setSingle(dbeta, c, (adds === 0 ? 0 : call.single(dbeta, c)) + Math.fround(sum));
    }
  },
};

/** Addresses of what the elements of a channel or of its group have in common. */
interface Factors {
  readonly statistics: number;
  readonly gamma: number;
  readonly sums: number;
}

function apply(call: Call, dst: number, x: number, { statistics, gamma, sums }: Factors, gradients: Gradients): void {
  const { u16 } = call;
  const [pixels, elements] = [plane(call), call.int('M')];
  const { fround } = Math;
  eachPlane(call, (n, c, first) => {
    const pair = statisticsIndex(call, n, c);
    const [mean, rstd] = [call.single(statistics, pair), call.single(statistics, pair + 1)];
    const [sum, products] = [call.single(sums, pair), call.single(sums, pair + 1)];
    const part = fround(rstd / elements);
    const slope = fround(fround(part * products) * rstd);
    const offset = fround(fround(part * sum) - fround(slope * mean));
    const scale = fround(rstd * call.single(gamma, c));
    const [xs, to] = [x / 2 + first, dst / 2 + first];
    const gradientAt = gradients(n, c, first);
    for (let i = 0; i < pixels; i++) {
      const share = fround(fround(slope * (HALVES[u16[xs + i] ?? 0] ?? 0)) + offset);
      u16[to + i] = halfBits(fround(scale * gradientAt(i)) - share);
    }
  });
}

const applied = {
  dst: write(2, imageHalves),
  x: read(2, imageHalves),
  dy: read(2, imageHalves),
  stats: read(4, pairStatistics),
  gamma: read(4, channelSingles),
  sums: read(4, pairStatistics),
};

export const normGrad: Semantics<'v.norm_grad'> = {
  uses: applied,
  elements: withFactors(3),
  passes: times(2),
  slots: ['M'],
  needs: [groupsDivideChannels],
  inPlace: true,
  run: (call, dst: number, x: number, dy: number, statistics: number, gamma: number, sums: number) =>
    apply(call, dst, x, { statistics, gamma, sums }, plain(call, dy)),
};

export const normReluGrad: Semantics<'v.norm_relu_grad'> = {
  uses: { ...applied, mask: read(1, imageBits) },
  elements: withFactors(3),
  passes: times(2),
  slots: ['M'],
  needs: [groupsDivideChannels],
  inPlace: true,
  run: (call, dst: number, x: number, dy: number, statistics: number, gamma: number, sums: number, mask: number) =>
    apply(call, dst, x, { statistics, gamma, sums }, masked(call, dy, mask)),
};
