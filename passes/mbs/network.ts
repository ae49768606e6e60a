import { diag, fail, WavecError } from '../../ir/diagnostics.ts';
import type { Graph, Layer, Phase, Tensor } from '../../ir/graph.ts';
import { recordOf } from '../../ir/layers/index.ts';
import { operandAt } from '../../ir/layers/operands.ts';
import type { ConvGeometry, KindRecord, MatrixForm, OperandSpec } from '../../ir/layers/record.ts';
import { sampleBytes, type TensorKind, type TensorType, tensorBytes } from '../../ir/tensor.ts';
import { type Storages, storagesOf } from './storage.ts';

/** One operand of a layer as the scheduler sees it: where it lives and how large it is. */
export interface Operand {
  /** The storage that holds it (tensors that alias share one). */
  readonly tensor: string;
  readonly kind: TensorKind;
  readonly type: TensorType;
  /** Cut into sub-batches; otherwise all samples share it. */
  readonly batched: boolean;
  /** Bytes of one sample if batched, else of all. */
  readonly bytes: number;
  /** A layer over parameters takes it whole instead of streaming it element by element. */
  readonly whole: boolean;
}

/** The matrix product of a layer for one channel group; `columns` counts all groups. */
export interface MatrixWork {
  readonly form: MatrixForm;
  readonly geometry: ConvGeometry;
  readonly groups: number;
  /** Rows of the result: a sample (forward, data gradient), or in all (weight gradient). */
  readonly m: number;
  /** Columns of one channel group, and of all. */
  readonly n: number;
  readonly columns: number;
  /** Reduction: in all (forward, data gradient), or a sample (weight gradient). */
  readonly k: number;
  /** Positions of the operands: moving, stationary or (weight gradient) the output gradient, bias. */
  readonly moving: number;
  readonly stationary: number;
}

/** Where the operands of an ending update are among those of its layer. */
export interface UpdateWork {
  readonly kind: string;
  /** Inputs that it keeps and overwrites, the master first; result `i` of the layer overwrites input `inputs[i − 1]`. */
  readonly inputs: readonly number[];
  readonly control: number;
  readonly rate: number;
  readonly weight: number;
}

/** A layer with everything that scheduling asks of it. */
export interface LayerView {
  readonly index: number;
  readonly layer: Layer;
  readonly record: KindRecord;
  readonly phase: Phase;
  readonly inputs: readonly Operand[];
  readonly outputs: readonly Operand[];
  /** Runs of layers with the same unit are never separated. */
  readonly unit: number;
  readonly crossesSamples: boolean;
  readonly matrix?: MatrixWork;
  /** Of a weight gradient that ends in the update of its weights. */
  readonly update?: UpdateWork;
  /** Of a weight gradient: the position of the bias gradient among the results, where it has one. */
  readonly bias?: number;
  readonly state: { readonly perSample: number; readonly shared: number };
  /** Length of the dimension that striping cuts: rows of an image, or elements of a sample. */
  readonly stripeLength: number;
}

export interface Network {
  readonly graph: Graph;
  /** Cores that divide the mini-batch of the graph between them. */
  readonly cores: number;
  /** Samples a core. */
  readonly batch: number;
  readonly layers: readonly LayerView[];
  readonly storages: Storages;
}

/**
 * Views all layers that move data, in execution order, as each of `cores` cores runs them on its share of the samples.
 * @throws WavecError where the samples cannot be divided so: COUPLED_CORES for every layer that looks at all of them
 */
export function networkOf(graph: Graph, cores: number): Network {
  if (graph.batch % cores !== 0) fail(diag.unevenCores({}, graph.batch, cores));
  const storages = storagesOf(graph);
  const layers: LayerView[] = [];
  let unit = -1;
  let lastUnit: string | undefined;
  for (const layer of graph.layers) {
    const record = recordOf(layer.kind);
    if (record.unit === 'alias') continue;
    const unitName = `${layer.phase}/${layer.unit}`;
    if (unitName !== lastUnit) unit++;
    lastUnit = unitName;
    layers.push(viewOf(storages, layer, record, layers.length, unit));
  }
  const coupled = cores === 1 ? [] : layers.filter((view) => isCoupling(view, layers));
  if (coupled.length > 0)
    throw new WavecError(coupled.map(({ layer }) => diag.coupledCores({ layer: layer.name, node: layer.origin }, layer.kind, cores)));
  return { graph, cores, batch: graph.batch / cores, layers, storages };
}

/** Whether what a layer computes of all samples enters the computation for single ones; sums over samples alone can be added up later. */
function isCoupling({ crossesSamples, outputs }: LayerView, layers: readonly LayerView[]): boolean {
  const reads = (view: LayerView, tensor: string): boolean =>
    view.outputs.some(({ batched }) => batched) && view.inputs.some((o) => o.tensor === tensor);
  return crossesSamples && outputs.some(({ tensor, batched }) => !batched && layers.some((view) => reads(view, tensor)));
}

