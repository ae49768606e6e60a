import { describe, expect, it } from 'vitest';
import { run } from '../../../backends/wavecore/index.ts';
import type { Allocation } from '../../../backends/wavecore/program.ts';
import { Assembler } from '../assembler.ts';
import { caught } from '../caught.ts';

const half = (count: number) => ({ dtype: 'f16' as const, shape: [count] });
const bytes = (count: number) => ({ dtype: 'u8' as const, shape: [count] });

/** Codes and messages of what the sanitizer finds in a program; tensor `x` of 256 bytes is given, `y` and `z` are not. */
function findings(
  emit: (a: Assembler) => void,
  buffer: readonly Allocation[] = [],
): { code: string; message: string; layer: string | undefined }[] {
  const a = new Assembler();
  a.tensor('x', bytes(256), { role: 'input' });
  a.tensor('y', bytes(256));
  a.tensor('z', bytes(256));
  emit(a);
  const { check } = run(a.program({ buffer }), { mode: 'timing', check: true });
  return (check?.findings ?? []).map(({ code, message, place }) => ({ code, message, layer: place.layer }));
}

const codes = (emit: (a: Assembler) => void, buffer: readonly Allocation[] = []): string[] =>
  findings(emit, buffer).map(({ code }) => code);
const [X, Y, Z] = [0, 256, 512];
const zero = (a: Assembler, dst: number, count: number, tokens = {}) => a.set(10, dst).op('v.fill', { dst: 10, bytes: count }, tokens);

