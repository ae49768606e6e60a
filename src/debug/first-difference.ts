import { Interpreter } from '../../backends/wavecore/index.ts';
import type { Graph, Layer, Phase } from '../../ir/graph.ts';
import { roundToHalf } from '../../ir/half.ts';
import { constantValues } from '../../ir/interpret.ts';
import { recordOf } from '../../ir/layers/index.ts';
import type { Values } from '../../ir/layers/record.ts';
import type { TensorType } from '../../ir/tensor.ts';
import { elementsOf } from '../tensors.ts';
import type { DebugProgram } from './program.ts';

/** How far results may be from what is expected: |actual − expected| ≤ relative·|expected| + absolute·(largest |expected| of the tensor). */
export interface Tolerance {
  readonly relative: number;
  readonly absolute: number;
}

/** Results are rounded to 11 bits; sums in f32 leave less beside the largest element. */
export const TOLERANCE: Tolerance = { relative: 2 ** -9, absolute: 2 ** -10 };

/** One element that is not what is expected. */
export interface ElementDifference {
  readonly tensor: string;
  /** Index in every dimension. */
  readonly element: readonly number[];
  readonly actual: number;
  readonly expected: number;
  /** Elements of the tensor that differ, and all. */
  readonly count: number;
  readonly elements: number;
}

/** The first layer whose result differs. */
export interface LayerDifference extends ElementDifference {
  readonly layer: string;
  readonly kind: string;
  readonly phase: Phase;
  /** The ONNX node that the layer comes from. */
  readonly node: string;
  /** What it differs from. */
  readonly against: 'reference' | 'stored';
}

export interface DebugResult {
  /** Layers whose results were compared, up to the first that differs. */
  readonly layers: number;
  /** Results that were compared with stored tensors. */
  readonly stored: number;
  readonly difference?: LayerDifference;
}

export interface DebugOptions {
  readonly tolerance?: Tolerance;
  /** What results should be, by name, whatever they are computed from. */
  readonly stored?: ReadonlyMap<string, Values>;
}

/**
 * Executes a program and compares it, layer by layer in program order: the reference kernel of every layer computes on the operands
 * that the program had, so that an error shows where it arises and not where it leads to.
 */
export function firstDifference(debug: DebugProgram, inputs: ReadonlyMap<string, Values>, options: DebugOptions = {}): DebugResult {
  const { tolerance = TOLERANCE, stored = new Map<string, Values>() } = options;
  const { graph } = debug;
  const values = new TensorValues(debug, inputs);
  let [layers, found] = [0, 0];
  for (const layer of graph.layers) {
    layers++;
    const [source = ''] = layer.inputs;
    if (movesNothing(layer)) {
      for (const view of layer.outputs) values.relabel(view, source);
      continue;
    }
    const expected = referenceOf(graph, layer, values);
    for (const [i, tensor] of layer.outputs.entries()) {
      const type = typeOf(graph, tensor);
      const actual = values.result(tensor, expected[i] ?? new Float64Array());
      const kept = stored.get(tensor);
      if (kept !== undefined) found++;
      for (const [against, wanted] of [
        ['reference', expected[i]],
        ['stored', kept],
      ] as const) {
        const difference = wanted === undefined ? undefined : compare(tensor, type, actual, wanted, tolerance);
        if (difference === undefined) continue;
        const { name, kind, phase, origin } = layer;
        return { layers, stored: found, difference: { layer: name, kind, phase, node: origin, against, ...difference } };
      }
    }
  }
  return { layers, stored: found };
}

/** A view of its operand, which the program does not execute. */
function movesNothing({ kind }: Layer): boolean {
  return recordOf(kind).unit === 'alias';
}

function typeOf(graph: Graph, tensor: string): TensorType {
  return graph.tensors.get(tensor)?.type ?? { dtype: 'f32', shape: [] };
}

function rounded(type: TensorType, values: Values): Values {
  return type.dtype === 'f16' ? values.map(roundToHalf) : type.dtype === 'f32' ? values.map(Math.fround) : values;
}

function referenceOf(graph: Graph, layer: Layer, values: TensorValues): Values[] {
  const types = layer.inputs.map((name) => typeOf(graph, name));
  const outputTypes = layer.outputs.map((name) => typeOf(graph, name));
  const results = recordOf(layer.kind).reference(
    layer.inputs.map((name) => values.of(name)),
    types,
    layer.attrs,
    outputTypes,
  );
  return results.map((v, i) => rounded(outputTypes[i] ?? { dtype: 'f32', shape: [] }, v));
}

/** What the program had in every tensor: given, constant before the step, or left in DRAM by the layer that made it. */
class TensorValues {
  private readonly values = new Map<string, Values>();
  private readonly last = new Map<string, string>();
  private readonly debug: DebugProgram;
  private readonly interpreter: Interpreter;

  constructor(debug: DebugProgram, inputs: ReadonlyMap<string, Values>) {
    const { graph, program, symbolOf } = debug;
    this.debug = debug;
    for (const tensor of graph.tensors.values()) {
      if (tensor.constant !== undefined) this.values.set(tensor.name, rounded(tensor.type, constantValues(graph, tensor)));
    }
    for (const [name, given] of inputs) this.values.set(name, rounded(typeOf(graph, name), given));
    const made = graph.layers.filter((l) => !movesNothing(l)).flatMap((l) => l.outputs);
    for (const tensor of made) this.last.set(symbolOf(tensor), tensor);
    this.interpreter = new Interpreter(program, { mode: 'functional' });
    this.interpreter.run(new Map([...inputs].map(([name, given]) => [symbolOf(name), given])));
  }

  of(tensor: string): Values {
    return this.values.get(tensor) ?? new Float64Array();
  }

  /** Another name for the same elements. */
  relabel(view: string, source: string): void {
    this.values.set(view, this.of(source));
  }

  /** What a layer made; the expected value where a later layer has overwritten it. */
  result(tensor: string, expected: Values): Values {
    const symbol = this.debug.symbolOf(tensor);
    const type = typeOf(this.debug.graph, tensor);
    const value = this.last.get(symbol) === tensor ? elementsOf({ ...this.interpreter.readTensor(symbol), shape: type.shape }) : expected;
    this.values.set(tensor, value);
    return value;
  }
}

/** The first element beyond the tolerance. */
function compare(tensor: string, type: TensorType, actual: Values, expected: Values, tolerance: Tolerance): ElementDifference | undefined {
  const largest = expected.reduce((most, v) => (Number.isFinite(v) ? Math.max(most, Math.abs(v)) : most), 0);
  const exact = type.dtype !== 'f16' && type.dtype !== 'f32';
  const differs = (i: number): boolean => {
    const [a, e] = [actual[i] ?? Number.NaN, expected[i] ?? Number.NaN];
    if (Object.is(a, e) || a === e) return false;
    return exact || !(Math.abs(a - e) <= tolerance.relative * Math.abs(e) + tolerance.absolute * largest);
  };
  let first = -1;
  let count = 0;
  for (let i = 0; i < expected.length; i++) {
    if (!differs(i)) continue;
    if (first < 0) first = i;
    count++;
  }
  if (first < 0) return undefined;
  return {
    tensor,
    element: indexOf(type.shape, first),
    actual: actual[first] ?? Number.NaN,
    expected: expected[first] ?? Number.NaN,
    count,
    elements: expected.length,
  };
}

/** Row-major index of an element in every dimension. */
function indexOf(shape: readonly number[], element: number): number[] {
  const index: number[] = [];
  let rest = element;
  for (const size of shape.toReversed()) {
    index.unshift(rest % size);
    rest = Math.floor(rest / size);
  }
  return index;
}
