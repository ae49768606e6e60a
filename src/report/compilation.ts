import { type Bytes, elidedSymbols, type Program } from '../../backends/wavecore/program.ts';
import type { Group, GroupPhase, Schedule } from '../../passes/mbs/schedule.ts';
import type { CompileState } from '../../passes/pipeline.ts';
import type { ResolvedSettings } from '../api.ts';
import { normOf } from '../norm.ts';
import { stepText } from './step.ts';
import { elidedField, fields, table } from './table.ts';
import { type TrafficByKind, totalOf, trafficByKind, trafficDefinition, trafficTable } from './traffic.ts';
import { bytesText, countText } from './units.ts';

export interface PassTime {
  readonly pass: string;
  readonly milliseconds: number;
}

export interface GroupSummary {
  readonly phase: GroupPhase;
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
  readonly cores: number;
  readonly batch: number;
  readonly schedule: string;
  readonly machine: string;
  readonly norm: string;
  readonly optimizer?: string;
  readonly output: { readonly file: string; readonly bytes: number };
  readonly instructions: number;
  /** Tensors without their initial values, and why; where there are any, the program can only be timed. */
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
  elidedBecause = '',
): CompileSummary {
  const byKind = trafficByKind(program.predicted);
  const { read, write } = totalOf(byKind);
  const { length: count } = elidedSymbols(program);
  return {
    model: program.model,
    mode: program.mode,
    cores: program.cores,
    batch: program.batch,
    schedule: program.schedule,
    machine: program.machine.name,
    norm: normOf(state.graph, settings.norm),
    ...(program.mode === 'training' ? { optimizer: settings.optimizer } : {}),
    output,
    instructions: program.code.length,
    ...(count === 0 ? {} : { elided: { count, reason: elidedBecause } }),
    layers: state.graph.layers.length,
    groups: state.scheduled === undefined ? [] : groupSummaries(state.scheduled.schedule),
    predicted: { read, write, total: read + write, byKind },
    passes,
  };
}

export function groupSummaries({ groups }: Schedule): GroupSummary[] {
  return groups.map(groupSummary);
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
    ['step', `${summary.mode}, ${stepText(summary)}`],
    ['schedule', summary.schedule],
    ['norm', summary.norm],
    ...(summary.optimizer === undefined ? [] : [['optimizer', summary.optimizer] as const]),
    ['machine', summary.machine],
    ['program', `${output.file}, ${bytesText(output.bytes)}, ${countText(summary.instructions)} instructions`],
    ...elidedField(summary.elided?.count ?? 0, summary.elided?.reason),
    ['layers', `${countText(summary.layers)} in ${countText(groups.length)} groups`],
  ]);
  const traffic = trafficTable(summary.predicted.byKind);
  const definitions = `${trafficDefinition(summary.cores)} Predicted from the schedule; wavec run counts it.`;
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
