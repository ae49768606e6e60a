import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { encodeProgram } from '../../../backends/wavecore/index.ts';
import { mapFile } from '../../../backends/wavecore/program-file/map/file-map.ts';
import { compile } from '../../../src/api.ts';
import { residualNetwork } from '../../chain/network.ts';
import { anyProgram } from './programs.ts';

const network = encodeProgram(compile(residualNetwork(2), { batch: 2, mode: 'inference' }));

/** Checks that the ranges lie one behind the other and make up the whole file; returns the problems. */
function problemsOf(file: Uint8Array): string[] {
  const { ranges, problems } = mapFile(file);
  let end = 0;
  for (const { offset, bytes } of ranges) {
    expect(offset).toBe(end);
    expect(bytes).toBeGreaterThan(0);
    end += bytes;
  }
  expect(end).toBe(file.length);
  return problems.map(({ reason }) => reason);
}

describe('map of a program file', () => {
  it('accounts for every byte of any program, and understands it', () => {
    fc.assert(fc.property(anyProgram, (program) => void expect(problemsOf(encodeProgram(program))).toEqual([])));
  });

  it('knows the code, the tensors, the layers and the values of a network', () => {
    expect(problemsOf(network)).toEqual([]);
    const meanings = mapFile(network).ranges.map((r) => r.meaning);
    expect(meanings).toContainEqual(expect.stringMatching(/^\d+: m.mul a=r\d+, b=r\d+, c=r\d+, first=r\d+$/));
    expect(meanings).toContainEqual(expect.stringMatching(/^\d+ f32 values of tensor /));
    expect(meanings).toContainEqual(expect.stringMatching(/^tensor 'x' f16\[2x3x16x16\], input, input, at 0$/));
    expect(meanings).toContainEqual(expect.stringMatching(/^instructions 0 to \d+: forward layer /));
    expect(meanings).not.toContain('of no tensor');
  });

  it('accounts for every byte of damaged files, and says what is wrong', () => {
    fc.assert(
      fc.property(fc.nat({ max: network.length - 1 }), fc.integer({ min: 1, max: 255 }), (at, flip) => {
        const altered = network.slice();
        altered[at] = (altered[at] ?? 0) ^ flip;
        expect(problemsOf(altered)).not.toEqual([]);
      }),
    );
  });

  it('goes on where a file is cut off, and says where', () => {
    for (const length of [1, 4, 15, 16, 40, 127, 128, 200, 2000, network.length - 1]) {
      expect(problemsOf(network.subarray(0, length)).at(-1)).toMatch(/ends too early|begin with/);
    }
    expect(problemsOf(new Uint8Array(0))).toEqual(['it is empty']);
    expect(problemsOf(new Uint8Array([...network, 1, 2]))).toEqual(['2 bytes follow the last section']);
  });

  it('takes any bytes', () => {
    fc.assert(fc.property(fc.uint8Array(), (bytes) => void expect(problemsOf(bytes)).not.toEqual([])));
  });
});
