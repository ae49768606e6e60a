import * as v from 'valibot';
import { formatType } from '../../../../ir/tensor.ts';
import { printFields } from '../../assembly/print-instruction.ts';
import { DecodeError, decodeAll } from '../../isa/decode.ts';
import { INSTRUCTION_BYTES } from '../../isa/table.ts';
import type { SectionName } from '../format.ts';
import { BufferSchema, DebugSchema, PredictedSchema, SymbolsSchema } from '../schema.ts';
import { storedBytes } from '../symbols.ts';
import { jsonParts } from './json-parts.ts';
import type { MapBuilder } from './map-builder.ts';

type MapContents = (map: MapBuilder, contents: Uint8Array) => void;

/** Puts the contents of a section into the map, part by part. */
export function mapSection(map: MapBuilder, name: SectionName, contents: Uint8Array): void {
  SECTION_MAPS[name](map, contents);
}

const SECTION_MAPS: Readonly<Record<SectionName, MapContents>> = {
  meta: jsonMap('meta', describeField),
  machine: jsonMap('machine', describeField),
  code: mapCode,
  symbols: jsonMap('symbols', describeSymbol),
  debug: jsonMap('debug', describeRange),
  buffer: jsonMap('buffer', describeAllocation),
  predicted: jsonMap('predicted', describePrediction),
  data: mapData,
};

/** A map of JSON, one range an element of its list or a field of its object. */
function jsonMap(name: SectionName, describe: (text: string, map: MapBuilder) => string | undefined): MapContents {
  return (map, contents) => {
    for (const { bytes, text } of jsonParts(contents)) {
      const described = describe(text, map);
      if (described === undefined) map.problem(`section ${name} holds ${bytes} bytes that are not understood`);
      map.take(name, bytes, described ?? 'not understood');
    }
  };
}

/** The element that JSON text stands for; undefined where it does not fit the schema. */
function element<S extends v.GenericSchema>(schema: S, text: string): v.InferOutput<S> | undefined {
  try {
    const result = v.safeParse(schema, JSON.parse(text));
    return result.success ? result.output : undefined;
  } catch {
    return undefined;
  }
}

/** Marks around the elements of a list, or the fields of an object. */
const isMark = (text: string): boolean => ['[', ']', '{', '}'].includes(text);

function describeField(text: string): string | undefined {
  return isMark(text) || element(v.looseObject({}), `{${text}}`) !== undefined ? text : undefined;
}

function describeSymbol(text: string, map: MapBuilder): string | undefined {
  if (isMark(text)) return text;
  const symbol = element(SymbolsSchema.item, text);
  if (symbol === undefined) return undefined;
  const { name, kind, role, address, initial } = symbol;
  if (initial?.form === 'values') {
    map.values.set(initial.offset, { bytes: storedBytes(initial), meaning: `${initial.count} ${initial.type} values of tensor '${name}'` });
  }
  return `tensor '${name}' ${formatType(symbol)}, ${kind}, ${role}, at ${address}`;
}

function describeRange(text: string): string | undefined {
  if (isMark(text)) return text;
  const range = element(DebugSchema.item, text);
  if (range === undefined) return undefined;
  const { from, to, layer, kind, phase, group, origin } = range;
  return `instructions ${from} to ${to - 1}: ${phase} layer '${layer}' (${kind}), group ${group}, from node '${origin}'`;
}

function describeAllocation(text: string): string | undefined {
  if (isMark(text)) return text;
  const allocation = element(BufferSchema.item, text);
  if (allocation === undefined) return undefined;
  const { group, name, address, bytes, layers } = allocation;
  return `group ${group}: '${name}' at ${address} to ${address + bytes}, ${layers.length} uses`;
}

function describePrediction(text: string): string | undefined {
  if (isMark(text)) return text;
  const prediction = element(PredictedSchema.item, text);
  if (prediction === undefined) return undefined;
  const [layer, kinds] = prediction;
  const bytes = Object.entries(kinds).map(([kind, traffic]) => `${kind} reads ${traffic?.read}, writes ${traffic?.write}`);
  return `layer '${layer}': ${bytes.length === 0 ? 'no traffic' : bytes.join('; ')}`;
}

function mapCode(map: MapBuilder, contents: Uint8Array): void {
  const whole = Math.floor(contents.length / INSTRUCTION_BYTES);
  for (let i = 0; i < whole; i++) {
    const text = instructionText(contents.subarray(i * INSTRUCTION_BYTES, (i + 1) * INSTRUCTION_BYTES));
    if (text.problem) map.problem(`instruction ${i}: ${text.meaning}`);
    map.take('code', INSTRUCTION_BYTES, `${i}: ${text.meaning}`);
  }
  const rest = contents.length - whole * INSTRUCTION_BYTES;
  map.take('code', rest, `a part of instruction ${whole}`);
}

function instructionText(bytes: Uint8Array): { readonly meaning: string; readonly problem: boolean } {
  try {
    return { meaning: decodeAll(bytes).map(printFields).join(''), problem: false };
  } catch (error) {
    if (error instanceof DecodeError) return { meaning: error.message, problem: true };
    throw error;
  }
}

function mapData(map: MapBuilder, contents: Uint8Array): void {
  const end = map.at + contents.length;
  const start = map.at;
  for (const [offset, { bytes, meaning }] of [...map.values].sort(([a], [b]) => a - b)) {
    const from = start + offset;
    if (from < map.at || from + bytes > end) continue;
    map.take('data', from - map.at, 'of no tensor');
    map.take('data', bytes, meaning);
  }
  map.take('data', end - map.at, 'of no tensor');
}
