import type { Call } from './call.ts';
import type { Need } from './semantics.ts';

/** The entry of `names` that the slot OP numbers. */
export function opOf<T extends string>(call: Call, names: readonly T[]): T {
  const op = call.int('OP');
  return names[op] ?? call.fault(`OP is ${op}, and there are ${names.length} functions`);
}

export function knownOp(names: readonly string[]): Need {
  return {
    text: `OP is one of ${names.map((name, i) => `${i} ${name}`).join(', ')}`,
    holds: (call) => names[call.int('OP')] !== undefined,
  };
}
