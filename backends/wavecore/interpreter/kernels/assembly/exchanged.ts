import { decode } from './half';
import { offFlags, panelA, panelB } from './layout';
import { ASC, ASN, AT, DH, DW, H, P, PL, PT, Q, R, S, SH, SW, slot, UH, UW, W } from './slots';
import { column } from './stationary';

// Loads of blocks whose operands have changed places: the patch matrix is held, the other operand moves. Layout: see `wave`.

/** A moving block: its rows are columns of the stationary operand. */
export function fillExchanged(slots: usize, a: usize, base: i32, m0: i32, k0: i32, rows: i32, depth: i32): void {
  for (let m = 0; m < rows; m++) {
    column(slots, a + <usize>(m >> 2) * panelA + <usize>((m & 3) << 2), 16, base, k0, depth, m0 + m);
  }
}

/** A stationary block: its columns are rows of the patch matrix. */
export function stationaryExchanged(slots: usize, b: usize, base: i32, k0: i32, n0: i32, depth: i32, columns: i32): void {
  memory.fill(b + offFlags, 0, <usize>((columns + 7) >> 3));
  for (let n = 0; n < columns; n++) {
    patches(slots, b + <usize>(n >> 3) * panelB + <usize>((n & 7) << 2), base, k0, depth, n0 + n);
  }
}

/** The elements of one row of the patch matrix: taps of a pixel or, by tap, pixels of a tap. */
function patches(slots: usize, to: usize, base: i32, k0: i32, depth: i32, row: i32): void {
  const byTap = slot(slots, AT) != 0;
  const h = slot(slots, H);
  const w = slot(slots, W);
  const uh = slot(slots, UH);
  const uw = slot(slots, UW);
  const pixelWidth = slot(slots, Q);
  const tapWidth = slot(slots, S);
  const pixelSize = slot(slots, P) * pixelWidth;
  const tapSize = slot(slots, R) * tapWidth;
  const pixelPlane = slot(slots, ASN) << 1;
  const tapPlane = slot(slots, ASC) << 1;
  const ownSize = byTap ? tapSize : pixelSize;
  const ownWidth = byTap ? tapWidth : pixelWidth;
  const own = row / ownSize;
  const ownRow = (row - own * ownSize) / ownWidth;
  const ownColumn = row - own * ownSize - ownRow * ownWidth;
  const y0 = ownRow * slot(slots, byTap ? DH : SH) - slot(slots, PT);
  const x0 = ownColumn * slot(slots, byTap ? DW : SW) - slot(slots, PL);
  const size = byTap ? pixelSize : tapSize;
  const width = byTap ? pixelWidth : tapWidth;
  const height = size / width;
  const stepY = slot(slots, byTap ? SH : DH);
  const stepX = slot(slots, byTap ? SW : DW);
  const planeStep = byTap ? pixelPlane : tapPlane;
  let outer = k0 / size;
  let line = (k0 - outer * size) / width;
  let within = k0 - outer * size - line * width;
  let plane = base + own * (byTap ? tapPlane : pixelPlane) + outer * planeStep;
  for (let k = 0; k < depth; k++) {
    let y = y0 + line * stepY;
    let x = x0 + within * stepX;
    if (uh > 1) y = y >= 0 && y % uh == 0 ? y / uh : -1;
    if (uw > 1) x = x >= 0 && x % uw == 0 ? x / uw : -1;
    const inside = y >= 0 && x >= 0 && y < h && x < w;
    store<f32>(to, inside ? decode(load<u16>(plane + ((y * w + x) << 1))) : <f32>0);
    to += 32;
    within++;
    if (within == width) {
      within = 0;
      line++;
      if (line == height) {
        line = 0;
        plane += planeStep;
      }
    }
  }
}
