import { verify } from '../../backends/wavecore/index.ts';
import { run } from '../../backends/wavecore/interpreter/run.ts';
import { specOf } from '../../backends/wavecore/isa/layout.ts';
import type { Instruction } from '../../backends/wavecore/isa/table.ts';
import type { Program } from '../../backends/wavecore/program.ts';
import { WavecError } from '../../ir/diagnostics.ts';

/** A program with one thing wrong. */
export interface Mutant {
  readonly kind: 'wait removed' | 'signal removed' | 'token removed' | 'signal early' | 'wait late' | 'fence removed' | 'address shifted';
  readonly what: string;
  /** The instruction concerned. */
  readonly at: number;
  readonly program: Program;
}

/** Instructions, and where ranges of layers begin and end. */
interface Code {
  readonly at: readonly Instruction[];
  readonly edges: ReadonlySet<number>;
}

function replaced(program: Program, at: number, ...instructions: Instruction[]): Program {
  const code = [...program.code];
  instructions.forEach((instruction, i) => {
    code[at + i] = instruction;
  });
  return { ...program, code };
}

const without = (tokens: readonly number[], i: number): number[] => tokens.filter((_, j) => j !== i);
const describe = (program: Program, at: number): string => {
  const layer = program.debug.find((r) => r.from <= at && at < r.to)?.layer ?? '';
  return `instruction ${at} (${program.code[at]?.op}) of '${layer}'`;
};

/** Every single wait, and every single signal, left out. */
export function removedTokens(program: Program): Mutant[] {
  return program.code.flatMap((instruction, at): Mutant[] => [
    ...instruction.wait.map((token, i) => ({
      kind: 'wait removed' as const,
      what: `${describe(program, at)}, token ${token}`,
      at,
      program: replaced(program, at, { ...instruction, wait: without(instruction.wait, i) }),
    })),
    ...instruction.signal.map((token, i) => ({
      kind: 'signal removed' as const,
      what: `${describe(program, at)}, token ${token}`,
      at,
      program: replaced(program, at, { ...instruction, signal: without(instruction.signal, i) }),
    })),
  ]);
}

/** Every token of every layer left out on both sides, so that the balance does not tell. */
export function removedPairs(program: Program): Mutant[] {
  return program.debug.flatMap(({ from, to, layer }) => {
    const tokens = new Set(program.code.slice(from, to).flatMap(({ wait, signal }) => [...wait, ...signal]));
    return [...tokens].map((token) => ({
      kind: 'token removed' as const,
      what: `'${layer}', token ${token}`,
      at: from,
      program: {
        ...program,
        code: program.code.map((instruction, at) =>
          at < from || at >= to
            ? instruction
            : { ...instruction, wait: instruction.wait.filter((t) => t !== token), signal: instruction.signal.filter((t) => t !== token) },
        ),
      },
    }));
  });
}

/** Signals given by the instruction before on the same unit, and waits left to the one behind: the same tokens, too weak. */
export function weakened(program: Program): Mutant[] {
  // Layers are kept apart: what a layer signals before it works tells nothing of the one before it.
  const edges = new Set(program.debug.flatMap(({ from, to }) => [from, to]));
  const code = { at: program.code, edges };
  return code.at.flatMap((instruction, at): Mutant[] => {
    const { unit } = specOf(instruction.op);
    const what = describe(program, at);
    const mutants: Mutant[] = [];
    // The signal moves before the last work that it tells of, the wait behind the first work that it guards.
    const work = works(instruction) ? at : nextWork(code, at, -1, unit);
    const before = work === undefined ? undefined : nextOf(code, work, -1, unit);
    if (instruction.signal.length > 0 && before !== undefined && code.at[before]?.signal.length === 0) {
      mutants.push({ kind: 'signal early', what, at, program: moved(program, at, before, 'signal') });
    }
    const guarded = works(instruction) ? at : nextWork(code, at, 1, unit);
    const behind = guarded === undefined ? undefined : nextOf(code, guarded, 1, unit);
    if (instruction.wait.length > 0 && behind !== undefined && code.at[behind]?.wait.length === 0) {
      mutants.push({ kind: 'wait late', what, at, program: moved(program, at, behind, 'wait') });
    }
    return mutants;
  });
}

