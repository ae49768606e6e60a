import { quote } from '../../ir/diagnostics.ts';
import type { Access, Block, Group, Schedule, Step } from '../../passes/mbs/schedule.ts';

/** The schedule as text: groups, then their layers with how each operand is reached, addresses and footprints in bytes. */
export function scheduleText(schedule: Schedule): string {
  const weights = schedule.doubleBufferWeights ? 'double-buffered' : 'single-buffered';
  return [`schedule ${schedule.name} weights ${weights}`, ...schedule.groups.flatMap(groupLines), ''].join('\n');
}

function groupLines(group: Group, index: number): string[] {
  const head = `group ${index} ${group.phase} sub-batch ${group.subBatch} iterations ${group.iterations}`;
  const residents = group.residents.map((r) => `  resident ${quote(r.tensor)} at ${r.address} bytes ${r.bytes} steps ${r.from}..${r.to}`);
  return [head, ...residents, ...group.steps.flatMap(stepLines)];
}

function stepLines(step: Step): string[] {
  const { panel, stripes } = step;
  const head = [`  step ${quote(step.layer)}`, `chunk ${step.chunk}`];
  if (panel !== undefined) head.push(`panel ${panel.m}x${panel.n}x${panel.k}`);
  if (stripes !== undefined) head.push(`stripes ${stripes.map(([from, to]) => `${from}..${to}`).join(' ')}`);
  head.push(`footprint ${step.footprint}`);
  return [
    head.join(' '),
    ...step.inputs.map((access) => `    in  ${accessText(access)}`),
    ...step.outputs.map((access) => `    out ${accessText(access)}`),
    ...step.blocks.map((block) => `    block ${blockText(block)}`),
  ];
}

function accessText(access: Access): string {
  return `${quote(access.tensor)} ${access.mode}${access.store ? ' store' : ''}`;
}

function blockText(block: Block): string {
  return `${quote(block.name)} at ${block.address} bytes ${block.halves === 2 ? '2x' : ''}${block.bytes}`;
}
