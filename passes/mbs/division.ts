import { unused } from '../../ir/build.ts';
import { diag, fail } from '../../ir/diagnostics.ts';
import type { TensorKind } from '../../ir/tensor.ts';
import type { LayerView, Network, Operand } from './network.ts';
import { align, type GroupPhase, type Resources } from './schedule.ts';

/** One shared gradient of which every core has partial sums over its own samples in DRAM: one core adds them up, in chunks. */
export interface Reduction {
  /** The layer, as reports call it. */
  readonly layer: string;
  /** The storage of the gradient, and what the graph says of the layer that makes it. */
  readonly tensor: string;
  readonly kind: TensorKind;
  readonly origin: string;
  readonly bytes: number;
  /** The core that adds. */
  readonly core: number;
  /** Bytes of a chunk; each core's has two places in the global buffer, one behind the other, those of the next core behind. */
  readonly chunk: number;
}

/** How cores divide what is not divided by samples. */
export interface Division {
  readonly reductions: readonly Reduction[];
  /** The core that runs a layer over parameters. */
  ownerOf(view: LayerView): number;
}

/** Whether every core runs the layers of a phase, on its own samples; the others run over parameters, each on one core. */
export function isDivided(phase: GroupPhase): boolean {
  return phase !== 'update';
}

/** Long beside the latency of the DRAM, short beside most gradients, so that loads, sums and stores overlap. */
const CHUNK_BYTES = 2 ** 16;

/**
 * Gives every shared gradient and the update of its parameter to one core: the largest first, each to the core that has fewest bytes yet.
 * A layer over parameters that reads several gradients, or none, runs on core 0.
 */
export function divisionOf(network: Network, resources: Resources): Division {
  const { cores } = network;
  const partial = cores === 1 ? [] : partialResults(network);
  const load = new Array<number>(cores).fill(0);
  const owners = new Map<string, number>();
  for (const { operand } of [...partial].sort((a, b) => b.operand.bytes - a.operand.bytes)) {
    const core = load.indexOf(Math.min(...load));
    load[core] = (load[core] ?? 0) + operand.bytes;
    owners.set(operand.tensor, core);
  }
  const names = new Set(network.graph.layers.map(({ name }) => name));
  const reductions = partial.map(({ view, operand }): Reduction => {
    const { tensor, kind, bytes } = operand;
    const layer = unused(`${tensor}.reduce`, (name) => names.has(name));
    return {
      layer,
      tensor,
      kind,
      origin: view.layer.origin,
      bytes,
      core: owners.get(tensor) ?? 0,
      chunk: chunkOf(layer, bytes, resources),
    };
  });
  const ownerOf = (view: LayerView): number => {
    const [first, ...others] = view.inputs.flatMap(({ tensor }) => owners.get(tensor) ?? []);
    return others.length > 0 ? 0 : (first ?? 0);
  };
  return { reductions, ownerOf };
}

/** Results of the layers that every core runs on its own samples, which all samples share. */
function partialResults({ layers }: Network): { readonly view: LayerView; readonly operand: Operand }[] {
  return layers
    .filter(({ phase }) => isDivided(phase))
    .flatMap((view) => view.outputs.filter(({ batched }) => !batched).map((operand) => ({ view, operand })));
}

function chunkOf(layer: string, bytes: number, { cores, globalBytes, burstBytes }: Resources): number {
  const grain = align(burstBytes);
  const places = 2 * cores;
  if (grain * places > globalBytes)
    fail(
      diag.doesNotFit(
        { layer },
        grain * places,
        globalBytes,
        `two chunks of the sum of each of ${cores} cores`,
        sumLevers(grain, globalBytes),
      ),
    );
  const most = Math.min(CHUNK_BYTES, globalBytes / places);
  return Math.min(bytes, Math.max(grain, Math.floor(most / grain) * grain));
}

/** What makes the chunks of a sum fit, which are as small as they may be. */
function sumLevers(grain: number, globalBytes: number): string {
  const most = Math.floor(globalBytes / (2 * grain));
  return most > 1
    ? `The sums of ${most} cores fit (--cores ${most}); one core adds none.`
    : 'Compile for one core, which adds no sums, or describe a machine with a larger global buffer (buffers.globalBytes).';
}
