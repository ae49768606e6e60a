/** A function of two numbers with its partial derivatives. */
export interface BinaryFunction {
  readonly formula: string;
  value(a: number, b: number): number;
  byA(a: number, b: number): number;
  byB(a: number, b: number): number;
}

const power = (a: number, b: number): number => a ** b;
/** d(a^b)/da = b·a^(b−1); 0 for b = 0 whatever a is. */
const powerByBase = (a: number, b: number): number => (b === 0 ? 0 : b * a ** (b - 1));
/** d(a^b)/db = a^b·log a; 0 where a^b is 0. */
const powerByExponent = (a: number, b: number): number => (a === 0 ? 0 : a ** b * Math.log(a));

/**
 * Every function of two numbers that the vector unit has, in the order of their numbers in programs (the slot OP): append only.
 * The reversed ones are there because only b may be a constant.
 */
const TABLE = {
  add: { formula: 'a + b', value: (a, b) => a + b, byA: () => 1, byB: () => 1 },
  sub: { formula: 'a − b', value: (a, b) => a - b, byA: () => 1, byB: () => -1 },
  rsub: { formula: 'b − a', value: (a, b) => b - a, byA: () => -1, byB: () => 1 },
  mul: { formula: 'a·b', value: (a, b) => a * b, byA: (_a, b) => b, byB: (a) => a },
  div: { formula: 'a/b', value: (a, b) => a / b, byA: (_a, b) => 1 / b, byB: (a, b) => -a / (b * b) },
  rdiv: { formula: 'b/a', value: (a, b) => b / a, byA: (a, b) => -b / (a * a), byB: (a) => 1 / a },
  max: { formula: 'max(a, b)', value: (a, b) => Math.max(a, b), byA: (a, b) => (a >= b ? 1 : 0), byB: (a, b) => (a >= b ? 0 : 1) },
  min: { formula: 'min(a, b)', value: (a, b) => Math.min(a, b), byA: (a, b) => (a <= b ? 1 : 0), byB: (a, b) => (a <= b ? 0 : 1) },
  pow: { formula: 'a^b', value: power, byA: powerByBase, byB: powerByExponent },
  rpow: { formula: 'b^a', value: (a, b) => power(b, a), byA: (a, b) => powerByExponent(b, a), byB: (a, b) => powerByBase(b, a) },
  prelu: {
    formula: 'a < 0 ? a·b : a',
    value: (a, b) => (a < 0 ? a * b : a),
    byA: (a, b) => (a < 0 ? b : 1),
    byB: (a) => Math.min(a, 0),
  },
  select: { formula: 'b ≠ 0 ? a : 0', value: (a, b) => (b === 0 ? 0 : a), byA: (_a, b) => (b === 0 ? 0 : 1), byB: () => 0 },
} as const satisfies Record<string, BinaryFunction>;

export type BinaryOp = keyof typeof TABLE;
export const BINARY: Readonly<Record<BinaryOp, BinaryFunction>> = TABLE;
/** In the order of their numbers in programs. */
export const BINARY_OPS = Object.keys(TABLE) as readonly BinaryOp[];
