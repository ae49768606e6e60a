import type { Call } from './call.ts';

/** The entry of `names` that the slot OP numbers. */
export function opOf<T extends string>(call: Call, names: readonly T[]): T {
  const op = call.int('OP');
  return names[op] ?? call.fault(`OP is ${op}, and there are ${names.length} functions`);
}
