import type { Program } from '../../backends/wavecore/index.ts';
import type { Pipeline } from '../../backends/wavecore/interpreter/stalls.ts';
import { UNITS } from '../report/run-report.ts';
import { LAYERS_THREAD, CORE_PROCESS as pid } from './labels.ts';
import { type Slice, type Slices, WIDEST_GAP } from './slices.ts';
import type { Windows } from './windows.ts';

/** Upper bounds of what is no slice: everything that stands once, and the events of one window. */
export const HEAD_BYTES = 16_384;
export const COUNTER_BYTES = 300;

/** Characters that are written at once. */
const PIECE = 2 ** 16;

export interface TraceContents {
  readonly program: Program;
  /** In the order of their threads. */
  readonly pipelines: readonly Pipeline[];
  readonly slices: Slices;
  /** Bytes read and written across the DRAM pins; most bytes of the global buffer that are in use. */
  readonly read: Windows;
  readonly write: Windows;
  readonly allocated: Windows;
  /** Of the run. */
  readonly cycles: number;
  /** The cycles shown. */
  readonly from: number;
  readonly to: number;
}

/** Writes the JSON object form of the trace event format, one event a line. */
export function* traceText(contents: TraceContents): Generator<string> {
  let piece = `{"displayTimeUnit":"ns",\n"otherData":${JSON.stringify(metadata(contents))},\n"traceEvents":[`;
  let separator = '\n';
  for (const event of events(contents)) {
    piece += separator + event;
    separator = ',\n';
    if (piece.length < PIECE) continue;
    yield piece;
    piece = '';
  }
  yield `${piece}\n]}\n`;
}

function metadata({ program, slices, read, cycles, from, to }: TraceContents) {
  const { model, mode, schedule, cores, batch, machine } = program;
  return {
    producer: 'wavec',
    model,
    step: mode,
    schedule,
    cores,
    batch,
    machine: machine.name,
    clockHz: machine.clockHz,
    cycles,
    shown: { from, to },
    time: 'microseconds of simulated time, rounded to nanoseconds; cycles in args are exact',
    slices: formOf(slices),
    mergedGapCycles: slices.gap < 0 ? null : slices.gap,
    keptIterations: slices.every,
    counters: `over windows of ${read.width} cycles: mean bandwidth${cores === 1 ? '' : ' of all cores'}; most bytes of the global buffer that the schedule has given to live tensors and blocks`,
  };
}

/** What the slices are, in words. */
export function formOf({ gap, every }: Pick<Slices, 'gap' | 'every'>): string {
  if (gap < 0) return 'one slice for each instruction of a pipeline; of a transfer from its first to its last cycle on the DRAM';
  const gaps = gap < WIDEST_GAP ? `gaps of up to ${gap} cycles` : 'all gaps';
  const kept = every === 1 ? '' : `, and of every ${every} iterations of a layer group one is shown`;
  return `slices of one layer on one track are merged over ${gaps}${kept}; args hold sums over the merged`;
}

function* events(contents: TraceContents): Generator<string> {
  const { program, pipelines, slices } = contents;
  const nanoseconds = 1e9 / program.machine.clockHz;
  yield* names(program, pipelines);
  for (const slice of slices) yield sliceText(slice, nanoseconds);
  yield* counters(contents, nanoseconds);
}

function* names({ model, machine }: Program, pipelines: readonly Pipeline[]): Generator<string> {
  const named = (name: string, args: object, tid = LAYERS_THREAD): string => JSON.stringify({ name, ph: 'M', pid, tid, args });
  yield named('process_name', { name: `core 0: ${model} on ${machine.name}` });
  for (const [i, name] of ['layers', ...pipelines.map((pipeline) => UNITS[pipeline])].entries()) {
    yield named('thread_name', { name }, LAYERS_THREAD + i);
    yield named('thread_sort_index', { sort_index: i }, LAYERS_THREAD + i);
  }
}

/** Both ends are rounded alike, so that slices that touch do not overlap. */
function sliceText({ label, visit, start, end, cycles, instructions, bytes }: Slice, nanoseconds: number): string {
  const [from, to] = [Math.round(start * nanoseconds), Math.round(end * nanoseconds)];
  const more =
    label.track === LAYERS_THREAD
      ? `,"iteration":${visit}`
      : `${instructions > 1 ? `,"instructions":${instructions}` : ''}${bytes > 0 ? `,"bytes":${bytes}` : ''}`;
  return `{"ts":${from / 1000},"dur":${(to - from) / 1000},${label.text}"cycles":${cycles}${more}}}`;
}

function* counters({ program, read, write, allocated, to }: TraceContents, nanoseconds: number): Generator<string> {
  const gigabytes = (bytes: number, cycles: number): number => Math.round((bytes / cycles / nanoseconds) * 1000) / 1000;
  const written = [...write.before(to)];
  const bandwidth = [...read.before(to)].map(({ start, cycles, value }, i) => ({
    start,
    args: { read: gigabytes(value, cycles), write: gigabytes(written[i]?.value ?? 0, cycles) },
  }));
  yield* changes('DRAM bandwidth (GB/s)', [...bandwidth, { start: to, args: { read: 0, write: 0 } }], nanoseconds);
  if (program.buffer.length === 0) return;
  const bytes = [...allocated.before(to)].map(({ start, value }) => ({ start, args: { 'in use': value } }));
  yield* changes('global buffer (bytes)', [...bytes, { start: to, args: { 'in use': 0 } }], nanoseconds);
}

/** An event wherever a counter changes: it keeps its value until the next. */
function* changes(name: string, samples: readonly { readonly start: number; readonly args: object }[], nanoseconds: number) {
  let last = '';
  for (const { start, args } of samples) {
    const value = JSON.stringify(args);
    if (value !== last) yield JSON.stringify({ name, ph: 'C', ts: Math.round(start * nanoseconds) / 1000, pid, args });
    last = value;
  }
}
