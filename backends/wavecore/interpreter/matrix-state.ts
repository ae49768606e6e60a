import { diag } from '../../../ir/diagnostics.ts';
import { MATRIX_SLOTS, type MatrixSlot } from '../isa/slots.ts';
import type { Machine } from '../machine/machine.ts';
import { type Kernels, SLOT_COUNT } from './kernels/kernels.ts';
import { areResultsApart, isResultPacked, isStationaryPacked, resultTouched, stationaryTouched, type Touched } from './matrix-levels.ts';
import type { Position } from './position.ts';

const SLOT = Object.fromEntries(MATRIX_SLOTS.map((name, i) => [name, i])) as Record<MatrixSlot, number>;
/** Least values of slots of the patch matrix. */
const LEAST: Partial<Readonly<Record<MatrixSlot, number>>> = { P: 1, Q: 1, R: 1, S: 1, UH: 1, UW: 1, H: 0, W: 0 };

/** No block has these extents. */
const NOT_ASKED = { groups: 0, inner: 0, columns: 0, apart: false };

/** Configuration of the matrix unit and the extents of what its buffers hold, with every check of an access. */
export class MatrixState {
  /** Bytes of the global buffer that the last checked access covers; the biases of a result are not counted. */
  readonly checked = { from: 0, to: 0 };
  /** Those that the biases cover. */
  readonly biases = { from: 0, to: 0 };
  /** By half; 0 rows: nothing loaded. */
  readonly aRows = new Int32Array(2);
  readonly aDepth = new Int32Array(2);
  readonly bDepth = new Int32Array(2);
  readonly bColumns = new Int32Array(2);
  /** Cells of the block that are on. */
  readonly bOn = new Int32Array(2);
  readonly cRows = new Int32Array(2);
  readonly cColumns = new Int32Array(2);

  private readonly slots = new Int32Array(SLOT_COUNT);
  private readonly kernels: Kernels | undefined;
  private readonly machine: Machine;
  private readonly position: Position;
  private readonly globalBytes: number;
  /** Offsets of the first and last element that the last span covered, in elements. */
  private low = 0;
  private high = 0;
  /** Whether `config` holds what the slots hold; slots change far more rarely than they are read. */
  private current = false;
  private patchesChecked = false;
  /** The last answer of `apart` under the present configuration. */
  private nested = NOT_ASKED;
  private readonly config: Record<MatrixSlot, number> = { ...SLOT };
  /** By first index and column: what stationary blocks touch under the present configuration, which programs load again and again. */
  private readonly blocks = new Map<string, Touched>();

  constructor(machine: Machine, kernels: Kernels | undefined, position: Position) {
    this.machine = machine;
    this.kernels = kernels;
    this.position = position;
    this.globalBytes = machine.buffers.globalBytes;
  }

  /** Sets a slot. */
  configure(slot: number, value: number): void {
    if (this.slots[slot] === value) return;
    this.slots[slot] = value;
    this.kernels?.configure(slot, value);
    this.blocks.clear();
    this.current = false;
    this.patchesChecked = false;
    this.nested = NOT_ASKED;
  }

  /** Rows of a block of the moving operand (or of the result) from m0 on. */
  rowsFrom(m0: number): number {
    return this.clip('row', m0, this.configured().AM, this.blockRows());
  }

  /** Rows of a block: those of a wave, or fewer. */
  blockRows(): number {
    const { AMB } = this.configured();
    if (AMB < 0) this.position.fault(diag.programFault, `slot AMB is ${AMB}, expected at least 0`);
    return AMB === 0 ? this.machine.array.waveRows : Math.min(AMB, this.machine.array.waveRows);
  }

  movingDepthFrom(k0: number): number {
    return this.clip('reduction index', k0, this.configured().AK, this.machine.array.rows);
  }

  stationaryDepthFrom(k0: number): number {
    return this.clip('reduction index', k0, this.configured().BK, this.machine.array.rows);
  }

  columnsFrom(n0: number): number {
    return this.clip('column', n0, this.configured().BN, this.machine.array.columns);
  }

