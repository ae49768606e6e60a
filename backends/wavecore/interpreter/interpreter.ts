import { type Diagnostic, diag, fail, WavecError } from '../../../ir/diagnostics.ts';
import { codeProblems } from '../isa/check.ts';
import type { Program, ProgramSymbol } from '../program.ts';
import { Core, type Data } from './core.ts';
import { COUNTS, type Count, type Counters, type Counts, energyOf, sumTraffic, type Traffic, totalBytes } from './counters.ts';
import { type Image, imageOf } from './image.ts';
import { type KernelChoice, kernelsOf } from './kernels/choose.ts';
import type { Observer } from './observer.ts';
import type { RunMode, RunResult } from './result.ts';
import { dramOf, type InputValue, readSymbol, type TensorValue, writeInputs, writeSymbol } from './storage.ts';

export interface InterpreterOptions {
  readonly mode: RunMode;
  /** Default `wasm`, which gives the same bits as `plain`, faster. */
  readonly kernels?: KernelChoice;
  /** Instructions after which a program counts as endless. Default 2^33. */
  readonly instructionLimit?: number;
  readonly observer?: Observer;
  /** Called about once every million instructions. */
  readonly onProgress?: (instructions: number, layer: string) => void;
}

const INSTRUCTION_LIMIT = 2 ** 33;
const PROGRESS_STEP = 2 ** 20;

/** A simulated core with a program and its DRAM, which keeps what it holds from run to run: a run of a training step is one step. */
export class Interpreter {
  readonly program: Program;
  private readonly options: InterpreterOptions;
  private readonly image: Image;
  private readonly data: Data | undefined;

  /** @throws WavecError for code that is not well formed */
  constructor(program: Program, options: InterpreterOptions) {
    const problems: Diagnostic[] = codeProblems(program.code).map(({ instruction, reason }) =>
      diag.badProgram({}, `instruction ${instruction}: ${reason}`),
    );
    if (problems.length > 0) throw new WavecError(problems);
    this.program = program;
    this.options = options;
    this.image = imageOf(program);
    this.data = options.mode === 'functional' ? dataOf(program, options) : undefined;
  }

  /**
   * Executes the program once; functional mode needs the values of all its inputs, by name.
   * @throws WavecError for missing or wrong inputs, and every fault, naming instruction, layer and ONNX node.
   */
  run(inputs: ReadonlyMap<string, InputValue> = new Map()): RunResult {
    const { program, image, data, options } = this;
    if (data !== undefined) writeInputs(data.dram, program, inputs);
    const core = new Core(program, image, data, options.observer);
    const instructions = execute(core, options);
    const left = core.tokens.left();
    if (left.length > 0) {
      fail(diag.unbalancedTokens({}, left.map(({ token, count }) => (count === 1 ? `${token}` : `${token} (${count} times)`)).join(', ')));
    }
    return resultOf(this, image, core, instructions, options.mode);
  }

  /**
   * The present value of a tensor.
   * @throws WavecError NOT_RUN for one that is not in DRAM, and in timing mode
   */
  readTensor(name: string): TensorValue {
    const { symbol, data } = this.find(name);
    return readSymbol(data.dram, symbol);
  }

  /**
   * Gives a tensor another value, which the next run finds.
   * @throws WavecError NOT_RUN as for reading, BAD_RUN_INPUT for a value of another size
   */
  writeTensor(name: string, value: InputValue): void {
    const { symbol, data } = this.find(name);
    const reason = writeSymbol(data.dram, symbol, value);
    if (reason !== undefined) fail(diag.badRunInput({ tensor: name }, reason));
  }

  private find(name: string): { symbol: ProgramSymbol; data: Data } {
    const { data } = this;
    if (data === undefined) return fail(diag.notRun({ tensor: name }, 'timing mode computes no data'));
    const symbol = this.program.symbols.find((s) => s.name === name);
    return symbol === undefined ? fail(diag.notRun({ tensor: name }, 'it is never in DRAM')) : { symbol, data };
  }
}

