import { type Diagnostic, diag } from '../../ir/diagnostics.ts';
import { contentsOf, type LayerView } from './network.ts';
import { type Access, ALIGNMENT, align, type Block, type Resources, SCHEDULES, type ScheduleName } from './schedule.ts';
import { type Fit, smallestFit } from './tiling.ts';

/** A layer that the global buffer cannot hold on its own, however it is cut. */
export interface Misfit {
  readonly view: LayerView;
  readonly inputs: readonly Access[];
  readonly outputs: readonly Access[];
  /** Samples of the mini-batch. */
  readonly batch: number;
}

/** What planning the step again would give, so that a message promises only what is true. */
export interface Trials {
  readonly schedule: ScheduleName;
  readonly resources: Resources;
  /** The bytes that a layer would lack a place for under another schedule or buffer; undefined where the step fits. */
  demand(schedule: ScheduleName, globalBytes: number): number | undefined;
}

/** The largest buffer that a machine file may describe. */
const MOST_BYTES = 2 ** 30;

/** Bytes that the layer needs at least. */
export function demandOf(misfit: Misfit, resources: Resources): number {
  return leastOf(misfit, resources)?.bytes ?? 0;
}

function leastOf({ view, inputs, outputs, batch }: Misfit, resources: Resources): Fit | undefined {
  return smallestFit(view, inputs, outputs, batch, resources);
}

/** The message for a step that is refused: what the layer needs, of what that is made up, and what would make it fit. */
export function refusal(misfit: Misfit, trials: Trials): Diagnostic {
  const { view } = misfit;
  const { resources } = trials;
  const least = leastOf(misfit, resources);
  const terms = (least?.blocks ?? []).map((block) => termOf(view, block)).join(', ');
  const levers = [cuttingLever(view, least), batchLever(misfit, resources), scheduleLever(trials), bufferLever(trials, least?.bytes ?? 0)];
  const place = { layer: view.layer.name, node: view.layer.origin };
  return diag.doesNotFit(place, least?.bytes ?? 0, resources.globalBytes, terms, levers.filter((lever) => lever !== '').join(' '));
}

/** A block with the bytes that it takes in the buffer. */
function termOf(view: LayerView, { name, bytes, halves }: Block): string {
  const contents = name === 'state' ? 'partial sums' : contentsOf(view, name);
  return `${contents} ${align(bytes * halves)}${halves === 2 ? ' (two halves)' : ''}`;
}

/** How finely the layer is cut already. */
function cuttingLever({ layer, phase, record }: LayerView, least: Fit | undefined): string {
  if (phase === 'update')
    return `It runs over parameters, ${least?.chunk ?? 1} at a time at least; neither sub-batch nor stripes matter to it.`;
  if (least?.stripes !== undefined)
    return `It runs one sample at a time in ${least.stripes.length} stripes already, which are as fine as they may be.`;
  const cut =
    record.stripes === undefined ? `${layer.kind} takes whole samples and cannot be striped` : 'stripes of a sample would take no less';
  return `It runs one sample at a time already, so that no smaller sub-batch helps; ${cut}.`;
}

/** A mini-batch of one sample needs no second half to load the next sample into. */
function batchLever(misfit: Misfit, resources: Resources): string {
  const alone = misfit.batch === 1 ? undefined : leastOf({ ...misfit, batch: 1 }, resources)?.bytes;
  return alone === undefined || alone > resources.globalBytes ? '' : `With --batch 1 the layer takes ${alone} bytes.`;
}

/** The first other schedule that the machine can run. `opt` falls back on another. */
function scheduleLever({ schedule, resources, demand }: Trials): string {
  const other = SCHEDULES.find((name) => name !== schedule && demand(name, resources.globalBytes) === undefined);
  return other === undefined ? 'No other schedule fits either.' : `--schedule ${other} fits this buffer.`;
}

function bufferLever(trials: Trials, least: number): string {
  const bytes = smallestBuffer(trials, least);
  return bytes === undefined
    ? ''
    : `The smallest global buffer that holds the step with schedule ${trials.schedule} has ${bytes} bytes (buffers.globalBytes of the machine).`;
}

/** The smallest buffer that holds the step, by planning it again; undefined where no machine can have it. */
function smallestBuffer({ schedule, resources, demand }: Trials, least: number): number | undefined {
  // What lacks a place next says how much more there must be.
  let enough = align(least);
  for (let more = demand(schedule, enough); more !== undefined; more = demand(schedule, enough)) {
    enough = Math.max(align(more), enough + ALIGNMENT);
    if (enough > MOST_BYTES) return undefined;
  }
  // Where a layer can be serialized as well, its demand on the whole mini-batch is not the least.
  let tooSmall = Math.floor(resources.globalBytes / ALIGNMENT) * ALIGNMENT;
  if (demand(schedule, enough - ALIGNMENT) !== undefined) return enough;
  while (enough - tooSmall > ALIGNMENT) {
    const middle = align((tooSmall + enough) / 2);
    if (demand(schedule, middle) === undefined) enough = middle;
    else tooSmall = middle;
  }
  return enough;
}
