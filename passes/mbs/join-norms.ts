import { type Graph, inTextOrder, type Layer } from '../../ir/graph.ts';
import { recordOf } from '../../ir/layers/index.ts';
import { sampleBytes } from '../../ir/tensor.ts';

/**
 * Joins normalizations with the rectifiers that alone read them, and the gradients of normalizations with the masks of what they read: a pass of the vector
 * unit less for each. Names, units and origins stay those of the normalization; the rectifier itself is no longer there. Only where two of every operand of
 * a sample have room side by side in the buffer: the joined layers take whole samples.
 */
export function joinNorms(graph: Graph, globalBytes: number): Graph {
  const room = (layer: Layer): boolean => 2 * operandBytes(graph, layer) <= globalBytes;
  return withMasked(withRectified(graph, room), room);
}

type Room = (layer: Layer) => boolean;

function withRectified(graph: Graph, room: Room): Graph {
  const makers = new Map(graph.layers.map((layer) => [layer.outputs[0], layer]));
  const readers = readersOf(graph);
  const joined = new Map<Layer, Layer>();
  const gone = new Set<Layer>();
  for (const layer of graph.layers) {
    const [made = ''] = layer.inputs;
    const maker = makers.get(made);
    const kind = recordOf(layer.kind).behind?.[maker?.kind ?? ''];
    if (maker === undefined || kind === undefined || maker.phase !== layer.phase || isReadElsewhere(graph, made, readers, 1)) continue;
    const both = { ...maker, kind, outputs: layer.outputs };
    if (!room(both)) continue;
    joined.set(maker, both);
    gone.add(layer);
  }
  return replaced(graph, joined, gone);
}

function withMasked(graph: Graph, room: Room): Graph {
  const readers = readersOf(graph);
  const joined = new Map<Layer, Layer>();
  const gone = new Set<Layer>();
  for (const layer of graph.layers) {
    const { masking } = recordOf(layer.kind);
    const [dy = '', mask = ''] = layer.inputs;
    const [result = ''] = layer.outputs;
    const reading = readers.get(result) ?? [];
    if (masking === undefined || reading.length === 0) continue;
    const own = reading.flatMap((reader): Layer[] => {
      const kind = masking[reader.kind];
      const isMasked = kind !== undefined && reader.phase === layer.phase && reader.inputs.indexOf(result) === 1;
      return isMasked ? [{ ...reader, kind, inputs: [...reader.inputs.with(1, dy), mask] }] : [];
    });
    if (own.length < reading.length || isReadElsewhere(graph, result, readers, own.length) || !own.every(room)) continue;
    own.forEach((reader, i) => {
      joined.set(reading[i] ?? reader, reader);
    });
    gone.add(layer);
  }
  return replaced(graph, joined, gone);
}

/** By tensor: the layers that read it, each as often as it does. */
function readersOf({ layers }: Graph): ReadonlyMap<string, readonly Layer[]> {
  const readers = new Map<string, Layer[]>();
  for (const layer of layers) for (const input of layer.inputs) readers.set(input, [...(readers.get(input) ?? []), layer]);
  return readers;
}

/** Whether a tensor is read more often than `known` times, or by the caller. */
function isReadElsewhere({ outputs }: Graph, tensor: string, readers: ReadonlyMap<string, readonly Layer[]>, known: number): boolean {
  return outputs.includes(tensor) || (readers.get(tensor)?.length ?? 0) > known;
}

function replaced(graph: Graph, joined: ReadonlyMap<Layer, Layer>, gone: ReadonlySet<Layer>): Graph {
  if (gone.size === 0) return graph;
  const layers = graph.layers.filter((layer) => !gone.has(layer)).map((layer) => joined.get(layer) ?? layer);
  const made = new Set(layers.flatMap(({ outputs }) => outputs));
  const before = graph.layers.flatMap(({ outputs }) => outputs);
  const lost = new Set(before.filter((tensor) => !made.has(tensor)));
  const tensors = new Map([...graph.tensors].filter(([name]) => !lost.has(name)));
  return inTextOrder({ ...graph, layers, tensors });
}

/** Bytes of a sample of all operands. */
function operandBytes({ tensors }: Graph, { inputs, outputs }: Layer): number {
  const operands = [...inputs, ...outputs].flatMap((name) => tensors.get(name) ?? []);
  return operands.reduce((sum, { batched, type }) => sum + (batched ? sampleBytes(type) : 0), 0);
}
