import { WavecError } from '../../ir/diagnostics.ts';
import type { Graph } from '../../ir/graph.ts';
import { decodeModel } from './decode.ts';
import { bindInputs } from './dimensions.ts';
import type { ExternalReader } from './external.ts';
import { inlineFunctions } from './functions.ts';
import { type Imported, Importer } from './importer.ts';
import { withoutLoss } from './loss-end.ts';
import { orderNodes } from './order.ts';
import { refuseQuantized } from './quantized.ts';
import { namesUsed } from './subgraph.ts';

export interface ImportOptions {
  /** Name of the file, for messages. */
  readonly file: string;
  /** Samples of the mini-batch; default: what the model declares as dimension 0 of its inputs. */
  readonly batch?: number;
  /** Sizes of symbolic dimensions by name. */
  readonly bind?: Readonly<Record<string, number>>;
  /** `training` keeps dropout, and gives every trained constant a parameter of its own. */
  readonly mode: 'inference' | 'training';
  /** Reads what lies in other files; absent: models with external data are refused. */
  readonly readExternal?: ExternalReader | undefined;
  /** Default true. False: parameters have no values, and need not be there. */
  readonly weights?: boolean;
}

/**
 * Reads an ONNX model into a graph of forward layers. The bytes must not be changed afterwards: constants may be views of them.
 * @throws WavecError holding all problems of the model, each at its node or tensor
 */
export function importModel(bytes: Uint8Array, options: ImportOptions): Graph {
  return importTraced(bytes, options).graph;
}

/** The same, with the place in the model that every parameter comes from. */
export function importTraced(bytes: Uint8Array, options: ImportOptions): Imported {
  const place = { file: options.file };
  const model = withoutLoss(inlineFunctions(decodeModel(bytes, place), place), place);
  refuseQuantized(model, place);
  const nodes = orderNodes(model, place);
  const used = new Set([...nodes.flatMap(namesUsed), ...model.outputs.map((o) => o.name)]);
  const { file, mode, weights = true, readExternal } = options;
  const importer = { file, training: mode === 'training', weights, readExternal };
  const build = (batched: boolean): Imported => {
    const bound = bindInputs(model, used, { ...options, batched }, place);
    return new Importer({ model, nodes, used, bound }, importer, batched).run();
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
function withoutBatch(build: () => Imported, first: WavecError): Imported {
  try {
    return build();
  } catch (error) {
    if (error instanceof WavecError && error.diagnostics.some((d) => d.code === 'MIXES_SAMPLES')) throw first;
    throw error;
  }
}
