import type { Observer, Program, RowInfo, RunResult, Transfer } from '../../backends/wavecore/index.ts';
import { PIPELINES, type Pipeline } from '../../backends/wavecore/interpreter/stalls.ts';
import { diag, fail } from '../../ir/diagnostics.ts';
import { COUNTER_BYTES, formOf, HEAD_BYTES, traceText } from './document.ts';
import { LAYERS_THREAD, type Label, Labels } from './labels.ts';
import { Occupancy } from './occupancy.ts';
import { type Slice, Slices } from './slices.ts';
import { Windows } from './windows.ts';

export interface TraceOptions {
  /** Bytes that the text may take. Default 50 000 000. */
  readonly limitBytes?: number;
  /** Cycles that it shows: whatever lies in [from, to) at least in part. Default: all. */
  readonly window?: { readonly from: number; readonly to: number };
}

const LIMIT_BYTES = 50e6;
/** Share of the limit that counters may take, and most windows of a counter. */
const COUNTER_SHARE = 0.06;
const MOST_WINDOWS = 8192;

/** The pipelines that have a thread: those that work on instructions; the DRAM is shown by its counter. */
const TRACKS = PIPELINES.filter((p) => p !== 'sequencer' && p !== 'dram');
const TRACK = Object.fromEntries(TRACKS.map((pipeline, i) => [pipeline, LAYERS_THREAD + 1 + i])) as Partial<Record<Pipeline, number>>;

/** The core whose slices a trace shows; the bandwidth is that of all cores. */
const SHOWN = 0;

/** Records a run as a trace in the Chrome/Perfetto form: the slices of core 0, the DRAM bandwidth of all cores. Give it to one run as `observer`, then ask for `text`. */
export class TraceRecorder implements Observer {
  private readonly program: Program;
  private readonly limitBytes: number;
  private readonly from: number;
  private readonly to: number;
  private readonly labels = new Labels();
  private readonly slices: Slices;
  private readonly occupancy: Occupancy;
  private readonly read: Windows;
  private readonly write: Windows;
  private readonly allocated: Windows;

  /** The layer that runs, since when, and how often each has begun. */
  private current: RowInfo | undefined;
  private begun = 0;
  private readonly visits = new Map<RowInfo | undefined, number>();
  /** The label that each instruction had last. */
  private readonly known: (Label | undefined)[] = [];
  /** The transfer under way: its stretch on the DMA unit, and those on the DRAM as pairs. */
  private moving = { start: 0, end: 0 };
  private stretches: (readonly [from: number, to: number])[] = [];

  constructor(program: Program, { limitBytes = LIMIT_BYTES, window = { from: 0, to: Number.POSITIVE_INFINITY } }: TraceOptions = {}) {
    this.program = program;
    this.limitBytes = limitBytes;
    ({ from: this.from, to: this.to } = window);
    const share = Math.floor((limitBytes * COUNTER_SHARE) / COUNTER_BYTES);
    const windows = 2 * Math.max(8, Math.min(MOST_WINDOWS / 2, Math.floor(share / 2)));
    this.read = new Windows(windows, this.from, (a, b) => a + b);
    this.write = new Windows(windows, this.from, (a, b) => a + b);
    this.allocated = new Windows(windows, this.from, Math.max);
    this.slices = new Slices(limitBytes - HEAD_BYTES - windows * COUNTER_BYTES, this.labels);
    this.occupancy = new Occupancy(program);
  }

  layer(layer: RowInfo, at: number, core: number): void {
    if (core !== SHOWN) return;
    this.endLayer(at);
    this.current = layer;
    this.begun = at;
    this.visits.set(layer, (this.visits.get(layer) ?? -1) + 1);
  }

  busy(pipeline: Pipeline, start: number, end: number, pc: number, core: number): void {
    if (pipeline === 'dram') this.stretches.push([start, end]);
    else if (pipeline === 'dmaLoad' || pipeline === 'dmaStore') this.moving = { start, end };
    else if (core === SHOWN) this.add(this.labelOf(pipeline, pc, undefined), start, end, end - start, 0);
  }

  transfer({ tensor, write, bytes, pc, core }: Transfer): void {
    const cycles = this.stretches.reduce((sum, [from, to]) => sum + to - from, 0);
    const rate = bytes / cycles;
    for (const [from, to] of this.stretches) (write ? this.write : this.read).add(from, Math.min(to, this.to), (shared) => shared * rate);
    this.stretches = [];
    if (core !== SHOWN) return;
    const { start, end } = this.moving;
    this.add(this.labelOf(write ? 'dmaStore' : 'dmaLoad', pc, tensor.name), start, end, cycles, bytes);
  }

  /**
   * The trace as JSON, in pieces.
   * @param run what the run that this has observed returned
   * @throws WavecError EMPTY_TRACE for a window behind the end of the run, TRACE_TOO_LARGE for a limit that holds no trace of it
   */
  text({ cycles }: Pick<RunResult, 'cycles'>): Iterable<string> {
    this.endLayer(cycles);
    this.current = undefined;
    const { program, from, slices, limitBytes } = this;
    if (from >= cycles) fail(diag.emptyTrace({}, from, cycles));
    if (!slices.fits) fail(diag.traceTooLarge({}, limitBytes));
    const to = Math.min(this.to, cycles);
    for (const windows of [this.read, this.write, this.allocated]) windows.reach(to);
    const { read, write, allocated } = this;
    return traceText({ program, pipelines: TRACKS, slices, read, write, allocated, cycles, from, to });
  }

  /** What the slices are, in words: exact, or merged to stay within the limit. */
  get form(): string {
    return formOf(this.slices);
  }

  private endLayer(at: number): void {
    if (this.current === undefined) return;
    const bytes = this.occupancy.of(this.current);
    this.allocated.add(this.begun, Math.min(at, this.to), () => bytes);
    const label = this.labels.of({ track: LAYERS_THREAD, layer: this.current, ops: [], tensors: [] });
    this.add(label, this.begun, at, at - this.begun, 0);
  }

  private add(label: Label, start: number, end: number, cycles: number, bytes: number): void {
    if (cycles === 0 || end <= this.from || start >= this.to) return;
    const slice: Slice = { label, visit: this.visits.get(label.layer) ?? 0, start, end, cycles, instructions: 1, bytes };
    this.slices.add(slice);
  }

  private labelOf(pipeline: Pipeline, pc: number, tensor: string | undefined): Label {
    const last = this.known[pc];
    if (last !== undefined && last.layer === this.current && last.tensors[0] === tensor) return last;
    const op = this.program.code[pc]?.op ?? '';
    const track = TRACK[pipeline] ?? LAYERS_THREAD;
    const label = this.labels.of({ track, layer: this.current, ops: [op], tensors: tensor === undefined ? [] : [tensor] });
    this.known[pc] = label;
    return label;
  }
}
