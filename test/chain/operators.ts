import type { Middle } from './layers.ts';
import type { NetworkBuilder, Value } from './network.ts';

const ints = (...values: number[]): { readonly shape: readonly number[]; readonly values: readonly number[]; readonly integer: true } => ({
  shape: [values.length],
  values,
  integer: true,
});

/** Rows [from, to) of an image of 12 channels and 11 columns. */
const rows = (b: NetworkBuilder, x: Value, from: number, to: number): Value =>
  b.apply('Slice', [x], [12, to - from, 11], {}, [ints(from), ints(to), ints(2)]);

/** Operators that are composed from general layers, between a convolution and a fully connected layer. */
export const OPERATORS: Readonly<Record<string, Middle>> = {
  'gates of channels (squeeze and excitation)': (b, x) => {
    const squeezed = b.apply('HardSigmoid', [b.conv(b.globalPool(x), 12, { kernel: 1 })], [12, 1, 1]);
    return b.product(b.apply('Mish', [x], [12, 11, 11]), squeezed);
  },
  'channels shuffled': (b, x) => {
    const apart = b.apply('Reshape', [x], [3, 4, 11, 11], {}, [ints(0, 3, 4, 11, 11)]);
    const turned = b.apply('Transpose', [apart], [4, 3, 11, 11], { perm: [0, 2, 1, 3, 4] });
    return b.apply('Reshape', [turned], [12, 11, 11], {}, [ints(0, 12, 11, 11)]);
  },
  'parts joined along rows': (b, x) => b.apply('Concat', [rows(b, x, 4, 11), b.relu(rows(b, x, 0, 4))], [12, 11, 11], { axis: 2 }),
  'transposed convolution': (b, x) =>
    b.apply('ConvTranspose', [x], [6, 13, 13], { kernel_shape: [3, 3] }, [{ shape: [12, 6, 3, 3] }, { shape: [6] }]),
  'interpolation, and padding by reflection': (b, x) => {
    const wide = b.apply('Resize', [x], [12, 17, 17], { mode: 'linear' }, [
      { shape: [0], values: [] },
      { shape: [4], values: [1, 1, 1.6, 1.6] },
    ]);
    return b.apply('Pad', [wide], [12, 19, 19], { mode: 'reflect' }, [ints(0, 0, 1, 1, 0, 0, 1, 1)]);
  },
  'slopes of channels, and constants of places': (b, x) => {
    const sloped = b.apply('PRelu', [x], [12, 11, 11], {}, [{ shape: [12, 1, 1] }]);
    return b.apply('Mul', [sloped], [12, 11, 11], {}, [{ shape: [11, 1] }]);
  },
  'normalization of places, channels last': (b, x) => {
    const last = b.apply('Transpose', [x], [11, 11, 12], { perm: [0, 2, 3, 1] });
    const normal = b.apply('LayerNormalization', [last], [11, 11, 12], { axis: 3 }, [{ shape: [12] }, { shape: [12] }]);
    return b.apply('Transpose', [b.apply('Gelu', [normal], [11, 11, 12])], [12, 11, 11], { perm: [0, 3, 1, 2] });
  },
  'normalization of groups and instances': (b, x) => {
    const groups = b.apply('GroupNormalization', [x], [12, 11, 11], { num_groups: 3 }, [{ shape: [12] }, { shape: [12] }]);
    return b.apply('InstanceNormalization', [groups], [12, 11, 11], {}, [{ shape: [12] }, { shape: [12] }]);
  },
  'extremes and softmax of channels': (b, x) => {
    const top = b.apply('ReduceMax', [x], [1, 11, 11], {}, [ints(1)]);
    return b.apply('Sub', [b.apply('Softmax', [x], [12, 11, 11], { axis: 1 }), top], [12, 11, 11]);
  },
  'a matrix over the last dimension': (b, x) => b.apply('MatMul', [x], [12, 11, 7], {}, [{ shape: [11, 7] }]),
};
