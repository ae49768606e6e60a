import type { Graph } from '../../ir/graph.ts';
import { decodeModel } from './decode.ts';
import { bindInputs } from './dimensions.ts';
import { type Imported, Importer } from './importer.ts';
import { withoutLoss } from './loss-end.ts';
import { orderNodes } from './order.ts';

export interface ImportOptions {
  /** Name of the file, for messages. */
  readonly file: string;
  /** Samples of the mini-batch; default: what the model declares as dimension 0 of its inputs. */
  readonly batch?: number;
  /** Sizes of symbolic dimensions by name. */
  readonly bind?: Readonly<Record<string, number>>;
  /** `training` keeps dropout, and gives every trained constant a parameter of its own. */
  readonly mode: 'inference' | 'training';
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
  const model = withoutLoss(decodeModel(bytes, place), place);
  const nodes = orderNodes(model, place);
  const used = new Set([...nodes.flatMap((n) => n.inputs), ...model.outputs.map((o) => o.name)]);
  const bound = bindInputs(model, used, options, place);
  return new Importer({ model, nodes, used, bound }, options.file, options.mode === 'training').run();
}
