import { layoutOf } from '../isa/layout.ts';
import { type Setting, settingOperands, settingPlaces } from '../isa/settings.ts';
import { slotsOf } from '../isa/slots.ts';
import type { Field, Instruction, Op } from '../isa/table.ts';
import { type Names, readConstant, readExpression, readRegister } from './expression.ts';
import { AFFINE, affineFields, isRegisterField } from './fields.ts';
import type { Line } from './line.ts';

/** An instruction whose operand `field` counts the instructions up to a label. */
export interface Jump {
  readonly field: string;
  readonly label: string;
}

export interface ReadInstruction {
  readonly instruction: Instruction;
  readonly jump?: Jump;
}

type Operands = Record<string, number>;

/**
 * The operands and tokens behind a mnemonic: operands in the order of the fields, or by name, or `rs*scale + base` for three
 * at once; slots by name. More slots than an instruction sets give several instructions. Ranges are left to the check of the code.
 */
export function readInstruction(line: Line, op: Op, names: Names): ReadInstruction[] {
  const settings = readSlots(line, op, names);
  const { operands, jump } = settings === undefined ? readOperands(line, op, names) : { operands: {}, jump: undefined };
  const wait = readTokens(line, names, 'wait');
  const signal = readTokens(line, names, 'signal');
  line.end();
  if (settings === undefined) return [{ instruction: { op, operands, wait, signal }, ...(jump === undefined ? {} : { jump }) }];
  return settings.map((own, i) => ({
    instruction: { op, operands: own, wait: i === 0 ? wait : [], signal: i === settings.length - 1 ? signal : [] },
  }));
}

/** `AM=256, AK=128`: the operands of as many instructions as that takes; undefined where they are given in another way. */
function readSlots(line: Line, op: Op, names: Names): Operands[] | undefined {
  const slots = slotsOf(op);
  if (slots === undefined || !slots.includes(line.peek().text) || !line.sees('=', 1)) return undefined;
  const instructions: Operands[] = [];
  do instructions.push(settingOperands(op, readSettings(line, op, slots, names)));
  while (line.takes(','));
  return instructions;
}

/** The settings of one instruction: of adjacent slots, or of any. */
function readSettings(line: Line, op: Op, slots: readonly string[], names: Names): Setting[] {
  const settings: Setting[] = [];
  for (const { behind } of settingPlaces(op)) {
    const before = settings.at(-1)?.slot;
    if (before !== undefined && behind > 0) {
      const next = slots[before + 1];
      if (next === undefined) break;
      line.expect(',');
      if (!line.sees(next)) line.unexpected(`'${next}=', the slot that is set together with ${slots[before]}`);
    } else if (before !== undefined && !line.takes(',')) break;
    const slot = slots.indexOf(line.peek().text);
    if (slot < 0) line.unexpected('the name of a configuration slot');
    settings.push({ slot, value: readSlot(line, names, slots[slot]) });
  }
  return settings;
}

function readSlot(line: Line, names: Names, slot = ''): number {
  line.next();
  line.expect('=');
  return readConstant(line, names, `the value of slot ${slot}`);
}

function readOperands(line: Line, op: Op, names: Names): { readonly operands: Operands; readonly jump?: Jump } {
  const fields = layoutOf(op);
  const operands: Operands = {};
  let jump: Jump | undefined;
  /** Index of the next field that stands without its name. */
  let next = 0;
  if (atEndOfOperands(line)) return { operands };
  do {
    const named = line.peek().kind === 'word' && line.sees('=', 1);
    const name = named ? line.peek().text : fields[next]?.name;
    const field = fields.find((f) => f.name === name) ?? line.unexpected(expectedOperand(op, fields, named));
    if (operands[field.name] !== undefined) line.refuse(`${op} gives operand ${field.name} twice`);
    if (named) {
      line.next();
      line.next();
    }
    const affine = named ? 0 : affineFields(fields, next);
    if (affine > 0) readAffine(line, names, operands, affine === 3);
    else if (field.type === 'ahead' && line.peek().kind === 'word' && !names.constants.has(line.peek().text)) {
      jump = { field: field.name, label: line.next().text };
      operands[field.name] = 0;
    } else operands[field.name] = readOperand(line, names, field);
    next = named ? fields.length : next + Math.max(affine, 1);
  } while (line.takes(','));
  return jump === undefined ? { operands } : { operands, jump };
}

function readOperand(line: Line, names: Names, field: Field): number {
  const what = `${field.name}: ${field.doc}`;
  return isRegisterField(field) ? readRegister(line, names, what) : readConstant(line, names, what);
}

function readAffine(line: Line, names: Names, operands: Operands, withBase: boolean): void {
  const [rs, scale, base] = AFFINE;
  const { constant, register } = readExpression(line, names);
  operands[rs] = register?.index ?? 0;
  operands[scale] = register?.scale ?? 0;
  if (withBase) operands[base] = constant;
  else if (constant !== 0) line.refuse('expected a register times a constant, found a sum');
}

function expectedOperand(op: Op, fields: readonly Field[], named: boolean): string {
  const known = fields.map((f) => f.name).join(', ');
  if (fields.length === 0) return `the end of the line (${op} has no operands)`;
  return named ? `an operand of ${op} (${known})` : `no further operand without its name (${op} has ${known})`;
}

function atEndOfOperands(line: Line): boolean {
  return line.peek().kind === 'end' || line.sees('wait') || line.sees('signal');
}

function readTokens(line: Line, names: Names, word: 'wait' | 'signal'): number[] {
  const tokens: number[] = [];
  if (!line.takes(word)) return tokens;
  do tokens.push(readConstant(line, names, 'a token'));
  while (line.takes(','));
  return tokens;
}
