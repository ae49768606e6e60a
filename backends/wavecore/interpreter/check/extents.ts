import type { MatrixSlot } from '../../isa/slots.ts';

/** Configuration of the matrix unit (isa/slots.ts). */
export type MatrixConfiguration = Readonly<Record<MatrixSlot, number>>;
/** Told of adjacent bytes [from, to) that an operand covers. */
export type Visit = (from: number, to: number) => void;

/** Rows [m0, m0 + rows) and reduction indices [k0, k0 + depth) or the like. */
export interface Block {
  readonly row: number;
  readonly rows: number;
  readonly column: number;
  readonly columns: number;
}

/** Joins runs that continue each other before passing them on. */
class Runs {
  private from = 0;
  private to = 0;
  private readonly visit: Visit;

  constructor(visit: Visit) {
    this.visit = visit;
  }

  add(from: number, to: number): void {
    if (from === this.to) this.to = to;
    else {
      this.flush();
      this.from = from;
      this.to = to;
    }
  }

  flush(): void {
    if (this.to > this.from) this.visit(this.from, this.to);
    this.from = this.to;
  }
}

/**
 * The f16 elements of the image that a block of the patch matrix reads: rows of pixels by columns of taps (AT = 0), or the
 * other way round. The taps of one channel read much the same bytes, and all channels with all taps the same pattern of bytes.
 */
export function movingExtents(c: MatrixConfiguration, base: number, block: Block, visit: Visit): void {
  const [pixel, pixels, tap0, taps] =
    c.AT === 0 ? [block.row, block.rows, block.column, block.columns] : [block.column, block.columns, block.row, block.rows];
  const window = c.R * c.S;
  let full: readonly number[] | undefined;
  for (let tap = tap0; tap < tap0 + taps; ) {
    const channel = Math.floor(tap / window);
    const first = tap - channel * window;
    const last = Math.min(window, first + tap0 + taps - tap);
    const whole = last - first === window;
    const pattern: readonly number[] = (whole ? full : undefined) ?? patternOf(c, pixel, pixels, first, last);
    if (whole) full = pattern;
    const start = base + 2 * channel * c.ASC;
    for (let i = 0; i < pattern.length; i += 2) visit(start + (pattern[i] ?? 0), start + (pattern[i + 1] ?? 0));
    tap += last - first;
  }
}

/** Bytes [from, to) of a channel, in pairs, ascending, that taps [first, last) of the window around some pixels read. */
function patternOf(c: MatrixConfiguration, pixel0: number, pixels: number, first: number, last: number): number[] {
  const runs: [number, number][] = [];
  for (let tap = first; tap < last; tap++) {
    const dy = Math.floor(tap / c.S) * c.DH - c.PT;
    const dx = (tap % c.S) * c.DW - c.PL;
    // Rows of the pixel grid, each a run of adjacent pixels.
    for (let pixel = pixel0; pixel < pixel0 + pixels; ) {
      const line = Math.floor(pixel / c.Q);
      const q = pixel - line * c.Q;
      const count = Math.min(c.Q - q, pixel0 + pixels - pixel);
      const n = Math.floor(line / c.P);
      const y = (line - n * c.P) * c.SH + dy;
      pixel += count;
      if (y >= 0 && y % c.UH === 0 && y / c.UH < c.H) imageRun(c, 2 * (n * c.ASN + (y / c.UH) * c.W), q * c.SW + dx, count, runs);
    }
  }
  return united(runs);
}

/** `count` pixels of one image row, SW apart from x on, of which every UW-th exists. */
function imageRun(c: MatrixConfiguration, row: number, x: number, count: number, runs: [number, number][]): void {
  if (c.SW === 1 && c.UW === 1) {
    const [from, to] = [Math.max(x, 0), Math.min(x + count, c.W)];
    if (to > from) runs.push([row + 2 * from, row + 2 * to]);
    return;
  }
  for (let i = 0; i < count; i++) {
    const spread = x + i * c.SW;
    const column = spread / c.UW;
    if (spread >= 0 && spread % c.UW === 0 && column < c.W) runs.push([row + 2 * column, row + 2 * column + 2]);
  }
}

/** The union of runs. */
function united(runs: [number, number][]): number[] {
  runs.sort((a, b) => a[0] - b[0]);
  const union: number[] = [];
  let end = Number.NEGATIVE_INFINITY;
  for (const [from, to] of runs) {
    if (from > end) union.push(from, to);
    else if (to > end) union[union.length - 1] = to;
    end = Math.max(end, to);
  }
  return union;
}

/** The f16 elements of a stationary block: reduction indices by columns. */
export function stationaryExtents(c: MatrixConfiguration, base: number, block: Block, visit: Visit): void {
  if (c.BKM > 1 || c.BNI !== 0 || c.BGN !== 0 || c.BW !== 0 || c.BGK !== 0) packedStationary(c, base, block, visit);
  else strided(base, 2, block, { inner: c.BKI, outerStride: c.BSKO, innerStride: c.BSKI, columnStride: c.BSN }, visit);
}

