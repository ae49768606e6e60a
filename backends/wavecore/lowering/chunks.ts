import { isImage, type Operand } from '../../../passes/mbs/network.ts';
import { flatBytes, stripeRows } from '../../../passes/mbs/transfers.ts';
import { type Chunk, type StepContext, TOKEN } from './context.ts';
import { type DmaRows, emitDma, run } from './dma.ts';
import { countDone, type Done } from './done.ts';
import { type Affine, constant, contents, plus } from './emitter.ts';
import { chunksOf } from './parts.ts';
import { pipelined, pipelinedStripes, type Turn } from './turns.ts';

/** How the operands of a step are moved, chunk by chunk. */
export interface ChunkPlan {
  /** Positions of the inputs that every chunk loads. */
  readonly loads: readonly number[];
  /** Positions of the results that every chunk stores, and whether they pass through chunk buffers. */
  readonly stores: readonly number[];
  readonly streamsOut: boolean;
  /** Units that read what is loaded. */
  readonly units: readonly ('matrix' | 'vector')[];
  /** More turns than buffers have halves: their reuse is guarded by tokens. */
  readonly alternates: boolean;
  /** The first chunk was loaded by the head of the task. */
  readonly headed: boolean;
  /**
   * Where the head has loaded the second chunk as well: turns that have ended. The two chunks are waited for where the task begins, and not in the
   * queue of loads, behind the heads of later tasks. More than two chunks must be loaded.
   */
  readonly ended?: Done;
  loadRows(i: number, chunk: Chunk, counter: number): DmaRows[];
  storeRows(i: number, chunk: Chunk, counter: number): DmaRows[];
}

/** Whether turns over the chunks of a part, `passes` times, come back to the half of a buffer that they have used. */
export function reuses({ step, part, chunked }: StepContext, passes: number): boolean {
  return (chunked || passes > 1) && chunksOf(step, part.to - part.from) * passes > 2;
}

const LOADED = { matrix: TOKEN.loaded, vector: TOKEN.loadedVector } as const;
const FREE = { matrix: TOKEN.free, vector: TOKEN.freeVector } as const;

/** Posts the two credits of every alternating buffer; the loads post them, which wait for them first or run ahead of the matrix unit. */
export function openCredits({ e }: StepContext, plan: ChunkPlan): void {
  if (!plan.alternates) return;
  // First loads that were issued before have taken no credit.
  const credits = 2 - (plan.ended !== undefined ? 2 : plan.headed ? 1 : 0);
  if (plan.loads.length > 0 && credits > 0)
    for (const u of plan.units) e.op('d.ld_sync', {}, { signal: new Array<number>(credits).fill(FREE[u]) });
  // Not the matrix unit itself: it would drain before it has them.
  const [unit] = plan.units;
  if (plan.streamsOut) e.op(unit === 'vector' ? 'v.sync' : 'd.ld_sync', {}, { signal: [TOKEN.stored, TOKEN.stored] });
}

/** Takes the credits back, so that the step leaves no token behind, where that holds nothing up. */
export function closeCredits({ e }: StepContext, plan: ChunkPlan): void {
  if (!plan.alternates) return;
  if (plan.loads.length > 0) for (const u of plan.units) e.op(u === 'vector' ? 'v.sync' : 'd.ld_sync', {}, { wait: [FREE[u], FREE[u]] });
  if (plan.streamsOut) e.op('d.st_sync', {}, { wait: [TOKEN.stored, TOKEN.stored] });
}

/**
 * Emits the chunks of one pass over the part of the sub-batch, loads running one chunk ahead.
 * @param next loads the first chunk of the pass behind this one, by `beginChunks`, as the pass before has loaded that of this one; absent: passes
 * load their chunks themselves
 */
