import { type RunResult, run, verify } from '../../backends/wavecore/index.ts';
import { sumTraffic } from '../../backends/wavecore/interpreter/counters.ts';
import { dramBytesPerCycle, type Machine } from '../../backends/wavecore/machine/machine.ts';
import { diag, fail, WavecError } from '../../ir/diagnostics.ts';
import type { CompileState } from '../../passes/pipeline.ts';
import { generateProgram, type ResolvedSettings, resolveSettings, runPasses } from '../api.ts';
import { loadModel, type Model } from '../model.ts';
import { normOf } from '../norm.ts';
import { groupSummaries } from '../report/compilation.ts';
import { runSummary } from '../report/run-summary.ts';
import type { Job } from './job.ts';
import type { Counted, KindCost, RunRecord } from './record.ts';

/** Where the model of a network is. */
export type ModelSource = (network: string) => { readonly file: string; readonly bytes: Uint8Array };

/** Runs one job; undefined where the job asks for another normalization and the network has none. */
export type JobRunner = (job: Job) => RunRecord | undefined;

/** Runs jobs one after another; keeps the model of the last one, because jobs of one network follow each other. */
export function jobRunner(source: ModelSource): JobRunner {
  let last: { readonly network: string; readonly batch: number; readonly model: Model } | undefined;
  return (job) => {
    const { network, batch } = job;
    if (last?.network !== network || last.batch !== batch) {
      const { file, bytes } = source(network);
      last = { network, batch, model: loadModel(bytes, { file, batch }) };
    }
    return runJob(job, last.model);
  };
}

function runJob(job: Job, model: Model): RunRecord | undefined {
  const { purpose, network, batch, schedule, machine } = job;
  const { file } = model;
  const settings = resolveSettings({ file, batch, schedule, machine, ...(job.norm === undefined ? {} : { norm: job.norm }) });
  const norm = normOf(runPasses(model, settings, { stopAfter: 'normalize' }).graph, settings.norm);
  const ownNorm = job.norm === undefined;
  if (!ownNorm && norm === 'none') return undefined;
  const head = { purpose, network, batch, schedule, norm, ownNorm, machine: machine.name };
  const record = { ...head, globalBytes: machine.buffers.globalBytes, memory: machine.dram.kind };
  try {
    const state = runPasses(model, settings);
    return { ...record, counted: count(state, settings, purpose === 'schedules') };
  } catch (error) {
    if (!(error instanceof WavecError) || error.diagnostics.some(({ code }) => code !== 'DOES_NOT_FIT')) throw error;
    return { ...record, refused: error.message };
  }
}

/** Executes the program; a count that differs from the prediction fails it. */
function count(state: CompileState, settings: ResolvedSettings, withGroups: boolean): Counted {
  const program = generateProgram(state, settings);
  const result = run(program, { mode: 'timing' });
  const { problems } = verify(program, result);
  const [difference] = problems;
  if (difference !== undefined) fail(diag.verificationFailed({ file: settings.file }, difference, problems.length - 1));
  const { cycles, seconds, traffic, energy, utilization, macs, instructions, units } = runSummary(program, result);
  const groups = withGroups && state.scheduled !== undefined ? groupSummaries(state.scheduled.schedule) : [];
  return {
    cycles,
    seconds,
    traffic,
    energy,
    utilization,
    macs,
    instructions,
    units,
    floors: floorsOf(result, settings.machine),
    byKind: costsByKind(result),
    ...(groups.some(({ iterations }) => iterations > 1) ? { groups } : {}),
  };
}

function floorsOf({ macs, traffic }: RunResult, machine: Machine): Counted['floors'] {
  const { rows, columns } = machine.array;
  return { array: Math.ceil(macs / (rows * columns)), dram: Math.ceil(traffic.total / dramBytesPerCycle(machine)) };
}

function costsByKind({ layers }: RunResult): KindCost[] {
  const costs = new Map<string, KindCost>();
  for (const { phase, kind, cycles, traffic } of layers) {
    const key = `${phase} ${kind}`;
    const sum = costs.get(key) ?? { phase, kind, layers: 0, cycles: 0, traffic: {} };
    costs.set(key, { phase, kind, layers: sum.layers + 1, cycles: sum.cycles + cycles, traffic: sumTraffic([sum.traffic, traffic]) });
  }
  return [...costs.values()];
}
