import type { Machine } from '../../backends/wavecore/machine/machine.ts';
import { PRESETS } from '../../backends/wavecore/machine/presets.ts';
import { SCHEDULES, type ScheduleName } from '../../passes/mbs/schedule.ts';
import type { NormChoice } from '../../passes/normalize.ts';
import { resolveSettings } from '../api.ts';
import { DEFAULT_CHANNELS_PER_GROUP } from '../norm.ts';
import type { Job } from './job.ts';
import { evaluated, FOLLOW_UP } from './networks.ts';

/** What is to be reproduced. */
export interface Plan {
  readonly networks: readonly string[];
  readonly schedules: readonly ScheduleName[];
  readonly machine: Machine;
  /** Samples a core; absent: those of the evaluation. */
  readonly batch?: number;
  /** With the sweeps over buffer and memory, and the follow-up comparison at its own mini-batch. */
  readonly sweeps: boolean;
}

const MIB = 2 ** 20;
const BUFFERS = [5, 10, 20, 30, 40] as const;

/** The schedules of the evaluation; all others are ours. Their definitions are assumed (README). */
const EVALUATED: readonly ScheduleName[] = ['baseline', 'archopt', 'il', 'mbs-fs', 'mbs1', 'mbs2'];
/** The evaluated schedule that does all of the method: what the sourced headline is held against. */
export const METHOD: ScheduleName = 'mbs2';

/** The schedules that do more than the method. */
export const OURS: readonly ScheduleName[] = SCHEDULES.filter((schedule) => !EVALUATED.includes(schedule));

/** Every run of a plan, in the order of the tables. */
export function jobsOf({ networks, schedules, machine, batch, sweeps }: Plan): Job[] {
  const jobs: Job[] = [];
  for (const network of networks) {
    const own = { network, batch: batch ?? evaluated(network).batch };
    for (const schedule of schedules) {
      jobs.push({ purpose: 'schedules', ...own, schedule, machine });
      jobs.push({ purpose: 'schedules', ...own, schedule, machine, norm: otherNorm(schedule) });
    }
    if (!sweeps) continue;
    for (const swept of buffers(machine))
      jobs.push(...schedules.map((schedule): Job => ({ purpose: 'buffer', ...own, schedule, machine: swept })));
    for (const swept of memories(machine))
      jobs.push(...schedules.map((schedule): Job => ({ purpose: 'memory', ...own, schedule, machine: swept })));
  }
  return sweeps ? [...jobs, ...followUp(networks, schedules, machine)] : jobs;
}

/** Only where there is a schedule to hold against the method. */
function followUp(networks: readonly string[], schedules: readonly ScheduleName[], machine: Machine): Job[] {
  const ours = schedules.filter((schedule) => OURS.includes(schedule));
  if (ours.length === 0 || !schedules.includes(METHOD)) return [];
  return FOLLOW_UP.networks
    .filter((network) => networks.includes(network))
    .flatMap((network) =>
      [METHOD, ...ours].map((schedule): Job => ({ purpose: 'follow-up', network, batch: FOLLOW_UP.batch, schedule, machine })),
    );
}

/** Group normalization for the schedules that keep batch normalization, and the other way round. */
function otherNorm(schedule: ScheduleName): NormChoice {
  const { norm } = resolveSettings({ schedule });
  return norm.kind === 'keep' ? { kind: 'group', channelsPerGroup: DEFAULT_CHANNELS_PER_GROUP } : { kind: 'keep' };
}

/** The machine with the other buffer sizes of the sweep. */
function buffers(machine: Machine): Machine[] {
  return BUFFERS.map((size) => size * MIB)
    .filter((bytes) => bytes !== machine.buffers.globalBytes)
    .map((globalBytes) => ({
      ...machine,
      name: `${machine.name}, ${globalBytes / MIB} MiB`,
      buffers: { ...machine.buffers, globalBytes },
    }));
}

/** The machine with the memories of the other presets. */
function memories(machine: Machine): Machine[] {
  return Object.values(PRESETS)
    .filter(({ dram }) => dram.kind !== machine.dram.kind)
    .map(({ dram, energy }) => ({
      ...machine,
      name: `${machine.name}, ${dram.kind}`,
      dram,
      energy: { ...machine.energy, dramPerByteJ: energy.dramPerByteJ },
    }));
}
