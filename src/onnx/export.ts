import type { onnx as proto } from 'onnx-proto';
import onnxProto from 'onnx-proto';
import { elementBytes, FILE_TYPES, type FileType, LAYOUTS } from '../tensor-file/tensor.ts';
import { fieldsOf, joined, type MessageField, messageField } from './fields.ts';
import { type GroupNorm, groupNormalization } from './group-norm.ts';
import type { TensorProto } from './model.ts';

const { NodeProto, TensorProto: Tensor, ValueInfoProto } = onnxProto.onnx;

/** Numbers of the fields that are edited (onnx.proto). */
const MODEL_GRAPH = 7;
const GRAPH = { node: 1, initializer: 5, input: 11 } as const;

/** A trained value: the operand that takes it, by position of its node in the file and among the node's inputs. */
export interface TrainedOperand {
  readonly node: number;
  readonly input: number;
  readonly shape: readonly number[];
  readonly values: Float32Array;
}

export interface ExportEdits {
  readonly trained: readonly TrainedOperand[];
  /** Batch normalizations that training replaced, by position of the node. */
  readonly groupNorms: ReadonlyMap<number, GroupNorm>;
}

/**
 * The model with trained values in place of its own, for inference: what held the values of one operand holds the new ones, what
 * several share is given to each apart. Normalization and dropout are those of inference. All else stays byte for byte.
 * @param model an ONNX model that has been imported
 */
export function exportTrained(model: Uint8Array, edits: ExportEdits): Uint8Array {
  return edited(model, MODEL_GRAPH, (graph) => new GraphEditor(graph, edits).run());
}

/** A message with the content of its fields of one number replaced. */
function edited(message: Uint8Array, number: number, edit: (content: Uint8Array) => Uint8Array): Uint8Array {
  return joined(
    fieldsOf(message).map((f) => (f.number === number && f.content !== undefined ? messageField(number, edit(f.content)) : f.bytes)),
  );
}

class GraphEditor {
  private readonly fields: readonly MessageField[];
  private readonly edits: ExportEdits;
  private readonly nodes: proto.INodeProto[];
  private readonly initializers: ReadonlyMap<string, TensorProto>;
  private readonly names: Set<string>;
  private readonly changedNodes = new Map<number, readonly proto.INodeProto[]>();
  private readonly changedInitializers = new Map<string, Uint8Array>();
  private readonly added: Uint8Array[] = [];

  constructor(graph: Uint8Array, edits: ExportEdits) {
    this.fields = fieldsOf(graph);
    this.edits = edits;
    this.nodes = this.contents(GRAPH.node).map((bytes) => NodeProto.decode(bytes));
    this.initializers = new Map(
      this.contents(GRAPH.initializer)
        .map((bytes) => Tensor.decode(bytes))
        .map((t) => [t.name ?? '', t]),
    );
    this.names = new Set([...this.initializers.keys(), ...this.nodes.flatMap((n) => [...(n.input ?? []), ...(n.output ?? [])])]);
  }

  run(): Uint8Array {
    for (const operand of this.edits.trained) this.setOperand(operand);
    this.nodes.forEach((node, i) => {
      const groups = this.edits.groupNorms.get(i);
      if (groups !== undefined) this.changedNodes.set(i, this.replaceNorm(node, groups));
      else if (node.opType === 'BatchNormalization') this.changedNodes.set(i, [inferenceNorm(node)]);
      else if (node.opType === 'Dropout') this.changedNodes.set(i, [{ ...node, input: (node.input ?? []).slice(0, 1) }]);
    });
    const unused = this.unusedInitializers();
    let node = 0;
    let initializer = 0;
    const names = [...this.initializers.keys()];
    const parts = this.fields.flatMap((field): Uint8Array[] => {
      if (field.number === GRAPH.node) {
        const changed = this.changedNodes.get(node++);
        return changed?.map((n) => messageField(GRAPH.node, NodeProto.encode(n).finish())) ?? [field.bytes];
      }
      if (field.number !== GRAPH.initializer) return [field.bytes];
      const name = names[initializer++] ?? '';
      return unused.has(name) ? [] : [this.changedInitializers.get(name) ?? field.bytes];
    });
    return joined([...parts, ...this.added]);
  }

