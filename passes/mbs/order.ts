import type { Graph, Layer, Phase } from '../../ir/graph.ts';
import { recordOf } from '../../ir/layers/index.ts';
import { sampleBytes, type TensorKind } from '../../ir/tensor.ts';

/** Layers that stay together: a product with the vector layers that follow it (forward) or lead to it (backward). */
interface Node {
  readonly layers: readonly Layer[];
  /** Nodes of the phase that make what it reads. */
  readonly needs: Set<Node>;
}

/**
 * The layers of forward and of backward in an order in which little has to be kept for branches: of the nodes that can run, always the one that
 * leaves the least alive, of equal ones the first. A branch that shrinks its data goes before one that makes much of it.
 */
export function orderByLiveness(graph: Graph): Graph {
  const phases: readonly Phase[] = ['forward', 'backward'];
  const ordered = phases.flatMap((phase) => {
    const layers = graph.layers.filter((layer) => layer.phase === phase);
    return orderOf(graph, nodesOf(graph, layers));
  });
  return { ...graph, layers: [...ordered.map(inOrderOf(ordered)), ...graph.layers.filter(({ phase }) => phase === 'update')] };
}

/** Sums add their operands in the order in which these are made. */
function inOrderOf(layers: readonly Layer[]): (layer: Layer) => Layer {
  const made = new Map(layers.flatMap(({ outputs }, i) => outputs.map((output) => [output, i] as const)));
  const at = (tensor: string): number => made.get(tensor) ?? -1;
  return (layer) =>
    layer.kind === 'add' && layer.inputs.length > 2 ? { ...layer, inputs: [...layer.inputs].sort((a, b) => at(a) - at(b)) } : layer;
}

function nodesOf(graph: Graph, layers: readonly Layer[]): Node[] {
  const nodes: { layers: Layer[]; needs: Set<Node> }[] = [];
  const makers = new Map<string, Node>();
  const readers = unitsOf(layers);
  let last: Layer[] = [];
  for (const run of unitRuns(layers)) {
    const made = new Set(last.flatMap(({ outputs }) => outputs));
    const follows = run.some(({ inputs }) => inputs.some((input) => made.has(input)));
    const open = run[0]?.phase === 'forward' ? !hasProduct(run) : !hasProduct(last);
    let node = nodes.at(-1);
    if (node === undefined || !follows || !open || divides(graph, last, readers)) {
      node = { layers: [], needs: new Set() };
      nodes.push(node);
    }
    node.layers.push(...run);
    for (const layer of run) {
      for (const input of layer.inputs) {
        const maker = makers.get(input);
        if (maker !== undefined && maker !== node) node.needs.add(maker);
      }
      for (const output of layer.outputs) makers.set(output, node);
    }
    last = run;
  }
  return nodes;
}

function unitRuns(layers: readonly Layer[]): Layer[][] {
  const runs: Layer[][] = [];
  for (const layer of layers) {
    const run = runs.at(-1);
    if (run?.[0]?.unit === layer.unit) run.push(layer);
    else runs.push([layer]);
  }
  return runs;
}

/** Whether a layer makes the data of several branches. */
function divides(graph: Graph, run: readonly Layer[], readers: ReadonlyMap<string, ReadonlySet<string>>): boolean {
  const data = run.flatMap(({ outputs }) => outputs).filter((tensor) => DATA.has(graph.tensors.get(tensor)?.kind ?? 'statistics'));
  return run.length === 1 && (data.length > 1 || data.some((tensor) => (readers.get(tensor)?.size ?? 0) > 1));
}

/** By tensor: the units that read it. */
function unitsOf(layers: readonly Layer[]): ReadonlyMap<string, ReadonlySet<string>> {
  const readers = new Map<string, Set<string>>();
  for (const { inputs, unit } of layers) for (const input of inputs) readers.set(input, (readers.get(input) ?? new Set()).add(unit));
  return readers;
}

/** Kinds of what branches work on. */
const DATA: ReadonlySet<TensorKind> = new Set<TensorKind>(['activation', 'stash', 'activationGradient']);

function hasProduct(run: readonly Layer[]): boolean {
  return run.some(({ kind }) => recordOf(kind).unit === 'matrix');
}