/** The result elements of `size` bytes of a drained block: rows by columns. */
export function resultExtents(c: MatrixConfiguration, base: number, size: number, block: Block, visit: Visit): void {
  if (c.CMM > 1 || c.CNI !== 0 || c.CW !== 0 || c.CGN !== 0) packedResult(c, base, size, block, visit);
  else strided(base, size, block, { inner: c.CMI, outerStride: c.CSMO, innerStride: c.CSMI, columnStride: c.CSN }, visit);
}

/** The biases of a block: those of its channels. */
export function biasExtents(c: MatrixConfiguration, bias: number, block: Block, visit: Visit): void {
  for (const [from = 0, to = 0] of channelRuns(c, block)) visit(bias + 4 * from, bias + 4 * to);
}

/** The channels of a block: its columns, of which copies are the same one, or its rows where operands are exchanged. */
function channelRuns({ X, CNI }: MatrixConfiguration, { row, rows, column, columns }: Block): number[][] {
  if (X !== 0) return [[row, row + rows]];
  return CNI === 0 ? [[column, column + columns]] : copyRuns(CNI, column, column + columns);
}

/** Columns [from, to) within their copies; all of a copy once. */
function copyRuns(size: number, from: number, to: number): number[][] {
  if (to - from >= size) return [[0, size]];
  const [first, last] = [from % size, (to - 1) % size];
  return first <= last
    ? [[first, last + 1]]
    : [
        [first, size],
        [0, last + 1],
      ];
}

/** Cell by cell, those that are off left out. */
function packedStationary(c: MatrixConfiguration, base: number, { row, rows, column, columns }: Block, visit: Visit): void {
  const runs = new Runs(visit);
  for (let n = column; n < column + columns; n++) {
    const [u, v] = levels(n, c.BNI);
    const [g, w] = levels(v, c.BGN);
    for (let k = row; k < row + rows; k++) {
      const [line, within] = levels(k, c.BKI);
      const [outer, middle] = c.BKM === 0 ? [line, 0] : levels(line, c.BKM);
      const inWindow = c.BW === 0 || (within >= u * c.BWS && within < u * c.BWS + c.BW);
      if (!inWindow || (c.BGK !== 0 && Math.floor(k / c.BGK) !== g)) continue;
      const at = outer * c.BSKO + middle * c.BSKM + within * c.BSKI + u * c.BSNO + g * c.BSNG + w * c.BSN;
      runs.add(base + 2 * at, base + 2 * at + 2);
    }
  }
  runs.flush();
}

/** Result by result, those that are not written left out. */
function packedResult(c: MatrixConfiguration, base: number, size: number, { row, rows, column, columns }: Block, visit: Visit): void {
  const runs = new Runs(visit);
  for (let n = column; n < column + columns; n++) {
    const [u, v] = levels(n, c.CNI);
    for (let m = row; m < row + rows; m++) {
      const [line, within] = levels(m, c.CMI);
      const [outer, middle] = c.CMM === 0 ? [line, 0] : levels(line, c.CMM);
      const beyond = c.CW !== 0 && within * c.CSMI + u * c.CSNO >= c.CW;
      if (beyond || (c.CGN !== 0 && Math.floor(m / c.CGM) !== Math.floor(v / c.CGN))) continue;
      const at = outer * c.CSMO + middle * c.CSMM + within * c.CSMI + u * c.CSNO + v * c.CSN;
      runs.add(base + size * at, base + size * at + size);
    }
  }
  runs.flush();
}

/** Quotient and remainder; without a divisor all is remainder. */
function levels(index: number, size: number): readonly [number, number] {
  if (size === 0) return [0, index];
  const quotient = Math.floor(index / size);
  return [quotient, index - quotient * size];
}

/** The f64 pairs of totals that a drained block adds to: those of its channels for every set of pixels that it touches. */
export function totalExtents(c: MatrixConfiguration, state: number, block: Block, visit: Visit): void {
  const [pixel, pixels] = c.X === 0 ? [block.row, block.rows] : [block.column, block.columns];
  const runs = channelRuns(c, block);
  for (let set = Math.floor(pixel / c.TMI); set * c.TMI < pixel + pixels; set++) {
    for (const [from = 0, to = 0] of runs) visit(state + 16 * (set * c.TSMO + from), state + 16 * (set * c.TSMO + to));
  }
}

interface Strides {
  readonly inner: number;
  readonly outerStride: number;
  readonly innerStride: number;
  readonly columnStride: number;
}

/** Elements at base + size·(floor(i/inner)·outerStride + (i mod inner)·innerStride + j·columnStride). */
function strided(base: number, size: number, { row, rows, column, columns }: Block, s: Strides, visit: Visit): void {
  const runs = new Runs(visit);
  for (let i = row; i < row + rows; ) {
    const group = Math.floor(i / s.inner);
    const within = i - group * s.inner;
    const count = Math.min(s.inner - within, row + rows - i);
    for (let j = column; j < column + columns; j++) {
      const first = base + size * (group * s.outerStride + within * s.innerStride + j * s.columnStride);
      if (s.innerStride === 1) runs.add(first, first + size * count);
      else if (s.innerStride === -1) runs.add(first - size * (count - 1), first + size);
      else for (let e = 0; e < count; e++) runs.add(first + size * e * s.innerStride, first + size * (e * s.innerStride + 1));
    }
    i += count;
  }
  runs.flush();
}
