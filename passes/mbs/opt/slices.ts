import { allocate } from '../allocate.ts';
import type { LayerView, Network } from '../network.ts';
import { addressed } from '../place.ts';
import { heldIn, intervalsOf, roomOf } from '../placed.ts';
import { type Group, isHeld, type Panel, type Resources, type Step } from '../schedule.ts';
import { blocksOf } from '../tiling.ts';

/** Operands below this are loaded in no time. */
const FEWEST_BYTES = 1024 * 1024;

/**
 * The group with weight gradients that begin with the first half of an operand which they load, the other one being there: it comes in two slices.
 * Undefined where it has none, or no place for them.
 */
export function withSlices({ layers }: Network, group: Group, resources: Resources): Group | undefined {
  const views = new Map(layers.map((view) => [view.layer.name, view]));
  let changes = false;
  const steps = group.steps.map((step) => {
    const view = views.get(step.layer);
    const panel = view && slicedPanel(view, step, group.subBatch, resources);
    if (view === undefined || panel === undefined) return step;
    changes = true;
    return { ...step, panel, blocks: blocksOf(view, step.inputs, step.outputs, group.subBatch, { ...step, panel }) };
  });
  if (!changes) return undefined;
  const kept = { intervals: intervalsOf(group), held: heldIn(group) };
  const capacity = roomOf(group, resources.globalBytes);
  const placed = addressed({ ...group, steps }, kept, (blocks, period) => allocate(blocks, capacity, { period }));
  return 'blocked' in placed ? undefined : placed;
}

function slicedPanel({ matrix, inputs }: LayerView, step: Step, subBatch: number, resources: Resources): Panel | undefined {
  const { panel, stripes } = step;
  if (matrix?.form !== 'weightGradient' || panel === undefined || stripes !== undefined || matrix.groups > 1) return undefined;
  const { m, columns, moving, stationary, geometry } = matrix;
  if (panel.m < m || panel.n < columns || [...step.inputs, ...step.outputs].some(isHeld)) return undefined;
  const isLoaded = (own: number, other: number): boolean =>
    step.inputs[own]?.mode === 'stream' &&
    step.inputs[other]?.mode === 'resident' &&
    (inputs[own]?.bytes ?? 0) * Math.min(step.chunk, subBatch) >= FEWEST_BYTES;
  const taps = geometry.R * geometry.S;
  if (isLoaded(moving, stationary) && m / 2 >= resources.arrayRows && (m / 2) % taps === 0) return { ...panel, m: m / 2, sliced: true };
  if (isLoaded(stationary, moving) && (columns / 2) % resources.arrayColumns === 0) return { ...panel, n: columns / 2, sliced: true };
  return undefined;
}
