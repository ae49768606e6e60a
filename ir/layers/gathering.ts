import type { Attrs } from '../graph.ts';
import type { TensorType } from '../tensor.ts';
import { type AttrSpecs, floatAttr, intAttr } from './attrs.ts';
import { conv } from './conv.ts';
import { gemm } from './gemm.ts';
import { normStats } from './norm.ts';
import type { KindRecord } from './record.ts';
import { nth } from './types.ts';

const GATHERED_ATTRS = {
  setGroups: { type: 'int', doc: 'groups of adjacent channels of y that share statistics' },
  epsilon: { type: 'float', default: 1e-5, doc: 'added to the variance' },
} as const satisfies AttrSpecs;

/** Attributes of the statistics alone. */
const statsAttrs = (attrs: Attrs): Attrs => ({
  groups: intAttr(GATHERED_ATTRS, attrs, 'setGroups'),
  epsilon: floatAttr(GATHERED_ATTRS, attrs, 'epsilon'),
});

/**
 * A matrix product and the statistics of its result in one layer. It has no gradient: products and statistics are joined after the
 * training step is derived.
 */
function gathering(product: KindRecord, kind: string): KindRecord {
  const { gradient: _gradient, gathering: _gathering, ...same } = product;
  const stateBytes = (inputs: readonly TensorType[], attrs: Attrs) =>
    normStats.stateBytes?.(product.infer(inputs, attrs, 1), statsAttrs(attrs), 1) ?? { perSample: 0, shared: 0 };
  return {
    ...same,
    kind,
    doc: `y as ${product.kind}; stats = (mean, 1/sqrt(variance + epsilon)) of each group of channels of each sample of y as norm_stats.`,
    outputs: [...product.outputs, { name: 'stats', dtypes: ['f32'], resultKind: 'statistics' }],
    attrs: { ...product.attrs, ...GATHERED_ATTRS },
    infer: (inputs, attrs) => {
      const y = product.infer(inputs, attrs, 1);
      return [...y, ...normStats.infer(y, statsAttrs(attrs), 1)];
    },
    stateBytes,
    reference: (inputs, types, attrs, outputs) => {
      const y = product.reference(inputs, types, attrs, outputs.slice(0, 1));
      return [...y, ...normStats.reference(y, [nth(outputs, 0)], statsAttrs(attrs), outputs.slice(1))];
    },
  };
}

export const convStats = gathering(conv, 'conv_stats');
export const gemmStats = gathering(gemm, 'gemm_stats');
