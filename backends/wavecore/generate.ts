import { diag, fail } from '../../ir/diagnostics.ts';
import { divisionOf, isDivided } from '../../passes/mbs/division.ts';
import type { Scheduled } from '../../passes/mbs/index.ts';
import { predictTraffic } from '../../passes/mbs/predict.ts';
import type { Group, Resources } from '../../passes/mbs/schedule.ts';
import { allocationsOf } from './lowering/buffer-plan.ts';
import { Chip, type Uses } from './lowering/chip.ts';
import { type BackendOptions, type Iteration, StepContext } from './lowering/context.ts';
import { coreSumAllocations, emitCoreSum } from './lowering/core-sum.ts';
import { layOut } from './lowering/dram-layout.ts';
import { type Affine, constant, Emitter, plus, times } from './lowering/emitter.ts';
import { emitMapStep } from './lowering/matrix-map.ts';
import { emitReduceStep } from './lowering/matrix-reduce.ts';
import { emitUpdateStep } from './lowering/update-step.ts';
import { emitVectorStep } from './lowering/vector-step.ts';
import { dramBytesPerCycle, type Machine } from './machine/machine.ts';
import type { DebugRange, Program } from './program.ts';

/** What the scheduler needs to know of a machine, of which `cores` cores divide the mini-batch. */
export function resourcesOf(machine: Machine, cores = 1): Resources {
  return {
    cores,
    globalBytes: machine.buffers.globalBytes,
    burstBytes: machine.dram.burstBytes,
    arrayRows: machine.array.rows,
    arrayColumns: machine.array.columns,
    waveRows: machine.array.waveRows,
    lanes: machine.vector.lanes,
    costs: {
      bytesPerCycle: dramBytesPerCycle(machine),
      latencyCycles: machine.dram.latencyCycles,
      joulesPerByte: machine.energy.dramPerByteJ,
      joulesPerMac: machine.energy.macJ,
      joulesPerPass: machine.energy.vectorOpJ,
      joulesPerCycle: machine.energy.staticW / machine.clockHz,
    },
  };
}

export interface GenerateOptions {
  readonly model: string;
  readonly mode: 'training' | 'inference';
  readonly machine: Machine;
}

/** Emits the program of a scheduled step, one code for all cores. Its size depends on layers and groups, not on the mini-batch. */
export function generate(scheduled: Scheduled, options: GenerateOptions): Program {
  const { network, schedule } = scheduled;
  const { machine } = options;
  const resources = resourcesOf(machine, network.cores);
  const division = divisionOf(network, resources);
  const layout = layOut(scheduled, machine.dram.burstBytes, division.reductions);
  const e = new Emitter();
  const chip = new Chip(e, network.cores, network.batch);
  const backend: BackendOptions = {
    arrayRows: machine.array.rows,
    arrayColumns: machine.array.columns,
    waveRows: machine.array.waveRows,
    doubleBufferWeights: schedule.doubleBufferWeights,
    address: layout.address,
    ownAddress: (tensor) => plus(constant(layout.address(tensor)), times(chip.core, layout.stepOf(tensor))),
  };
  const views = new Map(network.layers.map((v) => [v.layer.name, v]));
  const debug: DebugRange[] = [];
  /** Emits the code of one layer, behind which all units are idle. */
  const layer = (info: Omit<DebugRange, 'from' | 'to'>, owner: number | undefined, uses: Uses, body: () => void): void => {
    const from = e.code.length;
    chip.step(owner, uses, () => {
      e.scope(body);
      e.op('fence', {});
    });
    debug.push({ from, to: e.code.length, ...info });
  };
  // What the cores have of the gradients is added up before the first layer that runs over parameters.
  const updates = schedule.groups.findIndex(({ phase }) => !isDivided(phase));
  const divided = updates < 0 ? schedule.groups.length : updates;
  const emitGroup = (group: Group, index: number): void =>
    forEachIteration(e, network.batch, group, chip.firstSample, (iteration) => {
      group.steps.forEach((step, i) => {
        const view = views.get(step.layer) ?? fail(diag.internal({ layer: step.layer }, 'is not in the graph'));
        const { name, kind, phase, origin } = view.layer;
        const owner = isDivided(phase) ? undefined : division.ownerOf(view);
        const uses = { reads: view.inputs.map(({ tensor }) => tensor), writes: view.outputs.map(({ tensor }) => tensor) };
        layer({ layer: name, kind, phase, group: index, origin }, owner, uses, () =>
          emitStep(new StepContext(e, view, i, group, iteration, backend)),
        );
      });
    });
  schedule.groups.slice(0, divided).forEach(emitGroup);
  for (const reduction of division.reductions) {
    const { core, tensor, origin } = reduction;
    const info = { layer: reduction.layer, kind: 'core_sum', phase: 'backward', group: divided - 1, origin } as const;
    layer(info, core, { reads: [tensor], writes: [tensor] }, () => emitCoreSum(e, reduction, layout.regionsOf(tensor)));
  }
  schedule.groups.slice(divided).forEach((group, i) => emitGroup(group, divided + i));
  e.op('halt', {});
  /** What lies in the place of a tensor while every core runs: of partial sums, on each core its own. */
  const namesOf = (tensor: string): readonly string[] =>
    division.reductions.some((r) => r.tensor === tensor) ? layout.regionsOf(tensor).map(({ name }) => name) : [tensor];
  return {
    model: network.graph.name,
    mode: options.mode,
    cores: network.cores,
    batch: network.batch,
    schedule: schedule.name,
    machine,
    code: e.code,
    symbols: layout.symbols,
    debug,
    buffer: [
      ...allocationsOf(network, schedule).flatMap((a) => (a.group < divided ? namesOf(a.name) : [a.name]).map((name) => ({ ...a, name }))),
      ...division.reductions.flatMap((reduction) => coreSumAllocations(divided - 1, reduction, layout.regionsOf(reduction.tensor))),
    ],
    predicted: predictTraffic(network, schedule, resources),
  };
}

/** Full iterations as a loop, a shorter last one behind it. */
function forEachIteration(e: Emitter, batch: number, group: Group, firstSample: Affine, body: (iteration: Iteration) => void): void {
  const { subBatch } = group;
  const full = Math.floor(batch / subBatch);
  const rest = batch % subBatch;
  const iteration = (offset: Affine, samples: number): void => body({ offset, sample: plus(firstSample, offset), samples });
  e.loop(full, subBatch, (offset) => iteration(offset, subBatch));
  if (rest > 0) e.scope(() => iteration(constant(full * subBatch), rest));
}

function emitStep(ctx: StepContext): void {
  const { view, step } = ctx;
  if (view.phase === 'update') emitUpdateStep(ctx);
  else if (step.panel === undefined) emitVectorStep(ctx);
  else if (view.matrix?.form === 'weightGradient') emitReduceStep(ctx, step.panel);
  else emitMapStep(ctx, step.panel);
}
