import { describe, expect, it } from 'vitest';
import { formatDiagnostic } from '../../ir/diagnostics.ts';
import { SCHEDULES } from '../../passes/mbs/schedule.ts';
import { importModel } from '../../src/onnx/index.ts';
import { compileGraph, groups, KEEP, machineWith, run, smallestBuffer } from './execute.ts';
import { MIDDLES, modelOf } from './layers.ts';
import { NETWORKS } from './modules.ts';
import { residualNetwork } from './network.ts';

/** KiB of global buffers, of which the smallest that will do is taken. */
const SIZES = [8, 12, 16, 24, 32, 48, 64];

/** What the sanitizer says of a program, in words. */
function judge(program: Parameters<typeof run>[0]): string[] {
  const { check } = run(program, { mode: 'timing', check: true });
  expect(check?.accesses).toBeGreaterThan(100);
  return (check?.findings ?? []).map(formatDiagnostic);
}

describe('the sanitizer finds nothing in compiled programs', () => {
  const residual = importModel(residualNetwork(8), { file: 'residual', mode: 'training' });
  const cases = SCHEDULES.flatMap((schedule) => [KEEP, groups(8)].flatMap((norm) => [10240, 64].map((kib) => ({ schedule, norm, kib }))));
  it.each(cases)('residual network: $schedule, norm $norm.kind, $kib KiB', ({ schedule, norm, kib }) => {
    expect(judge(compileGraph(residual, { schedule, norm, machine: machineWith(kib), optimizer: 'momentum' }).program)).toEqual([]);
  });

  it.each(['il', 'mbs1', 'mbs2'] as const)('sums of many gradients that stay on chip: %s', (schedule) => {
    const imported = importModel(NETWORKS.dense?.(4) ?? new Uint8Array(), { file: 'dense', mode: 'training' });
    const choices = { schedule, norm: groups(8), optimizer: 'sgd' } as const;
    for (const kib of [10240, 96]) expect(judge(compileGraph(imported, { ...choices, machine: machineWith(kib) }).program)).toEqual([]);
  });

  it.each(Object.entries(MIDDLES))('%s', (_name, middle) => {
    const imported = importModel(modelOf(middle, 3, false), { file: 'net', mode: 'training' });
    for (const schedule of ['baseline', 'mbs2'] as const) {
      const choices = { schedule, norm: groups(8), optimizer: 'sgd' } as const;
      for (const kib of [smallestBuffer(imported, choices, SIZES), 10240]) {
        expect(judge(compileGraph(imported, { ...choices, machine: machineWith(kib) }).program)).toEqual([]);
      }
    }
  });
});
