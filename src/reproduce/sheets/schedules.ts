import { STALLS, type Stall } from '../../../backends/wavecore/interpreter/stalls.ts';
import { TENSOR_KINDS } from '../../../ir/tensor.ts';
import { busiestUnit, ENERGY_SOURCES, UNITS } from '../../report/run-report.ts';
import type { Cell, Sheet, SheetColumn } from '../../report/sheet.ts';
import { KIND_NAMES, trafficDefinition } from '../../report/traffic.ts';
import { isCounted, type RunRecord } from '../record.ts';
import { changesOf, ofPurpose, referenceOf } from '../select.ts';

const WHO: readonly SheetColumn[] = [
  { head: 'network', form: 'text' },
  { head: 'samples', form: 'count' },
  { head: 'schedule', form: 'text' },
  { head: 'norm', form: 'text' },
];

const whoOf = ({ network, batch, schedule, norm }: RunRecord): Cell[] => [network, batch, schedule, norm];

/** Traffic, time and energy of every run against baseline. */
export function schedulesSheet(all: readonly RunRecord[]): Sheet {
  const records = ofPurpose(all, 'schedules');
  const rows = records.map((record): Cell[] => {
    if (!isCounted(record)) return [...whoOf(record), ...new Array<undefined>(9)];
    const { traffic, cycles, seconds, energy, utilization } = record.counted;
    const reference = referenceOf(records, record);
    const change = reference && changesOf(record, reference);
    return [
      ...whoOf(record),
      ...[traffic.read, traffic.write, traffic.total, change?.traffic],
      ...[cycles, seconds, change?.time, energy.total, change?.energy, utilization],
    ];
  });
  return {
    name: 'schedules',
    title: 'Traffic, time and energy of one step',
    columns: [
      ...WHO,
      { head: 'read', form: 'bytes' },
      { head: 'written', form: 'bytes' },
      { head: 'traffic', form: 'bytes' },
      { head: 'vs base', form: 'change' },
      { head: 'cycles', form: 'count' },
      { head: 'time', form: 'seconds' },
      { head: 'vs base', form: 'change' },
      { head: 'energy', form: 'joules' },
      { head: 'vs base', form: 'change' },
      { head: 'array use', form: 'share' },
    ],
    rows,
    notes: [
      `${trafficDefinition(1)} It equals the compiler's prediction, layer by layer and kind by kind; otherwise the command fails.`,
      'Samples: of one core. norm: what becomes of batch normalization (keep, or group normalization with so many channels a group). vs base: change against baseline with its default normalization. Array use: multiply-accumulates / (cycles × PEs).',
      ...refusals(records),
    ],
  };
}

/** The runs that the machine cannot hold, with the reason. */
export function refusals(records: readonly RunRecord[]): string[] {
  return records.flatMap(({ network, schedule, norm, machine, refused }) =>
    refused === undefined ? [] : [`${network}, ${schedule}, ${norm}, ${machine}: ${refused}`],
  );
}

/** Traffic by tensor kind. */
export function trafficSheet(all: readonly RunRecord[]): Sheet {
  const records = ofPurpose(all, 'schedules').filter(isCounted);
  const kinds = TENSOR_KINDS.filter((kind) => records.some(({ counted }) => counted.traffic.byKind[kind] !== undefined));
  return {
    name: 'traffic',
    title: 'DRAM traffic by kind of tensor',
    columns: [...WHO, ...kinds.map((kind): SheetColumn => ({ head: KIND_NAMES[kind], form: 'bytes' })), { head: 'total', form: 'bytes' }],
    rows: records.map((record) => {
      const { byKind, total } = record.counted.traffic;
      return [...whoOf(record), ...kinds.map((kind) => (byKind[kind]?.read ?? 0) + (byKind[kind]?.write ?? 0)), total];
    }),
    notes: ['Read and written together.'],
  };
}

/** Energy by source. */
export function energySheet(all: readonly RunRecord[]): Sheet {
  const records = ofPurpose(all, 'schedules').filter(isCounted);
  const sources = Object.keys(ENERGY_SOURCES) as (keyof typeof ENERGY_SOURCES)[];
  return {
    name: 'energy',
    title: 'Energy by source',
    columns: [
      ...WHO,
      ...sources.map((source): SheetColumn => ({ head: ENERGY_SOURCES[source], form: 'joules' })),
      { head: 'total', form: 'joules' },
    ],
    rows: records.map((record) => [
      ...whoOf(record),
      ...sources.map((source) => record.counted.energy[source]),
      record.counted.energy.total,
    ]),
    notes: [
      'Counts × the energies of the machine, and static power × time. Of the energies only that of HBM2 DRAM is sourced; the others are assumed.',
    ],
  };
}

/** What limits each run: floors, busy units, and what the array waits for. */
export function limitsSheet(all: readonly RunRecord[]): Sheet {
  const records = ofPurpose(all, 'schedules').filter(isCounted);
  const stalls = (Object.keys(STALLS) as Stall[]).filter((stall) =>
    records.some(({ counted }) => counted.units.array.stalls[stall] !== undefined),
  );
  return {
    name: 'limits',
    title: 'Array utilization and what limits the time',
    columns: [
      ...WHO,
      { head: 'cycles', form: 'count' },
      { head: 'floor of MACs', form: 'share' },
      { head: 'floor of bytes', form: 'share' },
      ...(['array', 'vector', 'dram'] as const).map((unit): SheetColumn => ({ head: `${UNITS[unit]} busy`, form: 'share' })),
      { head: 'busiest', form: 'text' },
      ...stalls.map((stall): SheetColumn => ({ head: `array waits: ${stall}`, form: 'share' })),
    ],
    rows: records.map((record) => {
      const { cycles, floors, units } = record.counted;
      const part = (of: number): number => of / cycles;
      return [
        ...whoOf(record),
        ...[cycles, part(floors.array), part(floors.dram)],
        ...[part(units.array.busy), part(units.vector.busy), part(units.dram.busy), UNITS[busiestUnit((name) => units[name].busy)]],
        ...stalls.map((stall) => part(units.array.stalls[stall] ?? 0)),
      ];
    }),
    notes: [
      'All as parts of the cycles. Floor of MACs: all multiply-accumulates of this run, recomputed ones among them, on a full array; floor of bytes: its traffic at full bandwidth. Units work at the same time, so that busy parts do not add up; array busy and what the array waits for do.',
    ],
  };
}

/** Groups of the schedules that run on sub-batches. */
export function groupsSheet(all: readonly RunRecord[]): Sheet {
  const rows = ofPurpose(all, 'schedules').flatMap((record) =>
    (record.ownNorm ? (record.counted?.groups ?? []) : []).map((group, i): Cell[] => [
      ...whoOf(record),
      i,
      group.phase,
      group.layers,
      group.subBatch,
      group.iterations,
      group.footprint,
      group.footprint / record.globalBytes,
      group.first,
      group.last,
    ]),
  );
  return {
    name: 'groups',
    title: 'Layer groups of the serialized schedules',
    columns: [
      ...WHO,
      { head: 'group', form: 'count' },
      { head: 'phase', form: 'text' },
      { head: 'layers', form: 'count' },
      { head: 'sub-batch', form: 'count' },
      { head: 'iterations', form: 'count' },
      { head: 'footprint', form: 'bytes' },
      { head: 'of buffer', form: 'share' },
      { head: 'first layer', form: 'text' },
      { head: 'last layer', form: 'text' },
    ],
    rows,
    notes: [
      'Footprint: the largest of the layers, bytes of the global buffer in use while one runs. The other schedules run every layer on the whole mini-batch.',
    ],
  };
}
