import { describe, expect, it } from 'vitest';
import { generate } from '../../backends/wavecore/generate.ts';
import { WavecError } from '../../ir/diagnostics.ts';
import { evaluate } from '../../ir/interpret.ts';
import { resolveSettings, resumePasses, runPasses, settingsOfIr, withModel } from '../../src/api.ts';
import { headerOf } from '../../src/ir-file/header.ts';
import { parseIrFile, printIrFile } from '../../src/ir-file/index.ts';
import { farFrom, inputsOf, machineWith, run, runFunctional, tensorsIn, verify } from '../chain/execute.ts';
import { NetworkBuilder } from '../chain/network.ts';

const b = new NetworkBuilder([5, 8, 4, 4], 3);
const hidden = b.relu(b.conv(b.input, 24, { kernel: 3, pad: 1 }, { bias: true }));
const model = b.model(b.full(b.flatten(b.globalPool(b.relu(b.conv(hidden, 40, { kernel: 3, pad: 1 }, { bias: true })))), 10));

const settings = resolveSettings({ file: 'net.onnx', batch: 5, schedule: 'baseline', optimizer: 'none', machine: machineWith(64) });
const text = printIrFile(headerOf('mbs', settings, undefined), runPasses(model, settings));

/** The IR file with other text for the groups of these layers, which run alone in theirs. */
function edited(layers: readonly string[], groups: string): string {
  const isEdited = (group: string): boolean => layers.some((layer) => group.includes(`step "${layer}" `));
  const parts = text.split(/(?=^ {2}group )/m);
  const first = parts.findIndex(isEdited);
  return parts.flatMap((part, i) => (i === first ? [groups] : isEdited(part) ? [] : [part])).join('');
}

/** Problems of the schedule; where there are none, it computes what the reference kernels do, and moves what was predicted. */
function outcome(source: string): string[] {
  const ir = parseIrFile(source, 'edited.wir');
  const mine = settingsOfIr(ir, { file: 'edited.wir', machine: settings.machine });
  try {
    const { graph, scheduled = expect.unreachable() } = resumePasses(withModel(ir, model, { ...mine, file: 'net.onnx' }), mine);
    const program = generate(scheduled, { model: 'edited', mode: 'training', machine: settings.machine });
    const inputs = inputsOf(graph);
    const result = runFunctional({ graph, scheduled, program }, inputs);
    expect(verify(program, result).problems).toEqual([]);
    expect(run(program, { mode: 'timing', check: true }).check?.findings).toEqual([]);
    expect(farFrom(evaluate(graph, inputs, { round: 'f16' }), tensorsIn({ graph, scheduled, program }, result), 5e-3)).toEqual([]);
    return [];
  } catch (error) {
    if (error instanceof WavecError) return error.message.split('\n');
    throw error;
  }
}

const WEIGHT = 'conv2.grad.weight';
const DATA = 'conv2.grad.data';

