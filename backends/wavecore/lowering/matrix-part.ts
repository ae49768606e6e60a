import { isReached, within } from '../../../passes/mbs/axes.ts';
import type { MatrixWork } from '../../../passes/mbs/network.ts';
import { blockRows, canExchange, isExchanged, type MapPart } from '../../../passes/mbs/shape.ts';
import type { Chunk, StepContext } from './context.ts';
import { constant, plus } from './emitter.ts';
import { configureMatrix, emitProduct, type MatrixConfig, offset, packsOf, type RowWindow, type WaveCounters, workOf } from './matrix.ts';
import { PAIR_BYTES } from './totals.ts';
import type { Turn } from './turns.ts';

/** What all parts of a forward or data-gradient product work on: registers with addresses, and extents. */
export interface MapTarget {
  readonly chunk: Chunk;
  readonly window: RowWindow;
  /** Columns of the weight panel. */
  readonly columns: number;
  readonly reduction: Turn;
  readonly moving: number;
  readonly stationary: number;
  readonly result: number;
  /** Channels that lie in the result. */
  readonly resultColumns: number;
  readonly bias?: number;
  /** Totals of the first channel. */
  readonly totals?: number;
  readonly drains: boolean;
}

/** Sizes of the moving operand and of the result, by form. */
interface Extents {
  readonly channels: number;
  readonly imageHeight: number;
  readonly imageWidth: number;
  readonly resultWidth: number;
  readonly resultPixels: number;
  /** Results of the part in the chunk: rows and columns of a sample, and rows of the operand. */
  readonly height: number;
  readonly width: number;
  /** Results of the axis before the chunk's first one. */
  readonly skipped: number;
}

/** A phase, and those without taps whose blocks of zeros drain behind its own. */
export interface HostPart {
  readonly part: MapPart;
  readonly guests: readonly MapPart[];
}

/**
 * The phases of a product as they are emitted. Zeros that drain block by block between those of sums hold up nothing; that takes as many results, at the
 * same distances.
 */
export function withGuests(parts: readonly MapPart[], { groups }: MatrixWork, { window }: Pick<MapTarget, 'window'>): HostPart[] {
  const countOf = ({ rows }: MapPart): number => within(rows, window.grid).count;
  const host = parts.find((part) => isReached(part) && part.copies === 1 && groups === 1);
  const isGuest = (part: MapPart): boolean =>
    host !== undefined && !isReached(part) && part.columns.count === host.columns.count && countOf(part) === countOf(host);
  return parts.filter((part) => !isGuest(part)).map((part) => ({ part, guests: part === host ? parts.filter(isGuest) : [] }));
}

/** Emits the results of one phase in a chunk and panel, pack by pack of channel groups. */
export function emitMapPart(ctx: StepContext, { part, guests }: HostPart, target: MapTarget, counters: WaveCounters): void {
  const work = workOf(ctx);
  const extents = extentsOf(work, part, target);
  if (extents.height === 0) return;
  const addressOf = (phase: MapPart): number => {
    const { skipped, resultWidth } = extentsOf(work, phase, target);
    const first = (phase.rows.first + skipped * phase.rows.step - target.window.grid[0]) * resultWidth + phase.columns.first;
    return offset(ctx, target.result, first * 2);
  };
  const result = addressOf(part);
  if (!isReached(part)) emitZeros(ctx, part, { ...target, result }, extents, counters);
  else
    for (const pack of packsOf(work.groups, part.groups))
      ctx.e.scope(() => emitPack(ctx, part, { ...target, result }, extents, pack, counters, guests.map(addressOf)));
}

function extentsOf({ form, geometry: g }: MatrixWork, { rows, columns, copies }: MapPart, { window }: MapTarget): Extents {
  const { skipped, count } = within(rows, window.grid);
  const forward = form === 'forward';
  const resultWidth = forward ? g.Q : g.W;
  return {
    channels: forward ? g.C : g.K,
    imageHeight: window.image[1] - window.image[0],
    imageWidth: forward ? g.W : g.Q,
    resultWidth,
    resultPixels: (window.grid[1] - window.grid[0]) * resultWidth,
    height: count,
    width: Math.ceil(columns.count / copies),
    skipped,
  };
}

