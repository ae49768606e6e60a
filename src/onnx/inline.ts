import type { Attribute, Block, OnnxNode, TensorProto } from './model.ts';

/** What stands in place of a call or of a control-flow node. */
export interface Inlined {
  readonly nodes: readonly OnnxNode[];
  readonly initializers: readonly TensorProto[];
  /** The outputs of the block under their new names, in order. */
  readonly outputs: readonly string[];
}

export interface InlineOptions {
  /** Names of the tensors that the inputs of the block stand for; '' for one that is not given. */
  readonly inputs: readonly string[];
  /** Names that the outputs shall have; those that the block cannot give under such a name are named after the block. */
  readonly outputs?: readonly string[];
  /** Attributes that those of the body may refer to. */
  readonly attributes?: ReadonlyMap<string, Attribute>;
  /** Told from other copies of the block by this. */
  readonly part?: string;
  /** Names that the model has already; those of the copy are added. */
  readonly taken: Set<string>;
}

/** A copy of a block in place of `node`, its tensors and nodes renamed, so that no name is used twice. */
export function inlined(block: Block, node: OnnxNode, options: InlineOptions): Inlined {
  const { taken, part = '', attributes = new Map() } = options;
  const given = new Map(block.inputs.map((name, i) => [name, options.inputs[i] ?? '']));
  const made = new Set(block.nodes.flatMap((n) => n.outputs));
  const wanted = new Map<string, string>();
  block.outputs.forEach((name, i) => {
    const target = options.outputs?.[i];
    if (target && made.has(name) && !given.has(name) && !wanted.has(name)) wanted.set(name, target);
  });
  const fresh = (name: string): string => {
    const base = `${node.layerName}${part}/${name}`;
    let free = base;
    for (let n = 2; taken.has(free); n++) free = `${base}:${n}`;
    taken.add(free);
    return free;
  };
  const names = new Map([...given, ...wanted]);
  for (const name of [...made, ...block.initializers.map((t) => t.name ?? '')]) {
    if (name !== '' && !names.has(name)) names.set(name, fresh(name));
  }
  const rename = (name: string): string => names.get(name) ?? name;
  return {
    nodes: block.nodes.map((n) => copyOf(n, node, part, rename, attributes)),
    initializers: block.initializers.map((t) => ({ ...t, name: rename(t.name ?? '') })),
    outputs: block.outputs.map(rename),
  };
}

function copyOf(
  node: OnnxNode,
  caller: OnnxNode,
  part: string,
  rename: (name: string) => string,
  given: ReadonlyMap<string, Attribute>,
): OnnxNode {
  return {
    ...renamed(node, rename, given),
    label: `${caller.label}${part}/${node.label}`,
    layerName: `${caller.layerName}${part}/${node.layerName}`,
  };
}

function renamed(node: OnnxNode, rename: (name: string) => string, given: ReadonlyMap<string, Attribute>): OnnxNode {
  const attributes = [...node.attributes].flatMap(([name, attribute]): [string, Attribute][] => {
    const value = attribute.type === 'reference' ? given.get(attribute.value) : attribute;
    if (value === undefined) return [];
    return [[name, value.type === 'graph' ? { type: 'graph', value: renamedBlock(value.value, rename, given) } : value]];
  });
  return {
    ...node,
    inputs: node.inputs.map(rename),
    outputs: node.outputs.map(rename),
    captures: node.captures.map(rename),
    attributes: new Map(attributes),
  };
}

/** A block within a block: what it takes from around it is renamed, what it names itself is not. */
function renamedBlock(block: Block, rename: (name: string) => string, given: ReadonlyMap<string, Attribute>): Block {
  const own = new Set([...block.inputs, ...block.initializers.map((t) => t.name ?? ''), ...block.nodes.flatMap((n) => n.outputs)]);
  const outer = (name: string): string => (own.has(name) ? name : rename(name));
  return { ...block, nodes: block.nodes.map((n) => renamed(n, outer, given)), outputs: block.outputs.map(outer) };
}
