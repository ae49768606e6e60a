import type { Attrs } from '../graph.ts';
import { elementCount, type TensorType } from '../tensor.ts';
import { type AttrSpecs, boolAttr, floatAttr, intAttr } from './attrs.ts';
import { type KindRecord, ShapeError, type Values } from './record.ts';
import { at, bump, expectShape, f16, f32, nth, planes } from './types.ts';

export const NORM_ATTRS = {
  groups: { type: 'int', doc: 'groups of adjacent channels normalized together; the number of channels for batch normalization' },
  crossSample: { type: 'bool', default: false, doc: 'statistics over the whole mini-batch, not each sample' },
} as const satisfies AttrSpecs;

/** How the elements of an activation fall into the sets that are normalized together. */
export interface NormSets {
  readonly N: number;
  readonly C: number;
  readonly plane: number;
  readonly groups: number;
  readonly crossSample: boolean;
  /** Elements of one set. */
  readonly M: number;
  readonly statsShape: readonly number[];
}

export function normSets(x: TensorType, attrs: Attrs): NormSets {
  const { N, C, plane } = planes('input x', x);
  const groups = intAttr(NORM_ATTRS, attrs, 'groups');
  const crossSample = boolAttr(NORM_ATTRS, attrs, 'crossSample');
  if (groups < 1 || C % groups !== 0) throw new ShapeError(`groups ${groups} must divide the ${C} channels`);
  return {
    N,
    C,
    plane,
    groups,
    crossSample,
    M: (C / groups) * plane * (crossSample ? N : 1),
    statsShape: [crossSample ? 1 : N, groups, 2],
  };
}

/** Visits every element with its channel and the index of its set's pair of statistics. */
export function forEachElement(s: NormSets, visit: (i: number, channel: number, pair: number) => void): void {
  for (let n = 0; n < s.N; n++) {
    for (let c = 0; c < s.C; c++) {
      const group = Math.floor((c * s.groups) / s.C);
      const pair = 2 * ((s.crossSample ? 0 : n * s.groups) + group);
      for (let i = 0; i < s.plane; i++) visit((n * s.C + c) * s.plane + i, c, pair);
    }
  }
}

/** f64 pairs of sums for each channel: of the mini-batch, or of each sample. */
export function pairState(x: TensorType, attrs: Attrs): { perSample: number; shared: number } {
  const { C, crossSample } = normSets(x, attrs);
  return crossSample ? { perSample: 0, shared: C * 16 } : { perSample: C * 16, shared: 0 };
}

const STATS_ATTRS = {
  ...NORM_ATTRS,
  epsilon: { type: 'float', default: 1e-5, doc: 'added to the variance' },
  momentum: { type: 'float', default: 0.9, doc: 'share of the running statistics that stays' },
} as const satisfies AttrSpecs;

const RUNNING = ['mean', 'variance'].map(
  (name) => ({ name, dtypes: ['f32'], shared: true, optional: true, resultKind: 'statistics' }) as const,
);

/** What each mini-batch leaves of a running statistic: ONNX BatchNormalization, whose variance is that of the population. */
function towards(before: Values, now: (channel: number) => number, stays: number): Values {
  return before.map((v, c) => stays * v + (1 - stays) * now(c));
}