function emitPack(
  ctx: StepContext,
  part: MapPart,
  target: MapTarget,
  extents: Extents,
  pack: { readonly first: number; readonly groups: number; readonly count: number },
  counters: WaveCounters,
  zeros: readonly number[],
): void {
  const work = workOf(ctx);
  const { geometry: g } = work;
  const { rows: R, columns: S } = part;
  const channels = extents.channels / work.groups;
  const imagePixels = extents.imageHeight * extents.imageWidth;
  const columns = pack.groups * (work.groups > 1 ? work.n : target.columns);
  const rows = target.chunk.samples * extents.height * extents.width;
  const whole = channels * R.taps * part.span * pack.groups;
  const plain = part.copies === 1 && part.groups === 1;
  const reduction = target.reduction.size === work.k ? whole : target.reduction.size;
  const all = part.copies * columns;
  const exchanged = target.reduction.size === work.k && canExchange(work, part) && isExchanged(ctx.options, rows, all, whole);
  const [own, other] = exchanged ? [all, rows] : [rows, all];
  const block = blockRows(ctx.options, own);
  const config: MatrixConfig = {
    AM: own,
    AK: whole,
    AT: 0,
    P: extents.height,
    Q: extents.width,
    R: R.taps,
    S: part.span,
    H: extents.imageHeight,
    W: extents.imageWidth,
    SH: R.stride,
    SW: S.stride * part.copies,
    DH: R.dilation,
    DW: S.dilation,
    PT: R.pad + target.window.image[0] - extents.skipped * R.stride,
    PL: S.pad,
    UH: 1,
    UW: 1,
    ASN: extents.channels * imagePixels,
    ASC: imagePixels,
    AMB: block === ctx.options.waveRows ? 0 : block,
    BK: reduction,
    BN: other,
    ...(work.form === 'forward' && plain ? rowMajor(reduction) : stationaryOf(work, part, target, pack.groups)),
    ...(exchanged ? turned(target, extents, columns) : resultOf(part, target, extents, columns)),
    ...(target.totals === undefined ? {} : { TMI: extents.height * extents.width, TSMO: work.columns }),
  };
  const tap = (R.tap * g.S + S.tap) * 2;
  const atGroup = (register: number, bytes: number): number => offset(ctx, register, pack.first * bytes);
  const step = {
    image: channels * imagePixels * 2,
    weights: work.n * work.k * 2,
    result: work.n * extents.resultPixels * 2,
  };
  const image = { at: atGroup(target.moving, step.image), step: step.image * pack.groups };
  const weights = { at: offset(ctx, target.stationary, tap + pack.first * step.weights), step: step.weights * pack.groups };
  const [moving, stationary] = exchanged ? [weights, image] : [image, weights];
  emitProduct(
    ctx,
    config,
    {
      ...{ rows: own, blockRows: block, columns: other, reduction, packs: pack.count, moving, stationary },
      firstReduction: target.reduction.offset,
      result: { at: atGroup(target.result, step.result), step: step.result * pack.groups },
      ...(target.bias === undefined ? {} : { bias: { at: atGroup(target.bias, work.n * 4), step: columns * 4 } }),
      ...(target.totals === undefined ? {} : { totals: { at: atGroup(target.totals, work.n * PAIR_BYTES), step: columns * PAIR_BYTES } }),
      f32: false,
      add: 0,
      drain: target.drains,
      zeros,
    },
    counters,
  );
}

/** Results whose rows are channels. */
function turned({ resultColumns }: MapTarget, { resultPixels }: Extents, channels: number): MatrixConfig {
  return { CMI: channels, CSMO: 0, CSMI: resultPixels, CNI: resultPixels, CSNO: resultColumns * resultPixels, CSN: 1, X: 1 };
}

/** A panel of a forward product: the reduction of one column after that of the other. */
function rowMajor(reduction: number): MatrixConfig {
  return { BKI: reduction, BSKO: 0, BSKI: 1, BSN: reduction };
}

