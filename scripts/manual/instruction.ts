import { printInstruction } from '../../backends/wavecore/assembly/print-instruction.ts';
import { slotsReadBy } from '../../backends/wavecore/interpreter/vector/handler.ts';
import type { Semantics, Use, VectorOp } from '../../backends/wavecore/interpreter/vector/semantics.ts';
import { SEMANTICS } from '../../backends/wavecore/interpreter/vector/table.ts';
import { encodeAll } from '../../backends/wavecore/isa/encode.ts';
import { layoutOf, OPCODE_BITS, type PlacedField, specOf, TOKEN_BITS } from '../../backends/wavecore/isa/layout.ts';
import { BEHAVIOUR, type Behaviour } from '../../backends/wavecore/isa/manual/behaviour.ts';
import { HEADER_BITS, INSTRUCTION_BYTES, type Instruction, type Op } from '../../backends/wavecore/isa/table.ts';

/** All that the manual says of one instruction. */
export function instructionText(op: Op): string {
  const { doc } = specOf(op);
  const { code }: Behaviour = BEHAVIOUR[op];
  return [`### \`${op}\``, doc, encoding(op), operands(op), `\`\`\`text\n${code}\n\`\`\``, costs(op), example(op)]
    .filter((part) => part !== '')
    .join('\n\n');
}

const hex = (value: number, digits: number): string => `0x${value.toString(16).padStart(digits, '0')}`;

/** Every bit range of the 128 bits, with its value or the field it holds. */
function encoding(op: Op): string {
  const { opcode, unit } = specOf(op);
  const tokens = ['wait 0', 'wait 1', 'signal 0', 'signal 1'];
  const rows: [number, number, string][] = [[0, OPCODE_BITS, `opcode \`${hex(opcode, 2)}\``]];
  if (unit === 'sequencer') rows.push([OPCODE_BITS, HEADER_BITS, '0']);
  else tokens.forEach((name, i) => rows.push([OPCODE_BITS + i * TOKEN_BITS, OPCODE_BITS + (i + 1) * TOKEN_BITS, `token, ${name}`]));
  let end = HEADER_BITS;
  for (const { name, at, bits } of layoutOf(op)) {
    rows.push([at, at + bits, `\`${name}\``]);
    end = at + bits;
  }
  if (end < INSTRUCTION_BYTES * 8) rows.push([end, INSTRUCTION_BYTES * 8, '0']);
  return `| bits | ${rows.map(([from, to]) => (to === from + 1 ? from : `${from}–${to - 1}`)).join(' | ')} |
|---${'|---'.repeat(rows.length)}|
| | ${rows.map(([, , what]) => what).join(' | ')} |`;
}

const TYPES: Readonly<Record<PlacedField['type'], (bits: number) => string>> = {
  reg: () => 'register',
  half: () => 'register, half',
  unsigned: (bits) => `unsigned, ${bits} ${bits === 1 ? 'bit' : 'bits'}`,
  ahead: (bits) => `unsigned, ${bits} bits`,
  signed: (bits) => `signed, ${bits} bits`,
};

/** Operands with their type and meaning; of vector instructions also the access, the alignment and the extent. */
function operands(op: Op): string {
  const fields = layoutOf(op);
  if (fields.length === 0) return '';
  const semantics = semanticsOf(op);
  if (semantics === undefined) {
    const rows = fields.map(({ name, type, bits, doc }) => `| \`${name}\` | ${TYPES[type](bits)} | ${doc} |`);
    return `| operand | type | meaning |\n|---|---|---|\n${rows.join('\n')}`;
  }
  const uses: Readonly<Record<string, Use>> = semantics.uses;
  const rows = fields.map(({ name, type, bits, doc }) => {
    const use = uses[name];
    const access = use === undefined ? '| |' : `${accessText(use)} | ${use.align} | ${use.bytes.formula}`;
    return `| \`${name}\` | ${TYPES[type](bits)} | ${doc} | ${access} |`;
  });
  return `| operand | type | meaning | access | alignment | bytes |\n|---|---|---|---|---|---|\n${rows.join('\n')}`;
}

function accessText({ access, reads }: Use): string {
  return reads === undefined ? ACCESSES[access] : `written; read too where \`${reads.formula}\` is not 0`;
}

const ACCESSES: Readonly<Record<Use['access'], string>> = { read: 'read', write: 'written', update: 'read and written' };

function semanticsOf(op: Op): Semantics | undefined {
  const table: Readonly<Partial<Record<Op, Semantics>>> = SEMANTICS satisfies Readonly<Record<VectorOp, unknown>>;
  return table[op];
}

function costs(op: Op): string {
  const semantics = semanticsOf(op);
  const { cycles, accesses }: Behaviour = BEHAVIOUR[op];
  const lines: string[] = [];
  if (accesses !== undefined) lines.push(`Accesses: ${accesses}.`);
  if (semantics !== undefined) {
    const { elements, passes, needs = [] } = semantics;
    const slots = slotsReadBy(semantics);
    lines.push(`Slots: ${slots.length === 0 ? 'none' : slots.map((slot) => `\`${slot}\``).join(', ')}.`);
    for (const { text } of needs) lines.push(`Needs: ${text}.`);
    lines.push(`Cycles: startCycles + passes × ceil(elements / lanes), elements = ${elements.formula}, passes = ${passes.formula}.`);
  } else lines.push(`Cycles: ${cycles}.`);
  return lines.join('  \n');
}

/** Registers counted from 1, flags set, small numbers; what text and encoder make of it. */
function example(op: Op): string {
  const onUnit = specOf(op).unit !== 'sequencer';
  const instruction: Instruction = {
    op,
    operands: Object.fromEntries(layoutOf(op).map((field, i) => [field.name, exampleOf(field, i)])),
    wait: onUnit ? [3] : [],
    signal: onUnit ? [4] : [],
  };
  const bytes = Array.from(encodeAll([instruction]), (byte) => byte.toString(16).padStart(2, '0')).join(' ');
  return `\`\`\`text\n${printInstruction(instruction)}\n${bytes}\n\`\`\``;
}

function exampleOf({ type, bits, name }: PlacedField, position: number): number {
  if (type === 'reg' || type === 'half') return position + 1;
  // slot, slot0, slot1, …: numbers that are slots.
  if (name.startsWith('slot')) return Number(name.slice('slot'.length));
  if (bits === 1) return 1;
  return type === 'signed' ? -(2 ** (position + 3)) : 2 ** (position + 3);
}
