import type { onnx as proto } from 'onnx-proto';

export type TensorProto = proto.ITensorProto;

/** Values of attributes by type; `other` are sparse tensors, types and lists, which no supported operator takes. */
export interface AttributeValues {
  readonly int: number;
  readonly float: number;
  readonly string: string;
  readonly ints: readonly number[];
  readonly floats: readonly number[];
  readonly tensor: TensorProto;
  readonly graph: Subgraph;
  /** Inside of a function: the name of the attribute of its caller that gives the value. */
  readonly reference: string;
  /** The name of the type. */
  readonly other: string;
}

export interface AttributeOf<T extends keyof AttributeValues> {
  readonly type: T;
  readonly value: AttributeValues[T];
}

export type Attribute = { [T in keyof AttributeValues]: AttributeOf<T> }[keyof AttributeValues];

/** A graph inside of a node: a branch, or the body of a loop. It reads tensors of the graphs around it by name. */
export interface Subgraph {
  readonly nodes: readonly OnnxNode[];
  readonly initializers: readonly TensorProto[];
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
}

/** A function of the model: nodes that stand for a node. */
export interface OnnxFunction {
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly nodes: readonly OnnxNode[];
}

export interface OnnxNode {
  /** Position in the file. */
  readonly index: number;
  /** Name in messages: the node's own, or `OpType#index`. */
  readonly label: string;
  /** Name for the layer: the node's own where it is the only one of that name, else made unique by the position. */
  readonly layerName: string;
  readonly opType: string;
  readonly domain: string;
  /** Version of the default operator set that it is written in. */
  readonly opset: number;
  /** Names; an absent optional operand is ''. */
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes: ReadonlyMap<string, Attribute>;
}

/** A size, a symbol, or nothing at all. */
export type Dimension = number | string | undefined;

/** A declared tensor (graph input, output, value_info). */
export interface Declaration {
  readonly name: string;
  /** Number of the element type in TensorProto.DataType; undefined where it is not a tensor or not said. */
  readonly elementType?: number;
  /** Undefined: the rank is not declared. */
  readonly shape?: readonly Dimension[];
}

/** A decoded model, as it stands in the file and before any check of its graph. */
export interface OnnxModel {
  readonly name: string;
  readonly opset: number;
  readonly nodes: readonly OnnxNode[];
  /** By `domain:name`. */
  readonly functions: ReadonlyMap<string, OnnxFunction>;
  readonly initializers: readonly TensorProto[];
  readonly sparseInitializers: readonly string[];
  readonly inputs: readonly Declaration[];
  readonly outputs: readonly Declaration[];
  readonly valueInfo: readonly Declaration[];
}

type Int64 = number | { toNumber(): number };

/** An int64 of the decoder as a number; beyond 2^53 it is rounded, which matters to no size or index that exists. */
export function toNumber(value: Int64 | null | undefined): number {
  if (value === null || value === undefined) return 0;
  return typeof value === 'number' ? value : value.toNumber();
}
