import type { Access, Block, Group, Resident, Schedule, Step } from '../../passes/mbs/schedule.ts';

/** A schedule with one thing changed; undefined where there is nothing to change in this way at the place that `pick` leads to. */
export type Mutation = (schedule: Schedule, pick: (count: number) => number) => Schedule | undefined;

type Change<T> = (part: T, pick: (count: number) => number, around: T[]) => T | readonly T[] | undefined;

function replaced<T>(list: readonly T[], at: number, by: T | readonly T[]): T[] {
  return [...list.slice(0, at), ...(Array.isArray(by) ? by : [by as T]), ...list.slice(at + 1)];
}

function inList<T>(list: readonly T[], pick: (count: number) => number, change: Change<T>): T[] | undefined {
  const at = pick(list.length);
  const part = list[at];
  const by = part === undefined ? undefined : change(part, pick, [...list]);
  return by === undefined ? undefined : replaced(list, at, by);
}

const ofGroup =
  (change: Change<Group>): Mutation =>
  (schedule, pick) => {
    const groups = inList(schedule.groups, pick, change);
    return groups && { ...schedule, groups };
  };

const ofStep = (change: Change<Step>): Mutation =>
  ofGroup((group, pick) => {
    const steps = inList(group.steps, pick, change);
    return steps && { ...group, steps };
  });

const ofResident = (change: Change<Resident>): Mutation =>
  ofGroup((group, pick) => {
    const residents = inList(group.residents, pick, change);
    return residents && { ...group, residents };
  });

const ofBlock = (change: Change<Block>): Mutation =>
  ofStep((step, pick) => {
    const blocks = inList(step.blocks, pick, change);
    return blocks && { ...step, blocks };
  });

const ofAccess = (key: 'inputs' | 'outputs', change: Change<Access>): Mutation =>
  ofStep((step, pick) => {
    const accesses = inList(step[key], pick, change);
    return accesses && { ...step, [key]: accesses };
  });

/** All that a group reaches in one way is reached in another. */
const ofAllAccesses = (key: 'inputs' | 'outputs', from: Access['mode'], to: Access['mode']): Mutation =>
  ofGroup((group) => {
    const steps = group.steps.map((step) => ({ ...step, [key]: step[key].map((a) => (a.mode === from ? { ...a, mode: to } : a)) }));
    return group.steps.some((step) => step[key].some(({ mode }) => mode === from)) ? { ...group, steps } : undefined;
  });

function otherThan(value: number, proposed: number): number {
  return proposed === value ? proposed + 1 : proposed;
}

