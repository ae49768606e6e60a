import onnxProto, { type onnx as proto } from 'onnx-proto';
import { OPERATORS } from '../../src/onnx/operators.ts';
import type { Random } from './random.ts';

const { ModelProto } = onnxProto.onnx;

/** Numbers at the edges of what sizes, axes and counts may be. */
const EDGES = [-(2 ** 53), -(2 ** 31), -7, -2, -1, 0, 1, 2, 3, 7, 255, 2 ** 16, 2 ** 31 - 1, 2 ** 31, 2 ** 32, 2 ** 40, 2 ** 53];
const FLOATS = [Number.NaN, Number.POSITIVE_INFINITY, -0, 0, -1, 1e-45, 3.4e38, 0.5];
const OP_TYPES = [...Object.keys(OPERATORS), 'If', 'Loop', 'Scan', 'QuantizeLinear', 'Unknown', ''];

type ByteMutation = (bytes: Uint8Array, other: Uint8Array, random: Random) => Uint8Array;

const join = (...parts: readonly Uint8Array[]): Uint8Array => {
  const all = new Uint8Array(parts.reduce((n, p) => n + p.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
};

const BYTES: readonly ByteMutation[] = [
  (bytes, _, r) => {
    const flipped = bytes.slice();
    for (let n = 1 + r.below(8); n > 0; n--) flipped[r.below(bytes.length)] = r.below(256);
    return flipped;
  },
  (bytes, _, r) => bytes.slice(0, r.below(bytes.length)),
  (bytes, _, r) => {
    const from = r.below(bytes.length);
    return join(bytes.subarray(0, from), bytes.subarray(from + 1 + r.below(64)));
  },
  (bytes, other, r) => {
    const [at, from] = [r.below(bytes.length), r.below(other.length)];
    return join(bytes.subarray(0, at), other.subarray(from, from + r.below(512)), bytes.subarray(at + r.below(512)));
  },
];

type ModelMutation = (graph: proto.IGraphProto, random: Random, model: proto.IModelProto) => void;

const some = <T>(list: readonly T[] | null | undefined, random: Random): T | undefined => (list?.length ? random.pick(list) : undefined);

const edit = <T>(list: T[] | null | undefined, random: Random, value: () => T): void => {
  if (list) list[random.below(list.length + 1)] = value();
};

const namesOf = (graph: proto.IGraphProto): string[] => [
  '',
  ...(graph.node ?? []).flatMap((n) => [...(n.input ?? []), ...(n.output ?? [])]),
  ...(graph.initializer ?? []).map((t) => t.name ?? ''),
];

const shuffle = <T>(list: T[], random: Random): void => {
  list.sort(() => random.below(3) - 1);
};

const MODELS: readonly ModelMutation[] = [
  (graph, r) => {
    const node = some(graph.node, r);
    if (node) node.opType = r.pick(OP_TYPES);
  },
  (graph, r) => edit(some(graph.node, r)?.input, r, () => r.pick(namesOf(graph))),
  (graph, r) => edit(some(graph.node, r)?.output, r, () => r.pick(namesOf(graph))),
  (graph, r) => some(graph.node, r)?.input?.pop(),
  (graph, r) => shuffle(graph.node ?? [], r),
  (graph, r) => graph.node?.splice(r.below(graph.node.length + 1), 1),
  (graph, r) => {
    const node = some(graph.node, r);
    if (node) graph.node?.splice(r.below(graph.node.length), 0, r.below(2) === 0 ? node : { ...node, output: [`again${r.below(9)}`] });
  },
  (graph, r) => edit(some(some(graph.node, r)?.attribute, r)?.ints, r, () => r.pick(EDGES)),
  (graph, r) => edit(some(some(graph.node, r)?.attribute, r)?.floats, r, () => r.pick(FLOATS)),
  (graph, r) => {
    const attribute = some(some(graph.node, r)?.attribute, r);
    if (!attribute) return;
    attribute.i = r.pick(EDGES);
    attribute.f = r.pick(FLOATS);
    if (r.below(4) === 0) attribute.type = r.below(16);
    if (r.below(4) === 0)
      attribute.name = r.pick(['axis', 'axes', 'pads', 'strides', 'group', 'kernel_shape', 'mode', 'epsilon', 'to', 'value']);
    if (r.below(4) === 0) attribute.s = new TextEncoder().encode(r.pick(['SAME_UPPER', 'VALID', 'linear', 'NOTSET', '']));
  },
  (graph, r) => some(graph.node, r)?.attribute?.splice(0, 1),
  (graph, r) => edit(some(graph.initializer, r)?.dims, r, () => r.pick(EDGES)),
  (graph, r) => shuffle(some(graph.initializer, r)?.dims ?? [], r),
  (graph, r) => {
    const tensor = some(graph.initializer, r);
    if (tensor) tensor.dataType = r.below(28);
  },
  (graph, r) => edit(some(graph.initializer, r)?.int64Data, r, () => r.pick(EDGES)),
  (graph, r) => {
    const raw = some(graph.initializer, r)?.rawData;
    if (!raw || raw.length < 8) return;
    const view = new DataView(raw.buffer, raw.byteOffset, raw.byteLength);
    view.setBigInt64(r.below(Math.floor(raw.length / 8)) * 8, BigInt(r.pick(EDGES)), true);
  },
  (graph, r) => {
    const tensor = some(graph.initializer, r);
    if (tensor) tensor.rawData = tensor.rawData?.slice(0, r.below(tensor.rawData.length + 1)) ?? null;
  },
  (graph, r) => graph.initializer?.splice(r.below(graph.initializer.length + 1), 1),
  (graph, r) => {
    const tensor = some(graph.initializer, r);
    if (tensor) tensor.name = r.pick(namesOf(graph));
  },
  (graph, r) => {
    const info = some([...(graph.input ?? []), ...(graph.output ?? []), ...(graph.valueInfo ?? [])], r);
    const dims = info?.type?.tensorType?.shape?.dim;
    edit(dims, r, () => (r.below(3) === 0 ? { dimParam: r.pick(['batch', 'h']) } : { dimValue: r.pick(EDGES) }));
    if (info && r.below(8) === 0) info.type = null;
  },
  (graph, r) => edit(graph.output, r, () => ({ name: r.pick(namesOf(graph)) })),
  (_, r, model) => {
    for (const opset of model.opsetImport ?? []) opset.version = r.below(30);
  },
  (graph, r, model) => {
    const node = some(graph.node, r);
    if (!node) return;
    const body = { domain: 'f', name: 'F', input: node.input ?? [], output: node.output ?? [], node: [{ ...node }] };
    model.functions = [{ ...body, opsetImport: model.opsetImport ?? [] }];
    node.domain = 'f';
    node.opType = 'F';
  },
  (graph, r) => {
    const node = some(graph.node, r);
    if (!node) return;
    const block = { node: [{ ...node }], output: (node.output ?? []).map((name) => ({ name })) };
    node.opType = r.pick(['If', 'Loop']);
    node.input = [r.pick(namesOf(graph)), ...(node.opType === 'Loop' ? [''] : [])];
    node.attribute = ['then_branch', 'else_branch', 'body'].map((name) => ({ name, type: 5, g: block }));
  },
];

/** A damaged copy of a model: its bytes, or the fields of its protobuf, changed in a few places. */
export function mutated(bytes: Uint8Array, other: Uint8Array, random: Random): Uint8Array {
  if (random.below(5) === 0) return random.pick(BYTES)(bytes, other, random);
  try {
    const model = ModelProto.decode(bytes.slice());
    if (!model.graph) return bytes;
    for (let n = 1 + random.below(3); n > 0; n--) random.pick(MODELS)(model.graph, random, model);
    return ModelProto.encode(model).finish();
  } catch {
    // Some seeds cannot be decoded, and some edits cannot be encoded.
    return random.pick(BYTES)(bytes, other, random);
  }
}
