import type { ActivationOperand, NodeContext } from '../context.ts';
import type { Operators } from '../operator.ts';
import { unaryLayer } from './elementwise.ts';
import { absorbedPads, overImage, SPATIAL_DIMENSIONS, WINDOW_ATTRIBUTES, WINDOW_RULES, type Window, windowOf } from './window.ts';

type Pads = readonly [number, number, number, number];

const sum = (a: Pads, b: Pads): Pads => [a[0] + b[0], a[1] + b[1], a[2] + b[2], a[3] + b[3]];
const NONE: Pads = [0, 0, 0, 0];

/** What a pooling works on, with padding that waited in front of it in `extra`. */
function poolWindow(ctx: NodeContext, image: ActivationOperand, spatial: number): Window {
  const kernel = ctx.attrs.ints('kernel_shape') ?? ctx.badAttribute('kernel_shape is required');
  return windowOf(ctx, image.shape, kernel, spatial, ctx.attrs.int('ceil_mode', 0) !== 0);
}

const spatialOf = (x: ActivationOperand): number => x.shape.length - 2;
const roundsUp = (ctx: NodeContext): boolean => ctx.attrs.int('ceil_mode', 0) !== 0;
/** Padding as wide as a window would leave it without an element. */
const shortest = (ctx: NodeContext): number => Math.min(...(ctx.attrs.ints('kernel_shape') ?? []));
const isLowest = (fill: number): boolean => fill <= -65504;

function maxPool(ctx: NodeContext): ActivationOperand {
  const given = ctx.pending(0);
  const absorbed = roundsUp(ctx) ? undefined : absorbedPads(ctx, given, isLowest, shortest(ctx));
  const x = absorbed?.x ?? ctx.activationOf(given);
  return overImage(ctx, x, '', (image, part) => {
    const { kernel, strides, pads, dilations } = poolWindow(ctx, image, spatialOf(x));
    return ctx.emit('max_pool', [image.name], { kernel, strides, pads: sum(pads, absorbed?.pads ?? NONE), dilations }, part);
  });
}

/** Average over windows; `counted`: positions in the padding count. */
function average(ctx: NodeContext, given: ActivationOperand, counted: boolean, part: string): ActivationOperand {
  // Zeros around the image that the model counts as its elements are padding that counts.
  const stated = ctx.attrs.ints('pads')?.some((p) => p !== 0) === true;
  const absorbed = roundsUp(ctx) || (stated && !counted) ? undefined : absorbedPads(ctx, given, (fill) => fill === 0, shortest(ctx));
  const x = absorbed?.x ?? ctx.activationOf(given);
  return overImage(ctx, x, part, (image, name) => {
    const window = poolWindow(ctx, image, spatialOf(x));
    const { kernel, strides, pads, dilations, extended } = window;
    const attrs = { kernel, strides, pads: sum(pads, absorbed?.pads ?? NONE), dilations };
    if (absorbed) return ctx.emit('avg_pool', [image.name], { ...attrs, countIncludePad: true }, name);
    if (!counted || extended.every((e) => e === 0)) return ctx.emit('avg_pool', [image.name], { ...attrs, countIncludePad: counted }, name);
    // What ceil_mode adds beyond the stated padding is never counted.
    if (!stated) return ctx.emit('avg_pool', [image.name], { ...attrs, countIncludePad: false }, name);
    const y = ctx.emit('avg_pool', [image.name], { ...attrs, countIncludePad: true }, `${name}counted`);
    const factors = ctx.table('factors', [1, ...y.shape.slice(2)], beyondFactors(image.shape, y.shape, window));
    return ctx.emit('binary', [y.name, factors], { op: 'mul', constant: true }, name);
  });
}

/** R·S over the positions of each window that lie in the image or its stated padding. */
function beyondFactors([, , H = 1, W = 1]: readonly number[], [, , P = 1, Q = 1]: readonly number[], w: Window): Float32Array {
  const inside = (axis: 0 | 1, o: number): number => {
    const end = (axis === 0 ? H + w.pads[2] : W + w.pads[3]) - w.extended[axis];
    let count = 0;
    for (let t = 0; t < w.kernel[axis]; t++) if (o * w.strides[axis] - w.pads[axis] + t * w.dilations[axis] < end) count++;
    return count;
  };
  return Float32Array.from({ length: P * Q }, (_, i) => (w.kernel[0] * w.kernel[1]) / (inside(0, Math.floor(i / Q)) * inside(1, i % Q)));
}

