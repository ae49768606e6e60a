import { diag, fail, type Place } from '../../ir/diagnostics.ts';

const VARINT = 0;
const FIXED64 = 1;
export const LENGTH = 2;
const FIXED32 = 5;

/** Wire types of the fields of a ModelProto (onnx.proto). */
const MODEL_FIELDS: ReadonlyMap<number, number> = new Map([
  [1, VARINT],
  [2, LENGTH],
  [3, LENGTH],
  [4, LENGTH],
  [5, VARINT],
  [6, LENGTH],
  [7, LENGTH],
  [8, LENGTH],
  [14, LENGTH],
  [20, LENGTH],
  [25, LENGTH],
  [26, LENGTH],
]);

interface Varint {
  readonly value: number;
  readonly next: number;
}

/** The varint at `offset`; undefined where the bytes end inside of it. Values over 2^53 lose low bits, which only lengths care about. */
export function varintAt(bytes: Uint8Array, offset: number): Varint | undefined {
  let value = 0;
  for (let i = 0; i < 10; i++) {
    const byte = bytes[offset + i];
    if (byte === undefined) return undefined;
    value += (byte & 0x7f) * 2 ** (7 * i);
    if (byte < 0x80) return { value, next: offset + i + 1 };
  }
  return { value: Number.POSITIVE_INFINITY, next: offset + 10 };
}

/**
 * Walks the top-level fields, so that a foreign file and a file cut short are told apart (a decoder reports both alike).
 * @throws WavecError NOT_ONNX or TRUNCATED
 */
export function checkWire(bytes: Uint8Array, place: Place): void {
  if (bytes.length === 0) fail(diag.notOnnx(place, 'the file is empty'));
  if (startsWith(bytes, 'version https://git-lfs')) fail(diag.notOnnx(place, 'it is a pointer that Git LFS left in place of the file'));
  const cut: (what: string) => never = (what) => fail(diag.truncated(place, `${what}, and the file has ${bytes.length} bytes`));
  for (let offset = 0; offset < bytes.length; ) {
    const tag = varintAt(bytes, offset);
    if (tag === undefined) cut(`a field begins at byte ${offset}`);
    const field = Math.floor(tag.value / 8);
    const wire = tag.value % 8;
    const expected = MODEL_FIELDS.get(field);
    if (expected === undefined ? offset === 0 || field === 0 : expected !== wire) {
      fail(diag.notOnnx(place, `byte ${offset} begins field ${field} of wire type ${wire}, which an ONNX model does not have`));
    }
    offset = fieldEnd(bytes, tag.next, wire) ?? cut(`field ${field} begins at byte ${offset}`);
    if (!Number.isFinite(offset)) fail(diag.notOnnx(place, `wire type ${wire} is not used by ONNX`));
    if (offset > bytes.length) cut(`field ${field} ends at byte ${offset}`);
  }
}

/** Where the field whose content begins at `offset` ends: undefined where its length is cut off, NaN for an unknown wire type. */
export function fieldEnd(bytes: Uint8Array, offset: number, wire: number): number | undefined {
  if (wire === VARINT) return varintAt(bytes, offset)?.next;
  if (wire === FIXED64) return offset + 8;
  if (wire === FIXED32) return offset + 4;
  if (wire !== LENGTH) return Number.NaN;
  const length = varintAt(bytes, offset);
  return length && length.next + Math.min(length.value, Number.MAX_SAFE_INTEGER / 2);
}

function startsWith(bytes: Uint8Array, text: string): boolean {
  return [...text].every((c, i) => bytes[i] === c.charCodeAt(0));
}
