import type { Emitter } from './emitter.ts';

/** One DMA transfer pattern between DRAM and the global buffer. */
export interface DmaRows {
  /** Registers that hold the addresses of the first row. */
  readonly dram: number;
  readonly global: number;
  readonly rows: number;
  readonly rowBytes: number;
  /** Bytes from row to row; equal to `rowBytes` where the rows are packed. */
  readonly dramStride: number;
  readonly globalStride: number;
}

export interface Tokens {
  readonly wait?: readonly number[];
  readonly signal?: readonly number[];
}

const MAX_ROW_BYTES = 2 ** 24;

/** A pattern of one contiguous run. */
export function run(dram: number, global: number, bytes: number): DmaRows {
  return { dram, global, rows: 1, rowBytes: bytes, dramStride: bytes, globalStride: bytes };
}

/** Emits transfers that share one set of tokens: the first waits, the last signals. */
export function emitDma(e: Emitter, op: 'd.ld' | 'd.st', list: readonly DmaRows[], tokens: Tokens = {}): void {
  list.forEach((rows, i) => {
    const mine = { wait: i === 0 ? tokens.wait : undefined, signal: i === list.length - 1 ? tokens.signal : undefined };
    emitOne(e, op, rows, { ...(mine.wait && { wait: mine.wait }), ...(mine.signal && { signal: mine.signal }) });
  });
}

function emitOne(e: Emitter, op: 'd.ld' | 'd.st', t: DmaRows, tokens: Tokens): void {
  if (t.rows > 1 && t.globalStride !== t.rowBytes) {
    emitScattered(e, op, t, tokens);
    return;
  }
  let { rows, rowBytes } = t;
  const contiguous = t.dramStride === rowBytes || rows === 1;
  while (contiguous && rowBytes >= MAX_ROW_BYTES && rowBytes % 2 === 0) {
    rows *= 2;
    rowBytes /= 2;
  }
  e.op(op, { dram: t.dram, global: t.global, rowBytes, rows, dramStride: contiguous ? rowBytes : t.dramStride }, tokens);
}

/** Rows that are not packed in the global buffer move one by one. */
function emitScattered(e: Emitter, op: 'd.ld' | 'd.st', t: DmaRows, tokens: Tokens): void {
  e.scope(() => {
    const dram = e.register();
    const global = e.register();
    e.assign(dram, { base: 0, terms: [{ reg: t.dram, scale: 1 }] });
    e.assign(global, { base: 0, terms: [{ reg: t.global, scale: 1 }] });
    const one = (own: Tokens): void => {
      e.op(op, { dram, global, rowBytes: t.rowBytes, rows: 1, dramStride: t.rowBytes }, own);
      e.op('la', { rd: dram, rs: dram, scale: 1, base: t.dramStride });
      e.op('la', { rd: global, rs: global, scale: 1, base: t.globalStride });
    };
    one(tokens.wait === undefined ? {} : { wait: tokens.wait });
    e.plainLoop(t.rows - 2, 1, () => one({}));
    one(tokens.signal === undefined ? {} : { signal: tokens.signal });
  });
}
