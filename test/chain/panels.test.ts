import { describe, expect, it } from 'vitest';
import { generate } from '../../backends/wavecore/generate.ts';
import { Lexer } from '../../ir/lexer.ts';
import { allocate } from '../../passes/mbs/allocate.ts';
import type { LayerView } from '../../passes/mbs/network.ts';
import { parseSchedule } from '../../passes/mbs/parse.ts';
import { addressed } from '../../passes/mbs/place.ts';
import { heldIn, intervalsOf } from '../../passes/mbs/placed.ts';
import { printSchedule } from '../../passes/mbs/print.ts';
import type { Group, Panel, Schedule, Step } from '../../passes/mbs/schedule.ts';
import { blocksOf, panelsOf } from '../../passes/mbs/tiling.ts';
import type { Tiling } from '../../passes/mbs/transfers.ts';
import { validateSchedule } from '../../passes/mbs/validate/index.ts';
import { importModel } from '../../src/onnx/index.ts';
import {
  type Choices,
  type Compiled,
  compileGraph,
  farFrom,
  groups,
  inputsOf,
  machineWith,
  optionsOf,
  runFunctional,
  tensorsIn,
  verify,
} from './execute.ts';
import { NetworkBuilder } from './network.ts';

const BATCH = 5;
/** Euclidean distance, relative: what another order of adding in f32 does to sums over samples. */
const REORDERED = 1e-5;

/** Products of several blocks of columns, one of them not full, and with several rows of panels. */
function wideNetwork(): Uint8Array {
  const b = new NetworkBuilder([BATCH, 8, 8, 8], 3);
  const wide = b.relu(b.norm(b.conv(b.input, 320, { kernel: 3, pad: 1 }, { bias: true })));
  const middle = b.relu(b.norm(b.conv(wide, 256, { kernel: 3, pad: 1, stride: 2 })));
  const narrow = b.relu(b.conv(middle, 136, { kernel: 1 }));
  return b.model(b.full(b.flatten(narrow), 150));
}

const graph = importModel(wideNetwork(), { file: 'wide', mode: 'training' });

type Choose = (view: LayerView, step: Step, group: Group) => Tiling | undefined;

/** A compiled schedule with some steps in other tilings, placed anew. */
function edited(c: Compiled, choices: Choices, choose: Choose): Compiled & { readonly changed: number } {
  const { network, schedule } = c.scheduled;
  const { resources } = optionsOf(choices);
  const views = new Map(network.layers.map((view) => [view.layer.name, view]));
  let changed = 0;
  const groupsOf = schedule.groups.map((group): Group => {
    const steps = group.steps.map((step): Step => {
      const view = views.get(step.layer) ?? expect.unreachable();
      const tiling = choose(view, step, group);
      if (tiling === undefined) return step;
      changed++;
      return { ...step, ...tiling, blocks: blocksOf(view, step.inputs, step.outputs, group.subBatch, tiling) };
    });
    const kept = { intervals: intervalsOf(group), held: heldIn(group) };
    const placed = addressed({ ...group, steps }, kept, (blocks, period) => allocate(blocks, resources.globalBytes, { period }));
    return 'blocked' in placed ? expect.unreachable() : placed;
  });
  const other: Schedule = { ...schedule, groups: groupsOf };
  expect(validateSchedule(network, other, resources)).toEqual([]);
  expect(parseSchedule(new Lexer(printSchedule(other), 'schedule')).schedule).toEqual(other);
  const program = generate(
    { network, schedule: other },
    { model: 'wide', mode: 'training', machine: choices.machine ?? expect.unreachable() },
  );
  return { ...c, scheduled: { network, schedule: other }, program, changed };
}

function check(given: Compiled, other: Compiled): void {
  const inputs = inputsOf(given.graph);
  const result = runFunctional(other, inputs, true);
  expect(result.check?.findings).toEqual([]);
  expect(verify(other.program, result)).toEqual({ ok: true, problems: [] });
  expect(farFrom(tensorsIn(given, runFunctional(given, inputs)), tensorsIn(other, result), REORDERED)).toEqual([]);
}

const choicesOf = (schedule: Choices['schedule'], kib: number): Choices => ({
  schedule,
  norm: groups(8),
  optimizer: 'momentum',
  lossScale: 64,
  machine: machineWith(kib),
});

describe('weight gradients of which one operand comes slice by slice', () => {
  const isSliceable = ({ matrix }: LayerView, step: Step, panel: Panel): boolean =>
    matrix?.form === 'weightGradient' &&
    panel.m < matrix.m !== panel.n < matrix.columns &&
    step.inputs[panel.m < matrix.m ? matrix.moving : matrix.stationary]?.mode === 'stream';

  it.each([
    ['baseline', 8192, 0, 1],
    ['baseline', 8192, 1, 2],
    ['baseline', 8192, 2, BATCH],
    ['mbs-fs', 4096, 0, 2],
    ['mbs1', 2560, 1, 1],
    ['mbs2', 1536, 2, 2],
  ] as const)('compute the same: %s, %i KiB, shape %i, chunks of %i', (schedule, kib, shape, chunk) => {
    const choices = choicesOf(schedule, kib);
    const c = compileGraph(graph, choices);
    const { resources } = optionsOf(choices);
    const other = edited(c, choices, (view, step, group) => {
      const shapes = [...panelsOf(view, [...step.inputs, ...step.outputs], true, group.subBatch, resources)].filter(({ panel }) =>
        isSliceable(view, step, panel),
      );
      const panel = shapes[shape % Math.max(1, shapes.length)]?.panel;
      return panel && { chunk: Math.min(chunk, group.subBatch), panel: { ...panel, sliced: true } };
    });
    expect(other.changed).toBeGreaterThan(0);
    check(c, other);
  });
});

describe('weights that stay on chip panel by panel', () => {
  it.each([1, 2, 3])('compute the same, chunks of %i', (chunk) => {
    const choices = choicesOf('mbs2', 8192);
    const c = compileGraph(graph, choices);
    const other = edited(c, choices, ({ matrix }, step, group) => {
      const { panel } = step;
      if (matrix === undefined || panel === undefined || matrix.form === 'weightGradient' || panel.n <= 128) return undefined;
      if (panel.n < matrix.columns || panel.k < matrix.k || step.inputs[matrix.stationary]?.mode !== 'panel') return undefined;
      if (step.inputs[matrix.moving]?.mode !== 'resident' || step.outputs[0]?.mode !== 'resident') return undefined;
      return { chunk: Math.min(chunk, group.subBatch), panel: { ...panel, n: 128, kept: true } };
    });
    expect(other.changed).toBeGreaterThan(0);
    check(c, other);
  });
});
