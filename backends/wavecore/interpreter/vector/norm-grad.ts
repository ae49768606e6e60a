import { HALVES, halfBits } from '../half.ts';
import { channelsOfSets, eachPlane, stateIndex, statisticsIndex, withFactors } from './norm.ts';
import {
  channelSingles,
  groupOf,
  groupsDivideChannels,
  imageElements,
  imageHalves,
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

export const normGradSums: Semantics<'v.norm_grad_sums'> = {
  uses: { state: update(8, pairStates), x: read(2, imageHalves), dy: read(2, imageHalves) },
  elements: imageElements,
  passes: times(2),
  slots: [],
  run: (call, state: number, x: number, dy: number) => {
    const { u16 } = call;
    const pixels = plane(call);
    eachPlane(call, (n, c, first) => {
      const pair = stateIndex(call, n, c);
      let sum = call.double(state, pair);
      let products = call.double(state, pair + 1);
      const [xs, dys] = [x / 2 + first, dy / 2 + first];
      for (let i = 0; i < pixels; i++) {
        const gradient = HALVES[u16[dys + i] ?? 0] ?? 0;
        sum += gradient;
        products += gradient * (HALVES[u16[xs + i] ?? 0] ?? 0);
      }
      call.setDouble(state, pair, sum);
      call.setDouble(state, pair + 1, products);
    });
  },
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

export const normGrad: Semantics<'v.norm_grad'> = {
  uses: {
    dst: write(2, imageHalves),
    x: read(2, imageHalves),
    dy: read(2, imageHalves),
    stats: read(4, pairStatistics),
    gamma: read(4, channelSingles),
    sums: read(4, pairStatistics),
  },
  elements: withFactors(3),
  passes: times(2),
  slots: ['M'],
  needs: [groupsDivideChannels],
  inPlace: true,
  run: (call, dst: number, x: number, dy: number, statistics: number, gamma: number, sums: number) => {
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
      const [xs, dys, to] = [x / 2 + first, dy / 2 + first, dst / 2 + first];
      for (let i = 0; i < pixels; i++) {
        const share = fround(fround(slope * (HALVES[u16[xs + i] ?? 0] ?? 0)) + offset);
        u16[to + i] = halfBits(fround(scale * (HALVES[u16[dys + i] ?? 0] ?? 0)) - share);
      }
    });
  },
};