/** Whether an instruction of a unit touches memory: neither configuration nor synchronization. */
function works({ op }: Instruction): boolean {
  const { reads, writes } = specOf(op);
  return reads.length + writes.length > 0;
}

/** The next instruction of the unit in one direction, with nothing between them that could leave or enter a loop or a layer. */
function nextOf(code: Code, from: number, step: 1 | -1, unit: string): number | undefined {
  for (let i = from + step; i >= 0 && i < code.at.length; i += step) {
    if (code.edges.has(step > 0 ? i : i + 1)) return undefined;
    const op = code.at[i]?.op;
    if (op === undefined || BOUNDARIES.has(op)) return undefined;
    if (specOf(op).unit === unit) return i;
  }
  return undefined;
}

function nextWork(code: Code, from: number, step: 1 | -1, unit: string): number | undefined {
  let at = nextOf(code, from, step, unit);
  while (at !== undefined && !works(code.at[at] ?? NOTHING)) at = nextOf(code, at, step, unit);
  return at;
}

const BOUNDARIES: ReadonlySet<string> = new Set(['loop', 'end', 'skipz', 'skipnz', 'fence', 'halt']);

function moved(program: Program, from: number, to: number, tokens: 'wait' | 'signal'): Program {
  const [source, target] = [program.code[from] ?? NOTHING, program.code[to] ?? NOTHING];
  return replaced(replaced(program, to, { ...target, [tokens]: source[tokens] }), from, { ...source, [tokens]: [] });
}

/** Every single fence replaced by an instruction that does nothing. */
export function removedFences(program: Program): Mutant[] {
  return program.code.flatMap(({ op }, at) =>
    op === 'fence' ? [{ kind: 'fence removed' as const, what: describe(program, at), at, program: replaced(program, at, NOTHING) }] : [],
  );
}

const NOTHING: Instruction = { op: 'la', operands: { rd: 0, rs: 0, scale: 0, base: 0 }, wait: [], signal: [] };
const ADDRESSES: ReadonlySet<string> = new Set([
  'dram',
  'global',
  'base',
  'bias',
  'dst',
  'src',
  'mask',
  'dy',
  'a',
  'b',
  'x',
  'state',
  'stats',
]);

/** Every computed address moved by `bytes`: the constants of the instructions whose register an instruction of a unit then takes as an address. */
export function shiftedAddresses(program: Program, bytes: number): Mutant[] {
  return program.code.flatMap((instruction, at): Mutant[] => {
    const { op, operands } = instruction;
    if ((op !== 'la' && op !== 'par') || !isAddress(program.code, at)) return [];
    const shifted = { ...instruction, operands: { ...operands, base: (operands.base ?? 0) + bytes } };
    return [{ kind: 'address shifted', what: `${describe(program, at)} by ${bytes}`, at, program: replaced(program, at, shifted) }];
  });
}

/** Whether the register that instruction `at` sets is next used as an address. */
function isAddress(code: Program['code'], at: number): boolean {
  const rd = code[at]?.operands.rd;
  for (let i = at + 1; i < code.length; i++) {
    const { op, operands } = code[i] ?? NOTHING;
    const { unit, fields } = specOf(op);
    if (unit !== 'sequencer' && fields.some(({ name, type }) => type === 'reg' && ADDRESSES.has(name) && operands[name] === rd))
      return true;
    if (operands.rs === rd && operands.rd !== rd) return false;
    if (operands.rd === rd && op !== 'mac') return false;
  }
  return false;
}

/** How a mutant is caught; undefined where it is not. */
export function caughtBy({ program }: Mutant): string | undefined {
  try {
    const result = run(program, { mode: 'timing', check: true, instructionLimit: 1e6 });
    const [finding] = result.check?.findings ?? [];
    if (finding !== undefined) return finding.code;
    return verify(program, result).ok ? undefined : 'VERIFY';
  } catch (error) {
    if (error instanceof WavecError) return error.diagnostics[0]?.code ?? 'FAULT';
    throw error;
  }
}
