import onnxProto, { type onnx as proto } from 'onnx-proto';
import { InferenceSession, Tensor } from 'onnxruntime-node';

const { onnx } = onnxProto;
const { DataType } = onnx.TensorProto;
const { AttributeType } = onnx.AttributeProto;

/** Values in the model. */
export interface OnnxConstant {
  readonly name: string;
  readonly shape: readonly number[];
  readonly values: readonly number[];
  readonly integer?: boolean;
}

/** An attribute: integers are written as INT/INTS, `{ float }` as FLOAT, text as STRING, `{ tensor }` as TENSOR. */
export type OnnxAttribute =
  | number
  | readonly number[]
  | string
  | { readonly float: number }
  | { readonly tensor: OnnxConstant }
  | { readonly graph: GraphParts }
  /** Of the call of the function in which the node stands; its type is FLOAT. */
  | { readonly reference: string };

export interface OnnxNode {
  readonly op: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes?: Readonly<Record<string, OnnxAttribute>>;
  readonly name?: string;
  readonly domain?: string;
}

/** The domain of the functions of a model. */
export const DOMAIN = 'test.functions';

/** A function that nodes of its domain call. */
export interface FunctionParts {
  readonly name: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly nodes: readonly OnnxNode[];
  readonly attributes?: readonly string[];
  readonly defaults?: Readonly<Record<string, OnnxAttribute>>;
}

/** What a graph may have beside nodes over f32 inputs. */
interface GraphParts {
  readonly inputs: readonly OnnxDeclaration[];
  readonly nodes: readonly OnnxNode[];
  readonly outputs: readonly (string | OnnxDeclaration)[];
  readonly constants?: readonly OnnxConstant[];
  /** Initializers as they stand in the file. */
  readonly tensors?: readonly proto.ITensorProto[];
  /** Declared intermediate tensors. */
  readonly declared?: readonly OnnxDeclaration[];
}

export interface ModelParts extends GraphParts {
  readonly opset?: number;
  readonly functions?: readonly FunctionParts[];
}

/** A value whose dimensions may be symbols. */
interface OnnxDeclaration {
  readonly name: string;
  readonly shape: readonly (number | string)[];
  readonly integer?: boolean;
  readonly bool?: boolean;
}

export interface OnnxValue {
  readonly name: string;
  readonly shape: readonly number[];
  readonly integer?: boolean;
}

/** A tiny model over f32 (or i64) inputs. */
export function onnxModel(inputs: readonly OnnxValue[], nodes: readonly OnnxNode[], outputs: readonly string[], opset = 17): Uint8Array {
  return encodeModel({ inputs, nodes, outputs, opset });
}

function declarationOf(value: OnnxDeclaration) {
  return {
    name: value.name,
    type: {
      tensorType: {
        elemType: value.bool ? DataType.BOOL : value.integer ? DataType.INT64 : DataType.FLOAT,
        shape: { dim: value.shape.map((d) => (typeof d === 'string' ? { dimParam: d } : { dimValue: d })) },
      },
    },
  };
}

function tensorOf({ name, shape, values, integer }: OnnxConstant) {
  const data = integer ? { int64Data: [...values] } : { floatData: [...values] };
  return { name, dims: [...shape], dataType: integer ? DataType.INT64 : DataType.FLOAT, ...data };
}

function nodeOf(node: OnnxNode) {
  return {
    name: node.name ?? '',
    domain: node.domain ?? '',
    opType: node.op,
    input: [...node.inputs],
    output: [...node.outputs],
    attribute: Object.entries(node.attributes ?? {}).map(([name, value]) => attributeOf(name, value)),
  };
}

function graphOf({ inputs, nodes, outputs, constants = [], tensors = [], declared = [] }: GraphParts): proto.IGraphProto {
  return {
    name: 'test',
    input: inputs.map(declarationOf),
    output: outputs.map((o) => (typeof o === 'string' ? { name: o } : declarationOf(o))),
    initializer: [...constants.map(tensorOf), ...tensors],
    valueInfo: declared.map(declarationOf),
    node: nodes.map(nodeOf),
  };
}

/** A length-delimited protobuf field. */
function field(number: number, content: Uint8Array): Uint8Array {
  const header: number[] = [];
  for (let rest of [number * 8 + 2, content.length]) {
    for (; rest > 127; rest = Math.floor(rest / 128)) header.push((rest % 128) + 128);
    header.push(rest);
  }
  return Uint8Array.from([...header, ...content]);
}

/** The library knows no defaults of a function's attributes (field 11), so they are written behind what it knows. */
function functionBytes(f: FunctionParts, opset: number): Uint8Array {
  const known = onnx.FunctionProto.encode({
    name: f.name,
    domain: DOMAIN,
    input: [...f.inputs],
    output: [...f.outputs],
    attribute: [...(f.attributes ?? [])],
    node: f.nodes.map(nodeOf),
    opsetImport: [
      { domain: '', version: opset },
      { domain: DOMAIN, version: 1 },
    ],
  }).finish();
  const defaults = Object.entries(f.defaults ?? {}).map(([name, value]) =>
    field(11, onnx.AttributeProto.encode(attributeOf(name, value)).finish()),
  );
  return field(25, Uint8Array.from([known, ...defaults].flatMap((part) => [...part])));
}

/** A model of nodes, constants and declarations. */
export function encodeModel({ opset = 17, functions = [], ...graph }: ModelParts): Uint8Array {
  const model = onnx.ModelProto.encode({
    irVersion: functions.length > 0 ? 9 : 8,
    opsetImport: [{ domain: '', version: opset }, ...(functions.length > 0 ? [{ domain: DOMAIN, version: 1 }] : [])],
    graph: graphOf(graph),
  }).finish();
  return Uint8Array.from([model, ...functions.map((f) => functionBytes(f, opset))].flatMap((part) => [...part]));
}

function attributeOf(name: string, value: OnnxAttribute) {
  if (typeof value === 'number') return { name, type: AttributeType.INT, i: value };
  if (typeof value === 'object' && 'graph' in value) return { name, type: AttributeType.GRAPH, g: graphOf(value.graph) };
  if (typeof value === 'object' && 'reference' in value) return { name, type: AttributeType.FLOAT, refAttrName: value.reference };
  if (typeof value === 'string') return { name, type: AttributeType.STRING, s: new TextEncoder().encode(value) };
  if ('tensor' in value) return { name, type: AttributeType.TENSOR, t: tensorOf(value.tensor) };
  if ('float' in value) return { name, type: AttributeType.FLOAT, f: value.float };
  return { name, type: AttributeType.INTS, ints: [...value] };
}

/** Runs a model in the ONNX runtime: inputs in order, all outputs in order. */
export async function runOnnx(
  model: Uint8Array,
  inputs: readonly OnnxValue[],
  values: readonly ArrayLike<number>[],
): Promise<Float64Array[]> {
  const session = await InferenceSession.create(model, { intraOpNumThreads: 1 });
  const feeds = Object.fromEntries(
    inputs.map((input, i) => {
      const data = values[i] ?? [];
      const tensor = input.integer
        ? new Tensor(
            'int64',
            BigInt64Array.from(Array.from(data), (v) => BigInt(v)),
            input.shape,
          )
        : new Tensor('float32', Float32Array.from(data), input.shape);
      return [input.name, tensor];
    }),
  );
  const results = await session.run(feeds);
  const outputs = session.outputNames.map((name) => Float64Array.from(results[name]?.data as Float32Array | BigInt64Array, Number));
  await session.release();
  return outputs;
}
