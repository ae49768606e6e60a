import type { Layout, Layouts } from './layout.ts';
import type { Network } from './network.ts';
import { Reach } from './reach.ts';
import type { Repeats } from './repeats.ts';
import type { Policy } from './residency.ts';
import type { Fit } from './tiling.ts';
import { type Moved, sumByKind, type Tilings, type Way } from './tilings.ts';

/** `count` steps of a layout behind the first `skip`. */
interface Stretch {
  readonly layout: Layout;
  readonly skip: number;
  readonly count: number;
  /** DRAM bytes by samples. */
  readonly bytes: Map<number, number>;
}

/** What sums are made of: how layers run in what residents of `live` bytes a sample leave free. */
interface Basis {
  readonly network: Network;
  readonly layouts: Layouts;
  readonly tilings: Tilings;
  readonly repeats: Repeats;
  readonly fit: (way: Way, samples: number, live: number) => Fit | undefined;
}

/**
 * What ranges of one phase move under one policy, each in a few additions. The end of a range changes how those layers run that are
 * within the reach of the tensors that it cuts; between them, layers run as in the whole phase.
 */
export class Sums {
  private readonly basis: Basis;
  private readonly policy: Policy;
  readonly reach: Reach;
  private readonly whole: Layout;
  /** The layers within the reach of a range's beginning and of its end, by this cut. */
  private readonly heads = new Map<number, Stretch>();
  private readonly tails = new Map<number, Stretch>();
  private readonly known = new Map<string, Stretch>();
  /** DRAM bytes by samples: sums over 1, 2, 4… layers of the phase, at multiples of so many. */
  private readonly trees = new Map<number, number[][]>();

  constructor(basis: Basis, from: number, to: number, policy: Policy) {
    this.basis = basis;
    this.policy = policy;
    this.reach = new Reach(basis.network, from, to);
    this.whole = basis.layouts.of(from, to, policy);
  }

  /** Whether the ends of a range are so far apart that no layer is within the reach of both. */
  covers(from: number, to: number): boolean {
    return this.reach.behind(from) <= this.reach.before(to);
  }

  /** DRAM bytes of a range that is covered on sub-batches of `samples` samples; infinite where it does not fit. */
  at(from: number, to: number, samples: number): number {
    const ends = this.bytesOf(this.headOf(from), samples) + this.bytesOf(this.tailOf(to), samples);
    return Number.isFinite(ends) ? ends + this.middle(this.reach.behind(from), this.reach.before(to), samples) : ends;
  }

  /** The same by tensor kind, of a range that fits. */
  byKindAt(from: number, to: number, samples: number): Float64Array {
    const moved: (Moved | undefined)[] = [];
    const add = (layout: Layout, skip: number, count: number): void => {
      for (let step = skip; step < skip + count; step++) moved.push(this.stepMoved(layout, step, samples));
    };
    const [head, tail] = [this.headOf(from), this.tailOf(to)];
    const [start, end] = [this.reach.behind(from), this.reach.before(to)];
    add(head.layout, head.skip, head.count);
    add(this.whole, start - this.reach.from, end - start);
    add(tail.layout, tail.skip, tail.count);
    return sumByKind(moved);
  }

  private middle(from: number, to: number, samples: number): number {
    let bytes = 0;
    let at = from - this.reach.from;
    const end = to - this.reach.from;
    while (at < end && bytes < Number.POSITIVE_INFINITY) {
      let level = 31 - Math.clz32(end - at);
      while (at % 2 ** level !== 0) level--;
      bytes += this.node(level, at / 2 ** level, samples);
      at += 2 ** level;
    }
    return bytes;
  }

  private node(level: number, index: number, samples: number): number {
    const tree = this.trees.get(samples) ?? [];
    this.trees.set(samples, tree);
    const nodes = tree[level] ?? [];
    tree[level] = nodes;
    const known = nodes[index];
    if (known !== undefined) return known;
    const bytes =
      level === 0
        ? this.stepBytes(this.whole, index, samples)
        : this.node(level - 1, 2 * index, samples) + this.node(level - 1, 2 * index + 1, samples);
    nodes[index] = bytes;
    return bytes;
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
    const { repeats, layouts } = this.basis;
    const key = `${repeats.of(begin, end)} ${from - begin} ${to - begin}`;
    const known = this.known.get(key);
    if (known !== undefined) return known;
    const layout = from === to ? this.whole : layouts.of(begin, end, this.policy);
    const stretch = { layout, skip: from - begin, count: to - from, bytes: new Map() };
    this.known.set(key, stretch);
    return stretch;
  }

  private bytesOf({ layout, skip, count, bytes }: Stretch, samples: number): number {
    const known = bytes.get(samples);
    if (known !== undefined) return known;
    let sum = 0;
    for (let step = skip; step < skip + count && sum < Number.POSITIVE_INFINITY; step++) sum += this.stepBytes(layout, step, samples);
    bytes.set(samples, sum);
    return sum;
  }

  private stepBytes(layout: Layout, step: number, samples: number): number {
    return this.stepMoved(layout, step, samples)?.bytes ?? Number.POSITIVE_INFINITY;
  }

  private stepMoved({ ways, live }: Layout, step: number, samples: number): Moved | undefined {
    const way = ways[step];
    const fit = way && this.basis.fit(way, samples, live[step] ?? 0);
    return fit && this.basis.tilings.movedBy(fit, way.view, way.inputs, way.outputs, samples);
  }
}
