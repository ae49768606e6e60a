import type { Attrs } from '../graph.ts';
import { sampleElements, type TensorType } from '../tensor.ts';
import { type AttrSpecs, floatAttr, intAttr } from './attrs.ts';
import { CONTROL, controlWord, expectControl } from './control.ts';
import { keeps, seedOf } from './random.ts';
import { type KindRecord, ShapeError } from './record.ts';
import { at, expectSame, f16, nth } from './types.ts';

const RATIO = { ratio: { type: 'float', default: 0.5, doc: 'share of the elements set to zero' } } as const satisfies AttrSpecs;
const ATTRS = { ...RATIO, seed: { type: 'int', default: 0, doc: 'of the generator; one for each layer' } } as const satisfies AttrSpecs;

/** What kept elements are multiplied by. */
function scaleOf(attrs: Attrs): number {
  const ratio = floatAttr(RATIO, attrs, 'ratio');
  if (ratio < 0 || ratio >= 1) throw new ShapeError(`ratio is ${ratio}, expected 0 ≤ ratio < 1`);
  return 1 / (1 - ratio);
}

export const dropout: KindRecord = {
  kind: 'dropout',
  doc: 'y = keep ? x/(1 − ratio) : 0; mask = keep, drawn from seed, training step, sample and element.',
  inputs: [
    { name: 'x', dtypes: ['f16'] },
    { ...CONTROL, optional: true },
  ],
  outputs: [
    { name: 'y', dtypes: ['f16'] },
    { name: 'mask', dtypes: ['bit'], optional: true, savedForBackward: true, resultKind: 'maskIndex' },
  ],
  attrs: ATTRS,
  unit: 'vector',
  crossesSamples: () => false,
  infer: (inputs, attrs, wanted) => {
    scaleOf(attrs);
    expectControl(inputs, 1);
    const { shape } = nth(inputs, 0);
    const mask: TensorType = { dtype: 'bit', shape };
    return wanted > 1 ? [f16(shape), mask] : [f16(shape)];
  },
  gradient: (ctx, dy) => {
    const [, mask = ''] = ctx.outputs;
    if (!ctx.wants(0)) return [undefined];
    return [ctx.emit('dropout_grad', 'data', [dy, mask], { ratio: floatAttr(RATIO, ctx.attrs, 'ratio') })[0]];
  },
  passes: 2,
  inPlace: [0],
  reference: (inputs, types, attrs, outputs) => {
    const x = nth(inputs, 0);
    const run = sampleElements(nth(types, 0));
    const [, control] = inputs;
    const step = control === undefined ? 0 : controlWord(control, 'step');
    const seed = seedOf(intAttr(ATTRS, attrs, 'seed'), step);
    const [ratio, scale] = [floatAttr(ATTRS, attrs, 'ratio'), scaleOf(attrs)];
    const mask = x.map((_, i) => (keeps(seed, Math.floor(i / run), i % run, ratio) ? 1 : 0));
    const y = x.map((v, i) => (at(mask, i) === 0 ? 0 : v * scale));
    return outputs.length > 1 ? [y, mask] : [y];
  },
};

export const dropoutGrad: KindRecord = {
  kind: 'dropout_grad',
  doc: 'dx = mask ? dy/(1 − ratio) : 0.',
  inputs: [
    { name: 'dy', dtypes: ['f16'] },
    { name: 'mask', dtypes: ['bit'] },
  ],
  outputs: [{ name: 'dx', dtypes: ['f16'] }],
  attrs: RATIO,
  unit: 'vector',
  crossesSamples: () => false,
  infer: (inputs, attrs) => {
    scaleOf(attrs);
    expectSame('input mask', nth(inputs, 0), [nth(inputs, 1)]);
    return [f16(nth(inputs, 0).shape)];
  },
  inPlace: [0],
  reference: (inputs, _types, attrs) => {
    const mask = nth(inputs, 1);
    const scale = scaleOf(attrs);
    return [nth(inputs, 0).map((v, i) => (at(mask, i) === 0 ? 0 : v * scale))];
  },
};
