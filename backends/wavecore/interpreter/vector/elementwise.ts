import { HALVES, halfBits, isPositive, isRectified } from '../half.ts';
import type { Call } from './call.ts';
import {
  channelSingles,
  flatBits,
  flatElements,
  flatHalves,
  imageElements,
  imageHalves,
  maskBytes,
  once,
  plane,
  read,
  type Semantics,
  write,
} from './semantics.ts';
import { onlyWith, product } from './size.ts';

/** dst = value > 0 or NaN ? value : +0, and the mask of what is above 0; `bitsAt` tells the f16 bits of a value. */
function rectify(call: Call, bitsAt: (i: number) => number, dst: number, mask: number, withMask: number): void {
  const { u16, u8 } = call;
  const [samples, count, stride] = [call.int('N'), call.int('COUNT'), maskBytes(call)];
  for (let n = 0; n < samples; n++) {
    for (let block = 0; block < count; block += 8) {
      const end = Math.min(block + 8, count);
      let byte = 0;
      for (let i = block; i < end; i++) {
        const value = bitsAt(n * count + i);
        if (isPositive(value)) byte |= 1 << (i & 7);
        u16[dst / 2 + n * count + i] = isRectified(value) ? 0 : value;
      }
      if (withMask !== 0) u8[mask + n * stride + (block >> 3)] = byte;
    }
  }
}

export const relu: Semantics<'v.relu'> = {
  uses: {
    dst: write(2, flatHalves),
    mask: write(1, onlyWith('v.relu', 'withMask', flatBits)),
    src: read(2, flatHalves),
  },
  elements: flatElements,
  passes: once,
  slots: [],
  inPlace: true,
  run: (call, dst: number, mask: number, src: number, withMask: number) => {
    rectify(call, (i) => call.u16[src / 2 + i] ?? 0, dst, mask, withMask);
  },
};

/** dst = mask ? value : +0. */
function masked(call: Call, bitsAt: (i: number) => number, dst: number, mask: number): void {
  const { u16, u8 } = call;
  const [samples, count, stride] = [call.int('N'), call.int('COUNT'), maskBytes(call)];
  for (let n = 0; n < samples; n++) {
    for (let i = 0; i < count; i++) {
      const kept = (u8[mask + n * stride + (i >> 3)] ?? 0) >> (i & 7);
      u16[dst / 2 + n * count + i] = (kept & 1) === 0 ? 0 : bitsAt(n * count + i);
    }
  }
}

export const reluGrad: Semantics<'v.relu_grad'> = {
  uses: { dst: write(2, flatHalves), dy: read(2, flatHalves), mask: read(1, flatBits) },
  elements: flatElements,
  passes: once,
  slots: [],
  inPlace: true,
  run: (call, dst: number, dy: number, mask: number) => masked(call, (i) => call.u16[dy / 2 + i] ?? 0, dst, mask),
};

const binary = { dst: write(2, flatHalves), a: read(2, flatHalves), b: read(2, flatHalves) };

/** The f16 bits of a + b, by element. */
const sumBits =
  ({ u16 }: Call, a: number, b: number) =>
  (i: number): number =>
    halfBits((HALVES[u16[a / 2 + i] ?? 0] ?? 0) + (HALVES[u16[b / 2 + i] ?? 0] ?? 0));

export const add: Semantics<'v.add'> = {
  uses: binary,
  elements: flatElements,
  passes: once,
  slots: [],
  inPlace: true,
  run: (call, dst: number, a: number, b: number) => {
    const [bitsAt, count] = [sumBits(call, a, b), flatElements(call)];
    for (let i = 0; i < count; i++) call.u16[dst / 2 + i] = bitsAt(i);
  },
};

export const addRelu: Semantics<'v.add_relu'> = {
  uses: { dst: binary.dst, mask: write(1, onlyWith('v.add_relu', 'withMask', flatBits)), a: binary.a, b: binary.b },
  elements: flatElements,
  passes: once,
  slots: [],
  inPlace: true,
  run: (call, dst: number, mask: number, a: number, b: number, withMask: number) => rectify(call, sumBits(call, a, b), dst, mask, withMask),
};

export const addReluGrad: Semantics<'v.add_relu_grad'> = {
  uses: { ...binary, mask: read(1, flatBits) },
  elements: flatElements,
  passes: once,
  slots: [],
  inPlace: true,
  run: (call, dst: number, a: number, b: number, mask: number) => masked(call, sumBits(call, a, b), dst, mask),
};

export const multiply: Semantics<'v.mul'> = {
  uses: binary,
  elements: flatElements,
  passes: once,
  slots: [],
  inPlace: true,
  run: (call, dst: number, a: number, b: number) => {
    const { u16 } = call;
    const count = flatElements(call);
    const [x, y, to] = [a / 2, b / 2, dst / 2];
    for (let i = 0; i < count; i++) u16[to + i] = halfBits((HALVES[u16[x + i] ?? 0] ?? 0) * (HALVES[u16[y + i] ?? 0] ?? 0));
  },
};

const singles = product(4, 'COUNT');

export const sum: Semantics<'v.sum'> = {
  uses: { dst: write(4, singles), a: read(4, singles), b: read(4, singles) },
  elements: product('COUNT'),
  passes: once,
  slots: [],
  run: (call, dst: number, a: number, b: number) => {
    for (let i = 0; i < call.int('COUNT'); i++) call.setSingle(dst, i, call.single(a, i) + call.single(b, i));
  },
};

export const affine: Semantics<'v.affine'> = {
  uses: { dst: write(2, imageHalves), src: read(2, imageHalves), scale: read(4, channelSingles), shift: read(4, channelSingles) },
  elements: imageElements,
  passes: once,
  slots: [],
  inPlace: true,
  run: (call, dst: number, src: number, scale: number, shift: number) => {
    const { u16 } = call;
    const [samples, channels, pixels] = [call.int('N'), call.int('C'), plane(call)];
    for (let row = 0; row < samples * channels; row++) {
      const factor = call.single(scale, row % channels);
      const offset = call.single(shift, row % channels);
      const [from, to] = [src / 2 + row * pixels, dst / 2 + row * pixels];
      for (let i = 0; i < pixels; i++) u16[to + i] = halfBits(Math.fround((HALVES[u16[from + i] ?? 0] ?? 0) * factor) + offset);
    }
  },
};
