import type { Graph } from '../ir/graph.ts';
import { constantValues, evaluate, stateAfter } from '../ir/interpret.ts';
import type { Values } from '../ir/layers/record.ts';
import { LEARNING_RATE } from '../passes/training/control.ts';
import { type CompileSettings, resolveSettings, runPasses } from '../src/api.ts';
import { loadModel } from '../src/model.ts';
import type { ParameterOrigin } from '../src/onnx/context.ts';
import { type DataSet, gather, gatherTargets, type Scaling } from '../src/train/data-set.ts';
import { SampleOrder } from '../src/train/order.ts';
import { trainedModel } from '../src/train/save.ts';

/** The same training by the reference kernels in f64: no rounding to f16, no schedule, no program. */
export class ReferenceTraining {
  private readonly model: Uint8Array;
  private readonly graph: Graph;
  private readonly origins: ReadonlyMap<string, ParameterOrigin>;
  private readonly data: DataSet;
  private readonly scaling: Scaling;
  private readonly order: SampleOrder;
  private state = new Map<string, Values>();
  private done = 0;

  constructor(model: Uint8Array, settings: CompileSettings, data: DataSet, scaling: Scaling) {
    const resolved = resolveSettings({ ...settings, mode: 'training' });
    const loaded = loadModel(model, resolved);
    const { graph } = runPasses(loaded, resolved, { stopAfter: 'training' });
    this.model = model;
    this.graph = graph;
    this.origins = loaded.origins;
    this.data = data;
    this.scaling = scaling;
    this.order = new SampleOrder(data.count, this.graph.batch, 0);
  }

  /** Runs the next step; its mean loss. */
  next(learningRate: number): number {
    const { indices } = this.order.draw(this.done++);
    const [x = '', label = ''] = this.graph.inputs;
    const inputs = new Map([
      [x, Float64Array.from(gather(this.data, indices, this.scaling))],
      [label, Float64Array.from(gatherTargets(this.data, indices))],
    ]);
    this.state.set(LEARNING_RATE, Float64Array.of(learningRate));
    const results = evaluate(this.graph, inputs, { state: this.state });
    this.state = stateAfter(this.graph, results);
    const losses = results.get(this.graph.outputs[1] ?? '') ?? new Float64Array();
    return losses.reduce((a, b) => a + b, 0) / losses.length;
  }

  save(): Uint8Array {
    return trainedModel(this.model, this.graph, this.origins, (name) => {
      const tensor = this.graph.tensors.get(name);
      const values = this.state.get(name) ?? (tensor?.constant === undefined ? undefined : constantValues(this.graph, tensor));
      return values === undefined ? undefined : Float32Array.from(values);
    });
  }
}
