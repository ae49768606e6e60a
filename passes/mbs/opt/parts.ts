import type { Graph, Layer, Tensor } from '../../../ir/graph.ts';
import { recordOf } from '../../../ir/layers/index.ts';
import { fuseLayers, type Pair } from '../fuse-update.ts';
import { type Network, networkOf } from '../network.ts';
import { type Uses, usesOf } from '../residency.ts';
import type { Part } from './part.ts';
import type { Positions } from './positions.ts';
import { type Producers, producersOf, type Rebuilt, type Recompute, rebuild } from './recompute.ts';

/** The backward layers between two positions in one way of recomputation. */
export interface Segment {
  /** Numbers of the positions, in forward order. */
  readonly from: number;
  readonly to: number;
  readonly mode: Recompute;
  readonly rebuilt: Rebuilt;
  readonly part: Part;
  /** Forward storages that it reads from DRAM. */
  readonly kept: ReadonlySet<string>;
}

/** Cuts a step into the parts that the search puts together: forward pieces, backward segments, and turns. */
export class Parts {
  readonly network: Network;
  readonly positions: Positions;
  private readonly pairs: readonly Pair[];
  private readonly producers: Producers;
  private readonly forwardUses: Uses;
  private readonly kept: ReadonlySet<string>;
  private readonly aliases: readonly Layer[];
  private readonly seeds: readonly string[];

  /** @param pairs weight gradients and updates that run as one layer each, where a part has room for that. */
  constructor(network: Network, positions: Positions, pairs: readonly Pair[] = []) {
    const { graph } = network;
    this.network = network;
    this.positions = positions;
    this.pairs = pairs;
    this.producers = producersOf(graph);
    const uses = usesOf(network);
    this.kept = uses.kept;
    const before = positions.forward.to;
    this.forwardUses = {
      ...uses,
      readers: new Map([...uses.readers].map(([tensor, readers]) => [tensor, readers.filter((r) => r < before)])),
    };
    this.aliases = graph.layers.filter((layer) => recordOf(layer.kind).unit === 'alias');
    this.seeds = this.findSeeds();
  }

  /** The forward layers between position `at` and the next; `kept` are the storages that backward reads from DRAM. */
  piece(at: number, kept: ReadonlySet<string>, splits: boolean): Part {
    const { all, sides } = this.positions;
    const [start, end] = [all[at], all[at + 1]];
    return {
      network: this.network,
      uses: this.forwardUses,
      from: start?.forward ?? 0,
      to: end?.forward ?? 0,
      stored: new Set([...kept, ...this.seeds]),
      refused: sides,
      enters: start?.tensor,
      exits: end?.tensor,
      splits,
    };
  }

  /** The backward layers between positions `from` and `to` of forward order. */
  segment(from: number, to: number, mode: Recompute): Segment {
    const { all } = this.positions;
    const [start, end] = [all[from], all[to]];
    const layers = this.network.layers.slice(end?.backward, start?.backward).map((view) => view.layer);
    const inside = new Set(this.network.layers.slice(start?.forward, end?.forward).map((view) => view.layer.name));
    const rebuilt = rebuild(this.network.graph, this.producers, layers, inside, mode);
    const kept = new Set([...rebuilt.kept].map((tensor) => this.network.storages.of(tensor).name));
    const around = this.partOf(rebuilt.layers, rebuilt.tensors, this.readLater(start?.backward), end?.gradient, start?.gradient);
    const part = { ...around, splits: to === from + 1 && mode !== 'all' };
    return { from, to, mode, rebuilt, part, kept };
  }

  /** The forward layers from position `from` on and their backward layers, one after the other. */
  turn(from: number): Part {
    const start = this.positions.all[from];
    const { forward } = this.positions;
    const layers = [
      ...this.network.layers.slice(start?.forward, forward.to),
      ...this.network.layers.slice(this.positions.backward.from, start?.backward),
    ].map((view) => view.layer);
    return this.partOf(layers, [], this.readLater(start?.backward), start?.tensor, start?.gradient);
  }

