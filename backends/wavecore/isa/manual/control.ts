import type { Behaviour } from './behaviour.ts';

const STEP = '1 on the sequencer';
const CONFIGURE = 'slots[slot] = v0\nslots[slot + 1] = v1';
const CONFIGURE_FOUR = 'slots[slot0] = v0\nslots[slot1] = v1\nslots[slot2] = v2\nslots[slot3] = v3';

/** The sequencer, the DMA units, and the instructions of the other units that move no data. */
export const CONTROL = {
  halt: {
    code: 'wait until all units are idle\nend of the program: a fault where any token still has signals that nothing took',
    cycles: 'none',
  },
  la: { code: 'r[rd] = base + r[rs] × scale', cycles: STEP },
  mac: { code: 'r[rd] = r[rd] + r[rs] × scale', cycles: STEP },
  par: { code: 'r[rd] = base + (r[rs] is odd ? scale : 0)', cycles: STEP },
  loop: {
    code: `r[rd] = 0
push (loop = this instruction, left = count)`,
    cycles: STEP,
  },
  end: {
    code: `(loop, left) = top of the loop stack
r[loop.rd] = r[loop.rd] + loop.step
left = left − 1
if left > 0: continue with the instruction behind the loop instruction
else: pop; continue behind this instruction`,
    cycles: STEP,
  },
  skipz: { code: 'if r[rs] = 0: continue with the instruction count + 1 behind this one', cycles: STEP },
  skipnz: { code: 'if r[rs] ≠ 0: continue with the instruction count + 1 behind this one', cycles: STEP },
  fence: {
    code: 'wait until every instruction issued so far has completed',
    cycles: '1 on the sequencer, then until everything issued has completed',
  },
  core: { code: 'r[rd] = number of this core: 0…cores − 1', cycles: STEP },
  barrier: {
    code: 'wait until every instruction issued so far has completed\nwait until every core of the program has come so far with its next barrier',
    cycles: '1 on the sequencer, then until everything issued has completed, on this core and on every other up to its barrier',
  },
  'd.ld': {
    code: `for i < rows:
  global[r[global] + i × rowBytes + j] = dram[r[dram] + i × dramStride + j]   for j < rowBytes`,
    accesses: 'reads `rows` rows of `rowBytes` bytes of one tensor in DRAM; writes `rows × rowBytes` bytes of the global buffer',
    cycles: 'see *Timing*: burst-rounded bytes over the DRAM bandwidth, then the latency',
  },
  'd.st': {
    code: `for i < rows:
  dram[r[dram] + i × dramStride + j] = global[r[global] + i × rowBytes + j]   for j < rowBytes`,
    accesses: 'reads `rows × rowBytes` bytes of the global buffer; writes `rows` rows of `rowBytes` bytes of one tensor in DRAM',
    cycles: 'see *Timing*: burst-rounded bytes over the DRAM bandwidth, then the latency',
  },
  'd.ld_sync': { code: 'nothing but its tokens', cycles: '0; see *Timing*' },
  'd.st_sync': { code: 'nothing but its tokens', cycles: '0; see *Timing*' },
  'm.cfg': { code: CONFIGURE, cycles: 'none' },
  'm.cfg4': { code: CONFIGURE_FOUR, cycles: 'none' },
  'm.sync': { code: 'nothing but its tokens', cycles: 'none; see *Timing*' },
  'v.cfg': { code: CONFIGURE, cycles: '1' },
  'v.cfg4': { code: CONFIGURE_FOUR, cycles: '1' },
  'v.sync': { code: 'nothing but its tokens', cycles: '0' },
} as const satisfies Record<string, Behaviour>;
