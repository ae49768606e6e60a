import { type Diagnostic, diag, fail, WavecError } from './diagnostics.ts';
import type { Graph, Tensor } from './graph.ts';
import { roundToHalf } from './half.ts';
import { recordOf } from './layers/index.ts';
import type { Values } from './layers/record.ts';
import { elementCount, type TensorType } from './tensor.ts';

export interface EvaluateOptions {
  /** `f16`: every f16 tensor is rounded to halves as soon as it has a value; `none` (default): all in f64. */
  readonly round?: 'none' | 'f16';
  /** Values that take the place of the initial ones of constants: what an earlier step has left (`stateAfter`). */
  readonly state?: ReadonlyMap<string, Values>;
}

/**
 * Runs the reference kernels over the whole graph.
 * @param inputs values of the graph's inputs, dense and row-major.
 * @returns the values of every tensor of the graph.
 * @throws WavecError `BAD_VALUES` naming every input that is missing or has the wrong number of elements.
 */
export function evaluate(graph: Graph, inputs: ReadonlyMap<string, Values>, options: EvaluateOptions = {}): Map<string, Values> {
  const stored = (type: TensorType, values: Values): Values =>
    options.round === 'f16' && type.dtype === 'f16' ? values.map(roundToHalf) : values;
  const results = new Map<string, Values>();
  const tensorOf = (name: string): Tensor => graph.tensors.get(name) ?? fail(diag.internal({ tensor: name }, 'tensor is not in the graph'));
  const valuesOf = (name: string): Values => results.get(name) ?? fail(diag.internal({ tensor: name }, 'tensor has no value'));

  for (const tensor of graph.tensors.values()) {
    if (tensor.constant === undefined) continue;
    results.set(tensor.name, stored(tensor.type, options.state?.get(tensor.name) ?? constantValues(graph, tensor)));
  }
  const problems: Diagnostic[] = [];
  for (const name of graph.inputs) {
    const { type } = tensorOf(name);
    const values = inputs.get(name);
    const count = elementCount(type.shape);
    if (values?.length === count) results.set(name, stored(type, values));
    else
      problems.push(
        diag.badValues(
          { tensor: name },
          values === undefined ? 'the graph input is not given' : `${values.length} values for ${count} elements`,
        ),
      );
  }
  if (problems.length > 0) throw new WavecError(problems);
  for (const layer of graph.layers) {
    const types = layer.inputs.map((name) => tensorOf(name).type);
    const outputTypes = layer.outputs.map((name) => tensorOf(name).type);
    const values = recordOf(layer.kind).reference(layer.inputs.map(valuesOf), types, layer.attrs, outputTypes);
    layer.outputs.forEach((name, i) => {
      const value = values[i] ?? fail(diag.internal({ layer: layer.name, tensor: name }, 'reference kernel gives no value'));
      results.set(name, stored(tensorOf(name).type, value));
    });
  }
  return results;
}

/** What a step leaves in the tensors that it overwrites, given the values of all tensors: the state of the next step. */
export function stateAfter(graph: Graph, results: ReadonlyMap<string, Values>): Map<string, Values> {
  const state = new Map<string, Values>();
  for (const { name, storage } of graph.tensors.values()) {
    const values = results.get(name);
    // Tensors stand in the order in which layers make them: the last one that shares a storage remains.
    if (storage !== undefined && values !== undefined) state.set(storage, values);
  }
  return state;
}

/** The initial value of a constant tensor, not rounded. */
export function constantValues(graph: Graph, tensor: Tensor): Values {
  const { constant } = tensor;
  if (constant === undefined) return fail(diag.internal({ tensor: tensor.name }, 'tensor is no constant'));
  if (constant.form === 'splat') return new Float64Array(elementCount(tensor.type.shape)).fill(constant.value);
  if (constant.form === 'values') return Float64Array.from(constant.values);
  if (constant.form === 'elided') return fail(diag.badValues({ tensor: tensor.name }, 'the constant was read without its values'));
  const source = graph.tensors.get(constant.tensor) ?? fail(diag.internal({ tensor: constant.tensor }, 'tensor is not in the graph'));
  return constantValues(graph, source);
}
