import { halfBits } from '../half.ts';
import type { Call } from './call.ts';
import { once, read, type Semantics, write } from './semantics.ts';
import { product, type Size, sum } from './size.ts';

const SIZES = ['D0', 'D1', 'D2', 'D3', 'D4'] as const;
const sizes = (call: Call): readonly number[] => SIZES.map((slot) => call.int(slot));

const walked: Size = product(...SIZES, 'RUN');
const denseElements: Size = product('N', walked);
const denseHalves: Size = product(2, denseElements);
const spanHalves: Size = product(2, 'N', 'SPAN');
const tableBytes: Size = product(4, sum(...SIZES));

/** Visits every position of the walk of one sample, in order, with the sum of its offsets; −1 where one is negative. */
function eachPosition(call: Call, table: number, visit: (position: number, place: number) => void): void {
  const extents = sizes(call);
  const firsts = extents.map((_, d) => table / 4 + extents.slice(0, d).reduce((a, b) => a + b, 0));
  const [run, span] = [call.int('RUN'), call.int('SPAN')];
  let position = 0;
  const descend = (d: number, base: number): void => {
    if (d === extents.length) {
      if (base + run > span) call.fault(`an offset of ${base} leaves a sample of ${span} elements`);
      visit(position++, base);
      return;
    }
    for (let i = 0; i < (extents[d] ?? 0); i++) {
      const offset = call.i32[(firsts[d] ?? 0) + i] ?? 0;
      descend(d + 1, offset < 0 || base < 0 ? -run : base + offset);
    }
  };
  descend(0, 0);
}

export const gather: Semantics<'v.gather'> = {
  uses: { dst: write(2, denseHalves), src: read(2, spanHalves), table: read(4, tableBytes) },
  elements: denseElements,
  passes: once,
  slots: ['FILL'],
  run: (call, dst: number, src: number, table: number) => {
    const { u16 } = call;
    const [run, span, fill] = [call.int('RUN'), call.int('SPAN'), halfBits(call.float('FILL'))];
    for (let n = 0; n < call.int('N'); n++) {
      const [from, to] = [src / 2 + n * span, dst / 2 + n * walked(call)];
      eachPosition(call, table, (position, place) => {
        const target = to + position * run;
        if (place < 0) u16.fill(fill, target, target + run);
        else u16.copyWithin(target, from + place, from + place + run);
      });
    }
  },
};

export const scatter: Semantics<'v.scatter'> = {
  uses: { dst: write(2, spanHalves), src: read(2, denseHalves), table: read(4, tableBytes) },
  elements: denseElements,
  passes: once,
  slots: [],
  run: (call, dst: number, src: number, table: number) => {
    const [run, span] = [call.int('RUN'), call.int('SPAN')];
    for (let n = 0; n < call.int('N'); n++) {
      const sums = new Float32Array(span);
      const from = n * walked(call);
      eachPosition(call, table, (position, place) => {
        if (place < 0) return;
        for (let i = 0; i < run; i++) sums[place + i] = (sums[place + i] ?? 0) + call.half(src, from + position * run + i);
      });
      for (let i = 0; i < span; i++) call.setHalf(dst, n * span + i, sums[i] ?? 0);
    }
  },
};
