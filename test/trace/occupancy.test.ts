import { expect, it } from 'vitest';
import { Occupancy } from '../../src/trace/occupancy.ts';
import { Assembler } from '../backends/assembler.ts';

it('a layer has the bytes of what is alive while it runs, shared places once', () => {
  const a = new Assembler();
  for (const layer of ['a', 'b', 'c']) a.layer(layer, () => a.set(1, 1));
  const place = (name: string, address: number, bytes: number, ...layers: string[]) => ({
    group: 0,
    name,
    address,
    bytes,
    layers: layers.map((layer) => ({ layer, access: 'both' as const })),
  });
  const buffer = [place('x', 0, 100, 'a', 'c'), place('y', 100, 50, 'b'), place('in place of x', 0, 80, 'b', 'c'), place('z', 90, 30, 'c')];
  const occupancy = new Occupancy(a.program({ buffer }));
  expect(['a', 'b', 'c', 'd'].map((layer) => occupancy.of({ group: 0, layer }))).toEqual([100, 150, 120, 0]);
  expect(occupancy.of({ group: 1, layer: 'a' })).toBe(0);
});
