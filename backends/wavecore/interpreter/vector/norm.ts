import { HALVES, halfBits, isPositive, isRectified } from '../half.ts';
import type { Call } from './call.ts';
import {
  channelSingles,
  groupOf,
  groupsDivideChannels,
  imageBits,
  imageElements,
  imageHalves,
  imageMaskBytes,
  once,
  pairStates,
  pairStatistics,
  plane,
  read,
  type Semantics,
  sets,
  times,
  update,
  write,
} from './semantics.ts';
import { onlyWith, product, type Size, sum } from './size.ts';

/** Visits every plane with its channel and its first element. */
export function eachPlane(call: Call, visit: (sample: number, channel: number, first: number) => void): void {
  const [samples, channels, pixels] = [call.int('N'), call.int('C'), plane(call)];
  for (let n = 0; n < samples; n++) {
    for (let c = 0; c < channels; c++) visit(n, c, (n * channels + c) * pixels);
  }
}

/** Index of the f64 pair of a channel. */
export const stateIndex = (call: Call, sample: number, channel: number): number =>
  2 * ((call.int('CROSS') !== 0 ? 0 : sample * call.int('C')) + channel);

/** Index of the f32 pair of a channel's group. */
export const statisticsIndex = (call: Call, sample: number, channel: number): number =>
  2 * ((call.int('CROSS') !== 0 ? 0 : sample * call.int('GROUPS')) + groupOf(call, channel));

export const channelsOfSets: Size = product(sets, 'C');

/** The elements of an image, and `each` further ones a channel and sample for the factors that they share. */
export const withFactors = (each: number): Size => sum(imageElements, product(each, 'N', 'C'));

export const stats: Semantics<'v.stats'> = {
  uses: { state: update(8, pairStates), src: read(2, imageHalves) },
  elements: imageElements,
  passes: times(2),
  slots: [],
  run: (call, state: number, src: number) => {
    const { u16 } = call;
    const pixels = plane(call);
    eachPlane(call, (n, c, first) => {
      const pair = stateIndex(call, n, c);
      let sum = call.double(state, pair);
      let squares = call.double(state, pair + 1);
      const from = src / 2 + first;
      for (let i = 0; i < pixels; i++) {
        const x = HALVES[u16[from + i] ?? 0] ?? 0;
        sum += x;
        squares += x * x;
      }
      call.setDouble(state, pair, sum);
      call.setDouble(state, pair + 1, squares);
    });
  },
};

export const statsEnd: Semantics<'v.stats_end'> = {
  uses: { stats: write(4, pairStatistics), state: read(8, pairStates) },
  elements: channelsOfSets,
  passes: times(2),
  slots: ['M', 'EPS'],
  needs: [groupsDivideChannels],
  run: (call, target: number, state: number) => {
    const [channels, groups, elements, epsilon] = [call.int('C'), call.int('GROUPS'), call.int('M'), call.float('EPS')];
    const wide = channels / groups;
    for (let set = 0; set < sets(call); set++) {
      for (let g = 0; g < groups; g++) {
        let [sum, squares] = [0, 0];
        for (let c = g * wide; c < (g + 1) * wide; c++) {
          sum += call.double(state, 2 * (set * channels + c));
          squares += call.double(state, 2 * (set * channels + c) + 1);
        }
        const mean = sum / elements;
        call.setSingle(target, 2 * (set * groups + g), mean);
        call.setSingle(target, 2 * (set * groups + g) + 1, 1 / Math.sqrt(squares / elements - mean * mean + epsilon));
      }
    }
  },
};

export const running: Semantics<'v.running'> = {
  uses: {
    mean: update(4, channelSingles),
    variance: update(4, channelSingles),
    stats: read(4, product(2, channelSingles)),
  },
  elements: product('C'),
  passes: times(4),
  slots: ['MOMENTUM', 'EPS'],
  run: (call, mean: number, variance: number, statistics: number) => {
    const [stays, epsilon] = [call.float('MOMENTUM'), call.float('EPS')];
    const moves = Math.fround(1 - stays);
    const towards = (address: number, c: number, value: number): void =>
      call.setSingle(address, c, Math.fround(stays * call.single(address, c)) + Math.fround(moves * value));
    for (let c = 0; c < call.int('C'); c++) {
      const rstd = call.single(statistics, 2 * c + 1);
      towards(mean, c, call.single(statistics, 2 * c));
      towards(variance, c, Math.max(0, 1 / (rstd * rstd) - epsilon));
    }
  },
};

const normalized = {
  dst: write(2, imageHalves),
  src: read(2, imageHalves),
  stats: read(4, pairStatistics),
  gamma: read(4, channelSingles),
  beta: read(4, channelSingles),
};

/** Visits every plane, with its first element and the f16 bits of its element i, normalized. */
function eachNormalized(
  call: Call,
  [src, statistics, gamma, beta]: readonly [src: number, statistics: number, gamma: number, beta: number],
  visit: (sample: number, channel: number, first: number, bitsAt: (i: number) => number) => void,
): void {
  const { u16 } = call;
  eachPlane(call, (n, c, first) => {
    const pair = statisticsIndex(call, n, c);
    const [mean, rstd] = [call.single(statistics, pair), call.single(statistics, pair + 1)];
    const scale = Math.fround(rstd * call.single(gamma, c));
    const shift = Math.fround(call.single(beta, c) - Math.fround(mean * scale));
    const from = src / 2 + first;
    visit(n, c, first, (i) => halfBits(Math.fround((HALVES[u16[from + i] ?? 0] ?? 0) * scale) + shift));
  });
}

export const norm: Semantics<'v.norm'> = {
  uses: normalized,
  elements: withFactors(2),
  passes: once,
  slots: [],
  needs: [groupsDivideChannels],
  inPlace: true,
  run: (call, dst: number, src: number, statistics: number, gamma: number, beta: number) => {
    const pixels = plane(call);
    eachNormalized(call, [src, statistics, gamma, beta], (_n, _c, first, bitsAt) => {
      for (let i = 0; i < pixels; i++) call.u16[dst / 2 + first + i] = bitsAt(i);
    });
  },
};

export const normRelu: Semantics<'v.norm_relu'> = {
  uses: { ...normalized, mask: write(1, onlyWith('v.norm_relu', 'withMask', imageBits)) },
  elements: withFactors(2),
  passes: once,
  slots: [],
  needs: [groupsDivideChannels],
  inPlace: true,
  run: (call, dst: number, mask: number, src: number, statistics: number, gamma: number, beta: number, withMask: number) => {
    const [pixels, stride] = [plane(call), imageMaskBytes(call)];
    const elements = call.int('C') * pixels;
    // Planes follow one another as their bits do, eight of which are written together.
    let byte = 0;
    eachNormalized(call, [src, statistics, gamma, beta], (n, c, first, bitsAt) => {
      for (let i = 0; i < pixels; i++) {
        const bits = bitsAt(i);
        call.u16[dst / 2 + first + i] = isRectified(bits) ? 0 : bits;
        const element = c * pixels + i;
        if (isPositive(bits)) byte |= 1 << (element & 7);
        if ((element & 7) < 7 && element + 1 < elements) continue;
        if (withMask !== 0) call.u8[mask + n * stride + (element >> 3)] = byte;
        byte = 0;
      }
    });
  },
};
