import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { constant } from '../../../backends/wavecore/lowering/emitter.ts';
import { passesOf } from '../../../backends/wavecore/lowering/tasks.ts';
import type { Group } from '../../../passes/mbs/schedule.ts';

function groupOf(batch: number, subBatch: number, overlap: Pick<Group, 'alternating' | 'stages'> = {}): Group {
  return { phase: 'backward', subBatch, iterations: Math.ceil(batch / subBatch), steps: [], residents: [], ...overlap };
}

const passes = (batch: number, group: Group) =>
  passesOf(batch, group, constant(0)).map(({ samples, numbers, times }) => [samples, numbers, times]);

describe('the passes over a group', () => {
  it('begin with the iteration that is not full', () => {
    expect(passes(11, groupOf(11, 4))).toEqual([
      [3, [0], 1],
      [4, [1], 2],
    ]);
  });

  it('run iterations two by two where they alternate, and a last one by itself', () => {
    expect(passes(23, groupOf(23, 4, { alternating: 1024 }))).toEqual([
      [3, [0], 1],
      [4, [1, 2], 2],
      [4, [5], 1],
    ]);
  });

  it('fill the stages one after the other where iterations overlap, and empty them', () => {
    const group = groupOf(12, 2, { stages: [3, 7] });
    expect(passes(12, group)).toEqual([
      [2, [0, 1, 0], 1],
      [2, [2, 1, 0], 4],
      [2, [5, 4, 5], 1],
    ]);
    const [filling, , emptying] = passesOf(12, group, constant(0)).map(({ lanes }) => lanes?.map(({ round, stage }) => [round, stage]));
    expect(filling).toEqual([
      [0, 0],
      [1, 0],
      [1, 1],
    ]);
    expect(emptying).toEqual([
      [0, 1],
      [0, 2],
      [1, 2],
    ]);
  });

  it('run every iteration once in every stage, on all samples of the mini-batch', () => {
    const sizes = fc.integer({ min: 1, max: 40 });
    const overlaps = fc.constantFrom({}, { alternating: 1024 }, { stages: [1] }, { stages: [1, 2] });
    fc.assert(
      fc.property(sizes, sizes, overlaps, (many, size, overlap: Pick<Group, 'alternating' | 'stages'>) => {
        const stages = 1 + (overlap.stages?.length ?? 0);
        const subBatch = Math.min(many, size);
        const batch = overlap.stages === undefined ? many : subBatch * (stages + many);
        const group = groupOf(batch, subBatch, overlap);
        const runs = passesOf(batch, group, constant(0)).flatMap(({ samples, numbers, times, stride, lanes }) =>
          numbers.flatMap((number, turn) =>
            Array.from({ length: times }, (_, i) => ({ samples, number: number + i * stride, stage: lanes?.[turn]?.stage ?? 0 })),
          ),
        );
        for (let stage = 0; stage < stages; stage++) {
          const own = runs.filter((run) => run.stage === stage).sort((a, b) => a.number - b.number);
          expect(own.map(({ number }) => number)).toEqual(Array.from({ length: group.iterations }, (_, i) => i));
          expect(own.reduce((sum, { samples }) => sum + samples, 0)).toBe(batch);
        }
      }),
    );
  });
});
