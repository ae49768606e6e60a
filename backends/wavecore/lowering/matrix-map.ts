import type { MatrixWork } from '../../../passes/mbs/network.ts';
import { isHeld, type Panel } from '../../../passes/mbs/schedule.ts';
import { mapParts } from '../../../passes/mbs/shape.ts';
import { stripeRows, weightRun } from '../../../passes/mbs/transfers.ts';
import {
  beginChunks,
  beginFirstChunks,
  type ChunkPlan,
  closeCredits,
  emitChunks,
  imageRows,
  loadFirstChunk,
  openCredits,
  reuses,
  wholeRows,
} from './chunks.ts';
import { type Chunk, type StepContext, TOKEN } from './context.ts';
import { type DmaRows, emitDma, type Tokens } from './dma.ts';
import { type Affine, constant, plus, times, ZERO } from './emitter.ts';
import { type WaveCounters, workOf } from './matrix.ts';
import { emitMapPart, type MapTarget, withGuests } from './matrix-part.ts';
import { loadShared, loadSharedFirst } from './shared.ts';
import { beginTotals, clearTotals, endTotals, gathers, totalsAddress } from './totals.ts';
import { pipelined, type Turn } from './turns.ts';

/** State of emitting one forward or data-gradient product. */
interface MapStep {
  readonly ctx: StepContext;
  readonly work: MatrixWork;
  readonly panel: Panel;
  readonly counters: WaveCounters;
  readonly panelLoads: number;
  readonly panelTurns: number;
}

/** Emits a forward or data-gradient product: weight panels outside, chunks of samples inside, one panel and one chunk ahead. */
export function emitMapStep(ctx: StepContext, panel: Panel): void {
  const { e, part } = ctx;
  const s = mapStep(ctx, panel);
  const { work, panelLoads, panelTurns } = s;
  loadShared(ctx, undefined);
  // In the head, so that the matrix unit need not wait for all that the vector unit has to do before the task.
  if (gathers(ctx) && !part.headed) beginTotals(ctx);
  if (part.first && preloads(s)) preloadMoving(s);
  const anyPlan = planOf(s, allColumns(s));
  openCredits(ctx, anyPlan);
  const several = panelsOf(s) > 1;
  const kept = panel.kept === true;
  const guarded = several && !kept;
  // The only panel is there when the chunk loaded behind it is.
  const awaited = loadsPanels(s) && !part.loaded && (several || anyPlan.loads.length === 0);
  const headed = part.headed && headsPanel(s);
  if (guarded) e.op('d.ld_sync', {}, { signal: headed ? [TOKEN.panelFree] : [TOKEN.panelFree, TOKEN.panelFree] });

  if (panel.k >= work.k) {
    const load = (turn: Turn): void => {
      const tokens = { wait: guarded ? [TOKEN.panelFree] : [], signal: awaited ? [TOKEN.panel] : [] };
      if (loadsPanels(s)) loadPanel(s, turn, { offset: ZERO, size: work.k }, tokens);
      e.increment(panelLoads);
    };
    const loaded = (): void => {
      if (awaited && !kept) e.op('d.ld_sync', {}, { signal: [TOKEN.panel] });
      e.increment(panelLoads);
    };
    const wait = (): void => e.op('m.sync', {}, { wait: [TOKEN.panel] });
    const isAhead = guarded && ctx.chunked && anyPlan.loads.length > 0;
    const begin = (turn: Turn): void => e.scope(() => beginChunks(ctx, planOf(s, turn)));
    if (isAhead) e.scope(() => beginFirstChunks(ctx, planOf(s, allColumns(s))));
    pipelined(
      e,
      work.columns,
      panel.n,
      load,
      (turn, ahead) => {
        // What the head has loaded is there where the task begins; the queue of loads would know it behind the heads of later tasks.
        if (awaited && kept && headed) e.when(turn.offset, 'nonzero', wait);
        else if (awaited) wait();
        emitChunks(ctx, planOf(s, turn), (chunk) => computeChunk(s, chunk, turn), isAhead ? () => ahead(begin) : undefined);
        if (guarded) e.op('m.sync', {}, { signal: [TOKEN.panelFree] });
        e.increment(panelTurns);
      },
      headed ? loaded : undefined,
    );
  } else {
    const columns = (turn: Turn): void => emitChunks(ctx, planOf(s, turn), (chunk) => reduceByPanels(s, chunk, turn));
    const full = Math.floor(work.columns / panel.n);
    e.loop(full, panel.n, (offset) => columns({ offset, size: panel.n }));
    if (work.columns % panel.n > 0) e.scope(() => columns({ offset: constant(full * panel.n), size: work.columns % panel.n }));
  }
  if (guarded) e.op('d.ld_sync', {}, { wait: [TOKEN.panelFree, TOKEN.panelFree] });
  closeCredits(ctx, anyPlan);
  if (gathers(ctx)) e.scope(() => endTotals(ctx));
}

