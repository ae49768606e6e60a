import { roundToHalf } from '../../ir/half.ts';
import { elementCount } from '../../ir/tensor.ts';
import { generator } from '../ir/values.ts';
import { encodeModel, type OnnxAttribute, type OnnxConstant, type OnnxNode } from '../onnx-model.ts';

/** An activation of a network under construction. */
export interface Value {
  readonly name: string;
  readonly shape: readonly number[];
}

/** Window of a convolution or pooling, the same in both directions. */
interface Window {
  readonly kernel: number;
  readonly stride?: number;
  readonly pad?: number;
  readonly dilation?: number;
}

type Pair = readonly [number, number];

/** Window of a convolution: rows and columns. */
export interface Rectangle {
  readonly kernel: Pair;
  readonly strides: Pair;
  readonly dilations: Pair;
  readonly pads: readonly [number, number, number, number];
}

/** Builds ONNX networks with seeded weights: He-uniform, rounded to halves, so that weights in f16 and f32 are the same numbers. */
export class NetworkBuilder {
  readonly input: Value;
  private readonly batch: number;
  private readonly nodes: OnnxNode[] = [];
  private readonly constants: OnnxConstant[] = [];
  private readonly random: () => number;
  private opset = 17;

  constructor(shape: readonly number[], seed = 1) {
    this.input = { name: 'x', shape };
    this.batch = shape[0] ?? 1;
    this.random = generator(seed);
  }

  conv(x: Value, channels: number, window: Window, more: { readonly groups?: number; readonly bias?: boolean } = {}): Value {
    const { kernel, stride = 1, pad = 0, dilation = 1 } = window;
    const { groups = 1, bias = false } = more;
    const [, C = 1] = x.shape;
    const name = this.next('conv');
    const weight = this.weight(`${name}.w`, [channels, C / groups, kernel, kernel]);
    const extra = bias ? [this.uniform(`${name}.b`, [channels], -0.5, 0.5)] : [];
    const attributes = {
      kernel_shape: [kernel, kernel],
      strides: [stride, stride],
      pads: [pad, pad, pad, pad],
      dilations: [dilation, dilation],
      group: groups,
    };
    return this.node('Conv', [x.name, weight, ...extra], attributes, name, [channels, ...imageOf(x, window)]);
  }

  /** A convolution whose window is not the same in both directions: [rows, columns], padding [top, left, bottom, right]. */
  convolve(x: Value, channels: number, window: Rectangle, { groups = 1, bias = false } = {}): Value {
    const [, C = 1, H = 1, W = 1] = x.shape;
    const { kernel, strides, dilations, pads } = window;
    const name = this.next('conv');
    const weight = this.weight(`${name}.w`, [channels, C / groups, ...kernel]);
    const length = (size: number, i: 0 | 1): number =>
      Math.floor((size + pads[i] + pads[(i + 2) as 2 | 3] - dilations[i] * (kernel[i] - 1) - 1) / strides[i]) + 1;
    const attributes = { kernel_shape: [...kernel], strides: [...strides], pads: [...pads], dilations: [...dilations], group: groups };
    const extra = bias ? [this.uniform(`${name}.b`, [channels], -0.5, 0.5)] : [];
    return this.node('Conv', [x.name, weight, ...extra], attributes, name, [channels, length(H, 0), length(W, 1)]);
  }

  norm(x: Value): Value {
    const name = this.next('norm');
    const C = [x.shape[1] ?? 1];
    const parameters = [
      this.uniform(`${name}.gamma`, C, 0.5, 1.5),
      this.uniform(`${name}.beta`, C, -0.5, 0.5),
      this.uniform(`${name}.mean`, C, -0.5, 0.5),
      this.uniform(`${name}.variance`, C, 0.5, 1.5),
    ];
    return this.node('BatchNormalization', [x.name, ...parameters], { epsilon: { float: 1e-3 } }, name, x.shape.slice(1));
  }

  relu(x: Value): Value {
    return this.node('Relu', [x.name], {}, this.next('relu'), x.shape.slice(1));
  }

