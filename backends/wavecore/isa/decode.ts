import { HEADER_BITS, INSTRUCTION_BYTES, type Instruction, type InstructionSpec, ISA, type Op } from './table.ts';

const BY_OPCODE = new Map<number, Op>();
for (const op of Object.keys(ISA)) if (isOp(op)) BY_OPCODE.set(ISA[op].opcode, op);

function isOp(name: string): name is Op {
  return name in ISA;
}

function take(words: readonly number[], at: number, bits: number, signed: boolean): number {
  let value = 0n;
  for (let position = at, got = 0; got < bits; ) {
    const shift = position % 32;
    const count = Math.min(bits - got, 32 - shift);
    const part = ((words[Math.floor(position / 32)] ?? 0) >>> shift) & (count === 32 ? 0xffffffff : (1 << count) - 1);
    value |= BigInt(part >>> 0) << BigInt(got);
    position += count;
    got += count;
  }
  return Number(signed ? BigInt.asIntN(bits, value) : value);
}

/** What is wrong with an encoded instruction. */
export class DecodeError extends Error {}

/** The instruction that 4 words encode. Throws DecodeError for an unknown opcode or bits that no field has. */
export function decode(words: readonly number[]): Instruction {
  const opcode = (words[0] ?? 0) & 0xff;
  const op = BY_OPCODE.get(opcode);
  if (op === undefined) throw new DecodeError(`unknown opcode 0x${opcode.toString(16).padStart(2, '0')}`);
  const spec: InstructionSpec = ISA[op];
  const tokens = [0, 1, 2, 3].map((i) => take(words, 8 + 6 * i, 6, false));
  const [firstWait, secondWait, firstSignal, secondSignal] = tokens;
  if ((firstWait === 0 && secondWait !== 0) || (firstSignal === 0 && secondSignal !== 0)) {
    throw new DecodeError(`${op}: a second token without a first`);
  }
  const operands: Record<string, number> = {};
  let at = HEADER_BITS;
  for (const field of spec.fields) {
    operands[field.name] = take(words, at, field.bits, field.type === 'signed');
    at += field.bits;
  }
  for (let bit = at; bit < INSTRUCTION_BYTES * 8; bit += 16) {
    if (take(words, bit, Math.min(16, INSTRUCTION_BYTES * 8 - bit), false) !== 0)
      throw new DecodeError(`${op}: bits behind the last field are not zero`);
  }
  return { op, operands, wait: tokens.slice(0, 2).filter((t) => t > 0), signal: tokens.slice(2).filter((t) => t > 0) };
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
