import { diag, fail } from '../ir/diagnostics.ts';
import type { Graph, Tensor } from '../ir/graph.ts';
import type { ParameterOrigin } from './onnx/context.ts';
import { type ExternalFiles, importTraced } from './onnx/index.ts';

/** How a model is imported; everything has a default. */
export interface LoadOptions {
  /** Name of the model's file: in messages, and (without its extension) the name of the program. */
  readonly file?: string;
  /** Default `training`: dropout is kept, and every trained constant is a parameter of its own. */
  readonly mode?: 'training' | 'inference';
  /** Samples a core in one step. Default 32 in training, the model's own in inference. */
  readonly batch?: number;
  /** Cores of a chip that divide the mini-batch between them. Default 1. */
  readonly cores?: number;
  /** Sizes of symbolic dimensions, by name. */
  readonly bind?: Readonly<Record<string, number>>;
  /** Reads the files beside the model that hold its weights; without it, such a model is refused. */
  readonly files?: ExternalFiles | undefined;
  /** Default true. False leaves the weights where they are: the program can be timed, and a functional run of it is refused. */
  readonly weights?: boolean;
}

/** An ONNX model that has been read and checked, with its mini-batch and all dimensions bound. */
export interface Model {
  readonly file: string;
  readonly mode: 'training' | 'inference';
  readonly cores: number;
  /** The forward layers as imported, with the samples of all cores. */
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
export interface LoadSettings extends Required<Omit<LoadOptions, 'batch' | 'files'>> {
  readonly batch: number | undefined;
  readonly files: ExternalFiles | undefined;
}

const TRAINING_BATCH = 32;

export function loadSettings({
  file = 'model',
  mode = 'training',
  batch,
  cores = 1,
  bind = {},
  files,
  weights = true,
}: LoadOptions): LoadSettings {
  return { file, mode, batch: batch ?? (mode === 'training' ? TRAINING_BATCH : undefined), cores, bind, files, weights };
}

/**
 * Reads an ONNX model. The bytes must not be changed afterwards: parameters may be views of them.
 * @throws WavecError with every problem of the model, each at its node or tensor
 */
export function loadModel(bytes: Uint8Array, options: LoadOptions = {}): Model {
  const settings = loadSettings(options);
  const { file, mode, cores } = settings;
  // Exporters call every graph by the same name; the file's tells models apart.
  const { graph: imported, origins } = importShared(bytes, settings);
  const graph = { ...imported, name: modelName(file) };
  const tensors = (names: Iterable<string>): Tensor[] => [...names].flatMap((name) => graph.tensors.get(name) ?? []);
  const taken = new Set(graph.layers.flatMap((layer) => layer.inputs));
  return {
    file,
    mode,
    cores,
    graph,
    inputs: tensors(graph.inputs),
    outputs: tensors(graph.outputs),
    parameters: tensors(taken).filter((tensor) => tensor.constant !== undefined),
    origins,
  };
}

/** The graph over the samples of all cores. */
function importShared(bytes: Uint8Array, { batch, cores, ...options }: LoadSettings): ReturnType<typeof importTraced> {
  const { file } = options;
  if (!Number.isSafeInteger(cores) || cores < 1) fail(diag.usage({ file }, `cores must be a whole number, at least 1, not ${cores}`), 2);
  const samples = batch ?? (cores === 1 ? undefined : importTraced(bytes, { ...options, batch }).graph.batch);
  return importTraced(bytes, { ...options, batch: samples === undefined ? undefined : samples * cores });
}

function modelName(file: string): string {
  const base = file.split(/[\\/]/).at(-1) ?? file;
  return base.replace(/\.onnx$/, '');
}
