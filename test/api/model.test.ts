import { describe, expect, it } from 'vitest';
import { compile, loadModel, Program } from '../../src/index.ts';
import { caught } from '../backends/caught.ts';
import { encodeModel } from '../onnx-model.ts';

const MODEL = encodeModel({
  inputs: [{ name: 'x', shape: ['N', 3, 'S', 'S'] }],
  nodes: [
    { op: 'Conv', name: 'conv', inputs: ['x', 'k'], outputs: ['c'] },
    { op: 'GlobalAveragePool', name: 'pool', inputs: ['c'], outputs: ['p'] },
    { op: 'Flatten', name: 'flat', inputs: ['p'], outputs: ['y'] },
  ],
  outputs: ['y'],
  constants: [{ name: 'k', shape: [4, 3, 3, 3], values: Array.from({ length: 108 }, (_, i) => Math.sin(i)) }],
});
const bind = { S: 8 };

describe('a loaded model', () => {
  it('names what goes in, what comes out and what is trained', () => {
    const model = loadModel(MODEL, { file: 'dir/small.onnx', bind });
    expect(model).toMatchObject({ file: 'dir/small.onnx', mode: 'training', graph: { name: 'small', batch: 32 } });
    const shapes = (tensors: typeof model.inputs) => tensors.map(({ name, type }) => [name, ...type.shape]);
    expect(shapes(model.inputs)).toEqual([['x', 32, 3, 8, 8]]);
    expect(shapes(model.outputs)).toEqual([['y', 32, 4]]);
    expect(shapes(model.parameters)).toEqual([['k', 4, 3, 3, 3]]);
  });

  it('compiles to the program of its bytes, whatever the schedule', () => {
    const model = loadModel(MODEL, { file: 'small.onnx', bind, batch: 6 });
    for (const schedule of ['baseline', 'mbs2'] as const) {
      const program = compile(model, { schedule });
      expect(program).toEqual(compile(MODEL, { file: 'small.onnx', bind, batch: 6, schedule }));
      expect(Program.decode(Program.encode(program))).toEqual(program);
    }
    const inference = loadModel(MODEL, { bind, batch: 2, mode: 'inference' });
    expect(compile(inference)).toMatchObject({ mode: 'inference', batch: 2, model: 'model' });
  });

  it('is refused with all its problems', () => {
    expect(caught(() => loadModel(MODEL)).diagnostics.map((d) => d.code)).toContain('UNBOUND_DIMENSION');
  });

  it('takes no settings that loading has settled', () => {
    const model = loadModel(MODEL, { bind });
    // @ts-expect-error the types refuse it too
    const error = caught(() => compile(model, { batch: 3 }));
    expect(error).toMatchObject({ exitCode: 2, diagnostics: [{ code: 'USAGE' }] });
  });
});