/** Changes after which no schedule can run, whatever it was. */
export const BREAKING: Readonly<Record<string, Mutation>> = {
  'a step is left out': ofStep(() => []),
  'a step is there twice': ofStep((step) => [step, step]),
  'a layer has another name': ofStep((step) => ({ ...step, layer: `${step.layer}?` })),
  'a group is left out': ofGroup(() => []),
  'two groups change places': (schedule, pick) => {
    const at = pick(schedule.groups.length - 1);
    const [a, b] = [schedule.groups[at], schedule.groups[at + 1]];
    if (a === undefined || b === undefined) return undefined;
    return { ...schedule, groups: [...schedule.groups.slice(0, at), b, a, ...schedule.groups.slice(at + 2)] };
  },
  'iterations do not cover the mini-batch': ofGroup((group) => ({ ...group, iterations: group.iterations + 1 })),
  'the backend would search for ever': (schedule) => ({ ...schedule, effort: 1e6 }),
  'the sub-batch is empty': ofGroup((group) => ({ ...group, subBatch: 0 })),
  'iterations alternate between places outside of the buffer': ofGroup((group) => ({ ...group, alternating: 2 ** 30 })),
  'a stage begins with no step': ofGroup((group) => ({ ...group, stages: [group.steps.length] })),
  'more iterations overlap than there are': ofGroup((group) => ({
    ...group,
    stages: Array.from({ length: group.iterations }, (_, i) => i + 1),
  })),
  'the phase is another': ofGroup((group) => ({ ...group, phase: group.phase === 'update' ? 'forward' : 'update' })),
  'an input is left out': ofAccess('inputs', () => []),
  'an input is stored': ofAccess('inputs', (access) => ({ ...access, store: true })),
  'an input is another tensor': ofAccess('inputs', (access) => ({ ...access, tensor: `${access.tensor}?` })),
  'a result is left out': ofAccess('outputs', () => []),
  'a result that leaves the chip is not stored': ofAccess('outputs', (access) =>
    access.mode === 'resident' ? undefined : { ...access, store: false },
  ),
  'a result that is needed later is not stored': ofAccess('outputs', (access) =>
    access.mode === 'resident' && access.store ? { ...access, store: false } : undefined,
  ),
  'a result that is read on chip is streamed': ofAccess('outputs', (access) =>
    access.mode === 'resident' ? { ...access, mode: 'stream', store: true } : undefined,
  ),
  'an operand that is on chip is loaded again': ofAccess('inputs', (access) =>
    access.mode === 'resident' ? { ...access, mode: 'load' } : undefined,
  ),
  'a streamed operand is said to be on chip': ofAccess('inputs', (access) =>
    access.mode === 'stream' || access.mode === 'whole' || access.mode === 'panel' ? { ...access, mode: 'resident' } : undefined,
  ),
  'what is held is loaded by panels': ofAllAccesses('inputs', 'hold', 'panel'),
  'what is held is stored by panels': ofAllAccesses('outputs', 'hold', 'panel'),
  'what is held is held by none': ofAllAccesses('inputs', 'hold', 'held'),
  'what is held is held twice': ofAllAccesses('inputs', 'held', 'hold'),
  'a resident place is left out': ofResident(() => []),
  'a resident tensor is too short': ofResident((r) => ({ ...r, bytes: r.bytes - 1 })),
  'a resident tensor lies outside': ofResident((r) => ({ ...r, address: 2 ** 30 })),
  'a resident tensor begins unaligned': ofResident((r) => ({ ...r, address: r.address + 2 })),
  'a resident tensor begins before the buffer': ofResident((r) => ({ ...r, address: -64 })),
  'a resident tensor lives beyond the group': ofResident((r) => ({ ...r, to: r.to + 1000 })),
  'a resident tensor goes too early': ofResident((r) => (r.from < r.to ? { ...r, to: r.to - 1 } : undefined)),
  'a resident tensor comes too late': ofResident((r) => (r.from < r.to ? { ...r, from: r.from + 1 } : undefined)),
  'two resident tensors lie at one place': ofResident((r, pick, all) => {
    const other = all.filter((o) => o.from < r.to && r.from < o.to && o.address !== r.address)[pick(all.length)];
    return other && { ...r, address: other.address };
  }),
  'a block is left out': ofBlock(() => []),
  'a block is too short': ofBlock((block) => ({ ...block, bytes: block.bytes - 1 })),
  'a block has lost or won a half': ofBlock((block) => ({ ...block, halves: block.halves === 1 ? 2 : 1 })),
  'a block has another name': ofBlock((block) => ({ ...block, name: `${block.name}x` })),
  'a block lies outside': ofBlock((block) => ({ ...block, address: 2 ** 30 })),
  'two blocks lie at one place': ofBlock((block, pick, all) => {
    const other = all.filter((o) => o.name !== block.name)[pick(all.length)];
    return other && { ...block, address: other.address };
  }),
  'a chunk is larger than the sub-batch': ofStep((step) => ({ ...step, chunk: 2 ** 30 })),
  'a chunk is empty': ofStep((step) => ({ ...step, chunk: 0 })),
  'a panel is left out': ofStep(({ panel, ...step }) => (panel === undefined ? undefined : step)),
  'a panel is too wide': ofStep((step) => step.panel && { ...step, panel: { ...step.panel, n: step.panel.n + 100_000 } }),
  'a piece is wider than its panel': ofStep((step) => step.panel && { ...step, panel: { ...step.panel, piece: step.panel.n + 1 } }),
  'weights that come slice by slice': ofStep((step) =>
    step.panel && !/grad\.weight/.test(step.layer) ? { ...step, panel: { ...step.panel, sliced: true } } : undefined,
  ),
  'panels that stay beside an operand that does not': ofStep((step) =>
    step.panel && !/grad\.weight/.test(step.layer) && step.inputs.some(({ mode }) => mode === 'stream')
      ? { ...step, panel: { ...step.panel, kept: true } }
      : undefined,
  ),
  'panels of a weight gradient that stay': ofStep((step) =>
    step.panel && /grad\.weight/.test(step.layer) ? { ...step, panel: { ...step.panel, kept: true } } : undefined,
  ),
  'a piece where no update is': ofStep((step) =>
    step.panel && !/update/.test(step.layer) ? { ...step, panel: { ...step.panel, piece: 1 } } : undefined,
  ),
  'a panel cuts the rows at a pixel': ofStep((step) => step.panel && { ...step, panel: { ...step.panel, m: step.panel.m - 0.5 } }),
  'a panel cuts the reduction anywhere': ofStep((step) =>
    step.panel && step.panel.k > 1 ? { ...step, panel: { ...step.panel, k: step.panel.k - 1 } } : undefined,
  ),
  'stripes leave a gap': ofStep((step) => step.stripes && { ...step, stripes: step.stripes.slice(1) }),
  'stripes overlap': ofStep((step) => step.stripes && { ...step, stripes: step.stripes.map(([from, to]) => [from, to + 1] as const) }),
  'stripes cut more than one sample': ofStep((step) => step.stripes && { ...step, chunk: 2 }),
};

