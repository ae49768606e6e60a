// Cycles of the matrix products of ResNet-50 (forward, one sample) as the compiled programs execute them, beside the closed form of
// a weight-stationary array without weight double buffering, with what makes the difference. Prints the tables of CLOSED-FORM.md.
import { readFileSync } from 'node:fs';
import { run } from '../backends/wavecore/index.ts';
import { PIPELINES } from '../backends/wavecore/interpreter/stalls.ts';
import { recordOf } from '../ir/layers/index.ts';
import { generateProgram, resolveSettings, runPasses, type ScheduleName } from '../src/index.ts';

const model = readFileSync(new URL('../examples/models/resnet50.eval.onnx', import.meta.url));

interface Row {
  readonly layer: string;
  readonly form: number;
  readonly cycles: number;
  readonly array: number;
}

function rowsOf(schedule: ScheduleName): { rows: Row[]; rest: string } {
  const settings = resolveSettings({ file: 'resnet50.eval.onnx', mode: 'inference', batch: 1, schedule });
  const state = runPasses(model, settings);
  const { rows: R, columns: C } = settings.machine.array;
  const program = generateProgram(state, settings);
  let array = 0;
  const busy = new Map<string, number>();
  let current = '';
  const result = run(program, {
    mode: 'timing',
    observer: {
      layer: ({ layer }) => {
        current = layer;
      },
      busy: (pipeline, start, end) => {
        if (pipeline === 'array') busy.set(current, (busy.get(current) ?? 0) + end - start);
      },
    },
  });
  const rows = state.graph.layers.flatMap((layer): Row[] => {
    const types = layer.inputs.flatMap((name) => state.graph.tensors.get(name)?.type ?? []);
    const gemm = recordOf(layer.kind).gemm?.(types, layer.attrs);
    if (gemm === undefined) return [];
    const { m, n, k, groups } = gemm;
    const form = groups * Math.ceil(k / R) * Math.ceil(n / C) * (2 * R + C + m - 2);
    const cycles = result.layers.find((l) => l.layer === layer.name)?.cycles ?? 0;
    array += busy.get(layer.name) ?? 0;
    return [{ layer: `${layer.origin} (${m} × ${n} × ${k})`, form, cycles, array: busy.get(layer.name) ?? 0 }];
  });
  const stalls = PIPELINES.filter((p) => p === 'array' || p === 'stationary').map((p) => `${p}: ${JSON.stringify(result.units[p])}`);
  return { rows, rest: `all layers ${result.cycles}, array busy ${array}; ${stalls.join('; ')}` };
}

const sum = (rows: readonly Row[], of: (row: Row) => number): number => rows.reduce((total, row) => total + of(row), 0);
const all = Object.fromEntries((['baseline', 'archopt', 'mbs2'] as const).map((name) => [name, rowsOf(name)]));
console.log('| product (m × n × k) | closed form | baseline | archopt | mbs2 | array busy |\n|---|---|---|---|---|---|');
(all.baseline?.rows ?? []).forEach(({ layer, form, cycles, array }, i) => {
  console.log(`| ${layer} | ${form} | ${cycles} | ${all.archopt?.rows[i]?.cycles} | ${all.mbs2?.rows[i]?.cycles} | ${array} |`);
});
const totals = Object.values(all).map(({ rows }) => sum(rows, (r) => r.cycles));
const base = all.baseline?.rows ?? [];
console.log(`| all products | ${sum(base, (r) => r.form)} | ${totals.join(' | ')} | ${sum(base, (r) => r.array)} |`);
for (const [name, { rest }] of Object.entries(all)) console.log(`${name}: ${rest}`);
