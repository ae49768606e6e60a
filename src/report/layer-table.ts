import type { Graph, Layer, Phase } from '../../ir/graph.ts';
import { recordOf } from '../../ir/layers/index.ts';
import { elementCount, formatType, type TensorType, tensorBytes } from '../../ir/tensor.ts';
import { type ArrayUse, arrayUse, LIMITS } from '../../passes/mbs/array-use.ts';
import type { Scheduled } from '../../passes/mbs/index.ts';
import { predictTraffic } from '../../passes/mbs/predict.ts';
import type { Resources } from '../../passes/mbs/schedule.ts';
import type { CompileState } from '../../passes/pipeline.ts';
import { stepText } from './step.ts';
import { type Column, table } from './table.ts';
import { bytesColumn, bytesText, countText, shareText } from './units.ts';

/** What one layer costs. */
export interface LayerCost {
  readonly layer: string;
  readonly kind: string;
  readonly phase: Phase;
  /** The ONNX node that it comes from. */
  readonly origin: string;
  readonly outputs: readonly string[];
  /** Multiply-accumulates of its matrix product for the whole mini-batch; 0 for vector layers. */
  readonly macs: number;
  /** Elements of the weights that it reads. */
  readonly parameters: number;
  /** Bytes of its operands for the whole mini-batch, as they lie in DRAM. */
  readonly bytesIn: number;
  readonly bytesOut: number;
  /** Once it is scheduled; absent for layers that move no data. */
  readonly scheduled?: ScheduledCost;
}

export interface ScheduledCost {
  readonly group: number;
  readonly subBatch: number;
  /** Bytes of the global buffer in use while the layer runs. */
  readonly footprint: number;
  /** Predicted DRAM traffic of the step, in bytes. */
  readonly read: number;
  readonly written: number;
  /** How the matrix product fills the array; absent for vector layers. */
  readonly array?: ArrayUse;
}

/** The cost of every layer of a graph, in execution order. */
export function layerCosts({ graph, scheduled }: CompileState, resources: Resources): LayerCost[] {
  const inSchedule = scheduled === undefined ? new Map<string, ScheduledCost>() : scheduledCosts(scheduled, resources);
  return graph.layers.map((layer) => {
    const types = (names: readonly string[]): TensorType[] => names.flatMap((name) => graph.tensors.get(name)?.type ?? []);
    const [inputs, outputs] = [types(layer.inputs), types(layer.outputs)];
    const cost = inSchedule.get(layer.name);
    return {
      layer: layer.name,
      kind: layer.kind,
      phase: layer.phase,
      origin: layer.origin,
      outputs: outputs.map(formatType),
      macs: macsOf(layer, inputs, graph.batch),
      parameters: weightsOf(graph, layer).reduce((sum, [, count]) => sum + count, 0),
      bytesIn: inputs.reduce((sum, type) => sum + tensorBytes(type), 0),
      bytesOut: outputs.reduce((sum, type) => sum + tensorBytes(type), 0),
      ...(cost === undefined ? {} : { scheduled: cost }),
    };
  });
}

function macsOf(layer: Layer, inputs: readonly TensorType[], batch: number): number {
  const gemm = recordOf(layer.kind).gemm?.(inputs, layer.attrs);
  return gemm === undefined ? 0 : batch * gemm.m * gemm.k * gemm.n * gemm.groups;
}

/** Weights that a layer reads, and their elements; the master copy of a weight is optimizer state. */
function weightsOf(graph: Graph, layer: Layer): [name: string, elements: number][] {
  return layer.inputs.flatMap((name): [string, number][] => {
    const tensor = graph.tensors.get(name);
    return tensor?.kind === 'weight' && tensor.constant !== undefined ? [[name, elementCount(tensor.type.shape)]] : [];
  });
}

function scheduledCosts({ network, schedule }: Scheduled, resources: Resources): Map<string, ScheduledCost> {
  const traffic = predictTraffic(network, schedule, resources);
  const works = new Map(network.layers.map(({ layer, matrix }) => [layer.name, matrix]));
  return new Map(
    schedule.groups.flatMap(({ subBatch, steps }, group) =>
      steps.map(({ layer, footprint, chunk, panel }) => {
        const work = works.get(layer);
        const array = work === undefined ? {} : { array: arrayUse(work, resources, network.batch, Math.min(chunk, subBatch), panel) };
        const bytes = Object.values(traffic[layer] ?? {});
        const read = bytes.reduce((sum, b) => sum + b.read, 0);
        const written = bytes.reduce((sum, b) => sum + b.write, 0);
        return [layer, { group, subBatch, footprint, read, written, ...array }];
      }),
    ),
  );
}

