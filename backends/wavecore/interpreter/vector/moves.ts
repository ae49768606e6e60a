import type { VectorSlot } from '../../isa/slots.ts';
import { once, type Semantics, type Use, write } from './semantics.ts';
import { halvedUp, operand, product, sum } from './size.ts';

const length = operand('v.fill', 'bytes');

export const fill: Semantics<'v.fill'> = {
  uses: { dst: write(1, length) },
  elements: halvedUp(length),
  passes: once,
  slots: [],
  run: (call, dst: number, bytes: number) => {
    call.u8.fill(0, dst, dst + bytes);
  },
};

/** Rows of an operand, apart by the slot `stride`. */
function rowsBy(access: Use['access'], stride: VectorSlot): Use {
  return {
    access,
    align: 1,
    bytes: sum(product(sum('ROWS', -1), stride), 'ROWBYTES'),
    rows: (call) => ({ count: call.int('ROWS'), bytes: call.int('ROWBYTES'), stride: call.int(stride) }),
  };
}

export const copy: Semantics<'v.copy'> = {
  uses: { dst: rowsBy('write', 'DSTSTRIDE'), src: rowsBy('read', 'SRCSTRIDE') },
  elements: halvedUp(product('ROWS', 'ROWBYTES')),
  passes: once,
  slots: [],
  run: (call, dst: number, src: number) => {
    const [rows, bytes, from, to] = [call.int('ROWS'), call.int('ROWBYTES'), call.int('SRCSTRIDE'), call.int('DSTSTRIDE')];
    for (let r = 0; r < rows; r++) call.u8.copyWithin(dst + r * to, src + r * from, src + r * from + bytes);
  },
};
