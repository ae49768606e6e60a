import { type Diagnostic, diag, type Place, WavecError } from '../../ir/diagnostics.ts';
import type { Graph } from '../../ir/graph.ts';
import { Lexer } from '../../ir/lexer.ts';
import { parseGraph } from '../../ir/parse.ts';
import { print } from '../../ir/print.ts';
import { verify } from '../../ir/verify.ts';
import { networkOf } from '../../passes/mbs/network.ts';
import { parseSchedule } from '../../passes/mbs/parse.ts';
import { printSchedule } from '../../passes/mbs/print.ts';
import type { Resources, Schedule } from '../../passes/mbs/schedule.ts';
import { validateSchedule } from '../../passes/mbs/validate/index.ts';
import { isCanonical } from '../../passes/normalize.ts';
import { type CompileState, isPast } from '../../passes/pipeline.ts';
import { IR_MAGIC, type IrHeader, parseHeader, printHeader } from './header.ts';

/** What an IR file holds: a graph after a pass, and its schedule once there is one. */
export interface IrFile {
  readonly header: IrHeader;
  readonly graph: Graph;
  readonly schedule?: Schedule;
  /** Where the text has a layer or tensor, or a part of the schedule. */
  lineOf(place: Place): number | undefined;
  lineOfPart(part: object): number | undefined;
}

/** Whether text calls itself an IR file, sound or not. */
export function isIrFile(text: string): boolean {
  return text.startsWith(IR_MAGIC);
}

/** Header, graph and schedule as text that `parseIrFile` reads back; constants that are no splat are elided. */
export function printIrFile(header: IrHeader, { graph, scheduled }: CompileState): string {
  const parts = [`${printHeader(header)}\n`, print(graph)];
  if (scheduled !== undefined) parts.push(printSchedule(scheduled.schedule));
  return parts.join('\n');
}

/**
 * Reads what `printIrFile` writes. Checks the syntax alone: `stateOf` tells whether the graph and its schedule are sound.
 * @throws WavecError with `SYNTAX`, file and line
 */
export function parseIrFile(text: string, file: string): IrFile {
  const lexer = new Lexer(text, file);
  const header = parseHeader(lexer);
  const { graph, lineOf } = parseGraph(lexer);
  const parsed = isPast('mbs', header.after) ? parseSchedule(lexer) : undefined;
  lexer.end();
  return {
    header,
    graph,
    ...(parsed === undefined ? {} : { schedule: parsed.schedule }),
    lineOf,
    lineOfPart: (part) => parsed?.lineOf(part),
  };
}

/**
 * The state that the passes go on from.
 * @throws WavecError with every problem of the graph or, where that is sound, of the schedule, each at its line
 */
export function stateOf(ir: IrFile, file: string, resources: Resources): CompileState {
  const { graph, schedule } = ir;
  refuse([...verify(graph), ...stageProblems(ir)], (d) => ({ file, ...lineIn(ir.lineOf(d.place)), ...d.place }));
  if (schedule === undefined) return { graph };
  const network = networkOf(graph, resources.cores);
  refuse(validateSchedule(network, schedule, resources, ir.lineOfPart), (d) => ({ file, ...d.place }));
  return { graph, scheduled: { network, schedule } };
}

/** Layers that the passes behind the stage do not expect, or that a pass before it would have replaced. */
function stageProblems({ header, graph }: IrFile): Diagnostic[] {
  const { after } = header;
  return graph.layers.flatMap((layer) => {
    const place = { node: layer.origin, layer: layer.name };
    if (layer.phase !== 'forward' && !isPast('training', after))
      return [diag.badGraph(place, `a ${layer.phase} layer cannot be there after ${after}`)];
    if (!isCanonical(layer) && isPast('normalize', after))
      return [diag.badGraph(place, `a ${layer.kind} layer cannot be there after ${after}: normalize replaces it`)];
    return [];
  });
}

function refuse(problems: readonly Diagnostic[], placeOf: (d: Diagnostic) => Place): void {
  if (problems.length > 0) throw new WavecError(problems.map((d) => ({ ...d, place: placeOf(d) })));
}

function lineIn(line: number | undefined): { readonly line?: number } {
  return line === undefined ? {} : { line };
}
