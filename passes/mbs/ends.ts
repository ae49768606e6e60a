import { isUpdated, type LayerView, type Network } from './network.ts';
import { ALIGNMENT, align, type Block, type Group } from './schedule.ts';

/**
 * A group of layers that share nothing in the buffer, their blocks by turns at its two ends, those of the first loads outermost: so that each layer can
 * be loaded while the one before it runs, wherever both have room. Undefined where layers share something.
 */
export function atEnds({ layers }: Network, group: Group, capacity: number): Group | undefined {
  const { steps, residents } = group;
  if (residents.length > 0 || steps.length < 2) return undefined;
  const views = new Map(layers.map((view) => [view.layer.name, view]));
  const end = Math.floor(capacity / ALIGNMENT) * ALIGNMENT;
  const placed = steps.map((step, i) => {
    const addresses = stacked(step.blocks, views.get(step.layer));
    const blocks = step.blocks.map((block): Block => {
      const address = addresses.get(block.name) ?? 0;
      return { ...block, address: i % 2 === 0 ? address : end - address - bytesOf(block) };
    });
    return { ...step, blocks };
  });
  return { ...group, steps: placed };
}

function stacked(blocks: readonly Block[], view: LayerView | undefined): ReadonlyMap<string, number> {
  const isFirst = ({ name }: Block): boolean =>
    view?.inputs.some((_, input) => name === `in${input}` && !isUpdated(view, 'in', input)) === true;
  const addresses = new Map<string, number>();
  let at = 0;
  for (const block of [...blocks.filter(isFirst), ...blocks.filter((b) => !isFirst(b))]) {
    addresses.set(block.name, at);
    at += bytesOf(block);
  }
  return addresses;
}

function bytesOf({ bytes, halves }: Block): number {
  return align(bytes * halves);
}
