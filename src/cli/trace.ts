import { type Command, InvalidArgumentError } from 'commander';
import type { Program, RunResult } from '../../backends/wavecore/index.ts';
import { diag, fail } from '../../ir/diagnostics.ts';
import { bytesText } from '../report/units.ts';
import { TraceRecorder } from '../trace/recorder.ts';
import { writePieces } from './files.ts';
import { positive } from './options.ts';

/** A point of the run, in cycles or in milliseconds of simulated time. */
interface Moment {
  readonly value: number;
  readonly unit: 'cycles' | 'ms';
}

export interface TraceCommandOptions {
  readonly trace?: string;
  readonly traceWindow?: readonly [from: Moment, to: Moment];
  readonly traceLimit?: number;
}

/** A trace that has been written. */
export interface WrittenTrace {
  readonly file: string;
  readonly bytes: number;
  /** What its slices are. */
  readonly form: string;
}

export function addTraceOptions(command: Command): Command {
  return command
    .option('--trace <FILE>', 'write the run as a trace for Perfetto or chrome://tracing')
    .option('--trace-window <FROM:TO>', 'part of the run that the trace shows, in cycles, or 0.5ms:2ms (default: all)', window)
    .option('--trace-limit <MB>', 'size above which slices of a layer are merged (default: 50)', positive);
}

/** The recorder of the trace that the options ask for. */
export function recorderOf(program: Program, { trace, traceWindow, traceLimit }: TraceCommandOptions): TraceRecorder | undefined {
  if (trace === undefined) {
    if (traceWindow !== undefined || traceLimit !== undefined) fail(diag.usage({}, '--trace-window and --trace-limit go with --trace'), 2);
    return undefined;
  }
  const cycle = ({ value, unit }: Moment): number => (unit === 'ms' ? (value / 1000) * program.machine.clockHz : value);
  return new TraceRecorder(program, {
    window: traceWindow && { from: Math.floor(cycle(traceWindow[0])), to: Math.ceil(cycle(traceWindow[1])) },
    limitBytes: traceLimit && traceLimit * 1e6,
  });
}

export function writeTrace(file: string, recorder: TraceRecorder, result: RunResult): WrittenTrace {
  return { file, bytes: writePieces(file, recorder.text(result)), form: recorder.form };
}

export function traceReport({ file, bytes, form }: WrittenTrace): string {
  return `trace: ${file}, ${bytesText(bytes)}; ${form}`;
}

function window(text: string): readonly [Moment, Moment] {
  const found = /^(\d+(?:\.\d+)?)(ms)?:(\d+(?:\.\d+)?)(ms)?$/.exec(text);
  const [, from, fromUnit, to, toUnit] = found ?? [];
  if (from === undefined || to === undefined || fromUnit !== toUnit)
    throw new InvalidArgumentError('It must have the form FROM:TO in cycles, or FROMms:TOms.');
  if (Number(from) >= Number(to)) throw new InvalidArgumentError('It must end behind its beginning.');
  const unit = fromUnit === undefined ? 'cycles' : 'ms';
  return [
    { value: Number(from), unit },
    { value: Number(to), unit },
  ];
}
