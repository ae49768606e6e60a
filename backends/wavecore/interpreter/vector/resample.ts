import { toHalfBits } from '../../../../ir/half.ts';
import type { Call } from './call.ts';
import { runElements, runHalves } from './runs.ts';
import { read, type Semantics, write } from './semantics.ts';
import { product, type Size } from './size.ts';

const fromElements: Size = product('N', 'OUTER', 'FROM', 'INNER');
const fromHalves: Size = product(2, fromElements);
const tapBytes: Size = product(4, 'LENGTH', 'TAPS');
const taps: Size = product('TAPS');

/** Visits every product: element on the side of LENGTH, element on the side of FROM, weight. */
function eachTap(call: Call, index: number, weight: number, visit: (element: number, source: number, weight: number) => void): void {
  const [blocks, length, inner, from, count] = [
    call.int('N') * call.int('OUTER'),
    call.int('LENGTH'),
    call.int('INNER'),
    call.int('FROM'),
    taps(call),
  ];
  for (let block = 0; block < blocks; block++) {
    for (let o = 0; o < length; o++) {
      for (let t = o * count; t < (o + 1) * count; t++) {
        const source = call.i32[index / 4 + t] ?? 0;
        if (source < 0) continue;
        if (source >= from) call.fault(`index ${source} is outside of ${from} elements`);
        const by = call.single(weight, t);
        for (let i = 0; i < inner; i++) visit((block * length + o) * inner + i, (block * from + source) * inner + i, by);
      }
    }
  }
}

function store(call: Call, address: number, values: Float64Array): void {
  for (let i = 0; i < values.length; i++) call.u16[address / 2 + i] = toHalfBits(values[i] ?? 0);
}

export const resample: Semantics<'v.resample'> = {
  uses: { dst: write(2, runHalves), src: read(2, fromHalves), index: read(4, tapBytes), weight: read(4, tapBytes) },
  elements: runElements,
  passes: taps,
  slots: [],
  run: (call, dst: number, src: number, index: number, weight: number) => {
    const sums = new Float64Array(runElements(call));
    eachTap(call, index, weight, (e, source, by) => {
      sums[e] = (sums[e] ?? 0) + by * call.half(src, source);
    });
    store(call, dst, sums);
  },
};

export const resampleGrad: Semantics<'v.resample_grad'> = {
  uses: { dst: write(2, fromHalves), dy: read(2, runHalves), index: read(4, tapBytes), weight: read(4, tapBytes) },
  elements: runElements,
  passes: taps,
  slots: [],
  run: (call, dst: number, dy: number, index: number, weight: number) => {
    const sums = new Float64Array(fromElements(call));
    eachTap(call, index, weight, (e, target, by) => {
      sums[target] = (sums[target] ?? 0) + by * call.half(dy, e);
    });
    store(call, dst, sums);
  },
};
