import { arrayUse } from '../array-use.ts';
import { blockBytes } from '../footprint.ts';
import { type LayerView, type MatrixWork, updatedBytes } from '../network.ts';
import type { Planner } from '../planner.ts';
import type { Access, Panel, Resources } from '../schedule.ts';
import { blocksOf, type Fit, panelsOf, trafficOf } from '../tiling.ts';
import { PIECES, pieceColumns, pieces, type Tiling } from '../transfers.ts';

/** Share of the buffer that a layer may take: what it leaves is room for the next one to begin in. */
const MOST_ROOM = 3 / 4;
/** How much more than at least a layer may move, if it takes less time for it. */
const MOST_MORE = 1.5;
/** Chunks that a slice comes in, at most. */
const MOST_CHUNKS = 8;
/** Tilings that are told. */
const MOST_FITS = 16;
/** Further ones that leave room for the next layer beside them. */
const MOST_SMALL = 8;

/**
 * Tilings of a weight gradient on the whole mini-batch that seem to take the least time, the fastest first: by how long array and DRAM work, and
 * what the array waits for where a panel is updated from.
 */
export function soonestFits(planner: Planner, view: LayerView, inputs: readonly Access[], outputs: readonly Access[]): Fit[] {
  const { tilings, network, resources } = planner;
  const { batch } = network;
  const { matrix } = view;
  if (matrix === undefined) return [];
  const room = resources.globalBytes * MOST_ROOM;
  const ranked: readonly Rated[] = [
    ...tilings.rankingOf(tilings.wayOf(view, inputs, outputs), batch).all(room),
    ...slicedOf(planner, view, inputs, outputs),
  ];
  const most = MOST_MORE * Math.min(...ranked.map(({ traffic }) => traffic));
  const possible = ranked
    .filter(({ traffic }) => traffic <= most)
    .flatMap((fit) => [fit, ...variants(fit, view, batch)])
    .map((fit): Fit => {
      const blocks = blocksOf(view, inputs, outputs, batch, fit);
      return { ...fit, blocks, bytes: blockBytes(blocks) };
    })
    .filter(({ bytes }) => bytes <= room);
  const rated = possible.map((fit) => ({ fit, cycles: cyclesOf(fit, view, matrix, planner) }));
  const different = new Map(rated.map((one) => [JSON.stringify([one.fit.chunk, one.fit.panel]), one]));
  const sorted = [...different.values()].sort((a, b) => a.cycles - b.cycles).map(({ fit }) => fit);
  const small = sorted.filter((fit) => leavesHalf(fit, resources)).slice(0, MOST_SMALL);
  return [...new Set([...sorted.slice(0, MOST_FITS), ...small])];
}

/** Whether the next layer, if it does the same, can be loaded meanwhile. */
export function leavesHalf({ bytes }: Fit, { globalBytes }: Resources): boolean {
  return bytes <= globalBytes / 2;
}

/** A tiling, and what it moves. */
type Rated = Tiling & Pick<Fit, 'traffic'>;

/** Tilings of which one operand comes slice by slice. */
function slicedOf({ network, resources }: Planner, view: LayerView, inputs: readonly Access[], outputs: readonly Access[]): Rated[] {
  const { matrix } = view;
  const { batch } = network;
  if (matrix === undefined) return [];
  return [...panelsOf(view, [...inputs, ...outputs], true, batch, resources)].flatMap(({ panel, narrow }): Rated[] => {
    if (narrow || panel.m < matrix.m === panel.n < matrix.columns) return [];
    return [Math.ceil(batch / MOST_CHUNKS), batch].map((chunk) => {
      const tiling: Tiling = { chunk, panel: { ...panel, sliced: true } };
      return { ...tiling, traffic: trafficOf(view, inputs, outputs, batch, tiling, resources) };
    });
  });
}

/** The same with longer chunks, and its panels updated in other pieces. */
function variants(fit: Rated, { update }: LayerView, batch: number): Rated[] {
  const { panel } = fit;
  if (panel === undefined) return [];
  const panels: Panel[] =
    update === undefined ? [panel] : [panel, ...[1, PIECES].map((count) => ({ ...panel, piece: Math.ceil(panel.n / count) }))];
  return panels.flatMap((own) => longerChunks(fit.chunk, batch).map((chunk) => ({ ...fit, chunk, panel: own })));
}

/** Twice as many samples, four times as many, and so on, but not all: these move less, and are other tilings. */
function longerChunks(chunk: number, batch: number): number[] {
  const sizes = [chunk];
  for (let size = 2 * chunk; size < batch; size *= 2) sizes.push(size);
  return sizes;
}

function cyclesOf(fit: Rated, view: LayerView, work: MatrixWork, { network, resources }: Planner): number {
  const { chunk, panel = { ...work, n: work.columns }, traffic } = fit;
  const { batch } = network;
  const { bytesPerCycle, latencyCycles } = resources.costs;
  const chunks = pieces(batch, chunk);
  const array = chunks.reduce((sum, { size, count }) => sum + count * arrayUse(work, resources, size, size, fit.panel).cycles, 0);
  const moved = traffic / bytesPerCycle;
  const update = updatedBytes(view) / bytesPerCycle;
  const panels = (work.m * work.columns) / (panel.m * panel.n);
  const inPieces = view.update === undefined ? 0 : Math.ceil(panel.n / pieceColumns(panel));
  // Pieces are loaded, updated and stored one behind the other, two of them at a time, and two panels.
  const updated = update / panels + 2 * latencyCycles * (1 + inPieces);
  // Where the queues do not hold all pieces, nothing else is issued meanwhile.
  const behind = inPieces > PIECES ? update : update / panels;
  if (chunk >= batch || panel.sliced === true) return Math.max(array, moved, (array + updated * panels) / Math.min(2, panels)) + behind;
  // The second chunk behind a panel is loaded behind the transfers of its update, while the array works on the first.
  const share = (chunks[0]?.size ?? batch) / batch / panels;
  return Math.max(array, moved) + panels * Math.max(0, update / panels + (moved - update) * share - array * share) + behind;
}
