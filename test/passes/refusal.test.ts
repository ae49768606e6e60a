import { describe, expect, it } from 'vitest';
import { resourcesOf } from '../../backends/wavecore/generate.ts';
import { type Diagnostic, WavecError } from '../../ir/diagnostics.ts';
import type { Graph } from '../../ir/graph.ts';
import { SCHEDULES, type ScheduleName } from '../../passes/mbs/schedule.ts';
import { validateSchedule } from '../../passes/mbs/validate/index.ts';
import type { NormChoice } from '../../passes/normalize.ts';
import { runPipeline } from '../../passes/pipeline.ts';
import { importModel } from '../../src/onnx/index.ts';
import { groups, KEEP, machineWith, optionsOf } from '../chain/execute.ts';
import { NetworkBuilder } from '../chain/network.ts';

type Mode = 'training' | 'inference';

/** So many that one sample of the loss takes more than anything else. */
const CLASSES = 4000;

/** A convolution and a normalization on images, then a classifier: its softmax and loss take whole samples. */
function network(batch: number, size = 16, classes = 10): Graph {
  const b = new NetworkBuilder([batch, 3, size, size]);
  const features = b.relu(b.norm(b.conv(b.input, 8, { kernel: 3, pad: 1 })));
  return importModel(b.model(b.full(b.flatten(b.globalPool(features)), classes)), { file: 'small', mode: 'training' });
}

function schedule(graph: Graph, name: ScheduleName, bytes: number, norm: NormChoice = groups(4), mode: Mode = 'training') {
  return runPipeline(graph, optionsOf({ mode, schedule: name, norm, machine: machineWith(bytes / 1024), optimizer: 'momentum' }));
}

/** The refusal of a step; undefined where it fits. */
function refused(
  graph: Graph,
  name: ScheduleName,
  bytes: number,
  norm: NormChoice = groups(4),
  mode: Mode = 'training',
): Diagnostic | undefined {
  try {
    schedule(graph, name, bytes, norm, mode);
    return undefined;
  } catch (error) {
    if (error instanceof WavecError && error.diagnostics[0]?.code === 'DOES_NOT_FIT') return error.diagnostics[0];
    throw error;
  }
}

const number = (text: string | undefined, pattern: RegExp): number => Number(pattern.exec(text ?? '')?.[1] ?? expect.unreachable(text));
const smallest = ({ hint }: Diagnostic): number => number(hint, /smallest global buffer .* has (\d+) bytes/);

describe('a step that does not fit', () => {
  it.each(SCHEDULES)('%s: the suggested buffer holds it, and one of 64 bytes less does not', (name) => {
    for (const [graph, norm] of [
      [network(4), groups(4)],
      [network(3, 24, 300), KEEP],
      [network(1, 9), groups(4)],
    ] as const) {
      const why = refused(graph, name, 512, norm) ?? expect.unreachable('it fits');
      const bytes = smallest(why);
      const state = schedule(graph, name, bytes, norm);
      const { network: found, schedule: made } = state.scheduled ?? expect.unreachable();
      expect(validateSchedule(found, made, resourcesOf(machineWith(bytes / 1024)))).toEqual([]);
      expect(refused(graph, name, bytes - 64, norm)).toBeDefined();
    }
  });

  it('says what the layer needs, of which tensors that is made up, and where the layer is from', () => {
    const { message, place } = refused(network(4), 'baseline', 512) ?? expect.unreachable();
    const demand = number(message, /at least (\d+) bytes/);
    expect(message).toContain(`of the global buffer and 512 are there (gap ${demand - 512})`);
    const terms = [...(message.split('): ')[1]?.matchAll(/([\w.]+) (\d+)/g) ?? [])].map(([, , bytes]) => Number(bytes));
    expect(terms.length).toBeGreaterThan(1);
    expect(terms.reduce((a, b) => a + b, 0)).toBe(demand);
    expect(place.layer).toBeDefined();
    expect(place.node).toBeDefined();
  });

  it('promises only what is so', () => {
    const graph = network(4, 16, CLASSES);
    for (const name of ['baseline', 'il', 'mbs2'] as const) {
      for (const bytes of [512, 16384, 30016, 40000]) {
        const why = refused(graph, name, bytes);
        if (why === undefined) continue;
        const other = /--schedule ([\w-]+) fits/.exec(why.hint ?? '')?.[1];
        if (other !== undefined) expect(refused(graph, other as ScheduleName, bytes)).toBeUndefined();
        else for (const any of SCHEDULES) expect(refused(graph, any, bytes)).toBeDefined();
        const alone = /--batch 1 the layer takes (\d+)/.exec(why.hint ?? '')?.[1];
        if (alone !== undefined) expect(refused(network(1, 16, CLASSES), name, bytes)?.place.layer).not.toBe(why.place.layer);
      }
    }
  });

  it('says whether the layer is cut already, and why not', () => {
    const hints = [512, 30016].map((bytes) => refused(network(4, 16, CLASSES), 'baseline', bytes)?.hint);
    expect(hints[0]).toMatch(/^It runs one sample at a time in 16 stripes already/);
    expect(hints[1]).toMatch(/^It runs one sample at a time already.* takes whole samples and cannot be striped/);
  });

  it('is serialized with a sub-batch of one sample where that fits and the whole mini-batch does not', () => {
    const b = new NetworkBuilder([4, 3, 16, 16]);
    const scores = b.full(b.flatten(b.globalPool(b.relu(b.conv(b.input, 8, { kernel: 3, pad: 1 })))), CLASSES);
    const graph = importModel(b.model(b.softmax(scores)), { file: 'small', mode: 'inference' });
    const why = refused(graph, 'baseline', 20032, KEEP, 'inference') ?? expect.unreachable();
    expect(why.hint).toContain('--schedule mbs');
    const serialized = schedule(graph, 'mbs2', 20032, KEEP, 'inference').scheduled?.schedule.groups ?? [];
    expect(serialized.some(({ subBatch }) => subBatch === 1)).toBe(true);
    const bytes = smallest(refused(graph, 'mbs2', 512, KEEP, 'inference') ?? expect.unreachable());
    expect(bytes).toBeLessThan(20032);
    expect(refused(graph, 'mbs2', bytes, KEEP, 'inference')).toBeUndefined();
    expect(refused(graph, 'mbs2', bytes - 64, KEEP, 'inference')).toBeDefined();
  });
});
