import { readdirSync, readFileSync, statSync } from 'node:fs';
import onnxProto, { type onnx as proto } from 'onnx-proto';
import { describe, expect, it } from 'vitest';
import { WavecError } from '../../ir/diagnostics.ts';
import { elementCount } from '../../ir/tensor.ts';
import { verify } from '../../ir/verify.ts';
import { importModel } from '../../src/onnx/index.ts';
import { OPERATORS } from '../../src/onnx/operators.ts';
import { compileGraph } from '../chain/execute.ts';
import { generator } from '../ir/values.ts';
import { hasMaterial, material } from '../material.ts';

const { ModelProto } = onnxProto.onnx;

/** Altered models of one run; `FUZZ=20000 npx vitest run test/onnx/fuzz.test.ts` takes minutes. */
const COUNT = Number(process.env.FUZZ ?? 400);
const SEED = Number(process.env.FUZZ_SEED ?? 1);
/** Larger models are no better seeds, and slower. */
const MOST_BYTES = 100_000;
/** Activations up to which what was imported is compiled too. */
const MOST_ELEMENTS = 1e6;

function seeds(): Uint8Array[] {
  const folders = ['bad/fuzz_seeds', 'models', 'conformance/node', 'conformance/node-v1.6', 'conformance/simple'].map(material);
  const files = folders.flatMap((folder) =>
    readdirSync(folder, { recursive: true })
      .map((name) => `${folder}/${String(name)}`)
      .filter((path) => !path.endsWith('.pb') && statSync(path).isFile() && statSync(path).size < MOST_BYTES),
  );
  return files.sort().map((path) => readFileSync(path));
}

type Random = (below: number) => number;

/** Values at which lengths, varints and sizes change their meaning. */
const EDGES = [0, 1, 0x7f, 0x80, 0xff, 0x0a, 0x12, 0x3a];

/** Some bytes set, bits flipped, pieces left out, doubled or taken from another model, or the end cut off. */
function altered(seed: Uint8Array, other: Uint8Array, random: Random): Uint8Array {
  const piece = (of: Uint8Array): Uint8Array => {
    const from = random(of.length);
    return of.subarray(from, from + 1 + random(32));
  };
  let bytes = Uint8Array.from(seed);
  for (let edits = 1 + random(4); edits > 0 && bytes.length > 0; edits--) {
    const at = random(bytes.length);
    const [head, tail] = [bytes.subarray(0, at), bytes.subarray(at)];
    switch (random(6)) {
      case 0:
        bytes[at] = EDGES[random(EDGES.length)] ?? 0;
        break;
      case 1:
        bytes[at] = (bytes[at] ?? 0) ^ (1 << random(8));
        break;
      case 2:
        bytes = Uint8Array.of(...head, ...tail.subarray(1 + random(16)));
        break;
      case 3:
        bytes = Uint8Array.of(...head, ...piece(bytes), ...tail);
        break;
      case 4:
        bytes = Uint8Array.of(...head, ...piece(other), ...tail);
        break;
      default:
        bytes = random(8) === 0 ? Uint8Array.from(head) : Uint8Array.from(bytes, (v, i) => (i === at ? random(256) : v));
    }
  }
  return bytes;
}

const OPERATORS_READ = Object.keys(OPERATORS);
const INTERESTING = [-1, 0, 1, 2, 3, 5, 7, -2, 2 ** 31, 2 ** 40, -(2 ** 62)];

/** A model of other operators, attributes, shapes and wires; undefined where the seed is no model. */
function rewired(seed: Uint8Array, random: Random): Uint8Array | undefined {
  const model = decoded(seed);
  const { graph } = model ?? {};
  const nodes = graph?.node ?? [];
  if (!model || !graph || nodes.length === 0) return undefined;
  const pick = <T>(list: readonly T[]): T | undefined => list[random(list.length)];
  const names = [...nodes.flatMap((n) => n.output ?? []), ...(graph.input ?? []).map((i) => i.name ?? ''), ''];
  for (let edits = 1 + random(3); edits > 0; edits--) {
    const node = pick(nodes);
    const attribute = pick(node?.attribute ?? []);
    const value = pick(INTERESTING) ?? 0;
    switch (random(7)) {
      case 0:
        if (node) node.opType = pick(OPERATORS_READ) ?? '';
        break;
      case 1:
        if (attribute) attribute.i = value;
        break;
      case 2:
        if (attribute?.ints?.length) attribute.ints[random(attribute.ints.length)] = value;
        break;
      case 3:
        if (node?.input?.length) node.input[random(node.input.length)] = pick(names) ?? '';
        break;
      case 4: {
        const dim = pick(pick(graph.input ?? [])?.type?.tensorType?.shape?.dim ?? []);
        if (dim) dim.dimValue = Math.abs(value);
        break;
      }
      case 5: {
        const raw = pick(graph.initializer ?? [])?.rawData;
        if (raw?.length) raw[random(raw.length)] = pick(EDGES) ?? 0;
        break;
      }
      default:
        if (model.opsetImport?.[0]) model.opsetImport[0].version = 6 + random(22);
    }
  }
  return ModelProto.encode(model).finish();
}

function decoded(bytes: Uint8Array): proto.IModelProto | undefined {
  try {
    return ModelProto.decode(Uint8Array.from(bytes));
  } catch {
    return undefined;
  }
}

/** Anything but the product's own errors goes through; a fault of the compiler is none of them. */
function survives(bytes: Uint8Array, mode: 'inference' | 'training'): 'imported' | 'refused' {
  try {
    const graph = importModel(bytes, { file: 'm', mode });
    expect(verify(graph)).toEqual([]);
    const elements = [...graph.tensors.values()].reduce((sum, t) => sum + elementCount(t.type.shape), 0);
    if (elements <= MOST_ELEMENTS) compileGraph(graph, { schedule: 'mbs2', mode });
    return 'imported';
  } catch (error) {
    if (!(error instanceof WavecError)) throw error;
    expect(error.diagnostics.filter((d) => d.code === 'INTERNAL')).toEqual([]);
    return 'refused';
  }
}

describe.skipIf(!hasMaterial)('altered models', () => {
  it(
    'are refused by the product’s own messages, or compile',
    () => {
      const uniform = generator(SEED);
      const random: Random = (below) => Math.floor(uniform() * below);
      const files = seeds();
      const counts = { imported: 0, refused: 0 };
      for (let i = 0; i < COUNT; i++) {
        const [seed, other] = [files[random(files.length)], files[random(files.length)]];
        if (seed === undefined || other === undefined) return expect.unreachable();
        const bytes = (i % 2 === 0 ? rewired(seed, random) : undefined) ?? altered(seed, other, random);
        counts[survives(bytes, i % 8 === 0 ? 'training' : 'inference')]++;
      }
      // Both happen, so that the seeds are worth something.
      expect(Math.min(counts.imported, counts.refused)).toBeGreaterThan(COUNT / 20);
    },
    Math.max(60_000, 60 * COUNT),
  );
});
