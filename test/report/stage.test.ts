import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { resolveSettings, runPasses } from '../../src/api.ts';
import { type LayerCost, layerCosts } from '../../src/report/layer-table.ts';
import { type Stage, stageText } from '../../src/report/stage.ts';
import { drawSvg } from '../../src/report/svg.ts';
import { machineWith } from '../chain/execute.ts';
import { residualNetwork } from '../chain/network.ts';

function stageAfter(after: string): Stage {
  const settings = resolveSettings({ file: 'net.onnx', batch: 4, machine: machineWith(64) });
  return { after, state: runPasses(residualNetwork(4), settings, { stopAfter: after }), settings, model: 'net.onnx' };
}

describe('a stage', () => {
  it('is an IR file with the merges of the grouping behind', () => {
    const text = stageText(stageAfter('mbs'), 'text');
    expect(text).toMatch(
      /^wavec-ir 1 after mbs mode training norm "gn:16" optimizer momentum model "net.onnx"\n\ngraph "net" batch 4 \{\n/,
    );
    expect(text).toContain('\nschedule mbs2 weights double-buffered {\n');
    expect(text).toMatch(/# forward round 1: ".* and ".* to sub-batch \d+, saves \d+, costs \d+: taken\n/);
  });

  it('is JSON with what is known of it', () => {
    const keys = (after: string): string[] => Object.keys(JSON.parse(stageText(stageAfter(after), 'json')));
    expect(keys('mbs')).toEqual(['header', 'graph', 'schedule', 'merges', 'layers']);
    expect(keys('training')).toEqual(['header', 'graph', 'layers']);
  });

  it('is a drawing with a box for every group, and edges that tell what stays on chip', async () => {
    const stage = stageAfter('mbs');
    const dot = stageText(stage, 'dot');
    const groups = stage.state.scheduled?.schedule.groups ?? [];
    const resident = groups.flatMap((g) => g.steps.flatMap((s) => s.inputs.filter((a) => a.mode === 'resident')));
    expect(dot.match(/subgraph cluster_/g)).toHaveLength(groups.length);
    expect(dot.match(/on chip", style=bold/g)).toHaveLength(resident.length);
    const svg = await drawSvg(dot);
    expect(svg).toMatch(/^<\?xml[\s\S]*<svg [\s\S]*<\/svg>\s*$/);
    expect(svg.match(/class="cluster"/g)).toHaveLength(groups.length);
    expect(svg.match(/class="edge"/g)).toHaveLength(dot.match(/ -> /g)?.length ?? 0);
    expect(svg).toContain('group 0, forward');
  });

  it('is a table whose totals are the sums of its columns', () => {
    const { state, settings } = stageAfter('mbs');
    const costs = layerCosts(state, settings.resources);
    const table = stageText({ after: 'mbs', state, settings, model: undefined }, 'table');
    const total = table.split('\n').find((line) => line.startsWith('total')) ?? '';
    const macs = costs
      .reduce((sum, c) => sum + c.macs, 0)
      .toLocaleString('en')
      .replaceAll(',', ' ');
    expect(total).toContain(macs);
    const largest = Math.max(...costs.map((c) => c.scheduled?.footprint ?? 0));
    expect(total).toContain(`${((100 * largest) / 65536).toFixed(1)} %`);
  });
});

describe('the cost of layers', () => {
  const costsOf = (model: string, batch = 1): LayerCost[] => {
    const file = fileURLToPath(new URL(`../../examples/models/${model}.train.onnx`, import.meta.url));
    const settings = resolveSettings({ file, batch });
    return layerCosts(runPasses(readFileSync(file), settings, { stopAfter: 'import' }), settings.resources);
  };

  // Parameters and 10^9 multiply-accumulates of an image as torchvision documents them for these models.
  it.each([
    ['alexnet', 61_100_840, 0.71],
    ['vgg16', 138_357_544, 15.47],
    ['resnet50', 25_557_032, 4.09],
    ['resnet152', 60_192_808, 11.51],
    ['densenet121', 7_978_856, 2.83],
  ])('%s: parameters and work that are published', (model, parameters, giga) => {
    const costs = costsOf(model);
    // Mean and variance of batch normalization are weights of the ONNX model, not parameters.
    const statistics = costs.reduce((sum, c) => (c.kind === 'batch_norm' ? sum + c.parameters / 2 : sum), 0);
    expect(costs.reduce((sum, c) => sum + c.parameters, 0) - statistics).toBe(parameters);
    expect((costs.reduce((sum, c) => sum + c.macs, 0) / 1e9).toFixed(2)).toBe(giga.toFixed(2));
  });

  it('work grows with the mini-batch, parameters do not', () => {
    const [one, three] = [costsOf('alexnet'), costsOf('alexnet', 3)];
    expect(three.map((c) => c.macs)).toEqual(one.map((c) => 3 * c.macs));
    expect(three.map((c) => c.parameters)).toEqual(one.map((c) => c.parameters));
  });
});
