type Unary = (x: number, alpha: number, beta: number) => number;
type Binary = (a: number, b: number) => number;

const { exp, log, max, min, sqrt, tanh } = Math;
/** The product that the manual writes `∗`. */
const damped = (left: number, right: number): number => (right === 0 ? 0 : left * right);
const sigmoid = (x: number): number => 1 / (1 + exp(-x));
const softplus = (x: number): number => max(x, 0) + Math.log1p(exp(-Math.abs(x)));
const gauss = (x: number): number => exp((-x * x) / 2) / sqrt(2 * Math.PI);
const bend = (x: number): number => tanh(sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3));

/** The error function as the integral of its derivative: Simpson's rule on so many intervals that f16 cannot tell it from exact. */
function erf(x: number): number {
  if (Number.isNaN(x)) return x;
  const end = min(Math.abs(x), 7);
  const intervals = 4000;
  const f = (t: number): number => exp(-t * t);
  let sum = f(0) + f(end);
  for (let i = 1; i < intervals; i++) sum += (i % 2 === 0 ? 2 : 4) * f((end * i) / intervals);
  return (Math.sign(x) * (2 / sqrt(Math.PI)) * end * sum) / (3 * intervals);
}

/** Value and derivative of the functions of one number, in the order of the manual's table. */
export const UNARY: readonly (readonly [Unary, Unary])[] = [
  [(x, a) => (x < 0 ? a * x : x), (x, a) => (x < 0 ? a : 1)],
  [(x, a, b) => min(b, max(a, x)), (x, a, b) => (a < x && x < b ? 1 : 0)],
  [sigmoid, (x) => sigmoid(x) * sigmoid(-x)],
  [(x, a, b) => min(1, max(0, a * x + b)), (x, a, b) => (a * x + b > 0 && a * x + b < 1 ? a : 0)],
  [(x) => damped(x, min(1, max(0, x / 6 + 1 / 2))), (x) => (x <= -3 ? 0 : x >= 3 ? 1 : x / 3 + 1 / 2)],
  [(x, a) => damped(x, sigmoid(a * x)), (x, a) => sigmoid(a * x) * (1 + damped(a * x, sigmoid(-a * x)))],
  [(x) => damped(x, tanh(softplus(x))), (x) => tanh(softplus(x)) + damped(x, sigmoid(x) * (1 - tanh(softplus(x)) ** 2))],
  [(x, a) => (x < 0 ? a * Math.expm1(x) : x), (x, a) => (x < 0 ? a * exp(x) : 1)],
  [(x, a) => (x < 0 ? a * Math.expm1(x / a) : x), (x, a) => (x < 0 ? exp(x / a) : 1)],
  [(x, a, b) => b * (x > 0 ? x : a * Math.expm1(x)), (x, a, b) => b * (x > 0 ? 1 : a * exp(x))],
  [(x) => damped(x, (1 + erf(x / sqrt(2))) / 2), (x) => (1 + erf(x / sqrt(2))) / 2 + damped(x, gauss(x))],
  [
    (x) => damped(x, (1 + bend(x)) / 2),
    (x) => (1 + bend(x)) / 2 + damped(x * sqrt(2 / Math.PI) * (1 + 3 * 0.044715 * x ** 2), (1 - bend(x) ** 2) / 2),
  ],
  [erf, (x) => (2 / sqrt(Math.PI)) * exp(-x * x)],
  [tanh, (x) => 1 - tanh(x) ** 2],
  [softplus, sigmoid],
  [(x) => x / (1 + Math.abs(x)), (x) => 1 / (1 + Math.abs(x)) ** 2],
  [(x, a) => (x > a ? x : 0), (x, a) => (x > a ? 1 : 0)],
  [sqrt, (x) => 1 / (2 * sqrt(x))],
  [exp, exp],
  [log, (x) => 1 / x],
  [(x) => -x, () => -1],
  [Math.abs, Math.sign],
  [(x) => 1 / x, (x) => -1 / (x * x)],
  [(x, a, b) => a * x + b, (_, a) => a],
];

const powBy = (a: number, b: number): number => (b === 0 ? 0 : b * a ** (b - 1));
const powTo = (a: number, b: number): number => (a === 0 ? 0 : a ** b * log(a));

/** Value, derivative by a, derivative by b, in the order of the manual's table. */
export const BINARY: readonly (readonly [Binary, Binary, Binary])[] = [
  [(a, b) => a + b, () => 1, () => 1],
  [(a, b) => a - b, () => 1, () => -1],
  [(a, b) => b - a, () => -1, () => 1],
  [(a, b) => a * b, (_, b) => b, (a) => a],
  [(a, b) => a / b, (_, b) => 1 / b, (a, b) => -a / (b * b)],
  [(a, b) => b / a, (a, b) => -b / (a * a), (a) => 1 / a],
  [max, (a, b) => (a >= b ? 1 : 0), (a, b) => (a >= b ? 0 : 1)],
  [min, (a, b) => (a <= b ? 1 : 0), (a, b) => (a <= b ? 0 : 1)],
  [(a, b) => a ** b, powBy, powTo],
  [(a, b) => b ** a, (a, b) => powTo(b, a), (a, b) => powBy(b, a)],
  [(a, b) => (a < 0 ? a * b : a), (a, b) => (a < 0 ? b : 1), (a) => min(a, 0)],
  [(a, b) => (b === 0 ? 0 : a), (_, b) => (b === 0 ? 0 : 1), () => 0],
];

interface Reduction {
  y(x: readonly number[]): number;
  /** By x. */
  slope(x: number, y: number, length: number): number;
  readonly extreme?: true;
}

const total = (x: readonly number[], of: (v: number) => number = (v) => v): number => x.reduce((sum, v) => sum + of(v), 0);
const square = (v: number): number => v * v;

/** Reductions in the order of the manual's table. */
export const REDUCTIONS: readonly Reduction[] = [
  { y: (x) => total(x), slope: () => 1 },
  { y: (x) => total(x) / x.length, slope: (_x, _y, length) => 1 / length },
  { y: (x) => max(...x), slope: () => 1, extreme: true },
  { y: (x) => min(...x), slope: () => 1, extreme: true },
  { y: (x) => total(x, Math.abs), slope: Math.sign },
  { y: (x) => sqrt(total(x, square)), slope: (x, y) => (y === 0 ? 0 : x / y) },
  { y: (x) => total(x, square), slope: (x) => 2 * x },
  { y: (x) => total(x, square) / x.length, slope: (x, _y, length) => (2 * x) / length },
  { y: (x) => log(total(x)), slope: (_x, y) => exp(-y) },
  { y: (x) => log(total(x, exp)), slope: (x, y) => exp(x - y) },
];
