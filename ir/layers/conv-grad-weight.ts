import type { Attrs } from '../graph.ts';
import { elementCount, type TensorType } from '../tensor.ts';
import { type AttrSpecs, intAttr, pairAttr } from './attrs.ts';
import { CONV_ATTRS, convGeometry, convRows, forEachProduct } from './convolution.ts';
import { type ConvGeometry, type KindRecord, ShapeError } from './record.ts';
import { at, bump, expectShape, f32, image, nth } from './types.ts';
import { rowsUnder } from './window.ts';

const ATTRS = { ...CONV_ATTRS, kernel: { type: 'ints', doc: 'R, S: strides and padding leave them open' } } as const satisfies AttrSpecs;

function geometryOf(inputs: readonly TensorType[], attrs: Attrs): ConvGeometry {
  const x = image('input x', nth(inputs, 0));
  const dy = image('gradient dy', nth(inputs, 1));
  const groups = intAttr(CONV_ATTRS, attrs, 'groups');
  if (groups < 1 || x.C % groups !== 0) throw new ShapeError(`groups ${groups} must divide the ${x.C} input channels`);
  const g = convGeometry(nth(inputs, 0).shape, [dy.C, x.C / groups, ...pairAttr(ATTRS, attrs, 'kernel')], attrs);
  expectShape('gradient dy', nth(inputs, 1), [x.N, g.K, g.P, g.Q]);
  return g;
}

export const convGradWeight: KindRecord = {
  kind: 'conv_grad_weight',
  updating: { sgd: 'conv_grad_weight_sgd', momentum: 'conv_grad_weight_momentum', adam: 'conv_grad_weight_adam' },
  doc: 'dw[k,c,r,s] = Σ_{n,p,q} dy[n,k,p,q]·x[n, c, p·stride − pad + r·dilation, …]; db[k] = Σ dy: the gradient of conv towards weight and bias.',
  inputs: [
    { name: 'x', dtypes: ['f16'] },
    { name: 'dy', dtypes: ['f16'] },
  ],
  outputs: [
    { name: 'dw', dtypes: ['f32'], shared: true, resultKind: 'weightGradient' },
    { name: 'db', dtypes: ['f32'], shared: true, optional: true, resultKind: 'weightGradient' },
  ],
  attrs: ATTRS,
  unit: 'matrix',
  crossesSamples: () => false,
  infer: (inputs, attrs, wanted) => {
    const g = geometryOf(inputs, attrs);
    const dw = f32([g.K, g.C / g.groups, g.R, g.S]);
    return wanted > 1 ? [dw, f32([g.K])] : [dw];
  },
  gemm: (inputs, attrs) => {
    const g = geometryOf(inputs, attrs);
    return { m: (g.C / g.groups) * g.R * g.S, k: g.P * g.Q, n: g.K / g.groups, groups: g.groups };
  },
  matrix: (inputs, attrs) => ({ form: 'weightGradient', geometry: geometryOf(inputs, attrs) }),
  stateBytes: (inputs, _attrs, outputs) => ({ perSample: 0, shared: outputs > 1 ? nth(nth(inputs, 1).shape, 1) * 8 : 0 }),
  stripes: 'rows',
  inputRows: (index, out, inputs, attrs) => {
    if (index === 1) return out;
    const [R] = pairAttr(ATTRS, attrs, 'kernel');
    return rowsUnder(out, convRows(nth(nth(inputs, 0).shape, 2), R, attrs));
  },
  reference: (inputs, types, attrs, outputs) => {
    const g = geometryOf(types, attrs);
    const [x, dy] = [nth(inputs, 0), nth(inputs, 1)];
    const dw = new Float64Array(elementCount(nth(outputs, 0).shape));
    forEachProduct(g, nth(nth(types, 0).shape, 0), (yi, xi, wi) => bump(dw, wi, at(dy, yi) * at(x, xi)));
    if (outputs.length < 2) return [dw];
    const db = new Float64Array(g.K);
    dy.forEach((value, i) => {
      bump(db, Math.floor(i / (g.P * g.Q)) % g.K, value);
    });
    return [dw, db];
  },
};
