import { layoutOf, rangeOf } from '../isa/layout.ts';
import { CONFIGURING, type Setting, settingPlaces } from '../isa/settings.ts';

export type ConfiguredUnit = keyof typeof CONFIGURING;
export const CONFIGURED_UNITS = Object.keys(CONFIGURING) as readonly ConfiguredUnit[];

/** Values of configuration slots by number. */
export type SlotValues = ReadonlyMap<number, number>;

/** What one instruction sets. */
export interface Step {
  readonly op: (typeof CONFIGURING)[ConfiguredUnit]['pair' | 'four'];
  readonly settings: readonly Setting[];
}

export function slotValues<S extends string>(slots: readonly S[], values: Partial<Readonly<Record<S, number>>>): SlotValues {
  return new Map(slots.flatMap((name, slot) => (values[name] === undefined ? [] : [[slot, values[name]] as const])));
}

/**
 * The fewest instructions after which slots hold what is wanted and none that is known holds anything else. Wide values go two by two,
 * or with a neighbour that is to change too; of a slot next to a wide value it may be that nothing is wanted or known: it becomes 0.
 */
export function stepsTo(unit: ConfiguredUnit, wanted: SlotValues, known: SlotValues): Step[] {
  const { pair, four } = CONFIGURING[unit];
  const left = new Map([...wanted].filter(([slot, value]) => known.get(slot) !== value));
  const steps: Step[] = widePairs(left, (slot) => wanted.get(slot) ?? known.get(slot)).map((settings) => ({ op: pair, settings }));
  const rest = [...left].map(([slot, value]) => ({ slot, value }));
  const most = settingPlaces(four).length;
  for (let i = 0; i < rest.length; i += most) steps.push({ op: four, settings: rest.slice(i, i + most) });
  return steps;
}

/** Pairs of adjacent slots with all wide values that are left; takes out of `left` what they set. */
function widePairs(left: Map<number, number>, valueAt: (slot: number) => number | undefined): (readonly [Setting, Setting])[] {
  const pairs: (readonly [Setting, Setting])[] = [];
  const wide = [...left].filter(([, value]) => isWide(value)).map(([slot]) => slot);
  for (const first of wide.sort((a, b) => a - b)) {
    if (!left.has(first)) continue;
    let behind = first;
    while (wide.includes(behind)) behind++;
    // An odd run of wide values has room for the slot before it or for the one behind.
    const before = left.has(first - 1) || (valueAt(behind) === undefined && valueAt(first - 1) !== undefined);
    for (let slot = (behind - first) % 2 === 1 && before ? first - 1 : first; slot < behind; slot += 2) {
      pairs.push([
        { slot, value: valueAt(slot) ?? 0 },
        { slot: slot + 1, value: valueAt(slot + 1) ?? 0 },
      ]);
      left.delete(slot);
      left.delete(slot + 1);
    }
  }
  return pairs;
}

function isWide(value: number): boolean {
  return value < NARROW[0] || value > NARROW[1];
}

/** What a setting of four may have as its value, which is the same for all units. */
const NARROW = narrowRange();

function narrowRange(): readonly [number, number] {
  const { four } = CONFIGURING.matrix;
  const field = layoutOf(four)[settingPlaces(four)[0]?.value ?? 0];
  return field === undefined ? [0, 0] : rangeOf(field);
}
