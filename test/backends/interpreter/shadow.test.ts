import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { AGENT, HappensBefore } from '../../../backends/wavecore/interpreter/check/clocks.ts';
import { Coverage } from '../../../backends/wavecore/interpreter/check/coverage.ts';
import {
  type MatrixConfiguration,
  movingExtents,
  resultExtents,
  stationaryExtents,
} from '../../../backends/wavecore/interpreter/check/extents.ts';
import { ShadowBuffer, type ShadowFinding } from '../../../backends/wavecore/interpreter/check/shadow-buffer.ts';
import { type Accessor, ShadowTensor } from '../../../backends/wavecore/interpreter/check/shadow-dram.ts';
import { MATRIX_SLOTS } from '../../../backends/wavecore/isa/slots.ts';

const BYTES = 96;
const range = fc
  .tuple(fc.nat({ max: BYTES - 1 }), fc.integer({ min: 1, max: 40 }))
  .map(([from, length]) => [from, Math.min(from + length, BYTES)] as const);

/** One access, the agent that makes it, and whether everything is ordered before it. */
const accesses = fc.array(
  fc.record({
    range,
    write: fc.boolean(),
    agent: fc.constantFrom(AGENT.load, AGENT.store, AGENT.fill, AGENT.vector),
    fence: fc.boolean(),
    undefine: fc.boolean(),
  }),
  { maxLength: 60 },
);

/** The same, byte by byte and obvious. */
class Model {
  private readonly bytes = Array.from({ length: BYTES }, () => ({
    defined: false,
    writer: undefined as [number, number] | undefined,
    readers: new Map<number, number>(),
  }));

  access(write: boolean, from: number, to: number, agent: number, time: number, order: HappensBefore): Set<string> {
    const found = new Set<string>();
    for (const byte of this.bytes.slice(from, to)) {
      const { writer } = byte;
      if (writer !== undefined && writer[0] !== agent && !order.ordered(writer[0], writer[1])) found.add('race');
      if (write) {
        for (const [other, at] of byte.readers) if (other !== agent && !order.ordered(other, at)) found.add('race');
        if (byte.defined && writer !== undefined && writer[0] !== AGENT.load && byte.readers.size === 0) found.add('lost');
        Object.assign(byte, { defined: true, writer: [agent, time], readers: new Map() });
      } else {
        if (!byte.defined) found.add('uninitialized');
        byte.readers.set(agent, time);
      }
    }
    return found;
  }

  undefine(from: number, to: number): void {
    for (const byte of this.bytes.slice(from, to)) byte.defined = false;
  }
}

describe('what is known of bytes', () => {
  it('of the global buffer: as if every byte were kept apart', () => {
    fc.assert(
      fc.property(accesses, (list) => {
        const order = new HappensBefore();
        let found = new Set<string>();
        const shadow = new ShadowBuffer(BYTES, order, ({ problem }: ShadowFinding) => found.add(problem));
        const model = new Model();
        list.forEach(({ range: [from, to], write, agent, fence, undefine }, pc) => {
          if (fence) order.fence();
          if (undefine) {
            shadow.undefine(from, to);
            model.undefine(from, to);
          }
          found = new Set();
          order.begin(agent, []);
          const time = order.tick(agent);
          if (write) shadow.write(from, to, agent, time, pc);
          else shadow.read(from, to, agent, time, pc);
          expect(found).toEqual(model.access(write, from, to, agent, time, order));
          order.end(agent, []);
        });
      }),
    );
  });

  it('of a tensor in DRAM: as if every byte were kept apart', () => {
    fc.assert(
      fc.property(accesses, (list) => {
        const order = new HappensBefore();
        let found = new Set<string>();
        const shadow = new ShadowTensor(BYTES, false, 1);
        const by: Accessor = { core: 0, order, report: ({ problem }) => found.add(problem) };
        const model = new Model();
        list.forEach(({ range: [from, to], write, fence }, pc) => {
          if (fence) order.fence();
          found = new Set();
          const agent = write ? AGENT.store : AGENT.load;
          order.begin(agent, []);
          const time = order.tick(agent);
          if (write) shadow.store(by, from, to, time, pc);
          else shadow.load(by, from, to, time, pc);
          expect(found).toEqual(model.access(write, from, to, agent, time, order));
          order.end(agent, []);
        });
      }),
    );
  });

  it('of transfers: the first byte that a layer leaves out', () => {
    fc.assert(
      fc.property(fc.array(range, { minLength: 1 }), (list) => {
        const coverage = new Coverage(1);
        const seen = new Set<number>();
        for (const [from, to] of list) {
          coverage.add(0, 0, false, from, to);
          for (let i = from; i < to; i++) seen.add(i);
        }
        const gap = Array.from({ length: BYTES }, (_, i) => i).find((i) => !seen.has(i));
        expect(coverage.gaps(() => BYTES)).toEqual(gap === undefined ? [] : [{ row: 0, tensor: 0, gap }]);
      }),
    );
  });
});

