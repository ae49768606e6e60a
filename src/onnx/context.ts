import type { GraphBuilder } from '../../ir/build.ts';
import { diag, fail, type Place } from '../../ir/diagnostics.ts';
import type { Attrs, Constant } from '../../ir/graph.ts';
import { type DType, elementCount } from '../../ir/tensor.ts';
import { AttributeReader } from './attributes.ts';
import { settled } from './lower/settle.ts';
import type { OnnxNode } from './model.ts';
import { COMMON_RULES, IS_CONSTANT, IS_DATA, type Operator, type Rule } from './operator.ts';
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
  /** ONNX shape. */
  readonly shape: readonly number[];
  /** The data still lie in `source`: a move that a user may absorb, and that is made a layer for those who cannot. */
  readonly pending?: Pending;
}

export type Pending = PendingTranspose | PendingPad;

/** Dimension i is dimension perm[i] of the source. */
export interface PendingTranspose {
  readonly move: 'transpose';
  readonly source: ActivationOperand;
  readonly perm: readonly number[];
}

/** Each dimension of the source with `before` and `after` elements of one value around it. */
export interface PendingPad {
  readonly move: 'pad';
  readonly source: ActivationOperand;
  readonly before: readonly number[];
  readonly after: readonly number[];
  readonly fill: number;
}

export type Operand = ConstantOperand | ActivationOperand;

/** What all nodes of one import share. */
export interface ImportState {
  readonly training: boolean;
  /** Whether parameters have values; otherwise they are elided. */
  readonly weights: boolean;
  readonly batch: number;
  /**
   * Whether dimension 0 of every activation is the mini-batch. Otherwise the model mixes what lies along it: its tensors are
   * samples as they are, of a mini-batch of 1.
   */
  readonly batched: boolean;
  /** Dimension 0 that constants of the model assume; undefined where it was symbolic. */
  readonly exportedBatch: number | undefined;
  readonly builder: GraphBuilder;
  /** Names of the ONNX model, which new tensors must avoid. */
  readonly names: ReadonlySet<string>;
  /** Trained constants, and the node that each one serves. */
  readonly trained: Map<string, string>;
  /** Parameters of the graph by constant, type and layout; tables by their entries. */
  readonly parameters: Map<string, string>;
  /** What pending moves became where a layer had to make them, by the name of their result. */
  readonly moved: Map<string, ActivationOperand>;
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
  private readonly operator: Operator;
  /** Dimension 0 of the operands of this node is the mini-batch. */
  readonly batched: boolean;

  constructor(node: OnnxNode, operator: Operator, operands: readonly (Operand | undefined)[], state: ImportState, place: Place) {
    this.node = node;
    this.operator = operator;
    this.operands = operands;
    this.state = state;
    this.place = place;
    this.attrs = new AttributeReader(node, place);
    this.batched = state.batched || operator.perSample === true;
  }

  get opset(): number {
    return this.node.opset;
  }

  get operandCount(): number {
    return this.operands.length;
  }

  /** Refuses the node by one of the rules of its operator. */
  refuse(rule: Rule, found?: string): never {
    if (this.operator.rules?.includes(rule) !== true && !COMMON_RULES.includes(rule))
      return fail(diag.internal(this.place, `${this.node.opType} does not declare the rule "${rule.says}"`));
    return fail(diag.unsupportedAttribute(this.place, this.node.opType, found === undefined ? rule.says : `${rule.says} (${found})`));
  }