function orderOf(graph: Graph, nodes: readonly Node[]): Layer[] {
  const bytes = (tensor: string): number => {
    const { batched, type } = graph.tensors.get(tensor) ?? {};
    return batched === true && type !== undefined ? sampleBytes(type) : 0;
  };
  const readers = new Map<string, Set<Node>>();
  const made = new Set(nodes.flatMap(({ layers }) => layers.flatMap(({ outputs }) => outputs)));
  for (const node of nodes)
    for (const { inputs } of node.layers)
      for (const input of inputs) if (made.has(input)) readers.set(input, (readers.get(input) ?? new Set()).add(node));
  const done = new Set<Node>();
  const sums = nodes.flatMap(({ layers }) => layers.filter(({ kind, inputs }) => kind === 'add' && inputs.length > 2));
  const sumOf = new Map(sums.flatMap((sum) => sum.inputs.map((input) => [input, sum] as const)));
  const makers = new Map(nodes.flatMap((node) => node.layers.flatMap(({ outputs }) => outputs.map((output) => [output, node] as const))));
  /** Whether a tensor is added to others that are there already. */
  const joinsSum = (tensor: string): boolean => {
    const isThere = (input: string): boolean => {
      const maker = makers.get(input);
      return input !== tensor && maker !== undefined && done.has(maker);
    };
    return sumOf.get(tensor)?.inputs.some(isThere) === true;
  };
  /** Bytes a sample that are alive behind a node and were not before it. */
  const growth = (node: Node): number => {
    const isRead = (tensor: string): boolean => [...(readers.get(tensor) ?? [])].some((reader) => reader !== node && !done.has(reader));
    const own = new Set(node.layers.flatMap(({ outputs }) => outputs));
    const leaves = [...own].filter((tensor) => isRead(tensor) && !joinsSum(tensor)).reduce((sum, tensor) => sum + bytes(tensor), 0);
    const read = new Set(node.layers.flatMap(({ inputs }) => inputs).filter((tensor) => made.has(tensor) && !own.has(tensor)));
    return [...read].filter((tensor) => !isRead(tensor)).reduce((sum, tensor) => sum - bytes(tensor), leaves);
  };
  const madeBy = (node: Node): number => node.layers.flatMap(({ outputs }) => outputs).reduce((sum, tensor) => sum + bytes(tensor), 0);
  const order: Layer[] = [];
  let last: Node | undefined;
  for (const module of modulesOf(nodes, bytes)) {
    const waiting = [...module];
    while (waiting.length > 0) {
      let best = 0;
      let least = Number.POSITIVE_INFINITY;
      waiting.forEach((node, i) => {
        if ([...node.needs].some((need) => !done.has(need))) return;
        // Of equal ones the smaller first: what passes much data on is better done late.
        const grows = growth(node);
        const follows = last !== undefined && node.needs.has(last);
        // A branch that does not grow goes on: what it made last is on chip. So does, of those that grow alike, the one that was begun.
        const rank = follows && grows <= 0 ? Number.NEGATIVE_INFINITY : grows + (follows ? 0 : madeBy(node) / 2 ** 20);
        if (rank < least) [best, least] = [i, rank];
      });
      const [node] = waiting.splice(best, 1);
      if (node === undefined) break;
      done.add(node);
      last = node;
      order.push(...node.layers);
    }
  }
  return order;
}

/** A tensor beside which others are small. */
const SMALL = 1 / 16;

/** The nodes in runs between places that one large tensor alone crosses: only branches within a run are put in another order. */
function modulesOf(nodes: readonly Node[], bytes: (tensor: string) => number): Node[][] {
  const lastRead = new Map<string, number>();
  nodes.forEach(({ layers }, i) => {
    for (const { inputs } of layers) for (const input of inputs) lastRead.set(input, i);
  });
  const modules: Node[][] = [];
  const alive = new Set<string>();
  let isOpen = false;
  nodes.forEach((node, i) => {
    for (const tensor of alive) if ((lastRead.get(tensor) ?? 0) < i) alive.delete(tensor);
    const sizes = [...alive].map(bytes).sort((a, b) => b - a);
    const rest = sizes.slice(1).reduce((sum, size) => sum + size, 0);
    isOpen = isOpen && rest > (sizes[0] ?? 0) * SMALL;
    if (isOpen) modules.at(-1)?.push(node);
    else modules.push([node]);
    isOpen = true;
    for (const output of node.layers.flatMap(({ outputs }) => outputs)) if ((lastRead.get(output) ?? -1) > i) alive.add(output);
  });
  return modules;
}
