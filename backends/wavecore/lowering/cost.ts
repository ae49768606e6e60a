import { arrayUse } from '../../../passes/mbs/array-use.ts';
import type { LayerView, MatrixWork, Operand } from '../../../passes/mbs/network.ts';
import type { Group, Resources, Step } from '../../../passes/mbs/schedule.ts';
import { holdsPanelAlone, type IterationKind, pieceColumns, visitTransfers } from '../../../passes/mbs/transfers.ts';
import { passedElements } from '../../../passes/mbs/vector-use.ts';
import type { Part } from './context.ts';
import { chunksOf, loadsAtOnce, loadsTwo, turnsOfGradient } from './parts.ts';
import { gathersTotals } from './touches.ts';

/** Loads of some instructions. */
export interface Loads {
  readonly cycles: number;
  readonly instructions: number;
}

/** Estimated cycles of a task on each queue. */
export interface Cost {
  /** First loads: those of few cycles together with the one behind them. */
  readonly heads: readonly Loads[];
  /** Loads behind the first ones. */
  readonly load: number;
  readonly matrix: number;
  readonly vector: number;
  /** Instructions of the vector unit in a turn. */
  readonly passes: number;
  readonly store: number;
  /** Turns that loads, computation and stores are divided into. */
  readonly turns: number;
  /** Turns whose loads are the first ones. */
  readonly first: number;
  /** First loads that are issued before the task are not waited for in the queue of loads. */
  readonly apart?: true;
  /** What is loaded goes back, changed, from where it lies. */
  readonly returns: boolean;
  /**
   * Of a weight gradient, in the last iteration, behind which its update runs: what that loads, the panels that are updated each, and the
   * pieces of one. Its passes are those of `vector`.
   */
  readonly updated?: { readonly load: number; readonly panels: number; readonly pieces: number };
  /** Of the same in other iterations: the vector unit, in its turn, only signals that there is nothing to wait for. */
  readonly passesOver?: true;
  /** Of a product whose statistics are gathered: the vector unit clears their totals with the first loads, and ends them behind the last result. */
  readonly gathers?: true;
}

/** Cycles of loads that are told apart. */
const FEWEST_CYCLES = 100;

/** Instructions of a layer that keeps state: that begins, adds to, and ends it. */
const WITH_STATE = 3;

/** Whether an iteration follows others of its group, and whether it is the last one. */
export type Position = Pick<IterationKind, 'later' | 'last'>;

/** What a part of a step costs, roughly: waves at full speed, passes of the vector unit, transfers at full bandwidth. */
export function costOf(
  view: LayerView,
  step: Step,
  part: Part,
  position: Position,
  { subBatch, iterations, steps }: Pick<Group, 'subBatch' | 'iterations' | 'steps'>,
  resources: Resources,
): Cost {
  const samples = part.to - part.from;
  const { reads, updatedIn, store } = transfersOf(view, step, part, position, subBatch, resources.costs.bytesPerCycle);
  const cyclesOf = (loads: readonly Read[]): number => loads.reduce((sum, { cycles }) => sum + cycles, 0);
  const turns = turnsOf(view, step, part);
  const two = loadsTwo(view, step, part, { steps, iterations });
  // The turns of a weight gradient are fewer here than its loads.
  const share = two ? 2 / turnsOfGradient(view, step, part) : 1 / turns;
  const first = loadsAtOnce(view, step, part, iterations)
    ? { samples: 1, slices: 1, shared: 1 }
    : { samples: isPreloaded(view, step, part) ? 1 : share, slices: share, shared: 1 / turns };
  const heads = reads.map(({ of, cycles }): Read => ({ of, cycles: cycles * first[of] }));
  const load = cyclesOf(reads) - cyclesOf(heads);
  const passes = view.state.perSample + view.state.shared > 0 ? WITH_STATE : 1;
  const isApart = two || step.panel?.kept === true;
  const moved = {
    ...(isApart ? { apart: true as const } : {}),
    heads: together(heads),
    first: two ? 2 : 1,
    load,
    passes,
    store,
    turns,
    returns: view.matrix?.form === 'weightGradient',
  };
  const passed = passedElements(view, samples) / resources.lanes;
  if (view.matrix === undefined) return { ...moved, matrix: 0, vector: passed };
  const matrix = arrayUse(view.matrix, resources, samples, Math.min(step.chunk, samples), step.panel).cycles;
  const updates = view.update !== undefined && position.last === 1;
  if (updates) return { ...moved, matrix, vector: passed, updated: { load: updatedIn, ...panelsOf(view.matrix, step) } };
  return {
    ...moved,
    matrix,
    vector: 0,
    ...(view.update === undefined ? {} : { passesOver: true }),
    ...(gathersTotals(view) ? { gathers: true } : {}),
  };
}

