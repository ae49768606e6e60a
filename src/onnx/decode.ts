import type { onnx as proto } from 'onnx-proto';
import onnxProto from 'onnx-proto';
import { diag, fail, type Place } from '../../ir/diagnostics.ts';
import {
  type Attribute,
  type Declaration,
  type Dimension,
  type OnnxFunction,
  type OnnxModel,
  type OnnxNode,
  type Subgraph,
  toNumber,
} from './model.ts';
import { checkWire } from './wire.ts';

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
  const nodes = graph.node ?? [];
  const outputs = (graph.output ?? []).map(declaration);
  if (outputs.length === 0) fail(diag.noGraph(place, 'the graph has no outputs'));
  const opset = defaultOpset(model, place);
  return {
    name: graph.name || 'model',
    opset,
    nodes: decodeNodes(nodes, opset),
    functions: new Map((model.functions ?? []).map((f) => [functionKey(f.domain ?? '', f.name ?? ''), decodeFunction(f, opset)])),
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
function defaultOpset(model: proto.IModelProto, place: Place): number {
  const entry = model.opsetImport?.find((o) => !o.domain || o.domain === 'ai.onnx');
  const unsupported = (found: string): never => fail(diag.unsupportedOpset(place, found, OPSETS.least, OPSETS.most));
  if (entry === undefined) return unsupported('the model imports no version of the default operator set');
  const version = toNumber(entry.version);
  return version >= OPSETS.least && version <= OPSETS.most ? version : unsupported(`the model is written in operator set ${version}`);
}

/** The key of a function among those of the model. */
export const functionKey = (domain: string, name: string): string => `${domain === 'ai.onnx' ? '' : domain}:${name}`;

function decodeFunction(f: proto.IFunctionProto, opset: number): OnnxFunction {
  const own = f.opsetImport?.find((o) => !o.domain || o.domain === 'ai.onnx');
  const nodes = decodeNodes(f.node ?? [], own ? toNumber(own.version) : opset);
  return { inputs: f.input ?? [], outputs: f.output ?? [], nodes };
}

function decodeNodes(nodes: readonly proto.INodeProto[], opset: number): OnnxNode[] {
  const taken = new Map<string, number>();
  for (const node of nodes) taken.set(node.name ?? '', (taken.get(node.name ?? '') ?? 0) + 1);
  return nodes.map((node, index) => decodeNode(node, index, taken, opset));
}

function decodeNode(node: proto.INodeProto, index: number, taken: ReadonlyMap<string, number>, opset: number): OnnxNode {
  const opType = node.opType ?? '';
  const own = node.name ?? '';
  const unique = own !== '' && taken.get(own) === 1;
  return {
    index,
    label: own || `${opType}#${index}`,
    layerName: unique ? own : `${own || opType}_${index}`,
    opType,
    domain: node.domain === 'ai.onnx' ? '' : (node.domain ?? ''),
    opset,
    inputs: node.input ?? [],
    outputs: node.output ?? [],
    attributes: new Map((node.attribute ?? []).map((a) => [a.name ?? '', decodeAttribute(a, opset)])),
  };
}

/** Numbers of AttributeProto.AttributeType. */
const ATTRIBUTE_TYPES = ['undefined', 'float', 'int', 'string', 'tensor', 'graph', 'floats', 'ints', 'strings'];

function decodeAttribute(a: proto.IAttributeProto, opset: number): Attribute {
  const type = ATTRIBUTE_TYPES[a.type ?? 0] ?? 'undefined';
  if (a.refAttrName) return { type: 'reference', value: a.refAttrName };
  if (type === 'graph' && a.g) return { type, value: decodeSubgraph(a.g, opset) };
  if (type === 'int') return { type, value: toNumber(a.i) };
  if (type === 'float') return { type, value: a.f ?? 0 };
  if (type === 'string') return { type, value: new TextDecoder().decode(a.s ?? new Uint8Array()) };
  if (type === 'ints') return { type, value: (a.ints ?? []).map(toNumber) };
  if (type === 'floats') return { type, value: a.floats ?? [] };
  if (type === 'tensor' && a.t) return { type, value: a.t };
  return { type: 'other', value: type };
}

function decodeSubgraph(graph: proto.IGraphProto, opset: number): Subgraph {
  return {
    nodes: decodeNodes(graph.node ?? [], opset),
    initializers: graph.initializer ?? [],
    inputs: (graph.input ?? []).map((i) => i.name ?? ''),
    outputs: (graph.output ?? []).map((o) => o.name ?? ''),
  };
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