/** Filter taps (r, s) in the order of the moving operand's, of all copies and of `groups` channel groups. */
function stationaryOf(work: MatrixWork, part: MapPart, { columns }: MapTarget, groups: number): MatrixConfig {
  const { geometry: g, form } = work;
  const { rows, columns: S, copies, span, shift } = part;
  const taps = g.R * g.S;
  const ofGroup = work.groups > 1 ? work.n : columns;
  const row = rows.tapStep * g.S;
  // Weights of a column lie together in a forward panel; in that of a gradient, those of a reduction channel do.
  const [channel, column] = form === 'forward' ? [taps, work.k] : [ofGroup * taps, taps];
  const channels = (form === 'forward' ? g.C : g.K) / work.groups;
  const pattern =
    copies === 1 && groups === 1
      ? {}
      : {
          BNI: groups * ofGroup,
          BSNO: 0 - shift * S.tapStep,
          BW: copies === 1 ? 0 : S.taps,
          BWS: shift,
          ...(groups === 1 ? {} : { BGN: ofGroup, BSNG: form === 'forward' ? ofGroup * column : 0, BGK: channels * rows.taps * span }),
        };
  // The groups of a forward panel begin again at the first channel of the reduction, which follows its rows without a gap.
  if (form === 'forward') return { BKI: span, BSKI: 1, BKM: channels * g.R, BSKM: g.S, BSKO: 0, BSN: column, ...pattern };
  const adjacent = copies === 1 && row === S.taps * S.tapStep;
  const window = adjacent ? { BKI: rows.taps * S.taps, BSKI: S.tapStep } : { BKI: span, BSKI: S.tapStep, BKM: rows.taps, BSKM: row };
  return { ...window, BSKO: channel, BSN: column, ...pattern };
}

/** Where the results of a part lie among those of all phases. */
function resultOf(part: MapPart, target: MapTarget, extents: Extents, columns: number): MatrixConfig {
  const { rows, columns: across, copies } = part;
  const { height, width, resultWidth, resultPixels } = extents;
  const sample = { CSMO: target.resultColumns * resultPixels, CSN: resultPixels };
  if (copies === 1 && across.step === 1 && rows.step === 1) return { ...sample, CMI: resultPixels, CSMI: 1 };
  const beside =
    copies === 1 ? {} : { CNI: columns, CSNO: across.step, CW: width * copies === across.count ? 0 : resultWidth - across.first };
  return { ...sample, CMI: width, CSMI: across.step * copies, CMM: height, CSMM: rows.step * resultWidth, ...beside };
}

/**
 * Results that no tap reaches: sums of one wave in which every cell is off, drained to all of them. A wave for each shape of
 * tile, because a drain takes as many sums as a wave has left.
 */
function emitZeros(ctx: StepContext, part: MapPart, target: MapTarget, extents: Extents, counters: WaveCounters): void {
  const { e, options } = ctx;
  const rows = target.chunk.samples * extents.height * extents.width;
  const config: MatrixConfig = {
    ...{
      AM: rows,
      AK: 1,
      AT: 0,
      P: 1,
      Q: 1,
      R: 1,
      S: 1,
      H: 0,
      W: 0,
      SH: 1,
      SW: 1,
      DH: 1,
      DW: 1,
      PT: 0,
      PL: 0,
      UH: 1,
      UW: 1,
      ASN: 0,
      ASC: 0,
    },
    ...{ BK: 1, BN: target.columns, BKI: 1, BSKO: 0, BSKI: 0, BSN: 0, BW: -1 },
    ...resultOf(part, target, extents, target.columns),
  };
  configureMatrix(ctx, config);
  for (const m of tiles(rows, options.waveRows)) {
    for (const n of tiles(target.columns, options.arrayColumns)) {
      e.scope(() => {
        const [m0, n0] = [e.value(constant(m.first)), e.value(constant(n.first))];
        const half = options.doubleBufferWeights ? counters.wave : 0;
        e.op('m.lda', { half: counters.wave, base: 0, m0, k0: 0 });
        e.op('m.ldb', { half, base: 0, k0: 0, n0 });
        e.op('m.mul', { a: counters.wave, b: half, c: counters.tile, first: 0 });
        e.increment(counters.wave);
        e.plainLoop(m.count, options.waveRows, (i) => {
          const row = e.value(plus(i, m.first));
          e.plainLoop(n.count, options.arrayColumns, (j) => {
            const n0 = e.value(plus(j, n.first));
            const withBias = target.bias === undefined ? 0 : 1;
            e.op('m.st', {
              c: counters.tile,
              base: target.result,
              m0: row,
              n0,
              bias: target.bias ?? 0,
              withBias,
              f32: 0,
              add: 0,
              zeros: 0,
            });
          });
        });
        e.increment(counters.tile);
      });
    }
  }
}

/** The full tiles of an extent, and the last one where it is shorter. */
function tiles(extent: number, size: number): { readonly first: number; readonly count: number }[] {
  const full = Math.floor(extent / size);
  return [...(full > 0 ? [{ first: 0, count: full }] : []), ...(extent % size > 0 ? [{ first: full * size, count: 1 }] : [])];
}
