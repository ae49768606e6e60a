import { Interpreter, type Program, type ProgramSymbol, type RunResult, type TensorValue } from '../../backends/wavecore/index.ts';
import { diag, fail } from '../../ir/diagnostics.ts';
import type { Graph } from '../../ir/graph.ts';
import { controlWord } from '../../ir/layers/control.ts';
import { elementCount } from '../../ir/tensor.ts';
import { CONTROL_TENSOR, LEARNING_RATE } from '../../passes/training/control.ts';
import { type CompileSettings, generateProgram, type ResolvedSettings, resolveSettings, runPasses } from '../api.ts';
import { loadModel } from '../model.ts';
import type { ParameterOrigin } from '../onnx/context.ts';
import { exportTrained } from '../onnx/export.ts';
import { numbersOf } from '../tensors.ts';
import type { SampleDraws } from './checkpoint.ts';
import { checkData, type DataSet, gather, gatherTargets, type Scaling } from './data-set.ts';
import { accuracyOf, shareRight } from './evaluate.ts';
import { SampleOrder } from './order.ts';
import { type RateShape, rateAt } from './rate.ts';
import { trainedModel, trainedValues } from './save.ts';

/** What a training does beside the step that is compiled; everything but the number of steps has a default. */
export interface TrainingPlan {
  /** Training steps, or passes over the data set. */
  readonly length: { readonly steps: number } | { readonly epochs: number };
  /** Of the order of the samples. Default 0. */
  readonly seed?: number;
  /** Default: constant. */
  readonly rate?: RateShape;
  /** Default 0. */
  readonly warmup?: number;
  /** Default: mean 0, deviation 1. */
  readonly scaling?: Scaling;
}

/** One training step as it went. */
export interface StepReport {
  /** Counted from 1. */
  readonly step: number;
  /** Counted from 1. */
  readonly epoch: number;
  /** Mean over the mini-batch, of the first output where there are several. */
  readonly loss: number;
  /** Share of the mini-batch whose class has the highest score; absent without classes. */
  readonly accuracy?: number;
  readonly learningRate: number;
  /** That the gradients of this step were computed with. */
  readonly lossScale: number;
  /** The gradients overflowed, and the step changed nothing but the loss scale. */
  readonly skipped: boolean;
  readonly run: RunResult;
}

/** All that a training carries from step to step. */
export interface TrainingState {
  /** Steps that are done. */
  readonly step: number;
  /** Tensors that outlive a step, by name. */
  readonly tensors: ReadonlyMap<string, TensorValue>;
}

/** A model in training: its program, compiled once, run step after step on the functional interpreter. */
export class Trainer {
  readonly program: Program;
  readonly settings: ResolvedSettings;
  readonly data: DataSet;
  readonly plan: Required<TrainingPlan>;
  /** Of the whole training. */
  readonly steps: number;
  private readonly model: Uint8Array;
  private readonly graph: Graph;
  private readonly origins: ReadonlyMap<string, ParameterOrigin>;
  private readonly interpreter: Interpreter;
  private readonly order: SampleOrder;
  private readonly roles: Roles;
  private done = 0;

  /** @throws WavecError with every problem of the model, NOT_TRAINABLE, BAD_DATA */
  constructor(model: Uint8Array, settings: CompileSettings, data: DataSet, plan: TrainingPlan) {
    this.model = model;
    this.data = data;
    this.plan = { seed: 0, rate: { kind: 'constant' }, warmup: 0, scaling: { mean: 0, deviation: 1 }, ...plan };
    this.settings = resolveSettings({ ...settings, mode: 'training' });
    const { file, optimizer } = this.settings;
    if (optimizer === 'none') fail(diag.usage({ file }, 'training needs an optimizer that updates the parameters'), 2);
    const loaded = loadModel(model, this.settings);
    const state = runPasses(loaded, this.settings);
    this.graph = state.graph;
    this.origins = loaded.origins;
    this.program = generateProgram(state, this.settings);
    this.roles = rolesOf(this.program, this.graph);
    const { sample, target } = this.roles;
    checkData(data, sample.shape.slice(1), target.shape.slice(1), this.classes);
    this.interpreter = new Interpreter(this.program, { mode: 'functional' });
    this.order = new SampleOrder(data.count, this.program.batch, this.plan.seed);
    this.steps = 'steps' in plan.length ? plan.length.steps : plan.length.epochs * this.stepsAnEpoch;
  }

  /** Steps that are done. */
  get step(): number {
    return this.done;
  }

  get stepsAnEpoch(): number {
    return this.order.stepsAnEpoch;
  }

