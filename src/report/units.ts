/** A number with three significant decimals and thousands apart: `1 234.567`. */
function decimal(value: number, digits: number): string {
  const [whole = '0', fraction] = value.toFixed(digits).split('.');
  const grouped = whole.replace(/\B(?=(\d{3})+$)/g, ' ');
  return fraction === undefined ? grouped : `${grouped}.${fraction}`;
}

/** A count with thousands apart. */
export function countText(count: number): string {
  return decimal(count, 0);
}

type Scale = readonly (readonly [factor: number, unit: string])[];

/** Decimal units: 1 GB = 10^9 bytes. */
const BYTES: Scale = [
  [1e9, 'GB'],
  [1e6, 'MB'],
  [1e3, 'kB'],
  [1, 'B'],
];
const SECONDS: Scale = [
  [1, 's'],
  [1e-3, 'ms'],
  [1e-6, 'µs'],
  [1e-9, 'ns'],
];
const JOULES: Scale = [
  [1, 'J'],
  [1e-3, 'mJ'],
  [1e-6, 'µJ'],
  [1e-9, 'nJ'],
];

/** The largest unit that `value` reaches. */
function unitFor(value: number, scale: Scale): readonly [factor: number, unit: string] {
  return scale.find(([factor]) => value >= factor) ?? scale.at(-1) ?? [1, ''];
}

function scaled(value: number, scale: Scale): string {
  const [factor, unit] = unitFor(value, scale);
  return `${decimal(value / factor, factor === 1 && Number.isInteger(value) ? 0 : 3)} ${unit}`;
}

export function bytesText(bytes: number): string {
  return scaled(bytes, BYTES);
}

export function secondsText(seconds: number): string {
  return scaled(seconds, SECONDS);
}

export function joulesText(joules: number): string {
  return scaled(joules, JOULES);
}

/** A column of a table whose cells share one unit, which stands in its head. */
export interface UnitColumn {
  readonly head: string;
  readonly cells: readonly string[];
}

function column(name: string, values: readonly number[], scale: Scale): UnitColumn {
  const [factor, unit] = unitFor(Math.max(0, ...values), scale);
  return { head: `${name} (${unit})`, cells: values.map((value) => decimal(value / factor, 3)) };
}

export function bytesColumn(name: string, bytes: readonly number[]): UnitColumn {
  return column(name, bytes, BYTES);
}

export function secondsColumn(name: string, seconds: readonly number[]): UnitColumn {
  return column(name, seconds, SECONDS);
}

export function joulesColumn(name: string, joules: readonly number[]): UnitColumn {
  return column(name, joules, JOULES);
}

/** The part of a whole, `25.0 %`; a dash where the whole is 0. */
export function shareText(part: number, whole: number): string {
  return whole === 0 ? '–' : `${((100 * part) / whole).toFixed(1)} %`;
}

/** The change from a reference, `-74.9 %`; a dash where the reference is 0. */
export function changeText(value: number, reference: number): string {
  if (reference === 0) return '–';
  const change = (100 * (value - reference)) / reference;
  return `${change > 0 ? '+' : ''}${change.toFixed(1)} %`;
}

/** A part of a whole as points of a hundred, `+3.7`. */
export function pointsText(part: number): string {
  return `${part > 0 ? '+' : ''}${(100 * part).toFixed(1)}`;
}

/** How many times as much, `1.67×`. */
export function ratioText(ratio: number): string {
  return `${ratio.toFixed(2)}×`;
}
