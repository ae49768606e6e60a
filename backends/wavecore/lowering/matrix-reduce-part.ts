import type { MatrixWork } from '../../../passes/mbs/network.ts';
import { blockRows, isExchanged, type ReducePart, reducePart } from '../../../passes/mbs/shape.ts';
import type { StepContext } from './context.ts';
import { ZERO } from './emitter.ts';
import { emitProduct, type MatrixConfig, offset, packsOf, type RowWindow, type WaveCounters, workOf } from './matrix.ts';

/** What one chunk adds to a panel of a weight gradient: registers with addresses, and extents. */
export interface ReduceTarget {
  readonly samples: number;
  readonly window: RowWindow;
  readonly moving: number;
  /** Channels of the input and of the output gradient that lie there. */
  readonly movingChannels: number;
  readonly stationary: number;
  readonly stationaryChannels: number;
  /** Rows of the panel, in taps of the filter, and its columns. */
  readonly rows: number;
  readonly columns: number;
  readonly result: number;
  /** Register: not 0 where the sums add to what is there. */
  readonly add: number;
}

/** Emits the product of one chunk, pack by pack of channel groups. */
export function emitReducePart(ctx: StepContext, target: ReduceTarget, counters: WaveCounters): void {
  const work = workOf(ctx);
  const { geometry: g, groups } = work;
  const { window, samples } = target;
  const part = reducePart(work, ctx.options);
  const height = window.grid[1] - window.grid[0];
  const imageHeight = window.image[1] - window.image[0];
  const imagePixels = imageHeight * g.W;
  const pixels = height * g.Q;
  const reduction = samples * height * part.span;
  const rowsOfGroup = (target.rows / g.S) * part.taps;
  for (const pack of packsOf(groups, part.groups)) {
    const columns = pack.groups * (groups > 1 ? work.n : target.columns);
    const rows = pack.groups * rowsOfGroup;
    const all = part.copies * columns;
    const exchanged = groups === 1 && part.copies === 1 && isExchanged(ctx.options, rows, all, reduction);
    const [own, other] = exchanged ? [all, rows] : [rows, all];
    const block = blockRows(ctx.options, own);
    ctx.e.scope(() => {
      const config: MatrixConfig = {
        AM: own,
        AK: reduction,
        AT: 1,
        P: height,
        Q: part.span,
        R: g.R,
        S: part.taps,
        H: imageHeight,
        W: g.W,
        SH: g.strideH,
        SW: g.strideW,
        DH: g.dilationH,
        DW: g.dilationW * part.copies,
        PT: g.padTop + window.image[0] - window.grid[0] * g.strideH,
        PL: g.padLeft,
        UH: 1,
        UW: 1,
        ASN: target.movingChannels * imagePixels,
        ASC: imagePixels,
        AMB: block === ctx.options.waveRows ? 0 : block,
        BK: reduction,
        BN: other,
        ...gradientOf(work, part, target, height, columns),
        ...(exchanged ? { CMI: all, CSMO: 0, CSMI: target.rows, CSN: 1, X: 1 } : resultOf(work, part, target, pack.groups, columns)),
      };
      const steps = { moving: (g.C / groups) * imagePixels * 2, stationary: work.n * pixels * 2, result: work.n * target.rows * 4 };
      const input = { at: offset(ctx, target.moving, pack.first * steps.moving), step: steps.moving * pack.groups };
      const gradient = { at: offset(ctx, target.stationary, pack.first * steps.stationary), step: steps.stationary * pack.groups };
      const [moving, stationary] = exchanged ? [gradient, input] : [input, gradient];
      emitProduct(
        ctx,
        config,
        {
          ...{ rows: own, blockRows: block, columns: other, reduction, packs: pack.count, moving, stationary },
          firstReduction: ZERO,
          result: { at: offset(ctx, target.result, pack.first * steps.result), step: steps.result * pack.groups },
          f32: true,
          add: target.add,
          drain: true,
        },
        counters,
      );
    });
  }
}

/** The output gradient, copies of it shifted along its rows, with nothing beyond their ends. */
function gradientOf({ geometry: g }: MatrixWork, part: ReducePart, target: ReduceTarget, height: number, columns: number): MatrixConfig {
  const pixels = height * g.Q;
  const sample = { BSKO: target.stationaryChannels * pixels, BSKI: 1, BSN: pixels };
  if (part.copies === 1) return { ...sample, BKI: pixels };
  return { ...sample, BKI: part.span, BKM: height, BSKM: g.Q, BNI: columns, BSNO: -part.shift, BW: g.Q, BWS: part.shift };
}

/** Columns hold the taps of all rows; rows of other channel groups, and taps behind the last one, are left out. */
function resultOf({ geometry: g, n }: MatrixWork, part: ReducePart, { rows }: ReduceTarget, groups: number, columns: number): MatrixConfig {
  const { copies, taps } = part;
  const own = groups === 1 ? {} : { CGM: (rows / g.S) * taps, CGN: n };
  if (copies === 1) return { CMI: rows, CSMO: 0, CSMI: 1, CSN: rows, ...own };
  const beside = { CNI: columns, CSNO: 1, CW: taps * copies === g.S ? 0 : g.S };
  return { CMI: taps, CSMI: copies, CMM: rows / g.S, CSMM: g.S, CSMO: 0, CSN: rows, ...beside, ...own };
}
