import { diag, fail } from '../../../ir/diagnostics.ts';
import type { ConvGeometry } from '../../../ir/layers/record.ts';
import type { MatrixWork } from '../../../passes/mbs/network.ts';
import { MATRIX_SLOTS, type MatrixSlot } from '../isa/slots.ts';
import { slotPairs } from './configuration.ts';
import type { StepContext } from './context.ts';
import { type Affine, plus, times } from './emitter.ts';

export type MatrixConfig = Partial<Record<MatrixSlot, number>>;

/** Sets configuration slots of the matrix unit. */
export function configureMatrix(ctx: StepContext, values: MatrixConfig): void {
  ctx.e.configure('m.cfg', slotPairs(MATRIX_SLOTS, values));
}

export function workOf(ctx: StepContext): MatrixWork {
  return ctx.view.matrix ?? fail(diag.internal({ layer: ctx.view.layer.name }, 'is not a matrix product'));
}

/** Rows of the image that a chunk holds, and of the pixel grid that it computes. */
export interface RowWindow {
  readonly image: readonly [number, number];
  readonly grid: readonly [number, number];
}

/** The patch descriptor of the input image: taps (c, r, s) around output pixels; `channels` are in the buffer. */
export function patchesOfInput(g: ConvGeometry, window: RowWindow, channels: number): MatrixConfig {
  const H = window.image[1] - window.image[0];
  return {
    P: window.grid[1] - window.grid[0],
    Q: g.Q,
    R: g.R,
    S: g.S,
    H,
    W: g.W,
    SH: g.strideH,
    SW: g.strideW,
    DH: g.dilationH,
    DW: g.dilationW,
    PT: g.padTop + window.image[0] - window.grid[0] * g.strideH,
    PL: g.padLeft,
    UH: 1,
    UW: 1,
    ASN: channels * H * g.W,
    ASC: H * g.W,
  };
}

/**
 * The patch descriptor of the output gradient around input pixels. With the filter turned by 180° (r′ = R−1−r), input row h
 * meets output row (h + r′·DH − ((R−1)·DH − PT)) / SH where that is whole: a convolution of the gradient spread by the stride.
 */
export function patchesOfGradient(g: ConvGeometry, window: RowWindow): MatrixConfig {
  const P = window.image[1] - window.image[0];
  return {
    P: window.grid[1] - window.grid[0],
    Q: g.W,
    R: g.R,
    S: g.S,
    H: P,
    W: g.Q,
    SH: 1,
    SW: 1,
    DH: g.dilationH,
    DW: g.dilationW,
    PT: (g.R - 1) * g.dilationH - g.padTop - window.grid[0] + window.image[0] * g.strideH,
    PL: (g.S - 1) * g.dilationW - g.padLeft,
    UH: g.strideH,
    UW: g.strideW,
    ASN: g.K * P * g.Q,
    ASC: P * g.Q,
  };
}

/** One matrix product on operands in the global buffer; addresses are in bytes. */
export interface Product {
  readonly rows: number;
  readonly columns: number;
  readonly reduction: number;
  /** First reduction index of the moving operand, where the reduction is cut into panels. */
  readonly firstReduction: Affine;
  readonly groups: number;
  readonly moving: number;
  readonly stationary: number;
  readonly result: number;
  /** Bytes from channel group to channel group. */
  readonly movingStep: number;
  readonly stationaryStep: number;
  readonly resultStep: number;
  readonly bias?: number;
  /** Where the results are added to totals: their address, and the bytes from channel group to channel group. */
  readonly totals?: { readonly address: number; readonly step: number };
  readonly f32: boolean;
  /** Register: not 0 where the result adds to what is there. */
  readonly add: number;
  /** Whether results are drained after these reductions (false while further reduction panels follow). */
  readonly drain: boolean;
}

/** Registers that count waves and drained tiles; their lowest bits choose the halves of the local buffers. */
export interface WaveCounters {
  readonly wave: number;
  readonly tile: number;
}

/**
 * Emits the tile loops: rows outside, then columns, then the reduction, whose partial sums stay in the accumulator. The blocks of a column
 * drain in the order of their rows, which totals rely on.
 */
export function emitProduct(ctx: StepContext, product: Product, counters: WaveCounters): void {
  const { e, options } = ctx;
  const { rows, columns, reduction } = product;
  e.loop(product.groups, 1, (group) => {
    const at = (base: number, step: number): number => e.value(plus({ base: 0, terms: [{ reg: base, scale: 1 }] }, times(group, step)));
    const moving = at(product.moving, product.movingStep);
    const stationary = at(product.stationary, product.stationaryStep);
    const result = at(product.result, product.resultStep);
    const bias = product.bias === undefined ? 0 : at(product.bias, columns * 4);
    const totals = product.totals && at(product.totals.address, product.totals.step);
    e.loop(Math.ceil(rows / options.waveRows), options.waveRows, (m) => {
      const m0 = e.value(m);
      e.loop(Math.ceil(columns / options.arrayColumns), options.arrayColumns, (n) => {
        const n0 = e.value(n);
        e.loop(Math.ceil(reduction / options.arrayRows), options.arrayRows, (k) => {
          const local = e.value(k);
          const global = e.value(plus(k, product.firstReduction));
          const half = options.doubleBufferWeights ? counters.wave : 0;
          e.op('m.lda', { half: counters.wave, base: moving, m0, k0: global });
          e.op('m.ldb', { half, base: stationary, k0: local, n0 });
          e.op('m.mul', { a: counters.wave, b: half, c: counters.tile, first: global });
          e.increment(counters.wave);
        });
        if (!product.drain) return;
        const drained = { c: counters.tile, base: result, m0, n0, bias, withBias: product.bias === undefined ? 0 : 1 };
        if (totals === undefined) e.op('m.st', { ...drained, f32: product.f32 ? 1 : 0, add: product.add });
        else e.op('m.st_sums', { ...drained, state: totals });
        e.increment(counters.tile);
      });
    });
  });
}
