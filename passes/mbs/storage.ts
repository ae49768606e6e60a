import { diag, fail } from '../../ir/diagnostics.ts';
import { type Graph, orderedTensors, type Tensor } from '../../ir/graph.ts';
import { recordOf } from '../../ir/layers/index.ts';
import type { TensorKind } from '../../ir/tensor.ts';

/** A piece of memory that one or several tensors of the graph name. */
export interface Storage {
  /** The name its users know: a graph output or input where it holds one, else its first tensor. */
  readonly name: string;
  readonly kind: TensorKind;
  /** The tensor that gives the storage its name, type and initial value. */
  readonly tensor: Tensor;
  readonly members: readonly string[];
}

/** Which storage each tensor lies in. */
export interface Storages {
  readonly all: readonly Storage[];
  of(tensor: string): Storage;
  tensor(name: string): Tensor;
}

/** Merges tensors that alias layers relabel, and tensors that are updated in place, into one storage each. */
export function storagesOf(graph: Graph): Storages {
  const tensor = (name: string): Tensor => graph.tensors.get(name) ?? fail(diag.internal({ tensor: name }, 'tensor is not in the graph'));
  const root = new Map<string, string>();
  const rootOf = (name: string): string => {
    const parent = root.get(name);
    return parent === undefined ? name : rootOf(parent);
  };
  for (const t of graph.tensors.values()) if (t.storage !== undefined) root.set(t.name, t.storage);
  for (const layer of graph.layers) {
    const [from] = layer.inputs;
    const [to] = layer.outputs;
    if (recordOf(layer.kind).unit === 'alias' && from !== undefined && to !== undefined) root.set(to, from);
  }
  const members = new Map<string, string[]>();
  for (const name of orderedTensors(graph)) {
    const r = rootOf(name);
    const list = members.get(r);
    if (list === undefined) members.set(r, [name]);
    else list.push(name);
  }
  const outputs = new Set(graph.outputs);
  const byTensor = new Map<string, Storage>();
  const all: Storage[] = [];
  for (const [rootName, names] of members) {
    const named = tensor(names.find((n) => outputs.has(n) && tensor(n).storage === undefined) ?? rootName);
    const storage: Storage = { name: named.name, kind: named.kind, tensor: named, members: names };
    all.push(storage);
    for (const n of names) byTensor.set(n, storage);
  }
  return { all, of: (name) => byTensor.get(name) ?? fail(diag.internal({ tensor: name }, 'tensor has no storage')), tensor };
}
