import { beforeAll, describe, expect, it } from 'vitest';
import type { Pipeline } from '../../backends/wavecore/interpreter/stalls.ts';
import { type Program, type RunResult, run, type TraceOptions, TraceRecorder } from '../../src/index.ts';
import { importModel } from '../../src/onnx/index.ts';
import { UNITS } from '../../src/report/run-report.ts';
import { caught } from '../backends/caught.ts';
import { compileGraph, groups, machineWith } from '../chain/execute.ts';
import { residualNetwork } from '../chain/network.ts';
import { type SliceEvent, Trace } from './events.ts';

const PIPELINES: readonly Pipeline[] = ['dmaLoad', 'dmaStore', 'fill', 'stationary', 'array', 'drain', 'vector'];

let program: Program;
let result: RunResult;
let exact: Trace;

/** A small training step in several iterations of its layer groups. */
beforeAll(() => {
  const imported = importModel(residualNetwork(16), { file: 'residual', mode: 'training' });
  program = compileGraph(imported, { schedule: 'mbs2', norm: groups(8), machine: machineWith(64), optimizer: 'momentum' }).program;
  const recorder = new TraceRecorder(program);
  result = run(program, { mode: 'timing', observer: recorder });
  exact = new Trace(recorder, result);
});

function traced(options: TraceOptions): Trace {
  const recorder = new TraceRecorder(program, options);
  return new Trace(recorder, run(program, { mode: 'timing', observer: recorder }));
}

const sum = (slices: readonly SliceEvent[], value: (slice: SliceEvent) => number): number =>
  slices.reduce((total, s) => total + value(s), 0);

const nanoseconds = (microseconds: number): number => Math.round(microseconds * 1000);
const endNs = ({ ts, dur }: SliceEvent): number => nanoseconds(ts) + nanoseconds(dur);

/** A cycle takes more than a nanosecond, so that the rounded times tell the cycles. */
const cycle = (ns: number): number => Math.round((ns / 1e9) * program.machine.clockHz);
const begin = ({ ts }: SliceEvent): number => cycle(nanoseconds(ts));
const end = (slice: SliceEvent): number => cycle(endNs(slice));

function overlaps(trace: Trace): string[] {
  return [...trace.tracks()].flatMap(([track, slices]) =>
    slices.flatMap((slice, i) => (i > 0 && nanoseconds(slice.ts) < endNs(slices[i - 1] ?? slice) ? [`${track} at ${slice.ts}`] : [])),
  );
}

function busy(trace: Trace): Record<string, number> {
  return Object.fromEntries([...trace.tracks()].map(([track, slices]) => [track, sum(slices, (s) => s.args.cycles)]));
}

describe('the exact trace of a run', () => {
  it('has a slice for all work of every pipeline, and none that overlap', () => {
    expect(exact.metadata).toMatchObject({ mergedGapCycles: null, keptIterations: 1, cycles: result.cycles });
    expect(overlaps(exact)).toEqual([]);
    const cycles = busy(exact);
    for (const pipeline of PIPELINES) expect([pipeline, cycles[UNITS[pipeline]]]).toEqual([pipeline, result.units[pipeline].busy]);
    expect(exact.slices.every((s) => s.args.instructions === undefined)).toBe(true);
  });

  it('tells layer, ONNX node, group, phase and mnemonic of every slice', () => {
    const known = new Map(program.debug.map((range) => [`${range.group} ${range.layer}`, range]));
    for (const { name, cat, args } of exact.slices) {
      const range = known.get(`${args.group} ${name}`);
      expect({ node: args.node, phase: args.phase, cat }).toEqual({ node: range?.origin, phase: range?.phase, cat: range?.phase });
    }
    const ops = (track: string) => [
      ...new Set(
        exact
          .tracks()
          .get(track)
          ?.map((s) => s.args.op),
      ),
    ];
    expect(ops(UNITS.array)).toEqual(['m.mul']);
    expect(ops(UNITS.dmaStore)).toEqual(['d.st']);
    expect(ops(UNITS.vector)).toEqual(expect.arrayContaining(['v.relu', 'v.momentum']));
  });

  it('moves the bytes that were counted, tensor by tensor', () => {
    const tracks = exact.tracks();
    expect(sum(tracks.get(UNITS.dmaLoad) ?? [], (s) => s.args.bytes ?? 0)).toBe(result.traffic.read);
    expect(sum(tracks.get(UNITS.dmaStore) ?? [], (s) => s.args.bytes ?? 0)).toBe(result.traffic.write);
    const symbols = new Set(program.symbols.map((s) => s.name));
    expect((tracks.get(UNITS.dmaLoad) ?? []).every((s) => symbols.has(s.args.tensor ?? ''))).toBe(true);
  });

  it('shows the layers one behind the other, iteration by iteration', () => {
    const layers = exact.tracks().get('layers') ?? [];
    expect(layers.every((s) => s.args.op === undefined && s.args.iteration !== undefined)).toBe(true);
    expect(Math.max(...layers.map((s) => s.args.iteration ?? 0))).toBeGreaterThan(0);
    // What precedes the first layer, and a fence's last cycle, belong to no slice.
    expect(sum(layers, (s) => s.args.cycles)).toBeGreaterThan(0.999 * result.cycles);
  });

  it('shows bandwidth whose integral is the traffic, never above that of the DRAM', () => {
    const points = exact.counter('DRAM bandwidth (GB/s)');
    const { bytesPerSecond } = program.machine.dram;
    const peak = bytesPerSecond / program.machine.coresPerChip / 1e9;
    const total = { read: 0, write: 0 };
    points.forEach(({ ts, args }, i) => {
      const { read = 0, write = 0 } = args;
      expect(read + write).toBeLessThanOrEqual(peak * 1.001);
      const seconds = ((points[i + 1]?.ts ?? ts) - ts) * 1e-6;
      total.read += read * 1e9 * seconds;
      total.write += write * 1e9 * seconds;
    });
    expect(points.at(-1)?.args).toEqual({ read: 0, write: 0 });
    expect(total.read / result.traffic.read).toBeCloseTo(1, 2);
    expect(total.write / result.traffic.write).toBeCloseTo(1, 2);
  });

  it('shows how much of the global buffer is in use', () => {
    const values = exact.counter('global buffer (bytes)').map((p) => p.args['in use'] ?? -1);
    expect(values.at(-1)).toBe(0);
    expect(Math.max(...values)).toBeLessThanOrEqual(program.machine.buffers.globalBytes);
    expect(new Set(values).size).toBeGreaterThan(3);
  });

  it('is the same to the byte in every run', () => {
    expect(traced({}).text).toBe(exact.text);
  });
});

