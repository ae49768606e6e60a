import { diag, fail } from '../../../ir/diagnostics.ts';
import { type Instruction, type Op, type Operands, REGISTERS } from '../isa/table.ts';

/** An address or index that is affine in sequencer registers. */
export interface Affine {
  readonly base: number;
  readonly terms: readonly { readonly reg: number; readonly scale: number }[];
}

export const ZERO: Affine = { base: 0, terms: [] };

export function constant(base: number): Affine {
  return { base, terms: [] };
}

export function plus(a: Affine, b: Affine | number): Affine {
  if (typeof b === 'number') return { base: a.base + b, terms: a.terms };
  return { base: a.base + b.base, terms: [...a.terms, ...b.terms] };
}

export function times(a: Affine, scale: number): Affine {
  return { base: a.base * scale, terms: a.terms.map((t) => ({ reg: t.reg, scale: t.scale * scale })) };
}

interface Tokens {
  readonly wait?: readonly number[];
  readonly signal?: readonly number[];
}

/** Where generated instructions go. */
export interface Sink {
  emit(instruction: Instruction): void;
}

/** Collects instructions; allocates registers; closes loops and skips. */
export class Emitter implements Sink {
  readonly code: Instruction[] = [];
  private nextRegister = 1;

  emit(instruction: Instruction): void {
    this.code.push(instruction);
  }

  op<O extends Op>(op: O, operands: Operands<O>, tokens: Tokens = {}): void {
    this.emit({ op, operands, wait: tokens.wait ?? [], signal: tokens.signal ?? [] });
  }

  /** Registers allocated in `body` are free again after it. */
  scope<T>(body: () => T): T {
    const mark = this.nextRegister;
    const result = body();
    this.nextRegister = mark;
    return result;
  }

  register(): number {
    if (this.nextRegister >= REGISTERS) return fail(diag.internal({}, 'code generation ran out of registers'));
    return this.nextRegister++;
  }

  /** A register that holds `value`; register 0 where that is the constant 0. */
  value(value: Affine): number {
    if (value.base === 0 && value.terms.length === 0) return 0;
    const [only] = value.terms;
    if (value.base === 0 && value.terms.length === 1 && only !== undefined && only.scale === 1) return only.reg;
    const rd = this.register();
    this.assign(rd, value);
    return rd;
  }

  assign(rd: number, value: Affine): void {
    const [first, ...rest] = value.terms;
    this.op('la', { rd, rs: first?.reg ?? 0, scale: first?.scale ?? 0, base: value.base });
    for (const t of rest) this.op('mac', { rd, rs: t.reg, scale: t.scale });
  }

  /** Address of the half of a double buffer that the lowest bit of `counter` selects. */
  half(base: number, distance: number, counter: number): number {
    const rd = this.register();
    this.op('par', { rd, rs: counter, scale: distance, base });
    return rd;
  }

  increment(reg: number): void {
    this.op('la', { rd: reg, rs: reg, scale: 1, base: 1 });
  }

  /** Runs `body` `count` times; its argument runs over 0, step, 2·step, … */
  loop(count: number, step: number, body: (index: Affine) => void): void {
    if (count <= 0) return;
    if (count === 1) {
      this.scope(() => body(ZERO));
      return;
    }
    this.scope(() => {
      const rd = this.register();
      this.op('loop', { rd, count, step });
      body({ base: 0, terms: [{ reg: rd, scale: 1 }] });
      this.op('end', {});
    });
  }

  /** Executes `body` unless `value` is 0 (or, with `when` 'zero', only if it is 0), deciding now where it is constant. */
  when(value: Affine, condition: 'nonzero' | 'zero', body: () => void): void {
    if (value.terms.length === 0) {
      if ((value.base !== 0) === (condition === 'nonzero')) this.scope(body);
      return;
    }
    this.scope(() => {
      const rs = this.value(value);
      const at = this.code.length;
      const op = condition === 'nonzero' ? 'skipz' : 'skipnz';
      this.op(op, { rs, count: 0 });
      body();
      this.code[at] = { op, operands: { rs, count: this.code.length - at - 1 }, wait: [], signal: [] };
    });
  }
}