  /** The planes of the image that a block of the patch matrix touches must lie in the global buffer. */
  checkMoving(base: number, m0: number, rows: number, k0: number, depth: number): void {
    if (!this.patchesChecked) this.checkPatches();
    const { AT, P, Q, R, S, H, W, ASN, ASC } = this.configured();
    if (H * W === 0) return;
    const byTap = AT !== 0;
    const pixel = byTap ? k0 : m0;
    const lastPixel = pixel + (byTap ? depth : rows) - 1;
    const tap = byTap ? m0 : k0;
    const lastTap = tap + (byTap ? rows : depth) - 1;
    this.low = 0;
    this.high = H * W - 1;
    this.extend(Math.floor(pixel / (P * Q)), Math.floor(lastPixel / (P * Q)), ASN);
    this.extend(Math.floor(tap / (R * S)), Math.floor(lastTap / (R * S)), ASC);
    this.checkSpan('moving operand', base, 2);
  }

  /** Whether the patch matrix is held and the stationary operand moves. */
  isExchanged(): boolean {
    return this.configured().X !== 0;
  }

  /** Moving blocks have no cells that are off. */
  checkExchanged(): void {
    const { BW, BGK } = this.configured();
    if (BW !== 0 || BGK !== 0)
      this.position.fault(diag.programFault, `cells of a moving operand cannot be off: slots BW ${BW}, BGK ${BGK}`);
  }

  /** Returns how many cells of the block are on; those alone are read. */
  checkStationary(base: number, k0: number, depth: number, n0: number, columns: number): number {
    const config = this.configured();
    if (isStationaryPacked(config)) return this.checkPackedStationary(base, k0, depth, n0, columns);
    const { BKI, BSKO, BSKI, BSN } = config;
    this.coverIndices('BKI', k0, depth, BKI, BSKO, BSKI);
    this.extend(n0, n0 + columns - 1, BSN);
    this.checkSpan('stationary operand', base, 2);
    return depth * columns;
  }

  checkResult(base: number, m0: number, rows: number, n0: number, columns: number, size: number): void {
    const config = this.configured();
    if (isResultPacked(config)) this.checkPackedResult(base, m0, rows, n0, columns, size);
    else {
      this.coverIndices('CMI', m0, rows, config.CMI, config.CSMO, config.CSMI);
      this.extend(n0, n0 + columns - 1, config.CSN);
      this.checkSpan('result', base, size);
    }
    if (!this.apart(m0, rows, n0, columns)) {
      const { CSMO, CSMM, CSMI, CSNO, CSN } = config;
      this.position.fault(
        diag.programFault,
        `results overlap: strides CSMO ${CSMO}, CSMM ${CSMM}, CSMI ${CSMI}, CSNO ${CSNO}, CSN ${CSN} for ${rows} × ${columns} results`,
      );
    }
  }

  private checkPackedStationary(base: number, k0: number, depth: number, n0: number, columns: number): number {
    const config = this.configured();
    const key = `${k0} ${n0}`;
    let touched = this.blocks.get(key);
    if (touched === undefined) {
      this.checkLeast({ BKI: 1, BKM: 0, BNI: 0, BGN: 0, BGK: 0 });
      if (config.BW !== 0) this.checkReach('a window of BW', config.BKI + config.BN * Math.abs(config.BWS));
      touched = stationaryTouched(config, k0, depth, n0, columns);
      this.blocks.set(key, touched);
    }
    this.checkTouched('stationary operand', base, touched, 2);
    return touched.count;
  }

  private checkPackedResult(base: number, m0: number, rows: number, n0: number, columns: number, size: number): void {
    const config = this.configured();
    this.checkLeast({ CMI: 1, CMM: 0, CNI: 0, CW: 0, CGN: 0, CGM: config.CGN === 0 ? config.CGM : 1 });
    if (config.CW !== 0) this.checkReach('a line of results', config.CMI * Math.abs(config.CSMI) + config.BN * Math.abs(config.CSNO));
    this.checkTouched('result', base, resultTouched(config, m0, rows, n0, columns), size);
  }

  private checkLeast(least: Partial<Readonly<Record<MatrixSlot, number>>>): void {
    const config = this.configured();
    for (const name of MATRIX_SLOTS) {
      const value = least[name];
      if (value !== undefined && config[name] < value)
        this.position.fault(diag.programFault, `slot ${name} is ${config[name]}, expected at least ${value}`);
    }
  }

