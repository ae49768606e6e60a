import type { Constant, Phase } from '../../ir/graph.ts';
import type { DType, TensorKind } from '../../ir/tensor.ts';
import type { Instruction } from './isa/table.ts';
import type { Machine } from './machine/machine.ts';

export const MODES = ['training', 'inference'] as const;
export const ACCESSES = ['read', 'write', 'both'] as const;
export const ROLES = ['input', 'output', 'internal'] as const;

/** A tensor that lies in DRAM. */
export interface ProgramSymbol {
  readonly name: string;
  readonly kind: TensorKind;
  readonly dtype: DType;
  readonly shape: readonly number[];
  /** Byte address in DRAM, a multiple of the burst. */
  readonly address: number;
  readonly bytes: number;
  /** Given at run time, readable afterwards, or neither. A symbol that shares the storage of another has the same address. */
  readonly role: (typeof ROLES)[number];
  /** Written to DRAM before the run (weights, optimizer state). */
  readonly initial?: Constant;
}

/** Instructions [from, to) execute this layer of this group. */
export interface DebugRange {
  readonly from: number;
  readonly to: number;
  readonly layer: string;
  readonly kind: string;
  readonly phase: Phase;
  /** Index of the layer group. */
  readonly group: number;
  /** The ONNX node that the layer comes from. */
  readonly origin: string;
  /**
   * Bytes of the global buffer whose contents end with this range: nothing behind it reads them. Where it is given, they say what the buffer holds;
   * where it is absent, an allocation begins empty with the first layer that uses it.
   */
  readonly frees?: readonly (readonly [from: number, to: number])[];
  /** The samples of the sub-batch that it works on; absent: all. */
  readonly part?: SamplesOf;
}

/** Samples `from` to before `to` of `of` samples. */
export interface SamplesOf {
  readonly from: number;
  readonly to: number;
  readonly of: number;
}

/** A piece of the global buffer that layers of a group use; each access of a layer lies within one of its allocations. */
export interface Allocation {
  /** Index of the layer group. */
  readonly group: number;
  /** The tensor, or the working block of a layer, that lies there. Each half of a double buffer is an allocation. */
  readonly name: string;
  readonly address: number;
  readonly bytes: number;
  /** What layers of the group do with it, in the order of execution; alive from the first to the last of them. */
  readonly layers: readonly { readonly layer: string; readonly access: (typeof ACCESSES)[number] }[];
}

/** Bytes that cross the DRAM pins, rounded up to bursts. */
export interface Bytes {
  readonly read: number;
  readonly write: number;
}

/** What the compiler predicts: per layer, per tensor kind. Layers without traffic have an empty record. */
export type LayerTraffic = Readonly<Record<string, Partial<Readonly<Record<TensorKind, Bytes>>>>>;

/** Most cores that a program may be for. */
export const MOST_CORES = 16;

/** A compiled program: the one code that each of its cores executes. */
export interface Program {
  readonly model: string;
  readonly mode: (typeof MODES)[number];
  /** Cores that divide the mini-batch between them and share the DRAM; at most those of the machine's chip. */
  readonly cores: number;
  /** Samples a core (N). */
  readonly batch: number;
  readonly schedule: string;
  readonly machine: Machine;
  readonly code: readonly Instruction[];
  readonly symbols: readonly ProgramSymbol[];
  readonly debug: readonly DebugRange[];
  /** How the schedule uses the global buffer; empty where nothing is known of it. */
  readonly buffer: readonly Allocation[];
  readonly predicted: LayerTraffic;
}

/** The tensors whose initial values the program lacks; where there are any it can be timed, and computes nothing. */
export function elidedSymbols({ symbols }: Program): ProgramSymbol[] {
  return symbols.filter(({ initial }) => initial?.form === 'elided');
}
