import { HALVES, halfBits } from '../half.ts';
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

const INFINITY_BITS = 0x7c00;

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
    const { u16, u8 } = call;
    const [samples, count, stride] = [call.int('N'), call.int('COUNT'), maskBytes(call)];
    for (let n = 0; n < samples; n++) {
      const [from, to] = [src / 2 + n * count, dst / 2 + n * count];
      for (let block = 0; block < count; block += 8) {
        const end = Math.min(block + 8, count);
        let byte = 0;
        for (let i = block; i < end; i++) {
          const value = u16[from + i] ?? 0;
          const positive = value !== 0 && value <= INFINITY_BITS;
          if (positive) byte |= 1 << (i & 7);
          u16[to + i] = positive || (value & 0x7fff) > INFINITY_BITS ? value : 0;
        }
        if (withMask !== 0) u8[mask + n * stride + (block >> 3)] = byte;
      }
    }
  },
};

export const reluGrad: Semantics<'v.relu_grad'> = {
  uses: { dst: write(2, flatHalves), dy: read(2, flatHalves), mask: read(1, flatBits) },
  elements: flatElements,
  passes: once,
  slots: [],
  inPlace: true,
  run: (call, dst: number, dy: number, mask: number) => {
    const { u16, u8 } = call;
    const [samples, count, stride] = [call.int('N'), call.int('COUNT'), maskBytes(call)];
    for (let n = 0; n < samples; n++) {
      const [from, to, bits] = [dy / 2 + n * count, dst / 2 + n * count, mask + n * stride];
      for (let i = 0; i < count; i++) u16[to + i] = (((u8[bits + (i >> 3)] ?? 0) >> (i & 7)) & 1) === 0 ? 0 : (u16[from + i] ?? 0);
    }
  },
};

const binary = { dst: write(2, flatHalves), a: read(2, flatHalves), b: read(2, flatHalves) };

export const add: Semantics<'v.add'> = {
  uses: binary,
  elements: flatElements,
  passes: once,
  slots: [],
  inPlace: true,
  run: (call, dst: number, a: number, b: number) => {
    const { u16 } = call;
    const count = flatElements(call);
    const [x, y, to] = [a / 2, b / 2, dst / 2];
    for (let i = 0; i < count; i++) u16[to + i] = halfBits((HALVES[u16[x + i] ?? 0] ?? 0) + (HALVES[u16[y + i] ?? 0] ?? 0));
  },
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