const small = (min: number, max: number) => fc.integer({ min, max });
const configurations = fc
  .record({
    AT: small(0, 1),
    P: small(1, 4),
    Q: small(1, 5),
    R: small(1, 3),
    S: small(1, 3),
    H: small(1, 5),
    W: small(1, 6),
    SH: small(1, 3),
    SW: small(1, 3),
    DH: small(1, 2),
    DW: small(1, 2),
    PT: small(0, 2),
    PL: small(0, 2),
    UH: small(1, 2),
    UW: small(1, 2),
    inner: small(1, 5),
    stride: fc.constantFrom(-1, 1, 3),
    columnStride: small(1, 20),
  })
  .map(({ inner, stride, columnStride, ...slots }): MatrixConfiguration => {
    const zeros = Object.fromEntries(MATRIX_SLOTS.map((slot) => [slot, 0])) as unknown as MatrixConfiguration;
    const strides = { BKI: inner, BSKO: 50, BSKI: stride, BSN: columnStride, CMI: inner, CSMO: 50, CSMI: stride, CSN: columnStride };
    return { ...zeros, ...slots, ASN: 200, ASC: slots.H * slots.W, ...strides };
  });
const blocks = fc.record({ row: small(0, 7), rows: small(1, 9), column: small(0, 7), columns: small(1, 9) });

/** Offsets that runs cover. */
function covered(extents: (visit: (from: number, to: number) => void) => void): Set<number> {
  const set = new Set<number>();
  extents((from, to) => {
    expect(to).toBeGreaterThan(from);
    for (let i = from; i < to; i++) set.add(i);
  });
  return set;
}

describe('the bytes of a matrix operand', () => {
  it('moving: those of the definition of the patch matrix, no more and no less', () => {
    fc.assert(
      fc.property(configurations, blocks, (c, block) => {
        const expected = new Set<number>();
        for (let i = block.row; i < block.row + block.rows; i++) {
          for (let j = block.column; j < block.column + block.columns; j++) {
            const [pixel, tap] = c.AT === 0 ? [i, j] : [j, i];
            const [n, p, q] = [Math.floor(pixel / (c.P * c.Q)), Math.floor(pixel / c.Q) % c.P, pixel % c.Q];
            const [channel, r, s] = [Math.floor(tap / (c.R * c.S)), Math.floor(tap / c.S) % c.R, tap % c.S];
            const [y, x] = [p * c.SH + r * c.DH - c.PT, q * c.SW + s * c.DW - c.PL];
            if (y < 0 || x < 0 || y % c.UH !== 0 || x % c.UW !== 0 || y / c.UH >= c.H || x / c.UW >= c.W) continue;
            const at = 1000 + 2 * (n * c.ASN + channel * c.ASC + (y / c.UH) * c.W + x / c.UW);
            expected.add(at).add(at + 1);
          }
        }
        expect(covered((visit) => movingExtents(c, 1000, block, visit))).toEqual(expected);
      }),
    );
  });

  it('stationary and result: those of their strides', () => {
    const offsets = (
      block: { row: number; rows: number; column: number; columns: number },
      size: number,
      [inner, outer, step, column]: readonly [number, number, number, number],
    ) => {
      const set = new Set<number>();
      for (let i = block.row; i < block.row + block.rows; i++)
        for (let j = block.column; j < block.column + block.columns; j++)
          for (let b = 0; b < size; b++) set.add(1000 + size * (Math.floor(i / inner) * outer + (i % inner) * step + j * column) + b);
      return set;
    };
    fc.assert(
      fc.property(configurations, blocks, (c, block) => {
        expect(covered((visit) => stationaryExtents(c, 1000, block, visit))).toEqual(offsets(block, 2, [c.BKI, c.BSKO, c.BSKI, c.BSN]));
        expect(covered((visit) => resultExtents(c, 1000, 4, block, visit))).toEqual(offsets(block, 4, [c.CMI, c.CSMO, c.CSMI, c.CSN]));
      }),
    );
  });
});
