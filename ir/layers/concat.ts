import type { Attrs } from '../graph.ts';
import { elementCount, sampleElements, type TensorType } from '../tensor.ts';
import { type AttrSpecs, intAttr, intsAttr } from './attrs.ts';
import { type KindRecord, ShapeError } from './record.ts';
import { expectShape, f16, nth } from './types.ts';

const AXIS = {
  axis: { type: 'int', default: 1, doc: 'always 1, the channels' },
  blocks: { type: 'int', default: 1, doc: 'equal blocks that the channels of every part fall into, joined block by block' },
} as const satisfies AttrSpecs;

/** Into how many blocks the channels of every part fall; `parts` are the channels of each. */
function blocksOf(attrs: Attrs, parts: readonly number[]): number {
  const axis = intAttr(AXIS, attrs, 'axis');
  if (axis !== 1) throw new ShapeError(`axis is ${axis}, only channels (1) can be joined and split`);
  const blocks = intAttr(AXIS, attrs, 'blocks');
  if (blocks < 1 || parts.some((channels) => channels % blocks !== 0))
    throw new ShapeError(`blocks ${blocks} must divide ${parts.join(', ')} channels`);
  return blocks;
}

/** The shape with another number of channels. */
function withChannels(type: TensorType, channels: number): number[] {
  return type.shape.map((d, i) => (i === 1 ? channels : d));
}

export const concat: KindRecord = {
  kind: 'concat',
  doc: 'y holds the channels of x0, then those of x1, …, block by block.',
  inputs: [{ name: 'x', dtypes: ['f16'], variadic: true }],
  outputs: [{ name: 'y', dtypes: ['f16'] }],
  attrs: AXIS,
  unit: 'vector',
  crossesSamples: () => false,
  infer: (inputs, attrs) => {
    const first = nth(inputs, 0);
    blocksOf(
      attrs,
      inputs.map((x) => nth(x.shape, 1)),
    );
    for (const x of inputs) expectShape('input x', x, withChannels(first, nth(x.shape, 1)));
    const channels = inputs.reduce((sum, x) => sum + nth(x.shape, 1), 0);
    return [f16(withChannels(first, channels))];
  },
  gradient: (ctx, dy) => {
    if (!ctx.inputs.some((_, i) => ctx.wants(i))) return ctx.inputs.map(() => undefined);
    const sizes = ctx.inputs.map((x) => nth(ctx.typeOf(x).shape, 1));
    const parts = ctx.emit(
      'split',
      'data',
      [dy],
      { ...ctx.attrs, sizes },
      sizes.map(() => 'activationGradient'),
    );
    return parts.map((part, i) => (ctx.wants(i) ? part : undefined));
  },
  stripes: 'rows',
  inputRows: (_index, out) => out,
  reference: (inputs, types, attrs, outputs) => {
    const blocks = intAttr(AXIS, attrs, 'blocks');
    const wide = sampleElements(nth(outputs, 0)) / blocks;
    const y = new Float64Array(elementCount(nth(outputs, 0).shape));
    let offset = 0;
    inputs.forEach((x, i) => {
      const run = sampleElements(nth(types, i)) / blocks;
      for (let n = 0; n * run < x.length; n++) y.set(x.subarray(n * run, (n + 1) * run), n * wide + offset);
      offset += run;
    });
    return [y];
  },
};

const SPLIT_ATTRS = { ...AXIS, sizes: { type: 'ints', doc: 'channels of each part' } } as const satisfies AttrSpecs;

export const split: KindRecord = {
  kind: 'split',
  doc: 'y0, y1, … hold adjacent ranges of the channels of every block of x.',
  inputs: [{ name: 'x', dtypes: ['f16'] }],
  outputs: [{ name: 'y', dtypes: ['f16'], variadic: true }],
  attrs: SPLIT_ATTRS,
  unit: 'vector',
  crossesSamples: () => false,
  infer: (inputs, attrs, wanted) => {
    const x = nth(inputs, 0);
    const sizes = intsAttr(SPLIT_ATTRS, attrs, 'sizes');
    blocksOf(attrs, sizes);
    const channels = sizes.reduce((a, b) => a + b, 0);
    if (sizes.length !== wanted) throw new ShapeError(`${sizes.length} sizes for ${wanted} outputs`);
    if (channels !== x.shape[1] || sizes.some((size) => size < 1)) {
      throw new ShapeError(`sizes ${sizes.join(', ')} do not cut the ${x.shape[1] ?? 0} channels into parts`);
    }
    return sizes.map((size) => f16(withChannels(x, size)));
  },
  stripes: 'rows',
  inputRows: (_index, out) => out,
  reference: (inputs, types, attrs, outputs) => {
    const x = nth(inputs, 0);
    const blocks = intAttr(AXIS, attrs, 'blocks');
    const whole = sampleElements(nth(types, 0)) / blocks;
    let offset = 0;
    return outputs.map((type) => {
      const y = new Float64Array(elementCount(type.shape));
      const run = sampleElements(type) / blocks;
      for (let n = 0; n * run < y.length; n++) y.set(x.subarray(n * whole + offset, n * whole + offset + run), n * run);
      offset += run;
      return y;
    });
  },
};
