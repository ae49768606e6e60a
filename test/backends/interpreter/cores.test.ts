import { describe, expect, it } from 'vitest';
import { assemble, type Program, run } from '../../../backends/wavecore/index.ts';
import { SMALL } from '../assembler.ts';
import { caught } from '../caught.ts';

/** Two of its cores share 32 bytes a cycle. */
const machine = { ...SMALL, coresPerChip: 2, dram: { ...SMALL.dram, bytesPerSecond: 32e9 } };

/** A program of two cores; x is given, y is not. Register 1 holds the core's number. */
function twoCores(...lines: readonly string[]): Program {
  const head = ['.cores 2', '.tensor x, u8[1024], kind=input, role=input', '.tensor y, u8[1024], kind=output, role=output', 'core r1'];
  return { ...assemble([...head, ...lines, 'halt'].join('\n')), machine };
}

const timing = (...lines: readonly string[]) => run(twoCores(...lines), { mode: 'timing' });
const move = (op: 'd.ld' | 'd.st', dram: string, bytes: number, tokens = '') => `${op} ${dram}, r0, ${bytes}, 1, ${bytes} ${tokens}`;
const y = (offset: string) => `la r2, ${offset} + &y`;
const [ifSecond, ifFirst] = ['skipz r1, past', 'skipnz r1, past'];

describe('two cores', () => {
  it('execute one code, each with its number, on one DRAM', () => {
    const program = twoCores('la r2, r1*512', 'la r3, r1*512 + &y', move('d.ld', 'r2', 512, 'signal 1'), move('d.st', 'r3', 512, 'wait 1'));
    const x = Uint8Array.from({ length: 1024 }, (_, i) => (7 * i) % 251);
    const result = run(program, { mode: 'functional', inputs: new Map([['x', x]]) });
    expect(result.readTensor('y').bytes).toEqual(x);
    expect(result).toMatchObject({ cores: 2, instructions: 12, traffic: { read: 1024, write: 1024 } });
  });

  it('divide the DRAM between them: the transfer that is issued first goes first, of two the one of the first core', () => {
    const { cycles, units, energy } = timing(move('d.ld', 'r0', 640));
    // Issued in cycle 1 on both, 20 cycles each, one behind the other, and the latency.
    expect(cycles).toBe(1 + 20 + 20 + 10);
    expect(units.dram).toEqual({ busy: 40, stalls: { idle: 11 } });
    expect(units.dmaLoad).toEqual({ busy: 40, stalls: { issue: 2, dram: 20, end: 40 } });
    expect(energy.static).toBeCloseTo(2 * cycles, 6);
  });

  it('wait at a barrier for the last one', () => {
    const { cycles, units } = timing(ifSecond, move('d.ld', 'r0', 640), 'past:', 'barrier', 'fence');
    // The second core is idle at 2 + 20 + 10; the first has been at its barrier since cycle 3.
    expect(cycles).toBe(33);
    expect(units.sequencer).toEqual({ busy: 4 + 5, stalls: { fence: 28, barrier: 29 } });
  });

  it('end with a fault where one waits for another that has ended', () => {
    expect(caught(() => timing(ifSecond, 'barrier', 'past:')).diagnostics).toMatchObject([
      { code: 'DEADLOCK', message: 'instruction 2 (barrier) on core 1: waits at a barrier to which core 0, which has ended, never comes' },
    ]);
  });
});

describe('the sanitizer, between cores', () => {
  const findings = (...lines: readonly string[]): string[] =>
    (run(twoCores(...lines, 'fence'), { mode: 'timing', check: true }).check?.findings ?? []).map(
      ({ code, message }) => `${code}: ${message}`,
    );
  const fill = 'v.fill r0, 1024 signal 1';

  it('finds nothing where each has bytes of its own', () => {
    expect(findings(fill, y('r1*512'), move('d.st', 'r2', 512, 'wait 1'))).toEqual([]);
  });

  it('finds stores of two cores to the same bytes', () => {
    const [race] = findings(fill, y('r1*448'), move('d.st', 'r2', 512, 'wait 1'));
    expect(race).toMatch(/^RACE: instruction 3 \(d.st\) on core 1 on the DMA store writes byte 448 of tensor 'y' in DRAM that/);
    expect(race).toMatch(/that instruction 3 \(d.st\) on core 0 on the DMA store writes, and no barrier orders the two$/);
  });

  const produce = [ifFirst, fill, y('r0'), move('d.st', 'r2', 1024, 'wait 1'), 'past:'];

  it('finds a load of what another core stores, unless they meet in between', () => {
    expect(findings(...produce, 'barrier', y('r0'), move('d.ld', 'r2', 1024))).toEqual([]);
    expect(findings(...produce, y('r0'), move('d.ld', 'r2', 1024)).some((text) => /^RACE.*no barrier/.test(text))).toBe(true);
  });

  it('finds a store over what another core may still load', () => {
    const exchange = (...between: readonly string[]) =>
      findings(move('d.ld', 'r0', 1024), 'fence', ...between, ifFirst, move('d.st', 'r0', 1024), 'past:');
    expect(exchange('barrier')).toEqual([]);
    expect(exchange().map((text) => text.slice(0, 4))).toEqual(['RACE']);
  });
});
