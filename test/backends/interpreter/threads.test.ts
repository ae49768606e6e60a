import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Interpreter, type RunOptions, type RunResult, run, type Threads } from '../../../backends/wavecore/index.ts';
import { specOf } from '../../../backends/wavecore/isa/layout.ts';
import type { Op, Operands } from '../../../backends/wavecore/isa/table.ts';
import type { Machine } from '../../../backends/wavecore/machine/machine.ts';
import type { Program } from '../../../backends/wavecore/program.ts';
import { WavecError } from '../../../ir/diagnostics.ts';
import { nodeThreads } from '../../../src/node/threads.ts';
import { importModel } from '../../../src/onnx/index.ts';
import { compileGraph, groups, inputsOf, machineWith } from '../../chain/execute.ts';
import { residualNetwork } from '../../chain/network.ts';
import { generator } from '../../ir/values.ts';
import { Assembler, floatBits, SMALL } from '../assembler.ts';

const BYTES = SMALL.buffers.globalBytes;
const REGION = 4096;

/** Threads that are counted on and never come: the caller executes all parts, one after the other. */
const absent = (count: number): Threads => ({ count, start: () => undefined });

/** Bytes of every class of number: ordinary halves, or anything at all. */
function memory(seed: number, exotic: boolean): Uint8Array {
  const random = generator(seed);
  const half = (): number => {
    const bits = Math.floor(random() * 65536);
    if (!exotic) return (bits & 0x83ff) | (0x2c00 + (Math.floor(random() * 6) << 10));
    return random() < 0.3 ? bits & 0x83ff : bits;
  };
  return new Uint8Array(Uint16Array.from({ length: BYTES / 2 }, half).buffer);
}

/** A program that loads the whole global buffer, does something, and stores the whole global buffer. */
function around(body: (a: Assembler) => void, machine?: Machine): Program {
  const a = new Assembler(machine);
  const type = { dtype: 'u8' as const, shape: [BYTES] };
  const before = a.tensor('before', type, { role: 'input' });
  const after = a.tensor('after', type, { role: 'output' });
  a.move('d.ld', before, 0, BYTES, { signal: [1] }).op('v.sync', {}, { wait: [1] });
  body(a);
  a.op('fence', {}).move('d.st', after, 0, BYTES);
  return a.program();
}

/** What a run leaves behind, or what it says. */
function outcome(program: Program, before: Uint8Array, options: Partial<RunOptions>): string {
  try {
    const { bytes } = run(program, { mode: 'functional', inputs: new Map([['before', before]]), ...options }).readTensor('after');
    return Buffer.from(bytes).toString('latin1');
  } catch (error) {
    if (error instanceof WavecError) return error.message;
    throw error;
  }
}

function expectSame(program: Program, before: Uint8Array): void {
  const expected = outcome(program, before, { kernels: 'plain' });
  for (const threads of [undefined, absent(2), absent(5)]) {
    const same = outcome(program, before, threads === undefined ? {} : { threads }) === expected;
    expect(same, `${threads?.count ?? 1} threads`).toBe(true);
  }
}

const int = (min: number, max: number) => fc.integer({ min, max });
const single = fc.oneof(
  fc.float({ noNaN: true, min: -2, max: 2 }).map(floatBits),
  fc.constantFrom(0, 0x7f800000, 0x7fc00000, 1, 0x7f7fffff),
);

const slots = fc
  .record({
    ...{ N: int(1, 3), C: int(1, 7), H: int(1, 7), W: int(1, 9), P: int(1, 5), Q: int(1, 5), R: int(1, 3), S: int(1, 3) },
    ...{ SH: int(1, 2), SW: int(1, 3), PT: int(-1, 2), PL: int(-1, 2), DH: int(1, 2), DW: int(1, 2), COUNT: int(1, 45) },
    ...{ GROUPS: int(1, 3), CROSS: int(0, 1), EPS: single, M: fc.oneof(int(1, 500), int(2 ** 24 - 1, 2 ** 24 + 9)) },
    ...{ DIVISOR: fc.oneof(int(0, 9), int(2 ** 24 - 1, 2 ** 24 + 9)), FULLH: int(1, 9), ROW0: int(0, 2) },
    ...{ ROWS: int(1, 4), ROWBYTES: int(1, 30), SRCSTRIDE: int(1, 40), DSTSTRIDE: int(20, 40) },
    ...{ SIZE: int(1, 5), ALPHA: single, BETA: single, BIAS: single, SEED: int(0, 9), RATIO: single, SCALE: single, WEIGHT: single },
    ...{ LR: single, MOMENTUM: single, DECAY: single, GRADSCALE: single, NESTEROV: int(0, 1) },
  })
  .map((given) => ({ ...given, C: given.C * given.GROUPS }));

