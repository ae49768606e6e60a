/** How the elements x_i of a run become one number y. `add` folds from `start`, in order; L is the length of the run. */
export interface Reduction {
  readonly formula: string;
  readonly start: number;
  add(sum: number, x: number): number;
  finish(sum: number, length: number): number;
  /** dy/dx_i. Extremes pass the gradient to their first place only, which the layer looks after. */
  derivative(x: number, y: number, length: number): number;
  /** Which of x and y the derivative reads. */
  readonly needs: 'nothing' | 'values';
  readonly extreme?: true;
}

const keep = (sum: number): number => sum;
const plus = (sum: number, x: number): number => sum + x;

/** Every reduction that the vector unit has, in the order of their numbers in programs (the slot OP): append only. */
const TABLE = {
  sum: { formula: 'Σ x', start: 0, add: plus, finish: keep, derivative: () => 1, needs: 'nothing' },
  mean: { formula: 'Σ x / L', start: 0, add: plus, finish: (s, n) => s / n, derivative: (_x, _y, n) => 1 / n, needs: 'nothing' },
  max: {
    formula: 'max x',
    start: Number.NEGATIVE_INFINITY,
    add: Math.max,
    finish: keep,
    derivative: () => 1,
    needs: 'values',
    extreme: true,
  },
  min: {
    formula: 'min x',
    start: Number.POSITIVE_INFINITY,
    add: Math.min,
    finish: keep,
    derivative: () => 1,
    needs: 'values',
    extreme: true,
  },
  l1: { formula: 'Σ |x|', start: 0, add: (s, x) => s + Math.abs(x), finish: keep, derivative: Math.sign, needs: 'values' },
  l2: {
    formula: '√Σ x²',
    start: 0,
    add: (s, x) => s + x * x,
    finish: Math.sqrt,
    derivative: (x, y) => (y === 0 ? 0 : x / y),
    needs: 'values',
  },
  sum_square: { formula: 'Σ x²', start: 0, add: (s, x) => s + x * x, finish: keep, derivative: (x) => 2 * x, needs: 'values' },
  mean_square: {
    formula: 'Σ x² / L',
    start: 0,
    add: (s, x) => s + x * x,
    finish: (s, n) => s / n,
    derivative: (x, _y, n) => (2 * x) / n,
    needs: 'values',
  },
  log_sum: { formula: 'log Σ x', start: 0, add: plus, finish: Math.log, derivative: (_x, y) => Math.exp(-y), needs: 'values' },
  log_sum_exp: {
    formula: 'log Σ exp(x)',
    start: 0,
    add: (s, x) => s + Math.exp(x),
    finish: Math.log,
    derivative: (x, y) => Math.exp(x - y),
    needs: 'values',
  },
} as const satisfies Record<string, Reduction>;

export type ReduceOp = keyof typeof TABLE;
export const REDUCTIONS: Readonly<Record<ReduceOp, Reduction>> = TABLE;
/** In the order of their numbers in programs. */
export const REDUCE_OPS = Object.keys(TABLE) as readonly ReduceOp[];
