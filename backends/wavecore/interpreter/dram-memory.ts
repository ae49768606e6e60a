import { diag, fail } from '../../../ir/diagnostics.ts';

const PAGE_BYTES = 2 ** 20;
/** The collector does not look at shared memory: hundreds of pages would set it off again and again. */
const PageBuffer = typeof SharedArrayBuffer === 'undefined' ? ArrayBuffer : SharedArrayBuffer;

/** The DRAM: bytes at addresses that may exceed 4 GiB, zero until written, kept in pages that exist once written. */
export class DramMemory {
  private readonly pages = new Map<number, Uint8Array>();
  private readonly limit: number;

  /** @param limit bytes that the pages may take */
  constructor(limit: number) {
    this.limit = limit;
  }

  read(address: number, into: Uint8Array): void {
    this.eachPiece(address, into.length, (page, offset, from, count) => {
      const bytes = this.pages.get(page);
      if (bytes === undefined) into.fill(0, from, from + count);
      else into.set(bytes.subarray(offset, offset + count), from);
    });
  }

  write(address: number, bytes: Uint8Array): void {
    this.eachPiece(address, bytes.length, (page, offset, from, count) => {
      let target = this.pages.get(page);
      if (target === undefined) {
        const needed = (this.pages.size + 1) * PAGE_BYTES;
        if (needed > Math.max(this.limit, PAGE_BYTES)) fail(diag.hostMemory({}, needed, this.limit));
        target = new Uint8Array(new PageBuffer(PAGE_BYTES));
        this.pages.set(page, target);
      }
      target.set(bytes.subarray(from, from + count), offset);
    });
  }

  private eachPiece(address: number, length: number, visit: (page: number, offset: number, from: number, count: number) => void): void {
    let from = 0;
    while (from < length) {
      const page = Math.floor((address + from) / PAGE_BYTES);
      const offset = address + from - page * PAGE_BYTES;
      const count = Math.min(length - from, PAGE_BYTES - offset);
      visit(page, offset, from, count);
      from += count;
    }
  }
}
