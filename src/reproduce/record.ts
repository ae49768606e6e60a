import type { Traffic } from '../../backends/wavecore/interpreter/counters.ts';
import type { Phase } from '../../ir/graph.ts';
import type { GroupSummary } from '../report/compilation.ts';
import type { RunSummary } from '../report/run-summary.ts';
import type { Job } from './job.ts';

/** What the layers of one kind took together. */
export interface KindCost {
  readonly phase: Phase;
  readonly kind: string;
  readonly layers: number;
  readonly cycles: number;
  readonly traffic: Traffic;
}

/** What a run counted. */
export interface Counted
  extends Pick<RunSummary, 'cycles' | 'seconds' | 'traffic' | 'energy' | 'utilization' | 'macs' | 'instructions' | 'units'> {
  /** Cycles that no overlap undercuts: the program's multiply-accumulates, recomputed ones among them, on a full array; its bytes at full bandwidth. */
  readonly floors: { readonly array: number; readonly dram: number };
  /** Add up to the cycles of the run, but for those outside of all layers. */
  readonly byKind: readonly KindCost[];
  /** Where a group of layers is run on sub-batches. */
  readonly groups?: readonly GroupSummary[];
}

/** One job and what came of it, as plain data. */
export interface RunRecord extends Pick<Job, 'purpose' | 'network' | 'batch' | 'schedule'> {
  /** What became of batch normalization. */
  readonly norm: string;
  /** Whether that is what the schedule has by default. */
  readonly ownNorm: boolean;
  readonly machine: string;
  readonly globalBytes: number;
  readonly memory: string;
  /** Absent where the step cannot run on the machine. */
  readonly counted?: Counted;
  /** Why it cannot. */
  readonly refused?: string;
}

export type CountedRecord = RunRecord & { readonly counted: Counted };

export function isCounted(record: RunRecord): record is CountedRecord {
  return record.counted !== undefined;
}
