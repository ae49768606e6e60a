import * as v from 'valibot';
import { type Diagnostic, diag, fail, WavecError } from '../../../ir/diagnostics.ts';
import { codeProblems } from '../isa/check.ts';
import { machineFrom, presetMachine } from '../machine/load.ts';
import type { Machine } from '../machine/machine.ts';
import type { DebugRange, Program } from '../program.ts';
import { allocationProblems, coreProblems, type EntryProblem, rangeProblems } from '../program-file/extents.ts';
import { BufferSchema, DebugSchema, PredictedSchema, SymbolsSchema } from '../program-file/schema.ts';
import { symbolProblems } from '../program-file/symbols.ts';
import { type Draft, type Entry, itemsOf } from './draft.ts';

/**
 * The program of a text that has been read to its end: labels become distances, and all that a reader of program files checks is
 * checked, with the lines of the text. `problems` are those that reading found.
 * @throws WavecError with all problems, in the order of the lines
 */
export function finish(draft: Draft, problems: readonly Diagnostic[]): Program {
  const { file, head } = draft;
  const all = [...problems];
  const report = (line: number, reason: string): void => {
    all.push(diag.badAssembly({ file, line }, reason));
  };
  const reportAll = (found: readonly EntryProblem[], entries: readonly Entry<unknown>[]): void => {
    for (const { index, reason } of found) report(entries[index]?.line ?? 1, reason);
  };
  resolveJumps(draft, report);
  for (const { line } of draft.open) report(line, 'no .endlayer ends this layer');
  const debug = draft.debug.map(({ item: { from, to = from, ...info } }): DebugRange => ({ from, to, ...info }));
  const [code, symbols, buffer, predicted] = [itemsOf(draft.code), itemsOf(draft.symbols), itemsOf(draft.buffer), itemsOf(draft.predicted)];
  for (const { instruction, reason } of codeProblems(code)) {
    if (!draft.unread.has(instruction)) report(draft.code[instruction]?.line ?? 1, reason);
  }
  const bare = symbols.map(({ initial, ...symbol }) => symbol);
  reportAll([...schemaProblems(SymbolsSchema.item, bare), ...symbolProblems(symbols)], draft.symbols);
  reportAll([...schemaProblems(DebugSchema.item, debug), ...rangeProblems(debug, code.length)], draft.debug);
  reportAll([...schemaProblems(PredictedSchema.item, predicted), ...repeated(predicted.map(([layer]) => layer))], draft.predicted);
  reportAll(schemaProblems(BufferSchema.item, buffer), draft.buffer);
  const machine = machineOf(draft, all);
  if (machine !== undefined) {
    reportAll(allocationProblems(buffer, machine), draft.buffer);
    for (const reason of coreProblems(head.cores, machine)) report(draft.machine.line, reason);
  }
  if (machine === undefined || all.length > 0) throw new WavecError(all.sort((a, b) => (a.place.line ?? 0) - (b.place.line ?? 0)));
  return { ...head, machine, code, symbols, debug, buffer, predicted: Object.fromEntries(predicted) };
}

/** Entries that the section of the program file would not take. */
function schemaProblems(schema: v.GenericSchema, items: readonly unknown[]): EntryProblem[] {
  return items.flatMap((item, index) => {
    const result = v.safeParse(schema, item);
    return (result.issues ?? []).map((issue) => ({ index, reason: `${v.getDotPath(issue) ?? 'this line'}: ${issue.message}` }));
  });
}

function repeated(layers: readonly string[]): EntryProblem[] {
  return layers.flatMap((layer, index) =>
    layers.indexOf(layer) === index ? [] : [{ index, reason: `the traffic of layer '${layer}' is predicted above already` }],
  );
}

/** Replaces labels by the number of instructions up to them. */
function resolveJumps({ jumps, labels, code, unread }: Draft, report: (line: number, reason: string) => void): void {
  for (const [instruction, { field, label }] of jumps) {
    const [at, entry] = [labels.get(label), code[instruction]];
    if (entry === undefined) continue;
    const { item, line } = entry;
    const count = (at ?? 0) - instruction - 1;
    if (count >= 0) code[instruction] = { item: { ...item, operands: { ...item.operands, [field]: count } }, line };
    else {
      unread.add(instruction);
      report(line, at === undefined ? `there is no label '${label}'` : `label '${label}' stands above; a skip leads forward`);
    }
  }
}

/** The machine; undefined, with its problems reported, where there is no such one. */
function machineOf({ machine, file }: Draft, problems: Diagnostic[]): Machine | undefined {
  const { preset, fields } = machine.item;
  if (Object.keys(fields).length === 0) return presetMachine(preset) ?? fail(diag.internal({ file }, `there is no preset ${preset}`));
  try {
    return machineFrom({ extends: preset, ...fields }, file);
  } catch (error) {
    if (!(error instanceof WavecError)) throw error;
    problems.push(...error.diagnostics.map((d) => ({ ...d, place: { file, line: machine.line } })));
    return undefined;
  }
}
