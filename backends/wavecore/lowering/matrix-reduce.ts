import type { MatrixWork } from '../../../passes/mbs/network.ts';
import { isHeld, type Panel } from '../../../passes/mbs/schedule.ts';
import { holdsPanelAlone, stripeRows } from '../../../passes/mbs/transfers.ts';
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
import { countDone, type Done, notDone } from './done.ts';
import { type Affine, constant, contents, plus, times, ZERO } from './emitter.ts';
import { type WaveCounters, workOf } from './matrix.ts';
import { biasSums, clearState, endBias } from './matrix-reduce-bias.ts';
import { emitReducePart } from './matrix-reduce-part.ts';
import { PanelUpdate } from './panel-update.ts';
import { loadsTwo } from './parts.ts';
import { loadShared, loadSharedFirst, storeShared } from './shared.ts';
import { pipelined, type Turn } from './turns.ts';

/** State of emitting one weight gradient. */
interface ReduceStep {
  readonly ctx: StepContext;
  readonly work: MatrixWork;
  readonly panel: Panel;
  /** Of the result, in all. */
  readonly panels: number;
  readonly counters: WaveCounters;
  readonly panelLoads: number;
  readonly panelTurns: number;
  /** Operands of which buffers hold the channels of one panel alone. */
  readonly passing: ReadonlySet<number>;
  /** Samples come in chunks, or slice by slice: again and again, for each panel. */
  readonly passes: boolean;
  readonly preloaded: ReadonlySet<number>;
  readonly withBias: boolean;
  /** Where the head of the task loads two turns: those that have ended. */
  readonly ended?: Done;
  /** Where the group has one iteration: panels that have been computed. */
  readonly begun?: Done;
  /** Behind the last iteration of the group. */
  readonly update?: PanelUpdate;
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
  const { e, part, iteration } = ctx;
  const s = withUpdate(reduceStep(ctx, panel));
  const { work, panels } = s;
  const taps = work.geometry.R * work.geometry.S;
  const loads = [work.moving, work.stationary].some((i) => ctx.access('in', i).mode !== 'resident');
  loadShared(ctx, loads ? undefined : 'v.sync');
  s.update?.begin();
  if (s.withBias) e.scope(() => clearState(ctx));
  preload(s);
  openCredits(ctx, planOf(s, EVERYTHING, EVERYTHING));
  const headed = part.headed && headsPartial(s);
  if (panels > 1 && s.begun === undefined) {
    e.op('d.ld_sync', {}, { signal: headed ? [TOKEN.panelFree] : [TOKEN.panelFree, TOKEN.panelFree] });
    // Where no partial sums are loaded, the matrix unit waits for the place of the first panel like for any other.
    if (headed) e.when(iteration.offset, 'zero', () => e.op('d.ld_sync', {}, { signal: [TOKEN.panelFree] }));
  }
  const load = (rows: RowTurn, columns: Turn): void => {
    const tokens = { wait: panels > 1 ? [TOKEN.panelFree] : [], signal: [TOKEN.partial] };
    if (!isInPlace(s)) e.when(iteration.offset, 'nonzero', () => loadPartial(s, rows, columns, tokens));
    e.increment(s.panelLoads);
  };
  const isAhead = panels > 1 && s.passes;
  const begin = (rows: RowTurn, columns: Turn): void => {
    if (isAhead) e.scope(() => beginChunks(ctx, planOf(s, rows, columns)));
  };
  const beginFirst = (rows: RowTurn, columns: Turn): void => {
    if (isAhead) e.scope(() => beginFirstChunks(ctx, planOf(s, rows, columns)));
  };
  const body = (rows: RowTurn, columns: Turn, beginNext: () => void): void => {
    beginPanel(s, panels > 1);
    emitChunks(ctx, planOf(s, rows, columns), (chunk) => computeChunk(s, chunk, rows, columns), isAhead ? beginNext : undefined);
    endPanel(s, rows, columns, panels > 1);
    e.increment(s.panelTurns);
    if (s.begun !== undefined) countDone(e, s.begun);
  };
  const loaded = (): void => {
    if (!part.loaded) e.when(iteration.offset, 'nonzero', () => e.op('d.ld_sync', {}, { signal: [TOKEN.partial] }));
    e.increment(s.panelLoads);
  };
  const first = headed ? loaded : undefined;
  const rowsOf = ({ offset: channel, size }: Turn): RowTurn => ({ offset: times(channel, taps), size: size * taps, channel });
  const [channels, height] = [work.m / taps, Math.min(panel.m, work.m) / taps];
  if (panel.n >= work.columns) {
    const all: Turn = { offset: ZERO, size: work.columns };
    beginFirst(rowsOf({ offset: ZERO, size: height }), all);
    pipelined(
      e,
      channels,
      height,
      (turn) => load(rowsOf(turn), all),
      (turn, ahead) => body(rowsOf(turn), all, () => ahead((next) => begin(rowsOf(next), all))),
      first,
    );
  } else {
    const rowPanel = (turn: Turn): void => {
      const rows = rowsOf(turn);
      beginFirst(rows, { offset: ZERO, size: panel.n });
      pipelined(
        e,
        work.columns,
        panel.n,
        (columns) => load(rows, columns),
        (columns, ahead) => body(rows, columns, () => ahead((next) => begin(rows, next))),
        first,
      );
    };
    const full = Math.floor(channels / height);
    e.loop(full, height, (offset) => rowPanel({ offset, size: height }));
    if (channels % height > 0) e.scope(() => rowPanel({ offset: constant(full * height), size: channels % height }));
  }
  if (panels > 1) e.op('d.st_sync', {}, { wait: [TOKEN.panelFree, TOKEN.panelFree] });
  closeCredits(ctx, planOf(s, EVERYTHING, EVERYTHING));
  s.update?.end();
  if (s.withBias) e.scope(() => endBias(ctx));
  storeShared(ctx);
}

