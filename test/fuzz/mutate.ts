import { decodeAll } from '../../backends/wavecore/isa/decode.ts';
import { encodeAll } from '../../backends/wavecore/isa/encode.ts';
import { layoutOf, OPS, rangeOf, specOf } from '../../backends/wavecore/isa/layout.ts';
import { slotFields } from '../../backends/wavecore/isa/settings.ts';
import { slotsOf } from '../../backends/wavecore/isa/slots.ts';
import { type Instruction, TOKENS } from '../../backends/wavecore/isa/table.ts';
import { joinSections } from '../../backends/wavecore/program-file/encode.ts';
import { SECTION_NAMES, type SectionName } from '../../backends/wavecore/program-file/format.ts';
import { readSections } from '../../backends/wavecore/program-file/sections.ts';
import type { Random } from './random.ts';

/** Another file made of sound ones. Those that work on sections repair the checksums, so that the change reaches what reads it. */
type Mutation = (random: Random, file: Uint8Array, other: Uint8Array) => Uint8Array;

export const MUTATIONS: Readonly<Record<string, Mutation>> = {
  'flip bytes of the file': (random, file) => flipped(random, file),
  'cut the file': (random, file) => file.slice(0, random.below(file.length)),
  'append to the file': (random, file) => Uint8Array.of(...file.subarray(0, 64), ...file.subarray(64), random.below(256)),
  'splice two files': (random, file, other) => spliced(random, file, other),
  'flip bytes of a section': (random, file) => withSection(random, file, random.pick(SECTION_NAMES), (bytes) => flipped(random, bytes)),
  'cut a section': (random, file) =>
    withSection(random, file, random.pick(SECTION_NAMES), (bytes) => bytes.slice(0, random.below(bytes.length + 1))),
  'swap two sections': (random, file) => {
    const sections = readSections(file);
    const [a, b] = [random.pick(SECTION_NAMES), random.pick(SECTION_NAMES)];
    return joinSections({ ...sections, [a]: sections[b], [b]: sections[a] });
  },
  'take a section of another file': (random, file, other) => {
    const name = random.pick(SECTION_NAMES);
    return joinSections({ ...readSections(file), [name]: readSections(other)[name] });
  },
  'change a value of the JSON': (random, file) =>
    withSection(random, file, random.pick(JSON_SECTIONS), (bytes) => {
      const root: unknown = JSON.parse(new TextDecoder().decode(bytes));
      for (let i = 0; i <= random.below(3); i++) changeValue(random, root);
      return new TextEncoder().encode(JSON.stringify(root));
    }),
  'change operands': (random, file) => withCode(random, file, (code) => times(random, 4, () => changeOperand(random, code))),
  'move instructions': (random, file) => withCode(random, file, (code) => times(random, 3, () => moveInstruction(random, code))),
  'insert any instruction': (random, file) =>
    withCode(random, file, (code) => times(random, 3, () => code.splice(random.below(code.length), 0, anyInstruction(random)))),
  'replace configuration': (random, file) => withCode(random, file, (code) => times(random, 3, () => changeConfiguration(random, code))),
};

const JSON_SECTIONS = SECTION_NAMES.filter((name) => name !== 'code' && name !== 'data');
const NUMBERS = [
  0,
  1,
  -1,
  2,
  3,
  7,
  8,
  255,
  256,
  65535,
  65536,
  2 ** 24,
  2 ** 31 - 1,
  2 ** 31,
  -(2 ** 31),
  2 ** 32,
  2 ** 40,
  2 ** 47,
  2 ** 53,
];

function times(random: Random, most: number, act: () => void): void {
  for (let i = random.below(most); i >= 0; i--) act();
}

function flipped(random: Random, bytes: Uint8Array): Uint8Array {
  const out = bytes.slice();
  for (let i = 0; i <= random.below(4); i++) {
    const at = random.below(out.length);
    if (at < out.length) out[at] = (out[at] ?? 0) ^ (1 << random.below(8));
  }
  return out;
}

function spliced(random: Random, file: Uint8Array, other: Uint8Array): Uint8Array {
  const [a, b] = [file.subarray(0, random.below(file.length)), other.subarray(random.below(other.length))];
  const out = new Uint8Array(a.length + b.length);
  out.set(a);
  out.set(b, a.length);
  return out;
}