/** The costs as a table with totals, and what its numbers mean. */
export function layerTable(state: CompileState, resources: Resources): string {
  const { graph } = state;
  const costs = layerCosts(state, resources);
  const allWeights = new Map(graph.layers.flatMap((layer) => weightsOf(graph, layer)));
  const parameters = [...allWeights.values()].reduce((a, b) => a + b, 0);
  const [bytesIn, bytesOut] = [
    bytesColumn(
      'in',
      costs.map((c) => c.bytesIn),
    ),
    bytesColumn(
      'out',
      costs.map((c) => c.bytesOut),
    ),
  ];
  const columns: [Column, ...string[]][] = [
    [{ head: 'layer', align: 'left' }, ...costs.map((c) => c.layer), 'total'],
    [{ head: 'kind', align: 'left' }, ...costs.map((c) => c.kind), ''],
    [{ head: 'ONNX node', align: 'left' }, ...costs.map((c) => c.origin), ''],
    [{ head: 'output', align: 'left' }, ...costs.map((c) => c.outputs.join(' ')), ''],
    [{ head: 'MACs' }, ...costs.map((c) => countText(c.macs)), countText(sumOf(costs.map((c) => c.macs)))],
    [{ head: 'parameters' }, ...costs.map((c) => countText(c.parameters)), countText(parameters)],
    [{ head: bytesIn.head }, ...bytesIn.cells, ''],
    [{ head: bytesOut.head }, ...bytesOut.cells, ''],
    ...(state.scheduled === undefined ? [] : scheduledColumns(costs, resources)),
  ];
  const rows = Array.from({ length: costs.length + 1 }, (_, row) => columns.map(([, ...cells]) => cells[row] ?? ''));
  const { cores } = resources;
  const head = `${graph.name}, ${stepText({ cores, batch: graph.batch / cores })}`;
  const notes = state.scheduled === undefined ? DEFINITIONS : `${DEFINITIONS} ${scheduledDefinitions(resources)}`;
  return [
    head,
    table(
      columns.map(([column]) => column),
      rows,
    ),
    notes,
  ].join('\n\n');
}

function scheduledColumns(costs: readonly LayerCost[], { globalBytes }: Resources): [Column, ...string[]][] {
  const cells = (text: (cost: ScheduledCost) => string): string[] => costs.map((c) => (c.scheduled === undefined ? '' : text(c.scheduled)));
  const amounts = (
    name: string,
    of: (cost: ScheduledCost) => number,
    total: (values: readonly number[]) => number,
  ): [Column, ...string[]] => {
    const values = costs.map((c) => (c.scheduled === undefined ? 0 : of(c.scheduled)));
    const { head, cells: texts } = bytesColumn(name, [...values, total(values)]);
    return [{ head }, ...texts];
  };
  const used = (text: (use: ArrayUse) => string): string[] => cells((c) => (c.array === undefined ? '' : text(c.array)));
  const largest = Math.max(0, ...costs.map((c) => c.scheduled?.footprint ?? 0));
  return [
    [{ head: 'group' }, ...cells((c) => String(c.group)), ''],
    [{ head: 'sub-batch' }, ...cells((c) => String(c.subBatch)), ''],
    amounts(
      'footprint',
      (c) => c.footprint,
      (values) => Math.max(0, ...values),
    ),
    [{ head: 'of buffer' }, ...cells((c) => shareText(c.footprint, globalBytes)), shareText(largest, globalBytes)],
    amounts('read', (c) => c.read, sumOf),
    amounts('written', (c) => c.written, sumOf),
    [
      { head: 'array cycles' },
      ...used((use) => countText(use.cycles)),
      countText(sumOf(costs.map((c) => c.scheduled?.array?.cycles ?? 0))),
    ],
    [{ head: 'array use' }, ...used((use) => shareText(use.utilization, 1)), ''],
    [{ head: 'stationary', align: 'left' }, ...used((use) => use.stationary), ''],
    [{ head: 'packing', align: 'left' }, ...used(packingText), ''],
    [{ head: 'limit', align: 'left' }, ...used((use) => (use.limit === 'none' ? '' : use.limit)), ''],
  ];
}

/** `4 phases, 2 beside, 3 groups`: what differs from one plain product. */
function packingText({ phases, copies, groups }: ArrayUse): string {
  const parts = [phases > 1 ? `${phases} phases` : '', copies > 1 ? `${copies} beside` : '', groups > 1 ? `${groups} groups` : ''];
  return parts.filter((part) => part !== '').join(', ');
}

function sumOf(values: readonly number[]): number {
  return values.reduce((a, b) => a + b, 0);
}

const DEFINITIONS =
  'MACs: multiply-accumulates of the matrix product, for the mini-batch. Parameters: elements of the weights that the layer reads; the total ' +
  'counts every weight once. In, out: bytes of the operands for the mini-batch, as they lie in DRAM; a tensor stands at both its ends, so that there is no total.';

function scheduledDefinitions({ globalBytes }: Resources): string {
  const limits = Object.entries(LIMITS)
    .filter(([name]) => name !== 'none')
    .map(([name, text]) => `${name}, ${text}`)
    .join('; ');
  return (
    `Footprint: bytes of the global buffer (${bytesText(globalBytes)}) in use while the layer runs on its sub-batch; the total is the largest. ` +
    'Read, written: DRAM traffic of the step, predicted from the schedule; the total is the sum. Array cycles: of the matrix product for the mini-batch, ' +
    'with those that waves wait for their stationary blocks, modelled from the shape of the waves. Array use: useful multiply-accumulates / ' +
    '(array cycles × cells). Packing: phases of results that meet the same taps, results (taps of a weight gradient) beside each other in the ' +
    `columns, channel groups in a wave. Limit, what costs most of the array: ${limits}.`
  );
}
