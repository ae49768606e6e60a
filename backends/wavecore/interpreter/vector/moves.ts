import { once, type Semantics, type Use, write } from './semantics.ts';

/** Position of `bytes` among the fields of v.fill. */
const LENGTH = 1;

export const fill: Semantics<'v.fill'> = {
  uses: { dst: write(1, (call) => call.operand(LENGTH)) },
  elements: (call) => Math.ceil(call.operand(LENGTH) / 2),
  passes: once,
  run: (call, dst: number, bytes: number) => {
    call.u8.fill(0, dst, dst + bytes);
  },
};

/** Rows of an operand, apart by the slot `stride`. */
function rowsBy(stride: 'SRCSTRIDE' | 'DSTSTRIDE'): Pick<Use, 'bytes' | 'rows'> {
  return {
    bytes: (call) => (call.int('ROWS') - 1) * call.int(stride) + call.int('ROWBYTES'),
    rows: (call) => ({ count: call.int('ROWS'), bytes: call.int('ROWBYTES'), stride: call.int(stride) }),
  };
}

export const copy: Semantics<'v.copy'> = {
  uses: { dst: { access: 'write', align: 1, ...rowsBy('DSTSTRIDE') }, src: { access: 'read', align: 1, ...rowsBy('SRCSTRIDE') } },
  elements: (call) => Math.ceil((call.int('ROWS') * call.int('ROWBYTES')) / 2),
  passes: once,
  run: (call, dst: number, src: number) => {
    const [rows, bytes, from, to] = [call.int('ROWS'), call.int('ROWBYTES'), call.int('SRCSTRIDE'), call.int('DSTSTRIDE')];
    for (let r = 0; r < rows; r++) call.u8.copyWithin(dst + r * to, src + r * from, src + r * from + bytes);
  },
};
