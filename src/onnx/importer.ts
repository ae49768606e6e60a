import { GraphBuilder } from '../../ir/build.ts';
import { type Diagnostic, diag, type Place, WavecError } from '../../ir/diagnostics.ts';
import type { Graph } from '../../ir/graph.ts';
import { type ImportState, NodeContext, type Operand, type ParameterOrigin } from './context.ts';
import { declarationProblems } from './declarations.ts';
import type { BoundInputs } from './dimensions.ts';
import type { OnnxModel, OnnxNode } from './model.ts';
import type { Operator } from './operator.ts';
import { findOperator } from './operators.ts';
import { externalLocation, readTensorProto } from './tensor-proto.ts';
import { tidy } from './tidy.ts';

/** A model that is known to be well-formed. */
export interface Source {
  readonly model: OnnxModel;
  /** The nodes that the outputs need, in topological order. */
  readonly nodes: readonly OnnxNode[];
  /** Names of the tensors that a node or an output needs. */
  readonly used: ReadonlySet<string>;
  readonly bound: BoundInputs;
}

/** An imported model. */
export interface Imported {
  readonly graph: Graph;
  /** Where each parameter of the graph comes from, by its name. */
  readonly origins: ReadonlyMap<string, ParameterOrigin>;
}

/** Turns the nodes of a model into layers, one after the other, and collects what is refused. */
export class Importer {
  private readonly source: Source;
  private readonly place: Place;
  private readonly state: ImportState;
  private readonly problems: Diagnostic[] = [];
  /** What each ONNX tensor became; undefined where its node failed. */
  private readonly operands = new Map<string, Operand | undefined>();

  constructor(source: Source, file: string, training: boolean) {
    const { model, bound } = source;
    this.source = source;
    this.place = { file };
    this.state = {
      opset: model.opset,
      training,
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
      origins: new Map(),
    };
  }

  /** The graph, and where its parameters come from. */
  run(): Imported {
    this.readInitializers();
    for (const { name, shape } of this.source.bound.inputs) {
      this.state.builder.input(name, { dtype: 'f16', shape });
      this.operands.set(name, { kind: 'activation', name, shape });
    }
    const { model, nodes, bound } = this.source;
    const declared = new Map([...model.valueInfo, ...model.outputs].map((d) => [d.name, d]));
    for (const node of nodes) {
      const result = this.convert(node);
      node.outputs.forEach((output, i) => {
        this.operands.set(output, i === 0 ? result : undefined);
      });
      const info = declared.get(node.outputs[0] ?? '');
      if (result?.kind === 'activation' && info)
        this.problems.push(...declarationProblems(info, result, bound, { ...this.place, node: node.label }));
    }
    const outputs = model.outputs.map((o) => this.output(o.name));
    if (this.problems.length > 0) throw new WavecError(this.problems);
    return { graph: asOutputs(tidy(this.state.builder.finish([...new Set(outputs)]))), origins: this.state.origins };
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
    const { model, used } = this.source;
    const external = new Map<string, string[]>();
    for (const tensor of model.initializers) {
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
  private convert(node: OnnxNode): Operand | undefined {
    const place = { ...this.place, node: node.label };
    const operator = findOperator(node);
    if (operator === undefined) {
      const name = node.domain === '' ? node.opType : `${node.domain}.${node.opType}`;
      const reason = node.domain === '' ? 'no layer computes it' : 'only operators of the default domain are';
      this.problems.push(diag.unsupportedOp(place, name || 'without a name', reason));
      return undefined;
    }
    const refused = this.usageProblems(node, operator, place);
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

  private usageProblems(node: OnnxNode, { attributes, inputs: [least, most] }: Operator, place: Place): Diagnostic[] {
    const problems = [...node.attributes.keys()]
      .filter((name) => !attributes.includes(name))
      .map((name) => diag.unsupportedAttribute(place, node.opType, `attribute ${name} is not read`));
    const count = node.inputs.length;
    if (count < least || count > most) problems.push(diag.badShape(place, `${node.opType} has ${count} inputs`));
    for (const output of node.outputs.slice(1)) {
      if (output !== '' && this.source.used.has(output))
        problems.push(diag.unsupportedAttribute(place, node.opType, `its output '${output}' is used`));
    }
    return problems;
  }

  /** The tensor of a graph output, under its ONNX name. */
  private output(name: string): string {
    const operand = this.operands.get(name);
    if (operand?.kind === 'constant') this.problems.push(diag.constantOutput({ ...this.place, tensor: name }));
    if (operand?.kind !== 'activation' || operand.name === name) return name;
    const { builder } = this.state;
    const producer = this.source.nodes.find((n) => n.outputs.includes(name));
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
