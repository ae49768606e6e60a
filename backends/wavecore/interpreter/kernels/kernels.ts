import type { Machine } from '../../machine/machine.ts';

/** Slots of a unit, with one to spare because m.cfg and v.cfg set two at a time. */
export const SLOT_COUNT = 128;

/** Bytes [from, to) of the global buffer. */
export interface Span {
  readonly from: number;
  readonly to: number;
}

/**
 * The memories of a core that hold data, and the instructions on them. The global buffer begins at byte 0 of `memory`; how the
 * local buffers lie is the implementation's own. Addresses have been checked. All implementations give the same bits.
 *
 * Matrix instructions may be put off; `settle` comes before any other access to bytes of the global buffer.
 */
export interface Kernels {
  readonly memory: ArrayBufferLike;
  /** Configuration of the vector unit. */
  readonly vectorSlots: Int32Array;
  /** Sets a slot of the matrix unit. */
  configure(slot: number, value: number): void;
  /** Gathers rows [m0, m0 + rows) × reduction [k0, k0 + depth) of the moving operand, which lies in `span`. */
  fill(half: number, base: number, m0: number, k0: number, rows: number, depth: number, span: Span): void;
  /** Loads reduction [k0, k0 + depth) × columns [n0, n0 + columns) of the stationary operand, which lies in `span`. */
  load(half: number, base: number, k0: number, n0: number, depth: number, columns: number, span: Span): void;
  /** One wave; `fresh` starts the sums from zero. */
  multiply(a: number, b: number, c: number, rows: number, depth: number, columns: number, fresh: boolean): void;
  drain(half: number, target: DrainTarget): void;
  /** Executes a vector instruction, `operands` in the order of its fields; false: only its plain loop can. */
  vector(opcode: number, operands: Float64Array, elements: number): boolean;
  /** Completes whatever was put off and touches [from, to) of the global buffer. */
  settle(from: number, to: number): void;
  /** Forgets the configuration of both units and whatever was put off. */
  reset(): void;
  /** Ends the threads; the caller's goes on alone. */
  close(): void;
}

/** Where the results of an accumulator half go. */
export interface DrainTarget {
  base: number;
  m0: number;
  n0: number;
  rows: number;
  columns: number;
  /** Rows of a block that is no last one. */
  blockRows: number;
  /** Byte address of the f32 biases; negative: none. */
  bias: number;
  /** What they lie in, where there are any. */
  biases: Span;
  f32: boolean;
  add: boolean;
  /** Takes +0 for every sum. */
  zeros: boolean;
  /** Byte address of the f64 pairs that Σx and Σx² of f16 results are added to; negative: none. */
  state: number;
  /** What the results lie in. */
  span: Span;
  /** No two results of the matrix unit as it is configured lie at the same address, of whatever block. */
  apart: boolean;
}

/**
 * Threads that compute beside the caller. The core does not start threads itself, because every host has its own way.
 * The caller waits for them with `memory.atomic.wait`, which browsers allow in workers only.
 */
export interface Threads {
  /** How many compute, with the caller. */
  readonly count: number;
  /** Starts one that instantiates `module` on `memory` (import env.memory) and calls its export `serve` with the numbers, which returns when the kernels are closed. */
  start(module: WebAssembly.Module, memory: WebAssembly.Memory, numbers: readonly number[]): void;
}

/** Bytes of the global buffer in memory: rounded up so that every typed array can view it. */
export function globalBytesInMemory(machine: Machine): number {
  return Math.ceil(machine.buffers.globalBytes / 64) * 64;
}
