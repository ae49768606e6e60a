import type { NodeContext } from '../context.ts';

/** Where the elements of a resized dimension lie in the dimension they come from (ONNX Resize). */
export interface Coordinates {
  readonly transformation: string;
  readonly length: number;
  readonly size: number;
  readonly scale: number;
  /** Start and end of the region, as shares of the dimension. */
  readonly roi: readonly [number, number];
}

export interface Resampling {
  readonly filter: 'linear' | 'cubic';
  /** Coefficient a of the cubic filter. */
  readonly cubicA: number;
  readonly antialias: boolean;
  readonly excludeOutside: boolean;
}

/** The position of element i of the result in the source. */
function sourceOf(ctx: NodeContext, { transformation, length, size, scale, roi }: Coordinates, i: number): number {
  // The size before it is rounded down, as ONNX's own implementation has it.
  const resized = scale * length;
  switch (transformation) {
    case 'half_pixel':
      return (i + 0.5) / scale - 0.5;
    case 'half_pixel_symmetric': {
      const adjustment = size / resized;
      return (length / 2) * (1 - adjustment) + (i + 0.5) / scale - 0.5;
    }
    case 'pytorch_half_pixel':
      return size === 1 ? 0 : (i + 0.5) / scale - 0.5;
    case 'align_corners':
      return size === 1 ? 0 : (i * (length - 1)) / (resized - 1);
    case 'asymmetric':
      return i / scale;
    case 'tf_half_pixel_for_nn':
      return (i + 0.5) / scale;
    case 'tf_crop_and_resize': {
      const [start, end] = roi;
      if (size === 1) return ((start + end) * (length - 1)) / 2;
      return start * (length - 1) + (i * (end - start) * (length - 1)) / (resized - 1);
    }
    default:
      return ctx.badAttribute(`coordinate_transformation_mode is '${transformation}'`);
  }
}

const NEAREST: Readonly<Record<string, (x: number) => number>> = {
  round_prefer_floor: (x) => Math.ceil(x - 0.5),
  round_prefer_ceil: (x) => Math.floor(x + 0.5),
  floor: Math.floor,
  ceil: Math.ceil,
};

/** The source of each element; −1 outside of a cropped region. */
export function nearestIndices(ctx: NodeContext, c: Coordinates, mode: string): number[] {
  const round = NEAREST[mode] ?? ctx.badAttribute(`nearest_mode is '${mode}'`);
  return Array.from({ length: c.size }, (_, i) => {
    const x = sourceOf(ctx, c, i);
    if (isOutside(c, x)) return -1;
    return Math.min(Math.max(round(x), 0), c.length - 1);
  });
}

const isOutside = (c: Coordinates, x: number): boolean => c.transformation === 'tf_crop_and_resize' && (x < 0 || x > c.length - 1);

/** Weight of an element at this distance from the position (Keys 1981 with coefficient a, or a triangle). */
function kernel({ filter, cubicA: a }: Resampling, distance: number): number {
  const d = Math.abs(distance);
  if (filter === 'linear') return Math.max(0, 1 - d);
  if (d <= 1) return ((a + 2) * d - (a + 3)) * d * d + 1;
  return d < 2 ? ((a * d - 5 * a) * d + 8 * a) * d - 4 * a : 0;
}

/** Taps of every position; all positions have the same number, those at the border being the border element again. */
export function interpolation(
  ctx: NodeContext,
  c: Coordinates,
  options: Resampling,
): { readonly index: Int32Array; readonly weight: Float32Array; readonly taps: number } {
  // A filter that shrinks is as wide as the elements it takes in, so that nothing is skipped.
  const stretch = options.antialias ? Math.min(c.scale, 1) : 1;
  const reach = (options.filter === 'linear' ? 1 : 2) / stretch;
  const first = Math.floor(-reach) + 1;
  const taps = 2 - 2 * first;
  const index = new Int32Array(c.size * taps);
  const weight = new Float32Array(c.size * taps);
  for (let o = 0; o < c.size; o++) {
    const x = sourceOf(ctx, c, o);
    if (isOutside(c, x)) {
      index.fill(-1, o * taps, (o + 1) * taps);
      continue;
    }
    // The element on the left, that of an integer position being the one before.
    const left = Math.ceil(x) - 1;
    const raw = Array.from({ length: taps }, (_, t) => kernel(options, (left + first + t - x) * stretch));
    const inside = raw.map((w, t) => (options.excludeOutside && (left + first + t < 0 || left + first + t >= c.length) ? 0 : w));
    const sum = options.antialias || options.excludeOutside ? inside.reduce((a, b) => a + b, 0) : 1;
    inside.forEach((w, t) => {
      index[o * taps + t] = Math.min(Math.max(left + first + t, 0), c.length - 1);
      weight[o * taps + t] = w / sum;
    });
  }
  return { index, weight, taps };
}
