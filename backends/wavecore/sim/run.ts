import { type Constant } from '../../../ir/graph.ts';
import { diag, fail, type Place } from '../../../ir/diagnostics.ts';
import { elementCount, TENSOR_KINDS } from '../../../ir/tensor.ts';
import { MATRIX_SLOTS } from '../isa/slots.ts';
import { ISA, type InstructionSpec, type Op, REGISTERS, TOKENS, MAX_LOOP_DEPTH } from '../isa/table.ts';
import type { Bytes, Program, ProgramSymbol } from '../program.ts';
import { Counts, layerIndexOf } from './counts.ts';
import { halfBits } from './half-codec.ts';
import { plainKernel, type WaveKernel } from './kernels/kernels.ts';
import { localBytes, M, MatrixData } from './matrix.ts';
import { Dram, globalBufferOn } from './memory.ts';
import { QUEUES, Timing } from './timing.ts';
import { VECTOR_OPERATIONS } from './vector/index.ts';
import { makeSlots, type VectorCost, type VectorOp } from './vector/operation.ts';

export interface RunOptions { mode: 'functional' | 'timing'; inputs?: Map<string, Uint8Array>; kernel?: (bytes: number) => WaveKernel; limit?: number }

const OPS = Object.keys(ISA) as Op[];
const CODE = Object.fromEntries(OPS.map((o, i) => [o, i])) as Record<Op, number>;
const FIELDS = 8;

