import type { GraphBuilder } from '../../ir/build.ts';
import { type Diagnostic, diag, WavecError } from '../../ir/diagnostics.ts';
import type { Layer } from '../../ir/graph.ts';
import { recordOf } from '../../ir/layers/index.ts';
import type { GradientContext } from '../../ir/layers/record.ts';
import type { Forward } from './forward.ts';

/** Emits the gradient of every layer that leads to a parameter, last layer first; returns the gradient of each parameter. */
export function deriveBackward(builder: GraphBuilder, forward: Forward): Map<string, string> {
  const partial = new Map<string, string[]>();
  const contribute = (tensor: string, gradient: string): void => {
    const list = partial.get(tensor);
    if (list === undefined) partial.set(tensor, [gradient]);
    else list.push(gradient);
  };
  for (const [tensor, gradient] of forward.seeds) contribute(tensor, gradient);
  const problems: Diagnostic[] = [];
  for (const layer of [...forward.layers].reverse()) {
    const [y = ''] = layer.outputs;
    const parts = partial.get(y);
    if (parts === undefined || !layer.inputs.some((i) => forward.wanted.has(i))) continue;
    const record = recordOf(layer.kind);
    if (record.gradient === undefined) {
      problems.push(diag.noGradient({ layer: layer.name, node: layer.origin }, layer.kind));
      continue;
    }
    const gradient = sumOf(builder, layer, y, parts);
    record.gradient(contextOf(builder, forward, layer), gradient).forEach((g, i) => {
      const input = layer.inputs[i];
      if (g !== undefined && input !== undefined) contribute(input, g);
    });
  }
  const gradients = new Map<string, string>();
  for (const parameter of forward.parameters) {
    const [gradient, second] = partial.get(parameter) ?? [];
    if (second !== undefined) problems.push(diag.tiedParameter({ tensor: parameter }));
    if (gradient !== undefined) gradients.set(parameter, gradient);
  }
  if (problems.length > 0) throw new WavecError(problems);
  return gradients;
}

/** The gradient of a tensor that several layers read is the sum of what each gives. */
function sumOf(builder: GraphBuilder, layer: Layer, tensor: string, parts: readonly string[]): string {
  const [only = '', ...more] = parts;
  if (more.length === 0) return only;
  const [sum = only] = builder.layer({
    kind: 'add',
    name: `${tensor}.grad`,
    inputs: parts,
    phase: 'backward',
    origin: layer.origin,
    outputKinds: ['activationGradient'],
  });
  return sum;
}

function contextOf(builder: GraphBuilder, forward: Forward, layer: Layer): GradientContext {
  return {
    inputs: layer.inputs,
    outputs: layer.outputs,
    attrs: layer.attrs,
    typeOf: (tensor) => builder.typeOf(tensor),
    wants: (index) => forward.wanted.has(layer.inputs[index] ?? ''),
    constant: (label, type, kind, constant) => builder.constant(builder.freeName(`${layer.name}.grad.${label}`), type, kind, constant),
    emit: (kind, label, inputs, attrs, resultKinds) =>
      builder.layer({
        kind,
        name: `${layer.name}.grad.${label}`,
        inputs,
        attrs,
        phase: 'backward',
        origin: layer.origin,
        unit: `${layer.unit}.grad`,
        ...(resultKinds === undefined ? {} : { outputs: resultKinds.length, outputKinds: resultKinds }),
      }),
  };
}
