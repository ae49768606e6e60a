import type { LayerView, Network } from './network.ts';
import { accessesOf, type GroupAccesses, type Interval, type Policy, type Uses } from './residency.ts';
import { align } from './schedule.ts';
import type { Tilings, Way } from './tilings.ts';

/** Where the tensors of a range of layers are while it runs; no sub-batch size enters into it. */
export interface Layout {
  readonly from: number;
  readonly to: number;
  readonly policy: Policy;
  readonly views: readonly LayerView[];
  readonly accesses: GroupAccesses;
  readonly ways: readonly Way[];
  /** Bytes a sample of the resident tensors at every step. */
  readonly live: readonly number[];
}

/** Lays ranges of a network out. */
export class Layouts {
  private readonly network: Network;
  private readonly uses: Uses;
  private readonly tilings: Tilings;
  private last: Layout | undefined;

  constructor(network: Network, uses: Uses, tilings: Tilings) {
    this.network = network;
    this.uses = uses;
    this.tilings = tilings;
  }

  /** Everything stays on chip that the policy allows, but for the refused tensors. */
  of(from: number, to: number, policy: Policy, refused: ReadonlySet<string> = NONE): Layout {
    const { last } = this;
    // One range is asked for several times in a row.
    if (refused.size === 0 && last?.from === from && last.to === to && last.policy === policy) return last;
    const views = this.network.layers.slice(from, to);
    const accesses = accessesOf(this.network, this.uses, from, to, policy, refused);
    const ways = views.map((view, i) => this.tilings.wayOf(view, accesses.inputs[i] ?? [], accesses.outputs[i] ?? []));
    const layout = { from, to, policy, views, accesses, ways, live: livePerSample(accesses.intervals, views.length) };
    if (refused.size === 0) this.last = layout;
    return layout;
  }
}

const NONE: ReadonlySet<string> = new Set();

/** Bytes a sample of the resident tensors at every step; a tensor that takes over another's place is counted once. */
export function livePerSample(intervals: readonly Interval[], steps: number): number[] {
  const live = new Array<number>(steps).fill(0);
  for (const v of intervals) {
    const first = v.inPlaceOf === undefined ? v.from : v.from + 1;
    for (let i = first; i <= v.to; i++) live[i] = (live[i] ?? 0) + align(v.bytes);
  }
  return live;
}
