import { diag, fail } from '../../ir/diagnostics.ts';
import { elementCount } from '../../ir/tensor.ts';

/** Element type of unsigned bytes, the only one of the MNIST files. */
const UNSIGNED_BYTE = 0x08;

export interface IdxArray {
  readonly shape: readonly number[];
  readonly values: Uint8Array;
}

/** Whether a file begins like an IDX file: two zeros, a type, a number of dimensions. */
export function isIdx(bytes: Uint8Array): boolean {
  const [a, b, type = 0, rank = 0] = bytes;
  return a === 0 && b === 0 && type >= 0x08 && type <= 0x0e && rank > 0;
}

/**
 * Reads an IDX file of unsigned bytes, as the MNIST files are: 0, 0, type, number of dimensions; dimensions as big-endian 32-bit
 * numbers; elements row-major.
 * @throws WavecError BAD_TENSOR_FILE
 */
export function readIdx(bytes: Uint8Array, file: string): IdxArray {
  const bad = (reason: string): never => fail(diag.badTensorFile({ file }, reason));
  if (!isIdx(bytes)) bad('it does not begin like an IDX file');
  if (bytes[2] !== UNSIGNED_BYTE) bad(`its elements have IDX type ${bytes[2]}, and only ${UNSIGNED_BYTE} (unsigned bytes) is read`);
  const rank = bytes[3] ?? 0;
  const start = 4 + 4 * rank;
  if (bytes.length < start) bad('its header is cut off');
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const shape = Array.from({ length: rank }, (_, d) => view.getUint32(4 + 4 * d));
  const values = bytes.subarray(start);
  if (values.length !== elementCount(shape)) bad(`${shape.join('x')} bytes are announced, and there are ${values.length}`);
  return { shape, values };
}
