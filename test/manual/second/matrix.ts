import { f16, f32, type Memory } from './memory.ts';

export interface Block {
  readonly rows: number;
  readonly columns: number;
  readonly at: (row: number, column: number) => number;
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

export const stationary = (slots: Slots, base: number, k: number, n: number): number =>
  base + 2 * (div(k, slots('BKI')) * slots('BSKO') + (k % slots('BKI')) * slots('BSKI') + n * slots('BSN'));

export const result = (slots: Slots, base: number, size: number, m: number, n: number): number =>
  base + size * (div(m, slots('CMI')) * slots('CSMO') + (m % slots('CMI')) * slots('CSMI') + n * slots('CSN'));

/** A block whose elements are computed once. */
export function block(rows: number, columns: number, valueAt: (row: number, column: number) => number): Block {
  const values = Array.from({ length: rows }, (_, m) => Array.from({ length: columns }, (_, n) => valueAt(m, n)));
  return { rows, columns, at: (m, n) => values[m]?.[n] ?? Number.NaN };
}

/** One wave; `before` where the sums add to the accumulator. */
export function wave(a: Block, b: Block, before: Block | undefined): Block {
  if (a.columns !== b.rows) throw new Error('blocks do not meet');
  return block(a.rows, b.columns, (m, n) => {
    let sum = 0;
    for (let k = 0; k < a.columns; k++) sum = f32(sum + a.at(m, k) * b.at(k, n));
    return before === undefined ? sum : f32(before.at(m, n) + sum);
  });
}

const total = (slots: Slots, base: number, m: number, n: number): number => base + 16 * (div(m, slots('TMI')) * slots('TSMO') + n);

export interface Drain {
  readonly base: number;
  readonly m0: number;
  readonly n0: number;
  readonly bias: number | undefined;
  readonly single: boolean;
  readonly add: boolean;
  readonly state: number | undefined;
}

export function drain(slots: Slots, memory: Memory, sums: Block, { base, m0, n0, bias, single, add, state }: Drain): void {
  for (let m = 0; m < sums.rows; m++) {
    for (let n = 0; n < sums.columns; n++) {
      let x = sums.at(m, n);
      if (bias !== undefined) x = f32(x + memory.single(bias + 4 * (n0 + n)));
      const at = result(slots, base, single ? 4 : 2, m0 + m, n0 + n);
      if (single) memory.setSingle(at, add ? f32(memory.single(at) + x) : x);
      else memory.setHalf(at, f16(x));
      if (state === undefined) continue;
      const pair = total(slots, state, m0 + m, n0 + n);
      memory.setDouble(pair, memory.double(pair) + f16(x));
      memory.setDouble(pair + 8, memory.double(pair + 8) + f16(x) * f16(x));
    }
  }
}