describe('the sanitizer', () => {
  it('finds nothing where tokens order all accesses', () => {
    const emit = (a: Assembler) => {
      a.move('d.ld', X, 0, 256, { signal: [1] });
      a.vector({ N: 1, COUNT: 128 }).op('v.sync', {}, { wait: [1] });
      a.set(1, 256).op('v.add', { dst: 1, a: 0, b: 0 }, { signal: [2] });
      a.move('d.st', Y, 256, 256, { wait: [2] });
    };
    expect(codes(emit)).toEqual([]);
  });

  it('names both instructions of a race, with unit, layer and place', () => {
    const emit = (a: Assembler) => {
      a.layer('first', () => void a.move('d.ld', X, 0, 256));
      a.code.pop();
      a.layer('second', () => void zero(a, 100, 10));
    };
    const [race, ...rest] = findings(emit);
    expect(rest).toEqual([]);
    expect(race).toMatchObject({ code: 'RACE', layer: 'second' });
    expect(race?.message).toMatch(/instruction 4 \(v.fill\) on the vector unit writes byte 100 of the global buffer/);
    expect(race?.message).toMatch(/that instruction 2 \(d.ld\) on the DMA load of layer 'first' writes/);
  });

  it.each([
    [
      'a load and a vector instruction that reads its bytes',
      (a: Assembler) =>
        a.move('d.ld', X, 0, 256).vector({ N: 1, COUNT: 8 }).set(1, 512).op('v.relu', { dst: 1, mask: 0, src: 0, withMask: 0 }),
    ],
    ['a vector instruction and a store of its result', (a: Assembler) => zero(a, 0, 256).move('d.st', Y, 0, 256)],
    [
      'a store and a vector instruction that overwrites its bytes',
      (a: Assembler) => zero(a, 0, 256, { signal: [1] }).move('d.st', Y, 0, 256, { wait: [1] }) && zero(a, 0, 256),
    ],
    [
      'a store and a load of the same bytes in DRAM',
      (a: Assembler) =>
        zero(a, 0, 256, { signal: [1] })
          .move('d.st', Y, 0, 256, { wait: [1] })
          .move('d.ld', Y, 512, 256),
    ],
    [
      'a load and a store of the same bytes in DRAM',
      (a: Assembler) =>
        zero(a, 512, 256, { signal: [1] })
          .move('d.ld', X, 0, 256)
          .move('d.st', X, 512, 256, { wait: [1] }),
    ],
  ])('finds a race of %s', (_name, emit) => {
    expect(codes((a) => void emit(a))).toEqual(['RACE']);
  });

  it('knows that pipelines of the matrix unit are not ordered by the queue, and that m.sync orders them', () => {
    const product = {
      P: 1,
      Q: 1,
      R: 1,
      S: 1,
      H: 1,
      W: 1,
      SH: 1,
      SW: 1,
      DH: 1,
      DW: 1,
      UH: 1,
      UW: 1,
      AM: 4,
      AK: 4,
      ASN: 4,
      ASC: 1,
      BK: 4,
      BN: 4,
      BKI: 4,
      BSKI: 4,
      BSN: 1,
      CMI: 1,
      CSMO: 4,
      CSN: 1,
    };
    const twice = (between: (a: Assembler) => void) => (a: Assembler) => {
      zero(a, 0, 64, { signal: [1] })
        .matrix(product)
        .op('m.sync', {}, { wait: [1] });
      a.set(1, 0).set(2, 32).set(3, 64).op('m.lda', { half: 0, base: 1, m0: 0, k0: 0 }).op('m.ldb', { half: 0, base: 2, k0: 0, n0: 0 });
      a.op('m.mul', { a: 0, b: 0, c: 0, first: 0 }).op('m.st', {
        c: 0,
        base: 3,
        m0: 0,
        n0: 0,
        bias: 0,
        withBias: 0,
        f32: 0,
        add: 0,
        zeros: 0,
      });
      between(a);
      // The result is the next moving operand.
      a.op('m.lda', { half: 0, base: 3, m0: 0, k0: 0 });
    };
    expect(codes(twice(() => undefined))).toEqual(['RACE']);
    expect(codes(twice((a) => void a.op('m.sync', {}, { signal: [2] }).op('m.sync', {}, { wait: [2] })))).toEqual([]);
    expect(codes(twice((a) => void a.op('fence', {})))).toEqual([]);
  });

  it('knows what totals a drain adds to', () => {
    const product = {
      ...{ P: 1, Q: 1, R: 1, S: 1, H: 1, W: 1, SH: 1, SW: 1, DH: 1, DW: 1, UH: 1, UW: 1, ASN: 4, ASC: 1 },
      ...{ AM: 4, AK: 4, BK: 4, BN: 4, BKI: 4, BSKI: 4, BSN: 1, CMI: 1, CSMO: 4, CSN: 1, TMI: 2, TSMO: 5 },
    };
    // Two sets of 2 rows; the second set's pairs begin behind a gap of one pair.
    const gathered = (filled: number, tokens: object, awaited: object) => (a: Assembler) => {
      zero(a, 0, 64, { signal: [1] }).set(4, 256);
      a.op('v.fill', { dst: 4, bytes: filled }, tokens)
        .matrix(product)
        .op('m.sync', {}, { wait: [1] })
        .op('m.sync', {}, awaited);
      a.set(1, 0).set(2, 32).set(3, 64).op('m.lda', { half: 0, base: 1, m0: 0, k0: 0 }).op('m.ldb', { half: 0, base: 2, k0: 0, n0: 0 });
      a.op('m.mul', { a: 0, b: 0, c: 0, first: 0 }).op('m.st_sums', { c: 0, base: 3, m0: 0, n0: 0, bias: 0, withBias: 0, state: 4 });
    };
    expect(codes(gathered(144, { signal: [2] }, { wait: [2] }))).toEqual([]);
    expect(codes(gathered(136, { signal: [2] }, { wait: [2] }))).toEqual(['UNINITIALIZED']);
    expect(codes(gathered(144, {}, {}))).toEqual(['RACE']);
    const read = (a: Assembler) => {
      gathered(144, { signal: [2] }, { wait: [2] })(a);
      a.vector({ ROWS: 1, ROWBYTES: 16 }).set(5, 512).op('v.copy', { dst: 5, src: 4 });
    };
    expect(codes(read)).toEqual(['RACE']);
  });

  it('does not take the signal of another credit for order', () => {
    // Both tokens are there from the start, so that nothing tells whether the load has ended.
    const emit = (a: Assembler) => {
      a.op('v.sync', {}, { signal: [1, 1] }).move('d.ld', X, 0, 256, { wait: [1], signal: [1] });
      zero(a, 0, 256, { wait: [1] }).op('v.sync', {}, { wait: [1] });
    };
    expect(codes(emit)).toEqual(['RACE']);
  });

  it('finds reads of bytes that hold nothing, to the byte', () => {
    expect(codes((a) => void zero(a, 0, 255, { signal: [1] }).move('d.st', Y, 0, 255, { wait: [1] }))).toEqual([]);
    const [finding] = findings((a) => void zero(a, 0, 255, { signal: [1] }).move('d.st', Y, 0, 256, { wait: [1] }));
    expect(finding).toMatchObject({ code: 'UNINITIALIZED' });
    expect(finding?.message).toMatch(/byte 255 of the global buffer/);
    expect(codes((a) => void a.move('d.ld', Y, 0, 256))).toEqual(['UNINITIALIZED']);
    const part = (a: Assembler) => {
      zero(a, 0, 100, { signal: [1] })
        .move('d.st', Z, 0, 100, { wait: [1] })
        .op('fence', {});
      a.move('d.ld', Z, 0, 101);
    };
    expect(findings(part)[0]?.message).toMatch(/byte 100 of tensor 'z' in DRAM/);
  });

  it('finds results that are overwritten before anything has read them', () => {
    expect(codes((a) => void zero(zero(a, 0, 64), 32, 64))).toEqual(['LOST_RESULT']);
    const stores = (a: Assembler) =>
      zero(a, 0, 64, { signal: [1] })
        .move('d.st', Y, 0, 64, { wait: [1] })
        .move('d.st', Y, 0, 64);
    expect(codes((a) => void stores(a))).toEqual(['LOST_RESULT']);
  });

  describe('with the allocations of the program', () => {
    const allocation = (name: string, address: number, layers: Allocation['layers']): Allocation => ({
      group: 0,
      name,
      address,
      bytes: 256,
      layers,
    });
    const buffer = [
      allocation('x', 0, [
        { layer: 'one', access: 'both' },
        { layer: 'two', access: 'read' },
      ]),
      allocation('y', 256, [{ layer: 'one', access: 'both' }]),
      allocation('z', 512, [{ layer: 'two', access: 'both' }]),
    ];
    const layers =
      (one: (a: Assembler) => void, two: (a: Assembler) => void = () => undefined) =>
      (a: Assembler) => {
        a.layer('one', () => one(a));
        a.layer('two', () => two(a));
      };

    it('finds nothing where every access lies in one of the layer', () => {
      const program = layers(
        (a) => void a.move('d.ld', X, 0, 256),
        (a) => void a.vector({ N: 1, COUNT: 128 }).set(1, 512).op('v.add', { dst: 1, a: 0, b: 0 }),
      );
      expect(codes(program, buffer)).toEqual([]);
    });

    it('finds accesses outside, across, of others, and of the wrong kind', () => {
      expect(
        codes(
          layers((a) => void zero(a, 700, 16)),
          buffer,
        ),
      ).toEqual(['OUTSIDE_ALLOCATION']);
      expect(
        codes(
          layers((a) => void zero(a, 250, 16)),
          buffer,
        ),
      ).toEqual(['OUTSIDE_ALLOCATION']);
      expect(
        codes(
          layers((a) => void zero(a, 512, 16)),
          buffer,
        ),
      ).toEqual(['OUTSIDE_ALLOCATION']);
      const over = findings(
        layers(
          (a) => void a.move('d.ld', X, 0, 256),
          (a) => void zero(a, 0, 16),
        ),
        buffer,
      );
      expect(over).toMatchObject([{ code: 'OUTSIDE_ALLOCATION', layer: 'two' }]);
      expect(over[0]?.message).toMatch(/writes bytes 0 to 16 of the global buffer, which touch 'x'/);
    });

    it('forgets what lay there before the allocation began', () => {
      const read = (a: Assembler) =>
        a.vector({ N: 1, COUNT: 8 }).set(1, 512).set(2, 600).op('v.relu', { dst: 2, mask: 0, src: 1, withMask: 0 });
      const program = (a: Assembler) => {
        zero(a, 512, 256).op('fence', {});
        layers(
          (b) => void b.move('d.ld', X, 0, 256),
          (b) => void read(b),
        )(a);
      };
      expect(codes(program, buffer)).toEqual(['UNINITIALIZED']);
    });

    it('forgets what the program says has ended with a range of code', () => {
      const program = (source: number) => (a: Assembler) => {
        const read = () => a.vector({ N: 1, COUNT: 8 }).set(1, source).set(2, 400).op('v.relu', { dst: 2, mask: 0, src: 1, withMask: 0 });
        layers(
          (b) => void b.move('d.ld', X, 0, 256),
          () => void read(),
        )(a);
        const frees = [[0, 64]] as const;
        a.debug.splice(0, 2, ...a.debug.map((range, i) => ({ ...range, frees: i === 0 ? frees : [] })));
      };
      const whole = [
        { group: 0, name: 'x', address: 0, bytes: 512, layers: ['one', 'two'].map((layer) => ({ layer, access: 'both' as const })) },
      ];
      expect(codes(program(64), whole)).toEqual([]);
      expect(codes(program(48), whole)).toEqual(['UNINITIALIZED']);
    });

    it('finds a tensor at the place of another, and one that is transferred in part', () => {
      expect(
        codes(
          layers((a) => void a.move('d.ld', X, 256, 256)),
          buffer,
        ),
      ).toEqual(['MISPLACED']);
      expect(
        findings(
          layers((a) => void a.move('d.ld', X, 0, 255)),
          buffer,
        ),
      ).toMatchObject([{ code: 'PARTIAL_TRANSFER', layer: 'one' }]);
    });
  });

  it('adds what it found to the fault that ends the run', () => {
    const a = new Assembler();
    a.tensor('y', bytes(256));
    a.move('d.ld', 0, 0, 256).op('v.sync', {}, { wait: [3] });
    const { diagnostics } = caught(() => run(a.program(), { mode: 'timing', check: true }));
    expect(diagnostics.map(({ code }) => code)).toEqual(['UNINITIALIZED', 'DEADLOCK']);
  });

  it('changes no count', () => {
    const a = new Assembler();
    a.tensor('x', half(128), { role: 'input' });
    a.move('d.ld', 0, 0, 256, { signal: [1] }).op('v.sync', {}, { wait: [1] });
    const program = a.program();
    const { check, ...checked } = run(program, { mode: 'timing', check: true });
    expect(check).toEqual({ findings: [], more: 0, accesses: 2, bytes: 512 });
    expect(JSON.stringify(checked)).toBe(JSON.stringify(run(program, { mode: 'timing' })));
  });
});
