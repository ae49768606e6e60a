import type { MatrixWork } from '../../../passes/mbs/network.ts';
import type { Panel } from '../../../passes/mbs/schedule.ts';
import { stripeRows } from '../../../passes/mbs/transfers.ts';
import { type ChunkPlan, closeCredits, emitChunks, imageRows, openCredits, wholeRows } from './chunks.ts';
import { type Chunk, type StepContext, TOKEN } from './context.ts';
import { type DmaRows, emitDma } from './dma.ts';
import { type Affine, constant, plus, times, ZERO } from './emitter.ts';
import { type WaveCounters, workOf } from './matrix.ts';
import { emitReducePart } from './matrix-reduce-part.ts';
import { loadShared, storeShared } from './shared.ts';
import { pipelined, type Turn } from './turns.ts';
import { configure } from './vector-operands.ts';

/** State of emitting one weight gradient. */
interface ReduceStep {
  readonly ctx: StepContext;
  readonly work: MatrixWork;
  readonly counters: WaveCounters;
  readonly panelLoads: number;
  readonly panelTurns: number;
  /** The samples pass the array more than once, so that chunk buffers hold the channels of one panel alone. */
  readonly chunked: boolean;
  readonly preloaded: ReadonlySet<number>;
  readonly withBias: boolean;
}

/** A panel's rows: taps from `offset` on, of the channels from `channel` on. */
interface RowTurn extends Turn {
  readonly channel: Affine;
}

/**
 * Emits a weight gradient: panels of the f32 result outside, chunks of samples inside, adding to the panel chunk by chunk.
 * From the second iteration of the group on, the partial sums of the iterations before come back first.
 */
export function emitReduceStep(ctx: StepContext, panel: Panel): void {
  const { e } = ctx;
  const work = workOf(ctx);
  const registers = [e.register(), e.register(), e.register(), e.register()] as const;
  for (const r of registers) e.assign(r, ZERO);
  const [wave, tile, panelLoads, panelTurns] = registers;
  const chunked = ctx.chunked;
  const panels = Math.ceil(work.m / panel.m) * Math.ceil(work.columns / panel.n);
  const preloaded = new Set(
    [work.moving, work.stationary].filter((i) => {
      const { mode } = ctx.access('in', i);
      return panels > 1 && (mode === 'load' || (mode === 'stream' && !chunked));
    }),
  );
  const s: ReduceStep = {
    ctx,
    work,
    counters: { wave, tile },
    panelLoads,
    panelTurns,
    chunked,
    preloaded,
    withBias: ctx.view.outputs.length > 1,
  };

  const loads = [work.moving, work.stationary].some((i) => ctx.access('in', i).mode !== 'resident');
  loadShared(ctx, loads ? undefined : 'v.sync');
  if (s.withBias) e.scope(() => clearState(ctx));
  preload(s);
  const plan = (rows: RowTurn, columns: Turn): ChunkPlan => ({
    loads: [work.moving, work.stationary].filter((i) => !preloaded.has(i) && ctx.access('in', i).mode !== 'resident'),
    stores: [],
    streamsOut: false,
    units: s.withBias ? ['matrix', 'vector'] : ['matrix'],
    alternates: chunked,
    loadRows: (i, chunk, counter) => loadRows(s, i, chunk, counter, rows, columns),
    storeRows: () => [],
  });
  const all: RowTurn = { offset: ZERO, size: 0, channel: ZERO };
  openCredits(ctx, plan(all, all));
  if (panels > 1) e.op('v.sync', {}, { signal: [TOKEN.panelFree, TOKEN.panelFree] });
  const rowPanel = (rows: RowTurn): void =>
    pipelined(
      e,
      work.columns,
      panel.n,
      (columns) => loadPartial(s, rows, columns, panels > 1),
      (columns) => {
        beginPanel(s, panels > 1);
        emitChunks(ctx, plan(rows, columns), (chunk) => computeChunk(s, chunk, rows, columns));
        storePanel(s, rows, columns, panels > 1);
        e.increment(panelTurns);
      },
    );
  const full = Math.floor(work.m / panel.m);
  const taps = work.geometry.R * work.geometry.S;
  e.loop(full, panel.m / taps, (channel) => rowPanel({ offset: times(channel, taps), size: panel.m, channel }));
  if (work.m % panel.m > 0) {
    const channel = constant((full * panel.m) / taps);
    e.scope(() => rowPanel({ offset: times(channel, taps), size: work.m % panel.m, channel }));
  }
  if (panels > 1) e.op('v.sync', {}, { wait: [TOKEN.panelFree, TOKEN.panelFree] });
  closeCredits(ctx, plan(all, all));
  if (s.withBias) e.scope(() => endBias(ctx));
  storeShared(ctx);
}

