import { layoutOf, OPS, rangeOf, specOf, TOKENS_EACH_WAY } from './layout.ts';
import { slotFields } from './settings.ts';
import { slotsOf } from './slots.ts';
import { type Instruction, MAX_LOOP_DEPTH, TOKENS } from './table.ts';

/** One thing that is wrong with a program's code. */
export interface CodeProblem {
  readonly instruction: number;
  readonly reason: string;
}

/**
 * Everything that can be wrong with code before it runs: fields out of range, unknown tokens and slots, loops that do not
 * nest, skips that cut a loop, no halt at the end. Empty when the code is well formed.
 */
export function codeProblems(code: readonly Instruction[]): CodeProblem[] {
  const problems: CodeProblem[] = [];
  const report = (instruction: number, reason: string): void => {
    problems.push({ instruction, reason });
  };
  code.forEach((instruction, i) => {
    for (const reason of instructionProblems(instruction)) report(i, reason);
  });
  const loops = enclosingLoops(code, report);
  code.forEach(({ op, operands }, i) => {
    if (op !== 'skipz' && op !== 'skipnz') return;
    const target = i + 1 + (operands.count ?? 0);
    if (target >= code.length) report(i, `skips ${operands.count} instructions, past the end of the program`);
    else if (loops[i + 1] !== loops[target]) report(i, `skips ${operands.count} instructions, which cut a loop`);
  });
  if (code.at(-1)?.op !== 'halt') report(Math.max(0, code.length - 1), 'the program does not end with halt');
  return problems;
}

function instructionProblems({ op, operands, wait, signal }: Instruction): string[] {
  if (!OPS.includes(op)) return [`unknown instruction ${op}`];
  const layout = layoutOf(op);
  const { unit } = specOf(op);
  const problems: string[] = [];
  for (const field of layout) {
    const value = operands[field.name];
    const [least, most] = rangeOf(field);
    if (value === undefined) problems.push(`${op} lacks operand ${field.name}`);
    else if (!Number.isInteger(value) || value < least || value > most)
      problems.push(`${op}: ${field.name} is ${value}, not a whole number in ${least}…${most}`);
  }
  for (const name of Object.keys(operands)) {
    if (!layout.some((field) => field.name === name)) problems.push(`${op} has no operand ${name}`);
  }
  for (const [way, tokens] of [
    ['waits for', wait],
    ['signals', signal],
  ] as const) {
    if (tokens.length > 0 && unit === 'sequencer') problems.push(`${op} runs on the sequencer, which has no tokens`);
    if (tokens.length > TOKENS_EACH_WAY) problems.push(`${op} ${way} ${tokens.length} tokens`);
    for (const token of tokens) if (!Number.isInteger(token) || token < 1 || token >= TOKENS) problems.push(`${op} ${way} token ${token}`);
  }
  if (op === 'loop' && operands.count === 0) problems.push('loop runs 0 times');
  const slots = slotsOf(op)?.length ?? 0;
  for (const name of slotFields(op)) if ((operands[name] ?? 0) >= slots) problems.push(`${op}: there is no slot ${operands[name]}`);
  return problems;
}

/** For every instruction, the `loop` of the innermost loop whose body holds it or whose `end` it is; −1 outside of all loops. */
function enclosingLoops(code: readonly Instruction[], report: (instruction: number, reason: string) => void): Int32Array {
  const open: number[] = [];
  const enclosing = new Int32Array(code.length);
  code.forEach(({ op }, i) => {
    enclosing[i] = open.at(-1) ?? -1;
    if (op === 'loop') {
      open.push(i);
      if (open.length === MAX_LOOP_DEPTH + 1) report(i, `loops nest more than ${MAX_LOOP_DEPTH} deep`);
    }
    if (op === 'end' && open.pop() === undefined) report(i, 'end closes no loop');
  });
  for (const i of open) report(i, 'loop has no end');
  return enclosing;
}
