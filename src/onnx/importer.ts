import { GraphBuilder } from '../../ir/build.ts';
import { type Diagnostic, diag, type Place, WavecError } from '../../ir/diagnostics.ts';
import type { Graph } from '../../ir/graph.ts';
import { type ActivationOperand, type ImportState, NodeContext, type Operand, type ParameterOrigin } from './context.ts';
import { declarationProblems } from './declarations.ts';
import type { BoundInputs } from './dimensions.ts';
import { type ExternalReader, externalRange } from './external.ts';
import { branch, type Flow, loop } from './flow.ts';
import type { Declaration, OnnxModel, OnnxNode, TensorProto } from './model.ts';
import { CONSTANTS_ALONE, FOLDED, type Operator, type Result, UNREAD_OUTPUT } from './operator.ts';
import { findOperator } from './operators.ts';
import { separateOutputs } from './separate.ts';
import { holdsValues, readTensorProto, withoutValues } from './tensor-proto.ts';
import { tidy } from './tidy.ts';
import type { Value } from './value.ts';

/** A model that is known to be well-formed. */
export interface Source {
  readonly model: OnnxModel;
  /** The nodes that the outputs need, in topological order. */
  readonly nodes: readonly OnnxNode[];
  /** Names of the tensors that a node or an output needs. */
  readonly used: ReadonlySet<string>;
  readonly bound: BoundInputs;
}

export interface ImporterOptions {
  readonly file: string;
  readonly training: boolean;
  /** Whether parameters have values; otherwise they are elided. */
  readonly weights: boolean;
  readonly readExternal: ExternalReader | undefined;
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
  private readonly readExternal: ExternalReader | undefined;
  private readonly problems: Diagnostic[] = [];
  /** What each ONNX tensor became; undefined where its node failed. */
  private readonly operands = new Map<string, Operand | undefined>();
  private readonly declared: ReadonlyMap<string, Declaration>;

  /** `batched`: dimension 0 of every activation is the mini-batch. */
  constructor(source: Source, options: ImporterOptions, batched: boolean) {
    const { file, training, weights, readExternal } = options;
    const { model, bound } = source;
    this.source = source;
    this.place = { file };
    this.readExternal = readExternal;
    this.declared = new Map([...model.valueInfo, ...model.outputs].map((d) => [d.name, d]));
    this.state = {
      training,
      weights,
      batch: bound.batch,
      batched,
      exportedBatch: bound.exportedBatch,
      builder: new GraphBuilder(model.name, bound.batch),
      names: new Set([
        ...model.inputs.map((i) => i.name),
        ...model.nodes.flatMap((n) => n.outputs),
        ...model.initializers.map((t) => t.name ?? ''),
      ]),
      trained: new Map(),
      parameters: new Map(),
      moved: new Map(),
      origins: new Map(),
    };
  }

  /** The graph, and where its parameters come from. */
  run(): Imported {
    this.readInitializers();
    for (const { name, shape } of this.source.bound.inputs) {
      this.state.builder.input(name, { dtype: 'f16', shape: this.state.batched ? shape : [1, ...shape] });
      this.operands.set(name, { kind: 'activation', name, shape });
    }
    const { model, nodes } = this.source;
    for (const node of nodes) this.add(node);
    if (this.problems.length === 0) {
      // Inside of branches and loops a tensor may have been left out without anybody asking for it by its name in the file.
      for (const { name } of model.outputs)
        if (this.operands.get(name) === undefined) this.problems.push(diag.undefinedTensor({ ...this.place, tensor: name }));
    }
    const outputs = model.outputs.map((o) => this.output(o.name));
    if (this.problems.length > 0) throw new WavecError(this.problems);
    return { graph: asOutputs(separateOutputs(tidy(this.state.builder.finish([...new Set(outputs)])))), origins: this.state.origins };
  }

  /** Records what the outputs of a node become. */
  private add(node: OnnxNode): void {
    const { bound } = this.source;
    const results = this.isControl(node)
      ? (this.attempt({ ...this.place, node: node.label }, () => this.control(node)) ?? [])
      : this.convert(node);
    node.outputs.forEach((output, i) => {
      const result = results[i];
      this.operands.set(output, result);
      const info = this.declared.get(output);
      if (result?.kind === 'activation' && info)
        this.problems.push(...declarationProblems(info, result, bound, this.state.batched, { ...this.place, node: node.label }));
    });
  }

