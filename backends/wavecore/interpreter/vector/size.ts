import { fieldIndex } from '../../isa/layout.ts';
import type { VectorSlot } from '../../isa/slots.ts';
import type { FieldName } from '../../isa/table.ts';
import type { Call } from './call.ts';
import type { VectorOp } from './semantics.ts';

/** A number that the configuration and the operands of an instruction determine, with its formula and the slots it reads. */
export interface Size {
  (call: Call): number;
  readonly formula: string;
  readonly slots: readonly VectorSlot[];
}

type Part = number | VectorSlot | Size;

export function size(formula: string, slots: readonly VectorSlot[], of: (call: Call) => number): Size {
  return Object.assign((call: Call) => of(call), { formula, slots });
}

const numberOf = (part: Part, call: Call): number =>
  typeof part === 'number' ? part : typeof part === 'string' ? call.int(part) : part(call);
const formulaOf = (part: Part): string => (typeof part === 'function' ? part.formula : String(part));
const slotsOf = (parts: readonly Part[]): VectorSlot[] =>
  parts.flatMap((part) => (typeof part === 'function' ? part.slots : typeof part === 'string' ? [part] : []));

export function product(...parts: readonly Part[]): Size {
  return size(parts.map(formulaOf).join(' × '), slotsOf(parts), (call) =>
    parts.reduce<number>((all, part) => all * numberOf(part, call), 1),
  );
}

export function sum(...parts: readonly Part[]): Size {
  return size(`(${parts.map(formulaOf).join(' + ').replaceAll('+ -', '− ')})`, slotsOf(parts), (call) =>
    parts.reduce<number>((all, part) => all + numberOf(part, call), 0),
  );
}

/** The operand of an instruction that is a number itself. */
export function operand<O extends VectorOp>(op: O, field: FieldName<O>): Size {
  const index = fieldIndex(op)[field];
  return size(field, [], (call) => call.operand(index));
}

/** `amount` where the flag among the operands of `op` is set, else 0. */
export function onlyWith<O extends VectorOp>(op: O, flag: FieldName<O>, amount: Size): Size {
  const index = fieldIndex(op)[flag];
  return size(`${flag} ? ${amount.formula} : 0`, amount.slots, (call) => (call.operand(index) === 0 ? 0 : amount(call)));
}

export function halvedUp(amount: Size): Size {
  return size(`ceil(${amount.formula} / 2)`, amount.slots, (call) => Math.ceil(amount(call) / 2));
}
