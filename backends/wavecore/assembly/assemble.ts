import { type Diagnostic, WavecError } from '../../../ir/diagnostics.ts';
import { OPS } from '../isa/layout.ts';
import type { Op } from '../isa/table.ts';
import type { Program } from '../program.ts';
import { DIRECTIVES } from './directives.ts';
import { Draft, type ReadFile } from './draft.ts';
import { finish } from './finish.ts';
import { Line } from './line.ts';
import { readInstruction } from './read-instruction.ts';

export interface AssembleOptions {
  /** Named in complaints. */
  readonly file?: string;
  /** Reads a file of initial values (`file=`). Without it such a tensor is refused. */
  readonly readFile?: ReadFile;
}

/**
 * The program that assembly text stands for; the inverse of `disassemble`. A line holds
 *
 *     .directive arguments           (directives.ts)
 *     label:
 *     mnemonic operands wait tokens signal tokens
 *
 * or nothing; a comment runs from `;` to its end. Operands stand in the order of the ISA table or as `name=value`; fields `rs, scale,
 * base` may be one expression `rs*scale + base`; slots are set by their names, two adjacent ones an instruction; the
 * count of a skip may be a label further down. What an expression may hold stands in expression.ts.
 * @throws WavecError with every problem of the text, each with file and line
 */
export function assemble(source: string, options: AssembleOptions = {}): Program {
  const { file = 'text' } = options;
  const draft = new Draft(file, options.readFile);
  const problems: Diagnostic[] = [];
  source.split('\n').forEach((text, i) => {
    const instructions = draft.code.length;
    try {
      readLine(new Line(text, file, i + 1), draft);
    } catch (error) {
      if (!(error instanceof WavecError)) throw error;
      problems.push(...error.diagnostics);
      if (draft.code.length === instructions) keepPlace(draft, text, i + 1);
    }
  });
  return finish(draft, problems);
}

/** One line: a directive, a label, an instruction, or nothing. */
function readLine(line: Line, draft: Draft): void {
  const { kind } = line.peek();
  if (kind === 'directive') readDirective(line, draft);
  else if (kind === 'word' && line.sees(':', 1)) readLabel(line, draft);
  else if (kind !== 'end') readCode(line, draft);
}

function readDirective(line: Line, draft: Draft): void {
  const { text } = line.peek();
  const known = Object.keys(DIRECTIVES).join(', ');
  const directive = (Object.hasOwn(DIRECTIVES, text) ? DIRECTIVES[text] : undefined) ?? line.unexpected(`a directive (${known})`);
  line.next();
  directive.read(line, draft);
  line.end();
}

function readLabel(line: Line, draft: Draft): void {
  const label = line.name('a label');
  line.expect(':');
  line.end();
  if (draft.labels.has(label)) line.refuse(`label '${label}' stands above already`);
  draft.labels.set(label, draft.code.length);
}

function readCode(line: Line, draft: Draft): void {
  const op = opOf(line.peek().text) ?? line.unexpected('an instruction, a label: or a .directive');
  line.next();
  for (const { instruction, jump } of readInstruction(line, op, draft.names)) {
    if (jump !== undefined) draft.jumps.set(draft.code.length, jump);
    draft.code.push({ item: instruction, line: line.number });
  }
}

/** Puts something in the place of an instruction that could not be read. */
function keepPlace({ code, unread }: Draft, text: string, line: number): void {
  const [mnemonic = ''] = text.trim().split(/[\s;]/);
  const op = opOf(mnemonic);
  if (op === undefined) return;
  unread.add(code.length);
  code.push({ item: { op, operands: {}, wait: [], signal: [] }, line });
}

function opOf(mnemonic: string): Op | undefined {
  return OPS.find((op) => op === mnemonic);
}