export const normStats: KindRecord = {
  kind: 'norm_stats',
  doc: 'stats = (mean, 1/sqrt(variance + epsilon)) of each group of channels, of each sample or (crossSample) of the mini-batch; population variance. With running mean and variance, which take a group a channel: running′ = momentum·running + (1 − momentum)·that of the mini-batch.',
  inputs: [{ name: 'x', dtypes: ['f16'] }, ...RUNNING],
  outputs: [{ name: 'stats', dtypes: ['f32'], sharedIf: 'crossSample', resultKind: 'statistics' }, ...RUNNING],
  attrs: STATS_ATTRS,
  unit: 'vector',
  passes: 2,
  crossesSamples: (attrs) => boolAttr(NORM_ATTRS, attrs, 'crossSample'),
  infer: (inputs, attrs, wanted) => {
    const { C, groups, crossSample, statsShape } = normSets(nth(inputs, 0), attrs);
    const running = inputs.slice(1);
    if (running.length + 1 !== wanted) throw new ShapeError(`${running.length} running statistics give as many results, not ${wanted - 1}`);
    if (running.length > 0 && (running.length !== 2 || !crossSample || groups !== C))
      throw new ShapeError('running mean and variance are those of every channel over the mini-batch');
    for (const type of running) expectShape('running statistic', type, [C]);
    return [f32(statsShape), ...running];
  },
  gathered: (attrs) => {
    const setGroups = intAttr(NORM_ATTRS, attrs, 'groups');
    return boolAttr(NORM_ATTRS, attrs, 'crossSample') ? undefined : { setGroups, epsilon: floatAttr(STATS_ATTRS, attrs, 'epsilon') };
  },
  // The gradient through the statistics is part of norm_apply's.
  gradient: () => [undefined, undefined, undefined],
  stateBytes: (inputs, attrs) => pairState(nth(inputs, 0), attrs),
  stripes: 'rows',
  inputRows: (_index, out) => out,
  reference: (inputs, types, attrs) => {
    const sets = normSets(nth(types, 0), attrs);
    const x = nth(inputs, 0);
    const stats = new Float64Array(elementCount(sets.statsShape));
    forEachElement(sets, (i, _c, pair) => bump(stats, pair, at(x, i) / sets.M));
    forEachElement(sets, (i, _c, pair) => bump(stats, pair + 1, (at(x, i) - at(stats, pair)) ** 2 / sets.M));
    const epsilon = floatAttr(STATS_ATTRS, attrs, 'epsilon');
    const variances = stats.slice();
    for (let j = 1; j < stats.length; j += 2) stats[j] = 1 / Math.sqrt(at(stats, j) + epsilon);
    const [, mean, variance] = inputs;
    if (mean === undefined || variance === undefined) return [stats];
    const stays = floatAttr(STATS_ATTRS, attrs, 'momentum');
    return [stats, towards(mean, (c) => at(variances, 2 * c), stays), towards(variance, (c) => at(variances, 2 * c + 1), stays)];
  },
};

export const normApply: KindRecord = {
  kind: 'norm_apply',
  doc: 'y = x̂·gamma[c] + beta[c] with x̂ = (x − mean)·rstd of the element’s group.',
  inputs: [
    { name: 'x', dtypes: ['f16'] },
    { name: 'stats', dtypes: ['f32'], sharedIf: 'crossSample' },
    { name: 'gamma', dtypes: ['f32'], shared: true },
    { name: 'beta', dtypes: ['f32'], shared: true },
  ],
  outputs: [{ name: 'y', dtypes: ['f16'] }],
  attrs: NORM_ATTRS,
  unit: 'vector',
  passes: 1,
  crossesSamples: () => false,
  normalizes: true,
  infer: (inputs, attrs) => {
    const x = nth(inputs, 0);
    const { C, statsShape } = normSets(x, attrs);
    expectShape('input stats', nth(inputs, 1), statsShape);
    expectShape('input gamma', nth(inputs, 2), [C]);
    expectShape('input beta', nth(inputs, 3), [C]);
    return [f16(x.shape)];
  },
  gradient: (ctx, dy) => {
    const [x = '', stats = '', gamma = ''] = ctx.inputs;
    const kinds = ['statistics', 'weightGradient', 'weightGradient'] as const;
    const [sums = '', dgamma, dbeta] = ctx.emit('norm_grad_reduce', 'reduce', [x, dy, stats, gamma], ctx.attrs, kinds);
    const [dx] = ctx.wants(0) ? ctx.emit('norm_grad_apply', 'data', [x, dy, stats, gamma, sums], ctx.attrs) : [];
    return [dx, undefined, ctx.wants(2) ? dgamma : undefined, ctx.wants(3) ? dbeta : undefined];
  },
  inPlace: [0],
  stripes: 'rows',
  inputRows: (_index, out) => out,
  reference: (inputs, types, attrs) => {
    const [x, stats, gamma, beta] = [nth(inputs, 0), nth(inputs, 1), nth(inputs, 2), nth(inputs, 3)];
    const y = new Float64Array(x.length);
    forEachElement(normSets(nth(types, 0), attrs), (i, c, pair) => {
      y[i] = (at(x, i) - at(stats, pair)) * at(stats, pair + 1) * at(gamma, c) + at(beta, c);
    });
    return [y];
  },
};
