import { describe, expect, it } from 'vitest';
import type { Program } from '../../backends/wavecore/index.ts';
import type { ScheduleName } from '../../passes/mbs/schedule.ts';
import { importModel } from '../../src/onnx/index.ts';
import { compileGraph, groups, machineWith } from './execute.ts';
import { caughtBy, type Mutant, removedFences, removedPairs, removedTokens, shiftedAddresses, weakened } from './mutations.ts';
import { residualNetwork } from './network.ts';

/** MUTANTS=all runs all mutants and prints the shares. */
const all = process.env.MUTANTS === 'all';

/** Every how many mutants one is run. */
function every(count: number): number {
  return all ? 1 : count;
}

function programOf(schedule: ScheduleName, kib: number, gathers: boolean): Program {
  const imported = importModel(residualNetwork(4), { file: 'residual', mode: 'training' });
  return compileGraph(imported, { schedule, norm: groups(8), machine: machineWith(kib), optimizer: 'momentum', gathers }).program;
}

/** The share of the mutants that is caught. */
function shareCaught(name: string, mutants: readonly Mutant[], apart = every(60)): number {
  const chosen = mutants.filter((_, i) => i % apart === 0);
  const missed = chosen.filter((mutant) => caughtBy(mutant) === undefined);
  if (all)
    console.log(
      `${name}: ${chosen.length - missed.length} of ${chosen.length} caught; not caught:`,
      missed.map(({ what }) => what).join('; '),
    );
  expect(chosen.length).toBeGreaterThan(2);
  return 1 - missed.length / chosen.length;
}

// What is not caught changes nothing: the order is also given by a later token of the same in-order unit (a panel before a chunk on the
// DMA), by the unit itself, or there is nothing to order between two layers.
// Tokens order the layers of a group; fences stand between groups, of which serialized programs have few.
it('a fence that is missing is caught', () => {
  const fences = PROGRAMS.flatMap(([schedule, kib, gathers]) => removedFences(programOf(schedule, kib, gathers)));
  expect(shareCaught('fences', fences, 1)).toBeGreaterThan(0.5);
});

const PROGRAMS = [
  ['baseline', 64, false],
  ['mbs2', 64, false],
  ['mbs2', 10240, false],
  ['mbs2', 64, true],
] as const;

describe.each(PROGRAMS)('mutants of a compiled training step, %s, %i KiB, statistics gathered: %s', (schedule, kib, gathers) => {
  const program = programOf(schedule, kib, gathers);

  it('a wait or a signal that is missing is caught', () => {
    expect(shareCaught('waits and signals', removedTokens(program))).toBe(1);
  });

  it('a token that a layer does without on both sides is caught', () => {
    expect(shareCaught('tokens', removedPairs(program))).toBeGreaterThan(0.6);
  });

  it('a signal before the work, or a wait behind it, is caught', () => {
    // Of all of them, 0.70 to 0.75: the others repeat an order.
    expect(shareCaught('weakened', weakened(program), every(20))).toBeGreaterThan(0.6);
  });

  it('an address that is shifted is caught', () => {
    expect(
      shareCaught(
        'addresses',
        [2, 64, -64, 4096].flatMap((bytes) => shiftedAddresses(program, bytes)),
        every(53),
      ),
    ).toBeGreaterThan(0.97);
  });
});
