import type { TensorKind } from '../../ir/tensor.ts';
import { isImage, isUpdated, type LayerView, type MatrixWork, type Operand } from './network.ts';
import { partSizes } from './parts.ts';
import { type Access, isHeld, type Panel, type Step } from './schedule.ts';

/** Receives `times` transfers of `rows` runs of `rowBytes` each; `contiguous` runs follow one another in DRAM. */
export type TransferVisitor = (
  tensor: string,
  kind: TensorKind,
  direction: 'read' | 'write',
  rows: number,
  rowBytes: number,
  contiguous: boolean,
  times: number,
) => void;

/** The parts of a step that decide its traffic. */
export type Tiling = Pick<Step, 'chunk' | 'stripes' | 'panel'>;

/** Cuts `total` into pieces of `size` and a remainder. */
export function pieces(total: number, size: number): { size: number; count: number }[] {
  const full = Math.floor(total / size);
  const rest = total % size;
  const out = full > 0 ? [{ size, count: full }] : [];
  if (rest > 0) out.push({ size: rest, count: 1 });
  return out;
}

/** How many iterations of the group run, and which is this one: the first one finds no partial sums to add to. */
export interface IterationKind {
  readonly samples: number;
  /** Samples of a full iteration, which decide whether the chunk buffers alternate: a shorter iteration uses the same ones. */
  readonly full: number;
  readonly times: number;
  /** Of these, how many come after the first iteration of the group, and how many are its last. */
  readonly later: number;
  readonly last: 0 | 1;
}

/** Visits every DRAM transfer of a step over `iteration.times` iterations of its group. */
export function visitTransfers(
  view: LayerView,
  inputs: readonly Access[],
  outputs: readonly Access[],
  tiling: Tiling,
  iteration: IterationKind,
  visit: TransferVisitor,
): void {
  const v: Visitation = { view, tiling, iteration, visit };
  if (view.matrix !== undefined && tiling.panel !== undefined) visitMatrix(v, view.matrix, tiling.panel, inputs, outputs);
  else if (view.phase === 'update') visitUpdate(v, inputs, outputs);
  else {
    inputs.forEach((access, i) => visitOperand(v, access, v.view.inputs[i], 'read', 1));
    outputs.forEach((access, i) => visitOperand(v, access, v.view.outputs[i], 'write', 1));
  }
  visitShared(v, inputs, outputs);
}

interface Visitation {
  readonly view: LayerView;
  readonly tiling: Tiling;
  readonly iteration: IterationKind;
  readonly visit: TransferVisitor;
}

/** Whether a sub-batch of `samples` samples takes more than one chunk. */
export function isChunked(tiling: Tiling, samples: number): boolean {
  return tiling.stripes !== undefined || samples > tiling.chunk;
}

function visitShared(v: Visitation, inputs: readonly Access[], outputs: readonly Access[]): void {
  const { times, later } = v.iteration;
  inputs.forEach((access, i) => {
    const o = v.view.inputs[i];
    if (access.mode === 'whole' && o !== undefined) v.visit(o.tensor, o.kind, 'read', 1, o.bytes, true, times);
  });
  outputs.forEach((access, i) => {
    const o = v.view.outputs[i];
    if (access.mode !== 'whole' || o === undefined) return;
    if (later > 0) v.visit(o.tensor, o.kind, 'read', 1, o.bytes, true, later);
    v.visit(o.tensor, o.kind, 'write', 1, o.bytes, true, times);
  });
}

function movesData(access: Access, direction: 'read' | 'write'): boolean {
  return direction === 'read' ? access.mode === 'stream' || access.mode === 'load' : access.store;
}

/** One batched operand, chunk by chunk, all of its channels, `passes` times. */
function visitOperand(v: Visitation, access: Access, o: Operand | undefined, direction: 'read' | 'write', passes: number): void {
  if (o === undefined || !o.batched || !movesData(access, direction)) return;
  const { samples, times } = v.iteration;
  const { stripes, chunk } = v.tiling;
  if (stripes === undefined) {
    for (const piece of pieces(samples, chunk)) {
      v.visit(o.tensor, o.kind, direction, 1, piece.size * o.bytes, true, times * piece.count * passes);
    }
    return;
  }
  const all = times * samples * passes;
  if (v.view.record.stripes === 'flat') {
    for (const [from, to] of stripes) v.visit(o.tensor, o.kind, direction, 1, flatBytes(o, to - from), true, all);
  } else if (isImage(o)) {
    const index = direction === 'read' ? v.view.inputs.indexOf(o) : -1;
    for (const stripe of stripes) visitRows(v, o, direction, index, stripe, o.type.shape[1] ?? 1, all);
  } else {
    v.visit(o.tensor, o.kind, direction, 1, o.bytes, true, direction === 'read' ? all * stripes.length : all);
  }
}

/** Bytes of `elements` adjacent elements of a sample; bits fill whole bytes, whatever is left of the sample's last one. */
export function flatBytes(o: Operand, elements: number): number {
  if (o.type.dtype === 'bit') return Math.ceil(elements / 8);
  const all = o.type.shape.slice(1).reduce((a, b) => a * b, 1);
  return Math.ceil((o.bytes * elements) / all);
}

