import * as v from 'valibot';
import { constantArray } from './constants.ts';
import { diag, fail, WavecError } from './diagnostics.ts';
import { type Constant, type Graph, PHASES, type Tensor } from './graph.ts';
import type { PrintOptions } from './print.ts';
import { DTYPES, TENSOR_KINDS, type TensorType } from './tensor.ts';

/** Numbers that JSON cannot write are strings: nan, inf, -inf, -0. */
const Numeric = v.union([v.number(), v.picklist(['nan', 'inf', '-inf', '-0'])]);
const Dimension = v.pipe(v.number(), v.integer(), v.minValue(0));

const TensorSchema = v.object({
  name: v.string(),
  dtype: v.picklist(DTYPES),
  shape: v.array(Dimension),
  kind: v.picklist(TENSOR_KINDS),
  batched: v.boolean(),
  storage: v.optional(v.string()),
  constant: v.optional(
    v.variant('form', [
      v.object({ form: v.literal('splat'), value: Numeric }),
      v.object({ form: v.literal('copyOf'), tensor: v.string() }),
      // Without values the constant is elided.
      v.object({ form: v.literal('values'), values: v.optional(v.array(Numeric)) }),
    ]),
  ),
});

const LayerSchema = v.object({
  name: v.string(),
  kind: v.string(),
  inputs: v.array(v.string()),
  outputs: v.array(v.string()),
  attrs: v.record(v.string(), v.union([v.number(), v.boolean(), v.string(), v.array(v.number())])),
  phase: v.picklist(PHASES),
  origin: v.string(),
  unit: v.string(),
});

const GraphSchema = v.object({
  format: v.literal('wavec-graph'),
  version: v.literal(1),
  name: v.string(),
  batch: Dimension,
  inputs: v.array(v.string()),
  outputs: v.array(v.string()),
  tensors: v.array(TensorSchema),
  layers: v.array(LayerSchema),
});

export type GraphJson = v.InferInput<typeof GraphSchema>;
type TensorJson = v.InferInput<typeof TensorSchema>;
type NumericJson = v.InferInput<typeof Numeric>;

/** The graph as plain data for `JSON.stringify`; tensors and layers in the graph's order. */
export function toJson(graph: Graph, options: PrintOptions = {}): GraphJson {
  const { constants = 'elide' } = options;
  return {
    format: 'wavec-graph',
    version: 1,
    name: graph.name,
    batch: graph.batch,
    inputs: [...graph.inputs],
    outputs: [...graph.outputs],
    tensors: Array.from(graph.tensors.values(), (tensor) => tensorJson(tensor, constants)),
    layers: graph.layers.map((layer) => ({
      name: layer.name,
      kind: layer.kind,
      inputs: [...layer.inputs],
      outputs: [...layer.outputs],
      attrs: Object.fromEntries(Object.entries(layer.attrs).map(([name, value]) => [name, typeof value === 'object' ? [...value] : value])),
      phase: layer.phase,
      origin: layer.origin,
      unit: layer.unit,
    })),
  };
}

/**
 * The graph that `toJson` described.
 * @throws WavecError with `BAD_GRAPH` naming every place that is not of the expected form.
 */
export function fromJson(json: unknown): Graph {
  const parsed = v.safeParse(GraphSchema, json);
  if (!parsed.success) {
    throw new WavecError(parsed.issues.map((issue) => diag.badGraph({}, `${v.getDotPath(issue) ?? 'the whole'}: ${issue.message}`)));
  }
  const { name, batch, inputs, outputs, layers } = parsed.output;
  const tensors = new Map<string, Tensor>();
  for (const tensor of parsed.output.tensors) {
    if (tensors.has(tensor.name)) fail(diag.badGraph({ tensor: tensor.name }, 'tensor is defined twice'));
    tensors.set(tensor.name, tensorOf(tensor));
  }
  return { name, batch, tensors, layers, inputs, outputs };
}

function tensorJson(tensor: Tensor, constants: 'elide' | 'full'): TensorJson {
  const { name, type, kind, batched, storage, constant } = tensor;
  return {
    name,
    dtype: type.dtype,
    shape: [...type.shape],
    kind,
    batched,
    ...(storage === undefined ? {} : { storage }),
    ...(constant === undefined ? {} : { constant: constantJson(constant, constants) }),
  };
}

function constantJson(constant: Constant, constants: 'elide' | 'full'): NonNullable<TensorJson['constant']> {
  if (constant.form === 'copyOf') return { form: 'copyOf', tensor: constant.tensor };
  if (constant.form === 'splat') return { form: 'splat', value: numberJson(constant.value) };
  return constants === 'elide' || constant.form === 'elided'
    ? { form: 'values' }
    : { form: 'values', values: Array.from(constant.values, numberJson) };
}

function numberJson(value: number): NumericJson {
  if (Number.isFinite(value) && !Object.is(value, -0)) return value;
  return Number.isNaN(value) ? 'nan' : value === 0 ? '-0' : value > 0 ? 'inf' : '-inf';
}

function numberOf(value: NumericJson): number {
  return typeof value === 'number' ? value : Number(value.replace('inf', 'Infinity'));
}

function tensorOf(json: v.InferOutput<typeof TensorSchema>): Tensor {
  const { name, dtype, shape, kind, batched, storage, constant } = json;
  const type: TensorType = { dtype, shape };
  const base = { name, type, kind, batched };
  const stored = storage === undefined ? base : { ...base, storage };
  return constant === undefined ? stored : { ...stored, constant: constantOf(type, constant) };
}

function constantOf(type: TensorType, json: NonNullable<v.InferOutput<typeof TensorSchema>['constant']>): Constant {
  if (json.form === 'copyOf') return { form: 'copyOf', tensor: json.tensor };
  if (json.form === 'splat') return { form: 'splat', value: numberOf(json.value) };
  return json.values === undefined ? { form: 'elided' } : { form: 'values', values: constantArray(type, json.values.map(numberOf)) };
}
