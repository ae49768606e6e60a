import { UNARY, UNARY_OPS, type UnaryOp } from '../functions/unary.ts';
import type { Attrs } from '../graph.ts';
import { type AttrSpecs, choiceAttr, floatAttr } from './attrs.ts';
import type { KindRecord } from './record.ts';
import { at, expectSame, f16, nth } from './types.ts';

export const UNARY_ATTRS = {
  op: { type: 'string', doc: UNARY_OPS.map((op) => `${op}: ${UNARY[op].formula}`).join('; ') },
  alpha: { type: 'float', default: 0, doc: 'first parameter of the function' },
  beta: { type: 'float', default: 0, doc: 'second parameter of the function' },
} as const satisfies AttrSpecs;

/** The function that the attributes name, and its parameters. */
export function unaryOf(attrs: Attrs): { op: UnaryOp; alpha: number; beta: number } {
  return {
    op: choiceAttr(UNARY_ATTRS, attrs, 'op', UNARY_OPS),
    alpha: floatAttr(UNARY_ATTRS, attrs, 'alpha'),
    beta: floatAttr(UNARY_ATTRS, attrs, 'beta'),
  };
}

export const unary: KindRecord = {
  kind: 'unary',
  doc: 'y = op(x), element by element, in f64 and rounded once.',
  inputs: [{ name: 'x', dtypes: ['f16'] }],
  outputs: [{ name: 'y', dtypes: ['f16'] }],
  attrs: UNARY_ATTRS,
  unit: 'vector',
  crossesSamples: () => false,
  infer: (inputs, attrs) => {
    unaryOf(attrs);
    return [f16(nth(inputs, 0).shape)];
  },
  gradient: (ctx, dy) => [ctx.wants(0) ? ctx.emit('unary_grad', 'data', [nth(ctx.inputs, 0), dy], ctx.attrs)[0] : undefined],
  passes: 2,
  inPlace: [0],
  stripes: 'flat',
  reference: (inputs, _types, attrs) => {
    const { op, alpha, beta } = unaryOf(attrs);
    return [nth(inputs, 0).map((x) => UNARY[op].value(x, alpha, beta))];
  },
};

export const unaryGrad: KindRecord = {
  kind: 'unary_grad',
  doc: 'dx = dy·op′(x), element by element, in f64 and rounded once.',
  inputs: [
    { name: 'x', dtypes: ['f16'] },
    { name: 'dy', dtypes: ['f16'] },
  ],
  outputs: [{ name: 'dx', dtypes: ['f16'] }],
  attrs: UNARY_ATTRS,
  unit: 'vector',
  crossesSamples: () => false,
  infer: (inputs, attrs) => {
    unaryOf(attrs);
    expectSame('gradient dy', nth(inputs, 0), inputs);
    return [f16(nth(inputs, 0).shape)];
  },
  passes: 3,
  inPlace: [1],
  stripes: 'flat',
  reference: (inputs, _types, attrs) => {
    const { op, alpha, beta } = unaryOf(attrs);
    const dy = nth(inputs, 1);
    return [nth(inputs, 0).map((x, i) => at(dy, i) * UNARY[op].derivative(x, alpha, beta))];
  },
};