  private isControl(node: OnnxNode): boolean {
    return node.domain === '' && (node.opType === 'If' || node.opType === 'Loop');
  }

  /** A branch or loop whose course is known, as its nodes. */
  private control(node: OnnxNode): readonly (Operand | undefined)[] {
    if (node.inputs.some((name) => name !== '' && this.operands.get(name) === undefined)) return [];
    const flow: Flow = {
      place: { ...this.place, node: node.label },
      operand: (name) => this.operands.get(name),
      define: (name, operand) => this.operands.set(name, operand),
      initializer: (tensor) => this.initializer(tensor),
      add: (inner) => this.add(inner),
    };
    return node.opType === 'If' ? branch(node, flow) : loop(node, flow);
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
      const location = externalRange(tensor, 0)?.location;
      const isThere = location === undefined || this.readExternal !== undefined || !this.state.weights;
      if (isThere) this.initializer(tensor);
      else external.set(location, [...(external.get(location) ?? []), name]);
    }
    for (const [location, [tensor = '', ...others]] of external) {
      this.problems.push(diag.externalData({ ...this.place, tensor }, location, others.length));
    }
  }

  private initializer(tensor: TensorProto): void {
    const name = tensor.name ?? '';
    const read = (): Value =>
      (this.state.weights ? undefined : this.leftOut(tensor)) ?? readTensorProto(tensor, this.place, this.readExternal);
    const value = this.attempt({ ...this.place, tensor: name }, read);
    this.operands.set(name, value && { kind: 'constant', name, value });
  }

  /** The stand-in for values that are not in the file of the model, where no weights are wanted. */
  private leftOut(tensor: TensorProto): Value | undefined {
    const place = { ...this.place, tensor: tensor.name ?? '' };
    return holdsValues(tensor, place) ? undefined : withoutValues(tensor, place);
  }

  /** What the outputs of the node become; nothing where the node, or one that it depends on, is refused. */
  private convert(node: OnnxNode): readonly (Operand | undefined)[] {
    const place = { ...this.place, node: node.label };
    const operator = findOperator(node);
    if (operator === undefined) {
      const name = node.domain === '' ? node.opType : `${node.domain}.${node.opType}`;
      const reason = node.domain === '' ? 'no layer computes it' : 'only operators of the default domain are';
      this.problems.push(diag.unsupportedOp(place, name || 'without a name', reason));
      return [];
    }
    const refused = this.usageProblems(node, operator, place);
    this.problems.push(...refused);
    const operands = node.inputs.map((name) => (name === '' ? undefined : this.operands.get(name)));
    const failed = operands.some((o, i) => o === undefined && node.inputs[i] !== '');
    if (refused.length > 0 || failed) return [];
    return this.attempt(place, () => this.results(node, operator, operands, place)) ?? [];
  }

  private results(node: OnnxNode, operator: Operator, operands: readonly (Operand | undefined)[], place: Place): (Operand | undefined)[] {
    const isConstant = operands.every((o) => o?.kind !== 'activation');
    const ctx = new NodeContext(node, operator, operands, this.state, place);
    if (isConstant && operator.fold === undefined) return ctx.refuse(FOLDED);
    const broken = isConstant ? undefined : operator.rules?.find((rule) => rule.holds?.(ctx) === false);
    if (broken) return ctx.refuse(broken);
    if (!isConstant && operator.lower === undefined) return ctx.refuse(CONSTANTS_ALONE);
    const given = isConstant ? operator.fold?.(ctx) : this.lowered(ctx, operator, operands);
    const fromShape = operands.some((o) => o?.kind === 'constant' && o.value.fromShape === true);
    const results = given === undefined || isResult(given) ? [given] : given;
    return node.outputs.map((output, i): Operand | undefined => {
      const result = results[i];
      if (result === undefined)
        return this.source.used.has(output) && output !== '' ? ctx.refuse(UNREAD_OUTPUT, `'${output}' is used`) : undefined;
      if ('kind' in result) return result;
      return { kind: 'constant', name: output, value: { ...result, fromShape: fromShape || result.fromShape === true } };
    });
  }

  /**
   * The layers of a node. In a model without a mini-batch, what treats samples apart sees its one sample without dimension 0, which must
   * be 1.
   */
  private lowered(ctx: NodeContext, operator: Operator, operands: readonly (Operand | undefined)[]): Result | readonly Result[] {
    if (this.state.batched || operator.perSample !== true) return operator.lower?.(ctx);
    const outer = new NodeContext(ctx.node, { ...operator, perSample: undefined }, operands, this.state, ctx.place);
    const samples = operands.map((o, i): Operand | undefined => {
      if (o?.kind !== 'activation') return o;
      if (o.shape[0] !== 1) return outer.mixesSamples(`works on ${o.shape[0]} samples in a model that mixes what lies along dimension 0`);
      const x = outer.activationOf(o);
      return { ...outer.emit('reshape', [x.name], { shape: o.shape.slice(1) }, `sample${i}`), shape: o.shape };
    });
    const inner = new NodeContext(ctx.node, operator, samples, this.state, ctx.place);
    const given = operator.lower?.(inner);
    const results = given === undefined || isResult(given) ? [given] : given;
    return results.map((result, i): Result => {
      if (result === undefined || !('kind' in result) || result.kind !== 'activation') return result;
      const y = inner.activationOf(result);
      return { ...outer.emit('reshape', [y.name], { shape: y.shape }, i === 0 ? '' : `result${i}`), shape: y.shape };
    });
  }

  private usageProblems(node: OnnxNode, { attributes, inputs: [least, most], outputs = 1 }: Operator, place: Place): Diagnostic[] {
    const problems = [...node.attributes.keys()]
      .filter((name) => !attributes.includes(name))
      .map((name) => diag.unsupportedAttribute(place, node.opType, `attribute ${name} is not read`));
    const count = node.inputs.length;
    if (count < least || count > most) problems.push(diag.badShape(place, `${node.opType} has ${count} inputs`));
    for (const output of node.outputs.slice(outputs)) {
      if (output !== '' && this.source.used.has(output))
        problems.push(diag.unsupportedAttribute(place, node.opType, `${UNREAD_OUTPUT.says} ('${output}' is used)`));
    }
    return problems;
  }

  /** The tensor of a graph output, under its ONNX name. */
  private output(name: string): string {
    const operand = this.operands.get(name);
    if (operand?.kind === 'constant') this.problems.push(diag.constantOutput({ ...this.place, tensor: name }));
    if (operand?.kind === 'activation' && this.source.bound.inputs.some((i) => i.name === name))
      this.problems.push(diag.inputAsOutput({ ...this.place, tensor: name }));
    if (operand?.kind !== 'activation' || operand.name === name) return name;
    const { builder, batched } = this.state;
    const producer = this.source.nodes.find((n) => n.outputs.includes(name));
    const [origin, layer] = producer ? [producer.label, producer.layerName] : [name, name];
    const x = producer ? settledAt(producer, operand, this.state, this.place) : operand;
    const attrs = { shape: batched ? operand.shape.slice(1) : operand.shape };
    if (x.name !== name) builder.layer({ kind: 'reshape', name: layer, inputs: [x.name], attrs, origin, outputs: [name] });
    return name;
  }
}

/** What the graph returns is in memory as its shape says. */
function settledAt(node: OnnxNode, x: ActivationOperand, state: ImportState, place: Place): ActivationOperand {
  return new NodeContext(node, { inputs: [0, 0], attributes: [] }, [], state, place).activationOf(x);
}

const isResult = (given: Result | readonly Result[]): given is Operand | Value =>
  given !== undefined && ('kind' in given || 'data' in given);

function asOutputs(graph: Graph): Graph {
  const tensors = new Map(graph.tensors);
  for (const name of graph.outputs) {
    const tensor = tensors.get(name);
    if (tensor?.kind === 'activation') tensors.set(name, { ...tensor, kind: 'output' });
  }
  return { ...graph, tensors };
}
