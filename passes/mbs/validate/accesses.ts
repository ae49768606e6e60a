import { isUpdated, type LayerView, type Operand } from '../network.ts';
import type { Access } from '../schedule.ts';
import type { Report, StepCheck } from './report.ts';

/** Every operand is named once, in order, and reached in a way that its layer can reach it; false where other checks would only repeat it. */
export function checkAccesses({ view, step }: StepCheck, report: Report): boolean {
  const directions = [
    ['in', step.inputs, view.inputs],
    ['out', step.outputs, view.outputs],
  ] as const;
  let sound = true;
  for (const [direction, accesses, operands] of directions) {
    if (accesses.length !== operands.length) {
      report(step, `the layer has ${operands.length} operands '${direction}', the step has ${accesses.length}`);
      sound = false;
      continue;
    }
    accesses.forEach((access, i) => {
      const operand = operands[i];
      const reason = operand === undefined ? undefined : accessProblem(view, direction, i, access, operand);
      if (reason === undefined) return;
      report(access, reason, access.tensor);
      sound = false;
    });
  }
  return sound;
}

function accessProblem(view: LayerView, direction: 'in' | 'out', i: number, access: Access, operand: Operand): string | undefined {
  if (access.tensor !== operand.tensor) return `stands where operand '${direction}' ${i} of the layer is '${operand.tensor}'`;
  const modes = modesOf(view, direction, i, operand);
  if (!modes.includes(access.mode)) return `is reached as '${access.mode}'; the layer can reach it as ${modes.join(', ')}`;
  if (direction === 'in') return access.store ? 'is an input and cannot be stored' : undefined;
  const stays = access.mode === 'resident' || (i === 0 && view.update !== undefined);
  return stays || access.store ? undefined : `does not stay on chip and must be stored`;
}

function modesOf(view: LayerView, direction: 'in' | 'out', i: number, operand: Operand): readonly Access['mode'][] {
  if (view.phase === 'update') return operand.whole ? ['whole'] : ['stream'];
  if (operand.batched) return direction === 'in' ? ['resident', 'load', 'stream'] : ['resident', 'stream'];
  if (isUpdated(view, direction, i)) return ['stream'];
  const byPanels = view.matrix !== undefined && i === (direction === 'in' ? view.matrix.stationary : 0);
  if (!byPanels) return ['whole'];
  return direction === 'in' ? ['panel', 'hold', 'held'] : ['panel', 'hold'];
}
