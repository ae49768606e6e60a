import { diag, fail } from '../../../ir/diagnostics.ts';
import { HEADER_BITS, INSTRUCTION_BYTES, type Instruction, type InstructionSpec, ISA } from './table.ts';

const WORDS = INSTRUCTION_BYTES / 4;

/** Puts the low `bits` bits of `value` at bit `at` of the instruction; negative values in two's complement. */
function put(words: Uint32Array, at: number, bits: number, value: number): void {
  let rest = BigInt.asUintN(bits, BigInt(value));
  for (let position = at, left = bits; left > 0; ) {
    const shift = position % 32;
    const take = Math.min(left, 32 - shift);
    const index = Math.floor(position / 32);
    const part = Number(rest & ((1n << BigInt(take)) - 1n));
    words[index] = ((words[index] ?? 0) | ((part << shift) >>> 0)) >>> 0;
    rest >>= BigInt(take);
    position += take;
    left -= take;
  }
}

/** Whether a value can stand in a field. */
export function fits(bits: number, signed: boolean, value: number): boolean {
  if (!Number.isInteger(value)) return false;
  return signed ? value >= -(2 ** (bits - 1)) && value < 2 ** (bits - 1) : value >= 0 && value < 2 ** bits;
}

/** The 4 little-endian words of an instruction. @throws WavecError for an operand that does not fit its field */
export function encode(instruction: Instruction): Uint32Array {
  const spec: InstructionSpec = ISA[instruction.op];
  const words = new Uint32Array(WORDS);
  put(words, 0, 8, spec.opcode);
  const tokens = [instruction.wait[0] ?? 0, instruction.wait[1] ?? 0, instruction.signal[0] ?? 0, instruction.signal[1] ?? 0];
  tokens.forEach((token, i) => put(words, 8 + 6 * i, 6, token));
  let at = HEADER_BITS;
  for (const field of spec.fields) {
    const value = instruction.operands[field.name] ?? 0;
    if (!fits(field.bits, field.type === 'signed', value)) {
      fail(diag.badProgram({}, `${instruction.op}: ${field.name} is ${value}, which does not fit ${field.bits} bits`));
    }
    put(words, at, field.bits, value);
    at += field.bits;
  }
  return words;
}

/** The machine code of a program. */
export function encodeAll(code: readonly Instruction[]): Uint8Array {
  const out = new Uint8Array(code.length * INSTRUCTION_BYTES);
  const view = new DataView(out.buffer);
  code.forEach((instruction, i) => encode(instruction).forEach((word, j) => view.setUint32(i * INSTRUCTION_BYTES + 4 * j, word, true)));
  return out;
}
