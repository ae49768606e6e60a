import { quoted } from '../../ir/lexer.ts';
import type { Choice } from '../../passes/mbs/opt/choice.ts';

const HEAD = `# What opt decided, in the order of execution: layers, sub-batch, whether they go on with the group before them, DRAM bytes of the mini-batch,
# bytes of weights and gradients that the group holds over its iterations;
# of backward layers what is computed again, and what each way would cost as a group of its own (bytes, cycles or joules, as the objective).`;

/** The choices as comments of an IR file, a line each. */
export function choiceText(choices: readonly Choice[]): string {
  return [HEAD, ...choices.map(lineOf), ''].join('\n');
}

function lineOf({ first, last, subBatch, goesOn, traffic, held, recompute, alternatives = {} }: Choice): string {
  const layers = first === last ? quoted(first) : `${quoted(first)}..${quoted(last)}`;
  const costs = Object.entries(alternatives).map(([mode, cost]) => `${mode} ${Number(cost.toPrecision(6))}`);
  const again = recompute === undefined ? '' : `, recompute ${recompute} of ${costs.join(', ')}`;
  const holds = held === 0 ? '' : `, holds ${held}`;
  return `# ${goesOn ? 'and' : 'group'} ${layers}: sub-batch ${subBatch}, ${traffic} bytes${holds}${again}`;
}
