import { type DynamicCount, dynamicCount } from './dynamic-count.ts';
import { layoutOf, OPS, specOf } from './layout.ts';
import { INSTRUCTION_BYTES, type Instruction, type Op, type Unit } from './table.ts';

/** What can be said of code without running it. */
export interface CodeStatistics {
  readonly instructions: number;
  readonly bytes: number;
  /** Instructions of a run, of all cores; undefined where they cannot be counted. */
  readonly dynamic: DynamicCount | undefined;
  /** In the order of the ISA table, those that occur. */
  readonly mnemonics: readonly MnemonicCount[];
  readonly loops: { readonly count: number; readonly depth: number };
  /** Numbers that occur, in order. Register 0 is left out. */
  readonly tokens: readonly number[];
  readonly registers: readonly number[];
}

export interface MnemonicCount {
  readonly mnemonic: Op;
  readonly unit: Unit;
  readonly instructions: number;
}

/** @param cores that execute the code */
export function codeStatistics(code: readonly Instruction[], cores: number): CodeStatistics {
  return {
    instructions: code.length,
    bytes: code.length * INSTRUCTION_BYTES,
    dynamic: dynamicCount(code, cores),
    mnemonics: mnemonicCounts(code),
    loops: { count: code.filter(({ op }) => op === 'loop').length, depth: depthOf(code) },
    tokens: numbers(code.flatMap(({ wait, signal }) => [...wait, ...signal])),
    registers: numbers(code.flatMap(registersOf)),
  };
}

function mnemonicCounts(code: readonly Instruction[]): MnemonicCount[] {
  const counts = new Map<Op, number>();
  for (const { op } of code) counts.set(op, (counts.get(op) ?? 0) + 1);
  return OPS.flatMap((mnemonic) => {
    const instructions = counts.get(mnemonic);
    return instructions === undefined ? [] : [{ mnemonic, unit: specOf(mnemonic).unit, instructions }];
  });
}

function depthOf(code: readonly Instruction[]): number {
  let [depth, deepest] = [0, 0];
  for (const { op } of code) {
    if (op === 'loop') depth++;
    if (op === 'end') depth--;
    deepest = Math.max(deepest, depth);
  }
  return deepest;
}

function registersOf({ op, operands }: Instruction): number[] {
  const fields = layoutOf(op).filter(({ type }) => type === 'reg' || type === 'half');
  return fields.map(({ name }) => operands[name] ?? 0);
}

/** Each number above 0 once, in order. */
function numbers(list: readonly number[]): number[] {
  return [...new Set(list)].filter((n) => n > 0).sort((a, b) => a - b);
}
