import * as v from 'valibot';
import { type Diagnostic, diag, fail, WavecError } from '../../../ir/diagnostics.ts';
import { codeProblems } from '../isa/check.ts';
import { DecodeError, decodeAll } from '../isa/decode.ts';
import { INSTRUCTION_BYTES, type Instruction } from '../isa/table.ts';
import { parseMachine } from '../machine/load.ts';
import type { Program } from '../program.ts';
import { allocationProblems, coreProblems, rangeProblems } from './extents.ts';
import { BufferSchema, DebugSchema, MetaSchema, PredictedSchema, SymbolsSchema } from './schema.ts';
import { FormatError, readSections } from './sections.ts';
import { dataProblems, restoreSymbols, symbolProblems } from './symbols.ts';

/**
 * The program that a file holds. `file` is its name, for messages.
 * @throws WavecError for a file that is truncated, altered, foreign, or holds a program that cannot be executed
 */
export function decodeProgram(bytes: Uint8Array, file = 'program'): Program {
  const place = { file };
  const sections = attempt(place, () => readSections(bytes));
  const meta = parse(place, 'meta', MetaSchema, sections.meta);
  const machine = parseMachine(json(place, 'machine', sections.machine), file);
  const stored = parse(place, 'symbols', SymbolsSchema, sections.symbols);
  const debug = parse(place, 'debug', DebugSchema, sections.debug);
  const buffer = parse(place, 'buffer', BufferSchema, sections.buffer);
  const predicted = parse(place, 'predicted', PredictedSchema, sections.predicted);
  const code = attempt(place, () => readCode(sections.code));
  const problems = [
    ...codeProblems(code).map(({ instruction, reason }) => `instruction ${instruction}: ${reason}`),
    ...coreProblems(meta.cores, machine),
    ...dataProblems(stored, sections.data),
    ...rangeProblems(debug, code.length).map(({ reason }) => reason),
    ...allocationProblems(buffer, machine).map(({ reason }) => reason),
  ];
  refuse(place, problems);
  const symbols = restoreSymbols(stored, sections.data);
  refuse(
    place,
    symbolProblems(symbols).map(({ reason }) => reason),
  );
  return { ...meta, machine, code, symbols, debug, buffer, predicted: Object.fromEntries(predicted) };
}

type FilePlace = { readonly file: string };

function refuse(place: FilePlace, problems: readonly string[]): void {
  if (problems.length > 0) throw new WavecError(problems.map((reason): Diagnostic => diag.badProgramFile(place, reason)));
}

/** Turns what the readers throw into a diagnostic that names the file. */
function attempt<T>(place: FilePlace, read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (error instanceof FormatError || error instanceof DecodeError) return fail(diag.badProgramFile(place, error.message));
    throw error;
  }
}

function json(place: FilePlace, section: string, bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (error) {
    return fail(diag.badProgramFile(place, `section ${section} is not JSON: ${error instanceof Error ? error.message : String(error)}`));
  }
}

function parse<S extends v.GenericSchema>(place: FilePlace, section: string, schema: S, bytes: Uint8Array): v.InferOutput<S> {
  const result = v.safeParse(schema, json(place, section, bytes));
  if (result.success) return result.output;
  throw new WavecError(
    result.issues.map((issue) => diag.badProgramFile(place, `section ${section}: ${v.getDotPath(issue) ?? 'all of it'}: ${issue.message}`)),
  );
}

function readCode(bytes: Uint8Array): Instruction[] {
  if (bytes.length % INSTRUCTION_BYTES !== 0)
    throw new FormatError(`the code has ${bytes.length} bytes, not a multiple of ${INSTRUCTION_BYTES}`);
  return decodeAll(bytes);
}
