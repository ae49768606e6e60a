import { COMMAND_BYTES, COMMANDS, commands, control, layOut, matrixSlots, parts, SLOTS_BYTES, vectorSlots } from './layout';
import { executeAlone, executeTogether } from './threads';
import { vector } from './vector';

// Instructions with their operands resolved, put off until `flush`. Vector instructions keep their opcode of the ISA; those of
// the matrix unit have these numbers, below them.
export const CONFIGURE: i32 = 1;
export const FILL: i32 = 2;
export const STATIONARY: i32 = 3;
export const WAVE: i32 = 4;
export const DRAIN: i32 = 5;
export const TOTALS: i32 = 6;

/** Address behind the last command. */
const END: usize = 16;

/** Multiplications, or what takes as long, below which waking other threads does not pay. */
const WORTH_SHARING: i64 = 500000;
/** Multiplications that take as long as moving or computing an element elsewhere. */
const MOVE: i64 = 16;

let pending: i64 = 0;

export function operand(command: usize, index: i32): i32 {
  return load<i32>(command + 4 + (<usize>index << 2));
}

export function endOfCommands(): usize {
  return load<usize>(control + END);
}

function put(op: i32, work: i64, a: i32, b: i32, c: i32, d: i32, e: i32, f: i32, g: i32, h: i32, i: i32): void {
  const at = endOfCommands();
  store<i32>(at, op);
  store<i32>(at, a, 4);
  store<i32>(at, b, 8);
  store<i32>(at, c, 12);
  store<i32>(at, d, 16);
  store<i32>(at, e, 20);
  store<i32>(at, f, 24);
  store<i32>(at, g, 28);
  store<i32>(at, h, 32);
  store<i32>(at, i, 36);
  store<usize>(control + END, at + COMMAND_BYTES);
  pending += work;
  if (at + COMMAND_BYTES == commands + COMMANDS * COMMAND_BYTES) flush();
}

function clear(): void {
  store<usize>(control + END, commands);
  pending = 0;
}

/** Prepares the memory, in the thread that others help. */
export function begin(globalBytes: i32, rows: i32, columns: i32, waveRows: i32, threads: i32): void {
  layOut(globalBytes, rows, columns, waveRows, threads);
  clear();
}

/** Forgets what was put off, and the configuration of both units. */
export function reset(): void {
  clear();
  memory.fill(vectorSlots, 0, SLOTS_BYTES);
  for (let part = 0; part < parts; part++) memory.fill(matrixSlots(part), 0, SLOTS_BYTES);
}

/** Executes what was put off. */
export function flush(): void {
  if (endOfCommands() == commands) return;
  if (parts == 1 || pending < WORTH_SHARING) executeAlone();
  else executeTogether();
  clear();
}

export function configure(slot: i32, value: i32): void {
  put(CONFIGURE, 0, slot, value, 0, 0, 0, 0, 0, 0, 0);
}

export function fill(half: i32, base: i32, m0: i32, k0: i32, rows: i32, depth: i32): void {
  put(FILL, MOVE * rows * depth, half, base, m0, k0, rows, depth, 0, 0, 0);
}

export function stationary(half: i32, base: i32, k0: i32, n0: i32, depth: i32, columns: i32): void {
  put(STATIONARY, 0, half, base, k0, n0, depth, columns, 0, 0, 0);
}

export function wave(a: i32, b: i32, c: i32, rows: i32, depth: i32, columns: i32, fresh: i32): void {
  put(WAVE, <i64>rows * depth * columns, a, b, c, rows, depth, columns, fresh, 0, 0);
}

export function drain(half: i32, base: i32, m0: i32, n0: i32, rows: i32, columns: i32, bias: i32, f32s: i32, how: i32): void {
  put(DRAIN, MOVE * rows * columns, half, base, m0, n0, rows, columns, bias, f32s, how);
}

export function totals(base: i32, m0: i32, n0: i32, rows: i32, columns: i32, state: i32): void {
  put(TOTALS, MOVE * rows * columns, base, m0, n0, rows, columns, state, 0, 0, 0);
}

/** Executes a vector instruction at once; false: there is no kernel for it as it is configured. */
export function executeVector(op: i32, elements: i32, a: i32, b: i32, c: i32, d: i32, e: i32, f: i32, g: i32): bool {
  flush();
  put(op, MOVE * elements, a, b, c, d, e, f, g, 0, 0);
  // The part behind the last has nothing to do, which shows whether there is a kernel.
  const known = vector(commands, parts);
  if (known) flush();
  else clear();
  return known;
}
