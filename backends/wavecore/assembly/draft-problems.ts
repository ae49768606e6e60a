import { type Diagnostic, diag } from '../../../ir/diagnostics.ts';
import { codeProblems } from '../isa/check.ts';
import type { Machine } from '../machine/machine.ts';
import type { DebugRange } from '../program.ts';
import { allocationProblems, type EntryProblem, rangeProblems } from '../program-file/extents.ts';
import { symbolProblems } from '../program-file/symbols.ts';
import type { Draft } from './draft.ts';

/** What is wrong with a program that has been read, line by line: the checks of the program file, with the lines of the text. */
export function draftProblems(draft: Draft, debug: readonly DebugRange[], machine: Machine | undefined): Diagnostic[] {
  const { file } = draft;
  const at = (line: number, reason: string): Diagnostic => diag.badAssembly({ file, line }, reason);
  const entries = (problems: readonly EntryProblem[], lines: readonly number[]): Diagnostic[] =>
    problems.map(({ index, reason }) => at(lines[index] ?? 1, reason));
  const code = codeProblems(draft.code).filter(({ instruction }) => !draft.unread.has(instruction));
  return [
    ...draft.open.map(({ line }) => at(line, 'no .endlayer ends this layer')),
    ...code.map(({ instruction, reason }) => at(draft.codeLines[instruction] ?? 1, reason)),
    ...entries(symbolProblems(draft.symbols), draft.symbolLines),
    ...entries(rangeProblems(debug, draft.code.length), draft.debugLines),
    ...(machine === undefined ? [] : entries(allocationProblems(draft.buffer, machine), draft.bufferLines)),
  ];
}
