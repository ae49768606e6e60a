import { quote } from '../../../ir/diagnostics.ts';
import type { LayerView, Network } from '../network.ts';
import { type Group, heldTensors, MOST_EFFORT, type Schedule } from '../schedule.ts';
import { isCount, type Report } from './report.ts';

/** Every layer is scheduled once, in the order of the graph, and the backend will come to its end. */
export function checkOrder(network: Network, schedule: Schedule, views: ReadonlyMap<string, LayerView>, report: Report): void {
  const { effort = 1 } = schedule;
  if (!isCount(effort, 1, MOST_EFFORT)) report({}, `effort ${effort} is not between 1 and ${MOST_EFFORT}`);
  const seen = new Set<string>();
  let last = -1;
  for (const step of schedule.groups.flatMap((group) => group.steps)) {
    const view = views.get(step.layer);
    if (view === undefined) {
      report(step, 'the graph has no such layer that moves data');
      continue;
    }
    if (seen.has(step.layer)) report(step, 'the layer is scheduled twice');
    else if (view.index < last) report(step, `the layer comes before ${quote(network.layers[last]?.layer.name ?? '')} in the graph`);
    seen.add(step.layer);
    last = Math.max(last, view.index);
  }
  for (const { layer } of network.layers) if (!seen.has(layer.name)) report({}, `layer ${quote(layer.name)} is not scheduled`);
}

/** The iterations of a group cover the mini-batch, and its layers may be run on sub-batches. */
export function checkGroup(network: Network, group: Group, views: ReadonlyMap<string, LayerView>, report: Report): void {
  const { batch } = network;
  const { subBatch, iterations } = group;
  if (!isCount(subBatch, 1, batch)) report(group, `sub-batch ${subBatch} is not between 1 and the ${batch} samples of the mini-batch`);
  else if (iterations !== Math.ceil(batch / subBatch))
    report(group, `${iterations} iterations of ${subBatch} samples do not cover ${batch}; it takes ${Math.ceil(batch / subBatch)}`);
  checkStages(network, group, report);
  for (const step of group.steps) {
    const view = views.get(step.layer);
    if (view === undefined) continue;
    const isTurn = group.phase === 'turn' && view.phase !== 'update';
    if (view.phase !== group.phase && !isTurn) report(step, `a ${view.phase} layer cannot be in a ${group.phase} group`);
    const once = view.phase === 'update' ? 'updates parameters' : view.crossesSamples ? 'sees all samples of the mini-batch' : undefined;
    if (once !== undefined && subBatch !== batch)
      report(step, `the layer ${once}: its group must run once, with sub-batch ${batch} and not ${subBatch}`);
  }
}

/** Stages begin one behind the other; iterations that overlap are as long as each other, enough to fill all stages, and hold nothing. */
function checkStages({ batch }: Network, group: Group, report: Report): void {
  const { stages, steps, subBatch, iterations } = group;
  if (stages === undefined) return;
  stages.forEach((first, i) => {
    if (!isCount(first, (stages[i - 1] ?? 0) + 1, steps.length - 1))
      report(group, `a stage cannot begin with step ${first}: it must come behind ${stages[i - 1] ?? 0}, among ${steps.length} steps`);
  });
  if (batch % subBatch > 0) report(group, `iterations of ${subBatch} samples overlap, so they must divide the ${batch} of the mini-batch`);
  if (iterations <= stages.length) report(group, `${stages.length + 1} stages take as many iterations, and there are ${iterations}`);
  if (group.alternating !== undefined) report(group, 'iterations can alternate or overlap by stages, not both');
  if (heldTensors(group).size > 0) report(group, 'a group whose iterations overlap cannot hold operands over them');
}
