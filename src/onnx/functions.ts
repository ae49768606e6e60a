import { diag, fail, type Place } from '../../ir/diagnostics.ts';
import { inlined } from './inline.ts';
import type { Attribute, Block, OnnxFunction, OnnxModel, OnnxNode } from './model.ts';

/** More nodes than any network has: functions that call functions can grow without end. */
const MOST_NODES = 100_000;

const keyOf = ({ domain }: { readonly domain: string }, name: string): string => JSON.stringify([domain, name]);

/**
 * The model with every call of one of its functions replaced by the body.
 * @throws WavecError BAD_FUNCTION for functions that are given twice, call themselves, or grow beyond all measure
 */
export function inlineFunctions(model: OnnxModel, place: Place): OnnxModel {
  if (model.functions.length === 0) return model;
  const functions = new Map<string, OnnxFunction>();
  for (const f of model.functions) {
    if (functions.has(keyOf(f, f.name))) fail(diag.badFunction(place, f.name, 'it is defined twice'));
    functions.set(keyOf(f, f.name), f);
  }
  const taken = new Set([
    ...model.inputs.map((i) => i.name),
    ...model.initializers.map((t) => t.name ?? ''),
    ...model.nodes.flatMap((n) => n.outputs),
  ]);
  return { ...model, nodes: new Inliner(functions, taken, place).nodes(model.nodes, []), functions: [] };
}

class Inliner {
  private readonly functions: ReadonlyMap<string, OnnxFunction>;
  private readonly taken: Set<string>;
  private readonly place: Place;
  private count = 0;

  constructor(functions: ReadonlyMap<string, OnnxFunction>, taken: Set<string>, place: Place) {
    this.functions = functions;
    this.taken = taken;
    this.place = place;
  }

  /** `calls`: the functions that are being inlined, from the outermost on. */
  nodes(nodes: readonly OnnxNode[], calls: readonly OnnxFunction[]): OnnxNode[] {
    return nodes.flatMap((node) => {
      const f = this.functions.get(keyOf(node, node.opType));
      return f === undefined ? this.withBlocks(node, calls) : this.call(f, node, calls);
    });
  }

  private call(f: OnnxFunction, node: OnnxNode, calls: readonly OnnxFunction[]): OnnxNode[] {
    const place = { ...this.place, node: node.label };
    if (calls.includes(f)) fail(diag.badFunction(place, f.name, 'it calls itself'));
    this.count += f.nodes.length;
    if (this.count > MOST_NODES) fail(diag.badFunction(place, f.name, `its calls have more than ${MOST_NODES} nodes`));
    if (node.inputs.length > f.inputs.length || node.outputs.length > f.outputs.length)
      fail(diag.badFunction(place, f.name, `it has ${f.inputs.length} inputs and ${f.outputs.length} outputs, and is called with more`));
    const attributes = new Map([...f.defaults, ...node.attributes]);
    const body = inlined(f, node, { inputs: node.inputs, outputs: node.outputs, attributes, taken: this.taken });
    const passed = node.outputs.flatMap((output, i) => {
      const source = body.outputs[i] ?? '';
      return output === '' || source === output ? [] : [identity(node, source, output, i)];
    });
    return [...this.nodes(body.nodes, [...calls, f]), ...passed];
  }

  private withBlocks(node: OnnxNode, calls: readonly OnnxFunction[]): OnnxNode {
    if (![...node.attributes.values()].some((a) => a.type === 'graph')) return node;
    const block = (b: Block): Block => ({ ...b, nodes: this.nodes(b.nodes, calls) });
    const attributes = [...node.attributes].map(([name, a]): [string, Attribute] =>
      a.type === 'graph' ? [name, { type: 'graph', value: block(a.value) }] : [name, a],
    );
    return { ...node, attributes: new Map(attributes) };
  }
}

/** An output of a function that is one of its inputs, or another output as well. */
function identity(call: OnnxNode, input: string, output: string, i: number): OnnxNode {
  const names = { label: `${call.label}/output${i}`, layerName: `${call.layerName}/output${i}` };
  return { ...call, ...names, opType: 'Identity', domain: '', inputs: [input], outputs: [output], captures: [], attributes: new Map() };
}
