import type { onnx as proto } from 'onnx-proto';
import onnxProto from 'onnx-proto';
import { diag, fail, type Place } from '../../ir/diagnostics.ts';
import {
  type Attribute,
  type Block,
  type Declaration,
  type Dimension,
  type OnnxFunction,
  type OnnxModel,
  type OnnxNode,
  readsOf,
  toNumber,
} from './model.ts';
import { checkWire, fieldContents } from './wire.ts';

/** Versions of the default operator set whose operators are read; 28 is the newest that ONNX's own cases are written in. */
const OPSETS = { least: 6, most: 28 } as const;

/**
 * Decodes an ONNX file.
 * @throws WavecError NOT_ONNX, TRUNCATED, NO_GRAPH, UNSUPPORTED_OPSET
 */
export function decodeModel(bytes: Uint8Array, place: Place): OnnxModel {
  checkWire(bytes, place);
  const model = decodeProto(bytes, place);
  const graph = model.graph ?? fail(diag.noGraph(place, 'it holds no GraphProto'));
  const opset = defaultOpset(model.opsetImport, place);
  const outputs = (graph.output ?? []).map(declaration);
  if (outputs.length === 0) fail(diag.noGraph(place, 'the graph has no outputs'));
  return {
    name: graph.name || 'model',
    nodes: decodeNodes(graph.node ?? [], { place, opset, depth: 0 }),
    functions: decodeFunctions(bytes, model, opset, place),
    initializers: graph.initializer ?? [],
    sparseInitializers: (graph.sparseInitializer ?? []).map((t) => t.values?.name ?? ''),
    inputs: (graph.input ?? []).map(declaration),
    outputs,
    valueInfo: (graph.valueInfo ?? []).map(declaration),
  };
}

function decodeProto(bytes: Uint8Array, place: Place): proto.IModelProto {
  try {
    return onnxProto.onnx.ModelProto.decode(bytes);
  } catch (error) {
    return fail(diag.notOnnx(place, `it cannot be decoded (${error instanceof Error ? error.message : String(error)})`));
  }
}

/** The version of the default operator set. */
function defaultOpset(imports: proto.IOperatorSetIdProto[] | null | undefined, place: Place): number {
  const entry = imports?.find((o) => !o.domain || o.domain === 'ai.onnx');
  const unsupported = (found: string): never => fail(diag.unsupportedOpset(place, found, OPSETS.least, OPSETS.most));
  if (entry === undefined) return unsupported('the model imports no version of the default operator set');
  const version = toNumber(entry.version);
  return version >= OPSETS.least && version <= OPSETS.most ? version : unsupported(`the model is written in operator set ${version}`);
}

/** Field of a ModelProto that holds a function, and field of that for an attribute with a default, which the decoder does not know. */
const [FUNCTION, DEFAULT] = [25, 11];

function decodeFunctions(bytes: Uint8Array, model: proto.IModelProto, opset: number, place: Place): OnnxFunction[] {
  const functions = model.functions ?? [];
  const encoded = functions.length === 0 ? [] : fieldContents(bytes, FUNCTION);
  return functions.map((f, i): OnnxFunction => {
    const defaults = fieldContents(encoded[i] ?? new Uint8Array(), DEFAULT).map((b) => onnxProto.onnx.AttributeProto.decode(b));
    const level = { place, opset: f.opsetImport?.length ? defaultOpset(f.opsetImport, place) : opset, depth: 0 };
    return {
      domain: domainOf(f.domain),
      name: f.name ?? '',
      inputs: f.input ?? [],
      outputs: f.output ?? [],
      nodes: decodeNodes(f.node ?? [], level),
      initializers: [],
      defaults: new Map(defaults.map((a) => [a.name ?? '', decodeAttribute(a, level)])),
    };
  });
}

function domainOf(domain: string | null | undefined): string {
  return domain === 'ai.onnx' ? '' : (domain ?? '');
}

