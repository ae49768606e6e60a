import { keeps, seedOf } from '../../../../ir/layers/random.ts';
import { flatBits, flatElements, flatHalves, maskBytes, once, read, type Semantics, times, write } from './semantics.ts';
import { onlyWith } from './size.ts';

export const dropout: Semantics<'v.dropout'> = {
  uses: {
    dst: write(2, flatHalves),
    mask: write(1, onlyWith('v.dropout', 'withMask', flatBits)),
    src: read(2, flatHalves),
  },
  elements: flatElements,
  passes: times(2),
  slots: ['SEED', 'STEP', 'RATIO', 'SCALE'],
  run: (call, dst: number, mask: number, src: number, sample0: number, withMask: number) => {
    const [count, stride] = [call.int('COUNT'), maskBytes(call)];
    const seed = seedOf(call.int('SEED'), call.float('STEP'));
    const [ratio, scale] = [call.float('RATIO'), call.float('SCALE')];
    for (let n = 0; n < call.int('N'); n++) {
      for (let block = 0; block < count; block += 8) {
        let byte = 0;
        for (let e = block; e < Math.min(block + 8, count); e++) {
          const keep = keeps(seed, sample0 + n, e, ratio);
          if (keep) byte |= 1 << (e & 7);
          call.setHalf(dst, n * count + e, keep ? call.half(src, n * count + e) * scale : 0);
        }
        if (withMask !== 0) call.u8[mask + n * stride + (block >> 3)] = byte;
      }
    }
  },
};

export const dropoutGrad: Semantics<'v.dropout_grad'> = {
  uses: { dst: write(2, flatHalves), dy: read(2, flatHalves), mask: read(1, flatBits) },
  elements: flatElements,
  passes: once,
  slots: ['SCALE'],
  run: (call, dst: number, dy: number, mask: number) => {
    const [count, stride, scale] = [call.int('COUNT'), maskBytes(call), call.float('SCALE')];
    for (let n = 0; n < call.int('N'); n++) {
      for (let e = 0; e < count; e++) {
        const i = n * count + e;
        call.setHalf(dst, i, call.bit(mask + n * stride, e) === 0 ? 0 : call.half(dy, i) * scale);
      }
    }
  },
};