  /** Kernels count in 32 bits. */
  private checkReach(what: string, size: number): void {
    if (size >= 2 ** 31) this.position.fault(diag.programFault, `${what} may reach ${size}, beyond 32 bits`);
  }

  /** A block of which nothing takes part touches no bytes. */
  private checkTouched(what: string, base: number, { low, high, count }: Touched, size: number): void {
    [this.low, this.high] = count === 0 ? [0, -1] : [low, high];
    this.checkSpan(what, base, size);
  }

  /** Biases must lie apart from the results, checked just before, so that the order of reading and writing does not matter. */
  checkBias(bias: number, m0: number, rows: number, n0: number, columns: number): void {
    const { from, to } = this.checked;
    [this.low, this.high] = this.channels(m0, rows, n0, columns);
    this.checkSpan('bias', bias, 4);
    if (this.checked.from < to && from < this.checked.to) this.position.fault(diag.programFault, 'results overlap the biases');
    this.biases.from = this.checked.from;
    this.biases.to = this.checked.to;
    this.checked.from = from;
    this.checked.to = to;
  }

  /**
   * The f64 pairs that a block adds to must lie apart from each other, from its biases (checked just before, where it has any) and from
   * its results, checked before that. Returns how many there are.
   */
  checkTotals(state: number, m0: number, rows: number, n0: number, columns: number, withBias: boolean): number {
    const { TMI, TSMO, AM, BN, CNI, X } = this.configured();
    if (TMI < 1) this.position.fault(diag.programFault, `slot TMI is ${TMI}, expected at least 1`);
    const copied = (count: number): number => (CNI === 0 ? count : Math.min(count, CNI));
    const all = X === 0 ? copied(BN) : AM;
    if (TSMO < all) this.position.fault(diag.programFault, `totals overlap: stride TSMO ${TSMO} for ${all} channels`);
    const [pixel, pixels] = X === 0 ? [m0, rows] : [n0, columns];
    const [first, last] = [Math.floor(pixel / TMI), Math.floor((pixel + pixels - 1) / TMI)];
    const { from, to } = this.checked;
    const [low, high] = this.channels(m0, rows, n0, columns);
    this.low = 2 * (first * TSMO + low);
    this.high = 2 * (last * TSMO + high) + 1;
    this.checkSpan('total', state, 8);
    const meets = (a: number, b: number): boolean => this.checked.from < b && a < this.checked.to;
    if (meets(from, to)) this.position.fault(diag.programFault, 'results overlap the totals');
    if (withBias && meets(this.biases.from, this.biases.to)) this.position.fault(diag.programFault, 'biases overlap the totals');
    this.checked.from = from;
    this.checked.to = to;
    return (last - first + 1) * (X === 0 ? copied(columns) : rows);
  }

  /** The first and the last channel of a block of results. */
  private channels(m0: number, rows: number, n0: number, columns: number): readonly [number, number] {
    const { X, CNI } = this.configured();
    if (X !== 0) return [m0, m0 + rows - 1];
    if (CNI === 0) return [n0, n0 + columns - 1];
    const first = n0 % CNI;
    return first + columns > CNI ? [0, CNI - 1] : [first, first + columns - 1];
  }

  /** Whether results of different blocks lie apart as well. */
  resultsApart(): boolean {
    const { AM, BN } = this.configured();
    return this.apart(0, AM, 0, BN);
  }

  private checkPatches(): void {
    const config = this.configured();
    for (const name of MATRIX_SLOTS) {
      const least = LEAST[name];
      if (least !== undefined && config[name] < least)
        this.position.fault(diag.programFault, `slot ${name} of the patch matrix is ${config[name]}, expected at least ${least}`);
    }
    const { P, Q, R, S, SH, SW, DH, DW, PT, PL } = config;
    const largest = {
      'P × Q': P * Q,
      'R × S': R * S,
      'a row': P * Math.abs(SH) + R * Math.abs(DH) + Math.abs(PT),
      'a column': Q * Math.abs(SW) + S * Math.abs(DW) + Math.abs(PL),
    };
    for (const [what, size] of Object.entries(largest)) {
      if (size >= 2 ** 31) this.position.fault(diag.programFault, `${what} of the patch matrix may reach ${size}, beyond 32 bits`);
    }
    this.patchesChecked = true;
  }

