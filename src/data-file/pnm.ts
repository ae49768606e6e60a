import { diag, fail } from '../../ir/diagnostics.ts';

/** An image with its channels one behind the other. */
export interface Picture {
  readonly channels: 1 | 3;
  readonly height: number;
  readonly width: number;
  readonly pixels: Uint8Array;
}

/** Magic, then width, height and greatest value, apart by white space or comments, then one white space. */
const HEADER = /^P([56])(?:\s|#[^\n]*\n)+(\d+)(?:\s|#[^\n]*\n)+(\d+)(?:\s|#[^\n]*\n)+(\d+)\s/;
const HEADER_LIMIT = 1024;

/**
 * Reads a binary PGM (grey) or PPM (red, green, blue) image of 8 bits.
 * @throws WavecError BAD_IMAGE
 */
export function readPnm(bytes: Uint8Array, file: string): Picture {
  const bad = (reason: string): never => fail(diag.badImage({ file }, reason));
  const match = HEADER.exec(new TextDecoder('latin1').decode(bytes.subarray(0, HEADER_LIMIT)));
  if (match === null) return bad('it is no binary PGM or PPM file');
  const [head, kind, ...sizes] = match;
  const [width = 0, height = 0, most = 0] = sizes.map(Number);
  if (most !== 255) bad(`its greatest value is ${most}, and only 255 is read`);
  const channels = kind === '5' ? 1 : 3;
  const data = bytes.subarray(head.length);
  const plane = width * height;
  if (plane === 0 || data.length !== channels * plane)
    bad(`${width}x${height} pixels take ${channels * plane} bytes, and there are ${data.length}`);
  const pixels = new Uint8Array(channels * plane);
  for (let p = 0; p < plane; p++) for (let c = 0; c < channels; c++) pixels[c * plane + p] = data[p * channels + c] ?? 0;
  return { channels, height, width, pixels };
}