/** The first loads of a forward or data-gradient product. */
export function emitMapHead(ctx: StepContext, panel: Panel): void {
  const s = mapStep(ctx, panel);
  const { work } = s;
  loadSharedFirst(ctx);
  if (ctx.part.first && preloads(s)) emitDma(ctx.e, 'd.ld', movingRows(s));
  if (headsPanel(s)) loadPanel(s, { offset: ZERO, size: Math.min(panel.n, work.columns) }, { offset: ZERO, size: work.k }, {});
  loadFirstChunk(ctx, planOf(s, allColumns(s)));
  if (gathers(ctx)) clearTotals(ctx);
}

function mapStep(ctx: StepContext, panel: Panel): MapStep {
  const { e } = ctx;
  const registers = [e.register(), e.register(), e.register(), e.register()] as const;
  for (const r of registers) e.assign(r, ZERO);
  const [wave, tile, panelLoads, panelTurns] = registers;
  return { ctx, work: workOf(ctx), panel, counters: { wave, tile }, panelLoads, panelTurns };
}

const allColumns = ({ work }: MapStep): Turn => ({ offset: ZERO, size: work.columns });

function panelsOf({ work, panel }: MapStep): number {
  return Math.ceil(work.columns / panel.n) * Math.ceil(work.k / panel.k);
}

/** Whether the task loads weights: its parts share them, and so do all iterations if they are held. */
function loadsPanels({ ctx, work }: MapStep): boolean {
  return ctx.part.first && !isHeld(ctx.access('in', work.stationary));
}

/** Whether the first panel can be loaded before the task: it stands in front of all chunks. */
function headsPanel(s: MapStep): boolean {
  return loadsPanels(s) && s.panel.k >= s.work.k;
}

/** Whether the moving operand comes as a whole before the first panel. */
function preloads(s: MapStep): boolean {
  const { mode } = s.ctx.access('in', s.work.moving);
  return (mode === 'load' || mode === 'stream') && panelsOf(s) > 1 && (!s.ctx.chunked || mode === 'load');
}

function planOf(s: MapStep, turn: Turn): ChunkPlan {
  const { ctx, work, panel } = s;
  const passes = Math.ceil(work.columns / panel.n);
  const { mode } = ctx.access('in', work.moving);
  return {
    loads: ctx.part.loaded || preloads(s) || mode === 'resident' ? [] : [work.moving],
    stores: ctx.access('out', 0).store ? [0] : [],
    streamsOut: ctx.access('out', 0).mode === 'stream',
    units: ['matrix'],
    alternates: reuses(ctx, passes),
    headed: ctx.part.headed && (passes === 1 || (ctx.chunked && panel.k >= work.k)),
    loadRows: (i, chunk, counter) => wholeRows(ctx, 'in', i, chunk, counter),
    storeRows: (_i, chunk, counter) => storeRows(s, chunk, counter, turn),
  };
}

