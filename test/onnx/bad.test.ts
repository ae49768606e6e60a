import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { hasMaterial, material } from '../material.ts';
import { importProblems } from './problems.ts';

const files = hasMaterial
  ? readdirSync(material('bad'), { recursive: true, withFileTypes: true })
      .filter((f) => f.isFile())
      .map((f) => `${f.parentPath}/${f.name}`)
  : [];

describe.skipIf(!hasMaterial)('bad files', () => {
  it('are there', () => {
    expect(files.length).toBeGreaterThan(200);
  });

  it('give the product’s own errors alone, each with a code and a place', () => {
    const refused = files.filter((path) => {
      const bytes = readFileSync(path);
      return (['inference', 'training'] as const).map((mode) => {
        const problems = importProblems(bytes, { file: path, mode, batch: 2 });
        for (const problem of problems) expect(problem).toMatchObject({ code: expect.stringMatching(/^[A-Z_]+$/), place: { file: path } });
        expect(problems.filter((p) => p.code === 'INTERNAL')).toEqual([]);
        return problems.length > 0;
      })[0];
    });
    // A few are sound models of supported operators that only another tool refuses.
    expect(refused.length).toBeGreaterThan(0.95 * files.length);
  });

  it.each([
    ['notonnx/lfs_pointer_resnet50-v1-12.onnx', ['NOT_ONNX']],
    ['notonnx/ort_flatbuffer_training_model.ort', ['NOT_ONNX']],
    ['ort/foo_truncated.onnx', ['UNSUPPORTED_OP']],
    ['ort/model_with_external_initializers.onnx', ['EXTERNAL_DATA']],
  ])('%s is refused as %j', (path, codes) => {
    expect(importProblems(readFileSync(material(`bad/${path}`))).map((p) => p.code)).toEqual(codes);
  });
});
