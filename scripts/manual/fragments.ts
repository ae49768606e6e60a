import { OPS, specOf, TOKENS_EACH_WAY } from '../../backends/wavecore/isa/layout.ts';
import { MATRIX_SLOTS, SLOT_KINDS, VECTOR_SLOT_SPECS, VECTOR_SLOTS } from '../../backends/wavecore/isa/slots.ts';
import { INSTRUCTION_BYTES, MAX_LOOP_DEPTH, MAX_TOKEN_COUNT, REGISTERS, TOKENS, type Unit } from '../../backends/wavecore/isa/table.ts';
import { FIELDS, MachineSchema } from '../../backends/wavecore/machine/machine.ts';
import { ALIGNMENT, ENTRY_BYTES, HEADER_BYTES, MAGIC, SECTIONS, VERSION } from '../../backends/wavecore/program-file/format.ts';
import { BufferSchema, DebugSchema, MetaSchema, PredictedSchema, SymbolsSchema } from '../../backends/wavecore/program-file/schema.ts';
import { BINARY, BINARY_OPS } from '../../ir/functions/binary.ts';
import { REDUCE_OPS, REDUCTIONS } from '../../ir/functions/reduction.ts';
import { UNARY, UNARY_OPS } from '../../ir/functions/unary.ts';
import { TENSOR_KINDS } from '../../ir/tensor.ts';
import { instructionText } from './instruction.ts';
import { schemaText } from './schema.ts';

const UNITS: Readonly<Record<Unit, string>> = {
  sequencer: 'Sequencer',
  dmaLoad: 'DMA load',
  dmaStore: 'DMA store',
  matrix: 'Matrix unit',
  vector: 'Vector unit',
};

function table(head: readonly string[], rows: readonly (readonly (string | number)[])[]): string {
  const line = (cells: readonly (string | number)[]): string => `| ${cells.join(' | ')} |`;
  return [line(head), `|${'---|'.repeat(head.length)}`, ...rows.map(line)].join('\n');
}

const json = (schema: Parameters<typeof schemaText>[0]): string => `\`\`\`text\n${schemaText(schema)}\n\`\`\``;

function instructions(): string {
  const units = Object.entries(UNITS).map(([unit, title]) => {
    const ops = OPS.filter((op) => specOf(op).unit === unit);
    return [`## Instructions: ${title}`, ...ops.map(instructionText)].join('\n\n');
  });
  return units.join('\n\n');
}

function overview(): string {
  return table(
    ['opcode', 'instruction', 'unit', 'meaning'],
    OPS.map((op) => {
      const { opcode, unit, doc } = specOf(op);
      return [`\`0x${opcode.toString(16).padStart(2, '0')}\``, `[\`${op}\`](#${op.replace('.', '')})`, UNITS[unit], doc];
    }),
  );
}

function vectorSlots(): string {
  const rows = VECTOR_SLOTS.map((slot, i) => {
    const { kind, doc } = VECTOR_SLOT_SPECS[slot];
    return [i, `\`${slot}\``, SLOT_KINDS[kind].doc, doc];
  });
  return table(['number', 'slot', 'value', 'meaning'], rows);
}

/** Functions by the number that the slot OP holds. */
function functions<T extends string>(head: readonly string[], ops: readonly T[], formulas: (op: T) => readonly string[]): string {
  const rows = ops.map((op, i) => [i, `\`${op}\``, ...formulas(op).map((text) => text.replaceAll('|', '\\|'))]);
  return table(['OP', 'name', ...head], rows);
}

/** What the chapters take from the code, by the name between their double braces. */
export const FRAGMENTS: Readonly<Record<string, () => string>> = {
  'last register': () => String(REGISTERS - 1),
  'last token': () => String(TOKENS - 1),
  'tokens each way': () => String(TOKENS_EACH_WAY),
  'most signals': () => String(MAX_TOKEN_COUNT),
  'loop depth': () => String(MAX_LOOP_DEPTH),
  'instruction bytes': () => String(INSTRUCTION_BYTES),
  overview,
  instructions,
  'matrix slots': () =>
    table(
      ['number', 'slot'],
      MATRIX_SLOTS.map((slot, i) => [i, `\`${slot}\``]),
    ),
  'vector slots': vectorSlots,
  'functions of one number': () => functions(['value', 'derivative'], UNARY_OPS, (op) => [UNARY[op].formula, UNARY[op].slope]),
  'functions of two numbers': () =>
    functions(['value', 'derivative by a', 'derivative by b'], BINARY_OPS, (op) => [BINARY[op].formula, ...BINARY[op].slopes]),
  reductions: () => functions(['y', 'derivative by x'], REDUCE_OPS, (op) => [REDUCTIONS[op].formula, REDUCTIONS[op].slope]),
  magic: () => MAGIC,
  version: () => String(VERSION),
  'header bytes': () => String(HEADER_BYTES),
  'entry bytes': () => String(ENTRY_BYTES),
  alignment: () => String(ALIGNMENT),
  sections: () =>
    table(
      ['id', 'section'],
      Object.entries(SECTIONS).map(([name, id]) => [id, `\`${name}\``]),
    ),
  'tensor kinds': () => TENSOR_KINDS.map((kind) => `\`${kind}\``).join(', '),
  meta: () => json(MetaSchema),
  machine: () => json(MachineSchema),
  symbols: () => json(SymbolsSchema),
  debug: () => json(DebugSchema),
  buffer: () => json(BufferSchema),
  predicted: () => json(PredictedSchema),
  'machine fields': () =>
    table(
      ['field', 'unit'],
      Object.entries(FIELDS).map(([field, { unit }]) => [`\`${field}\``, unit]),
    ),
};
