import { type Bytes, hasWeights, type Program } from '../../backends/wavecore/program.ts';
import type { Phase } from '../../ir/graph.ts';
import type { Group } from '../../passes/mbs/schedule.ts';
import type { CompileState } from '../../passes/pipeline.ts';
import type { ResolvedSettings } from '../api.ts';
import { normOf } from '../norm.ts';
import { fields, NO_WEIGHTS, table } from './table.ts';
import { TRAFFIC_DEFINITION, type TrafficByKind, totalOf, trafficByKind, trafficTable } from './traffic.ts';
import { bytesText, countText } from './units.ts';

export interface PassTime {
  readonly pass: string;
  readonly milliseconds: number;
}

export interface GroupSummary {
  readonly phase: Phase;
  readonly layers: number;
  readonly first: string;
  readonly last: string;
  readonly subBatch: number;
  readonly iterations: number;
  /** The largest footprint of its layers, bytes of the global buffer. */
  readonly footprint: number;
}

/** A compilation as JSON. */
export interface CompileSummary {
  readonly model: string;
  readonly mode: Program['mode'];
  readonly batch: number;
  readonly schedule: string;
  readonly machine: string;
  readonly norm: string;
  readonly optimizer?: string;
  /** False: the program can be timed, and computes nothing. */
  readonly weights: boolean;
  readonly output: { readonly file: string; readonly bytes: number };
  readonly instructions: number;
  /** Constants of an IR file whose values were not found; the program can only be timed. */
  readonly elided?: { readonly count: number; readonly reason: string };
  readonly layers: number;
  readonly groups: readonly GroupSummary[];
  readonly predicted: Bytes & { readonly total: number; readonly byKind: TrafficByKind };
  readonly passes: readonly PassTime[];
}

export function compileSummary(
  program: Program,
  state: CompileState,
  settings: ResolvedSettings,
  output: CompileSummary['output'],
  passes: readonly PassTime[],
  elided?: CompileSummary['elided'],
): CompileSummary {
  const byKind = trafficByKind(program.predicted);
  const { read, write } = totalOf(byKind);
  return {
    model: program.model,
    mode: program.mode,
    batch: program.batch,
    schedule: program.schedule,
    machine: program.machine.name,
    norm: normOf(state.graph, settings.norm),
    ...(program.mode === 'training' ? { optimizer: settings.optimizer } : {}),
    weights: hasWeights(program),
    output,
    instructions: program.code.length,
    ...(elided === undefined ? {} : { elided }),
    layers: state.graph.layers.length,
    groups: state.scheduled?.schedule.groups.map(groupSummary) ?? [],
    predicted: { read, write, total: read + write, byKind },
    passes,
  };
}

function groupSummary({ phase, subBatch, iterations, steps }: Group): GroupSummary {
  const footprint = Math.max(0, ...steps.map((step) => step.footprint));
  return { phase, layers: steps.length, first: steps[0]?.layer ?? '', last: steps.at(-1)?.layer ?? '', subBatch, iterations, footprint };
}

/** A compilation as text. A schedule that goes layer by layer has too many groups to list; `inspect` shows them. */
export function compileReport(summary: CompileSummary): string {
  const { groups, output } = summary;
  const head = fields([
    ['model', summary.model],
    ['step', `${summary.mode}, ${summary.batch} samples a core`],
    ['schedule', summary.schedule],
    ['norm', summary.norm],
    ...(summary.optimizer === undefined ? [] : [['optimizer', summary.optimizer] as const]),
    ['machine', summary.machine],
    ...(summary.weights || summary.elided !== undefined ? [] : [NO_WEIGHTS]),
    ['program', `${output.file}, ${bytesText(output.bytes)}, ${countText(summary.instructions)} instructions`],
    ...(summary.elided === undefined
      ? []
      : [['constants', `${countText(summary.elided.count)} without values (${summary.elided.reason}): for --mode timing alone`] as const]),
    ['layers', `${countText(summary.layers)} in ${countText(groups.length)} groups`],
  ]);
  const traffic = trafficTable(summary.predicted.byKind);
  const definitions = `${TRAFFIC_DEFINITION} Predicted from the schedule; wavec run counts it.`;
  const listed = groups.some((g) => g.layers > 1) ? [groupTable(groups)] : [];
  return [head, ...listed, traffic, definitions].join('\n\n');
}

function groupTable(groups: readonly GroupSummary[]): string {
  const rows = groups.map((g, i) => [
    String(i),
    g.phase,
    String(g.layers),
    String(g.subBatch),
    String(g.iterations),
    bytesText(g.footprint),
    g.first,
    g.last,
  ]);
  return table(
    [
      { head: 'group' },
      { head: 'phase', align: 'left' },
      { head: 'layers' },
      { head: 'sub-batch' },
      { head: 'iterations' },
      { head: 'footprint' },
      { head: 'first layer', align: 'left' },
      { head: 'last layer', align: 'left' },
    ],
    rows,
  );
}
