import { diag, fail } from '../../../ir/diagnostics.ts';
import { settingOperands } from '../isa/settings.ts';
import { type Instruction, ISA, type Op, type Operands, REGISTERS, type Unit } from '../isa/table.ts';
import { CONFIGURED_UNITS, type ConfiguredUnit, type SlotValues, stepsTo } from './configuration.ts';

/** An address or index that is affine in sequencer registers. */
export interface Affine {
  readonly base: number;
  readonly terms: readonly { readonly reg: number; readonly scale: number }[];
}

export const ZERO: Affine = { base: 0, terms: [] };

export function constant(base: number): Affine {
  return { base, terms: [] };
}

/** What a register holds. */
export function contents(reg: number): Affine {
  return { base: 0, terms: [{ reg, scale: 1 }] };
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

/** Instructions behind which, or in front of which, it is not known what was executed before; behind the ends, configuration is set anew. */
const BOUNDARIES: ReadonlySet<Op> = new Set(['loop', 'end', 'skipz', 'skipnz', 'fence', 'barrier', 'halt']);
const ENDS: ReadonlySet<Op> = new Set(['fence', 'barrier', 'halt']);
const SYNCS: ReadonlySet<Op> = new Set(['d.ld_sync', 'd.st_sync', 'm.sync', 'v.sync']);
/** Tokens that an instruction can wait for, and signal. */
const MOST_TOKENS = 2;

/** By unit: what is known of its configuration slots. */
type Slots = Readonly<Record<ConfiguredUnit, Map<number, number>>>;

/** What an instruction behind needs of the configuration. */
interface Wanted {
  readonly unit: ConfiguredUnit;
  readonly values: SlotValues;
}

const NOTHING = (): Slots => ({ matrix: new Map(), vector: new Map() });

/**
 * Collects instructions; allocates registers; closes loops and skips. Queues are short, so it leaves out what need not take a place in them: waits
 * and signals go with the instruction of the queue next to them, and configuration slots that hold the value already are not set again.
 */
export class Emitter implements Sink {
  readonly code: Instruction[] = [];
  private nextRegister = 1;
  /** By unit: waits of a synchronization that is not emitted yet, and where in this stretch of code its last instruction is. */
  private readonly waits = new Map<Unit, readonly number[]>();
  private readonly last = new Map<Unit, number>();
  /** Values of configuration slots; they outlast loops and skips that set none. */
  private slots: Slots = NOTHING();
  /** What has been wanted, in order. */
  private readonly wanted: Wanted[] = [];
  /** Open loops that set no configuration slot. */
  private plainLoops = 0;

  emit(instruction: Instruction): void {
    this.code.push(instruction);
  }

  op<O extends Op>(op: O, operands: Operands<O>, { wait = [], signal = [] }: Tokens = {}): void {
    const { unit } = ISA[op];
    if (unit === 'sequencer') {
      if (BOUNDARIES.has(op)) this.separate();
      if (ENDS.has(op)) this.slots = NOTHING();
      this.emit({ op, operands, wait, signal });
      return;
    }
    const held = this.waits.get(unit) ?? [];
    if (SYNCS.has(op)) {
      if (signal.length === 0 && held.length + wait.length <= MOST_TOKENS) {
        this.waits.set(unit, [...held, ...wait]);
        return;
      }
      if (wait.length === 0 && held.length === 0 && this.joinLast(unit, signal)) return;
    }
    const joins = (SYNCS.has(op) || unit !== 'matrix') && held.length + wait.length <= MOST_TOKENS;
    if (joins) this.waits.delete(unit);
    else this.settle(unit);
    this.last.set(unit, this.code.length);
    this.emit({ op, operands, wait: joins ? [...held, ...wait] : wait, signal });
    if (op === 'v.ld_cfg') this.slots.vector.clear();
  }

  /** Sets the configuration slots that do not hold these values yet. */
  configure(unit: ConfiguredUnit, values: SlotValues): void {
    this.wanted.push({ unit, values });
    for (const { op, settings } of stepsTo(unit, values, this.slots[unit])) {
      if (this.plainLoops > 0) fail(diag.internal({}, 'a loop that is to leave the configuration alone sets it'));
      this.op(op, settingOperands(op, settings));
      for (const { slot, value } of settings) this.slots[unit].set(slot, value);
    }
  }

  /** Everything so far is emitted, and what comes is on its own. */
  separate(): void {
    for (const unit of this.waits.keys()) this.settle(unit);
    this.last.clear();
  }

  /** Emits the waits of a unit that are held. */
  private settle(unit: Unit): void {
    const wait = this.waits.get(unit) ?? [];
    this.waits.delete(unit);
    if (wait.length === 0) return;
    const op = unit === 'matrix' ? 'm.sync' : unit === 'vector' ? 'v.sync' : unit === 'dmaLoad' ? 'd.ld_sync' : 'd.st_sync';
    this.last.set(unit, this.code.length);
    this.emit({ op, operands: {}, wait, signal: [] });
  }

  /** Lets the last instruction of the unit signal, which completes when all before it have; false where it cannot. */
  private joinLast(unit: Unit, signal: readonly number[]): boolean {
    const at = this.last.get(unit);
    const instruction = at === undefined ? undefined : this.code[at];
    if (at === undefined || instruction === undefined || instruction.signal.length + signal.length > MOST_TOKENS) return false;
    if (unit === 'matrix' && instruction.op !== 'm.sync') return false;
    this.code[at] = { ...instruction, signal: [...instruction.signal, ...signal] };
    return true;
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

  /**
   * Runs `body` `count` times; its argument runs over 0, step, 2·step, … It is emitted again where it does not leave the configuration as it finds it:
   * with what it leaves set before the loop, so that it need not be set in it.
   */
  loop(count: number, step: number, body: (index: Affine) => void): void {
    if (count > 1) this.separate();
    const [start, done] = [this.code.length, this.wanted.length];
    const before = this.slots;
    this.slots = copyOf(before);
    this.repeat(count, step, body);
    if (count <= 1 || isWithin(before, this.slots)) return;
    const left = this.slots;
    const steady = steadyOf(this.wanted.splice(done));
    this.code.length = start;
    this.slots = copyOf(before);
    for (const unit of CONFIGURED_UNITS) this.configure(unit, steady[unit]);
    this.slots = agreed(this.slots, left);
    this.repeat(count, step, body);
  }

  /** The same for a body that is emitted once: what it configures depends on nothing before it. */
  longLoop(count: number, step: number, body: (index: Affine) => void): void {
    if (count > 1) this.slots = NOTHING();
    this.repeat(count, step, body);
  }

  /** The same for a body that sets no configuration slot. */
  plainLoop(count: number, step: number, body: (index: Affine) => void): void {
    this.plainLoops++;
    this.repeat(count, step, body);
    this.plainLoops--;
  }

  private repeat(count: number, step: number, body: (index: Affine) => void): void {
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
      const op = condition === 'nonzero' ? 'skipz' : 'skipnz';
      this.op(op, { rs, count: 0 });
      const at = this.code.length - 1;
      const before = copyOf(this.slots);
      body();
      this.separate();
      this.slots = agreed(before, this.slots);
      this.code[at] = { op, operands: { rs, count: this.code.length - at - 1 }, wait: [], signal: [] };
    });
  }
}

function copyOf(slots: Slots): Slots {
  return { matrix: new Map(slots.matrix), vector: new Map(slots.vector) };
}

/** What two ways to the same instruction agree on. */
function agreed(a: Slots, b: Slots): Slots {
  return { matrix: common(a.matrix, b.matrix), vector: common(a.vector, b.vector) };
}

function common(a: SlotValues, b: SlotValues): Map<number, number> {
  return new Map([...a].filter(([slot, value]) => b.get(slot) === value));
}

/** Whether all that is known before still holds behind. */
function isWithin(before: Slots, behind: Slots): boolean {
  return CONFIGURED_UNITS.every((unit) => common(before[unit], behind[unit]).size === before[unit].size);
}

/** The slots of which a loop wants one value only: they can be set before it. */
function steadyOf(wanted: readonly Wanted[]): Slots {
  const [steady, changing] = [NOTHING(), NOTHING()];
  for (const { unit, values } of wanted) {
    for (const [slot, value] of values) {
      if ((steady[unit].get(slot) ?? value) !== value) changing[unit].set(slot, value);
      steady[unit].set(slot, value);
    }
  }
  for (const unit of CONFIGURED_UNITS) for (const slot of changing[unit].keys()) steady[unit].delete(slot);
  return steady;
}
