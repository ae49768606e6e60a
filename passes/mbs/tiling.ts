import { blockBytes } from './footprint.ts';
import { isImage, isUpdated, type LayerView, type MatrixWork, type Operand, overwritten } from './network.ts';
import { type Access, type Block, isHeld, type Panel, type Resources } from './schedule.ts';
import { isPlain } from './shape.ts';
import {
  elementBytes,
  elementsOf,
  flatBytes,
  holdsPanelAlone,
  imageRowBytes,
  isChunked,
  pieceColumns,
  pieces,
  stripeRows,
  type Tiling,
  visitTransfers,
} from './transfers.ts';

/** A way to run a layer on a sub-batch in the bytes that are free. */
export interface Fit extends Tiling {
  readonly blocks: readonly Block[];
  /** Bytes of all blocks, aligned. */
  readonly bytes: number;
  /** DRAM bytes of one iteration of the group. */
  readonly traffic: number;
}

/** A stream's chunk aims at this many bytes: long enough to hide the latency, short enough to fill the pipeline early. */
const CHUNK_TARGET = 768 * 1024;
/** Rows of the moving operand that a chunk should have, and of the reduction where it runs over samples. */
const ROWS_TARGET = 1024;
const PANEL_TARGET = 512 * 1024;
/** Of panels that are updated from: pieces of them, which are a few. */
const UPDATED_PANEL_TARGET = 320 * 1024;
/** Bytes of traffic that better overlap is worth: a few bursts that end early. */
export const PENALTY_BYTES = 128;
const FLAT_GRAIN = 512;
const NARROWEST = 8;
const MOST_STRIPES = 256;

export function trafficOf(
  view: LayerView,
  inputs: readonly Access[],
  outputs: readonly Access[],
  samples: number,
  tiling: Tiling,
  resources: Resources,
): number {
  let traffic = 0;
  visitTransfers(
    view,
    inputs,
    outputs,
    tiling,
    { samples, full: samples, times: 1, later: 0, last: 1 },
    (_t, _k, _d, rows, rowBytes, contiguous, times) => {
      traffic += burstBytes(rows, rowBytes, contiguous, resources.burstBytes) * times;
    },
  );
  return traffic;
}

/** Bytes on the pins: a contiguous run is rounded up once, separate rows each. */
export function burstBytes(rows: number, rowBytes: number, contiguous: boolean, burst: number): number {
  return contiguous ? Math.ceil((rows * rowBytes) / burst) * burst : rows * Math.ceil(rowBytes / burst) * burst;
}

/** A way to run a layer without cutting a sample. */
export interface Candidate extends Tiling {
  /** What it overlaps worse than others. */
  readonly penalty: number;
  /** Leaves columns of the array empty; only for buffers that hold nothing wider. */
  readonly narrow: boolean;
}

export function* candidates(
  view: LayerView,
  inputs: readonly Access[],
  outputs: readonly Access[],
  samples: number,
  resources: Resources,
): Generator<Candidate> {
  if (view.phase === 'update') {
    const elements = elementsOf(view);
    for (let chunk = Math.min(elements, 128 * 1024); chunk >= 1; chunk = chunk >= 2 * FLAT_GRAIN ? chunk >> 1 : 0)
      yield { chunk, penalty: -chunk, narrow: false };
    return;
  }
  const preferred = preferredChunk(view, inputs, outputs, samples, resources);
  const { matrix } = view;
  const shapes =
    matrix === undefined ? [] : [false, true].map((single) => [...panelsOf(view, [...inputs, ...outputs], single, samples, resources)]);
  const fuller = matrix === undefined ? [] : fullerChunks(matrix, preferred, samples, resources.arrayRows);
  for (const chunk of chunkSizes(preferred, samples, fuller)) {
    const chunkPenalty = Math.abs(Math.log2(chunk / preferred));
    if (matrix === undefined) yield { chunk, penalty: chunkPenalty, narrow: false };
    for (const { panel, penalty, narrow } of shapes[chunk >= samples ? 1 : 0] ?? [])
      yield { chunk, panel, penalty: chunkPenalty + penalty, narrow };
  }
}

function chunkSizes(preferred: number, samples: number, others: readonly number[]): number[] {
  const sizes = new Set([preferred, samples, ...others]);
  for (let c = preferred; c >= 1; c = c > 1 ? c >> 1 : 0) sizes.add(c);
  return [...sizes];
}

/**
 * Of a weight gradient, chunks from `least` samples to twice as many whose reductions take fewer blocks of the array than those of all smaller ones: the
 * last block of each is not full.
 */
