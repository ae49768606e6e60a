import { layoutOf } from './layout.ts';
import { slotsOf } from './slots.ts';
import type { Instruction, Op, Operands } from './table.ts';

/** The instructions that set configuration slots of a unit: two adjacent ones to any values, or four to narrow ones. */
export const CONFIGURING = {
  matrix: { pair: 'm.cfg', four: 'm.cfg4' },
  vector: { pair: 'v.cfg', four: 'v.cfg4' },
} as const;

/** A configuration slot, by number, and what it is set to. */
export interface Setting {
  readonly slot: number;
  readonly value: number;
}

/** Where an instruction holds a setting: among its fields, that of a slot's number, how far behind it the slot is, and that of the value. */
export interface SettingPlace {
  readonly slot: number;
  readonly behind: number;
  readonly value: number;
}

/** The settings of an instruction in the order in which it makes them; none where it sets no slots by number. */
export function settingPlaces(op: Op): readonly SettingPlace[] {
  if (slotsOf(op) === undefined) return [];
  const names = layoutOf(op).map(({ name }) => name);
  return names
    .filter((name) => name.startsWith('v'))
    .map((name, i) => {
      const own = names.indexOf(`slot${i}`);
      return { slot: own < 0 ? names.indexOf('slot') : own, behind: own < 0 ? i : 0, value: names.indexOf(name) };
    });
}

/** The fields that hold numbers of slots. */
export function slotFields(op: Op): readonly string[] {
  return [...new Set(settingPlaces(op).map(({ slot }) => layoutOf(op)[slot]?.name ?? ''))];
}

export function settingsOf({ op, operands }: Instruction): Setting[] {
  const operand = (field: number): number => operands[layoutOf(op)[field]?.name ?? ''] ?? 0;
  return settingPlaces(op).map(({ slot, behind, value }) => ({ slot: operand(slot) + behind, value: operand(value) }));
}

/** Operands that make these settings, in order. Where there is room for more, the last one is repeated, or the slot that is set with it becomes 0. */
export function settingOperands<O extends Op>(op: O, settings: readonly Setting[]): Operands<O> {
  const fields = layoutOf(op);
  const [first, last] = [settings[0], settings.at(-1)];
  return Object.fromEntries(
    settingPlaces(op).flatMap(({ slot, behind, value }, i) => [
      [fields[slot]?.name, (behind === 0 ? (settings[i] ?? last) : first)?.slot],
      [fields[value]?.name, (settings[i] ?? (behind === 0 ? last : undefined))?.value ?? 0],
    ]),
  ) as Operands<O>;
}

/** The settings of an instruction without those at its end that only fill it. */
export function ownSettings(instruction: Instruction): Setting[] {
  const settings = settingsOf(instruction);
  const slots = slotsOf(instruction.op)?.length ?? 0;
  const fills = ({ slot, value }: Setting, before?: Setting): boolean =>
    slot >= slots ? value === 0 : slot === before?.slot && value === before.value;
  for (let i = settings.length - 1; i > 0; i--) {
    const [setting, before] = [settings[i], settings[i - 1]];
    if (setting === undefined || !fills(setting, before)) break;
    settings.pop();
  }
  return settings;
}