function withSection(_random: Random, file: Uint8Array, name: SectionName, change: (bytes: Uint8Array) => Uint8Array): Uint8Array {
  const sections = readSections(file);
  return joinSections({ ...sections, [name]: change(sections[name]) });
}

function withCode(random: Random, file: Uint8Array, change: (code: Instruction[]) => void): Uint8Array {
  return withSection(random, file, 'code', (bytes) => {
    const code = decodeAll(bytes);
    change(code);
    return encodeAll(code);
  });
}

/** Walks from the root to any container and changes, removes or doubles one of its members. */
function changeValue(random: Random, root: unknown): void {
  let at = root;
  for (;;) {
    if (typeof at !== 'object' || at === null) return;
    const keys = Object.keys(at);
    if (keys.length === 0) return;
    const key = random.pick(keys);
    const member: unknown = Reflect.get(at, key);
    if (typeof member === 'object' && member !== null && random.chance(0.85)) {
      at = member;
      continue;
    }
    const choice = random.below(10);
    if (choice === 0) Reflect.deleteProperty(at, key);
    else if (choice === 1 && Array.isArray(at)) at.push(structuredClone(member));
    else Reflect.set(at, key, otherValue(random, member));
    return;
  }
}

function otherValue(random: Random, value: unknown): unknown {
  if (random.chance(0.15)) return random.pick<unknown>([null, '', 'x', [], {}, true, -0.5, 1e300, 1e-300]);
  if (typeof value === 'number') return random.chance(0.5) ? random.pick(NUMBERS) : value + random.pick([-64, -1, 1, 64]);
  if (typeof value === 'string')
    return random.pick(['f16', 'f32', 'i32', 'i64', 'u8', 'bit', 'input', 'output', 'internal', `${value}'`, '\n']);
  return random.pick(NUMBERS);
}

function changeOperand(random: Random, code: Instruction[]): void {
  const i = random.below(code.length);
  const instruction = code[i];
  if (instruction === undefined) return;
  const fields = layoutOf(instruction.op);
  if (fields.length === 0 || random.chance(0.1)) {
    code[i] = { ...instruction, ...tokensFor(random, instruction) };
    return;
  }
  const { name } = random.pick(fields);
  code[i] = { ...instruction, operands: { ...instruction.operands, [name]: operandOf(random, instruction, name) } };
}

function operandOf(random: Random, { op, operands }: Instruction, name: string): number {
  const field = layoutOf(op).find((f) => f.name === name);
  if (field === undefined) return 0;
  const [least, most] = rangeOf(field);
  const near = (operands[name] ?? 0) + random.pick([-8, -2, -1, 1, 2, 8]);
  const value = random.chance(0.5) ? near : random.pick([least, most, ...NUMBERS]);
  return Math.min(Math.max(value, least), most);
}

function tokensFor(random: Random, { op }: Instruction): Pick<Instruction, 'wait' | 'signal'> {
  if (specOf(op).unit === 'sequencer') return { wait: [], signal: [] };
  const some = (): number[] => Array.from({ length: random.below(3) }, () => 1 + random.below(TOKENS - 1));
  return { wait: some(), signal: some() };
}

function moveInstruction(random: Random, code: Instruction[]): void {
  const [from, to] = [random.below(code.length - 1), random.below(code.length - 1)];
  const instruction = code[from];
  if (instruction === undefined) return;
  if (random.chance(0.5)) code.splice(from, 1);
  if (random.chance(0.5)) code.splice(to, 0, instruction);
}

function anyInstruction(random: Random): Instruction {
  const op = random.pick(OPS);
  const empty: Instruction = { op, operands: {}, wait: [], signal: [] };
  const operands = Object.fromEntries(layoutOf(op).map(({ name }) => [name, operandOf(random, empty, name)]));
  return { ...empty, operands };
}

function changeConfiguration(random: Random, code: Instruction[]): void {
  const places = code.flatMap(({ op }, i) => (slotsOf(op) === undefined ? [] : [i]));
  if (places.length === 0) return;
  const i = random.pick(places);
  const instruction = code[i];
  if (instruction === undefined) return;
  const slots = slotFields(instruction.op);
  const values = layoutOf(instruction.op).flatMap(({ name }) => (slots.includes(name) ? [] : [name]));
  // Values more often, because most other numbers of slots are refused at once.
  const name = random.pick([...values, ...values, random.pick(slots)]);
  code[i] = { ...instruction, operands: { ...instruction.operands, [name]: operandOf(random, instruction, name) } };
}
