import { elementCount, type TensorType } from '../tensor.ts';
import { type AttrSpecs, intsAttr } from './attrs.ts';
import { BROADCAST_DIMS, broadcastShape, broadcastStrides, forEachStep, mergedWalk, type Walk } from './broadcast.ts';
import { type KindRecord, ShapeError } from './record.ts';
import { at, bump, f32, nth, shapeText } from './types.ts';

const ATTRS = {
  shape: { type: 'ints', doc: 'of the sum, of the rank of a sample: 1 where a dimension is summed over' },
} as const satisfies AttrSpecs;

/** How the elements of a sample of `x`, in order, fall on those of the sum. */
export function sumWalk(x: TensorType, shape: readonly number[]): Walk {
  const sample = x.shape.slice(1);
  const whole = broadcastShape(sample, shape);
  if (elementCount(whole) !== elementCount(sample))
    throw new ShapeError(`a sample of shape ${shapeText(sample)} does not sum to ${shapeText(shape)}`);
  const walk = mergedWalk(whole, [broadcastStrides(shape, whole)]);
  if (walk.sizes.length > BROADCAST_DIMS)
    throw new ShapeError(`the sum alternates over ${walk.sizes.length} dimensions, at most ${BROADCAST_DIMS} are possible`);
  return walk;
}

export const sumSamples: KindRecord = {
  kind: 'sum_samples',
  doc: 'y = Σ x over the samples of the mini-batch and the dimensions of size 1 in `shape`: the gradient of a constant that repeats there.',
  inputs: [{ name: 'x', dtypes: ['f16'] }],
  outputs: [{ name: 'y', dtypes: ['f32'], shared: true, resultKind: 'weightGradient' }],
  attrs: ATTRS,
  unit: 'vector',
  crossesSamples: () => false,
  infer: (inputs, attrs) => {
    const shape = intsAttr(ATTRS, attrs, 'shape');
    sumWalk(nth(inputs, 0), shape);
    return [f32(shape)];
  },
  reference: (inputs, types, attrs) => {
    const shape = intsAttr(ATTRS, attrs, 'shape');
    const x = nth(inputs, 0);
    const sums = new Float64Array(elementCount(shape));
    const count = elementCount(nth(types, 0).shape.slice(1));
    const walk = sumWalk(nth(types, 0), shape);
    for (let from = 0; from < x.length; from += count) forEachStep(walk, (i, [j = 0]) => bump(sums, j, at(x, from + i)));
    return [sums];
  },
};
