import type { Attrs } from '../graph.ts';
import { elementCount, type TensorType } from '../tensor.ts';
import { type AttrSpecs, padsAttr, pairAttr } from './attrs.ts';
import { type Image, image } from './types.ts';
import { expectWindowsInside, type Windows, windowCount } from './window.ts';

export const POOL_ATTRS = {
  kernel: { type: 'ints', doc: 'rows and columns of the window' },
  strides: { type: 'ints', default: [1, 1], doc: 'step of the window, rows and columns' },
  pads: { type: 'ints', default: [0, 0, 0, 0], doc: 'padding top, left, bottom, right' },
} as const satisfies AttrSpecs;

export const POOL_DILATIONS = {
  dilations: { type: 'ints', default: [1, 1], doc: 'distance of window positions, rows and columns' },
} as const satisfies AttrSpecs;

/** An image of N×C planes and the windows that pool it. */
export interface Pooling {
  readonly N: number;
  readonly C: number;
  readonly rows: Windows;
  readonly columns: Windows;
  readonly P: number;
  readonly Q: number;
}

/** @throws ShapeError where the windows do not fit the image. */
export function poolingOf(x: Image, attrs: Attrs): Pooling {
  const [R, S] = pairAttr(POOL_ATTRS, attrs, 'kernel');
  const [strideH, strideW] = pairAttr(POOL_ATTRS, attrs, 'strides');
  const [dilationH, dilationW] = pairAttr(POOL_DILATIONS, attrs, 'dilations');
  const pads = padsAttr(POOL_ATTRS, attrs, 'pads');
  const rows = { size: x.H, taps: R, stride: strideH, dilation: dilationH, pad: pads.top, padAfter: pads.bottom };
  const columns = { size: x.W, taps: S, stride: strideW, dilation: dilationW, pad: pads.left, padAfter: pads.right };
  expectWindowsInside('rows', rows);
  expectWindowsInside('columns', columns);
  return { N: x.N, C: x.C, rows, columns, P: windowCount('rows', rows), Q: windowCount('columns', columns) };
}

/** Elements that are read where each of these windows reads all of its positions. */
export function windowElements({ shape }: TensorType, attrs: Attrs): number {
  const [R, S] = pairAttr(POOL_ATTRS, attrs, 'kernel');
  return elementCount(shape) * R * S;
}

/** The image that a gradient layer produces: the samples of dy, the extents of the attribute `inputShape`. */
export function gradientImage(dy: TensorType, shape: readonly [number, number, number]): Image {
  const [C, H, W] = shape;
  return { N: image('gradient dy', dy).N, C, H, W };
}

/** Visits every element under every window: indices into output and input, and the tap r·S + s. */
export function forEachTap(pooling: Pooling, visit: (y: number, x: number, tap: number) => void): void {
  const { rows, columns, P, Q } = pooling;
  for (let plane = 0; plane < pooling.N * pooling.C; plane++) {
    for (let p = 0; p < P; p++) {
      for (let q = 0; q < Q; q++) {
        for (let r = 0; r < rows.taps; r++) {
          const h = p * rows.stride - rows.pad + r * rows.dilation;
          if (h < 0 || h >= rows.size) continue;
          for (let s = 0; s < columns.taps; s++) {
            const w = q * columns.stride - columns.pad + s * columns.dilation;
            if (w >= 0 && w < columns.size)
              visit((plane * P + p) * Q + q, (plane * rows.size + h) * columns.size + w, r * columns.taps + s);
          }
        }
      }
    }
  }
}