  private readonly madeByPiece: string[][] = [];
  /** The storages that the forward layers between position `at` and the next make. */
  madeBy(at: number): readonly string[] {
    const { all } = this.positions;
    const views = this.network.layers.slice(all[at]?.forward, all[at + 1]?.forward);
    const made = this.madeByPiece[at] ?? [...new Set(views.flatMap((view) => view.outputs.map((o) => o.tensor)))];
    this.madeByPiece[at] = made;
    return made;
  }

  /** What the losses leave for backward. */
  private findSeeds(): string[] {
    const { forward, backward } = this.positions;
    const read = new Set(this.network.layers.slice(backward.from, backward.to).flatMap((view) => view.inputs.map((o) => o.tensor)));
    return this.network.layers
      .slice(forward.from, forward.to)
      .flatMap((view) => view.outputs)
      .filter((o) => o.kind === 'activationGradient' && read.has(o.tensor))
      .map((o) => o.tensor);
  }

  private readonly readFrom = new Map<number, ReadonlySet<string>>();
  /** Storages that layers from index `at` on read. */
  private readLater(at = 0): ReadonlySet<string> {
    const known = this.readFrom.get(at) ?? new Set(this.network.layers.slice(at).flatMap((view) => view.inputs.map((o) => o.tensor)));
    this.readFrom.set(at, known);
    return known;
  }

  /** A network of its own for layers that are no range of the step's. */
  private partOf(
    layers: readonly Layer[],
    again: readonly Tensor[],
    readLater: ReadonlySet<string>,
    enters?: string,
    exits?: string,
  ): Part {
    const names = new Set(layers.map((layer) => layer.name));
    const pairs = this.pairs.filter(({ gradient }) => names.has(gradient));
    const viewed = new Map<string, Pick<Part, 'network' | 'uses'>>();
    /** The layers, all pairs joined but some. */
    const apart = (joined: ReadonlySet<string>): Pick<Part, 'network' | 'uses'> => {
      const key = [...joined].sort().join();
      const fused = pairs.filter((pair) => !joined.has(pair.joined.name));
      const found = viewed.get(key) ?? this.viewOf(fuseLayers(layers, fused), again);
      viewed.set(key, found);
      return found;
    };
    const { network, uses } = apart(new Set());
    const name = (tensor: string | undefined): string | undefined =>
      tensor === undefined || !network.graph.tensors.has(tensor) ? undefined : network.storages.of(tensor).name;
    // The tensor at the end is stored only where the group ends there.
    const made = new Set(network.layers.flatMap((view) => view.outputs.map((o) => o.tensor)));
    const stored = new Set([...made].filter((tensor) => tensor !== exits && (this.kept.has(tensor) || readLater.has(tensor))));
    return {
      network,
      uses,
      ...(pairs.length > 0 ? { apart } : {}),
      from: 0,
      to: network.layers.length,
      stored,
      refused: this.positions.sides,
      enters: name(enters),
      exits: name(exits),
      splits: false,
    };
  }

  private viewOf(layers: readonly Layer[], again: readonly Tensor[]): Pick<Part, 'network' | 'uses'> {
    const network = networkOf(this.graphOf(layers, again), this.network.cores);
    return { network, uses: { ...usesOf(network), kept: this.kept } };
  }

  private graphOf(layers: readonly Layer[], made: readonly Tensor[]): Graph {
    const { graph } = this.network;
    const own = new Map(made.map((tensor) => [tensor.name, tensor]));
    const names = new Set(layers.map((layer) => layer.name));
    const all = [...this.aliases.filter((layer) => !names.has(layer.name)), ...layers];
    const tensors = new Map<string, Tensor>();
    for (const name of all.flatMap((layer) => [...layer.inputs, ...layer.outputs])) {
      const tensor = own.get(name) ?? graph.tensors.get(name);
      if (tensor === undefined) continue;
      tensors.set(name, tensor);
      const storage = tensor.storage === undefined ? undefined : graph.tensors.get(tensor.storage);
      if (storage !== undefined) tensors.set(storage.name, storage);
    }
    // Of several outputs in one storage, that which names it in the whole network.
    const outputs = graph.outputs.filter((name) => tensors.has(name) && this.network.storages.of(name).name === name);
    return { ...graph, tensors, layers: all, inputs: [], outputs };
  }
}
