import type { Phase } from '../../ir/graph.ts';
import type { Network } from './network.ts';

/** A group as it was when a merge was considered. */
export interface MergeSide {
  readonly first: string;
  readonly last: string;
  readonly subBatch: number;
}

/**
 * `does not fit`: no sub-batch of all layers fits the buffer. `saves nothing`: it costs as much as it saves, or more.
 * `overtaken`: it would have saved, but one of the groups was merged with its other neighbour first.
 */
export type MergeOutcome = 'taken' | 'saves nothing' | 'does not fit' | 'overtaken';

/** A merge of adjacent groups that the grouping considered. */
export interface Merge {
  readonly phase: Phase;
  /** The round in which it was decided, counted from 1 in each phase; each round but the last takes one merge. */
  readonly round: number;
  /** The adjacent groups, in order. */
  readonly sides: readonly MergeSide[];
  /** Of the merged group; absent where it does not fit. */
  readonly subBatch?: number;
  /** DRAM bytes of the mini-batch: the sum over the tensor kinds whose traffic falls, and over those whose traffic rises. */
  readonly saves: number;
  readonly costs: number;
  readonly outcome: MergeOutcome;
}

/** The same merges by the names of a network whose units have other layers: groups begin and end with units. */
export function renamedMerges(merges: readonly Merge[], before: Network, after: Network): Merge[] {
  const units = new Map(before.layers.map(({ layer, unit }) => [layer.name, unit]));
  const firsts = new Map<number | undefined, string>();
  const lasts = new Map<number | undefined, string>();
  for (const { layer, unit } of after.layers) {
    if (!firsts.has(unit)) firsts.set(unit, layer.name);
    lasts.set(unit, layer.name);
  }
  const renamed = ({ first, last, subBatch }: MergeSide): MergeSide => ({
    first: firsts.get(units.get(first)) ?? first,
    last: lasts.get(units.get(last)) ?? last,
    subBatch,
  });
  return merges.map((merge) => ({ ...merge, sides: merge.sides.map(renamed) }));
}
