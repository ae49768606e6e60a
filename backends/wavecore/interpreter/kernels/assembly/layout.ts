/**
 * Where things lie in the memory that all threads share: the global buffer from byte 0 on, then what threads meet at, the
 * configuration of the vector unit, the commands, and for every part its own matrix configuration, buffers and scratch space.
 * Every thread computes the layout from the same numbers.
 */

const LINE: usize = 64;
const PAGE: usize = 65536;
/** Bytes of the configuration of a unit: 128 slots. */
export const SLOTS_BYTES: usize = 512;
/** Between panels, so that the same place of different panels meets different cache sets. */
const PANEL_GAP: usize = 64;

/** Words: opcode, then up to 11 operands. */
export const COMMAND_BYTES: usize = 48;
export const COMMANDS: usize = 4096;
/** A plane of f32 that vector kernels may use within one instruction. */
export const SCRATCH_BYTES: usize = 1 << 20;

/** Parts into which every instruction is cut: one a thread. */
export let parts: i32 = 1;
export let control: usize = 0;
export let vectorSlots: usize = 0;
export let commands: usize = 0;
/** Bytes of a panel of the moving block, of the stationary block, and of the sums; see `wave`. */
export let panelA: usize = 0;
export let panelB: usize = 0;
export let panelC: usize = 0;

/** Where the flags of a stationary block lie in it: one byte for each panel, not 0 where a cell of the panel is off. */
export let offFlags: usize = 0;

let firstPart: usize = 0;
let partBytes: usize = 0;
let bytesA: usize = 0;
let bytesB: usize = 0;
let bytesC: usize = 0;

function lines(bytes: usize): usize {
  return (bytes + LINE - 1) & ~(LINE - 1);
}

/** Lays the memory out for an array of rows × columns and waves of `waveRows`; makes it large enough. */
export function layOut(globalBytes: i32, rows: i32, columns: i32, waveRows: i32, threads: i32): void {
  const quads = <usize>((waveRows + 3) >> 2);
  const octets = <usize>((columns + 7) >> 3);
  parts = threads;
  // The quads of rows of a block are shared out evenly.
  const quadsOfPart = (quads + <usize>threads - 1) / <usize>threads;
  panelA = (<usize>rows << 4) + PANEL_GAP;
  panelB = <usize>rows << 5;
  panelC = (quadsOfPart << 7) + PANEL_GAP;
  bytesA = lines(quadsOfPart * panelA);
  offFlags = lines(octets * panelB);
  bytesB = offFlags + lines(octets);
  bytesC = lines(octets * panelC);
  control = lines(globalBytes);
  vectorSlots = control + 2 * LINE;
  commands = vectorSlots + SLOTS_BYTES;
  firstPart = commands + COMMANDS * COMMAND_BYTES;
  partBytes = SLOTS_BYTES + 2 * (bytesA + bytesB + bytesC) + SCRATCH_BYTES;
  const pages = <i32>((firstPart + <usize>threads * partBytes + PAGE - 1) / PAGE);
  if (memory.size() < pages && memory.grow(pages - memory.size()) < 0) unreachable();
}

/** Matrix configuration of a part. */
export function matrixSlots(part: i32): usize {
  return firstPart + <usize>part * partBytes;
}

export function blockA(part: i32, half: i32): usize {
  return matrixSlots(part) + SLOTS_BYTES + <usize>half * bytesA;
}

export function blockB(part: i32, half: i32): usize {
  return blockA(part, 2) + <usize>half * bytesB;
}

export function sums(part: i32, half: i32): usize {
  return blockB(part, 2) + <usize>half * bytesC;
}

export function scratch(part: i32): usize {
  return sums(part, 2);
}

/** First of `total` units that part `part` works on; the next part begins where it ends, behind the last part there are none. */
export function firstOf(total: i32, part: i32): i32 {
  return part < parts ? <i32>((<i64>total * part) / parts) : total;
}
