import { diag, fail } from '../../../ir/diagnostics.ts';
import type { MatrixWork } from '../../../passes/mbs/network.ts';
import { MATRIX_SLOTS, type MatrixSlot } from '../isa/slots.ts';
import { slotValues } from './configuration.ts';
import type { StepContext } from './context.ts';
import { type Affine, plus, times } from './emitter.ts';

export type MatrixConfig = Partial<Record<MatrixSlot, number>>;

export function workOf(ctx: StepContext): MatrixWork {
  return ctx.view.matrix ?? fail(diag.internal({ layer: ctx.view.layer.name }, 'is not a matrix product'));
}

/** Rows of the image that a chunk holds, and of the pixel grid that it computes. */
export interface RowWindow {
  readonly image: readonly [number, number];
  readonly grid: readonly [number, number];
}

/** From this slot on: what plain products leave at 0. */
const FIRST_SPECIAL = MATRIX_SLOTS.indexOf('BKM');
const PLAIN: MatrixConfig = Object.fromEntries(MATRIX_SLOTS.slice(FIRST_SPECIAL).map((name) => [name, 0]));

/** Sets the configuration of a product; of what it does not give, the slots that plain products leave alone are 0. */
export function configureMatrix(ctx: StepContext, values: MatrixConfig): void {
  ctx.e.configure('matrix', slotValues(MATRIX_SLOTS, { ...PLAIN, ...values }));
}

/** Where something lies for the first pack of channel groups: a register with the address, and the bytes from pack to pack. */
export interface Strided {
  readonly at: number;
  readonly step: number;
}

/** One matrix product on operands in the global buffer; addresses are in bytes. */
export interface Product {
  readonly rows: number;
  /** Rows of a wave. */
  readonly blockRows: number;
  readonly columns: number;
  readonly reduction: number;
  /** First reduction index of the moving operand, where the reduction is cut into panels. */
  readonly firstReduction: Affine;
  /** Packs of channel groups, one product each. */
  readonly packs: number;
  readonly moving: Strided;
  readonly stationary: Strided;
  readonly result: Strided;
  readonly bias?: Strided;
  /** Where the results are added to totals. */
  readonly totals?: Strided;
  readonly f32: boolean;
  /** Register: not 0 where the result adds to what is there. */
  readonly add: number;
  /** Whether results are drained after these reductions (false while further reduction panels follow). */
  readonly drain: boolean;
  /** Registers: where else each block of results is to be 0. */
  readonly zeros?: readonly number[];
}

/** A register with the address `bytes` behind that in `register`. */
export function offset(ctx: StepContext, register: number, bytes: number): number {
  return bytes === 0 ? register : ctx.e.value({ base: bytes, terms: register === 0 ? [] : [{ reg: register, scale: 1 }] });
}

/** How many full packs of channel groups there are, then the rest. */
export function packsOf(groups: number, packed: number): { readonly first: number; readonly groups: number; readonly count: number }[] {
  const full = Math.floor(groups / packed);
  const rest = { first: full * packed, groups: groups % packed, count: 1 };
  return [{ first: 0, groups: packed, count: full }, ...(rest.groups === 0 ? [] : [rest])];
}

/** Registers that count waves and drained tiles; their lowest bits choose the halves of the local buffers. */
export interface WaveCounters {
  readonly wave: number;
  readonly tile: number;
}

/**
 * Configures the product and emits its tile loops: rows outside, then columns, then the reduction, whose partial sums stay in the accumulator. Blocks drain
 * in the order of their rows, and of their columns, which totals rely on.
 */
export function emitProduct(ctx: StepContext, config: MatrixConfig, product: Product, counters: WaveCounters): void {
  const { e, options } = ctx;
  configureMatrix(ctx, config);
  const { rows, columns, reduction } = product;
  e.plainLoop(product.packs, 1, (pack) => {
    const at = (place: Strided): number => e.value(plus({ base: 0, terms: [{ reg: place.at, scale: 1 }] }, times(pack, place.step)));
    const moving = at(product.moving);
    const stationary = at(product.stationary);
    const result = at(product.result);
    const bias = product.bias === undefined ? 0 : at(product.bias);
    const totals = product.totals && at(product.totals);
    e.plainLoop(Math.ceil(rows / product.blockRows), product.blockRows, (m) => {
      const m0 = e.value(m);
      e.plainLoop(Math.ceil(columns / options.arrayColumns), options.arrayColumns, (n) => {
        const n0 = e.value(n);
        e.plainLoop(Math.ceil(reduction / options.arrayRows), options.arrayRows, (k) => {
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
        if (totals === undefined) e.op('m.st', { ...drained, f32: product.f32 ? 1 : 0, add: product.add, zeros: 0 });
        else e.op('m.st_sums', { ...drained, state: totals });
        for (const base of product.zeros ?? []) e.op('m.st', { ...drained, base, bias: 0, withBias: 0, f32: 0, add: 0, zeros: 1 });
        e.increment(counters.tile);
      });
    });
  });
}
