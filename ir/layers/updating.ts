import type { Attrs } from '../graph.ts';
import type { TensorType } from '../tensor.ts';
import { stepControl } from './control.ts';
import { convGradWeight } from './conv-grad-weight.ts';
import { gemmGradWeight } from './gemm.ts';
import type { KindRecord } from './record.ts';
import { nth } from './types.ts';
import { adam, momentum, sgd } from './update.ts';

/** Operands of a weight gradient in front of those of the update: x, dy. */
const PRODUCT_INPUTS = 2;

/** Attributes of the step of the control state alone. */
function stepAttrs(attrs: Attrs): Attrs {
  return Object.fromEntries(Object.entries(attrs).filter(([name]) => name in stepControl.attrs));
}

/**
 * A weight gradient and the update of its weights in one layer. It makes the control words of the update for itself, so that it does not
 * depend on the layers that begin the update of the others: control stays as it is.
 */
function updating(product: KindRecord, optimizer: KindRecord): KindRecord {
  const { updating: _, ...same } = product;
  const [gradient, bias] = [nth(product.outputs, 0), nth(product.outputs, 1)];
  const states = optimizer.inputs.length - 2;
  const control = PRODUCT_INPUTS + states;
  const withBias = 1 + states + 2;
  const productOutputs = (outputs: number): number => (outputs < withBias ? 1 : 2);
  const stateBytes = (inputs: readonly TensorType[], attrs: Attrs, outputs: number) =>
    product.stateBytes?.(inputs, attrs, productOutputs(outputs)) ?? { perSample: 0, shared: 0 };
  return {
    ...same,
    kind: `${product.kind}_${optimizer.kind}`,
    doc: `dw and db as ${product.kind}; then with control as step_control makes it, and grad = dw, all as ${optimizer.kind}.`,
    inputs: [...product.inputs, ...optimizer.inputs.slice(0, states), ...stepControl.inputs],
    outputs: [
      gradient,
      ...optimizer.outputs.slice(0, states),
      { name: 'weight', dtypes: ['f16'], shared: true, resultKind: 'weight' },
      { ...bias, whole: true },
    ],
    attrs: { ...product.attrs, ...optimizer.attrs },
    update: { kind: optimizer.kind, states },
    infer: (inputs, attrs, wanted) => {
      const gradients = product.infer(inputs, attrs, productOutputs(wanted));
      const dw = nth(gradients, 0);
      const words = stepControl.infer(inputs.slice(control), stepAttrs(attrs), 1);
      return [dw, ...optimizer.infer([...inputs.slice(PRODUCT_INPUTS, control), dw, ...words], attrs, states + 1), ...gradients.slice(1)];
    },
    stateBytes,
    reference: (inputs, types, attrs, outputs) => {
      const gradientTypes = [nth(outputs, 0), ...outputs.slice(withBias - 1)];
      const gradients = product.reference(inputs, types, attrs, gradientTypes);
      const words = stepControl.reference(inputs.slice(control), types.slice(control), stepAttrs(attrs), types.slice(control, -1));
      const operands = [...inputs.slice(PRODUCT_INPUTS, control), nth(gradients, 0), ...words];
      const operandTypes = [...types.slice(PRODUCT_INPUTS, control), nth(outputs, 0), nth(types, control)];
      const updated = optimizer.reference(operands, operandTypes, attrs, outputs.slice(1, withBias - 1));
      return [nth(gradients, 0), ...updated, ...gradients.slice(1)];
    },
  };
}

const PRODUCTS = [convGradWeight, gemmGradWeight];
const OPTIMIZERS = [sgd, momentum, adam];

/** Every weight gradient with every update. */
export const UPDATING: readonly KindRecord[] = PRODUCTS.flatMap((product) => OPTIMIZERS.map((optimizer) => updating(product, optimizer)));
