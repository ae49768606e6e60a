import { diag, fail, type Place } from '../../ir/diagnostics.ts';
import { elementCount } from '../../ir/tensor.ts';
import { elementBytes, elementValues, FILE_TYPES, type FileTensor, type FileType, LAYOUTS } from './tensor.ts';

/** Format: numpy.lib.format, "\x93NUMPY", version, length of a header that is a Python dictionary, data. */
const MAGIC = [0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59];
const ALIGNMENT = 64;

const DESCRIPTIONS: Readonly<Record<FileType, string>> = { f2: '<f2', f4: '<f4', f8: '<f8', i4: '<i4', i8: '<i8', u1: '|u1', bool: '|b1' };

/**
 * Reads a .npy file in C order.
 * @throws WavecError BAD_TENSOR_FILE for foreign, truncated or Fortran-ordered files and other element types
 */
export function readNpy(bytes: Uint8Array, file: string): FileTensor {
  const place: Place = { file };
  const bad = (reason: string): never => fail(diag.badTensorFile(place, reason));
  if (MAGIC.some((b, i) => bytes[i] !== b) || bytes.length < 12) bad('it does not begin like a .npy file');
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const version = bytes[6] ?? 0;
  if (version < 1 || version > 3) bad(`its format version is ${version}`);
  const [start, length] = version === 1 ? [10, view.getUint16(8, true)] : [12, view.getUint32(8, true)];
  if (start + length > bytes.length) bad('its header is cut off');
  const header = new TextDecoder('latin1').decode(bytes.subarray(start, start + length));
  const { type, shape } = parseHeader(header, bad);
  const data = bytes.subarray(start + length);
  const count = elementCount(shape);
  const needed = count * LAYOUTS[type].width;
  if (data.length !== needed) bad(`${count} elements of type ${type} take ${needed} bytes, and there are ${data.length}`);
  return { type, shape, values: elementValues(type, data, count) };
}

function parseHeader(header: string, bad: (reason: string) => never): { type: FileType; shape: number[] } {
  const description = /'descr'\s*:\s*'([^']*)'/.exec(header)?.[1] ?? bad('its header has no descr');
  const type =
    FILE_TYPES.find((t) => DESCRIPTIONS[t].slice(1) === description.replace(/^[<|=]/, '')) ?? bad(`its element type is ${description}`);
  if (!/'fortran_order'\s*:\s*False/.test(header)) bad('it is not in C order');
  const list = /'shape'\s*:\s*\(([\d\s,]*)\)/.exec(header)?.[1] ?? bad('its header has no shape');
  const shape = list
    .split(',')
    .map((d) => d.trim())
    .filter((d) => d !== '')
    .map(Number);
  return { type, shape };
}

/** A .npy file, format version 1, C order, little endian. */
export function writeNpy(tensor: FileTensor): Uint8Array {
  const { type, shape, values } = tensor;
  const list = shape.length === 1 ? `${shape[0]},` : shape.join(', ');
  const dictionary = `{'descr': '${DESCRIPTIONS[type]}', 'fortran_order': False, 'shape': (${list}), }`;
  const unpadded = 10 + dictionary.length + 1;
  const header = `${dictionary}${' '.repeat((ALIGNMENT - (unpadded % ALIGNMENT)) % ALIGNMENT)}\n`;
  const data = elementBytes(type, values);
  const bytes = new Uint8Array(10 + header.length + data.length);
  bytes.set(MAGIC);
  bytes.set([1, 0, header.length & 0xff, header.length >> 8], MAGIC.length);
  bytes.set(new TextEncoder().encode(header), 10);
  bytes.set(data, 10 + header.length);
  return bytes;
}