function viewOf(storages: Storages, layer: Layer, record: KindRecord, index: number, unit: number): LayerView {
  const tensor = (name: string): Tensor => storages.tensor(name);
  const types = layer.inputs.map((name) => tensor(name).type);
  const operands = (names: readonly string[], specs: readonly OperandSpec[]): Operand[] =>
    names.map((name, i) => operandOf(tensor(name), storages, operandAt(specs, i)));
  const inputs = operands(layer.inputs, record.inputs);
  const outputs = operands(layer.outputs, record.outputs);
  const matrix = record.matrix === undefined ? undefined : matrixOf(record, types, layer);
  const state = record.stateBytes?.(types, layer.attrs, outputs.length) ?? { perSample: 0, shared: 0 };
  const view = {
    index,
    layer,
    record,
    phase: layer.phase,
    inputs,
    outputs,
    unit,
    crossesSamples: record.crossesSamples(layer.attrs),
    state,
    stripeLength: stripeLengthOf(record, inputs, outputs),
  };
  if (matrix === undefined) return view;
  const update = updateOf(record);
  const bias = update === undefined ? 1 : update.weight + 1;
  const hasBias = matrix.form === 'weightGradient' && bias < outputs.length;
  return { ...view, matrix, ...(update === undefined ? {} : { update }), ...(hasBias ? { bias } : {}) };
}

function updateOf({ update }: KindRecord): UpdateWork | undefined {
  if (update === undefined) return undefined;
  const first = 2;
  const control = first + update.states;
  const inputs = Array.from({ length: update.states }, (_, i) => first + i);
  return { kind: update.kind, inputs, control, rate: control + 1, weight: 1 + update.states };
}

function operandOf(tensor: Tensor, storages: Storages, spec: OperandSpec | undefined): Operand {
  const storage = storages.of(tensor.name);
  const bytes = tensor.batched ? sampleBytes(tensor.type) : tensorBytes(tensor.type);
  return { tensor: storage.name, kind: storage.kind, type: tensor.type, batched: tensor.batched, bytes, whole: spec?.whole ?? false };
}

/** The input whose storage output `index` overwrites; −1 where it has a place of its own. */
export function overwritten(view: LayerView, index: number): number {
  return view.inputs.findIndex((o) => o.tensor === view.outputs[index]?.tensor);
}

function stripeLengthOf(record: KindRecord, inputs: readonly Operand[], outputs: readonly Operand[]): number {
  const first = outputs[0];
  if (first === undefined) return 0;
  if (record.stripes === 'flat') return first.type.shape.slice(1).reduce((a, b) => a * b, 1);
  const image = isImage(first) ? first : inputs.filter(isImage).at(-1);
  return image?.type.shape[2] ?? 0;
}

/** Whether an operand passes through the update at the end of a weight gradient, piece by piece. */
export function isUpdated({ update }: LayerView, direction: 'in' | 'out', i: number): boolean {
  if (update === undefined) return false;
  return direction === 'in' ? update.inputs.includes(i) : i >= 1 && i <= update.weight;
}

/** Bytes that the update at the end of a weight gradient reads and writes beside it. */
export function updatedBytes(view: LayerView): number {
  const sum = (operands: readonly Operand[], direction: 'in' | 'out'): number =>
    operands.reduce((all, { bytes }, i) => (isUpdated(view, direction, i) ? all + bytes : all), 0);
  return sum(view.inputs, 'in') + sum(view.outputs, 'out');
}

/** Whether striping by rows cuts this operand. */
export function isImage(operand: Operand): boolean {
  return operand.batched && operand.type.shape.length === 4;
}

/** The matrix product that a layer with operands of these types is. */
export function matrixOf(record: KindRecord, types: readonly TensorType[], layer: Layer): MatrixWork | undefined {
  const described = record.matrix?.(types, layer.attrs);
  if (described === undefined) return undefined;
  const { form, geometry: g } = described;
  const { groups } = g;
  const taps = g.R * g.S;
  const base = { form, geometry: g, groups };
  switch (form) {
    case 'forward':
      return { ...base, m: g.P * g.Q, n: g.K / groups, columns: g.K, k: (g.C / groups) * taps, moving: 0, stationary: 1 };
    case 'dataGradient':
      return { ...base, m: g.H * g.W, n: g.C / groups, columns: g.C, k: (g.K / groups) * taps, moving: 1, stationary: 0 };
    case 'weightGradient':
      return { ...base, m: (g.C / groups) * taps, n: g.K / groups, columns: g.K, k: g.P * g.Q, moving: 0, stationary: 1 };
  }
}

/** What lies in a working block: the tensor of the operand that it is named after or that comes by panels, or its own name. */
export function contentsOf(view: LayerView, block: string): string {
  if (block === 'panel' && view.matrix !== undefined)
    return (view.matrix.form === 'weightGradient' ? view.outputs[0] : view.inputs[view.matrix.stationary])?.tensor ?? block;
  const match = /^(in|out)(\d+)$/.exec(block);
  if (match === null) return block;
  const list = match[1] === 'in' ? view.inputs : view.outputs;
  return list[Number(match[2])]?.tensor ?? block;
}
