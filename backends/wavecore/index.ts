export { Interpreter, type InterpreterOptions } from './interpreter/interpreter.ts';
export type { LayerResult, RunMode, RunResult } from './interpreter/result.ts';
export { type RunOptions, run } from './interpreter/run.ts';
export type { InputValue, TensorValue } from './interpreter/storage.ts';
export { type Difference, type Verification, verify } from './interpreter/verify.ts';
export { disassemble } from './isa/disassemble.ts';
export type { Allocation, Bytes, DebugRange, LayerTraffic, Program, ProgramSymbol } from './program.ts';
export { decodeProgram } from './program-file/decode.ts';
export { encodeProgram } from './program-file/encode.ts';
