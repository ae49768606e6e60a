import { type Diagnostic, diag, fail, WavecError } from '../../../ir/diagnostics.ts';
import { codeProblems } from '../isa/check.ts';
import type { Program } from '../program.ts';
import { type CheckReport, Sanitizer } from './check/sanitizer.ts';
import { Core, type Data } from './core.ts';
import { COUNT, COUNTS, type Count, type Counters, type Counts, energyOf, sumTraffic, type Traffic, totalBytes } from './counters.ts';
import { type Image, imageOf } from './image.ts';
import { type KernelChoice, kernelsOf } from './kernels/choose.ts';
import type { Threads } from './kernels/kernels.ts';
import type { Observer } from './observer.ts';
import type { RunMode, RunResult } from './result.ts';
import { type InputValue, initialDram, readSymbol, writeInputs } from './storage.ts';

export interface RunOptions {
  readonly mode: RunMode;
  /** Values of the program's inputs, by name; functional mode needs all of them. */
  readonly inputs?: ReadonlyMap<string, InputValue>;
  /** Default `wasm`, which gives the same bits as `plain`, faster. */
  readonly kernels?: KernelChoice;
  /** Threads that the kernels compute on in functional mode; the bits do not depend on them. Default: the caller's alone. */
  readonly threads?: Threads;
  /** Instructions after which a program counts as endless. Default 2^33. */
  readonly instructionLimit?: number;
  /** Bytes moved, products and vector operations after which a program counts as endless. Default 2^53, up to which counts are exact. */
  readonly workLimit?: number;
  /** Bytes of DRAM that a functional run may hold, initial values and outputs counted apart. Default 2^34. */
  readonly memoryLimit?: number;
  readonly observer?: Observer;
  /** Judges the program while it runs (check/sanitizer.ts); the result has the findings. A checked run takes longer. */
  readonly check?: boolean;
  /** Called about once every million instructions. */
  readonly onProgress?: (instructions: number, layer: string) => void;
}

const INSTRUCTION_LIMIT = 2 ** 33;
const WORK_LIMIT = 2 ** 53;
const MEMORY_LIMIT = 2 ** 34;
const PROGRESS_STEP = 2 ** 20;

/**
 * Executes a program on a simulated core.
 * @throws WavecError for code that is not well formed, missing or wrong inputs, and every fault, naming instruction, layer and ONNX node.
 */
export function run(program: Program, options: RunOptions): RunResult {
  const image = soundImage(program);
  const data = options.mode === 'functional' ? dataOf(program, options) : undefined;
  try {
    if (data !== undefined) writeInputs(data.dram, program, options.inputs ?? new Map());
    return runOn(program, image, data, options);
  } finally {
    data?.kernels.close();
  }
}

/**
 * The code of a program, checked.
 * @throws WavecError BAD_PROGRAM with every problem of the code
 */
export function soundImage(program: Program): Image {
  const problems: Diagnostic[] = codeProblems(program.code).map(({ instruction, reason }) =>
    diag.badProgram({}, `instruction ${instruction}: ${reason}`),
  );
  if (problems.length > 0) throw new WavecError(problems);
  return imageOf(program);
}

/** The memories of a core before its first run: initial values in DRAM, nothing elsewhere. */
export function dataOf(program: Program, options: Pick<RunOptions, 'kernels' | 'threads' | 'memoryLimit'>): Data {
  const dram = initialDram(program, options.memoryLimit ?? MEMORY_LIMIT);
  const kernels = kernelsOf(program.machine, options.kernels ?? 'wasm', options.threads);
  return { kernels, dram, buffer: new Uint8Array(kernels.memory, 0, program.machine.buffers.globalBytes) };
}

/** Executes a program on memories that hold its inputs; without memories, counts only. */
export function runOn(
  program: Program,
  image: Image,
  data: Data | undefined,
  options: Omit<RunOptions, 'inputs' | 'kernels' | 'threads'>,
): RunResult {
  const core = new Core(program, image, data, options.workLimit ?? WORK_LIMIT, options.observer);
  const sanitizer = options.check === true ? new Sanitizer(program, core) : undefined;
  try {
    const instructions = execute(core, options, sanitizer);
    requireBalance(core);
    sanitizer?.finish();
    return resultOf(program, image, core, instructions, options.mode, sanitizer?.report());
  } catch (error) {
    // A fault often follows from what the sanitizer found before it.
    const found = sanitizer?.report().findings ?? [];
    throw error instanceof WavecError ? new WavecError([...found, ...error.diagnostics]) : error;
  }
}

function requireBalance({ tokens }: Core): void {
  const left = tokens.left();
  if (left.length === 0) return;
  fail(diag.unbalancedTokens({}, left.map(({ token, count }) => (count === 1 ? `${token}` : `${token} (${count} times)`)).join(', ')));
}

/** The dynamic instructions, one after the other; returns how many. */
function execute(
  core: Core,
  { instructionLimit = INSTRUCTION_LIMIT, onProgress }: Pick<RunOptions, 'instructionLimit' | 'onProgress'>,
  sanitizer: Sanitizer | undefined,
): number {
  const { image, position, counters, timing } = core;
  const { handlers, rows } = image;
  let executed = 0;
  let pc = 0;
  let mark = 0;
  let counted = 0;
  let nextReport = Math.min(PROGRESS_STEP, instructionLimit);
  /** Time and instructions since the last change of layer belong to the layer before. */
  const settle = (): void => {
    const now = timing.total();
    counters.add(COUNT.cycles, now - mark);
    counters.add(COUNT.instructions, executed - counted);
    mark = now;
    counted = executed;
  };
  while (pc >= 0) {
    position.pc = pc;
    if (executed === nextReport) {
      if (executed >= instructionLimit) position.fault(diag.endless, `${instructionLimit} instructions`);
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
    executed++;
    const handler = handlers[pc];
    if (handler === undefined) return executed;
    const next = handler(core, pc);
    sanitizer?.look(pc);
    pc = next;
  }
  settle();
  return executed;
}

function reportLayer({ observer, image, counters, timing }: Core): void {
  const layer = image.rowInfo[counters.row];
  if (layer !== undefined) observer?.layer?.(layer, timing.total());
}

function resultOf(program: Program, image: Image, core: Core, instructions: number, mode: RunMode, check?: CheckReport): RunResult {
  const { counters, timing, data } = core;
  const { machine, symbols } = program;
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
    ...(check === undefined ? {} : { check }),
    outputs: new Map(data === undefined ? [] : symbols.filter((s) => s.role === 'output').map((s) => [s.name, readSymbol(data.dram, s)])),
    readTensor: (name) => {
      const symbol = symbols.find((s) => s.name === name);
      if (data === undefined) return fail(diag.notRun({ tensor: name }, 'timing mode computes no data'));
      return symbol === undefined ? fail(diag.notRun({ tensor: name }, 'it is never in DRAM')) : readSymbol(data.dram, symbol);
    },
  };
}

function totals(counters: Counters): Counts {
  const rows = Array.from({ length: counters.rows }, (_, row) => counters.countsOf(row));
  const sum = (count: Count): number => rows.reduce((total, counts) => total + counts[count], 0);
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
