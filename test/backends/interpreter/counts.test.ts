import { describe, expect, it } from 'vitest';
import { type LayerTraffic, type Program, run, verify } from '../../../backends/wavecore/index.ts';
import type { TensorKind } from '../../../ir/tensor.ts';
import { Assembler } from '../assembler.ts';

const bytes = (count: number) => ({ dtype: 'u8' as const, shape: [count] });

/** Layers `a` and `b` in a loop of three turns: a loads 40 bytes of an activation; b stores 2 strided rows of a stash and computes. */
function twoLayers(predicted: LayerTraffic): Program {
  const a = new Assembler();
  const x = a.tensor('x', bytes(64));
  const y = a.tensor('y', bytes(512), { kind: 'stash' });
  a.op('loop', { rd: 1, count: 3, step: 1 });
  a.layer('a', () => a.move('d.ld', x, 0, 40));
  a.layer('b', () => {
    a.set(2, y).op('d.st', { dram: 2, global: 0, rowBytes: 65, rows: 2, dramStride: 100 });
    a.op('v.fill', { dst: 0, bytes: 8 });
  });
  return a.op('end', {}).program({ predicted });
}

const predicted = { a: { activation: { read: 192, write: 0 } }, b: { stash: { read: 0, write: 768 } } };

describe('counting', () => {
  it('counts bursts by layer and tensor kind, and everything else', () => {
    const result = run(twoLayers({}), { mode: 'timing' });
    expect(result.byLayer).toEqual(predicted);
    expect(result.traffic).toEqual({
      read: 192,
      write: 768,
      total: 960,
      byKind: { activation: { read: 192, write: 0 }, stash: { read: 0, write: 768 } },
    });
    expect(result.instructions).toBe(1 + 3 * (4 + 4 + 1) + 1);
    expect(result.layers.map((l) => [l.layer, l.origin, l.group, l.vectorOps, l.globalBytes])).toEqual([
      ['a', 'node of a', 0, 0, 120],
      ['b', 'node of b', 0, 12, 3 * (130 + 8)],
    ]);
  });

  it('attributes all cycles to layers', () => {
    const result = run(twoLayers({}), { mode: 'timing' });
    const cycles = result.layers.map((l) => l.cycles);
    expect(cycles.reduce((sum, c) => sum + c, 0)).toBe(result.cycles);
    // a: two registers, load of 64 bytes (4 + 10) from cycle 2 on, in the first turn behind the loop instruction.
    expect(cycles[0]).toBe(1 + 16 + 2 * 16);
    expect(result.seconds).toBeCloseTo(result.cycles * 1e-9, 15);
    expect(result.units).toMatchObject({
      dmaLoad: { busy: 12 },
      dmaStore: { busy: 3 * 16 },
      dram: { busy: 60 },
      vector: { busy: 3 * 4 },
      array: { busy: 0 },
    });
  });

  it('composes energy from counts: every factor of the machine is 1', () => {
    const { energy, cycles, layers } = run(twoLayers({}), { mode: 'timing' });
    expect(energy).toMatchObject({ dram: 960, globalBuffer: 120 + 414, localBuffers: 0, mac: 0, vector: 12 });
    expect(energy.static).toBeCloseTo(cycles, 6);
    expect(energy.total).toBeCloseTo(960 + 534 + 12 + cycles, 6);
    expect(layers.reduce((sum, l) => sum + l.energy.total, 0)).toBeCloseTo(energy.total, 6);
  });

  it.each([
    ['columns', {}, 3 * 3],
    ['copies of two channels', { CNI: 2, CSNO: 64 }, 3 * 2],
    ['rows, where operands are exchanged', { X: 1, TSMO: 8 }, 8],
  ])('counts the totals of %s that a drain adds to: two operations a result, every pair read and written', (_what, slots, pairs) => {
    const counts = (drain: (a: Assembler) => void) => {
      const a = new Assembler();
      a.matrix({
        ...{ P: 1, Q: 1, R: 1, S: 1, H: 1, W: 1, SH: 1, SW: 1, DH: 1, DW: 1, UH: 1, UW: 1, ASN: 4, ASC: 1 },
        ...{ AM: 8, AK: 4, BK: 4, BN: 3, BKI: 4, BSKI: 4, BSN: 1, CMI: 1, CSMO: 4, CSN: 1, TMI: 3, TSMO: 3 },
        ...slots,
      });
      a.set(2, 128).set(3, 256).set(4, 512);
      a.op('m.lda', { half: 0, base: 0, m0: 0, k0: 0 }).op('m.ldb', { half: 0, base: 2, k0: 0, n0: 0 });
      a.op('m.mul', { a: 0, b: 0, c: 0, first: 0 });
      a.layer('drain', () => drain(a));
      const { cycles, layers } = run(a.program(), { mode: 'timing' });
      const [{ vectorOps, globalBytes, localBytes } = expect.unreachable()] = layers;
      return { cycles, vectorOps, globalBytes, localBytes };
    };
    const plain = counts((a) => a.op('m.st', { c: 0, base: 3, m0: 0, n0: 0, bias: 0, withBias: 0, f32: 0, add: 0, zeros: 0 }));
    const gathered = counts((a) => a.op('m.st_sums', { c: 0, base: 3, m0: 0, n0: 0, bias: 0, withBias: 0, state: 4 }));
    expect(plain).toMatchObject({ vectorOps: 0, globalBytes: 8 * 3 * 2 });
    // Of zeros, the accumulator is not read.
    const zeros = counts((a) => a.op('m.st', { c: 0, base: 3, m0: 0, n0: 0, bias: 0, withBias: 0, f32: 0, add: 0, zeros: 1 }));
    expect(zeros).toEqual({ ...plain, localBytes: plain.localBytes - 8 * 3 * 4 });
    // Rows 0 to 7 are of three sets, columns of one.
    expect(gathered).toEqual({ ...plain, vectorOps: 2 * 8 * 3, globalBytes: plain.globalBytes + pairs * 32 });
  });

  it('counts a tensor that shares storage as the one whose place it takes', () => {
    const a = new Assembler();
    const weight = a.tensor('weight', bytes(64), { kind: 'weight' });
    a.tensor('updated', bytes(64), { kind: 'weight', address: weight, role: 'output' });
    a.layer('a', () => a.move('d.st', weight, 0, 64));
    expect(run(a.program(), { mode: 'timing' }).byLayer).toEqual({ a: { weight: { read: 0, write: 64 } } });
  });

  it('counts transfers outside of all layers under no name', () => {
    const a = new Assembler();
    a.move('d.ld', a.tensor('x', bytes(64)), 0, 64);
    expect(run(a.program(), { mode: 'timing' }).byLayer).toEqual({ '': { activation: { read: 64, write: 0 } } });
  });
});

