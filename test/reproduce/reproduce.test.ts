import { readFileSync } from 'node:fs';
import { beforeAll, describe, expect, it } from 'vitest';
import { run } from '../../backends/wavecore/index.ts';
import { PRESETS } from '../../backends/wavecore/machine/presets.ts';
import { SCHEDULES } from '../../passes/mbs/schedule.ts';
import { compile } from '../../src/api.ts';
import { runSummary } from '../../src/report/run-summary.ts';
import type { Cell, Sheet } from '../../src/report/sheet.ts';
import { jobsOf, METHOD, type Plan } from '../../src/reproduce/matrix.ts';
import { NETWORKS } from '../../src/reproduce/networks.ts';
import { isCounted, type RunRecord } from '../../src/reproduce/record.ts';
import { reproductionSheets } from '../../src/reproduce/report.ts';
import { jobRunner } from '../../src/reproduce/run-job.ts';

const wavecore = PRESETS.wavecore ?? expect.unreachable();
const SMALL: Plan = {
  networks: ['bars'],
  schedules: SCHEDULES,
  machine: { ...wavecore, buffers: { ...wavecore.buffers, globalBytes: 65536 } },
  batch: 16,
  sweeps: true,
};

const bars = readFileSync(new URL('../../examples/models/bars.onnx', import.meta.url));
let records: readonly RunRecord[];
let sheets: readonly Sheet[];

beforeAll(() => {
  const runner = jobRunner(() => ({ file: 'bars.onnx', bytes: bars }));
  records = jobsOf(SMALL).flatMap((job) => runner(job) ?? []);
  sheets = reproductionSheets(records);
});

const sheet = (name: string): Sheet => sheets.find((s) => s.name === name) ?? expect.unreachable(`no sheet ${name}`);
const column = (name: string, head: string): Cell[] => {
  const { columns, rows } = sheet(name);
  return rows.map((row) => row[columns.findIndex((c) => c.head === head)]);
};

describe('the matrix of runs', () => {
  it('holds every schedule of every network with both normalizations, and the sweeps', () => {
    const jobs = jobsOf({ networks: NETWORKS.map(({ name }) => name), schedules: SCHEDULES, machine: wavecore, sweeps: true });
    const of = (purpose: string): number => jobs.filter((job) => job.purpose === purpose).length;
    expect(of('schedules')).toBe(6 * SCHEDULES.length * 2);
    expect(of('buffer')).toBe(6 * SCHEDULES.length * 4);
    expect(of('memory')).toBe(6 * SCHEDULES.length * 3);
    expect(jobs.filter(({ network, purpose }) => network === 'alexnet' && purpose !== 'follow-up').every(({ batch }) => batch === 64)).toBe(
      true,
    );
    expect(jobs.filter(({ purpose }) => purpose === 'follow-up').every(({ batch }) => batch === 128)).toBe(true);
  });

  it('leaves the sweeps out where they are not asked for', () => {
    expect(jobsOf({ ...SMALL, sweeps: false }).every(({ purpose }) => purpose === 'schedules')).toBe(true);
  });
});

describe('the tables', () => {
  it('hold what a run of the same program counts', () => {
    const own = records.filter(({ purpose, ownNorm }) => purpose === 'schedules' && ownNorm);
    expect(own.map(({ schedule }) => schedule)).toEqual(SCHEDULES);
    for (const { schedule, counted } of own) {
      const program = compile(bars, { file: 'bars.onnx', batch: 16, schedule, machine: SMALL.machine });
      const { cycles, seconds, traffic, energy, utilization, units } = runSummary(program, run(program, { mode: 'timing' }));
      expect(counted).toMatchObject({ cycles, seconds, traffic, energy, utilization, units });
    }
    const totals = records.filter(({ purpose }) => purpose === 'schedules').map(({ counted }) => counted?.traffic.total);
    expect(column('schedules', 'traffic')).toEqual(totals);
    expect(column('traffic', 'total')).toEqual(totals);
  });

  it('divide a change into terms that add up to it', () => {
    for (const name of ['traffic-terms', 'time-terms', 'layer-terms', 'energy-terms']) {
      const { rows } = sheet(`${name}-${METHOD}`);
      const at = rows.findIndex(([term]) => term === 'change');
      const parts = rows.slice(0, at).map((row) => Number(row[1]));
      expect(parts.reduce((a, b) => a + b, 0)).toBeCloseTo(Number(rows[at]?.[1]), 12);
    }
  });

  it('divide the cycles of a run between layer kinds, and between work and stalls of the array', () => {
    for (const { counted } of records.filter(isCounted)) {
      const { array } = counted.units;
      expect(array.busy + Object.values(array.stalls).reduce((a, b) => a + b, 0)).toBe(counted.cycles);
      expect(counted.byKind.reduce((sum, { cycles }) => sum + cycles, 0)).toBeLessThanOrEqual(counted.cycles);
      expect(counted.floors.array).toBeLessThanOrEqual(counted.units.array.busy);
      expect(counted.floors.dram).toBeLessThanOrEqual(counted.cycles);
    }
  });

  it('list every point of the sweeps, each against baseline on the same machine', () => {
    expect(new Set(column('buffer', 'buffer (MiB)'))).toEqual(new Set([64 / 1024, 5, 10, 20, 30, 40]));
    expect(new Set(column('memory', 'memory'))).toEqual(new Set(['hbm2', 'hbm2x2', 'gddr5', 'lpddr4']));
    const { rows } = sheet('buffer');
    expect(rows.filter(([, schedule]) => schedule === 'baseline').map((row) => row[4])).toEqual(new Array(6).fill(0));
  });

  it('mark the published figures as sourced, each with its source', () => {
    expect(sheet('sourced').rows.map(([, figure]) => figure)).toEqual(['-75 %', '+53 %', '-26 %', '1.42-2.22×, mean 1.67×']);
    expect(column('headline', 'figures').at(-1)).toBe('sourced (abstract)');
    expect(sheet('headline').rows.at(-1)?.slice(-3)).toEqual([-0.75, 0.53, -0.26]);
  });
});

describe('a step that the machine cannot hold', () => {
  it('leaves its cells empty and says why', () => {
    const runner = jobRunner(() => ({ file: 'bars.onnx', bytes: bars }));
    const machine = { ...wavecore, buffers: { ...wavecore.buffers, globalBytes: 256 } };
    const refused = jobsOf({ ...SMALL, machine, sweeps: false, schedules: ['baseline'] }).flatMap((job) => runner(job) ?? []);
    expect(refused.every(({ counted, refused: why }) => counted === undefined && why?.includes('[DOES_NOT_FIT]'))).toBe(true);
    const table = reproductionSheets(refused).find(({ name }) => name === 'schedules');
    expect(table?.notes.at(-1)).toContain('[DOES_NOT_FIT]');
  });
});
