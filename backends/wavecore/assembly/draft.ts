import { diag, fail } from '../../../ir/diagnostics.ts';
import type { Instruction } from '../isa/table.ts';
import type { Allocation, DebugRange, LayerTraffic, Program, ProgramSymbol } from '../program.ts';
import type { Names } from './expression.ts';
import type { Jump } from './read-instruction.ts';

/** Reads a file that the text names; the name stands as it does in the text. */
export type ReadFile = (name: string) => Uint8Array;

/** What a line of the text stands for. */
export interface Entry<T> {
  readonly item: T;
  readonly line: number;
}

/** A range of code whose end is not yet known is open. */
export type DraftRange = Omit<DebugRange, 'to'> & { to?: number };

/** A machine as a machine file describes it: fields that differ from a preset, nested. */
interface DraftMachine {
  readonly preset: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

/** What has been read of a program so far. */
export class Draft {
  head: Pick<Program, 'model' | 'mode' | 'cores' | 'batch' | 'schedule'> = {
    model: 'program',
    mode: 'inference',
    cores: 1,
    batch: 1,
    schedule: 'none',
  };
  machine: Entry<DraftMachine> = { item: { preset: 'wavecore', fields: {} }, line: 1 };
  readonly names: Names = { constants: new Map(), tensors: new Map() };
  /** How many tokens have names. */
  tokens = 0;
  readonly code: Entry<Instruction>[] = [];
  /** Instructions that could not be read; they keep their places, so that loops and labels are still checked. */
  readonly unread = new Set<number>();
  readonly labels = new Map<string, number>();
  /** By instruction: those whose operands wait for a label, which may stand further down. */
  readonly jumps = new Map<number, Jump>();
  readonly symbols: Entry<ProgramSymbol>[] = [];
  readonly debug: Entry<DraftRange>[] = [];
  /** Ranges that no `.endlayer` has closed. */
  readonly open: Entry<DraftRange>[] = [];
  readonly buffer: Entry<Allocation>[] = [];
  readonly predicted: Entry<readonly [layer: string, traffic: LayerTraffic[string]]>[] = [];
  readonly file: string;
  readonly readFile: ReadFile;

  constructor(file: string, readFile: ReadFile | undefined) {
    this.file = file;
    this.readFile = readFile ?? ((name) => fail(diag.unreadable({ file: name }, 'no files can be read here')));
  }
}

export function itemsOf<T>(entries: readonly Entry<T>[]): T[] {
  return entries.map(({ item }) => item);
}
