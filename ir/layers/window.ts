import type { Rows } from './record.ts';
import { ShapeError } from './record.ts';

/** Sliding windows along one dimension: output position o covers input positions o·stride − pad + t·dilation, t < taps. */
export interface Windows {
  readonly size: number;
  readonly taps: number;
  readonly stride: number;
  readonly dilation: number;
  /** Padding before the first element. */
  readonly pad: number;
  readonly padAfter: number;
}

/** Positions that one window spans, gaps of the dilation included. */
export function windowExtent(w: Windows): number {
  return (w.taps - 1) * w.dilation + 1;
}

/** Number of windows: floor((size + pads − extent) / stride) + 1. */
export function windowCount(what: string, w: Windows): number {
  if (w.taps < 1 || w.stride < 1 || w.dilation < 1) throw new ShapeError(`${what}: kernel, stride and dilation must be at least 1`);
  if (w.pad < 0 || w.padAfter < 0) throw new ShapeError(`${what}: negative padding`);
  const room = w.size + w.pad + w.padAfter - windowExtent(w);
  if (room < 0)
    throw new ShapeError(`${what}: window of ${windowExtent(w)} is larger than the padded input of ${w.size + w.pad + w.padAfter}`);
  return Math.floor(room / w.stride) + 1;
}

/** Throws where a window lies wholly in the padding, so that it has no element to pool. */
export function expectWindowsInside(what: string, w: Windows): void {
  const last = (windowCount(what, w) - 1) * w.stride - w.pad;
  if (w.pad >= windowExtent(w) || last >= w.size) throw new ShapeError(`${what}: a window lies wholly in the padding`);
}

function clamp(from: number, to: number, size: number): Rows {
  const start = Math.min(Math.max(from, 0), size);
  return [start, Math.max(start, Math.min(to, size))];
}

/** Input rows that the output rows `out` read, clipped to the input. */
export function rowsUnder(out: Rows, w: Windows): Rows {
  if (out[1] <= out[0]) return [0, 0];
  return clamp(out[0] * w.stride - w.pad, (out[1] - 1) * w.stride - w.pad + windowExtent(w), w.size);
}

/** Output rows whose windows touch the input rows `rows`, clipped to the `count` windows there are. */
export function rowsTouching(rows: Rows, w: Windows, count: number): Rows {
  if (rows[1] <= rows[0]) return [0, 0];
  const first = Math.ceil((rows[0] + w.pad - windowExtent(w) + 1) / w.stride);
  return clamp(first, Math.floor((rows[1] - 1 + w.pad) / w.stride) + 1, count);
}
