import { type Field, type FieldName, HEADER_BITS, INSTRUCTION_BYTES, type InstructionSpec, ISA, type Op } from './table.ts';

/** Where a field lies in the 128 bits of an instruction. */
export interface PlacedField extends Field {
  /** Lowest bit. */
  readonly at: number;
}

/** Bits of the header: opcode, two tokens to wait for, two to signal. */
export const OPCODE_BITS = 8;
export const TOKEN_BITS = 6;
export const TOKENS_EACH_WAY = 2;

export const OPS = Object.keys(ISA) as readonly Op[];

export function specOf(op: Op): InstructionSpec {
  return ISA[op];
}

const LAYOUTS = new Map(OPS.map((op) => [op, placed(specOf(op).fields)]));

function placed(fields: readonly Field[]): readonly PlacedField[] {
  let at = HEADER_BITS;
  return fields.map((field) => {
    const start = at;
    at += field.bits;
    return { ...field, at: start };
  });
}

/** Fields in the order declared, each after the one before, from the end of the header on; none for what is no instruction. */
export function layoutOf(op: Op): readonly PlacedField[] {
  return LAYOUTS.get(op) ?? [];
}

export const MAX_FIELDS = Math.max(...OPS.map((op) => specOf(op).fields.length));

const BY_OPCODE = new Map(OPS.map((op) => [specOf(op).opcode, op]));

export function opOf(opcode: number): Op | undefined {
  return BY_OPCODE.get(opcode);
}

/** Position of every operand among the fields of an instruction, for code that keeps operands in flat arrays. */
export function fieldIndex<O extends Op>(op: O): Readonly<Record<FieldName<O>, number>> {
  return Object.fromEntries(specOf(op).fields.map((field, i) => [field.name, i])) as Record<FieldName<O>, number>;
}

/** Least and greatest value of a field. */
export function rangeOf(field: Field): readonly [number, number] {
  return field.type === 'signed' ? [-(2 ** (field.bits - 1)), 2 ** (field.bits - 1) - 1] : [0, 2 ** field.bits - 1];
}

/** What is wrong with the table: shared opcodes, fields that do not fit, names that repeat. Empty when it is sound. */
export function tableProblems(table: Readonly<Record<string, InstructionSpec>> = ISA): string[] {
  const problems: string[] = [];
  const seen = new Map<number, string>();
  for (const [op, spec] of Object.entries(table)) {
    const other = seen.get(spec.opcode);
    if (other !== undefined) problems.push(`${op} and ${other} share opcode ${spec.opcode}`);
    seen.set(spec.opcode, op);
    if (spec.opcode <= 0 || spec.opcode >= 2 ** OPCODE_BITS) problems.push(`${op}: opcode ${spec.opcode} does not fit`);
    const bits = spec.fields.reduce((sum, field) => sum + field.bits, HEADER_BITS);
    if (bits > INSTRUCTION_BYTES * 8) problems.push(`${op} needs ${bits} bits`);
    if (new Set(spec.fields.map((field) => field.name)).size < spec.fields.length) problems.push(`${op} names a field twice`);
    for (const { name, bits: width } of spec.fields) {
      if (width < 1 || width > 48) problems.push(`${op}: field ${name} has ${width} bits`);
    }
  }
  return problems;
}
