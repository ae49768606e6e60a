import { diag, fail } from '../../ir/diagnostics.ts';
import type { Graph } from '../../ir/graph.ts';
import { boolAttr, floatAttr, intAttr } from '../../ir/layers/attrs.ts';
import { recordOf } from '../../ir/layers/index.ts';
import { masterName } from '../../passes/training/update.ts';
import type { ParameterOrigin } from '../onnx/context.ts';
import { exportTrained, type TrainedOperand } from '../onnx/export.ts';
import type { GroupNorm } from '../onnx/group-norm.ts';
import { NOT_IN_GRAPH } from '../onnx/model.ts';

/** The present value of a tensor of the training step; undefined where it has none. */
type Read = (tensor: string) => Float32Array | undefined;

/**
 * The ONNX model with trained values: the f32 masters of its weights, running statistics where batch normalization was kept, group
 * normalization where it was replaced.
 */
export function trainedModel(model: Uint8Array, graph: Graph, origins: ReadonlyMap<string, ParameterOrigin>, read: Read): Uint8Array {
  return exportTrained(model, { trained: trainedValues(graph, origins, read), groupNorms: groupNormsOf(graph, origins, read) });
}

/** The values of all parameters and running statistics that the step updates, as the model holds them. */
export function trainedValues(graph: Graph, origins: ReadonlyMap<string, ParameterOrigin>, read: Read): TrainedOperand[] {
  const updated = new Set([...graph.tensors.values()].flatMap((t) => t.storage ?? []));
  const trained: TrainedOperand[] = [];
  for (const [name, origin] of origins) {
    if (!updated.has(name)) continue;
    const values = read(masterName(name)) ?? read(name);
    if (values === undefined) continue;
    if (origin.node === NOT_IN_GRAPH) fail(diag.notExported({ tensor: name }));
    trained.push({ node: origin.node, input: origin.input, shape: origin.shape, values: origin.restore(values) });
  }
  return trained;
}

/** Group normalizations that stand where the model has batch normalizations, by the node that holds their scale. */
function groupNormsOf(graph: Graph, origins: ReadonlyMap<string, ParameterOrigin>, read: Read): Map<number, GroupNorm> {
  const norms = new Map<number, GroupNorm>();
  const makers = new Map(graph.layers.flatMap((l) => l.outputs.map((name) => [name, l])));
  for (const layer of graph.layers) {
    const { attrs: specs, normalizes } = recordOf(layer.kind);
    if (normalizes !== true || layer.phase !== 'forward' || boolAttr(specs, layer.attrs, 'crossSample')) continue;
    const [x = '', stats = '', gamma = '', beta = ''] = layer.inputs;
    const source = makers.get(stats);
    const origin = origins.get(gamma);
    const shape = graph.tensors.get(x)?.type.shape ?? [];
    if (source === undefined || origin === undefined) continue;
    norms.set(origin.node, {
      groups: intAttr(specs, layer.attrs, 'groups'),
      channels: shape[1] ?? 1,
      rank: shape.length,
      epsilon: floatAttr(recordOf(source.kind).attrs, source.attrs, 'epsilon'),
      gamma: read(gamma) ?? new Float32Array(),
      beta: read(beta) ?? new Float32Array(),
    });
  }
  return norms;
}
