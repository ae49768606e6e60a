import type { Attrs } from '../graph.ts';
import type { AttrSpecs } from './attrs.ts';
import { intAttr, padsAttr, pairAttr, tripleAttr } from './attrs.ts';
import { type ConvGeometry, ShapeError } from './record.ts';
import { shapeText } from './types.ts';
import { type Windows, windowCount } from './window.ts';

export const CONV_ATTRS = {
  strides: { type: 'ints', default: [1, 1], doc: 'step of the window, rows and columns' },
  pads: { type: 'ints', default: [0, 0, 0, 0], doc: 'zeros added top, left, bottom, right' },
  dilations: { type: 'ints', default: [1, 1], doc: 'distance of filter taps, rows and columns' },
  groups: { type: 'int', default: 1, doc: 'channel groups convolved independently' },
} as const satisfies AttrSpecs;

/** Attributes of the gradient layers that cannot tell the input's extents from their operands. */
export const INPUT_SHAPE = { inputShape: { type: 'ints', doc: 'C, H, W of the forward input' } } as const satisfies AttrSpecs;

/**
 * Extents of a convolution of `xShape` [N, C, H, W] (or without N) with `wShape` [K, C/groups, R, S].
 * @throws ShapeError where they contradict.
 */
export function convGeometry(xShape: readonly number[], wShape: readonly number[], attrs: Attrs): ConvGeometry {
  const [C, H, W] = xShape.length === 4 ? xShape.slice(1) : xShape.length === 3 ? xShape : [];
  if (C === undefined || H === undefined || W === undefined)
    throw new ShapeError(`input has shape ${shapeText(xShape)}, expected 4 dimensions (N, C, H, W)`);
  const [K, depth, R, S] = wShape.length === 4 ? wShape : [];
  if (K === undefined || depth === undefined || R === undefined || S === undefined) {
    throw new ShapeError(`weight has shape ${shapeText(wShape)}, expected 4 dimensions (K, C/groups, R, S)`);
  }
  const groups = intAttr(CONV_ATTRS, attrs, 'groups');
  if (groups < 1 || C % groups !== 0 || K % groups !== 0)
    throw new ShapeError(`groups ${groups} must divide the ${C} input and ${K} output channels`);
  if (depth * groups !== C) throw new ShapeError(`weight takes ${depth} channels a group in ${groups} groups, the input has ${C} channels`);
  const rows = convRows(H, R, attrs);
  const columns = convColumns(W, S, attrs);
  return {
    C,
    H,
    W,
    K,
    R,
    S,
    P: windowCount('rows', rows),
    Q: windowCount('columns', columns),
    groups,
    strideH: rows.stride,
    strideW: columns.stride,
    dilationH: rows.dilation,
    dilationW: columns.dilation,
    padTop: rows.pad,
    padLeft: columns.pad,
  };
}

/** Geometry of a fully connected layer of `C` to `K` features, as a convolution of one pixel. */
export function pixelGeometry(C: number, K: number): ConvGeometry {
  const one = { H: 1, W: 1, R: 1, S: 1, P: 1, Q: 1, groups: 1, strideH: 1, strideW: 1, dilationH: 1, dilationW: 1 };
  return { C, K, ...one, padTop: 0, padLeft: 0 };
}

/** The windows of a convolution along the rows of an image of `H` rows. */
export function convRows(H: number, R: number, attrs: Attrs): Windows {
  const pads = padsAttr(CONV_ATTRS, attrs, 'pads');
  const [stride] = pairAttr(CONV_ATTRS, attrs, 'strides');
  const [dilation] = pairAttr(CONV_ATTRS, attrs, 'dilations');
  return { size: H, taps: R, stride, dilation, pad: pads.top, padAfter: pads.bottom };
}

function convColumns(W: number, S: number, attrs: Attrs): Windows {
  const pads = padsAttr(CONV_ATTRS, attrs, 'pads');
  const [, stride] = pairAttr(CONV_ATTRS, attrs, 'strides');
  const [, dilation] = pairAttr(CONV_ATTRS, attrs, 'dilations');
  return { size: W, taps: S, stride, dilation, pad: pads.left, padAfter: pads.right };
}

/** The attribute `inputShape` of a gradient layer: C, H, W. */
export function inputShapeOf(attrs: Attrs): readonly [number, number, number] {
  return tripleAttr(INPUT_SHAPE, attrs, 'inputShape');
}

/** Visits every product of a convolution of `samples` images: indices into the output, the input and the weight. */
export function forEachProduct(g: ConvGeometry, samples: number, visit: (y: number, x: number, w: number) => void): void {
  const depth = g.C / g.groups;
  const columnsOut = g.K / g.groups;
  for (let n = 0; n < samples; n++) {
    for (let k = 0; k < g.K; k++) {
      const firstChannel = Math.floor(k / columnsOut) * depth;
      for (let p = 0; p < g.P; p++) {
        for (let q = 0; q < g.Q; q++) {
          const y = ((n * g.K + k) * g.P + p) * g.Q + q;
          for (let c = 0; c < depth; c++) {
            for (let r = 0; r < g.R; r++) {
              const h = p * g.strideH - g.padTop + r * g.dilationH;
              if (h < 0 || h >= g.H) continue;
              const row = ((n * g.C + firstChannel + c) * g.H + h) * g.W;
              for (let s = 0; s < g.S; s++) {
                const w = q * g.strideW - g.padLeft + s * g.dilationW;
                if (w >= 0 && w < g.W) visit(y, row + w, ((k * depth + c) * g.R + r) * g.S + s);
              }
            }
          }
        }
      }
    }
  }
}
