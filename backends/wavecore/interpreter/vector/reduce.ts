import { REDUCE_OPS, REDUCTIONS } from '../../../../ir/functions/reduction.ts';
import { toHalfBits } from '../../../../ir/half.ts';
import { knownOp, opOf } from './functions.ts';
import { eachRun, runCount, runElements, runHalves } from './runs.ts';
import { once, read, type Semantics, times, write } from './semantics.ts';
import { onlyWith, product, type Size } from './size.ts';

const resultHalves: Size = product(2, runCount);
const OP_IS_KNOWN = knownOp(REDUCE_OPS);

export const reduce: Semantics<'v.reduce'> = {
  uses: { dst: write(2, resultHalves), src: read(2, runHalves) },
  elements: runElements,
  passes: once,
  slots: ['OP'],
  needs: [OP_IS_KNOWN],
  run: (call, dst: number, src: number) => {
    const { start, add, finish } = REDUCTIONS[opOf(call, REDUCE_OPS)];
    const [length, inner] = [call.int('LENGTH'), call.int('INNER')];
    eachRun(call, length, (run, first) => {
      let sum = start;
      for (let i = 0; i < length; i++) sum = add(sum, call.half(src, first + i * inner));
      call.u16[dst / 2 + run] = toHalfBits(finish(sum, length));
    });
  },
};

export const reduceGrad: Semantics<'v.reduce_grad'> = {
  uses: {
    dst: write(2, runHalves),
    dy: read(2, resultHalves),
    x: read(2, onlyWith('v.reduce_grad', 'withValues', runHalves)),
    y: read(2, onlyWith('v.reduce_grad', 'withValues', resultHalves)),
  },
  elements: runElements,
  passes: times(2),
  slots: ['OP'],
  needs: [OP_IS_KNOWN],
  run: (call, dst: number, dy: number, x: number, y: number, withValues: number) => {
    const { derivative, extreme } = REDUCTIONS[opOf(call, REDUCE_OPS)];
    const [length, inner] = [call.int('LENGTH'), call.int('INNER')];
    const reads = withValues !== 0;
    eachRun(call, length, (run, first) => {
      const [slope, result] = [call.half(dy, run), reads ? call.half(y, run) : 0];
      let found = false;
      for (let i = 0; i < length; i++) {
        const e = first + i * inner;
        const value = reads ? call.half(x, e) : 0;
        const receives: boolean = extreme !== true || (!found && value === result);
        found ||= receives;
        call.u16[dst / 2 + e] = receives ? toHalfBits(slope * derivative(value, result, length)) : 0;
      }
    });
  },
};
