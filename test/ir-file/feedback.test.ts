import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { encodeProgram, run } from '../../backends/wavecore/index.ts';
import { type Diagnostic, WavecError } from '../../ir/diagnostics.ts';
import { SCHEDULES } from '../../passes/mbs/schedule.ts';
import { PASSES } from '../../passes/pipeline.ts';
import { type CompileSettings, generateProgram, resolveSettings, resumePasses, runPasses, settingsOfIr, withModel } from '../../src/api.ts';
import { elidedConstants } from '../../src/ir-file/constants.ts';
import { headerOf } from '../../src/ir-file/header.ts';
import { type IrFile, parseIrFile, printIrFile } from '../../src/ir-file/index.ts';
import { machineWith } from '../chain/execute.ts';
import { residualNetwork } from '../chain/network.ts';
import { encodeModel } from '../onnx-model.ts';
import { buildModel, randomNetwork } from '../passes/graphs.ts';

/** The IR file after every pass. */
function dumpsOf(model: Uint8Array, given: CompileSettings): Map<string, string> {
  const settings = resolveSettings(given);
  const dumps = new Map<string, string>();
  runPasses(model, settings, {
    onPass: ({ name }, state) => dumps.set(name, printIrFile(headerOf(name, settings, settings.file), state)),
  });
  return dumps;
}

function compileIr(ir: IrFile, settings: CompileSettings): Uint8Array {
  const resolved = settingsOfIr(ir, settings);
  return encodeProgram(generateProgram(resumePasses(ir, resolved), resolved));
}

function direct(model: Uint8Array, given: CompileSettings): Uint8Array {
  const settings = resolveSettings(given);
  return encodeProgram(generateProgram(runPasses(model, settings), settings));
}

const problemsOf = (action: () => unknown): readonly Diagnostic[] => {
  try {
    action();
  } catch (error) {
    if (error instanceof WavecError) return error.diagnostics;
    throw error;
  }
  return [];
};

const compilations = fc.record({
  network: randomNetwork,
  schedule: fc.constantFrom(...SCHEDULES),
  kib: fc.integer({ min: 64, max: 400 }),
  mode: fc.constantFrom('training' as const, 'inference' as const),
  optimizer: fc.constantFrom('none' as const, 'sgd' as const, 'momentum' as const),
});

describe('an IR file', () => {
  it('prints the same after it is read, whatever the network, schedule and pass', () => {
    fc.assert(
      fc.property(compilations, ({ network, kib, ...choices }) => {
        const dumps = dumpsOf(buildModel(network), { file: 'net.onnx', batch: network.batch, machine: machineWith(kib), ...choices });
        expect([...dumps.keys()]).toEqual(PASSES.map((p) => p.name));
        for (const [pass, text] of dumps) {
          const ir = parseIrFile(text, `${pass}.wir`);
          const settings = settingsOfIr(ir, { machine: machineWith(kib) });
          expect(printIrFile(ir.header, resumePasses(ir, settings, { stopAfter: pass }))).toBe(text);
        }
      }),
      { numRuns: 40 },
    );
  });

  it('gives the same program as its model, from every pass', () => {
    fc.assert(
      fc.property(compilations, ({ network, kib, ...choices }) => {
        const model = buildModel(network);
        const settings = { file: 'net.onnx', batch: network.batch, machine: machineWith(kib), ...choices };
        const program = direct(model, settings);
        for (const [pass, text] of dumpsOf(model, settings)) {
          const ir = parseIrFile(text, `${pass}.wir`);
          // What is settled by the passes before comes from the file alone.
          const { schedule } = settings;
          const rest = { machine: settings.machine, schedule, optimizer: settings.optimizer };
          expect(compileIr(withModel(ir, model, settingsOfIr(ir, { ...rest, file: 'net.onnx' })), rest), pass).toSatisfy(
            (bytes: Uint8Array) => Buffer.compare(bytes, program) === 0,
          );
        }
      }),
      { numRuns: 16 },
    );
  });

  it('without its constants gives a program with the same code, which counts alike and computes nothing', () => {
    const model = residualNetwork(4);
    for (const mode of ['training', 'inference'] as const) {
      const settings = { file: 'net.onnx', batch: 4, mode, machine: machineWith(64) };
      const resolved = resolveSettings(settings);
      const expected = generateProgram(runPasses(model, resolved), resolved);
      for (const [pass, text] of dumpsOf(model, settings)) {
        const ir = parseIrFile(text, `${pass}.wir`);
        expect(elidedConstants(ir.graph).length).toBeGreaterThan(0);
        const mine = settingsOfIr(ir, { machine: machineWith(64) });
        const program = generateProgram(resumePasses(ir, mine), mine);
        expect(program.code).toEqual(expected.code);
        expect(run(program, { mode: 'timing' }).traffic).toEqual(run(expected, { mode: 'timing' }).traffic);
        const [problem] = problemsOf(() => run(program, { mode: 'functional' }));
        expect(problem?.code).toBe('NO_INITIAL_VALUES');
      }
    }
  });

  it('holds the graph of a schedule that gathers statistics, in which layers are joined', () => {
    const model = residualNetwork(4);
    const settings = { ...resolveSettings({ file: 'net.onnx', batch: 4, machine: machineWith(64) }), gathers: true };
    const state = runPasses(model, settings);
    const text = printIrFile(headerOf('mbs', settings, settings.file), state);
    expect(text).toContain('conv_stats');
    const ir = parseIrFile(text, 'mbs.wir');
    const mine = settingsOfIr(ir, { machine: machineWith(64), file: 'net.onnx' });
    expect(printIrFile(ir.header, resumePasses(ir, mine))).toBe(text);
    const program = encodeProgram(generateProgram(resumePasses(withModel(ir, model, mine), mine), mine));
    expect(Buffer.compare(program, encodeProgram(generateProgram(state, settings)))).toBe(0);
  });

  it('holds the sizes of symbolic dimensions', () => {
    const bind = { 'a "name"': 3, N: 2 };
    const model = encodeModel({
      inputs: [{ name: 'x', shape: ['N', 3, 'a "name"', 8] }],
      nodes: [{ op: 'Relu', name: 'relu', inputs: ['x'], outputs: ['y'] }],
      outputs: ['y'],
    });
    const text = dumpsOf(model, { mode: 'inference', bind }).get('import') ?? '';
    expect(text.split('\n')[0]).toBe('wavec-ir 1 after import mode inference bind {"a \\"name\\""=3, "N"=2} model "model"');
    expect(parseIrFile(text, 'a.wir').header.bind).toEqual(bind);
  });
});

