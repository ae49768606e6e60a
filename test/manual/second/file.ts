/** A tensor as the section `symbols` describes it. */
export interface Tensor {
  readonly name: string;
  readonly kind: string;
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly address: number;
  readonly bytes: number;
  readonly role: string;
  readonly initial?: { form: string; type?: string; offset?: number; count?: number; value?: number; tensor?: string };
}

export interface MachineSection {
  readonly clockHz: number;
  readonly coresPerChip: number;
  readonly array: { readonly rows: number; readonly columns: number; readonly waveRows: number };
  readonly buffers: { readonly globalBytes: number };
  readonly ports: { readonly fillBytesPerCycle: number; readonly stationaryBytesPerCycle: number; readonly drainBytesPerCycle: number };
  readonly vector: { readonly lanes: number; readonly startCycles: number };
  readonly dram: { readonly bytesPerSecond: number; readonly latencyCycles: number; readonly burstBytes: number };
  readonly queueDepth: number;
}

export interface Sections {
  readonly cores: number;
  readonly machine: MachineSection;
  readonly symbols: readonly Tensor[];
  readonly code: Uint8Array;
  readonly data: Uint8Array;
}

const HEADER = 16;
const ENTRY = 16;
const ALIGNMENT = 8;

/** The sections of a sound file, found by their ids as the chapter on the program file numbers them. */
export function readFile(file: Uint8Array, manual: string): Sections {
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  const ids = new Map([...manual.matchAll(/^\| (\d+) \| `(\w+)` \|$/gm)].map(([, id, name]) => [Number(id), name ?? '']));
  const count = view.getUint32(8, true);
  const found = new Map<string, Uint8Array>();
  let at = HEADER + count * ENTRY;
  for (let i = 0; i < count; i++) {
    const entry = HEADER + i * ENTRY;
    at = Math.ceil(at / ALIGNMENT) * ALIGNMENT;
    const length = Number(view.getBigUint64(entry + 4, true));
    found.set(ids.get(view.getUint32(entry, true)) ?? '', file.slice(at, at + length));
    at += length;
  }
  const json = (name: string) => JSON.parse(new TextDecoder().decode(found.get(name)));
  return {
    cores: json('meta').cores,
    machine: json('machine'),
    symbols: json('symbols'),
    code: found.get('code') ?? file,
    data: found.get('data') ?? file,
  };
}
