import type { Machine } from '../../machine/machine.ts';
import { KERNELS_WASM } from './generated/kernels.ts';
import { Hazards, type Read } from './hazards.ts';
import { type DrainTarget, type Kernels, SLOT_COUNT, type Span, type Threads } from './kernels.ts';

/** What a drain does beside storing its sums, as in assembly/drain.ts. */
const ADDS = 1;
const ZEROS = 2;

/** What the compiled kernels export (assembly/commands.ts). */
interface Exports {
  readonly vectorSlots: WebAssembly.Global;
  begin(globalBytes: number, rows: number, columns: number, waveRows: number, threads: number): void;
  configure(slot: number, value: number): void;
  fill(half: number, base: number, m0: number, k0: number, rows: number, depth: number): void;
  stationary(half: number, base: number, k0: number, n0: number, depth: number, columns: number): void;
  wave(a: number, b: number, c: number, rows: number, depth: number, columns: number, fresh: number): void;
  drain(half: number, base: number, m0: number, n0: number, rows: number, columns: number, bias: number, f32s: number, how: number): void;
  totals(base: number, m0: number, n0: number, rows: number, columns: number, state: number): void;
  executeVector(op: number, elements: number, a: number, b: number, c: number, d: number, e: number, f: number, g: number): number;
  flush(): void;
  reset(): void;
  stop(): void;
}

/** What a 32-bit address reaches; the kernels take as much as the machine needs. */
const MAX_PAGES = 65536;
const bytes = Uint8Array.from(atob(KERNELS_WASM), (character) => character.charCodeAt(0));
let compiled: WebAssembly.Module | undefined;

/** Whether this engine has WebAssembly with 128-bit vectors and shared memory. */
export function hasWasm(): boolean {
  return typeof WebAssembly === 'object' && WebAssembly.validate(bytes);
}

/** The kernels in WebAssembly, all memories of the core in one linear memory, on one thread or on several. */
export class WasmKernels implements Kernels {
  readonly memory: ArrayBufferLike;
  readonly vectorSlots: Int32Array;
  private readonly kernels: Exports;
  private readonly hazards: Hazards;

  constructor(machine: Machine, threads?: Threads) {
    const { rows, columns, waveRows } = machine.array;
    const count = threads?.count ?? 1;
    const numbers = [machine.buffers.globalBytes, rows, columns, waveRows, count] as const;
    const memory = new WebAssembly.Memory({ initial: 1, maximum: MAX_PAGES, shared: true });
    compiled ??= new WebAssembly.Module(bytes);
    this.kernels = exportsOf(new WebAssembly.Instance(compiled, { env: { memory } }));
    this.kernels.begin(...numbers);
    this.memory = memory.buffer;
    this.vectorSlots = new Int32Array(this.memory, Number(this.kernels.vectorSlots.value), SLOT_COUNT);
    this.hazards = new Hazards(machine);
    for (let i = 1; i < count; i++) threads?.start(compiled, memory, numbers);
  }

  configure(slot: number, value: number): void {
    this.hazards.configured();
    this.kernels.configure(slot, value);
  }

  fill(half: number, base: number, m0: number, k0: number, rows: number, depth: number, { from, to }: Span): void {
    this.read('moving', from, to);
    this.kernels.fill(half, base, m0, k0, rows, depth);
  }

  load(half: number, base: number, k0: number, n0: number, depth: number, columns: number, { from, to }: Span): void {
    this.read('stationary', from, to);
    this.kernels.stationary(half, base, k0, n0, depth, columns);
  }

  multiply(a: number, b: number, c: number, rows: number, depth: number, columns: number, fresh: boolean): void {
    this.kernels.wave(a, b, c, rows, depth, columns, fresh ? 1 : 0);
  }

  drain(half: number, target: DrainTarget): void {
    const { base, m0, n0, rows, columns, bias, f32, add, zeros, state } = target;
    const { from, to } = target.biases;
    if ((bias >= 0 && this.hazards.blocksRead(from, to)) || this.hazards.blocksWrite(target)) this.flush();
    // Only now, because what was put off before is no longer of interest, and the drain itself is.
    if (bias >= 0) this.hazards.read('bias', from, to);
    this.hazards.write(target);
    this.kernels.drain(half, base, m0, n0, rows, columns, bias, f32 ? 1 : 0, (add ? ADDS : 0) | (zeros ? ZEROS : 0));
    if (state < 0) return;
    // A drain is cut by rows, totals by columns, so that every sum keeps its order: all rows are stored before.
    this.flush();
    this.kernels.totals(base, m0, n0, rows, columns, state);
    this.flush();
  }

  vector(opcode: number, [a = 0, b = 0, c = 0, d = 0, e = 0, f = 0, g = 0]: Float64Array, elements: number): boolean {
    this.hazards.clear();
    return this.kernels.executeVector(opcode, elements, a, b, c, d, e, f, g) !== 0;
  }

  settle(from: number, to: number): void {
    if (this.hazards.touches(from, to)) this.flush();
  }

  reset(): void {
    this.hazards.clear();
    this.kernels.reset();
  }

  close(): void {
    this.kernels.stop();
  }

  private read(what: Read, from: number, to: number): void {
    if (this.hazards.blocksRead(from, to)) this.flush();
    this.hazards.read(what, from, to);
  }

  private flush(): void {
    this.kernels.flush();
    this.hazards.clear();
  }
}

/** The exports are those of the compiled source, which the build made together with this file. */
function exportsOf(instance: WebAssembly.Instance): Exports {
  return instance.exports as unknown as Exports;
}