  sum(...xs: readonly Value[]): Value {
    const op = xs.length === 2 ? 'Add' : 'Sum';
    return this.node(
      op,
      xs.map((x) => x.name),
      {},
      this.next('sum'),
      xs[0]?.shape.slice(1) ?? [],
    );
  }

  product(a: Value, b: Value): Value {
    return this.node('Mul', [a.name, b.name], {}, this.next('product'), a.shape.slice(1));
  }

  /** Normalization as some exporters write it: times one constant a channel, plus another. */
  scaleAndShift(x: Value): Value {
    const [, C = 1] = x.shape;
    const shape = x.shape.slice(1);
    const scaled = this.next('scaled');
    const shifted = this.next('shifted');
    const y = this.node('Mul', [x.name, this.uniform(`${scaled}.scale`, [1, C, 1, 1], 0.5, 1.5)], {}, scaled, shape);
    return this.node('Add', [y.name, this.uniform(`${shifted}.shift`, [1, C, 1, 1], -0.5, 0.5)], {}, shifted, shape);
  }

  concat(...xs: readonly Value[]): Value {
    const channels = xs.reduce((total, x) => total + (x.shape[1] ?? 0), 0);
    return this.node(
      'Concat',
      xs.map((x) => x.name),
      { axis: 1 },
      this.next('concat'),
      [channels, ...(xs[0]?.shape.slice(2) ?? [])],
    );
  }

  maxPool(x: Value, window: Window): Value {
    return this.pool('MaxPool', x, window, {});
  }

  averagePool(x: Value, window: Window): Value {
    return this.pool('AveragePool', x, window, { count_include_pad: 1 });
  }

  globalPool(x: Value): Value {
    return this.node('GlobalAveragePool', [x.name], {}, this.next('mean'), [x.shape[1] ?? 1, 1, 1]);
  }

  lrn(x: Value): Value {
    return this.node('LRN', [x.name], { size: 5, alpha: { float: 0.5 }, bias: { float: 1 } }, this.next('lrn'), x.shape.slice(1));
  }

  dropout(x: Value): Value {
    return this.node('Dropout', [x.name], {}, this.next('dropout'), x.shape.slice(1));
  }

  flatten(x: Value): Value {
    return this.node('Flatten', [x.name], {}, this.next('flat'), [elementCount(x.shape.slice(1))]);
  }

  softmax(x: Value): Value {
    return this.node('Softmax', [x.name], { axis: 1 }, this.next('softmax'), x.shape.slice(1));
  }

  full(x: Value, columns: number): Value {
    const name = this.next('full');
    const weight = this.weight(`${name}.w`, [columns, x.shape[1] ?? 1]);
    return this.node('Gemm', [x.name, weight, this.uniform(`${name}.b`, [columns], -0.5, 0.5)], { transB: 1 }, name, [columns]);
  }

  /** Any operator; `constants` are further inputs, drawn from ±1 where no values are given. `sample` is the shape of a sample of the result. */
  apply(
    op: string,
    xs: readonly Value[],
    sample: readonly number[],
    attributes: Readonly<Record<string, OnnxAttribute>> = {},
    constants: readonly { readonly shape: readonly number[]; readonly values?: readonly number[]; readonly integer?: boolean }[] = [],
  ): Value {
    // Newer than what the other methods need: its operators have the forms of today.
    this.opset = 21;
    const name = this.next(op);
    const extra = constants.map(({ shape, values, integer = false }, i) => {
      if (values === undefined) return this.uniform(`${name}.${i}`, shape, -1, 1);
      this.constants.push({ name: `${name}.${i}`, shape, values, integer });
      return `${name}.${i}`;
    });
    return this.node(op, [...xs.map((x) => x.name), ...extra], attributes, name, sample);
  }

  /** The bytes of the model. */
  model(...outputs: readonly Value[]): Uint8Array {
    return encodeModel({
      inputs: [this.input],
      nodes: this.nodes,
      constants: this.constants,
      outputs: outputs.map((o) => o.name),
      opset: this.opset,
    });
  }