/** Image rows of an operand that a stripe of the layer needs (input `index`) or makes (−1). */
export function stripeRows(view: LayerView, index: number, stripe: readonly [number, number]): readonly [number, number] {
  if (index < 0 || view.record.inputRows === undefined) return stripe;
  const types = view.inputs.map((i) => i.type);
  return view.record.inputRows(index, stripe, types, view.layer.attrs);
}

function visitRows(
  v: Visitation,
  o: Operand,
  direction: 'read' | 'write',
  index: number,
  stripe: readonly [number, number],
  channels: number,
  times: number,
): void {
  const [, , H = 1] = o.type.shape;
  const [from, to] = stripeRows(v.view, index, stripe);
  const rowBytes = (to - from) * imageRowBytes(o);
  if (rowBytes > 0) v.visit(o.tensor, o.kind, direction, channels, rowBytes, to - from === H, times);
}

/** Bytes of one row of one channel of a 4-D operand. */
export function imageRowBytes(o: Operand): number {
  const [, C = 1, H = 1] = o.type.shape;
  return o.bytes / (C * H);
}

function visitMatrix(v: Visitation, work: MatrixWork, panel: Panel, inputs: readonly Access[], outputs: readonly Access[]): void {
  if (work.form === 'weightGradient') visitReduce(v, work, panel, inputs, outputs);
  else visitMap(v, work, panel, inputs, outputs);
}

/** Forward and data gradient: the weights by panels, each sample's rows in and out. */
function visitMap(v: Visitation, work: MatrixWork, panel: Panel, inputs: readonly Access[], outputs: readonly Access[]): void {
  const { times, full } = v.iteration;
  const weights = v.view.inputs[work.stationary];
  const columns = pieces(work.columns, panel.n);
  const panels = columns.reduce((sum, p) => sum + p.count, 0);
  if (weights !== undefined && inputs[work.stationary]?.mode === 'hold') {
    v.visit(weights.tensor, weights.kind, 'read', 1, weights.bytes, true, times - v.iteration.later);
  } else if (weights !== undefined && inputs[work.stationary]?.mode === 'panel') {
    for (const col of columns) {
      for (const red of pieces(work.k, panel.k)) {
        const run = weightRun(work, col.size, red.size);
        v.visit(weights.tensor, weights.kind, 'read', run.rows, run.elements * 2, run.contiguous, times * col.count * red.count);
      }
    }
  }
  const moving = inputs[work.moving];
  if (moving !== undefined) {
    const again = isChunked(v.tiling, full) && moving.mode === 'stream' ? panels : 1;
    if (moving.mode === 'load' && (panels > 1 || panel.k < work.k)) visitAtOnce(v, v.view.inputs[work.moving]);
    else visitOperand(v, moving, v.view.inputs[work.moving], 'read', again);
  }
  const [result, statistics] = v.view.outputs;
  const [access, gathered] = outputs;
  if (result !== undefined && access?.store === true)
    for (const col of columns) visitChannels(v, result, 'write', -1, col.size, work.columns, times * col.count);
  if (gathered?.store === true && statistics !== undefined)
    for (const samples of partSizes(v.view, v.tiling, v.iteration.samples))
      v.visit(statistics.tensor, statistics.kind, 'write', 1, statistics.bytes * samples, true, times);
}

/** All samples of an operand that is loaded once before the first panel. */
function visitAtOnce(v: Visitation, o: Operand | undefined): void {
  if (o !== undefined) v.visit(o.tensor, o.kind, 'read', 1, o.bytes * v.iteration.samples, true, v.iteration.times);
}

/** Rows and row length, in elements, of a weight panel as it lies in DRAM. */
export function weightRun(work: MatrixWork, columns: number, reduction: number): { rows: number; elements: number; contiguous: boolean } {
  const whole = reduction === work.k;
  if (work.form === 'forward') return { rows: columns, elements: reduction, contiguous: whole };
  if (work.groups > 1) return { rows: 1, elements: columns * work.k, contiguous: true };
  const taps = work.geometry.R * work.geometry.S;
  return { rows: reduction / taps, elements: columns * taps, contiguous: columns === work.columns };
}

/** `channels` of the `all` channels of a batched operand, chunk by chunk. */
function visitChannels(
  v: Visitation,
  o: Operand,
  direction: 'read' | 'write',
  index: number,
  channels: number,
  all: number,
  times: number,
): void {
  const { stripes, chunk } = v.tiling;
  const { samples } = v.iteration;
  if (stripes !== undefined) {
    for (const stripe of stripes) visitRows(v, o, direction, index, stripe, channels, times * samples);
    return;
  }
  const rowBytes = (o.bytes / all) * channels;
  for (const piece of pieces(samples, chunk))
    v.visit(o.tensor, o.kind, direction, piece.size, rowBytes, channels === all, times * piece.count);
}

