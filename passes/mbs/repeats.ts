import type { Likeness } from './likeness.ts';
import type { LayerView, Network, Operand } from './network.ts';
import type { Uses } from './residency.ts';

/**
 * Numbers runs of layers of one phase: those with one number cost the same and keep tensors in the same places, whatever these are called. Their layers
 * are alike, share tensors in the same places and have the same of them read behind.
 */
export class Repeats {
  /** For every power of two and every layer: which runs of so many layers from there on are equal. */
  private readonly levels: number[][];
  private readonly base: number;

  constructor(network: Network, uses: Uses, likeness: Likeness) {
    const numbers = new Map<string, number>();
    const first = textsOf(network, uses, likeness).map((text) => numbered(numbers, text));
    this.levels = [first];
    this.base = first.length + 1;
  }

  /** The number of the run of layers [from, to). */
  of(from: number, to: number): number {
    const length = to - from;
    const exponent = 31 - Math.clz32(Math.max(1, length));
    const level = this.level(exponent);
    // Two runs of a power of two cover any run; they overlap.
    return (length * this.base + (level[from] ?? 0)) * this.base + (level[to - 2 ** exponent] ?? 0);
  }

  private level(exponent: number): readonly number[] {
    for (let made = this.levels.length; made <= exponent; made++) {
      const half = this.levels[made - 1] ?? [];
      const numbers = new Map<number, number>();
      const starts = Math.max(0, half.length - 2 ** (made - 1));
      this.levels.push(
        Array.from({ length: starts }, (_, i) => numbered(numbers, (half[i] ?? 0) * this.base + (half[i + 2 ** (made - 1)] ?? 0))),
      );
    }
    return this.levels[exponent] ?? [];
  }
}

function numbered<K>(numbers: Map<K, number>, key: K): number {
  const known = numbers.get(key) ?? numbers.size;
  numbers.set(key, known);
  return known;
}

/** All of every layer but names: where in the phase a tensor was used last stands for which one it is. */
function textsOf({ layers }: Network, { readers, kept }: Uses, likeness: Likeness): string[] {
  const last = new Map<string, { readonly view: LayerView; readonly operand: number }>();
  return layers.map((view, i) => {
    const place = ({ tensor, batched }: Operand): string => {
      if (!batched) return '';
      const before = last.get(tensor);
      const from = before?.view.phase === view.phase ? `${i - before.view.index}.${before.operand}` : '';
      const isReadBehind = (readers.get(tensor)?.at(-1) ?? 0) > i;
      return `${from}${isReadBehind ? 'r' : ''}${kept.has(tensor) ? 'k' : ''}`;
    };
    const operands = [...view.inputs, ...view.outputs];
    const places = operands.map(place);
    operands.forEach(({ tensor }, operand) => last.set(tensor, { view, operand }));
    return `${likeness.of(view)} ${view.unit - (layers[i - 1]?.unit ?? view.unit)} ${places.join()}`;
  });
}
