import { dramBefore } from './dram.ts';
import { readFile, type Sections, type Tensor } from './file.ts';
import { type Block, block, drain, patch, stationary, wave } from './matrix.ts';
import { Memory } from './memory.ts';
import { type Encoded, fieldsAt, Tables } from './tables.ts';
import { SecondDram, SecondTiming } from './timing.ts';
import { VECTOR } from './vector.ts';

const INSTRUCTION_BYTES = 16;

/** What the second interpreter makes of a program. */
export interface SecondResult {
  readonly dram: Uint8Array;
  readonly cycles: number;
  /** Bytes across the pins by tensor kind, read and written. */
  readonly traffic: Readonly<Record<string, { read: number; write: number }>>;
  /** Instructions that were executed. */
  readonly ops: ReadonlySet<string>;
}

/**
 * A second interpreter of program files, written from the manual alone: slow, plain, and sharing nothing with ours but the page.
 * It trusts the file to be sound.
 */
export function secondRun(file: Uint8Array, manual: string, inputs: ReadonlyMap<string, Uint8Array>): SecondResult {
  const sections = readFile(file, manual);
  const tables = new Tables(manual);
  const memory = dramBefore(sections, inputs);
  const dram = new SecondDram(sections.machine, sections.cores);
  const traffic: SecondResult['traffic'] = {};
  const ops = new Set<string>();
  const cores = Array.from(
    { length: sections.cores },
    (_, number) => new SecondCore(number, sections, tables, { memory, dram, traffic, ops }),
  );
  while (cores.some((core) => !core.ended)) {
    const ready = cores.filter((core) => !core.ended && !core.atBarrier);
    const next = ready.find((core) => core.timing.now === Math.min(...ready.map(({ timing }) => timing.now)));
    if (next !== undefined) next.step();
    else meet(cores);
  }
  return { dram: memory.bytes, cycles: Math.max(...cores.map(({ timing }) => timing.total())), traffic, ops };
}

/** Every core has come to its barrier. */
function meet(cores: readonly SecondCore[]): void {
  if (cores.some((core) => core.ended)) throw new Error('deadlock at a barrier');
  const latest = Math.max(...cores.map(({ timing }) => timing.now));
  for (const core of cores) {
    core.timing.now = latest;
    core.atBarrier = false;
  }
}

/** What the cores share, and what all of them count. */
interface Shared {
  readonly memory: Memory;
  readonly dram: SecondDram;
  readonly traffic: Record<string, { read: number; write: number }>;
  readonly ops: Set<string>;
}

class SecondCore {
  private readonly dram: Memory;
  readonly timing: SecondTiming;
  ended = false;
  atBarrier = false;
  private readonly number: number;
  private readonly traffic: Shared['traffic'];
  private readonly ops: Set<string>;
  /** The next instruction. */
  private at = 0;
  private readonly global: Memory;
  private readonly sections: Sections;
  private readonly tables: Tables;
  private readonly registers: number[] = new Array(64).fill(0);
  private readonly loops: { at: number; left: number }[] = [];
  private readonly signals = new Map<number, number[]>();
  private readonly matrixSlots = new Map<number, number>();
  private readonly vectorSlots = new Map<number, number>();
  private readonly blocks = new Map<string, Block>();
  /** Stationary blocks by half. */
  private readonly weights = new Map<number, Block<number | undefined>>();
  /** Of the instruction being executed. */
  private fields = new Map<string, number>();

  constructor(number: number, sections: Sections, tables: Tables, { memory, dram, traffic, ops }: Shared) {
    this.number = number;
    this.traffic = traffic;
    this.ops = ops;
    this.sections = sections;
    this.tables = tables;
    this.dram = memory;
    this.global = new Memory(sections.machine.buffers.globalBytes);
    this.timing = new SecondTiming(sections.machine, dram);
  }

  /** Executes the next instruction. */
  step(): void {
    const { at } = this;
    const { code } = this.sections;
    const encoded = this.tables.byOpcode.get(code[at * INSTRUCTION_BYTES] ?? 0);
    if (encoded === undefined) throw new Error(`the manual has no opcode ${code[at * INSTRUCTION_BYTES]}`);
    this.fields = fieldsAt(code, at * INSTRUCTION_BYTES, encoded);
    this.ops.add(encoded.op);
    this.at = encoded.unit === 'Sequencer' ? this.sequencer(encoded.op, at) : this.unit(encoded, at);
    this.ended = this.at < 0;
  }

  private field(name: string): number {
    const value = this.fields.get(name);
    if (value === undefined) throw new Error(`the manual has no field ${name}`);
    return value;
  }

  /** The number in the register that field `name` names. */
  private register(name: string): number {
    return this.registers[this.field(name)] ?? 0;
  }

  private half(name: string): number {
    return ((this.register(name) % 2) + 2) % 2;
  }

  private set(rd: number, value: number): void {
    if (rd !== 0) this.registers[rd] = value;
  }

