import type { NodeContext } from '../context.ts';

/** The axis counted from the front. @throws WavecError BAD_ATTRIBUTE where there is no such axis */
export function axisOf(ctx: NodeContext, axis: number, rank: number): number {
  if (!Number.isInteger(axis) || axis < -rank || axis >= rank) ctx.badAttribute(`axis ${axis} is not one of ${rank} dimensions`);
  return axis < 0 ? axis + rank : axis;
}

/** The axes of an operator that takes them as attribute up to some operator set and as input 1 since; undefined where none are given. */
export function axesOf(ctx: NodeContext, rank: number, asAttribute: boolean): number[] | undefined {
  const axes = asAttribute ? ctx.attrs.ints('axes') : ctx.has(1) ? ctx.ints(1) : undefined;
  const positive = axes?.map((axis) => axisOf(ctx, axis, rank));
  if (positive && new Set(positive).size !== positive.length) ctx.badAttribute(`axes [${axes?.join(', ')}] name a dimension twice`);
  return positive;
}
