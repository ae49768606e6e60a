import type { TensorType } from '../tensor.ts';
import { ShapeError, type Values } from './record.ts';

export const f16 = (shape: readonly number[]): TensorType => ({ dtype: 'f16', shape });
export const f32 = (shape: readonly number[]): TensorType => ({ dtype: 'f32', shape });

/** Element `i` of a list that must have it. */
export function nth<T>(list: readonly T[], i: number): T {
  const item = list[i];
  if (item === undefined) throw new ShapeError(`operand or dimension ${i} is missing`);
  return item;
}

/** Element `i` of dense values; NaN outside, so that a wrong index shows. */
export function at(values: Values, i: number): number {
  return values[i] ?? Number.NaN;
}

/** values[i] += by. */
export function bump(values: Values, i: number, by: number): void {
  values[i] = at(values, i) + by;
}

export function shapeText(shape: readonly number[]): string {
  return `[${shape.join('x')}]`;
}

export function expectShape(what: string, type: TensorType, shape: readonly number[]): void {
  if (type.shape.length !== shape.length || type.shape.some((d, i) => d !== shape[i])) {
    throw new ShapeError(`${what} has shape ${shapeText(type.shape)}, expected ${shapeText(shape)}`);
  }
}

/** Throws unless all types have the same shape. */
export function expectSame(what: string, first: TensorType, others: readonly TensorType[]): void {
  for (const other of others) expectShape(what, other, first.shape);
}

export interface Image {
  readonly N: number;
  readonly C: number;
  readonly H: number;
  readonly W: number;
}

/** Dimensions of an NCHW tensor. */
export function image(what: string, type: TensorType): Image {
  const [N, C, H, W] = type.shape;
  if (type.shape.length !== 4 || N === undefined || C === undefined || H === undefined || W === undefined) {
    throw new ShapeError(`${what} has shape ${shapeText(type.shape)}, expected 4 dimensions (N, C, H, W)`);
  }
  return { N, C, H, W };
}

export interface Planes {
  readonly N: number;
  readonly C: number;
  /** Elements of one channel of one sample. */
  readonly plane: number;
}

/** Samples, channels and elements a channel, of a tensor of at least 2 dimensions. */
export function planes(what: string, type: TensorType): Planes {
  const [N, C, ...rest] = type.shape;
  if (N === undefined || C === undefined)
    throw new ShapeError(`${what} has shape ${shapeText(type.shape)}, expected at least 2 dimensions (N, C, ...)`);
  return { N, C, plane: rest.reduce((a, b) => a * b, 1) };
}
