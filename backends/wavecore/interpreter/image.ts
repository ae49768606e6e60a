import { MAX_FIELDS, specOf } from '../isa/layout.ts';
import type { DebugRange, Program } from '../program.ts';
import type { Handler } from './core.ts';
import { HANDLERS } from './handlers.ts';

/** The code of a program as flat arrays, one entry an instruction, for fast execution. */
export interface Image {
  readonly handlers: readonly Handler[];
  /** Operand f of instruction i lies at i × MAX_FIELDS + f, f counting the fields in the order declared. */
  readonly operands: Float64Array;
  /** Which operands are registers to be read: bit f for field f. */
  readonly registerFields: Uint8Array;
  /** Two tokens an instruction; 0: none. */
  readonly waits: Uint8Array;
  readonly signals: Uint8Array;
  /** Of a skip: the instruction that follows what it skips. */
  readonly targets: Int32Array;
  /** Index of the row of counts that the instruction belongs to; −1 outside of all layers. */
  readonly rows: Int32Array;
  readonly rowInfo: readonly RowInfo[];
}

/** A layer in a layer group. */
export type RowInfo = Omit<DebugRange, 'from' | 'to' | 'frees' | 'part'>;

export function imageOf(program: Program): Image {
  const { code, debug } = program;
  const operands = new Float64Array(code.length * MAX_FIELDS);
  const registerFields = new Uint8Array(code.length);
  const waits = new Uint8Array(code.length * 2);
  const signals = new Uint8Array(code.length * 2);
  const targets = new Int32Array(code.length);
  code.forEach((instruction, i) => {
    specOf(instruction.op).fields.forEach((field, f) => {
      operands[i * MAX_FIELDS + f] = instruction.operands[field.name] ?? 0;
      if (field.type === 'reg') registerFields[i] = (registerFields[i] ?? 0) | (1 << f);
    });
    waits.set(instruction.wait, i * 2);
    signals.set(instruction.signal, i * 2);
    targets[i] = i + 1 + (instruction.operands.count ?? 0);
  });
  const rows = new Int32Array(code.length).fill(-1);
  const rowInfo: RowInfo[] = [];
  const known = new Map<string, number>();
  for (const { from, to, frees: _, part: __, ...info } of debug) {
    const key = `${info.group} ${info.layer}`;
    let row = known.get(key);
    if (row === undefined) {
      row = rowInfo.push(info) - 1;
      known.set(key, row);
    }
    rows.fill(row, from, to);
  }
  return { handlers: code.map(({ op }) => HANDLERS[op]), operands, registerFields, waits, signals, targets, rows, rowInfo };
}