function clearState(ctx: StepContext): void {
  const state = ctx.block('state');
  ctx.e.op('v.fill', { dst: ctx.e.value(constant(state.address)), bytes: state.bytes });
}

function endBias(ctx: StepContext): void {
  const { e } = ctx;
  configure(ctx, { N: ctx.iteration.samples, C: workOf(ctx).geometry.K });
  const db = e.value(constant(ctx.block('out1').address));
  e.op('v.bias_end', { db, state: e.value(constant(ctx.block('state').address)), add: e.value(ctx.iteration.offset) });
}

/** Operands that every panel reads whole are loaded once. */
function preload(s: ReduceStep): void {
  const { ctx, preloaded } = s;
  if (preloaded.size === 0) return;
  ctx.e.scope(() => {
    const all: Chunk = { offset: ZERO, samples: ctx.iteration.samples };
    const rows = [...preloaded].flatMap((i) => wholeRows(ctx, 'in', i, all, 0));
    const units = s.withBias ? [TOKEN.loaded, TOKEN.loadedVector] : [TOKEN.loaded];
    emitDma(ctx.e, 'd.ld', rows, { signal: units });
    ctx.e.op('m.sync', {}, { wait: [TOKEN.loaded] });
    if (s.withBias) ctx.e.op('v.sync', {}, { wait: [TOKEN.loadedVector] });
  });
}

function panelRegister(s: ReduceStep, counter: number): number {
  const block = s.ctx.block('panel');
  return block.halves === 1 ? s.ctx.e.value(constant(block.address)) : s.ctx.e.half(block.address, block.bytes, counter);
}

/** The panel as it lies in DRAM: one row of taps for each output channel. */
function panelRows(s: ReduceStep, rows: RowTurn, columns: Turn, counter: number): DmaRows {
  const { ctx, work } = s;
  const base = ctx.options.ownAddress(ctx.output(0).tensor);
  const dram = ctx.e.value(plus(plus(base, times(columns.offset, work.m * 4)), times(rows.offset, 4)));
  const whole = rows.size === work.m;
  const rowBytes = whole ? rows.size * 4 * columns.size : rows.size * 4;
  return {
    dram,
    global: panelRegister(s, counter),
    rows: whole ? 1 : columns.size,
    rowBytes,
    dramStride: whole ? rowBytes : work.m * 4,
    globalStride: rowBytes,
  };
}

/** Brings back the partial sums of earlier iterations; the first iteration of a group finds none. */
function loadPartial(s: ReduceStep, rows: RowTurn, columns: Turn, guarded: boolean): void {
  const { ctx } = s;
  const { e } = ctx;
  e.when(ctx.iteration.offset, 'nonzero', () => {
    emitDma(e, 'd.ld', [panelRows(s, rows, columns, s.panelLoads)], { wait: guarded ? [TOKEN.panelFree] : [], signal: [TOKEN.partial] });
  });
  e.increment(s.panelLoads);
}

function beginPanel(s: ReduceStep, guarded: boolean): void {
  const { e, iteration } = s.ctx;
  e.when(iteration.offset, 'nonzero', () => e.op('m.sync', {}, { wait: [TOKEN.partial] }));
  if (guarded) e.when(iteration.offset, 'zero', () => e.op('m.sync', {}, { wait: [TOKEN.panelFree] }));
}

function storePanel(s: ReduceStep, rows: RowTurn, columns: Turn, guarded: boolean): void {
  const { e } = s.ctx;
  e.op('m.sync', {}, { signal: [TOKEN.ready] });
  emitDma(e, 'd.st', [panelRows(s, rows, columns, s.panelTurns)], { wait: [TOKEN.ready], signal: guarded ? [TOKEN.panelFree] : [] });
}

/** Where a chunk's operand holds only the panel's channels: their share of all, else 1. */
function holdsPanelAlone(s: ReduceStep, i: number): boolean {
  return s.chunked && s.ctx.access('in', i).mode === 'stream';
}

