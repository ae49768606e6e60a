import { quoted } from '../../ir/lexer.ts';
import type { Merge, MergeSide } from '../../passes/mbs/merge.ts';

const HEAD = `# Merges of adjacent groups that the grouping considered, in the order in which they were decided; behind them it drew its boundaries
# anew where that lowers traffic. Bytes of DRAM traffic of the mini-batch: what falls by tensor kind (saves), and what rises (costs).`;

/** The merges as comments of an IR file, a line each. */
export function mergeText(merges: readonly Merge[]): string {
  return [HEAD, ...merges.map(lineOf), ''].join('\n');
}

function lineOf({ phase, round, sides, subBatch, saves, costs, outcome }: Merge): string {
  const merged = subBatch === undefined ? '' : ` to sub-batch ${subBatch}, saves ${saves}, costs ${costs}`;
  return `# ${phase} round ${round}: ${sides.map(sideText).join(' and ')}${merged}: ${outcome}`;
}

function sideText({ first, last, subBatch }: MergeSide): string {
  const layers = first === last ? quoted(first) : `${quoted(first)}..${quoted(last)}`;
  return `${layers} (sub-batch ${subBatch})`;
}
