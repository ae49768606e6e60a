import { describe, expect, it } from 'vitest';
import { assemble, decodeProgram, disassemble, encodeProgram } from '../../../backends/wavecore/index.ts';
import { PRESETS } from '../../../backends/wavecore/machine/presets.ts';
import { Assembler } from '../assembler.ts';

/** The text without its head, and the program it stands for. */
const codeOf = (text: string): string[] =>
  disassemble(assemble(`${text}\nhalt`))
    .split('\n')
    .slice(8, -2)
    .map((line) => line.trim());

describe('assembly language', () => {
  it('has constants, tokens, expressions and named registers', () => {
    const text = [
      '.equ ROW = 0x40',
      '.equ i = r5',
      '.token full',
      '.token empty',
      'la r1, i*ROW + (2*ROW - 1)',
      'v.sync wait empty signal full, 7',
    ];
    expect(codeOf(text.join('\n'))).toEqual(['la r1, r5*64 + 127', 'v.sync wait 2 signal 1, 7']);
  });

  it('takes operands in order, by name, or both', () => {
    const wanted = ['m.lda half=r1, base=r2, m0=r3, k0=r0'];
    for (const line of ['m.lda r1, r2, r3, r0', 'm.lda r1, r2, k0=r0, m0=r3', 'm.lda k0=r0, m0=r3, base=r2, half=r1']) {
      expect(codeOf(line)).toEqual(wanted);
    }
  });

  it('sets adjacent slots by name, floats as such', () => {
    expect(codeOf('v.cfg N=2, C=-3, EPS=f32(1e-5), M=0x10 wait 1 signal 2')).toEqual([
      'v.cfg N=2, C=-3 wait 1',
      'v.cfg EPS=f32(0.00001), M=16 signal 2',
    ]);
    expect(codeOf('v.cfg B3=1')).toEqual(['v.cfg B3=1']);
    expect(codeOf('m.cfg slot=48, v0=1, v1=2')).toEqual(['m.cfg slot=48, v0=1, v1=2']);
  });

  it('sets up to four slots of any numbers by name', () => {
    for (const line of ['m.cfg4 AM=1568, P=56, Q=28, R=-3', 'm.cfg4 AMB=2, AM=2, AMB=2, AM=3', 'v.cfg4 N=2, B3=5', 'v.cfg4 HOLD=f32(0)'])
      expect(codeOf(line)).toEqual([line]);
    expect(assemble('m.cfg4 AK=7, AMB=9\nhalt').code[0]?.operands).toEqual({
      slot0: 1,
      v0: 7,
      slot1: 48,
      v1: 9,
      slot2: 48,
      v2: 9,
      slot3: 48,
      v3: 9,
    });
    expect(codeOf('m.cfg4 AM=1, AK=2, AT=3, P=4, Q=5 wait 1 signal 2')).toEqual([
      'm.cfg4 AM=1, AK=2, AT=3, P=4 wait 1',
      'm.cfg4 Q=5 signal 2',
    ]);
    expect(codeOf('m.cfg4 slot0=0, v0=1, slot1=0, v1=1, slot2=0, v2=1, slot3=0, v3=1')).toEqual(['m.cfg4 AM=1']);
  });

  it('counts skipped instructions up to a label', () => {
    const { code } = assemble('skipz r1, done\nloop r2, count=2, step=1\nend\ndone:\nhalt');
    expect(code[0]?.operands).toEqual({ rs: 1, count: 2 });
  });

  it('places tensors one behind the other, on bursts, and knows their addresses', () => {
    const text =
      '.tensor a, f16[33], kind=input\n.tensor "b c", u8[1], kind=stash\n.tensor d, u8[1], kind=stash, at=&"b c"\nla r1, &"b c" + 2\nhalt';
    const { symbols, code } = assemble(text);
    expect(symbols.map((s) => s.address)).toEqual([0, 128, 128]);
    expect(code[0]?.operands.base).toBe(130);
  });

  it('describes a machine by what differs from a preset', () => {
    const { machine } = assemble('.machine "wavecore-gddr5"\n.machine name=mine, buffers.globalBytes=65536\nhalt');
    const preset = PRESETS['wavecore-gddr5'];
    expect(machine).toEqual({ ...preset, name: 'mine', buffers: { ...preset?.buffers, globalBytes: 65536 } });
  });

  it('has defaults for everything but the code', () => {
    const program = assemble('halt');
    expect(program).toMatchObject({ model: 'program', mode: 'inference', batch: 1, schedule: 'none', machine: PRESETS.wavecore });
    expect(decodeProgram(encodeProgram(program))).toEqual(program);
  });
});

describe('disassembler', () => {
  it('shows layers, loops, skips, tokens, and which tensor an address lies in', () => {
    const a = new Assembler(PRESETS.wavecore);
    a.tensor('x', { dtype: 'f16', shape: [64] }, { kind: 'input', role: 'input' });
    a.layer('conv1', () => {
      a.op('loop', { rd: 1, count: 2, step: 4 }).op('la', { rd: 2, rs: 1, scale: 16, base: 32 }).op('skipz', { rs: 1, count: 1 });
      a.op('d.ld', { dram: 2, global: 0, rowBytes: 64, rows: 1, dramStride: 64 }, { wait: [3], signal: [1, 2] });
      a.op('end', {}).op('m.cfg', { slot: 0, v0: 7, v1: -1 }).op('la', { rd: 2, rs: 1, scale: -1, base: -32 });
    });
    expect(disassemble(a.program({ predicted: { conv1: { input: { read: 128, write: 0 } } } }))).toBe(
      [
        '; 9 instructions, 1 tensors',
        '.model test',
        '.mode training',
        '.cores 1',
        '.batch 1',
        '.schedule none',
        '.machine wavecore',
        '',
        '.tensor x, f16[64], kind=input, role=input, at=0',
        '',
        '.predict conv1, input=128:0',
        '',
        '; instructions 0 to 7',
        '.layer conv1, kind=test, phase=forward, group=0, origin="node of conv1"',
        '  loop r1, count=2, step=4',
        '    la r2, r1*16 + &x + 32',
        '    skipz r1, L4',
        '    d.ld dram=r2, global=r0, rowBytes=64, rows=1, dramStride=64 wait 3 signal 1, 2',
        'L4:',
        '  end',
        '  m.cfg AM=7, AK=-1',
        '  la r2, r1*-1 - 32',
        '  fence',
        '.endlayer',
        '',
        '  halt',
        '',
      ].join('\n'),
    );
  });
});
