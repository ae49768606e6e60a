import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { constant } from '../../../backends/wavecore/lowering/emitter.ts';
import { passesOf } from '../../../backends/wavecore/lowering/tasks.ts';
import type { Group } from '../../../passes/mbs/schedule.ts';

function groupOf(batch: number, subBatch: number, alternating: boolean): Group {
  const iterations = Math.ceil(batch / subBatch);
  return { phase: 'backward', subBatch, iterations, steps: [], residents: [], ...(alternating ? { alternating: 1024 } : {}) };
}

describe('the passes over a group', () => {
  it('begin with the iteration that is not full', () => {
    const passes = passesOf(11, groupOf(11, 4, false), constant(0));
    expect(passes.map(({ samples, first, times }) => [samples, first, times])).toEqual([
      [3, 0, 1],
      [4, 1, 2],
    ]);
  });

  it('run iterations two by two where they alternate, and a last one by itself', () => {
    const passes = passesOf(23, groupOf(23, 4, true), constant(0));
    expect(passes.map(({ samples, first, turns, times }) => [samples, first, turns, times])).toEqual([
      [3, 0, 1, 1],
      [4, 1, 2, 2],
      [4, 5, 1, 1],
    ]);
  });

  it('cover the mini-batch, one behind the other', () => {
    const sizes = fc.integer({ min: 1, max: 40 });
    fc.assert(
      fc.property(sizes, sizes, fc.boolean(), (batch, subBatch, alternating) => {
        const group = groupOf(batch, Math.min(batch, subBatch), alternating);
        let [samples, iterations] = [0, 0];
        for (const pass of passesOf(batch, group, constant(0))) {
          expect(pass.first).toBe(iterations);
          iterations += pass.turns * pass.times;
          samples += pass.samples * pass.turns * pass.times;
        }
        expect([samples, iterations]).toEqual([batch, group.iterations]);
      }),
    );
  });
});
