import { floatBits, floatOf, floatText } from '../isa/float.ts';
import { layoutOf } from '../isa/layout.ts';
import { ownSettings } from '../isa/settings.ts';
import { FLOAT_SLOTS, slotsOf } from '../isa/slots.ts';
import type { Field, Instruction } from '../isa/table.ts';
import { affineFields, isRegisterField } from './fields.ts';

/** What the printer may say in names. */
export interface Symbolic {
  /** The instruction that a skip leads to. */
  readonly label?: string;
  /** The base of an address as text. */
  readonly base?: string;
}

/** Operands that stand without their names at the head of an instruction. */
const PLAIN: readonly string[] = ['rd', 'rs'];

/** One instruction as assembly text. */
export function printInstruction(instruction: Instruction, symbolic: Symbolic = {}): string {
  const operands = slotText(instruction) ?? operandTexts(instruction, symbolic).join(', ');
  return withTokens(instruction, operands);
}

/** One instruction with every field by its name; reads back to the same instruction as well. */
export function printFields(instruction: Instruction): string {
  return withTokens(
    instruction,
    layoutOf(instruction.op)
      .map((field) => named(instruction, field))
      .join(', '),
  );
}

function withTokens({ op, wait, signal }: Instruction, operands: string): string {
  const waits = wait.length === 0 ? '' : ` wait ${wait.join(', ')}`;
  const signals = signal.length === 0 ? '' : ` signal ${signal.join(', ')}`;
  return `${operands === '' ? op : `${op} ${operands}`}${waits}${signals}`;
}

/** `AM=256, AK=128`; undefined for what is not settings of named slots. */
function slotText(instruction: Instruction): string | undefined {
  const slots = slotsOf(instruction.op);
  if (slots === undefined) return undefined;
  const texts: string[] = [];
  for (const { slot, value } of ownSettings(instruction)) {
    const name = slots[slot];
    if (name === undefined) return undefined;
    texts.push(`${name}=${slotValue(name, value)}`);
  }
  return texts.join(', ');
}

/** Slots that hold an f32 in its shortest decimal form; bits that no such form gives as a number. */
function slotValue(slot: string, bits: number): string {
  const value = floatOf(bits);
  return FLOAT_SLOTS.has(slot) && floatBits(value) === bits ? `f32(${floatText(value)})` : String(bits);
}

function operandTexts(instruction: Instruction, { label, base }: Symbolic): string[] {
  const fields = layoutOf(instruction.op);
  const texts: string[] = [];
  let plain = true;
  for (let i = 0; i < fields.length; i++) {
    const field = fields[i];
    if (field === undefined) break;
    const affine = plain ? affineFields(fields, i) : 0;
    if (affine > 0) {
      texts.push(affineText(instruction, affine === 3, base));
      i += affine - 1;
    } else if (plain && field.type === 'ahead' && label !== undefined) texts.push(label);
    else {
      plain &&= PLAIN.includes(field.name);
      texts.push(plain ? valueText(instruction, field) : named(instruction, field));
    }
  }
  return texts;
}

function valueText({ operands }: Instruction, field: Field): string {
  const value = operands[field.name] ?? 0;
  return isRegisterField(field) ? `r${value}` : String(value);
}

function named(instruction: Instruction, field: Field): string {
  return `${field.name}=${valueText(instruction, field)}`;
}

/** `rs*scale + base` without what is 0 or 1. */
function affineText({ operands }: Instruction, withBase: boolean, symbolicBase?: string): string {
  const { rs = 0, scale = 0, base = 0 } = operands;
  const product = scale === 1 ? `r${rs}` : `r${rs}*${scale}`;
  if (!withBase) return product;
  const constant = symbolicBase ?? String(Math.abs(base));
  const negative = symbolicBase === undefined && base < 0;
  if (rs === 0 && scale === 0) return negative ? `-${constant}` : constant;
  return base === 0 && symbolicBase === undefined ? product : `${product} ${negative ? '-' : '+'} ${constant}`;
}
