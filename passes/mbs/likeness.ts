import type { LayerView, Operand } from './network.ts';

/** Numbers layers such that those with one number cost the same under the same accesses: networks repeat their modules. */
export class Likeness {
  private readonly numbers = new Map<string, number>();
  private readonly known = new Map<LayerView, number>();

  of(view: LayerView): number {
    const before = this.known.get(view);
    if (before !== undefined) return before;
    const text = textOf(view);
    const number = this.numbers.get(text) ?? this.numbers.size;
    this.numbers.set(text, number);
    this.known.set(view, number);
    return number;
  }
}

/** All of a layer but names; which operands are one tensor counts. */
function textOf({ layer, phase, inputs, outputs }: LayerView): string {
  const names = [...new Set([...inputs, ...outputs].map(({ tensor }) => tensor))];
  const operand = ({ tensor, kind, type, batched, whole }: Operand): string =>
    `${names.indexOf(tensor)} ${kind} ${type.dtype} ${type.shape.join('x')} ${batched} ${whole}`;
  return JSON.stringify([layer.kind, phase === 'update', layer.attrs, inputs.map(operand), outputs.map(operand)]);
}
