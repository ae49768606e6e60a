import type { Attrs } from '../graph.ts';
import { elementCount, type TensorType } from '../tensor.ts';
import { boolAttr } from './attrs.ts';
import { forEachElement, NORM_ATTRS, type NormSets, normSets, pairState } from './norm.ts';
import type { KindRecord, OperandSpec } from './record.ts';
import { at, bump, expectSame, expectShape, f16, f32, nth } from './types.ts';

const OPERANDS: readonly OperandSpec[] = [
  { name: 'x', dtypes: ['f16'] },
  { name: 'dy', dtypes: ['f16'] },
  { name: 'stats', dtypes: ['f32'], sharedIf: 'crossSample' },
  { name: 'gamma', dtypes: ['f32'], shared: true },
];

function setsOf(inputs: readonly TensorType[], attrs: Attrs): NormSets {
  const x = nth(inputs, 0);
  const sets = normSets(x, attrs);
  expectSame('gradient dy', x, [nth(inputs, 1)]);
  expectShape('input stats', nth(inputs, 2), sets.statsShape);
  expectShape('input gamma', nth(inputs, 3), [sets.C]);
  return sets;
}

export const normGradReduce: KindRecord = {
  kind: 'norm_grad_reduce',
  doc: 'sums = (Σ gamma·dy, Σ gamma·dy·x̂) of each group; dgamma[c] = Σ dy·x̂; dbeta[c] = Σ dy.',
  inputs: OPERANDS,
  outputs: [
    { name: 'sums', dtypes: ['f32'], sharedIf: 'crossSample', resultKind: 'statistics' },
    { name: 'dgamma', dtypes: ['f32'], shared: true, resultKind: 'weightGradient' },
    { name: 'dbeta', dtypes: ['f32'], shared: true, resultKind: 'weightGradient' },
  ],
  attrs: NORM_ATTRS,
  unit: 'vector',
  passes: 2,
  crossesSamples: (attrs) => boolAttr(NORM_ATTRS, attrs, 'crossSample'),
  infer: (inputs, attrs) => {
    const { C, statsShape } = setsOf(inputs, attrs);
    return [f32(statsShape), f32([C]), f32([C])];
  },
  stateBytes: (inputs, attrs) => pairState(nth(inputs, 0), attrs),
  stripes: 'rows',
  inputRows: (_index, out) => out,
  reference: (inputs, types, attrs) => {
    const sets = setsOf(types, attrs);
    const [x, dy, stats, gamma] = [nth(inputs, 0), nth(inputs, 1), nth(inputs, 2), nth(inputs, 3)];
    const sums = new Float64Array(elementCount(sets.statsShape));
    const dgamma = new Float64Array(sets.C);
    const dbeta = new Float64Array(sets.C);
    forEachElement(sets, (i, c, pair) => {
      const normalized = (at(x, i) - at(stats, pair)) * at(stats, pair + 1);
      bump(sums, pair, at(gamma, c) * at(dy, i));
      bump(sums, pair + 1, at(gamma, c) * at(dy, i) * normalized);
      bump(dgamma, c, at(dy, i) * normalized);
      bump(dbeta, c, at(dy, i));
    });
    return [sums, dgamma, dbeta];
  },
};

export const normGradApply: KindRecord = {
  kind: 'norm_grad_apply',
  doc: 'dx = rstd·(gamma·dy − (sums0 + x̂·sums1)/M), M the elements of a group: the gradient of normalization, through its statistics too.',
  inputs: [...OPERANDS, { name: 'sums', dtypes: ['f32'], sharedIf: 'crossSample' }],
  outputs: [{ name: 'dx', dtypes: ['f16'] }],
  attrs: NORM_ATTRS,
  unit: 'vector',
  passes: 2,
  crossesSamples: () => false,
  infer: (inputs, attrs) => {
    const { statsShape } = setsOf(inputs, attrs);
    expectShape('input sums', nth(inputs, 4), statsShape);
    return [f16(nth(inputs, 0).shape)];
  },
  inPlace: [1, 0],
  stripes: 'rows',
  inputRows: (_index, out) => out,
  reference: (inputs, types, attrs) => {
    const sets = setsOf(types, attrs);
    const [x, dy, stats, gamma, sums] = [nth(inputs, 0), nth(inputs, 1), nth(inputs, 2), nth(inputs, 3), nth(inputs, 4)];
    const dx = new Float64Array(x.length);
    forEachElement(sets, (i, c, pair) => {
      const rstd = at(stats, pair + 1);
      const normalized = (at(x, i) - at(stats, pair)) * rstd;
      dx[i] = rstd * (at(gamma, c) * at(dy, i) - (at(sums, pair) + normalized * at(sums, pair + 1)) / sets.M);
    });
    return [dx];
  },
};
