import { type Command, Option } from 'commander';
import type { Program } from '../../backends/wavecore/index.ts';
import { type Diagnostic, diag, fail, quote, WavecError } from '../../ir/diagnostics.ts';
import type { Graph } from '../../ir/graph.ts';
import type { Values } from '../../ir/layers/record.ts';
import { elementCount, formatType } from '../../ir/tensor.ts';
import { resolveSettings } from '../api.ts';
import { type DebugResult, firstDifference, type LayerDifference, TOLERANCE } from '../debug/first-difference.ts';
import { drawnInputs } from '../debug/inputs.ts';
import { debugProgram } from '../debug/program.ts';
import { fields } from '../report/table.ts';
import { countText } from '../report/units.ts';
import { readTensorFile } from '../tensors.ts';
import { readBytes } from './files.ts';
import {
  addCommonOptions,
  addModelOptions,
  addScheduleOption,
  finite,
  type ModelOptions,
  nameAndValue,
  positive,
  settingsOf,
} from './options.ts';
import { printJson, printText } from './output.ts';
import { progress } from './progress.ts';

type NamedFiles = readonly (readonly [name: string, file: string])[];

interface DebugCommandOptions extends ModelOptions {
  readonly input: NamedFiles;
  readonly stored: NamedFiles;
  readonly relative: number;
  readonly absolute: number;
  readonly seed: number;
}

const EXAMPLES = `
Examples:
  $ wavec debug net.onnx --batch 4                                 a training step on drawn inputs
  $ wavec debug net.onnx --mode inference --input x=image.npy --stored logits=expected.npy
  $ wavec debug net.onnx --schedule mbs1 --machine small.yaml      another schedule, another machine

Each layer is computed by its reference kernel, in f64, from the operands that the program had, so that a difference is named
where it arises. An element differs where |actual - expected| > relative * |expected| + absolute * the largest |expected|.
The reference kernels are slow: use a small mini-batch.`;

export function debugCommand(program: Command): void {
  const command = program
    .command('debug')
    .summary('name the first layer that differs from the reference kernels')
    .description('Executes the program of a model layer by layer against the reference kernels, and names the first element that differs.')
    .argument('<MODEL.onnx>', 'the model')
    .addOption(new Option('--against <what>', 'what results are compared with').choices(['reference']).default('reference'))
    .addOption(tensors('--input <NAME=FILE>', 'value of an input, .npy or .pb; others are drawn; may be repeated'))
    .addOption(tensors('--stored <NAME=FILE>', 'what a tensor should be, from elsewhere; may be repeated'))
    .option('--relative <x>', 'tolerance', positive, TOLERANCE.relative)
    .option('--absolute <x>', 'tolerance', positive, TOLERANCE.absolute)
    .option('--seed <N>', 'of drawn inputs', finite, 0);
  addCommonOptions(addModelOptions(addScheduleOption(command)))
    .addHelpText('after', EXAMPLES)
    .action(debug);
}

function tensors(flags: string, description: string): Option {
  return new Option(flags, description).argParser((text, given: NamedFiles) => [...given, nameAndValue(text)]).default([], 'none');
}

function debug(file: string, options: DebugCommandOptions): void {
  const { relative, absolute, seed, json } = options;
  const shown = progress();
  const result = ((): DebugResult & { readonly program: Program } => {
    try {
      shown.show('compiling');
      const compiled = debugProgram(readBytes(file), resolveSettings(settingsOf(file, options)));
      const { graph, program } = compiled;
      const inputs = new Map([...drawnInputs(graph, seed), ...readTensors(graph, options.input, graph.inputs)]);
      const stored = readTensors(graph, options.stored, [...graph.tensors.keys()]);
      shown.show('executing');
      return { program, ...firstDifference(compiled, inputs, { tolerance: { relative, absolute }, stored }) };
    } finally {
      shown.done();
    }
  })();
  const { program, difference } = result;
  const { layers, stored } = result;
  if (json === true)
    printJson({
      model: program.model,
      schedule: program.schedule,
      batch: program.batch,
      layers,
      stored,
      ...(difference && { difference }),
    });
  else {
    const against = stored === 0 ? 'the reference kernels' : `the reference kernels, ${countText(stored)} results with stored tensors`;
    printText(
      fields([
        ['model', program.model],
        ['step', `${program.mode}, ${program.batch} samples a core`],
        ['schedule', program.schedule],
        ['compared', `${countText(layers)} layers with ${against}`],
        ...(difference === undefined ? [['result', 'no element differs'] as const] : []),
      ]),
    );
  }
  if (difference !== undefined) fail(differenceMessage(file, difference));
}

function differenceMessage(file: string, d: LayerDifference): Diagnostic {
  const place = { file, layer: d.layer, node: d.node, tensor: d.tensor };
  const against = d.against === 'stored' ? 'the stored tensor' : `the reference kernel of ${d.kind}`;
  const share = `${countText(d.count)} of ${countText(d.elements)} elements`;
  return diag.differs(place, d.element.join(', '), d.actual.toPrecision(6), d.expected.toPrecision(6), against, share);
}

/** Tensors of the graph from files. @throws WavecError UNKNOWN_INPUT, BAD_TENSOR */
function readTensors(graph: Graph, given: NamedFiles, known: readonly string[]): Map<string, Values> {
  const values = new Map<string, Values>();
  const problems: Diagnostic[] = [];
  for (const [name, file] of given) {
    const type = known.includes(name) ? graph.tensors.get(name)?.type : undefined;
    const tensor = readTensorFile(readBytes(file), file);
    if (type === undefined) problems.push(diag.unknownTensor({ tensor: name }, known.slice(0, MOST_NAMES).map(quote).join(', ')));
    else if (tensor.values.length !== elementCount(type.shape))
      problems.push(diag.badTensor({ file, tensor: name }, `its shape is ${tensor.shape.join('x')}, the tensor is ${formatType(type)}`));
    else values.set(name, tensor.values);
  }
  if (problems.length > 0) throw new WavecError(problems);
  return values;
}

/** Names that a message lists. */
const MOST_NAMES = 20;
