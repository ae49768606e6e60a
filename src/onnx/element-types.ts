import { fromHalfBits } from '../../ir/half.ts';
import type { ElementClass } from './value.ts';

/** How TensorProto stores an element type. `width`: bytes in raw_data; `field`: where elements lie otherwise. */
export interface ElementType {
  readonly name: string;
  readonly elements: ElementClass;
  readonly width: number;
  readonly field: 'floatData' | 'doubleData' | 'int32Data' | 'int64Data' | 'uint64Data';
  /** The element at a byte of raw_data, little endian. */
  read(view: DataView, at: number): number;
  /** The element that an entry of `field` stands for. */
  fromField(entry: number): number;
}

const same = (entry: number): number => entry;

const scratch = new DataView(new ArrayBuffer(4));

/** The upper half of a binary32. */
function bfloat16(bits: number): number {
  scratch.setUint32(0, (bits & 0xffff) * 65536);
  return scratch.getFloat32(0);
}

const int = (name: string, width: number, field: ElementType['field'], read: ElementType['read']): ElementType => ({
  name,
  elements: 'int',
  width,
  field,
  read,
  fromField: same,
});

const float = (name: string, width: number, field: ElementType['field'], read: ElementType['read'], fromField = same): ElementType => ({
  name,
  elements: 'float',
  width,
  field,
  read,
  fromField,
});

/** TensorProto.DataType numbers that can be read. */
export const ELEMENT_TYPES: ReadonlyMap<number, ElementType> = new Map([
  [1, float('float', 4, 'floatData', (v, at) => v.getFloat32(at, true))],
  [2, int('uint8', 1, 'int32Data', (v, at) => v.getUint8(at))],
  [3, int('int8', 1, 'int32Data', (v, at) => v.getInt8(at))],
  [4, int('uint16', 2, 'int32Data', (v, at) => v.getUint16(at, true))],
  [5, int('int16', 2, 'int32Data', (v, at) => v.getInt16(at, true))],
  [6, int('int32', 4, 'int32Data', (v, at) => v.getInt32(at, true))],
  [7, int('int64', 8, 'int64Data', (v, at) => Number(v.getBigInt64(at, true)))],
  [9, { ...int('bool', 1, 'int32Data', (v, at) => (v.getUint8(at) === 0 ? 0 : 1)), elements: 'bool' as const }],
  [
    10,
    float(
      'float16',
      2,
      'int32Data',
      (v, at) => fromHalfBits(v.getUint16(at, true)),
      (bits) => fromHalfBits(bits & 0xffff),
    ),
  ],
  [11, float('double', 8, 'doubleData', (v, at) => v.getFloat64(at, true))],
  [12, int('uint32', 4, 'uint64Data', (v, at) => v.getUint32(at, true))],
  [13, int('uint64', 8, 'uint64Data', (v, at) => Number(v.getBigUint64(at, true)))],
  [16, float('bfloat16', 2, 'int32Data', (v, at) => bfloat16(v.getUint16(at, true)), bfloat16)],
]);

const OTHER_NAMES: Readonly<Record<number, string>> = {
  0: 'undefined',
  8: 'string',
  14: 'complex64',
  15: 'complex128',
  17: 'float8e4m3fn',
  18: 'float8e4m3fnuz',
  19: 'float8e5m2',
  20: 'float8e5m2fnuz',
  21: 'uint4',
  22: 'int4',
  23: 'float4e2m1',
  24: 'float8e8m0',
  25: 'uint2',
  26: 'int2',
};

export function elementTypeName(dataType: number): string {
  return ELEMENT_TYPES.get(dataType)?.name ?? OTHER_NAMES[dataType] ?? `number ${dataType}`;
}