/** The first loads of a weight gradient. */
export function emitReduceHead(ctx: StepContext, panel: Panel): void {
  const { e, iteration } = ctx;
  const s = reduceStep(ctx, panel);
  const { work } = s;
  loadSharedFirst(ctx);
  e.scope(() => emitDma(e, 'd.ld', preloadedRows(s)));
  const rows: RowTurn = { offset: ZERO, size: Math.min(panel.m, work.m), channel: ZERO };
  const columns: Turn = { offset: ZERO, size: Math.min(panel.n, work.columns) };
  if (headsPartial(s)) e.when(iteration.offset, 'nonzero', () => loadPartial(s, rows, columns, {}));
  loadFirstChunk(ctx, planOf(s, rows, columns));
  if (s.ended === undefined) return;
  e.increment(ctx.loads);
  loadSecond(s, rows, columns);
}

/** The second chunk of the first panel or, where that has one, the first of the second. */
function loadSecond(s: ReduceStep, rows: RowTurn, columns: Turn): void {
  const { ctx, work, panel } = s;
  const { samples } = ctx.iteration;
  const { chunk } = ctx.step;
  if (samples > chunk) {
    loadFirstChunk(ctx, planOf(s, rows, columns), { offset: constant(chunk), samples: Math.min(chunk, samples - chunk) });
    return;
  }
  const taps = work.geometry.R * work.geometry.S;
  const below: RowTurn = { offset: constant(panel.m), size: Math.min(panel.m, work.m - panel.m), channel: constant(panel.m / taps) };
  const beside: Turn = { offset: constant(panel.n), size: Math.min(panel.n, work.columns - panel.n) };
  loadFirstChunk(ctx, panel.m < work.m ? planOf(s, below, columns) : planOf(s, rows, beside));
}

const EVERYTHING: RowTurn = { offset: ZERO, size: 0, channel: ZERO };

