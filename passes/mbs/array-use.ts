import { isReached } from './axes.ts';
import type { MatrixWork } from './network.ts';
import type { Panel } from './schedule.ts';
import { type ArraySize, canExchange, isExchanged, mapParts, reducePart, waveCycles } from './shape.ts';
import { pieces } from './transfers.ts';

/** What costs a product most of the array that it does not use. */
export const LIMITS = {
  none: 'at least 95 % of the array works',
  columns: 'columns of the array stay empty: the product has too few, or a last block of few',
  reduction: 'rows of the array stay empty: the reduction is short, or its last block is',
  waves: 'waves are shorter than the loading of their stationary blocks',
  off: 'cells are off: packed results share some taps only',
} as const;
export type Limit = keyof typeof LIMITS;

/** How a product uses the array, modelled from the shape of its waves; the interpreter counts it. */
export interface ArrayUse {
  /** Operand that the array holds while the other moves through it. */
  readonly stationary: 'weights' | 'input' | 'output gradient';
  /** Phases of results, the most results or taps side by side, the most channel groups in a wave. */
  readonly phases: number;
  readonly copies: number;
  readonly groups: number;
  /** Cycles of the array for the mini-batch, and those that it waits for stationary blocks. */
  readonly cycles: number;
  /** Useful multiply-accumulates / (cycles × cells). */
  readonly utilization: number;
  readonly limit: Limit;
}

/** A product for one chunk of samples, its operands where the array has them. */
interface Load {
  readonly useful: number;
  readonly rows: number;
  /** Reduction indices and columns that are there, and how often. */
  readonly reduction: number;
  readonly columns: number;
  readonly products: number;
  readonly exchanged: boolean;
}

/** Models the products of a layer for `batch` samples, `chunk` at a time; of a weight gradient, panel by panel, if given. */
export function arrayUse(work: MatrixWork, array: ArraySize, batch: number, chunk: number, panel?: Panel): ArrayUse {
  const chunks = batch / chunk;
  const loads = work.form === 'weightGradient' ? reduceLoads(work, array, chunk, panel) : mapLoads(work, array, chunk);
  const cells = array.arrayRows * array.arrayColumns;
  const costs = loads.map((load) => costOf(load, array));
  const sum = (of: (cost: Cost) => number): number => costs.reduce((total, cost) => total + of(cost), 0);
  const cycles = sum((c) => c.cycles);
  const useful = loads.reduce((total, load) => total + load.useful, 0) / cells;
  const losses: Record<Exclude<Limit, 'none'>, number> = {
    columns: sum((c) => c.emptyColumns),
    reduction: sum((c) => c.emptyRows),
    waves: sum((c) => c.waiting),
    off: sum((c) => c.filled) - useful,
  };
  const [largest] = (Object.keys(losses) as (keyof typeof losses)[]).sort((a, b) => losses[b] - losses[a]);
  const utilization = cycles === 0 ? 0 : useful / cycles;
  const parts = work.form === 'weightGradient' ? [reducePart(work, array)] : mapParts(work, array);
  return {
    stationary: stationaryOf(
      work,
      loads.some((load) => load.exchanged),
    ),
    phases: parts.length,
    copies: Math.max(...parts.map((p) => p.copies)),
    groups: Math.max(...parts.map((p) => p.groups)),
    cycles: Math.round(cycles * chunks),
    utilization,
    limit: utilization >= 0.95 || largest === undefined ? 'none' : largest,
  };
}

/** What the array holds: the weights, or the output gradient that makes them; the other operand where they are exchanged. */
function stationaryOf({ form }: MatrixWork, exchanged: boolean): ArrayUse['stationary'] {
  if (form === 'weightGradient') return exchanged ? 'input' : 'output gradient';
  if (!exchanged) return 'weights';
  return form === 'forward' ? 'input' : 'output gradient';
}

interface Cost {
  readonly cycles: number;
  /** Of these: waiting for stationary blocks; worth of empty columns and rows; worth of cells that are there. */
  readonly waiting: number;
  readonly emptyColumns: number;
  readonly emptyRows: number;
  readonly filled: number;
}

function costOf({ rows, reduction, columns, products }: Load, array: ArraySize): Cost {
  const { arrayRows, arrayColumns } = array;
  const blocks = Math.ceil(reduction / arrayRows) * Math.ceil(columns / arrayColumns) * products;
  const busy = rows * blocks;
  const waiting = waveCycles(array, rows, reduction) * blocks - busy;
  const [acrossRows, acrossColumns] = [
    reduction / (Math.ceil(reduction / arrayRows) * arrayRows),
    columns / (Math.ceil(columns / arrayColumns) * arrayColumns),
  ];
  return {
    cycles: busy + waiting,
    waiting,
    emptyColumns: busy * (1 - acrossColumns),
    emptyRows: busy * acrossColumns * (1 - acrossRows),
    filled: busy * acrossColumns * acrossRows,
  };
}

function mapLoads(work: MatrixWork, array: ArraySize, samples: number): Load[] {
  const { geometry: g } = work;
  const channels = (work.form === 'forward' ? g.C : g.K) / work.groups;
  return mapParts(work, array)
    .filter(isReached)
    .map((part) => {
      const { rows, columns, copies, groups, span } = part;
      const plain: Load = {
        useful: samples * rows.count * columns.count * channels * rows.taps * columns.taps * work.columns,
        rows: samples * rows.count * Math.ceil(columns.count / copies),
        reduction: groups * channels * rows.taps * span,
        columns: groups * copies * work.n,
        products: work.groups / groups,
        exchanged: false,
      };
      return canExchange(work, part) ? turned(plain, array) : plain;
    });
}

function reduceLoads(work: MatrixWork, array: ArraySize, samples: number, panel: Panel | undefined): Load[] {
  const { geometry: g } = work;
  const { copies, groups, taps, span } = reducePart(work, array);
  const cut = work.groups === 1 ? panel : undefined;
  return pieces(work.m, cut?.m ?? work.m).flatMap((m) =>
    pieces(work.n, Math.min(cut?.n ?? work.n, work.n)).map((n): Load => {
      const plain: Load = {
        useful: (samples * work.k * work.columns * m.size * m.count * n.size * n.count) / work.n,
        rows: ((groups * m.size) / g.S) * taps,
        reduction: samples * g.P * span,
        columns: groups * copies * n.size,
        products: (work.groups / groups) * m.count * n.count,
        exchanged: false,
      };
      return work.groups === 1 && copies === 1 ? turned(plain, array) : plain;
    }),
  );
}

/** The same product with its operands exchanged, where that pays. */
function turned(load: Load, array: ArraySize): Load {
  const { rows, columns, reduction } = load;
  return isExchanged(array, rows, columns, reduction) ? { ...load, rows: columns, columns: rows, exchanged: true } : load;
}
