import { type Diagnostic, diag, fail, WavecError } from '../../../ir/diagnostics.ts';
import { OPS } from '../isa/layout.ts';
import type { Instruction, Op } from '../isa/table.ts';
import { machineFrom, presetMachine } from '../machine/load.ts';
import type { Machine } from '../machine/machine.ts';
import type { DebugRange, Program } from '../program.ts';
import { DIRECTIVES } from './directives.ts';
import { Draft, type ReadFile } from './draft.ts';
import { draftProblems } from './draft-problems.ts';
import { Line } from './line.ts';
import { readInstruction } from './read-instruction.ts';

export interface AssembleOptions {
  /** Named in complaints. */
  readonly file?: string;
  /** Reads a file of initial values (`file=`). Without it such a tensor is refused. */
  readonly readFile?: ReadFile;
}

/**
 * The program that assembly text stands for; the inverse of `disassemble`.
 * @throws WavecError with every problem of the text, each with file and line
 */
export function assemble(source: string, options: AssembleOptions = {}): Program {
  const { file = 'text' } = options;
  const draft = new Draft(file, options.readFile);
  const problems: Diagnostic[] = [];
  source.split('\n').forEach((text, i) => {
    const before = draft.code.length;
    const [, failure] = attempt(() => readLine(new Line(text, file, i + 1), draft, i + 1));
    problems.push(...failure);
    const op = opOf(text);
    if (failure.length > 0 && op !== undefined && draft.code.length === before) {
      draft.unread.add(before);
      push(draft, { op, operands: {}, wait: [], signal: [] }, i + 1);
    }
  });
  const jumps = resolveJumps(draft);
  const [machine, unknownMachine] = attempt(() => machineOf(draft));
  const debug = draft.debug.map(({ from, to = from, ...info }): DebugRange => ({ from, to, ...info }));
  problems.push(...jumps, ...unknownMachine, ...draftProblems(draft, debug, machine));
  if (problems.length > 0 || machine === undefined) throw new WavecError(problems.sort(byLine));
  const { code, symbols, head, buffer } = draft;
  return { ...head, machine, code, symbols, debug, buffer, predicted: Object.fromEntries(draft.predicted) };
}

function byLine(a: Diagnostic, b: Diagnostic): number {
  return (a.place.line ?? 0) - (b.place.line ?? 0);
}

/** One line: a directive, a label, an instruction, or nothing. */
function readLine(line: Line, draft: Draft, number: number): void {
  const { kind } = line.peek();
  if (kind === 'directive') readDirective(line, draft, number);
  else if (kind === 'word' && line.sees(':', 1)) readLabel(line, draft);
  else if (kind !== 'end') readCode(line, draft, number);
}

function readDirective(line: Line, draft: Draft, number: number): void {
  const { text } = line.peek();
  const known = Object.keys(DIRECTIVES).join(', ');
  const directive = (Object.hasOwn(DIRECTIVES, text) ? DIRECTIVES[text] : undefined) ?? line.unexpected(`a directive (${known})`);
  line.next();
  directive.read(line, draft, number);
  line.end();
}

function readCode(line: Line, draft: Draft, number: number): void {
  const op = opOf(line.peek().text) ?? line.unexpected('an instruction, a label: or a .directive');
  line.next();
  for (const { instruction, jump } of readInstruction(line, op, draft.names)) {
    if (jump !== undefined) draft.jumps.push({ ...jump, instruction: draft.code.length, line: number });
    push(draft, instruction, number);
  }
}

function readLabel(line: Line, draft: Draft): void {
  const label = line.name('a label');
  line.expect(':');
  line.end();
  if (draft.labels.has(label)) line.refuse(`label '${label}' stands above already`);
  draft.labels.set(label, draft.code.length);
}

function push(draft: Draft, instruction: Instruction, line: number): void {
  draft.code.push(instruction);
  draft.codeLines.push(line);
}

function opOf(text: string): Op | undefined {
  const [word] = text.trim().split(/[\s;]/);
  return OPS.find((op) => op === word);
}

/** Replaces labels by the number of instructions up to them. */
function resolveJumps({ jumps, labels, code, unread, file }: Draft): Diagnostic[] {
  return jumps.flatMap(({ instruction, field, label, line }) => {
    const refused = (reason: string): Diagnostic[] => {
      unread.add(instruction);
      return [diag.badAssembly({ file, line }, reason)];
    };
    const [at, from] = [labels.get(label), code[instruction]];
    if (at === undefined || from === undefined) return refused(`there is no label '${label}'`);
    const count = at - instruction - 1;
    if (count < 0) return refused(`label '${label}' stands above; a skip leads forward`);
    code[instruction] = { ...from, operands: { ...from.operands, [field]: count } };
    return [];
  });
}

function machineOf({ machine, file }: Draft): Machine {
  const { extends: preset, fields } = machine;
  if (Object.keys(fields).length > 0) return machineFrom({ extends: preset, ...fields }, file);
  return presetMachine(preset) ?? fail(diag.internal({ file }, `there is no preset ${preset}`));
}

/** What `action` gives, and the diagnostics that it ends with. */
function attempt<T>(action: () => T): [result: T | undefined, problems: readonly Diagnostic[]] {
  try {
    return [action(), []];
  } catch (error) {
    if (error instanceof WavecError) return [undefined, error.diagnostics];
    throw error;
  }
}
