import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { WavecError } from '../../ir/diagnostics.ts';
import { evaluate } from '../../ir/interpret.ts';
import type { Values } from '../../ir/layers/record.ts';
import { mapParts, reducePart } from '../../passes/mbs/shape.ts';
import { importModel } from '../../src/onnx/index.ts';
import { setsMatrixSlot } from './configured.ts';
import { type Compiled, compileGraph, farFrom, groups, inputsOf, machineWith, run, runFunctional, tensorsIn, verify } from './execute.ts';
import { NetworkBuilder, type Rectangle } from './network.ts';

const TOLERANCE = 5e-3;
/** Counted on and never there: the caller executes the shares of all, one after the other. */
const ABSENT = { count: 3, start: () => undefined };

const pair = (min: number, max: number) => fc.tuple(fc.integer({ min, max }), fc.integer({ min, max }));
const geometry = fc
  .record({
    batch: fc.integer({ min: 1, max: 4 }),
    size: pair(3, 11),
    /** Channel groups with their inputs and outputs: narrow, wider than an array block, depthwise, a few to a group. */
    channels: fc.constantFrom(
      [1, 3, 5],
      [1, 24, 40],
      [1, 60, 70],
      [1, 20, 150],
      [1, 150, 20],
      [18, 1, 1],
      [7, 1, 2],
      [6, 4, 4],
      [3, 24, 24],
      [2, 50, 40],
    ),
    kernel: pair(1, 4),
    strides: pair(1, 3),
    dilations: fc.oneof(fc.constant([1, 1] as [number, number]), pair(1, 2)),
    pads: fc.tuple(...([0, 1, 2, 3] as const).map(() => fc.integer({ min: 0, max: 2 }))) as fc.Arbitrary<[number, number, number, number]>,
    bias: fc.boolean(),
    kib: fc.constantFrom(48, 10240),
  })
  .filter(({ size, kernel, dilations, pads }) =>
    ([0, 1] as const).every((i) => dilations[i] * (kernel[i] - 1) + 1 <= size[i] + pads[i] + (pads[i + 2] ?? 0)),
  );
type Geometry = typeof geometry extends fc.Arbitrary<infer T> ? T : never;

function compiled(s: Geometry, schedule: 'baseline' | 'mbs2'): Compiled | undefined {
  const [groupCount = 1, depth = 1, columns = 1] = s.channels;
  const b = new NetworkBuilder([s.batch, 3, ...s.size], 5);
  const x = b.relu(b.conv(b.input, groupCount * depth, { kernel: 1 }));
  const window: Rectangle = s;
  const y = b.relu(b.convolve(x, groupCount * columns, window, { groups: groupCount, bias: s.bias }));
  const imported = importModel(b.model(b.full(b.flatten(y), 10)), { file: 'random', mode: 'training' });
  try {
    return compileGraph(imported, { schedule, norm: groups(4), optimizer: 'sgd', lossScale: 64, machine: machineWith(s.kib) });
  } catch (error) {
    if (error instanceof WavecError && error.diagnostics.every((d) => d.code === 'DOES_NOT_FIT')) return undefined;
    throw error;
  }
}

/** How often each way of filling the array occurred. */
const seen = { copies: 0, groups: 0, phases: 0, zeros: 0, taps: 0, exchanged: 0 };

function count({ scheduled, program }: Compiled): void {
  if (setsMatrixSlot(program, 'X', 1)) seen.exchanged++;
  const array = { arrayRows: 128, arrayColumns: 128, waveRows: 256 };
  for (const { matrix } of scheduled.network.layers) {
    if (matrix === undefined) continue;
    if (matrix.form === 'weightGradient') {
      if (reducePart(matrix, array).copies > 1) seen.taps++;
      continue;
    }
    const parts = mapParts(matrix, array);
    if (parts.length > 1) seen.phases++;
    if (parts.some(({ rows, columns }) => rows.taps * columns.taps === 0)) seen.zeros++;
    if (parts.some(({ copies }) => copies > 1)) seen.copies++;
    if (parts.some((p) => p.groups > 1)) seen.groups++;
  }
}

/** Bits of every tensor that both schedules leave in DRAM; weight gradients are sums over samples in another order. */
function differing(a: ReadonlyMap<string, Values>, b: ReadonlyMap<string, Values>, c: Compiled): string[] {
  const batched = (name: string): boolean => c.graph.tensors.get(name)?.batched ?? false;
  return [...a].flatMap(([name, values]) => {
    const other = b.get(name);
    return other === undefined || !batched(name) || values.every((v, i) => Object.is(v, other[i])) ? [] : [name];
  });
}

describe('convolutions packed into the array, and strided gradients by phases', () => {
  it('are those of the reference kernels, checked, the same bits in every schedule, with every kernel and on threads', () => {
    let ran = 0;
    fc.assert(
      fc.property(geometry, (s) => {
        const [c, other] = [compiled(s, 'baseline'), compiled(s, 'mbs2')];
        if (c === undefined || other === undefined) return;
        ran++;
        count(c);
        const inputs = inputsOf(c.graph);
        const [result, again] = [runFunctional(c, inputs, true), runFunctional(other, inputs, true)];
        for (const [{ program }, r] of [
          [c, result],
          [other, again],
        ] as const) {
          expect(verify(program, r).problems).toEqual([]);
          expect(r.check?.findings).toEqual([]);
        }
        const values = tensorsIn(c, result);
        expect(farFrom(evaluate(c.graph, inputs, { round: 'f16' }), values, TOLERANCE)).toEqual([]);
        expect(differing(values, tensorsIn(other, again), c)).toEqual([]);
        const given = new Map(
          c.graph.inputs.map((name) => [c.scheduled.network.storages.of(name).name, inputs.get(name) ?? new Float64Array()]),
        );
        for (const options of [{ kernels: 'plain' as const }, { threads: ABSENT }]) {
          const once = tensorsIn(c, run(c.program, { mode: 'functional', inputs: given, ...options }));
          for (const [name, v] of values)
            expect(
              once.get(name)?.every((x, i) => Object.is(x, v[i])),
              name,
            ).toBe(true);
        }
      }),
      { numRuns: 45, seed: 11 },
    );
    expect(ran).toBeGreaterThan(30);
    for (const [what, times] of Object.entries(seen)) expect(times, what).toBeGreaterThan(3);
  }, 180_000);
});