  /** The configuration as the instructions so far have set it. */
  configured(): Readonly<Record<MatrixSlot, number>> {
    if (!this.current) {
      for (const name of MATRIX_SLOTS) this.config[name] = this.slots[SLOT[name]] ?? 0;
      this.current = true;
    }
    return this.config;
  }

  private clip(what: string, from: number, extent: number, block: number): number {
    if (from < 0 || from >= extent)
      return this.position.fault(diag.outOfRange, `${what} ${from} is outside of the operand, which has ${extent}`);
    return Math.min(block, extent - from);
  }

  /** Covers floor(i/inner)·outerStride + (i mod inner)·innerStride for `count` indices from `first` on. */
  private coverIndices(name: MatrixSlot, first: number, count: number, inner: number, outerStride: number, innerStride: number): void {
    if (inner < 1) this.position.fault(diag.programFault, `slot ${name} is ${inner}, expected at least 1`);
    const last = first + count - 1;
    const from = Math.floor(first / inner);
    const to = Math.floor(last / inner);
    this.low = Number.POSITIVE_INFINITY;
    this.high = Number.NEGATIVE_INFINITY;
    this.cover(from * outerStride + (first - from * inner) * innerStride);
    this.cover(to * outerStride + (last - to * inner) * innerStride);
    if (from === to) return;
    const end = (inner - 1) * innerStride;
    this.cover(from * outerStride + end);
    this.cover(to * outerStride);
    if (to - from < 2) return;
    this.cover((from + 1) * outerStride);
    this.cover((from + 1) * outerStride + end);
    this.cover((to - 1) * outerStride);
    this.cover((to - 1) * outerStride + end);
  }

  /** Whether the result strides are nested: each steps over all that the smaller ones reach, so that no two results meet. */
  private apart(m0: number, rows: number, n0: number, columns: number): boolean {
    const config = this.configured();
    if (isResultPacked(config)) return areResultsApart(config, m0, rows, n0, columns);
    const { CMI } = config;
    const groups = Math.floor((m0 + rows - 1) / CMI) - Math.floor(m0 / CMI) + 1;
    const inner = groups > 1 ? CMI : rows;
    // Blocks of one product have the same extents but for the last ones.
    if (groups !== this.nested.groups || inner !== this.nested.inner || columns !== this.nested.columns)
      this.nested = { groups, inner, columns, apart: this.areNested(groups, inner, columns) };
    return this.nested.apart;
  }

  private areNested(groups: number, inner: number, columns: number): boolean {
    const { CSMO, CSMI, CSN } = this.configured();
    const axes = [
      { count: groups, stride: Math.abs(CSMO) },
      { count: inner, stride: Math.abs(CSMI) },
      { count: columns, stride: Math.abs(CSN) },
    ].sort((a, b) => a.stride - b.stride);
    let reach = 0;
    for (const { count, stride } of axes) {
      if (count === 1) continue;
      if (stride <= reach) return false;
      reach += (count - 1) * stride;
    }
    return true;
  }

  private cover(offset: number): void {
    if (offset < this.low) this.low = offset;
    if (offset > this.high) this.high = offset;
  }

  /** Adds index × stride, the index running from `first` to `last`. */
  private extend(first: number, last: number, stride: number): void {
    this.low += Math.min(first * stride, last * stride);
    this.high += Math.max(first * stride, last * stride);
  }

  private checkSpan(what: string, base: number, size: number): void {
    const from = base + this.low * size;
    const to = base + (this.high + 1) * size;
    if (from < 0 || to > this.globalBytes) {
      this.position.fault(diag.outOfRange, `${what} covers bytes ${from} to ${to} of the global buffer, which has ${this.globalBytes}`);
    }
    this.checked.from = from;
    this.checked.to = to;
    if (base % size !== 0) this.position.fault(diag.outOfRange, `${what} at byte ${base} is not aligned to ${size} bytes`);
  }
}
