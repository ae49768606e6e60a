import { describe, expect, it } from 'vitest';
import { GraphBuilder } from '../../ir/build.ts';
import type { Graph, Layer, Tensor } from '../../ir/graph.ts';
import { CONTROL_LENGTH } from '../../ir/layers/control.ts';
import { f16, f32 } from '../../ir/layers/types.ts';
import { verify } from '../../ir/verify.ts';

function sound(): Graph {
  const b = new GraphBuilder('g', 2);
  const x = b.input('x', f16([2, 3, 4, 4]));
  const master = b.constant('master', f32([3, 3, 1, 1]), 'optimizerState', { form: 'values', values: new Float32Array(9) });
  const w = b.constant('w', f16([3, 3, 1, 1]), 'weight', { form: 'copyOf', tensor: master });
  b.layer({ kind: 'conv', name: 'y', inputs: [x, w], origin: 'Conv_1', attrs: { groups: 1 } });
  b.layer({ kind: 'add', name: 'z', inputs: ['y', 'x'] });
  const control = b.constant('control', f32([CONTROL_LENGTH]), 'optimizerState', { form: 'splat', value: 0 });
  b.layer({ kind: 'sgd', name: 'step', inputs: [master, master, control], attrs: { weightDecay: 0.1 }, phase: 'update' });
  b.shareStorage('step', 'master');
  return b.finish(['z']);
}

const withTensor = (graph: Graph, name: string, change: Partial<Tensor>): Graph => {
  const tensor = graph.tensors.get(name);
  return tensor === undefined ? graph : { ...graph, tensors: new Map(graph.tensors).set(name, { ...tensor, ...change }) };
};
const withLayer = (graph: Graph, name: string, change: Partial<Layer>): Graph => ({
  ...graph,
  layers: graph.layers.map((layer) => (layer.name === name ? { ...layer, ...change } : layer)),
});
const without = (graph: Graph, name: string): Graph => ({ ...graph, tensors: new Map([...graph.tensors].filter(([key]) => key !== name)) });

