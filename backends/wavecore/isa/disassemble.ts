import type { DebugRange, Program } from '../program.ts';
import { specOf } from './layout.ts';
import { MATRIX_SLOTS, VECTOR_SLOTS } from './slots.ts';
import type { Instruction } from './table.ts';

/** One instruction as text: tokens waited for, mnemonic, operands by name, tokens signalled, and what configuration slots it sets. */
export function formatInstruction({ op, operands, wait, signal }: Instruction): string {
  const fields = specOf(op).fields.map(({ name, type }) => {
    const value = operands[name] ?? 0;
    return `${name}=${type === 'reg' || type === 'half' ? `r${value}` : value}`;
  });
  const parts = [op, fields.join(', ')];
  if (wait.length > 0) parts.push(`wait ${wait.join(', ')}`);
  if (signal.length > 0) parts.push(`signal ${signal.join(', ')}`);
  const slots = op === 'm.cfg' ? MATRIX_SLOTS : op === 'v.cfg' ? VECTOR_SLOTS : undefined;
  const first = operands.slot ?? 0;
  if (slots !== undefined)
    parts.push(
      `; ${[0, 1].flatMap((i) => (slots[first + i] === undefined ? [] : [`${slots[first + i]} = ${operands[`v${i}`]}`])).join(', ')}`,
    );
  return parts.filter((part) => part !== '').join('  ');
}

/** The whole program as text, loops indented, a comment with layer and ONNX node before the code of each layer. */
export function disassemble(program: Pick<Program, 'code' | 'debug'>): string {
  const { code, debug } = program;
  const starts = new Map(debug.map((range) => [range.from, range]));
  const width = String(Math.max(code.length - 1, 0)).length;
  const lines: string[] = [];
  let depth = 0;
  code.forEach((instruction, i) => {
    const range = starts.get(i);
    if (range !== undefined) lines.push('', heading(range));
    if (instruction.op === 'end') depth = Math.max(depth - 1, 0);
    lines.push(`${String(i).padStart(width)}  ${'  '.repeat(depth)}${formatInstruction(instruction)}`);
    if (instruction.op === 'loop') depth++;
  });
  return `${lines.join('\n').replace(/^\n/, '')}\n`;
}

function heading({ layer, kind, phase, group, origin }: DebugRange): string {
  return `; ${phase} layer '${layer}' (${kind}), group ${group}, from node '${origin}'`;
}
