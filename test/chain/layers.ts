import { NetworkBuilder, type Value } from './network.ts';

export type Middle = (b: NetworkBuilder, x: Value) => Value;

/** What stands between a convolution and the fully connected layer, so that data gradients are asked for as well. */
export const MIDDLES: Readonly<Record<string, Middle>> = {
  'grouped convolution': (b, x) => b.conv(x, 24, { kernel: 3, pad: 1 }, { groups: 4 }),
  'depthwise convolution': (b, x) => b.conv(x, 12, { kernel: 3, pad: 1, stride: 2 }, { groups: 12, bias: true }),
  dilation: (b, x) => b.conv(x, 10, { kernel: 3, pad: 2, dilation: 2 }, { bias: true }),
  'dilation and stride': (b, x) => b.conv(x, 10, { kernel: 3, pad: 3, dilation: 3, stride: 2 }),
  'stride 2 of odd sizes': (b, x) => b.conv(b.relu(b.conv(x, 9, { kernel: 3, stride: 2, pad: 1 })), 7, { kernel: 2, stride: 2 }),
  'stride wider than the kernel': (b, x) => b.conv(x, 8, { kernel: 1, stride: 3 }),
  'kernel of the whole image': (b, x) => b.conv(x, 20, { kernel: 11 }),
  LRN: (b, x) => b.lrn(b.relu(x)),
  dropout: (b, x) => b.dropout(b.relu(x)),
  'average pooling with overlap': (b, x) => b.averagePool(x, { kernel: 3, stride: 2, pad: 1 }),
  'max pooling with overlap': (b, x) => b.maxPool(x, { kernel: 3, stride: 2, pad: 1 }),
  'global pooling': (b, x) => b.globalPool(b.relu(x)),
  'concatenated branches': (b, x) => {
    const inner = b.relu(b.conv(b.relu(b.conv(x, 6, { kernel: 1 })), 10, { kernel: 3, pad: 1 }));
    const pooled = b.conv(b.maxPool(x, { kernel: 3, stride: 1, pad: 1 }), 5, { kernel: 1 });
    return b.concat(b.conv(x, 8, { kernel: 1 }), inner, pooled, x);
  },
  'a dense block': (b, x) => {
    const one = b.concat(x, b.conv(b.relu(b.norm(x)), 4, { kernel: 3, pad: 1 }));
    return b.concat(one, b.conv(b.relu(b.norm(one)), 4, { kernel: 3, pad: 1 }));
  },
  'scale and shift of channels': (b, x) => b.relu(b.scaleAndShift(b.relu(x))),
  'a product of branches': (b, x) => b.product(x, b.relu(b.conv(x, 12, { kernel: 1 }))),
  'a sum of three': (b, x) => b.sum(x, b.relu(x), b.conv(x, 12, { kernel: 1 })),
};

/** A network of two layers around a middle, on images of 11×11. */
export function modelOf(middle: Middle, batch: number, softmax: boolean): Uint8Array {
  const b = new NetworkBuilder([batch, 3, 11, 11], 9);
  const y = b.full(b.flatten(middle(b, b.conv(b.input, 12, { kernel: 3, pad: 1 }))), 10);
  return b.model(softmax ? b.softmax(y) : y);
}
