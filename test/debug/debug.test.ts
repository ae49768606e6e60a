import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Instruction } from '../../backends/wavecore/isa/table.ts';
import type { DebugRange } from '../../backends/wavecore/program.ts';
import { evaluate } from '../../ir/interpret.ts';
import { resolveSettings } from '../../src/api.ts';
import { firstDifference } from '../../src/debug/first-difference.ts';
import { drawnInputs } from '../../src/debug/inputs.ts';
import { type DebugProgram, debugProgram } from '../../src/debug/program.ts';
import { writeNpy } from '../../src/tensor-file/npy.ts';
import { groups, KEEP, machineWith } from '../chain/execute.ts';
import { NetworkBuilder, residualNetwork } from '../chain/network.ts';
import { invoke } from '../cli/invoke.ts';

function compiled(norm = groups(4), schedule: 'mbs2' | 'il' = 'mbs2', gathers = false): DebugProgram {
  const settings = resolveSettings({ batch: 3, norm, schedule, machine: machineWith(48), optimizer: 'adam', dynamicLossScale: true });
  return debugProgram(residualNetwork(3, 8, 8), { ...settings, gathers });
}

/** The program with the instructions that compute in a layer left out; they still wait and signal. */
function withoutLayer(debug: DebugProgram, { from, to }: DebugRange): DebugProgram {
  const silent = (instruction: Instruction): Instruction => {
    const { op } = instruction;
    if (op === 'm.st' || op === 'm.st_sums') return { ...instruction, op: 'm.sync', operands: {} };
    const computes = op.startsWith('v.') && !['v.cfg', 'v.cfg4', 'v.ld_cfg', 'v.sync', 'v.fill'].includes(op);
    return computes ? { ...instruction, op: 'v.sync', operands: {} } : instruction;
  };
  const code = debug.program.code.map((instruction, i) => (i >= from && i < to ? silent(instruction) : instruction));
  return { ...debug, program: { ...debug.program, code } };
}

describe('the first difference', () => {
  it.each([
    ['group normalization', groups(4), 'mbs2', false],
    ['batch normalization', KEEP, 'il', false],
    ['gathered statistics', groups(4), 'mbs2', true],
  ] as const)('is none in a sound program with %s', (_name, norm, schedule, gathers) => {
    const debug = compiled(norm, schedule, gathers);
    expect(debug.graph.layers.some(({ kind }) => kind === 'conv_stats')).toBe(gathers);
    expect(firstDifference(debug, drawnInputs(debug.graph, 1))).toEqual({ layers: debug.graph.layers.length, stored: 0 });
  });

  it.each([false, true])('names the layer that does not compute, whichever it is; statistics gathered: %s', (gathers) => {
    const debug = compiled(groups(4), 'mbs2', gathers);
    const inputs = drawnInputs(debug.graph, 1);
    const ranges = new Map(debug.program.debug.map((range) => [range.layer, range]));
    // A check of gradients that are all finite changes nothing.
    const layers = [...ranges.values()].filter((range) => range.kind !== 'overflow_check');
    expect(layers.length).toBeGreaterThan(50);
    for (const range of layers.filter((_, i) => i % 3 === 0)) {
      const { difference } = firstDifference(withoutLayer(debug, range), inputs);
      expect(difference).toMatchObject({
        layer: range.layer,
        kind: range.kind,
        phase: range.phase,
        node: range.origin,
        against: 'reference',
      });
    }
  });

  it('is found against stored tensors too, with its element', () => {
    const debug = compiled();
    const inputs = drawnInputs(debug.graph, 1);
    const sum = debug.graph.layers.find((l) => l.kind === 'add')?.outputs[0] ?? expect.unreachable();
    const stored = evaluate(debug.graph, inputs, { round: 'f16' }).get(sum)?.slice() ?? expect.unreachable();
    const loose = { relative: 0.02, absolute: 0.02 };
    expect(firstDifference(debug, inputs, { stored: new Map([[sum, stored]]), tolerance: loose })).toMatchObject({ stored: 1 });
    stored[8 * 16 + 7] = 1000;
    expect(firstDifference(debug, inputs, { stored: new Map([[sum, stored]]), tolerance: loose }).difference).toMatchObject({
      tensor: sum,
      against: 'stored',
      element: [1, 0, 1, 3],
      expected: 1000,
      count: 1,
    });
  });
});

describe('wavec debug', () => {
  let folder = '';
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'wavec-'));
    const b = new NetworkBuilder([2, 1, 6, 6]);
    writeFileSync(join(folder, 'm.onnx'), b.model(b.full(b.flatten(b.relu(b.conv(b.input, 3, { kernel: 3 }))), 4)));
    writeFileSync(join(folder, 'y.npy'), writeNpy({ type: 'f4', shape: [2, 4], values: new Float64Array(8).fill(9) }));
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it('says that no element differs', async () => {
    const { exit, out, err } = await invoke(['debug', 'm.onnx', '--batch', '2', '--schedule', 'baseline'], folder);
    expect({ exit, err, last: out.at(-1) }).toEqual({ exit: 0, err: [], last: 'result    no element differs' });
  });

  it('names layer, ONNX node, tensor and element of what differs, and fails', async () => {
    const args = ['debug', 'm.onnx', '--batch', '2', '--mode', 'inference', '--stored', 'full3=y.npy'];
    const { exit, err } = await invoke(args, folder);
    expect({ exit, err: err.join('\n') }).toEqual({
      exit: 1,
      err: expect.stringMatching(
        /m\.onnx, node 'full3', layer 'full3', tensor 'full3': element \[0, 0\] is .*, and the stored tensor gives 9\.00000; 8 of 8 elements differ \[DIFFERS\]/,
      ),
    });
    const json = await invoke([...args, '--json'], folder);
    expect(JSON.parse(json.out.join('\n'))).toMatchObject({ difference: { layer: 'full3', element: [0, 0], expected: 9 }, stored: 1 });
  });

  it.each([
    [['--stored', 'nothing=y.npy'], 'UNKNOWN_TENSOR'],
    [['--input', 'x=y.npy'], 'BAD_TENSOR'],
  ])('refuses %j', async (args, code) => {
    const { exit, err } = await invoke(['debug', 'm.onnx', '--batch', '2', ...args], folder);
    expect({ exit, err: err.join('\n') }).toEqual({ exit: 1, err: expect.stringContaining(`[${code}]`) });
  });
});
