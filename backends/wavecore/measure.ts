import type { Measure } from '../../passes/mbs/opt/timer.ts';
import { generate } from './generate.ts';
import { run } from './interpreter/run.ts';
import type { Machine } from './machine/machine.ts';

/** Measures the cycles that a schedule takes on a machine: its program, executed without data. */
export function measureOf(machine: Machine): Measure {
  return (scheduled) => run(generate(scheduled, { model: '', mode: 'training', machine }), { mode: 'timing' }).cycles;
}
