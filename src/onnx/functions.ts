import { diag, fail, type Place } from '../../ir/diagnostics.ts';
import { functionKey } from './decode.ts';
import type { Attribute, OnnxFunction, OnnxModel, OnnxNode } from './model.ts';
import { renamed } from './subgraph.ts';

/** Functions call functions at most this deep: those of exporters are a few levels. */
const DEEPEST = 32;
/** More nodes than any network has. */
const MOST_NODES = 200_000;

/**
 * The model with every call of one of its functions replaced by the function's nodes.
 * @throws WavecError UNSUPPORTED_OP for functions that call themselves
 */
export function inlineFunctions(model: OnnxModel, place: Place): OnnxModel {
  if (model.functions.size === 0) return model;
  let count = 0;
  const inline = (node: OnnxNode, depth: number): OnnxNode[] => {
    const called = model.functions.get(functionKey(node.domain, node.opType));
    if (++count > MOST_NODES || depth > DEEPEST)
      return fail(diag.unsupportedOp({ ...place, node: node.label }, node.opType, 'the functions that it calls go on without end'));
    return called === undefined ? [node] : bodyOf(node, called).flatMap((n) => inline(n, depth + 1));
  };
  return { ...model, nodes: model.nodes.flatMap((node) => inline(node, 0)) };
}

/** The nodes of a function for one call. */
function bodyOf(call: OnnxNode, { inputs, outputs, nodes }: OnnxFunction): OnnxNode[] {
  const given = new Map<string, string>();
  inputs.forEach((name, i) => {
    given.set(name, call.inputs[i] ?? '');
  });
  outputs.forEach((name, i) => {
    given.set(name, call.outputs[i] || `${call.layerName}/${name}`);
  });
  const rename = (name: string): string => (name === '' ? '' : (given.get(name) ?? `${call.layerName}/${name}`));
  return nodes.map((node) => ({ ...renamed(bound(node, call), rename, `${call.label}/`), index: call.index }));
}

/** The node with the attributes that refer to the caller's; where that one has none, the operator's default stands. */
function bound(node: OnnxNode, call: OnnxNode): OnnxNode {
  const attributes = new Map<string, Attribute>();
  for (const [name, attribute] of node.attributes) {
    const value = attribute.type === 'reference' ? call.attributes.get(attribute.value) : attribute;
    if (value !== undefined) attributes.set(name, value);
  }
  return { ...node, attributes };
}