export function emitChunks(ctx: StepContext, plan: ChunkPlan, compute: (chunk: Chunk) => void, next?: () => void): void {
  const { e, step, part } = ctx;
  const load = (chunk: Chunk): void => loadChunk(ctx, plan, chunk);
  const first = (chunk: Chunk): void => {
    if (next === undefined) loadFirst(ctx, plan, chunk);
  };
  const body = (chunk: Chunk): void => {
    beginTurn(ctx, plan);
    compute(chunk);
    const last = step.stripes === undefined || chunk.stripe === step.stripes.length - 1;
    const stores = plan.stores.filter((i) => last || step.stripes === undefined || isStriped(ctx, ctx.output(i)));
    endTurn(ctx, plan, chunk, stores);
  };
  if (step.stripes !== undefined) {
    const striped = (act: (chunk: Chunk) => void) => (s: Affine, j: number) => act({ offset: plus(s, part.from), samples: 1, stripe: j });
    pipelinedStripes(e, part.to - part.from, step.stripes.length, striped(load), striped(body), striped(first), next);
  } else {
    const turn = (act: (chunk: Chunk) => void) => (t: Turn) => act({ offset: plus(t.offset, part.from), samples: t.size });
    pipelined(e, part.to - part.from, turnOf(ctx), turn(load), turn(body), turn(first), next);
  }
}

function loadFirst(ctx: StepContext, plan: ChunkPlan, chunk: Chunk): void {
  if (!plan.headed) loadChunk(ctx, plan, chunk);
  else if (plan.loads.length > 0) {
    if (plan.ended === undefined) ctx.e.op('d.ld_sync', {}, { signal: plan.units.map((u) => LOADED[u]) });
    ctx.e.increment(ctx.loads);
  }
}

/** Loads the first chunk of a pass, ahead of the pass. */
export function beginChunks(ctx: StepContext, plan: ChunkPlan): void {
  loadChunk(ctx, plan, firstChunk(ctx));
}

/** The same of the first pass, whose first chunk the head of the task may have loaded. */
export function beginFirstChunks(ctx: StepContext, plan: ChunkPlan): void {
  loadFirst(ctx, plan, firstChunk(ctx));
}

function loadChunk(ctx: StepContext, plan: ChunkPlan, chunk: Chunk): void {
  if (plan.loads.length === 0) return;
  const tokens = { wait: plan.alternates ? plan.units.map((u) => FREE[u]) : [], signal: plan.units.map((u) => LOADED[u]) };
  const load = (): void => emitOperands(ctx, 'd.ld', plan.loads, (i) => plan.loadRows(i, chunk, ctx.loads), tokens);
  if (plan.ended === undefined) load();
  else ctx.e.when(contents(plan.ended[0]), 'nonzero', load);
  ctx.e.increment(ctx.loads);
}

function firstChunk(ctx: StepContext): Chunk {
  const offset = constant(ctx.part.from);
  return ctx.step.stripes === undefined ? { offset, samples: turnOf(ctx) } : { offset, samples: 1, stripe: 0 };
}

/** Samples of a turn. */
function turnOf({ step, part }: StepContext): number {
  return Math.min(step.chunk, part.to - part.from);
}

/** Emits the load of the first chunk, or another, before the task, where the task itself does not. */
export function loadFirstChunk(ctx: StepContext, plan: ChunkPlan, chunk = firstChunk(ctx)): void {
  if (!plan.headed || plan.loads.length === 0) return;
  emitOperands(ctx, 'd.ld', plan.loads, (i) => plan.loadRows(i, chunk, ctx.loads), { wait: [], signal: [] });
}

/** Moves several operands under one set of tokens: the first waits, the last signals. Registers are free again after each. */
export function emitOperands(
  ctx: StepContext,
  op: 'd.ld' | 'd.st',
  operands: readonly number[],
  rowsOf: (i: number) => DmaRows[],
  tokens: { readonly wait: readonly number[]; readonly signal: readonly number[] },
): void {
  operands.forEach((i, at) => {
    ctx.e.scope(() => {
      emitDma(ctx.e, op, rowsOf(i), { wait: at === 0 ? tokens.wait : [], signal: at === operands.length - 1 ? tokens.signal : [] });
    });
  });
}

