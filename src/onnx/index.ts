import { GraphBuilder } from '../../ir/build.ts';
import { type Diagnostic, diag, type Place, WavecError } from '../../ir/diagnostics.ts';
import type { Graph } from '../../ir/graph.ts';
import { type ActivationOperand, type ImportState, NodeContext, type Operand } from './context.ts';
import { decodeModel } from './decode.ts';
import { type BoundInputs, bindInputs } from './dimensions.ts';
import { ELEMENT_TYPES, elementTypeName } from './element-types.ts';
import type { Declaration, OnnxModel, OnnxNode } from './model.ts';
import { findOperator } from './operators.ts';
import { orderNodes } from './order.ts';
import { externalLocation, readTensorProto } from './tensor-proto.ts';
import { tidy } from './tidy.ts';

export interface ImportOptions {
  /** Name of the file, for messages. */
  readonly file: string;
  /** Samples of the mini-batch; default: what the model declares as dimension 0 of its inputs. */
  readonly batch?: number;
  /** Sizes of symbolic dimensions by name. */
  readonly bind?: Readonly<Record<string, number>>;
  /** `training` keeps dropout, and gives every trained constant a parameter of its own. */
  readonly mode: 'inference' | 'training';
}

/**
 * Reads an ONNX model into a graph of forward layers. The bytes must not be changed afterwards: constants may be views of them.
 * @throws WavecError holding all problems of the model, each at its node or tensor
 */
export function importModel(bytes: Uint8Array, options: ImportOptions): Graph {
  const place = { file: options.file };
  const model = decodeModel(bytes, place);
  const nodes = orderNodes(model, place);
  return new Importer(model, nodes, bindInputs(model, options, place), options).run();
}

class Importer {
  private readonly model: OnnxModel;
  private readonly nodes: readonly OnnxNode[];
  private readonly bound: BoundInputs;
  private readonly place: Place;
  private readonly state: ImportState;
  private readonly problems: Diagnostic[] = [];
  /** What each ONNX tensor became; undefined where its node failed. */
  private readonly operands = new Map<string, Operand | undefined>();

  constructor(model: OnnxModel, nodes: readonly OnnxNode[], bound: BoundInputs, options: ImportOptions) {
    this.model = model;
    this.nodes = nodes;
    this.bound = bound;
    this.place = { file: options.file };
    this.state = {
      opset: model.opset,
      training: options.mode === 'training',
      batch: bound.batch,
      exportedBatch: bound.exportedBatch,
      builder: new GraphBuilder(model.name, bound.batch),
      names: new Set([
        ...model.inputs.map((i) => i.name),
        ...model.nodes.flatMap((n) => n.outputs),
        ...model.initializers.map((t) => t.name ?? ''),
      ]),
      trained: new Map(),
      parameters: new Map(),
    };
  }

  run(): Graph {
    this.readInitializers();
    for (const { name, shape } of this.bound.inputs) {
      this.state.builder.input(name, { dtype: 'f16', shape });
      this.operands.set(name, { kind: 'activation', name, shape });
    }
    const declared = new Map([...this.model.valueInfo, ...this.model.outputs].map((d) => [d.name, d]));
    const used = new Set([...this.nodes.flatMap((n) => n.inputs), ...this.model.outputs.map((o) => o.name)]);
    for (const node of this.nodes) {
      const result = this.convert(node, used);
      node.outputs.forEach((output, i) => {
        this.operands.set(output, i === 0 ? result : undefined);
      });
      const info = declared.get(node.outputs[0] ?? '');
      if (result?.kind === 'activation' && info)
        this.checkDeclaration(info, result, { ...this.place, node: node.label, tensor: info.name });
    }
    const outputs = this.model.outputs.map((o) => this.output(o.name));
    if (this.problems.length > 0) throw new WavecError(this.problems);
    return asOutputs(tidy(this.state.builder.finish([...new Set(outputs)])));
  }

  private attempt<T>(place: Place, action: () => T): T | undefined {
    try {
      return action();
    } catch (error) {
      if (!(error instanceof WavecError)) throw error;
      for (const d of error.diagnostics) {
        const tensor = place.tensor ?? d.place.tensor;
        this.problems.push({ ...d, place: { ...place, ...(tensor === undefined ? {} : { tensor }) } });
      }
      return undefined;
    }
  }

  private readInitializers(): void {
    const used = new Set([...this.nodes.flatMap((n) => n.inputs), ...this.model.outputs.map((o) => o.name)]);
    const external = new Map<string, string[]>();
    for (const tensor of this.model.initializers) {
      const name = tensor.name ?? '';
      if (!used.has(name)) continue;
      const location = externalLocation(tensor);
      if (location !== undefined) {
        external.set(location, [...(external.get(location) ?? []), name]);
        continue;
      }
      const value = this.attempt({ ...this.place, tensor: name }, () => readTensorProto(tensor, this.place));
      this.operands.set(name, value && { kind: 'constant', name, value });
    }
    for (const [location, [tensor = '', ...others]] of external) {
      this.problems.push(diag.externalData({ ...this.place, tensor }, location, others.length));
    }
  }

