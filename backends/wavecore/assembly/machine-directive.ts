import { FIELDS, type Machine } from '../machine/machine.ts';
import { PRESETS } from '../machine/presets.ts';
import type { Draft } from './draft.ts';
import { readKeyedOnly } from './keyed.ts';
import { type Line, nameText } from './line.ts';

/** Fields of a machine that are no numbers. */
const TEXT_FIELDS: readonly string[] = ['name', 'dram.kind'];

/** Reads `PRESET`, or fields by their paths. */
export function readMachine(line: Line, draft: Draft): void {
  if (!line.sees('=', 1)) {
    const name = line.name('the name of a preset, or fields of a machine');
    if (!Object.hasOwn(PRESETS, name)) line.refuse(`there is no preset '${name}'; known are ${Object.keys(PRESETS).join(', ')}`);
    draft.machine = { item: { preset: name, fields: {} }, line: line.number };
    return;
  }
  const text = () => line.name('a name');
  const number = () => line.literal('a number');
  const readers = Object.fromEntries([...TEXT_FIELDS.map((f) => [f, text]), ...Object.keys(FIELDS).map((f) => [f, number])]);
  const { preset, fields: before } = draft.machine.item;
  const fields: Record<string, unknown> = { ...before };
  for (const [path, value] of Object.entries(readKeyedOnly(line, readers))) {
    const [head = '', tail] = path.split('.');
    fields[head] = tail === undefined ? value : { ...(fields[head] as object | undefined), [tail]: value };
  }
  draft.machine = { item: { preset, fields }, line: line.number };
}

/** The directives of a machine: a preset by its name, any other machine by the fields that differ from the first preset. */
export function machineLines(machine: Machine): string[] {
  for (const [name, preset] of Object.entries(PRESETS)) {
    if (differing(machine, preset).length === 0) return [`.machine ${nameText(name)}`];
  }
  const [first = ''] = Object.keys(PRESETS);
  const preset = PRESETS[first];
  const fields = preset === undefined ? [] : differing(machine, preset).filter(([path]) => path !== 'name');
  return [
    `.machine ${nameText(first)}`,
    `.machine name=${nameText(machine.name)}`,
    ...fields.map(([path, text]) => `.machine ${path}=${text}`),
  ];
}

function differing(machine: Machine, other: Machine): (readonly [path: string, text: string])[] {
  return [...TEXT_FIELDS, ...Object.keys(FIELDS)].flatMap((path) => {
    const [own, theirs] = [valueAt(machine, path), valueAt(other, path)];
    return own === theirs ? [] : [[path, typeof own === 'string' ? nameText(own) : String(own)] as const];
  });
}

function valueAt(machine: Machine, path: string): unknown {
  return path.split('.').reduce<unknown>((value, key) => (value as Record<string, unknown>)[key], machine);
}
