import { elementCount, sampleElements, type TensorType } from '../tensor.ts';
import { type AttrSpecs, intsAttr } from './attrs.ts';
import { pixelGeometry } from './convolution.ts';
import { type KindRecord, ShapeError } from './record.ts';
import { at, bump, expectShape, f16, f32, nth, shapeText } from './types.ts';

/** N samples of C features each, times K columns. */
interface Extents {
  readonly N: number;
  readonly C: number;
  readonly K: number;
}

function forwardExtents(inputs: readonly TensorType[]): Extents {
  const [x, w] = [nth(inputs, 0), nth(inputs, 1)];
  const [K, C] = w.shape;
  if (w.shape.length !== 2 || K === undefined || C === undefined)
    throw new ShapeError(`weight w has shape ${shapeText(w.shape)}, expected [K x C]`);
  if (sampleElements(x) !== C) throw new ShapeError(`a sample of x has ${sampleElements(x)} elements, the weight takes ${C}`);
  return { N: nth(x.shape, 0), C, K };
}

export const gemm: KindRecord = {
  kind: 'gemm',
  gathering: 'gemm_stats',
  doc: 'y[n,k] = b[k] + Σ_c x[n,c]·w[k,c] over the flattened sample: a fully connected layer.',
  inputs: [
    { name: 'x', dtypes: ['f16'] },
    { name: 'w', dtypes: ['f16'], shared: true },
    { name: 'b', dtypes: ['f32'], shared: true, optional: true },
  ],
  outputs: [{ name: 'y', dtypes: ['f16'] }],
  attrs: {},
  unit: 'matrix',
  crossesSamples: () => false,
  infer: (inputs) => {
    const { N, K } = forwardExtents(inputs);
    if (inputs[2] !== undefined) expectShape('bias b', inputs[2], [K]);
    return [f16([N, K])];
  },
  gradient: (ctx, dy) => {
    const [x = '', w = ''] = ctx.inputs;
    let dw: string | undefined;
    let db: string | undefined;
    let dx: string | undefined;
    if (ctx.wants(2)) [dw, db] = ctx.emit('gemm_grad_weight', 'weight', [x, dy], {}, ['weightGradient', 'weightGradient']);
    else if (ctx.wants(1)) [dw] = ctx.emit('gemm_grad_weight', 'weight', [x, dy], {}, ['weightGradient']);
    if (ctx.wants(0)) [dx] = ctx.emit('gemm_grad_data', 'data', [w, dy], { inputShape: ctx.typeOf(x).shape.slice(1) });
    return ctx.inputs.length > 2 ? [dx, dw, db] : [dx, dw];
  },
  gemm: (inputs) => {
    const { C, K } = forwardExtents(inputs);
    return { m: 1, k: C, n: K, groups: 1 };
  },
  matrix: (inputs) => {
    const { C, K } = forwardExtents(inputs);
    return { form: 'forward', geometry: pixelGeometry(C, K) };
  },
  reference: (inputs, types) => {
    const { N, C, K } = forwardExtents(types);
    const [x, w, b] = [nth(inputs, 0), nth(inputs, 1), inputs[2]];
    const y = new Float64Array(N * K);
    for (let n = 0; n < N; n++) {
      for (let k = 0; k < K; k++) {
        let sum = b === undefined ? 0 : at(b, k);
        for (let c = 0; c < C; c++) sum += at(x, n * C + c) * at(w, k * C + c);
        y[n * K + k] = sum;
      }
    }
    return [y];
  },
};

const DATA_ATTRS = { inputShape: { type: 'ints', doc: 'shape of a sample of the forward input' } } as const satisfies AttrSpecs;

function dataExtents(inputs: readonly TensorType[]): Extents {
  const [w, dy] = [nth(inputs, 0), nth(inputs, 1)];
  const [K, C] = w.shape;
  const N = nth(dy.shape, 0);
  if (w.shape.length !== 2 || K === undefined || C === undefined)
    throw new ShapeError(`weight w has shape ${shapeText(w.shape)}, expected [K x C]`);
  expectShape('gradient dy', dy, [N, K]);
  return { N, C, K };
}

