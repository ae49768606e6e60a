import { GATHER_DIMS } from '../../../ir/layers/gather.ts';
import { elementCount } from '../../../ir/tensor.ts';
import type { ActivationOperand, NodeContext } from '../context.ts';

/** Elements of a dimension that a table can number: more than one that moves and fits a machine. */
const LONGEST_AXIS = 2 ** 20;

/** Refuses shapes with dimensions that nobody could move. @throws WavecError BAD_SHAPE */
export function expectMovable(ctx: NodeContext, shape: readonly number[]): void {
  if (shape.some((d) => !(d >= 0 && d <= LONGEST_AXIS))) ctx.badShape(`[${shape.join(', ')}] has a dimension that is too long to move`);
}

/** For each index along one dimension of the result the elements of the source that it skips, or −1 where there is no source. */
export type Offsets = readonly number[];

/** Offsets of a dimension that is `count` steps of `stride` from `from` on. */
export function steps(count: number, stride: number, from = 0): Offsets {
  return Array.from({ length: count }, (_, i) => from + i * stride);
}

interface Packed {
  readonly dims: readonly Offsets[];
  readonly run: number;
}

/** Whether the index i stands for the offset i·stride. */
const isEven = (offsets: Offsets, stride: number): boolean => offsets.every((o, i) => o === i * stride);

const shifted = (offsets: Offsets, by: number): Offsets => offsets.map((o) => (o < 0 ? -1 : o + by));

/** Two adjacent dimensions as one. */
const product = (outer: Offsets, inner: Offsets): Offsets => outer.flatMap((o) => inner.map((i) => (o < 0 || i < 0 ? -1 : o + i)));

/** The shortest walk: the innermost adjacent elements move as one run, dimensions of size 1 go, and few enough are left. */
function pack(axes: readonly Offsets[]): Packed {
  let base = 0;
  const left: Offsets[] = [];
  for (const axis of axes) {
    if (axis.length > 1 || axis[0] === -1) left.push(axis);
    else base += axis[0] ?? 0;
  }
  let run = 1;
  for (let last = left.at(-1); last !== undefined; last = left.at(-1)) {
    const [first = 0] = last;
    if (first < 0 || !isEven(shifted(last, -first), run)) break;
    base += first;
    run *= last.length;
    left.pop();
  }
  while (left.length > GATHER_DIMS) {
    const sizes = left.slice(1).map((axis, i) => axis.length * (left[i]?.length ?? 1));
    const at = sizes.indexOf(Math.min(...sizes));
    left.splice(at, 2, product(left[at] ?? [], left[at + 1] ?? []));
  }
  const unused = Array.from({ length: GATHER_DIMS - left.length }, () => [0]);
  const [first = [0], ...rest] = [...unused, ...left];
  return { dims: [shifted(first, base), ...rest], run };
}

/**
 * Moves data: the element of the result (of ONNX shape `shape`) at an index is that of x at the sum of the offsets that the index has
 * along the `axes` of a sample, outermost first. Nothing is emitted where all elements stay where they are.
 */
export function gather(
  ctx: NodeContext,
  x: ActivationOperand,
  axes: readonly Offsets[],
  shape: readonly number[],
  { fill = 0, part = '' } = {},
): ActivationOperand {
  if (axes.some((axis) => axis.length === 0)) ctx.badShape('the result is empty');
  const { dims, run } = pack(axes);
  const sample = ctx.batched ? shape.slice(1) : shape;
  const total = elementCount(sample);
  if (run === total && dims.flat().every((o) => o === 0) && total === elementCount(ctx.sample(x))) return ctx.relabel(x, shape, part);
  expectMovable(
    ctx,
    dims.map((d) => d.length),
  );
  const entries = dims.flat();
  const table = ctx.table('offsets', [entries.length], Int32Array.from(entries));
  return ctx.emit('gather', [x.name, table], { shape: sample, dims: dims.map((d) => d.length), run, fill }, part);
}
