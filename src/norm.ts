import type { Graph } from '../ir/graph.ts';
import { recordOf } from '../ir/layers/index.ts';
import type { NormChoice } from '../passes/normalize.ts';

/** Channels of a normalization group where the caller names none. */
export const DEFAULT_CHANNELS_PER_GROUP = 16;

/** Reads `keep`, `gn` or `gn:CHANNELS_PER_GROUP`; undefined for anything else. */
export function parseNorm(text: string): NormChoice | undefined {
  if (text === 'keep') return { kind: 'keep' };
  const found = /^gn(?::([1-9]\d*))?$/.exec(text);
  return found === null ? undefined : { kind: 'group', channelsPerGroup: Number(found[1] ?? DEFAULT_CHANNELS_PER_GROUP) };
}

/** The choice in the form that `parseNorm` reads. */
export function normText(norm: NormChoice): string {
  return norm.kind === 'keep' ? 'keep' : `gn:${norm.channelsPerGroup}`;
}

/** What has become of batch normalization in a normalized graph; `none` where nothing is normalized over samples or channels. */
export function normOf(graph: Graph, norm: NormChoice): string {
  return graph.layers.some(({ kind }) => recordOf(kind).normalizes) ? normText(norm) : 'none';
}