const averagePool = (ctx: NodeContext): ActivationOperand => average(ctx, ctx.pending(0), ctx.attrs.int('count_include_pad', 0) !== 0, '');

/** (Σ |x|^p)^(1/p), by way of the average. */
function lp(
  ctx: NodeContext,
  x: ActivationOperand,
  positions: number,
  averaged: (powers: ActivationOperand) => ActivationOperand,
): ActivationOperand {
  const p = ctx.attrs.int('p', 2);
  if (p < 1) ctx.badAttribute(`p is ${p}`);
  const absolute = unaryLayer(ctx, x, 'abs', {}, 'absolute');
  const power = (of: ActivationOperand, exponent: number, part: string): ActivationOperand => {
    if (exponent === 1) return of;
    const rank = ctx.sample(of).length;
    const constant = ctx.table('exponent', new Array<number>(rank).fill(1), Float32Array.of(exponent));
    return ctx.emit('binary', [of.name, constant], { op: 'pow', constant: true }, part);
  };
  const mean = averaged(power(absolute, p, 'powers'));
  const total = unaryLayer(ctx, mean, 'scale', { alpha: positions }, p === 1 ? '' : 'total');
  return power(total, 1 / p, '');
}

function lpPool(ctx: NodeContext): ActivationOperand {
  const kernel = ctx.attrs.ints('kernel_shape') ?? ctx.badAttribute('kernel_shape is required');
  const positions = kernel.reduce((a, b) => a * b, 1);
  return lp(ctx, ctx.activation(0), positions, (powers) => average(ctx, powers, true, 'mean'));
}

/** The average of each whole channel. */
export function averageOf(ctx: NodeContext, x: ActivationOperand, part = ''): ActivationOperand {
  return overImage(ctx, x, part, (image, name) => {
    const kernel = image.shape.slice(2);
    return ctx.emit('avg_pool', [image.name], { kernel, strides: [1, 1], pads: [0, 0, 0, 0], countIncludePad: false }, name);
  });
}

function globalMaxPool(ctx: NodeContext): ActivationOperand {
  const x = ctx.activation(0);
  return ctx.emit('reduce', [x.name], { op: 'max', axis: 2, count: x.shape.length - 2 });
}

function globalLpPool(ctx: NodeContext): ActivationOperand {
  const x = ctx.activation(0);
  const positions = x.shape.slice(2).reduce((a, b) => a * b, 1);
  return lp(ctx, x, positions, (powers) => averageOf(ctx, powers, 'mean'));
}

const GLOBAL = { inputs: [1, 1], attributes: [], rules: [SPATIAL_DIMENSIONS], perSample: true } as const;

export const POOL_OPERATORS: Operators = {
  // `storage_order` concerns the second output alone, which is refused where it is used.
  MaxPool: {
    inputs: [1, 1],
    attributes: [...WINDOW_ATTRIBUTES, 'ceil_mode', 'storage_order'],
    rules: WINDOW_RULES,
    perSample: true,
    lower: maxPool,
  },
  AveragePool: {
    inputs: [1, 1],
    attributes: [...WINDOW_ATTRIBUTES, 'ceil_mode', 'count_include_pad'],
    rules: WINDOW_RULES,
    perSample: true,
    lower: averagePool,
  },
  LpPool: { inputs: [1, 1], attributes: [...WINDOW_ATTRIBUTES, 'ceil_mode', 'p'], rules: WINDOW_RULES, perSample: true, lower: lpPool },
  GlobalAveragePool: { ...GLOBAL, lower: (ctx) => averageOf(ctx, ctx.activation(0)) },
  GlobalMaxPool: { ...GLOBAL, lower: globalMaxPool },
  GlobalLpPool: { ...GLOBAL, attributes: ['p'], lower: globalLpPool },
};