  /** Initializers that only nodes took which are replaced; where one is a graph input too, it must stay. */
  private unusedInitializers(): Set<string> {
    const before = new Set(this.nodes.flatMap((n) => n.input ?? []));
    const after = new Set(this.nodes.flatMap((n, i) => (this.changedNodes.get(i) ?? [n]).flatMap((m) => m.input ?? [])));
    const declared = new Set(this.contents(GRAPH.input).map((bytes) => ValueInfoProto.decode(bytes).name));
    return new Set([...this.initializers.keys()].filter((name) => before.has(name) && !after.has(name) && !declared.has(name)));
  }

  private contents(number: number): Uint8Array[] {
    return this.fields.flatMap((f) => (f.number === number && f.content !== undefined ? [f.content] : []));
  }

  private setOperand({ node: index, input, shape, values }: TrainedOperand): void {
    const node = this.nodes[index];
    const name = node?.input?.[input];
    if (node === undefined || name === undefined) return;
    const held = this.initializers.get(name);
    const uses = this.nodes.reduce((sum, n) => sum + (n.input ?? []).filter((i) => i === name).length, 0);
    if (held !== undefined && uses === 1) {
      this.changedInitializers.set(name, initializerField(name, shape, values, typeOf(held)));
      return;
    }
    const own = this.freeName(`${name}.trained`);
    this.added.push(initializerField(own, shape, values, this.floatType(held)));
    const rewired = { ...node, input: (node.input ?? []).map((i, at) => (at === input ? own : i)) };
    this.nodes[index] = rewired;
    this.changedNodes.set(index, [rewired]);
  }

  private replaceNorm(node: proto.INodeProto, groups: GroupNorm): proto.INodeProto[] {
    const constant = (
      part: string,
      shape: readonly number[],
      values: ArrayLike<number>,
      type: FileType = this.floatType(undefined),
    ): string => {
      const name = this.freeName(`${node.output?.[0] ?? ''}/${part}`);
      this.added.push(initializerField(name, shape, values, type));
      return name;
    };
    return groupNormalization(node, groups, constant, (part) => this.freeName(`${node.output?.[0] ?? ''}/${part}`));
  }

  /** The float type of a constant, or else that of the first initializer that has one. */
  private floatType(held: TensorProto | undefined): FileType {
    const floats: readonly FileType[] = ['f2', 'f4', 'f8'];
    const types = [...(held === undefined ? [] : [held]), ...this.initializers.values()].map(typeOf);
    return types.find((t) => floats.includes(t)) ?? 'f4';
  }

  private freeName(hint: string): string {
    let name = hint;
    for (let n = 2; this.names.has(name); n++) name = `${hint}.${n}`;
    this.names.add(name);
    return name;
  }
}

function typeOf(tensor: TensorProto): FileType {
  return FILE_TYPES.find((t) => LAYOUTS[t].onnx === tensor.dataType) ?? 'f4';
}

function initializerField(name: string, shape: readonly number[], values: ArrayLike<number>, type: FileType): Uint8Array {
  const tensor = { name, dims: [...shape], dataType: LAYOUTS[type].onnx, rawData: elementBytes(type, values) };
  return messageField(GRAPH.initializer, Tensor.encode(tensor).finish());
}

/** Batch normalization by its running statistics, whose updates are no outputs any more. */
function inferenceNorm(node: proto.INodeProto): proto.INodeProto {
  const attribute = (node.attribute ?? []).filter((a) => !['training_mode', 'is_test'].includes(a.name ?? ''));
  return { ...node, attribute, output: (node.output ?? []).slice(0, 1) };
}
