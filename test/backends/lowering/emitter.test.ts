import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { settingsOf } from '../../../backends/wavecore/isa/settings.ts';
import type { Instruction } from '../../../backends/wavecore/isa/table.ts';
import { Emitter } from '../../../backends/wavecore/lowering/emitter.ts';

/** Pieces of code: a product that needs some slots to hold values, or code that is repeated or done on a condition. */
type Code =
  | { readonly kind: 'use'; readonly values: readonly number[] }
  | { readonly kind: 'loop' | 'longLoop'; readonly count: number; readonly body: readonly Code[] }
  | { readonly kind: 'when'; readonly body: readonly Code[] };

const SLOTS = 5;
/** By digit: what a slot may be wanted to hold; the last one is of no interest. */
const VALUES = [0, 1, 100000];
const ANY = VALUES.length;
const BASE = ANY + 1;
const use = fc.array(fc.nat(ANY), { minLength: SLOTS, maxLength: SLOTS }).map((values): Code => ({ kind: 'use', values }));
const { body } = fc.letrec<{ body: Code[]; code: Code }>((tie) => ({
  body: fc.array(tie('code'), { maxLength: 4 }),
  code: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    use,
    fc.record({ kind: fc.constantFrom('loop' as const, 'longLoop' as const), count: fc.integer({ min: 1, max: 3 }), body: tie('body') }),
    fc.record({ kind: fc.constant('when' as const), body: tie('body') }),
  ),
}));

/** A condition that only the run decides. */
const CONDITION = { base: 0, terms: [{ reg: 60, scale: 1 }] };

function emit(e: Emitter, code: readonly Code[]): void {
  for (const piece of code) {
    if (piece.kind === 'use') {
      e.configure('vector', new Map(piece.values.flatMap((digit, slot) => (digit === ANY ? [] : [[slot, VALUES[digit] ?? 0]]))));
      e.op('v.fill', { dst: 0, bytes: piece.values.reduce((number, digit) => BASE * number + digit, 0) });
    } else if (piece.kind === 'when') e.when(CONDITION, 'nonzero', () => emit(e, piece.body));
    else e[piece.kind](piece.count, 1, () => emit(e, piece.body));
  }
}

/** The digits of what a use needs. */
function digitsOf(number: number): number[] {
  return Array.from({ length: SLOTS }, (_, slot) => Math.floor(number / BASE ** (SLOTS - 1 - slot)) % BASE);
}

/** What every use finds in the slots that it needs, and what it needs there, where conditions come out as `decide` says. */
function execute(code: readonly Instruction[], decide: () => boolean): { found: number[]; needed: number[] }[] {
  const slots = new Array<number>(SLOTS).fill(-1);
  const uses: { found: number[]; needed: number[] }[] = [];
  const loops: { from: number; left: number }[] = [];
  for (let at = 0; at < code.length; at++) {
    const instruction = code[at];
    if (instruction === undefined) break;
    const { op } = instruction;
    const { count = 0, bytes = 0 } = instruction.operands;
    for (const { slot, value } of settingsOf(instruction)) slots[slot] = value;
    if (op === 'v.fill') {
      const needs = digitsOf(bytes).flatMap((digit, slot) => (digit === ANY ? [] : [{ slot, value: VALUES[digit] ?? 0 }]));
      uses.push({ found: needs.map(({ slot }) => slots[slot] ?? 0), needed: needs.map(({ value }) => value) });
    }
    if (op === 'loop') loops.push({ from: at, left: count });
    const loop = loops.at(-1);
    if (op === 'end' && loop !== undefined && --loop.left > 0) at = loop.from;
    else if (op === 'end') loops.pop();
    if (op === 'skipz' && !decide()) at += count;
  }
  return uses;
}

describe('configuration', () => {
  it('holds what every instruction needs, whichever way the code is run', () => {
    fc.assert(
      fc.property(body, fc.infiniteStream(fc.boolean()), (code, decisions) => {
        const e = new Emitter();
        emit(e, code);
        const uses = execute(e.code, () => decisions.next().value === true);
        expect(uses.map(({ found }) => found)).toEqual(uses.map(({ needed }) => needed));
      }),
      { numRuns: 500 },
    );
  });

  const configured = (e: Emitter, from = 0): number => e.code.slice(from).filter(({ op }) => op.startsWith('v.cfg')).length;
  const set = (e: Emitter, value: number): void => e.configure('vector', new Map([[0, value]]));

  it('is set before a loop that leaves it alone, not in it', () => {
    const e = new Emitter();
    set(e, 1);
    e.loop(5, 1, () => set(e, 2));
    const loop = e.code.findIndex(({ op }) => op === 'loop');
    expect([configured(e), configured(e, loop)]).toEqual([2, 0]);
    set(e, 2);
    expect(configured(e)).toBe(2);
  });

  it('is set before a loop at once, whatever the loop needs of it at several places', () => {
    const e = new Emitter();
    e.configure('vector', new Map([0, 1, 2].map((slot) => [slot, 9])));
    e.loop(5, 1, () => {
      for (const slot of [0, 1, 2]) e.configure('vector', new Map([[slot, 5]]));
    });
    const loop = e.code.findIndex(({ op }) => op === 'loop');
    expect([configured(e), configured(e, loop)]).toEqual([2, 0]);
  });

  it('is set in a loop that changes it', () => {
    const e = new Emitter();
    e.loop(5, 1, () => {
      set(e, 1);
      set(e, 2);
    });
    expect(
      configured(
        e,
        e.code.findIndex(({ op }) => op === 'loop'),
      ),
    ).toBe(2);
  });

  it('is refused in a loop that is to leave it alone', () => {
    const e = new Emitter();
    expect(() => e.plainLoop(5, 1, () => set(e, 1))).toThrow('configuration');
  });

  it('keeps what waits before a loop that is emitted again', () => {
    const e = new Emitter();
    e.op('m.sync', {}, { wait: [7] });
    e.loop(2, 1, () => set(e, 1));
    expect(e.code.filter(({ wait }) => wait.includes(7))).toHaveLength(1);
  });
});
