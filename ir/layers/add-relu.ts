import { add } from './elementwise.ts';
import type { KindRecord } from './record.ts';
import { relu, reluGrad } from './relu.ts';
import { expectSame, nth } from './types.ts';

/**
 * A layer on the sum of two operands, which come in the place of its first: one pass of the vector unit instead of two. A sum of two f16 that is not 0 does not
 * round to 0, so that its sign is that of the f16 that would lie between the two layers. It has no gradient: they are joined after the training step is derived.
 */
function ofSum(activation: KindRecord, kind: string, doc: string): KindRecord {
  const { gradient: _gradient, ofSum: _ofSum, behind: _behind, masking: _masking, ...same } = activation;
  const [x = { name: 'x', dtypes: ['f16'] }, ...others] = activation.inputs;
  return {
    ...same,
    kind,
    doc,
    inputs: [{ ...x, name: 'a' }, { ...x, name: 'b' }, ...others],
    infer: (inputs, attrs, wanted) => {
      const sum = nth(inputs, 0);
      expectSame('input b', sum, [nth(inputs, 1)]);
      return activation.infer([sum, ...inputs.slice(2)], attrs, wanted);
    },
    inPlace: [0, 1],
    reference: (inputs, types, attrs, outputs) => {
      const sums = add.reference(inputs.slice(0, 2), [], {}, []);
      return activation.reference([...sums, ...inputs.slice(2)], types.slice(1), attrs, outputs);
    },
  };
}

export const addRelu = ofSum(relu, 'add_relu', 'y = s > 0 (or NaN) ? s : 0; mask = s > 0, where s = a + b.');

export const addReluGrad = ofSum(reluGrad, 'add_relu_grad', 'dx = mask ? a + b : 0.');
