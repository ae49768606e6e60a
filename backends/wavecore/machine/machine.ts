import * as v from 'valibot';

/** Bounds far beyond any machine, so that cycles and joules stay finite and the memories of a core can be simulated. */
const most = (value: number) => v.maxValue<number, number, string>(value, `must be at most ${value}`);
const positive = v.pipe(v.number(), v.minValue(1, 'must be at least 1'), most(1e18));
const count = (bound: number) => v.pipe(v.number(), v.integer('must be a whole number'), v.minValue(1, 'must be at least 1'), most(bound));
const delay = v.pipe(v.number(), v.integer('must be a whole number'), v.minValue(0, 'must not be negative'), most(1e6));
const cost = v.pipe(v.number(), v.minValue(0, 'must not be negative'), most(1e12));
const LOCAL_BYTES = 2 ** 26;
const ARRAY_SIDE = 4096;
const WIDTH = 2 ** 20;

/** A machine, flat: what scheduling, code generation, timing and energy read. Units are in the names or in `FIELDS`. */
export const MachineSchema = v.strictObject({
  name: v.string(),
  clockHz: positive,
  coresPerChip: count(WIDTH),
  array: v.strictObject({ rows: count(ARRAY_SIDE), columns: count(ARRAY_SIDE), waveRows: count(ARRAY_SIDE) }),
  buffers: v.strictObject({
    globalBytes: count(2 ** 30),
    aBytes: count(LOCAL_BYTES),
    bBytes: count(LOCAL_BYTES),
    accBytes: count(LOCAL_BYTES),
  }),
  ports: v.strictObject({ fillBytesPerCycle: count(WIDTH), stationaryBytesPerCycle: count(WIDTH), drainBytesPerCycle: count(WIDTH) }),
  vector: v.strictObject({ lanes: count(WIDTH), startCycles: delay }),
  dram: v.strictObject({
    kind: v.string(),
    bytesPerSecond: positive,
    latencyCycles: delay,
    burstBytes: count(WIDTH),
  }),
  queueDepth: count(WIDTH),
  energy: v.strictObject({
    dramPerByteJ: cost,
    globalPerByteJ: cost,
    localPerByteJ: cost,
    macJ: cost,
    vectorOpJ: cost,
    staticW: cost,
  }),
});

export type Machine = v.InferOutput<typeof MachineSchema>;

/** DRAM bandwidth of one core: its share of the chip's, as if the other cores ran the same program. */
export function dramBytesPerCycle(machine: Machine): number {
  return machine.dram.bytesPerSecond / machine.coresPerChip / machine.clockHz;
}

export interface FieldNote {
  readonly unit: string;
  /** `sourced`: published of this machine or method; `assumed`: our choice, with the reason. */
  readonly status: 'sourced' | 'assumed';
  readonly provenance: string;
}

/** Unit and provenance of every number of a machine file, by its path. */
export const FIELDS: Readonly<Record<string, FieldNote>> = {
  clockHz: {
    unit: 'Hz',
    status: 'sourced',
    provenance: '45 mixed-precision TFLOPS of two 128×128 arrays (Lym, dissertation abstract): 2·2·16384·0.7e9',
  },
  coresPerChip: { unit: 'cores', status: 'sourced', provenance: 'two arrays (Crane, MICRO 2025, settings of MBS)' },
  'array.rows': { unit: 'PEs', status: 'sourced', provenance: '128×128 MACs (Crane, settings of MBS)' },
  'array.columns': { unit: 'PEs', status: 'sourced', provenance: '128×128 MACs (Crane, settings of MBS)' },
  'array.waveRows': { unit: 'rows', status: 'assumed', provenance: 'an A-buffer half of 64 KiB holds 256 rows of 128 f16' },
  'buffers.globalBytes': { unit: 'bytes a core', status: 'sourced', provenance: '10 MB an array (Crane); taken as 10 MiB' },
  'buffers.aBytes': { unit: 'bytes of one of two halves', status: 'assumed', provenance: '256 rows × 128 × 2 bytes' },
  'buffers.bBytes': { unit: 'bytes of one of two halves', status: 'assumed', provenance: '128 × 128 × 2 bytes' },
  'buffers.accBytes': { unit: 'bytes of one of two halves', status: 'assumed', provenance: '256 rows × 128 columns × 4 bytes' },
  'ports.fillBytesPerCycle': { unit: 'bytes/cycle', status: 'assumed', provenance: 'fills an A-buffer half in the 256 cycles of a wave' },
  'ports.stationaryBytesPerCycle': { unit: 'bytes/cycle', status: 'assumed', provenance: 'one row of 128 f16 a cycle' },
  'ports.drainBytesPerCycle': { unit: 'bytes/cycle', status: 'assumed', provenance: 'one row of 128 f32 a cycle' },
  'vector.lanes': { unit: 'f16 lanes', status: 'assumed', provenance: 'plausible beside a 128×128 array' },
  'vector.startCycles': { unit: 'cycles an instruction', status: 'assumed', provenance: 'pipeline depth' },
  'dram.bytesPerSecond': {
    unit: 'bytes/s a chip',
    status: 'sourced',
    provenance: 'HBM2, 300 GB/s (Crane); taken as 300 GiB/s; the other kinds are assumed',
  },
  'dram.latencyCycles': { unit: 'cycles', status: 'assumed', provenance: 'about 140 ns' },
  'dram.burstBytes': { unit: 'bytes', status: 'assumed', provenance: 'two HBM2 bursts of 32 bytes' },
  queueDepth: { unit: 'instructions a unit', status: 'assumed', provenance: 'plausible' },
  'energy.dramPerByteJ': {
    unit: 'J/byte',
    status: 'sourced',
    provenance: '3.9 pJ/bit, HBM2 (O’Connor et al., MICRO 2017, quoted by Crane); the other kinds are assumed',
  },
  'energy.globalPerByteJ': {
    unit: 'J/byte',
    status: 'assumed',
    provenance:
      'SRAM of some MB, about 10 pJ per 8 bytes at 45 nm (Horowitz, ISSCC 2014, 1 MB: 100 pJ per 64 bits), scaled by 8 to a 16 nm bank',
  },
  'energy.localPerByteJ': {
    unit: 'J/byte',
    status: 'assumed',
    provenance: 'SRAM of 32 KB, 20 pJ per 64 bits at 45 nm (Horowitz, ISSCC 2014), scaled by 8',
  },
  'energy.macJ': {
    unit: 'J',
    status: 'assumed',
    provenance: 'f16 multiply 1.1 pJ and f32 add 0.9 pJ at 45 nm (Horowitz, ISSCC 2014), scaled by 4',
  },
  'energy.vectorOpJ': {
    unit: 'J an element and pass',
    status: 'assumed',
    provenance: 'f32 add and multiply at 45 nm (Horowitz, ISSCC 2014), scaled by 4, with control',
  },
  'energy.staticW': { unit: 'W a core', status: 'assumed', provenance: 'leakage and clock of a 16 nm core of this size' },
};