  private pool(op: string, x: Value, window: Window, own: Readonly<Record<string, OnnxAttribute>>): Value {
    const { kernel, stride = 1, pad = 0 } = window;
    const attributes = { ...own, kernel_shape: [kernel, kernel], strides: [stride, stride], pads: [pad, pad, pad, pad] };
    return this.node(op, [x.name], attributes, this.next('pool'), [x.shape[1] ?? 1, ...imageOf(x, window)]);
  }

  private next(kind: string): string {
    return `${kind}${this.nodes.length}`;
  }

  private node(
    op: string,
    inputs: readonly string[],
    attributes: Readonly<Record<string, OnnxAttribute>>,
    name: string,
    sample: readonly number[],
  ): Value {
    this.nodes.push({ op, inputs, outputs: [name], attributes, name });
    return { name, shape: [this.batch, ...sample] };
  }

  private weight(name: string, shape: readonly number[]): string {
    const limit = Math.sqrt(6 / elementCount(shape.slice(1)));
    return this.uniform(name, shape, -limit, limit);
  }

  private uniform(name: string, shape: readonly number[], from: number, to: number): string {
    const values = Array.from({ length: elementCount(shape) }, () => roundToHalf(from + (to - from) * this.random()));
    this.constants.push({ name, shape, values });
    return name;
  }
}

function imageOf(x: Value, { kernel, stride = 1, pad = 0, dilation = 1 }: Window): number[] {
  return x.shape.slice(2).map((size) => Math.floor((size + 2 * pad - dilation * (kernel - 1) - 1) / stride) + 1);
}

/** Convolutions with normalization, a residual sum, max pooling, a fully connected layer: a residual network in small. */
export function residualNetwork(batch: number, size = 16, width = 16): Uint8Array {
  const b = new NetworkBuilder([batch, 3, size, size]);
  const stem = b.relu(b.norm(b.conv(b.input, width, { kernel: 3, pad: 1 })));
  const first = b.maxPool(stem, { kernel: 2, stride: 2 });
  const branch = b.norm(b.conv(b.relu(b.norm(b.conv(first, width, { kernel: 3, pad: 1 }))), width, { kernel: 3, pad: 1 }));
  const second = b.relu(b.sum(first, branch));
  const narrow = b.relu(b.norm(b.conv(second, 2 * width, { kernel: 3, pad: 1, stride: 2 })));
  return b.model(b.full(b.flatten(b.globalPool(narrow)), 10));
}

/** Two convolutions and two fully connected layers, after LeNet-5, for grey images of 20 × 20 pixels. */
export function lenet(batch: number, size = 20): Uint8Array {
  const b = new NetworkBuilder([batch, 1, size, size], 3);
  const first = b.maxPool(b.relu(b.conv(b.input, 8, { kernel: 5, pad: 2 }, { bias: true })), { kernel: 2, stride: 2 });
  const second = b.maxPool(b.relu(b.conv(first, 16, { kernel: 5 }, { bias: true })), { kernel: 2, stride: 2 });
  return b.model(b.full(b.relu(b.full(b.flatten(second), 64)), 10));
}

/** A residual block between two poolings, with normalization, for grey images: small enough to be trained in a minute. */
export function smallResidual(batch: number, size = 20, width = 8): Uint8Array {
  const b = new NetworkBuilder([batch, 1, size, size], 6);
  const stem = b.maxPool(b.relu(b.norm(b.conv(b.input, width, { kernel: 5, pad: 2 }))), { kernel: 2, stride: 2 });
  const branch = b.norm(b.conv(b.relu(b.norm(b.conv(stem, width, { kernel: 3, pad: 1 }))), width, { kernel: 3, pad: 1 }));
  const block = b.maxPool(b.relu(b.sum(stem, branch)), { kernel: 2, stride: 2 });
  return b.model(b.full(b.flatten(block), 10));
}
