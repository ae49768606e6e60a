import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { evaluate } from '../../ir/interpret.ts';
import type { Values } from '../../ir/layers/record.ts';
import { elementCount } from '../../ir/tensor.ts';
import { verify } from '../../ir/verify.ts';
import { DIFFERENTIABLE, normCase, POSITIVE, TABLED } from './cases.ts';
import { type Differentiated, differentiateCase, differentiateNorm, lossGraph } from './differentiate.ts';
import { difference, spread } from './values.ts';

const STEP = 1e-5;

/** Operands that differ from one another, so that none is a maximum of two equal ones; `tables` are those behind the first. */
function randomInputs({ graph }: Differentiated, seed: number, shift: number, tables: readonly Values[]): Map<string, Values> {
  const values = (name: string, i: number): Values =>
    spread(elementCount(graph.tensors.get(name)?.type.shape ?? []), seed + i).map((v) => v + shift + 1.3e-3 * i);
  return new Map(graph.inputs.map((name, i) => [name, tables[i - 1] ?? values(name, i)]));
}

/** d(Σ dy·result)/d(input) by central differences. */
function numericGradient(d: Differentiated, inputs: ReadonlyMap<string, Values>, input: string): Values {
  const forward = { ...d.graph, layers: d.graph.layers.filter((layer) => layer.phase === 'forward') };
  const loss = (values: Values): number => {
    const y = evaluate(forward, new Map([...inputs, [input, values]])).get(d.result) ?? new Float64Array();
    const dy = inputs.get('dy') ?? new Float64Array();
    return y.reduce((sum, v, i) => sum + v * (dy[i] ?? Number.NaN), 0);
  };
  const x = inputs.get(input) ?? new Float64Array();
  return x.map((v, i) => {
    const [up, down] = [x.slice(), x.slice()];
    up[i] = v + STEP;
    down[i] = v - STEP;
    return (loss(up) - loss(down)) / (2 * STEP);
  });
}

function expectGradients(d: Differentiated, seed: number, shift = 0, tables: readonly Values[] = []): void {
  expect(verify(d.graph)).toEqual([]);
  const inputs = randomInputs(d, seed, shift, tables);
  const results = evaluate(d.graph, inputs);
  for (const [input, gradient] of d.gradients) {
    const computed = results.get(gradient) ?? new Float64Array();
    expect(difference(computed, numericGradient(d, inputs, input), 1e-2), `gradient of ${input}`).toBeLessThan(1e-6);
  }
}

const seeds = fc.integer({ min: 0, max: 1e6 });

describe('gradient rules against finite differences in f64', () => {
  for (const [kind, cases] of Object.entries(DIFFERENTIABLE)) {
    it(kind, () => {
      fc.assert(
        fc.property(cases, seeds, (c, seed) => {
          const d = differentiateCase(c);
          expect(d.gradients.size).toBe(c.types.length);
          expectGradients(d, seed);
        }),
        { numRuns: 25 },
      );
    });
  }

  for (const [kind, cases] of Object.entries(POSITIVE)) {
    it(`${kind} of positive numbers`, () => {
      fc.assert(
        fc.property(cases, seeds, (c, seed) => expectGradients(differentiateCase(c), seed, 1.5)),
        { numRuns: 25 },
      );
    });
  }

  for (const [kind, cases] of Object.entries(TABLED)) {
    it(kind, () => {
      fc.assert(
        fc.property(cases, seeds, (c, seed) => {
          const d = differentiateCase(c);
          expect(d.gradients.size).toBe(1);
          expectGradients(d, seed, 0, c.tables);
        }),
        { numRuns: 25 },
      );
    });
  }

  it('norm_apply, through the statistics of norm_stats', () => {
    fc.assert(
      fc.property(normCase, seeds, ({ type, attrs }, seed) => {
        const d = differentiateNorm(type.shape, attrs);
        expect([...d.gradients.keys()]).toEqual(['x', 'gamma', 'beta']);
        expectGradients(d, seed);
      }),
      { numRuns: 40 },
    );
  });

  it('softmax_loss gives the scaled gradient of the mean loss', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 4 }), fc.integer({ min: 2, max: 6 }), seeds, (N, K, seed) => {
        const attrs = { weight: 0.3, lossScale: 128, batch: N };
        const d = lossGraph(N, K, attrs);
        const logits = spread(N * K, seed);
        const labels = Float64Array.from({ length: N }, (_, n) => (n * 7 + seed) % K);
        const meanLoss = (values: Values): number => {
          const loss =
            evaluate(
              d,
              new Map([
                ['logits', values],
                ['labels', labels],
              ]),
            ).get('loss') ?? new Float64Array();
          return loss.reduce((a, b) => a + b, 0) / N;
        };
        const numeric = logits.map((v, i) => {
          const [up, down] = [logits.slice(), logits.slice()];
          up[i] = v + STEP;
          down[i] = v - STEP;
          return (attrs.lossScale * (meanLoss(up) - meanLoss(down))) / (2 * STEP);
        });
        const dlogits =
          evaluate(
            d,
            new Map([
              ['logits', logits],
              ['labels', labels],
            ]),
          ).get('loss.dlogits') ?? new Float64Array();
        expect(difference(dlogits, numeric)).toBeLessThan(1e-6);
      }),
    );
  });
});