/** Whether every slice of a trace is a run of exact ones: of one layer on one track, over gaps of up to `gap` cycles, all of them in order. */
function isMergedOf(trace: Trace, gap: number): boolean {
  return [...trace.tracks()].every(([track, slices]) => {
    const all = exact.tracks().get(track) ?? [];
    let at = 0;
    for (const shown of slices) {
      const run: SliceEvent[] = [];
      while (at < all.length && sum(run, (s) => s.args.cycles) < shown.args.cycles) run.push(...all.slice(at, ++at));
      const isRun = run.every((s, i) => i === 0 || (s.name === run[0]?.name && begin(s) - end(run[i - 1] ?? s) <= gap));
      const isAll = sum(run, (s) => s.args.cycles) === shown.args.cycles && run.length <= (shown.args.instructions ?? 1);
      if (!isRun || !isAll || run[0]?.ts !== shown.ts) return false;
    }
    return at === all.length;
  });
}

describe('a trace with a limit', () => {
  it('merges slices over gaps, and says so', () => {
    const limitBytes = 400_000;
    const trace = traced({ limitBytes });
    const gap = trace.metadata.mergedGapCycles ?? -1;
    expect(trace.text.length).toBeLessThanOrEqual(limitBytes);
    expect(trace.metadata.keptIterations).toBe(1);
    expect(trace.metadata.slices).toContain(`gaps of up to ${gap} cycles`);
    expect(overlaps(trace)).toEqual([]);
    expect(busy(trace)).toEqual(busy(exact));
    expect(isMergedOf(trace, gap)).toBe(true);
    expect(trace.slices.length).toBeLessThan(exact.slices.length);
  });

  it('shows only some iterations where that is not enough', () => {
    const [more, trace] = [traced({ limitBytes: 200_000 }), traced({ limitBytes: 120_000 })];
    const every = trace.metadata.keptIterations;
    expect(every).toBeGreaterThan(more.metadata.keptIterations);
    expect(trace.text.length).toBeLessThanOrEqual(120_000);
    expect(trace.metadata.slices).toContain(`of every ${every} iterations`);
    const layers = (t: Trace) => t.tracks().get('layers') ?? [];
    expect(layers(trace)).toEqual(layers(exact).filter((s) => (s.args.iteration ?? 0) % every === 0));
    expect(overlaps(trace)).toEqual([]);
  });

  it('is refused where no trace is within it', () => {
    expect(caught(() => traced({ limitBytes: 20_000 })).diagnostics[0]?.code).toBe('TRACE_TOO_LARGE');
  });
});

describe('a trace of a window', () => {
  it('shows whatever meets the window, whole', () => {
    const [from, to] = [Math.floor(result.cycles / 3), Math.floor(result.cycles / 2)];
    const trace = traced({ window: { from, to } });
    const texts = (slices: readonly SliceEvent[]) => slices.map((s) => JSON.stringify(s));
    expect(texts(trace.slices)).toEqual(texts(exact.slices.filter((s) => end(s) > from && begin(s) < to)));
    expect(trace.metadata.shown).toEqual({ from, to });
    const times = trace.counter('DRAM bandwidth (GB/s)').map((p) => cycle(nanoseconds(p.ts)));
    expect(times[0]).toBe(from);
    expect(Math.max(...times)).toBeLessThanOrEqual(to);
  });

  it('is refused behind the end of the run', () => {
    const window = { from: result.cycles, to: result.cycles + 1 };
    expect(caught(() => traced({ window })).diagnostics[0]?.code).toBe('EMPTY_TRACE');
  });
});