/** Changes after which some schedules can still run. */
export const DARING: Readonly<Record<string, Mutation>> = {
  'another chunk': ofStep((step, pick) => ({ ...step, chunk: otherThan(step.chunk, 1 + pick(4)) })),
  'narrower panels': ofStep((step, pick) => step.panel && { ...step, panel: { ...step.panel, n: 1 + pick(step.panel.n - 1) } }),
  'lower panels': ofStep(
    (step, pick) => step.panel && { ...step, panel: { ...step.panel, m: otherThan(step.panel.m, 9 * (1 + pick(11))) } },
  ),
  'a block moves': ofBlock((block, pick) => ({ ...block, address: 64 * pick(1024) })),
  'a resident tensor moves': ofResident((r, pick) => ({ ...r, address: 64 * pick(1024) })),
  'a resident tensor stays longer': ofResident((r) => ({ ...r, to: r.to + 1 })),
  'a resident result is stored as well': ofAccess('outputs', (access) => (access.store ? undefined : { ...access, store: true })),
  'an operand is streamed though it is on chip': ofAccess('inputs', (access) =>
    access.mode === 'resident' ? { ...access, mode: 'stream' } : undefined,
  ),
  'a group is cut in two': ofGroup((group, pick) => {
    const at = 1 + pick(group.steps.length - 1);
    const part = (from: number, to: number): Group => ({
      ...group,
      steps: group.steps.slice(from, to),
      residents: group.residents.filter((r) => r.from >= from && r.to < to).map((r) => ({ ...r, from: r.from - from, to: r.to - from })),
    });
    return group.steps.length < 2 ? undefined : [part(0, at), part(at, group.steps.length)];
  }),
  'another sub-batch': (schedule, pick) =>
    ofGroup((group) => {
      const subBatch = otherThan(group.subBatch, 1 + pick(group.subBatch));
      const chunked = group.steps.map((step) => ({ ...step, chunk: Math.min(step.chunk, subBatch) }));
      const residents = group.residents.map((r) => ({ ...r, bytes: (r.bytes / group.subBatch) * subBatch }));
      const samples = group.subBatch * group.iterations;
      return { ...group, subBatch, iterations: Math.ceil(samples / subBatch), steps: chunked, residents };
    })(schedule, pick),
  'weights are buffered otherwise': (schedule) => ({ ...schedule, doubleBufferWeights: !schedule.doubleBufferWeights }),
  'blocks are longer': ofBlock((block) => ({ ...block, bytes: block.bytes + 64 })),
};
