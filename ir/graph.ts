import type { TensorKind, TensorType } from './tensor.ts';

/** An attribute value of a layer. Numbers are finite; lists are homogeneous. */
export type AttrValue = number | boolean | string | readonly number[];
export type Attrs = Readonly<Record<string, AttrValue>>;

/** The initial value of a tensor that no layer produces. */
export type Constant =
  | { readonly form: 'values'; readonly values: Float32Array | Int32Array }
  /** Every element is `value`; costs no memory however large the tensor is. */
  | { readonly form: 'splat'; readonly value: number }
  /** Rounded from the value of another tensor of the same shape (an f16 weight of its f32 master). */
  | { readonly form: 'copyOf'; readonly tensor: string }
  /** Has values that are not known here: such a graph can be scheduled and timed, and not computed. */
  | { readonly form: 'elided' };

/** A value of the graph: produced once (by a layer, or given as input or constant). */
export interface Tensor {
  readonly name: string;
  readonly type: TensorType;
  readonly kind: TensorKind;
  /** True where dimension 0 is the mini-batch, so that the tensor can be cut into sub-batches. */
  readonly batched: boolean;
  readonly constant?: Constant;
  /** Shares the DRAM storage of this tensor: the updated weight overwrites the weight. */
  readonly storage?: string;
}

export const PHASES = ['forward', 'backward', 'update'] as const;
export type Phase = (typeof PHASES)[number];

/** One layer in SSA form; `kind` names its record in `layers/`. */
export interface Layer {
  readonly name: string;
  readonly kind: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attrs: Attrs;
  readonly phase: Phase;
  /** The ONNX node (name, or `OpType#index`) that this layer comes from. */
  readonly origin: string;
  /** Layers of one unit (the data and weight gradient of one convolution) are never separated by a group boundary. */
  readonly unit: string;
}

/** A step of computation: layers in execution order over named tensors. Immutable; passes return new graphs. */
export interface Graph {
  readonly name: string;
  /** Samples of one step, of all cores together. */
  readonly batch: number;
  readonly tensors: ReadonlyMap<string, Tensor>;
  readonly layers: readonly Layer[];
  /** Tensors given at run time, in order. */
  readonly inputs: readonly string[];
  /** Tensors the caller can read afterwards, in order. */
  readonly outputs: readonly string[];
}

/** Tensors that no layer makes and that are no inputs (parameters and other constants), in the graph's order. */
export function givenTensors(graph: Graph): string[] {
  const others = new Set([...graph.inputs, ...graph.layers.flatMap((layer) => layer.outputs)]);
  return [...graph.tensors.keys()].filter((name) => !others.has(name));
}

/** All tensors in the order of the text form, whichever order they were added in: inputs, given tensors, results in execution order. */
export function orderedTensors(graph: Graph): string[] {
  return [...graph.inputs, ...givenTensors(graph), ...graph.layers.flatMap((layer) => layer.outputs)];
}

/** The graph with its tensors in that order, without those that it names and does not hold. */
export function inTextOrder(graph: Graph): Graph {
  const tensors = orderedTensors(graph).flatMap((name) => graph.tensors.get(name) ?? []);
  return { ...graph, tensors: new Map(tensors.map((tensor) => [tensor.name, tensor])) };
}
