import { type Phase, phasesOf } from './axes.ts';
import type { MatrixWork } from './network.ts';
import type { Resources } from './schedule.ts';

/** Dimensions of the array, on which the shape of waves depends. */
export type ArraySize = Pick<Resources, 'arrayRows' | 'arrayColumns' | 'waveRows'>;

/** How a product, or one phase of it, fills the array. */
export interface Packing {
  /** Adjacent results (taps of a weight gradient) that columns compute side by side. */
  readonly copies: number;
  /** Channel groups that share a wave, its stationary block being block diagonal. */
  readonly groups: number;
  /** Cycles of the array for one sample. */
  readonly cycles: number;
}

/** A phase of a forward or data-gradient product with its packing. */
export interface MapPart extends Phase, Packing {
  /** Reduction taps in a row: those of all copies together. */
  readonly span: number;
  /** Taps by which the windows of adjacent copies are apart. */
  readonly shift: number;
}

export interface ReducePart extends Packing {
  /** Rows of the result for a row of the filter: every row stands for as many taps as there are copies. */
  readonly taps: number;
  /** Pixels by which the output gradients of adjacent copies are apart. */
  readonly shift: number;
  /** Pixels of a row of the output gradient, with those that only its shifted copies reach. */
  readonly span: number;
}

/** Packing makes the reduction longer and blocks costlier to load: it must save this share of the cycles. */
const WORTH = 0.03;
/** Copies are of use where they fill the last block of columns; more blocks only repeat the pattern. */
const MOST_BLOCKS = 3;

/** Rows that a kernel computes at a time. */
const ROW_GRAIN = 4;

const maps = new WeakMap<MatrixWork, { readonly key: string; readonly parts: readonly MapPart[] }>();

/**
 * The parts of a forward or data-gradient product. It depends on the layer and the machine alone, never on the schedule: so the
 * sums of every result are rounded in the same order in all of them.
 */
export function mapParts(work: MatrixWork, array: ArraySize): readonly MapPart[] {
  const key = `${array.arrayRows} ${array.arrayColumns}`;
  const known = maps.get(work);
  if (known?.key === key) return known.parts;
  const parts = phasesOf(work).map((phase) => mapPart(work, phase, array));
  maps.set(work, { key, parts });
  return parts;
}

/** Whether a product runs as one product of plain matrices, so that its reduction can be cut into panels. */
export function isPlain(work: MatrixWork, array: ArraySize): boolean {
  const parts = mapParts(work, array);
  return parts.length === 1 && parts.every(({ copies, groups }) => copies === 1 && groups === 1);
}

/**
 * Whether the results of every channel drain in the order of memory, which totals that are gathered need. Copies that lie in several
 * blocks of columns do not.
 */
export function drainsInOrder(work: MatrixWork, array: ArraySize): boolean {
  const parts = mapParts(work, array);
  return parts.length === 1 && parts.every(({ copies }) => copies === 1 || copies * work.n <= array.arrayColumns);
}

function mapPart(work: MatrixWork, phase: Phase, array: ArraySize): MapPart {
  const { rows, columns } = phase;
  const { geometry: g } = work;
  const channels = (work.form === 'forward' ? g.C : g.K) / work.groups;
  const shift = columns.stride / columns.dilation;
  const spanOf = (copies: number): number => columns.taps + (copies - 1) * shift;
  const most = Number.isInteger(shift) ? columns.count : 1;
  const packing = best(work, array, most, (copies, groups) => {
    const reduction = channels * rows.taps * spanOf(copies);
    if (groups > 1 && groups * reduction > array.arrayRows) return undefined;
    const blocks = Math.ceil((groups * reduction) / array.arrayRows) * Math.ceil((groups * copies * work.n) / array.arrayColumns);
    return rows.count * Math.ceil(columns.count / copies) * blocks * Math.ceil(work.groups / groups);
  });
  return { ...phase, ...packing, span: spanOf(packing.copies), shift: packing.copies > 1 ? shift : 0 };
}

/** How a weight gradient fills the array: copies of the output gradient, shifted by pixels, stand for further taps. */
export function reducePart(work: MatrixWork, array: ArraySize): ReducePart {
  const { geometry: g } = work;
  const shift = g.dilationW / g.strideW;
  const spanOf = (copies: number): number => g.Q + (copies - 1) * shift;
  const packing = best(work, array, Number.isInteger(shift) ? g.S : 1, (copies, groups) => {
    const rows = ((groups * work.m) / g.S) * Math.ceil(g.S / copies);
    const cycles = waveCycles(array, rows, array.arrayRows);
    const blocks = ((g.P * spanOf(copies)) / array.arrayRows) * Math.ceil((groups * copies * work.n) / array.arrayColumns);
    return cycles * blocks * Math.ceil(work.groups / groups);
  });
  return { ...packing, taps: Math.ceil(g.S / packing.copies), span: spanOf(packing.copies), shift: packing.copies > 1 ? shift : 0 };
}

/**
 * Rows of a wave. All waves of a product are nearly equal: behind one that is shorter than the others, the array would wait for the moving operand of the
 * next product's first one, or for its stationary block.
 */
export function blockRows({ waveRows }: ArraySize, rows: number): number {
  if (rows < waveRows || rows % waveRows === 0) return waveRows;
  return Math.min(waveRows, Math.ceil(rows / Math.ceil(rows / waveRows) / ROW_GRAIN) * ROW_GRAIN);
}

/** Cycles of the waves of `rows` rows on one column of blocks. */
export function waveCycles(array: ArraySize, rows: number, reduction: number): number {
  const block = blockRows(array, rows);
  const depth = Math.min(array.arrayRows, reduction);
  const rest = rows % block;
  return ((rows - rest) / block) * Math.max(block, depth) + (rest === 0 ? 0 : Math.max(rest, depth));
}

/** Exchanged, results are columns, which have two levels: samples, and results that follow each other. */
export function canExchange({ groups }: MatrixWork, { rows, columns, copies }: MapPart): boolean {
  return groups === 1 && copies === 1 && rows.step === 1 && columns.step === 1;
}

/**
 * Whether a product of so many rows and columns takes fewer cycles with its operands exchanged. Every sum takes its terms in the same
 * order either way, so that this may depend on chunks and panels.
 */
export function isExchanged(array: ArraySize, rows: number, columns: number, reduction: number): boolean {
  const cycles = (m: number, n: number): number => waveCycles(array, m, reduction) * Math.ceil(n / array.arrayColumns);
  return cycles(columns, rows) < cycles(rows, columns) * (1 - WORTH);
}

/** The packing with the fewest cycles, and of those the one with the fewest copies and groups. */
function best(
  work: MatrixWork,
  array: ArraySize,
  mostCopies: number,
  cyclesOf: (copies: number, groups: number) => number | undefined,
): Packing {
  const plain: Packing = { copies: 1, groups: 1, cycles: cyclesOf(1, 1) ?? 0 };
  let found = plain;
  for (let copies = 1; copies <= mostCopies && (copies === 1 || copies * work.n <= MOST_BLOCKS * array.arrayColumns); copies++) {
    for (let groups = 1; groups <= work.groups && (groups === 1 || groups * copies * work.n <= array.arrayColumns); groups++) {
      const cycles = cyclesOf(copies, groups);
      if (cycles === undefined) break;
      if (cycles < found.cycles) found = { copies, groups, cycles };
    }
  }
  return found.cycles < plain.cycles * (1 - WORTH) ? found : plain;
}
