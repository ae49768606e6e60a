import { inflateRawSync } from 'node:zlib';
import { readNpy } from '../src/tensor-file/npy.ts';
import type { FileTensor } from '../src/tensor-file/tensor.ts';

const END_OF_DIRECTORY = 0x06054b50;

/** The arrays of a .npz file, by name: a zip archive of .npy files. */
export function readNpz(file: Buffer): Map<string, FileTensor> {
  let end = file.length - 22;
  while (end > 0 && file.readUInt32LE(end) !== END_OF_DIRECTORY) end--;
  const arrays = new Map<string, FileTensor>();
  let at = file.readUInt32LE(end + 16);
  for (let i = 0; i < file.readUInt16LE(end + 10); i++) {
    const [method, size, local] = [file.readUInt16LE(at + 10), file.readUInt32LE(at + 20), file.readUInt32LE(at + 42)];
    const [name, extra, comment] = [28, 30, 32].map((field) => file.readUInt16LE(at + field)) as [number, number, number];
    const title = file.toString('utf8', at + 46, at + 46 + name);
    const from = local + 30 + file.readUInt16LE(local + 26) + file.readUInt16LE(local + 28);
    const data = file.subarray(from, from + size);
    arrays.set(title.replace(/\.npy$/, ''), readNpy(method === 0 ? data : inflateRawSync(data), title));
    at += 46 + name + extra + comment;
  }
  return arrays;
}
