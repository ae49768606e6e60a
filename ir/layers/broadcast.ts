import { elementCount } from '../tensor.ts';
import { ShapeError } from './record.ts';
import { shapeText } from './types.ts';

/** Dimensions that an instruction with broadcasting walks at most, after those that can be walked as one are merged. */
export const BROADCAST_DIMS = 4;

/** The result of broadcasting two shapes of the same rank: each dimension is equal, or 1 in one of them. */
export function broadcastShape(a: readonly number[], b: readonly number[]): number[] {
  if (a.length !== b.length) throw new ShapeError(`samples of shapes ${shapeText(a)} and ${shapeText(b)} differ in rank`);
  return a.map((d, i) => {
    const e = b[i] ?? 1;
    if (d !== e && d !== 1 && e !== 1) throw new ShapeError(`samples of shapes ${shapeText(a)} and ${shapeText(b)} do not broadcast`);
    return d === 1 ? e : d;
  });
}

/** Row-major strides of `shape` seen as the larger shape `whole`: 0 where it broadcasts. */
export function broadcastStrides(shape: readonly number[], whole: readonly number[]): number[] {
  return whole.map((_, i) => (shape[i] === 1 ? 0 : elementCount(shape.slice(i + 1))));
}

/** A walk over a dense result: sizes, and the strides of each operand along them. */
export interface Walk {
  readonly sizes: readonly number[];
  readonly strides: readonly (readonly number[])[];
}

/** The same walk with the fewest dimensions: those of size 1 go, neighbours that all operands step through evenly become one. */
export function mergedWalk(whole: readonly number[], strides: readonly (readonly number[])[]): Walk {
  const sizes: number[] = [];
  const steps: number[][] = strides.map(() => []);
  for (let d = whole.length - 1; d >= 0; d--) {
    const size = whole[d] ?? 1;
    if (size === 1) continue;
    const inner = sizes[0];
    const even = inner !== undefined && strides.every((s, k) => s[d] === (steps[k]?.[0] ?? 0) * inner);
    if (even) sizes[0] = inner * size;
    else {
      sizes.unshift(size);
      strides.forEach((s, k) => {
        steps[k]?.unshift(s[d] ?? 0);
      });
    }
  }
  return { sizes, strides: steps };
}

/** Calls `visit` for every position of the walk, in order, with the index of the result and the offset of each operand. */
export function forEachStep({ sizes, strides }: Walk, visit: (target: number, offsets: readonly number[]) => void): void {
  const total = elementCount(sizes);
  const index = sizes.map(() => 0);
  const offsets = strides.map(() => 0);
  for (let target = 0; target < total; target++) {
    visit(target, offsets);
    for (let d = sizes.length - 1; d >= 0; d--) {
      const count = (index[d] ?? 0) + 1;
      const wraps = count === sizes[d];
      index[d] = wraps ? 0 : count;
      strides.forEach((s, k) => {
        offsets[k] = (offsets[k] ?? 0) + (s[d] ?? 0) * (wraps ? 1 - count : 1);
      });
      if (!wraps) break;
    }
  }
}