const OPERATIONS = [
  ...(['v.fill', 'v.copy', 'v.relu', 'v.relu_grad', 'v.add', 'v.mul', 'v.affine', 'v.stats', 'v.norm', 'v.norm_grad_sums'] as const),
  ...(['v.add_relu', 'v.add_relu_grad', 'v.norm_relu', 'v.norm_relu_grad_sums', 'v.norm_relu_grad'] as const),
  ...(['v.norm_grad', 'v.max_pool', 'v.max_pool_grad', 'v.avg_pool', 'v.avg_pool_grad', 'v.bias_sums', 'v.sgd', 'v.momentum'] as const),
] satisfies readonly Op[];

/** Operands side by side, in place, or anywhere. */
const places = fc.oneof(
  fc.constant([0, 1, 2, 3, 4, 5, 6].map((i) => i * REGION)),
  fc.array(fc.constantFrom(0, 2, 8), { minLength: 7, maxLength: 7 }).map((offsets) => offsets.map((offset, i) => i * REGION + offset)),
  fc.constant([1, 1, 2, 3, 4, 5, 6].map((i) => i * REGION)),
  fc.constant([2, 1, 2, 3, 4, 5, 6].map((i) => i * REGION)),
  fc.array(int(0, 300), { minLength: 7, maxLength: 7 }).map((numbers) => numbers.map((n) => n * 8)),
);

describe('vector instructions', () => {
  it.each(OPERATIONS)('%s gives the same bits, plain and WebAssembly, on one thread and in several parts', (op) => {
    fc.assert(
      fc.property(fc.integer(), fc.boolean(), slots, places, int(0, 1), (seed, exotic, given, addresses, flag) => {
        const program = around((a) => {
          a.vector(given);
          addresses.forEach((address, i) => {
            a.set(10 + i, address);
          });
          const operands = specOf(op).fields.map(({ name, type, bits }, i) => [
            name,
            type === 'reg' ? 10 + i : bits === 1 ? flag : given.ROWBYTES,
          ]);
          a.op(op, Object.fromEntries(operands) as Operands<typeof op>);
        });
        expectSame(program, memory(seed, exotic));
      }),
      { numRuns: 80 },
    );
  });
});

const block = fc.record({
  moving: int(0, 3),
  stationary: int(0, 3),
  result: int(0, 5),
  half: int(0, 1),
  c: int(0, 1),
  m0: fc.constantFrom(0, 0, 8, 16, 3),
  k0: fc.constantFrom(0, 4),
  n0: fc.constantFrom(0, 0, 4, 2),
  f32: int(0, 1),
  add: int(0, 1),
  zeros: int(0, 1),
  withBias: int(0, 1),
  /** Where totals are gathered; 0: nowhere. */
  totals: fc.constantFrom(0, 0, 2048, 2064, 512),
});

/** The first drain waits for what it overwrites, and is put off itself; its biases are what the second one overwrites. */
const plainBlock = { stationary: 0, result: 2, half: 0, c: 0, k0: 0, n0: 0, f32: 0, add: 0, zeros: 0, totals: 0 } as const;
const LATE_BIAS = [
  { CMI: 5, CSMO: 40, CSMI: 1, CSN: 5, TMI: 10, TSMO: 8 },
  [
    { ...plainBlock, moving: 1, m0: 0 as const, withBias: 1 },
    { ...plainBlock, moving: 0, m0: 16 as const, withBias: 0 },
  ],
] as const;

