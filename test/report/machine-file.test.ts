import { describe, expect, it } from 'vitest';
import { parseMachine } from '../../backends/wavecore/machine/load.ts';
import { dramBytesPerCycle, FIELDS } from '../../backends/wavecore/machine/machine.ts';
import { PRESETS } from '../../backends/wavecore/machine/presets.ts';
import { WavecError } from '../../ir/diagnostics.ts';
import { readMachineFile } from '../../src/machine-file.ts';

/** Paths of all numbers of a value: `a.b`. */
function numbers(value: unknown, path = ''): string[] {
  if (typeof value === 'number') return [path];
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, inner]) => numbers(inner, path === '' ? key : `${path}.${key}`));
}

function problems(text: string): readonly string[] {
  try {
    readMachineFile(text, 'm.yaml');
  } catch (error) {
    if (error instanceof WavecError) return error.diagnostics.map((d) => d.message);
    throw error;
  }
  return [];
}

describe('machine presets', () => {
  it.each(Object.entries(PRESETS))('%s is a sound machine of its name', (name, machine) => {
    expect(parseMachine(machine, name)).toEqual(machine);
    expect(machine.name).toBe(name);
  });

  it('give a unit and a provenance for every number, and for nothing else', () => {
    for (const machine of Object.values(PRESETS)) expect(numbers(machine).sort()).toEqual(Object.keys(FIELDS).sort());
  });

  it('share the DRAM of the chip among its cores', () => {
    const { wavecore } = PRESETS;
    expect(wavecore && dramBytesPerCycle(wavecore)).toBeCloseTo((300 * 2 ** 30) / 2 / 0.7e9, 9);
  });
});

describe('machine files', () => {
  it('inherit what they do not name', () => {
    const machine = readMachineFile('extends: wavecore-gddr5\ndram: { latencyCycles: 7 }', 'm.yaml');
    const { 'wavecore-gddr5': parent } = PRESETS;
    expect(machine).toEqual({ ...parent, name: 'm.yaml', dram: { ...parent?.dram, latencyCycles: 7 } });
  });

  it('may be empty, may be JSON, may have a name', () => {
    expect(readMachineFile('', 'm.yaml')).toEqual({ ...PRESETS.wavecore, name: 'm.yaml' });
    expect(readMachineFile('{"name": "mine"}', 'm.yaml').name).toBe('mine');
  });

  it('are refused where no host could simulate them', () => {
    expect(problems('queueDepth: 4294967296')[0]).toContain('queueDepth: must be at most');
    expect(problems('buffers: { globalBytes: 1e15 }')[0]).toContain('buffers.globalBytes: must be at most');
    expect(problems('array: { columns: 100000 }')[0]).toContain('array.columns: must be at most');
    expect(problems('dram: { bytesPerSecond: 1e-300 }')[0]).toContain('dram.bytesPerSecond: must be at least 1');
  });

  it('are refused with all their problems', () => {
    expect(problems('clockHz: 0\nvector: { lanes: many }\nports: 3')).toHaveLength(3);
    expect(problems('array: { rows: 256 }')).toHaveLength(2);
    expect(problems('cores: 2')).toEqual(['machine: cores: there is no such field']);
    expect(problems('extends: 7')[0]).toContain('known are wavecore');
    expect(problems('a: [')).toHaveLength(1);
  });
});
