import { MAX_LOOP_DEPTH, REGISTERS } from '../isa/table.ts';
import type { Machine } from '../machine/machine.ts';
import type { Program } from '../program.ts';
import { Counters } from './counters.ts';
import type { DramMemory } from './dram-memory.ts';
import type { Image } from './image.ts';
import type { Kernels } from './kernels/kernels.ts';
import { MatrixState } from './matrix-state.ts';
import type { Observer } from './observer.ts';
import { Position } from './position.ts';
import type { SharedDram } from './shared-dram.ts';
import { PIPELINES } from './stalls.ts';
import { SymbolMap } from './symbol-map.ts';
import { Timing, type Watch } from './timing.ts';
import { Tokens } from './tokens.ts';
import { Call } from './vector/call.ts';

/** Executes one instruction; returns the index of the next one, negative at the end of the program. */
export type Handler = (core: Core, pc: number) => number;

/** What a functional run computes on; absent in timing mode. */
export interface Data {
  readonly kernels: Kernels;
  readonly dram: DramMemory;
  /** The global buffer. */
  readonly buffer: Uint8Array;
}

/** The memories of the cores of a program, which share the DRAM. */
export interface Memories {
  readonly dram: DramMemory;
  readonly cores: readonly Data[];
}

/** What a core shares with the others, and its number among them. */
interface Place {
  readonly index: number;
  readonly dram: SharedDram;
}

/** The state of a simulated core, on which the handlers of instructions work. */
export class Core {
  /** Its number, counted from 0. */
  readonly index: number;
  readonly dram: SharedDram;
  readonly machine: Machine;
  readonly image: Image;
  readonly position: Position;
  /** The image's, at hand. */
  readonly operands: Float64Array;
  readonly registers = new Float64Array(REGISTERS);
  readonly tokens: Tokens;
  readonly timing: Timing;
  readonly counters: Counters;
  readonly symbols: SymbolMap;
  readonly matrix: MatrixState;
  readonly vector: Call;
  readonly data: Data | undefined;
  readonly observer: Observer | undefined;

  /** Whether it is at a barrier to which others have yet to come. */
  waiting = false;

  /** Open loops: the first instruction of the body, and iterations still to do. */
  depth = 0;
  readonly loopBody = new Int32Array(MAX_LOOP_DEPTH);
  readonly loopLeft = new Float64Array(MAX_LOOP_DEPTH);

  constructor(program: Program, image: Image, { index, dram }: Place, data: Data | undefined, workLimit: number, observer?: Observer) {
    this.index = index;
    this.dram = dram;
    this.machine = program.machine;
    this.image = image;
    this.operands = image.operands;
    this.position = new Position(program, index);
    this.tokens = new Tokens(this.position);
    this.timing = new Timing(program.machine, dram, index, this.watch(observer));
    this.counters = new Counters(image.rowInfo.length, workLimit, this.position);
    this.symbols = new SymbolMap(program, this.position);
    this.matrix = new MatrixState(program.machine, data?.kernels, this.position);
    this.vector = new Call(data?.kernels, this.position);
    this.data = data;
    this.observer = observer;
  }

  private watch(observer: Observer | undefined): Watch | undefined {
    if (observer?.busy === undefined) return undefined;
    return (pipe, start, end) => observer.busy?.(PIPELINES[pipe] ?? 'dram', start, end, this.position.pc, this.index);
  }

  /** Takes the tokens that instruction `pc` waits for; the cycle at which it and they are there, given the cycle of issue. */
  ready(pc: number, issue: number): number {
    const { waits } = this.image;
    const first = waits[2 * pc] ?? 0;
    if (first === 0) return issue;
    let ready = Math.max(issue, this.tokens.take(first));
    const second = waits[2 * pc + 1] ?? 0;
    if (second !== 0) ready = Math.max(ready, this.tokens.take(second));
    return ready;
  }

  /** Produces the tokens of instruction `pc`. */
  post(pc: number, time: number): void {
    const { signals } = this.image;
    const first = signals[2 * pc] ?? 0;
    if (first === 0) return;
    this.tokens.post(first, time);
    const second = signals[2 * pc + 1] ?? 0;
    if (second !== 0) this.tokens.post(second, time);
  }
}
