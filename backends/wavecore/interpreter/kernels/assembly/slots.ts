// Positions of the configuration slots of the matrix unit; the build checks them against MATRIX_SLOTS.

export const P = 3;
export const Q = 4;
export const AT = 2;
export const R = 5;
export const S = 6;
export const H = 7;
export const W = 8;
export const SH = 9;
export const SW = 10;
export const DH = 11;
export const DW = 12;
export const PT = 13;
export const PL = 14;
export const UH = 15;
export const UW = 16;
export const ASN = 17;
export const ASC = 18;
export const BKI = 21;
export const BSKO = 22;
export const BSKI = 23;
export const BSN = 24;
export const CMI = 25;
export const CSMO = 26;
export const CSMI = 27;
export const CSN = 28;
export const BKM = 29;
export const BSKM = 30;
export const BNI = 31;
export const BSNO = 32;
export const BGN = 33;
export const BSNG = 34;
export const BW = 35;
export const BWS = 36;
export const BGK = 37;
export const CMM = 38;
export const CSMM = 39;
export const CNI = 40;
export const CSNO = 41;
export const CW = 42;
export const CGM = 43;
export const CGN = 44;
export const X = 45;
export const AMB = 46;

export function slot(slots: usize, index: i32): i32 {
  return load<i32>(slots + (<usize>index << 2));
}