function fullerChunks({ form, k }: MatrixWork, least: number, samples: number, arrayRows: number): number[] {
  if (form !== 'weightGradient') return [];
  const blocks = (chunk: number): number =>
    pieces(samples, chunk).reduce((sum, { size, count }) => sum + count * Math.ceil((size * k) / arrayRows), 0);
  const found: number[] = [];
  let fewest = blocks(least);
  for (let chunk = least + 1; chunk < Math.min(2 * least, samples + 1); chunk++) {
    if (blocks(chunk) >= fewest) continue;
    fewest = blocks(chunk);
    found.push(chunk);
  }
  return found;
}

function preferredChunk(
  view: LayerView,
  inputs: readonly Access[],
  outputs: readonly Access[],
  samples: number,
  resources: Resources,
): number {
  const moved = (access: Access, o: Operand | undefined): number =>
    o?.batched && (access.mode === 'stream' || access.mode === 'load' || access.store) ? o.bytes : 0;
  const bytes =
    inputs.reduce((sum, a, i) => sum + moved(a, view.inputs[i]), 0) + outputs.reduce((sum, a, i) => sum + moved(a, view.outputs[i]), 0);
  // What needs no transfer is cut as well, so that the next layer can begin with the first part.
  const part = partOf(view.matrix, samples, resources);
  if (bytes === 0) return part;
  const work = view.matrix;
  const rows = work === undefined ? Number.POSITIVE_INFINITY : work.form === 'weightGradient' ? work.k : work.m;
  const forRows = Number.isFinite(rows) ? Math.ceil(ROWS_TARGET / rows) : 1;
  return Math.max(1, Math.min(part, Math.max(Math.floor(CHUNK_TARGET / bytes), forRows)));
}

/** Parts that a sub-batch is cut into, so that different units work on them, and how much longer than the whole they may take on the array; halves matter most. */
const PARTS = 4;
const SLOWER = 1.03;
const HALVES_SLOWER = 1.15;

/** Samples of a part: as many parts as the rows of a wave allow without leaving it half empty. A weight gradient has one, being a sum over samples. */
function partOf(work: MatrixWork | undefined, samples: number, { arrayRows, waveRows }: Resources): number {
  const cycles = (part: number): number => {
    const rows = part * (work?.m ?? 0);
    const rest = rows % waveRows;
    // A wave takes as long as its rows, or as the loading of the next stationary block.
    return rows - rest + (rest === 0 ? 0 : Math.max(rest, arrayRows));
  };
  if (work?.form === 'weightGradient') return samples;
  for (let parts = PARTS; parts > 1; parts--) {
    const part = Math.ceil(samples / parts);
    const all = pieces(samples, part).reduce((sum, { size, count }) => sum + count * cycles(size), 0);
    if (work === undefined || all <= (parts > 2 ? SLOWER : HALVES_SLOWER) * cycles(samples)) return part;
  }
  return samples;
}

/** Panel shapes that these accesses allow: what is held lies in the buffer as a whole. */
export function* panelsOf(
  view: LayerView,
  accesses: readonly Access[],
  single: boolean,
  samples: number,
  resources: Resources,
): Generator<Shape> {
  const { matrix, update } = view;
  if (matrix === undefined) return;
  const { m, columns: n, k } = matrix;
  if (accesses.some(isHeld)) yield { panel: { m, n, k }, penalty: 0, narrow: false };
  else yield* panels(matrix, single, samples, resources, update !== undefined);
}

interface Shape {
  readonly panel: Panel;
  readonly penalty: number;
  readonly narrow: boolean;
}

/**
 * Panel shapes worth trying. `single`: one chunk holds the sub-batch, so that further panels cost no traffic and let transfers overlap with
 * work; `updates`: they are updated from.
 */
function* panels(work: MatrixWork, single: boolean, samples: number, resources: Resources, updates: boolean): Generator<Shape> {
  const taps = work.geometry.R * work.geometry.S;
  const elementBytes = work.form === 'weightGradient' ? 4 : 2;
  for (const n of columnSizes(work, resources.arrayColumns)) {
    for (const m of work.form === 'weightGradient' ? tapSizes(work, taps, resources.arrayRows, updates) : [work.m]) {
      for (const k of n <= resources.arrayColumns ? reductionSizes(work, taps, single, samples, resources) : [work.k]) {
        const held = work.form === 'weightGradient' ? m * n : k * n;
        const bytes = held * elementBytes;
        const isWhole = n === work.columns && m === work.m && k === work.k;
        const penalty =
          single && bytes > PANEL_TARGET / 2
            ? Math.abs(Math.log2(bytes / (updates ? UPDATED_PANEL_TARGET : PANEL_TARGET)))
            : isWhole
              ? 0
              : 1 + PANEL_TARGET / bytes;
        const narrow = n < Math.min(work.n, resources.arrayColumns);
        yield { panel: { m, n, k }, penalty: penalty + (k < work.k ? 8 : 0), narrow };
      }
    }
  }
}