  /** Executes a sequencer instruction; the next one, negative at the end. */
  private sequencer(op: string, at: number): number {
    if (op === 'halt') return -1;
    if (op === 'fence' || op === 'barrier') this.timing.fence();
    else this.timing.sequencer();
    switch (op) {
      case 'la':
        this.set(this.field('rd'), this.field('base') + this.register('rs') * this.field('scale'));
        break;
      case 'core':
        this.set(this.field('rd'), this.number);
        break;
      case 'barrier':
        this.atBarrier = true;
        break;
      case 'mac':
        this.set(this.field('rd'), this.register('rd') + this.register('rs') * this.field('scale'));
        break;
      case 'par':
        this.set(this.field('rd'), this.field('base') + (this.half('rs') === 1 ? this.field('scale') : 0));
        break;
      case 'loop':
        this.set(this.field('rd'), 0);
        this.loops.push({ at, left: this.field('count') });
        break;
      case 'end':
        return this.closeLoop(at);
      case 'skipz':
      case 'skipnz':
        return (this.register('rs') === 0) === (op === 'skipz') ? at + this.field('count') + 1 : at + 1;
    }
    return at + 1;
  }

  private closeLoop(at: number): number {
    const loop = this.loops.at(-1);
    const opener = this.tables.byOpcode.get(0x05);
    if (loop === undefined || opener?.op !== 'loop') throw new Error('end closes no loop');
    this.fields = fieldsAt(this.sections.code, loop.at * INSTRUCTION_BYTES, opener);
    this.set(this.field('rd'), this.register('rd') + this.field('step'));
    loop.left--;
    if (loop.left > 0) return loop.at + 1;
    this.loops.pop();
    return at + 1;
  }

  /** Executes an instruction of another unit, with its tokens. */
  private unit(encoded: Encoded, at: number): number {
    let ready = this.timing.issue(encoded.unit);
    for (const name of ['token, wait 0', 'token, wait 1']) {
      const token = this.field(name);
      if (token === 0) continue;
      const time = this.signals.get(token)?.shift();
      if (time === undefined) throw new Error(`deadlock at ${at}`);
      ready = Math.max(ready, time);
    }
    const done = encoded.op.startsWith('d.')
      ? this.transfer(encoded, ready)
      : encoded.op.startsWith('m.')
        ? this.matrix(encoded.op, ready)
        : this.vector(encoded, ready);
    for (const name of ['token, signal 0', 'token, signal 1']) {
      const token = this.field(name);
      if (token !== 0) this.signals.set(token, [...(this.signals.get(token) ?? []), done]);
    }
    return at + 1;
  }

  private transfer({ op, unit }: Encoded, ready: number): number {
    if (op.endsWith('_sync')) return this.timing.syncTransfers(unit, ready);
    const [dram, global] = [this.register('dram'), this.register('global')];
    const [rows, rowBytes, stride] = [this.field('rows'), this.field('rowBytes'), this.field('dramStride')];
    for (let i = 0; i < rows; i++) {
      const [outside, inside] = [dram + i * stride, global + i * rowBytes];
      if (op === 'd.ld') this.global.bytes.set(this.dram.bytes.subarray(outside, outside + rowBytes), inside);
      else this.dram.bytes.set(this.global.bytes.subarray(inside, inside + rowBytes), outside);
    }
    const burst = this.sections.machine.dram.burstBytes;
    const runs = rows === 1 || stride === rowBytes ? 1 : rows;
    const bytes = runs * Math.ceil((rows * rowBytes) / runs / burst) * burst;
    const { kind } = this.tensorAt(dram);
    const { read, write } = this.traffic[kind] ?? { read: 0, write: 0 };
    this.traffic[kind] = op === 'd.ld' ? { read: read + bytes, write } : { read, write: write + bytes };
    return this.timing.transfer(unit, ready, bytes);
  }

  private tensorAt(address: number): Tensor {
    const holding = this.sections.symbols.filter((s) => s.address <= address && address < s.address + s.bytes);
    const [first] = holding.sort((a, b) => b.bytes - a.bytes);
    if (first === undefined) throw new Error(`no tensor at ${address}`);
    return first;
  }

  private configure(op: string, slots: Map<number, number>): void {
    if (op.endsWith('4')) {
      for (const i of [0, 1, 2, 3]) slots.set(this.field(`slot${i}`), this.field(`v${i}`));
      return;
    }
    slots.set(this.field('slot'), this.field('v0'));
    slots.set(this.field('slot') + 1, this.field('v1'));
  }

