import { f16, f32, type Memory } from './memory.ts';

/** Values in rows and columns; those of cells that are off are undefined. */
export interface Block<T extends number | undefined = number> {
  readonly rows: number;
  readonly columns: number;
  readonly at: (row: number, column: number) => T;
}

export type Slots = (name: string) => number;

const div = (a: number, b: number): number => Math.floor(a / b);

export function patch(slots: Slots, memory: Memory, base: number, pixel: number, tap: number): number {
  const [P, Q, R, S, H, W, UH, UW] = ['P', 'Q', 'R', 'S', 'H', 'W', 'UH', 'UW'].map(slots) as [
    number,
    number,
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  const [n, p, q] = [div(pixel, P * Q), div(pixel % (P * Q), Q), pixel % Q];
  const [c, r, s] = [div(tap, R * S), div(tap % (R * S), S), tap % S];
  const y = p * slots('SH') + r * slots('DH') - slots('PT');
  const x = q * slots('SW') + s * slots('DW') - slots('PL');
  if (y < 0 || x < 0 || y % UH !== 0 || x % UW !== 0 || y / UH >= H || x / UW >= W) return 0;
  return memory.half(base + 2 * (n * slots('ASN') + c * slots('ASC') + (y / UH) * W + x / UW));
}

/** Address of a cell of the stationary operand; undefined where it is off. */
export function stationary(slots: Slots, base: number, k: number, n: number): number | undefined {
  const [u, v] = levels(n, slots('BNI'));
  const [g, w] = levels(v, slots('BGN'));
  const [line, i] = [div(k, slots('BKI')), k % slots('BKI')];
  const middle = Math.max(slots('BKM'), 1);
  const place = i - u * slots('BWS');
  if (slots('BW') !== 0 && !(place >= 0 && place < slots('BW'))) return undefined;
  if (slots('BGK') !== 0 && div(k, slots('BGK')) !== g) return undefined;
  const row = div(line, middle) * slots('BSKO') + (line % middle) * slots('BSKM') + i * slots('BSKI');
  return base + 2 * (row + u * slots('BSNO') + g * slots('BSNG') + w * slots('BSN'));
}

/** Address of a result; undefined where it is not written. */
export function result(slots: Slots, base: number, size: number, m: number, n: number): number | undefined {
  const [u, v] = levels(n, slots('CNI'));
  const [line, i] = [div(m, slots('CMI')), m % slots('CMI')];
  const middle = Math.max(slots('CMM'), 1);
  const inLine = i * slots('CSMI') + u * slots('CSNO');
  if (slots('CW') !== 0 && inLine >= slots('CW')) return undefined;
  if (slots('CGN') !== 0 && div(m, slots('CGM')) !== div(v, slots('CGN'))) return undefined;
  return base + size * (div(line, middle) * slots('CSMO') + (line % middle) * slots('CSMM') + inLine + v * slots('CSN'));
}

const levels = (index: number, size: number): readonly [number, number] => (size === 0 ? [0, index] : [div(index, size), index % size]);

/** A block whose elements are computed once. */
export function block<T extends number | undefined>(rows: number, columns: number, valueAt: (row: number, column: number) => T): Block<T> {
  const values = Array.from({ length: rows * columns }, (_, i) => valueAt(Math.floor(i / columns), i % columns));
  return { rows, columns, at: (m, n) => values[m * columns + n] as T };
}

/** One wave; `before` where the sums add to the accumulator. */
export function wave(a: Block, b: Block<number | undefined>, before: Block | undefined): Block {
  if (a.columns !== b.rows) throw new Error('blocks do not meet');
  return block(a.rows, b.columns, (m, n) => {
    let sum = 0;
    for (let k = 0; k < a.columns; k++) {
      const weight = b.at(k, n);
      if (weight !== undefined) sum = f32(sum + a.at(m, k) * weight);
    }
    return before === undefined ? sum : f32(before.at(m, n) + sum);
  });
}

function total(slots: Slots, base: number, m: number, n: number): number {
  const [pixel, channel] = slots('X') === 0 ? [m, levels(n, slots('CNI'))[1]] : [n, m];
  return base + 16 * (div(pixel, slots('TMI')) * slots('TSMO') + channel);
}

export interface Drain {
  readonly base: number;
  readonly m0: number;
  readonly n0: number;
  readonly bias: number | undefined;
  readonly single: boolean;
  readonly add: boolean;
  readonly zeros: boolean;
  readonly state: number | undefined;
}

export function drain(slots: Slots, memory: Memory, sums: Block, { base, m0, n0, bias, single, add, zeros, state }: Drain): void {
  for (let m = 0; m < sums.rows; m++) {
    for (let n = 0; n < sums.columns; n++) {
      let x = zeros ? 0 : sums.at(m, n);
      if (bias !== undefined) x = f32(x + memory.single(bias + 4 * (slots('X') === 0 ? levels(n0 + n, slots('CNI'))[1] : m0 + m)));
      const at = result(slots, base, single ? 4 : 2, m0 + m, n0 + n);
      if (at === undefined) continue;
      if (single) memory.setSingle(at, add ? f32(memory.single(at) + x) : x);
      else memory.setHalf(at, f16(x));
      if (state === undefined) continue;
      const pair = total(slots, state, m0 + m, n0 + n);
      memory.setDouble(pair, memory.double(pair) + f16(x));
      memory.setDouble(pair + 8, memory.double(pair + 8) + f16(x) * f16(x));
    }
  }
}
