import { diag } from '../../../ir/diagnostics.ts';
import { fieldIndex, MAX_FIELDS } from '../isa/layout.ts';
import { settingPlaces } from '../isa/settings.ts';
import type { Core, Handler } from './core.ts';
import { UNIT } from './timing.ts';

const LA = fieldIndex('la');
const MAC = fieldIndex('mac');
const PAR = fieldIndex('par');
const LOOP = fieldIndex('loop');
const SKIP = fieldIndex('skipz');
const CORE = fieldIndex('core');

/** Registers hold 48-bit two's complement numbers. */
const LIMIT = 2 ** 47;

function setRegister(core: Core, rd: number, value: number): void {
  if (value >= LIMIT || value < -LIMIT)
    core.position.fault(diag.programFault, `register ${rd} would hold ${value}, which needs more than 48 bits`);
  core.registers[rd] = value;
  // Register 0 reads 0 whatever is written to it.
  core.registers[0] = 0;
}

const operand = (core: Core, pc: number, field: number): number => core.operands[pc * MAX_FIELDS + field] ?? 0;
const register = (core: Core, pc: number, field: number): number => core.registers[operand(core, pc, field)] ?? 0;

export const loadAddress: Handler = (core, pc) => {
  core.timing.step();
  setRegister(core, operand(core, pc, LA.rd), operand(core, pc, LA.base) + register(core, pc, LA.rs) * operand(core, pc, LA.scale));
  return pc + 1;
};

export const multiplyAdd: Handler = (core, pc) => {
  core.timing.step();
  setRegister(core, operand(core, pc, MAC.rd), register(core, pc, MAC.rd) + register(core, pc, MAC.rs) * operand(core, pc, MAC.scale));
  return pc + 1;
};

export const selectHalf: Handler = (core, pc) => {
  core.timing.step();
  const odd = register(core, pc, PAR.rs) % 2 !== 0;
  setRegister(core, operand(core, pc, PAR.rd), operand(core, pc, PAR.base) + (odd ? operand(core, pc, PAR.scale) : 0));
  return pc + 1;
};

export const openLoop: Handler = (core, pc) => {
  core.timing.step();
  setRegister(core, operand(core, pc, LOOP.rd), 0);
  core.loopBody[core.depth] = pc + 1;
  core.loopLeft[core.depth] = operand(core, pc, LOOP.count);
  core.depth++;
  return pc + 1;
};

export const closeLoop: Handler = (core, pc) => {
  core.timing.step();
  const top = core.depth - 1;
  const body = core.loopBody[top] ?? 0;
  const opener = body - 1;
  const rd = operand(core, opener, LOOP.rd);
  setRegister(core, rd, (core.registers[rd] ?? 0) + operand(core, opener, LOOP.step));
  const left = (core.loopLeft[top] ?? 0) - 1;
  core.loopLeft[top] = left;
  if (left > 0) return body;
  core.depth = top;
  return pc + 1;
};

export const skipIfZero: Handler = (core, pc) => {
  core.timing.step();
  return register(core, pc, SKIP.rs) === 0 ? (core.image.targets[pc] ?? 0) : pc + 1;
};

export const skipIfNotZero: Handler = (core, pc) => {
  core.timing.step();
  return register(core, pc, SKIP.rs) !== 0 ? (core.image.targets[pc] ?? 0) : pc + 1;
};

export const fence: Handler = (core, pc) => {
  core.timing.fence();
  return pc + 1;
};

export const numberOfCore: Handler = (core, pc) => {
  core.timing.step();
  setRegister(core, operand(core, pc, CORE.rd), core.index);
  return pc + 1;
};

export const barrier: Handler = (core, pc) => {
  core.timing.fence();
  core.waiting = true;
  return pc + 1;
};

export const halt: Handler = () => -1;

export function configureVector(op: 'v.cfg' | 'v.cfg4'): Handler {
  const places = settingPlaces(op);
  return (core, pc) => {
    const ready = core.ready(pc, core.timing.issue(UNIT.vector));
    for (const { slot, behind, value } of places) core.vector.slots[operand(core, pc, slot) + behind] = operand(core, pc, value);
    core.post(pc, core.timing.vector(ready, 1));
    return pc + 1;
  };
}

export const syncVector: Handler = (core, pc) => {
  core.post(pc, core.timing.vector(core.ready(pc, core.timing.issue(UNIT.vector)), 0));
  return pc + 1;
};
