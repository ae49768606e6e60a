import { diag, fail } from './diagnostics.ts';
import type { Attrs, Constant, Graph, Layer, Phase, Tensor } from './graph.ts';
import { recordOf } from './layers/index.ts';
import { inferTypes, isShared, operandAt, requiredOperands, resultKind } from './layers/operands.ts';
import { type KindRecord, ShapeError } from './layers/record.ts';
import type { TensorKind, TensorType } from './tensor.ts';

/** A layer to append; types of its outputs follow its record. */
export interface LayerRequest {
  readonly kind: string;
  /** Made unique by a number behind it. */
  readonly name: string;
  readonly inputs: readonly string[];
  readonly attrs?: Attrs;
  readonly phase?: Phase;
  /** Default: the name. */
  readonly origin?: string;
  /** Default: the name. */
  readonly unit?: string;
  /** Names of the outputs, or how many; default: the outputs that the record requires, named after the layer. */
  readonly outputs?: number | readonly string[];
  /** Default: what record and phase say. */
  readonly outputKinds?: readonly TensorKind[];
}

/** Collects tensors and layers in execution order into a graph. */
export class GraphBuilder {
  readonly name: string;
  readonly batch: number;
  private readonly tensors = new Map<string, Tensor>();
  private readonly layers: Layer[] = [];
  private readonly layerNames = new Set<string>();
  private readonly inputs: string[] = [];

  constructor(name: string, batch: number) {
    this.name = name;
    this.batch = batch;
  }

  /** Starts with everything that `graph` holds. */
  static from(graph: Graph): GraphBuilder {
    const builder = new GraphBuilder(graph.name, graph.batch);
    for (const tensor of graph.tensors.values()) builder.tensors.set(tensor.name, tensor);
    for (const layer of graph.layers) {
      builder.layers.push(layer);
      builder.layerNames.add(layer.name);
    }
    builder.inputs.push(...graph.inputs);
    return builder;
  }

  /** `hint`, or `hint.2`, `hint.3`, …: a name that no tensor has. */
  freeName(hint: string): string {
    return unused(hint, (name) => this.tensors.has(name));
  }

  has(tensor: string): boolean {
    return this.tensors.has(tensor);
  }

  tensorOf(name: string): Tensor {
    return this.tensors.get(name) ?? fail(diag.internal({ tensor: name }, 'tensor is not in the graph'));
  }

  typeOf(name: string): TensorType {
    return this.tensorOf(name).type;
  }

  /** Adds a tensor as it is. */
  add(tensor: Tensor): string {
    if (this.tensors.has(tensor.name)) fail(diag.internal({ tensor: tensor.name }, 'tensor is defined twice'));
    this.tensors.set(tensor.name, tensor);
    return tensor.name;
  }

  /** Adds a parameter or other constant; all samples share it. */
  constant(name: string, type: TensorType, kind: TensorKind, constant: Constant): string {
    return this.add({ name, type, kind, batched: false, constant });
  }

  /** Adds a tensor that is given at run time; dimension 0 is the mini-batch unless `batched` says otherwise. */
  input(name: string, type: TensorType, batched = true): string {
    this.inputs.push(name);
    return this.add({ name, type, kind: 'input', batched });
  }

  /** Gives a constant another initial value. */
  replaceConstant(tensor: string, constant: Constant): void {
    this.tensors.set(tensor, { ...this.tensorOf(tensor), constant });
  }

  /** Lets `tensor` overwrite the DRAM storage of `storage`. */
  shareStorage(tensor: string, storage: string): void {
    this.tensors.set(tensor, { ...this.tensorOf(tensor), storage });
  }

  /**
   * Appends a layer and returns the names of its outputs.
   * @throws WavecError with `BAD_SHAPE` at the layer where the record refuses its operands.
   */
  layer(request: LayerRequest): string[] {
    const { kind, inputs, attrs = {}, phase = 'forward' } = request;
    const name = unused(request.name, (n) => this.layerNames.has(n));
    const origin = request.origin ?? name;
    const record = recordOf(kind);
    const types = this.infer(record, request, { node: origin, layer: name });
    const outputs = types.map((type, i) => {
      const spec = operandAt(record.outputs, i) ?? fail(diag.internal({ layer: name }, `output ${i} has no description`));
      const wanted = typeof request.outputs === 'object' ? request.outputs[i] : undefined;
      const output = wanted ?? this.freeName(i === 0 ? name : `${name}.${spec.name}`);
      return this.add({ name: output, type, kind: request.outputKinds?.[i] ?? resultKind(spec, phase), batched: !isShared(spec, attrs) });
    });
    this.layers.push({ name, kind, inputs, outputs, attrs, phase, origin, unit: request.unit ?? name });
    this.layerNames.add(name);
    return outputs;
  }

  /** The graph, with `outputs` readable afterwards. */
  finish(outputs: readonly string[]): Graph {
    for (const output of outputs) this.tensorOf(output);
    return {
      name: this.name,
      batch: this.batch,
      tensors: new Map(this.tensors),
      layers: [...this.layers],
      inputs: [...this.inputs],
      outputs,
    };
  }

  private infer(record: KindRecord, request: LayerRequest, place: { node: string; layer: string }): TensorType[] {
    const { inputs, attrs = {}, outputs = requiredOperands(record.outputs) } = request;
    const wanted = typeof outputs === 'number' ? outputs : outputs.length;
    const types = inputs.map((input) => this.typeOf(input));
    try {
      return inferTypes(record, types, attrs, wanted);
    } catch (error) {
      if (error instanceof ShapeError) fail(diag.badShape(place, error.message));
      throw error;
    }
  }
}

/** `hint`, or that with the least number behind it that makes it free. */
export function unused(hint: string, taken: (name: string) => boolean): string {
  if (!taken(hint)) return hint;
  let n = 2;
  while (taken(`${hint}.${n}`)) n++;
  return `${hint}.${n}`;
}
