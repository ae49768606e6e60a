import { describe, expect, it } from 'vitest';
import { GraphBuilder } from '../../ir/build.ts';
import { evaluate } from '../../ir/interpret.ts';
import { f16 } from '../../ir/layers/types.ts';
import { verify } from '../../ir/verify.ts';

describe('GraphBuilder', () => {
  it('infers, names and places outputs', () => {
    const b = new GraphBuilder('g', 2);
    const x = b.input('x', f16([2, 4, 3, 3]));
    const [y = '', mask] = b.layer({ kind: 'relu', name: 'r', inputs: [x], outputs: 2 });
    const [again] = b.layer({ kind: 'relu', name: 'r', inputs: [y], origin: 'Relu_7' });
    const [stats = ''] = b.layer({
      kind: 'norm_stats',
      name: 's',
      inputs: [x],
      attrs: { groups: 4, crossSample: true },
      outputs: ['moments'],
    });
    expect([y, mask, again, stats]).toEqual(['r', 'r.mask', 'r.2', 'moments']);
    const graph = b.finish([y, stats]);
    expect(verify(graph)).toEqual([]);
    expect(graph.tensors.get('r.mask')).toMatchObject({ kind: 'maskIndex', batched: true, type: { dtype: 'bit' } });
    expect(graph.tensors.get('moments')).toMatchObject({ kind: 'statistics', batched: false });
    expect(graph.layers.map(({ name, unit, origin, phase }) => [name, unit, origin, phase])).toEqual([
      ['r', 'r', 'r', 'forward'],
      ['r.2', 'r.2', 'Relu_7', 'forward'],
      ['s', 's', 's', 'forward'],
    ]);
    const extended = GraphBuilder.from(graph);
    extended.layer({ kind: 'add', name: 'r', inputs: [y, y], outputKinds: ['output'] });
    expect(extended.finish(['r.3']).tensors.get('r.3')?.kind).toBe('output');
    expect(graph.layers).toHaveLength(3);
  });

  it('names the layer and the ONNX node whose shapes contradict', () => {
    const b = new GraphBuilder('g', 2);
    b.input('x', f16([2, 4]));
    b.input('y', f16([2, 5]));
    expect(() => b.layer({ kind: 'add', name: 'sum', inputs: ['x', 'y'], origin: 'Add_3' })).toThrow(
      expect.objectContaining({ diagnostics: [expect.objectContaining({ code: 'BAD_SHAPE', place: { node: 'Add_3', layer: 'sum' } })] }),
    );
    expect(() => b.layer({ kind: 'relu', name: 'r', inputs: ['gone'] })).toThrow(/'gone'.*not in the graph/);
    expect(() => b.input('x', f16([2, 4]))).toThrow(/defined twice/);
  });
});

describe('evaluate', () => {
  function doubled() {
    const b = new GraphBuilder('g', 1);
    const x = b.input('x', f16([1, 2]));
    const c = b.add({ name: 'c', type: f16([1, 2]), kind: 'activation', batched: true, constant: { form: 'splat', value: 0.1 } });
    b.layer({ kind: 'add', name: 'y', inputs: [x, c] });
    return b.finish(['y']);
  }

  it('computes in f64, or rounds every f16 tensor', () => {
    const inputs = new Map([['x', Float64Array.of(1, 2048.7)]]);
    expect(evaluate(doubled(), inputs).get('y')).toEqual(Float64Array.of(1.1, 2048.7999999999997));
    expect(evaluate(doubled(), inputs, { round: 'f16' }).get('y')).toEqual(Float64Array.of(1.099609375, 2048));
  });

  it('names inputs that are missing or of the wrong length', () => {
    expect(() => evaluate(doubled(), new Map())).toThrow(/tensor 'x': .*not given \[BAD_VALUES\]/);
    expect(() => evaluate(doubled(), new Map([['x', Float64Array.of(1)]]))).toThrow(/1 values for 2 elements/);
  });
});