/** Where nodes stand: the operator set that they are written in, and the blocks around them. */
interface Level {
  readonly place: Place;
  readonly opset: number;
  readonly depth: number;
}

/** Blocks within blocks are read by recursion. */
const MOST_DEPTH = 64;

function decodeNodes(nodes: readonly proto.INodeProto[], level: Level): OnnxNode[] {
  const taken = new Map<string, number>();
  for (const node of nodes) taken.set(node.name ?? '', (taken.get(node.name ?? '') ?? 0) + 1);
  return nodes.map((node, index) => decodeNode(node, index, taken, level));
}

function decodeBlock(graph: proto.IGraphProto, around: Level): Block {
  const level = { ...around, depth: around.depth + 1 };
  if (level.depth > MOST_DEPTH) fail(diag.tooDeep(level.place, MOST_DEPTH));
  return {
    nodes: decodeNodes(graph.node ?? [], level),
    initializers: graph.initializer ?? [],
    inputs: (graph.input ?? []).map((i) => i.name ?? ''),
    outputs: (graph.output ?? []).map((o) => o.name ?? ''),
  };
}

/** Tensors that a block reads and does not give. */
function capturesOf({ nodes, initializers, inputs, outputs }: Block): string[] {
  const own = new Set([...inputs, ...initializers.map((t) => t.name ?? ''), ...nodes.flatMap((n) => n.outputs), '']);
  return [...new Set([...nodes.flatMap(readsOf), ...outputs])].filter((name) => !own.has(name));
}

function decodeNode(node: proto.INodeProto, index: number, taken: ReadonlyMap<string, number>, level: Level): OnnxNode {
  const opType = node.opType ?? '';
  const own = node.name ?? '';
  const unique = own !== '' && taken.get(own) === 1;
  const attributes = (node.attribute ?? []).map((a) => [a.name ?? '', decodeAttribute(a, level)] as const);
  return {
    index,
    label: own || `${opType}#${index}`,
    layerName: unique ? own : `${own || opType}_${index}`,
    opType,
    domain: domainOf(node.domain),
    opset: level.opset,
    inputs: node.input ?? [],
    outputs: node.output ?? [],
    attributes: new Map(attributes),
    captures: [...new Set(attributes.flatMap(([, a]) => (a.type === 'graph' ? capturesOf(a.value) : [])))],
  };
}

/** Numbers of AttributeProto.AttributeType. */
const ATTRIBUTE_TYPES = ['undefined', 'float', 'int', 'string', 'tensor', 'graph', 'floats', 'ints', 'strings'];

function decodeAttribute(a: proto.IAttributeProto, level: Level): Attribute {
  if (a.refAttrName) return { type: 'reference', value: a.refAttrName };
  const type = ATTRIBUTE_TYPES[a.type ?? 0] ?? 'undefined';
  if (type === 'int') return { type, value: toNumber(a.i) };
  if (type === 'float') return { type, value: a.f ?? 0 };
  if (type === 'string') return { type, value: new TextDecoder().decode(a.s ?? new Uint8Array()) };
  if (type === 'ints') return { type, value: (a.ints ?? []).map(toNumber) };
  if (type === 'floats') return { type, value: a.floats ?? [] };
  if (type === 'tensor' && a.t) return { type, value: a.t };
  if (type === 'graph' && a.g) return { type, value: decodeBlock(a.g, level) };
  return { type: 'other', value: type };
}

function declaration(info: proto.IValueInfoProto): Declaration {
  const tensor = info.type?.tensorType;
  const shape = tensor?.shape?.dim?.map(dimension);
  return { name: info.name ?? '', ...(tensor?.elemType ? { elementType: tensor.elemType } : {}), ...(shape ? { shape } : {}) };
}

function dimension(d: proto.TensorShapeProto.IDimension): Dimension {
  if (d.dimParam) return d.dimParam;
  return d.dimValue === null || d.dimValue === undefined || !Object.hasOwn(d, 'dimValue') ? undefined : toNumber(d.dimValue);
}
