import { readFileSync } from 'node:fs';
import onnxProto from 'onnx-proto';
import { describe, expect, it } from 'vitest';
import type { Attrs } from '../../ir/graph.ts';
import { recordOf } from '../../ir/layers/index.ts';
import type { Values } from '../../ir/layers/record.ts';
import { f16, f32 } from '../../ir/layers/types.ts';
import { elementCount, type TensorType } from '../../ir/tensor.ts';
import { readTensorPb } from '../../src/tensor-file/pb.ts';
import type { FileTensor } from '../../src/tensor-file/tensor.ts';
import { readNpz } from '../archive.ts';
import { hasMaterial, material } from '../material.ts';
import { difference } from './values.ts';

const { onnx } = onnxProto;

/** A stored case: the operands of one gradient kernel by position, its attributes, its results. */
interface Stored {
  readonly op: string;
  readonly operands: readonly FileTensor[];
  readonly results: readonly FileTensor[];
  ints(name: string, fallback: readonly number[]): readonly number[];
}

function load(folder: string): Stored {
  const root = material(`gradients/steps/${folder}`);
  const { graph } = onnx.ModelProto.decode(readFileSync(`${root}/network.onnx`));
  const [node] = graph?.node ?? [];
  const arrays = (file: string): Map<string, FileTensor> => readNpz(readFileSync(`${root}/${file}.npz`));
  const inputs = arrays('inputs');
  const weights = new Map(
    (graph?.initializer ?? []).map((t) => [t.name ?? '', readTensorPb(onnx.TensorProto.encode(t).finish(), t.name ?? '')] as const),
  );
  // Some archives name the arrays otherwise than the graph; their order is that of the graph's inputs.
  const given = [...inputs.values()];
  const names = (node?.input ?? []).filter((name) => !weights.has(name));
  const operands = (node?.input ?? []).map(
    (name) => weights.get(name) ?? inputs.get(name) ?? given[names.indexOf(name)] ?? expect.unreachable(),
  );
  return {
    op: node?.opType ?? '',
    operands,
    results: [...arrays('outputs').values()],
    ints: (name, fallback) => {
      const ints = node?.attribute?.find((a) => a.name === name)?.ints?.map(Number);
      return ints === undefined || ints.length === 0 ? fallback : ints;
    },
  };
}

const halves = (tensor: FileTensor | undefined): TensorType => f16(tensor?.shape ?? []);
const valuesOf = (tensor: FileTensor | undefined): Values => tensor?.values ?? new Float64Array();

function kernel(kind: string, operands: readonly (FileTensor | undefined)[], attrs: Attrs, outputs: readonly TensorType[]): Values[] {
  return recordOf(kind).reference(operands.map(valuesOf), operands.map(halves), attrs, outputs);
}

function window(c: Stored): Attrs {
  return { strides: c.ints('strides', [1, 1]), pads: c.ints('pads', [0, 0, 0, 0]) };
}

const weightGradient = (c: Stored, x: FileTensor | undefined, dy: FileTensor | undefined, w: FileTensor | undefined): Values => {
  const shape = w?.shape ?? [];
  const attrs = { ...window(c), groups: (x?.shape[1] ?? 1) / (shape[1] ?? 1), kernel: shape.slice(2) };
  return kernel('conv_grad_weight', [x, dy], attrs, [f32(shape)])[0] ?? new Float64Array();
};

const dataGradient = (c: Stored, w: FileTensor | undefined, dy: FileTensor | undefined, x: FileTensor | undefined): Values => {
  const groups = (x?.shape[1] ?? 1) / (w?.shape[1] ?? 1);
  const attrs = { ...window(c), groups, inputShape: (x?.shape ?? []).slice(1) };
  return kernel('conv_grad_data', [w, dy], attrs, [halves(x)])[0] ?? new Float64Array();
};