export const gemmGradData: KindRecord = {
  kind: 'gemm_grad_data',
  doc: 'dx[n,c] = Σ_k dy[n,k]·w[k,c]: the gradient of gemm towards its input.',
  inputs: [
    { name: 'w', dtypes: ['f16'], shared: true },
    { name: 'dy', dtypes: ['f16'] },
  ],
  outputs: [{ name: 'dx', dtypes: ['f16'] }],
  attrs: DATA_ATTRS,
  unit: 'matrix',
  crossesSamples: () => false,
  infer: (inputs, attrs) => {
    const { N, C } = dataExtents(inputs);
    const shape = intsAttr(DATA_ATTRS, attrs, 'inputShape');
    if (elementCount(shape) !== C)
      throw new ShapeError(`inputShape ${shapeText(shape)} has ${elementCount(shape)} elements, the weight takes ${C}`);
    return [f16([N, ...shape])];
  },
  gemm: (inputs) => {
    const { C, K } = dataExtents(inputs);
    return { m: 1, k: K, n: C, groups: 1 };
  },
  matrix: (inputs) => {
    const { C, K } = dataExtents(inputs);
    return { form: 'dataGradient', geometry: pixelGeometry(C, K) };
  },
  reference: (inputs, types) => {
    const { N, C, K } = dataExtents(types);
    const [w, dy] = [nth(inputs, 0), nth(inputs, 1)];
    const dx = new Float64Array(N * C);
    for (let n = 0; n < N; n++) {
      for (let k = 0; k < K; k++) for (let c = 0; c < C; c++) bump(dx, n * C + c, at(dy, n * K + k) * at(w, k * C + c));
    }
    return [dx];
  },
};

function weightExtents(inputs: readonly TensorType[]): Extents {
  const [x, dy] = [nth(inputs, 0), nth(inputs, 1)];
  const [N, K] = dy.shape;
  if (dy.shape.length !== 2 || N === undefined || K === undefined)
    throw new ShapeError(`gradient dy has shape ${shapeText(dy.shape)}, expected [N x K]`);
  return { N, C: sampleElements(x), K };
}

export const gemmGradWeight: KindRecord = {
  kind: 'gemm_grad_weight',
  updating: { sgd: 'gemm_grad_weight_sgd', momentum: 'gemm_grad_weight_momentum', adam: 'gemm_grad_weight_adam' },
  doc: 'dw[k,c] = Σ_n dy[n,k]·x[n,c]; db[k] = Σ_n dy[n,k]: the gradient of gemm towards weight and bias.',
  inputs: [
    { name: 'x', dtypes: ['f16'] },
    { name: 'dy', dtypes: ['f16'] },
  ],
  outputs: [
    { name: 'dw', dtypes: ['f32'], shared: true, resultKind: 'weightGradient' },
    { name: 'db', dtypes: ['f32'], shared: true, optional: true, resultKind: 'weightGradient' },
  ],
  attrs: {},
  unit: 'matrix',
  crossesSamples: () => false,
  infer: (inputs, _attrs, wanted) => {
    const { C, K } = weightExtents(inputs);
    return wanted > 1 ? [f32([K, C]), f32([K])] : [f32([K, C])];
  },
  gemm: (inputs) => {
    const { C, K } = weightExtents(inputs);
    return { m: C, k: 1, n: K, groups: 1 };
  },
  matrix: (inputs) => {
    const { C, K } = weightExtents(inputs);
    return { form: 'weightGradient', geometry: pixelGeometry(C, K) };
  },
  stateBytes: (inputs, _attrs, outputs) => ({ perSample: 0, shared: outputs > 1 ? weightExtents(inputs).K * 8 : 0 }),
  reference: (inputs, types, _attrs, outputs) => {
    const { N, C, K } = weightExtents(types);
    const [x, dy] = [nth(inputs, 0), nth(inputs, 1)];
    const dw = new Float64Array(K * C);
    const db = new Float64Array(K);
    for (let n = 0; n < N; n++) {
      for (let k = 0; k < K; k++) {
        bump(db, k, at(dy, n * K + k));
        for (let c = 0; c < C; c++) bump(dw, k * C + c, at(dy, n * K + k) * at(x, n * C + c));
      }
    }
    return outputs.length > 1 ? [dw, db] : [dw];
  },
};
