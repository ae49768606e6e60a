import type { onnx as proto } from 'onnx-proto';

export type TensorProto = proto.ITensorProto;

/** Values of attributes by type; `other` are sparse tensors and types, which no supported operator takes. */
export interface AttributeValues {
  readonly int: number;
  readonly float: number;
  readonly string: string;
  readonly ints: readonly number[];
  readonly floats: readonly number[];
  readonly tensor: TensorProto;
  readonly graph: Block;
  /** In a function: the attribute of the call that gives the value. */
  readonly reference: string;
  /** The name of the type. */
  readonly other: string;
}

export interface AttributeOf<T extends keyof AttributeValues> {
  readonly type: T;
  readonly value: AttributeValues[T];
}

export type Attribute = { [T in keyof AttributeValues]: AttributeOf<T> }[keyof AttributeValues];

/** Nodes that compute outputs from inputs: the body of a control-flow operator or of a function. */
export interface Block {
  readonly nodes: readonly OnnxNode[];
  readonly initializers: readonly TensorProto[];
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
}

/** A function that the model brings along, and uses as an operator. */
export interface OnnxFunction extends Block {
  readonly domain: string;
  readonly name: string;
  /** Values of attributes that a call may leave out. */
  readonly defaults: ReadonlyMap<string, Attribute>;
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
  /** Tensors around it that its blocks read. */
  readonly captures: readonly string[];
}

/** Every tensor that a node reads, itself or in its blocks. */
export function readsOf(node: OnnxNode): readonly string[] {
  return [...node.inputs, ...node.captures];
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
  readonly nodes: readonly OnnxNode[];
  readonly functions: readonly OnnxFunction[];
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
