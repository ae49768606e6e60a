import type { onnx as proto } from 'onnx-proto';

/** What training put in place of a batch normalization. */
export interface GroupNorm {
  readonly groups: number;
  readonly channels: number;
  /** Dimensions of the normalized tensor. */
  readonly rank: number;
  readonly epsilon: number;
  readonly gamma: Float32Array;
  readonly beta: Float32Array;
}

/** Adds an initializer; returns its name. */
type AddConstant = (part: string, shape: readonly number[], values: ArrayLike<number>, type?: 'i8') => string;

const FLOAT = 1;

/**
 * Nodes that compute group normalization where a batch normalization stood, in operators of every version since 6: each group
 * becomes a channel of an instance normalization, between two changes of shape; then scale and shift.
 */
export function groupNormalization(
  node: proto.INodeProto,
  { groups, channels, rank, epsilon, gamma, beta }: GroupNorm,
  constant: AddConstant,
  nameOf: (part: string) => string,
): proto.INodeProto[] {
  const [x = ''] = node.input ?? [];
  const [y = ''] = node.output ?? [];
  const perChannel = [channels, ...new Array<number>(Math.max(0, rank - 2)).fill(1)];
  const [shape, grouped, normalized, back, scaled] = ['shape', 'grouped', 'normalized', 'ungrouped', 'scaled'].map(nameOf);
  const step = (opType: string, part: string, input: readonly (string | undefined)[], output: string | undefined): proto.INodeProto => ({
    name: node.name ? `${node.name}/${part}` : '',
    opType,
    input: input.map((i) => i ?? ''),
    output: [output ?? ''],
  });
  return [
    step('Shape', 'shape', [x], shape),
    step('Reshape', 'grouped', [x, constant('groups', [3], [0, groups, -1], 'i8')], grouped),
    {
      ...step(
        'InstanceNormalization',
        'normalized',
        [grouped, constant('ones', [groups], new Float32Array(groups).fill(1)), constant('zeros', [groups], new Float32Array(groups))],
        normalized,
      ),
      attribute: [{ name: 'epsilon', type: FLOAT, f: epsilon }],
    },
    step('Reshape', 'ungrouped', [normalized, shape], back),
    step('Mul', 'scaled', [back, constant('gamma', perChannel, gamma)], scaled),
    step('Add', 'shifted', [scaled, constant('beta', perChannel, beta)], y),
  ];
}
