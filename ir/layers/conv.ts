import type { Attrs } from '../graph.ts';
import { elementCount, type TensorType } from '../tensor.ts';
import { CONV_ATTRS, convGeometry, convRows, forEachProduct, INPUT_SHAPE, inputShapeOf } from './convolution.ts';
import type { ConvGeometry, KindRecord } from './record.ts';
import { at, bump, expectShape, f16, image, nth } from './types.ts';
import { rowsTouching, rowsUnder } from './window.ts';

const forwardGeometry = (inputs: readonly TensorType[], attrs: Attrs): ConvGeometry =>
  convGeometry(nth(inputs, 0).shape, nth(inputs, 1).shape, attrs);

export const conv: KindRecord = {
  kind: 'conv',
  gathering: 'conv_stats',
  doc: 'y[n,k,p,q] = b[k] + Σ_{c,r,s} x[n, c, p·stride − pad + r·dilation, …]·w[k,c,r,s], per channel group.',
  inputs: [
    { name: 'x', dtypes: ['f16'] },
    { name: 'w', dtypes: ['f16'], shared: true },
    { name: 'b', dtypes: ['f32'], shared: true, optional: true },
  ],
  outputs: [{ name: 'y', dtypes: ['f16'] }],
  attrs: CONV_ATTRS,
  unit: 'matrix',
  crossesSamples: () => false,
  infer: (inputs, attrs) => {
    const { N } = image('input x', nth(inputs, 0));
    const g = forwardGeometry(inputs, attrs);
    if (inputs[2] !== undefined) expectShape('bias b', inputs[2], [g.K]);
    return [f16([N, g.K, g.P, g.Q])];
  },
  gradient: (ctx, dy) => {
    const [x = '', w = ''] = ctx.inputs;
    let dw: string | undefined;
    let db: string | undefined;
    let dx: string | undefined;
    if (ctx.wants(2))
      [dw, db] = ctx.emit('conv_grad_weight', 'weight', [x, dy], weightAttrs(ctx.typeOf(w), ctx.attrs), [
        'weightGradient',
        'weightGradient',
      ]);
    else if (ctx.wants(1))
      [dw] = ctx.emit('conv_grad_weight', 'weight', [x, dy], weightAttrs(ctx.typeOf(w), ctx.attrs), ['weightGradient']);
    if (ctx.wants(0)) [dx] = ctx.emit('conv_grad_data', 'data', [w, dy], { ...ctx.attrs, inputShape: ctx.typeOf(x).shape.slice(1) });
    return ctx.inputs.length > 2 ? [dx, dw, db] : [dx, dw];
  },
  gemm: (inputs, attrs) => {
    const g = forwardGeometry(inputs, attrs);
    return { m: g.P * g.Q, k: (g.C / g.groups) * g.R * g.S, n: g.K / g.groups, groups: g.groups };
  },
  matrix: (inputs, attrs) => ({ form: 'forward', geometry: forwardGeometry(inputs, attrs) }),
  stripes: 'rows',
  inputRows: (_index, out, inputs, attrs) => rowsUnder(out, convRows(nth(nth(inputs, 0).shape, 2), nth(nth(inputs, 1).shape, 2), attrs)),
  reference: (inputs, types, attrs, outputs) => {
    const g = forwardGeometry(types, attrs);
    const [x, w, b] = [nth(inputs, 0), nth(inputs, 1), inputs[2]];
    const y = new Float64Array(elementCount(nth(outputs, 0).shape));
    if (b !== undefined) for (let i = 0; i < y.length; i++) y[i] = at(b, Math.floor(i / (g.P * g.Q)) % g.K);
    forEachProduct(g, nth(nth(types, 0).shape, 0), (yi, xi, wi) => bump(y, yi, at(x, xi) * at(w, wi)));
    return [y];
  },
};

/** conv_grad_weight must know R and S, which strides and padding leave open. */
function weightAttrs(w: TensorType, attrs: Attrs): Attrs {
  return { ...attrs, kernel: w.shape.slice(2) };
}

const dataGeometry = (inputs: readonly TensorType[], attrs: Attrs): ConvGeometry =>
  convGeometry(inputShapeOf(attrs), nth(inputs, 0).shape, attrs);

export const convGradData: KindRecord = {
  kind: 'conv_grad_data',
  doc: 'dx = Σ over the output positions and channels whose window holds it of dy·w: the gradient of conv towards its input.',
  inputs: [
    { name: 'w', dtypes: ['f16'], shared: true },
    { name: 'dy', dtypes: ['f16'] },
  ],
  outputs: [{ name: 'dx', dtypes: ['f16'] }],
  attrs: { ...CONV_ATTRS, ...INPUT_SHAPE },
  unit: 'matrix',
  crossesSamples: () => false,
  infer: (inputs, attrs) => {
    const { N } = image('gradient dy', nth(inputs, 1));
    const g = dataGeometry(inputs, attrs);
    expectShape('gradient dy', nth(inputs, 1), [N, g.K, g.P, g.Q]);
    return [f16([N, g.C, g.H, g.W])];
  },
  gemm: (inputs, attrs) => {
    const g = dataGeometry(inputs, attrs);
    return { m: g.H * g.W, k: (g.K / g.groups) * g.R * g.S, n: g.C / g.groups, groups: g.groups };
  },
  matrix: (inputs, attrs) => ({ form: 'dataGradient', geometry: dataGeometry(inputs, attrs) }),
  stripes: 'rows',
  inputRows: (_index, out, inputs, attrs) => {
    const g = dataGeometry(inputs, attrs);
    return rowsTouching(out, convRows(g.H, g.R, attrs), g.P);
  },
  reference: (inputs, types, attrs, outputs) => {
    const [w, dy] = [nth(inputs, 0), nth(inputs, 1)];
    const dx = new Float64Array(elementCount(nth(outputs, 0).shape));
    forEachProduct(dataGeometry(types, attrs), nth(nth(types, 1).shape, 0), (yi, xi, wi) => bump(dx, xi, at(dy, yi) * at(w, wi)));
    return [dx];
  },
};

export const convTranspose: KindRecord = {
  ...convGradData,
  kind: 'conv_transpose',
  doc: 'y = the gradient of a convolution with these attributes towards its input, x being the gradient of its result: a transposed convolution.',
  inputs: [
    { name: 'w', dtypes: ['f16'], shared: true },
    { name: 'x', dtypes: ['f16'] },
  ],
  outputs: [{ name: 'y', dtypes: ['f16'] }],
  gradient: (ctx, dy) => {
    const [w = '', x = ''] = ctx.inputs;
    const attrs = Object.fromEntries(Object.entries(ctx.attrs).filter(([name]) => name in CONV_ATTRS));
    const dw = ctx.wants(0)
      ? ctx.emit('conv_grad_weight', 'weight', [dy, x], weightAttrs(ctx.typeOf(w), attrs), ['weightGradient'])[0]
      : undefined;
    return [dw, ctx.wants(1) ? ctx.emit('conv', 'data', [dy, w], attrs)[0] : undefined];
  },
};
