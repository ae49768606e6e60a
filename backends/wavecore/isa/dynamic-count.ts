import { type AffineValue, addScaled, constantValue } from './affine.ts';
import { type Instruction, REGISTERS } from './table.ts';

/** Least and greatest number of instructions that a run executes. */
export interface DynamicCount {
  readonly least: number;
  readonly most: number;
}

/** The iterations of an enclosing loop that come to a place: all `count` of them, `only` one, or all `except` some. */
interface Iterations {
  readonly count: number;
  readonly only?: number;
  readonly except: readonly number[];
}

/** When what a skip encloses is executed: always, never, in some iterations of one loop, or nobody knows. */
type Condition = 'always' | 'never' | 'unknown' | { readonly loop: number; readonly iterations: Iterations };

/**
 * How many instructions a run of well-formed code executes, without running it: loop counts multiplied, skips decided where the
 * tested register is affine in one loop counter. What a skip encloses that cannot be decided counts in `most` alone.
 * Undefined for code with a halt before its end. All of `cores` cores count together.
 */
export function dynamicCount(code: readonly Instruction[], cores = 1): DynamicCount | undefined {
  if (code.findIndex(({ op }) => op === 'halt') !== code.length - 1) return undefined;
  let [least, most] = [0, 0];
  for (let core = 0; core < cores; core++) {
    const counter = new Counter(code, core);
    counter.walk(0, code.length, [], true);
    least += counter.least;
    most += counter.most;
  }
  return { least, most };
}

/** Goes through code once, keeping what is known of the registers. */
class Counter {
  least = 0;
  most = 0;
  private readonly code: readonly Instruction[];
  private readonly ends: ReadonlyMap<number, number>;
  /** Registers whose values are known, as affine numbers in the counters of the enclosing loops; the others are unknown. */
  private known: Map<number, AffineValue>;
  /** Number of the core that executes the code. */
  private readonly core: number;

  constructor(code: readonly Instruction[], core: number) {
    this.code = code;
    this.core = core;
    this.ends = endsOf(code);
    // Before the first write every register holds 0.
    this.known = new Map(Array.from({ length: REGISTERS }, (_, register) => [register, constantValue(0)]));
  }

  /** Counts instructions [from, to); `certain` where it is known in which iterations of the loops they are executed. */
  walk(from: number, to: number, loops: readonly Iterations[], certain: boolean): void {
    const times = loops.reduce((product, loop) => product * sizeOf(loop), 1);
    for (let i = from; i < to; i++) {
      this.most += times;
      if (certain) this.least += times;
      const instruction = this.code[i];
      if (instruction === undefined) return;
      if (instruction.op === 'loop') i = this.loop(i, loops, certain);
      else if (instruction.op === 'skipz' || instruction.op === 'skipnz') i = this.skip(i, instruction, loops, certain);
      else this.compute(instruction);
    }
  }

  /** Counts a loop; returns where its `end` stands. */
  private loop(i: number, loops: readonly Iterations[], certain: boolean): number {
    const end = this.ends.get(i) ?? this.code.length;
    const { rd = 0, count = 1, step = 0 } = this.code[i]?.operands ?? {};
    const counter = loops.length;
    const changed = this.written(i + 1, end);
    // What the body changes differs from iteration to iteration, until the body computes it anew.
    for (const register of changed) this.known.delete(register);
    if (changed.has(rd)) this.known.delete(rd);
    else this.known.set(rd, { base: 0, scales: step === 0 ? new Map() : new Map([[counter, step]]) });
    this.walk(i + 1, end + 1, [...loops, { count, except: [] }], certain);
    for (const [register, value] of this.known) if (value.scales.has(counter)) this.known.delete(register);
    if (changed.has(rd)) this.known.delete(rd);
    else this.known.set(rd, constantValue(count * step));
    return end;
  }

  /** Counts what a skip encloses; returns the last instruction of it. */
  private skip(i: number, { op, operands }: Instruction, loops: readonly Iterations[], certain: boolean): number {
    const last = i + (operands.count ?? 0);
    const condition = conditionOf(this.valueOf(operands.rs ?? 0), op === 'skipz', loops);
    if (condition === 'never') return last;
    if (condition === 'always') this.walk(i + 1, last + 1, loops, certain);
    else {
      const before = new Map(this.known);
      if (condition === 'unknown') this.walk(i + 1, last + 1, loops, false);
      else this.walk(i + 1, last + 1, loops.with(condition.loop, condition.iterations), certain);
      this.known = before;
      for (const register of this.written(i + 1, last + 1)) this.known.delete(register);
    }
    return last;
  }

  private compute({ op, operands }: Instruction): void {
    const { rd, rs = 0, scale = 0, base = 0 } = operands;
    if (rd === undefined || rd === 0) return;
    if (op === 'core') {
      this.known.set(rd, constantValue(this.core));
      return;
    }
    const factor = scale === 0 ? constantValue(0) : this.valueOf(rs);
    const start = op === 'mac' ? this.valueOf(rd) : constantValue(base);
    const term = op === 'par' ? parityOf(factor) : factor;
    const value = start === undefined || term === undefined ? undefined : addScaled(start, term, scale);
    if (value === undefined) this.known.delete(rd);
    else this.known.set(rd, value);
  }

  private valueOf(register: number): AffineValue | undefined {
    return register === 0 ? constantValue(0) : this.known.get(register);
  }

  private written(from: number, to: number): Set<number> {
    return new Set(this.code.slice(from, to).flatMap(({ operands }) => (operands.rd === undefined ? [] : [operands.rd])));
  }
}

function endsOf(code: readonly Instruction[]): Map<number, number> {
  const open: number[] = [];
  const ends = new Map<number, number>();
  code.forEach(({ op }, i) => {
    if (op === 'loop') open.push(i);
    if (op === 'end') ends.set(open.pop() ?? i, i);
  });
  return ends;
}

function sizeOf({ count, only, except }: Iterations): number {
  return only === undefined ? count - except.length : 1;
}

/** 0 or 1 where every value of the counters gives the same. */
function parityOf(value: AffineValue | undefined): AffineValue | undefined {
  if (value === undefined || [...value.scales.values()].some((scale) => scale % 2 !== 0)) return undefined;
  return constantValue(Math.abs(value.base % 2));
}

/** When code is executed that runs where `value` is not 0 (or, where `ifZero`, is 0). */
function conditionOf(value: AffineValue | undefined, ifNotZero: boolean, loops: readonly Iterations[]): Condition {
  if (value === undefined) return 'unknown';
  let { base } = value;
  const free: (readonly [loop: number, scale: number])[] = [];
  for (const [loop, scale] of value.scales) {
    const only = loops[loop]?.only;
    if (only === undefined) free.push([loop, scale]);
    else base += scale * only;
  }
  const [first, second] = free;
  if (first === undefined) return (base !== 0) === ifNotZero ? 'always' : 'never';
  if (second !== undefined) return 'unknown';
  const [loop, scale] = first;
  const iterations = loops[loop];
  if (iterations === undefined) return 'unknown';
  const zero = -base / scale;
  const { count, except } = iterations;
  const comes = Number.isInteger(zero) && zero >= 0 && zero < count && !except.includes(zero);
  if (!comes) return ifNotZero ? 'always' : 'never';
  return { loop, iterations: ifNotZero ? { count, except: [...except, zero] } : { count, only: zero, except: [] } };
}
