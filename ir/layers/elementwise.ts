import type { KindRecord } from './record.ts';
import { at, expectSame, f16, nth } from './types.ts';

export const add: KindRecord = {
  kind: 'add',
  doc: 'y = x0 + x1 + …, element by element.',
  inputs: [{ name: 'x', dtypes: ['f16'], variadic: true }],
  outputs: [{ name: 'y', dtypes: ['f16'] }],
  attrs: {},
  unit: 'vector',
  crossesSamples: () => false,
  infer: (inputs) => {
    expectSame('input x', nth(inputs, 0), inputs);
    return [f16(nth(inputs, 0).shape)];
  },
  gradient: (ctx, dy) => ctx.inputs.map((_, i) => (ctx.wants(i) ? dy : undefined)),
  accumulates: true,
  inPlace: [0, 1],
  stripes: 'flat',
  reference: (inputs) => [nth(inputs, 0).map((_, i) => inputs.reduce((sum, x) => sum + at(x, i), 0))],
};

export const mul: KindRecord = {
  kind: 'mul',
  doc: 'y = a·b, element by element.',
  inputs: [
    { name: 'a', dtypes: ['f16'] },
    { name: 'b', dtypes: ['f16'] },
  ],
  outputs: [{ name: 'y', dtypes: ['f16'] }],
  attrs: {},
  unit: 'vector',
  crossesSamples: () => false,
  infer: (inputs) => {
    expectSame('input b', nth(inputs, 0), inputs);
    return [f16(nth(inputs, 0).shape)];
  },
  gradient: (ctx, dy) => {
    const [a = '', b = ''] = ctx.inputs;
    const da = ctx.wants(0) ? ctx.emit('mul', 'a', [dy, b], {})[0] : undefined;
    const db = ctx.wants(1) ? ctx.emit('mul', 'b', [dy, a], {})[0] : undefined;
    return [da, db];
  },
  inPlace: [0, 1],
  stripes: 'flat',
  reference: (inputs) => {
    const b = nth(inputs, 1);
    return [nth(inputs, 0).map((a, i) => a * at(b, i))];
  },
};