/** First channel and channels of the panel in operand `i`. */
function channelsOf(s: ReduceStep, i: number, rows: RowTurn, columns: Turn): { first: Affine; count: number; all: number } {
  const { work } = s;
  const { geometry: g } = work;
  if (i === work.stationary) return { first: columns.offset, count: columns.size, all: g.K };
  if (rows.size === work.m) return { first: ZERO, count: g.C, all: g.C };
  const taps = g.R * g.S;
  return { first: rows.channel, count: rows.size / taps, all: g.C };
}

function loadRows(s: ReduceStep, i: number, chunk: Chunk, counter: number, rows: RowTurn, columns: Turn): DmaRows[] {
  const { ctx } = s;
  const { e } = ctx;
  const operand = ctx.input(i);
  const channels = channelsOf(s, i, rows, columns);
  if (!holdsPanelAlone(s, i) || channels.count === channels.all) return wholeRows(ctx, 'in', i, chunk, counter);
  const channelBytes = operand.bytes / channels.all;
  const dram = plus(ctx.dram(operand, chunk), times(channels.first, channelBytes));
  const global = ctx.place('in', i, chunk, counter);
  const stripe = chunk.stripe === undefined ? undefined : ctx.step.stripes?.[chunk.stripe];
  if (stripe !== undefined) return imageRows(ctx, operand, dram, global, stripeRows(ctx.view, i, stripe), channels.count);
  const rowBytes = channels.count * channelBytes;
  return [{ dram: e.value(dram), global, rows: chunk.samples, rowBytes, dramStride: operand.bytes, globalStride: rowBytes }];
}

function computeChunk(s: ReduceStep, chunk: Chunk, rows: RowTurn, columns: Turn): void {
  const { ctx, work } = s;
  const { e } = ctx;
  const { geometry: g } = work;
  const stripe = chunk.stripe === undefined ? undefined : ctx.step.stripes?.[chunk.stripe];
  const grid: readonly [number, number] = stripe ?? [0, g.P];
  const image: readonly [number, number] = stripe === undefined ? [0, g.H] : stripeRows(ctx.view, work.moving, stripe);
  const pixels = (grid[1] - grid[0]) * g.Q;
  const imagePixels = (image[1] - image[0]) * g.W;
  const x = channelsOf(s, work.moving, rows, columns);
  const dy = channelsOf(s, work.stationary, rows, columns);
  const xHeld = holdsPanelAlone(s, work.moving) ? x.count : x.all;
  const dyHeld = holdsPanelAlone(s, work.stationary) ? dy.count : dy.all;
  const moving = ctx.place('in', work.moving, chunk, ctx.turns, xHeld === x.count ? ZERO : times(x.first, imagePixels * 2));
  const stationary = ctx.place('in', work.stationary, chunk, ctx.turns, dyHeld === dy.count ? ZERO : times(dy.first, pixels * 2));
  if (s.withBias) e.when(rows.channel, 'zero', () => biasSums(s, chunk, stationary, columns, pixels, dyHeld === dy.count));
  emitReducePart(
    ctx,
    {
      samples: chunk.samples,
      window: { image, grid },
      moving,
      movingChannels: xHeld,
      stationary,
      stationaryChannels: dyHeld,
      rows: rows.size,
      columns: columns.size,
      result: panelRegister(s, s.panelTurns),
      add: e.value(plus(plus(ctx.iteration.offset, chunk.offset), chunk.stripe ?? 0)),
    },
    s.counters,
  );
}

/** The bias gradient sums the same chunk of the output gradient on the vector unit, sample by sample where it holds more channels than the panel. */
function biasSums(s: ReduceStep, chunk: Chunk, dy: number, columns: Turn, pixels: number, packed: boolean): void {
  const { ctx } = s;
  const { e } = ctx;
  const state = e.value(plus(times(columns.offset, 8), ctx.block('state').address));
  if (packed) {
    configure(ctx, { N: chunk.samples, C: columns.size, H: pixels, W: 1 });
    e.op('v.bias_sums', { state, dy });
    return;
  }
  configure(ctx, { N: 1, C: columns.size, H: pixels, W: 1 });
  const sampleBytes = workOf(ctx).geometry.K * pixels * 2;
  e.loop(chunk.samples, 1, (n) => {
    e.op('v.bias_sums', { state, dy: e.value(plus({ base: 0, terms: [{ reg: dy, scale: 1 }] }, times(n, sampleBytes))) });
  });
}