  /** The node combines elements of several samples. */
  mixesSamples(how: string): never {
    return fail(diag.mixesSamples(this.place, this.node.opType, how));
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

  isConstant(index: number): boolean {
    return this.operands[index]?.kind === 'constant';
  }

  operand(index: number): Operand {
    return this.operands[index] ?? this.badShape(`input ${index} is missing`);
  }

  /** An activation whose move, if one is pending, may be absorbed. */
  pending(index: number): ActivationOperand {
    const operand = this.operand(index);
    return operand.kind === 'activation' ? operand : this.refuse(IS_DATA, `input ${index} is '${operand.name}'`);
  }

  /** An activation where it lies in memory as its shape says. */
  activation(index: number): ActivationOperand {
    return this.activationOf(this.pending(index));
  }

  /** The activation with whatever move is pending made. */
  activationOf(x: ActivationOperand): ActivationOperand {
    return settled(this, x);
  }

  constant(index: number): ConstantOperand {
    const operand = this.operand(index);
    return operand.kind === 'constant' ? operand : this.refuse(IS_CONSTANT, `input ${index} is '${operand.name}'`);
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

  /** The dimension of the layer graph that an ONNX dimension is: 1 is the first of a sample. */
  dimension(axis: number): number {
    if (this.batched && axis === 0) this.mixesSamples('works along dimension 0');
    return this.batched ? axis : axis + 1;
  }

  /** The shape of a sample of an activation. */
  sample(x: ActivationOperand): readonly number[] {
    return this.batched ? x.shape.slice(1) : x.shape;
  }

  /** The ONNX shape of an activation whose samples have this shape. */
  whole(sample: readonly number[]): readonly number[] {
    return this.batched ? [this.state.batch, ...sample] : sample;
  }

  /** Appends a layer. Without `part` its result is output 0 of the node; with it, a step on the way there. */
  emit(kind: string, inputs: readonly string[], attrs: Attrs = {}, part = ''): ActivationOperand {
    const { builder } = this.state;
    const [output = ''] = this.node.outputs;
    const [layerName, name] = [part === '' ? this.node.layerName : `${this.node.layerName}/${part}`, this.resultName(output, part)];
    builder.layer({ kind, name: layerName, inputs, attrs, origin: this.node.label, outputs: [name] });
    const shape = this.whole(builder.typeOf(name).shape.slice(1));
    return elementCount(shape) <= MOST_ELEMENTS ? { kind: 'activation', name, shape } : this.badShape(`[${shape.join(', ')}] is too large`);
  }

  private resultName(output: string, part: string): string {
    if (part !== '') return this.freeName(`${output}/${part}`);
    // Of a node that sees its sample apart, the result is not yet what the model calls by this name.
    if (this.batched !== this.state.batched) return this.freeName(`${output}/sample`);
    return this.state.builder.has(output) || output === '' ? this.freeName(`${output}/again`) : output;
  }

  /** The same elements of each sample under another shape; nothing is emitted where the shape is the same. */
  relabel(x: ActivationOperand, shape: readonly number[], part = ''): ActivationOperand {
    const same = x.shape.length === shape.length && x.shape.every((d, i) => d === shape[i]);
    return same ? x : this.emit('reshape', [x.name], { shape: this.batched ? shape.slice(1) : shape }, part);
  }

  /** A constant as a parameter of a layer. @throws WavecError SHARED_WEIGHT, UNSUPPORTED_TYPE */
  parameter(operand: ConstantOperand, use: ParameterUse): string {
    const { builder, parameters, trained, training, weights } = this.state;
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
    const present: Constant = typeof data === 'number' ? { form: 'splat', value: data } : { form: 'values', values: float32Of(data) };
    const constant: Constant = weights ? present : { form: 'elided' };
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

  /** A table of indices or weights that a layer works by; equal ones are one. */
  table(part: string, shape: readonly number[], values: Int32Array | Float32Array): string {
    const { builder, parameters } = this.state;
    const dtype = values instanceof Int32Array ? 'i32' : 'f32';
    const key = `${dtype} [${shape.join()}] ${values.join()}`;
    const existing = parameters.get(key);
    if (existing !== undefined) return existing;
    const name = this.freeName(`${this.node.outputs[0] ?? this.node.label}/${part}`);
    parameters.set(key, builder.constant(name, { dtype, shape }, 'maskIndex', { form: 'values', values }));
    return name;
  }

  private freeName(hint: string): string {
    let name = this.state.builder.freeName(hint);
    for (let n = 2; this.state.names.has(name); n++) name = this.state.builder.freeName(`${hint}:${n}`);
    return name;
  }
}