  private matrix(op: string, ready: number): number {
    const slots = (name: string): number => this.matrixSlots.get(this.tables.matrixSlots.get(name) ?? -1) ?? 0;
    const { array } = this.sections.machine;
    switch (op) {
      case 'm.cfg':
      case 'm.cfg4':
        this.configure(op, this.matrixSlots);
        return this.timing.configureMatrix(ready);
      case 'm.sync':
        return this.timing.syncMatrix(ready);
      case 'm.lda': {
        const [h, base, m0, k0] = [this.half('half'), this.register('base'), this.register('m0'), this.register('k0')];
        const [rows, depth] = [
          Math.min(array.waveRows, slots('AMB') === 0 ? array.waveRows : slots('AMB'), slots('AM') - m0),
          Math.min(array.rows, slots('AK') - k0),
        ];
        const at = (m: number, k: number): number => this.patchOrCell(slots('X') === 0, base, m0 + m, k0 + k) ?? Number.NaN;
        this.blocks.set(`A${h}`, block(rows, depth, at));
        return this.timing.load(ready, 'fill', h, depth, rows * depth);
      }
      case 'm.ldb': {
        const [h, base, k0, n0] = [this.half('half'), this.register('base'), this.register('k0'), this.register('n0')];
        const [depth, columns] = [Math.min(array.rows, slots('BK') - k0), Math.min(array.columns, slots('BN') - n0)];
        const at = (k: number, n: number): number | undefined => this.patchOrCell(slots('X') !== 0, base, n0 + n, k0 + k);
        this.weights.set(h, block(depth, columns, at));
        return this.timing.load(ready, 'stationary', h, depth, depth * columns);
      }
      case 'm.mul': {
        const [ha, hb, hc] = [this.half('a'), this.half('b'), this.half('c')];
        const [a, b] = [this.held(`A${ha}`), this.weights.get(hb)];
        if (b === undefined) throw new Error(`half B${hb} holds nothing`);
        this.blocks.set(`C${hc}`, wave(a, b, this.register('first') === 0 ? undefined : this.held(`C${hc}`)));
        return this.timing.wave(ready, [ha, hb, hc], a.rows, a.columns, b.columns);
      }
      default: {
        const totals = op === 'm.st_sums';
        const [h, single] = [this.half('c'), !totals && this.field('f32') !== 0];
        const held = this.held(`C${h}`);
        const bias = this.field('withBias') === 0 ? undefined : this.register('bias');
        const [base, m0, n0] = [this.register('base'), this.register('m0'), this.register('n0')];
        const [add, state] = totals ? [false, this.register('state')] : [this.register('add') !== 0, undefined];
        const zeros = !totals && this.field('zeros') !== 0;
        drain(slots, this.global, held, { base, m0, n0, bias, single, add, zeros, state });
        return this.timing.drain(ready, h, held.rows * held.columns * (single ? 4 : 2));
      }
    }
  }

  /** An element of the patch matrix by row and reduction index, or of the other operand by column and reduction index. */
  private patchOrCell(patches: boolean, base: number, index: number, k: number): number | undefined {
    const slots = (name: string): number => this.matrixSlots.get(this.tables.matrixSlots.get(name) ?? -1) ?? 0;
    if (patches) return slots('AT') === 0 ? patch(slots, this.global, base, index, k) : patch(slots, this.global, base, k, index);
    const address = stationary(slots, base, k, index);
    return address === undefined ? undefined : this.global.half(address);
  }

  private held(name: string): Block {
    const held = this.blocks.get(name);
    if (held === undefined) throw new Error(`half ${name} holds nothing`);
    return held;
  }

  private vector({ op, fields, elements, passes }: Encoded, ready: number): number {
    if (op === 'v.cfg' || op === 'v.cfg4') {
      this.configure(op, this.vectorSlots);
      return this.timing.vector(ready, 1);
    }
    if (op === 'v.sync') return this.timing.vector(ready, 0);
    const int = (name: string): number => this.vectorSlots.get(this.tables.vectorSlots.get(name) ?? -1) ?? 0;
    const word = new DataView(new ArrayBuffer(4));
    const float = (name: string): number => {
      word.setInt32(0, int(name));
      return word.getFloat32(0);
    };
    const operand = (name: string): number => (fields.some((f) => f.name === name && f.register) ? this.register(name) : this.field(name));
    const run = VECTOR[op];
    if (run === undefined) throw new Error(`the second interpreter has no ${op}`);
    const setSlot = (slot: number, bits: number): void => void this.vectorSlots.set(slot, bits);
    run({ memory: this.global, int, float, operand, setSlot });
    const positions = (): number => ['D0', 'D1', 'D2', 'D3', 'D4'].map(int).reduce((all, d) => (d === 0 ? all : all * d), 1);
    const numberOf = (name: string): number => {
      if (name === 'SETS') return int('CROSS') !== 0 ? 1 : int('N');
      if (name === 'POSITIONS') return positions();
      return this.fields.has(name) ? this.field(name) : int(name);
    };
    const value = (formula: string): number => evaluate(formula, numberOf);
    const { startCycles, lanes } = this.sections.machine.vector;
    return this.timing.vector(ready, startCycles + value(passes) * Math.ceil(value(elements) / lanes));
  }
}

/** The number of a formula of the manual: sums and products of names and whole numbers, ceil(… / 2). */
function evaluate(formula: string, numberOf: (name: string) => number): number {
  const rounded = /^ceil\((.*) \/ 2\)$/.exec(formula);
  if (rounded !== null) return Math.ceil(evaluate(rounded[1] ?? '', numberOf) / 2);
  const bare = formula.startsWith('(') && formula.endsWith(')') ? formula.slice(1, -1) : formula;
  const terms = bare
    .split(' + ')
    .map((term) => term.split(' × ').reduce((all, factor) => all * (/^\d+$/.test(factor) ? Number(factor) : numberOf(factor)), 1));
  return terms.reduce((a, b) => a + b, 0);
}
