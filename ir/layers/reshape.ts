import { elementCount, sampleElements } from '../tensor.ts';
import { type AttrSpecs, intsAttr } from './attrs.ts';
import { type KindRecord, ShapeError } from './record.ts';
import { f16, nth, shapeText } from './types.ts';

const ATTRS = { shape: { type: 'ints', doc: 'of a sample, without the mini-batch' } } as const satisfies AttrSpecs;

export const reshape: KindRecord = {
  kind: 'reshape',
  doc: 'The elements of each sample in another shape; moves no data.',
  inputs: [{ name: 'x', dtypes: ['f16'] }],
  outputs: [{ name: 'y', dtypes: ['f16'] }],
  attrs: ATTRS,
  unit: 'alias',
  crossesSamples: () => false,
  infer: (inputs, attrs) => {
    const x = nth(inputs, 0);
    const shape = intsAttr(ATTRS, attrs, 'shape');
    if (elementCount(shape) !== sampleElements(x)) {
      throw new ShapeError(`a sample of shape ${shapeText(shape)} has ${elementCount(shape)} elements, the input has ${sampleElements(x)}`);
    }
    return [f16([nth(x.shape, 0), ...shape])];
  },
  gradient: (ctx, dy) => {
    if (!ctx.wants(0)) return [undefined];
    return [ctx.emit('reshape', 'data', [dy], { shape: ctx.typeOf(nth(ctx.inputs, 0)).shape.slice(1) })[0]];
  },
  reference: (inputs) => [nth(inputs, 0).slice()],
};
