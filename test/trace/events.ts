import * as v from 'valibot';
import type { TraceRecorder } from '../../src/index.ts';

/** The JSON object form of the trace event format: complete, counter and metadata events, times in microseconds. */
const count = v.pipe(v.number(), v.safeInteger(), v.minValue(0));
const time = v.pipe(v.number(), v.finite(), v.minValue(0));
/** Processes and threads: viewers take 0 for that of an idle processor. */
const id = v.pipe(count, v.minValue(1));
const name = v.pipe(v.string(), v.minLength(1));

const SliceSchema = v.strictObject({
  ph: v.literal('X'),
  name,
  cat: v.string(),
  ts: time,
  dur: time,
  pid: id,
  tid: id,
  args: v.strictObject({
    node: v.string(),
    group: count,
    phase: v.picklist(['forward', 'backward', 'update']),
    op: v.optional(name),
    tensor: v.optional(name),
    cycles: v.pipe(count, v.minValue(1)),
    iteration: v.optional(count),
    instructions: v.optional(v.pipe(count, v.minValue(2))),
    bytes: v.optional(v.pipe(count, v.minValue(1))),
  }),
});
export type SliceEvent = v.InferOutput<typeof SliceSchema>;

const CounterSchema = v.strictObject({ ph: v.literal('C'), name, ts: time, pid: id, args: v.record(v.string(), time) });

const MetadataSchema = v.strictObject({
  ph: v.literal('M'),
  name: v.picklist(['process_name', 'thread_name', 'thread_sort_index']),
  pid: id,
  tid: id,
  args: v.union([v.strictObject({ name }), v.strictObject({ sort_index: count })]),
});

const TraceSchema = v.strictObject({
  displayTimeUnit: v.picklist(['ms', 'ns']),
  otherData: v.looseObject({
    time: v.string(),
    slices: v.string(),
    mergedGapCycles: v.nullable(count),
    keptIterations: v.pipe(count, v.minValue(1)),
    counters: v.string(),
  }),
  traceEvents: v.array(v.variant('ph', [SliceSchema, CounterSchema, MetadataSchema])),
});

/** A trace that has been checked. */
export class Trace {
  readonly text: string;
  readonly metadata: v.InferOutput<typeof TraceSchema>['otherData'];
  readonly slices: readonly SliceEvent[];
  private readonly events: v.InferOutput<typeof TraceSchema>['traceEvents'];

  constructor(recorder: TraceRecorder, run: { readonly cycles: number }) {
    this.text = [...recorder.text(run)].join('');
    const { otherData, traceEvents } = v.parse(TraceSchema, JSON.parse(this.text));
    this.metadata = otherData;
    this.events = traceEvents;
    this.slices = traceEvents.filter((e) => e.ph === 'X');
  }

  /** Slices by the name of their thread. */
  tracks(): Map<string, SliceEvent[]> {
    const named = this.events.flatMap((e) =>
      e.ph === 'M' && e.name === 'thread_name' && 'name' in e.args ? [[e.args.name, e.tid] as const] : [],
    );
    return new Map(named.map(([track, tid]) => [track, this.slices.filter((s) => s.tid === tid)]));
  }

  /** Values of a counter by time. */
  counter(counter: string): { readonly ts: number; readonly args: Readonly<Record<string, number>> }[] {
    return this.events.flatMap((e) => (e.ph === 'C' && e.name === counter ? [e] : []));
  }
}
