import type { Program } from '../program.ts';
import { Interpreter, type InterpreterOptions } from './interpreter.ts';
import type { RunResult } from './result.ts';
import type { InputValue } from './storage.ts';

export interface RunOptions extends InterpreterOptions {
  /** Values of the program's inputs, by name; functional mode needs all of them. */
  readonly inputs?: ReadonlyMap<string, InputValue>;
}

/**
 * Executes a program once on a simulated core.
 * @throws WavecError for code that is not well formed, missing or wrong inputs, and every fault, naming instruction, layer and ONNX node.
 */
export function run(program: Program, { inputs, ...options }: RunOptions): RunResult {
  return new Interpreter(program, options).run(inputs);
}
