import type { GraphBuilder } from '../../ir/build.ts';
import { diag, fail, type Place } from '../../ir/diagnostics.ts';
import type { Attrs, Constant } from '../../ir/graph.ts';
import { type DType, elementCount } from '../../ir/tensor.ts';
import { AttributeReader } from './attributes.ts';
import type { OnnxNode } from './model.ts';
import { float32Of, MOST_ELEMENTS, numbersOf, type Value, valueAt } from './value.ts';

/** Axes, sizes and indices are lists of few elements; a constant of one value can claim any number of them. */
const LONGEST_LIST = 2 ** 16;

export interface ConstantOperand {
  readonly kind: 'constant';
  /** ONNX name. */
  readonly name: string;
  readonly value: Value;
}

export interface ActivationOperand {
  readonly kind: 'activation';
  /** Name in the layer graph, which is not the ONNX name behind an operator that does nothing. */
  readonly name: string;
  /** With the mini-batch as dimension 0. */
  readonly shape: readonly number[];
}

export type Operand = ConstantOperand | ActivationOperand;

/** What all nodes of one import share. */
export interface ImportState {
  readonly opset: number;
  readonly training: boolean;
  readonly batch: number;
  /** Dimension 0 that constants of the model assume; undefined where it was symbolic. */
  readonly exportedBatch: number | undefined;
  readonly builder: GraphBuilder;
  /** Names of the ONNX model, which new tensors must avoid. */
  readonly names: ReadonlySet<string>;
  /** Trained constants, and the node that each one serves. */
  readonly trained: Map<string, string>;
  /** Parameters of the graph by constant, type and layout. */
  readonly parameters: Map<string, string>;
  /** Where each parameter of the graph comes from. */
  readonly origins: Map<string, ParameterOrigin>;
}

export interface ParameterUse {
  readonly dtype: DType;
  readonly shape: readonly number[];
  /** Whether the training step updates it. */
  readonly trained: boolean;
  /** How `data` differs from the constant as it stands in the file; '' where it does not. */
  readonly layout?: string;
  readonly data?: Float32Array | number;
  /** What the model holds, given the trained values; absent where both are the same. */
  readonly restore?: (values: Float32Array) => Float32Array;
  /** Shape of that; default: that of the constant. */
  readonly restoredShape?: readonly number[];
}

/** Where a parameter stands in the model, and how trained values go back there. */
export interface ParameterOrigin {
  /** Position of the node in the file, and of the operand among its inputs. */
  readonly node: number;
  readonly input: number;
  readonly shape: readonly number[];
  restore(values: Float32Array): Float32Array;
}

/** What lowering or folding one node may ask and do. */
export class NodeContext {
  readonly node: OnnxNode;
  readonly place: Place;
  readonly attrs: AttributeReader;
  readonly state: ImportState;
  private readonly operands: readonly (Operand | undefined)[];

  constructor(node: OnnxNode, operands: readonly (Operand | undefined)[], state: ImportState, place: Place) {
    this.node = node;
    this.operands = operands;
    this.state = state;
    this.place = place;
    this.attrs = new AttributeReader(node, place);
  }

  get opset(): number {
    return this.state.opset;
  }

  get operandCount(): number {
    return this.operands.length;
  }

  unsupported(reason: string): never {
    return fail(diag.unsupportedAttribute(this.place, this.node.opType, reason));
  }

  badShape(reason: string): never {
    return fail(diag.badShape(this.place, reason));
  }

  badAttribute(reason: string): never {
    return fail(diag.badAttribute(this.place, reason));
  }

  has(index: number): boolean {
    return this.operands[index] !== undefined;
  }

  operand(index: number): Operand {
    return this.operands[index] ?? this.badShape(`input ${index} is missing`);
  }

  activation(index: number): ActivationOperand {
    const operand = this.operand(index);
    return operand.kind === 'activation' ? operand : this.unsupported(`input ${index} ('${operand.name}') is a constant`);
  }