export function run(program: Program, options: RunOptions) {
  const { machine, code } = program;
  const n = code.length;
  const ops = new Uint8Array(n);
  const raw = new Float64Array(n * FIELDS);
  const isReg = new Uint8Array(n * FIELDS);
  const tok = new Uint8Array(n * 4);
  code.forEach((ins, i) => {
    ops[i] = CODE[ins.op];
    const spec: InstructionSpec = ISA[ins.op];
    spec.fields.forEach((f, j) => {
      raw[i * FIELDS + j] = ins.operands[f.name] ?? 0;
      isReg[i * FIELDS + j] = (f.type === 'reg' || f.type === 'half') ? 1 : 0;
    });
    tok[i * 4] = ins.wait[0] ?? 0; tok[i * 4 + 1] = ins.wait[1] ?? 0; tok[i * 4 + 2] = ins.signal[0] ?? 0; tok[i * 4 + 3] = ins.signal[1] ?? 0;
  });
  const layers = layerIndexOf(program);
  const counts = new Counts(layers.names.length);
  const timing = new Timing(machine);
  const regs = new Float64Array(REGISTERS);
  const mcfg = new Int32Array(MATRIX_SLOTS.length + 1);
  const slots = makeSlots();
  const o = new Float64Array(FIELDS);
  const cost: VectorCost = { elements: 0, passes: 0, read: 0, write: 0 };
  const functional = options.mode === 'functional';
  const kernel = functional ? (options.kernel ?? plainKernel)(machine.buffers.globalBytes + localBytes(machine)) : undefined;
  const g = kernel === undefined ? undefined : globalBufferOn(kernel.memory, 0, machine.buffers.globalBytes);
  const matrix = kernel === undefined || g === undefined ? undefined : new MatrixData(machine, g, kernel, machine.buffers.globalBytes);
  const dram = new Dram();
  const fault = (pc: number, what: string): never => {
    const r = program.debug.find((d) => d.from <= pc && pc < d.to);
    const place: Place = r === undefined ? {} : { layer: r.layer, node: r.origin };
    return fail(diag.programFault(place, `instruction ${pc} (${code[pc]?.op})`, what));
  };
  const sorted = [...program.symbols].sort((a, b) => a.address - b.address);
  const find = (addr: number): number => {
    let lo = 0, hi = sorted.length - 1;
    while (lo <= hi) { const mid = (lo + hi) >> 1; const s = sorted[mid] as ProgramSymbol; if (addr < s.address) hi = mid - 1; else if (addr >= s.address + s.bytes) lo = mid + 1; else return mid; }
    return -1;
  };
  const symOf = new Int32Array(n).fill(-1);
  const kindIndex = new Map(TENSOR_KINDS.map((k, i) => [k, i]));
  if (functional) {
    for (const s of program.symbols) if (s.initial !== undefined) dram.write(s.address, initialBytes(program, s));
    for (const [name, bytes] of options.inputs ?? []) {
      const s = program.symbols.find((x) => x.name === name && x.role === 'input') ?? fail(diag.unknownInput({ tensor: name }, program.symbols.filter((x) => x.role === 'input').map((x) => x.name).join(', ')));
      if (bytes.length !== s.bytes) fail(diag.badTensor({ tensor: name }, `${bytes.length} bytes, expected ${s.bytes}`));
      dram.write(s.address, bytes);
    }
  }
  const fifo: Float64Array[] = Array.from({ length: TOKENS }, () => new Float64Array(4096));
  const head = new Int32Array(TOKENS), tail = new Int32Array(TOKENS);
  const take = (t: number, pc: number): number => {
    if (t === 0) return 0;
    const h = head[t] as number;
    if (h === tail[t]) fault(pc, `waits for token ${t} that nothing signals (deadlock)`);
    head[t] = (h + 1) & 4095;
    return (fifo[t] as Float64Array)[h] as number;
  };
  const post = (t: number, time: number): void => {
    if (t === 0) return;
    const at = tail[t] as number;
    (fifo[t] as Float64Array)[at] = time;
    tail[t] = (at + 1) & 4095;
  };
  const loopStart = new Int32Array(MAX_LOOP_DEPTH), loopLeft = new Float64Array(MAX_LOOP_DEPTH), loopReg = new Int32Array(MAX_LOOP_DEPTH), loopStep = new Float64Array(MAX_LOOP_DEPTH);
  let depth = 0;
  // Shapes of what the local buffers hold.
  const aRows = [0, 0], aCols = [0, 0], bRows = [0, 0], bCols = [0, 0], cRows = [0, 0], cCols = [0, 0];
  const { rows: AR, columns: AC, waveRows: WR } = machine.array;
  const globalBytes = machine.buffers.globalBytes;
  let lastDone = 0;
  let pc = 0;
  let executed = 0;
  const burst = machine.dram.burstBytes;
  const span = (pcNow: number) => (a: number, b: number): void => { if (a < 0 || a + b > globalBytes || !Number.isInteger(a)) fault(pcNow, `accesses global buffer [${a}, ${a + b}) of ${globalBytes}`); };
  for (;;) {
    if (pc >= n) fault(n - 1, 'runs past the end');
    executed++;
    const op = ops[pc] as number;
    const base = pc * FIELDS;
    const layer = layers.ofInstruction[pc] as number;
    const reg = (j: number): number => { const r = raw[base + j] as number; return r === 0 ? 0 : regs[r] as number; };
    const imm = (j: number): number => raw[base + j] as number;
    switch (op) {
      case CODE.halt: {
        for (let t = 1; t < TOKENS; t++) if (head[t] !== tail[t]) fault(pc, `token ${t} is left over`);
        const cycles = Math.max(timing.now, timing.done);
        const seconds = cycles / machine.clockHz;
        counts.instructions = executed;
        const byLayer: Record<string, Partial<Record<string, Bytes>>> = {};
        layers.names.forEach((name, i) => { byLayer[name] = counts.layerTraffic(i); });
        return {
          cycles, seconds, traffic: counts.total(layers.names.length), byLayer, energy: counts.energy(machine, seconds), instructions: executed, macs: counts.macs,
          busy: Object.fromEntries(QUEUES.map((q, i) => [q, timing.busy[i]])),
          layerCycles: Object.fromEntries(layers.names.map((name, i) => [name, counts.layerCycles[i + 1]])),
          read: (name: string): Uint8Array => { const s = program.symbols.find((x) => x.name === name); if (!s) throw new Error(name); const out = new Uint8Array(s.bytes); dram.read(s.address, out); return out; },
        };
      }
      case CODE.la: regs[imm(0)] = imm(3) + reg(1) * imm(2); timing.step(); break;
      case CODE.mac: regs[imm(0)] = (regs[imm(0)] as number) + reg(1) * imm(2); timing.step(); break;
      case CODE.par: regs[imm(0)] = imm(3) + (reg(1) % 2) * imm(2); timing.step(); break;
      case CODE.loop: loopStart[depth] = pc; loopLeft[depth] = imm(1); loopReg[depth] = imm(0); loopStep[depth] = imm(2); regs[imm(0)] = 0; depth++; timing.step(); break;
      case CODE.end: {
        const d = depth - 1;
        regs[loopReg[d] as number] = (regs[loopReg[d] as number] as number) + (loopStep[d] as number);
        loopLeft[d] = (loopLeft[d] as number) - 1;
        timing.step();
        if ((loopLeft[d] as number) > 0) pc = loopStart[d] as number; else depth--;
        break;
      }
      case CODE.skipz: timing.step(); if (reg(0) === 0) pc += imm(1); break;
      case CODE.skipnz: timing.step(); if (reg(0) !== 0) pc += imm(1); break;
      case CODE.fence:
        timing.fence();
        counts.layerCycles[layer + 1] = (counts.layerCycles[layer + 1] as number) + timing.now - lastDone;
        lastDone = timing.now;
        break;
      case CODE['d.ld']:
      case CODE['d.st']: {
        const store = op === CODE['d.st'];
        const da = reg(0), ga = reg(1), rb = imm(2), rows = imm(3), stride = imm(4);
        const contiguous = rows === 1 || stride === rb;
        const bytes = contiguous ? Math.ceil((rows * rb) / burst) * burst : rows * Math.ceil(rb / burst) * burst;
        let si = symOf[pc] as number;
        if (si < 0) { si = find(da); if (si < 0) fault(pc, `DRAM address ${da} is in no tensor`); symOf[pc] = si; }
        const s = sorted[si] as ProgramSymbol;
        if (da < s.address || da + (rows - 1) * stride + rb > s.address + s.bytes) fault(pc, `transfer leaves tensor ${s.name}: ${da - s.address}+${(rows - 1) * stride + rb} of ${s.bytes}`);
        if (ga < 0 || ga + rows * rb > globalBytes) fault(pc, `transfer leaves the global buffer: ${ga}+${rows * rb}`);
        counts.transfer(layer, kindIndex.get(s.kind) ?? 0, store, bytes, rows * rb);
        const ready = Math.max(take(tok[pc * 4] as number, pc), take(tok[pc * 4 + 1] as number, pc));
        const end = timing.transfer(store, bytes, ready);
        post(tok[pc * 4 + 2] as number, end); post(tok[pc * 4 + 3] as number, end);
        if (g !== undefined) {
          if (contiguous) { const v = g.u8.subarray(ga, ga + rows * rb); if (store) dram.write(da, v); else dram.read(da, v); }
          else for (let r = 0; r < rows; r++) { const v = g.u8.subarray(ga + r * rb, ga + (r + 1) * rb); if (store) dram.write(da + r * stride, v); else dram.read(da + r * stride, v); }
        }
        break;
      }
      case CODE['m.cfg']: mcfg[imm(0)] = imm(1); mcfg[imm(0) + 1] = imm(2); timing.configure(); break;
      case CODE['m.lda']: {
        const h = reg(0) & 1, m0 = reg(2), k0 = reg(3);
        const rows = Math.min(WR, (mcfg[M.AM] as number) - m0), cols = Math.min(AR, (mcfg[M.AK] as number) - k0);
        if (rows <= 0 || cols <= 0) fault(pc, 'empty moving block');
        aRows[h] = rows; aCols[h] = cols;
        timing.fill(h, rows * cols * 2);
        counts.globalBytes += rows * cols * 2; counts.localBytes += rows * cols * 2;
        matrix?.fill(mcfg, h, reg(1), m0, k0, rows, cols);
        break;
      }
      case CODE['m.ldb']: {
        const h = reg(0) & 1, k0 = reg(2), n0 = reg(3);
        const k = Math.min(AR, (mcfg[M.BK] as number) - k0), nn = Math.min(AC, (mcfg[M.BN] as number) - n0);
        if (k <= 0 || nn <= 0) fault(pc, 'empty stationary block');
        bRows[h] = k; bCols[h] = nn;
        timing.stationary(h, k, nn);
        counts.globalBytes += k * nn * 2; counts.localBytes += 2 * k * nn * 2;
        matrix?.stationary(mcfg, h, reg(1), k0, n0, k, nn);
        break;
      }
      case CODE['m.mul']: {
        const a = reg(0) & 1, b = reg(1) & 1, c = reg(2) & 1, first = reg(3) === 0;
        const m = aRows[a] as number, k = aCols[a] as number, nn = bCols[b] as number;
        if (k !== bRows[b]) fault(pc, `reduction ${k} of the moving block meets ${bRows[b]}`);
        if (!first && (cRows[c] !== m || cCols[c] !== nn)) fault(pc, 'accumulates blocks of different shape');
        cRows[c] = m; cCols[c] = nn;
        timing.wave(a, b, c, first, m, k, nn);
        counts.macs += m * k * nn; counts.layerMacs[layer + 1] = (counts.layerMacs[layer + 1] as number) + m * k * nn;
        counts.localBytes += m * k * 2 + m * nn * 4 * (first ? 1 : 2);
        matrix?.wave(a, b, c, m, k, nn, !first);
        break;
      }
      case CODE['m.st']: {
        const c = reg(0) & 1, m0 = reg(2), n0 = reg(3), f32 = imm(6) === 1, adds = f32 && reg(7) !== 0;
        const rows = cRows[c] as number, cols = cCols[c] as number;
        const size = f32 ? 4 : 2;
        timing.drain(c, rows * cols * 4);
        counts.globalBytes += rows * cols * size * (adds ? 2 : 1); counts.localBytes += rows * cols * 4;
        matrix?.drain(mcfg, c, reg(1), m0, n0, rows, cols, imm(5) === 1 ? reg(4) : -1, f32, adds);
        break;
      }
      case CODE['m.sync']: {
        const w0 = tok[pc * 4] as number, w1 = tok[pc * 4 + 1] as number;
        if (w0 || w1) timing.matrixWait(Math.max(take(w0, pc), take(w1, pc))); else timing.configure();
        const t = timing.matrixCompletion();
        post(tok[pc * 4 + 2] as number, t); post(tok[pc * 4 + 3] as number, t);
        break;
      }
      case CODE['v.cfg']: slots.i[imm(0)] = imm(1); if (imm(0) + 1 < slots.i.length) slots.i[imm(0) + 1] = imm(2); timing.vector(1, 0); break;
      case CODE['v.sync']: {
        const ready = Math.max(take(tok[pc * 4] as number, pc), take(tok[pc * 4 + 1] as number, pc));
        const end = timing.vector(0, ready);
        post(tok[pc * 4 + 2] as number, end); post(tok[pc * 4 + 3] as number, end);
        break;
      }
      default: {
        const name = OPS[op] as VectorOp;
        const impl = VECTOR_OPERATIONS[name];
        for (let j = 0; j < FIELDS; j++) o[j] = isReg[base + j] === 1 ? reg(j) : imm(j);
        impl.cost(slots, o, cost);
        const ready = Math.max(take(tok[pc * 4] as number, pc), take(tok[pc * 4 + 1] as number, pc));
        const end = timing.vector(machine.vector.startCycles + cost.passes * Math.ceil(cost.elements / machine.vector.lanes), ready);
        post(tok[pc * 4 + 2] as number, end); post(tok[pc * 4 + 3] as number, end);
        counts.vectorOps += cost.elements * cost.passes; counts.globalBytes += cost.read + cost.write;
        if (g !== undefined) { impl.spans(slots, o, span(pc)); impl.run(g, slots, o); }
      }
    }
    pc++;
  }
}

export function initialBytes(program: Program, s: ProgramSymbol): Uint8Array {
  const count = elementCount(s.shape);
  const values = valuesOf(program, s.initial as Constant, count);
  const out = new Uint8Array(s.bytes);
  if (s.dtype === 'f16') { const u = new Uint16Array(out.buffer); for (let i = 0; i < count; i++) u[i] = halfBits(values(i)); }
  else if (s.dtype === 'f32') { const u = new Float32Array(out.buffer); for (let i = 0; i < count; i++) u[i] = values(i); }
  else { const u = new Int32Array(out.buffer); for (let i = 0; i < count; i++) u[i] = values(i); }
  return out;
}
function valuesOf(program: Program, c: Constant, count: number): (i: number) => number {
  if (c.form === 'splat') return () => c.value;
  if (c.form === 'values') return (i) => c.values[i] ?? 0;
  const s = program.symbols.find((x) => x.name === c.tensor);
  return s?.initial === undefined ? () => 0 : valuesOf(program, s.initial, count);
}
