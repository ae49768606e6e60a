import { canonical4, encode, encode4 } from './half';
import { panelC } from './layout';
import { CGM, CGN, CMI, CMM, CNI, CSMI, CSMM, CSMO, CSN, CSNO, CW, slot, X } from './slots';

/** What a drain does beside storing its sums: it adds them to what is there; it takes 0 for each of them. */
const ADDS: i32 = 1;
const ZEROS: i32 = 2;

/** Stores four results that lie side by side. */
@inline
function store4(to: usize, values: v128, f32s: i32, how: i32): void {
  if (f32s) v128.store(to, canonical4(how & ADDS ? f32x4.add(v128.load(to), values) : values));
  else {
    const halves = encode4(values);
    v128.store_lane<u64>(to, i16x8.narrow_i32x4_u(halves, halves), 0);
  }
}

/** Stores one result. */
function store1(to: usize, value: f32, f32s: i32, how: i32): void {
  if (!f32s) {
    store<u16>(to, encode(value));
    return;
  }
  const sum = how & ADDS ? load<f32>(to) + value : value;
  store<u32>(to, sum == sum ? reinterpret<u32>(sum) : 0x7fc00000);
}

function biasOf(bias: i32, n: i32): f32 {
  return load<f32>(<usize>bias + (<usize>n << 2));
}

/** Drains an accumulator half (layout: see `wave`), adding f32 biases by column where `bias` is not negative. */
export function drain(
  slots: usize,
  c: usize,
  base: i32,
  m0: i32,
  n0: i32,
  rows: i32,
  columns: i32,
  bias: i32,
  f32s: i32,
  how: i32,
): void {
  if (slot(slots, CMM) > 1 || slot(slots, CNI) != 0 || slot(slots, CW) != 0 || slot(slots, CGN) != 0 || slot(slots, X) != 0) {
    for (let n = 0; n < columns; n++) {
      drainLevels(slots, c + <usize>(n >> 3) * panelC + <usize>((n & 7) << 2), base, m0, n0 + n, rows, bias, f32s, how);
    }
    return;
  }
  const shift = f32s ? 2 : 1;
  const inner = slot(slots, CMI);
  const outerStride = slot(slots, CSMO) << shift;
  const innerStride = slot(slots, CSMI) << shift;
  const columnStride = slot(slots, CSN) << shift;
  const adjacent = innerStride == 1 << shift;
  for (let n = 0; n < columns; n += 4) {
    const width = min(4, columns - n);
    let tile = c + <usize>(n >> 3) * panelC + <usize>((n & 4) << 2);
    let group = m0 / inner;
    let within = m0 - group * inner;
    for (let m = 0; m < rows; m += 4) {
      const count = min(4, rows - m);
      if (adjacent && count == 4 && within + 4 <= inner) {
        const to = base + group * outerStride + within * innerStride + (n0 + n) * columnStride;
        drainQuad(tile, to, columnStride, width, bias, n0 + n, f32s, how);
      } else {
        for (let i = 0; i < count; i++) {
          const g = (m0 + m + i) / inner;
          const start = base + g * outerStride + (m0 + m + i - g * inner) * innerStride;
          for (let j = 0; j < width; j++) {
            let value = how & ZEROS ? <f32>0 : load<f32>(tile + (<usize>i << 5) + (<usize>j << 2));
            if (bias >= 0) value += biasOf(bias, n0 + n + j);
            store1(start + (n0 + n + j) * columnStride, value, f32s, how);
          }
        }
      }
      tile += 128;
      within += 4;
      if (within >= inner) {
        group += within / inner;
        within %= inner;
      }
    }
  }
}

/** Turns 4 rows × 4 columns of sums and stores `width` of the columns; `n` is the first one. */
function drainQuad(tile: usize, to: i32, columnStride: i32, width: i32, bias: i32, n: i32, f32s: i32, how: i32): void {
  if (how & ZEROS) {
    const zero = f32x4.splat(0);
    for (let j = 0; j < width; j++) drainColumn(zero, to + j * columnStride, bias, n + j, f32s, how);
    return;
  }
  const r0 = v128.load(tile);
  const r1 = v128.load(tile, 32);
  const r2 = v128.load(tile, 64);
  const r3 = v128.load(tile, 96);
  const low01 = v128.shuffle<i32>(r0, r1, 0, 4, 1, 5);
  const low23 = v128.shuffle<i32>(r2, r3, 0, 4, 1, 5);
  const high01 = v128.shuffle<i32>(r0, r1, 2, 6, 3, 7);
  const high23 = v128.shuffle<i32>(r2, r3, 2, 6, 3, 7);
  drainColumn(v128.shuffle<i64>(low01, low23, 0, 2), to, bias, n, f32s, how);
  if (width < 2) return;
  to += columnStride;
  drainColumn(v128.shuffle<i64>(low01, low23, 1, 3), to, bias, n + 1, f32s, how);
  if (width < 3) return;
  to += columnStride;
  drainColumn(v128.shuffle<i64>(high01, high23, 0, 2), to, bias, n + 2, f32s, how);
  if (width < 4) return;
  to += columnStride;
  drainColumn(v128.shuffle<i64>(high01, high23, 1, 3), to, bias, n + 3, f32s, how);
}

@inline
function drainColumn(column: v128, to: i32, bias: i32, n: i32, f32s: i32, how: i32): void {
  if (bias >= 0) column = f32x4.add(column, f32x4.splat(biasOf(bias, n)));
  store4(to, column, f32s, how);
}

/** Stores one column where rows or columns have further levels, or results are left out. */
function drainLevels(slots: usize, tile: usize, base: i32, m0: i32, n: i32, rows: i32, bias: i32, f32s: i32, how: i32): void {
  const shift = f32s ? 2 : 1;
  const inner = slot(slots, CMI);
  const middle = max(slot(slots, CMM), 1);
  const innerStride = slot(slots, CSMI);
  const copy = slot(slots, CNI) == 0 ? 0 : n / slot(slots, CNI);
  const inCopy = slot(slots, CNI) == 0 ? n : n % slot(slots, CNI);
  const copyOffset = copy * slot(slots, CSNO);
  const width = slot(slots, CW);
  const group = slot(slots, CGN) == 0 ? -1 : inCopy / slot(slots, CGN);
  const start = copyOffset + inCopy * slot(slots, CSN);
  const byRow = slot(slots, X) != 0;
  for (let m = 0; m < rows; ) {
    const line = (m0 + m) / inner;
    const within = m0 + m - line * inner;
    const end = min(m + inner - within, rows);
    const row = start + (line / middle) * slot(slots, CSMO) + (line % middle) * slot(slots, CSMM);
    let place = within * innerStride;
    for (; m < end; m++) {
      const written = (width == 0 || place + copyOffset < width) && (group < 0 || (m0 + m) / slot(slots, CGM) == group);
      if (written) {
        let value = how & ZEROS ? <f32>0 : load<f32>(tile + (<usize>(m >> 2) << 7) + (<usize>(m & 3) << 5));
        if (bias >= 0) value += biasOf(bias, byRow ? m0 + m : inCopy);
        store1(base + ((row + place) << shift), value, f32s, how);
      }
      place += innerStride;
    }
  }
}
