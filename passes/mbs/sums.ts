import { TENSOR_KINDS } from '../../ir/tensor.ts';
import type { Layout, Layouts } from './layout.ts';
import type { Network } from './network.ts';
import { Reach } from './reach.ts';
import type { Repeats } from './repeats.ts';
import type { Policy } from './residency.ts';
import type { Tilings } from './tilings.ts';

/** DRAM bytes by tensor kind; none where a layer does not fit. */
type Moved = Float64Array | undefined;

/** `count` steps of a layout behind the first `skip`. */
interface Stretch {
  readonly layout: Layout;
  readonly skip: number;
  readonly count: number;
  /** By samples. */
  readonly moved: Map<number, Moved>;
}

/**
 * What ranges of one phase move under one policy, each in a few additions. The end of a range changes how those layers run that are
 * within the reach of the tensors that it cuts; between them, layers run as in the whole phase.
 */
export class Sums {
  private readonly layouts: Layouts;
  private readonly tilings: Tilings;
  private readonly repeats: Repeats;
  private readonly policy: Policy;
  readonly reach: Reach;
  private readonly whole: Layout;
  /** The layers within the reach of a range's beginning and of its end, by this cut. */
  private readonly heads = new Map<number, Stretch>();
  private readonly tails = new Map<number, Stretch>();
  private readonly known = new Map<string, Stretch>();
  /** By samples: sums over 1, 2, 4… layers of the phase, at multiples of so many. */
  private readonly trees = new Map<number, Map<number, Moved>[]>();

  constructor(network: Network, layouts: Layouts, tilings: Tilings, repeats: Repeats, from: number, to: number, policy: Policy) {
    this.layouts = layouts;
    this.tilings = tilings;
    this.repeats = repeats;
    this.policy = policy;
    this.reach = new Reach(network, from, to);
    this.whole = layouts.of(from, to, policy);
  }

  /** Whether the ends of a range are so far apart that no layer is within the reach of both. */
  covers(from: number, to: number): boolean {
    return this.reach.behind(from) <= this.reach.before(to);
  }

  /** What a range that is covered moves on sub-batches of `samples` samples; undefined where it does not fit. */
  at(from: number, to: number, samples: number): Moved {
    const sum = new Float64Array(TENSOR_KINDS.length);
    const ends = add(sum, this.movedIn(this.headOf(from), samples)) && add(sum, this.movedIn(this.tailOf(to), samples));
    return ends && this.addMiddle(sum, this.reach.behind(from), this.reach.before(to), samples) ? sum : undefined;
  }

  private addMiddle(sum: Float64Array, from: number, to: number, samples: number): boolean {
    let at = from - this.reach.from;
    const end = to - this.reach.from;
    while (at < end) {
      let level = 31 - Math.clz32(end - at);
      while (at % 2 ** level !== 0) level--;
      if (!add(sum, this.node(level, at / 2 ** level, samples))) return false;
      at += 2 ** level;
    }
    return true;
  }

  private node(level: number, index: number, samples: number): Moved {
    const tree = this.trees.get(samples) ?? [];
    this.trees.set(samples, tree);
    const nodes = tree[level] ?? new Map<number, Moved>();
    tree[level] = nodes;
    if (nodes.has(index)) return nodes.get(index);
    const moved = level === 0 ? this.stepMoved(this.whole, index, samples) : this.pairMoved(level - 1, 2 * index, samples);
    nodes.set(index, moved);
    return moved;
  }

  private pairMoved(level: number, index: number, samples: number): Moved {
    const sum = new Float64Array(TENSOR_KINDS.length);
    return add(sum, this.node(level, index, samples)) && add(sum, this.node(level, index + 1, samples)) ? sum : undefined;
  }

  private headOf(cut: number): Stretch {
    const end = this.reach.behind(cut);
    const head = this.heads.get(cut) ?? this.stretchOf(cut, end, cut, this.reach.clearBehind(end));
    this.heads.set(cut, head);
    return head;
  }

  private tailOf(cut: number): Stretch {
    const start = this.reach.before(cut);
    const tail = this.tails.get(cut) ?? this.stretchOf(start, cut, this.reach.clearBefore(start), cut);
    this.tails.set(cut, tail);
    return tail;
  }

  /** The layers [from, to) as they run in [begin, end). */
  private stretchOf(from: number, to: number, begin: number, end: number): Stretch {
    const key = `${this.repeats.of(begin, end)} ${from - begin} ${to - begin}`;
    const known = this.known.get(key);
    if (known !== undefined) return known;
    const layout = from === to ? this.whole : this.layouts.of(begin, end, this.policy);
    const stretch = { layout, skip: from - begin, count: to - from, moved: new Map() };
    this.known.set(key, stretch);
    return stretch;
  }

  private movedIn({ layout, skip, count, moved }: Stretch, samples: number): Moved {
    if (moved.has(samples)) return moved.get(samples);
    let sum: Moved = new Float64Array(TENSOR_KINDS.length);
    for (let step = skip; step < skip + count && sum !== undefined; step++)
      if (!add(sum, this.stepMoved(layout, step, samples))) sum = undefined;
    moved.set(samples, sum);
    return sum;
  }

  private stepMoved({ ways, live }: Layout, step: number, samples: number): Moved {
    const way = ways[step];
    const fit = way && this.tilings.fit(way, samples, live[step] ?? 0);
    return fit && this.tilings.movedBy(fit, way.view, way.inputs, way.outputs, samples);
  }
}

/** Adds what is moved, if anything runs. */
function add(sum: Float64Array, moved: Moved): boolean {
  if (moved === undefined) return false;
  for (let kind = 0; kind < sum.length; kind++) sum[kind] = (sum[kind] ?? 0) + (moved[kind] ?? 0);
  return true;
}
