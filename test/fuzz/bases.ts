import { encodeProgram } from '../../backends/wavecore/index.ts';
import type { Machine } from '../../backends/wavecore/machine/machine.ts';
import type { ScheduleName } from '../../passes/mbs/schedule.ts';
import { importModel } from '../../src/onnx/index.ts';
import { type Choices, compileGraph, groups, KEEP, machineWith } from '../chain/execute.ts';
import { NetworkBuilder, type Value } from '../chain/network.ts';

/** A core that takes few operations for a wave, so that many programs run in a second. */
function smallMachine(): Machine {
  return {
    ...machineWith(16),
    array: { rows: 8, columns: 8, waveRows: 16 },
    buffers: { globalBytes: 16384, aBytes: 256, bBytes: 128, accBytes: 512 },
  };
}

/** Convolution, normalization, pooling, a sum, dropout and a fully connected layer. */
function residual(): Uint8Array {
  const b = new NetworkBuilder([3, 2, 6, 6], 3);
  const first = b.maxPool(b.relu(b.norm(b.conv(b.input, 4, { kernel: 3, pad: 1 }))), { kernel: 2, stride: 2 });
  const second = b.relu(b.sum(first, b.norm(b.conv(first, 4, { kernel: 3, pad: 1 }))));
  return b.model(b.full(b.flatten(b.dropout(second)), 10));
}

/** Rectified normalizations, and two sums in a row that are rectified: so is, in backward, the sum of the gradients that meet between them. */
function rectified(): Uint8Array {
  const b = new NetworkBuilder([2, 2, 3, 3], 6);
  const block = (x: Value): Value => b.relu(b.sum(x, b.conv(b.relu(b.norm(b.conv(x, 4, { kernel: 1 }))), 3, { kernel: 1 })));
  return b.model(b.full(b.flatten(block(block(b.conv(b.input, 3, { kernel: 1 })))), 5));
}

/** LRN, average pooling, concatenation, a product and biases. */
function branches(): Uint8Array {
  const b = new NetworkBuilder([2, 2, 5, 5], 4);
  const x = b.lrn(b.relu(b.conv(b.input, 4, { kernel: 3, pad: 1 }, { bias: true })));
  const joined = b.concat(b.averagePool(x, { kernel: 3, stride: 2, pad: 1 }), b.maxPool(x, { kernel: 3, stride: 2, pad: 1 }));
  const y = b.product(joined, b.relu(b.scaleAndShift(b.conv(joined, 8, { kernel: 1 }))));
  return b.model(b.full(b.flatten(b.globalPool(y)), 10));
}

/** Functions by number, moves by tables, interpolation, reductions, softmax of channels. */
function general(): Uint8Array {
  const b = new NetworkBuilder([2, 2, 4, 4], 5);
  const x = b.apply('PRelu', [b.apply('Mish', [b.conv(b.input, 3, { kernel: 3, pad: 1 })], [3, 4, 4])], [3, 4, 4], {}, [
    { shape: [3, 1, 1] },
  ]);
  const sizes = [
    { shape: [0], values: [] },
    { shape: [4], values: [1, 1, 1.5, 1.5] },
  ];
  const wide = b.apply('Resize', [x], [3, 6, 6], { mode: 'linear' }, sizes);
  const pads = { shape: [8], values: [0, 0, 1, 1, 0, 0, 1, 1], integer: true };
  const padded = b.apply('Pad', [wide], [3, 8, 8], { mode: 'reflect' }, [pads]);
  const top = b.apply('ReduceMax', [padded], [1, 8, 8], {}, [{ shape: [1], values: [1], integer: true }]);
  const y = b.apply('Sub', [b.apply('Softmax', [padded], [3, 8, 8], { axis: 1 }), top], [3, 8, 8]);
  return b.model(b.full(b.flatten(b.globalPool(y)), 10));
}

const RUNS: readonly {
  readonly model: () => Uint8Array;
  readonly schedule: ScheduleName;
  readonly choices: Omit<Choices, 'schedule'>;
}[] = [
  { model: residual, schedule: 'mbs2', choices: { optimizer: 'momentum' } },
  { model: residual, schedule: 'baseline', choices: { mode: 'inference' } },
  { model: branches, schedule: 'baseline', choices: { optimizer: 'sgd' } },
  { model: residual, schedule: 'il', choices: { optimizer: 'adam', dynamicLossScale: true, norm: KEEP } },
  { model: branches, schedule: 'mbs1', choices: { optimizer: 'adamw', loss: 'mse' } },
  { model: general, schedule: 'mbs2', choices: { optimizer: 'sgd' } },
  { model: branches, schedule: 'mbs2', choices: { optimizer: 'momentum', cores: 2 } },
  { model: residual, schedule: 'mbs1', choices: { optimizer: 'sgd', gathers: true } },
  { model: rectified, schedule: 'opt', choices: { optimizer: 'sgd', objective: 'time' } },
];

/** Files of compiled programs, small in data and code, which together use every kind of instruction a compiler emits. */
export function baseFiles(): Uint8Array[] {
  return RUNS.map(({ model, schedule, choices }) => {
    const imported = importModel(model(), { file: 'fuzzed', mode: choices.mode ?? 'training' });
    return encodeProgram(compileGraph(imported, { schedule, norm: groups(2), machine: smallMachine(), ...choices }).program);
  });
}
