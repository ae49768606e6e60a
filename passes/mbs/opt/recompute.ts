import type { Graph, Layer, Tensor } from '../../../ir/graph.ts';
import { recordOf } from '../../../ir/layers/index.ts';
import { requiredOperands } from '../../../ir/layers/operands.ts';

/**
 * What backward computes again instead of keeping it in DRAM. `none`: nothing; `vector`: results of the vector unit, from kept results of
 * the matrix unit; `all`: everything between the ends of a segment. Masks, indices and statistics are always kept: they are small.
 */
export const RECOMPUTE = ['none', 'vector', 'all'] as const;
export type Recompute = (typeof RECOMPUTE)[number];

/** Backward layers of a segment with what they compute again, and the forward tensors that they find in DRAM. */
export interface Rebuilt {
  readonly layers: readonly Layer[];
  /** Tensors that `layers` make and the graph does not have yet. */
  readonly tensors: readonly Tensor[];
  readonly kept: ReadonlySet<string>;
}

/** Which layer makes a tensor in forward, as the layers of a step see it. */
export type Producers = ReadonlyMap<string, Layer>;

export function producersOf({ layers }: Graph): Producers {
  return new Map(layers.filter(({ phase }) => phase === 'forward').flatMap((layer) => layer.outputs.map((t) => [t, layer] as const)));
}

/**
 * The backward layers `layers` such that what `mode` says of the forward layers `inside` is computed again, each layer as late as possible:
 * right before the unit that reads it first.
 */
export function rebuild(
  graph: Graph,
  producers: Producers,
  layers: readonly Layer[],
  inside: ReadonlySet<string>,
  mode: Recompute,
): Rebuilt {
  const again = new Map<string, string>();
  const tensors: Tensor[] = [];
  const kept = new Set<string>();
  const out: Layer[] = [];

  const isInside = (layer: Layer): boolean => {
    if (recordOf(layer.kind).unit !== 'alias') return inside.has(layer.name);
    const source = producers.get(layer.inputs[0] ?? '');
    return source !== undefined && isInside(source);
  };
  /** The name under which a segment finds a tensor; emits the layers that compute it again. */
  const resolve = (name: string): string => {
    const known = again.get(name);
    if (known !== undefined) return known;
    const layer = producers.get(name);
    const tensor = graph.tensors.get(name);
    if (layer === undefined || tensor === undefined || !tensor.batched) return name;
    const isAlias = recordOf(layer.kind).unit === 'alias';
    if (!isInside(layer) || (!isAlias && isKept(layer, tensor, mode))) {
      kept.add(name);
      return name;
    }
    const inputs = layer.inputs.map(resolve);
    if (isAlias && inputs.every((input, i) => input === layer.inputs[i])) return name;
    const outputs = layer.outputs.slice(0, requiredOperands(recordOf(layer.kind).outputs));
    for (const output of outputs) {
      again.set(output, `${output}.again`);
      const { storage: _, ...made } = graph.tensors.get(output) ?? tensor;
      tensors.push({ ...made, name: `${output}.again`, kind: 'activation' });
    }
    const unit = `${layer.name}.again`;
    out.push({ ...layer, name: unit, unit, phase: 'backward', inputs, outputs: outputs.map((t) => again.get(t) ?? t) });
    return again.get(name) ?? name;
  };

  for (let from = 0; from < layers.length; ) {
    let to = from;
    while (to < layers.length && layers[to]?.unit === layers[from]?.unit) to++;
    const run = layers.slice(from, to).map((layer) => ({ ...layer, inputs: layer.inputs.map(resolve) }));
    out.push(...run);
    from = to;
  }
  return { layers: out, tensors, kept };
}

function isKept(layer: Layer, tensor: Tensor, mode: Recompute): boolean {
  const record = recordOf(layer.kind);
  if (mode === 'none' || tensor.kind === 'maskIndex' || tensor.kind === 'statistics' || tensor.kind === 'output') return true;
  return record.crossesSamples(layer.attrs) || (mode === 'vector' && record.unit === 'matrix');
}
