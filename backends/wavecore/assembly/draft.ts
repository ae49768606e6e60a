import { diag, fail } from '../../../ir/diagnostics.ts';
import type { Instruction } from '../isa/table.ts';
import type { Allocation, DebugRange, LayerTraffic, Program, ProgramSymbol } from '../program.ts';
import type { Names } from './expression.ts';
import type { Jump } from './read-instruction.ts';

/** Reads a file that the text names; the name stands as it does in the text. */
export type ReadFile = (name: string) => Uint8Array;

export type Head = Pick<Program, 'model' | 'mode' | 'batch' | 'schedule'>;

/** A range of code whose end is not yet known is open. */
export type DraftRange = Omit<DebugRange, 'to'> & { to?: number };

/** A jump to a label that may stand further down. */
export interface Target extends Jump {
  readonly instruction: number;
  readonly line: number;
}

/** What has been read of a program so far. Lines are kept for complaints. */
export class Draft {
  head: Head = { model: 'program', mode: 'inference', batch: 1, schedule: 'none' };
  /** Preset, and fields that differ from it, nested as in a machine file. */
  machine: { extends: string; fields: Record<string, unknown> } = { extends: 'wavecore', fields: {} };
  readonly names: Names = { constants: new Map(), tensors: new Map() };
  readonly symbols: ProgramSymbol[] = [];
  readonly symbolLines: number[] = [];
  readonly code: Instruction[] = [];
  readonly codeLines: number[] = [];
  /** Instructions that could not be read; they keep their places, so that loops and labels are still checked. */
  readonly unread = new Set<number>();
  readonly labels = new Map<string, number>();
  readonly jumps: Target[] = [];
  readonly debug: DraftRange[] = [];
  readonly debugLines: number[] = [];
  /** Ranges that no `.endlayer` has closed, with the lines that opened them. */
  readonly open: { readonly range: DraftRange; readonly line: number }[] = [];
  readonly buffer: Allocation[] = [];
  readonly bufferLines: number[] = [];
  readonly predicted: [layer: string, traffic: LayerTraffic[string]][] = [];
  /** Tokens that have names. */
  tokens = 0;
  readonly file: string;
  readonly readFile: ReadFile;

  constructor(file: string, readFile: ReadFile | undefined) {
    this.file = file;
    this.readFile = readFile ?? ((name) => fail(diag.unreadable({ file: name }, 'no files can be read here')));
  }
}