function dataOf(program: Program, options: InterpreterOptions): Data {
  const kernels = kernelsOf(program.machine, options.kernels ?? 'wasm');
  return { kernels, dram: dramOf(program), buffer: new Uint8Array(kernels.memory, 0, program.machine.buffers.globalBytes) };
}

/** The dynamic instructions, one after the other; returns how many. */
function execute(core: Core, { instructionLimit = INSTRUCTION_LIMIT, onProgress }: InterpreterOptions): number {
  const { image, position, counters, timing } = core;
  const { handlers, rows } = image;
  let executed = 0;
  let pc = 0;
  let mark = 0;
  let nextReport = Math.min(PROGRESS_STEP, instructionLimit);
  /** Time since the last change of layer belongs to the layer before. */
  const settle = (): void => {
    const now = timing.total();
    counters.add('cycles', now - mark);
    mark = now;
  };
  while (pc >= 0) {
    position.pc = pc;
    if (executed === nextReport) {
      if (executed >= instructionLimit) position.fault(diag.endless, instructionLimit);
      onProgress?.(executed, image.rowInfo[counters.row]?.layer ?? '');
      nextReport = Math.min(nextReport + PROGRESS_STEP, instructionLimit);
    }
    const row = rows[pc] ?? -1;
    if (row >= 0 && row !== counters.row) {
      // What precedes the first layer belongs to it.
      if (counters.row < image.rowInfo.length) settle();
      counters.row = row;
      reportLayer(core);
    }
    counters.instructions[counters.row] = (counters.instructions[counters.row] ?? 0) + 1;
    executed++;
    const handler = handlers[pc];
    if (handler === undefined) return executed;
    pc = handler(core, pc);
  }
  settle();
  return executed;
}

function reportLayer({ observer, image, counters, timing }: Core): void {
  const layer = image.rowInfo[counters.row];
  if (layer !== undefined) observer?.layer?.(layer, timing.total());
}

function resultOf(interpreter: Interpreter, image: Image, core: Core, instructions: number, mode: RunMode): RunResult {
  const { counters, timing, data } = core;
  const { machine, symbols } = interpreter.program;
  const cycles = timing.total();
  const layers = image.rowInfo.map((info, row) => {
    const [counts, traffic] = [counters.countsOf(row), counters.trafficOf(row)];
    const { read, write } = totalBytes(traffic);
    return { ...info, ...counts, traffic, energy: energyOf(machine, counts, read + write) };
  });
  const byKind = sumTraffic(Array.from({ length: counters.rows }, (_, row) => counters.trafficOf(row)));
  const { read, write } = totalBytes(byKind);
  const counts = totals(counters);
  return {
    mode,
    cycles,
    seconds: cycles / machine.clockHz,
    traffic: { read, write, total: read + write, byKind },
    byLayer: byLayer(image, counters),
    energy: energyOf(machine, counts, read + write),
    utilization: cycles === 0 ? 0 : counts.macs / (cycles * machine.array.rows * machine.array.columns),
    instructions,
    macs: counts.macs,
    units: timing.cycles(),
    layers,
    outputs: new Map(data === undefined ? [] : symbols.filter((s) => s.role === 'output').map((s) => [s.name, readSymbol(data.dram, s)])),
    readTensor: (name) => interpreter.readTensor(name),
  };
}

function totals(counters: Counters): Counts {
  const sum = (count: Count): number => counters[count].reduce((a, b) => a + b, 0);
  return Object.fromEntries(COUNTS.map((count) => [count, sum(count)])) as Record<Count, number>;
}

/** Traffic by layer name; transfers outside of all layers stand under the empty name. */
function byLayer(image: Image, counters: Counters): Record<string, Traffic> {
  const result = new Map<string, Traffic>();
  image.rowInfo.forEach(({ layer }, row) => {
    result.set(layer, sumTraffic([result.get(layer) ?? {}, counters.trafficOf(row)]));
  });
  const outside = counters.trafficOf(image.rowInfo.length);
  if (Object.keys(outside).length > 0) result.set('', outside);
  return Object.fromEntries(result);
}
