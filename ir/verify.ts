import { type Diagnostic, diag } from './diagnostics.ts';
import type { Constant, Graph, Layer, Tensor } from './graph.ts';
import { attrProblems } from './layers/attrs.ts';
import { findRecord } from './layers/index.ts';
import { inferTypes, isShared, operandAt } from './layers/operands.ts';
import { type KindRecord, type OperandSpec, ShapeError } from './layers/record.ts';
import { elementCount, formatType, sameType, type TensorType } from './tensor.ts';

/** Everything that contradicts the rules of the layer IR; empty for a sound graph. */
export function verify(graph: Graph): Diagnostic[] {
  const problems: Diagnostic[] = [];
  if (!Number.isInteger(graph.batch) || graph.batch < 1)
    problems.push(diag.badGraph({}, `mini-batch is ${graph.batch}, expected a positive integer`));
  for (const [key, tensor] of graph.tensors) problems.push(...tensorProblems(graph, key, tensor));
  problems.push(...definitionProblems(graph), ...overwriteProblems(graph));
  const names = new Set<string>();
  for (const layer of graph.layers) {
    if (names.has(layer.name)) problems.push(diag.badGraph(placeOf(layer), 'another layer has the same name'));
    names.add(layer.name);
    problems.push(...layerProblems(graph, layer));
  }
  return problems;
}

const placeOf = (layer: Layer): { node: string; layer: string } => ({ node: layer.origin, layer: layer.name });

function tensorProblems(graph: Graph, key: string, tensor: Tensor): Diagnostic[] {
  const problems: Diagnostic[] = [];
  const report = (what: string): void => {
    problems.push(diag.badGraph({ tensor: key }, what));
  };
  const { type } = tensor;
  if (tensor.name !== key) report(`is called '${tensor.name}' inside`);
  if (type.shape.some((d) => !Number.isInteger(d) || d < 1))
    report(`type ${formatType(type)} has a dimension that is not a positive integer`);
  if (tensor.batched && type.shape[0] !== graph.batch) report(`type ${formatType(type)} does not start with the mini-batch ${graph.batch}`);
  if (tensor.storage !== undefined) {
    const storage = graph.tensors.get(tensor.storage);
    if (storage === undefined) report(`shares the storage of '${tensor.storage}', which does not exist`);
    else if (!sameType(storage.type, type))
      report(`of type ${formatType(type)} shares the storage of '${storage.name}' of type ${formatType(storage.type)}`);
    else if (storageLoops(graph, tensor)) report('shares its own storage');
  }
  const constant = tensor.constant === undefined ? undefined : constantProblem(graph, type, tensor.constant);
  if (constant !== undefined) report(constant);
  return problems;
}

function storageLoops(graph: Graph, tensor: Tensor): boolean {
  const seen = new Set<string>();
  for (let at: Tensor | undefined = tensor; at !== undefined; at = at.storage === undefined ? undefined : graph.tensors.get(at.storage)) {
    if (seen.has(at.name)) return true;
    seen.add(at.name);
  }
  return false;
}

function constantProblem(graph: Graph, type: TensorType, constant: Constant): string | undefined {
  if (constant.form === 'splat' || constant.form === 'elided') return undefined;
  const count = elementCount(type.shape);
  if (constant.form === 'values')
    return constant.values.length === count ? undefined : `has ${constant.values.length} values for ${count} elements`;
  const source = graph.tensors.get(constant.tensor);
  if (source?.constant === undefined) return `copies '${constant.tensor}', which is not a constant`;
  if (source.constant.form === 'copyOf') return `copies '${constant.tensor}', which is a copy itself`;
  const same = source.type.shape.length === type.shape.length && source.type.shape.every((d, i) => d === type.shape[i]);
  return same ? undefined : `copies '${constant.tensor}' of type ${formatType(source.type)} into ${formatType(type)}`;
}

