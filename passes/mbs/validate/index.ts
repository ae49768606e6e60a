import { type Diagnostic, diag } from '../../../ir/diagnostics.ts';
import type { Network } from '../network.ts';
import type { Resources, Schedule } from '../schedule.ts';
import { checkAccesses } from './accesses.ts';
import { checkBlocks, checkPlaces, checkResidents, operandsOf } from './buffer.ts';
import { Flow } from './flow.ts';
import { checkGroup, checkOrder } from './order.ts';
import type { Report, StepCheck } from './report.ts';
import { checkTiling } from './tiling.ts';

/**
 * Everything that keeps a schedule from running on a machine, as the backend would lower it; empty for a sound one. Independent of how
 * schedules are made: it follows the tensors through the steps.
 * @param lineOf where the text of the schedule has a group, step, access, block or resident.
 */
export function validateSchedule(
  network: Network,
  schedule: Schedule,
  resources: Resources,
  lineOf: (part: object) => number | undefined = () => undefined,
): Diagnostic[] {
  const problems: Diagnostic[] = [];
  const views = new Map(network.layers.map((view) => [view.layer.name, view]));
  const layers = layersOfParts(schedule);
  const report: Report = (part, reason, tensor) => {
    const line = lineOf(part);
    const layer = layers.get(part);
    const origin = views.get(layer ?? '')?.layer.origin;
    const place = {
      ...(line === undefined ? {} : { line }),
      ...(origin === undefined || origin === layer ? {} : { node: origin }),
      ...(layer === undefined ? {} : { layer }),
      ...(tensor === undefined ? {} : { tensor }),
    };
    problems.push(diag.badSchedule(place, reason));
  };
  checkOrder(network, schedule, views, report);
  const operands = operandsOf(network);
  const flow = new Flow(network);
  for (const group of schedule.groups) {
    checkGroup(network, group, views, report);
    checkResidents(group, operands, report);
    checkPlaces(network, group, resources, report);
    flow.beginGroup(group, report);
    group.steps.forEach((step, index) => {
      const view = views.get(step.layer);
      if (view === undefined) return;
      const check: StepCheck = { network, resources, group, step, index, view };
      const [reachable, computable] = [checkAccesses(check, report), checkTiling(check, report)];
      if (reachable && computable) checkBlocks(check, report);
      flow.step(check, report);
    });
  }
  flow.end(report);
  const lineOrLast = ({ place }: Diagnostic): number => place.line ?? Number.MAX_SAFE_INTEGER;
  return problems.sort((a, b) => lineOrLast(a) - lineOrLast(b));
}

/** The layer that a step, access or block belongs to. */
function layersOfParts({ groups }: Schedule): ReadonlyMap<object, string> {
  const steps = groups.flatMap((group) => group.steps);
  return new Map(steps.flatMap((step) => [step, ...step.inputs, ...step.outputs, ...step.blocks].map((part) => [part, step.layer])));
}