  /** What decides which samples a step takes. */
  get draws(): SampleDraws {
    return { seed: this.plan.seed, batch: this.program.batch, samples: this.data.count };
  }

  /** Classes that the loss tells apart; undefined where targets are values. */
  get classes(): number | undefined {
    const { target, scores } = this.roles;
    return target.dtype === 'i32' ? elementCount(scores.shape.slice(1)) : undefined;
  }

  /** Runs the next step. */
  next(): StepReport {
    const { plan, data, interpreter, roles, classes } = this;
    const { rate: shape, warmup } = plan;
    const learningRate = rateAt({ base: this.settings.learningRate, shape, warmup, steps: this.steps }, this.done);
    const { epoch, indices } = this.order.draw(this.done);
    const lossScale = controlWord(this.control(), 'lossScale');
    interpreter.writeTensor(LEARNING_RATE, Float32Array.of(learningRate));
    const targets = gatherTargets(data, indices);
    const run = interpreter.run(
      new Map<string, Float32Array | Int32Array>([
        [roles.sample.name, gather(data, indices, plan.scaling)],
        [roles.target.name, targets],
      ]),
    );
    this.done++;
    const losses = numbersOf(interpreter.readTensor(roles.loss.name));
    return {
      step: this.done,
      epoch: epoch + 1,
      loss: losses.reduce((a, b) => a + b, 0) / losses.length,
      ...(classes === undefined ? {} : { accuracy: shareRight(numbersOf(interpreter.readTensor(roles.scores.name)), targets, classes) }),
      learningRate,
      lossScale,
      skipped: controlWord(this.control(), 'hold') !== 0,
      run,
    };
  }

  /** What a checkpoint must hold. */
  state(): TrainingState {
    const kept = this.program.symbols.filter((s) => s.initial !== undefined);
    return { step: this.done, tensors: new Map(kept.map((s) => [s.name, this.interpreter.readTensor(s.name)])) };
  }

  /** Goes on from a state. @throws WavecError BAD_CHECKPOINT where it is that of another step */
  restore({ step, tensors }: TrainingState): void {
    const kept = this.program.symbols.filter((s) => s.initial !== undefined);
    for (const symbol of kept) {
      const tensor = tensors.get(symbol.name);
      const fits = tensor?.dtype === symbol.dtype && tensor.bytes.length === symbol.bytes;
      if (tensor === undefined || !fits || tensors.size !== kept.length)
        fail(diag.badCheckpoint({ tensor: symbol.name }, 'it is of another model, or of a training with other settings'));
    }
    for (const [name, { bytes }] of tensors) this.interpreter.writeTensor(name, bytes);
    this.done = step;
  }

  /** The model with the values that training has given its parameters, and with the normalization that it was trained with. */
  save(): Uint8Array {
    return trainedModel(this.model, this.graph, this.origins, (name) => this.read(name));
  }

  /**
   * Share of the samples of a data set that the model classifies as it does, computed by an inference program.
   * @throws WavecError BAD_DATA where the samples are not what the model takes
   */
  accuracy(data: DataSet): number {
    const values = trainedValues(this.graph, this.origins, (name) => this.read(name));
    const model = exportTrained(this.model, { trained: values, groupNorms: new Map() });
    return accuracyOf(model, { ...this.settings, mode: 'inference' }, data, this.plan.scaling);
  }

  /** The present value of a tensor, where it has one in DRAM. */
  private read(name: string): Float32Array | undefined {
    const symbol = this.program.symbols.find((s) => s.name === name);
    return symbol === undefined ? undefined : Float32Array.from(numbersOf(this.interpreter.readTensor(name)));
  }

  private control(): Float64Array {
    return numbersOf(this.interpreter.readTensor(CONTROL_TENSOR));
  }
}

/** What a training step is fed with, and what shows how it goes. */
interface Roles {
  readonly sample: ProgramSymbol;
  readonly target: ProgramSymbol;
  readonly scores: ProgramSymbol;
  readonly loss: ProgramSymbol;
}

function rolesOf({ symbols, model }: Program, { inputs, outputs, layers }: Graph): Roles {
  const find = (name: string | undefined): ProgramSymbol | undefined => symbols.find((s) => s.name === name);
  const [sample, target, scores] = [find(inputs[0]), find(inputs[1]), find(outputs[0])];
  const loss = find(layers.find((l) => l.inputs[0] === outputs[0] && l.inputs[1] === inputs[1])?.outputs[0]);
  if (inputs.length === 2 && sample && target && scores && loss) return { sample, target, scores, loss };
  const names = inputs.map((name) => `'${name}'`).join(', ');
  return fail(diag.notTrainable({ file: model }, `one input and one target can be fed, and the step takes ${names}`));
}
