import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Graph, Layer, Tensor } from '../../ir/graph.ts';
import { evaluate } from '../../ir/interpret.ts';
import { recordOf } from '../../ir/layers/index.ts';
import type { Rows, Values } from '../../ir/layers/record.ts';
import { elementCount } from '../../ir/tensor.ts';
import { DIFFERENTIABLE, normCase, OTHERS } from './cases.ts';
import { type Differentiated, differentiateCase, differentiateNorm } from './differentiate.ts';
import { difference, spread } from './values.ts';

const isImage = (tensor: Tensor): boolean => tensor.batched && tensor.type.shape.length === 4;

/** The values with `outside` in place of every element whose image row is not in `rows`. */
function onlyRows(tensor: Tensor, values: Values, rows: Rows, outside: number): Values {
  const [, , H = 1, W = 1] = tensor.type.shape;
  return values.map((v, i) => {
    const h = Math.floor(i / W) % H;
    return h >= rows[0] && h < rows[1] ? v : outside;
  });
}

const onlyElements = (values: Values, perSample: number, from: number, to: number): Values =>
  values.map((v, i) => (i % perSample >= from && i % perSample < to ? v : Number.NaN));

interface Run {
  readonly layer: Layer;
  readonly inputs: readonly Tensor[];
  readonly outputs: readonly Tensor[];
  readonly values: readonly Values[];
  readonly whole: readonly Values[];
}

function* runs(graph: Graph, results: ReadonlyMap<string, Values>): Generator<Run> {
  const tensors = (names: readonly string[]): Tensor[] => names.map((n) => graph.tensors.get(n)).filter((t) => t !== undefined);
  const values = (names: readonly string[]): Values[] => names.map((n) => results.get(n) ?? new Float64Array());
  for (const layer of graph.layers) {
    yield {
      layer,
      inputs: tensors(layer.inputs),
      outputs: tensors(layer.outputs),
      values: values(layer.inputs),
      whole: values(layer.outputs),
    };
  }
}

function compute(run: Run, values: readonly Values[]): Values[] {
  const types = run.inputs.map((t) => t.type);
  return recordOf(run.layer.kind).reference(
    values,
    types,
    run.layer.attrs,
    run.outputs.map((t) => t.type),
  );
}

function neededRows(run: Run, index: number, out: Rows): Rows {
  const rows = recordOf(run.layer.kind).inputRows?.(
    index,
    out,
    run.inputs.map((t) => t.type),
    run.layer.attrs,
  ) ?? [0, 0];
  const H = run.inputs[index]?.type.shape[2] ?? 0;
  expect(rows[0] >= 0 && rows[0] <= rows[1] && rows[1] <= H, `rows ${rows} of ${H}`).toBe(true);
  return rows;
}

/** Rows of an image result come out the same from the needed input rows alone, whatever lies outside them. */
function expectImageStripe(run: Run, out: Rows): void {
  const poisoned = run.values.map((v, i) => {
    const tensor = run.inputs[i];
    return tensor !== undefined && isImage(tensor) ? onlyRows(tensor, v, neededRows(run, i, out), Number.NaN) : v;
  });
  compute(run, poisoned).forEach((result, i) => {
    const tensor = run.outputs[i];
    const whole = run.whole[i];
    if (tensor === undefined || whole === undefined) return;
    expect(onlyRows(tensor, result, out, 0)).toEqual(onlyRows(tensor, whole, out, 0));
  });
}

/** A reduction over dy (input 1) is the sum over its stripes, each from the needed rows of x alone. */
function expectReductionStripes(run: Run, cut: number): void {
  const [x, dy] = run.inputs;
  if (x === undefined || dy === undefined) return;
  const H = dy.type.shape[2] ?? 1;
  const sums = run.whole.map((v) => new Float64Array(v.length));
  for (let from = 0; from < H; from += cut) {
    const out: Rows = [from, Math.min(from + cut, H)];
    const values = run.values.map((v, i) => {
      if (i === 1) return onlyRows(dy, v, out, 0);
      return i === 0 ? onlyRows(x, v, neededRows(run, 0, out), 1e6) : v;
    });
    expect(neededRows(run, 1, out)).toEqual(out);
    compute(run, values).forEach((part, i) => {
      part.forEach((v, j) => {
        const sum = sums[i];
        if (sum !== undefined) sum[j] = (sum[j] ?? 0) + v;
      });
    });
  }
  sums.forEach((sum, i) => {
    expect(difference(sum, run.whole[i] ?? new Float64Array())).toBeLessThan(1e-9);
  });
}

function expectFlatStripe(run: Run, share: number): void {
  const perSample = elementCount(run.outputs[0]?.type.shape.slice(1) ?? []);
  const to = Math.max(1, Math.round(perSample * share));
  const from = Math.floor(to / 2);
  const poisoned = run.values.map((v) => onlyElements(v, perSample, from, to));
  compute(run, poisoned).forEach((result, i) => {
    const whole = run.whole[i] ?? new Float64Array();
    expect(onlyElements(result, perSample, from, to)).toEqual(onlyElements(whole, perSample, from, to));
  });
}

const checked = new Set<string>();

function expectStripes(d: Differentiated, share: number, seed: number): void {
  const inputs = new Map(
    d.graph.inputs.map((name, i) => [name, spread(elementCount(d.graph.tensors.get(name)?.type.shape ?? []), seed + i)]),
  );
  for (const run of runs(d.graph, evaluate(d.graph, inputs))) {
    const { stripes } = recordOf(run.layer.kind);
    const [first] = run.outputs;
    if (stripes === undefined || first === undefined) continue;
    checked.add(run.layer.kind);
    if (stripes === 'flat') expectFlatStripe(run, share);
    else if (isImage(first)) {
      const H = first.type.shape[2] ?? 1;
      const to = Math.max(1, Math.round(H * share));
      expectImageStripe(run, [Math.floor(to / 2), to]);
    } else if (run.inputs.length > 1) expectReductionStripes(run, Math.max(1, Math.round((run.inputs[1]?.type.shape[2] ?? 1) * share)));
  }
}

const share = fc.double({ min: 0, max: 1, noNaN: true });
const seeds = fc.integer({ min: 0, max: 1e6 });

describe('a stripe of a layer needs only the input rows that the record names', () => {
  for (const [kind, cases] of Object.entries({ ...DIFFERENTIABLE, ...OTHERS })) {
    it(kind, () => {
      fc.assert(fc.property(cases, share, seeds, (c, s, seed) => expectStripes(differentiateCase(c), s, seed)));
    });
  }

  it('normalization', () => {
    fc.assert(
      fc.property(normCase, share, seeds, ({ type, attrs }, s, seed) => expectStripes(differentiateNorm(type.shape, attrs), s, seed)),
    );
  });

  it('has covered every kind of the list', () => {
    const kinds = [
      'conv',
      'conv_grad_data',
      'conv_grad_weight',
      'max_pool',
      'max_pool_grad',
      'avg_pool',
      'avg_pool_grad',
      'lrn',
      'lrn_grad',
    ];
    expect([...checked]).toEqual(
      expect.arrayContaining([...kinds, 'norm_apply', 'norm_grad_reduce', 'norm_grad_apply', 'relu', 'relu_grad', 'concat', 'split']),
    );
  });
});