/** Channel groups are never split: their weights are small beside the activations. */
function columnSizes(work: MatrixWork, grain: number): number[] {
  const sizes = new Set([work.columns]);
  if (work.groups > 1) return [work.columns];
  for (
    let n = Math.ceil(work.columns / 2 / grain) * grain;
    n >= grain && n < work.columns;
    n = n > grain ? Math.ceil(n / 2 / grain) * grain : 0
  )
    sizes.add(n);
  // Panels narrower than the array waste columns; they are for buffers that hold no wider one.
  for (let n = grain / 2; n >= NARROWEST; n /= 2) if (n < work.columns) sizes.add(n);
  return [...sizes];
}

function tapSizes(work: MatrixWork, taps: number, arrayRows: number, updates: boolean): number[] {
  const sizes = new Set([work.m]);
  if (work.groups > 1) return [work.m];
  const grain = Math.ceil(arrayRows / taps) * taps;
  for (let m = Math.ceil(work.m / 2 / grain) * grain; m >= grain && m < work.m; m = m > grain ? Math.ceil(m / 2 / grain) * grain : 0)
    sizes.add(m);
  // Halves of the channels are whole bursts of weights more often.
  for (let m = work.m / 2; updates && m >= arrayRows && m % taps === 0; m /= 2) sizes.add(m);
  return [...sizes];
}

/** The reduction may be cut only where one accumulator holds all rows, because partial sums stay there. */
function reductionSizes(work: MatrixWork, taps: number, single: boolean, samples: number, resources: Resources): number[] {
  if (work.form === 'weightGradient' || !single || !isPlain(work, resources) || samples * work.m > resources.waveRows) return [work.k];
  const step = work.form === 'forward' ? 1 : taps;
  const grain = (resources.arrayRows * step) / gcd(resources.arrayRows, step);
  const sizes = new Set([work.k]);
  for (let k = Math.ceil(work.k / 2 / grain) * grain; k >= grain && k < work.k; k = k > grain ? Math.ceil(k / 2 / grain) * grain : 0)
    sizes.add(k);
  return [...sizes];
}

function gcd(a: number, b: number): number {
  return b === 0 ? a : gcd(b, a % b);
}

/** Buffer blocks that a tiling needs beside the resident tensors. */
export function blocksOf(view: LayerView, inputs: readonly Access[], outputs: readonly Access[], samples: number, tiling: Tiling): Block[] {
  const chunked = isChunked(tiling, samples);
  const blocks: Block[] = [];
  const add = (name: string, bytes: number, halves: 1 | 2): void => {
    if (bytes > 0) blocks.push({ name, bytes, halves, address: 0 });
  };
  const panelled = view.matrix !== undefined && tiling.panel !== undefined ? panelBlocks(view.matrix, tiling.panel) : undefined;
  const addPiece = (name: string, o: Operand): void => {
    const { piece = 0, pieces: all = 0 } = panelled ?? {};
    add(name, piece * elementBytes(o), all > 1 ? 2 : 1);
  };
  inputs.forEach((access, i) => {
    const o = view.inputs[i];
    if (o === undefined) return;
    if (access.mode === 'whole') add(`in${i}`, o.bytes, 1);
    if (isUpdated(view, 'in', i)) addPiece(`in${i}`, o);
    else if (access.mode === 'stream') {
      const { matrix } = view;
      const { panel } = tiling;
      const reduces = matrix?.form === 'weightGradient' && panel !== undefined;
      const passes = reduces ? holdsPanelAlone(matrix, panel, i, chunked) : chunked;
      const bytes = reduces && !passes ? o.bytes * samples : streamBytes(view, o, i, tiling);
      add(`in${i}`, passes && panelled !== undefined ? panelled.share(bytes, i) : bytes, passes || updateChunks(view, tiling) ? 2 : 1);
    }
    if (access.mode === 'panel' && panelled !== undefined) add('panel', panelled.bytes, panelled.halves);
  });
  outputs.forEach((access, i) => {
    const o = view.outputs[i];
    if (o === undefined) return;
    if (access.mode === 'whole' && overwritten(view, i) < 0) add(`out${i}`, o.bytes, 1);
    if (isUpdated(view, 'out', i)) {
      if (overwritten(view, i) < 0) addPiece(`out${i}`, o);
    } else if (access.mode === 'stream' && gathers(view) && i > 0) add(`out${i}`, o.bytes * samples, 1);
    else if (access.mode === 'stream' && !(view.phase === 'update' && overwritten(view, i) >= 0)) {
      const bytes = streamBytes(view, o, -1, tiling);
      add(`out${i}`, panelled?.share(bytes, -1) ?? bytes, chunked || updateChunks(view, tiling) || (panelled?.count ?? 1) > 1 ? 2 : 1);
    }
    if (access.mode === 'panel' && panelled !== undefined) add('panel', panelled.bytes, panelled.halves);
  });
  add('state', view.state.shared + view.state.perSample * (gathers(view) ? samples : Math.min(tiling.chunk, samples)), 1);
  return blocks;
}

