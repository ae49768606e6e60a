// Positions of the configuration slots of the vector unit; the build checks them against VECTOR_SLOTS.
import { vectorSlots } from './layout';

export const N = 0;
export const C = 1;
export const H = 2;
export const W = 3;
export const P = 4;
export const Q = 5;
export const R = 6;
export const S = 7;
export const SH = 8;
export const SW = 9;
export const PT = 10;
export const PL = 11;
export const DH = 12;
export const DW = 13;
export const COUNT = 14;
export const GROUPS = 15;
export const CROSS = 16;
export const M = 18;
export const DIVISOR = 19;
export const FULLH = 20;
export const ROW0 = 21;
export const ROWS = 22;
export const ROWBYTES = 23;
export const SRCSTRIDE = 24;
export const DSTSTRIDE = 25;
export const LR = 34;
export const MOMENTUM = 35;
export const DECAY = 36;
export const GRADSCALE = 37;
export const NESTEROV = 38;
export const HOLD = 41;

export function int(slot: i32): i32 {
  return load<i32>(vectorSlots + (<usize>slot << 2));
}

export function float(slot: i32): f32 {
  return load<f32>(vectorSlots + (<usize>slot << 2));
}
