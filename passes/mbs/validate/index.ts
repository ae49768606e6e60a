import { type Diagnostic, diag } from '../../../ir/diagnostics.ts';
import type { Network } from '../network.ts';
import type { Resources, Schedule } from '../schedule.ts';
import { checkAccesses } from './accesses.ts';
import { batchedBytes, checkBlocks, checkPlaces, checkResidents } from './buffer.ts';
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
  const reportAt = (layer: string | undefined, part: object, reason: string, tensor?: string): void => {
    const line = lineOf(part);
    const origin = views.get(layer ?? '')?.layer.origin;
    const place = {
      ...(line === undefined ? {} : { line }),
      ...(origin === undefined || origin === layer ? {} : { node: origin }),
      ...(layer === undefined ? {} : { layer }),
      ...(tensor === undefined ? {} : { tensor }),
    };
    problems.push(diag.badSchedule(place, reason));
  };
  /** Of a step, or of what belongs to no layer alone. */
  const report: Report = (part, reason, tensor) =>
    reportAt('layer' in part && typeof part.layer === 'string' ? part.layer : undefined, part, reason, tensor);
  checkOrder(network, schedule, views, report);
  const bytes = batchedBytes(network);
  const flow = new Flow(network);
  for (const group of schedule.groups) {
    checkGroup(network, group, views, report);
    checkResidents(group, bytes, report);
    checkPlaces(network, group, resources, report);
    flow.beginGroup();
    group.steps.forEach((step, index) => {
      const view = views.get(step.layer);
      if (view === undefined) return;
      const check: StepCheck = { network, resources, group, step, index, view };
      const inStep: Report = (part, reason, tensor) => reportAt(step.layer, part, reason, tensor);
      if (checkAccesses(check, inStep) && checkTiling(check, inStep)) checkBlocks(check, inStep);
      flow.step(check, inStep);
    });
  }
  flow.end(report);
  return problems;
}
