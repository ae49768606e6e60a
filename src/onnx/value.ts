import { elementCount } from '../../ir/tensor.ts';

/** No tensor may claim more elements than this: no memory holds them, and products of sizes stay exact. */
export const MOST_ELEMENTS = 2 ** 40;

/** Constants of the model stay as large as the file has them; what folding makes anew is small. */
export const MOST_FOLDED = 2 ** 24;

/** The f32 that is farthest from 0: attributes are finite, and in f16 all beyond the largest half is infinite. */
export const FARTHEST = 3.4028234663852886e38;

/** What arithmetic does with the elements; all widths of one class compute alike here. */
export type ElementClass = 'float' | 'int' | 'bool';

/** A constant tensor, row-major. A number as data means that every element has this value. Integers are exact up to 2^53. */
export interface Value {
  readonly elements: ElementClass;
  readonly shape: readonly number[];
  readonly data: Float32Array | Float64Array | number;
  /** The element type that the model stores, for messages. */
  readonly typeName?: string;
  /** A weight that was left in its file, or made of such: it has a shape, and no values. */
  readonly absent?: boolean;
  /** Computed from the shape of an activation, so that the mini-batch in it is the bound one and not the exported one. */
  readonly fromShape?: boolean;
}

/** Integers as a constant of rank 1, or of rank 0 where a number is given. */
export function intsValue(ints: readonly number[] | number): Value {
  if (typeof ints === 'number') return { elements: 'int', shape: [], data: Float64Array.of(ints) };
  return { elements: 'int', shape: [ints.length], data: Float64Array.from(ints) };
}

export function valueAt(value: Value, index: number): number {
  return typeof value.data === 'number' ? value.data : (value.data[index] ?? Number.NaN);
}

/** All elements as numbers; for small tensors (shapes, axes). */
export function numbersOf(value: Value): number[] {
  return Array.from({ length: elementCount(value.shape) }, (_, i) => valueAt(value, i));
}

/** The same elements under another shape; no data are copied. */
export function reshaped(value: Value, shape: readonly number[]): Value {
  return { ...value, shape };
}

/** Elements as f32, without copying where they are that already. */
export function float32Of(data: Float32Array | Float64Array): Float32Array {
  return data instanceof Float32Array ? data : Float32Array.from(data);
}

/** Offset of each step of a row-major index: the elements that one step of dimension i skips. */
export function stridesOf(shape: readonly number[]): number[] {
  const strides = new Array<number>(shape.length).fill(1);
  for (let i = shape.length - 2; i >= 0; i--) strides[i] = (strides[i + 1] ?? 1) * (shape[i + 1] ?? 1);
  return strides;
}

/** Applies `f` to the source offset of every element of `shape`, in row-major order; `steps` are the source strides of its dimensions. */
export function walk(
  shape: readonly number[],
  steps: readonly (readonly number[])[],
  f: (target: number, sources: readonly number[]) => void,
): void {
  const total = elementCount(shape);
  const index = new Array<number>(shape.length).fill(0);
  const offsets = steps.map(() => 0);
  for (let target = 0; target < total; target++) {
    f(target, offsets);
    for (let d = shape.length - 1; d >= 0; d--) {
      const count = (index[d] ?? 0) + 1;
      const wraps = count === shape[d];
      index[d] = wraps ? 0 : count;
      steps.forEach((s, k) => {
        offsets[k] = (offsets[k] ?? 0) + (s[d] ?? 0) * (wraps ? 1 - count : 1);
      });
      if (!wraps) break;
    }
  }
}

/** The constant with its dimensions permuted as ONNX Transpose does: dimension i of the result is dimension perm[i] of the value. */
export function transposed(value: Value, perm: readonly number[]): Value {
  const shape = perm.map((p) => value.shape[p] ?? 1);
  const source = value.data;
  if (typeof source === 'number') return { ...value, shape };
  const strides = stridesOf(value.shape);
  const data = source instanceof Float32Array ? new Float32Array(source.length) : new Float64Array(source.length);
  if (perm.join() === '1,0') {
    transposeMatrix(source, data, shape[1] ?? 1, shape[0] ?? 1);
    return { ...value, shape, data };
  }
  walk(shape, [perm.map((p) => strides[p] ?? 0)], (target, [at = 0]) => {
    data[target] = source[at] ?? Number.NaN;
  });
  return { ...value, shape, data };
}

/** The general walk is many times slower, and weights of fully connected layers are the largest constants there are. */
function transposeMatrix(source: ArrayLike<number>, target: Float32Array | Float64Array, rows: number, columns: number): void {
  for (let r = 0; r < rows; r++) for (let c = 0; c < columns; c++) target[c * rows + r] = source[r * columns + c] ?? Number.NaN;
}

/** `f` of every element; integers stay whole, and what is filled with one value stays so. */
export function mapValue(value: Value, f: (v: number) => number): Value {
  const { data } = value;
  const compute = value.elements === 'float' ? f : (v: number): number => Math.trunc(f(v));
  if (typeof data === 'number') return { ...value, data: compute(data) };
  return { ...value, data: Float64Array.from(data, compute) };
}
