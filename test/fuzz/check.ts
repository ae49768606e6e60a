import { decodeProgram, disassemble, type Program, type RunResult, run } from '../../backends/wavecore/index.ts';
import { WavecError } from '../../ir/diagnostics.ts';

/** What became of a file: refused by the reader, or run and ended by a fault, or run to its end. */
export type Outcome = 'refused' | 'faulted' | 'completed';

/** Far above what the base programs need, far below what takes noticeable time. */
export const LIMITS = { instructionLimit: 30_000, workLimit: 2 ** 23, memoryLimit: 2 ** 25 };
/** Faults that only data brings about: timing mode does not see them. */
const OF_DATA = ['HOST_MEMORY', 'BAD_RUN_INPUT'];
const DATA_POINTS_OUTSIDE = /: (label|an offset|index) .* (is not one of|leaves|is outside)/;

/**
 * Reads, disassembles and executes a file, in timing mode and functionally with both kernels.
 * @throws whatever is no WavecError, and an Error where modes or kernels disagree: each is a bug
 */
export function check(file: Uint8Array): Outcome {
  const program = attempt(() => decodeProgram(file));
  if (program instanceof WavecError) return 'refused';
  disassemble(program);
  const inputs = inputsOf(program);
  const timing = attempt(() => run(program, { mode: 'timing', ...LIMITS }));
  const plain = attempt(() => run(program, { mode: 'functional', kernels: 'plain', inputs, ...LIMITS }));
  const wasm = attempt(() => run(program, { mode: 'functional', kernels: 'wasm', inputs, ...LIMITS }));
  // What the sanitizer finds is the program's affair; it must come to an end.
  const checked = attempt(() => run(program, { mode: 'timing', check: true, ...LIMITS }));
  compare(program, plain, wasm);
  if (checked instanceof WavecError !== timing instanceof WavecError) throw new Error('a checked run ends differently');
  compareModes(timing, wasm);
  return wasm instanceof WavecError ? 'faulted' : 'completed';
}

export function attempt<T>(act: () => T): T | WavecError {
  try {
    return act();
  } catch (error) {
    if (error instanceof WavecError) return error;
    throw error;
  }
}

/** Any bytes of the right length for every input that is not huge. */
export function inputsOf({ symbols }: Program): Map<string, Uint8Array> {
  const inputs = new Map<string, Uint8Array>();
  for (const { name, role, bytes, dtype } of symbols) {
    if (role !== 'input' || bytes > LIMITS.memoryLimit) continue;
    // Labels must be classes; halves are spread over their whole range, infinities and NaN included.
    inputs.set(name, dtype === 'i32' ? new Uint8Array(bytes) : Uint8Array.from({ length: bytes }, (_, i) => (i * 151) ^ (i >> 3)));
  }
  return inputs;
}

/** Both kernels must end alike, and leave the same bits in DRAM. */
function compare(program: Program, plain: RunResult | WavecError, wasm: RunResult | WavecError): void {
  if (plain instanceof WavecError || wasm instanceof WavecError) {
    const [a, b] = [plain, wasm].map((end) => (end instanceof WavecError ? end.message : 'completed'));
    if (a !== b) throw new Error(`the kernels end differently: ${a} / ${b}`);
    return;
  }
  for (const { name, bytes } of program.symbols) {
    if (bytes > LIMITS.memoryLimit) continue;
    const [a, b] = [plain.readTensor(name).bytes, wasm.readTensor(name).bytes];
    if (!a.every((byte, i) => byte === b[i])) throw new Error(`the kernels leave different bits in tensor ${name}`);
  }
}

/** Both modes must count alike, and fault alike but for what only data shows. */
function compareModes(timing: RunResult | WavecError, functional: RunResult | WavecError): void {
  const end = (result: RunResult | WavecError): string =>
    result instanceof WavecError ? result.message : JSON.stringify([result.cycles, result.traffic, result.instructions, result.energy]);
  if (
    functional instanceof WavecError &&
    functional.diagnostics.some((d) => OF_DATA.includes(d.code) || DATA_POINTS_OUTSIDE.test(d.message))
  )
    return;
  if (end(timing) !== end(functional)) throw new Error(`the modes end differently: ${end(timing)} / ${end(functional)}`);
}
