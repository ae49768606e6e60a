import { beforeAll, describe, expect, it } from 'vitest';
import { type Program, type RunResult, run, verify } from '../../backends/wavecore/index.ts';
import { TENSOR_KINDS } from '../../ir/tensor.ts';
import { compile } from '../../src/api.ts';
import { comparisonOf, comparisonReport } from '../../src/report/comparison.ts';
import { programSummary } from '../../src/report/program-report.ts';
import { runReport } from '../../src/report/run-report.ts';
import { runSummary } from '../../src/report/run-summary.ts';
import { table } from '../../src/report/table.ts';
import { encodeModel } from '../onnx-model.ts';

/** A convolution, a pool and a classifier. */
const MODEL = encodeModel({
  inputs: [{ name: 'x', shape: ['N', 3, 8, 8] }],
  nodes: [
    { op: 'Conv', name: 'conv', inputs: ['x', 'k'], outputs: ['c'], attributes: { pads: [1, 1, 1, 1] } },
    { op: 'Relu', name: 'relu', inputs: ['c'], outputs: ['r'] },
    { op: 'GlobalAveragePool', name: 'pool', inputs: ['r'], outputs: ['p'] },
    { op: 'Flatten', name: 'flat', inputs: ['p'], outputs: ['f'] },
    { op: 'Gemm', name: 'fc', inputs: ['f', 'w'], outputs: ['y'], attributes: { transB: 1 } },
  ],
  outputs: ['y'],
  constants: [
    { name: 'k', shape: [4, 3, 3, 3], values: Array.from({ length: 108 }, (_, i) => Math.sin(i)) },
    { name: 'w', shape: [5, 4], values: Array.from({ length: 20 }, (_, i) => Math.cos(i)) },
  ],
});

let program: Program;
let result: RunResult;

beforeAll(() => {
  program = compile(MODEL, { file: 'dir/tiny.onnx', batch: 6 });
  result = run(program, { mode: 'timing' });
});

describe('a run', () => {
  it('is summed up with what the program says of itself', () => {
    const summary = runSummary(program, result, verify(program, result));
    expect(summary).toMatchObject({ model: 'tiny', mode: 'timing', step: 'training', batch: 6, schedule: 'mbs2', machine: 'wavecore' });
    expect(summary.verify).toEqual({ ok: true, problems: [] });
    expect(summary.traffic.total).toBe(summary.traffic.read + summary.traffic.write);
  });

  it('names every energy source, and its parts add up to the total', () => {
    const { total, ...parts } = runSummary(program, result).energy;
    expect(Object.values(parts).reduce((a, b) => a + b, 0)).toBeCloseTo(total, 15);
    expect(runReport(runSummary(program, result))).toMatch(
      /DRAM .*\n.*global buffer.*\nlocal buffers.*\nMAC.*\nvector unit.*\nstatic.*\ntotal/,
    );
  });

  it('states what its numbers mean', () => {
    const text = runReport(runSummary(program, result));
    for (const word of ['Traffic:', 'Time:', 'Utilization:', 'Energy:', 'assumed']) expect(text).toContain(word);
  });
});

describe('a comparison', () => {
  it('gives every schedule against baseline', () => {
    const summary = { ...runSummary(program, result), norm: 'keep' };
    const half = { ...summary.traffic, total: summary.traffic.total / 2 };
    const text = comparisonReport(
      comparisonOf([
        { ...summary, schedule: 'baseline' },
        { ...summary, schedule: 'mbs2', norm: 'gn:16', traffic: half },
      ]),
    );
    const [, row = ''] = text.split('\n').filter((line) => /^(baseline|mbs2)/.test(line));
    expect(row).toContain('-50.0 %');
    expect(text).toContain('the schedules differ in it');
  });
});

describe('a program', () => {
  it('is summed up without its data', () => {
    const summary = programSummary(program);
    expect(JSON.stringify(summary)).not.toContain('initial');
    expect(summary.symbols.filter((s) => s.role === 'input').map((s) => s.name)).toEqual(['x', 'label']);
    const kinds = Object.keys(summary.predicted.byKind);
    expect(kinds.every((kind) => TENSOR_KINDS.some((k) => k === kind))).toBe(true);
  });
});

describe('a table', () => {
  it('aligns its columns and leaves no blanks at the end of a line', () => {
    expect(
      table(
        [{ head: 'a', align: 'left' }, { head: 'n' }],
        [
          ['long name', '1'],
          ['b', '22'],
        ],
      ),
    ).toBe('a           n\nlong name   1\nb          22');
  });
});
