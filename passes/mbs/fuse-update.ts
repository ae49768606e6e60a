import { unused } from '../../ir/build.ts';
import { type Graph, inTextOrder, type Layer } from '../../ir/graph.ts';
import { recordOf } from '../../ir/layers/index.ts';
import { storagesOf } from './storage.ts';

/** A weight gradient and the update that alone reads it, which can become one layer. */
export interface Pair {
  readonly gradient: string;
  readonly update: string;
  /** The one layer that they become. */
  readonly joined: Layer;
  /**
   * The layer that it comes right behind; the gradient itself, or a layer of its unit that reads what the update overwrites: the data
   * gradient.
   */
  readonly behind: string;
}

/**
 * Every weight gradient that can stay on chip until its update: no other update depends on it, and no other unit reads the weights later. There
 * are none on several cores: they add up their gradients before the first update.
 */
export function pairsOf(graph: Graph, cores = 1): Pair[] {
  if (cores > 1) return [];
  const { layers } = graph;
  const makers = new Map(layers.flatMap((layer) => layer.outputs.map((output) => [output, layer] as const)));
  const readers = readersOf(graph);
  const storages = storagesOf(graph);
  const readings = countReadings(layers);
  const names = new Set(layers.map(({ name }) => name));
  return layers.flatMap((update): Pair[] => {
    const [grad = '', state = ''] = update.inputs.slice(-2);
    const [gradient, begin] = [makers.get(grad), makers.get(state)];
    const kind = gradient && recordOf(gradient.kind).updating?.[update.kind];
    if (gradient === undefined || begin === undefined || kind === undefined || gradient.outputs[0] !== grad) return [];
    const isAlone = readings.get(grad) === 1;
    const hasWeight = update.outputs.length === update.inputs.length - 1;
    if (!isAlone || !hasWeight || !beginsAlike(update, begin) || begin.inputs.some((input) => makers.has(input))) return [];
    const at = layers.indexOf(gradient);
    const overwritten = update.outputs.flatMap((output) => readers.get(storages.of(output).name) ?? []);
    const last = Math.max(at, ...overwritten.filter((i) => layers[i] !== update));
    const isNear = layers.slice(at, last + 1).every(({ phase, unit }) => phase === gradient.phase && unit === gradient.unit);
    if (!isNear) return [];
    const [, ...db] = gradient.outputs;
    const joined: Layer = {
      ...gradient,
      name: unused(`${gradient.name}.update`, (name) => names.has(name)),
      kind,
      inputs: [...gradient.inputs, ...update.inputs.slice(0, -2), ...begin.inputs],
      outputs: [grad, ...update.outputs, ...db],
      attrs: { ...gradient.attrs, ...update.attrs },
      origin: `${gradient.origin} + ${update.origin}`,
    };
    return [{ gradient: gradient.name, update: update.name, joined, behind: layers[last]?.name ?? gradient.name }];
  });
}

/** Whether the update finds the words that the layer `begin` makes where it makes them for itself. */
function beginsAlike(update: Layer, begin: Layer): boolean {
  const words = recordOf(begin.kind).beginning?.(begin.attrs);
  const specs = recordOf(update.kind).attrs;
  const own = (name: string): unknown => update.attrs[name] ?? specs[name]?.default;
  return words !== undefined && Object.entries(words).every(([name, value]) => !(name in specs) || own(name) === value);
}

/** By tensor: how many layers read it. */
function countReadings(layers: readonly Layer[]): Map<string, number> {
  const readings = new Map<string, number>();
  for (const { inputs } of layers) for (const input of new Set(inputs)) readings.set(input, (readings.get(input) ?? 0) + 1);
  return readings;
}

/** By storage: the indices of the layers that read it, views apart. */
function readersOf(graph: Graph): Map<string, number[]> {
  const storages = storagesOf(graph);
  const readers = new Map<string, number[]>();
  graph.layers.forEach((layer, i) => {
    if (recordOf(layer.kind).unit === 'alias') return;
    for (const input of layer.inputs) {
      const { name } = storages.of(input);
      const list = readers.get(name);
      if (list === undefined) readers.set(name, [i]);
      else list.push(i);
    }
  });
  return readers;
}

/** The graph in which these pairs are one layer each. */
export function fuseUpdates(graph: Graph, pairs: readonly Pair[]): Graph {
  if (pairs.length === 0) return graph;
  const layers = fuseLayers(graph.layers, pairs);
  return inTextOrder({ ...graph, layers });
}

/** Layers of a graph of which these pairs are one layer each; the gradients may read other tensors than in the graph that the pairs are of. */
export function fuseLayers(layers: readonly Layer[], pairs: readonly Pair[]): readonly Layer[] {
  const gone = new Set(pairs.flatMap(({ gradient, update }) => [gradient, update]));
  const behind = new Map(pairs.map((pair) => [pair.behind, pair]));
  const inputs = new Map(layers.map((layer) => [layer.name, layer.inputs]));
  const joinedOf = ({ gradient, joined }: Pair): Layer => {
    const own = inputs.get(gradient) ?? [];
    return { ...joined, inputs: [...own, ...joined.inputs.slice(own.length)] };
  };
  return layers.flatMap((layer) => {
    const pair = behind.get(layer.name);
    return [...(gone.has(layer.name) ? [] : [layer]), ...(pair === undefined ? [] : [joinedOf(pair)])];
  });
}
