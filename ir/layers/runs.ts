import { elementCount } from '../tensor.ts';
import { ShapeError } from './record.ts';
import { shapeText } from './types.ts';

/** A sample seen as `outer` blocks of `length` elements, `inner` apart, for each of `inner` places. */
export interface Runs {
  readonly outer: number;
  readonly length: number;
  readonly inner: number;
}

/** The runs along `count` adjacent dimensions from `axis` on. @throws ShapeError where there are none, or one is the mini-batch */
export function runsAlong(shape: readonly number[], axis: number, count = 1): Runs {
  if (axis < 1 || count < 1 || axis + count > shape.length)
    throw new ShapeError(`dimensions ${axis} to ${axis + count - 1} are not within a sample of ${shapeText(shape)}`);
  return {
    outer: elementCount(shape.slice(1, axis)),
    length: elementCount(shape.slice(axis, axis + count)),
    inner: elementCount(shape.slice(axis + count)),
  };
}

/** Visits every run of `samples` samples: its number, its first element; elements follow `inner` apart. */
export function forEachRun({ outer, length, inner }: Runs, samples: number, visit: (run: number, first: number) => void): void {
  for (let block = 0; block < samples * outer; block++)
    for (let place = 0; place < inner; place++) visit(block * inner + place, block * length * inner + place);
}
