/** An IDX file. */
export function idxFile(shape: readonly number[], values: ArrayLike<number>, type = 0x08): Uint8Array {
  const header = new DataView(new ArrayBuffer(4 + 4 * shape.length));
  header.setUint8(2, type);
  header.setUint8(3, shape.length);
  shape.forEach((d, i) => {
    header.setUint32(4 + 4 * i, d);
  });
  return Uint8Array.from([...new Uint8Array(header.buffer), ...Array.from(values)]);
}

/** A PGM or PPM file of an image whose channels lie one behind the other. */
export function pnmFile([channels = 1, height = 1, width = 1]: readonly number[], pixels: ArrayLike<number>): Uint8Array {
  const plane = height * width;
  const data = Array.from({ length: channels * plane }, (_, i) => pixels[(i % channels) * plane + Math.floor(i / channels)] ?? 0);
  return Uint8Array.from([...new TextEncoder().encode(`P${channels === 1 ? 5 : 6}\n${width} ${height}\n255\n`), ...data]);
}
