import { type Diagnostic, diag, fail, WavecError } from '../../../ir/diagnostics.ts';
import { codeProblems } from '../isa/check.ts';
import type { Program } from '../program.ts';
import { Check } from './check/check.ts';
import { resultOf } from './collect.ts';
import { Core, type Memories } from './core.ts';
import { Execution, executeAll, Progress } from './execution.ts';
import { type Image, imageOf } from './image.ts';
import { type KernelChoice, kernelsOf } from './kernels/choose.ts';
import type { Threads } from './kernels/kernels.ts';
import type { Observer } from './observer.ts';
import type { RunMode, RunResult } from './result.ts';
import { SharedDram } from './shared-dram.ts';
import { type InputValue, initialDram, writeInputs } from './storage.ts';

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

/**
 * Executes a program on simulated cores.
 * @throws WavecError for code that is not well formed, missing or wrong inputs, and every fault, naming instruction, layer and ONNX node.
 */
export function run(program: Program, options: RunOptions): RunResult {
  const image = soundImage(program);
  const memories = options.mode === 'functional' ? memoriesOf(program, options) : undefined;
  try {
    if (memories !== undefined) writeInputs(memories.dram, program, options.inputs ?? new Map());
    return runOn(program, image, memories, options);
  } finally {
    for (const { kernels } of memories?.cores ?? []) kernels.close();
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

/** The memories of the cores before their first run: initial values in DRAM, nothing elsewhere. */
export function memoriesOf(program: Program, options: Pick<RunOptions, 'kernels' | 'threads' | 'memoryLimit'>): Memories {
  const dram = initialDram(program, options.memoryLimit ?? MEMORY_LIMIT);
  const cores = Array.from({ length: program.cores }, () => {
    const kernels = kernelsOf(program.machine, options.kernels ?? 'wasm', options.threads);
    return { kernels, dram, buffer: new Uint8Array(kernels.memory, 0, program.machine.buffers.globalBytes) };
  });
  return { dram, cores };
}

/** Executes a program on memories that hold its inputs; without memories, counts only. */
export function runOn(
  program: Program,
  image: Image,
  memories: Memories | undefined,
  options: Omit<RunOptions, 'inputs' | 'kernels' | 'threads'>,
): RunResult {
  const { workLimit = WORK_LIMIT, instructionLimit = INSTRUCTION_LIMIT, observer, onProgress, mode } = options;
  const dram = new SharedDram(program.machine, program.cores);
  const cores = Array.from(
    { length: program.cores },
    (_, index) => new Core(program, image, { index, dram }, memories?.cores[index], workLimit / program.cores, observer),
  );
  const check = options.check === true ? new Check(program, cores) : undefined;
  try {
    const progress = new Progress(instructionLimit, onProgress);
    executeAll(cores.map((core) => new Execution(core, progress, check?.looker(core))));
    cores.forEach(requireBalance);
    check?.finish();
    return resultOf(program, image, cores, mode, memories?.dram, check?.report());
  } catch (error) {
    // A fault often follows from what the sanitizer found before it.
    const found = check?.report().findings ?? [];
    throw error instanceof WavecError ? new WavecError([...found, ...error.diagnostics]) : error;
  }
}

function requireBalance({ tokens }: Core): void {
  const left = tokens.left();
  if (left.length === 0) return;
  fail(diag.unbalancedTokens({}, left.map(({ token, count }) => (count === 1 ? `${token}` : `${token} (${count} times)`)).join(', ')));
}