  constant(index: number): ConstantOperand {
    const operand = this.operand(index);
    return operand.kind === 'constant' ? operand : this.unsupported(`input ${index} ('${operand.name}') is not a constant`);
  }

  value(index: number): Value {
    return this.constant(index).value;
  }

  /** A constant operand as a list of integers. */
  ints(index: number): number[] {
    const { name, value } = this.constant(index);
    const isList = value.elements === 'int' && value.shape.length <= 1 && elementCount(value.shape) <= LONGEST_LIST;
    if (!isList) this.badShape(`input ${index} ('${name}') must be a list of integers`);
    return numbersOf(value);
  }

  /** A constant operand as one number. */
  scalar(index: number): number {
    const { name, value } = this.constant(index);
    return elementCount(value.shape) === 1 ? valueAt(value, 0) : this.badShape(`input ${index} ('${name}') must be a scalar`);
  }

  /** Appends a layer. Without `part` its result is output 0 of the node; with it, a step on the way there. */
  emit(kind: string, inputs: readonly string[], attrs: Attrs = {}, part = ''): ActivationOperand {
    const { builder } = this.state;
    const [output = ''] = this.node.outputs;
    const [layerName, name] =
      part === '' ? [this.node.layerName, output] : [`${this.node.layerName}/${part}`, this.freeName(`${output}/${part}`)];
    builder.layer({ kind, name: layerName, inputs, attrs, origin: this.node.label, outputs: [name] });
    const { shape } = builder.typeOf(name);
    return elementCount(shape) <= MOST_ELEMENTS ? { kind: 'activation', name, shape } : this.badShape(`[${shape.join(', ')}] is too large`);
  }

  /** The same elements of each sample under another shape; nothing is emitted where the shape is the same. */
  relabel(x: ActivationOperand, shape: readonly number[], part = ''): ActivationOperand {
    const same = x.shape.length === shape.length && x.shape.every((d, i) => d === shape[i]);
    return same ? x : this.emit('reshape', [x.name], { shape: shape.slice(1) }, part);
  }

  /** A constant as a parameter of a layer. @throws WavecError SHARED_WEIGHT, UNSUPPORTED_TYPE */
  parameter(operand: ConstantOperand, use: ParameterUse): string {
    const { builder, parameters, trained, training } = this.state;
    const at = { ...this.place, tensor: operand.name };
    const { value } = operand;
    if (value.elements !== 'float') fail(diag.unsupportedType(at, `${value.elements} of a weight`));
    const first = trained.get(operand.name);
    if (training && use.trained && first !== undefined) fail(diag.sharedWeight(at, first));
    if (use.trained) trained.set(operand.name, this.node.label);
    const key = JSON.stringify([operand.name, use.dtype, use.layout ?? '', use.shape]);
    const existing = parameters.get(key);
    if (existing !== undefined) return existing;
    const data = use.data ?? value.data;
    const constant: Constant = typeof data === 'number' ? { form: 'splat', value: data } : { form: 'values', values: float32Of(data) };
    const name = builder.has(operand.name) ? this.freeName(operand.name) : operand.name;
    parameters.set(key, builder.constant(name, { dtype: use.dtype, shape: use.shape }, 'weight', constant));
    this.state.origins.set(name, {
      node: this.node.index,
      input: this.operands.indexOf(operand),
      shape: use.restoredShape ?? value.shape,
      restore: use.restore ?? ((values) => values),
    });
    return name;
  }

  /** An operand of one value that the model does not hold, so that training leaves it alone. */
  fill(part: string, shape: readonly number[], value: number): string {
    const name = this.freeName(`${this.node.outputs[0] ?? this.node.label}/${part}`);
    return this.state.builder.constant(name, { dtype: 'f32', shape }, this.state.training ? 'statistics' : 'weight', {
      form: 'splat',
      value,
    });
  }

  private freeName(hint: string): string {
    let name = this.state.builder.freeName(hint);
    for (let n = 2; this.state.names.has(name); n++) name = this.state.builder.freeName(`${hint}:${n}`);
    return name;
  }
}
