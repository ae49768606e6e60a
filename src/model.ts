import type { Graph, Tensor } from '../ir/graph.ts';
import type { ParameterOrigin } from './onnx/context.ts';
import type { ExternalReader } from './onnx/external.ts';
import { importTraced } from './onnx/index.ts';

/** How a model is imported; everything has a default. */
export interface LoadOptions {
  /** Name of the model's file: in messages, and (without its extension) the name of the program. */
  readonly file?: string;
  /** Default `training`: dropout is kept, and every trained constant is a parameter of its own. */
  readonly mode?: 'training' | 'inference';
  /** Samples a core in one step. Default 32 in training, the model's own in inference. */
  readonly batch?: number;
  /** Sizes of symbolic dimensions, by name. */
  readonly bind?: Readonly<Record<string, number>>;
  /** Reads values that lie in other files than the model's. Absent: models that have such are refused. */
  readonly readExternal?: ExternalReader | undefined;
  /** Default true. False: weights are left out and need not be there; such a program can only be timed. */
  readonly weights?: boolean;
}

/** An ONNX model that has been read and checked, with its mini-batch and all dimensions bound. */
export interface Model {
  readonly file: string;
  readonly mode: 'training' | 'inference';
  /** The forward layers as imported. */
  readonly graph: Graph;
  /** What is given at run time, in order; labels come with the losses, when the model is compiled. */
  readonly inputs: readonly Tensor[];
  readonly outputs: readonly Tensor[];
  /** Weights, biases, scales and running statistics, in the order of the layers that take them. */
  readonly parameters: readonly Tensor[];
  /** Where in the model each parameter stands, by its name. */
  readonly origins: ReadonlyMap<string, ParameterOrigin>;
}

/** Options with their defaults filled in; undefined as mini-batch: that of the model. */
export interface LoadSettings extends Required<Omit<LoadOptions, 'batch' | 'readExternal'>> {
  readonly batch: number | undefined;
  readonly readExternal: ExternalReader | undefined;
}

const TRAINING_BATCH = 32;

export function loadSettings(options: LoadOptions): LoadSettings {
  const { file = 'model', mode = 'training', batch, bind = {}, readExternal, weights = true } = options;
  return { file, mode, batch: batch ?? (mode === 'training' ? TRAINING_BATCH : undefined), bind, readExternal, weights };
}

/**
 * Reads an ONNX model. The bytes must not be changed afterwards: parameters may be views of them.
 * @throws WavecError with every problem of the model, each at its node or tensor
 */
export function loadModel(bytes: Uint8Array, options: LoadOptions = {}): Model {
  const settings = loadSettings(options);
  const { file, mode } = settings;
  // Exporters call every graph by the same name; the file's tells models apart.
  const { graph: imported, origins } = importTraced(bytes, settings);
  const graph = { ...imported, name: modelName(file) };
  const tensors = (names: Iterable<string>): Tensor[] => [...names].flatMap((name) => graph.tensors.get(name) ?? []);
  const taken = new Set(graph.layers.flatMap((layer) => layer.inputs));
  return {
    file,
    mode,
    graph,
    inputs: tensors(graph.inputs),
    outputs: tensors(graph.outputs),
    parameters: tensors(taken).filter((tensor) => tensor.constant !== undefined),
    origins,
  };
}

function modelName(file: string): string {
  const base = file.split(/[\\/]/).at(-1) ?? file;
  return base.replace(/\.onnx$/, '');
}
