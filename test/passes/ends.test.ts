import fc from 'fast-check';
import { expect, it } from 'vitest';
import { generate } from '../../backends/wavecore/generate.ts';
import { atEnds } from '../../passes/mbs/ends.ts';
import { align, type Block, type Group } from '../../passes/mbs/schedule.ts';
import { importModel } from '../../src/onnx/index.ts';
import { compileGraph, groups, machineWith, optionsOf, run, verify } from '../chain/execute.ts';
import { residualNetwork } from '../chain/network.ts';

const CHOICES = { schedule: 'baseline', norm: groups(4), optimizer: 'momentum', machine: machineWith(256) } as const;
const compiled = compileGraph(importModel(residualNetwork(4, 12, 12), { file: 'residual', mode: 'training' }), CHOICES);
const { network, schedule } = compiled.scheduled;
const { globalBytes } = optionsOf(CHOICES).resources;

/** The layers of one phase, each of which works on its own, as one group. */
const sharing = (phase: Group['phase']): Group => {
  const own = schedule.groups.filter((group) => group.phase === phase);
  const [first = expect.unreachable()] = own;
  return { ...first, steps: own.flatMap(({ steps }) => steps) };
};

const bytesOf = ({ bytes, halves }: Block): number => align(bytes * halves);
const meet = (a: Block, b: Block): boolean => a.address < b.address + bytesOf(b) && b.address < a.address + bytesOf(a);

it('gives neighbours places of their own where both have room, and each its own blocks', () => {
  fc.assert(
    fc.property(fc.constantFrom('forward', 'backward', 'update'), fc.integer({ min: 1, max: 4 }), (phase, times) => {
      const group = sharing(phase);
      const largest = Math.max(...group.steps.map(({ blocks }) => blocks.reduce((sum, block) => sum + bytesOf(block), 0)));
      const { steps } = atEnds(network, group, largest * times) ?? expect.unreachable();
      steps.forEach(({ blocks }, i) => {
        const before = steps[i - 1]?.blocks ?? [];
        for (const [k, block] of blocks.entries()) {
          expect(block.address).toBeGreaterThanOrEqual(0);
          expect(block.address + bytesOf(block)).toBeLessThanOrEqual(largest * times);
          expect(blocks.slice(0, k).some((other) => meet(block, other))).toBe(false);
          if (times > 1) expect(before.some((other) => meet(block, other))).toBe(false);
        }
      });
    }),
  );
});

it('leaves alone layers that share something, or one alone', () => {
  const [alone = expect.unreachable()] = schedule.groups;
  expect(atEnds(network, alone, globalBytes)).toBeUndefined();
  const resident = { tensor: 't', address: 0, bytes: 64, from: 0, to: 1 };
  expect(atEnds(network, { ...sharing('update'), residents: [resident] }, globalBytes)).toBeUndefined();
});

it('makes a sound program', () => {
  const update = atEnds(network, sharing('update'), globalBytes) ?? expect.unreachable();
  const before = schedule.groups.filter(({ phase }) => phase !== 'update');
  const program = generate(
    { network, schedule: { ...schedule, groups: [...before, update] } },
    { model: 'residual', mode: 'training', machine: CHOICES.machine },
  );
  const result = run(program, { mode: 'timing', check: true });
  expect([result.check?.findings, verify(program, result).problems]).toEqual([[], []]);
});
