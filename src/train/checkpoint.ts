import * as v from 'valibot';
import type { TensorValue } from '../../backends/wavecore/index.ts';
import { crc32 } from '../../backends/wavecore/program-file/crc32.ts';
import { diag, fail, type Place } from '../../ir/diagnostics.ts';
import { DTYPES, tensorBytes } from '../../ir/tensor.ts';
import type { TrainingState } from './trainer.ts';

/**
 * A checkpoint, all numbers little-endian: magic `WVCK`, CRC-32 of all that follows the first 12 bytes, length of a JSON header,
 * the header (`HeaderSchema`), the bytes of the tensors one behind the other in the order of the header.
 */
const MAGIC = 'WVCK';
const PREFIX_BYTES = 12;
const VERSION = 1;

const count = v.pipe(v.number(), v.safeInteger(), v.minValue(0));

const HeaderSchema = v.strictObject({
  version: v.literal(VERSION),
  step: count,
  /** What decides which samples a step takes. */
  seed: v.pipe(v.number(), v.safeInteger()),
  batch: count,
  samples: count,
  tensors: v.array(v.strictObject({ name: v.string(), dtype: v.picklist(DTYPES), shape: v.array(count) })),
});
type Header = v.InferOutput<typeof HeaderSchema>;

/** What a checkpoint holds beside the state: a training that goes on must draw the same samples. */
export type SampleDraws = Pick<Header, 'seed' | 'batch' | 'samples'>;

export function encodeCheckpoint({ step, tensors }: TrainingState, draws: SampleDraws): Uint8Array {
  const list = [...tensors].map(([name, { dtype, shape }]) => ({ name, dtype, shape: [...shape] }));
  const header = new TextEncoder().encode(JSON.stringify({ version: VERSION, step, ...draws, tensors: list } satisfies Header));
  const parts = [header, ...[...tensors.values()].map((t) => t.bytes)];
  const file = new Uint8Array(parts.reduce((sum, part) => sum + part.length, PREFIX_BYTES));
  let at = PREFIX_BYTES;
  for (const part of parts) {
    file.set(part, at);
    at += part.length;
  }
  const view = new DataView(file.buffer);
  file.set(new TextEncoder().encode(MAGIC), 0);
  view.setUint32(4, crc32(file.subarray(PREFIX_BYTES)), true);
  view.setUint32(8, header.length, true);
  return file;
}

/** @throws WavecError BAD_CHECKPOINT for a damaged file, and for one of a training that draws other samples */
export function decodeCheckpoint(file: Uint8Array, draws: SampleDraws, place: Place): TrainingState {
  const bad = (reason: string): never => fail(diag.badCheckpoint(place, reason));
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  if (file.length < PREFIX_BYTES || new TextDecoder('latin1').decode(file.subarray(0, 4)) !== MAGIC) bad(`it does not begin with ${MAGIC}`);
  if (view.getUint32(4, true) !== crc32(file.subarray(PREFIX_BYTES))) bad('its checksum is wrong');
  const start = PREFIX_BYTES + view.getUint32(8, true);
  const header = headerOf(file.subarray(PREFIX_BYTES, start)) ?? bad('its header is damaged, or of another version');
  for (const key of ['seed', 'batch', 'samples'] as const) {
    if (header[key] !== draws[key]) bad(`it was written with ${key} ${header[key]}, and now it is ${draws[key]}`);
  }
  const tensors = new Map<string, TensorValue>();
  let at = start;
  for (const { name, dtype, shape } of header.tensors) {
    const end = at + tensorBytes({ dtype, shape });
    if (end > file.length) bad('it ends too early');
    tensors.set(name, { dtype, shape, bytes: file.slice(at, end) });
    at = end;
  }
  return { step: header.step, tensors };
}

function headerOf(bytes: Uint8Array): Header | undefined {
  try {
    const parsed = v.safeParse(HeaderSchema, JSON.parse(new TextDecoder().decode(bytes)));
    return parsed.success ? parsed.output : undefined;
  } catch {
    return undefined;
  }
}
