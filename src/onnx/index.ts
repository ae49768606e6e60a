import { WavecError } from '../../ir/diagnostics.ts';
import type { Graph } from '../../ir/graph.ts';
import { decodeModel } from './decode.ts';
import { bindInputs } from './dimensions.ts';
import type { ExternalFiles } from './external.ts';
import { inlineFunctions } from './functions.ts';
import { Importer } from './importer.ts';
import { readsOf } from './model.ts';
import { orderNodes } from './order.ts';
import { quantizationProblem } from './quantized.ts';

export type { ExternalFiles } from './external.ts';

export interface ImportOptions {
  /** Name of the file, for messages. */
  readonly file: string;
  /** Samples of the mini-batch; default: what the model declares as dimension 0 of its inputs. */
  readonly batch?: number | undefined;
  /** Sizes of symbolic dimensions by name. */
  readonly bind?: Readonly<Record<string, number>>;
  /** `training` keeps dropout, and gives every trained constant a parameter of its own. */
  readonly mode: 'inference' | 'training';
  /** Files beside the model, where it has weights in them. */
  readonly files?: ExternalFiles | undefined;
  /** Default true. False leaves the weights where they are: the graph can be scheduled and timed, and computes nothing. */
  readonly weights?: boolean;
}

/**
 * Reads an ONNX model into a graph of forward layers. The bytes must not be changed afterwards: constants may be views of them.
 * @throws WavecError holding all problems of the model, each at its node or tensor
 */
export function importModel(bytes: Uint8Array, options: ImportOptions): Graph {
  const place = { file: options.file };
  const model = inlineFunctions(decodeModel(bytes, place), place);
  const nodes = orderNodes(model, place);
  const quantized = quantizationProblem(model, nodes, place);
  if (quantized !== undefined) throw new WavecError([quantized]);
  const used = new Set([...nodes.flatMap(readsOf), ...model.outputs.map((o) => o.name)]);
  const build = (batched: boolean): Graph => {
    const bound = bindInputs(model, used, { ...options, batched }, place);
    return new Importer({ model, nodes, used, bound, tensors: options }, options.file, options.mode === 'training', batched).run();
  };
  try {
    return build(true);
  } catch (error) {
    if (!(error instanceof WavecError) || options.mode === 'training' || options.batch !== undefined) throw error;
    if (!error.diagnostics.some((d) => NO_BATCH.includes(d.code))) throw error;
    return withoutBatch(() => build(false), error);
  }
}

/** Codes of the problems that a model has where its dimension 0 is no mini-batch. */
const NO_BATCH: readonly string[] = ['MIXES_SAMPLES', 'NO_MINI_BATCH'];

/** A model that mixes its samples, as one sample. Where some of its operators need samples, the first attempt says more. */
function withoutBatch(build: () => Graph, first: WavecError): Graph {
  try {
    return build();
  } catch (error) {
    if (error instanceof WavecError && error.diagnostics.some((d) => d.code === 'MIXES_SAMPLES')) throw first;
    throw error;
  }
}
