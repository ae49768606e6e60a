import type { Machine } from './machine.ts';

const GiB = 2 ** 30;

const wavecore: Machine = {
  name: 'wavecore',
  clockHz: 0.7e9,
  coresPerChip: 2,
  array: { rows: 128, columns: 128, waveRows: 256 },
  buffers: { globalBytes: 10 * 2 ** 20, aBytes: 65536, bBytes: 32768, accBytes: 131072 },
  ports: { fillBytesPerCycle: 256, stationaryBytesPerCycle: 256, drainBytesPerCycle: 512 },
  vector: { lanes: 256, startCycles: 32 },
  dram: { kind: 'hbm2', bytesPerSecond: 300 * GiB, latencyCycles: 100, burstBytes: 64 },
  queueDepth: 16,
  energy: {
    dramPerByteJ: 3.9e-12 * 8,
    globalPerByteJ: 1.56e-12,
    localPerByteJ: 0.31e-12,
    macJ: 0.5e-12,
    vectorOpJ: 1.2e-12,
    staticW: 3,
  },
};

const withDram = (name: string, kind: string, gibPerSecond: number, pJPerBit: number): Machine => ({
  ...wavecore,
  name,
  dram: { ...wavecore.dram, kind, bytesPerSecond: gibPerSecond * GiB },
  energy: { ...wavecore.energy, dramPerByteJ: pJPerBit * 8e-12 },
});

/** Machines known by name. The energies of memories other than HBM2 are assumed (GDDR5 14 pJ/bit, LPDDR4 6 pJ/bit). */
export const PRESETS: Readonly<Record<string, Machine>> = {
  wavecore,
  'wavecore-hbm2x2': withDram('wavecore-hbm2x2', 'hbm2x2', 600, 3.9),
  'wavecore-gddr5': withDram('wavecore-gddr5', 'gddr5', 384, 14),
  'wavecore-lpddr4': withDram('wavecore-lpddr4', 'lpddr4', 239.2, 6),
};
