import { formatType } from '../../../ir/tensor.ts';
import { floatText } from '../isa/float.ts';
import { layoutOf } from '../isa/layout.ts';
import type { Instruction } from '../isa/table.ts';
import type { Allocation, DebugRange, LayerTraffic, Program, ProgramSymbol } from '../program.ts';
import { initialValuesIn } from '../program-file/initial-values.ts';
import { dramBases } from './dram-bases.ts';
import { nameText } from './line.ts';
import { machineLines } from './machine-directive.ts';
import { printInstruction } from './print-instruction.ts';

export interface DisassembleOptions {
  /**
   * The program file and its name. Initial values of more than 16 numbers are then not printed, but referred to: the text names the
   * file, offset and checksum. Without it all values stand in the text.
   */
  readonly source?: { readonly name: string; readonly bytes: Uint8Array };
}

const INLINE_VALUES = 16;

/** The whole program as assembly text, which `assemble` reads back to the same program. */
export function disassemble(program: Program, options: DisassembleOptions = {}): string {
  const { model, mode, cores, batch, schedule, machine, code, symbols, buffer, predicted } = program;
  const head = [
    `; ${code.length} instructions, ${symbols.length} tensors`,
    `.model ${nameText(model)}`,
    `.mode ${mode}`,
    `.cores ${cores}`,
    `.batch ${batch}`,
    `.schedule ${nameText(schedule)}`,
    ...machineLines(machine),
  ];
  const parts = [head, tensorLines(symbols, options), buffer.map(bufferLine), predictLines(predicted), codeLines(program)];
  return `${parts
    .filter((lines) => lines.length > 0)
    .map((lines) => lines.join('\n'))
    .join('\n\n')}\n`;
}

function tensorLines(symbols: readonly ProgramSymbol[], { source }: DisassembleOptions): string[] {
  const stored = source === undefined ? undefined : initialValuesIn(source.bytes);
  return symbols.map((symbol) => {
    const { name, kind, role, address, initial } = symbol;
    const head = `.tensor ${nameText(name)}, ${formatType(symbol)}, kind=${kind}, role=${role}, at=${address}`;
    if (initial === undefined) return head;
    if (initial.form === 'splat') return `${head}, splat=${initial.value}`;
    if (initial.form === 'copyOf') return `${head}, copyOf=${nameText(initial.tensor)}`;
    if (initial.form === 'elided') return `${head}, initial=elided`;
    const { values } = initial;
    const type = values instanceof Float32Array ? 'f32' : 'i32';
    const range = values.length > INLINE_VALUES || values.some(Number.isNaN) ? stored?.get(name) : undefined;
    if (source === undefined || range === undefined)
      return `${head}, values=${type}(${[...values].map(type === 'f32' ? floatText : String).join(', ')})`;
    const { offset, checksum } = range;
    return `${head}, file=${nameText(source.name)}, offset=${offset}, type=${type}, crc32=0x${checksum.toString(16)}`;
  });
}

function bufferLine({ name, group, address, bytes, layers }: Allocation): string {
  const uses = layers.map(({ layer, access }) => `${nameText(layer)}: ${access}`);
  return `.buffer ${nameText(name)}, group=${group}, at=${address}, bytes=${bytes}, layers=(${uses.join(', ')})`;
}

function predictLines(predicted: LayerTraffic): string[] {
  return Object.entries(predicted).map(([layer, kinds]) => {
    const bytes = Object.entries(kinds).map(([kind, { read, write }]) => `, ${kind}=${read}:${write}`);
    return `.predict ${nameText(layer)}${bytes.join('')}`;
  });
}

function codeLines({ code, symbols, debug }: Program): string[] {
  const inOrder = debug.every(({ from, to }, i) => from <= to && from >= (debug[i - 1]?.to ?? 0));
  const lines = inOrder ? [] : debug.map((range) => layerLine(range, `, from=${range.from}, to=${range.to}`));
  const markers = inOrder ? markersOf(debug) : new Map<number, string[]>();
  const bases = dramBases(code, symbols);
  const labels = labelsOf(code);
  let depth = 1;
  code.forEach((instruction, i) => {
    const label = labels.get(i);
    lines.push(...(markers.get(i) ?? []), ...(label === undefined ? [] : [`${label}:`]));
    if (instruction.op === 'end') depth--;
    const [target, base] = [labels.get(targetOf(instruction, i)), bases.get(i)];
    const symbolic = { ...(target === undefined ? {} : { label: target }), ...(base === undefined ? {} : { base }) };
    lines.push(`${'  '.repeat(Math.max(depth, 1))}${printInstruction(instruction, symbolic)}`);
    if (instruction.op === 'loop') depth++;
  });
  return [...lines, ...(markers.get(code.length) ?? [])];
}

/** The lines in front of instructions that begin and end ranges; the ranges lie one behind the other. */
function markersOf(debug: readonly DebugRange[]): Map<number, string[]> {
  const markers = new Map<number, string[]>();
  const mark = (at: number, ...lines: string[]): void => {
    markers.set(at, [...(markers.get(at) ?? []), ...lines]);
  };
  for (const range of debug) {
    mark(range.from, `; instructions ${range.from} to ${range.to - 1}`, layerLine(range));
    mark(range.to, '.endlayer', '');
  }
  return markers;
}

/** A label for every instruction that a skip leads to. */
function labelsOf(code: readonly Instruction[]): Map<number, string> {
  const targets = code.map(targetOf).filter((target) => target >= 0 && target < code.length);
  return new Map(targets.map((target) => [target, `L${target}`]));
}

/** The instruction that a skip leads to; −1 for any other instruction. */
function targetOf({ op, operands }: Instruction, i: number): number {
  const ahead = layoutOf(op).find(({ type }) => type === 'ahead');
  return ahead === undefined ? -1 : i + 1 + (operands[ahead.name] ?? 0);
}

function layerLine({ layer, kind, phase, group, origin, frees, part }: DebugRange, rest = ''): string {
  const freed = frees === undefined ? '' : `, frees=[${frees.map(([from, to]) => `${from}:${to}`).join(', ')}]`;
  const samples = part === undefined ? '' : `, part=${part.from}:${part.to}:${part.of}`;
  return `.layer ${nameText(layer)}, kind=${nameText(kind)}, phase=${phase}, group=${group}, origin=${nameText(origin)}${freed}${samples}${rest}`;
}
