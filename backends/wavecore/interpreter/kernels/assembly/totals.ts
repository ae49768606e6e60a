import { firstOf } from './layout';
import { CGM, CGN, CMI, CMM, CNI, CSMI, CSMM, CSMO, CSN, CSNO, CW, slot, TMI, TSMO, X } from './slots';
import { addSquares } from './sums';

/**
 * Adds Σx and Σx² of the f16 results of a block, as they are stored, to the pairs of their channels and sets of pixels. Parts take
 * different channels; the results of one are taken row by row, and by column within a row.
 */
export function totals(
  slots: usize,
  part: i32,
  base: i32,
  m0: i32,
  n0: i32,
  rows: i32,
  columns: i32,
  state: i32,
): void {
  const size = slot(slots, CNI);
  const turned = slot(slots, X) != 0;
  const first = turned ? m0 : size == 0 ? n0 : 0;
  const channels = turned ? rows : size == 0 ? columns : size;
  const from = first + firstOf(channels, part);
  const to = first + firstOf(channels, part + 1);
  const copies = size == 0 ? 1 : columns / size;
  const whole = size == 0 || (n0 == 0 && columns == copies * size);
  const beside = slot(slots, CSMI) == copies && (copies == 1 || slot(slots, CSNO) == 1);
  if (slot(slots, CGN) == 0 && !turned && whole && beside) {
    alongRows(slots, base, from, to, copies, m0, rows, state);
  } else if (slot(slots, CGN) == 0 && turned && slot(slots, CW) == 0 && slot(slots, CSN) == 1) {
    alongColumns(slots, base, from, to, n0, columns, state);
  } else {
    for (let m = m0; m < m0 + rows; m++) {
      for (let n = n0; n < n0 + columns; n++) {
        const channel = turned ? m : size == 0 ? n : n % size;
        if (channel >= from && channel < to) addResult(slots, base, m, n, pairOf(slots, state, turned ? n : m, channel));
      }
    }
  }
}

function pairOf(slots: usize, state: i32, pixel: i32, channel: i32): usize {
  return state + (((pixel / slot(slots, TMI)) * slot(slots, TSMO) + channel) << 4);
}

/** Where all copies of a pixel lie in a row, one behind the other, and those of the next row behind them. */
function alongRows(slots: usize, base: i32, from: i32, to: i32, copies: i32, m0: i32, rows: i32, state: i32): void {
  const inner = slot(slots, CMI);
  const middle = max(slot(slots, CMM), 1);
  const width = slot(slots, CW);
  const columnStride = slot(slots, CSN) << 1;
  const set = slot(slots, TMI);
  const end = m0 + rows;
  for (let channel = from; channel < to; channel += 2) {
    for (let m = m0; m < end; ) {
      const line = m / inner;
      const within = m - line * inner;
      const count = min(min(inner - within, set - (m % set)), end - m);
      const left = within * copies;
      const right = width == 0 ? left + count * copies : min(left + count * copies, width);
      const start = (line / middle) * slot(slots, CSMO) + (line % middle) * slot(slots, CSMM) + left;
      const at = base + (start << 1) + channel * columnStride;
      if (right > left) addSquares(pairOf(slots, state, m, channel), at, columnStride, right - left, channel + 1 < to);
      m += count;
    }
  }
}

/** Where channels are rows, and the pixels of one lie one behind the other. */
function alongColumns(slots: usize, base: i32, from: i32, to: i32, n0: i32, columns: i32, state: i32): void {
  const inner = slot(slots, CMI);
  const middle = max(slot(slots, CMM), 1);
  const stride = slot(slots, CSMI);
  const size = slot(slots, CNI) == 0 ? i32.MAX_VALUE : slot(slots, CNI);
  const set = slot(slots, TMI);
  const end = n0 + columns;
  for (let channel = from; channel < to; ) {
    const line = channel / inner;
    const within = channel - line * inner;
    const two = channel + 1 < to && within + 1 < inner;
    const start = (line / middle) * slot(slots, CSMO) + (line % middle) * slot(slots, CSMM) + within * stride;
    for (let n = n0; n < end; ) {
      const copy = n / size;
      const inCopy = n - copy * size;
      const count = min(min(size - inCopy, set - (n % set)), end - n);
      const at = base + ((start + copy * slot(slots, CSNO) + inCopy) << 1);
      addSquares(pairOf(slots, state, n, channel), at, stride << 1, count, two);
      n += count;
    }
    channel += two ? 2 : 1;
  }
}

/** Adds one result, unless it is left out. */
function addResult(slots: usize, base: i32, m: i32, n: i32, pair: usize): void {
  const line = m / slot(slots, CMI);
  const within = (m - line * slot(slots, CMI)) * slot(slots, CSMI);
  const middle = max(slot(slots, CMM), 1);
  const size = slot(slots, CNI);
  const copyOffset = size == 0 ? 0 : (n / size) * slot(slots, CSNO);
  const inCopy = size == 0 ? n : n % size;
  if (slot(slots, CW) != 0 && within + copyOffset >= slot(slots, CW)) return;
  if (slot(slots, CGN) != 0 && m / slot(slots, CGM) != inCopy / slot(slots, CGN)) return;
  const row = (line / middle) * slot(slots, CSMO) + (line % middle) * slot(slots, CSMM) + within;
  addSquares(pair, base + ((row + copyOffset + inCopy * slot(slots, CSN)) << 1), 0, 1, false);
}