/** The whole sub-batch of the moving operand, once, before the first panel. */
function preloadMoving(s: MapStep): void {
  const { e, part } = s.ctx;
  const tokens = { signal: [TOKEN.loaded] };
  e.scope(() => {
    if (part.headed) e.op('d.ld_sync', {}, tokens);
    else emitDma(e, 'd.ld', movingRows(s), tokens);
    e.op('m.sync', {}, { wait: [TOKEN.loaded] });
  });
}

function movingRows({ ctx, work }: MapStep): DmaRows[] {
  const all: Chunk = { offset: ZERO, samples: ctx.iteration.samples };
  return wholeRows(ctx, 'in', work.moving, all, 0);
}

function panelAddress({ ctx, work, panel }: MapStep, counter: number, columns: Turn): number {
  if (panel.kept === true) return ctx.e.value(plus(times(columns.offset, work.k * 2), ctx.block('panel').address));
  return ctx.panel('in', work.stationary, counter);
}

function loadPanel(s: MapStep, columns: Turn, reduction: Turn, tokens: Tokens): void {
  const { ctx, work } = s;
  const { e } = ctx;
  const weights = ctx.input(work.stationary);
  const base = constant(ctx.options.address(weights.tensor));
  const runs = weightRun(work, columns.size, reduction.size);
  const taps = work.geometry.R * work.geometry.S;
  const rowBytes = runs.elements * 2;
  const [start, stride] = panelStart(work, taps, columns.offset, reduction.offset);
  const row: DmaRows = {
    dram: e.value(plus(base, start)),
    global: panelAddress(s, s.panelLoads, columns),
    rows: runs.rows,
    rowBytes,
    dramStride: runs.contiguous ? rowBytes : stride,
    globalStride: rowBytes,
  };
  emitDma(e, 'd.ld', [row], tokens);
}

/** DRAM offset of a weight panel in bytes, and the bytes from row to row. */
function panelStart(work: MatrixWork, taps: number, column: Affine, reduction: Affine): [Affine, number] {
  const { groups, geometry: g } = work;
  if (work.form === 'forward') return [plus(times(column, work.k * 2), times(reduction, 2)), work.k * 2];
  if (groups > 1) return [times(column, work.k * 2), 0];
  return [plus(times(column, taps * 2), times(reduction, g.C * 2)), g.C * taps * 2];
}

/** Rows that a chunk's moving operand holds and its result covers. */
function windowOf(s: MapStep, chunk: Chunk): { image: readonly [number, number]; grid: readonly [number, number] } {
  const { ctx, work } = s;
  const { geometry: g } = work;
  const stripe = chunk.stripe === undefined ? undefined : ctx.step.stripes?.[chunk.stripe];
  const [gridRows, imageRowsAll] = work.form === 'forward' ? [g.P, g.H] : [g.H, g.P];
  if (stripe === undefined) return { image: [0, imageRowsAll], grid: [0, gridRows] };
  return { image: stripeRows(ctx.view, work.moving, stripe), grid: stripe };
}

function computeChunk(s: MapStep, chunk: Chunk, columns: Turn): void {
  product(s, chunk, columns, { offset: ZERO, size: s.work.k }, s.panelTurns, true);
}

/** The reduction by panels, its partial sums staying in the accumulator. */
function reduceByPanels(s: MapStep, chunk: Chunk, columns: Turn): void {
  const { ctx, work, panel } = s;
  const { e } = ctx;
  pipelined(
    e,
    work.k,
    panel.k,
    (turn) => {
      loadPanel(s, columns, turn, { wait: [TOKEN.panelFree], signal: [TOKEN.panel] });
      e.increment(s.panelLoads);
    },
    (turn) => {
      e.op('m.sync', {}, { wait: [TOKEN.panel] });
      product(s, chunk, columns, turn, s.panelTurns, false);
      e.op('m.sync', {}, { signal: [TOKEN.panelFree] });
      e.increment(s.panelTurns);
    },
  );
  // The drain follows the last panel; it reads the accumulator alone.
  drain(s, chunk, columns);
}

