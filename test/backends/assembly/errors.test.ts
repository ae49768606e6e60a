import { describe, expect, it } from 'vitest';
import { assemble } from '../../../backends/wavecore/index.ts';
import { caught } from '../caught.ts';

/** Every complaint about a text, as `line: message`. */
function complaints(text: string): string[] {
  const { diagnostics, exitCode } = caught(() => assemble(text, { file: 'x.wvs' }));
  expect(exitCode).toBe(1);
  for (const { place } of diagnostics) expect(place.file).toBe('x.wvs');
  return diagnostics.map(({ place, message }) => `${place.line}: ${message}`);
}

/** Complaints about one line in front of a sound end. */
const about = (line: string): string[] => complaints(`${line}\nhalt`);

describe('assembly text that is wrong', () => {
  it('is refused with all problems at once, in the order of the lines', () => {
    const text = [
      '.tensor x, f16[4], kind=input, splat=1, copyOf=y',
      'loop r1, count=0, step=1',
      '  la r1, &y',
      '  d.ld dram=r1, rows=1',
      '  mull r1',
      '  m.cfg AM=1, AT=2',
      'skipz r1, done',
      'fence',
    ];
    expect(complaints(text.join('\n'))).toEqual([
      '1: a tensor has one initial value: splat=, copyOf=, initial=elided, values= or file=',
      '2: loop runs 0 times',
      '2: loop has no end',
      "3: no .tensor above declares 'y'",
      '4: d.ld lacks operand global',
      '4: d.ld lacks operand rowBytes',
      '4: d.ld lacks operand dramStride',
      "5: expected an instruction, a label: or a .directive, found 'mull'",
      "6: expected 'AK=', the slot that is set together with AM, found 'AT'",
      "7: there is no label 'done'",
      '8: the program does not end with halt',
    ]);
  });

  it.each([
    ['la r64, 0', "1: expected a constant that is declared above, or a register r0 to r63, found 'r64'"],
    ['la 5, 0', '1: expected a register r0 to r63 (rd: destination)'],
    ['la r1, r2 + r3', '1: an expression may hold one register'],
    ['la r1, r2 * r3', '1: registers cannot be multiplied with each other'],
    ['la r1, 1.5', '1: expected a whole number below 2^53, found 1.5'],
    ['la r1, 0, 0', "1: expected no further operand without its name (la has rd, rs, scale, base), found '0'"],
    ['la r1, offset=3', "1: expected an operand of la (rd, rs, scale, base), found 'offset'"],
    ['la rd=r1, rd=r2', '1: la gives operand rd twice'],
    ['la r1, 140737488355328', '1: la: base is 140737488355328, not a whole number in -140737488355328…140737488355327'],
    ['mac r1, r2*3 + 4', '1: expected a register times a constant, found a sum'],
    ['m.cfg4 AM=1, N=2', "1: expected the name of a configuration slot, found 'N'"],
    ['m.cfg4 AM=40000', '1: m.cfg4: v0 is 40000, not a whole number in -32768…32767'],
    ['fence r1', "1: expected the end of the line (fence has no operands), found 'r1'"],
    ['fence wait 1', '1: fence runs on the sequencer, which has no tokens'],
    ['v.sync wait 64', '1: v.sync waits for token 64'],
    ['v.sync wait r1', '1: expected a token, found an expression with register r1'],
    ['la r1, 3 ä', '1: expected a name, number or mark, found "ä"'],
    ['la r1, (3', "1: expected ')', found the end of the line"],
    [
      '.cheese',
      "1: expected a directive (.model, .mode, .cores, .batch, .schedule, .machine, .equ, .token, .tensor, .buffer, .predict, .layer, .endlayer), found '.cheese'",
    ],
    ['.mode fast', "1: expected a mode (training, inference), found 'fast'"],
    ['.batch 0', '1: expected at least 1 sample, found 0'],
    ['.cores 0', '1: expected 1 to 16 cores, found 0'],
    ['.cores 3\n.machine wavecore\nhalt', '2: the program is for 3 cores, the chip of its machine has 2'],
    ['.machine wavehill', "1: there is no preset 'wavehill'; known are wavecore, wavecore-hbm2x2, wavecore-gddr5, wavecore-lpddr4"],
    ['.equ r1 = 3', "1: expected a new name, found 'r1'"],
    ['.equ a = b', "1: expected a constant that is declared above, or a register r0 to r63, found 'b'"],
    ['.tensor x, f16[2], role=input', '1: kind= is missing'],
    ['.tensor x, f8[2]', "1: expected a type such as f16[32x3x224x224], found 'f8'"],
    ['.tensor x, f16[2], kind=input, at=0, at=4', '1: at is given twice'],
    ['.tensor x, f16[2], kind=input, splat=inf', '1: splat= is a finite number'],
    ['.tensor x, f16[2], kind=input, values=f32(1)', "1: tensor 'x': has 1 initial values, its type f16[2] needs 2"],
    ['.tensor x, f16[2], kind=input, copyOf=y', "1: tensor 'x': is a copy of 'y', which is not in the program"],
    ['.layer a', '1: kind= is missing'],
    ['.layer a, kind=b', '1: no .endlayer ends this layer'],
    ['.layer a, kind=b, from=0, to=9', "1: layer 'a' has instructions 0 to 9 of 1"],
    [
      '.buffer x, at=10485760, bytes=1, layers=()',
      "1: 'x' is allocated at bytes 10485760 to 10485761 of the global buffer, which has 10485760",
    ],
    ['.buffer x, at=0, bytes=1, layers=(a: write, b)', "1: expected ':', found ')'"],
    ['.predict x, input=-1:0', '1: 1.input.read: must not be negative'],
    ['.layer a, kind=b, from=0', '1: from= and to= go together'],
    ['.endlayer', '1: no .layer is open'],
    ['.tensor x, f16[2], kind=input, at=-64', '1: address: must not be negative'],
    ['.tensor x, f16[99999999999999], kind=input', '1: bytes: needs more than 47 bits'],
    ['.layer a, kind=b, group=-1, from=0, to=1', '1: group: must not be negative'],
    ['.buffer x, at=-1, bytes=1, layers=()', '1: address: must not be negative'],
    ['.buffer x, bytes=1, layers=()', '1: at= is missing'],
    ['done:', '1:'],
    ['skipz r1, 7', '1: skips 7 instructions, past the end of the program'],
  ])('%s', (line, expected) => {
    if (expected === '1:') expect(() => assemble(`${line}\nhalt`)).not.toThrow();
    else expect(about(line)).toContain(expected);
  });

  it('is refused where traffic is predicted twice', () => {
    expect(complaints('.predict x, input=1:0\n.predict x\nhalt')).toEqual(["2: the traffic of layer 'x' is predicted above already"]);
  });

  it('is refused where labels stand twice or above', () => {
    expect(complaints('a:\na:\nskipz r1, a\nhalt')).toEqual([
      "2: label 'a' stands above already",
      "3: label 'a' stands above; a skip leads forward",
    ]);
  });

  it('is refused where an impossible machine is described', () => {
    const [first] = caught(() => assemble('\n.machine array.rows=0\nhalt', { file: 'x.wvs' })).diagnostics;
    expect(first).toMatchObject({ code: 'BAD_MACHINE', place: { file: 'x.wvs', line: 2 } });
  });

  it('is refused where a file of values is missing, short or altered', () => {
    const text = (rest: string): string => `.tensor x, f32[2], kind=weight, file="w.bin"${rest}\nhalt`;
    const readFile = (): Uint8Array => new Uint8Array(8);
    const reason = (rest: string) => caught(() => assemble(text(rest), { readFile })).diagnostics[0]?.message;
    expect(about('.tensor x, f32[2], kind=weight, file=w')).toEqual(["1: 'w' cannot be read: no files can be read here"]);
    expect(reason(', offset=4')).toBe("'w.bin' has 8 bytes, the values lie at 4 to 12");
    expect(reason(', crc32=1')).toBe("the values in 'w.bin' have been altered (checksum)");
    expect(assemble(text(''), { readFile }).symbols[0]?.initial).toEqual({ form: 'values', values: new Float32Array(2) });
  });
});
