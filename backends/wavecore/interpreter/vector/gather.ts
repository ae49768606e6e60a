import { halfBits } from '../half.ts';
import type { Call } from './call.ts';
import { once, read, type Semantics, write } from './semantics.ts';

/** Sizes of the walk; a size of 0 is no dimension. */
const sizes = (call: Call): readonly number[] =>
  [call.int('D0'), call.int('D1'), call.int('D2'), call.int('D3'), call.int('D4')].filter((size) => size !== 0);
const walked = (call: Call): number => sizes(call).reduce((a, b) => a * b, 1) * call.int('RUN');
const denseElements = (call: Call): number => call.int('N') * walked(call);
const denseHalves = (call: Call): number => 2 * denseElements(call);
const spanHalves = (call: Call): number => 2 * call.int('N') * call.int('SPAN');
const tableBytes = (call: Call): number => 4 * sizes(call).reduce((a, b) => a + b, 0);

/** Visits every position of the walk of one sample, in order, with the sum of its offsets; −1 where one is negative. */
function eachPosition(call: Call, table: number, visit: (position: number, place: number) => void): void {
  const dims = sizes(call);
  const firsts = dims.map((_, d) => table / 4 + dims.slice(0, d).reduce((a, b) => a + b, 0));
  const [run, span] = [call.int('RUN'), call.int('SPAN')];
  let position = 0;
  const descend = (d: number, base: number): void => {
    if (d === dims.length) {
      if (base + run > span) call.fault(`an offset of ${base} leaves a sample of ${span} elements`);
      visit(position++, base);
      return;
    }
    for (let i = 0; i < (dims[d] ?? 0); i++) {
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
