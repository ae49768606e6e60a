import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { type Program, run } from '../../backends/wavecore/index.ts';
import { PIPELINES, type Pipeline } from '../../backends/wavecore/interpreter/stalls.ts';
import { compile } from '../../src/api.ts';
import { bothObservers, LayerRecorder, layerRunSheet } from '../../src/report/layer-run.ts';

const bars = readFileSync(new URL('../../examples/models/bars.onnx', import.meta.url));

function recorded(program: Program) {
  const recorder = new LayerRecorder(program);
  const result = run(program, { mode: 'timing', observer: recorder });
  return { result, layers: recorder.layers(result) };
}

describe.each([1, 2])('the layers of a run on %i cores', (cores) => {
  const { result, layers } = recorded(compile(bars, { file: 'bars.onnx', batch: 16, cores, norm: { kind: 'group', channelsPerGroup: 4 } }));
  const sum = (of: (layer: (typeof layers)[number]) => number): number => layers.reduce((all, layer) => all + of(layer), 0);

  it('add up to the run: busy cycles of every unit, bytes, products', () => {
    // A DMA unit is watched from start to end, and counted without the cycles in which the DRAM serves older transfers.
    const isDma = (unit: Pipeline): boolean => unit === 'dmaLoad' || unit === 'dmaStore';
    for (const unit of PIPELINES.filter((name) => name !== 'sequencer')) {
      const watched = sum(({ busy }) => busy[unit]);
      if (isDma(unit)) expect(watched).toBeGreaterThanOrEqual(result.units[unit].busy);
      else expect(watched).toBe(result.units[unit].busy);
    }
    expect(sum(({ traffic }) => traffic)).toBe(result.traffic.total);
    expect(sum(({ macs }) => macs)).toBe(result.macs);
  });

  it('are limited by the unit that works most', () => {
    for (const { layer, busy, limit } of layers) {
      expect(busy[limit], layer).toBeGreaterThanOrEqual(Math.max(busy.array, busy.vector) / (limit === 'dram' ? cores : 1));
    }
    const products = layers.filter(({ macs }) => macs > 0);
    expect(products.every(({ utilization, busy }) => utilization > 0 && utilization < 1 && busy.array > 0)).toBe(true);
    expect(layers.filter(({ macs }) => macs === 0).every(({ busy }) => busy.array === 0)).toBe(true);
  });

  it('stand in the table in the order of the program', () => {
    const { rows, columns } = layerRunSheet(layers, result);
    expect(rows.map(([layer]) => layer)).toEqual(result.layers.map(({ layer }) => layer));
    expect(rows.every((row) => row.length === columns.length)).toBe(true);
  });
});

it('two observers of a run see the same', () => {
  const program = compile(bars, { file: 'bars.onnx', batch: 4 });
  const [a, b] = [new LayerRecorder(program), new LayerRecorder(program)];
  const result = run(program, { mode: 'timing', observer: bothObservers(a, b) });
  expect(a.layers(result)).toEqual(b.layers(result));
  expect(a.layers(result)).toEqual(recorded(program).layers);
});
