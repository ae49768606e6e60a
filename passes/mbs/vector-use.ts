import { recordOf } from '../../ir/layers/index.ts';
import { elementCount, sampleElements } from '../../ir/tensor.ts';
import type { LayerView } from './network.ts';

/** Elements that the vector unit passes over, as often as it does: of the largest operand of so many samples, and of the parameters of an update. */
export function passedElements(view: LayerView, samples: number): number {
  return (view.matrix === undefined ? samples * sampledElements(view) : 0) + updatedElements(view);
}

/** Those of a sample. */
function sampledElements(view: LayerView): number {
  const { record, layer, inputs, outputs } = view;
  if (record.passedElements === undefined) return (record.passes ?? 1) * largestOperand(view);
  const [ins, outs] = [inputs, outputs].map((operands) => operands.map(({ type }) => type));
  const [samples = 1] = ins?.[0]?.shape ?? [];
  return record.passedElements(ins ?? [], outs ?? [], layer.attrs) / samples;
}

function largestOperand({ inputs, outputs }: LayerView): number {
  return Math.max(0, ...[...inputs, ...outputs].filter((o) => o.batched).map((o) => sampleElements(o.type)));
}

/** Elements of parameters that an update passes over in a step, as often as it does. */
function updatedElements(view: LayerView): number {
  const { update, record, phase } = view;
  if (phase !== 'update' && update === undefined) return 0;
  const passes = update === undefined ? record.passes : recordOf(update.kind).passes;
  const operand = update === undefined ? view.inputs[0] : view.outputs[0];
  return (passes ?? 1) * elementCount(operand?.type.shape ?? [0]);
}
