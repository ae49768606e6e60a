import { diag, fail } from '../../ir/diagnostics.ts';
import { tensorBytes } from '../../ir/tensor.ts';
import type { Scheduled } from '../../passes/mbs/index.ts';
import type { LayerView } from '../../passes/mbs/network.ts';
import { predictTraffic } from '../../passes/mbs/predict.ts';
import type { Group, Resources } from '../../passes/mbs/schedule.ts';
import { allocationsOf } from './lowering/buffer-plan.ts';
import { type BackendOptions, type Iteration, StepContext } from './lowering/context.ts';
import { type Affine, constant, Emitter, ZERO } from './lowering/emitter.ts';
import { emitMapStep } from './lowering/matrix-map.ts';
import { emitReduceStep } from './lowering/matrix-reduce.ts';
import { emitUpdateStep } from './lowering/update-step.ts';
import { emitVectorStep } from './lowering/vector-step.ts';
import type { Machine } from './machine/machine.ts';
import type { DebugRange, Program, ProgramSymbol } from './program.ts';

/** What the scheduler needs to know of a machine. */
export function resourcesOf(machine: Machine): Resources {
  return {
    globalBytes: machine.buffers.globalBytes,
    burstBytes: machine.dram.burstBytes,
    arrayRows: machine.array.rows,
    arrayColumns: machine.array.columns,
    waveRows: machine.array.waveRows,
  };
}

export interface GenerateOptions {
  readonly model: string;
  readonly mode: 'training' | 'inference';
  readonly machine: Machine;
}

/** Emits the program of a scheduled step. Its size depends on layers and groups, not on the mini-batch. */
export function generate(scheduled: Scheduled, options: GenerateOptions): Program {
  const { network, schedule } = scheduled;
  const { machine } = options;
  const symbols = layOut(scheduled, machine.dram.burstBytes);
  const addresses = new Map(symbols.map((s) => [s.name, s.address]));
  const backend: BackendOptions = {
    arrayRows: machine.array.rows,
    arrayColumns: machine.array.columns,
    waveRows: machine.array.waveRows,
    doubleBufferWeights: schedule.doubleBufferWeights,
    address: (tensor) => addresses.get(tensor) ?? fail(diag.internal({ tensor }, 'has no address in DRAM')),
  };
  const views = new Map(network.layers.map((v) => [v.layer.name, v]));
  const e = new Emitter();
  const debug: DebugRange[] = [];
  schedule.groups.forEach((group, index) => {
    forEachIteration(e, network.batch, group, (iteration) => {
      group.steps.forEach((step, i) => {
        const view = views.get(step.layer) ?? fail(diag.internal({ layer: step.layer }, 'is not in the graph'));
        const from = e.code.length;
        e.scope(() => emitStep(new StepContext(e, view, i, group, iteration, backend)));
        e.op('fence', {});
        const { layer } = view;
        debug.push({
          from,
          to: e.code.length,
          layer: layer.name,
          kind: layer.kind,
          phase: layer.phase,
          group: index,
          origin: layer.origin,
        });
      });
    });
  });
  e.op('halt', {});
  return {
    model: network.graph.name,
    mode: options.mode,
    batch: network.batch,
    schedule: schedule.name,
    machine,
    code: e.code,
    symbols,
    debug,
    buffer: allocationsOf(network, schedule),
    predicted: predictTraffic(network, schedule, machine.dram.burstBytes),
  };
}

/** Full iterations as a loop, a shorter last one behind it. */
function forEachIteration(e: Emitter, batch: number, group: Group, body: (iteration: Iteration) => void): void {
  const { subBatch } = group;
  const full = Math.floor(batch / subBatch);
  const rest = batch % subBatch;
  e.loop(full, subBatch, (sample: Affine) => body({ sample, samples: subBatch }));
  if (rest > 0) e.scope(() => body({ sample: full === 0 ? ZERO : constant(full * subBatch), samples: rest }));
}

function emitStep(ctx: StepContext): void {
  const { view, step } = ctx;
  if (view.phase === 'update') emitUpdateStep(ctx);
  else if (step.panel === undefined) emitVectorStep(ctx);
  else if (view.matrix?.form === 'weightGradient') emitReduceStep(ctx, step.panel);
  else emitMapStep(ctx, step.panel);
}

/** DRAM addresses: every storage that a transfer touches or that the caller sees, one behind the other, on bursts. */
function layOut(scheduled: Scheduled, burst: number): ProgramSymbol[] {
  const { network, schedule } = scheduled;
  const { graph, storages } = network;
  const used = new Set<string>();
  const views = new Map<string, LayerView>(network.layers.map((v) => [v.layer.name, v]));
  for (const group of schedule.groups) {
    for (const step of group.steps) {
      const view = views.get(step.layer);
      step.inputs.forEach((a, i) => {
        if (a.mode !== 'resident') used.add(view?.inputs[i]?.tensor ?? a.tensor);
      });
      step.outputs.forEach((a, i) => {
        if (a.store) used.add(view?.outputs[i]?.tensor ?? a.tensor);
      });
    }
  }
  const outputs = new Set(graph.outputs.map((name) => storages.of(name).name));
  const symbols: ProgramSymbol[] = [];
  let address = 0;
  for (const storage of storages.all) {
    const { tensor } = storage;
    const isInput = graph.inputs.includes(tensor.name);
    if (!used.has(storage.name) && !isInput && !outputs.has(storage.name)) continue;
    const bytes = tensorBytes(tensor.type);
    symbols.push({
      name: storage.name,
      kind: storage.kind,
      dtype: tensor.type.dtype,
      shape: tensor.type.shape,
      address,
      bytes,
      role: isInput ? 'input' : outputs.has(storage.name) ? 'output' : 'internal',
      ...(tensor.constant === undefined ? {} : { initial: tensor.constant }),
    });
    address += Math.ceil(bytes / burst) * burst;
  }
  return symbols;
}
