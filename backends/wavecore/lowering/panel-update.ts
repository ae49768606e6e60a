import { diag, fail } from '../../../ir/diagnostics.ts';
import type { MatrixWork, UpdateWork } from '../../../passes/mbs/network.ts';
import type { Panel } from '../../../passes/mbs/schedule.ts';
import { elementBytes, pieceColumns } from '../../../passes/mbs/transfers.ts';
import { floatBits } from '../isa/float.ts';
import { type StepContext, TOKEN } from './context.ts';
import { type DmaRows, emitDma } from './dma.ts';
import { type Affine, constant, plus, times, ZERO } from './emitter.ts';
import { workOf } from './matrix.ts';
import { pipelined, type Turn } from './turns.ts';
import { UPDATE_KINDS, type UpdateKind } from './update-kinds.ts';
import { configure } from './vector-operands.ts';

/** The update behind the last iteration of a weight gradient: finished panels pass the vector unit in pieces of whole columns. */
export class PanelUpdate {
  private readonly ctx: StepContext;
  private readonly work: MatrixWork;
  private readonly update: UpdateWork;
  private readonly kind: UpdateKind;
  /** Columns of a piece. */
  private readonly columns: number;
  private readonly alternates: boolean;
  /** Count pieces that are loaded, and that are updated. */
  private readonly loads: number;
  private readonly turns: number;

  constructor(ctx: StepContext, update: UpdateWork, panel: Panel) {
    const { e, view } = ctx;
    this.ctx = ctx;
    this.work = workOf(ctx);
    this.update = update;
    this.kind = UPDATE_KINDS[update.kind] ?? fail(diag.internal({ layer: view.layer.name }, `no update code for ${update.kind}`));
    this.columns = pieceColumns(panel);
    this.alternates = ctx.block(`out${update.weight}`).halves === 2;
    this.loads = e.register();
    this.turns = e.register();
    for (const counter of [this.loads, this.turns]) e.assign(counter, ZERO);
  }

  /** Emits `body` where the sums are complete, or where they are not. */
  when(complete: boolean, body: () => void): void {
    this.ctx.e.when(this.ctx.iteration.remaining, complete ? 'zero' : 'nonzero', body);
  }

  /** Before the first panel; the operands that are taken whole are loaded, or being loaded. */
  begin(): void {
    const { e } = this.ctx;
    this.when(true, () => {
      e.op('d.ld_sync', {}, { signal: [TOKEN.shared] });
      e.op('v.sync', {}, { wait: [TOKEN.shared] });
      this.beginStep();
      if (this.alternates) e.op('d.ld_sync', {}, { signal: [TOKEN.pieceFree, TOKEN.pieceFree] });
    });
  }

  /** The words of this step, as `step_control` makes them for the other parameters; nothing but the betas of Adam depends on the optimizer. */
  private beginStep(): void {
    const { ctx, update } = this;
    const { attrs } = ctx.view.layer;
    const beta = (name: string): number => {
      const value = attrs[name] ?? ctx.view.record.attrs[name]?.default;
      return typeof value === 'number' ? floatBits(value) : 0;
    };
    configure(ctx, { BETA1: beta('beta1'), BETA2: beta('beta2'), INTERVAL: 0, DYNAMIC: 0 });
    ctx.e.op('v.step', { control: ctx.shared('in', update.control), rate: ctx.shared('in', update.rate) });
  }

  /**
   * Updates the weights of a finished panel: rows [rows.offset, …) of the columns [columns.offset, …), which lie at the address in register
   * `panel` one column behind the other. The panel is computed when TOKEN.ready is there.
   */
  panel(panel: number, rows: Turn, columns: Turn): void {
    const { ctx, kind, update } = this;
    const { e } = ctx;
    e.op('v.sync', {}, { wait: [TOKEN.ready] });
    e.scope(() => kind.before?.(ctx, update.control));
    pipelined(
      e,
      columns.size,
      this.columns,
      (piece) => {
        const tokens = { wait: this.alternates ? [TOKEN.pieceFree] : [], signal: [TOKEN.pieceLoaded] };
        emitDma(e, 'd.ld', this.rowsOf('in', rows, columns, piece), tokens);
        e.increment(this.loads);
      },
      (piece) => {
        e.op('v.sync', {}, { wait: [TOKEN.pieceLoaded] });
        configure(ctx, { COUNT: piece.size * rows.size });
        const grad = e.value(plus({ base: 0, terms: [{ reg: panel, scale: 1 }] }, times(piece.offset, rows.size * 4)));
        kind.streamed?.(ctx, (direction, i) => this.placeOf(direction, i, grad), true);
        e.op('v.sync', {}, { signal: [TOKEN.pieceReady] });
        const tokens = { wait: [TOKEN.pieceReady], signal: this.alternates ? [TOKEN.pieceFree] : [] };
        emitDma(e, 'd.st', this.rowsOf('out', rows, columns, piece), tokens);
        e.increment(this.turns);
      },
    );
  }

  /** Behind the last panel. */
  end(): void {
    if (!this.alternates) return;
    this.when(true, () => this.ctx.e.op('d.st_sync', {}, { wait: [TOKEN.pieceFree, TOKEN.pieceFree] }));
  }

  /** Where operand `i` of the update alone lies; its gradient, behind the tensors that it keeps, is in the panel. */
  private placeOf(direction: 'in' | 'out', i: number, grad: number): number {
    const { inputs, weight } = this.update;
    if (direction === 'out') return this.blockOf(`out${weight}`, this.turns);
    const kept = inputs[i];
    return kept === undefined ? grad : this.blockOf(`in${kept}`, this.turns);
  }

  private blockOf(name: string, counter: number): number {
    const { ctx } = this;
    const { address, bytes, halves } = ctx.block(name);
    return halves === 1 ? ctx.e.value(constant(address)) : ctx.e.half(address, bytes, counter);
  }

  /** What a piece of the panel is updated with, or what comes of it, as it lies in DRAM: one row for each column of the product. */
  private rowsOf(direction: 'in' | 'out', rows: Turn, columns: Turn, piece: Turn): DmaRows[] {
    const { ctx, update, work } = this;
    const { inputs, weight } = update;
    const column: Affine = plus(columns.offset, piece.offset);
    const positions = direction === 'in' ? inputs : [...inputs.map((_, i) => i + 1), weight];
    return positions.map((i) => {
      const operand = ctx.operand(direction, i);
      const width = elementBytes(operand);
      const dram = plus(plus(constant(ctx.options.address(operand.tensor)), times(column, work.m * width)), times(rows.offset, width));
      const whole = rows.size === work.m;
      const rowBytes = rows.size * width * (whole ? piece.size : 1);
      return {
        dram: ctx.e.value(dram),
        global: this.blockOf(ctx.blockName(direction, i), direction === 'in' ? this.loads : this.turns),
        rows: whole ? 1 : piece.size,
        rowBytes,
        dramStride: whole ? rowBytes : work.m * width,
        globalStride: rowBytes,
      };
    });
  }
}
