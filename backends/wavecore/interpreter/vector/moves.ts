import type { Call } from './call.ts';
import { once, read, type Semantics, write } from './semantics.ts';

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

const reach = (call: Call, stride: number): number => (call.int('ROWS') - 1) * stride + call.int('ROWBYTES');

export const copy: Semantics<'v.copy'> = {
  uses: { dst: write(1, (call) => reach(call, call.int('DSTSTRIDE'))), src: read(1, (call) => reach(call, call.int('SRCSTRIDE'))) },
  elements: (call) => Math.ceil((call.int('ROWS') * call.int('ROWBYTES')) / 2),
  passes: once,
  run: (call, dst: number, src: number) => {
    const [rows, bytes, from, to] = [call.int('ROWS'), call.int('ROWBYTES'), call.int('SRCSTRIDE'), call.int('DSTSTRIDE')];
    for (let r = 0; r < rows; r++) call.u8.copyWithin(dst + r * to, src + r * from, src + r * from + bytes);
  },
};
