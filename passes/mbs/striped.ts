import { isImage, type LayerView, type Operand } from './network.ts';
import type { Access, Panel } from './schedule.ts';
import { type Fit, finestStripes, panelsOf, stripesOf } from './tiling.ts';
import { stripeRows, type Tiling } from './transfers.ts';
import { type LayerRun, Tried } from './tried.ts';

/** Stripes up to which all numbers are compared, where a layer needs fewer. */
const MORE_STRIPES = 12;

/** The ways to run a layer of which no sample fits: cut into stripes. Only for layers whose operands all stream. */
export class Striped {
  private readonly run: LayerRun;
  /** Panel shapes, whether they leave columns of the array empty, and what is known by number of stripes; none where the layer cannot be cut. */
  private readonly shapes: readonly { readonly panel: Panel | undefined; readonly narrow: boolean; readonly cuts: Tried[] }[];
  private readonly most: number;

  constructor(run: LayerRun) {
    this.run = run;
    this.most = finestStripes(run.view);
    this.shapes = this.isCut() ? this.findShapes() : [];
  }

  /** For every panel shape as few stripes as `free` bytes allow, the least traffic of them; `narrow` panels only where they are asked for. */
  best(free: number, narrow: boolean): Fit | undefined {
    if (free <= 0 || this.shapes.length === 0) return undefined;
    const fewest = fewestStripes(this.run, free);
    let best: Fit | undefined;
    let [shape, first] = [0, this.most];
    this.shapes.forEach((each, at) => {
      if ((each.narrow && !narrow) || this.cut(at, this.most).bytes > free) return;
      const count = firstOf(fewest, this.most, (stripes) => this.cut(at, stripes).bytes <= free);
      const { fit } = this.cut(at, count);
      if (best === undefined || fit.traffic < best.traffic) [best, shape, first] = [fit, at, count];
    });
    // Rows of more stripes may fill their bursts better.
    for (let count = first + 1; count <= Math.min(this.most, Math.max(MORE_STRIPES, 2 * first)); count++) {
      const { fit } = this.cut(shape, count);
      if (best !== undefined && fit.traffic < best.traffic) best = fit;
    }
    return best;
  }

  private isCut(): boolean {
    const { view, inputs, outputs } = this.run;
    if (view.record.stripes === undefined || view.phase === 'update' || this.most < 2) return false;
    return ![...inputs, ...outputs].some(({ mode }) => mode === 'resident' || mode === 'load');
  }

  private findShapes(): { panel: Panel | undefined; narrow: boolean; cuts: Tried[] }[] {
    const { view, inputs, outputs, samples, resources } = this.run;
    if (view.matrix === undefined) return [{ panel: undefined, narrow: false, cuts: [] }];
    return [...panelsOf(view, [...inputs, ...outputs], false, samples, resources)].map(({ panel, narrow }) => ({
      panel,
      narrow,
      cuts: [],
    }));
  }

  private cut(shape: number, count: number): Tried {
    const { panel, cuts = [] } = this.shapes[shape] ?? {};
    const known = cuts[count];
    if (known !== undefined) return known;
    const stripes = stripesOf(this.run.view, count);
    const cut = new Tried(this.run, panel === undefined ? { chunk: 1, stripes } : { chunk: 1, stripes, panel });
    cuts[count] = cut;
    return cut;
  }
}

/** The first number of [from, to] for which something holds that holds for all behind it, and for the last one. */
function firstOf(from: number, to: number, holds: (at: number) => boolean): number {
  let [low, high] = [Math.min(from, to), to];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (holds(middle)) high = middle;
    else low = middle + 1;
  }
  return low;
}

/** Whether stripes need every row of every image that the layer reads. */
export function readsAll(view: LayerView, stripes: Tiling['stripes'] = []): boolean {
  if (view.record.stripes === 'flat') return true;
  return view.inputs.every((o, i) => {
    if (!isImage(o)) return true;
    let read = 0;
    for (const stripe of stripes) {
      const [from, to] = stripeRows(view, i, stripe);
      if (from > read) return false;
      read = Math.max(read, to);
    }
    return read >= (o.type.shape[2] ?? 1);
  });
}

/** A number of stripes below which the streamed operands alone do not fit; weight gradients may hold some channels only. */
function fewestStripes({ view, inputs, outputs }: LayerRun, free: number): number {
  if (view.matrix?.form === 'weightGradient') return 2;
  const streamed = (access: Access, o: Operand | undefined): number =>
    o !== undefined && access.mode === 'stream' && (view.record.stripes === 'flat' || isImage(o)) ? 2 * o.bytes : 0;
  const moving = inputs.reduce((sum, a, i) => sum + streamed(a, view.inputs[i]), 0);
  const made = view.matrix === undefined ? outputs.reduce((sum, a, i) => sum + streamed(a, view.outputs[i]), 0) : 0;
  return Math.max(2, Math.floor((moving + made) / free));
}
