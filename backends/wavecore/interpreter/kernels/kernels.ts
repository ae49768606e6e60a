import type { Machine } from '../../machine/machine.ts';

/** Matrix slots, with one to spare because m.cfg sets two at a time. */
export const SLOT_COUNT = 32;

/**
 * The memories of a core that hold data, and the four matrix instructions on them. The global buffer begins at byte 0 of
 * `memory`; how the local buffers lie is the implementation's own. Addresses have been checked. All implementations give
 * the same bits.
 */
export interface Kernels {
  readonly memory: ArrayBuffer;
  /** Configuration slots of the matrix unit, which the kernels read. */
  readonly slots: Int32Array;
  /** Gathers rows [m0, m0 + rows) × reduction [k0, k0 + depth) of the moving operand. */
  fill(half: number, base: number, m0: number, k0: number, rows: number, depth: number): void;
  /** Loads reduction [k0, k0 + depth) × columns [n0, n0 + columns) of the stationary operand. */
  load(half: number, base: number, k0: number, n0: number, depth: number, columns: number): void;
  /** One wave; `fresh` starts the sums from zero. */
  multiply(a: number, b: number, c: number, rows: number, depth: number, columns: number, fresh: boolean): void;
  drain(half: number, target: DrainTarget): void;
}

/** Where the results of an accumulator half go. */
export interface DrainTarget {
  base: number;
  m0: number;
  n0: number;
  rows: number;
  columns: number;
  /** Byte address of the f32 biases; negative: none. */
  bias: number;
  f32: boolean;
  add: boolean;
}

/** Bytes of the global buffer in memory: rounded up so that every typed array can view it. */
export function globalBytesInMemory(machine: Machine): number {
  return Math.ceil(machine.buffers.globalBytes / 64) * 64;
}
