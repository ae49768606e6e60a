import { createContext, runInContext } from 'node:vm';
import { expect, it } from 'vitest';
import * as wavec from '../../src/index.ts';
import { residualNetwork } from '../chain/network.ts';

const { browserBundle }: { browserBundle: () => Promise<string> } = await import(
  new URL('../../scripts/browser-bundle.mjs', import.meta.url).href
);

/** What a page has beside the language itself, as far as the product uses it. */
const PAGE = { TextDecoder, TextEncoder, atob, performance };

/** Run in both worlds; takes the API and the model's bytes, and returns what can be compared as text. */
const session = `({ wavec, bytes }) => {
  const { compile, formatDiagnostic, Interpreter, loadModel, Program, readMachineFile, runReport, runSummary, TraceRecorder, verify } = wavec;
  const model = loadModel(bytes, { file: 'residual.onnx' });
  const machine = readMachineFile('extends: wavecore\\nbuffers: { globalBytes: 65536 }', 'small.yaml');
  const program = Program.decode(Program.encode(compile(model, { machine, norm: { kind: 'group', channelsPerGroup: 8 } })));
  const core = new Interpreter(program);
  const values = (symbol) => Float32Array.from({ length: symbol.shape.reduce((a, b) => a * b, 1) }, (_, i) => (symbol.dtype === 'i32' ? i % 10 : Math.sin(i)));
  const inputs = new Map(program.symbols.filter((s) => s.role === 'input').map((s) => [s.name, values(s)]));
  const progress = [];
  core.on('layer', ({ layer, at }) => progress.push(layer.layer + ' ' + at));
  core.run(inputs);
  const result = core.run();
  const outputs = [...result.outputs].map(([name, { bytes }]) => [name, bytes.reduce((hash, byte) => (Math.imul(hash, 31) + byte) | 0, 0)]);
  const recorder = new TraceRecorder(program);
  const trace = [...recorder.text(wavec.run(program, { mode: 'timing', observer: recorder }))].join('');
  let refused = '';
  try { loadModel(new Uint8Array([1, 2, 3])); } catch (error) { refused = error.diagnostics.map(formatDiagnostic).join(); }
  return JSON.stringify({ progress, outputs, trace, refused, report: runReport(runSummary(program, result, verify(program, result))) });
}`;

it('compiles and runs a model to the same bits where there is no Node', async () => {
  const bytes = residualNetwork(4);
  const page = createContext({ ...PAGE, encoded: Buffer.from(bytes).toString('base64') });
  runInContext(await browserBundle(), page);
  expect(runInContext('[typeof process, typeof Buffer, typeof require, typeof setImmediate]', page)).toEqual(Array(4).fill('undefined'));
  const there: string = runInContext(`(${session})({ wavec, bytes: Uint8Array.from(atob(encoded), (c) => c.charCodeAt(0)) })`, page);
  const here: string = runInContext(session, createContext({}))({ wavec, bytes });
  expect(JSON.parse(there)).toMatchObject({ refused: expect.stringContaining('NOT_ONNX'), report: expect.stringContaining('verify') });
  expect(there).toBe(here);
});