  /** What output 0 of the node becomes; undefined where the node, or one that it depends on, is refused. */
  private convert(node: OnnxNode, used: ReadonlySet<string>): Operand | undefined {
    const place = { ...this.place, node: node.label };
    const operator = findOperator(node);
    if (operator === undefined) {
      const name = node.domain === '' ? node.opType : `${node.domain}.${node.opType}`;
      const reason = node.domain === '' ? 'no layer computes it' : 'only operators of the default domain are';
      this.problems.push(diag.unsupportedOp(place, name || 'without a name', reason));
      return undefined;
    }
    const refused = this.usageProblems(node, used, operator.attributes, operator.inputs, place);
    this.problems.push(...refused);
    const operands = node.inputs.map((name) => (name === '' ? undefined : this.operands.get(name)));
    const failed = operands.some((o, i) => o === undefined && node.inputs[i] !== '');
    if (refused.length > 0 || failed) return undefined;
    const isConstant = operands.every((o) => o?.kind !== 'activation');
    const action = isConstant ? operator.fold : operator.lower;
    return this.attempt(place, () => {
      const ctx = new NodeContext(node, operands, this.state, place);
      if (action === undefined) return ctx.unsupported(isConstant ? 'all its inputs are constants' : 'its inputs are not constants');
      const result = action(ctx);
      if ('kind' in result) return result;
      const fromShape = result.fromShape === true || operands.some((o) => o?.kind === 'constant' && o.value.fromShape === true);
      return { kind: 'constant', name: node.outputs[0] ?? '', value: { ...result, fromShape } };
    });
  }

  private usageProblems(
    node: OnnxNode,
    used: ReadonlySet<string>,
    attributes: readonly string[],
    [least, most]: readonly [number, number],
    place: Place,
  ): Diagnostic[] {
    const problems = [...node.attributes.keys()]
      .filter((name) => !attributes.includes(name))
      .map((name) => diag.unsupportedAttribute(place, node.opType, `attribute ${name} is not read`));
    const count = node.inputs.length;
    if (count < least || count > most) problems.push(diag.badShape(place, `${node.opType} has ${count} inputs`));
    for (const output of node.outputs.slice(1)) {
      if (output !== '' && used.has(output)) problems.push(diag.unsupportedAttribute(place, node.opType, `its output '${output}' is used`));
    }
    return problems;
  }

  private checkDeclaration(info: Declaration, result: ActivationOperand, place: Place): void {
    const { elementType, shape } = info;
    if (elementType !== undefined && ELEMENT_TYPES.get(elementType)?.elements !== 'float') {
      this.problems.push(diag.unsupportedType(place, `${elementTypeName(elementType)} of an activation`));
    }
    if (shape === undefined) return;
    const { symbols, exportedBatch, batch } = this.bound;
    const sizes = shape.map((d) => (typeof d === 'string' ? symbols.get(d) : d));
    const expected = result.shape.map((d, i) => (i === 0 && typeof shape[0] === 'number' ? (exportedBatch ?? batch) : d));
    if (sizes.length === expected.length && sizes.every((d, i) => d === undefined || d === expected[i])) return;
    const text = shape.map((d) => d ?? '?').join(', ');
    this.problems.push(diag.shapeContradiction(place, `[${expected.join(', ')}]`, `[${text}]`));
  }

  /** The tensor of a graph output, under its ONNX name. */
  private output(name: string): string {
    const operand = this.operands.get(name);
    if (operand?.kind === 'constant') this.problems.push(diag.constantOutput({ ...this.place, tensor: name }));
    if (operand?.kind !== 'activation' || operand.name === name) return name;
    const { builder } = this.state;
    const producer = this.nodes.find((n) => n.outputs.includes(name));
    const [origin, layer] = producer ? [producer.label, producer.layerName] : [name, name];
    builder.layer({
      kind: 'reshape',
      name: layer,
      inputs: [operand.name],
      attrs: { shape: operand.shape.slice(1) },
      origin,
      outputs: [name],
    });
    return name;
  }
}

function asOutputs(graph: Graph): Graph {
  const tensors = new Map(graph.tensors);
  for (const name of graph.outputs) {
    const tensor = tensors.get(name);
    if (tensor?.kind === 'activation') tensors.set(name, { ...tensor, kind: 'output' });
  }
  return { ...graph, tensors };
}
