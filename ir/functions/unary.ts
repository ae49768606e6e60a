import { erf } from './erf.ts';

/** A function of one number and two parameters that do not change from element to element. */
export interface UnaryFunction {
  /** Formula of the value, in x, alpha and beta. */
  readonly formula: string;
  value(x: number, alpha: number, beta: number): number;
  /** Where the function has a kink, the derivative on one side of it. */
  derivative(x: number, alpha: number, beta: number): number;
}

const { abs, exp, log, max, min, sqrt, tanh } = Math;

const sigmoid = (x: number): number => 1 / (1 + exp(-x));
/** log(1 + exp(x)) without overflow. */
const softplus = (x: number): number => max(x, 0) + Math.log1p(exp(-abs(x)));
/** Density of the standard normal distribution. */
const density = (x: number): number => exp((-x * x) / 2) / sqrt(2 * Math.PI);
const distribution = (x: number): number => (1 + erf(x / Math.SQRT2)) / 2;

/** Argument of tanh in the approximation of gelu. */
const geluArgument = (x: number): number => sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3);
const geluSlope = (x: number): number => sqrt(2 / Math.PI) * (1 + 3 * 0.044715 * x ** 2);

const clamp = (x: number, low: number, high: number): number => min(high, max(x, low));
/** A polynomial tail times an exponential one is 0·∞ far out, where it is 0. */
const damped = (x: number, by: number): number => (by === 0 ? 0 : x * by);

/**
 * Every function of one number that the vector unit has, in the order of their numbers in programs (the slot OP): append only.
 * Formulas of the activations are those of the ONNX operators of the same name.
 */
const TABLE = {
  leaky_relu: { formula: 'x < 0 ? alpha·x : x', value: (x, a) => (x < 0 ? a * x : x), derivative: (x, a) => (x < 0 ? a : 1) },
  clip: {
    formula: 'min(beta, max(alpha, x))',
    value: (x, a, b) => clamp(x, a, b),
    derivative: (x, a, b) => (x > a && x < b ? 1 : 0),
  },
  sigmoid: { formula: '1/(1 + exp(−x))', value: sigmoid, derivative: (x) => sigmoid(x) * sigmoid(-x) },
  hard_sigmoid: {
    formula: 'min(1, max(0, alpha·x + beta))',
    value: (x, a, b) => clamp(a * x + b, 0, 1),
    derivative: (x, a, b) => (a * x + b > 0 && a * x + b < 1 ? a : 0),
  },
  hard_swish: {
    formula: 'x·min(1, max(0, x/6 + 1/2))',
    value: (x) => damped(x, clamp(x / 6 + 0.5, 0, 1)),
    derivative: (x) => (x <= -3 ? 0 : x >= 3 ? 1 : x / 3 + 0.5),
  },
  silu: {
    formula: 'x/(1 + exp(−alpha·x))',
    value: (x, a) => damped(x, sigmoid(a * x)),
    derivative: (x, a) => sigmoid(a * x) * (1 + damped(a * x, sigmoid(-a * x))),
  },
  mish: {
    formula: 'x·tanh(log(1 + exp(x)))',
    value: (x) => damped(x, tanh(softplus(x))),
    derivative: (x) => tanh(softplus(x)) + damped(x, sigmoid(x) * (1 - tanh(softplus(x)) ** 2)),
  },
  elu: {
    formula: 'x < 0 ? alpha·(exp(x) − 1) : x',
    value: (x, a) => (x < 0 ? a * Math.expm1(x) : x),
    derivative: (x, a) => (x < 0 ? a * exp(x) : 1),
  },
  celu: {
    formula: 'x < 0 ? alpha·(exp(x/alpha) − 1) : x',
    value: (x, a) => (x < 0 ? a * Math.expm1(x / a) : x),
    derivative: (x, a) => (x < 0 ? exp(x / a) : 1),
  },
  selu: {
    formula: 'beta·(x > 0 ? x : alpha·(exp(x) − 1))',
    value: (x, a, b) => b * (x > 0 ? x : a * Math.expm1(x)),
    derivative: (x, a, b) => b * (x > 0 ? 1 : a * exp(x)),
  },
  gelu: {
    formula: 'x·(1 + erf(x/√2))/2',
    value: (x) => damped(x, distribution(x)),
    derivative: (x) => distribution(x) + damped(x, density(x)),
  },
  gelu_tanh: {
    formula: 'x·(1 + tanh(√(2/π)·(x + 0.044715·x³)))/2',
    value: (x) => damped(x, (1 + tanh(geluArgument(x))) / 2),
    derivative: (x) => {
      const t = tanh(geluArgument(x));
      return (1 + t) / 2 + damped(x * geluSlope(x), (1 - t * t) / 2);
    },
  },
  erf: { formula: 'erf(x)', value: erf, derivative: (x) => (2 / sqrt(Math.PI)) * exp(-x * x) },
  tanh: { formula: 'tanh(x)', value: tanh, derivative: (x) => 1 - tanh(x) ** 2 },
  softplus: { formula: 'log(1 + exp(x))', value: softplus, derivative: sigmoid },
  softsign: { formula: 'x/(1 + |x|)', value: (x) => x / (1 + abs(x)), derivative: (x) => 1 / (1 + abs(x)) ** 2 },
  thresholded_relu: { formula: 'x > alpha ? x : 0', value: (x, a) => (x > a ? x : 0), derivative: (x, a) => (x > a ? 1 : 0) },
  sqrt: { formula: '√x', value: sqrt, derivative: (x) => 1 / (2 * sqrt(x)) },
  exp: { formula: 'exp(x)', value: exp, derivative: exp },
  log: { formula: 'log(x)', value: log, derivative: (x) => 1 / x },
  neg: { formula: '−x', value: (x) => -x, derivative: () => -1 },
  abs: { formula: '|x|', value: abs, derivative: Math.sign },
  reciprocal: { formula: '1/x', value: (x) => 1 / x, derivative: (x) => -1 / (x * x) },
  scale: { formula: 'alpha·x + beta', value: (x, a, b) => a * x + b, derivative: (_x, a) => a },
} as const satisfies Record<string, UnaryFunction>;

export type UnaryOp = keyof typeof TABLE;
export const UNARY: Readonly<Record<UnaryOp, UnaryFunction>> = TABLE;
/** In the order of their numbers in programs. */
export const UNARY_OPS = Object.keys(TABLE) as readonly UnaryOp[];
