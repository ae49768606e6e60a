import type { RunSummary } from './run-summary.ts';
import { coresText, stepText } from './step.ts';
import { table } from './table.ts';
import { trafficDefinition } from './traffic.ts';
import { bytesColumn, changeText, countText, joulesColumn, secondsColumn, type UnitColumn } from './units.ts';

/** A run of one schedule, with the normalization that it was compiled with. */
export interface ComparedRun extends RunSummary {
  readonly norm: string;
}

/** Schedules of one model side by side as JSON. */
export interface Comparison {
  readonly model: string;
  readonly cores: number;
  readonly batch: number;
  readonly machine: string;
  readonly schedules: readonly ComparedRun[];
}

/** @param runs of one model, at least one */
export function comparisonOf(runs: readonly ComparedRun[]): Comparison {
  const { model = '', cores = 1, batch = 0, machine = '' } = runs[0] ?? {};
  return { model, cores, batch, machine, schedules: runs };
}

/** One row a schedule: traffic, time and energy, each with its change against the first row that is `baseline`. */
export function comparisonReport(comparison: Comparison): string {
  const { model, cores, machine, schedules } = comparison;
  const base = schedules.find((run) => run.schedule === 'baseline');
  const versus = (value: (run: ComparedRun) => number): UnitColumn => ({
    head: 'vs base',
    cells: schedules.map((run) => (base === undefined ? '–' : changeText(value(run), value(base)))),
  });
  const columns: readonly UnitColumn[] = [
    { head: 'schedule', cells: schedules.map((run) => run.schedule) },
    { head: 'norm', cells: schedules.map((run) => run.norm) },
    bytesColumn(
      'read',
      schedules.map((run) => run.traffic.read),
    ),
    bytesColumn(
      'written',
      schedules.map((run) => run.traffic.write),
    ),
    bytesColumn(
      'traffic',
      schedules.map((run) => run.traffic.total),
    ),
    versus((run) => run.traffic.total),
    { head: 'cycles', cells: schedules.map((run) => countText(run.cycles)) },
    secondsColumn(
      'time',
      schedules.map((run) => run.seconds),
    ),
    versus((run) => run.seconds),
    joulesColumn(
      'energy',
      schedules.map((run) => run.energy.total),
    ),
    versus((run) => run.energy.total),
  ];
  const heads = columns.map(({ head }, i) => ({ head, align: i < 2 ? ('left' as const) : ('right' as const) }));
  const rows = schedules.map((_, row) => columns.map(({ cells }) => cells[row] ?? ''));
  return [`${model}, ${stepText(comparison)}, machine ${machine}`, table(heads, rows), definitions(schedules, cores)].join('\n\n');
}

function definitions(schedules: readonly ComparedRun[], cores: number): string {
  const lines = [
    trafficDefinition(cores),
    `Time and energy: of ${coresText(cores)} in one step, counted by executing the program in timing mode. vs base: change against baseline.`,
  ];
  if (new Set(schedules.map((run) => run.norm)).size > 1) {
    lines.push('norm: what becomes of batch normalization; the schedules differ in it (--norm sets one for all).');
  }
  return lines.join('\n');
}
