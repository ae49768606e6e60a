import type { MatrixSlot } from '../isa/slots.ts';

/** Elements [low, high], counted from the base, that a block touches; `count` of its elements take part. */
export interface Touched {
  readonly low: number;
  readonly high: number;
  readonly count: number;
}

type Config = Readonly<Record<MatrixSlot, number>>;

/** Adjacent columns in the same copy and the same group of columns: their elements are `stride` apart. */
interface ColumnRun {
  readonly copy: number;
  readonly group: number;
  /** First column within the copy. */
  readonly first: number;
  readonly count: number;
}

/** Whether stationary cells can be off, or their indices have more than the two plain levels. */
export function isStationaryPacked({ BKM, BNI, BGN, BW, BGK }: Config): boolean {
  return BKM > 1 || BNI !== 0 || BGN !== 0 || BW !== 0 || BGK !== 0;
}

export function isResultPacked({ CMM, CNI, CW, CGN }: Config): boolean {
  return CMM > 1 || CNI !== 0 || CW !== 0 || CGN !== 0;
}

/** The cells of a stationary block that are on. */
export function stationaryTouched(c: Config, k0: number, depth: number, n0: number, columns: number): Touched {
  const hull = new Hull();
  const runs = columnRuns(n0, columns, c.BNI, c.BGN);
  for (let k = k0; k < k0 + depth; k++) {
    const line = Math.floor(k / c.BKI);
    const within = k - line * c.BKI;
    const middle = Math.max(c.BKM, 1);
    const row = Math.floor(line / middle) * c.BSKO + (line % middle) * c.BSKM + within * c.BSKI;
    for (const { copy, group, first, count } of runs) {
      const place = within - copy * c.BWS;
      if (c.BW !== 0 && (place < 0 || place >= c.BW)) continue;
      if (c.BGK !== 0 && Math.floor(k / c.BGK) !== group) continue;
      const inGroup = c.BGN === 0 ? first : first - group * c.BGN;
      hull.add(row + copy * c.BSNO + group * c.BSNG + inGroup * c.BSN, count, c.BSN);
    }
  }
  return hull;
}

/** The results of a block that are written. */
export function resultTouched(c: Config, m0: number, rows: number, n0: number, columns: number): Touched {
  const hull = new Hull();
  const runs = columnRuns(n0, columns, c.CNI, c.CGN);
  const middle = Math.max(c.CMM, 1);
  for (let m = m0; m < m0 + rows; m++) {
    const line = Math.floor(m / c.CMI);
    const within = (m - line * c.CMI) * c.CSMI;
    const row = Math.floor(line / middle) * c.CSMO + (line % middle) * c.CSMM + within;
    for (const { copy, group, first, count } of runs) {
      if (c.CW !== 0 && within + copy * c.CSNO >= c.CW) continue;
      if (c.CGN !== 0 && Math.floor(m / c.CGM) !== group) continue;
      hull.add(row + copy * c.CSNO + first * c.CSN, count, c.CSN);
    }
  }
  return hull;
}

/**
 * Whether the strides of a block's results are nested: each steps over all that the smaller ones reach, so that no two meet.
 * A width bounds what rows within a line and copies of columns reach together; the others step over that.
 */
export function areResultsApart(c: Config, m0: number, rows: number, n0: number, columns: number): boolean {
  const middle = Math.max(c.CMM, 1);
  const lines = touched(m0, rows, c.CMI);
  const outer = touched(m0, rows, c.CMI * middle);
  const copies = c.CNI === 0 ? 1 : touched(n0, columns, c.CNI);
  const ownColumns = c.CGN !== 0 && c.CGM === c.CMI * middle;
  const inLine = [...axis(lines > 1 ? c.CMI : rows, c.CSMI), ...axis(copies, c.CSNO)];
  const others = [
    ...(ownColumns ? [] : axis(outer, c.CSMO)),
    ...axis(outer > 1 ? middle : lines, c.CSMM),
    ...axis(copies > 1 ? c.CNI : columns, c.CSN),
  ];
  if (c.CW === 0) return reachOf([...inLine, ...others], 0) !== undefined;
  const reach = reachOf(inLine, 0);
  return reach !== undefined && reachOf(others, Math.min(reach, c.CW - 1)) !== undefined;
}

/** How many of the lines of `size` indices [first, first + count) touches. */
function touched(first: number, count: number, size: number): number {
  return Math.floor((first + count - 1) / size) - Math.floor(first / size) + 1;
}

interface Axis {
  readonly stride: number;
  readonly reach: number;
}

/** An axis that is counted once is none. */
function axis(count: number, stride: number): Axis[] {
  return count === 1 ? [] : [{ stride: Math.abs(stride), reach: (count - 1) * Math.abs(stride) }];
}

/** What axes reach together, nested one into the other and over all that `reach` covers; undefined where they are not. */
function reachOf(axes: readonly Axis[], reach: number): number | undefined {
  let all = reach;
  for (const { stride, reach: own } of [...axes].sort((a, b) => a.stride - b.stride)) {
    if (stride <= all) return undefined;
    all += own;
  }
  return all;
}

function columnRuns(n0: number, columns: number, copyColumns: number, groupColumns: number): ColumnRun[] {
  const runs: ColumnRun[] = [];
  for (let n = n0; n < n0 + columns; ) {
    const copy = copyColumns === 0 ? 0 : Math.floor(n / copyColumns);
    const first = n - copy * copyColumns;
    const group = groupColumns === 0 ? 0 : Math.floor(first / groupColumns);
    const toCopy = copyColumns === 0 ? columns : copyColumns - first;
    const toGroup = groupColumns === 0 ? columns : (group + 1) * groupColumns - first;
    const count = Math.min(toCopy, toGroup, n0 + columns - n);
    runs.push({ copy, group, first, count });
    n += count;
  }
  return runs;
}

class Hull implements Touched {
  low = Number.POSITIVE_INFINITY;
  high = Number.NEGATIVE_INFINITY;
  count = 0;

  add(first: number, count: number, stride: number): void {
    const last = first + (count - 1) * stride;
    this.low = Math.min(this.low, first, last);
    this.high = Math.max(this.high, first, last);
    this.count += count;
  }
}
