import type { LayerView, Network } from '../network.ts';
import { ALIGNMENT, type Group, type Resources, type Step } from '../schedule.ts';

/** Weights below this are loaded in no time. */
const FEWEST_BYTES = 256 * 1024;
/** Panels of a product, at most: each is a product of its own to the matrix unit. */
const MOST_PANELS = 8;

/**
 * The group with weights that lie on chip as a whole loaded panel by panel, so that their products can begin with the first; undefined where it has none.
 * Nothing else changes: neither places nor, with panels of whole bursts, traffic.
 */
export function withPanelsKept({ layers }: Network, group: Group, resources: Resources): Group | undefined {
  const views = new Map(layers.map((view) => [view.layer.name, view]));
  let changes = false;
  const steps = group.steps.map((step) => {
    const view = views.get(step.layer);
    const n = view && keptColumns(view, step, resources);
    if (n === undefined || step.panel === undefined) return step;
    changes = true;
    return { ...step, panel: { ...step.panel, n, kept: true as const } };
  });
  return changes ? { ...group, steps } : undefined;
}

function keptColumns({ matrix }: LayerView, step: Step, { arrayColumns, burstBytes }: Resources): number | undefined {
  const { panel, stripes } = step;
  if (matrix === undefined || panel === undefined || stripes !== undefined || matrix.groups > 1) return undefined;
  const { form, columns, k, moving, stationary } = matrix;
  const isWhole = form !== 'weightGradient' && panel.n >= columns && panel.k >= k;
  const isOnChip = step.inputs[moving]?.mode === 'resident' && step.outputs[0]?.mode === 'resident';
  if (!isWhole || !isOnChip || step.inputs[stationary]?.mode !== 'panel' || k * columns * 2 < FEWEST_BYTES) return undefined;
  const n = Math.ceil(columns / MOST_PANELS / arrayColumns) * arrayColumns;
  return n < columns && columns % n === 0 && (n * 2) % Math.max(burstBytes, ALIGNMENT) === 0 ? n : undefined;
}
