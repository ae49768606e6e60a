import { diag, fail } from '../../../ir/diagnostics.ts';
import type { Program } from '../program.ts';
import type { CheckReport } from './check/sanitizer.ts';
import type { Core } from './core.ts';
import { COUNTS, type Count, type Counts, energyOf, sumTraffic, type Traffic, totalBytes } from './counters.ts';
import type { DramMemory } from './dram-memory.ts';
import type { Image } from './image.ts';
import type { RunMode, RunResult } from './result.ts';
import { addCycles } from './stalls.ts';
import { readSymbol } from './storage.ts';

/** What a run counted, of all cores together (`RunResult` says how). */
export function resultOf(
  program: Program,
  image: Image,
  cores: readonly Core[],
  mode: RunMode,
  dram: DramMemory | undefined,
  check: CheckReport | undefined,
): RunResult {
  const { machine, symbols } = program;
  const cycles = Math.max(...cores.map(({ timing }) => timing.total()));
  const last = cores.find(({ timing }) => timing.total() === cycles);
  const rows = Array.from({ length: image.rowInfo.length + 1 }, (_, row) => ({
    counts: countsOf(cores, last, row),
    traffic: sumTraffic(cores.map(({ counters }) => counters.trafficOf(row))),
  }));
  const layers = image.rowInfo.flatMap((info, row) => {
    const { counts, traffic } = rows[row] ?? fail(diag.internal({ layer: info.layer }, 'has no counts'));
    const { read, write } = totalBytes(traffic);
    return { ...info, ...counts, traffic, energy: energyOf(machine, counts, read + write, cores.length) };
  });
  const byKind = sumTraffic(rows.map(({ traffic }) => traffic));
  const { read, write } = totalBytes(byKind);
  const totals = eachCount((count) => rows.reduce((sum, { counts }) => sum + counts[count], 0));
  const places = cycles * cores.length * machine.array.rows * machine.array.columns;
  return {
    mode,
    cores: cores.length,
    cycles,
    seconds: cycles / machine.clockHz,
    traffic: { read, write, total: read + write, byKind },
    byLayer: byLayer(
      image,
      rows.map(({ traffic }) => traffic),
    ),
    energy: energyOf(machine, totals, read + write, cores.length),
    utilization: cycles === 0 ? 0 : totals.macs / places,
    instructions: totals.instructions,
    macs: totals.macs,
    units: addCycles(
      cores.map(({ timing }) => timing.cycles(cycles)),
      cycles,
    ),
    layers,
    ...(check === undefined ? {} : { check }),
    outputs: new Map(dram === undefined ? [] : symbols.filter((s) => s.role === 'output').map((s) => [s.name, readSymbol(dram, s)])),
    readTensor: (name) => {
      const symbol = symbols.find((s) => s.name === name);
      if (dram === undefined) return fail(diag.notRun({ tensor: name }, 'timing mode computes no data'));
      return symbol === undefined ? fail(diag.notRun({ tensor: name }, 'it is never in DRAM')) : readSymbol(dram, symbol);
    },
  };
}

function eachCount(of: (count: Count) => number): Counts {
  return Object.fromEntries(COUNTS.map((count) => [count, of(count)])) as Record<Count, number>;
}

/** Counts of a row: those of all cores, but the cycles of the core that ends last. */
function countsOf(cores: readonly Core[], last: Core | undefined, row: number): Counts {
  const sum = (count: Count): number => cores.reduce((all, { counters }) => all + counters.countsOf(row)[count], 0);
  return eachCount((count) => (count === 'cycles' ? (last?.counters.countsOf(row).cycles ?? 0) : sum(count)));
}

/** Traffic by layer name; transfers outside of all layers stand under the empty name. */
function byLayer(image: Image, rows: readonly Traffic[]): Record<string, Traffic> {
  const result = new Map<string, Traffic>();
  image.rowInfo.forEach(({ layer }, row) => {
    result.set(layer, sumTraffic([result.get(layer) ?? {}, rows[row] ?? {}]));
  });
  const outside = rows[image.rowInfo.length] ?? {};
  if (Object.keys(outside).length > 0) result.set('', outside);
  return Object.fromEntries(result);
}