/** Whether buffers hold, of an input of a weight gradient that is streamed, the channels of one panel alone. */
export function holdsPanelAlone({ m, columns, moving, stationary }: MatrixWork, panel: Panel, input: number, chunked: boolean): boolean {
  if (panel.sliced !== true) return chunked;
  return (input === moving && panel.m < m) || (input === stationary && panel.n < columns);
}

/** Weight gradient: the result by panels, the samples streamed through each. */
function visitReduce(v: Visitation, work: MatrixWork, panel: Panel, inputs: readonly Access[], outputs: readonly Access[]): void {
  const { times, later, last, full } = v.iteration;
  const rows = pieces(work.m, panel.m);
  const columns = pieces(work.columns, panel.n);
  const chunked = isChunked(v.tiling, full);
  const single = panel.m === work.m && panel.n === work.columns;
  const taps = work.geometry.R * work.geometry.S;
  const operand = (index: number, channelsOf: (m: number, n: number) => number): void => {
    const access = inputs[index];
    const o = v.view.inputs[index];
    if (access === undefined || o === undefined || !movesData(access, 'read')) return;
    if (!holdsPanelAlone(work, panel, index, chunked) || access.mode === 'load') {
      if (single) visitOperand(v, access, o, 'read', 1);
      else visitAtOnce(v, o);
      return;
    }
    const all = index === work.moving ? work.geometry.C : work.geometry.K;
    for (const r of rows)
      for (const c of columns) visitChannels(v, o, 'read', index, channelsOf(r.size, c.size), all, times * r.count * c.count);
  };
  operand(work.moving, (m) => (m === work.m ? work.geometry.C : m / taps));
  operand(work.stationary, (_, n) => n);
  const result = v.view.outputs[0];
  if (result === undefined) return;
  const isInPlace = outputs[0] !== undefined && isHeld(outputs[0]);
  if (isInPlace && outputs[0]?.store === true) v.visit(result.tensor, result.kind, 'write', 1, result.bytes, true, last);
  const stored = outputs[0]?.store === true ? times : times - last;
  for (const r of rows) {
    for (const c of columns) {
      const contiguous = r.size === work.m;
      const count = r.count * c.count;
      if (later > 0 && !isInPlace) v.visit(result.tensor, result.kind, 'read', c.size, r.size * 4, contiguous, later * count);
      if (stored > 0 && !isInPlace) v.visit(result.tensor, result.kind, 'write', c.size, r.size * 4, contiguous, stored * count);
      if (last > 0)
        for (const piece of pieces(c.size, pieceColumns(panel))) visitPiece(v, piece.size, r.size, contiguous, count * piece.count);
    }
  }
}

/** Everything that a piece of a finished panel is updated with, and what comes of it. */
function visitPiece({ view, visit }: Visitation, columns: number, rows: number, contiguous: boolean, times: number): void {
  for (const direction of ['in', 'out'] as const) {
    const operands = direction === 'in' ? view.inputs : view.outputs;
    operands.forEach((o, i) => {
      if (!isUpdated(view, direction, i)) return;
      visit(o.tensor, o.kind, direction === 'in' ? 'read' : 'write', columns, rows * elementBytes(o), contiguous, times);
    });
  }
}

/**
 * Pieces that a panel passes the update in, so that transfers and sums overlap: few enough that the queues take the instructions of all while the
 * next panel is computed. And the elements of a piece: some bursts at least.
 */
export const PIECES = 4;
const MOST_ELEMENTS = 20 * 1024;
const FEWEST_ELEMENTS = 256;

/** Columns of a panel that are updated at a time. */
export function pieceColumns({ m, n, piece }: Panel): number {
  if (piece !== undefined) return piece;
  const elements = Math.min(MOST_ELEMENTS, Math.max(FEWEST_ELEMENTS, (m * n) / PIECES));
  return Math.min(n, Math.max(1, Math.floor(elements / m)));
}

/** Bytes of an element of an operand that no bits make up. */
export function elementBytes({ type, bytes }: Operand): number {
  return bytes / type.shape.reduce((a, b) => a * b, 1);
}

/** Layers over parameters: every operand flat, in chunks of elements. */
function visitUpdate(v: Visitation, inputs: readonly Access[], outputs: readonly Access[]): void {
  const elements = elementsOf(v.view);
  const one = (access: Access, o: Operand | undefined, direction: 'read' | 'write'): void => {
    if (o === undefined || access.mode !== 'stream') return;
    for (const piece of pieces(elements, v.tiling.chunk)) {
      v.visit(o.tensor, o.kind, direction, 1, (o.bytes / elements) * piece.size, true, piece.count * v.iteration.times);
    }
  };
  inputs.forEach((access, i) => one(access, v.view.inputs[i], 'read'));
  outputs.forEach((access, i) => one(access, v.view.outputs[i], 'write'));
}

/** Elements of a layer over parameters. */
export function elementsOf(view: LayerView): number {
  return view.inputs[0]?.type.shape.reduce((a, b) => a * b, 1) ?? 0;
}
