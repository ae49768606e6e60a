import type { Memory } from './memory.ts';

/** What a vector instruction works on: slots as numbers, operands by name (registers resolved). */
export interface Context {
  readonly memory: Memory;
  /** Slot as a whole number. */
  int(name: string): number;
  /** Slot as an f32. */
  float(name: string): number;
  operand(name: string): number;
  /** Gives a slot other bits. */
  setSlot(slot: number, bits: number): void;
}

export type Run = (x: Context) => void;

export function* counted(...bounds: readonly number[]): Generator<number[]> {
  const [bound = 0, ...rest] = bounds;
  for (let i = 0; i < bound; i++) {
    if (rest.length === 0) yield [i];
    else for (const inner of counted(...rest)) yield [i, ...inner];
  }
}

export const half = (x: Context, name: string, i: number): number => x.memory.half(x.operand(name) + 2 * i);
export const setHalf = (x: Context, name: string, i: number, value: number): void => x.memory.setHalf(x.operand(name) + 2 * i, value);
export const bits = (x: Context, name: string, i: number): number => x.memory.halfBits(x.operand(name) + 2 * i);
export const setBits = (x: Context, name: string, i: number, value: number): void => x.memory.setHalfBits(x.operand(name) + 2 * i, value);
export const single = (x: Context, name: string, i: number): number => x.memory.single(x.operand(name) + 4 * i);
export const setSingle = (x: Context, name: string, i: number, value: number): void => x.memory.setSingle(x.operand(name) + 4 * i, value);

/** Loops over n < N, c < C, i < H × W; `at` is the element. */
export function* images(x: Context): Generator<{ n: number; c: number; i: number; at: number }> {
  const [C, pixels] = [x.int('C'), x.int('H') * x.int('W')];
  for (const [n = 0, c = 0, i = 0] of counted(x.int('N'), C, pixels)) yield { n, c, i, at: (n * C + c) * pixels + i };
}

export const double = (x: Context, name: string, i: number): number => x.memory.double(x.operand(name) + 8 * i);
export const setDouble = (x: Context, name: string, i: number, value: number): void => x.memory.setDouble(x.operand(name) + 8 * i, value);

/** What is there where r[add] ≠ 0, else +0. */
export const base = (x: Context, name: string, i: number): number => (x.operand('add') !== 0 ? single(x, name, i) : 0);

/** z of the manual's `logs`. */
export function logs(values: readonly number[]): number[] {
  const highest = Math.max(...values);
  let total = 0;
  for (const v of values) total = total + Math.exp(v - highest);
  return values.map((v) => v - highest - Math.log(total));
}
