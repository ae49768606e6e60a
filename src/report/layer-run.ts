import type { LayerResult, Observer, Program, RunResult } from '../../backends/wavecore/index.ts';
import { totalBytes } from '../../backends/wavecore/interpreter/counters.ts';
import { PIPE, PIPELINES, type Pipeline } from '../../backends/wavecore/interpreter/stalls.ts';
import { busiestUnit, UNITS } from './run-report.ts';
import type { Sheet } from './sheet.ts';

/** What one layer of a layer group did, on all cores. */
export interface LayerRun extends Pick<LayerResult, 'layer' | 'kind' | 'phase' | 'group' | 'origin' | 'macs' | 'cycles'> {
  /** Cycles in which each unit worked for the layer, those of all cores together; of a DMA unit also those in which the DRAM served older transfers. */
  readonly busy: Readonly<Record<Pipeline, number>>;
  /** Multiply-accumulates / (cycles × PEs of all cores). */
  readonly utilization: number;
  /** Bytes across the DRAM pins. */
  readonly traffic: number;
  /** The unit that works most of the time: no overlap makes the layer faster than that. */
  readonly limit: Pipeline;
}

/** Adds up, while a program runs, how long each unit works for each layer. */
export class LayerRecorder implements Observer {
  /** Position of the layer that each instruction belongs to, in the order of the result's layers; −1 outside of all. */
  private readonly rows: Int32Array;
  /** Cycles of pipeline p for layer r at r × PIPELINES.length + p. */
  private readonly cycles: Float64Array;
  private readonly program: Program;

  constructor(program: Program) {
    const { code, debug } = program;
    this.program = program;
    this.rows = new Int32Array(code.length).fill(-1);
    const known = new Map<string, number>();
    for (const { from, to, group, layer } of debug) {
      const key = keyOf(group, layer);
      const row = known.get(key) ?? known.size;
      known.set(key, row);
      this.rows.fill(row, from, to);
    }
    this.cycles = new Float64Array(known.size * PIPELINES.length);
  }

  busy(pipeline: Pipeline, start: number, end: number, pc: number): void {
    const row = this.rows[pc] ?? -1;
    if (row < 0) return;
    const at = row * PIPELINES.length + PIPE[pipeline];
    this.cycles[at] = (this.cycles[at] ?? 0) + end - start;
  }

  /** The layers of the run that has ended, in the order of the program. */
  layers({ layers, cores }: RunResult): LayerRun[] {
    const { rows, columns } = this.program.machine.array;
    return layers.map(({ layer, kind, phase, group, origin, macs, cycles, traffic }, row) => {
      const busy = Object.fromEntries(PIPELINES.map((name) => [name, this.cycles[row * PIPELINES.length + PIPE[name]] ?? 0])) as Record<
        Pipeline,
        number
      >;
      const { read, write } = totalBytes(traffic);
      return {
        ...{ layer, kind, phase, group, origin, macs, cycles, busy },
        utilization: cycles === 0 ? 0 : macs / (cycles * cores * rows * columns),
        traffic: read + write,
        limit: busiestUnit((unit) => (unit === 'dram' ? busy.dram : busy[unit] / cores)),
      };
    });
  }
}

const keyOf = (group: number, layer: string): string => `${group} ${layer}`;

/** The layers of a run as a table, in the order of the program. */
export function layerRunSheet(layers: readonly LayerRun[], { cycles, cores }: Pick<RunResult, 'cycles' | 'cores'>): Sheet {
  return {
    name: 'layers',
    title: 'Layers of the run',
    columns: [
      { head: 'layer', form: 'text' },
      { head: 'kind', form: 'text' },
      { head: 'phase', form: 'text' },
      { head: 'ONNX node', form: 'text' },
      { head: 'group', form: 'count' },
      { head: 'cycles', form: 'count' },
      { head: 'of run', form: 'share' },
      { head: 'array busy', form: 'count' },
      { head: 'utilization', form: 'share' },
      { head: 'vector busy', form: 'count' },
      { head: 'DRAM busy', form: 'count' },
      { head: 'traffic', form: 'bytes' },
      { head: 'limit', form: 'text' },
      { head: 'limit busy', form: 'share' },
    ],
    rows: layers.map((run) => {
      const own = run.cycles * (run.limit === 'dram' ? 1 : cores);
      return [
        ...[run.layer, run.kind, run.phase, run.origin, run.group, run.cycles, cycles === 0 ? undefined : run.cycles / cycles],
        ...[run.busy.array, run.utilization, run.busy.vector, run.busy.dram, run.traffic, UNITS[run.limit]],
        own === 0 ? undefined : run.busy[run.limit] / own,
      ];
    }),
    notes: [
      'Cycles: from the start of the layer to that of the next, over all iterations of its group; they add up to the run. Busy: cycles in which a unit works for the layer. Utilization: multiply-accumulates / (cycles × PEs).',
      'Limit: the unit that works most of the time, and the part of the cycles in which it does; in the rest nothing overlaps with it (transfers not hidden, pipelines that fill and drain, fences).',
    ],
  };
}

/** Tells two observers of the same run. */
export function bothObservers(a: Observer | undefined, b: Observer | undefined): Observer | undefined {
  if (a === undefined || b === undefined) return a ?? b;
  return {
    busy: (...event) => {
      a.busy?.(...event);
      b.busy?.(...event);
    },
    transfer: (transfer) => {
      a.transfer?.(transfer);
      b.transfer?.(transfer);
    },
    layer: (...event) => {
      a.layer?.(...event);
      b.layer?.(...event);
    },
  };
}
