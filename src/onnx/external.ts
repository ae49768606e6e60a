import { type Diagnostic, diag, fail, type Place } from '../../ir/diagnostics.ts';
import type { TensorProto } from './model.ts';

const EXTERNAL = 1;

/** `checksum` and `basepath` are defined, and say nothing that is needed. */
const KEYS: readonly string[] = ['location', 'offset', 'length', 'checksum', 'basepath'];

/** The files beside a model. Locations are relative paths, as the model writes them, that do not lead out of its directory by their text. */
export interface ExternalFiles {
  /** Size of the file in bytes, or why it is not read. */
  find(location: string): { readonly bytes: number } | { readonly reason: string };
  /** @throws WavecError EXTERNAL_DATA */
  readRange(location: string, offset: number, length: number): Uint8Array;
}

/** Where the values lie, if not in the model itself. */
export function externalLocation(tensor: TensorProto): string | undefined {
  if (tensor.dataLocation !== EXTERNAL && (tensor.externalData ?? []).length === 0) return undefined;
  return entry(tensor, 'location') ?? '';
}

function entry(tensor: TensorProto, key: string): string | undefined {
  return tensor.externalData?.find((e) => e.key === key)?.value ?? undefined;
}

/** Why nothing is read at this location; undefined where the file is there. */
export function locationProblem(location: string, files: ExternalFiles | undefined): string | undefined {
  if (location === '') return 'the model does not say where';
  if (location.includes('\0')) return 'its name has a zero byte';
  if (/^([/\\]|[a-z]:)/i.test(location)) return 'only files in the directory of the model are read, and this is an absolute path';
  if (location.split(/[/\\]/).includes('..')) return "only files in the directory of the model are read, and '..' leads out of it";
  if (files === undefined) return 'only the bytes of the model were given';
  const found = files.find(location);
  return 'reason' in found ? found.reason : undefined;
}

/** One message for all tensors of a file that is not read. */
export function locationDiagnostic(place: Place, tensors: readonly string[], location: string, reason: string): Diagnostic {
  const [tensor = '', ...others] = tensors;
  return diag.externalData({ ...place, tensor }, location, reason, others.length);
}

/**
 * The values of a tensor that lie in another file, read by their range alone.
 * @param expected bytes that its shape and type need
 * @throws WavecError EXTERNAL_DATA, BAD_CONSTANT
 */
export function readExternal(tensor: TensorProto, location: string, expected: number, files: ExternalFiles | undefined, place: Place) {
  const reason = locationProblem(location, files);
  if (files === undefined || reason !== undefined) return fail(diag.externalData(place, location, reason ?? '', 0));
  const problems: string[] = [];
  for (const { key } of tensor.externalData ?? []) if (!KEYS.includes(key ?? '')) problems.push(`key '${key}' is not known`);
  const whole = (key: string, fallback: number): number => {
    const text = entry(tensor, key);
    if (text === undefined) return fallback;
    if (/^\d+$/.test(text) && Number.isSafeInteger(Number(text))) return Number(text);
    problems.push(`${key} is '${text}', and must be a whole number of bytes`);
    return fallback;
  };
  const offset = whole('offset', 0);
  const length = whole('length', expected);
  const found = files.find(location);
  const size = 'bytes' in found ? found.bytes : 0;
  if (length !== expected) problems.push(`length is ${length}, and its shape and type need ${expected} bytes`);
  if (offset + length > size) problems.push(`it ends at byte ${offset + length}, and the file has ${size} bytes`);
  if (problems.length > 0) fail(diag.badConstant(place, `its data in '${location}' cannot be used: ${problems.join('; ')}`));
  return files.readRange(location, offset, length);
}