describe('verification', () => {
  const verified = (prediction: LayerTraffic) => {
    const program = twoLayers(prediction);
    return verify(program, run(program, { mode: 'timing' }));
  };

  it('accepts equal traffic, empty records included', () => {
    expect(verified({ ...predicted, idle: {} })).toEqual({ ok: true, problems: [] });
  });

  it.each<[string, LayerTraffic, string, TensorKind, 'read' | 'write']>([
    ['too much', { ...predicted, a: { activation: { read: 256, write: 0 } } }, 'a', 'activation', 'read'],
    ['another kind', { ...predicted, b: { activation: { read: 0, write: 768 } } }, 'b', 'activation', 'write'],
    ['another direction', { ...predicted, b: { stash: { read: 768, write: 0 } } }, 'b', 'stash', 'read'],
    ['nothing', { a: predicted.a }, 'b', 'stash', 'write'],
    ['a layer that does not run', { ...predicted, c: { weight: { read: 64, write: 0 } } }, 'c', 'weight', 'read'],
  ])('names the first layer that differs: %s', (_what, prediction, layer, kind, direction) => {
    const result = verified(prediction);
    expect(result.ok).toBe(false);
    expect(result.firstDifference).toMatchObject({ layer, kind, direction });
    expect(result.problems[0]).toContain(`'${layer}'`);
  });
});
