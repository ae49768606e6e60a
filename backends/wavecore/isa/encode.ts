import { diag, fail } from '../../../ir/diagnostics.ts';
import { layoutOf, OPCODE_BITS, rangeOf, specOf, TOKEN_BITS } from './layout.ts';
import { INSTRUCTION_BYTES, type Instruction } from './table.ts';

const WORDS = INSTRUCTION_BYTES / 4;

/** Puts a number of `bits` bits at bit `at` of the instruction; negative ones in two's complement. */
function put(words: Uint32Array, at: number, bits: number, value: number): void {
  let rest = value < 0 ? value + 2 ** bits : value;
  for (let position = at; position < at + bits; ) {
    const shift = position % 32;
    const taken = Math.min(at + bits - position, 32 - shift);
    const index = Math.floor(position / 32);
    words[index] = (words[index] ?? 0) + (rest % 2 ** taken) * 2 ** shift;
    rest = Math.floor(rest / 2 ** taken);
    position += taken;
  }
}

/**
 * The 4 words of an instruction.
 * @throws WavecError for an operand that does not fit its field
 */
export function encode({ op, operands, wait, signal }: Instruction): Uint32Array {
  const words = new Uint32Array(WORDS);
  put(words, 0, OPCODE_BITS, specOf(op).opcode);
  [wait[0], wait[1], signal[0], signal[1]].forEach((token, i) => {
    put(words, OPCODE_BITS + i * TOKEN_BITS, TOKEN_BITS, token ?? 0);
  });
  for (const field of layoutOf(op)) {
    const value = operands[field.name] ?? 0;
    const [least, most] = rangeOf(field);
    if (!Number.isInteger(value) || value < least || value > most) {
      fail(diag.badProgram({}, `${op}: ${field.name} is ${value}, which does not fit ${field.bits} bits`));
    }
    put(words, field.at, field.bits, value);
  }
  return words;
}

/** The machine code of a program, words little-endian. */
export function encodeAll(code: readonly Instruction[]): Uint8Array {
  const out = new Uint8Array(code.length * INSTRUCTION_BYTES);
  const view = new DataView(out.buffer);
  code.forEach((instruction, i) => {
    encode(instruction).forEach((word, j) => {
      view.setUint32(i * INSTRUCTION_BYTES + 4 * j, word, true);
    });
  });
  return out;
}
