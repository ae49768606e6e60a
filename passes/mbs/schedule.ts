import { PHASES } from '../../ir/graph.ts';

export const SCHEDULES = ['baseline', 'archopt', 'il', 'mbs-fs', 'mbs1', 'mbs2', 'opt'] as const;
export type ScheduleName = (typeof SCHEDULES)[number];

export const ACCESS_MODES = ['resident', 'load', 'stream', 'whole', 'panel', 'hold', 'held'] as const;

/**
 * How a layer reaches one operand during an iteration of its group.
 * `resident`: in the global buffer for the whole sub-batch; `load`: the same, filled from DRAM by this layer;
 * `stream`: through a chunk buffer, from or to DRAM; `whole`: a shared operand, loaded at the layer's start or
 * stored at its end; `panel`: the shared operand of a matrix product, by panels; `hold`: the same, in the global buffer as a whole
 * over all iterations of the group, loaded before the first one or stored behind the last; `held`: what another layer of the group holds.
 */
export interface Access {
  readonly tensor: string;
  readonly mode: (typeof ACCESS_MODES)[number];
  /** Results only: also written to DRAM. */
  readonly store: boolean;
}

/** A named piece of the global buffer that one layer works in; `address` is filled by the buffer plan. */
export interface Block {
  readonly name: string;
  readonly bytes: number;
  /** Two halves of `bytes` each, used in turn. */
  readonly halves: 1 | 2;
  readonly address: number;
}

/** Extents of a panel of a matrix product: rows of the result, columns, reduction. */
export interface Panel {
  readonly m: number;
  readonly n: number;
  readonly k: number;
  /** Of a weight gradient behind which its update runs: columns that are updated at a time, where they are not those of `pieceColumns`. */
  readonly piece?: number;
  /**
   * Of a weight gradient: the operand whose channels the panels divide comes slice by slice, one for each panel, in chunks; the other one lies there as
   * a whole, loaded before the first panel.
   */
  readonly sliced?: true;
  /**
   * Of weights: panels stay where they are loaded, one behind the other, so that the first chunks can begin with the first panel and all others find
   * them there.
   */
  readonly kept?: true;
}

/** How one layer runs on one sub-batch. */
export interface Step {
  readonly layer: string;
  readonly inputs: readonly Access[];
  readonly outputs: readonly Access[];
  /** Samples of a chunk, at most the sub-batch; for layers over parameters: elements of a chunk. */
  readonly chunk: number;
  /** Cuts of one sample (image rows or elements), where a sample does not fit; the chunk is then one sample. */
  readonly stripes?: readonly (readonly [from: number, to: number])[];
  readonly panel?: Panel;
  readonly blocks: readonly Block[];
  /** Bytes of the global buffer in use while the layer runs. */
  readonly footprint: number;
}

/** A tensor kept in the global buffer from step `from` to step `to` of its group; what is held, in all of them and between iterations. */
export interface Resident {
  readonly tensor: string;
  readonly address: number;
  /** Bytes for the whole sub-batch; of what is held, in all. */
  readonly bytes: number;
  readonly from: number;
  readonly to: number;
}

/** What the layers of a group belong to; in `turn`, the last forward and the first backward layers run on one sub-batch. */
export const GROUP_PHASES = [...PHASES, 'turn'] as const;
export type GroupPhase = (typeof GROUP_PHASES)[number];

/** Layers that run back to back on one sub-batch before the next sub-batch starts. */
export interface Group {
  readonly phase: GroupPhase;
  readonly subBatch: number;
  readonly iterations: number;
  /** Every second iteration has its addresses so many bytes behind those of the others, so that two iterations can be under way. */
  readonly alternating?: number;
  /**
   * First steps of the stages behind the first. Stages run side by side, each on the iteration before that of the stage in front of it, so that as
   * many iterations are under way and share the buffer.
   */
  readonly stages?: readonly number[];
  readonly steps: readonly Step[];
  readonly residents: readonly Resident[];
}

/** Up to which a backend takes minutes for full-size networks. */
export const MOST_EFFORT = 64;

export interface Schedule {
  readonly name: ScheduleName;
  /** Weight blocks alternate between the B-buffer halves, so that loading hides behind the running wave. */
  readonly doubleBufferWeights: boolean;
  /** How long the backend searches for the order in which a group issues its work, as a multiple of the usual. */
  readonly effort?: number;
  readonly groups: readonly Group[];
}

/** What a schedule needs to know of the machine; the machine file provides all but the number of cores that the step is divided between. */
export interface Resources {
  readonly cores: number;
  readonly globalBytes: number;
  readonly burstBytes: number;
  readonly arrayRows: number;
  readonly arrayColumns: number;
  readonly waveRows: number;
  /** Lanes of the vector unit. */
  readonly lanes: number;
  /** What the model of time and energy counts with; the energies are those of one core. */
  readonly costs: {
    readonly bytesPerCycle: number;
    readonly latencyCycles: number;
    readonly joulesPerByte: number;
    readonly joulesPerMac: number;
    /** Of the vector unit, an element and pass. */
    readonly joulesPerPass: number;
    readonly joulesPerCycle: number;
  };
}

/** Whether an operand that all samples share stays in the global buffer over the iterations of its group. */
export function isHeld({ mode }: Access): boolean {
  return mode === 'hold' || mode === 'held';
}

/** What a group holds over its iterations. */
export function heldTensors({ steps }: Pick<Group, 'steps'>): ReadonlySet<string> {
  return new Set(steps.flatMap(({ inputs, outputs }) => [...inputs, ...outputs].filter(isHeld).map(({ tensor }) => tensor)));
}

/** Allocation grain of the global buffer, so that every block starts aligned for every element type. */
export const ALIGNMENT = 64;

export function align(bytes: number): number {
  return Math.ceil(bytes / ALIGNMENT) * ALIGNMENT;
}
