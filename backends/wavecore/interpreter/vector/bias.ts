import { HALVES } from '../half.ts';
import { eachPlane } from './norm.ts';
import { channelSingles, imageElements, imageHalves, once, plane, read, type Semantics, update, updateWhere } from './semantics.ts';

export const biasSums: Semantics<'v.bias_sums'> = {
  uses: { state: update(8, (call) => 8 * call.int('C')), dy: read(2, imageHalves) },
  elements: imageElements,
  passes: once,
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

/** Position of `add` among the fields of v.bias_end. */
const ADD = 2;

export const biasEnd: Semantics<'v.bias_end'> = {
  uses: { db: updateWhere(ADD, 4, channelSingles), state: read(8, (call) => 8 * call.int('C')) },
  elements: (call) => call.int('C'),
  passes: once,
  run: (call, db: number, state: number, adds: number) => {
    for (let c = 0; c < call.int('C'); c++) {
      call.setSingle(db, c, (adds === 0 ? 0 : call.single(db, c)) + Math.fround(call.double(state, c)));
    }
  },
};
