import { describe, expect, it } from 'vitest';
import { WavecError } from '../../ir/diagnostics.ts';
import { dataSetOfFolders, dataSetOfPair } from '../../src/data-file/data-set.ts';
import { readIdx } from '../../src/data-file/idx.ts';
import { readPnm } from '../../src/data-file/pnm.ts';
import { writeNpy } from '../../src/tensor-file/npy.ts';
import { idxFile, pnmFile } from './files.ts';

const codes = (action: () => unknown): unknown => {
  try {
    return action();
  } catch (error) {
    return error instanceof WavecError ? error.diagnostics.map((d) => d.code) : error;
  }
};
const text = (s: string): Uint8Array => Uint8Array.from(s, (c) => c.charCodeAt(0));

describe('IDX files', () => {
  it('have big-endian dimensions and bytes', () => {
    expect(readIdx(idxFile([2, 1, 3], [1, 2, 3, 4, 5, 6]), 'f')).toEqual({ shape: [2, 1, 3], values: Uint8Array.of(1, 2, 3, 4, 5, 6) });
  });

  it.each([
    ['empty', new Uint8Array()],
    ['foreign', text('PK..')],
    ['of floats', idxFile([1], [1], 0x0d)],
    ['cut in its header', idxFile([2, 2], []).subarray(0, 9)],
    ['cut in its data', idxFile([2, 2], [1, 2, 3])],
    ['too long', idxFile([2], [1, 2, 3])],
  ])('that are %s are refused', (_what, bytes) => {
    expect(codes(() => readIdx(bytes, 'f'))).toEqual(['BAD_TENSOR_FILE']);
  });
});

describe('PGM and PPM images', () => {
  it('are read with their channels apart', () => {
    expect(readPnm(pnmFile([1, 2, 3], [9, 8, 7, 6, 5, 4]), 'f')).toEqual({
      channels: 1,
      height: 2,
      width: 3,
      pixels: Uint8Array.of(9, 8, 7, 6, 5, 4),
    });
    expect(readPnm(pnmFile([3, 1, 2], [1, 2, 3, 4, 5, 6]), 'f').pixels).toEqual(Uint8Array.of(1, 2, 3, 4, 5, 6));
    // Pixels lie one behind the other in the file, with comments before them.
    const commented = Uint8Array.from([...text('P6\n# by hand\n2 1\n255\n'), 1, 3, 5, 2, 4, 6]);
    expect(readPnm(commented, 'f').pixels).toEqual(Uint8Array.of(1, 2, 3, 4, 5, 6));
  });

  it.each([
    ['empty', new Uint8Array()],
    ['text ones', text('P2\n1 1\n255\n7')],
    ['of 16 bits', text('P5\n1 1\n65535\n77')],
    ['cut off', text('P5\n2 2\n255\n123')],
    ['without pixels', text('P5\n0 2\n255\n')],
  ])('%s are refused', (_what, bytes) => {
    expect(codes(() => readPnm(bytes, 'f'))).toEqual(['BAD_IMAGE']);
  });
});

describe('data sets', () => {
  const labels = { name: 'labels', bytes: writeNpy({ type: 'i8', shape: [2], values: Float64Array.of(1, 0) }) };

  it('are pairs of files, bytes as bytes and numbers as numbers', () => {
    const floats = { name: 'x', bytes: writeNpy({ type: 'f4', shape: [2, 3], values: Float64Array.of(1, 2, 3, 4, 5, 0.5) }) };
    expect(dataSetOfPair(floats, labels)).toMatchObject({
      count: 2,
      shape: [3],
      samples: Float32Array.of(1, 2, 3, 4, 5, 0.5),
      targets: Int32Array.of(1, 0),
      targetShape: [],
    });
    const bytes = { name: 'x', bytes: idxFile([2, 2], [1, 2, 3, 255]) };
    expect(dataSetOfPair(bytes, floats)).toMatchObject({ samples: Uint8Array.of(1, 2, 3, 255), targetShape: [3] });
  });

  it('are folders of images, one a class', () => {
    const image = (name: string, pixels: number[]) => ({ name, bytes: pnmFile([1, 1, 2], pixels) });
    const folders = [
      { name: 'cats', images: [image('a', [1, 2])] },
      { name: 'dogs', images: [image('b', [3, 4]), image('c', [5, 6])] },
    ];
    expect(dataSetOfFolders('d', folders)).toEqual({
      name: 'd',
      count: 3,
      shape: [1, 1, 2],
      samples: Uint8Array.of(1, 2, 3, 4, 5, 6),
      targets: Int32Array.of(0, 1, 1),
      targetShape: [],
    });
    const large = { name: 'l', bytes: pnmFile([1, 2, 2], [1, 2, 3, 4]) };
    expect(codes(() => dataSetOfFolders('d', [...folders, { name: 'l', images: [large] }]))).toEqual(['BAD_DATA']);
    expect(codes(() => dataSetOfFolders('d', [{ name: 'none', images: [] }]))).toEqual(['BAD_DATA']);
  });

  it('have as many targets as samples', () => {
    expect(codes(() => dataSetOfPair({ name: 'x', bytes: idxFile([3, 1], [1, 2, 3]) }, labels))).toEqual(['BAD_DATA']);
  });
});
