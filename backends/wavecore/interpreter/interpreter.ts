import { diag, fail } from '../../../ir/diagnostics.ts';
import type { Program, ProgramSymbol } from '../program.ts';
import type { Memories } from './core.ts';
import type { DramMemory } from './dram-memory.ts';
import { type Handler, Subscriptions, type Unsubscribe } from './events.ts';
import type { Image, RowInfo } from './image.ts';
import type { Transfer } from './observer.ts';
import type { RunMode, RunResult } from './result.ts';
import { memoriesOf, type RunOptions, runOn, soundImage } from './run.ts';
import { copyElements, type InputValue, readSymbol, type TensorValue, writeInputs, writeSymbol } from './storage.ts';

/** A checked run (`check`) is judged as if it were the first: what an earlier run alone has written counts as uninitialized. */
export interface InterpreterOptions
  extends Pick<RunOptions, 'kernels' | 'threads' | 'instructionLimit' | 'workLimit' | 'memoryLimit' | 'check'> {
  /** Default `functional`. */
  readonly mode?: RunMode;
}

/** Values of inputs by name, as a map or an object. */
export type InputValues = ReadonlyMap<string, InputValue> | Readonly<Record<string, InputValue>>;

/** What an interpreter tells while it runs. Times are in cycles of the run. */
export interface InterpreterEvents {
  /** Execution passes to the code of a layer, on one core: once a layer, and once an iteration of a group of several layers. */
  readonly layer: { readonly layer: RowInfo; readonly at: number; readonly core: number };
  /** A DMA transfer, in program order of its core. */
  readonly transfer: Transfer;
  /** About once every million instructions. */
  readonly progress: { readonly instructions: number; readonly layer: string };
}

/**
 * A simulated chip that keeps its DRAM from run to run: the parameters and the optimizer's state that one step of training
 * leaves are those that the next step begins with.
 */
export class Interpreter {
  readonly program: Program;
  private readonly options: InterpreterOptions & { readonly mode: RunMode };
  private readonly image: Image;
  private readonly memories: Memories | undefined;
  private readonly symbols: ReadonlyMap<string, ProgramSymbol>;
  /** Inputs that have a value. */
  private readonly given = new Set<string>();
  private readonly subscriptions = new Subscriptions<InterpreterEvents>();

  /** @throws WavecError BAD_PROGRAM with every problem of the code */
  constructor(program: Program, options: InterpreterOptions = {}) {
    this.program = program;
    this.options = { ...options, mode: options.mode ?? 'functional' };
    this.image = soundImage(program);
    this.memories = this.options.mode === 'functional' ? memoriesOf(program, options) : undefined;
    this.symbols = new Map(program.symbols.map((symbol) => [symbol.name, symbol]));
  }

  /** Calls `handler` at every such event of the runs that begin from now on; returns what ends that. */
  on<Name extends keyof InterpreterEvents>(event: Name, handler: Handler<InterpreterEvents[Name]>): Unsubscribe {
    return this.subscriptions.on(event, handler);
  }

  /**
   * Executes the program once. An input keeps its value until another is given; the first run needs all of them in functional mode.
   * @throws WavecError for missing or wrong inputs, and every fault, naming instruction, layer and ONNX node
   */
  run(inputs: InputValues = {}): RunResult {
    const { program, image, memories, options, subscriptions } = this;
    if (memories !== undefined) {
      const values = Symbol.iterator in inputs ? inputs : new Map(Object.entries(inputs));
      writeInputs(memories.dram, program, values, this.given);
      for (const name of values.keys()) this.given.add(name);
      // Nothing but the DRAM is kept.
      for (const { buffer, kernels } of memories.cores) {
        buffer.fill(0);
        kernels.reset();
      }
    }
    const [layer, transfer, progress] = [
      subscriptions.emitterOf('layer'),
      subscriptions.emitterOf('transfer'),
      subscriptions.emitterOf('progress'),
    ];
    return runOn(program, image, memories, {
      ...options,
      observer: { layer: layer && ((info, at, core) => layer({ layer: info, at, core })), transfer },
      onProgress: progress && ((instructions, name) => progress({ instructions, layer: name })),
    });
  }

  /**
   * A tensor as it lies in DRAM now.
   * @throws WavecError NOT_RUN in timing mode, and for a tensor that is never in DRAM
   */
  readTensor(name: string): TensorValue {
    return readSymbol(this.dramFor(name), this.symbolOf(name));
  }

  /**
   * Gives a tensor in DRAM another value: numbers are rounded to its type. Tensors that begin as rounded copies of it follow
   * (the f16 weight its f32 master).
   * @throws WavecError NOT_RUN in timing mode, and for a tensor that is never in DRAM; BAD_RUN_INPUT for a value that does not fit
   */
  writeTensor(name: string, value: InputValue): void {
    const dram = this.dramFor(name);
    const symbol = this.symbolOf(name);
    const reason = writeSymbol(dram, symbol, value);
    if (reason !== undefined) fail(diag.badRunInput({ tensor: name }, reason));
    for (const copy of this.program.symbols) {
      if (copy.initial?.form === 'copyOf' && copy.initial.tensor === name) copyElements(dram, symbol, copy);
    }
    if (symbol.role === 'input') this.given.add(name);
  }

  /** Ends the threads, if it was given any; further runs use the caller's alone. */
  close(): void {
    for (const { kernels } of this.memories?.cores ?? []) kernels.close();
  }

  private dramFor(tensor: string): DramMemory {
    return this.memories?.dram ?? fail(diag.notRun({ tensor }, 'timing mode computes no data'));
  }

  private symbolOf(tensor: string): ProgramSymbol {
    return this.symbols.get(tensor) ?? fail(diag.notRun({ tensor }, 'it is never in DRAM'));
  }
}
