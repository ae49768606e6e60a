import type { Call } from './call.ts';
import type { Need } from './semantics.ts';

/** OP numbers one of the functions that the instruction takes. */
export const numbersOneOf = (names: readonly string[]): Need => ({
  text: `OP is below ${names.length}`,
  holds: (call) => call.int('OP') < names.length,
});

/** The entry of `names` that the slot OP numbers. */
export function opOf<T extends string>(call: Call, names: readonly T[]): T {
  return names[call.int('OP')] ?? call.fault(`there is no function ${call.int('OP')}`);
}
