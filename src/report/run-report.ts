import type { Energy } from '../../backends/wavecore/interpreter/counters.ts';
import { PIPELINES, type Pipeline } from '../../backends/wavecore/interpreter/timing.ts';
import type { RunSummary } from './run-summary.ts';
import { fields, table } from './table.ts';
import { TRAFFIC_DEFINITION, trafficTable } from './traffic.ts';
import { countText, joulesText, secondsText, shareText } from './units.ts';

const SOURCES: Readonly<Record<Exclude<keyof Energy, 'total'>, string>> = {
  dram: 'DRAM',
  globalBuffer: 'global buffer',
  localBuffers: 'local buffers',
  mac: 'MAC',
  vector: 'vector unit',
  static: 'static',
};

const UNITS: Readonly<Record<Pipeline, string>> = {
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

const DEFINITIONS = `${TRAFFIC_DEFINITION}
Time: cycles until everything has completed. The units work at the same time, so their busy cycles do not add up to it;
the core has its share of the DRAM bandwidth of the chip, as if the other cores ran the same program.
Utilization: multiply-accumulates / (cycles × PEs of the array).
Energy: counts × the energies of the machine file, and static power × time. Only the energy of HBM2 DRAM is sourced for
this machine; the others are assumed from literature.`;

/** A run as text: what ran, time, busy units, traffic by kind, energy by source, and what the numbers mean. */
export function runReport(run: RunSummary): string {
  const head = fields([
    ['model', run.model],
    ['step', `${run.step}, ${run.batch} samples a core`],
    ['schedule', run.schedule],
    ['machine', run.machine],
    ['run', `${run.mode}, ${countText(run.instructions)} instructions executed`],
    ['time', `${countText(run.cycles)} cycles, ${secondsText(run.seconds)}`],
    ['utilization', shareText(run.utilization, 1)],
    ...(run.verify?.ok === true ? [['verify', 'counted traffic equals the prediction, layer by layer and kind by kind'] as const] : []),
  ]);
  return [head, unitTable(run), trafficTable(run.traffic.byKind), energyTable(run.energy), DEFINITIONS].join('\n\n');
}

function unitTable({ unitBusy, cycles }: RunSummary): string {
  const rows = PIPELINES.map((unit) => [UNITS[unit], countText(unitBusy[unit]), shareText(unitBusy[unit], cycles)]);
  return table([{ head: 'unit', align: 'left' }, { head: 'busy cycles' }, { head: 'of all' }], rows);
}

function energyTable({ total, ...sources }: Energy): string {
  const rows = Object.entries(SOURCES).map(([source, name]) => {
    const joules = sources[source as keyof typeof SOURCES];
    return [name, joulesText(joules), shareText(joules, total)];
  });
  rows.push(['total', joulesText(total), shareText(total, total)]);
  return table([{ head: 'energy', align: 'left' }, { head: 'one core' }, { head: 'share' }], rows);
}