describe('a schedule edited by hand', () => {
  it('runs as it is', () => {
    expect(outcome(text)).toEqual([]);
  });

  it('weight gradient by panels, two chunks a sub-batch, the first iteration one sample short', () => {
    const group = `  group backward sub-batch 2 iterations 3 {
    step "${WEIGHT}" chunk 1 panel m=90 n=16 k=16 {
      in %relu1 stream
      in %relu3.grad.data stream
      out %${WEIGHT} panel store
      out %${WEIGHT}.db whole store
      block in0 at 0 bytes 320 twice      # the 10 channels of a panel of one sample
      block in1 at 640 bytes 512 twice    # 16 channels
      block panel at 1664 bytes 5760 twice
      block out1 at 13184 bytes 160
      block state at 13376 bytes 320
    }
  }
`;
    expect(outcome(edited([WEIGHT], group))).toEqual([]);
  });

  it('weight gradient by panels, its operands loaded whole, the first iteration one sample short', () => {
    const group = `  group backward sub-batch 2 iterations 3 {
    step "${WEIGHT}" chunk 2 panel m=90 n=16 k=16 {
      in %relu1 stream
      in %relu3.grad.data stream
      out %${WEIGHT} panel store
      out %${WEIGHT}.db whole store
      block in0 at 0 bytes 1536
      block in1 at 1536 bytes 2560
      block panel at 4096 bytes 5760 twice
      block out1 at 15616 bytes 160
      block state at 15808 bytes 320
    }
  }
`;
    expect(outcome(edited([WEIGHT], group))).toEqual([]);
  });

  it('both gradients in one group, the gradient that they share kept on chip', () => {
    const group = `  group backward sub-batch 2 iterations 3 {
    resident %relu3.grad.data at 0 bytes 2560 steps 0..1
    step "${WEIGHT}" chunk 1 panel m=90 n=16 k=16 {
      in %relu1 stream
      in %relu3.grad.data load
      out %${WEIGHT} panel store
      out %${WEIGHT}.db whole store
      block in0 at 2560 bytes 320 twice
      block panel at 3200 bytes 5760 twice
      block out1 at 14720 bytes 160
      block state at 14912 bytes 320
    }
    step "${DATA}" chunk 1 panel m=16 n=8 k=360 {
      in %conv2.w panel
      in %relu3.grad.data resident
      out %${DATA} stream store
      block panel at 2560 bytes 5760 twice
      block out0 at 14080 bytes 256 twice
    }
  }
`;
    expect(outcome(edited([WEIGHT, DATA], group))).toEqual([]);
  });

  it('is refused with everything that is wrong, at its lines', () => {
    const group = `  group backward sub-batch 2 iterations 2 {
    resident %relu3.grad.data at 0 bytes 6400 steps 0..1
    step "${WEIGHT}" chunk 3 panel m=100 n=16 k=16 {
      in %relu1 stream
      in %relu3.grad.data load
      out %${WEIGHT} panel store
      out %${WEIGHT}.db whole
      block panel at 65500 bytes 5760 twice
    }
    step "${DATA}" chunk 1 panel m=16 n=24 k=360 {
      in %conv2.w panel
      in %relu1 resident
      out %${DATA} stream store
      block panel at 2560 bytes 17280
      block out0 at 14080 bytes 256
      block spare at 60000 bytes 64
    }
  }
`;
    const source = edited([WEIGHT, DATA], group);
    const start = source.slice(0, source.indexOf(group)).split('\n').length;
    expect(outcome(source).map((line) => line.replace(/:(\d+)/, (_, n) => `:+${Number(n) - start}`))).toMatchInlineSnapshot(`
      [
        "edited.wir:+0: the schedule cannot run: 2 iterations of 2 samples do not cover 5; it takes 3 [BAD_SCHEDULE]",
        "edited.wir:+1, tensor 'relu3.grad.data': the schedule cannot run: has 6400 bytes; 2 samples of it have 2560 [BAD_SCHEDULE]",
        "edited.wir:+2, node 'conv2', layer 'conv2.grad.weight': the schedule cannot run: chunk 3 is not between 1 and the 2 samples of the sub-batch [BAD_SCHEDULE]",
        "edited.wir:+2, node 'conv2', layer 'conv2.grad.weight': the schedule cannot run: panel m=100 is no multiple of the 9 taps of the filter [BAD_SCHEDULE]",
        "edited.wir:+6, node 'conv2', layer 'conv2.grad.weight', tensor 'conv2.grad.weight.db': the schedule cannot run: does not stay on chip and must be stored [BAD_SCHEDULE]",
        "edited.wir:+7, node 'conv2', layer 'conv2.grad.weight': the schedule cannot run: block 'panel' lies at 65500 to 77020, outside of the 65536 bytes of the global buffer [BAD_SCHEDULE]",
        "edited.wir:+11, node 'conv2', layer 'conv2.grad.data', tensor 'relu1': the schedule cannot run: stands where operand 'in' 1 of the layer is 'relu3.grad.data' [BAD_SCHEDULE]",
        "edited.wir:+11, node 'conv2', layer 'conv2.grad.data', tensor 'relu1': the schedule cannot run: has no place on chip at this step [BAD_SCHEDULE]",
        "edited.wir:+13, node 'conv2', layer 'conv2.grad.data': the schedule cannot run: block 'panel' overlaps tensor 'relu3.grad.data' [BAD_SCHEDULE]",
        "edited.wir:+14, node 'conv2', layer 'conv2.grad.data': the schedule cannot run: block 'out0' overlaps block 'panel' [BAD_SCHEDULE]",
        "edited.wir:+15, node 'conv2', layer 'conv2.grad.data': the schedule cannot run: block 'spare' begins at 60000, which is no multiple of 64 [BAD_SCHEDULE]",
        "edited.wir, tensor 'conv2.grad.weight.db': the schedule cannot run: is a result of the step and is never stored [BAD_SCHEDULE]",
      ]
    `);
  });
});