/** What our kernels compute of a case, result by result. */
const RULES: Readonly<Record<string, (c: Stored) => Values[]>> = {
  ConvGradW: (c) => [weightGradient(c, c.operands[1], c.operands[0], c.results[0])],
  ConvGradX: (c) => [dataGradient(c, c.operands[1], c.operands[0], c.results[0])],
  ConvGrad: (c) => [
    dataGradient(c, c.operands[2], c.operands[0], c.operands[1]),
    weightGradient(c, c.operands[1], c.operands[0], c.operands[2]),
  ],
  AveragePoolGrad: (c) => {
    const inputShape = (c.results[0]?.shape ?? []).slice(1);
    return kernel(
      'avg_pool_grad',
      [c.operands[0]],
      { ...window(c), kernel: c.ints('kernel_shape', []), inputShape },
      c.results.map(halves),
    );
  },
  GlobalAveragePoolGrad: (c) => {
    const inputShape = (c.results[0]?.shape ?? []).slice(1);
    return kernel('avg_pool_grad', [c.operands[0]], { kernel: inputShape.slice(1), inputShape }, c.results.map(halves));
  },
  MaxPoolGrad: (c) => {
    const [dy, x] = c.operands;
    const attrs = { ...window(c), kernel: c.ints('kernel_shape', []) };
    const [, index = new Float64Array()] = kernel('max_pool', [x], attrs, [halves(dy), halves(dy)]);
    const positions = { type: 'u1' as const, shape: dy?.shape ?? [], values: index };
    return kernel('max_pool_grad', [dy, positions], { ...attrs, inputShape: (x?.shape ?? []).slice(1) }, [halves(x)]);
  },
  ReluGrad: (c) => {
    const [dy, x] = c.operands;
    const [, mask = new Float64Array()] = kernel('relu', [x], {}, [halves(x), halves(x)]);
    return kernel('relu_grad', [dy, { type: 'bool', shape: x?.shape ?? [], values: mask }], {}, [halves(x)]);
  },
  BatchNormalizationGrad: (c) => {
    const [dy, x, gamma, mean, deviation] = c.operands;
    const C = gamma?.shape[0] ?? 1;
    const stats = Float64Array.from({ length: 2 * C }, (_, i) => valuesOf(i % 2 === 0 ? mean : deviation)[i >> 1] ?? Number.NaN);
    const pair = { type: 'f4' as const, shape: [1, C, 2], values: stats };
    const attrs = { groups: C, crossSample: true };
    const [sums = new Float64Array(), dgamma = sums, dbeta = sums] = kernel('norm_grad_reduce', [x, dy, pair, gamma], attrs, []);
    const [dx = sums] = kernel('norm_grad_apply', [x, dy, pair, gamma, { ...pair, values: sums }], attrs, []);
    return [dx, dgamma, dbeta];
  },
  SoftmaxCrossEntropyLoss: (c) => {
    const [loss = new Float64Array()] = kernel('softmax_loss', c.operands, { batch: 1 }, []);
    return [loss, kernel('log_softmax', [c.operands[0]], {}, [])[0] ?? loss];
  },
};

const CASES = [
  ...['AveragePoolGrad', 'GlobalAveragePoolGrad', 'MaxPoolGrad', 'ReluGrad', 'SoftmaxCELoss', 'BatchNormalizationGrad'],
  ...['ConvGrad', 'ConvGrad_Stride2', 'DWConvGrad', 'ConvGradW_DW', 'ConvGradW_R8_L3_conv2', 'ConvGradW_Stem', 'ConvGradX_DW'],
].map((name) => `Kernels/FP32/${name}`);
const MORE = ['ConvGradW', 'ConvGradX', 'DWConvGradW', 'DWConvGradW_Stride2', 'DWConvGradX', 'DWConvGradXSmall', 'DWConvGradX_Stride2'];

describe.skipIf(!hasMaterial)('stored gradient kernels of another tool', () => {
  it.each([...CASES, ...MORE.map((name) => `testFloatConvGrad/testFloat${name}`), 'testFloatAveragePoolGrad', 'testFloatReluGrad'])(
    '%s',
    (folder) => {
      const stored = load(folder);
      const results = RULES[stored.op]?.(stored) ?? [];
      expect(results).toHaveLength(stored.results.length);
      stored.results.forEach(({ shape, values }, i) => {
        expect(results[i]?.length).toBe(elementCount(shape));
        expect(difference(results[i] ?? new Float64Array(), values)).toBeLessThan(1e-5);
      });
    },
  );
});