describe('matrix instructions', () => {
  const patches = {
    ...{ AT: 0, P: 5, Q: 5, R: 1, S: 1, H: 5, W: 5, SH: 1, SW: 1, DH: 1, DW: 1, PT: 0, PL: 0, UH: 1, UW: 1, ASN: 200, ASC: 25 },
    ...{ AM: 25, AK: 8, BK: 8, BN: 8, BKI: 8, BSKO: 0, BSKI: 1, BSN: 8 },
  };
  const results = fc.constantFrom(
    { CMI: 25, CSMO: 200, CSMI: 1, CSN: 25, TMI: 25, TSMO: 8 },
    { CMI: 25, CSMO: 200, CSMI: 8, CSN: 1, TMI: 3, TSMO: 9 },
    { CMI: 5, CSMO: 40, CSMI: 1, CSN: 5, TMI: 10, TSMO: 8 },
    { CMI: 5, CMM: 5, CSMO: 0, CSMM: 10, CSMI: 2, CNI: 4, CSNO: 1, CSN: 50, CW: 9, TMI: 10, TSMO: 4 },
    { CMI: 25, CSMO: 0, CSMI: 8, CNI: 4, CSNO: 200, CSN: 1, X: 1, TMI: 4, TSMO: 25 },
    { CMI: 5, CSMO: 3, CSMI: 1, CSN: 2 },
    { CMI: 25, CSMO: 0, CSMI: 0, CSN: 0 },
  );

  it('give the same bits where blocks read and write each other', () => {
    fc.assert(
      fc.property(fc.integer(), fc.array(fc.tuple(results, fc.array(block, { maxLength: 6 })), { maxLength: 4 }), (seed, sequence) => {
        const program = around((a) => {
          for (const [result, blocks] of sequence) {
            a.matrix({ ...patches, ...result });
            for (const { moving, stationary, result: to, half, c, m0, k0, n0, f32, add, zeros, withBias, totals } of blocks) {
              const registers = [half, c, m0, k0, n0, add * f32, 128 * moving, 128 * stationary, 128 * to, 512, totals];
              registers.forEach((value, i) => {
                a.set(10 + i, value);
              });
              a.op('m.lda', { half: 10, base: 16, m0: 12, k0: 13 }).op('m.ldb', { half: 10, base: 17, k0: 13, n0: 14 });
              a.op('m.mul', { a: 10, b: 10, c: 11, first: 0 });
              if (totals > 0) a.op('m.st_sums', { c: 11, base: 18, m0: 12, n0: 14, bias: 19, withBias, state: 20 });
              else a.op('m.st', { c: 11, base: 18, m0: 12, n0: 14, bias: 19, withBias, f32, add: 15, zeros });
            }
          }
        });
        expectSame(program, memory(seed, false));
      }),
      { numRuns: 200, examples: [[0, [[LATE_BIAS[0], [...LATE_BIAS[1]]]]]] },
    );
  });
});

const imported = importModel(residualNetwork(4, 16, 16), { file: 'residual', mode: 'training' });
const step = compileGraph(imported, {
  schedule: 'mbs2',
  norm: groups(8),
  machine: machineWith(64),
  optimizer: 'momentum',
  lossScale: 64,
});
const inputs = new Map(inputsOf(step.graph));

/** Every tensor that the step leaves in DRAM. */
function tensorsOf(result: RunResult): string[] {
  return step.program.symbols.map(({ name }) => `${name} ${Buffer.from(result.readTensor(name).bytes).toString('base64')}`);
}

describe('a training step', () => {
  const tensors = (options: Partial<RunOptions>): string[] => tensorsOf(run(step.program, { mode: 'functional', inputs, ...options }));

  it('is the same to the bit with plain loops, on one thread, and on two that run at the same time', () => {
    const plain = tensors({ kernels: 'plain' });
    expect(tensors({})).toEqual(plain);
    expect(tensors({ threads: nodeThreads(2) })).toEqual(plain);
    expect(tensors({ threads: absent(3) })).toEqual(plain);
  });
});

describe('threads', () => {
  it('stay from step to step of an interpreter, which goes on without them once it is closed', () => {
    const [alone, helped] = [new Interpreter(step.program), new Interpreter(step.program, { threads: nodeThreads(2) })];
    for (let i = 0; i < 3; i++) {
      if (i === 2) helped.close();
      expect(tensorsOf(helped.run(inputs))).toEqual(tensorsOf(alone.run(inputs)));
    }
  });

  const HELPER = `
    const { module, memory, numbers } = require('node:worker_threads').workerData;
    new WebAssembly.Instance(module, { env: { memory } }).exports.serve(...numbers);`;

  /** Runs a program with one helper; when the helper ends. */
  function helped(program: Program): { readonly failed: boolean; readonly ended: Promise<unknown> } {
    let ended: Promise<unknown> = Promise.resolve('never started');
    const threads: Threads = {
      count: 2,
      start: (module, memory, numbers) => {
        ended = once(new Worker(HELPER, { eval: true, execArgv: [], workerData: { module, memory, numbers } }), 'exit');
      },
    };
    return { failed: outcome(program, memory(1, false), { threads }).includes('label'), ended };
  }

  it('end with the run', async () => {
    await expect(helped(around(() => undefined)).ended).resolves.toEqual([0]);
  });

  it('end when the run fails', async () => {
    const program = around((a) => {
      a.vector({ N: 1, COUNT: 1 }).set(1, 64).set(2, 128).set(3, 192).op('v.softmax_loss', { loss: 1, dlogits: 2, logits: 3, labels: 0 });
    });
    const { failed, ended } = helped(program);
    expect(failed).toBe(true);
    await expect(ended).resolves.toEqual([0]);
  });
});
