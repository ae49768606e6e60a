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
export type OnnxAttribute = number | readonly number[] | string | { readonly float: number } | { readonly tensor: OnnxConstant };

export interface OnnxNode {
  readonly op: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes?: Readonly<Record<string, OnnxAttribute>>;
  readonly name?: string;
  readonly domain?: string;
}

/** What a model may have beside nodes over f32 inputs. */
export interface ModelParts {
  readonly inputs: readonly OnnxDeclaration[];
  readonly nodes: readonly OnnxNode[];
  readonly outputs: readonly (string | OnnxDeclaration)[];
  readonly constants?: readonly OnnxConstant[];
  /** Initializers as they stand in the file. */
  readonly tensors?: readonly proto.ITensorProto[];
  /** Declared intermediate tensors. */
  readonly declared?: readonly OnnxDeclaration[];
  readonly opset?: number;
}

/** A value whose dimensions may be symbols. */
interface OnnxDeclaration {
  readonly name: string;
  readonly shape: readonly (number | string)[];
  readonly integer?: boolean;
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
        elemType: value.integer ? DataType.INT64 : DataType.FLOAT,
        shape: { dim: value.shape.map((d) => (typeof d === 'string' ? { dimParam: d } : { dimValue: d })) },
      },
    },
  };
}

function tensorOf({ name, shape, values, integer }: OnnxConstant) {
  const data = integer ? { int64Data: [...values] } : { floatData: [...values] };
  return { name, dims: [...shape], dataType: integer ? DataType.INT64 : DataType.FLOAT, ...data };
}

/** A model of nodes, constants and declarations. */
export function encodeModel({ inputs, nodes, outputs, constants = [], tensors = [], declared = [], opset = 17 }: ModelParts): Uint8Array {
  const model = onnx.ModelProto.create({
    irVersion: 8,
    opsetImport: [{ domain: '', version: opset }],
    graph: {
      name: 'test',
      input: inputs.map(declarationOf),
      output: outputs.map((o) => (typeof o === 'string' ? { name: o } : declarationOf(o))),
      initializer: [...constants.map(tensorOf), ...tensors],
      valueInfo: declared.map(declarationOf),
      node: nodes.map((node) => ({
        name: node.name ?? '',
        domain: node.domain ?? '',
        opType: node.op,
        input: [...node.inputs],
        output: [...node.outputs],
        attribute: Object.entries(node.attributes ?? {}).map(([name, value]) => attributeOf(name, value)),
      })),
    },
  });
  return onnx.ModelProto.encode(model).finish();
}

function attributeOf(name: string, value: OnnxAttribute) {
  if (typeof value === 'number') return { name, type: AttributeType.INT, i: value };
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
