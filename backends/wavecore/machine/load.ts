import * as v from 'valibot';
import { type Diagnostic, diag, fail, WavecError } from '../../../ir/diagnostics.ts';
import { type Machine, MachineSchema } from './machine.ts';
import { PRESETS } from './presets.ts';

/** A preset by its name; undefined where there is none. */
export function presetMachine(name: string): Machine | undefined {
  return PRESETS[name];
}

/**
 * A machine from the contents of a machine file: any subset of the fields, over the preset that `extends` names
 * (default `wavecore`). All problems are reported at once.
 */
export function machineFrom(data: unknown, file: string): Machine {
  if (!isRecord(data)) return fail(diag.badMachine({ file }, 'a machine file holds a mapping of fields'));
  const { extends: parent = 'wavecore', ...own } = data;
  const base = typeof parent === 'string' ? PRESETS[parent] : undefined;
  if (base === undefined)
    return fail(diag.badMachine({ file }, `extends names ${JSON.stringify(parent)}; known are ${Object.keys(PRESETS).join(', ')}`));
  return parseMachine(merge(base, { name: file, ...own }), file);
}

/** Checks a complete machine. */
export function parseMachine(data: unknown, file: string): Machine {
  const result = v.safeParse(MachineSchema, data);
  const problems: Diagnostic[] = result.success
    ? consistency(result.output).map((text) => diag.badMachine({ file }, text))
    : result.issues.map((issue) => diag.badMachine({ file }, `${v.getDotPath(issue) ?? 'file'}: ${messageOf(issue)}`));
  if (problems.length > 0) throw new WavecError(problems);
  return v.parse(MachineSchema, data);
}

function messageOf(issue: { readonly type: string; readonly message: string }): string {
  return issue.type === 'strict_object' ? 'there is no such field' : issue.message;
}

/** What must hold between fields: the local buffers hold the blocks that the array dimensions imply. */
function consistency(m: Machine): string[] {
  const problems: string[] = [];
  const holds = (field: string, bytes: number, needed: number): void => {
    if (bytes < needed) problems.push(`buffers.${field} is ${bytes}, the array needs ${needed}`);
  };
  holds('aBytes', m.buffers.aBytes, m.array.waveRows * m.array.rows * 2);
  holds('bBytes', m.buffers.bBytes, m.array.rows * m.array.columns * 2);
  holds('accBytes', m.buffers.accBytes, m.array.waveRows * m.array.columns * 4);
  return problems;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function merge(base: unknown, own: unknown): unknown {
  if (!isRecord(base) || !isRecord(own)) return own;
  const out: Record<string, unknown> = { ...base };
  for (const [key, value] of Object.entries(own)) out[key] = key in base ? merge(base[key], value) : value;
  return out;
}
