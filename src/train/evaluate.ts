import { Interpreter } from '../../backends/wavecore/index.ts';
import { diag, fail } from '../../ir/diagnostics.ts';
import { elementCount } from '../../ir/tensor.ts';
import { type CompileSettings, compile } from '../api.ts';
import { numbersOf } from '../tensors.ts';
import { checkData, type DataSet, gather, type Scaling } from './data-set.ts';

/**
 * Share of the samples that an inference program of the model classifies as the data set does.
 * @throws WavecError BAD_DATA where the samples are not what the model takes
 */
export function accuracyOf(model: Uint8Array, settings: CompileSettings, data: DataSet, scaling: Scaling): number {
  const program = compile(model, { ...settings, mode: 'inference' });
  const [input] = program.symbols.filter((s) => s.role === 'input');
  const [output] = program.symbols.filter((s) => s.role === 'output');
  if (input === undefined || output === undefined) return fail(diag.internal({}, 'the program has no input or output'));
  const classes = elementCount(output.shape.slice(1));
  checkData(data, input.shape.slice(1), [], classes);
  const interpreter = new Interpreter(program, { mode: 'functional' });
  let right = 0;
  for (let from = 0; from < data.count; from += program.batch) {
    const size = Math.min(program.batch, data.count - from);
    // The last mini-batch is filled up with samples that do not count.
    const indices = Int32Array.from({ length: program.batch }, (_, i) => from + (i % size));
    interpreter.run(new Map([[input.name, gather(data, indices, scaling)]]));
    const scores = numbersOf(interpreter.readTensor(output.name));
    right += size * shareRight(scores, data.targets.subarray(from, from + size), classes);
  }
  return right / data.count;
}

/** Share of the samples whose class has the highest score. */
export function shareRight(scores: ArrayLike<number>, labels: ArrayLike<number>, classes: number): number {
  let right = 0;
  for (let n = 0; n < labels.length; n++) {
    let best = 0;
    for (let c = 1; c < classes; c++) if ((scores[n * classes + c] ?? 0) > (scores[n * classes + best] ?? 0)) best = c;
    if (best === labels[n]) right++;
  }
  return right / labels.length;
}
