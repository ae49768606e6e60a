import { GraphBuilder } from '../ir/build.ts';
import { diag, fail } from '../ir/diagnostics.ts';
import type { Constant, Graph, Layer, Tensor } from '../ir/graph.ts';
import { floatAttr } from '../ir/layers/attrs.ts';
import { recordOf } from '../ir/layers/index.ts';
import { elementCount } from '../ir/tensor.ts';

/** What happens to batch normalization: kept, or replaced by group normalization of at most `channelsPerGroup` channels a group. */
export type NormChoice = { readonly kind: 'keep' } | { readonly kind: 'group'; readonly channelsPerGroup: number };

export interface NormalizeOptions {
  readonly mode: 'training' | 'inference';
  readonly norm: NormChoice;
}

/**
 * Brings the forward graph to canonical layers: batch normalization becomes statistics and application (training, or group
 * normalization), is folded into the convolution before it, or becomes a scale and shift of each channel (inference). A scale and shift that
 * the model states is folded in the same way.
 */
export function normalize(graph: Graph, options: NormalizeOptions): Graph {
  const builder = new GraphBuilder(graph.name, graph.batch);
  const readers = countReaders(graph);
  const folded = options.mode === 'inference' && options.norm.kind === 'keep' ? foldable(graph, readers) : new Map<string, Layer>();
  const tensor = (name: string): Tensor => graph.tensors.get(name) ?? fail(diag.internal({ tensor: name }, 'tensor is not in the graph'));
  const rename = new Map<string, string>();
  const given = (name: string): string => {
    const now = rename.get(name) ?? name;
    if (!builder.has(now)) {
      const t = tensor(name);
      if (graph.inputs.includes(name)) builder.input(name, t.type, t.batched);
      else builder.add(t);
    }
    return now;
  };
  for (const name of graph.inputs) given(name);
  for (const layer of graph.layers) {
    const kinds = layer.outputs.map((o) => tensor(o).kind);
    const common = { phase: layer.phase, origin: layer.origin, unit: layer.unit };
    const [from = ''] = layer.inputs;
    if (folded.has(layer.name)) {
      rename.set(layer.outputs[0] ?? '', rename.get(from) ?? from);
      continue;
    }
    if (isCanonical(layer)) {
      const norms = graph.layers.filter((l) => folded.get(l.name) === layer);
      const inputs = norms.length === 0 ? layer.inputs.map(given) : foldInto(builder, layer, norms, tensor, given);
      builder.layer({
        ...common,
        kind: layer.kind,
        name: layer.name,
        inputs,
        attrs: layer.attrs,
        outputs: layer.outputs,
        outputKinds: kinds,
      });
      continue;
    }
    const [x = '', gamma = '', beta = ''] = layer.inputs;
    const epsilon = epsilonOf(layer);
    if (options.mode === 'inference' && options.norm.kind === 'keep') {
      const parameters = layer.inputs.slice(1).map(tensor);
      const type = tensor(gamma).type;
      const inputs = [
        given(x),
        ...(['scale', 'shift'] as const).map((which) =>
          builder.constant(
            builder.freeName(`${layer.name}.${which}`),
            type,
            'weight',
            constantOf(parameters, () => compact(scaleAndShift(layer, tensor)[which])),
          ),
        ),
      ];
      builder.layer({ ...common, kind: 'affine', name: layer.name, inputs, outputs: layer.outputs, outputKinds: kinds });
      continue;
    }
    const channels = tensor(x).type.shape[1] ?? 1;
    const crossSample = options.norm.kind === 'keep';
    const groups = options.norm.kind === 'keep' ? channels : channels / largestDivisor(channels, options.norm.channelsPerGroup);
    const attrs = { groups, crossSample };
    const running = crossSample ? runningStatistics(builder, layer, tensor) : [];
    const [stats = '', ...updated] = builder.layer({
      ...common,
      kind: 'norm_stats',
      name: `${layer.name}.stats`,
      inputs: [given(x), ...running],
      attrs: crossSample
        ? { ...attrs, epsilon, momentum: floatAttr(recordOf(layer.kind).attrs, layer.attrs, 'momentum') }
        : { ...attrs, epsilon },
      outputs: [builder.freeName(`${layer.name}.stats`), ...running.map((name) => builder.freeName(`${name}.next`))],
    });
    updated.forEach((name, i) => builder.shareStorage(name, running[i] ?? name));
    builder.layer({
      ...common,
      kind: 'norm_apply',
      name: layer.name,
      inputs: [given(x), stats, given(gamma), given(beta)],
      attrs,
      outputs: layer.outputs,
      outputKinds: kinds,
    });
  }
  const outputs = graph.outputs.map((name) => rename.get(name) ?? name);
  return builder.finish(outputs);
}

/** Whether `normalize` leaves the layer as it is. */
export function isCanonical(layer: Layer): boolean {
  return layer.kind !== 'batch_norm';
}

/** Running mean and variance of a batch normalization that is kept, which training updates. */
function runningStatistics(builder: GraphBuilder, norm: Layer, tensor: (name: string) => Tensor): string[] {
  return norm.inputs.slice(3).map((name) => (builder.has(name) ? name : builder.add({ ...tensor(name), kind: 'statistics' })));
}

/** The largest divisor of `channels` that is at most `limit`: the channels of a group where the wish does not divide them. */
export function largestDivisor(channels: number, limit: number): number {
  for (let d = Math.min(channels, limit); d > 1; d--) if (channels % d === 0) return d;
  return 1;
}

