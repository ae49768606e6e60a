import type { MatrixWork } from './network.ts';

/**
 * One dimension of a product on the array: results `first + i·step` for i < count, each a sum over taps t < taps of the moving
 * operand at `i·stride + t·dilation − pad`, with the weights of filter tap `tap + t·tapStep`.
 */
export interface Axis {
  readonly first: number;
  readonly step: number;
  readonly count: number;
  readonly taps: number;
  readonly tap: number;
  readonly tapStep: number;
  readonly stride: number;
  readonly dilation: number;
  readonly pad: number;
}

/** Rows and columns of results that meet the same taps of the filter; without taps they are zero. */
export interface Phase {
  readonly rows: Axis;
  readonly columns: Axis;
}

/** Whether results of a phase are sums at all. */
export function isReached({ rows, columns }: Phase): boolean {
  return rows.taps * columns.taps > 0;
}

interface Dimension {
  readonly input: number;
  readonly output: number;
  readonly taps: number;
  readonly stride: number;
  readonly dilation: number;
  readonly pad: number;
}

/**
 * The phases of a forward or data-gradient product. A convolution has one. The results of the gradient of a strided one fall
 * into phases by their remainder: each is reached by some taps alone and is an ordinary product with these.
 */
export function phasesOf({ form, geometry: g }: MatrixWork): Phase[] {
  const vertical = { input: g.H, output: g.P, taps: g.R, stride: g.strideH, dilation: g.dilationH, pad: g.padTop };
  const horizontal = { input: g.W, output: g.Q, taps: g.S, stride: g.strideW, dilation: g.dilationW, pad: g.padLeft };
  if (form === 'forward') return [{ rows: forward(vertical), columns: forward(horizontal) }];
  return gradient(vertical).flatMap((rows) =>
    rows.taps === 0 ? [{ rows, columns: untouched(g.W, 0, 1) }] : gradient(horizontal).map((columns) => ({ rows, columns })),
  );
}

function forward({ output, taps, stride, dilation, pad }: Dimension): Axis {
  return { first: 0, step: 1, count: output, taps, tap: 0, tapStep: 1, stride, dilation, pad };
}

/** Input position x is reached from output p by tap r where x + pad = p·stride + r·dilation. */
function gradient({ input, taps, stride, dilation, pad }: Dimension): Axis[] {
  return Array.from({ length: Math.min(stride, input) }, (_, first) => {
    const reaching = Array.from({ length: taps }, (_, r) => r).filter((r) => (first + pad - r * dilation) % stride === 0);
    const [least = 0, next = least] = reaching;
    const last = reaching.at(-1);
    if (last === undefined) return untouched(input, first, stride);
    return {
      ...untouched(input, first, stride),
      taps: reaching.length,
      tap: last,
      tapStep: least - next,
      dilation: next === least ? 1 : ((next - least) * dilation) / stride,
      pad: (last * dilation - first - pad) / stride,
    };
  });
}

function untouched(length: number, first: number, step: number): Axis {
  return { first, step, count: Math.ceil((length - first) / step), taps: 0, tap: 0, tapStep: 0, stride: 1, dilation: 1, pad: 0 };
}

/** The part of an axis whose results lie in [from, to), and how many of its results come before. */
export function within(axis: Axis, [from, to]: readonly [number, number]): { readonly skipped: number; readonly count: number } {
  const before = (limit: number): number => Math.min(axis.count, Math.max(0, Math.ceil((limit - axis.first) / axis.step)));
  return { skipped: before(from), count: before(to) - before(from) };
}
