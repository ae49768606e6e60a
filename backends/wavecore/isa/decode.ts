import { layoutOf, OPCODE_BITS, opOf, TOKEN_BITS } from './layout.ts';
import { HEADER_BITS, INSTRUCTION_BYTES, type Instruction } from './table.ts';

/** The number of `bits` bits at bit `at` of the instruction. */
function take(words: readonly number[], at: number, bits: number): number {
  let value = 0;
  for (let position = at; position < at + bits; ) {
    const shift = position % 32;
    const taken = Math.min(at + bits - position, 32 - shift);
    const part = ((words[Math.floor(position / 32)] ?? 0) >>> shift) % 2 ** taken;
    value += part * 2 ** (position - at);
    position += taken;
  }
  return value;
}

/** What is wrong with an encoded instruction. */
export class DecodeError extends Error {}

/**
 * The instruction that 4 words encode.
 * @throws DecodeError for what no encoder writes: an unknown opcode, a second token without a first, bits that no field has
 */
export function decode(words: readonly number[]): Instruction {
  const opcode = take(words, 0, OPCODE_BITS);
  const op = opOf(opcode);
  if (op === undefined) throw new DecodeError(`unknown opcode 0x${opcode.toString(16).padStart(2, '0')}`);
  const tokenPair = (first: number): number[] => {
    const [one, two] = [first, first + 1].map((i) => take(words, OPCODE_BITS + i * TOKEN_BITS, TOKEN_BITS));
    if (one === 0 && two !== 0) throw new DecodeError(`${op}: a second token without a first`);
    return [one ?? 0, two ?? 0].filter((token) => token > 0);
  };
  const [wait, signal] = [tokenPair(0), tokenPair(2)];
  const operands: Record<string, number> = {};
  let end = HEADER_BITS;
  for (const { name, type, at, bits } of layoutOf(op)) {
    const value = take(words, at, bits);
    operands[name] = type === 'signed' && value >= 2 ** (bits - 1) ? value - 2 ** bits : value;
    end = at + bits;
  }
  for (let bit = end; bit < INSTRUCTION_BYTES * 8; bit += 32 - (bit % 32)) {
    if (take(words, bit, 32 - (bit % 32)) !== 0) throw new DecodeError(`${op}: bits behind the last field are not zero`);
  }
  return { op, operands, wait, signal };
}

/** All instructions of a program's machine code. */
export function decodeAll(code: Uint8Array): Instruction[] {
  const view = new DataView(code.buffer, code.byteOffset, code.byteLength);
  const out: Instruction[] = [];
  for (let at = 0; at + INSTRUCTION_BYTES <= code.byteLength; at += INSTRUCTION_BYTES) {
    out.push(decode([0, 4, 8, 12].map((o) => view.getUint32(at + o, true))));
  }
  return out;
}