function reduceStep(ctx: StepContext, panel: Panel): ReduceStep {
  const { e, chunked } = ctx;
  const work = workOf(ctx);
  const registers = [e.register(), e.register(), e.register(), e.register()] as const;
  for (const r of registers) e.assign(r, ZERO);
  const [wave, tile, panelLoads, panelTurns] = registers;
  const panels = Math.ceil(work.m / panel.m) * Math.ceil(work.columns / panel.n);
  const operands = [work.moving, work.stationary];
  const passing = new Set(operands.filter((i) => ctx.access('in', i).mode === 'stream' && holdsPanelAlone(work, panel, i, chunked)));
  const passes = chunked || passing.size > 0;
  const preloaded = new Set(
    operands.filter((i) => {
      const { mode } = ctx.access('in', i);
      return panels > 1 && (mode === 'load' || (mode === 'stream' && !passing.has(i)));
    }),
  );
  const counters = { wave, tile };
  const withBias = ctx.view.bias !== undefined;
  const { view, step, part, group } = ctx;
  const ended = loadsTwo(view, step, part, group) ? { ended: notDone(e) } : {};
  const begun = panels === 1 || group.iterations > 1 ? {} : { begun: notDone(e) };
  return { withBias, ctx, work, panel, panels, counters, panelLoads, panelTurns, passing, passes, preloaded, ...ended, ...begun };
}

function withUpdate(s: ReduceStep): ReduceStep {
  const { update } = s.ctx.view;
  return update === undefined ? s : { ...s, update: new PanelUpdate(s.ctx, update, s.panel) };
}

/** Whether the partial sums stay where they are from iteration to iteration. */
function isInPlace({ ctx }: ReduceStep): boolean {
  return isHeld(ctx.access('out', 0));
}

/** Whether the partial sums of the first panel can be loaded before the task. */
function headsPartial(s: ReduceStep): boolean {
  return !isInPlace(s) && !isLoopAround(s);
}

/** Whether the first panel is not alone the first one: a loop over rows of panels stands around it. */
function isLoopAround({ panel, work }: ReduceStep): boolean {
  return panel.m < work.m && panel.n < work.columns;
}

function planOf(s: ReduceStep, rows: RowTurn, columns: Turn): ChunkPlan {
  const { ctx, work, preloaded } = s;
  return {
    loads: [work.moving, work.stationary].filter((i) => !ctx.part.loaded && !preloaded.has(i) && ctx.access('in', i).mode !== 'resident'),
    stores: [],
    streamsOut: false,
    units: s.withBias ? ['matrix', 'vector'] : ['matrix'],
    alternates: s.passes && reuses(ctx, s.panels),
    ...(ctx.part.headed && s.ended !== undefined ? { ended: s.ended } : {}),
    headed: ctx.part.headed && (s.panels === 1 || (s.passes && !isLoopAround(s))),
    loadRows: (i, chunk, counter) => loadRows(s, i, chunk, counter, rows, columns),
    storeRows: () => [],
  };
}

/** Operands that every panel reads whole are loaded once. Where others come behind, what the head has loaded is there when these are. */
function preload(s: ReduceStep): void {
  const { e, part } = s.ctx;
  if (s.preloaded.size === 0 || part.loaded || (part.headed && s.ended !== undefined)) return;
  const signal = s.withBias ? [TOKEN.loaded, TOKEN.loadedVector] : [TOKEN.loaded];
  e.scope(() => {
    if (part.headed) e.op('d.ld_sync', {}, { signal });
    else emitDma(e, 'd.ld', preloadedRows(s), { signal });
    e.op('m.sync', {}, { wait: [TOKEN.loaded] });
    if (s.withBias) e.op('v.sync', {}, { wait: [TOKEN.loadedVector] });
  });
}