/** Every tensor gets its value exactly once, and before it is used. */
function definitionProblems(graph: Graph): Diagnostic[] {
  const problems: Diagnostic[] = [];
  const defined = new Set<string>();
  const define = (name: string, place: { node?: string; layer?: string }): void => {
    if (!graph.tensors.has(name)) problems.push(diag.badGraph({ ...place, tensor: name }, 'tensor does not exist'));
    if (defined.has(name)) problems.push(diag.badGraph({ ...place, tensor: name }, 'tensor gets a value twice'));
    defined.add(name);
  };
  for (const tensor of graph.tensors.values()) if (tensor.constant !== undefined) define(tensor.name, {});
  for (const input of graph.inputs) define(input, {});
  for (const layer of graph.layers) {
    for (const input of layer.inputs) {
      if (!graph.tensors.has(input)) problems.push(diag.badGraph({ ...placeOf(layer), tensor: input }, 'tensor does not exist'));
      else if (!defined.has(input))
        problems.push(diag.badGraph({ ...placeOf(layer), tensor: input }, 'tensor is used before it has a value'));
    }
    for (const output of layer.outputs) define(output, placeOf(layer));
  }
  for (const output of graph.outputs) {
    if (!defined.has(output)) problems.push(diag.badGraph({ tensor: output }, 'graph output never gets a value'));
  }
  return problems;
}

/** What lies in a storage is read before a layer overwrites it. */
function overwriteProblems(graph: Graph): Diagnostic[] {
  const problems: Diagnostic[] = [];
  /** The tensor whose elements a tensor has: its own, but for views. */
  const viewed = new Map<string, string>();
  /** Of what is overwritten: the tensor that did it last. */
  const latest = new Map<string, string>();
  const storageOf = (name: string): string => {
    const seen = new Set<string>();
    let at = name;
    for (let next: string | undefined = at; next !== undefined && !seen.has(next); next = graph.tensors.get(at)?.storage) {
      seen.add(next);
      at = next;
    }
    return at;
  };
  for (const layer of graph.layers) {
    for (const input of layer.inputs) {
      const tensor = viewed.get(input) ?? input;
      const now = latest.get(storageOf(tensor));
      if (now !== undefined && now !== tensor)
        problems.push(diag.badGraph({ ...placeOf(layer), tensor: input }, `is read after '${now}' has overwritten it`));
    }
    const [source] = layer.inputs;
    const isView = findRecord(layer.kind)?.unit === 'alias';
    for (const output of layer.outputs) {
      if (isView && source !== undefined) viewed.set(output, viewed.get(source) ?? source);
      else if (graph.tensors.get(output)?.storage !== undefined) latest.set(storageOf(output), output);
    }
  }
  return problems;
}

function layerProblems(graph: Graph, layer: Layer): Diagnostic[] {
  const place = placeOf(layer);
  const record = findRecord(layer.kind);
  if (record === undefined) return [diag.badGraph(place, `layer kind '${layer.kind}' is unknown`)];
  const wrongAttrs = attrProblems(record.attrs, layer.attrs);
  if (wrongAttrs.length > 0) return wrongAttrs.map((problem) => diag.badAttribute(place, problem));
  const inputs = layer.inputs.map((name) => graph.tensors.get(name)).filter((t) => t !== undefined);
  const outputs = layer.outputs.map((name) => graph.tensors.get(name)).filter((t) => t !== undefined);
  if (inputs.length < layer.inputs.length || outputs.length < layer.outputs.length) return [];
  return [...typeProblems(record, layer, inputs, outputs), ...batchProblems(record, layer, inputs, outputs)];
}

function typeProblems(record: KindRecord, layer: Layer, inputs: readonly Tensor[], outputs: readonly Tensor[]): Diagnostic[] {
  const place = placeOf(layer);
  try {
    const types = inferTypes(
      record,
      inputs.map((t) => t.type),
      layer.attrs,
      outputs.length,
    );
    return outputs.flatMap((output, i) => {
      const type = types[i];
      if (type !== undefined && sameType(type, output.type)) return [];
      const expected = type === undefined ? 'nothing' : formatType(type);
      return [diag.badShape({ ...place, tensor: output.name }, `result is ${formatType(output.type)}, the layer gives ${expected}`)];
    });
  } catch (error) {
    if (error instanceof ShapeError) return [diag.badShape(place, error.message)];
    throw error;
  }
}

function batchProblems(record: KindRecord, layer: Layer, inputs: readonly Tensor[], outputs: readonly Tensor[]): Diagnostic[] {
  const check = (specs: readonly OperandSpec[], tensors: readonly Tensor[]): Diagnostic[] =>
    tensors.flatMap((tensor, i) => {
      const spec = operandAt(specs, i);
      if (spec === undefined || tensor.batched === !isShared(spec, layer.attrs)) return [];
      const what = tensor.batched ? 'operand that all samples share has a value for each sample' : 'operand has no mini-batch dimension';
      return [diag.badGraph({ ...placeOf(layer), tensor: tensor.name }, what)];
    });
  return [...check(record.inputs, inputs), ...check(record.outputs, outputs)];
}
