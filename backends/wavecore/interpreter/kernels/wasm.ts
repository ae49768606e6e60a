import type { Machine } from '../../machine/machine.ts';
import { KERNELS_WASM } from './generated/kernels.ts';
import { type DrainTarget, globalBytesInMemory, type Kernels, SLOT_COUNT } from './kernels.ts';

/** What the compiled kernels export; addresses are bytes of the shared memory. */
interface Exports {
  fill(slots: number, a: number, panel: number, base: number, m0: number, k0: number, rows: number, depth: number): void;
  stationary(slots: number, b: number, panel: number, base: number, k0: number, n0: number, depth: number, columns: number): void;
  wave(
    a: number,
    b: number,
    c: number,
    rows: number,
    depth: number,
    columns: number,
    panelA: number,
    panelB: number,
    tiles: number,
    fresh: number,
  ): void;
  drain(
    slots: number,
    c: number,
    tiles: number,
    base: number,
    m0: number,
    n0: number,
    rows: number,
    columns: number,
    bias: number,
    f32s: number,
    adds: number,
  ): void;
}

const PAGE_BYTES = 65536;
/** Between panels of the moving block, so that the same reduction index of different panels meets different cache sets. */
const PANEL_GAP = 64;
const bytes = Uint8Array.from(atob(KERNELS_WASM), (character) => character.charCodeAt(0));
let compiled: WebAssembly.Module | undefined;

/** Whether this engine has WebAssembly with 128-bit vectors. */
export function hasWasm(): boolean {
  return typeof WebAssembly === 'object' && WebAssembly.validate(bytes);
}

/** The kernels in WebAssembly, all memories of the core in one linear memory. */
export class WasmKernels implements Kernels {
  readonly memory: ArrayBuffer;
  readonly slots: Int32Array;
  private readonly kernels: Exports;
  private readonly slotsAt: number;
  private readonly panelA: number;
  private readonly panelB: number;
  private readonly tiles: number;
  private readonly a: readonly [number, number];
  private readonly b: readonly [number, number];
  private readonly c: readonly [number, number];

  constructor(machine: Machine) {
    const { rows, columns, waveRows } = machine.array;
    this.panelA = rows * 16 + PANEL_GAP;
    this.panelB = rows * 32;
    this.tiles = Math.ceil(columns / 8);
    const quads = Math.ceil(waveRows / 4);
    let end = globalBytesInMemory(machine);
    const take = (size: number): number => {
      const at = end;
      end += Math.ceil(size / 64) * 64;
      return at;
    };
    const pair = (size: number): [number, number] => [take(size), take(size)];
    this.slotsAt = take(SLOT_COUNT * 4);
    this.a = pair(quads * this.panelA);
    this.b = pair(this.tiles * this.panelB);
    this.c = pair(quads * this.tiles * 128);
    const memory = new WebAssembly.Memory({ initial: Math.ceil(end / PAGE_BYTES) });
    compiled ??= new WebAssembly.Module(bytes);
    this.kernels = exportsOf(new WebAssembly.Instance(compiled, { env: { memory } }));
    this.memory = memory.buffer;
    this.slots = new Int32Array(this.memory, this.slotsAt, SLOT_COUNT);
  }

  fill(half: number, base: number, m0: number, k0: number, rows: number, depth: number): void {
    this.kernels.fill(this.slotsAt, this.a[half] ?? 0, this.panelA, base, m0, k0, rows, depth);
  }

  load(half: number, base: number, k0: number, n0: number, depth: number, columns: number): void {
    this.kernels.stationary(this.slotsAt, this.b[half] ?? 0, this.panelB, base, k0, n0, depth, columns);
  }

  multiply(a: number, b: number, c: number, rows: number, depth: number, columns: number, fresh: boolean): void {
    const { panelA, panelB, tiles } = this;
    this.kernels.wave(this.a[a] ?? 0, this.b[b] ?? 0, this.c[c] ?? 0, rows, depth, columns, panelA, panelB, tiles, fresh ? 1 : 0);
  }

  drain(half: number, { base, m0, n0, rows, columns, bias, f32, add }: DrainTarget): void {
    this.kernels.drain(this.slotsAt, this.c[half] ?? 0, this.tiles, base, m0, n0, rows, columns, bias, f32 ? 1 : 0, add ? 1 : 0);
  }
}

/** The exports are those of the compiled source, which the build made together with this file. */
function exportsOf(instance: WebAssembly.Instance): Exports {
  return instance.exports as { [K in keyof Exports]: Exports[K] & WebAssembly.ExportValue };
}
