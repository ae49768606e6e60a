import { decode, decode4 } from './half';
import { panelA } from './layout';
import { ASC, ASN, AT, DH, DW, H, P, PL, PT, Q, R, S, SH, SW, slot, UH, UW, W } from './slots';

/**
 * Gathers a block of the patch matrix, tap by tap, in runs of adjacent pixels: the pixels of an image row, or of a whole
 * image where the tap meets it without shift. Layout of the panels: see `wave`.
 */
export function fill(slots: usize, a: usize, base: i32, m0: i32, k0: i32, rows: i32, depth: i32): void {
  const panel = panelA;
  const byTap = slot(slots, AT) != 0;
  const pixel0 = byTap ? k0 : m0;
  const pixels = byTap ? depth : rows;
  const tap0 = byTap ? m0 : k0;
  const taps = byTap ? rows : depth;
  const p = slot(slots, P);
  const q = slot(slots, Q);
  const s = slot(slots, S);
  const window = slot(slots, R) * s;
  const h = slot(slots, H);
  const w = slot(slots, W);
  const sh = slot(slots, SH);
  const sw = slot(slots, SW);
  const uh = slot(slots, UH);
  const uw = slot(slots, UW);
  const image = p * q;
  const direct = sh == 1 && sw == 1 && uh == 1 && uw == 1 && q == w && p <= h;
  const firstImage = pixel0 / image;

  for (let t = 0; t < taps; t++) {
    const tap = tap0 + t;
    const c = tap / window;
    const rest = tap - c * window;
    const r = rest / s;
    const dy = r * slot(slots, DH) - slot(slots, PT);
    const dx = (rest - r * s) * slot(slots, DW) - slot(slots, PL);
    const target = byTap ? a + <usize>(t >> 2) * panel + <usize>((t & 3) << 2) : a + <usize>(t << 4);
    const whole = direct && dy == 0 && dx == 0;
    let plane = base + ((firstImage * slot(slots, ASN) + c * slot(slots, ASC)) << 1);
    let inImage = pixel0 - firstImage * image;
    for (let j = 0; j < pixels; ) {
      const row = inImage / q;
      const column = inImage - row * q;
      const run = min(whole ? image - inImage : q - column, pixels - j);
      if (whole) copyRun(target, panel, byTap, j, run, plane + (inImage << 1));
      else {
        let y = row * sh + dy;
        if (uh > 1) y = y >= 0 && y % uh == 0 ? y / uh : -1;
        if (y < 0 || y >= h) zeroRun(target, panel, byTap, j, run);
        else if (sw == 1 && uw == 1) {
          // Columns of the run that lie inside the image.
          const from = min(max(-dx - column, 0), run);
          const to = max(min(w - dx - column, run), from);
          zeroRun(target, panel, byTap, j, from);
          copyRun(target, panel, byTap, j + from, to - from, plane + ((y * w + column + from + dx) << 1));
          zeroRun(target, panel, byTap, j + to, run - to);
        } else stepRun(target, panel, byTap, j, run, plane + ((y * w) << 1), column * sw + dx, sw, uw, w);
      }
      j += run;
      inImage += run;
      if (inImage == image) {
        inImage = 0;
        plane += slot(slots, ASN) << 1;
      }
    }
  }
}

/** Where pixel j of the tap whose first pixel lies at `target` goes. */
function place(target: usize, panel: usize, byTap: bool, j: i32): usize {
  return byTap ? target + (<usize>j << 4) : target + <usize>(j >> 2) * panel + <usize>((j & 3) << 2);
}

function zeroRun(target: usize, panel: usize, byTap: bool, j: i32, count: i32): void {
  for (const end = j + count; j < end; j++) store<f32>(place(target, panel, byTap, j), 0);
}

function copyRun(target: usize, panel: usize, byTap: bool, j: i32, count: i32, from: usize): void {
  const end = j + count;
  // Four pixels at a time: their places, and how far the next ones are.
  let first = place(target, panel, byTap, j);
  let second = place(target, panel, byTap, j + 1);
  let third = place(target, panel, byTap, j + 2);
  let fourth = place(target, panel, byTap, j + 3);
  const step: usize = byTap ? 64 : panel;
  if (!byTap && (j & 3) == 0) {
    for (; j + 4 <= end; j += 4) {
      v128.store(first, decode4(v128.load_ext<u16>(from)));
      first += step;
      from += 8;
    }
  } else {
    for (; j + 4 <= end; j += 4) {
      const values = decode4(v128.load_ext<u16>(from));
      v128.store_lane<f32>(first, values, 0);
      v128.store_lane<f32>(second, values, 1);
      v128.store_lane<f32>(third, values, 2);
      v128.store_lane<f32>(fourth, values, 3);
      first += step;
      second += step;
      third += step;
      fourth += step;
      from += 8;
    }
  }
  for (; j < end; j++) {
    store<f32>(place(target, panel, byTap, j), decode(load<u16>(from)));
    from += 2;
  }
}

/** A run whose image columns are `step` apart before division by `spread`. */
function stepRun(target: usize, panel: usize, byTap: bool, j: i32, count: i32, row: usize, x: i32, step: i32, spread: i32, width: i32): void {
  const end = j + count;
  while (j < end) {
    if (step == 2 && spread == 1 && x >= 0 && x + 7 < width && end - j >= 4) {
      // Every second half: the lower half of each lane.
      const values = decode4(v128.and(v128.load(row + (<usize>x << 1)), i32x4.splat(0xffff)));
      v128.store_lane<f32>(place(target, panel, byTap, j), values, 0);
      v128.store_lane<f32>(place(target, panel, byTap, j + 1), values, 1);
      v128.store_lane<f32>(place(target, panel, byTap, j + 2), values, 2);
      v128.store_lane<f32>(place(target, panel, byTap, j + 3), values, 3);
      x += 8;
      j += 4;
      continue;
    }
    let column = x;
    if (spread > 1) column = x >= 0 && x % spread == 0 ? x / spread : -1;
    const inside = column >= 0 && column < width;
    store<f32>(place(target, panel, byTap, j), inside ? decode(load<u16>(row + (<usize>column << 1))) : <f32>0);
    x += step;
    j++;
  }
}
