import { HALVES } from '../half.ts';
import { eachPlane } from './norm.ts';
import { channelSingles, imageElements, imageHalves, once, plane, read, type Semantics, update, updateWhere } from './semantics.ts';
import { product } from './size.ts';

const channelDoubles = product(8, 'C');

export const biasSums: Semantics<'v.bias_sums'> = {
  uses: { state: update(8, channelDoubles), dy: read(2, imageHalves) },
  elements: imageElements,
  passes: once,
  slots: [],
  run: (call, state: number, dy: number) => {
    const { u16 } = call;
    const pixels = plane(call);
    eachPlane(call, (_n, c, first) => {
      let sum = call.double(state, c);
      for (let i = 0; i < pixels; i++) sum += HALVES[u16[dy / 2 + first + i] ?? 0] ?? 0;
      call.setDouble(state, c, sum);
    });
  },
};

export const biasEnd: Semantics<'v.bias_end'> = {
  uses: { db: updateWhere('v.bias_end', 'add', 4, channelSingles), state: read(8, channelDoubles) },
  elements: product('C'),
  passes: once,
  slots: [],
  run: (call, db: number, state: number, adds: number) => {
    for (let c = 0; c < call.int('C'); c++) {
      call.setSingle(db, c, (adds === 0 ? 0 : call.single(db, c)) + Math.fround(call.double(state, c)));
    }
  },
};
