import type { RunMode, RunResult } from '../../backends/wavecore/interpreter/result.ts';
import type { Verification } from '../../backends/wavecore/interpreter/verify.ts';
import type { Program } from '../../backends/wavecore/program.ts';

type Counted = Pick<
  RunResult,
  'cores' | 'cycles' | 'seconds' | 'traffic' | 'energy' | 'utilization' | 'macs' | 'instructions' | 'units' | 'check'
>;

/** One run as JSON: bytes, seconds, joules, of all its cores. */
export interface RunSummary extends Counted {
  readonly model: string;
  /** How the program was run. */
  readonly mode: RunMode;
  /** What the program does. */
  readonly step: Program['mode'];
  /** Samples a core. */
  readonly batch: number;
  readonly schedule: string;
  readonly machine: string;
  readonly verify?: Verification;
}

export function runSummary(program: Program, result: RunResult, verification?: Verification): RunSummary {
  const { model, batch, schedule, machine } = program;
  const { mode, cores, cycles, seconds, traffic, energy, utilization, macs, instructions, units, check } = result;
  return {
    model,
    mode,
    step: program.mode,
    cores,
    batch,
    schedule,
    machine: machine.name,
    cycles,
    seconds,
    traffic,
    energy,
    utilization,
    macs,
    instructions,
    units,
    ...(check === undefined ? {} : { check }),
    ...(verification === undefined ? {} : { verify: verification }),
  };
}