const DAMAGE: readonly (readonly [string, (graph: Graph) => Graph, code: string, message: RegExp])[] = [
  ['mini-batch 0', (g) => ({ ...g, batch: 0 }), 'BAD_GRAPH', /mini-batch is 0/],
  ['a tensor under another name', (g) => withTensor(g, 'y', { name: 'q' }), 'BAD_GRAPH', /called 'q' inside/],
  ['a dimension of 0', (g) => withTensor(g, 'y', { type: f16([2, 0, 4, 4]) }), 'BAD_GRAPH', /not a positive integer/],
  ['a batched tensor of another batch', (g) => withTensor(g, 'x', { type: f16([3, 3, 4, 4]) }), 'BAD_GRAPH', /start with the mini-batch 2/],
  ['storage that does not exist', (g) => withTensor(g, 'step', { storage: 'gone' }), 'BAD_GRAPH', /shares the storage of 'gone'/],
  ['storage of another type', (g) => withTensor(g, 'step', { storage: 'w' }), 'BAD_GRAPH', /shares the storage of 'w' of type/],
  ['storage in a circle', (g) => withTensor(g, 'master', { storage: 'step' }), 'BAD_GRAPH', /shares its own storage/],
  [
    'too few values',
    (g) => withTensor(g, 'master', { constant: { form: 'values', values: new Float32Array(8) } }),
    'BAD_GRAPH',
    /8 values for 9/,
  ],
  ['a copy of no constant', (g) => withTensor(g, 'w', { constant: { form: 'copyOf', tensor: 'y' } }), 'BAD_GRAPH', /not a constant/],
  ['a copy of another shape', (g) => withTensor(g, 'master', { type: f32([9]) }), 'BAD_GRAPH', /copies 'master' of type f32\[9\]/],
  [
    'a constant that a layer overwrites',
    (g) => withTensor(g, 'y', { constant: { form: 'splat', value: 0 } }),
    'BAD_GRAPH',
    /gets a value twice/,
  ],
  [
    'a parameter that is read after its update',
    (g) => ({ ...g, layers: g.layers.flatMap((l) => (l.kind === 'sgd' ? [l, { ...l, name: 'late', outputs: [] }] : [l])) }),
    'BAD_GRAPH',
    /is read after 'step' has overwritten it/,
  ],
  ['two producers', (g) => withLayer(g, 'z', { outputs: ['y'] }), 'BAD_GRAPH', /gets a value twice/],
  ['use before definition', (g) => ({ ...g, layers: [...g.layers].reverse() }), 'BAD_GRAPH', /used before it has a value/],
  ['an operand that does not exist', (g) => withLayer(g, 'z', { inputs: ['y', 'gone'] }), 'BAD_GRAPH', /tensor does not exist/],
  ['a result that does not exist', (g) => without(g, 'z'), 'BAD_GRAPH', /tensor does not exist/],
  ['an input that does not exist', (g) => ({ ...g, inputs: ['x', 'gone'] }), 'BAD_GRAPH', /tensor does not exist/],
  ['an output without a value', (g) => ({ ...g, outputs: ['gone'] }), 'BAD_GRAPH', /never gets a value/],
  ['two layers of one name', (g) => withLayer(g, 'z', { name: 'y' }), 'BAD_GRAPH', /another layer has the same name/],
  ['an unknown kind', (g) => withLayer(g, 'z', { kind: 'blur' }), 'BAD_GRAPH', /layer kind 'blur' is unknown/],
  ['an unknown attribute', (g) => withLayer(g, 'y', { attrs: { group: 1 } }), 'BAD_ATTRIBUTE', /group is unknown; known are strides/],
  ['an attribute of the wrong type', (g) => withLayer(g, 'y', { attrs: { groups: '1' } }), 'BAD_ATTRIBUTE', /groups must be of type int/],
  ['a missing attribute', (g) => withLayer(g, 'step', { attrs: {} }), 'BAD_ATTRIBUTE', /weightDecay is required/],
  [
    'a list of the wrong length',
    (g) => withLayer(g, 'y', { attrs: { strides: [1] } }),
    'BAD_SHAPE',
    /strides must be a list of 2 integers/,
  ],
  [
    'a result of the wrong type',
    (g) => withTensor(g, 'z', { type: f16([2, 3, 4, 5]) }),
    'BAD_SHAPE',
    /result is f16\[2x3x4x5\], the layer gives f16\[2x3x4x4\]/,
  ],
  [
    'an operand of the wrong element type',
    (g) => withLayer(g, 'z', { inputs: ['y', 'master'] }),
    'BAD_SHAPE',
    /input x is f32, expected f16/,
  ],
  ['too many operands', (g) => withLayer(g, 'y', { inputs: ['x', 'w', 'master', 'w'] }), 'BAD_SHAPE', /4 inputs, expected 2 to 3/],
  [
    'operands that do not fit',
    (g) => withLayer(g, 'y', { inputs: ['x', 'w'], attrs: { groups: 3 } }),
    'BAD_SHAPE',
    /3 groups, the input has 3 channels/,
  ],
  ['an unbatched operand', (g) => withTensor(g, 'x', { batched: false }), 'BAD_GRAPH', /no mini-batch dimension/],
];

describe('verify', () => {
  it('accepts a sound graph', () => {
    expect(verify(sound())).toEqual([]);
  });

  it.each(DAMAGE)('finds %s', (_what, damage, code, message) => {
    const problems = verify(damage(sound()));
    expect(problems.filter((p) => p.code === code && message.test(p.message))).not.toEqual([]);
  });

  it('finds all problems and names layer and ONNX node', () => {
    const damaged = withLayer(withLayer(sound(), 'y', { attrs: { group: 1 } }), 'step', { attrs: {} });
    expect(verify(damaged).map((p) => p.place)).toEqual([
      { node: 'Conv_1', layer: 'y' },
      { node: 'step', layer: 'step' },
    ]);
  });
});
