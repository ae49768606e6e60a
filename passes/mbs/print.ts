import { quoted, tensorName } from '../../ir/lexer.ts';
import type { Access, Block, Group, Resident, Schedule, Step } from './schedule.ts';

/** The schedule as text that `parseSchedule` reads back; what can be derived stands behind it as a comment. */
export function printSchedule(schedule: Schedule): string {
  const weights = schedule.doubleBufferWeights ? 'double-buffered' : 'single-buffered';
  const effort = schedule.effort === undefined ? '' : ` effort ${schedule.effort}`;
  return [`schedule ${schedule.name} weights ${weights}${effort} {`, ...schedule.groups.flatMap(groupLines), '}', ''].join('\n');
}

function groupLines(group: Group, index: number): string[] {
  const stages = group.stages === undefined ? '' : ` stages ${group.stages.join(' ')}`;
  const alternating = group.alternating === undefined ? '' : ` alternating ${group.alternating}`;
  return [
    `  group ${group.phase} sub-batch ${group.subBatch} iterations ${group.iterations}${alternating}${stages} { # group ${index}`,
    ...group.residents.map(residentText),
    ...group.steps.flatMap(stepLines),
    '  }',
  ];
}

function residentText({ tensor, address, bytes, from, to }: Resident): string {
  return `    resident ${tensorName(tensor)} at ${address} bytes ${bytes} steps ${from}..${to}`;
}

function stepLines(step: Step, index: number): string[] {
  const { panel, stripes } = step;
  const head = [`step ${quoted(step.layer)}`, `chunk ${step.chunk}`];
  if (panel !== undefined) {
    const piece = panel.piece === undefined ? '' : ` piece=${panel.piece}`;
    const sliced = `${panel.sliced === true ? ' sliced' : ''}${panel.kept === true ? ' kept' : ''}`;
    head.push(`panel m=${panel.m} n=${panel.n} k=${panel.k}${piece}${sliced}`);
  }
  if (stripes !== undefined) head.push(`stripes ${stripes.map(([from, to]) => `${from}..${to}`).join(' ')}`);
  return [
    `    ${head.join(' ')} { # step ${index}, footprint ${step.footprint} bytes`,
    ...step.inputs.map((access) => `      in ${accessText(access)}`),
    ...step.outputs.map((access) => `      out ${accessText(access)}`),
    ...step.blocks.map(blockText),
    '    }',
  ];
}

function accessText({ tensor, mode, store }: Access): string {
  return `${tensorName(tensor)} ${mode}${store ? ' store' : ''}`;
}

function blockText({ name, address, bytes, halves }: Block): string {
  return `      block ${name} at ${address} bytes ${bytes}${halves === 2 ? ' twice' : ''}`;
}
