import fc from 'fast-check';
import { PRESETS } from '../../../backends/wavecore/machine/presets.ts';
import type { LayerTraffic, Program, ProgramSymbol } from '../../../backends/wavecore/program.ts';
import type { Constant } from '../../../ir/graph.ts';
import { DTYPES, elementCount, TENSOR_KINDS, tensorBytes } from '../../../ir/tensor.ts';
import { SMALL } from '../assembler.ts';
import { anyCode } from '../isa/instructions.ts';

const count = fc.nat({ max: 2 ** 40 });
const name = fc.string({ unit: 'grapheme', minLength: 1 });

function symbolsOf(list: readonly Omit<ProgramSymbol, 'address' | 'bytes' | 'initial'>[], forms: readonly number[]): ProgramSymbol[] {
  let address = 0;
  return list.map((symbol, i) => {
    const bytes = tensorBytes(symbol);
    const placed = { ...symbol, address, bytes };
    address += Math.ceil((bytes + 1) / 64) * 64 + (i === 0 ? 2 ** 33 : 0);
    const initial = constantOf(symbol, forms[i] ?? 0);
    return initial === undefined ? placed : { ...placed, initial };
  });
}

function constantOf(symbol: Omit<ProgramSymbol, 'address' | 'bytes'>, form: number): Constant | undefined {
  const values = Array.from({ length: elementCount(symbol.shape) }, (_, i) => i * 1.5 - 2);
  if (form === 1) return { form: 'splat', value: 0.25 };
  if (form === 2) return { form: 'values', values: symbol.dtype === 'i32' ? Int32Array.from(values) : Float32Array.from(values) };
  if (form === 4) return { form: 'elided' };
  return form === 3 ? { form: 'copyOf', tensor: symbol.name } : undefined;
}

const symbols: fc.Arbitrary<ProgramSymbol[]> = fc
  .tuple(
    fc.uniqueArray(
      fc.record({
        name,
        kind: fc.constantFrom(...TENSOR_KINDS),
        dtype: fc.constantFrom(...DTYPES),
        shape: fc.array(fc.integer({ min: 0, max: 4 }), { maxLength: 3 }),
        role: fc.constantFrom('input' as const, 'output' as const, 'internal' as const),
      }),
      { selector: (s) => s.name, maxLength: 5 },
    ),
    fc.array(fc.nat({ max: 4 })),
  )
  .map(([list, forms]) => symbolsOf(list, forms));

const traffic = fc.dictionary(
  name,
  fc.dictionary(fc.constantFrom(...TENSOR_KINDS), fc.record({ read: count, write: count }), { noNullPrototype: true }),
  { noNullPrototype: true },
);

const info = {
  layer: name,
  kind: name,
  phase: fc.constantFrom('forward' as const, 'backward' as const, 'update' as const),
  group: fc.nat(),
  origin: name,
};

/** Ranges of the first 4 instructions, one behind the other. */
const debug = fc.array(fc.tuple(fc.tuple(fc.nat({ max: 4 }), fc.nat({ max: 4 })), fc.record(info)), { maxLength: 4 }).map((list) => {
  const bounds = list.flatMap(([pair]) => pair).sort((a, b) => a - b);
  return list.map(([, rest], i) => ({ from: bounds[2 * i] ?? 0, to: bounds[2 * i + 1] ?? 0, ...rest }));
});

/** Any program that can be stored. */
export const anyProgram: fc.Arbitrary<Program> = fc
  .record({
    model: fc.string(),
    mode: fc.constantFrom('training' as const, 'inference' as const),
    cores: fc.constantFrom(1, 2),
    batch: fc.integer({ min: 1, max: 4096 }),
    schedule: fc.string(),
    machine: fc.constantFrom(SMALL, ...Object.values(PRESETS)),
    code: anyCode,
    symbols,
    debug,
    buffer: fc.array(
      fc.record({
        group: fc.nat(),
        name,
        address: fc.nat({ max: 1024 }),
        bytes: fc.nat({ max: 1024 }),
        layers: fc.array(fc.record({ layer: name, access: fc.constantFrom('read' as const, 'write' as const, 'both' as const) })),
      }),
    ),
    predicted: traffic.map((layers): LayerTraffic => layers),
  })
  .map((program) => ({ ...program, cores: Math.min(program.cores, program.machine.coresPerChip) }));