function product(s: MapStep, chunk: Chunk, columns: Turn, reduction: Turn, panelCounter: number, drains: boolean): void {
  const { ctx, work } = s;
  const target: MapTarget = {
    chunk,
    window: windowOf(s, chunk),
    columns: columns.size,
    reduction,
    moving: ctx.place('in', work.moving, chunk, ctx.turns),
    stationary: panelAddress(s, panelCounter, columns),
    result: resultAddress(s, chunk, columns),
    resultColumns: ctx.access('out', 0).mode === 'resident' ? work.columns : columns.size,
    ...(ctx.view.inputs[2] === undefined ? {} : { bias: biasAddress(s, columns) }),
    ...(gathers(ctx) ? { totals: totalsAddress(ctx, chunk, columns) } : {}),
    drains,
  };
  for (const part of withGuests(mapParts(work, ctx.options), work, target)) ctx.e.scope(() => emitMapPart(ctx, part, target, s.counters));
}

function drain(s: MapStep, chunk: Chunk, columns: Turn): void {
  const { ctx } = s;
  const bias = ctx.view.inputs[2] === undefined ? undefined : biasAddress(s, columns);
  const drained = { c: s.counters.tile, m0: 0, n0: 0, bias: bias ?? 0, withBias: bias === undefined ? 0 : 1 };
  const base = resultAddress(s, chunk, columns);
  if (gathers(ctx)) ctx.e.op('m.st_sums', { ...drained, base, state: totalsAddress(ctx, chunk, columns) });
  else ctx.e.op('m.st', { ...drained, base, f32: 0, add: 0, zeros: 0 });
  ctx.e.increment(s.counters.tile);
}

function biasAddress(s: MapStep, columns: Turn): number {
  return s.ctx.e.value(plus(times(columns.offset, 4), s.ctx.block('in2').address));
}

function gridPixels(s: MapStep, chunk: Chunk): number {
  const { geometry: g, form } = s.work;
  const { grid } = windowOf(s, chunk);
  return (grid[1] - grid[0]) * (form === 'forward' ? g.Q : g.W);
}

/** Address of the panel's columns in the result: in a chunk buffer of these columns alone, or among all of a resident result. */
function resultAddress(s: MapStep, chunk: Chunk, columns: Turn): number {
  const { ctx } = s;
  const resident = ctx.access('out', 0).mode === 'resident';
  return ctx.place('out', 0, chunk, ctx.turns, resident ? times(columns.offset, gridPixels(s, chunk) * 2) : ZERO);
}

function storeRows(s: MapStep, chunk: Chunk, counter: number, columns: Turn): DmaRows[] {
  const { ctx, work } = s;
  const { e } = ctx;
  const result = ctx.output(0);
  if (columns.size === work.columns) return wholeRows(ctx, 'out', 0, chunk, counter);
  const resident = ctx.access('out', 0).mode === 'resident';
  const channelBytes = result.bytes / work.columns;
  const dram = plus(ctx.dram(result, chunk), times(columns.offset, channelBytes));
  const stripe = chunk.stripe === undefined ? undefined : ctx.step.stripes?.[chunk.stripe];
  if (stripe !== undefined) return imageRows(ctx, result, dram, ctx.place('out', 0, chunk, counter), stripe, columns.size);
  const rowBytes = columns.size * channelBytes;
  const global = ctx.place('out', 0, chunk, counter, resident ? times(columns.offset, channelBytes) : ZERO);
  return [
    {
      dram: e.value(dram),
      global,
      rows: chunk.samples,
      rowBytes,
      dramStride: result.bytes,
      globalStride: resident ? result.bytes : rowBytes,
    },
  ];
}