/** A product that gathers statistics holds them for the whole sub-batch, because panels of columns are outside of chunks. */
function gathers({ matrix, state }: LayerView): boolean {
  return matrix !== undefined && matrix.form !== 'weightGradient' && state.perSample > 0;
}

function updateChunks(view: LayerView, tiling: Tiling): boolean {
  return view.phase === 'update' && elementsOf(view) > tiling.chunk;
}

function streamBytes(view: LayerView, o: Operand, index: number, tiling: Tiling): number {
  if (view.phase === 'update') return (o.bytes / elementsOf(view)) * tiling.chunk;
  if (tiling.stripes === undefined) return o.bytes * tiling.chunk;
  if (view.record.stripes === 'flat') return Math.max(...tiling.stripes.map(([a, b]) => flatBytes(o, b - a)));
  if (!isImage(o)) return o.bytes;
  const rows = Math.max(
    ...tiling.stripes.map((stripe) => {
      const [a, b] = stripeRows(view, index, stripe);
      return b - a;
    }),
  );
  return rows * imageRowBytes(o) * (o.type.shape[1] ?? 1);
}

interface PanelBlocks {
  readonly bytes: number;
  readonly halves: 1 | 2;
  readonly count: number;
  /** Elements that pass an update at a time, and how often some do. */
  readonly piece: number;
  readonly pieces: number;
  /** Of `bytes` of an operand, those of the channels that one panel touches (index −1: the result). */
  share(bytes: number, index: number): number;
}

function panelBlocks(work: MatrixWork, panel: Panel): PanelBlocks {
  const reduces = work.form === 'weightGradient';
  const count = Math.ceil(work.columns / panel.n) * (reduces ? Math.ceil(work.m / panel.m) : Math.ceil(work.k / panel.k));
  const columns = pieceColumns(panel);
  const bytes = reduces ? panel.m * panel.n * 4 : panel.k * panel.n * 2;
  return {
    bytes: panel.kept === true ? work.k * work.columns * 2 : bytes,
    halves: count > 1 && panel.kept !== true ? 2 : 1,
    count,
    piece: panel.m * columns,
    pieces: count * Math.ceil(panel.n / columns),
    share: (bytes, index) => {
      if (!reduces) return index < 0 ? (bytes * panel.n) / work.columns : bytes;
      return index === work.moving ? (bytes * panel.m) / work.m : (bytes * panel.n) / work.columns;
    },
  };
}

/** The tiling with the fewest bytes, however much it moves: what a layer needs at least. */
export function smallestFit(
  view: LayerView,
  inputs: readonly Access[],
  outputs: readonly Access[],
  samples: number,
  resources: Resources,
): Fit | undefined {
  let least: Fit | undefined;
  const consider = (tiling: Tiling): void => {
    const blocks = blocksOf(view, inputs, outputs, samples, tiling);
    const bytes = blockBytes(blocks);
    if (least === undefined || bytes < least.bytes) least = { ...tiling, blocks, bytes, traffic: 0 };
  };
  for (const { chunk, panel } of candidates(view, inputs, outputs, samples, resources))
    consider(panel === undefined ? { chunk } : { chunk, panel });
  const most = finestStripes(view);
  if (view.record.stripes === undefined || view.phase === 'update' || most < 2) return least;
  const shapes =
    view.matrix === undefined ? [undefined] : [...panelsOf(view, [...inputs, ...outputs], false, samples, resources)].map((p) => p.panel);
  for (const panel of shapes) consider({ chunk: 1, stripes: stripesOf(view, most), ...(panel === undefined ? {} : { panel }) });
  return least;
}

/** `count` stripes of nearly equal size. */
export function stripesOf(view: LayerView, count: number): [number, number][] {
  const grain = view.record.stripes === 'flat' ? FLAT_GRAIN : 1;
  const length = view.stripeLength;
  const size = Math.ceil(length / count / grain) * grain;
  const stripes: [number, number][] = [];
  for (let from = 0; from < length; from += size) stripes.push([from, Math.min(length, from + size)]);
  return stripes;
}

/** Stripes are unrolled in the code, so that their number is bounded. */
export function finestStripes(view: LayerView): number {
  return Math.min(MOST_STRIPES, Math.ceil(view.stripeLength / (view.record.stripes === 'flat' ? FLAT_GRAIN : 1)));
}