describe('a file that is none', () => {
  const text = dumpsOf(residualNetwork(3), { batch: 3, machine: machineWith(64) }).get('mbs') ?? '';

  it.each([
    ['wavec-ir 1 after', 'wavec-ir 2 after', 1, 'SYNTAX', 'version 1'],
    ['after mbs', 'after lunch', 1, 'SYNTAX', 'a pass (import, normalize, training, mbs)'],
    ['norm "gn:16"', 'norm "all"', 1, 'SYNTAX', 'keep or gn:CHANNELS'],
    ['after mbs', 'after training', undefined, 'SYNTAX', "the end of the text, found 'schedule'"],
    ['after mbs mode training', 'after import mode inference', 1, 'SYNTAX', "'graph'"],
    ['schedule mbs2', 'schedule mbs9', undefined, 'SYNTAX', 'a schedule (baseline'],
    ['sub-batch', 'subbatch', undefined, 'SYNTAX', "'sub-batch'"],
  ])('%s -> %s', (from, to, line, code, message) => {
    const [problem] = problemsOf(() => parseIrFile(text.replace(from, to), 'a.wir'));
    expect(problem).toMatchObject({ code, place: { file: 'a.wir', ...(line === undefined ? {} : { line }) } });
    expect(problem?.message).toContain(message);
  });

  it('names the line of a layer that a pass before would have replaced, or that a pass behind would make', () => {
    const dumps = dumpsOf(residualNetwork(3), { batch: 3, machine: machineWith(64) });
    const refused = (pass: string, edit: (text: string) => string): readonly Diagnostic[] => {
      const ir = parseIrFile(edit(dumps.get(pass) ?? ''), 'a.wir');
      return problemsOf(() => resumePasses(ir, settingsOfIr(ir, { file: 'a.wir' })));
    };
    const imported = refused('import', (t) => t.replace('after import mode training', 'after normalize mode training norm "keep"'));
    expect(imported[0]).toMatchObject({ code: 'BAD_GRAPH', place: { file: 'a.wir', line: expect.any(Number), layer: expect.any(String) } });
    expect(imported[0]?.message).toContain('normalize replaces it');
    const forward = refused('training', (t) =>
      t.replace(/after training mode training (norm "[^"]*") optimizer \w+/, 'after normalize mode training $1'),
    );
    expect(forward[0]?.message).toContain('a backward layer cannot be there after normalize');
  });

  it('is refused with a message, wherever it is damaged', () => {
    const lines = text.split('\n');
    const damage = fc.record({
      at: fc.nat({ max: lines.length - 1 }),
      how: fc.constantFrom('drop', 'double', 'swap', 'number', 'word'),
      value: fc.constantFrom('0', '1', '7', '64', '999999999', '-1', '1.5', 'nan'),
    });
    fc.assert(
      fc.property(damage, ({ at, how, value }) => {
        const changed = [...lines];
        const line = lines[at] ?? '';
        if (how === 'drop') changed.splice(at, 1);
        if (how === 'double') changed.splice(at, 0, line);
        if (how === 'swap') changed.splice(at, 2, lines[at + 1] ?? '', line);
        if (how === 'number') changed[at] = line.replace(/\d+/, value);
        if (how === 'word') changed[at] = line.replace(/\b(resident|load|stream|whole|panel)\b/, 'load');
        const problems = problemsOf(() => {
          const ir = parseIrFile(changed.join('\n'), 'a.wir');
          return compileIr(ir, { machine: machineWith(64) });
        });
        for (const problem of problems) expect(problem.code).toMatch(/^(SYNTAX|BAD_GRAPH|BAD_SHAPE|BAD_ATTRIBUTE|BAD_SCHEDULE)$/);
      }),
      { numRuns: 250 },
    );
  });
});
