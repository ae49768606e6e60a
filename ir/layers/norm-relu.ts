import { roundToHalf } from '../half.ts';
import { normApply } from './norm.ts';
import { normGradApply, normGradReduce } from './norm-grad.ts';
import type { KindRecord } from './record.ts';
import { relu, reluGrad } from './relu.ts';
import { nth } from './types.ts';

// Normalization with the rectifier behind it, and its gradient: one layer of the vector unit instead of two. None has a gradient, because layers are joined
// after the training step is derived, and none takes rows of an image: the bits of a mask that belong to them do not lie side by side.

function ofWholeSamples({ gradient: _gradient, stripes: _stripes, inputRows: _inputRows, ...same }: KindRecord): KindRecord {
  return same;
}

export const normRelu: KindRecord = {
  ...ofWholeSamples(normApply),
  kind: 'norm_relu',
  doc: 'y = s > 0 (or NaN) ? s : 0; mask = s > 0, where s is the f16 that norm_apply gives.',
  outputs: relu.outputs,
  infer: (inputs, attrs, wanted) => relu.infer(normApply.infer(inputs, attrs, 1), {}, wanted),
  reference: (inputs, types, attrs, outputs) => {
    const s = nth(normApply.reference(inputs, types, attrs, outputs), 0);
    const [y = s] = relu.reference([s], types, {}, outputs.slice(0, 1));
    // What is above 0 by less than half of the least f16 is 0 in f16.
    return [y, ...relu.reference([s.map(roundToHalf)], types, {}, outputs).slice(1)];
  },
};

/** The gradient of a normalization behind which a rectifier let through what `mask` says. */
function masked(gradient: KindRecord, kind: string): KindRecord {
  return {
    ...ofWholeSamples(gradient),
    kind,
    doc: `As ${gradient.kind}, of mask ? dy : 0 in the place of dy.`,
    inputs: [...gradient.inputs, { name: 'mask', dtypes: ['bit'] }],
    infer: (inputs, attrs, wanted) => {
      reluGrad.infer([nth(inputs, 1), nth(inputs, inputs.length - 1)], {}, 1);
      return gradient.infer(inputs.slice(0, -1), attrs, wanted);
    },
    reference: (inputs, types, attrs, outputs) => {
      const dy = reluGrad.reference([nth(inputs, 1), nth(inputs, inputs.length - 1)], [], {}, []);
      return gradient.reference(inputs.slice(0, -1).with(1, nth(dy, 0)), types, attrs, outputs);
    },
  };
}

export const normReluGradReduce = masked(normGradReduce, 'norm_relu_grad_reduce');
export const normReluGradApply = masked(normGradApply, 'norm_relu_grad_apply');
