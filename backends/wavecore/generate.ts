import { diag, fail } from '../../ir/diagnostics.ts';
import { divisionOf, isDivided } from '../../passes/mbs/division.ts';
import type { Scheduled } from '../../passes/mbs/index.ts';
import { predictTraffic } from '../../passes/mbs/predict.ts';
import type { Group, Resources } from '../../passes/mbs/schedule.ts';
import { allocationsOf } from './lowering/buffer-plan.ts';
import { Chip, type Uses } from './lowering/chip.ts';
import { type BackendOptions, type Iteration, type Part, StepContext } from './lowering/context.ts';
import { coreSumAllocations, emitCoreSum } from './lowering/core-sum.ts';
import { layOut } from './lowering/dram-layout.ts';
import { constant, Emitter, plus, times, ZERO } from './lowering/emitter.ts';
import { emitHeld, heldBy } from './lowering/held.ts';
import { jobsOf } from './lowering/jobs.ts';
import { heldAreas } from './lowering/lifetimes.ts';
import { orderOf } from './lowering/order.ts';
import { wholePart } from './lowering/parts.ts';
import { placesOf } from './lowering/places.ts';
import { emitHead, emitStep } from './lowering/steps.ts';
import { type Body, emitTasks, passesOf, tasksOf } from './lowering/tasks.ts';
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

/** Emits the program of a scheduled step, or of some of its groups, one code for all cores. Its size depends on layers and groups, not on the mini-batch. */
export function generate(scheduled: Scheduled, options: GenerateOptions): Program {
  const { network, schedule } = scheduled;
  const { machine } = options;
  const resources = resourcesOf(machine, network.cores);
  const views = new Map(network.layers.map((v) => [v.layer.name, v]));
  const division = divisionOf(network, resources);
  // Groups that are measured alone are not followed by the sums of what others make.
  const made = new Set(
    schedule.groups.flatMap(({ steps }) => steps.flatMap(({ layer }) => views.get(layer)?.outputs.map((o) => o.tensor) ?? [])),
  );
  const reductions = division.reductions.filter(({ tensor }) => made.has(tensor));
  const layout = layOut(scheduled, machine.dram.burstBytes, reductions);
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
  const debug: DebugRange[] = [];
  const mark = (info: Omit<DebugRange, 'from' | 'to'>, body: () => void): void => {
    e.separate();
    const from = e.code.length;
    body();
    e.separate();
    debug.push({ from, to: e.code.length, ...info });
  };
  /** Emits the code of one layer, behind which all units are idle. */
  const alone = (info: Omit<DebugRange, 'from' | 'to'>, owner: number | undefined, uses: Uses, body: () => void): void =>
    mark(info, () =>
      chip.step(owner, uses, () => {
        e.scope(body);
        e.op('fence', {});
      }),
    );
  // What the cores have of the gradients is added up before the first layer that runs over parameters.
  const updates = schedule.groups.findIndex(({ phase }) => !isDivided(phase));
  const divided = updates < 0 ? schedule.groups.length : updates;
  const emitGroup = (group: Group, index: number): void => {
    const places = placesOf(group);
    const layers = group.steps.map((step, i) => {
      const { layer } = step;
      const view = views.get(layer) ?? fail(diag.internal({ layer }, 'is not in the graph'));
      const { name, kind, phase, origin } = view.layer;
      const uses = { reads: view.inputs.map(({ tensor }) => tensor), writes: view.outputs.map(({ tensor }) => tensor) };
      const context = (iteration: Iteration, part: Part, turn = 0): StepContext =>
        new StepContext(e, view, i, places[turn] ?? group, iteration, part, backend);
      return { view, step, uses, info: { layer: name, kind, phase, group: index, origin }, context };
    });
    /** What the group holds comes before its first iteration, or goes behind the last; all units are idle before and behind that. */
    const emitAllHeld = (direction: 'in' | 'out'): void => {
      const holders = layers.filter(({ step }) => heldBy({ step }, direction).length > 0);
      const areas = direction === 'in' ? [] : heldAreas(group);
      const at: Iteration = { offset: ZERO, remaining: ZERO, sample: chip.firstSample, samples: group.subBatch };
      const last = holders.at(-1) ?? (areas.length > 0 ? layers.at(-1) : undefined);
      for (const { info, uses, context } of holders) {
        mark({ ...info, frees: [] }, () =>
          chip.step(undefined, uses, () => e.scope(() => emitHeld(context(at, wholePart(group.subBatch)), direction))),
        );
      }
      if (last !== undefined) mark({ ...last.info, frees: areas }, () => e.op('fence', {}));
    };
    emitAllHeld('in');
    for (const pass of passesOf(network.batch, group, chip.firstSample)) {
      if (network.cores > 1 && !isDivided(group.phase)) {
        pass.loop(e, (iterations) => {
          for (const iteration of iterations) {
            if (iteration === undefined) continue;
            for (const { view, uses, info, context } of layers)
              alone(info, division.ownerOf(view), uses, () => emitStep(context(iteration, wholePart(pass.samples))));
          }
        });
        continue;
      }
      const jobs = jobsOf(group, pass, views, resources);
      const bodies = jobs.flatMap(({ turn, index: step, samples, touches, atOnce }): Body[] => {
        const layer = layers[step];
        if (layer === undefined) return [];
        const { uses, info, context } = layer;
        const { from, to } = samples;
        const own = from === 0 && to === group.subBatch ? info : { ...info, part: { from, to, of: group.subBatch } };
        return [
          {
            turn,
            step,
            atOnce,
            touches,
            head: (iteration, between) =>
              mark({ ...own, frees: [] }, () => between(() => emitHead(context(iteration, { ...samples, headed: true }, turn)))),
            emit: (iteration, between, headed, frees) =>
              mark({ ...own, frees }, () =>
                chip.step(undefined, uses, () =>
                  between(() => emitStep(context(iteration, { ...samples, headed, loaded: headed && atOnce }, turn))),
                ),
              ),
          },
        ];
      });
      emitTasks(e, pass, tasksOf(group, pass, bodies, orderOf(jobs, pass.times, machine, schedule.effort ?? 1).order));
    }
    emitAllHeld('out');
  };
  schedule.groups.slice(0, divided).forEach(emitGroup);
  for (const reduction of reductions) {
    const { core, tensor, origin } = reduction;
    const info = { layer: reduction.layer, kind: 'core_sum', phase: 'backward', group: divided - 1, origin } as const;
    alone(info, core, { reads: [tensor], writes: [tensor] }, () => emitCoreSum(e, reduction, layout.regionsOf(tensor)));
  }
  schedule.groups.slice(divided).forEach((group, i) => emitGroup(group, divided + i));
  e.op('halt', {});
  /** What lies in the place of a tensor while every core runs: of partial sums, on each core its own. */
  const namesOf = (tensor: string): readonly string[] =>
    reductions.some((r) => r.tensor === tensor) ? layout.regionsOf(tensor).map(({ name }) => name) : [tensor];
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
      ...reductions.flatMap((reduction) => coreSumAllocations(divided - 1, reduction, layout.regionsOf(reduction.tensor))),
    ],
    predicted: predictTraffic(network, schedule, resources),
  };
}
