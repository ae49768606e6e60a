import type { ProgramSymbol } from '../program.ts';
import type { RowInfo } from './image.ts';
import type { Pipeline } from './stalls.ts';

/** One DMA transfer as it was counted. */
export interface Transfer {
  readonly tensor: ProgramSymbol;
  readonly write: boolean;
  /** Across the DRAM pins, rounded up to bursts. */
  readonly bytes: number;
  /** Cycle at which the DRAM begins with it, and at which its data is there. */
  readonly start: number;
  readonly end: number;
  /** Index of the instruction. */
  readonly pc: number;
  /** Number of the core. */
  readonly core: number;
}

/** Told what a run does, in program order of the instructions of each core; all times are cycles, `core` is the number of the core. */
export interface Observer {
  /**
   * A unit or pipeline works on instruction `pc` in [start, end). A DMA unit may leave the DRAM to older transfers in between; the
   * stretches in which the DRAM itself works come one by one, those of a younger transfer also between those of older ones.
   */
  busy?(pipeline: Pipeline, start: number, end: number, pc: number, core: number): void;
  transfer?(transfer: Transfer): void;
  /** Execution passes to the code of a layer at cycle `at`: once a layer, and once an iteration of a group of several layers. */
  layer?(layer: RowInfo, at: number, core: number): void;
}