function isStriped(ctx: StepContext, o: Operand): boolean {
  return ctx.view.record.stripes === 'flat' || isImage(o);
}

function beginTurn(ctx: StepContext, plan: ChunkPlan): void {
  const { e } = ctx;
  const guard = plan.alternates && plan.streamsOut ? [TOKEN.stored] : [];
  const begin = (loaded: boolean): void =>
    plan.units.forEach((u, i) => {
      const wait = [...(loaded ? [LOADED[u]] : []), ...(i === 0 ? guard : [])];
      if (wait.length > 0) e.op(u === 'matrix' ? 'm.sync' : 'v.sync', {}, { wait });
    });
  if (plan.ended === undefined) {
    begin(plan.loads.length > 0);
    return;
  }
  e.when(contents(plan.ended[1]), 'nonzero', () => begin(true));
  if (guard.length > 0) e.when(contents(plan.ended[1]), 'zero', () => begin(false));
}

function endTurn(ctx: StepContext, plan: ChunkPlan, chunk: Chunk, stores: readonly number[]): void {
  const { e } = ctx;
  const freed = plan.alternates && plan.loads.length > 0;
  plan.units.forEach((u, i) => {
    const ready = i === 0 && stores.length > 0 ? [TOKEN.ready] : [];
    const skipped = i === 0 && stores.length === 0 && plan.alternates && plan.streamsOut ? [TOKEN.stored] : [];
    const signal = [...(freed ? [FREE[u]] : []), ...ready, ...skipped];
    if (signal.length > 0) e.op(u === 'matrix' ? 'm.sync' : 'v.sync', {}, { signal });
  });
  if (stores.length > 0) {
    const tokens = { wait: [TOKEN.ready], signal: plan.alternates && plan.streamsOut ? [TOKEN.stored] : [] };
    emitOperands(ctx, 'd.st', stores, (i) => plan.storeRows(i, chunk, ctx.turns), tokens);
  }
  e.increment(ctx.turns);
  if (plan.ended !== undefined) countDone(e, plan.ended);
}

/** A chunk of all channels of an operand: contiguous samples, a flat range, or the rows of a stripe. */
export function wholeRows(ctx: StepContext, direction: 'in' | 'out', i: number, chunk: Chunk, counter: number): DmaRows[] {
  const { e, step, view } = ctx;
  const operand = ctx.operand(direction, i);
  const global = ctx.place(direction, i, chunk, counter);
  const dram = ctx.dram(operand, chunk);
  const stripe = chunk.stripe === undefined ? undefined : step.stripes?.[chunk.stripe];
  if (stripe === undefined || !isStriped(ctx, operand)) return [run(e.value(dram), global, operand.bytes * chunk.samples)];
  if (view.record.stripes === 'flat') {
    return [run(e.value(plus(dram, constant(flatBytes(operand, stripe[0])))), global, flatBytes(operand, stripe[1] - stripe[0]))];
  }
  const rows = stripeRows(view, direction === 'in' ? i : -1, stripe);
  return imageRows(ctx, operand, dram, global, rows, operand.type.shape[1] ?? 1);
}

/** Image rows [from, to) of `channels` adjacent channels from the address `dram` on. */
export function imageRows(
  ctx: StepContext,
  operand: Operand,
  dram: ReturnType<StepContext['dram']>,
  global: number,
  rows: readonly [number, number],
  channels: number,
): DmaRows[] {
  const rowBytes = ctx.rowBytes(operand);
  const height = operand.type.shape[2] ?? 1;
  const bytes = (rows[1] - rows[0]) * rowBytes;
  if (bytes === 0) return [];
  return [
    {
      dram: ctx.e.value(plus(dram, rows[0] * rowBytes)),
      global,
      rows: channels,
      rowBytes: bytes,
      dramStride: height * rowBytes,
      globalStride: bytes,
    },
  ];
}