/** Panels of a weight gradient, and the pieces in which each passes its update. */
function panelsOf(work: MatrixWork, { panel }: Step): { readonly panels: number; readonly pieces: number } {
  if (panel === undefined) return { panels: 1, pieces: 1 };
  const panels = Math.ceil(work.m / panel.m) * Math.ceil(work.columns / panel.n);
  return { panels, pieces: Math.ceil(panel.n / pieceColumns(panel)) };
}

/** What a weight gradient loads slice by slice, the rest of it lying there as a whole. */
function slicedInputs({ matrix, inputs }: LayerView, { panel }: Step): readonly Operand[] {
  if (matrix === undefined || panel?.sliced !== true) return [];
  return inputs.filter((_, i) => holdsPanelAlone(matrix, panel, i, true));
}

/** Whether all samples of the operands, but for slices, are loaded before the first of several panels. */
function isPreloaded({ matrix }: LayerView, { chunk, panel, stripes }: Step, { from, to }: Part): boolean {
  if (panel?.sliced === true) return true;
  if (matrix === undefined || panel === undefined || stripes !== undefined || to - from > chunk) return false;
  return panel.n < matrix.columns || (matrix.form === 'weightGradient' ? panel.m < matrix.m : panel.k < matrix.k);
}

/** Cycles of the DRAM for an operand: of samples, of those that come slice by slice, or of what they share. */
interface Read {
  readonly of: 'samples' | 'slices' | 'shared';
  readonly cycles: number;
}

/**
 * What a part of a step reads, in the order of its first loads, and the cycles of the DRAM for what an update behind it reads and for its results; what
 * samples share is loaded with the first part and stored with the last.
 */
function transfersOf(
  view: LayerView,
  step: Step,
  part: Part,
  position: Position,
  subBatch: number,
  bytesPerCycle: number,
): { readonly reads: readonly Read[]; readonly updatedIn: number; readonly store: number } {
  const shared = new Set([...view.inputs, ...view.outputs].filter((o) => !o.batched).map((o) => o.tensor));
  const updated = new Set(view.update?.inputs.map((i) => view.inputs[i]?.tensor));
  const sliced = new Set(slicedInputs(view, step).map(({ tensor }) => tensor));
  const reads = new Map<string, Read>();
  let [updatedIn, store] = [0, 0];
  const iteration = { samples: part.to - part.from, full: subBatch, times: 1, ...position } as const;
  visitTransfers(view, step.inputs, step.outputs, step, iteration, (tensor, _kind, direction, rows, rowBytes, _contiguous, times) => {
    if (shared.has(tensor) && !(direction === 'read' ? part.first : part.last)) return;
    const cycles = (rows * rowBytes * times) / bytesPerCycle;
    if (direction === 'write') store += cycles;
    else if (updated.has(tensor)) updatedIn += cycles;
    else {
      const of = shared.has(tensor) ? 'shared' : sliced.has(tensor) ? 'slices' : 'samples';
      reads.set(tensor, { of, cycles: cycles + (reads.get(tensor)?.cycles ?? 0) });
    }
  });
  const isBehind = ({ of }: Read): number => (of === 'shared' ? 0 : 1);
  return { reads: [...reads.values()].sort((a, b) => isBehind(a) - isBehind(b)), updatedIn, store };
}

/** First loads, those that take hardly a cycle as one with the one behind them. */
function together(reads: readonly Read[]): Loads[] {
  const loads: Loads[] = [];
  let open: Loads = { cycles: 0, instructions: 0 };
  for (const { cycles } of reads) {
    open = { cycles: open.cycles + cycles, instructions: open.instructions + 1 };
    if (open.cycles < FEWEST_CYCLES) continue;
    loads.push(open);
    open = { cycles: 0, instructions: 0 };
  }
  return open.instructions > 0 ? [...loads, open] : loads;
}

function turnsOf({ phase, matrix, inputs }: LayerView, step: Step, { from, to }: Part): number {
  const { chunk, panel } = step;
  if (phase === 'update') return Math.max(1, Math.ceil((inputs[0]?.type.shape.reduce((a, b) => a * b, 1) ?? 1) / chunk));
  const chunks = chunksOf(step, to - from);
  if (matrix === undefined || panel === undefined) return chunks;
  const panels =
    Math.ceil(matrix.columns / panel.n) * Math.ceil(matrix.form === 'weightGradient' ? matrix.m / panel.m : matrix.k / panel.k);
  return panel.sliced === true ? chunks * panels : Math.max(chunks, panels);
}