function epsilonOf(norm: Layer): number {
  return floatAttr(recordOf(norm.kind).attrs, norm.attrs, 'epsilon');
}

function countReaders(graph: Graph): Map<string, number> {
  const readers = new Map<string, number>();
  for (const layer of graph.layers) for (const input of layer.inputs) readers.set(input, (readers.get(input) ?? 0) + 1);
  for (const output of graph.outputs) readers.set(output, (readers.get(output) ?? 0) + 1);
  return readers;
}

/** Normalizations, and scales and shifts, of the result of a convolution that nothing else reads: name → convolution. */
function foldable(graph: Graph, readers: ReadonlyMap<string, number>): Map<string, Layer> {
  const producer = new Map(graph.layers.map((l) => [l.outputs[0] ?? '', l]));
  const pairs = new Map<string, Layer>();
  const isConstant = (name: string): boolean => graph.tensors.get(name)?.constant !== undefined;
  for (const norm of graph.layers) {
    if (isCanonical(norm) && norm.kind !== 'affine') continue;
    const [x = '', ...parameters] = norm.inputs;
    const before = producer.get(x);
    const conv = before && (pairs.get(before.name) ?? before);
    const weight = conv?.inputs[1];
    if (conv === undefined || weight === undefined || recordOf(conv.kind).unit !== 'matrix') continue;
    const alone = readers.get(x) === 1 && readers.get(weight) === 1 && !graph.outputs.includes(norm.outputs[0] ?? '');
    if (alone && isConstant(weight) && parameters.every(isConstant)) pairs.set(norm.name, conv);
  }
  return pairs;
}

function valuesOf(tensor: Tensor): Float32Array {
  const { constant } = tensor;
  const count = elementCount(tensor.type.shape);
  if (constant?.form === 'splat') return new Float32Array(count).fill(constant.value);
  if (constant?.form === 'values') return Float32Array.from(constant.values);
  return fail(diag.internal({ tensor: tensor.name }, 'is not a constant'));
}

/** What `make` computes from the values of `sources`; elided where one of them is. */
function constantOf(sources: readonly Tensor[], make: () => Constant): Constant {
  return sources.some((t) => t.constant?.form === 'elided') ? { form: 'elided' } : make();
}

/**
 * What a layer does to each channel: y = x·scale + shift. Of batch normalization with fixed statistics, scale = gamma/sqrt(variance + epsilon)
 * and shift = beta − mean·scale.
 */
function scaleAndShift(layer: Layer, tensor: (name: string) => Tensor): { scale: Float32Array; shift: Float32Array } {
  const [, gamma = '', beta = '', mean = '', variance = ''] = layer.inputs;
  if (layer.kind === 'affine') return { scale: valuesOf(tensor(gamma)), shift: valuesOf(tensor(beta)) };
  const epsilon = epsilonOf(layer);
  const v = valuesOf(tensor(variance));
  const scale = valuesOf(tensor(gamma)).map((g, c) => g / Math.sqrt((v[c] ?? 0) + epsilon));
  const m = valuesOf(tensor(mean));
  const shift = valuesOf(tensor(beta)).map((b, c) => b - (m[c] ?? 0) * (scale[c] ?? 0));
  return { scale, shift };
}

/** The shortest form of a constant: one value where all are equal. */
function compact(values: Float32Array): Constant {
  const [first = 0] = values;
  return values.every((v) => v === first) ? { form: 'splat', value: first } : { form: 'values', values };
}

/** Weight and bias of a convolution with the layers behind it. */
function foldInto(
  builder: GraphBuilder,
  conv: Layer,
  norms: readonly Layer[],
  tensor: (name: string) => Tensor,
  given: (name: string) => string,
): string[] {
  const [x = '', w = '', b] = conv.inputs;
  const weight = tensor(w);
  const parameters = [...(b === undefined ? [] : [tensor(b)]), ...norms.flatMap((norm) => norm.inputs.slice(1)).map(tensor)];
  const channels = weight.type.shape[0] ?? 1;
  const folded = (): { scale: Float64Array; bias: Float64Array } => {
    const scale = new Float64Array(channels).fill(1);
    const bias = Float64Array.from(b === undefined ? new Float32Array(channels) : valuesOf(tensor(b)));
    for (const part of norms.map((norm) => scaleAndShift(norm, tensor))) {
      for (let c = 0; c < channels; c++) {
        scale[c] = (scale[c] ?? 1) * (part.scale[c] ?? 1);
        bias[c] = (bias[c] ?? 0) * (part.scale[c] ?? 1) + (part.shift[c] ?? 0);
      }
    }
    return { scale, bias };
  };
  builder.add({ ...weight, constant: constantOf([weight, ...parameters], () => scaledWeight(weight, folded().scale)) });
  const biasName = builder.constant(
    builder.freeName(`${norms.at(-1)?.name ?? conv.name}.bias`),
    { dtype: 'f32', shape: [channels] },
    'weight',
    constantOf(parameters, () => compact(Float32Array.from(folded().bias))),
  );
  return [given(x), w, biasName];
}

/** Every output channel of a weight times its factor. */
function scaledWeight(weight: Tensor, scale: Float64Array): Constant {
  const { constant, type } = weight;
  if (constant?.form === 'splat' && scale.every((s) => s === scale[0]))
    return { form: 'splat', value: Math.fround(constant.value * (scale[0] ?? 1)) };
  const each = elementCount(type.shape) / scale.length;
  return { form: 'values', values: valuesOf(weight).map((v, i) => v * (scale[Math.floor(i / each)] ?? 1)) };
}
