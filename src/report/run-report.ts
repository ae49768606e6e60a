import type { Energy } from '../../backends/wavecore/interpreter/counters.ts';
import { PIPELINES, type Pipeline, STALLS, type Stall } from '../../backends/wavecore/interpreter/stalls.ts';
import { compositionOf } from '../../backends/wavecore/interpreter/timing.ts';
import type { RunSummary } from './run-summary.ts';
import { coresText, stepText } from './step.ts';
import { fields, table } from './table.ts';
import { trafficDefinition, trafficTable } from './traffic.ts';
import { bytesText, countText, joulesText, secondsText, shareText } from './units.ts';

/** How sources of energy are called in reports. */
export const ENERGY_SOURCES: Readonly<Record<Exclude<keyof Energy, 'total'>, string>> = {
  dram: 'DRAM',
  globalBuffer: 'global buffer',
  localBuffers: 'local buffers',
  mac: 'MAC',
  vector: 'vector unit',
  static: 'static',
};

/** How the pipelines are called in reports and traces. */
export const UNITS: Readonly<Record<Pipeline, string>> = {
  sequencer: 'sequencer',
  dmaLoad: 'DMA load',
  dmaStore: 'DMA store',
  fill: 'matrix: A-buffer fill',
  stationary: 'matrix: B-buffer load',
  array: 'matrix: array',
  drain: 'matrix: accumulator drain',
  vector: 'vector unit',
  dram: 'DRAM',
};

/** What can limit a run: the sequencer only hands out work, and DMA units work as long as the DRAM serves them. */
const LIMITS = PIPELINES.filter((unit) => unit !== 'sequencer' && unit !== 'dmaLoad' && unit !== 'dmaStore');

/** The unit or pipeline that works most of the time: no overlap makes a run faster than that. */
export function busiestUnit(busy: (unit: Pipeline) => number): Pipeline {
  return LIMITS.reduce((a, b) => (busy(b) > busy(a) ? b : a));
}

/** The share of one core is as if the other cores ran the same program; several cores compete for theirs. */
const definitions = (cores: number): string => `${trafficDefinition(cores)}
Time: ${compositionOf(cores)};
${
  cores === 1
    ? 'the core has its share of the DRAM bandwidth of the chip, as if the other cores ran the same program.'
    : 'the cores share the part of the DRAM bandwidth of the chip that is theirs; all of it where the chip has no more cores.'
}
Utilization: multiply-accumulates / (cycles × PEs of ${cores === 1 ? 'the array' : 'all arrays'}).
Energy: counts × the energies of the machine file, and static power × time. Only the energy of HBM2 DRAM is sourced for
this machine; the others are assumed from literature.`;

/** A run as text: what ran, time, busy units, traffic by kind, energy by source, and what the numbers mean. */
export function runReport(run: RunSummary): string {
  const head = fields([
    ['model', run.model],
    ['step', `${run.step}, ${stepText(run)}`],
    ['schedule', run.schedule],
    ['machine', run.machine],
    ['run', `${run.mode}, ${countText(run.instructions)} instructions executed`],
    ['time', `${countText(run.cycles)} cycles, ${secondsText(run.seconds)}`],
    ['utilization', shareText(run.utilization, 1)],
    ...(run.check === undefined ? [] : [['check', checkText(run.check)] as const]),
    ...(run.verify?.ok === true ? [['verify', 'counted traffic equals the prediction, layer by layer and kind by kind'] as const] : []),
  ]);
  return [head, unitTable(run), trafficTable(run.traffic.byKind), energyTable(run), definitions(run.cores)].join('\n\n');
}

function checkText({ findings, more, accesses, bytes }: NonNullable<RunSummary['check']>): string {
  const looked = `${countText(accesses)} accesses of ${bytesText(bytes)} looked at`;
  const found = findings.length + more;
  return `${looked}, ${found === 0 ? 'nothing found' : `${countText(found)} findings`}`;
}

/** Busy cycles of every unit, and its stalls as shares of all cycles; a stall that no unit has gets no column. */
function unitTable({ units, cycles, cores }: RunSummary): string {
  const stalls = (Object.keys(STALLS) as Stall[]).filter((stall) => PIPELINES.some((unit) => units[unit].stalls[stall] !== undefined));
  const rows = PIPELINES.map((unit) => {
    const { busy, stalls: own } = units[unit];
    const all = unit === 'dram' ? cycles : cycles * cores;
    const shares = stalls.map((stall) => (own[stall] === undefined ? '' : shareText(own[stall], all)));
    return [UNITS[unit], countText(busy), shareText(busy, all), ...shares];
  });
  const text = table(
    [{ head: 'unit', align: 'left' }, { head: 'busy cycles' }, { head: 'of all' }, ...stalls.map((head) => ({ head }))],
    rows,
  );
  return `${text}\n${stalls.map((stall) => `${stall}: ${STALLS[stall]}`).join('\n')}`;
}

function energyTable({ energy: { total, ...sources }, cores }: RunSummary): string {
  const rows = Object.entries(ENERGY_SOURCES).map(([source, name]) => {
    const joules = sources[source as keyof typeof ENERGY_SOURCES];
    return [name, joulesText(joules), shareText(joules, total)];
  });
  rows.push(['total', joulesText(total), shareText(total, total)]);
  return table([{ head: 'energy', align: 'left' }, { head: coresText(cores) }, { head: 'share' }], rows);
}
