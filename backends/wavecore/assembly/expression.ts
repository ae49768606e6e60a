import { floatBits } from '../isa/float.ts';
import { REGISTERS } from '../isa/table.ts';
import type { Line } from './line.ts';

/** What an expression stands for: a constant, plus at most one register times a constant. */
export interface Value {
  readonly constant: number;
  readonly register?: { readonly index: number; readonly scale: number };
}

/** What names stand for in expressions. */
export interface Names {
  /** Declared by `.equ` and `.token`. */
  readonly constants: Map<string, Value>;
  /** DRAM addresses of the tensors declared so far. */
  readonly tensors: Map<string, number>;
}

/** `a + b*c - &tensor`: sums of products of numbers, constants, registers, tensor addresses, and `f32(x)`, the bits of a float. */
export function readExpression(line: Line, names: Names): Value {
  let value = readProduct(line, names);
  while (line.sees('+') || line.sees('-')) {
    const sign = line.next().text === '+' ? 1 : -1;
    value = sum(line, value, product(line, { constant: sign }, readProduct(line, names)));
  }
  return value;
}

/** An expression without registers. */
export function readConstant(line: Line, names: Names, what: string): number {
  const { constant, register } = readExpression(line, names);
  return register === undefined ? constant : line.refuse(`expected ${what}, found an expression with register r${register.index}`);
}

/** The number of a register. */
export function readRegister(line: Line, names: Names, what: string): number {
  const { constant, register } = readExpression(line, names);
  if (register === undefined || register.scale !== 1 || constant !== 0)
    line.refuse(`expected a register r0 to r${REGISTERS - 1} (${what})`);
  return register.index;
}

function readProduct(line: Line, names: Names): Value {
  let value = readFactor(line, names);
  while (line.takes('*')) value = product(line, value, readFactor(line, names));
  return value;
}

function readFactor(line: Line, names: Names): Value {
  if (line.takes('-')) return product(line, { constant: -1 }, readFactor(line, names));
  if (line.takes('(')) {
    const value = readExpression(line, names);
    line.expect(')');
    return value;
  }
  if (line.takes('&')) {
    const name = line.name('the name of a tensor');
    return { constant: names.tensors.get(name) ?? line.refuse(`no .tensor above declares '${name}'`) };
  }
  if (line.sees('f32') && line.sees('(', 1)) {
    line.expect('f32');
    line.expect('(');
    const value = line.literal('a number');
    line.expect(')');
    return { constant: floatBits(value) };
  }
  if (line.peek().kind === 'number') return { constant: whole(line, line.literal('a number')) };
  if (line.peek().kind !== 'word') line.unexpected('a number, constant, register or &tensor');
  return named(line, names);
}

function named(line: Line, names: Names): Value {
  const { text } = line.peek();
  const declared = names.constants.get(text);
  if (declared === undefined && !isRegister(text))
    line.unexpected(`a constant that is declared above, or a register r0 to r${REGISTERS - 1}`);
  line.next();
  return declared ?? { constant: 0, register: { index: Number(text.slice(1)), scale: 1 } };
}

export function isRegister(word: string): boolean {
  return /^r(?:0|[1-9]\d?)$/.test(word) && Number(word.slice(1)) < REGISTERS;
}

function sum(line: Line, a: Value, b: Value): Value {
  if (a.register !== undefined && b.register !== undefined) line.refuse('an expression may hold one register');
  const register = a.register ?? b.register;
  return { constant: whole(line, a.constant + b.constant), ...(register === undefined ? {} : { register }) };
}

function product(line: Line, a: Value, b: Value): Value {
  if (a.register !== undefined && b.register !== undefined) line.refuse('registers cannot be multiplied with each other');
  const [{ register }, factor] = a.register === undefined ? [b, a.constant] : [a, b.constant];
  const constant = whole(line, a.constant * b.constant);
  return register === undefined
    ? { constant }
    : { constant, register: { index: register.index, scale: whole(line, register.scale * factor) } };
}

function whole(line: Line, value: number): number {
  if (!Number.isSafeInteger(value)) line.refuse(`expected a whole number below 2^53, found ${value}`);
  // Without negative zeros, which JSON does not keep.
  return value + 0;
}
