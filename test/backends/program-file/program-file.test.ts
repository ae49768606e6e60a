import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeProgram, encodeProgram, type Program } from '../../../backends/wavecore/index.ts';
import { crc32 } from '../../../backends/wavecore/program-file/crc32.ts';
import { joinSections } from '../../../backends/wavecore/program-file/encode.ts';
import { SECTION_NAMES, type SectionName } from '../../../backends/wavecore/program-file/format.ts';
import { readSections } from '../../../backends/wavecore/program-file/sections.ts';
import { Assembler } from '../assembler.ts';
import { caught } from '../caught.ts';
import { anyProgram } from './programs.ts';

function smallProgram(): Program {
  const a = new Assembler();
  const f16 = { dtype: 'f16' as const, shape: [3] };
  a.tensor('x', f16, { role: 'input' });
  a.tensor('w', f16, { initial: { form: 'values', values: Float32Array.of(1, 2, 3) } });
  a.tensor('v', f16, { initial: { form: 'copyOf', tensor: 'w' } });
  a.layer('copy', () => a.move('d.ld', 0, 0, 6));
  return a.program({ predicted: { copy: { activation: { read: 64, write: 0 } } } });
}

const messageOf = (bytes: Uint8Array): string => {
  const { diagnostics, exitCode } = caught(() => decodeProgram(bytes, 'some.wvc'));
  expect(exitCode).toBe(1);
  for (const d of diagnostics) {
    expect(['BAD_PROGRAM_FILE', 'BAD_MACHINE']).toContain(d.code);
    expect(d.place.file).toBe('some.wvc');
  }
  return diagnostics.map((d) => d.message).join('\n');
};

/** The small program's file with one section's contents changed, checksums right. */
function withSection(name: SectionName, change: (text: string) => string): Uint8Array {
  const sections = readSections(encodeProgram(smallProgram()));
  const text = new TextDecoder().decode(sections[name]);
  return joinSections({ ...sections, [name]: new TextEncoder().encode(change(text)) });
}

describe('program file', () => {
  it('is read back as it was', () => {
    fc.assert(fc.property(anyProgram, (program) => void expect(decodeProgram(encodeProgram(program))).toEqual(program)));
  });

  it('is the same for the same program, wherever its bytes lie', () => {
    const file = encodeProgram(smallProgram());
    const shifted = new Uint8Array(file.length + 3);
    shifted.set(file, 3);
    expect(encodeProgram(decodeProgram(shifted.subarray(3)))).toEqual(file);
  });

  it('is refused where any byte is altered', () => {
    const file = encodeProgram(smallProgram());
    for (let i = 0; i < file.length; i++) {
      for (const flip of [1, 0x80, 0xff]) {
        const altered = file.slice();
        altered[i] = (altered[i] ?? 0) ^ flip;
        expect(messageOf(altered)).not.toBe('');
      }
    }
  });

  it('is refused where it is truncated or continued', () => {
    const file = encodeProgram(smallProgram());
    for (let length = 0; length < file.length; length++) expect(messageOf(file.subarray(0, length))).toMatch(/too early|empty/);
    expect(messageOf(new Uint8Array([...file, 0]))).toContain('1 bytes follow');
  });

  it('is refused where it is another kind of file', () => {
    for (const text of ['\x08\x07\x12\x07pytorch', '{"a": 1}', '\x7fELF', 'WVC2aaaaaaaaaaaaaaaaaaaaaaaaa']) {
      expect(messageOf(new TextEncoder().encode(text))).toContain('does not begin with WVC1');
    }
  });

  it('names the version that it cannot read', () => {
    const file = encodeProgram(smallProgram());
    new DataView(file.buffer).setUint32(4, 9, true);
    expect(messageOf(file)).toContain('format version is 9');
  });

  it('never crashes on random sections with right checksums', () => {
    fc.assert(
      fc.property(fc.constantFrom(...SECTION_NAMES), fc.uint8Array({ minLength: 1 }), (name, bytes) => {
        const sections = readSections(encodeProgram(smallProgram()));
        if (name !== 'data') expect(messageOf(joinSections({ ...sections, [name]: bytes }))).not.toBe('');
        else if (bytes.length < 12) expect(messageOf(joinSections({ ...sections, data: bytes }))).toContain('data section');
      }),
    );
  });

  it.each<[string, SectionName, (text: string) => string, RegExp]>([
    ['a missing field', 'meta', (t) => t.replace('"batch":1,', ''), /section meta: batch/],
    ['a wrong type', 'symbols', (t) => t.replace('"address":0', '"address":-64'), /section symbols: 0.address: must not be negative/],
    ['a wrong size', 'symbols', (t) => t.replace('"bytes":6', '"bytes":7'), /tensor 'x' has 7 bytes, its type f16\[3\] needs 6/],
    ['a name twice', 'symbols', (t) => t.replace('"x"', '"w"'), /'w' occurs twice/],
    ['tensors that overlap', 'symbols', (t) => t.replace('"address":64', '"address":4'), /'x' and 'w' overlap/],
    ['a copy of nothing', 'symbols', (t) => t.replace('"tensor":"w"', '"tensor":"u"'), /copy of 'u'/],
    ['values outside of the file', 'symbols', (t) => t.replace('"offset":0', '"offset":800'), /lie at 800/],
    ['too few values', 'symbols', (t) => t.replace('"count":3', '"count":2'), /has 2 initial values/],
    ['a layer without instructions of the program', 'debug', (t) => t.replace(/"to":\d+/, '"to":99'), /layer 'copy'/],
    [
      'layers that overlap',
      'debug',
      (t) => t.replace(/\[(.*)\]/, '[$1,$1]'),
      /layer 'copy' begins at instruction 0, inside of the layer before/,
    ],
    [
      'a copy of bits into what is none',
      'symbols',
      (t) => t.replace('"dtype":"f16","shape":[3],"address":64,"bytes":6', '"dtype":"bit","shape":[3],"address":64,"bytes":3'),
      /tensor 'v': is a copy of 'w', whose bits are packed otherwise/,
    ],
    ['an impossible machine', 'machine', (t) => t.replace('"rows":4', '"rows":0'), /array.rows: must be at least 1/],
    ['a machine whose buffers do not hold its blocks', 'machine', (t) => t.replace('"aBytes":64', '"aBytes":32'), /aBytes/],
    ['an unknown tensor kind', 'predicted', (t) => t.replace('activation', 'magic'), /section predicted/],
    ['what is no JSON', 'predicted', () => '{', /section predicted is not JSON/],
  ])('with right checksums is refused for %s', (_what, section, change, expected) => {
    expect(messageOf(withSection(section, change))).toMatch(expected);
  });

  it('with right checksums is refused for code that is not well formed', () => {
    const sections = readSections(encodeProgram(smallProgram()));
    const code = sections.code.slice();
    code[code.length - 16] = 0x09;
    expect(messageOf(joinSections({ ...sections, code }))).toContain('does not end with halt');
    code[0] = 0xee;
    expect(messageOf(joinSections({ ...sections, code }))).toContain('unknown opcode 0xee');
    expect(messageOf(joinSections({ ...sections, code: sections.code.subarray(1) }))).toContain('not a multiple of 16');
  });

  it('has the checksums of zlib', () => {
    expect(crc32(new TextEncoder().encode('123456789'))).toBe(0xcbf43926);
  });
});
