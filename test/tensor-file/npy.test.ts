import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { WavecError } from '../../ir/diagnostics.ts';
import { readNpy, writeNpy } from '../../src/tensor-file/npy.ts';
import { FILE_TYPES, type FileType } from '../../src/tensor-file/tensor.ts';
import { SAMPLES } from './samples.ts';

function code(bytes: Uint8Array): string | undefined {
  try {
    readNpy(bytes, 'a.npy');
  } catch (error) {
    if (error instanceof WavecError) return error.diagnostics[0]?.code;
    throw error;
  }
  return undefined;
}

describe('npy files', () => {
  it.each(FILE_TYPES)('%s comes back as it was written', (type: FileType) => {
    const values = SAMPLES[type];
    const tensor = { type, shape: [2, values.length / 2], values };
    expect(readNpy(writeNpy(tensor), 'a.npy')).toEqual(tensor);
  });

  it('keeps any shape, and aligns the data to 64 bytes', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(4), { maxLength: 5 }), (shape) => {
        const count = shape.reduce((a, b) => a * b, 1);
        const tensor = { type: 'f8' as const, shape, values: Float64Array.from({ length: count }, (_, i) => i / 3) };
        const bytes = writeNpy(tensor);
        expect((bytes.length - 8 * count) % 64).toBe(0);
        expect(readNpy(bytes, 'a.npy')).toEqual(tensor);
      }),
    );
  });

  it('reads what NumPy writes', () => {
    const header = "{'descr': '<f4', 'fortran_order': False, 'shape': (2,), }".padEnd(117) + '\n';
    const bytes = Uint8Array.from([0x93, ...Buffer.from('NUMPY'), 1, 0, 118, 0, ...Buffer.from(header), 0, 0, 128, 63, 0, 0, 0, 192]);
    expect(readNpy(bytes, 'a.npy')).toEqual({ type: 'f4', shape: [2], values: Float64Array.of(1, -2) });
  });

  it('refuses Fortran order, other types, foreign and cut files', () => {
    const good = writeNpy({ type: 'f4', shape: [2, 3], values: new Float64Array(6) });
    const edit = (from: string, to: string): Uint8Array => Buffer.from(Buffer.from(good).toString('latin1').replace(from, to), 'latin1');
    expect(code(good)).toBeUndefined();
    for (const bytes of [
      edit('False', 'True '),
      edit('<f4', '>f4'),
      edit('<f4', '<c8'),
      edit('NUMPY', 'NUMPI'),
      edit('(2, 3)', '(2, x)'),
    ]) {
      expect(code(bytes)).toBe('BAD_TENSOR_FILE');
    }
    for (let length = 0; length < good.length; length++) expect(code(good.subarray(0, length))).toBe('BAD_TENSOR_FILE');
  });
});
