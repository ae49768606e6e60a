import { layoutOf } from '../isa/layout.ts';
import type { FieldName, Instruction } from '../isa/table.ts';
import type { ProgramSymbol } from '../program.ts';
import { isRegisterField } from './fields.ts';
import { nameText } from './line.ts';

const DRAM: FieldName<'d.ld'> = 'dram';

/**
 * The constants of a program that are addresses in DRAM, as `&tensor + offset`, by instruction: those of a register whose next
 * use, adding to it aside, is as the DRAM address of a transfer. What is not recognized stays a number, which is as right.
 */
export function dramBases(code: readonly Instruction[], symbols: readonly ProgramSymbol[]): Map<number, string> {
  const sorted = [...symbols].sort((a, b) => a.address - b.address);
  const bases = new Map<number, string>();
  code.forEach(({ op, operands }, i) => {
    if (op !== 'la' || !leadsToDram(code, i + 1, operands.rd ?? 0)) return;
    const text = addressText(sorted, operands.base ?? 0);
    if (text !== undefined) bases.set(i, text);
  });
  return bases;
}

/** Where the next use is not found in so many instructions, an address is not looked for. */
const HORIZON = 32;

function leadsToDram(code: readonly Instruction[], from: number, register: number): boolean {
  for (const { op, operands } of code.slice(from, from + HORIZON)) {
    const uses = layoutOf(op).filter((field) => isRegisterField(field) && operands[field.name] === register);
    if (uses.length === 0 || (op === 'mac' && operands.rs !== register)) continue;
    return uses.some((field) => field.name === DRAM);
  }
  return false;
}

/** The tensor that lies at an address; of several that share it, the first. */
function addressText(sorted: readonly ProgramSymbol[], address: number): string | undefined {
  const start = sorted.findLast((s) => s.address <= address)?.address;
  const symbol = sorted.find((s) => s.address === start);
  if (symbol === undefined || address >= symbol.address + symbol.bytes) return undefined;
  const name = `&${nameText(symbol.name)}`;
  return address === start ? name : `${name} + ${address - symbol.address}`;
}
