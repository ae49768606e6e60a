import type { Attrs, AttrValue } from '../graph.ts';
import { type AttrSpec, ShapeError } from './record.ts';

export type AttrSpecs = Readonly<Record<string, AttrSpec>>;

/** The attribute, or its default where it is absent. */
function attrOf(specs: AttrSpecs, attrs: Attrs, name: string): AttrValue {
  const value = attrs[name] ?? specs[name]?.default;
  if (value === undefined) throw new ShapeError(`attribute ${name} is required`);
  return value;
}

function wrong(name: string, expected: string, value: AttrValue): never {
  throw new ShapeError(`attribute ${name} must be ${expected}, not ${JSON.stringify(value)}`);
}

export function intAttr(specs: AttrSpecs, attrs: Attrs, name: string): number {
  const value = attrOf(specs, attrs, name);
  return typeof value === 'number' && Number.isInteger(value) ? value : wrong(name, 'an integer', value);
}

export function floatAttr(specs: AttrSpecs, attrs: Attrs, name: string): number {
  const value = attrOf(specs, attrs, name);
  return typeof value === 'number' ? value : wrong(name, 'a number', value);
}

export function boolAttr(specs: AttrSpecs, attrs: Attrs, name: string): boolean {
  const value = attrOf(specs, attrs, name);
  return typeof value === 'boolean' ? value : wrong(name, 'true or false', value);
}

function stringAttr(specs: AttrSpecs, attrs: Attrs, name: string): string {
  const value = attrOf(specs, attrs, name);
  return typeof value === 'string' ? value : wrong(name, 'a string', value);
}

/** The attribute as one of `choices`. */
export function choiceAttr<T extends string>(specs: AttrSpecs, attrs: Attrs, name: string, choices: readonly T[]): T {
  const value = stringAttr(specs, attrs, name);
  return choices.find((choice) => choice === value) ?? wrong(name, `one of ${choices.join(', ')}`, value);
}

export function intsAttr(specs: AttrSpecs, attrs: Attrs, name: string): readonly number[] {
  const value = attrOf(specs, attrs, name);
  return typeof value === 'object' ? value : wrong(name, 'a list of integers', value);
}

/** The attribute as exactly two integers (rows, columns). */
export function pairAttr(specs: AttrSpecs, attrs: Attrs, name: string): readonly [number, number] {
  const value = intsAttr(specs, attrs, name);
  const [a, b] = value;
  return value.length === 2 && a !== undefined && b !== undefined ? [a, b] : wrong(name, 'a list of 2 integers', value);
}

/** The attribute as exactly three integers (channels, rows, columns). */
export function tripleAttr(specs: AttrSpecs, attrs: Attrs, name: string): readonly [number, number, number] {
  const value = intsAttr(specs, attrs, name);
  const [a, b, c] = value;
  return value.length === 3 && a !== undefined && b !== undefined && c !== undefined
    ? [a, b, c]
    : wrong(name, 'a list of 3 integers', value);
}

export interface Pads {
  readonly top: number;
  readonly left: number;
  readonly bottom: number;
  readonly right: number;
}

export function padsAttr(specs: AttrSpecs, attrs: Attrs, name: string): Pads {
  const value = intsAttr(specs, attrs, name);
  const [top, left, bottom, right] = value;
  if (value.length !== 4 || top === undefined || left === undefined || bottom === undefined || right === undefined) {
    return wrong(name, 'a list of 4 integers (top, left, bottom, right)', value);
  }
  return { top, left, bottom, right };
}

const isInt = (v: AttrValue): boolean => typeof v === 'number' && Number.isInteger(v);
const isNumber = (v: AttrValue): boolean => typeof v === 'number' && Number.isFinite(v);

const MATCHES: Record<AttrSpec['type'], (value: AttrValue) => boolean> = {
  int: isInt,
  float: isNumber,
  bool: (v) => typeof v === 'boolean',
  string: (v) => typeof v === 'string',
  ints: (v) => Array.isArray(v) && v.every(isInt),
  floats: (v) => Array.isArray(v) && v.every(isNumber),
};

/** What is wrong with the attributes of a layer: unknown, missing or wrongly typed ones. */
export function attrProblems(specs: AttrSpecs, attrs: Attrs): string[] {
  const problems: string[] = [];
  for (const [name, value] of Object.entries(attrs)) {
    const spec = specs[name];
    if (spec === undefined) problems.push(`${name} is unknown; known are ${Object.keys(specs).join(', ') || 'none'}`);
    else if (!MATCHES[spec.type](value)) problems.push(`${name} must be of type ${spec.type}, not ${JSON.stringify(value)}`);
  }
  for (const [name, spec] of Object.entries(specs)) {
    if (attrs[name] === undefined && spec.default === undefined) problems.push(`${name} is required`);
  }
  return problems;
}
