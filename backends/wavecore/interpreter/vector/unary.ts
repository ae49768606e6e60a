import { UNARY, UNARY_OPS } from '../../../../ir/functions/unary.ts';
import { toHalfBits } from '../../../../ir/half.ts';
import { HALVES } from '../half.ts';
import type { Call } from './call.ts';
import { knownOp, opOf } from './functions.ts';
import { flatElements, flatHalves, read, type Semantics, times, write } from './semantics.ts';

/** A function of a half has 65 536 values: they are computed once. Few networks use more than a handful of functions. */
const VALUES = new Map<string, Uint16Array>();
const SLOPES = new Map<string, Float64Array>();

const OP_IS_KNOWN = knownOp(UNARY_OPS);

function tabulated<T>(call: Call, tables: Map<string, T>, make: (alpha: number, beta: number) => T): T {
  const [alpha, beta] = [call.float('ALPHA'), call.float('BETA')];
  const key = `${call.int('OP')} ${alpha} ${beta}`;
  const table = tables.get(key) ?? make(alpha, beta);
  tables.set(key, table);
  return table;
}

export const unary: Semantics<'v.unary'> = {
  uses: { dst: write(2, flatHalves), src: read(2, flatHalves) },
  elements: flatElements,
  passes: times(2),
  slots: ['OP', 'ALPHA', 'BETA'],
  needs: [OP_IS_KNOWN],
  inPlace: true,
  run: (call, dst: number, src: number) => {
    const { value } = UNARY[opOf(call, UNARY_OPS)];
    const table = tabulated(call, VALUES, (alpha, beta) => Uint16Array.from(HALVES, (x) => toHalfBits(value(x, alpha, beta))));
    const { u16 } = call;
    const count = flatElements(call);
    for (let i = 0; i < count; i++) u16[dst / 2 + i] = table[u16[src / 2 + i] ?? 0] ?? 0;
  },
};

export const unaryGrad: Semantics<'v.unary_grad'> = {
  uses: { dst: write(2, flatHalves), x: read(2, flatHalves), dy: read(2, flatHalves) },
  elements: flatElements,
  passes: times(3),
  slots: ['OP', 'ALPHA', 'BETA'],
  needs: [OP_IS_KNOWN],
  inPlace: true,
  run: (call, dst: number, x: number, dy: number) => {
    const { derivative } = UNARY[opOf(call, UNARY_OPS)];
    const table = tabulated(call, SLOPES, (alpha, beta) => Float64Array.from(HALVES, (v) => derivative(v, alpha, beta)));
    const { u16 } = call;
    const count = flatElements(call);
    for (let i = 0; i < count; i++) {
      u16[dst / 2 + i] = toHalfBits((HALVES[u16[dy / 2 + i] ?? 0] ?? 0) * (table[u16[x / 2 + i] ?? 0] ?? 0));
    }
  },
};
