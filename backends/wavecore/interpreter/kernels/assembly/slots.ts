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
export const TMI = 29;
export const TSMO = 30;
export const BKM = 31;
export const BSKM = 32;
export const BNI = 33;
export const BSNO = 34;
export const BGN = 35;
export const BSNG = 36;
export const BW = 37;
export const BWS = 38;
export const BGK = 39;
export const CMM = 40;
export const CSMM = 41;
export const CNI = 42;
export const CSNO = 43;
export const CW = 44;
export const CGM = 45;
export const CGN = 46;
export const X = 47;
export const AMB = 48;

export function slot(slots: usize, index: i32): i32 {
  return load<i32>(slots + (<usize>index << 2));
}
