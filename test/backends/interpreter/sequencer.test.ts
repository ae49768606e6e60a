import { describe, expect, it } from 'vitest';
import { run } from '../../../backends/wavecore/index.ts';
import { Assembler } from '../assembler.ts';

const words = (count: number) => ({ dtype: 'i32' as const, shape: [count] });

/** Runs code that copies words from `source` to `sink`, and returns the sink. */
function copied(count: number, emit: (a: Assembler, source: number, sink: number) => void): number[] {
  const a = new Assembler();
  const source = a.tensor('source', words(64), { role: 'input' });
  const sink = a.tensor('sink', words(count), { role: 'output' });
  emit(a, source, sink);
  const inputs = new Map([['source', Int32Array.from({ length: 64 }, (_, i) => i)]]);
  const { outputs } = run(a.program(), { mode: 'functional', inputs });
  return [...new Int32Array(outputs.get('sink')?.bytes.buffer ?? new ArrayBuffer(0))];
}

/** Copies one word from the DRAM address in r`from` to the address in r`to`. */
function copyWord(a: Assembler, from: number, to: number): void {
  const word = { rowBytes: 4, rows: 1, dramStride: 4 };
  a.op('d.ld', { dram: from, global: 0, ...word }, { signal: [1] }).op('d.st', { dram: to, global: 0, ...word }, { wait: [1] });
}

describe('sequencer', () => {
  it('computes affine addresses, with negative and large scales', () => {
    const sink = copied(1, (a, source, to) => {
      a.set(1, 7)
        .op('la', { rd: 2, rs: 1, scale: -4, base: source + 48 })
        .op('mac', { rd: 2, rs: 1, scale: 8 })
        .set(3, to);
      copyWord(a, 2, 3);
    });
    expect(sink).toEqual([(48 - 28 + 56) / 4]);
  });

  it('reads 0 from register 0, whatever is written', () => {
    const sink = copied(1, (a, source, to) => {
      a.set(0, 1234)
        .op('la', { rd: 2, rs: 0, scale: 9, base: source + 8 })
        .set(3, to);
      copyWord(a, 2, 3);
    });
    expect(sink).toEqual([2]);
  });

  it('runs nested loops with their steps, and leaves the loop variable one step behind the last', () => {
    const sink = copied(7, (a, source, to) => {
      a.set(5, to);
      a.op('loop', { rd: 1, count: 2, step: 40 });
      a.op('loop', { rd: 2, count: 3, step: 4 });
      a.op('la', { rd: 3, rs: 1, scale: 1, base: source }).op('mac', { rd: 3, rs: 2, scale: 1 });
      copyWord(a, 3, 5);
      a.op('la', { rd: 5, rs: 5, scale: 1, base: 4 });
      a.op('end', {}).op('end', {});
      a.op('la', { rd: 3, rs: 1, scale: 1, base: source }).op('mac', { rd: 3, rs: 2, scale: 1 });
      copyWord(a, 3, 5);
    });
    expect(sink).toEqual([0, 1, 2, 10, 11, 12, 23]);
  });

  it('selects halves by the lowest bit of a counter', () => {
    const sink = copied(4, (a, source, to) => {
      a.op('loop', { rd: 1, count: 4, step: 1 });
      a.op('par', { rd: 2, rs: 1, scale: 32, base: source + 4 }).op('la', { rd: 3, rs: 1, scale: 4, base: to });
      copyWord(a, 2, 3);
      a.op('end', {});
    });
    expect(sink).toEqual([1, 9, 1, 9]);
  });

  it('skips whole loops by a register that is zero or not', () => {
    const sink = copied(3, (a, source, to) => {
      a.set(2, source + 4)
        .set(3, to)
        .set(4, to + 4)
        .set(5, to + 8)
        .set(6, 1);
      const skips = (op: 'skipz' | 'skipnz', rs: number, target: number): void => {
        a.op(op, { rs, count: 4 }).op('loop', { rd: 7, count: 2, step: 1 });
        copyWord(a, 2, target);
        a.op('end', {});
      };
      skips('skipz', 0, 3);
      skips('skipz', 6, 4);
      skips('skipnz', 6, 5);
    });
    expect(sink).toEqual([0, 1, 0]);
  });

  it('moves rows that are strided in DRAM and packed in the buffer, both ways', () => {
    const sink = copied(8, (a, source, to) => {
      a.set(1, source + 8)
        .set(2, to)
        .set(3, 256);
      a.op('d.ld', { dram: 1, global: 3, rowBytes: 8, rows: 3, dramStride: 24 }, { signal: [1] });
      a.op('d.st', { dram: 2, global: 3, rowBytes: 4, rows: 2, dramStride: 20 }, { wait: [1] });
    });
    expect(sink).toEqual([2, 0, 0, 0, 0, 3, 0, 0]);
  });

  it('counts the instructions that it executes', () => {
    const a = new Assembler();
    a.op('loop', { rd: 1, count: 1000, step: 1 }).set(2, 5).op('end', {});
    expect(run(a.program(), { mode: 'timing' }).instructions).toBe(1 + 2000 + 1);
  });

  it('reports progress while it runs', () => {
    const a = new Assembler();
    a.layer('only', () => a.op('loop', { rd: 1, count: 1_500_000, step: 1 }).op('end', {}));
    const seen: string[] = [];
    run(a.program(), { mode: 'timing', onProgress: (instructions, layer) => seen.push(`${instructions} ${layer}`) });
    expect(seen).toEqual([`${2 ** 20} only`]);
  });
});
