import { expect, it } from 'vitest';
import { recordOf } from '../../../ir/layers/index.ts';
import { f16, f32 } from '../../../ir/layers/types.ts';
import { elementCount } from '../../../ir/tensor.ts';
import { difference, generator } from '../../ir/values.ts';
import { floatBits } from '../assembler.ts';
import { numbersOf, rounded, runVector } from '../vector-layer.ts';

const HALF = 2 ** -10;
const EPSILON = 1e-5;

/** x·scale + shift cancels where the mean is many times the deviation; what that costs stays below the rounding of the results. */
it.each([0, 10, 300])('normalization and its gradient, of values around %i with a deviation of 1', (mean) => {
  const [x, stats, channels] = [f16([2, 8, 12, 12]), f32([2, 4, 2]), f32([8])];
  const attrs = { groups: 4, crossSample: false };
  const random = generator(3);
  const drawn = (count: number, around: number): Float64Array =>
    Float64Array.from({ length: count }, () => around + 3.46 * (random() - 0.5));
  const values = rounded(x, drawn(elementCount(x.shape), mean));
  const dy = rounded(x, drawn(elementCount(x.shape), 0));
  const [gamma, beta] = [rounded(channels, drawn(8, 1)), rounded(channels, drawn(8, 0))];
  const [exact = new Float64Array()] = recordOf('norm_stats').reference([values], [x], { ...attrs, epsilon: EPSILON }, [stats]);
  const given = rounded(stats, exact);
  const slots = { N: 2, C: 8, H: 12, W: 12, GROUPS: 4, CROSS: 0, M: 288, EPS: floatBits(EPSILON) };

  const [normalized = new Float64Array()] = recordOf('norm_apply').reference(
    [values, given, gamma, beta],
    [x, stats, channels, channels],
    attrs,
    [x],
  );
  const forward = runVector([x, stats, channels, channels], [values, given, gamma, beta], [x], slots, (a, at) =>
    a.op('v.norm', { dst: at.out(0), src: at.in(0), stats: at.in(1), gamma: at.in(2), beta: at.in(3) }),
  );
  expect(difference(numbersOf(forward.readTensor('out0')), normalized)).toBeLessThanOrEqual(HALF);

  const reduced = recordOf('norm_grad_reduce').reference([values, dy, given, gamma], [x, x, stats, channels], attrs, [
    stats,
    channels,
    channels,
  ]);
  const [sums = new Float64Array()] = reduced;
  const [dx = new Float64Array()] = recordOf('norm_grad_apply').reference(
    [values, dy, given, gamma, sums],
    [x, x, stats, channels, stats],
    attrs,
    [x],
  );
  const backward = runVector([x, x, stats, channels], [values, dy, given, gamma], [stats, channels, channels, x], slots, (a, at) => {
    a.op('v.fill', { dst: at.state, bytes: 16 * 8 * 2 }).op('v.norm_grad_sums', { state: at.state, x: at.in(0), dy: at.in(1) });
    const results = { sums: at.out(0), dgamma: at.out(1), dbeta: at.out(2) };
    a.op('v.norm_grad_end', { ...results, state: at.state, stats: at.in(2), gamma: at.in(3), add: 0 });
    const operands = { x: at.in(0), dy: at.in(1), stats: at.in(2), gamma: at.in(3), sums: at.out(0) };
    a.op('v.norm_grad', { dst: at.out(3), ...operands });
  });
  reduced.forEach((expected, i) => {
    expect(difference(numbersOf(backward.readTensor(`out${i}`)), expected), `result ${i}`).toBeLessThanOrEqual(1e-5);
  });
  expect(difference(numbersOf(backward.readTensor('out3')), dx)).toBeLessThanOrEqual(HALF);
});
