import { expect } from 'vitest';
import { evaluate } from '../../ir/interpret.ts';
import type { ScheduleName } from '../../passes/mbs/schedule.ts';
import { importModel } from '../../src/onnx/index.ts';
import { survivesAssembly } from '../backends/assembly/round-trip.ts';
import { compileGraph, farFrom, groups, inputsOf, machineWith, runFunctional, smallestBuffer, tensorsIn, verify } from './execute.ts';
import { type Middle, modelOf } from './layers.ts';

/** Euclidean distance, relative, from the reference kernels that round every f16 tensor as the core does. */
const TOLERANCE = 5e-3;

export interface Run {
  readonly schedule: ScheduleName;
  readonly batch: number;
  readonly kib: number;
  readonly mode: 'training' | 'inference';
}

export const RUNS: readonly Run[] = [
  { schedule: 'baseline', batch: 5, kib: 10240, mode: 'training' },
  { schedule: 'baseline', batch: 3, kib: 32, mode: 'training' },
  { schedule: 'mbs1', batch: 7, kib: 40, mode: 'training' },
  { schedule: 'mbs2', batch: 7, kib: 48, mode: 'training' },
  { schedule: 'mbs2', batch: 5, kib: 32, mode: 'inference' },
];

/** Compiles and executes a network around `middle`; every tensor must be what the reference kernels compute. */
export function expectAgreement(middle: Middle, { schedule, batch, kib, mode }: Run): void {
  const imported = importModel(modelOf(middle, batch, mode === 'inference'), { file: 'model', mode });
  const choices = { schedule, mode, norm: groups(4), lossScale: 64, optimizer: 'sgd' } as const;
  const c = compileGraph(imported, { ...choices, machine: machineWith(smallestBuffer(imported, choices, [kib, 64, 96])) });
  expect(survivesAssembly(c.program)).toBe(true);
  const inputs = inputsOf(c.graph);
  const result = runFunctional(c, inputs);
  expect(verify(c.program, result).problems).toEqual([]);
  const values = tensorsIn(c, result);
  expect(values.size).toBeGreaterThan(0);
  expect(farFrom(evaluate(c.graph, inputs, { round: 'f16' }), values, TOLERANCE)).toEqual([]);
}
