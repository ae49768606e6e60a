import { arrayUse } from '../array-use.ts';
import { blockBytes } from '../footprint.ts';
import { type LayerView, updatedBytes } from '../network.ts';
import type { Planner } from '../planner.ts';
import type { Access } from '../schedule.ts';
import { blocksOf, type Fit } from '../tiling.ts';
import { PIECES, pieceColumns, pieces } from '../transfers.ts';
import type { Range } from '../units.ts';
import type { Rated, Ways } from './ways.ts';

/** Shares of the buffer that each of the layers has: what they leave is room for the next one to begin in. */
const SHARES = [1, 3 / 4, 1 / 2, 1 / 3];
/** How much more than at least a layer may move, if it takes less time for it. */
const MOST_MORE = [1.001, 1.5];

/** Products that share nothing as a group on the whole mini-batch, in the fastest way; undefined where the buffer is too fragmented for them. */
export function streamed(ways: Ways, { from, to }: Range): Rated | undefined {
  const { planner } = ways;
  const { batch, layers } = planner.network;
  const { accesses, fits } = planner.wholeBatch(from, to, 'none');
  const limits = SHARES.flatMap((share) => MOST_MORE.map((more) => ({ share, more })));
  const rated = limits.flatMap((limit) => {
    const own = fits.map((fit, i) => {
      const view = layers[from + i];
      const [inputs = [], outputs = []] = [accesses.inputs[i], accesses.outputs[i]];
      return (view && soonestFit(planner, view, inputs, outputs, limit)) ?? fit;
    });
    const placed = planner.tryPlace(planner.draftOf(from, to, batch, accesses, own));
    return placed === undefined ? [] : [ways.rate(placed)];
  });
  return rated.length === 0 ? undefined : ways.closest(rated);
}

/**
 * Of the tilings within limits, that which takes least of array or DRAM, and of what the array waits for: the update of the last panel, and of all where its
 * pieces are too many for the queues. Undefined where whole samples do not fit.
 */
function soonestFit(
  { tilings, network: { batch }, resources }: Planner,
  view: LayerView,
  inputs: readonly Access[],
  outputs: readonly Access[],
  { share, more }: { readonly share: number; readonly more: number },
): Fit | undefined {
  const { matrix } = view;
  if (matrix === undefined) return undefined;
  const room = resources.globalBytes * share;
  const ranked = tilings.rankingOf(tilings.wayOf(view, inputs, outputs), batch).all(room);
  const withPieces = (fit: Fit): Fit[] => {
    const { panel, chunk } = fit;
    if (panel === undefined || view.update === undefined) return [fit];
    const tiling = { chunk, panel: { ...panel, piece: Math.ceil(panel.n / PIECES) } };
    const blocks = blocksOf(view, inputs, outputs, batch, tiling);
    return [fit, { ...fit, ...tiling, blocks, bytes: blockBytes(blocks) }];
  };
  const most = more * Math.min(...ranked.map(({ traffic }) => traffic));
  const possible = ranked
    .filter(({ traffic }) => traffic <= most)
    .flatMap(withPieces)
    .filter(({ bytes }) => bytes <= room);
  const { bytesPerCycle } = resources.costs;
  const update = updatedBytes(view) / bytesPerCycle;
  const cyclesOf = ({ chunk, panel = matrix, traffic }: Fit): number => {
    const array = pieces(batch, chunk).reduce((sum, { size, count }) => sum + count * arrayUse(matrix, resources, size, size).cycles, 0);
    const isQueued = Math.ceil(panel.n / pieceColumns(panel)) <= PIECES;
    const behind = isQueued ? (update * panel.m * panel.n) / (matrix.m * matrix.columns) : update;
    return Math.max(array, traffic / bytesPerCycle) + behind;
  };
  const [first, ...others] = possible;
  return others.reduce((best, other) => (best !== undefined && cyclesOf(other) < cyclesOf(best) ? other : best), first);
}