function preloadedRows({ ctx, preloaded }: ReduceStep): DmaRows[] {
  const all: Chunk = { offset: ZERO, samples: ctx.iteration.samples };
  return [...preloaded].flatMap((i) => wholeRows(ctx, 'in', i, all, 0));
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
    global: ctx.panel('out', 0, counter),
    rows: whole ? 1 : columns.size,
    rowBytes,
    dramStride: whole ? rowBytes : work.m * 4,
    globalStride: rowBytes,
  };
}

/** Brings back the partial sums of earlier iterations; the first iteration of a group finds none. */
function loadPartial(s: ReduceStep, rows: RowTurn, columns: Turn, tokens: Tokens): void {
  emitDma(s.ctx.e, 'd.ld', [panelRows(s, rows, columns, s.panelLoads)], tokens);
}

function beginPanel(s: ReduceStep, guarded: boolean): void {
  const { e, iteration, part } = s.ctx;
  if (isInPlace(s)) return;
  if (!part.loaded) e.when(iteration.offset, 'nonzero', () => e.op('m.sync', {}, { wait: [TOKEN.partial] }));
  if (!guarded) return;
  const waitForPlace = (): void => e.op('m.sync', {}, { wait: [TOKEN.panelFree] });
  if (s.begun === undefined) e.when(iteration.offset, 'zero', waitForPlace);
  // The first panels find their places free: a credit would come behind whatever is loaded before the task.
  else if (s.panels > 2) e.when(contents(s.begun[1]), 'nonzero', waitForPlace);
}

function endPanel(s: ReduceStep, rows: RowTurn, columns: Turn, guarded: boolean): void {
  const { e } = s.ctx;
  const { update } = s;
  const free = guarded ? [TOKEN.panelFree] : [];
  if (isInPlace(s)) {
    update?.when(true, () => {
      e.op('m.sync', {}, { signal: [TOKEN.ready] });
      update.panel(s.ctx.panel('out', 0, s.panelTurns), rows, columns);
    });
    return;
  }
  const store = (ready: number): void => emitDma(e, 'd.st', [panelRows(s, rows, columns, s.panelTurns)], { wait: [ready], signal: free });
  e.op('m.sync', {}, { signal: [TOKEN.ready] });
  if (update === undefined) {
    store(TOKEN.ready);
    return;
  }
  update.when(false, () => store(TOKEN.ready));
  update.when(true, () => {
    update.panel(s.ctx.panel('out', 0, s.panelTurns), rows, columns);
    if (s.ctx.access('out', 0).store) {
      e.op('v.sync', {}, { signal: [TOKEN.done] });
      store(TOKEN.done);
    } else if (guarded) e.op('v.sync', {}, { signal: free });
  });
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
  if (!s.passing.has(i) || channels.count === channels.all) return wholeRows(ctx, 'in', i, chunk, counter);
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
  const xHeld = s.passing.has(work.moving) ? x.count : x.all;
  const dyHeld = s.passing.has(work.stationary) ? dy.count : dy.all;
  const moving = place(s, work.moving, chunk, xHeld === x.count ? ZERO : times(x.first, imagePixels * 2));
  const stationary = place(s, work.stationary, chunk, dyHeld === dy.count ? ZERO : times(dy.first, pixels * 2));
  if (s.withBias) e.when(rows.channel, 'zero', () => biasSums(ctx, chunk, stationary, columns, pixels, dyHeld === dy.count));
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
      result: ctx.panel('out', 0, s.panelTurns),
      add: e.value(plus(plus(ctx.iteration.offset, chunk.offset), chunk.stripe ?? 0)),
    },
    s.counters,
  );
}

/** Register with the address of a chunk of operand `i`, from `offset` bytes on; what was loaded as a whole has the chunks one behind the other. */
function place({ ctx, preloaded }: ReduceStep, i: number, chunk: Chunk, offset: Affine): number {
  const before = preloaded.has(i) && ctx.access('in', i).mode === 'stream' ? times(chunk.offset, ctx.input(i).bytes) : ZERO;
  return ctx.place('in', i, chunk, ctx.turns, plus(before, offset));
}
